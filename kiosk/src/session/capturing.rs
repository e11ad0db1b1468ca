//! The credential is good; the holder's face is awaited.

use std::sync::Arc;

use shared::reason::{Answer, Reason};

use super::{Effect, Event, Holder, Moment, Outcome, Screen, Session, conclude};
use crate::decide::FaceRecord;

/// How long a resident has to face the camera, in milliseconds.
const PATIENCE: u64 = 20_000;

/// How many frames may say "non-match" before it is the answer. Each further try adds to the false match rate of
/// the visit, so there are few.
const TRIES: u32 = 3;

/// Waiting for a face that can be compared.
#[derive(Debug, Clone)]
pub struct Capturing {
    holder: Arc<Holder>,
    code: String,
    visit_started: Moment,
    started: Moment,
    non_matches: u32,
    hint: Option<Reason>,
    last: Option<FaceRecord>,
}

impl Capturing {
    pub(super) fn new(holder: Arc<Holder>, code: String, visit_started: Moment, started: Moment) -> Self {
        Self { holder, code, visit_started, started, non_matches: 0, hint: None, last: None }
    }

    pub(super) fn step(mut self, event: Event, now: Moment) -> (Session, Vec<Effect>) {
        let late = now.since(self.started) > PATIENCE;
        let mut effects = vec![];
        if let Event::Face(reason, record) = event {
            self.last = record.or(self.last);
            match reason {
                Reason::FaceNonMatch => {
                    self.non_matches += 1;
                    if self.non_matches >= TRIES {
                        return self.end(Reason::FaceNonMatch, now);
                    }
                }
                // Something the resident can mend: say what, and look again.
                Reason::FaceNone | Reason::FaceSeveral | Reason::FaceQuality => {
                    if self.hint != Some(reason) {
                        effects.push(Effect::Show(Screen::LookAtCamera(Some(reason))));
                    }
                    self.hint = Some(reason);
                }
                // A match that comes after the deadline is not one: the person may have left.
                _ if reason.answer() == Answer::Accepted && late => {}
                _ => return self.end(reason, now),
            }
            effects.push(Effect::CompareFace(self.holder.clone()));
        }
        if late {
            let reason = if self.non_matches > 0 {
                Reason::FaceNonMatch
            } else {
                self.hint.unwrap_or(Reason::FaceNotCaptured)
            };
            return self.end(reason, now);
        }
        (Session::Capturing(self), effects)
    }

    fn end(self, reason: Reason, now: Moment) -> (Session, Vec<Effect>) {
        let face = self.last.and_then(|record| serde_json::to_value(record).ok());
        let outcome =
            Outcome { reason, claims: self.holder.claims.clone(), face, took: now.since(self.visit_started) };
        conclude(outcome, self.code, now)
    }
}
