//! Both roles over real pseudo-terminals, with the secure channel on, against the library's other side and each other.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, ErrorKind, PipeWriter, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ::tests::pty::pty;
use libosdp::{
    Channel, ChannelError, ControlPanelBuilder, OsdpCommand, OsdpCommandKeyset, OsdpEvent, OsdpFlag,
    OsdpStatusReport, OsdpStatusReportType, PdCapEntity, PdCapability, PdInfoBuilder, PeripheralDevice,
};
use tempfile::TempDir;

use super::Osdp;
use super::line::{Line, code};
use super::message::{Command, Report, Role};
use super::serve::{Inbox, serve};
use crate::gate::passage::Input;
use crate::gate::settings::PanelSettings;
use crate::gate::worker::{Opening, Reports};
use crate::gate::{GateEvent, Signal};

/// Longer than anything takes. Only a test that fails waits for so long.
const LONG: Duration = Duration::from_secs(30);

const KEY: &str = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf";
/// The code of osdp_KEYSET (SIA OSDP 2.2).
const KEYSET: u8 = 0x75;

const OTHER_KEY: &str = "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf";

/// The child's work, on a thread.
struct Served {
    commands: Option<PipeWriter>,
    reports: Receiver<Report>,
    end: JoinHandle<anyhow::Result<()>>,
    _folder: TempDir,
}

impl Served {
    fn panel(port: &PathBuf, key: &str, more: &str) -> Self {
        Self::start(port, key, more, |text| Role::Panel(toml::from_str(text).unwrap()))
    }

    fn reader(port: &PathBuf, key: &str) -> Self {
        let card = "[card]\nformat = \"wiegand-26\"\nfacility = 1\nnumber = 1\n";
        Self::start(port, key, card, |text| Role::Reader(toml::from_str(text).unwrap()))
    }

    fn start(port: &PathBuf, key: &str, more: &str, role: impl FnOnce(&str) -> Role) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key_file = folder.path().join("osdp.key");
        fs::write(&key_file, key).unwrap();
        fs::set_permissions(&key_file, Permissions::from_mode(0o600)).unwrap();
        let line = format!("[line]\nport = {port:?}\nbaud = 115200\naddress = 5\nkey_file = {key_file:?}\n");
        let role = role(&format!("{more}\n{line}"));
        let (input, mut commands) = std::io::pipe().unwrap();
        let (output, mut reported) = std::io::pipe().unwrap();
        let end = thread::spawn(move || serve(Inbox::new(input), &mut reported));
        let (tell, reports) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let report = serde_json::from_str(&line.unwrap()).unwrap();
                if report != Report::Alive && tell.send(report).is_err() {
                    return;
                }
            }
        });
        writeln!(commands, "{}", serde_json::to_string(&role).unwrap()).unwrap();
        Self { commands: Some(commands), reports, end, _folder: folder }
    }

    fn say(&mut self, command: Command) {
        let line = serde_json::to_string(&command).unwrap();
        writeln!(self.commands.as_mut().unwrap(), "{line}").unwrap();
    }

    fn next(&self) -> Report {
        self.reports.recv_timeout(LONG).expect("a report")
    }

    /// Waits for the end that nobody asked for.
    fn failure(self) -> String {
        format!("{:#}", self.end.join().unwrap().unwrap_err())
    }

    /// Ends it as the end of the kiosk does.
    fn leave(mut self) {
        self.commands = None;
        self.end.join().unwrap().unwrap();
    }
}

/// A device with a relay, two inputs, a light and a beeper.
struct Device {
    took: Receiver<OsdpCommand>,
    events: Sender<OsdpEvent>,
    output: Arc<AtomicBool>,
    /// What it answers of its inputs, and of its case.
    states: Arc<Mutex<([u8; 2], u8)>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Device {
    fn start(port: &File, key: &str) -> Self {
        let outputs = PdCapability::OutputControl(PdCapEntity::new(4, 1));
        Self::with(port, key, outputs, true)
    }

    fn with(port: &File, key: &str, outputs: PdCapability, obedient: bool) -> Self {
        let info = PdInfoBuilder::new()
            .address(5)
            .unwrap()
            .baud_rate(115_200)
            .unwrap()
            .capability(outputs)
            .capability(PdCapability::ContactStatusMonitoring(PdCapEntity::new(1, 2)))
            .capability(PdCapability::LedControl(PdCapEntity::new(1, 1)))
            .capability(PdCapability::AudibleOutput(PdCapEntity::new(1, 1)))
            .capability(PdCapability::CommunicationSecurity(PdCapEntity::new(1, 1)))
            .flag(OsdpFlag::EnforceSecure)
            .secure_channel_key(key_bytes(key));
        let mut device =
            PeripheralDevice::new(info, Box::new(Line::over(port.try_clone().unwrap()))).unwrap();
        let (tell, took) = channel();
        let (events, to_send) = channel();
        let output = Arc::new(AtomicBool::new(false));
        let states = Arc::new(Mutex::new(([0; 2], 0)));
        let (state, others) = (output.clone(), states.clone());
        let tell = Mutex::new(tell);
        device.set_command_callback(move |command| {
            match command {
                OsdpCommand::Output(asked) => {
                    state.store(asked.control_code == 5 && obedient, Ordering::SeqCst)
                }
                OsdpCommand::Status(status) => {
                    let (inputs, tampered) = *others.lock().unwrap();
                    let told = match status.type_ {
                        OsdpStatusReportType::Input => inputs.to_vec(),
                        OsdpStatusReportType::Local => vec![tampered, 0],
                        _ => vec![u8::from(state.load(Ordering::SeqCst))],
                    };
                    status.nr_entries = told.len();
                    status.report[..told.len()].copy_from_slice(&told);
                    return 0;
                }
                _ => {}
            }
            let _ = tell.lock().unwrap().send(command.clone());
            0
        });
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                while let Ok(event) = to_send.try_recv() {
                    device.notify_event(event).unwrap();
                }
                device.refresh();
                thread::sleep(Duration::from_millis(2));
            }
        });
        Self { took, events, output, states, stop, thread: Some(thread) }
    }

    /// Changes inputs, and volunteers it.
    fn inputs(&self, states: [u8; 2]) {
        self.states.lock().unwrap().0 = states;
        self.volunteer(OsdpStatusReportType::Input, states);
    }

    /// Opens or closes the case, and volunteers it.
    fn tamper(&self, tampered: u8) {
        self.states.lock().unwrap().1 = tampered;
        self.volunteer(OsdpStatusReportType::Local, [tampered, 0]);
    }

    fn volunteer(&self, type_: OsdpStatusReportType, states: [u8; 2]) {
        let mut report = [0; 64];
        report[..2].copy_from_slice(&states);
        self.events.send(OsdpEvent::Status(OsdpStatusReport { type_, nr_entries: 2, report })).unwrap();
    }

    /// Waits for a command to its output, and returns the control code and the tenths of a second.
    fn output_command(&self) -> (u8, u16) {
        loop {
            if let OsdpCommand::Output(output) = self.took.recv_timeout(LONG).expect("a command") {
                return (output.control_code, output.timer_count);
            }
        }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap();
    }
}

fn key_bytes(key: &str) -> [u8; 16] {
    hex::decode(key).unwrap().try_into().unwrap()
}

const INPUTS: &str = "contact = { input = 0 }\nexit = { input = 1 }\n[times]\npulse_ms = 1450\n";

#[test]
fn a_panel_opens_watches_and_signals() {
    let (wire, port) = pty();
    let device = Device::start(&wire, KEY);
    let mut panel = Served::panel(&port, KEY, INPUTS);
    // The contact is known before anything else is.
    assert_eq!([panel.next(), panel.next()], [Report::Contact(false), Report::Up]);
    assert_eq!(device.output_command(), (1, 0), "the output is off from the start");

    panel.say(Command::Open);
    assert_eq!(panel.next(), Report::Opened);
    assert_eq!(device.output_command(), (5, 15), "on for the pulse, rounded up to tenths of a second");
    assert!(device.output.load(Ordering::SeqCst));

    device.inputs([1, 0]);
    assert_eq!(panel.next(), Report::Contact(true));
    panel.say(Command::Shut);
    assert_eq!(device.output_command(), (1, 0));
    device.inputs([0, 1]);
    assert_eq!([panel.next(), panel.next()], [Report::Contact(false), Report::Exit]);
    // A wire that was cut, which a supervised input tells apart, is no gate that is shut.
    device.inputs([3, 1]);
    assert_eq!(panel.next(), Report::Contact(true));
    device.tamper(1);
    assert_eq!(panel.next(), Report::Tamper(true));
    device.tamper(0);
    assert_eq!(panel.next(), Report::Tamper(false));

    panel.say(Command::Signal(Signal::Error));
    let (mut light, mut beeper) = (None, None);
    while light.is_none() || beeper.is_none() {
        match device.took.recv_timeout(LONG).unwrap() {
            OsdpCommand::Led(led) => light = Some((led.permanent.on_count, led.permanent.off_count)),
            OsdpCommand::Buzzer(buzzer) => {
                beeper = Some((buzzer.on_count, buzzer.off_count, buzzer.rep_count))
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((light, beeper), (Some((1, 2)), Some((1, 1, 3))));
    panel.leave();
}

#[test]
fn a_device_that_volunteers_nothing_is_asked() {
    let (wire, port) = pty();
    let device = Device::start(&wire, KEY);
    device.states.lock().unwrap().1 = 1;
    let panel = Served::panel(&port, KEY, INPUTS);
    // Before it counts as up: a case that was opened while nobody looked is no case that is closed.
    let before = [panel.next(), panel.next(), panel.next()];
    assert_eq!(before, [Report::Tamper(true), Report::Contact(false), Report::Up]);
    *device.states.lock().unwrap() = ([1, 0], 1);
    assert_eq!(panel.next(), Report::Contact(true));
    *device.states.lock().unwrap() = ([1, 1], 1);
    assert_eq!(panel.next(), Report::Exit);
    *device.states.lock().unwrap() = ([1, 1], 0);
    assert_eq!(panel.next(), Report::Tamper(false));
    panel.leave();
}

/// What a lane hears of a gate whose child is played by the test.
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

#[test]
fn a_panel_whose_kiosk_is_gone_shuts_the_gate() {
    let (wire, port) = pty();
    let device = Device::start(&wire, KEY);
    let mut panel = Served::panel(&port, KEY, "");
    assert_eq!(panel.next(), Report::Up);
    panel.say(Command::Open);
    assert_eq!(panel.next(), Report::Opened);
    panel.leave();
    assert!(!device.output.load(Ordering::SeqCst));
}

#[test]
fn another_key_opens_nothing() {
    let (wire, port) = pty();
    let device = Device::start(&wire, OTHER_KEY);
    let mut panel = Served::panel(&port, KEY, "");
    panel.say(Command::Open);
    assert_eq!(panel.next(), Report::NotOpened("the device does not answer".to_owned()));
    assert!(panel.failure().ends_with("takes no secure channel with our key"));
    assert!(device.took.try_recv().is_err());
}

#[test]
fn a_wire_that_leads_nowhere_is_told_of() {
    let (_wire, port) = pty();
    let failure = Served::panel(&port, KEY, "").failure();
    assert!(failure.starts_with("nothing answers on /dev/pts/"), "{failure}");
    assert!(failure.ends_with("at address 5 with 115200 baud"), "{failure}");
}

#[test]
fn a_device_that_falls_silent_is_lost_and_found_again() {
    let (wire, port) = pty();
    let device = Device::start(&wire, KEY);
    let panel = Served::panel(&port, KEY, "");
    assert_eq!(panel.next(), Report::Up);
    drop(device);
    assert!(panel.failure().ends_with("is silent"));
    let _device = Device::start(&wire, KEY);
    found_again(&port).leave();
}

/// A panel that has found its device. A busy machine may need more than one try, as the kiosk itself makes.
fn found_again(port: &PathBuf) -> Served {
    for _ in 0..10 {
        let panel = Served::panel(port, KEY, "");
        if panel.reports.recv_timeout(LONG) == Ok(Report::Up) {
            return panel;
        }
    }
    panic!("the device was not found again");
}

#[test]
fn an_opening_that_was_not_carried_out_is_not_made_up_for() {
    let (wire, port) = pty();
    let device = Device::start(&wire, KEY);
    let mut panel = Served::panel(&port, KEY, "");
    assert_eq!(panel.next(), Report::Up);
    assert_eq!(device.output_command(), (1, 0));
    drop(device);
    panel.say(Command::Open);
    let failure = panel.failure();
    assert!(
        failure.ends_with("is silent") || failure.ends_with("did not confirm that its output is on"),
        "{failure}"
    );
    let device = Device::start(&wire, KEY);
    found_again(&port).leave();
    while let Ok(command) = device.took.try_recv() {
        assert!(!matches!(command, OsdpCommand::Output(output) if output.control_code == 5), "opened late");
    }
}

#[test]
fn a_port_that_is_pulled_out_is_told_of() {
    let (wire, port) = pty();
    let device = Device::start(&wire, KEY);
    let panel = Served::panel(&port, KEY, "");
    assert_eq!(panel.next(), Report::Up);
    drop(device);
    drop(wire);
    let failure = panel.failure();
    assert!(failure.ends_with("failed") || failure.ends_with("is silent"), "{failure}");
}

#[test]
fn a_device_without_what_the_settings_name_is_refused() {
    let (wire, port) = pty();
    // It has an output, and cannot switch it off by itself.
    let outputs = PdCapability::OutputControl(PdCapEntity::new(1, 1));
    let device = Device::with(&wire, KEY, outputs, true);
    let failure = Served::panel(&port, KEY, "").failure();
    assert_eq!(failure, "the OSDP device has no output 0 that switches off by itself");
    drop(device);
    let _device = Device::start(&wire, KEY);
    let failure = Served::panel(&port, KEY, "output = 1").failure();
    assert_eq!(failure, "the OSDP device has no output 1 that switches off by itself");
    let failure = Served::panel(&port, KEY, "contact = { input = 2 }").failure();
    assert_eq!(failure, "the OSDP device has no input 2");
}

#[test]
fn a_device_that_says_yes_and_does_nothing_has_not_opened() {
    let (wire, port) = pty();
    let device = Device::with(&wire, KEY, PdCapability::OutputControl(PdCapEntity::new(4, 1)), false);
    let mut panel = Served::panel(&port, KEY, "");
    assert_eq!(panel.next(), Report::Up);
    panel.say(Command::Open);
    assert_eq!(panel.failure(), "the OSDP device did not confirm that its output is on");
    drop(device);
}

/// A line that remembers the codes of the frames that went out.
struct Spied(Line, Arc<Mutex<Vec<u8>>>);

impl Channel for Spied {
    fn get_id(&self) -> i32 {
        self.0.get_id()
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ChannelError> {
        self.0.read(buffer)
    }

    fn write(&mut self, frame: &[u8]) -> Result<usize, ChannelError> {
        self.1.lock().unwrap().extend(code(frame));
        self.0.write(frame)
    }

    fn flush(&mut self) -> Result<(), ChannelError> {
        self.0.flush()
    }

    fn close(&mut self) -> Result<(), ChannelError> {
        self.0.close()
    }
}

/// Somebody else's panel, on a thread.
struct ForeignPanel {
    /// The codes of what it said so far.
    said: Arc<Mutex<Vec<u8>>>,
    cards: Receiver<(usize, Vec<u8>)>,
    commands: Sender<OsdpCommand>,
    secure: Arc<AtomicU8>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ForeignPanel {
    fn start(port: &File, key: &str) -> Self {
        let reader = PdInfoBuilder::new()
            .address(5)
            .unwrap()
            .baud_rate(115_200)
            .unwrap()
            .flag(OsdpFlag::EnforceSecure)
            .secure_channel_key(key_bytes(key));
        let said = Arc::new(Mutex::new(Vec::new()));
        let line = Box::new(Spied(Line::over(port.try_clone().unwrap()), said.clone()));
        let mut control = ControlPanelBuilder::new().add_channel(line, vec![reader]).build().unwrap();
        let (tell, cards) = channel();
        control.set_event_callback(move |_, event| {
            if let OsdpEvent::CardRead(card) = event {
                let _ = tell.send((card.nr_bits, card.data));
            }
            0
        });
        let (commands, to_send) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let secure = Arc::new(AtomicU8::new(0));
        let (stopped, seen) = (stop.clone(), secure.clone());
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                control.refresh();
                seen.store(u8::from(control.is_online(0) && control.is_sc_active(0)), Ordering::SeqCst);
                while let Ok(command) = to_send.try_recv() {
                    control.send_command(0, command).unwrap();
                }
                thread::sleep(Duration::from_millis(2));
            }
        });
        Self { said, cards, commands, secure, stop, thread: Some(thread) }
    }

    fn wait_until_secure(&self) {
        let began = Instant::now();
        while self.secure.load(Ordering::SeqCst) == 0 {
            assert!(began.elapsed() < LONG, "no secure channel");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for ForeignPanel {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn a_reader_gives_its_card_to_a_panel() {
    let (wire, port) = pty();
    let mut reader = Served::reader(&port, KEY);
    let panel = ForeignPanel::start(&wire, KEY);
    panel.wait_until_secure();
    // It may have said before that nobody asks.
    while reader.next() != Report::Up {}
    for _ in 0..3 {
        reader.say(Command::Open);
        assert_eq!(reader.next(), Report::Opened);
        let card = panel.cards.recv_timeout(LONG).unwrap();
        assert_eq!(card, (26, vec![0b1000_0000, 0b1000_0000, 0b0000_0000, 0b1000_0000]));
    }
    assert!(panel.cards.try_recv().is_err(), "one card an opening");
    reader.leave();
}

#[test]
fn a_card_that_was_not_fetched_in_time_is_never_fetched() {
    let (wire, port) = pty();
    let mut reader = Served::reader(&port, KEY);
    let panel = ForeignPanel::start(&wire, KEY);
    while reader.next() != Report::Up {}
    drop(panel);
    reader.say(Command::Open);
    assert_eq!(reader.next(), Report::NotOpened("the panel did not fetch the card".to_owned()));
    let panel = ForeignPanel::start(&wire, KEY);
    panel.wait_until_secure();
    // Once the next card has come, an earlier one would have.
    loop {
        reader.say(Command::Open);
        match reader.next() {
            Report::Opened => break,
            Report::Up | Report::Down(_) | Report::NotOpened(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(panel.cards.recv_timeout(LONG).is_ok());
    assert!(panel.cards.try_recv().is_err(), "opened late");
    reader.leave();
}

#[test]
fn a_panel_with_another_key_gets_no_card() {
    let (wire, port) = pty();
    let mut reader = Served::reader(&port, KEY);
    let panel = ForeignPanel::start(&wire, OTHER_KEY);
    let Report::Down(why) = reader.next() else { panic!() };
    assert!(why.ends_with("has no secure channel with address 5 and our key"), "{why}");
    reader.say(Command::Open);
    assert_eq!(reader.next(), Report::NotOpened("the panel does not ask".to_owned()));
    assert!(panel.cards.try_recv().is_err());
    reader.leave();
}

#[test]
fn a_panel_cannot_change_the_readers_key() {
    let (wire, port) = pty();
    let mut reader = Served::reader(&port, KEY);
    let panel = ForeignPanel::start(&wire, KEY);
    panel.wait_until_secure();
    while reader.next() != Report::Up {}
    let keyset = OsdpCommandKeyset::new_scbk(key_bytes(OTHER_KEY));
    panel.commands.send(OsdpCommand::KeySet(keyset)).unwrap();
    let began = Instant::now();
    // It went out and was answered: by a yes, after which the panel goes on, or by a no, after which it gives up.
    let later = || panel.said.lock().unwrap().iter().rev().position(|code| *code == KEYSET);
    while later().is_none_or(|later| later < 3 && panel.secure.load(Ordering::SeqCst) == 1) {
        assert!(began.elapsed() < LONG, "the key was not sent");
        thread::sleep(Duration::from_millis(5));
    }
    drop(panel);
    let panel = ForeignPanel::start(&wire, KEY);
    panel.wait_until_secure();
    loop {
        reader.say(Command::Open);
        if reader.next() == Report::Opened {
            break;
        }
    }
    reader.leave();
}

#[test]
fn the_two_roles_find_each_other() {
    let ((one, panel_port), (other, reader_port)) = (pty(), pty());
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let wire = thread::spawn(move || {
        while !stopped.load(Ordering::SeqCst) {
            carry(&one, &other);
            carry(&other, &one);
            thread::sleep(Duration::from_millis(1));
        }
    });
    let reader = Served::reader(&reader_port, KEY);
    let panel = Served::panel(&panel_port, KEY, "");
    // The panel gets as far as to see, in the secure channel, that this reader has no relay.
    assert_eq!(panel.failure(), "the OSDP device has no output 0 that switches off by itself");
    while reader.next() != Report::Up {}
    reader.leave();
    stop.store(true, Ordering::SeqCst);
    wire.join().unwrap();
}

/// Carries what is there from one end to another.
fn carry(mut from: &File, mut to: &File) {
    let mut bytes = [0; 256];
    match from.read(&mut bytes) {
        Ok(count) => to.write_all(&bytes[..count]).unwrap(),
        // Nothing is there, or nobody has opened the other end.
        Err(error) => assert!(error.kind() == ErrorKind::WouldBlock || error.raw_os_error() == Some(5)),
    }
}

#[test]
fn noise_is_survived() {
    let (wire, port) = pty();
    let panel = Served::panel(&port, KEY, "");
    let mut noise = 1u32;
    while !panel.end.is_finished() {
        let bytes: Vec<u8> = (0..64)
            .map(|at| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // Every now and then what begins a frame of this reader.
                *[0xFF, 0x53, 0x85].get(at % 16).unwrap_or(&(noise >> 24).to_le_bytes()[0])
            })
            .collect();
        // A full buffer is no trouble of ours.
        let _ = (&wire).write(&bytes);
        thread::sleep(Duration::from_millis(3));
    }
    assert!(panel.failure().ends_with("takes no secure channel with our key"));
}
