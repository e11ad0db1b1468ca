//! What is done now and then: taking over what another process imported, trying again what failed, shredding what is old.

use std::num::NonZeroU16;

use anyhow::Result;
use shared::journal::Entry;
use shared::reason::Reason;
use shared::time::Timestamp;

use super::work::Work;
use super::{Lane, Source};
use crate::clock::ClockState;
use crate::notice;
use crate::session::{Event, Moment};

/// Between two looks at what another process may have changed, and two tries to mend what failed, in milliseconds.
const LOOK_AROUND: u64 = 5_000;

/// Between two looks for what of the journal is too old, in milliseconds: a day.
pub(super) const SHREDS: u64 = 24 * 3600 * 1000;

/// How long the bodies of the journal's rows are kept, in days, where the settings say nothing.
const JOURNAL_DAYS: u16 = 90;

impl Lane<'_> {
    /// Now and then: takes over what another process imported, tries again what failed, and tells how everything is.
    pub(super) fn look_around(&mut self, source: &Source<'_>, work: &mut Work) {
        if work.now.since(work.looked) < LOOK_AROUND {
            return;
        }
        work.looked = work.now;
        if work.mute {
            let mended = Entry::Fault { reason: Reason::JournalFailed, mended: true };
            if self.write(&mended, work.now).is_ok() {
                work.mute = false;
                work.events.push_back(Event::Mended(Reason::JournalFailed));
            }
        }
        match self.state.was_changed() {
            Ok(false) => {}
            Ok(true) => {
                let believed = self.believe(work.now);
                work.distrusted = believed.is_err();
                if let Err(error) = believed {
                    notice(&format!("what was imported is not used: {error:#}"));
                }
            }
            Err(error) => notice(&format!("the state file cannot be read: {error:#}")),
        }
        if work.now.since(work.shredded) >= SHREDS {
            work.shredded = work.now;
            if let Err(error) = self.shred_by(work.now) {
                notice(&format!("what of the journal is too old was not shredded: {error:#}"));
            }
        }
        if let Source::Live(codes, faces) = source {
            work.count(&self.metrics, [Some(codes), faces.as_ref()]);
        }
        self.tell_parts(work);
    }

    /// Shreds what of the journal is older than it may be, before the lane's work begins; a lane at work does so once a day.
    ///
    /// # Errors
    /// A journal that cannot be written, or was changed.
    pub fn shred(&mut self) -> Result<()> {
        self.shred_by(Moment(0))
    }

    fn shred_by(&mut self, now: Moment) -> Result<()> {
        let days = self.settings.journal_days.map_or(JOURNAL_DAYS, NonZeroU16::get);
        let (clock, state) = self.read_clock(now);
        let at = self.trust.floor().time(clock);
        let today = no_later_than(at, state, self.trust.expires());
        self.state.shred(today.plus(-i64::from(days) * 24 * 3600), at)?;
        Ok(())
    }
}

/// The time by which the journal is shredded. What is gone is gone: by a clock that may have jumped ahead it is no later than
/// when the repository that is believed expires.
pub(super) fn no_later_than(at: Timestamp, state: ClockState, expires: Timestamp) -> Timestamp {
    if state == ClockState::Sure { at } else { at.min(expires) }
}
