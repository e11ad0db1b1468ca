//! The child: works a line until its kiosk is gone or the line fails.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Resource, Rlimit, setrlimit};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use super::key;
use super::line::Line;
use super::message::{Command, MOST, Report, Role};
use super::panel::Panel;
use super::reader::Reader;

/// How often the child says that it is alive.
pub const BEAT: Duration = Duration::from_millis(500);

/// How often the library is called. It has to be every 50 ms, and each exchange takes it some calls.
const PAUSE: Duration = Duration::from_millis(4);

/// How long the kiosk may take to say what to do.
const BEGINNING: Duration = Duration::from_secs(2);

/// How long the gate may take to shut at the end.
pub const LEAVING: Duration = Duration::from_millis(500);

/// Address space of the child, in bytes: the program itself and a little more.
const MEMORY: u64 = 512 << 20;

/// Works as standard input says, and reports on standard output.
pub fn run() -> Result<ExitCode> {
    for (resource, most) in [(Resource::As, MEMORY), (Resource::Core, 0), (Resource::Fsize, 0)] {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    // The end of its kiosk is what ends it. A service manager asks all processes of a service to end, and a child that obeyed
    // would neither shut the gate nor leave its kiosk without a fault to tell of.
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        flag::register(signal, Arc::default())?;
    }
    // Not through the library's buffer: it is asked whether there is something to read.
    let input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut output = io::stdout();
    if let Err(error) = serve(Inbox::new(input), &mut output) {
        // The last words. Nobody is left to hear them if this fails.
        let _ = say(&mut output, &Report::Down(format!("{error:#}")));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Works until the input ends, and leaves the gate shut.
///
/// # Errors
///
/// Why it cannot go on.
pub fn serve(mut inbox: Inbox<impl Read + AsFd>, output: &mut impl Write) -> Result<()> {
    let role: Role = inbox.first()?;
    let settings = match &role {
        Role::Panel(settings) => &settings.line,
        Role::Reader(settings) => &settings.line,
    };
    let key = key::read(&settings.key_file)?;
    let line = Line::open(settings)?;
    let mut device = match &role {
        Role::Panel(settings) => Device::Panel(Panel::new(settings, &key, line)?),
        Role::Reader(settings) => Device::Reader(Reader::new(settings, &key, line)?),
    };
    drop(key);
    let mut beat = None;
    loop {
        let mut reports = device.work()?;
        if beat.is_none_or(|beat: Instant| beat.elapsed() >= BEAT) {
            beat = Some(Instant::now());
            reports.push(Report::Alive);
        }
        if inbox.wait(PAUSE)? {
            while let Some(command) = inbox.next()? {
                reports.extend(device.take(command));
            }
        }
        let heard = reports.iter().try_for_each(|report| say(output, report)).is_ok();
        if !heard || inbox.ended {
            break;
        }
    }
    // The kiosk is gone.
    let began = Instant::now();
    device.take(Command::Shut);
    while !device.shut() && began.elapsed() < LEAVING {
        device.work()?;
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// One of the two roles.
enum Device<'a> {
    Panel(Panel<'a>),
    Reader(Reader<'a>),
}

impl Device<'_> {
    fn work(&mut self) -> Result<Vec<Report>> {
        match self {
            Device::Panel(panel) => panel.work(),
            Device::Reader(reader) => reader.work(),
        }
    }

    fn take(&mut self, command: Command) -> Option<Report> {
        match self {
            Device::Panel(panel) => panel.take(command),
            Device::Reader(reader) => reader.take(command),
        }
    }

    /// Tells whether nothing of ours holds the gate open.
    fn shut(&self) -> bool {
        match self {
            Device::Panel(panel) => panel.shut(),
            Device::Reader(_) => true,
        }
    }
}

fn say(output: &mut impl Write, report: &Report) -> io::Result<()> {
    let mut line = serde_json::to_vec(report)?;
    line.push(b'\n');
    output.write_all(&line)?;
    output.flush()
}

/// What the kiosk says, a line at a time and without waiting for more.
pub struct Inbox<R> {
    input: R,
    read: Vec<u8>,
    ended: bool,
}

impl<R: Read + AsFd> Inbox<R> {
    /// Reads from a pipe.
    pub fn new(input: R) -> Self {
        Self { input, read: Vec::new(), ended: false }
    }

    fn first<T: serde::de::DeserializeOwned>(&mut self) -> Result<T> {
        let began = Instant::now();
        while began.elapsed() < BEGINNING && !self.ended {
            if self.wait(PAUSE)?
                && let Some(first) = self.next()?
            {
                return Ok(first);
            }
        }
        bail!("nobody says what to do")
    }

    /// Waits a moment for more, and tells whether there is a line.
    fn wait(&mut self, pause: Duration) -> Result<bool> {
        let mut wanted = [PollFd::new(&self.input, PollFlags::IN)];
        let timeout = Timespec { tv_sec: 0, tv_nsec: pause.subsec_nanos().into() };
        let ready = match poll(&mut wanted, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => 0,
            ready => ready.context("waiting for the kiosk")?,
        };
        let mut more = [0; 512];
        match if ready > 0 { self.input.read(&mut more) } else { Err(ErrorKind::Interrupted.into()) } {
            Ok(0) => self.ended = true,
            Ok(count) => self.read.extend_from_slice(&more[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("listening to the kiosk"),
        }
        if self.read.len() > MOST {
            bail!("a line of the kiosk is too long");
        }
        Ok(self.read.contains(&b'\n'))
    }

    fn next<T: serde::de::DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let Some(end) = self.read.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
        let line: Vec<u8> = self.read.drain(..=end).collect();
        serde_json::from_slice(&line).map(Some).context("what the kiosk says")
    }
}
