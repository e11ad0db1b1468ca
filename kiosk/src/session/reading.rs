//! Something like a code is in view, and it cannot be read; or there are several.

use shared::reason::Reason;

use super::idle::{Idle, start};
use super::{Effect, Event, Moment, Phase, Screen, Step};

/// A code that cannot be read gets this long, in milliseconds, before the resident is told; a phone that is still
/// moving into place is blurred for a moment.
const TOLD_AFTER: u64 = 1000;

/// Waiting for the code to become readable.
#[derive(Debug, Clone)]
pub(super) struct Reading {
    idle: Idle,
    problem: Reason,
    since: Moment,
    told: bool,
}

impl Reading {
    pub(super) fn new(idle: Idle, problem: Reason, since: Moment) -> Self {
        Self { idle, problem, since, told: false }
    }

    pub(super) fn step(mut self, event: Event, now: Moment) -> Step {
        match event {
            Event::Code(text) if self.idle.lingers(&text, now) => self.over(),
            Event::Code(text) => start(text, now),
            Event::NoCode(Reason::NoSymbol) => self.over(),
            Event::NoCode(reason) if reason != self.problem => {
                (Phase::Reading(Self { problem: reason, since: now, ..self }), vec![])
            }
            Event::NoCode(reason) if !self.told && now.since(self.since) >= TOLD_AFTER => {
                self.told = true;
                (Phase::Reading(self), vec![Effect::Show(Screen::Problem(reason))])
            }
            _ => (Phase::Reading(self), vec![]),
        }
    }

    fn over(self) -> Step {
        let effects = if self.told { vec![Effect::Show(Screen::Idle)] } else { vec![] };
        (Phase::Idle(self.idle), effects)
    }
}
