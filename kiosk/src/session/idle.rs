//! Nobody is here: waiting for a code.

use shared::reason::Reason;

use super::{Effect, Event, Moment, Screen, Session, Verifying};

/// A code that stays in view after its visit is not a new one; gone this long, in milliseconds, it is.
const GONE_AFTER: u64 = 1500;

/// A code that cannot be read gets this long, in milliseconds, before the resident is told; a phone that is still
/// moving into place is blurred for a moment.
const TOLD_AFTER: u64 = 1000;

/// Waiting, with the code of the last visit while it stays in view.
#[derive(Debug, Clone, Default)]
pub struct Idle {
    lingering: Option<(String, Moment)>,
    /// What stands in place of a readable code, since when, and whether that was said.
    problem: Option<(Reason, Moment, bool)>,
}

impl Idle {
    pub(super) fn after(code: String, last_seen: Moment) -> Self {
        Self { lingering: Some((code, last_seen)), problem: None }
    }

    pub(super) fn step(mut self, event: Event, now: Moment) -> (Session, Vec<Effect>) {
        let text = match event {
            Event::Code(text) => text,
            Event::NoCode(reason) => return self.without_code(reason, now),
            _ => return (Session::Idle(self), vec![]),
        };
        let told = self.problem.take().is_some_and(|(.., told)| told);
        if let Some((code, last_seen)) = &mut self.lingering
            && *code == text
            && now.since(*last_seen) < GONE_AFTER
        {
            *last_seen = now;
            return (Session::Idle(self), if told { vec![Effect::Show(Screen::Idle)] } else { vec![] });
        }
        let effects = vec![Effect::Show(Screen::Verifying), Effect::Verify(text.clone())];
        (Session::Verifying(Verifying::new(text, now)), effects)
    }

    /// A code that stays unreadable, or several at once, is said; an empty frame is not.
    fn without_code(mut self, reason: Reason, now: Moment) -> (Session, Vec<Effect>) {
        let mut effects = vec![];
        match (&mut self.problem, reason) {
            (Some((_, _, told)), Reason::NoSymbol) => {
                if *told {
                    effects.push(Effect::Show(Screen::Idle));
                }
                self.problem = None;
            }
            (None, Reason::NoSymbol) => {}
            (Some((known, since, told)), reason) if *known == reason => {
                if !*told && now.since(*since) >= TOLD_AFTER {
                    *told = true;
                    effects.push(Effect::Show(Screen::Problem(reason)));
                }
            }
            (problem, reason) => *problem = Some((reason, now, false)),
        }
        (Session::Idle(self), effects)
    }
}
