//! The kiosk's own keys, sealed by a TPM: of no use to whoever carries the disk away.

use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tests::journey::{Journey, START};

use crate::installed;

const AT: &str = "2026-11-20T10:00:00Z";

/// How long a TPM may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A TPM 2.0 in software: a machine of its own.
struct Tpm {
    process: Child,
    device: String,
    _folder: tempfile::TempDir,
}

impl Tpm {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // The library expects the control channel one port further on.
        let port = std::iter::repeat_with(free)
            .find(|port| TcpListener::bind(("127.0.0.1", port + 1)).is_ok())
            .unwrap();
        let channel = |port: u16| format!("type=tcp,port={port},bindaddr=127.0.0.1");
        let process = Command::new("swtpm")
            .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
            .args(["--tpmstate", &format!("dir={}", folder.path().display())])
            .args(["--server", &channel(port), "--ctrl", &channel(port + 1)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { process, device: format!("--tpm2-device=swtpm:host=127.0.0.1,port={port}"), _folder: folder }
    }

    fn creds(&self, arguments: &[&str], from: &Path, to: &Path) -> bool {
        let mut command = Command::new("systemd-creds");
        command.arg(arguments[0]).args([&self.device, "--name=kiosk-seal"]).args(&arguments[1..]);
        command.args([from, to]).output().unwrap().status.success()
    }

    /// Seals a new key to this machine.
    fn seal(&self, to: &Path) {
        let key = to.with_extension("key");
        fs::write(&key, (0..32).map(|n| n * 7).collect::<Vec<u8>>()).unwrap();
        let began = Instant::now();
        while !self.creds(&["encrypt", "--with-key=tpm2", "--tpm2-pcrs=7"], &key, to) {
            assert!(began.elapsed() < PATIENCE, "the TPM in software does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        fs::remove_file(key).unwrap();
    }

    /// What the service manager does before it starts a lane: hands out the key, if this machine can unseal it.
    fn unseal(&self, sealed: &Path, folder: &Path) -> bool {
        fs::create_dir_all(folder).unwrap();
        self.creds(&["decrypt"], sealed, &folder.join("kiosk-seal"))
    }
}

impl Drop for Tpm {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_disk_that_was_carried_away_opens_nothing() {
    if !["swtpm", "systemd-creds"].into_iter().all(installed) {
        return;
    }
    let mut journey = Journey::new();
    journey.publish(START);
    // A kiosk from before there was a seal.
    let import = ["trust", "import", "REPO", "--root", "A/root.json", "--state", "state", "--at", AT];
    journey.kiosk(&import).expect(0);
    let before = journey.kiosk(&["key", "--state", "state"]).expect(0).json["key"].clone();
    let journal = journey.kiosk(&["journal", "key", "--state", "state"]).expect(0).json["key"].clone();

    let (own, other) = (Tpm::new(), Tpm::new());
    let sealed = journey.path("kiosk-seal.cred");
    own.seal(&sealed);
    other.seal(&journey.path("other.cred"));
    assert!(own.unseal(&sealed, &journey.path("credentials")));
    journey.set_environment("CREDENTIALS_DIRECTORY", OsString::from(journey.path("credentials")));
    assert_eq!(journey.kiosk(&["key", "--state", "state"]).expect(0).json["key"], before, "the key stays");
    assert_eq!(journey.kiosk(&["journal", "key", "--state", "state"]).expect(0).json["key"], journal);
    let doctor = journey.kiosk(&["doctor", "--state", "state", "--at", AT]);
    let own_keys =
        doctor.json["checks"].as_array().unwrap().iter().find(|check| check["check"] == "own keys");
    assert_eq!(own_keys.unwrap()["state"], "ok", "{}", doctor.json);

    // On another machine the credential does not unseal, and without it the keys do not open.
    assert!(!other.unseal(&sealed, &journey.path("elsewhere")), "another TPM unsealed it");
    journey.set_environment("CREDENTIALS_DIRECTORY", OsString::from(journey.path("elsewhere")));
    let stolen = journey.kiosk(&["key", "--state", "state"]).expect(2);
    assert!(stolen.said.contains("sealed"), "{}", stolen.said);
    // A credential of the thief's own does not help.
    fs::write(journey.path("elsewhere/kiosk-seal"), [1; 32]).unwrap();
    let stolen = journey.kiosk(&["key", "--state", "state"]).expect(2);
    assert!(stolen.said.contains("another machine"), "{}", stolen.said);
    let doctor = journey.kiosk(&["doctor", "--state", "state", "--at", AT]).expect(1);
    assert!(doctor.json.to_string().contains("They cannot be used"), "{}", doctor.json);
}
