//! Whether the kiosk's clock can be believed: what the kernel says of it, the signed floor, and whether it was set while
//! the kiosk worked.
//!
//! A [`Reading`] is taken from the machine; everything that is concluded from readings is arithmetic in [`Clock`].

mod kernel;

use std::time::Duration;

use shared::reason::Reason;
use shared::time::Timestamp;
use shared::trust::{ClockState as FloorState, TimeFloor};

use crate::settings::ClockSettings;
pub use kernel::{Kernel, Reading};

/// How much a clock that nobody sets may go wrong: what the kernel reckons with (`MAXFREQ`), 43 seconds a day.
const DRIFT_PER_MILLION: u32 = 500;

/// What the clock is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockState {
    /// Right, within the tolerance.
    Sure,
    /// Possibly wrong by more than the tolerance.
    Unsure {
        /// By how much at most; `None` where nothing says.
        error: Option<Duration>,
    },
    /// Behind signed time.
    Tampered,
}

impl ClockState {
    /// Returns the state's name in status, metrics and output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sure => "sure",
            Self::Unsure { .. } => "unsure",
            Self::Tampered => "tampered",
        }
    }

    /// Returns what is left of a reason to refuse that is about time alone: by an unsure clock nobody is refused for it.
    pub fn temper(self, reason: Reason) -> Reason {
        let of_time = matches!(
            reason,
            Reason::CredentialExpired
                | Reason::CredentialNotYetValid
                | Reason::ProofExpired
                | Reason::ProofNotYetValid
                | Reason::SealExpired
        );
        match self {
            Self::Unsure { .. } if of_time => Reason::ClockUnsure,
            _ => reason,
        }
    }
}

/// Judges a clock by one reading after the other.
#[derive(Debug)]
pub struct Clock {
    tolerance: Duration,
    vouched: Option<Duration>,
    /// Since when the operator's word holds: the first reading, or the last with a clock that was being set.
    vouched_since: Option<Anchor>,
    /// The last reading at which the kernel knew how wrong the clock was.
    known: Option<Anchor>,
    /// How wrong the clock could be at the last reading.
    error: Option<Duration>,
}

/// A reading that later ones are compared with.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    /// Milliseconds from the start of the machine to the time shown: changes where the clock is set.
    offset: i64,
    boot: Duration,
    error: Duration,
}

impl Anchor {
    fn at(reading: &Reading, error: Duration) -> Self {
        let boot = i64::try_from(reading.boot.as_millis()).unwrap_or(i64::MAX);
        Self { offset: reading.wall.saturating_sub(boot), boot: reading.boot, error }
    }

    /// Returns by how much the clock was set since.
    fn set_by(&self, later: &Self) -> Duration {
        Duration::from_millis(later.offset.abs_diff(self.offset))
    }
}

impl Clock {
    /// Knows nothing yet but what the settings say.
    pub fn new(settings: &ClockSettings) -> Self {
        let seconds = |seconds: u16| Duration::from_secs(seconds.into());
        Self {
            tolerance: seconds(settings.max_error_seconds),
            vouched: settings.vouched_error_seconds.map(seconds),
            vouched_since: None,
            known: None,
            error: None,
        }
    }

    /// Takes a reading, and judges it.
    pub fn read(&mut self, floor: TimeFloor) -> (Timestamp, ClockState) {
        let reading = Reading::take();
        (reading.time(), self.judge(&reading, floor))
    }

    /// Returns how wrong the clock could be at the last reading; `None` where nothing says.
    pub fn max_error(&self) -> Option<Duration> {
        self.error
    }

    /// Judges a reading; the first one too, and each by those before.
    pub fn judge(&mut self, reading: &Reading, floor: TimeFloor) -> ClockState {
        self.error = self.possible_error(reading);
        match self.error {
            _ if floor.check(reading.time()) == FloorState::Tampered => ClockState::Tampered,
            Some(error) if error <= self.tolerance => ClockState::Sure,
            error => ClockState::Unsure { error },
        }
    }

    /// Returns how wrong the clock may be.
    fn possible_error(&mut self, reading: &Reading) -> Option<Duration> {
        let now = Anchor::at(reading, Duration::ZERO);
        let known = match reading.kernel {
            Some(Kernel { synchronized: true, max_error }) => {
                let anchor = Anchor { error: max_error, ..now };
                self.known = Some(anchor);
                // Whoever vouches for the clock vouches for what a time server made of it.
                self.vouched_since = Some(now);
                return Some(max_error);
            }
            _ => self.known,
        };
        let drifted = known.map(|known| {
            let elapsed = reading.boot.saturating_sub(known.boot);
            known.error + known.set_by(&now) + elapsed / 1_000_000 * DRIFT_PER_MILLION
        });
        let since = *self.vouched_since.get_or_insert(now);
        let vouched = self.vouched.map(|vouched| vouched + since.set_by(&now));
        match (drifted, vouched) {
            (Some(drifted), Some(vouched)) => Some(drifted.min(vouched)),
            (drifted, vouched) => drifted.or(vouched),
        }
    }
}

#[cfg(test)]
mod tests;
