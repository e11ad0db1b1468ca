//! One command at a time in a folder: what two of them write at once is torn, or the change of one is lost.
//!
//! A command takes the lock once every passphrase and PIN was typed, so that nobody waits for somebody who is at lunch,
//! and reads what it changes only then.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::commands::note;

/// How long a command waits for another one: far longer than any takes, and short enough to be noticed. Our choice.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A folder that no other command changes. It ends with this value, and with the program, however that ends.
pub struct FolderLock {
    _folder: File,
}

impl FolderLock {
    /// Waits until no other command works in the folder.
    ///
    /// # Errors
    /// A folder that is not there, and a command that does not end.
    pub fn take(folder: &Path) -> Result<Self> {
        Self::take_within(folder, PATIENCE)
    }

    fn take_within(folder: &Path, patience: Duration) -> Result<Self> {
        let name = folder.display();
        let opened = File::open(folder).with_context(|| format!("opening {name}"))?;
        let (begun, mut told) = (Instant::now(), false);
        loop {
            match flock(&opened, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { _folder: opened }),
                Err(Errno::WOULDBLOCK) if begun.elapsed() < patience => {}
                Err(Errno::WOULDBLOCK) => {
                    bail!("another command works in {name} and does not end; try again when it has")
                }
                Err(error) => return Err(error).with_context(|| format!("locking {name}")),
            }
            if !told {
                note(&format!("waiting for another command that works in {name}"));
                told = true;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_given_to_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let take = || FolderLock::take_within(folder.path(), Duration::ZERO);
        let first = take().unwrap();
        assert!(take().err().unwrap().to_string().contains("another command"));
        drop(first);
        take().unwrap();
        FolderLock::take(&folder.path().join("nowhere")).err().unwrap();
    }
}
