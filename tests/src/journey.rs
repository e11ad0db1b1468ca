//! The real programs, run as their users run them.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

/// An agency, its folder, and a place for a kiosk, all temporary.
pub struct Journey {
    folder: TempDir,
    environment: Vec<(String, OsString)>,
}

/// What a program answered.
pub struct Answered {
    /// Its exit status.
    pub code: i32,
    /// The JSON object on standard output; null if there was none.
    pub json: Value,
    /// What it said on standard error.
    pub said: String,
}

impl Answered {
    /// The field `reason`.
    pub fn reason(&self) -> &str {
        self.json["reason"].as_str().unwrap_or("")
    }
}

/// When the agencies of the journeys are set up.
pub const START: &str = "2026-11-20T09:00:00Z";

impl Journey {
    /// Sets up an agency at [`START`].
    pub fn new() -> Self {
        let journey = Self::bare();
        journey.init(&[]).expect(0);
        journey
    }

    /// A folder with nothing in it yet.
    pub fn bare() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), environment: vec![] }
    }

    /// Sets up an agency at [`START`], with further arguments.
    pub fn init(&self, more: &[&str]) -> Answered {
        self.issuer(
            &[&["init", "--dir", "A", "--iss", "https://id.xa.example", "--at", START], more].concat(),
        )
    }

    /// Runs every program from now on with this in its environment.
    pub fn set_environment(&mut self, name: &str, value: impl Into<OsString>) {
        self.environment.push((name.to_owned(), value.into()));
    }

    /// A path inside the temporary folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Provisions a kiosk that keeps its state in `state`, and makes a camera that shows the code of the first resident
    /// after a second. Returns the camera's folder, for more frames.
    ///
    /// The repository is `REPO`, the purpose `border`.
    pub fn lane(&self, state: &str, at: &str) -> PathBuf {
        self.kiosk(&["trust", "import", "REPO", "--root", "A/root.json", "--state", state, "--at", at])
            .expect(0);
        let camera = self.path("camera");
        fs::create_dir(&camera).unwrap();
        let code = self.code("resident-01", "border", at, &[]);
        fs::copy(code, camera.join("1-code-1000ms.png")).unwrap();
        camera
    }

    /// Runs `issuer --json` in the temporary folder.
    pub fn issuer(&self, arguments: &[&str]) -> Answered {
        self.run("issuer", arguments)
    }

    /// Runs `kiosk --json` in the temporary folder.
    pub fn kiosk(&self, arguments: &[&str]) -> Answered {
        self.run("kiosk", arguments)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Answered {
        let output = self.command(program).arg("--json").args(arguments).output().unwrap();
        let stdout = String::from_utf8(output.stdout).unwrap();
        Answered {
            code: output.status.code().unwrap_or(-1),
            json: serde_json::from_str(stdout.trim()).unwrap_or(Value::Null),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a program without `--json`.
    pub fn plain(&self, program: &str, arguments: &[&str]) -> Output {
        self.command(program).args(arguments).output().unwrap()
    }

    /// A program in the temporary folder, with nothing said to it yet.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(programs().join(program));
        command.current_dir(self.folder.path()).env("XDG_DATA_HOME", self.path("data"));
        // The built-in models, whatever this machine has installed.
        command.env("GATEPASS_MODELS", "default");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Enrols a sample resident and gives its phone a key and a credential; files are named after the resident.
    pub fn resident(&self, number: u8, purpose: &str, more: &[&str]) -> String {
        let folder = format!("resident-{number:02}");
        let people: Value =
            serde_json::from_slice(&std::fs::read(residents().join("people.json")).unwrap()).unwrap();
        let mut claims = people["people"][usize::from(number) - 1].clone();
        claims.as_object_mut().unwrap().remove("folder");
        std::fs::write(self.path(&format!("{folder}.json")), claims.to_string()).unwrap();
        let (claims, photo) = (format!("{folder}.json"), photo(number, "id-photo"));
        let enroll =
            ["enroll", "--dir", "A", "--at", START, "--claims", &claims, "--photo", photo.to_str().unwrap()];
        let subject = self.issuer(&enroll).expect(0).json["subject"].as_str().unwrap().to_owned();
        self.issuer(&["holder", "keygen", "--out", &format!("{folder}.key")]).expect(0);
        self.issue(&subject, &folder, purpose, more);
        subject
    }

    /// Enrols a resident without a face at an agency, and returns the picture of the resident's code for the border.
    pub fn credential_without_face(&self, agency: &str, number: u8, at: &str) -> PathBuf {
        let (folder, photo) = (format!("{agency}-{number}"), photo(number, "id-photo"));
        let claims = format!("{folder}.json");
        fs::write(
            self.path(&claims),
            r#"{"id": "XA-9", "name": "SAMPLE, TEST", "dateOfBirth": "1998-02-14", "sex": 2, "nationality": "XA", "country": "XA"}"#,
        )
        .unwrap();
        let photo = photo.to_str().unwrap();
        let enroll =
            ["enroll", "--dir", agency, "--at", at, "--claims", &claims, "--photo", photo, "--without-face"];
        let subject = self.issuer(&enroll).expect(0).json["subject"].as_str().unwrap().to_owned();
        let (key, public, out) =
            (format!("{folder}.key"), format!("{folder}.key.pub"), format!("{folder}-border.cbor"));
        self.issuer(&["holder", "keygen", "--out", &key]).expect(0);
        self.issuer(&[
            "issue",
            "--dir",
            agency,
            "--at",
            at,
            "--subject",
            &subject,
            "--purpose",
            "border",
            "--holder-key",
            &public,
            "--out",
            &out,
        ])
        .expect(0);
        self.code(&folder, "border", at, &[])
    }

    /// Issues a further credential to the key of `folder`, in the file `<folder>-<purpose>.cbor`.
    pub fn issue(&self, subject: &str, folder: &str, purpose: &str, more: &[&str]) {
        let (key, out) = (format!("{folder}.key.pub"), format!("{folder}-{purpose}.cbor"));
        let mut issue = vec![
            "issue",
            "--dir",
            "A",
            "--at",
            START,
            "--subject",
            subject,
            "--purpose",
            purpose,
            "--holder-key",
            &key,
            "--out",
            &out,
        ];
        issue.extend(more);
        self.issuer(&issue).expect(0);
    }

    /// Publishes the repository to `REPO`.
    pub fn publish(&self, at: &str) {
        self.issuer(&["publish", "--dir", "A", "--out", "REPO", "--at", at]).expect(0);
    }

    /// The picture of a resident's code at a time.
    pub fn code(&self, folder: &str, purpose: &str, at: &str, more: &[&str]) -> PathBuf {
        let out = format!("codes-{folder}-{}", at.replace(':', ""));
        let (credential, key) = (format!("{folder}-{purpose}.cbor"), format!("{folder}.key"));
        let mut present =
            vec!["holder", "present", "--credential", &credential, "--key", &key, "--at", at, "--out", &out];
        present.extend(more);
        let answered = self.issuer(&present).expect(0);
        self.path(answered.json["frames"][0]["file"].as_str().unwrap())
    }

    /// Runs `kiosk verify` against `REPO` for the border, with the text of a code.
    pub fn verify_text(&self, text: &str, at: &str) -> Answered {
        let text = format!("--text={text}");
        let verify =
            ["verify", "--trust", "REPO", "--root", "A/root.json", "--purpose", "border", "--at", at];
        self.kiosk(&[&verify[..], &[&text]].concat())
    }

    /// Runs `kiosk verify` against `REPO` for the border.
    pub fn verify(&self, code: &Path, at: &str, more: &[&str]) -> Answered {
        let mut verify = vec!["verify", "--trust", "REPO", "--root", "A/root.json", "--at", at];
        if !more.contains(&"--purpose") {
            verify.extend(["--purpose", "border"]);
        }
        verify.extend(more);
        verify.push(code.to_str().unwrap());
        self.kiosk(&verify)
    }
}

impl Default for Journey {
    fn default() -> Self {
        Self::new()
    }
}

impl Answered {
    /// Fails the test unless the exit status is this one.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.json, self.said);
        self
    }
}

/// The folder of the sample residents.
pub fn residents() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("residents")
}

/// A picture of a sample resident.
pub fn photo(number: u8, name: &str) -> PathBuf {
    residents().join(format!("resident-{number:02}")).join(format!("{name}.jpg"))
}

/// As Linux has it on every processor that this project is built for.
const O_NONBLOCK: i32 = 0o4000;

/// A passphrase that somebody takes their time to type: a pipe that programs read it from.
pub struct SlowPassphrase(PathBuf);

impl SlowPassphrase {
    /// The variable that names the file of a passphrase.
    pub const VARIABLE: &str = "GATEPASS_PASSPHRASE_FILE";

    /// Makes the pipe.
    pub fn new(path: PathBuf) -> Self {
        assert!(Command::new("mkfifo").args(["-m", "600"]).arg(&path).status().unwrap().success());
        Self(path)
    }

    /// Where the pipe is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Waits until a program asks for the passphrase, and hands it over once `before` was done.
    pub fn answer(&self, program: &mut Child, passphrase: &str, before: impl FnOnce()) {
        let mut pipe = loop {
            // Opens once somebody reads, and does not wait for a program that ended.
            match fs::OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(&self.0) {
                Ok(pipe) => break pipe,
                Err(_) => assert_eq!(program.try_wait().unwrap(), None, "it did not ask"),
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        before();
        pipe.write_all(passphrase.as_bytes()).unwrap();
    }
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-r").args([from, to]).status().unwrap().success());
}

/// What `kiosk decode-avif` does with a portrait: its exit status, none where it was ended, and what it wrote.
pub fn decode_avif(portrait: &[u8]) -> (Option<i32>, Vec<u8>) {
    let mut child = Command::new(programs().join("kiosk"))
        .arg("decode-avif")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // A child that has seen enough closes its end.
    let _ = child.stdin.take().unwrap().write_all(portrait);
    let output = child.wait_with_output().unwrap();
    (output.status.code(), output.stdout)
}

/// Where the programs are, built if they were not or have changed.
pub(crate) fn programs() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let folder = test.ancestors().nth(2).unwrap().to_owned();
        let mut build = Command::new(env!("CARGO"));
        build
            // A test target beside the programs, so that libraries have the features of the tests and none is built twice.
            .args(["build", "--quiet", "--workspace", "--all-features", "--bins", "--test", "reason_codes"])
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        if folder.file_name().is_some_and(|name| name == "release") {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success(), "building the programs failed");
        folder
    })
}
