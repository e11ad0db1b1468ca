//! The gate is open: does somebody walk through?

use shared::reason::Reason;

use super::{Effect, Event, Moment, Passage, Phase, Screen, SeenCode, Shown, Step};

/// A gate that says nothing for this long after it was opened, in milliseconds, is broken.
const SILENT: u64 = 30_000;

/// One that is held open may stay so for this long before the lane is closed.
const HELD: u64 = 120_000;

/// Waiting for the gate's report.
#[derive(Debug, Clone)]
pub(super) struct AwaitPass {
    /// The row of the decision that opened it.
    row: u64,
    code: Option<SeenCode>,
    since: Moment,
    held: bool,
}

impl AwaitPass {
    pub(super) fn new(row: u64, code: Option<SeenCode>, now: Moment) -> Self {
        Self { row, code, since: now, held: false }
    }

    pub(super) fn step(mut self, event: Event, now: Moment) -> Step {
        if let (Event::Code(text), Some(code)) = (&event, &mut self.code) {
            code.sees(text, now);
        }
        if self.held && matches!(event, Event::Mended(Reason::GateFailed)) {
            let effects = vec![Effect::Show(Screen::Passage(Passage::Passed))];
            return (Phase::Outcome(Shown::briefly(self.code, now)), effects);
        }
        let Event::Gate(passage) = event else {
            let patience = if self.held { HELD } else { SILENT };
            return match now.since(self.since) > patience {
                true => (Phase::OutOfService, vec![Effect::Show(Screen::OutOfService(Reason::GateFailed))]),
                false => (Phase::AwaitPass(self), vec![]),
            };
        };
        let mut effects = vec![Effect::RecordPassage(passage, Some(self.row))];
        if passage == Passage::NotPassed {
            effects.push(Effect::FreeProof);
        }
        effects.push(Effect::Show(Screen::Passage(passage)));
        let phase = match passage {
            Passage::Held => Phase::AwaitPass(Self { held: true, since: now, ..self }),
            // Whoever still holds the code up is asked for it once more, and need not take it away first.
            Passage::NotPassed => Phase::Outcome(Shown::briefly(None, now)),
            _ => Phase::Outcome(Shown::briefly(self.code, now)),
        };
        (phase, effects)
    }
}
