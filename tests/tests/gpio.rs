//! A gate at the computer's own lines: the kernel's simulated ones, in the camera machine.

use std::fs;

use tests::camera_machine::{CameraMachine, Ran};

/// A relay (0), a contact (1), a button that pulls its line to ground (2), a lamp (3), and a beeper that sounds at ground (4).
const SETTINGS: &str = r#"
[gate]
kind = "gpio"
chip = "gate"
relay = { line = 0 }
contact = { line = 1, bias = "as-is" }
exit = { line = 2, active = "low", bias = "as-is" }
lamp = { line = 3 }
beeper = { line = 4, active = "low" }
[gate.times]
pulse_ms = 3000
grace_ms = 500
held_ms = 2000
exit_ms = 3000
"#;

/// What the jobs are written with. Whatever is waited for is waited for a minute.
const WORDS: &str = r#"
gpio
gate() { verb=$1; shift; exec "$SHARE/kiosk" gate $verb --config "$SHARE/gate.toml" "$@"; }
value() { cat $GPIO/sim_gpio$1/value; }
pull() { echo pull-$2 >$GPIO/sim_gpio$1/pull; }
until_value() { for _ in {1..600}; do [ "$(value $1)" = $2 ] && return; sleep 0.1; done; echo "NEVER $1 $2"; }
told() { for _ in {1..600}; do grep -q "$1" /run/told && return; sleep 0.1; done; echo "NEVER $1"; }
pull 1 down
pull 2 up
"#;

fn run(job: &str) -> Option<Ran> {
    let machine = CameraMachine::new()?;
    fs::write(machine.path("gate.toml"), SETTINGS).unwrap();
    let ran = machine.run(&format!("{WORDS}{job}"));
    println!("{ran}");
    assert!(!ran.to_string().contains("NEVER"));
    Some(ran)
}

fn says(ran: &Ran, line: &str) {
    assert!(ran.lines.iter().any(|said| said == line), "{line:?} is missing: {ran}");
}

#[test]
fn a_gate_that_is_watched_tells_what_happens_at_it_and_shows_every_signal() {
    let Some(ran) = run(r#"
        (gate watch --json >/run/told) & watch=$!
        until_value 3 1
        (for _ in {1..160}; do echo "$(value 0)$(value 3)$(value 4)"; sleep 0.05; done >/run/seen) & seen=$!
        pull 2 down
        told exit
        pull 2 up
        pull 1 up; sleep 0.5; pull 1 down
        sleep 5
        grep -q forced /run/told && echo "LEAVING IS FORCE"
        pull 1 up
        told forced
        told held
        pull 1 down
        told shut
        wait $seen
        echo "SEEN $(sort -u /run/seen | xargs)"
        echo 0 >/sys/kernel/config/gpio-sim/gate/live
        told fault
        echo 1 >/sys/kernel/config/gpio-sim/gate/live
        told mended
        sleep 1
        kill $watch
        wait $watch; echo "ENDED $?"
        sed 's/^/TOLD /; s/,"why.*/}/' /run/told
    "#) else {
        return;
    };
    assert!(!ran.to_string().contains("LEAVING IS FORCE"));
    let told: Vec<_> = ran.lines.iter().filter_map(|line| line.strip_prefix("TOLD ")).collect();
    let events = ["exit", "forced", "held", "shut", "fault", "mended"];
    assert_eq!(told, events.map(|event| format!(r#"{{"event":"{event}"}}"#)));
    // The relay stays off; the lamp is on and off; the beeper is at the supply while it is silent.
    let seen = ran.lines.iter().find_map(|line| line.strip_prefix("SEEN ")).unwrap();
    assert!(seen.split(' ').all(|levels| levels.starts_with('0')), "{seen}");
    for levels in ["001", "011", "010"] {
        assert!(seen.split(' ').any(|seen| seen == levels), "{levels}: {seen}");
    }
    says(&ran, "ENDED 0");
}

#[test]
fn a_pulse_ends_when_somebody_passes_when_it_is_over_when_it_is_stopped_and_when_its_lane_is_killed() {
    let Some(ran) = run(r#"
        (gate pulse) >/run/told & pulse=$!
        until_value 0 1
        pull 1 up
        wait $pulse; echo "USED $? $(cat /run/told) $(value 0)"
        pull 1 down
        (gate pulse) >/run/told & pulse=$!
        until_value 0 1
        wait $pulse; echo "UNUSED $? $(cat /run/told) $(value 0)"
        for signal in INT TERM; do
            (gate pulse) >/run/told 2>&1 & pulse=$!
            until_value 0 1
            kill -$signal $pulse
            wait $pulse; echo "$signal $? $(cat /run/told) $(value 0)"
        done
        (gate pulse) >/run/told & pulse=$!
        until_value 0 1
        kill -KILL $pulse
        wait $pulse; echo "KILL $?"
        (gate off); echo "OFF $? $(value 0)"
        echo 0 >/sys/kernel/config/gpio-sim/gate/live
        (gate pulse) 2>&1 | sed 's/^/GONE /'
    "#) else {
        return;
    };
    says(&ran, "USED 0 passed 0");
    says(&ran, "UNUSED 1 not-passed 0");
    for signal in ["INT", "TERM"] {
        says(&ran, &format!("{signal} 2 error: stopped before it was known how the opening ended 0"));
    }
    says(&ran, "KILL 137");
    says(&ran, "OFF 0 0");
    says(&ran, "GONE error: there is no GPIO chip gate");
}
