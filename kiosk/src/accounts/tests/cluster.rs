//! PostgreSQL as a private cluster in a temporary folder.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::super::*;

/// A PostgreSQL server of the test's own, stopped when it is dropped.
pub(super) struct Cluster {
    folder: TempDir,
    programs: PathBuf,
    user: Option<(u32, u32)>,
    server: Option<Child>,
}

impl Cluster {
    /// Starts one, or says loudly that there is none here.
    pub(super) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            use std::io::Write;
            // Straight to the descriptor: the test harness swallows what `eprintln!` writes.
            let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: no PostgreSQL is installed here ***\n");
            return None;
        };
        // The server refuses to be root.
        let user = rustix::process::geteuid().is_root().then(|| passwd("postgres"));
        let folder = tempfile::tempdir().unwrap();
        if let Some((uid, gid)) = user {
            chown(folder.path(), Some(uid), Some(gid)).unwrap();
        }
        let password = folder.path().join("password");
        fs::write(&password, "a password of no worth\n").unwrap();
        let data = folder.path().join("data");
        let made = command(&programs, "initdb", user)
            .args(["--username=kiosk", "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8", "--locale=C"])
            .arg(format!("--pwfile={}", password.display()))
            .arg("--pgdata")
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut cluster = Self { folder, programs, user, server: None };
        cluster.launch();
        Some(cluster)
    }

    /// Starts the server and waits for it.
    pub(super) fn launch(&mut self) {
        let server = command(&self.programs, "postgres", self.user)
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .arg("-k")
            .arg(self.folder.path())
            .args(["-c", "listen_addresses=", "-c", "fsync=off"])
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.server = Some(server);
        let ready = || {
            let server = self.settings("postgres");
            Postgres::new(&server.store, server.password_file.as_deref())
                .unwrap()
                .within(&mut |transaction| transaction.run("SELECT 1::bigint", &[]).map(drop))
                .is_ok()
        };
        for _ in 0..600 {
            if ready() {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("PostgreSQL did not start within a minute")
    }

    pub(super) fn restart(&mut self) {
        self.stop();
        self.launch();
    }

    pub(super) fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let data = self.folder.path().join("data");
            let _ = command(&self.programs, "pg_ctl", self.user)
                .args(["stop", "--mode=immediate", "--silent", "-D"])
                .arg(data)
                .output();
            let _ = server.wait();
        }
    }

    /// A new database of that name, empty.
    pub(super) fn database(&self, name: &str) -> Settings {
        let made = command(&self.programs, "createdb", self.user)
            .args(["--username=kiosk", "--no-password"])
            .arg(format!("--host={}", self.folder.path().display()))
            .env("PGPASSWORD", "a password of no worth")
            .arg(name)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        self.settings(name)
    }

    pub(super) fn settings(&self, database: &str) -> Settings {
        let folder = self.folder.path();
        Settings {
            store: format!("postgres://kiosk@/{database}?host={}", folder.display()),
            password_file: Some(folder.join("password")),
            document_key_file: Some(folder.join(format!("{database}.key"))),
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

fn command(programs: &std::path::Path, name: &str, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(programs.join(name));
    command.current_dir("/");
    if let Some((uid, gid)) = user {
        command.uid(uid).gid(gid);
    }
    command
}

/// Where Debian keeps the newest PostgreSQL's programs.
fn programs() -> Option<PathBuf> {
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .filter(|folder| folder.join("initdb").exists())
        .collect();
    versions.sort();
    versions.pop()
}

fn passwd(name: &str) -> (u32, u32) {
    let text = fs::read_to_string("/etc/passwd").unwrap();
    let line = text.lines().find(|line| line.split(':').next() == Some(name)).unwrap();
    let fields: Vec<&str> = line.split(':').collect();
    (fields[2].parse().unwrap(), fields[3].parse().unwrap())
}
