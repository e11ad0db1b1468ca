//! One lane's visits as a pure state machine: events in, effects out. It reads no clock and does no I/O.
//!
//! ```text
//! idle ──code──▶ verifying ──good──▶ capturing ──face──▶ outcome ──time──▶ idle
//!                    └──────────────refused─────────────▶ outcome
//! ```
//! A policy may ask for a challenge: then a face that matched has to move as asked and match again.
//! ```text
//! any ──fault──▶ out of service ──mended──▶ idle
//! ```
//! Whatever goes wrong ends in a state that keeps the gate shut and says so.

mod capturing;
mod idle;
mod outcome;
mod verifying;

use std::sync::Arc;

use serde_json::{Map, Value};
use shared::credential::Verified;
use shared::face::{Challenge, ChallengeTask, QualityIssue};
use shared::reason::{Answer, Reason};
use shared::seal::Seal;

use crate::decide::FaceAnswer;
pub use capturing::Capturing;
pub use idle::Idle;
pub use outcome::Shown;
pub use verifying::Verifying;

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
    /// The face pipeline answered for one frame.
    Face(FaceAnswer),
    /// Time passed.
    Tick,
    /// Something the lane cannot work without failed.
    Fault(Reason),
    /// It works again.
    Mended,
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
    /// Write down how the visit ended.
    Record(Outcome),
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
    /// Accepted, and the gate is open: please walk through.
    Pass,
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

/// The state of a lane.
#[derive(Debug, Clone)]
pub enum Session {
    /// Nobody is here.
    Idle(Idle),
    /// A code is being verified.
    Verifying(Verifying),
    /// The holder's face is awaited.
    Capturing(Box<Capturing>),
    /// The outcome is shown.
    Outcome(Shown),
    /// The lane is closed.
    OutOfService,
}

impl Session {
    /// A lane that waits for its first visit.
    pub fn new() -> (Self, Vec<Effect>) {
        (Session::Idle(Idle::default()), vec![Effect::Show(Screen::Idle)])
    }

    /// Takes one event and returns the next state with what is to be done.
    #[must_use]
    pub fn step(self, event: Event, now: Moment) -> (Self, Vec<Effect>) {
        match (self, event) {
            (Session::OutOfService, Event::Mended) => Session::new(),
            (Session::OutOfService, _) => (Session::OutOfService, vec![]),
            (_, Event::Fault(reason)) => {
                (Session::OutOfService, vec![Effect::Show(Screen::OutOfService(reason))])
            }
            (state, Event::Mended) => (state, vec![]),
            (Session::Idle(state), event) => state.step(event, now),
            (Session::Verifying(state), event) => state.step(event, now),
            (Session::Capturing(state), event) => state.step(event, now),
            (Session::Outcome(state), event) => state.step(event, now),
        }
    }
}

/// Ends a visit: the only place that opens the gate, and only for one reason.
fn conclude(outcome: Outcome, code: String, now: Moment) -> (Session, Vec<Effect>) {
    // The gate opens for nothing that is not written down.
    let mut effects = vec![Effect::Record(outcome.clone()), Effect::Show(Screen::Outcome(outcome.clone()))];
    if outcome.reason.answer() == Answer::Accepted {
        effects.insert(1, Effect::OpenGate);
    }
    (Session::Outcome(Shown::new(code, now)), effects)
}

#[cfg(test)]
mod tests;
