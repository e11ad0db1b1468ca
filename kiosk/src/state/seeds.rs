//! The seeds of the kiosk's own keys, in the state file: sealed where the service manager hands out a key to seal them
//! under, and in the clear, for the file's owner alone, where it does not.

use anyhow::{Context, Result, anyhow, bail};
use rusqlite::{OptionalExtension, TransactionBehavior, params};
use zeroize::Zeroizing;

use super::State;
use crate::secret::{CREDENTIAL, Seal};

/// The tables that hold one seed each.
const TABLES: [&str; 2] = ["machine", "journal_key"];

/// Bytes of a seed in the clear; sealed it is longer.
const SEED: usize = 32;

/// How the kiosk's own keys lie on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeping {
    /// There are none yet.
    None,
    /// In the clear.
    Clear,
    /// Sealed.
    Sealed,
}

impl State {
    /// Says how the kiosk's own keys lie on the disk.
    pub fn keeping(&self) -> Result<Keeping> {
        let mut keeping = Keeping::None;
        for table in TABLES {
            match self.stored(table)?.map(|seed| seed.len()) {
                None => {}
                Some(SEED) => return Ok(Keeping::Clear),
                Some(_) => keeping = Keeping::Sealed,
            }
        }
        Ok(keeping)
    }

    /// Returns a seed, drawn when it is first asked for.
    pub(super) fn seed(&self, table: &'static str) -> Result<Zeroizing<[u8; SEED]>> {
        let stored = match self.stored(table)? {
            Some(stored) => stored,
            None => {
                let mut seed = Zeroizing::new([0; SEED]);
                getrandom::fill(seed.as_mut())
                    .map_err(|error| anyhow!("the system gave no randomness: {error}"))?;
                let kept = match &self.seal {
                    Some(seal) => Zeroizing::new(seal.close(table, &seed)?),
                    None => Zeroizing::new(seed.to_vec()),
                };
                let insert = format!("INSERT OR IGNORE INTO {table} VALUES (1, ?1)");
                self.connection.execute(&insert, [kept.as_slice()])?;
                // Another process may have been quicker.
                self.stored(table)?.context("a key that was written is gone")?
            }
        };
        match (stored.len(), &self.seal) {
            (SEED, _) => Ok(Zeroizing::new(stored.as_slice().try_into().context("the seed is damaged")?)),
            (_, Some(seal)) => seal.open(table, &stored),
            (_, None) => bail!(
                "the kiosk's keys are sealed, and nobody handed the credential {CREDENTIAL} to this program; the service \
                 has it, and so has who runs with CREDENTIALS_DIRECTORY=/run/credentials/kiosk-core.service"
            ),
        }
    }

    /// Seals what still lies in the clear, once there is something to seal it under.
    pub(super) fn seal_seeds(&mut self, seal: Seal) -> Result<()> {
        if self.keeping()? == Keeping::Clear {
            // What is replaced is overwritten with zeros; what the log of changes holds of it goes with the log.
            self.connection.query_row("PRAGMA secure_delete = ON", [], |_| Ok(()))?;
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for table in TABLES {
                let select = format!("SELECT seed FROM {table} WHERE length(seed) = {SEED}");
                let seed: Option<Zeroizing<[u8; SEED]>> =
                    transaction.query_row(&select, [], |row| row.get(0).map(Zeroizing::new)).optional()?;
                if let Some(seed) = seed {
                    let update = format!("UPDATE {table} SET seed = ?1");
                    transaction.execute(&update, params![seal.close(table, &seed)?])?;
                }
            }
            transaction.commit()?;
            self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        }
        self.seal = Some(seal);
        Ok(())
    }

    fn stored(&self, table: &'static str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let select = format!("SELECT seed FROM {table}");
        Ok(self.connection.query_row(&select, [], |row| row.get(0).map(Zeroizing::new)).optional()?)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use shared::journal::Entry;
    use shared::time::Timestamp;

    use super::*;
    use crate::secret::tests::seal;

    fn keys(state: &State) -> Result<(String, String)> {
        Ok((state.machine_key()?.id().to_string(), state.checkpoint_key()?.to_string()))
    }

    /// Whether any file of the folder holds the bytes.
    fn holds(folder: &Path, bytes: &[u8]) -> bool {
        let mut files = fs::read_dir(folder).unwrap().map(|entry| fs::read(entry.unwrap().path()).unwrap());
        files.any(|file| file.windows(bytes.len()).any(|window| window == bytes))
    }

    #[test]
    fn keys_in_the_clear_are_sealed_once_they_can_be_and_stay_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::open_with(folder.path(), None).unwrap();
        assert_eq!(state.keeping().unwrap(), Keeping::None);
        let before = keys(&state).unwrap();
        state.record(&Entry::Stopped, Timestamp::from_unix(1_800_000_000).unwrap()).unwrap();
        let seeds = TABLES.map(|table| state.stored(table).unwrap().unwrap().to_vec());
        assert_eq!(state.keeping().unwrap(), Keeping::Clear);
        assert!(seeds.iter().all(|seed| holds(folder.path(), seed)), "in the clear they can be found");
        drop(state);

        let state = State::open_with(folder.path(), Some(seal(1))).unwrap();
        assert_eq!(state.keeping().unwrap(), Keeping::Sealed);
        assert_eq!(keys(&state).unwrap(), before);
        for seed in &seeds {
            assert!(!holds(folder.path(), seed), "a seed is still on the disk");
        }
        drop(state);
        assert_eq!(keys(&State::open_with(folder.path(), Some(seal(1))).unwrap()).unwrap(), before);
    }

    #[test]
    fn sealed_keys_are_of_no_use_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open_with(folder.path(), Some(seal(1))).unwrap();
        keys(&state).unwrap();
        assert_eq!(state.keeping().unwrap(), Keeping::Sealed);
        drop(state);
        for (other, said) in [(None, "nobody handed"), (Some(seal(2)), "another machine")] {
            let state = State::open_with(folder.path(), other).unwrap();
            let error = keys(&state).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
            assert!(state.checkpoint_key().is_err());
        }
    }
}
