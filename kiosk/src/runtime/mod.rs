//! A lane at work: brings frames, the gate's reports and officers' orders to the session, and carries out what it asks for.
//!
//! | thread | does |
//! | --- | --- |
//! | this one | the session, the verifier, the journal, the gate: nothing that takes long |
//! | `vision` | reads codes and compares faces, one frame at a time |
//! | the camera's | decodes; the newest frame wins |
//!
//! A recorded camera is played frame by frame, and time is what its frames say.

//!
//! | file | does |
//! | --- | --- |
//! | `source.rs` | the cameras |
//! | `senses.rs` | what is seen and heard becomes events |
//! | `verifier.rs` | what is believed, asked for and verified |
//! | `attendance.rs` | what the operators are told, and what they order |
//! | `upkeep.rs` | what is done now and then |
//! | `neighbors.rs` | the accounts and the organization's own system |
//! | `work.rs` | what the lane is in the middle of |

mod attendance;
mod neighbors;
mod senses;
mod source;
mod upkeep;
mod verifier;
mod vision;
mod work;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use shared::credential::Purpose;
use shared::encryption::DecryptionKey;
use shared::face::FaceEngine;
use shared::journal::{self, Entry};
use shared::reason::{Answer, Reason};
use shared::time::Timestamp;
use shared::trust::{FalseMatchRate, TrustStore};

use crate::camera::Delivery;
use crate::clock::{self, ClockState};
use crate::gate::{Gate, Signal};
use crate::notice;
use crate::operator::{Board, Metrics};
use crate::scanner::Scanners;
use crate::session::{Effect, Event, Moment, Outcome, Passage, Screen, Session, State, Surroundings};
use crate::settings::Settings;
use crate::site::{ReplayScope, Site, SiteMemory};
use crate::state;
use crate::ui::Display;
use crate::watch::Watch;
pub use neighbors::Neighbors;
pub use source::Source;
use vision::Vision;
use work::Work;

/// After a recording ends, its last visit gets this much time to end by itself, in milliseconds.
const AFTER_THE_END: u64 = 30_000;

/// What a lane works with.
pub struct Lane<'a> {
    /// What it was told.
    pub settings: Settings,
    /// Its state folder.
    pub folder: PathBuf,
    /// Whoever waits for signs of life.
    pub watch: Watch,
    /// What it decides for.
    pub purpose: Purpose,
    /// What it believes.
    pub trust: TrustStore,
    /// Where it remembers codes and writes its journal.
    pub state: state::State,
    /// The sector's keys that it was given.
    pub keys: Vec<DecryptionKey>,
    /// The face models, if they are installed.
    pub engine: Option<FaceEngine>,
    /// How rarely strangers may match, if the operator wants it rarer than the policy.
    pub false_match_rate: Option<FalseMatchRate>,
    /// What time it is.
    pub time: Time,
    /// What it has besides its camera.
    pub surroundings: Surroundings,
    /// Codes that scanners read.
    pub scanners: Option<Scanners>,
    /// The memory that the lanes of its site share.
    pub site: Option<Site>,
    /// Who else hears of visits.
    pub neighbors: Option<Neighbors>,
    /// Where it shows what to do.
    pub display: &'a mut dyn Display,
    /// What it opens.
    pub gate: &'a mut dyn Gate,
    /// What it tells its operators, and hears from them.
    pub board: Board,
    /// What is counted.
    pub metrics: Metrics,
    /// Where outcomes go.
    pub record: &'a mut Record<'a>,
}

/// Takes an outcome with its time, its row in the journal, and whose memory of used codes was asked.
pub type Record<'a> = dyn FnMut(&Outcome, Timestamp, u64, Option<ReplayScope>) -> Result<()> + 'a;

/// What time it is.
pub enum Time {
    /// The system's clock, as far as it can be believed.
    System(clock::Clock),
    /// It was this when the camera started: for recordings.
    From(Timestamp),
}

impl Lane<'_> {
    /// Works until the camera has no more frames, or `stop` says so.
    ///
    /// # Errors
    /// What leaves the lane without eyes or without memory from the start; the gate is shut then.
    pub fn run(&mut self, mut source: Source<'_>, started: Instant, stop: &AtomicBool) -> Result<()> {
        let recorded = matches!(source, Source::Recorded(_));
        let models = self.engine.is_some();
        let mut work = Work::new(Vision::start(self.engine.take())?, (!recorded).then_some(started), models);
        let version = env!("CARGO_PKG_VERSION").to_owned();
        self.write(&Entry::Started { version, purpose: self.purpose.clone() }, Moment(0))?;
        let (mut session, effects) = Session::new(self.surroundings, self.state.closed_by()?.is_some());
        self.carry_out(effects, &mut work);
        self.tell_parts(&mut work);
        while !stop.load(Ordering::Relaxed) {
            if session.state() == State::Idle {
                self.ask(&mut work)?;
            }
            let eye = source.eye(session.state());
            let delivery = source.next(eye);
            work.now = match &delivery {
                Delivery::Frame(frame) if recorded => Moment(frame.at),
                Delivery::End if recorded => Moment(work.now.0 + AFTER_THE_END),
                _ if recorded => work.now,
                _ => Moment(u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)),
            };
            if let Some((other, delivery)) = source.other(eye) {
                self.look_after(other, &delivery, &mut work);
            }
            self.look_after(eye, &delivery, &mut work);
            if !self.take(delivery, session.state(), recorded, &mut work)? {
                break;
            }
            self.display.alive();
            self.hear(&mut work);
            self.obey(&session, &mut work);
            work.events.push_back(Event::Tick);
            session = self.drain(session, &mut work);
            self.tell_state(&session, &mut work);
            self.look_around(&source, &mut work);
        }
        work.events.push_back(Event::Tick);
        self.drain(session, &mut work);
        self.write(&Entry::Stopped, work.now)?;
        let at = self.at(work.now);
        self.state.sign_checkpoint(at)
    }

    /// Reads the clock, and says what it is worth.
    fn read_clock(&mut self, now: Moment) -> (Timestamp, ClockState) {
        match &mut self.time {
            Time::System(clock) => clock.read(self.trust.floor()),
            Time::From(start) => {
                (start.plus(i64::try_from(now.0 / 1000).unwrap_or(i64::MAX)), ClockState::Sure)
            }
        }
    }

    /// The time that is written down: never before what was signed.
    fn at(&mut self, now: Moment) -> Timestamp {
        let (clock, _) = self.read_clock(now);
        self.trust.floor().time(clock)
    }

    /// Something failed, or works again: closes or opens the lane, and writes that down.
    fn fault(&mut self, reason: Reason, mended: bool, work: &mut Work) {
        self.write_down(&Entry::Fault { reason, mended }, work);
        work.events.push_back(if mended { Event::Mended(reason) } else { Event::Fault(reason) });
    }

    fn drain(&mut self, mut session: Session, work: &mut Work) -> Session {
        while let Some(event) = work.events.pop_front() {
            let (next, effects) = session.step(event, work.now);
            session = next;
            self.carry_out(effects, work);
        }
        session
    }

    fn carry_out(&mut self, effects: Vec<Effect>, work: &mut Work) {
        for effect in effects {
            match effect {
                Effect::Verify(text) => {
                    let event = self.verify(&text, work);
                    work.events.push_back(event);
                }
                Effect::CompareFace(holder) => work.compare = Some(holder),
                Effect::Show(screen) => self.show(&screen, work),
                Effect::OpenGate => {
                    self.metrics.gate_pulse();
                    if let Err(error) = self.gate.open() {
                        notice(&format!("the gate failed: {error:#}"));
                        // The gate itself reports that, to be written down, and when it is over.
                        work.events.push_back(Event::Fault(Reason::GateFailed));
                    }
                }
                Effect::Record(outcome) => self.visit_ended(&outcome, work),
                Effect::RecordOfficer { row, admit } => self.officer_decided(row, admit, work),
                Effect::RecordPassage(passage, row) => {
                    let entry = match (journaled(passage), row) {
                        (Some(passage), Some(decision)) => Entry::Passage { decision, passage },
                        _ => Entry::Forced,
                    };
                    self.write_down(&entry, work);
                }
                Effect::FreeProof => {
                    if let Some(proof) = work.proof.take() {
                        let freed = SiteMemory::new(&mut self.state, self.site.as_ref()).forget(proof);
                        if let Err(error) = freed {
                            notice(&format!("a code that was not used up stays used: {error:#}"));
                        }
                    }
                }
            }
        }
    }

    fn show(&mut self, screen: &Screen, work: &mut Work) {
        if *screen == Screen::Verifying {
            self.board.update(|status| status.passage = None);
        }
        work.screen = screen.clone();
        self.display.show(screen);
        self.gate.signal(signal(screen));
        if let (Screen::Idle, Some(question)) = (screen, work.questions.last()) {
            self.display.ask(&question.challenge);
        }
    }

    fn visit_ended(&mut self, outcome: &Outcome, work: &mut Work) {
        // A face that was asked for is no longer wanted, nor is what was seen of the code.
        work.compare = None;
        if let Some(since) = work.face_since.take() {
            self.metrics.face_decided(Duration::from_millis(work.now.since(since)));
        }
        work.vision.forget();
        // The next visitor is asked anew.
        work.questions.clear();
        let replay = work.replay.take();
        let entry = Entry::Decided {
            purpose: self.purpose.clone(),
            reason: outcome.reason,
            trust: self.trust.versions().timestamp,
            face: outcome.face.is_some(),
            took: outcome.took,
            memory: replay.map(Into::into),
        };
        let Some(row) = self.write_down(&entry, work) else { return };
        self.tell_outcome(outcome, row, work);
        let (at, holder) = (self.at(work.now), work.holder.take());
        if let Some(neighbors) = &mut self.neighbors {
            neighbors.ended(&neighbors::Ended {
                row,
                at,
                purpose: &self.purpose,
                reason: outcome.reason,
                shown: &outcome.claims,
                holder: holder.as_deref(),
                kiosk: self.trust.kiosk(),
                waits: self.surroundings.attended && attendance::waits(outcome.reason),
            });
        }
        if let Err(error) = (self.record)(outcome, at, row, replay) {
            // Whoever listened has gone; what counts is in the journal.
            notice(&format!("an outcome could not be handed out: {error:#}"));
        }
        work.events.push_front(Event::Recorded(row));
    }

    /// Writes a row, or closes the lane until that is possible again.
    fn write_down(&mut self, entry: &Entry, work: &mut Work) -> Option<u64> {
        match self.write(entry, work.now) {
            Ok(row) => Some(row),
            Err(error) => {
                if !std::mem::replace(&mut work.mute, true) {
                    notice(&format!("the journal cannot be written: {error:#}"));
                }
                work.events.push_front(Event::Fault(Reason::JournalFailed));
                None
            }
        }
    }

    fn write(&mut self, entry: &Entry, now: Moment) -> Result<u64> {
        let at = self.at(now);
        Ok(self.state.record(entry, at)?.seq)
    }
}

fn journaled(passage: Passage) -> Option<journal::Passage> {
    match passage {
        Passage::Passed => Some(journal::Passage::Passed),
        Passage::NotPassed => Some(journal::Passage::NotPassed),
        Passage::Held => Some(journal::Passage::Held),
        Passage::Forced => None,
    }
}

/// What lamps and beepers say with a screen.
fn signal(screen: &Screen) -> Signal {
    match screen {
        Screen::Idle => Signal::Off,
        Screen::Verifying | Screen::LookAtCamera(_) | Screen::Challenge(_) => Signal::Progress,
        Screen::Pass | Screen::Passage(Passage::Passed) => Signal::Success,
        Screen::Outcome(outcome) => match outcome.reason.answer() {
            Answer::Accepted => Signal::Success,
            Answer::Refused => Signal::Error,
            Answer::Unanswered => Signal::Attention,
        },
        Screen::Declined => Signal::Error,
        Screen::Problem(_) | Screen::ManualCheck(_) | Screen::Passage(_) | Screen::OutOfService(_) => {
            Signal::Attention
        }
    }
}

#[cfg(test)]
mod soak;
#[cfg(test)]
mod tests;
