//! The outcome is shown for a while.

use shared::reason::{Answer, Reason};

use super::{Effect, Event, Idle, ManualCheck, Moment, Phase, Screen, SeenCode, Step, Surroundings};

/// How long an outcome stays on the screen, in milliseconds.
const SHOWN_FOR: u64 = 4_000;

/// And what became of the gate, which nobody has to read twice.
const BRIEFLY: u64 = 1_500;

/// Showing how the last visit ended.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    /// The journal's row of the visit, once it is written.
    row: Option<u64>,
    code: Option<SeenCode>,
    since: Moment,
    lasts: u64,
    /// Why nothing could be decided, if so.
    unanswered: Option<Reason>,
}

impl Shown {
    pub(super) fn new(code: Option<SeenCode>, reason: Reason, now: Moment) -> Self {
        let unanswered = (reason.answer() == Answer::Unanswered).then_some(reason);
        Self { row: None, code, since: now, lasts: SHOWN_FOR, unanswered }
    }

    pub(super) fn briefly(code: Option<SeenCode>, now: Moment) -> Self {
        Self { row: None, code, since: now, lasts: BRIEFLY, unanswered: None }
    }

    /// An officer said no.
    pub(super) fn declined(code: Option<SeenCode>, now: Moment) -> Self {
        Self { row: None, code, since: now, lasts: SHOWN_FOR, unanswered: None }
    }

    pub(super) fn row(&self) -> Option<u64> {
        self.row
    }

    pub(super) fn into_code(self) -> Option<SeenCode> {
        self.code
    }

    pub(super) fn step(mut self, event: Event, now: Moment, around: Surroundings) -> Step {
        if let Event::Recorded(row) = event {
            self.row.get_or_insert(row);
        }
        if now.since(self.since) >= self.lasts {
            // What ends the showing may be the next resident's code: it is not lost.
            let ((phase, effects), screen) = match self.unanswered {
                Some(reason) if around.attended => {
                    (ManualCheck::new(self.row, self.code, now).step(event, now), Screen::ManualCheck(reason))
                }
                _ => (Idle::after(self.code).step(event, now), Screen::Idle),
            };
            return (phase, [vec![Effect::Show(screen)], effects].concat());
        }
        if let (Event::Code(text), Some(code)) = (&event, &mut self.code) {
            code.sees(text, now);
        }
        (Phase::Outcome(self), vec![])
    }
}
