//! Nobody is here: waiting for a code.

use super::{Effect, Event, Moment, Screen, Session, Verifying};

/// A code that stays in view after its visit is not a new one; gone this long, in milliseconds, it is.
const GONE_AFTER: u64 = 1500;

/// Waiting, with the code of the last visit while it stays in view.
#[derive(Debug, Clone, Default)]
pub struct Idle {
    lingering: Option<(String, Moment)>,
}

impl Idle {
    pub(super) fn after(code: String, last_seen: Moment) -> Self {
        Self { lingering: Some((code, last_seen)) }
    }

    pub(super) fn step(mut self, event: Event, now: Moment) -> (Session, Vec<Effect>) {
        let Event::Code(text) = event else { return (Session::Idle(self), vec![]) };
        if let Some((code, last_seen)) = &mut self.lingering
            && *code == text
            && now.since(*last_seen) < GONE_AFTER
        {
            *last_seen = now;
            return (Session::Idle(self), vec![]);
        }
        let effects = vec![Effect::Show(Screen::Verifying), Effect::Verify(text.clone())];
        (Session::Verifying(Verifying::new(text, now)), effects)
    }
}
