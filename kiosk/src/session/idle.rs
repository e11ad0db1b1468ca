//! Nobody is here: waiting for a code.

use shared::reason::Reason;

use super::{Effect, Event, Moment, Phase, Reading, Screen, SeenCode, Step, Verifying};

/// A code that stays in view after its visit is not a new one; gone this long, in milliseconds, it is.
pub(super) const GONE_AFTER: u64 = 1500;

/// Waiting, with the code of the last visit while it stays in view.
#[derive(Debug, Clone, Default)]
pub(super) struct Idle {
    lingering: Option<SeenCode>,
}

impl Idle {
    pub(super) fn after(code: Option<SeenCode>) -> Self {
        Self { lingering: code }
    }

    pub(super) fn step(mut self, event: Event, now: Moment) -> Step {
        match event {
            Event::Code(text) if self.lingers(&text, now) => (Phase::Idle(self), vec![]),
            Event::Code(text) => start(text, now),
            Event::NoCode(Reason::NoSymbol) => (Phase::Idle(self), vec![]),
            Event::NoCode(reason) => (Phase::Reading(Reading::new(self, reason, now)), vec![]),
            _ => (Phase::Idle(self), vec![]),
        }
    }

    /// Whether this is the code of the last visit, which was never out of view for long.
    pub(super) fn lingers(&mut self, text: &str, now: Moment) -> bool {
        let fresh = |code: &&mut SeenCode| now.since(code.last) < GONE_AFTER;
        self.lingering.as_mut().filter(fresh).is_some_and(|code| code.sees(text, now))
    }
}

/// Begins a visit.
pub(super) fn start(text: String, now: Moment) -> Step {
    let effects = vec![Effect::Show(Screen::Verifying), Effect::Verify(text.clone())];
    (Phase::Verifying(Verifying::new(text, now)), effects)
}
