//! The camera machine (`tests/camera-machine/`): real V4L2 cameras, GPIO lines and input devices without hardware, in a
//! User-Mode Linux that runs as an ordinary process.

use std::fmt;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::journey::programs;

/// A machine that is not running yet, and the folder that it will find in `$SHARE`.
pub struct CameraMachine {
    share: TempDir,
}

/// What came of a job in the machine.
pub struct Ran {
    /// The job's exit status; 99 if the machine ended without one.
    pub status: i32,
    /// What it printed, on both outputs.
    pub lines: Vec<String>,
}

impl CameraMachine {
    /// Prepares a machine, and builds it first where that was not done yet, which takes some minutes. Returns `None`, said
    /// loudly, where what it is built from is not installed.
    ///
    /// The job finds the programs `kiosk` and `camera-machine` beside it.
    pub fn new() -> Option<Self> {
        if !source_is_installed() {
            // Straight to the descriptor: the test harness swallows what `eprintln!` writes.
            let _ = writeln!(
                std::io::stderr(),
                "\n*** SKIPPED: no camera machine without the kernel's source; `deploy/setup.sh tests` installs it ***\n"
            );
            return None;
        }
        let built = Command::new(scripts().join("build.sh")).stdin(Stdio::null()).status().unwrap();
        assert!(built.success(), "building the camera machine failed");
        let share = tempfile::tempdir().unwrap();
        fs::set_permissions(share.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let machine = Self { share };
        for program in ["kiosk", "camera-machine"] {
            machine.add(program, &programs().join(program));
        }
        Some(machine)
    }

    /// A path inside the folder that the job finds in `$SHARE`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.share.path().join(name)
    }

    /// Puts a file into that folder.
    pub fn add(&self, name: &str, file: &Path) {
        let to = self.path(name);
        if fs::hard_link(file, &to).is_err() {
            fs::copy(file, &to).unwrap();
        }
    }

    /// Boots the machine, runs a job for bash in it, and waits until it is off again; five minutes at most.
    ///
    /// The job is root there, cannot write anywhere but below `/run`, has the real time, and loads drivers with the
    /// command `driver`.
    pub fn run(&self, job: &str) -> Ran {
        fs::write(self.path("job.sh"), job).unwrap();
        let output =
            Command::new(scripts().join("run.sh")).arg(self.share.path()).stdin(Stdio::null()).output();
        let output = output.unwrap();
        let lines = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
        Ran { status: output.status.code().unwrap_or(99), lines }
    }
}

impl Ran {
    /// The JSON object on the first line that begins with a word.
    pub fn json(&self, word: &str) -> Value {
        let line = self.lines.iter().find_map(|line| line.strip_prefix(word)?.strip_prefix(' '));
        let line = line.unwrap_or_else(|| panic!("no line begins with {word}: {self}"));
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{word}: {error}: {self}"))
    }
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}\n{}", self.status, self.lines.join("\n"))
    }
}

fn source_is_installed() -> bool {
    let packages = fs::read_dir("/usr/src").into_iter().flatten().flatten();
    packages
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .any(|name| name.starts_with("linux-source-") && name.ends_with(".tar.xz"))
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("camera-machine")
}
