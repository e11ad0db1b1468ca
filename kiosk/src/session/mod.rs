//! One lane's visits as a pure state machine: events in, effects out. It reads no clock and does no I/O.
//!
//! ```text
//!           ┌──unreadable──▶ reading ──┐
//! idle ─────┴──────────code───────────┴──▶ verifying ──good──▶ capturing ──match──▶ deciding ──written──▶ gate
//!                                              └───────refused──────┴──────────────▶ outcome
//! gate ──▶ await pass ──passed, not passed──▶ outcome ──time──▶ idle
//! outcome ──unanswered, and there is an operator──▶ manual check ──officer admits──▶ deciding
//! any ──fault, or closed by an operator──▶ out of service ──all mended, reopened──▶ idle
//! ```
//! A policy may ask for a challenge: then a face that matched has to move as asked and match again.
//!
//! Whatever goes wrong ends in a state that keeps the gate shut and says so.

mod awaiting;
mod capturing;
mod deciding;
mod idle;
mod manual;
mod outcome;
mod reading;
mod verifying;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use shared::credential::Verified;
use shared::face::{Challenge, ChallengeTask, QualityIssue};
use shared::reason::{Answer, Reason};
use shared::seal::Seal;

use crate::decide::FaceAnswer;
use awaiting::AwaitPass;
use capturing::Capturing;
use deciding::Deciding;
use idle::Idle;
use manual::ManualCheck;
use outcome::Shown;
use reading::Reading;
use verifying::Verifying;

/// A moment of the runtime's monotonic clock, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment(pub u64);

impl Moment {
    /// Milliseconds from `earlier` to `self`.
    pub fn since(self, earlier: Moment) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A credential that passed every check but the face, with what the operator may see of it.
#[derive(Debug)]
pub struct Holder {
    /// The credential.
    pub verified: Verified,
    /// The claims that the policy shows.
    pub claims: Map<String, Value>,
    /// What the person is asked to do once the face matches, if the policy wants a challenge; drawn at random.
    pub challenge: Option<Challenge>,
}

/// Everything that can wake the session.
#[derive(Debug, Clone)]
pub enum Event {
    /// The camera shows a code with this text.
    Code(String),
    /// The camera shows something in place of one readable code: nothing, several, or a damaged one.
    NoCode(Reason),
    /// The verifier answered.
    Verified(Result<Arc<Holder>, Reason>),
    /// The verifier answered that the code is a genuine seal of another scheme, which names no holder.
    Seal(Box<Seal>),
    /// The face pipeline answered for one frame, which was taken at this moment.
    Face(FaceAnswer, Moment),
    /// What was to be written down is on the disk, in this row of the journal.
    Recorded(u64),
    /// What the gate reports.
    Gate(Passage),
    /// An officer, who is known, decided about the visit of this row.
    Officer {
        /// The row of the device's decision.
        row: u64,
        /// Whether the person is let in.
        admit: bool,
    },
    /// An operator closes the lane.
    Close,
    /// An operator opens it again.
    Reopen,
    /// Time passed.
    Tick,
    /// Something the lane cannot work without failed.
    Fault(Reason),
    /// It works again.
    Mended(Reason),
}

/// What the runtime is asked to do.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Verify this text and answer with [`Event::Verified`] or [`Event::Seal`].
    Verify(String),
    /// Compare the next frame's face with this holder and answer with [`Event::Face`].
    CompareFace(Arc<Holder>),
    /// Show this.
    Show(Screen),
    /// Open the gate once.
    OpenGate,
    /// Write down how the visit ended and answer with [`Event::Recorded`], or with [`Event::Fault`].
    Record(Outcome),
    /// Write down what the officer decided about a visit, and answer like that.
    RecordOfficer {
        /// The row of the device's decision.
        row: u64,
        /// Whether the person is let in.
        admit: bool,
    },
    /// Write down what became of the gate that a decision opened, or that nobody opened.
    RecordPassage(Passage, Option<u64>),
    /// Let the code of this visit be shown once more: it opened the gate and nobody went.
    FreeProof,
}

/// What the resident and the operator see. The screen draws it and decides nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Screen {
    /// Nobody is here: hold your code in front of the camera.
    Idle,
    /// There is a code, and it cannot be read; or there are several.
    Problem(Reason),
    /// A code was read: one moment.
    Verifying,
    /// Look at the camera; and what would help, if anything.
    LookAtCamera(Option<Hint>),
    /// Move, to show that you are no picture.
    Challenge(ChallengeTask),
    /// How it ended.
    Outcome(Outcome),
    /// Nothing could be decided, for this reason: an officer will come.
    ManualCheck(Reason),
    /// An officer lets the person in, and the gate is open: please walk through.
    Pass,
    /// An officer does not let the person in.
    Declined,
    /// What became of the open gate.
    Passage(Passage),
    /// The lane is closed.
    OutOfService(Reason),
}

/// What the gate reports of somebody who may pass, or of one who may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// Walked through.
    Passed,
    /// The gate was opened and nobody went.
    NotPassed,
    /// The gate does not close.
    Held,
    /// The gate was opened by force.
    Forced,
}

/// Why the last frame's face could not be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint {
    /// What was wrong.
    pub reason: Reason,
    /// And with what about the picture, if it was that.
    pub issue: Option<QualityIssue>,
}

/// How a visit ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Why.
    pub reason: Reason,
    /// What the policy lets the operator see; empty unless the credential itself was good.
    pub claims: Map<String, Value>,
    /// The seal of another scheme that was shown in place of a credential.
    pub seal: Option<Seal>,
    /// What comparing the face gave.
    pub face: Option<serde_json::Value>,
    /// Whether the person did what a challenge asked for; nothing where none was asked.
    pub challenge_passed: Option<bool>,
    /// How long the visit took from the first sight of its code, in milliseconds.
    pub took: u64,
}

/// What a lane has besides its camera.
#[derive(Debug, Clone, Copy, Default)]
pub struct Surroundings {
    /// The gate tells whether somebody passed.
    pub passage: bool,
    /// Somebody answers for what the lane cannot decide.
    pub attended: bool,
}

/// The states of a lane, for those who watch it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nobody is here.
    Idle,
    /// Something like a code is in view.
    Reading,
    /// A code is being verified.
    Verifying,
    /// The holder's face is awaited.
    Capturing,
    /// The holder is asked to move.
    Challenge,
    /// The decision is being written down.
    Deciding,
    /// The gate is open.
    AwaitPass,
    /// The outcome is shown.
    Outcome,
    /// An officer has to look.
    ManualCheck,
    /// The lane is closed.
    OutOfService,
}

/// A lane.
#[derive(Debug, Clone)]
pub struct Session {
    surroundings: Surroundings,
    /// What does not work.
    faults: BTreeSet<&'static str>,
    /// Closed by an operator.
    closed: bool,
    phase: Phase,
}

#[derive(Debug, Clone)]
enum Phase {
    Idle(Idle),
    Reading(Reading),
    Verifying(Verifying),
    Capturing(Box<Capturing>),
    Deciding(Deciding),
    AwaitPass(AwaitPass),
    Outcome(Shown),
    ManualCheck(ManualCheck),
    OutOfService,
}

/// What a state makes of an event.
type Step = (Phase, Vec<Effect>);

impl Session {
    /// A lane that waits for its first visit, or that an operator closed before it was switched off.
    pub fn new(surroundings: Surroundings, closed: bool) -> (Self, Vec<Effect>) {
        let faults = BTreeSet::new();
        let session = Self { surroundings, faults, closed, phase: Phase::OutOfService };
        session.reopened()
    }

    /// Returns the state, for those who watch the lane.
    pub fn state(&self) -> State {
        match &self.phase {
            Phase::Idle(_) => State::Idle,
            Phase::Reading(_) => State::Reading,
            Phase::Verifying(_) => State::Verifying,
            Phase::Capturing(capturing) if capturing.challenges() => State::Challenge,
            Phase::Capturing(_) => State::Capturing,
            Phase::Deciding(_) => State::Deciding,
            Phase::AwaitPass(_) => State::AwaitPass,
            Phase::Outcome(_) => State::Outcome,
            Phase::ManualCheck(_) => State::ManualCheck,
            Phase::OutOfService => State::OutOfService,
        }
    }

    /// Tells whether an officer's decision can be carried out now: nobody else's visit is under way.
    pub fn takes_officer(&self) -> bool {
        matches!(self.state(), State::Idle | State::Reading | State::Outcome | State::ManualCheck)
    }

    /// Takes one event and returns the next state with what is to be done.
    #[must_use]
    pub fn step(mut self, event: Event, now: Moment) -> (Self, Vec<Effect>) {
        match event {
            Event::Fault(reason) => {
                self.faults.insert(reason.code());
                self.out_of_service()
            }
            Event::Mended(reason) if self.faults.remove(reason.code()) => self.reopened(),
            Event::Close => {
                self.closed = true;
                self.out_of_service()
            }
            Event::Reopen => {
                // Whoever opens the lane has looked at a gate that fell silent; one that is still broken says so again.
                let silent = self.faults.remove(Reason::GateFailed.code());
                if std::mem::take(&mut self.closed) || silent { self.reopened() } else { (self, vec![]) }
            }
            Event::Gate(Passage::Forced) => self.forced(now),
            // The last visitor is through, and the gate does not close behind them.
            Event::Gate(Passage::Held) if !matches!(self.phase, Phase::AwaitPass(_)) => {
                self.step(Event::Fault(Reason::GateFailed), now)
            }
            Event::Officer { row, admit } if self.takes_officer() => {
                let mut effects = vec![Effect::RecordOfficer { row, admit }];
                if admit {
                    return (Self { phase: Phase::Deciding(Deciding::by_officer(now)), ..self }, effects);
                }
                let code = match self.phase {
                    Phase::Outcome(shown) if shown.row() == Some(row) => shown.into_code(),
                    Phase::ManualCheck(check) if check.row() == Some(row) => check.into_code(),
                    // Whoever stands before the lane by now is somebody else, whom that does not concern.
                    _ => return (self, effects),
                };
                effects.push(Effect::Show(Screen::Declined));
                (Self { phase: Phase::Outcome(Shown::declined(code, now)), ..self }, effects)
            }
            event => {
                let around = self.surroundings;
                let (phase, effects) = match self.phase {
                    Phase::Idle(state) => state.step(event, now),
                    Phase::Reading(state) => state.step(event, now),
                    Phase::Verifying(state) => state.step(event, now),
                    Phase::Capturing(state) => state.step(event, now),
                    Phase::Deciding(state) => state.step(event, now, around),
                    Phase::AwaitPass(state) => state.step(event, now),
                    Phase::Outcome(state) => state.step(event, now, around),
                    Phase::ManualCheck(state) => state.step(event, now),
                    Phase::OutOfService => (Phase::OutOfService, vec![]),
                };
                let mut session = Self { phase, ..self };
                // A state that finds the gate or the journal silent says so by going out of service.
                if let Some(Effect::Show(Screen::OutOfService(reason))) = effects.last() {
                    session.faults.insert(reason.code());
                }
                (session, effects)
            }
        }
    }

    fn out_of_service(self) -> (Self, Vec<Effect>) {
        let reason = self.why_closed();
        let effects = vec![Effect::Show(Screen::OutOfService(reason))];
        (Self { phase: Phase::OutOfService, ..self }, effects)
    }

    /// Opens a lane for visits, if nothing else is against it.
    fn reopened(self) -> (Self, Vec<Effect>) {
        if self.closed || !self.faults.is_empty() {
            return self.out_of_service();
        }
        (Self { phase: Phase::Idle(Idle::default()), ..self }, vec![Effect::Show(Screen::Idle)])
    }

    /// The reason that is shown: a fault before an operator's wish, because somebody has to mend it.
    fn why_closed(&self) -> Reason {
        self.faults.first().and_then(|code| Reason::from_code(code)).unwrap_or(Reason::LaneClosed)
    }

    /// Nobody knows who came through: whatever was under way ends, and somebody has to look.
    fn forced(self, now: Moment) -> (Self, Vec<Effect>) {
        let mut effects = vec![Effect::RecordPassage(Passage::Forced, None)];
        if matches!(self.phase, Phase::OutOfService) {
            return (self, effects);
        }
        effects.push(Effect::Show(Screen::Passage(Passage::Forced)));
        let phase = match self.surroundings.attended {
            true => Phase::ManualCheck(ManualCheck::new(None, None, now)),
            false => Phase::Outcome(Shown::new(None, Reason::GateForced, now)),
        };
        (Self { phase, ..self }, effects)
    }
}

/// A code that was seen, and when last. Of the code itself nothing is kept but what tells it from others.
#[derive(Debug, Clone)]
struct SeenCode {
    digest: [u8; 32],
    last: Moment,
}

impl SeenCode {
    fn new(text: &str, now: Moment) -> Self {
        Self { digest: Sha256::digest(text).into(), last: now }
    }

    /// Whether this is the code; if so, it was last seen now.
    fn sees(&mut self, text: &str, now: Moment) -> bool {
        let same = self.digest == Self::new(text, now).digest;
        if same {
            self.last = now;
        }
        same
    }
}

/// Ends a visit. A yes is written down first; the gate opens once it is, and while it is fresh.
fn conclude(outcome: Outcome, code: String, taken: Moment, now: Moment) -> Step {
    let code = Some(SeenCode::new(&code, now));
    match outcome.reason.answer() {
        Answer::Accepted => {
            let record = Effect::Record(outcome.clone());
            (Phase::Deciding(Deciding::new(outcome, code, taken)), vec![record])
        }
        _ => {
            let shown = Shown::new(code, outcome.reason, now);
            (
                Phase::Outcome(shown),
                vec![Effect::Record(outcome.clone()), Effect::Show(Screen::Outcome(outcome))],
            )
        }
    }
}

#[cfg(test)]
mod tests;
