//! What a kiosk keeps on disk: the trust it last verified, and the proofs it has seen. One SQLite file.
//!
//! There is no face, no template, no picture and no claim in it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use rusqlite::{Connection, OptionalExtension, params};
use shared::credential::{ProofId, ReplayMemory};
use shared::time::Timestamp;
use shared::trust::{Files, TrustSnapshot, TrustStore, load};

use crate::notice;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS device (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        root BLOB NOT NULL                      -- the root metadata that the device was provisioned with
    ) STRICT;
    CREATE TABLE IF NOT EXISTS trust_file (
        kind TEXT NOT NULL CHECK (kind IN ('repository', 'memory')),
        name TEXT NOT NULL,
        bytes BLOB NOT NULL,
        PRIMARY KEY (kind, name)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS proof (id BLOB PRIMARY KEY, dead_after INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// The file's name in the state folder.
const FILE: &str = "kiosk.sqlite";

/// An open state file.
pub struct State {
    connection: Connection,
}

impl State {
    /// Opens the state in a folder, creating both where they are missing.
    pub fn open(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        let path = folder.join(FILE);
        let connection = Connection::open(&path).with_context(|| format!("opening {}", path.display()))?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
        connection.execute_batch(SCHEMA).with_context(|| format!("preparing {}", path.display()))?;
        Ok(Self { connection })
    }

    /// Returns the root metadata that the device was provisioned with.
    pub fn root(&self) -> Result<Option<Vec<u8>>> {
        Ok(self.connection.query_row("SELECT root FROM device", [], |row| row.get(0)).optional()?)
    }

    /// Takes over what an update verified, root included, in one transaction.
    pub fn activate(&mut self, root: &[u8], snapshot: &TrustSnapshot) -> Result<()> {
        let transaction = self.connection.transaction()?;
        transaction.execute("INSERT INTO device VALUES (1, ?1) ON CONFLICT (id) DO NOTHING", [root])?;
        transaction.execute("DELETE FROM trust_file", [])?;
        for (kind, files) in [("repository", &snapshot.repository), ("memory", &snapshot.memory)] {
            for (name, bytes) in files {
                transaction
                    .execute("INSERT INTO trust_file VALUES (?1, ?2, ?3)", params![kind, name, bytes])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// Reads what the last update left behind.
    ///
    /// A device that was provisioned and has lost its memory does not start over: an older repository would
    /// pass unnoticed.
    pub fn snapshot(&self) -> Result<TrustSnapshot> {
        let snapshot = TrustSnapshot { repository: self.files("repository")?, memory: self.files("memory")? };
        if self.root()?.is_some() && (snapshot.memory.is_empty() || snapshot.repository.is_empty()) {
            bail!(
                "the kiosk's memory of the trust repository is gone; provision it again in a new state folder"
            );
        }
        Ok(snapshot)
    }

    /// Verifies again what the last update left behind.
    pub fn trust(&self, clock: Timestamp) -> Result<TrustStore> {
        let root = self.root()?.context(
            "this kiosk has no trust repository; provision it with `kiosk trust import REPO --root ROOT.json`",
        )?;
        load(&self.snapshot()?, &root, clock).context("the stored trust repository failed its checks")
    }

    fn files(&self, kind: &str) -> Result<Files> {
        let mut statement = self.connection.prepare("SELECT name, bytes FROM trust_file WHERE kind = ?1")?;
        let rows = statement.query_map([kind], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<Files>>()?)
    }

    fn remember(&mut self, proof: ProofId, dead_after: Timestamp, now: Timestamp) -> rusqlite::Result<bool> {
        let transaction = self.connection.transaction()?;
        // A proof that no verifier would accept any more need not be remembered; an hour covers a clock set back.
        transaction.execute("DELETE FROM proof WHERE dead_after < ?1", [now.plus(-3600).as_unix()])?;
        let added = transaction
            .execute("INSERT OR IGNORE INTO proof VALUES (?1, ?2)", params![proof.0, dead_after.as_unix()])?;
        transaction.commit()?;
        Ok(added == 1)
    }
}

impl ReplayMemory for State {
    /// A memory that cannot be written to accepts nothing: what cannot be remembered could be shown again.
    fn first_sight(&mut self, proof: ProofId, dead_after: Timestamp, now: Timestamp) -> bool {
        self.remember(proof, dead_after, now).unwrap_or_else(|error| {
            notice(&format!("the memory of used codes failed, so none is accepted: {error}"));
            false
        })
    }
}

/// A replay memory for a single question, where there is no state folder.
pub struct Forgetful;

impl ReplayMemory for Forgetful {
    fn first_sight(&mut self, _proof: ProofId, _dead_after: Timestamp, _now: Timestamp) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_are_remembered_across_restarts_until_long_dead() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::from_unix(1_700_000_000).unwrap();
        let see = |proof: u8, now: Timestamp| {
            State::open(folder.path()).unwrap().first_sight(ProofId([proof; 32]), now.plus(30), now)
        };
        assert!(see(1, now));
        assert!(!see(1, now.plus(5)));
        assert!(see(2, now.plus(5)));
        assert!(!see(1, now.plus(3000)));
        assert!(see(3, now.plus(10_000)), "and the old ones are cleared away");
        let count: i64 = State::open(folder.path())
            .unwrap()
            .connection
            .query_row("SELECT count(*) FROM proof", [], |row| row.get(0))
            .unwrap();
        assert_eq!(count, 1);
    }

    #[test]
    fn a_provisioned_device_without_its_memory_fails_closed() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::open(folder.path()).unwrap();
        state.activate(b"root", &TrustSnapshot::default()).unwrap();
        assert!(state.snapshot().is_err());
    }
}
