//! What a kiosk keeps on disk: the trust it last verified, the proofs it has seen, and its journal. One SQLite file.
//!
//! There is no face, no template, no picture and no claim in it.
//!
//! A repository is staged in memory, where the TUF client writes and cannot fail; once all of it is verified,
//! [`State::activate`] takes it over in one transaction that is synced before it counts. Until then, and if it fails, the last
//! good one stays. A provisioned device whose file was emptied, cut short or replaced stops: it never starts over.

mod journal;
mod operators;
mod seeds;

use std::fs;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use rusqlite::{Connection, OptionalExtension, params};
use shared::credential::{ProofId, ReplayMemory, Sight};
use shared::encryption::DecryptionKey;
use shared::journal::Chain;
use shared::time::Timestamp;
use shared::trust::{Files, ReplayRule, TrustSnapshot, TrustStore, load_for};

use crate::notice;
use crate::secret::Seal;

pub use journal::Item;
pub use operators::{OperatorName, Pin};
pub use seeds::Keeping;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS device (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        root BLOB NOT NULL                      -- the root metadata that the device was provisioned with
    ) STRICT;
    CREATE TABLE IF NOT EXISTS machine (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        seed BLOB NOT NULL                      -- of the key that sector keys are wrapped to; see seeds.rs
    ) STRICT;
    CREATE TABLE IF NOT EXISTS trust_file (
        kind TEXT NOT NULL CHECK (kind IN ('repository', 'memory')),
        name TEXT NOT NULL,
        bytes BLOB NOT NULL,
        PRIMARY KEY (kind, name)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS closed (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        operator TEXT NOT NULL                  -- who closed the lane; no row while it is open
    ) STRICT;
    CREATE TABLE IF NOT EXISTS proof (id BLOB PRIMARY KEY, dead_after INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

/// How long dead proofs are kept, in seconds: it covers a clock set back by as much.
pub const CLOCK_SET_BACK: i64 = 3600;

/// The file's name in the state folder.
pub const FILE: &str = "kiosk.sqlite";

/// A file beside it that says that the device was provisioned, so that an empty database is known for what it is.
const PROVISIONED: &str = "provisioned";

/// An open state file.
pub struct State {
    connection: Connection,
    folder: PathBuf,
    /// The end of the journal, once a row was added.
    chain: Option<Chain>,
    /// The last checkpoint that was due could not be signed.
    unsigned: bool,
    /// What the kiosk's own keys are sealed under, if anything.
    seal: Option<Seal>,
    /// What SQLite counts of other processes' changes.
    changes: i64,
}

impl State {
    /// Opens the state in a folder, creating both where they are missing. Seals the kiosk's own keys if the service
    /// manager hands out a key for that.
    pub fn open(folder: &Path) -> Result<Self> {
        Self::open_with(folder, Seal::from_environment()?)
    }

    fn open_with(folder: &Path, seal: Option<Seal>) -> Result<Self> {
        let path = folder.join(FILE);
        keep_private(folder, &path).with_context(|| format!("preparing {}", path.display()))?;
        let connection = Connection::open(&path).with_context(|| format!("opening {}", path.display()))?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
        connection
            .execute_batch(SCHEMA)
            .and_then(|()| connection.execute_batch(journal::SCHEMA))
            .and_then(|()| connection.execute_batch(operators::SCHEMA))
            .with_context(|| format!("preparing {}", path.display()))?;
        let mut state = Self {
            connection,
            folder: folder.to_owned(),
            chain: None,
            unsigned: false,
            seal: None,
            changes: 0,
        };
        state.was_changed()?;
        match (state.root()?, folder.join(PROVISIONED).exists()) {
            (None, true) => bail!(
                "{} was provisioned and its database is empty now: provision it again in a new state folder",
                folder.display()
            ),
            (Some(_), false) => state.mark_provisioned()?,
            _ => {}
        }
        if let Some(seal) = seal {
            state.seal_seeds(seal)?;
        }
        Ok(state)
    }

    fn mark_provisioned(&self) -> Result<()> {
        let path = self.folder.join(PROVISIONED);
        let write = || -> std::io::Result<()> {
            fs::File::create(&path)?.sync_all()?;
            fs::File::open(&self.folder)?.sync_all()
        };
        write().with_context(|| format!("writing {}", path.display()))
    }

    /// Looks through the whole database for damage.
    pub fn integrity(&self) -> Result<bool> {
        let found: String = self.connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        Ok(found == "ok")
    }

    /// Returns the root metadata that the device was provisioned with.
    pub fn root(&self) -> Result<Option<Vec<u8>>> {
        Ok(self.connection.query_row("SELECT root FROM device", [], |row| row.get(0)).optional()?)
    }

    /// Returns this machine's own key, made when it is first asked for.
    pub fn machine_key(&self) -> Result<DecryptionKey> {
        Ok(DecryptionKey::from_seed(&*self.seed("machine")?)?)
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
        transaction.commit()?;
        // A disk that took the bytes and gives others back would be found at the next start; now is better.
        if self.files("repository")? != snapshot.repository || self.files("memory")? != snapshot.memory {
            bail!("the disk does not give back what was written to it");
        }
        self.mark_provisioned()
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
        let machine = Some(self.machine_key()?.id());
        load_for(&self.snapshot()?, &root, clock, machine)
            .context("the stored trust repository failed its checks")
    }

    /// Returns the time to date what is written down: the clock's, or the signed floor where the clock is behind it. A row
    /// of a clock that was behind would be shredded as soon as the clock is right.
    pub fn time(&self, clock: Timestamp) -> Timestamp {
        // Without a repository that is believed there is no floor.
        self.trust(clock).map_or(clock, |trust| trust.floor().time(clock))
    }

    /// Returns whether another process changed the file since this was last asked, or the file was opened.
    pub fn was_changed(&mut self) -> Result<bool> {
        let changes = self.connection.query_row("PRAGMA data_version", [], |row| row.get(0))?;
        Ok(std::mem::replace(&mut self.changes, changes) != changes)
    }

    /// Returns who closed the lane, if it is closed.
    pub fn closed_by(&self) -> Result<Option<String>> {
        Ok(self.connection.query_row("SELECT operator FROM closed", [], |row| row.get(0)).optional()?)
    }

    /// Keeps that an operator closed the lane, or opened it again, also over a restart.
    pub fn set_closed(&self, by: Option<&str>) -> Result<()> {
        match by {
            Some(operator) => {
                self.connection.execute("INSERT OR REPLACE INTO closed VALUES (1, ?1)", [operator])?
            }
            None => self.connection.execute("DELETE FROM closed", [])?,
        };
        Ok(())
    }

    fn files(&self, kind: &str) -> Result<Files> {
        let mut statement = self.connection.prepare("SELECT name, bytes FROM trust_file WHERE kind = ?1")?;
        let rows = statement.query_map([kind], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<Files>>()?)
    }

    fn remember(&mut self, proof: ProofId, dead_after: Timestamp, now: Timestamp) -> rusqlite::Result<bool> {
        let transaction = self.connection.transaction()?;
        // A proof that no verifier would accept any more need not be remembered.
        transaction
            .execute("DELETE FROM proof WHERE dead_after < ?1", [now.plus(-CLOCK_SET_BACK).as_unix()])?;
        let added = transaction
            .execute("INSERT OR IGNORE INTO proof VALUES (?1, ?2)", params![proof.0, dead_after.as_unix()])?;
        transaction.commit()?;
        Ok(added == 1)
    }

    /// Lets a proof pass once more, as if it had not been seen.
    pub fn forget(&mut self, proof: ProofId) -> Result<()> {
        self.connection
            .execute("DELETE FROM proof WHERE id = ?1", [proof.0])
            .context("forgetting a used code")?;
        Ok(())
    }
}

impl ReplayMemory for State {
    /// A memory that cannot be written to accepts nothing: what cannot be remembered could be shown again.
    fn first_sight(
        &mut self,
        proof: ProofId,
        dead_after: Timestamp,
        now: Timestamp,
        _rule: ReplayRule,
    ) -> Sight {
        match self.remember(proof, dead_after, now) {
            Ok(true) => Sight::First,
            Ok(false) => Sight::Again,
            Err(error) => {
                notice(&format!("the memory of used codes failed, so none is accepted: {error}"));
                Sight::Failed
            }
        }
    }
}

/// Makes the folder and the file where they are missing. The file holds the machine's key and is its user's alone;
/// SQLite gives what it puts beside it the same mode.
pub fn keep_private(folder: &Path, file: &Path) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let file = fs::OpenOptions::new().create(true).append(true).mode(0o600).open(file)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))
}

/// A replay memory for a single question, where there is no state folder.
pub struct Forgetful;

impl ReplayMemory for Forgetful {
    fn first_sight(
        &mut self,
        _proof: ProofId,
        _dead_after: Timestamp,
        _now: Timestamp,
        _rule: ReplayRule,
    ) -> Sight {
        Sight::First
    }
}

#[cfg(test)]
mod tests {
    use ::tests::{World, border};
    use shared::credential::verify;
    use shared::reason::{Answer, Reason};
    use shared::trust::update;

    use super::*;

    #[test]
    fn proofs_are_remembered_across_restarts_until_long_dead() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::from_unix(1_700_000_000).unwrap();
        let see = |proof: u8, now: Timestamp| {
            let mut state = State::open(folder.path()).unwrap();
            state.first_sight(ProofId([proof; 32]), now.plus(30), now, ReplayRule::Site) == Sight::First
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
        State::open(folder.path()).unwrap().forget(ProofId([3; 32])).unwrap();
        assert!(see(3, now.plus(10_001)), "who did not go through may come back");
        assert!(!see(3, now.plus(10_002)));
    }

    #[test]
    fn a_memory_that_cannot_be_written_to_accepts_nobody_and_calls_nobody_a_replayer() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::open(folder.path()).unwrap();
        let world = World::default();
        let text = world.default_code(world.start);
        let reason = |state: &mut State| {
            let verified = verify(&text, &border(), &world.trust(), world.start, state);
            verified.err().map(|error| error.reason())
        };
        let refuse = "CREATE TRIGGER full BEFORE INSERT ON proof BEGIN SELECT RAISE(ABORT, 'disk full'); END";
        state.connection.execute_batch(refuse).unwrap();
        assert_eq!(reason(&mut state), Some(Reason::JournalFailed));
        assert_eq!(reason(&mut state), Some(Reason::JournalFailed));
        assert_eq!(Reason::JournalFailed.answer(), Answer::Unanswered);
        state.connection.execute_batch("DROP TRIGGER full").unwrap();
        assert_eq!(reason(&mut state), None, "and it was not taken for used");
        assert_eq!(reason(&mut state), Some(Reason::ProofReplayed));
        // Another program holds the file for longer than a lane waits.
        state.connection.busy_timeout(std::time::Duration::ZERO).unwrap();
        let other = Connection::open(folder.path().join(FILE)).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        assert_eq!(reason(&mut state), Some(Reason::JournalFailed));
    }

    #[test]
    fn what_holds_the_machines_key_is_its_users_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (path, old) = (folder.path().join("state"), folder.path().join("old"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        fs::create_dir(&old).unwrap();
        fs::write(old.join(FILE), []).unwrap();
        fs::set_permissions(old.join(FILE), fs::Permissions::from_mode(0o644)).unwrap();
        for folder in [&path, &old] {
            let state = State::open(folder).unwrap();
            state.machine_key().unwrap();
            let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            let modes: Vec<_> = files.map(|file| mode(&file)).collect();
            assert!(modes.len() >= 2 && modes.iter().all(|mode| *mode == 0o600), "{modes:?}");
        }
        assert_eq!(mode(&path), 0o700);
    }

    #[test]
    fn a_provisioned_device_without_its_memory_fails_closed() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::open(folder.path()).unwrap();
        state.activate(b"root", &TrustSnapshot::default()).unwrap();
        assert!(state.snapshot().is_err());
    }

    /// A kiosk that believes the fifth publication of a small world.
    fn provisioned(folder: &Path, world: &World) -> State {
        let mut state = State::open(folder).unwrap();
        let (_, snapshot) = world.import(world.repository(5, world.start));
        state.activate(&world.root(), &snapshot).unwrap();
        state
    }

    /// What a start and an import of an older repository give; neither may be good.
    fn starts_over(folder: &Path, world: &World) -> Option<&'static str> {
        let Ok(state) = State::open(folder) else { return None };
        if state.trust(world.start).is_ok() {
            return Some("it believes something");
        }
        let Ok(Some(root)) = state.root() else { return Some("it forgot that it was provisioned") };
        let memory = state.snapshot().ok()?.memory;
        update(world.repository(4, world.start), &root, &memory, world.start).ok()?;
        Some("it takes an older repository")
    }

    #[test]
    fn rows_that_are_gone_empty_or_damaged_are_noticed() {
        let world = World::default();
        let good = tempfile::tempdir().unwrap();
        let state = provisioned(good.path(), &world);
        assert_eq!(state.trust(world.start).unwrap().versions().timestamp, 5);
        let names: Vec<(String, String)> = state
            .connection
            .prepare("SELECT kind, name FROM trust_file")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<rusqlite::Result<_>>()
            .unwrap();
        drop(state);
        assert!(names.len() > 8, "{names:?}");
        let after = |damage: &str| {
            let folder = tempfile::tempdir().unwrap();
            fs::copy(good.path().join(FILE), folder.path().join(FILE)).unwrap();
            fs::write(folder.path().join(PROVISIONED), b"").unwrap();
            let state = State::open(folder.path()).unwrap();
            state.connection.execute_batch(damage).unwrap();
            drop(state);
            starts_over(folder.path(), &world)
        };
        for damage in [
            "DELETE FROM trust_file",
            "DELETE FROM trust_file WHERE kind = 'memory'",
            "DELETE FROM trust_file WHERE kind = 'repository'",
            "DELETE FROM device",
            "DELETE FROM device; DELETE FROM trust_file",
            "DROP TABLE device; DROP TABLE trust_file",
            "UPDATE trust_file SET bytes = x''",
            "UPDATE trust_file SET bytes = x'' WHERE kind = 'memory'",
            "UPDATE device SET root = x''",
        ] {
            assert_eq!(after(damage), None, "{damage}");
        }
        for (kind, name) in &names {
            // Copies of what the memory has too are not looked at, and the library keeps some that nobody reads.
            let own = |file: &str| kind == "memory" && name == file;
            let read = own("root.json")
                || own("timestamp.json")
                || own("snapshot.json")
                || own("targets.json")
                || name == "metadata/timestamp.json"
                || name == "metadata/5.xa.json"
                || name.starts_with("targets/");
            let row = format!("WHERE kind = '{kind}' AND name = '{name}'");
            for damage in ["DELETE FROM trust_file", "UPDATE trust_file SET bytes = x''"] {
                let result = after(&format!("{damage} {row}"));
                assert_eq!(result, (!read).then_some("it believes something"), "{damage} {row}");
            }
        }
    }

    #[test]
    fn a_file_that_was_cut_short_is_noticed() {
        let world = World::default();
        let folder = tempfile::tempdir().unwrap();
        drop(provisioned(folder.path(), &world));
        let path = folder.path().join(FILE);
        let whole = fs::read(&path).unwrap();
        for length in [0, 1, 100, 512, 4096, 8192, whole.len() / 2, whole.len() - 4096, whole.len() - 1] {
            for rest in ["-wal", "-shm"] {
                let _ = fs::remove_file(folder.path().join(format!("{FILE}{rest}")));
            }
            fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(starts_over(folder.path(), &world), None, "{length} of {} bytes", whole.len());
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(starts_over(folder.path(), &world), None, "no file at all");
        let error = State::open(folder.path()).err().unwrap().to_string();
        assert!(error.contains("new state folder"), "{error}");
    }

    /// A take-over that fails half-way leaves the last good one.
    #[test]
    fn a_failed_activation_changes_nothing() {
        let world = World::default();
        let folder = tempfile::tempdir().unwrap();
        let mut state = provisioned(folder.path(), &world);
        let refuse = "CREATE TRIGGER full BEFORE INSERT ON trust_file WHEN NEW.name = 'timestamp.json'
                      BEGIN SELECT RAISE(ABORT, 'disk full'); END";
        state.connection.execute_batch(refuse).unwrap();
        let memory = state.snapshot().unwrap().memory;
        let (_, next) =
            update(world.repository(6, world.start), &world.root(), &memory, world.start).unwrap();
        assert!(state.activate(&world.root(), &next).is_err());
        drop(state);
        let state = State::open(folder.path()).unwrap();
        assert_eq!(state.trust(world.start).unwrap().versions().timestamp, 5);
    }

    #[test]
    fn every_commit_is_synced() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let pragma = |name: &str| {
            state
                .connection
                .query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, rusqlite::types::Value>(0))
        };
        assert_eq!(pragma("journal_mode").unwrap(), "wal".to_owned().into());
        assert_eq!(pragma("synchronous").unwrap(), 2.into(), "FULL");
    }
}
