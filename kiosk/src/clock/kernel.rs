//! What the machine says of its clocks.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};
use shared::time::Timestamp;

/// What the kernel says of its clock (`adjtimex(2)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kernel {
    /// Whether a time server or a receiver sets it (no `STA_UNSYNC`).
    pub synchronized: bool,
    /// How wrong it is at most; it grows by 500 millionths of the time since it was last set, and ends at 16 seconds.
    pub max_error: Duration,
}

/// All clocks at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The time of day, in milliseconds since 1970.
    pub wall: i64,
    /// Since the machine was started, sleep included (`CLOCK_BOOTTIME`): nobody can set it.
    pub boot: Duration,
    /// `None` where the kernel does not say, as in a service with `ProtectClock=yes`.
    pub kernel: Option<Kernel>,
}

impl Reading {
    /// Reads the machine's clocks.
    pub fn take() -> Self {
        let kernel = kernel();
        let boot = Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default();
        // A clock before 1970 is one that lost its battery, as is one at 1970.
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { wall: i64::try_from(wall.as_millis()).unwrap_or(i64::MAX), boot, kernel }
    }

    /// Returns the time of day.
    pub fn time(&self) -> Timestamp {
        let start = Timestamp::from_unix(0).expect("1970 is in range");
        start.plus(self.wall.div_euclid(1000))
    }
}

#[expect(unsafe_code, reason = "the kernel fills a C structure; no crate here wraps the call")]
fn kernel() -> Option<Kernel> {
    // SAFETY: `timex` is a plain structure of integers, for which all zeros is a value; `modes` 0 only reads.
    let (state, said) = unsafe {
        let mut said: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&raw mut said), said)
    };
    if state < 0 {
        return None;
    }
    Some(Kernel {
        synchronized: said.status & libc::STA_UNSYNC == 0 && state != libc::TIME_ERROR,
        max_error: Duration::from_micros(u64::try_from(said.maxerror).unwrap_or(u64::MAX)),
    })
}
