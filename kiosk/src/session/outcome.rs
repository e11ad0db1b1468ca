//! The outcome is shown for a while.

use super::{Effect, Event, Idle, Moment, Screen, Session};

/// How long an outcome stays on the screen, in milliseconds.
const SHOWN_FOR: u64 = 4_000;

/// Showing how the last visit ended.
#[derive(Debug, Clone)]
pub struct Shown {
    code: String,
    last_seen: Moment,
    since: Moment,
}

impl Shown {
    pub(super) fn new(code: String, now: Moment) -> Self {
        Self { code, last_seen: now, since: now }
    }

    pub(super) fn step(mut self, event: Event, now: Moment) -> (Session, Vec<Effect>) {
        if matches!(&event, Event::Code(text) if *text == self.code) {
            self.last_seen = now;
        }
        if now.since(self.since) < SHOWN_FOR {
            return (Session::Outcome(self), vec![]);
        }
        (Session::Idle(Idle::after(self.code, self.last_seen)), vec![Effect::Show(Screen::Idle)])
    }
}
