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
        if now.since(self.since) >= SHOWN_FOR {
            // What ends the showing may be the next resident's code: it is not lost.
            let (session, effects) = Idle::after(self.code, self.last_seen).step(event, now);
            return (session, [vec![Effect::Show(Screen::Idle)], effects].concat());
        }
        if matches!(&event, Event::Code(text) if *text == self.code) {
            self.last_seen = now;
        }
        (Session::Outcome(self), vec![])
    }
}
