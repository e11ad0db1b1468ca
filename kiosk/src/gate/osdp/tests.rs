//! Both roles over real pseudo-terminals, with the secure channel on, against the library's other side and each other.

mod lane;
mod panel;
mod reader;

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

/// A gate with everything that it can have, as settings say it.
const INPUTS: &str = "contact = { input = 0 }\nexit = { input = 1 }\n[times]\npulse_ms = 1450\n";

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

fn key_bytes(key: &str) -> [u8; 16] {
    hex::decode(key).unwrap().try_into().unwrap()
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
