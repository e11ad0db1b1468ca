//! A lane and its service manager: ready, alive, asked to end.

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tests::journey::{Journey, START};

const AT: &str = "2026-11-20T10:00:00Z";

/// How long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// A service manager's socket.
struct Manager(UnixDatagram);

impl Manager {
    fn of(journey: &Journey) -> Self {
        let socket = UnixDatagram::bind(journey.path("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    fn hears(&self) -> String {
        let mut buffer = [0; 512];
        let length = self.0.recv(&mut buffer).expect("the lane says nothing");
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// What is heard up to and with a message.
    fn hears_until(&self, wanted: &str) -> Vec<String> {
        let mut heard = vec![];
        while heard.last().is_none_or(|last| last != wanted) {
            heard.push(self.hears());
        }
        heard
    }
}

fn start(journey: &Journey, more: &[&str]) -> Child {
    let mut command = journey.command("kiosk");
    command
        .args(["run", "--state", "state", "--purpose", "border", "--camera", "replay:camera", "--at", AT])
        .args(more)
        .env("NOTIFY_SOCKET", journey.path("notify"))
        // Every frame is a sign of life.
        .env("WATCHDOG_USEC", "3")
        .env_remove("WATCHDOG_PID")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().unwrap()
}

/// A camera that shows an empty room for longer than any test lasts.
fn empty_room(journey: &Journey) {
    let camera = journey.path("camera");
    let scene = tests::journey::residents().join("scene-empty-1.jpg");
    fs::copy(&scene, camera.join("2.jpg")).unwrap();
    for number in 0..20_000 {
        fs::hard_link(camera.join("2.jpg"), camera.join(format!("3-{number:05}.jpg"))).unwrap();
    }
}

#[test]
fn a_lane_says_that_it_is_ready_and_alive_and_ends_when_asked() {
    let journey = Journey::new();
    journey.publish(START);
    journey.resident(1, "border", &[]);
    journey.lane("state", AT);
    empty_room(&journey);
    let manager = Manager::of(&journey);
    let mut lane = start(&journey, &[]);
    assert_eq!(manager.hears_until("READY=1"), ["STATUS=testing itself", "READY=1"]);
    manager.hears_until("STATUS=at work");
    for _ in 0..20 {
        assert_eq!(manager.hears(), "WATCHDOG=1");
    }
    let asked = Command::new("kill").arg(lane.id().to_string()).status().unwrap();
    assert!(asked.success());
    manager.hears_until("STOPPING=1\nSTATUS=stopping");
    assert_eq!(lane.wait().unwrap().code(), Some(0));
    let journal = journey.plain("kiosk", &["journal", "export", "--state", "state"]);
    let journal = String::from_utf8(journal.stdout).unwrap();
    let last = journal.lines().rfind(|line| line.contains("\"seq\"")).unwrap();
    assert!(last.contains("stopped"), "{last}");
    let intact = journey.kiosk(&["journal", "verify", "--state", "state"]).expect(0);
    assert_eq!(intact.json["rows"], intact.json["signed"], "a checkpoint was signed at the end");
}

/// Where an officer could see it, a machine that is new says so and is alive, and begins by itself.
#[test]
fn a_kiosk_that_was_never_set_up_shows_that_and_begins_when_it_is() {
    let journey = Journey::new();
    journey.publish(START);
    fs::create_dir(journey.path("camera")).unwrap();
    empty_room(&journey);
    fs::write(journey.path("kiosk.toml"), "[operator]\nlisten = \"127.0.0.1:0\"\n").unwrap();
    let manager = Manager::of(&journey);
    let mut lane = start(&journey, &["--config", "kiosk.toml"]);
    let not_ready = ["STATUS=out of service: trust.missing", "READY=1", "WATCHDOG=1", "WATCHDOG=1"];
    assert_eq!(not_ready.map(|_| manager.hears()), not_ready);
    let import = ["trust", "import", "REPO", "--root", "A/root.json", "--state", "state", "--at", AT];
    journey.kiosk(&import).expect(0);
    manager.hears_until("STATUS=testing itself");
    manager.hears_until("STATUS=at work");
    Command::new("kill").arg(lane.id().to_string()).status().unwrap();
    assert_eq!(lane.wait().unwrap().code(), Some(0));
}

#[test]
fn a_lane_that_fails_its_test_is_never_ready() {
    let journey = Journey::new();
    fs::create_dir(journey.path("camera")).unwrap();
    empty_room(&journey);
    let manager = Manager::of(&journey);
    let mut lane = start(&journey, &[]);
    let failed = "STATUS=the self-test failed: state folder";
    let heard = manager.hears_until(failed);
    assert_eq!(heard, ["STATUS=testing itself", failed]);
    assert_eq!(lane.wait().unwrap().code(), Some(2));
    manager.0.set_nonblocking(true).unwrap();
    assert!(manager.0.recv(&mut [0; 64]).is_err(), "nothing more is said");
}
