//! Points in time. "Now" is always an argument: nothing in this crate reads a clock.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A point in time, in whole seconds since 1970-01-01T00:00:00Z (RFC 8392 §2, `NumericDate`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// 9999-12-30T22:00:00Z, the latest time that every time zone can still write with four digits of year.
const MAX_UNIX: i64 = 253_402_207_200;

/// A time that RFC 3339 does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a time such as 2026-11-20T09:30:00Z (RFC 3339)")]
pub struct ParseTimestampError;

impl Timestamp {
    /// Returns the time `seconds` after 1970-01-01T00:00:00Z, or `None` outside the years 1970 to 9999.
    pub fn from_unix(seconds: i64) -> Option<Self> {
        (0..=MAX_UNIX).contains(&seconds).then_some(Self(seconds))
    }

    /// Returns the seconds since 1970-01-01T00:00:00Z.
    pub fn as_unix(self) -> i64 {
        self.0
    }

    /// Parses an RFC 3339 time, `2026-11-20T09:30:00Z`; fractions of a second are dropped.
    ///
    /// # Errors
    /// Anything else, and times outside the years 1970 to 9999.
    pub fn parse(text: &str) -> Result<Self, ParseTimestampError> {
        let parsed: jiff::Timestamp = text.parse().map_err(|_| ParseTimestampError)?;
        Self::from_unix(parsed.as_second()).ok_or(ParseTimestampError)
    }

    /// Returns the time `seconds` later (earlier if negative), kept within the years 1970 to 9999.
    #[must_use]
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds).clamp(0, MAX_UNIX))
    }

    /// Returns the seconds from `earlier` to `self`, negative if `earlier` is the later of the two.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// Returns the calendar day in UTC as `YYYYMMDD`, the form dates take in a credential.
    pub fn calendar_day(self) -> String {
        self.to_string().chars().take(10).filter(char::is_ascii_digit).collect()
    }

    pub(crate) fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(time: jiff::Timestamp) -> Self {
        Self(time.as_second().clamp(0, MAX_UNIX))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_jiff().fmt(f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_rfc_3339() {
        let time = Timestamp::parse("2026-11-20T09:30:00.75+01:00").unwrap();
        assert_eq!(time.to_string(), "2026-11-20T08:30:00Z");
        assert_eq!(time.calendar_day(), "20261120");
        assert_eq!(Timestamp::parse("2026-11-20"), Err(ParseTimestampError));
        assert_eq!(Timestamp::parse("1969-12-31T23:59:59Z"), Err(ParseTimestampError));
    }

    #[test]
    fn arithmetic_stays_in_range() {
        let last = Timestamp::parse("9999-12-30T22:00:00Z").unwrap();
        assert_eq!(last.plus(i64::MAX), last);
        assert_eq!(last.plus(i64::MIN).as_unix(), 0);
        assert_eq!(Timestamp::from_unix(-1), None);
    }
}
