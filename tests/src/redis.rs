//! A real Redis, started for one test on a socket of its own.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that ends with the test.
pub struct Redis {
    folder: TempDir,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl Redis {
    /// Starts a server with further arguments, or says loudly that none is installed.
    pub fn start(arguments: &[&str]) -> Option<Self> {
        let installed = Command::new("redis-server").arg("--version").stdout(Stdio::null()).status();
        if installed.is_err() {
            // Straight to the descriptor: the test harness swallows what `eprintln!` writes.
            let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: redis-server is not installed ***\n");
            return None;
        }
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut redis = Self { folder: tempfile::tempdir().unwrap(), arguments, child: None };
        redis.restart();
        Some(redis)
    }

    /// Kills the server and starts it again, without what it knew.
    pub fn restart(&mut self) {
        self.kill();
        let child = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(self.socket())
            .arg("--dir")
            .arg(self.folder.path())
            .args(&self.arguments)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        let began = Instant::now();
        while !self.answers() {
            assert!(began.elapsed() < PATIENCE, "redis-server did not start");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Kills the server as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// The socket that it listens on.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("redis.sock")
    }

    /// The URL of that socket.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Whether it says anything, be it that it wants a password.
    fn answers(&self) -> bool {
        let ask = || -> std::io::Result<usize> {
            let mut stream = UnixStream::connect(self.socket())?;
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            stream.write_all(b"PING\r\n")?;
            stream.read(&mut [0; 64])
        };
        ask().is_ok_and(|read| read > 0)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
