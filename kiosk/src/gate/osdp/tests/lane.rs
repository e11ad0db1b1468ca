//! What a lane hears of a gate whose child is played by the test.

use super::*;

fn gate<'a>(reports: &'a Reports, settings: &str) -> Osdp<'a> {
    let line = "[line]\nport = \"/no/port\"\nkey_file = \"/no/key\"\n";
    let role = match settings.contains("card") {
        true => (Role::Reader(toml::from_str(&format!("{settings}{line}")).unwrap()), None),
        false => {
            let settings: PanelSettings = toml::from_str(&format!("{settings}{line}")).unwrap();
            let times = (settings.times.into(), settings.contact.is_some());
            (Role::Panel(settings), Some(times))
        }
    };
    Osdp::new(role.0, role.1, reports)
}

fn fault(why: &str) -> GateEvent {
    GateEvent::Fault(why.to_owned())
}

#[test]
fn a_card_that_was_not_fetched_is_a_fault_that_ends() {
    let reports = Reports::default();
    let mut gate = gate(&reports, "[card]\nformat = \"wiegand-26\"\nfacility = 1\nnumber = 1\n");
    let opened = |gate: &mut Osdp<'_>, report| {
        let (opening, answered) = Opening::new(LONG);
        gate.open(opening);
        gate.take(report);
        answered.recv().unwrap().is_ok()
    };
    // Nobody said yet that there is a panel.
    assert!(!opened(&mut gate, Report::Alive));
    assert_eq!(reports.take(), [fault("nobody answers at the other end of the gate's line")]);
    gate.take(Report::Up);
    assert_eq!(reports.take(), [GateEvent::Mended]);
    assert!(opened(&mut gate, Report::Opened));
    assert!(!opened(&mut gate, Report::NotOpened("too late".to_owned())));
    assert_eq!(reports.take(), [fault("too late")]);
    assert!(!opened(&mut gate, Report::Alive), "it is not opened before it is mended");
    assert_eq!(reports.take(), []);
    gate.take(Report::Up);
    assert_eq!(reports.take(), [GateEvent::Mended]);
}

const TAMPERED: &str = "the OSDP device was opened by somebody";

#[test]
fn a_case_that_is_open_is_a_fault_until_it_is_closed_whatever_becomes_of_the_door_and_the_line() {
    let reports = Reports::default();
    let mut gate = gate(&reports, INPUTS);
    let mut told = |said: Vec<Report>| {
        said.into_iter().for_each(|report| gate.take(report));
        reports.take()
    };
    assert_eq!(told(vec![Report::Contact(false), Report::Up]), []);
    assert_eq!(told(vec![Report::Tamper(true)]), [fault(TAMPERED)]);
    let forced = vec![Report::Contact(true), Report::Contact(false)];
    assert_eq!(told(forced.clone()), [GateEvent::Forced, GateEvent::Shut]);
    assert_eq!(told(vec![Report::Tamper(false)]), [GateEvent::Mended]);
    assert_eq!(told(forced), [GateEvent::Forced, GateEvent::Shut], "force that is over is no fault");
    assert_eq!(told(vec![Report::Tamper(true)]), [fault(TAMPERED)]);
    gate.lose("the wire was pulled");
    let mut told = |said: Vec<Report>| {
        said.into_iter().for_each(|report| gate.take(report));
        reports.take()
    };
    assert_eq!(told(vec![Report::Tamper(true), Report::Contact(false), Report::Up]), []);
    assert_eq!(told(vec![Report::Tamper(false)]), [GateEvent::Mended]);
    gate.lose("the wire was pulled");
    for report in [Report::Contact(false), Report::Up] {
        gate.take(report);
    }
    assert_eq!(reports.take(), [fault("the wire was pulled"), GateEvent::Mended]);
}

#[test]
fn a_gate_that_is_held_is_told_of_again_after_a_fault() {
    let reports = Reports::default();
    let mut gate = gate(&reports, "contact = { input = 0 }\n[times]\nheld_ms = 1000\n");
    [Report::Contact(true), Report::Up].into_iter().for_each(|report| gate.take(report));
    let held = |gate: &mut Osdp<'_>| {
        let began = Instant::now();
        loop {
            gate.step(Input::Tick);
            let told = reports.take();
            if !told.is_empty() {
                return told;
            }
            assert!(began.elapsed() < LONG);
            thread::sleep(Duration::from_millis(10));
        }
    };
    assert_eq!(held(&mut gate), [GateEvent::Held]);
    [Report::Tamper(true), Report::Tamper(false)].into_iter().for_each(|report| gate.take(report));
    assert_eq!(reports.take(), [fault(TAMPERED), GateEvent::Mended]);
    assert_eq!(held(&mut gate), [GateEvent::Held]);
}
