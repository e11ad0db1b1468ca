//! OSDP (IEC 60839-11-5) over a serial line, as the panel of one device or as a reader of somebody else's panel.
//!
//! The library is C, reads what strangers can put on a wire along a wall, and has places that end its process. So a child
//! does it. That helps more than it costs: whatever was not carried out in time is gone with the
//! child and cannot open the gate later, and a child whose kiosk is gone, even killed, shuts the gate before it ends.

mod card;
mod child;
mod key;
mod line;
mod message;
mod panel;
mod reader;
mod serve;

use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use self::child::Child;
use self::message::{Command, Report, Role};
pub use self::serve::run;
use super::passage::{Input, Passage, Times};
use super::settings::{PanelSettings, ReaderSettings};
use super::worker::{Opening, Order, Reports, Worker};
use super::{GateEvent, Signal};

/// The command that the child is started with; it is in no help.
pub const COMMAND: &str = "osdp";

/// How often the kiosk looks at what its child says.
const LOOK: Duration = Duration::from_millis(10);

/// What is said of a line that takes too long.
const LATE: &str = "the gate's line did not confirm in time";

/// How soon another child is started, and how late at most.
const RETRY: Duration = Duration::from_secs(1);
const RETRY_MOST: Duration = Duration::from_secs(10);

/// Takes a gate at an OSDP device into service.
pub fn open_panel(settings: &PanelSettings) -> Result<Worker> {
    // Said at once, and not by a child every few seconds.
    key::read(&settings.line.key_file)?;
    let passage = (settings.times.into(), settings.contact.is_some());
    start(Role::Panel(settings.clone()), Some(passage))
}

/// Becomes a reader of a panel.
pub fn open_reader(settings: &ReaderSettings) -> Result<Worker> {
    key::read(&settings.line.key_file)?;
    start(Role::Reader(settings.clone()), None)
}

fn start(role: Role, passage: Option<(Times, bool)>) -> Result<Worker> {
    let reports_passage = passage.is_some_and(|(_, has_contact)| has_contact);
    Worker::start(reports_passage, move |orders, reports, started| {
        let mut gate = Osdp::new(role, passage, reports);
        loop {
            match orders.recv_timeout(LOOK) {
                Ok(Order::Open(opening)) => gate.open(opening),
                Ok(Order::Signal(signal)) => {
                    gate.signal = signal;
                    gate.say(Command::Signal(signal));
                }
                // What is told of already is mended by itself.
                Ok(Order::GaveUp) if gate.told == Told::Fault => {}
                Ok(Order::GaveUp) => gate.lose(LATE),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            gate.look();
            if gate.told != Told::Nothing {
                started();
            }
        }
    })
}

/// What the lane was told of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Neither that it answers nor that it does not.
    Nothing,
    Well,
    Fault,
}

/// One gate, with or without a child that works its line.
struct Osdp<'a> {
    role: Role,
    /// The times of a gate that is ours, and whether it has a contact.
    times: Option<(Times, bool)>,
    reports: &'a Reports,
    began: Instant,
    child: Option<Child>,
    passage: Option<Passage>,
    /// What the contact said last.
    contact: Option<bool>,
    up: bool,
    /// The device's case is open.
    tampered: bool,
    told: Told,
    opening: Option<Opening>,
    signal: Signal,
    /// When to start another child.
    retry: Instant,
    failures: u32,
}

impl<'a> Osdp<'a> {
    fn new(role: Role, times: Option<(Times, bool)>, reports: &'a Reports) -> Self {
        Self {
            role,
            times,
            reports,
            began: Instant::now(),
            child: None,
            passage: None,
            contact: None,
            up: false,
            tampered: false,
            told: Told::Nothing,
            opening: None,
            signal: Signal::Off,
            retry: Instant::now(),
            failures: 0,
        }
    }

    fn open(&mut self, opening: Opening) {
        if self.told == Told::Fault || !self.up {
            let why = "nobody answers at the other end of the gate's line";
            opening.answer(Err(anyhow!(why)));
            self.fault(why.to_owned());
        } else if opening.awaited() {
            self.opening = Some(opening);
            self.say(Command::Open);
        }
    }

    fn look(&mut self) {
        if self.child.is_none() && Instant::now() >= self.retry {
            match Child::start(&self.role) {
                Ok(child) => self.child = Some(child),
                Err(error) => self.lose(&format!("{error:#}")),
            }
        }
        let reports = self.child.as_mut().map(Child::reports);
        match reports {
            None => {}
            Some(Ok(reports)) => {
                for report in reports {
                    self.take(report);
                    if self.child.is_none() {
                        // It was given up: what else it said is no longer so.
                        break;
                    }
                }
            }
            Some(Err(why)) => self.lose(&why),
        }
        if self.opening.as_ref().is_some_and(|opening| !opening.awaited()) {
            self.lose(LATE);
        }
        self.step(Input::Tick);
    }

    fn take(&mut self, report: Report) {
        match report {
            Report::Alive => {}
            Report::Up => {
                self.up = true;
                self.failures = 0;
                if let Some((times, has_contact)) = self.times {
                    let contact = has_contact.then_some(self.contact.unwrap_or_default());
                    self.passage = Some(Passage::new(times, contact, self.now()));
                }
                if !self.tampered {
                    self.well();
                }
                self.say(Command::Signal(self.signal));
            }
            Report::Down(why) => {
                self.up = false;
                self.fault(why);
            }
            Report::Contact(open) => {
                self.contact = Some(open);
                self.step(if open { Input::Opened } else { Input::Shut });
            }
            Report::Exit => self.step(Input::Exit),
            Report::Tamper(tampered) => {
                self.tampered = tampered;
                if tampered {
                    self.fault("the OSDP device was opened by somebody".to_owned());
                } else if self.up {
                    self.well();
                }
            }
            Report::Opened => {
                if let Some(opening) = self.opening.take() {
                    opening.answer(Ok(()));
                    self.step(Input::Open);
                }
            }
            // Another child finds out whether the other side still listens.
            Report::NotOpened(why) => self.lose(&why),
        }
    }

    fn step(&mut self, input: Input) {
        let now = self.now();
        let Some(passage) = &mut self.passage else { return };
        let was_unlocked = passage.unlocked();
        let events = passage.step(input, now);
        // The device ends the pulse by itself; somebody who passes ends it at once.
        let ends = events.contains(&GateEvent::Passed) && (was_unlocked || input == Input::Open);
        events.into_iter().for_each(|event| self.reports.tell(event));
        if ends {
            self.say(Command::Shut);
        }
    }

    fn say(&mut self, command: Command) {
        let failed = self.child.as_mut().and_then(|child| child.write(&command).err());
        if let Some(error) = failed {
            self.lose(&format!("the process of the gate's line: {error}"));
        }
    }

    /// Gives up the child, and with it whatever it was told and did not do.
    fn lose(&mut self, why: &str) {
        if let Some(child) = self.child.take() {
            child.kill();
        }
        if let Some(opening) = self.opening.take() {
            opening.answer(Err(anyhow!("{why}")));
        }
        (self.up, self.tampered, self.passage, self.contact) = (false, false, None, None);
        self.retry = Instant::now() + (RETRY * 2u32.saturating_pow(self.failures)).min(RETRY_MOST);
        self.failures = (self.failures + 1).min(8);
        self.fault(why.to_owned());
    }

    /// Says once that something is wrong.
    fn fault(&mut self, why: String) {
        if std::mem::replace(&mut self.told, Told::Fault) != Told::Fault {
            self.reports.tell(GateEvent::Fault(why));
        }
    }

    fn well(&mut self) {
        if std::mem::replace(&mut self.told, Told::Well) == Told::Fault {
            self.reports.tell(GateEvent::Mended);
            if let Some(passage) = &mut self.passage {
                passage.remind();
            }
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests;
