//! What each signal looks and sounds like. Every one differs from all others in its rhythm, for those who cannot tell
//! colors apart, and in its beeps, for those who look elsewhere.

use super::Signal;

/// A rhythm in tenths of a second, the unit of OSDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// How long it is on.
    pub on: u8,
    /// How long it is off.
    pub off: u8,
}

/// A color that every OSDP reader with more than one has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// For [`Signal::Success`].
    Green,
    /// For [`Signal::Error`].
    Red,
    /// For everything else.
    Amber,
}

/// What a signal looks and sounds like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern {
    /// The light, if it shines at all; it goes on until the next signal.
    pub light: Option<(Color, Rhythm)>,
    /// The beeps, if there are any, and how many.
    pub beeps: Option<(Rhythm, u8)>,
}

impl Signal {
    /// Returns its pattern. A guess at what people understand; nobody was asked.
    pub fn pattern(self) -> Pattern {
        let light = |color, on, off| Some((color, Rhythm { on, off }));
        let beeps = |on, off, count| Some((Rhythm { on, off }, count));
        match self {
            Signal::Off => Pattern { light: None, beeps: None },
            // Half and half, and silent: it lasts.
            Signal::Progress => Pattern { light: light(Color::Amber, 5, 5), beeps: None },
            // It does not blink at all; one long beep.
            Signal::Success => Pattern { light: light(Color::Green, 10, 0), beeps: beeps(5, 1, 1) },
            // It flickers; three short beeps.
            Signal::Error => Pattern { light: light(Color::Red, 1, 2), beeps: beeps(1, 1, 3) },
            // Long with short gaps; two beeps.
            Signal::Attention => Pattern { light: light(Color::Amber, 9, 2), beeps: beeps(3, 3, 2) },
        }
    }
}

impl Pattern {
    /// Tells whether a light of one color is on, so many milliseconds after the signal was given.
    pub fn lamp(&self, after: u64) -> bool {
        self.light.is_some_and(|(_, rhythm)| rhythm.on_at(after))
    }

    /// Tells whether the beeper is on, so many milliseconds after the signal was given.
    pub fn beeper(&self, after: u64) -> bool {
        self.beeps
            .is_some_and(|(rhythm, count)| after < rhythm.period() * u64::from(count) && rhythm.on_at(after))
    }
}

impl Rhythm {
    fn on_at(self, after: u64) -> bool {
        after % self.period() < u64::from(self.on) * 100
    }

    fn period(self) -> u64 {
        (u64::from(self.on) + u64::from(self.off)).max(1) * 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNALS: [Signal; 5] =
        [Signal::Off, Signal::Progress, Signal::Success, Signal::Error, Signal::Attention];

    #[test]
    fn no_two_signals_differ_by_color_alone() {
        for (at, one) in SIGNALS.iter().enumerate() {
            for other in &SIGNALS[at + 1..] {
                let rhythm = |signal: &Signal| signal.pattern().light.map(|(_, rhythm)| rhythm);
                assert_ne!(rhythm(one), rhythm(other), "{one:?} and {other:?} shine alike");
            }
        }
    }

    #[test]
    fn what_ends_a_visit_sounds_different() {
        let ends = [Signal::Success, Signal::Error, Signal::Attention];
        for (at, one) in ends.iter().enumerate() {
            assert!(one.pattern().beeps.is_some());
            assert!(ends[at + 1..].iter().all(|other| one.pattern().beeps != other.pattern().beeps));
        }
    }

    #[test]
    fn a_lamp_follows_the_rhythm() {
        let drawn = |signal: Signal| -> String {
            (0..12).map(|tenth| if signal.pattern().lamp(tenth * 100) { '#' } else { '.' }).collect()
        };
        assert_eq!(drawn(Signal::Off), "............");
        assert_eq!(drawn(Signal::Progress), "#####.....##");
        assert_eq!(drawn(Signal::Success), "############");
        assert_eq!(drawn(Signal::Error), "#..#..#..#..");
        assert_eq!(drawn(Signal::Attention), "#########..#");
    }

    #[test]
    fn beeps_are_counted_and_end() {
        let drawn = |signal: Signal| -> String {
            (0..14).map(|tenth| if signal.pattern().beeper(tenth * 100) { '#' } else { '.' }).collect()
        };
        assert_eq!(drawn(Signal::Progress), "..............");
        assert_eq!(drawn(Signal::Success), "#####.........");
        assert_eq!(drawn(Signal::Error), "#.#.#.........");
        assert_eq!(drawn(Signal::Attention), "###...###.....");
    }
}
