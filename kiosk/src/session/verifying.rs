//! A code is being verified.

use shared::credential::Claims;
use shared::reason::Reason;
use shared::trust::FaceRule;

use crate::decide;

use super::{Capturing, Effect, Event, Moment, Outcome, Phase, Screen, Step, conclude};

/// The verifier takes well under a millisecond; one that has not answered after this long never will.
const GIVE_UP: u64 = 5_000;

/// Waiting for the verifier.
#[derive(Debug, Clone)]
pub(super) struct Verifying {
    code: String,
    started: Moment,
}

impl Verifying {
    pub(super) fn new(code: String, started: Moment) -> Self {
        Self { code, started }
    }

    pub(super) fn step(self, event: Event, now: Moment) -> Step {
        let took = now.since(self.started);
        let end =
            |reason, claims| Outcome { reason, claims, seal: None, face: None, challenge_passed: None, took };
        match event {
            Event::Verified(Err(reason)) => conclude(end(reason, Default::default()), self.code, now, now),
            Event::Verified(Ok(holder)) => match holder.verified.face() {
                FaceRule::NotUsed => {
                    conclude(end(Reason::Accepted, holder.claims.clone()), self.code, now, now)
                }
                FaceRule::Officer => {
                    conclude(end(Reason::FaceOfficer, holder.claims.clone()), self.code, now, now)
                }
                FaceRule::Required if !has_face(holder.verified.claims()) => {
                    conclude(end(Reason::FaceNoTemplate, holder.claims.clone()), self.code, now, now)
                }
                FaceRule::Required => {
                    let effects =
                        vec![Effect::Show(Screen::LookAtCamera(None)), Effect::CompareFace(holder.clone())];
                    (
                        Phase::Capturing(Box::new(Capturing::new(holder, self.code, self.started, now))),
                        effects,
                    )
                }
            },
            Event::Seal(seal) => {
                let outcome = end(Reason::SealGenuine, decide::as_json(&seal.attributes));
                conclude(Outcome { seal: Some(*seal), ..outcome }, self.code, now, now)
            }
            _ if took > GIVE_UP => {
                conclude(end(Reason::VerifierSilent, Default::default()), self.code, now, now)
            }
            _ => (Phase::Verifying(self), vec![]),
        }
    }
}

/// Whether there is anything that a face can be compared with.
fn has_face(claims: &Claims) -> bool {
    claims.face.is_some() || claims.portrait.is_some()
}
