//! The child, seen from the kiosk.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child as Process, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::message::{MOST, Report, Role};
use super::serve::{BEAT, LEAVING};
use super::{COMMAND, LOOK};

/// This program, also after an upgrade has put another one in its place.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// For how long the child may not say that it is alive.
const DEAD: Duration = BEAT.saturating_mul(6);

/// How long a child may take to end: twice what it takes at most to shut the gate.
const ENDING: Duration = LEAVING.saturating_mul(2);

/// A child at work on a line.
pub struct Child {
    process: Process,
    // Closed to end it.
    input: Option<ChildStdin>,
    reports: Receiver<Report>,
    heard: Instant,
    /// The last words of a child that ends.
    last: Option<String>,
}

impl Child {
    /// Starts one and says what to be.
    pub fn start(role: &Role) -> Result<Self> {
        let mut process = std::process::Command::new(OWN_PROGRAM)
            .arg(COMMAND)
            .env_clear()
            // Whoever stops the kiosk from a terminal stops its whole group: not the one that has to shut the gate.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("starting the process of the gate's line")?;
        let (input, output) = (process.stdin.take(), process.stdout.take());
        let (tell, reports) = sync_channel(64);
        let mut child = Self { process, input, reports, heard: Instant::now(), last: None };
        let output = output.context("the process of the gate's line has no output")?;
        thread::Builder::new().name("osdp".to_owned()).spawn(move || {
            let mut output = BufReader::new(output);
            while let Some(report) =
                read_line(&mut output).and_then(|line| serde_json::from_slice(&line).ok())
            {
                if tell.send(report).is_err() {
                    return;
                }
            }
        })?;
        child.write(role)?;
        Ok(child)
    }

    /// Says something to it.
    pub fn write(&mut self, message: &impl serde::Serialize) -> Result<()> {
        // A line is short, and the child reads all of them: the pipe is never full.
        let line = serde_json::to_string(message).context("encoding a message")?;
        let input = self.input.as_mut().context("it is ending")?;
        writeln!(input, "{line}").context("it does not listen")
    }

    /// Returns what it reported since the last call, or why it will report nothing more.
    pub fn reports(&mut self) -> Result<Vec<Report>, String> {
        let mut reports = Vec::new();
        loop {
            match self.reports.try_recv() {
                Ok(report) => {
                    self.heard = Instant::now();
                    if let Report::Down(why) = &report {
                        self.last = Some(why.clone());
                    }
                    reports.push(report);
                }
                Err(TryRecvError::Empty) if self.heard.elapsed() > DEAD => {
                    return Err("the process of the gate's line hangs".to_owned());
                }
                // What it reported before its end comes first.
                Err(TryRecvError::Disconnected) if reports.is_empty() => {
                    let last = self.last.take();
                    return Err(last.unwrap_or_else(|| "the process of the gate's line has ended".to_owned()));
                }
                Err(_) => return Ok(reports),
            }
        }
    }

    /// Ends it at once.
    pub fn kill(mut self) {
        // Both fail only for a child that is gone.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It sees the end of its input, shuts the gate and ends.
        self.input = None;
        let deadline = Instant::now() + ENDING;
        while Instant::now() < deadline {
            match self.process.try_wait() {
                Ok(None) => thread::sleep(LOOK),
                _ => return,
            }
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn read_line(input: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    input.take(MOST as u64).read_until(b'\n', &mut line).ok().filter(|_| line.ends_with(b"\n"))?;
    Some(line)
}
