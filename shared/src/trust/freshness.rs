//! How old what the kiosk believes is, and whether its clock can be believed at all.

use serde::Serialize;

use crate::time::Timestamp;

/// Up to this age, in seconds, a repository is fresh (ETSI EN 319 411-1: revocation within 24 hours).
pub const FRESH_FOR: i64 = 24 * 3600;

/// No policy extends the grace after expiry beyond this many days: a decision of this project.
pub const MAX_GRACE_DAYS: u16 = 90;

/// How far the clock may be behind the signed floor, in seconds, before it counts as tampered with:
/// the publisher's clock and the kiosk's may differ a little.
pub(super) const FLOOR_LEEWAY: i64 = 120;

/// The state of the trust repository at a given time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Freshness {
    /// Published within the last 24 hours.
    Fresh,
    /// Older, and not expired.
    Aging,
    /// Expired, within the grace that the policy grants.
    Stale,
    /// Expired beyond all grace.
    Dead,
}

impl Freshness {
    /// Returns the state at `now` of what was published at `issued` and expires at `expires`.
    pub fn at(now: Timestamp, issued: Timestamp, expires: Timestamp, grace_days: u16) -> Self {
        let grace = i64::from(grace_days.min(MAX_GRACE_DAYS)) * 24 * 3600;
        if now >= expires.plus(grace) {
            Self::Dead
        } else if now >= expires {
            Self::Stale
        } else if now.seconds_since(issued) > FRESH_FOR {
            Self::Aging
        } else {
            Self::Fresh
        }
    }
}

/// The earliest time it can possibly be, from signed metadata alone.
///
/// A clock never raises it, so a clock that was once set to 2099 does no lasting harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeFloor(Timestamp);

/// What a clock reading is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockState {
    /// Not before the floor: the time to use.
    Plausible(Timestamp),
    /// Before the floor: the clock was set back, or its battery failed.
    Tampered,
}

impl TimeFloor {
    /// Takes the time at which verified metadata was signed.
    pub fn from_signed(issued: Timestamp) -> Self {
        Self(issued)
    }

    /// Returns the time that checks are made at: the clock's, or the floor where the clock is behind it.
    pub fn time(self, clock: Timestamp) -> Timestamp {
        clock.max(self.0)
    }

    /// Judges a clock reading.
    pub fn check(self, clock: Timestamp) -> ClockState {
        if clock.plus(FLOOR_LEEWAY) < self.0 {
            ClockState::Tampered
        } else {
            ClockState::Plausible(self.time(clock))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn states_follow_each_other() {
        let (issued, expires) = (at("2026-01-01T00:00:00Z"), at("2026-01-08T00:00:00Z"));
        let state = |now: &str| Freshness::at(at(now), issued, expires, 10);
        assert_eq!(state("2026-01-02T00:00:00Z"), Freshness::Fresh);
        assert_eq!(state("2026-01-02T00:00:01Z"), Freshness::Aging);
        assert_eq!(state("2026-01-08T00:00:00Z"), Freshness::Stale);
        assert_eq!(state("2026-01-18T00:00:00Z"), Freshness::Dead);
        assert_eq!(Freshness::at(at("2026-05-01T00:00:00Z"), issued, expires, u16::MAX), Freshness::Dead);
    }

    #[test]
    fn a_clock_that_jumped_to_2099_recovers() {
        let floor = TimeFloor::from_signed(at("2026-06-01T00:00:00Z"));
        assert_eq!(
            floor.check(at("2099-01-01T00:00:00Z")),
            ClockState::Plausible(at("2099-01-01T00:00:00Z"))
        );
        assert_eq!(
            floor.check(at("2026-06-02T00:00:00Z")),
            ClockState::Plausible(at("2026-06-02T00:00:00Z"))
        );
        assert_eq!(floor.check(at("1970-01-01T00:00:00Z")), ClockState::Tampered);
        assert_eq!(
            floor.check(at("2026-05-31T23:59:00Z")),
            ClockState::Plausible(at("2026-06-01T00:00:00Z"))
        );
    }
}
