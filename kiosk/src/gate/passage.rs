//! What a gate's contacts mean: a pure state machine, whose times are arguments.

use super::GateEvent;
use super::settings::TimeSettings;

/// A point in time, in milliseconds on a clock that never steps.
pub type Milliseconds = u64;

/// How long everything may take.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// How long the gate is unlocked at most.
    pub pulse: Milliseconds,
    /// How much later than that somebody may still pass.
    pub grace: Milliseconds,
    /// How long the gate may stand open.
    pub held: Milliseconds,
    /// How long after a request to exit the gate may be opened from within.
    pub exit: Milliseconds,
}

impl From<TimeSettings> for Times {
    fn from(times: TimeSettings) -> Self {
        Self {
            pulse: times.pulse_ms.get(),
            grace: times.grace_ms.get(),
            held: times.held_ms.get(),
            exit: times.exit_ms.get(),
        }
    }
}

/// What happens at a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// We open it.
    Open,
    /// Its contact says that it is open.
    Opened,
    /// Its contact says that it is shut.
    Shut,
    /// Somebody inside asks to leave.
    Exit,
    /// Time passed.
    Tick,
}

/// One gate.
#[derive(Debug)]
pub struct Passage {
    times: Times,
    has_contact: bool,
    now: Milliseconds,
    pulse_ends: Option<Milliseconds>,
    awaited_until: Option<Milliseconds>,
    exit_until: Option<Milliseconds>,
    open: Option<Standing>,
}

/// A gate that stands open.
#[derive(Debug)]
struct Standing {
    since: Milliseconds,
    held: bool,
    alarmed: bool,
}

impl Passage {
    /// Begins with a gate whose contact says that it is open or not; with none, if it has no contact.
    pub fn new(times: Times, contact: Option<bool>, now: Milliseconds) -> Self {
        // Nobody knows who left a gate open before we looked: no alarm, unless it stays so.
        let open = (contact == Some(true)).then_some(Standing { since: now, held: false, alarmed: false });
        let has_contact = contact.is_some();
        Self { times, has_contact, now, pulse_ends: None, awaited_until: None, exit_until: None, open }
    }

    /// Takes what happened and returns what it means, in this order.
    pub fn step(&mut self, input: Input, now: Milliseconds) -> Vec<GateEvent> {
        self.now = self.now.max(now);
        let mut events = self.expire();
        events.extend(match input {
            Input::Open => self.unlock(),
            Input::Opened => self.opened(),
            Input::Shut => self.shut(),
            Input::Exit => {
                self.exit_until = Some(self.now + self.times.exit);
                Some(GateEvent::Exit)
            }
            Input::Tick => None,
        });
        events
    }

    /// Tells of a gate that is held open once more, to somebody who heard of something else meanwhile.
    pub fn remind(&mut self) {
        if let Some(open) = &mut self.open {
            open.held = false;
        }
    }

    /// Tells whether the gate is to be unlocked now.
    pub fn unlocked(&self) -> bool {
        self.pulse_ends.is_some()
    }

    /// Ends whatever is over by now.
    fn expire(&mut self) -> Vec<GateEvent> {
        let over = |end: &mut Option<Milliseconds>| end.take_if(|end| *end <= self.now).is_some();
        over(&mut self.pulse_ends);
        over(&mut self.exit_until);
        let missed = over(&mut self.awaited_until).then_some(GateEvent::NotPassed);
        let held = self.open.as_mut().filter(|open| !open.held && self.now - open.since >= self.times.held);
        let held = held.map(|open| {
            (open.held, open.alarmed) = (true, true);
            GateEvent::Held
        });
        missed.into_iter().chain(held).collect()
    }

    fn unlock(&mut self) -> Option<GateEvent> {
        if self.open.is_some() {
            // A gate that stands open lets anybody through. That nobody went cannot be known, and is not claimed.
            (self.pulse_ends, self.awaited_until) = (None, None);
            return Some(GateEvent::Passed);
        }
        let ends = self.now + self.times.pulse;
        self.pulse_ends = Some(ends);
        self.awaited_until = self.has_contact.then_some(ends + self.times.grace);
        None
    }

    fn opened(&mut self) -> Option<GateEvent> {
        if self.open.is_some() {
            return None;
        }
        let awaited = self.awaited_until.take().is_some();
        // One pulse is one passage: the gate locks behind the first person.
        self.pulse_ends = None;
        let forced = !awaited && self.exit_until.is_none();
        self.open = Some(Standing { since: self.now, held: false, alarmed: forced });
        match (awaited, forced) {
            (true, _) => Some(GateEvent::Passed),
            (false, true) => Some(GateEvent::Forced),
            (false, false) => None,
        }
    }

    fn shut(&mut self) -> Option<GateEvent> {
        self.open.take().filter(|open| open.alarmed).map(|_| GateEvent::Shut)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::GateEvent::{Exit, Forced, Held, NotPassed, Passed, Shut};
    use super::*;

    const TIMES: Times = Times { pulse: 1_000, grace: 3_000, held: 10_000, exit: 5_000 };

    /// Plays a sequence on a gate that is shut, and returns everything that it reports with the time of each.
    fn play(inputs: &[(Milliseconds, Input)]) -> Vec<(Milliseconds, GateEvent)> {
        let mut gate = Passage::new(TIMES, Some(false), 0);
        inputs
            .iter()
            .flat_map(|(now, input)| gate.step(*input, *now).into_iter().map(|event| (*now, event)))
            .collect()
    }

    #[test]
    fn somebody_passes_and_the_gate_locks_behind_them() {
        let mut gate = Passage::new(TIMES, Some(false), 0);
        assert_eq!(gate.step(Input::Open, 100), []);
        assert!(gate.unlocked());
        assert_eq!(gate.step(Input::Opened, 600), [Passed]);
        assert!(!gate.unlocked());
        assert_eq!(gate.step(Input::Shut, 2_000), []);
        assert_eq!(gate.step(Input::Tick, 60_000), []);
    }

    #[test]
    fn somebody_who_is_slow_still_passes_in_the_grace() {
        assert_eq!(play(&[(0, Input::Open), (3_999, Input::Opened)]), [(3_999, Passed)]);
    }

    #[test]
    fn nobody_goes() {
        let mut gate = Passage::new(TIMES, Some(false), 0);
        assert_eq!(gate.step(Input::Open, 0), []);
        assert_eq!(gate.step(Input::Tick, 999), []);
        assert!(gate.unlocked());
        assert_eq!(gate.step(Input::Tick, 1_000), []);
        assert!(!gate.unlocked(), "the pulse is bounded");
        assert_eq!(gate.step(Input::Tick, 3_999), []);
        assert_eq!(gate.step(Input::Tick, 4_000), [NotPassed]);
        assert_eq!(gate.step(Input::Opened, 4_001), [Forced], "the opening is used up");
    }

    #[test]
    fn a_second_person_on_one_pulse_is_an_alarm() {
        let inputs = [(0, Input::Open), (200, Input::Opened), (700, Input::Shut), (900, Input::Opened)];
        assert_eq!(play(&inputs), [(200, Passed), (900, Forced)]);
    }

    #[test]
    fn a_gate_that_stays_open_is_held_once_and_told_of_when_shut() {
        let inputs = [
            (0, Input::Open),
            (500, Input::Opened),
            (10_499, Input::Tick),
            (10_500, Input::Tick),
            (99_000, Input::Tick),
            (99_001, Input::Shut),
        ];
        assert_eq!(play(&inputs), [(500, Passed), (10_500, Held), (99_001, Shut)]);
    }

    #[test]
    fn a_gate_that_is_still_held_is_told_of_again_when_asked() {
        let mut gate = Passage::new(TIMES, Some(true), 0);
        gate.remind();
        assert_eq!(gate.step(Input::Tick, 9_999), [], "it is not held yet");
        assert_eq!(gate.step(Input::Tick, 10_000), [Held]);
        gate.remind();
        assert_eq!(gate.step(Input::Tick, 10_001), [Held]);
        assert_eq!(gate.step(Input::Shut, 10_002), [Shut]);
        gate.remind();
        assert_eq!(gate.step(Input::Tick, 99_000), []);
    }

    #[test]
    fn force_is_told_at_once_and_is_over_when_shut() {
        let inputs = [(10, Input::Opened), (11, Input::Opened), (12, Input::Shut), (13, Input::Shut)];
        assert_eq!(play(&inputs), [(10, Forced), (12, Shut)]);
    }

    #[test]
    fn leaving_is_no_force() {
        let inputs = [(0, Input::Exit), (4_999, Input::Opened), (6_000, Input::Shut), (6_001, Input::Opened)];
        assert_eq!(play(&inputs), [(0, Exit), (6_001, Forced)]);
    }

    #[test]
    fn opening_a_gate_that_stands_open_counts_as_passing() {
        let mut gate = Passage::new(TIMES, Some(true), 0);
        assert_eq!(gate.step(Input::Open, 5), [Passed]);
        assert!(!gate.unlocked());
        assert_eq!(gate.step(Input::Tick, 9_999), []);
        assert_eq!(gate.step(Input::Tick, 10_000), [Held], "since we began to look");
    }

    #[test]
    fn without_a_contact_there_is_a_pulse_and_nothing_to_tell() {
        let mut gate = Passage::new(TIMES, None, 0);
        assert_eq!(gate.step(Input::Open, 0), []);
        assert!(gate.unlocked());
        assert_eq!(gate.step(Input::Exit, 500), [Exit]);
        assert_eq!(gate.step(Input::Tick, 1_000), []);
        assert!(!gate.unlocked());
    }

    #[test]
    fn a_clock_that_steps_back_prolongs_nothing() {
        let mut gate = Passage::new(TIMES, Some(false), 5_000);
        gate.step(Input::Open, 5_000);
        gate.step(Input::Tick, 6_000);
        assert!(!gate.unlocked());
        gate.step(Input::Tick, 0);
        assert_eq!(gate.step(Input::Tick, 9_000), [NotPassed]);
    }

    fn inputs() -> impl Strategy<Value = Vec<(Milliseconds, Input)>> {
        let input =
            prop::sample::select(vec![Input::Open, Input::Opened, Input::Shut, Input::Exit, Input::Tick]);
        let pause = prop_oneof![0..50u64, 0..1_500u64, 0..12_000u64];
        prop::collection::vec((pause, input), 0..40).prop_map(|steps| {
            steps
                .into_iter()
                .scan(0, |now, (pause, input)| {
                    *now += pause;
                    Some((*now, input))
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn whatever_happens(inputs in inputs()) {
            let mut gate = Passage::new(TIMES, Some(false), 0);
            // What has to hold is said by looking back at everything that happened.
            let mut past: Vec<(Milliseconds, Input, Vec<GateEvent>)> = Vec::new();
            for (now, input) in inputs {
                let was_open = contact(&past);
                let events = gate.step(input, now);
                past.push((now, input, events.clone()));
                let opening = input == Input::Opened && !was_open;

                prop_assert_eq!(events.contains(&Exit), input == Input::Exit);
                prop_assert!(!events.contains(&Forced) || opening);
                let answers = told(&past, &Passed) + told(&past, &NotPassed);
                prop_assert!(answers <= past.iter().filter(|(_, input, _)| *input == Input::Open).count());
                if events.contains(&Passed) {
                    prop_assert!(opening || (input == Input::Open && was_open));
                    let asked = last(&past, |input, _| input == Input::Open).unwrap();
                    prop_assert!(now - asked < TIMES.pulse + TIMES.grace);
                }
                if opening {
                    // Exactly one of: it was for us, somebody leaves, or it is force.
                    let exit = last(&past, |input, _| input == Input::Exit);
                    let leaving = exit.is_some_and(|asked| now - asked < TIMES.exit);
                    prop_assert!(events.contains(&Passed) || events.contains(&Forced) || leaving);
                    prop_assert!(!(events.contains(&Passed) && events.contains(&Forced)));
                    prop_assert!(!(events.contains(&Forced) && leaving));
                }
                if gate.unlocked() {
                    let asked = last(&past, |input, _| input == Input::Open).unwrap();
                    prop_assert!(now - asked < TIMES.pulse, "the pulse is bounded");
                    let passed = last(&past, |_, events| events.contains(&Passed));
                    prop_assert!(passed.is_none_or(|passed| passed <= asked), "one pulse is one passage");
                    prop_assert!(!contact(&past), "it is not unlocked while it stands open");
                }
                prop_assert!(told(&past, &Shut) <= told(&past, &Forced) + told(&past, &Held));
                if events.contains(&Shut) {
                    prop_assert!(input == Input::Shut && was_open);
                }
            }
            // In the end every opening is answered, and a gate that stands open is told of.
            let last_open = past.iter().rposition(|(_, input, _)| *input == Input::Open);
            let end = past.last().map_or(0, |(now, ..)| *now) + TIMES.pulse + TIMES.grace + TIMES.held;
            let events = gate.step(Input::Tick, end);
            past.push((end, Input::Tick, events));
            prop_assert!(!gate.unlocked());
            if let Some(asked) = last_open {
                let answers = past[asked..]
                    .iter()
                    .flat_map(|(_, _, events)| events)
                    .filter(|event| matches!(event, Passed | NotPassed))
                    .count();
                // An answer to the opening before it may be told in the same step.
                prop_assert!((1..=2).contains(&answers));
            }
            if contact(&past) {
                let shut = past.iter().rposition(|(_, input, _)| *input == Input::Shut).map_or(0, |at| at + 1);
                prop_assert_eq!(told(&past[shut..], &Held), 1);
            }
        }
    }

    /// What the contact said last.
    fn contact(past: &[(Milliseconds, Input, Vec<GateEvent>)]) -> bool {
        past.iter()
            .rev()
            .find_map(|(_, input, _)| match input {
                Input::Opened => Some(true),
                Input::Shut => Some(false),
                _ => None,
            })
            .unwrap_or_default()
    }

    fn told(past: &[(Milliseconds, Input, Vec<GateEvent>)], event: &GateEvent) -> usize {
        past.iter().flat_map(|(_, _, events)| events).filter(|told| *told == event).count()
    }

    /// When something happened last.
    fn last(
        past: &[(Milliseconds, Input, Vec<GateEvent>)],
        what: impl Fn(Input, &[GateEvent]) -> bool,
    ) -> Option<Milliseconds> {
        past.iter().rev().find(|(_, input, events)| what(*input, events)).map(|(now, ..)| *now)
    }
}
