//! Nothing could be decided: an officer has to look.

use super::idle::{GONE_AFTER, Idle, start};
use super::{Effect, Event, Moment, Phase, Screen, SeenCode, Step};

/// How long somebody waits here for an officer, in milliseconds. The visit stays in the officer's list after that.
const PATIENCE: u64 = 120_000;

/// Waiting for an officer.
#[derive(Debug, Clone)]
pub(super) struct ManualCheck {
    /// The journal's row of the visit; nothing where a gate was forced.
    row: Option<u64>,
    code: Option<SeenCode>,
    since: Moment,
}

impl ManualCheck {
    pub(super) fn new(row: Option<u64>, code: Option<SeenCode>, now: Moment) -> Self {
        Self { row, code, since: now }
    }

    pub(super) fn row(&self) -> Option<u64> {
        self.row
    }

    pub(super) fn into_code(self) -> Option<SeenCode> {
        self.code
    }

    pub(super) fn step(mut self, event: Event, now: Moment) -> Step {
        if let Event::Code(text) = event {
            let fresh = |code: &&mut SeenCode| now.since(code.last) < GONE_AFTER;
            let same = self.code.as_mut().filter(fresh).is_some_and(|code| code.sees(&text, now));
            if !same {
                // Whoever comes next is not kept waiting; the officer's list still has the one before.
                return start(text, now);
            }
        }
        match now.since(self.since) > PATIENCE {
            true => (Phase::Idle(Idle::after(self.code)), vec![Effect::Show(Screen::Idle)]),
            false => (Phase::ManualCheck(self), vec![]),
        }
    }
}
