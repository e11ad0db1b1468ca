//! `kiosk gate` as an installer runs it, with its OSDP process and a device on a real pseudo-terminal.

use std::fs::{self, File, Permissions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use libosdp::{
    Channel, ChannelError, OsdpCommand, OsdpEvent, OsdpFlag, OsdpStatusReport, OsdpStatusReportType,
    PdCapEntity, PdCapability, PdInfoBuilder, PeripheralDevice,
};
use tempfile::TempDir;
use tests::journey::Journey;
use tests::pty::pty;

const KEY: &str = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf";

#[test]
fn a_pulse_opens_a_device_and_tells_who_passed() {
    let (wire, port) = pty();
    let place = Place::new(&port, "contact = { input = 0 }\n[gate.times]\npulse_ms = 10000");
    let device = Device::start(wire, true);
    // A pipe that is full holds the program up where it tells who passed.
    const FULL: usize = 65_536;
    let (mut told, mut full) = std::io::pipe().unwrap();
    full.write_all(&[b'.'; FULL]).unwrap();
    let mut kiosk = place.command("pulse").stdout(full).spawn().unwrap();
    wait_until(|| device.pulses.load(Ordering::SeqCst) == 1);
    wait_until(|| !device.on.load(Ordering::SeqCst));
    assert_eq!(
        kiosk.try_wait().unwrap(),
        None,
        "it locks behind whoever passed, and not with the program's end"
    );
    let mut text = String::new();
    told.read_to_string(&mut text).unwrap();
    assert_eq!(&text[FULL..], "passed\n");
    assert_eq!(kiosk.wait().unwrap().code(), Some(0));
    assert_eq!(device.pulses.load(Ordering::SeqCst), 1);
}

#[test]
fn a_pulse_that_nobody_uses_is_a_no() {
    let (wire, port) = pty();
    let place = Place::new(&port, "contact = { input = 0 }\n[gate.times]\ngrace_ms = 0\npulse_ms = 100");
    let _device = Device::start(wire, false);
    let output = place.gate("pulse");
    assert_eq!((said(&output), output.status.code()), ("not-passed\n".to_owned(), Some(1)), "{output:?}");
}

#[test]
fn a_kiosk_that_is_killed_leaves_the_gate_shut() {
    let (wire, port) = pty();
    let place = Place::new(&port, "[gate.times]\npulse_ms = 10000");
    // This device does not end a pulse by itself.
    let device = Device::start(wire, false);
    let mut kiosk = place.start("pulse");
    wait_until(|| device.on.load(Ordering::SeqCst));
    kiosk.kill().unwrap();
    kiosk.wait().unwrap();
    wait_until(|| !device.on.load(Ordering::SeqCst));
}

#[test]
fn without_a_device_nothing_is_opened() {
    let (_wire, port) = pty();
    let place = Place::new(&port, "");
    for verb in ["pulse", "off"] {
        let output = place.gate(verb);
        assert_eq!((said(&output), output.status.code()), (String::new(), Some(2)));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.starts_with("error: nothing answers on /dev/pts/"), "{error}");
    }
}

/// What a device says of itself before it knows the key leads no further than that.
#[test]
fn a_device_that_can_receive_next_to_nothing_is_refused() {
    let (wire, port) = pty();
    let place = Place::new(&port, "");
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let hostile = thread::spawn(move || narrow_device(wire, &stopped));
    let output = place.gate("pulse");
    stop.store(true, Ordering::SeqCst);
    assert!(hostile.join().unwrap(), "the device was asked what it can do");
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.ends_with("takes no secure channel with our key\n"), "{error}");
}

/// Whoever stops a service tells all of its processes, and whoever presses Ctrl-C the whole group of the terminal.
#[test]
fn a_stop_that_reaches_everybody_shuts_the_gate_and_is_no_fault() {
    for signal in ["-TERM", "-INT"] {
        let (wire, port) = pty();
        let place = Place::new(&port, "[gate.times]\npulse_ms = 10000");
        // This device does not end a pulse by itself.
        let device = Device::start(wire, false);
        let mut pulse = place.command("pulse");
        let kiosk = pulse.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until(|| device.on.load(Ordering::SeqCst));
        kill(signal, &[&format!("-{}", kiosk.id()), &child_of(&kiosk)]);
        let output = kiosk.wait_with_output().unwrap();
        assert!(!device.on.load(Ordering::SeqCst), "{signal}: {output:?}");
        assert_eq!((said(&output), output.status.code()), (String::new(), Some(2)), "{output:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(error, "error: stopped before it was known how the opening ended\n");

        let mut watch = place.command("watch");
        let kiosk = watch.arg("--json").process_group(0).stdout(Stdio::piped()).spawn().unwrap();
        let before = device.commands.load(Ordering::SeqCst);
        wait_until(|| device.commands.load(Ordering::SeqCst) > before);
        kill(signal, &[&format!("-{}", kiosk.id()), &child_of(&kiosk)]);
        let output = kiosk.wait_with_output().unwrap();
        assert_eq!((said(&output), output.status.code()), (String::new(), Some(0)), "{output:?}");
    }
}

#[test]
fn a_process_of_the_line_that_dies_is_a_fault_and_replaced() {
    let (wire, port) = pty();
    let place = Place::new(&port, "");
    let device = Device::start(wire, false);
    // An upgrade takes the program away while it runs.
    let program = place.folder.path().join("kiosk");
    let mut watch = place.command("watch");
    fs::copy(watch.get_program(), &program).unwrap();
    let mut old = Command::new(&program);
    let mut kiosk = old.args(watch.arg("--json").get_args()).stdout(Stdio::piped()).spawn().unwrap();
    let mut events = BufReader::new(kiosk.stdout.take().unwrap()).lines();
    // It has said that the output is off: the line works.
    wait_until(|| device.commands.load(Ordering::SeqCst) > 0);
    fs::remove_file(program).unwrap();
    kill("-KILL", &[&child_of(&kiosk)]);
    let fault = r#"{"event":"fault","why":"the process of the gate's line has ended"}"#;
    // A busy machine may have lost the line, and found it, before.
    let mut says = |expected: &str| events.by_ref().take(10).any(|line| line.unwrap() == expected);
    assert!(says(fault) && says(r#"{"event":"mended"}"#));
    kiosk.kill().unwrap();
    kiosk.wait().unwrap();
}

#[test]
fn settings_that_cannot_be_are_refused_before_anything_is_done() {
    let journey = Journey::bare();
    let twice = "[gate]\nkind = \"gpio\"\nchip = \"x\"\nrelay = { line = 1 }\nlamp = { line = 1 }\n";
    fs::write(journey.path("gate.toml"), twice).unwrap();
    let answered = journey.kiosk(&["config", "check", "gate.toml"]);
    assert_eq!(answered.code, 2);
    assert!(answered.said.ends_with("[gate]: line 1 is used twice\n"), "{}", answered.said);
}

/// The process of a kiosk's line.
fn child_of(kiosk: &Child) -> String {
    let threads = fs::read_dir(format!("/proc/{}/task", kiosk.id())).unwrap();
    let child: String = threads
        .map(|thread| fs::read_to_string(thread.unwrap().path().join("children")).unwrap_or_default())
        .collect();
    child.trim().to_owned()
}

fn kill(signal: &str, processes: &[&str]) {
    assert!(Command::new("kill").args([signal, "--"]).args(processes).status().unwrap().success());
}

/// Settings and a key.
struct Place {
    journey: Journey,
    folder: TempDir,
    config: PathBuf,
}

impl Place {
    fn new(port: &Path, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (key_file, config) = (folder.path().join("osdp.key"), folder.path().join("kiosk.toml"));
        fs::write(&key_file, KEY).unwrap();
        fs::set_permissions(&key_file, Permissions::from_mode(0o600)).unwrap();
        let line =
            format!("[gate.line]\nport = {port:?}\nbaud = 115200\naddress = 5\nkey_file = {key_file:?}\n");
        fs::write(&config, format!("[gate]\nkind = \"osdp\"\n{more}\n{line}")).unwrap();
        Self { journey: Journey::bare(), folder, config }
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = self.journey.command("kiosk");
        command.args(["gate", verb, "--config"]).arg(&self.config);
        command
    }

    fn gate(&self, verb: &str) -> Output {
        self.command(verb).output().unwrap()
    }

    fn start(&self, verb: &str) -> Child {
        self.command(verb).stdout(Stdio::null()).spawn().unwrap()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Waits for what has to come, not for ever.
fn wait_until(it_is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !it_is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "it never came");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A device with a relay and a door, which somebody goes through when it is unlocked, or nobody.
struct Device {
    on: Arc<AtomicBool>,
    pulses: Arc<AtomicU32>,
    commands: Arc<AtomicU32>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Device {
    fn start(wire: File, somebody_goes: bool) -> Self {
        let info = PdInfoBuilder::new()
            .address(5)
            .unwrap()
            .baud_rate(115_200)
            .unwrap()
            .capability(PdCapability::OutputControl(PdCapEntity::new(4, 1)))
            .capability(PdCapability::ContactStatusMonitoring(PdCapEntity::new(1, 1)))
            .capability(PdCapability::CommunicationSecurity(PdCapEntity::new(1, 1)))
            .flag(OsdpFlag::EnforceSecure)
            .secure_channel_key(hex::decode(KEY).unwrap().try_into().unwrap());
        let mut device = PeripheralDevice::new(info, Box::new(Wire(wire))).unwrap();
        let (on, pulses) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let commands = Arc::new(AtomicU32::new(0));
        let (state, count, all) = (on.clone(), pulses.clone(), commands.clone());
        device.set_command_callback(move |command| {
            all.fetch_add(1, Ordering::SeqCst);
            match command {
                OsdpCommand::Output(output) => {
                    let unlocks = output.control_code == 5;
                    state.store(unlocks, Ordering::SeqCst);
                    count.fetch_add(u32::from(unlocks), Ordering::SeqCst);
                }
                OsdpCommand::Status(status) => {
                    let output = status.type_ == OsdpStatusReportType::Output;
                    status.nr_entries = 1;
                    status.report = [0; 64];
                    status.report[0] = u8::from(output && state.load(Ordering::SeqCst));
                }
                _ => {}
            }
            0
        });
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, unlocked) = (stop.clone(), on.clone());
        let thread = thread::spawn(move || {
            let mut gone = !somebody_goes;
            while !stopped.load(Ordering::SeqCst) {
                if unlocked.load(Ordering::SeqCst) && !std::mem::replace(&mut gone, true) {
                    let mut report = [0; 64];
                    report[0] = 1;
                    let type_ = OsdpStatusReportType::Input;
                    device
                        .notify_event(OsdpEvent::Status(OsdpStatusReport { type_, nr_entries: 1, report }))
                        .unwrap();
                }
                device.refresh();
                thread::sleep(Duration::from_millis(2));
            }
        });
        Self { on, pulses, commands, stop, thread: Some(thread) }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// The device's end of the wire.
struct Wire(File);

impl Channel for Wire {
    fn get_id(&self) -> i32 {
        1
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ChannelError> {
        // Nothing is there, or nobody has opened the other end yet, or any more.
        self.0.read(buffer).map_err(|_| ChannelError::WouldBlock)
    }

    fn write(&mut self, frame: &[u8]) -> Result<usize, ChannelError> {
        self.0.write(frame).map_err(ChannelError::from)
    }

    fn flush(&mut self) -> Result<(), ChannelError> {
        Ok(())
    }

    fn close(&mut self) -> Result<(), ChannelError> {
        Ok(())
    }
}

/// Answers who it is, and that it can receive 16 bytes at once, and nothing else; tells whether it was asked that.
fn narrow_device(mut wire: File, stop: &AtomicBool) -> bool {
    const ID: u8 = 0x61;
    const CAPABILITIES: u8 = 0x62;
    let mut asked = false;
    let mut heard = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let mut bytes = [0; 256];
        match wire.read(&mut bytes) {
            Ok(count) => heard.extend_from_slice(&bytes[..count]),
            Err(error) => assert!(error.kind() == ErrorKind::WouldBlock || error.raw_os_error() == Some(5)),
        }
        // Start, address 5, length, control, and the command, in the clear so far.
        if let Some(at) = heard.windows(6).position(|frame| frame[..2] == [0x53, 5]) {
            let (control, command) = (heard[at + 4], heard[at + 5]);
            heard.clear();
            let reply = match command {
                ID => [&[0x45][..], &[0; 12]].concat(),
                CAPABILITIES => {
                    asked = true;
                    // An output that switches off by itself, the secure channel, and 16 bytes to receive.
                    vec![0x46, 2, 4, 1, 9, 1, 1, 10, 16, 0]
                }
                _ => vec![0x40],
            };
            let _ = wire.write(&frame(control, &reply));
        }
        thread::sleep(Duration::from_millis(2));
    }
    asked
}

/// A reply in the clear, with its checksum (CRC-16 of ITU-T, from 0x1D0F).
fn frame(control: u8, reply: &[u8]) -> Vec<u8> {
    let length = u8::try_from(reply.len() + 7).unwrap();
    let mut frame = [&[0x53, 0x85, length, 0, control | 0x04][..], reply].concat();
    let crc = frame.iter().fold(0x1D0F_u16, |crc, byte| {
        (0..8).fold(
            crc ^ u16::from(*byte) << 8,
            |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 },
        )
    });
    frame.extend_from_slice(&crc.to_le_bytes());
    frame
}
