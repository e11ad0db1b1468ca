//! A whole lane in the camera machine: somebody shows it codes and faces as video, and walks through when its relay opens.

use std::fs;

use crate::camera_machine::{CameraMachine, Ran};
use crate::journey::{Journey, copy, photo, residents};
use serde_json::Value;

/// When the lane believes to be started.
const START: &str = "2026-11-20T10:00:00Z";

/// Around the lane: what it is shown, what its relay does, and how it is told that somebody passed.
const AROUND: &str = r#"
driver v4l2loopback video_nr=9 card_label=Shown exclusive_caps=1
gpio
cp -r "$SHARE/state" /run/state
chmod 700 /run/state
"$SHARE/camera-machine" watch $GPIO/sim_gpio0/value >/run/relay &
show() {
    : >/run/shown
    "$SHARE/camera-machine" show "$SHARE/$1" "${@:2}" >/run/shown & shown=$!
    until grep -q showing /run/shown; do sleep 0.1; done
}
hide() { kill $shown; wait $shown; } 2>/dev/null
# Whoever is let in walks through: the contact opens and closes.
echo pull-down >$GPIO/sim_gpio1/pull
walk() {
    while sleep 0.05; do
        [ "$(cat $GPIO/sim_gpio0/value)" = 1 ] || continue
        sleep 0.2; echo pull-up >$GPIO/sim_gpio1/pull
        sleep 0.3; echo pull-down >$GPIO/sim_gpio1/pull
        sleep 0.6
    done
}
cat >/run/kiosk.toml <<END
purpose = "border"
state = "/run/state"
[camera]
code = "/dev/video9"
[gate]
kind = "gpio"
chip = "gpiochip0"
relay = { line = 0 }
# Here nothing outside is stronger than the chip's own resistor.
contact = { line = 1, bias = "as-is" }
[operator]
metrics = "127.0.0.1:9470"
END
lane() {
    "$SHARE/kiosk" run --config /run/kiosk.toml --at 2026-11-20T10:00:00Z >/run/visits 2>/run/said & lane=$!
    until grep -q "metrics: http" /run/said; do sleep 0.1; kill -0 $lane || break; done
}
over() {
    echo "METRICS $("$SHARE/kiosk" metrics --json)"
    kill -TERM $lane; wait $lane; echo "ENDED $?"
    sed 's/^/VISIT /' /run/visits
    sed 's/^/RELAY /' /run/relay
    sed 's/^/SAID /' /run/said
}
"#;

/// When the code of a visit is made, in seconds: a visit takes nine, and the lane starts some seconds after the showing.
pub fn shown_at(visit: u32) -> u32 {
    (9 * visit).saturating_sub(15).max(visit)
}

/// A machine with a provisioned kiosk, and in `shown` the picture of a code that is good for half a minute after `seconds`,
/// the face of its holder, and nobody.
pub fn machine(seconds: &[u32]) -> Option<CameraMachine> {
    let machine = CameraMachine::new()?;
    let journey = Journey::new();
    journey.resident(1, "border", &[]);
    journey.publish("2026-11-20T09:59:00Z");
    journey
        .kiosk(&["trust", "import", "REPO", "--root", "A/root.json", "--state", "state", "--at", START])
        .expect(0);
    copy(&journey.path("state"), &machine.path("state"));
    let shown = machine.path("shown");
    fs::create_dir(&shown).unwrap();
    for (number, second) in seconds.iter().enumerate() {
        let at = format!("2026-11-20T10:{:02}:{:02}Z", second / 60, second % 60);
        let code = journey.code("resident-01", "border", &at, &[]);
        fs::copy(code, shown.join(format!("{number:02}-1-code.png"))).unwrap();
        fs::copy(photo(1, "camera-a"), shown.join(format!("{number:02}-2-face.jpg"))).unwrap();
        let nobody = residents().join("scene-empty-1.jpg");
        fs::copy(nobody, shown.join(format!("{number:02}-3-nobody.jpg"))).unwrap();
    }
    let empty = machine.path("empty");
    fs::create_dir(&empty).unwrap();
    fs::copy(residents().join("scene-empty-1.jpg"), empty.join("nobody.jpg")).unwrap();
    Some(machine)
}

/// Boots the machine with everything around the lane, and runs a job that has the commands of [`AROUND`].
pub fn run(machine: &CameraMachine, job: &str) -> Ran {
    let ran = machine.run(&format!("{AROUND}{job}"));
    println!("{ran}");
    ran
}

/// Reason codes of the visits, in order.
pub fn reasons(ran: &Ran) -> Vec<String> {
    let visits = ran.lines.iter().filter_map(|line| line.strip_prefix("VISIT "));
    visits
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["reason"].as_str().unwrap().to_owned())
        .collect()
}

/// How often the relay was switched on.
pub fn pulses(ran: &Ran) -> usize {
    let relay = ran.lines.iter().filter_map(|line| line.strip_prefix("RELAY "));
    relay.filter(|line| serde_json::from_str::<Value>(line).unwrap()["says"] == "1").count()
}
