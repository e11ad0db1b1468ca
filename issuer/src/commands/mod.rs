//! One file per verb.

pub mod enroll;
pub mod holder;
pub mod init;
pub mod inspect;
pub mod issue;
pub mod key;
pub mod kiosk;
pub mod provision;
pub mod publish;
pub mod revoke;
pub mod sector;
pub mod trust;

use std::io::Write;

use shared::time::Timestamp;

/// Says something to the person at the terminal, on standard error.
pub fn note(message: &str) {
    // Nobody is left to tell if standard error is gone.
    let _ = writeln!(std::io::stderr(), "{message}");
}

/// Returns the time to act at, and says so if it is not the clock's.
pub fn now(at: Option<Timestamp>) -> Timestamp {
    if let Some(at) = at {
        note(&format!("acting as if it were {at}"));
        return at;
    }
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_unix(seconds)
        .unwrap_or_else(|| Timestamp::from_unix(0).expect("1970 is in range").plus(seconds))
}
