//! The answer is yes, and it is being written down. The only place that opens the gate.

use shared::reason::Reason;

use super::{
    AwaitPass, Effect, Event, Moment, Outcome, Passage, Phase, Screen, SeenCode, Shown, Step, Surroundings,
};

/// From the frame that decided to the gate, in milliseconds. Whoever stood there may have left after that, and somebody
/// else may stand there.
pub(super) const FRESH: u64 = 2_000;

/// A yes that is not on the disk yet.
#[derive(Debug, Clone)]
pub(super) struct Deciding {
    /// What the device decided; nothing where an officer did.
    outcome: Option<Outcome>,
    code: Option<SeenCode>,
    /// When the frame was taken that decided, or the officer said so.
    taken: Moment,
}

impl Deciding {
    pub(super) fn new(outcome: Outcome, code: Option<SeenCode>, taken: Moment) -> Self {
        Self { outcome: Some(outcome), code, taken }
    }

    pub(super) fn by_officer(now: Moment) -> Self {
        Self { outcome: None, code: None, taken: now }
    }

    pub(super) fn step(self, event: Event, now: Moment, around: Surroundings) -> Step {
        let late = now.since(self.taken) > FRESH;
        match event {
            Event::Recorded(row) if late => {
                let effects = vec![
                    Effect::RecordPassage(Passage::NotPassed, Some(row)),
                    Effect::FreeProof,
                    Effect::Show(Screen::Passage(Passage::NotPassed)),
                ];
                (Phase::Outcome(Shown::briefly(None, now)), effects)
            }
            Event::Recorded(row) => {
                let screen = self.outcome.map_or(Screen::Pass, Screen::Outcome);
                let effects = vec![Effect::OpenGate, Effect::Show(screen)];
                let phase = match around.passage {
                    true => Phase::AwaitPass(AwaitPass::new(row, self.code, now)),
                    false => Phase::Outcome(Shown::new(self.code, Reason::Accepted, now)),
                };
                (phase, effects)
            }
            // A disk that does not answer is as good as one that fails.
            _ if late => {
                (Phase::OutOfService, vec![Effect::Show(Screen::OutOfService(Reason::JournalFailed))])
            }
            _ => (Phase::Deciding(self), vec![]),
        }
    }
}
