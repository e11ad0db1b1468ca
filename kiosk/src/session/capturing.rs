//! The credential is good; the holder's face is awaited, and what the challenge asks for, if the policy wants one.

use std::sync::Arc;

use shared::face::{Challenge, Progress};
use shared::reason::{Answer, Reason};

use super::deciding::FRESH;
use super::{Effect, Event, Hint, Holder, Moment, Outcome, Phase, Screen, Step, conclude};
use crate::decide::{FaceAnswer, FaceRecord};

/// How long a resident has to face the camera, in milliseconds; and how much longer to do what a challenge asks.
const PATIENCE: u64 = 20_000;
const CHALLENGE_PATIENCE: u64 = 15_000;

/// How many frames may say "non-match" before it is the answer. Each further try adds to the false match rate of
/// the visit, so there are few.
const TRIES: u32 = 3;

/// Waiting for a face that can be compared.
#[derive(Debug, Clone)]
pub(super) struct Capturing {
    holder: Arc<Holder>,
    code: String,
    visit_started: Moment,
    started: Moment,
    non_matches: u32,
    shown: Screen,
    hint: Option<Reason>,
    last: Option<FaceRecord>,
    challenge: Option<Asked>,
}

/// A challenge, once the face has matched.
#[derive(Debug, Clone)]
struct Asked {
    challenge: Challenge,
    /// Frames since the person was last seen to be the same.
    strange: u32,
}

/// After so many frames that may show somebody else, it is somebody else.
const STRANGE_FRAMES: u32 = 8;

impl Capturing {
    pub(super) fn new(holder: Arc<Holder>, code: String, visit_started: Moment, started: Moment) -> Self {
        Self {
            holder,
            code,
            visit_started,
            started,
            non_matches: 0,
            shown: Screen::LookAtCamera(None),
            hint: None,
            last: None,
            challenge: None,
        }
    }

    /// Whether the person is asked to move.
    pub(super) fn challenges(&self) -> bool {
        self.challenge.as_ref().is_some_and(|asked| asked.challenge.progress() != Progress::Done)
    }

    pub(super) fn step(mut self, event: Event, now: Moment) -> Step {
        let patience = PATIENCE + if self.challenge.is_some() { CHALLENGE_PATIENCE } else { 0 };
        let late = now.since(self.started) > patience;
        let mut effects = vec![];
        if let Event::Face(answer, taken) = event {
            // An answer that took too long says nothing of whoever stands there now.
            if now.since(taken) <= FRESH
                && let Some(reason) = self.judge(answer, late, &mut effects)
            {
                return self.end(reason, taken, now);
            }
            effects.push(Effect::CompareFace(self.holder.clone()));
        }
        if late {
            let reason = match (&self.challenge, self.non_matches) {
                (Some(_), _) => Reason::FaceChallenge,
                (None, 0) => self.hint.unwrap_or(Reason::FaceNotCaptured),
                (None, _) => Reason::FaceNonMatch,
            };
            return self.end(reason, now, now);
        }
        (Phase::Capturing(Box::new(self)), effects)
    }

    /// Takes one frame's answer; returns how the visit ends, if it does.
    fn judge(&mut self, answer: FaceAnswer, late: bool, effects: &mut Vec<Effect>) -> Option<Reason> {
        let reason = answer.reason;
        if self.challenges() {
            return self.watch(answer, effects);
        }
        self.last = answer.record.or(self.last.take());
        match reason {
            Reason::FaceNonMatch => {
                self.non_matches += 1;
                (self.non_matches >= TRIES).then_some(reason)
            }
            // Something the resident can mend: say what, and look again.
            Reason::FaceNone | Reason::FaceSeveral | Reason::FaceQuality => {
                self.hint = Some(reason);
                self.show(Screen::LookAtCamera(Some(Hint { reason, issue: answer.issue })), effects);
                None
            }
            // A match that comes after the deadline is not one: the person may have left.
            _ if reason.answer() == Answer::Accepted && late => None,
            Reason::Accepted if self.challenge.is_none() => match &self.holder.challenge {
                None => Some(reason),
                Some(challenge) => {
                    self.challenge = Some(Asked { challenge: challenge.clone(), strange: 0 });
                    self.ask(effects);
                    None
                }
            },
            _ => Some(reason),
        }
    }

    /// Watches the person do what was asked for. Every frame has to show the one who matched before, or a living head
    /// could do the turning for a picture.
    fn watch(&mut self, answer: FaceAnswer, effects: &mut Vec<Effect>) -> Option<Reason> {
        let asked = self.challenge.as_mut()?;
        match &answer.record {
            Some(record) if record.same_person => {
                asked.strange = 0;
                if asked.challenge.observe(&record.quality) == Progress::Failed {
                    return Some(Reason::FaceChallenge);
                }
                self.ask(effects);
            }
            Some(_) => {
                asked.strange += 1;
                if asked.strange >= STRANGE_FRAMES {
                    return Some(Reason::FaceChallenge);
                }
            }
            // Turned too far, or not there for a moment.
            None => {}
        }
        None
    }

    fn ask(&mut self, effects: &mut Vec<Effect>) {
        match self.challenge.as_ref().map(|asked| asked.challenge.progress()) {
            Some(Progress::Asked(task)) => self.show(Screen::Challenge(task), effects),
            _ => self.show(Screen::LookAtCamera(None), effects),
        }
    }

    fn show(&mut self, screen: Screen, effects: &mut Vec<Effect>) {
        if self.shown != screen {
            effects.push(Effect::Show(screen.clone()));
            self.shown = screen;
        }
    }

    fn end(self, reason: Reason, taken: Moment, now: Moment) -> Step {
        let face = self.last.and_then(|record| serde_json::to_value(record).ok());
        let challenge = self.challenge.map(|asked| asked.challenge.progress() == Progress::Done);
        let outcome = Outcome {
            reason,
            claims: self.holder.claims.clone(),
            seal: None,
            face,
            challenge_passed: challenge,
            took: now.since(self.visit_started),
        };
        conclude(outcome, self.code, taken, now)
    }
}
