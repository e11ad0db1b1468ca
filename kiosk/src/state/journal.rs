//! The journal, in the state file: see `shared::journal` for what a row is.
//!
//! A row counts once [`State::record`] returns: it is synced by then, and the gate opens only afterwards.
//!
//! Whoever adds a row follows the chain from the last checkpoint on, not from the first row: what it takes to go on from there
//! is kept beside it, and checked against its signature. Rows before it are looked at by whoever audits.

use anyhow::{Context, Result, anyhow};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use shared::journal::{Chain, Checkpoint, CheckpointKey, Entry, Hash, JournalError, Row, SALT_BYTES};
use shared::key::{Signer, SoftwareKey};
use shared::time::Timestamp;

use super::State;
use crate::notice;

pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS journal (
        seq INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        prev BLOB NOT NULL,
        body_hash BLOB NOT NULL,
        hash BLOB NOT NULL,
        body BLOB                               -- gone once it was shredded
    ) STRICT;
    CREATE INDEX IF NOT EXISTS journal_kept ON journal (seq) WHERE body IS NOT NULL;
    CREATE TABLE IF NOT EXISTS checkpoint (size INTEGER PRIMARY KEY, at INTEGER NOT NULL, note TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS frontier (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        size INTEGER NOT NULL,                  -- rows under the last checkpoint
        subtrees BLOB NOT NULL                  -- what it takes to go on from there
    ) STRICT;
    CREATE TABLE IF NOT EXISTS journal_key (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        seed BLOB NOT NULL                      -- of the key that signs checkpoints
    ) STRICT;
";

/// A checkpoint is signed after so many rows, or so many seconds, whichever comes first.
const CHECKPOINT_ROWS: u64 = 1000;
const CHECKPOINT_AGE: u64 = 15 * 60;

/// A row, or a note over all rows before it.
#[derive(Debug)]
pub enum Item {
    /// A row, with its body unless that was shredded.
    Row(Row, Option<Vec<u8>>),
    /// A signed note.
    Checkpoint(String),
}

impl State {
    /// Adds a row. It is on the disk when this returns.
    ///
    /// A checkpoint that is due and cannot be signed is no failure of the row: that is said once, and tried again with the
    /// next row.
    pub fn record(&mut self, entry: &Entry, at: Timestamp) -> Result<Row> {
        let mut chain = self.followed()?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have added rows since.
        catch_up(&mut chain, &transaction)?;
        let row = append(&mut chain, &transaction, entry, at)?;
        transaction.commit()?;
        self.chain = Some(chain);
        let signed = self.sign_if_due(at);
        let said = std::mem::replace(&mut self.unsigned, signed.is_err());
        if let (Err(error), false) = (signed, said) {
            notice(&format!("the journal is written, and not signed: {error:#}"));
        }
        Ok(row)
    }

    /// Signs a checkpoint if the last one is long ago.
    fn sign_if_due(&mut self, now: Timestamp) -> Result<()> {
        let last = self.connection.query_row(
            "SELECT size, at FROM checkpoint ORDER BY size DESC LIMIT 1",
            [],
            |row| Ok((row.get::<_, u64>(0)?, row.get::<_, i64>(1)?)),
        );
        let (size, at) = last.optional()?.unwrap_or((0, i64::MIN));
        let rows = self.chain.as_ref().map_or(0, Chain::size).saturating_sub(size);
        // A checkpoint of a clock that was far ahead is long ago, too.
        let aged = now.as_unix().abs_diff(at) >= CHECKPOINT_AGE;
        if rows >= CHECKPOINT_ROWS || (rows > 0 && aged) { self.sign_checkpoint(now) } else { Ok(()) }
    }

    /// Signs a checkpoint over all rows, unless there is one.
    pub fn sign_checkpoint(&mut self, now: Timestamp) -> Result<()> {
        let key = self.journal_key()?;
        let mut chain = self.followed()?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        catch_up(&mut chain, &transaction)?;
        sign(&chain, &transaction, &key, now)?;
        transaction.commit()?;
        self.chain = Some(chain);
        Ok(())
    }

    /// Shreds the bodies of rows that were written before a time; says so in a row of its own, which is signed at once.
    /// All of it happens or nothing does: a body that is gone without a signed word was taken by somebody else.
    ///
    /// A row that says it was written later than `now` is of a clock that was ahead: it is as old as the next one that is
    /// not. A row of a clock that was behind takes none with it that was written before.
    pub fn shred(&mut self, written_before: Timestamp, now: Timestamp) -> Result<usize> {
        let key = self.journal_key()?;
        let mut chain = self.followed()?;
        let last = self.connection.query_row(
            "SELECT seq FROM journal INDEXED BY journal_kept WHERE body IS NOT NULL AND at < ?1
             ORDER BY seq DESC LIMIT 1",
            [written_before.as_unix()],
            |row| row.get::<_, u64>(0),
        );
        let Some(last) = last.optional()? else {
            self.chain = Some(chain);
            return Ok(0);
        };
        // What is deleted is overwritten with zeros; what the log of changes holds of it goes with the log.
        self.connection.query_row("PRAGMA secure_delete = ON", [], |_| Ok(()))?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let count = transaction.execute(
            "UPDATE journal INDEXED BY journal_kept SET body = NULL
             WHERE body IS NOT NULL AND seq <= ?1 AND (at < ?2 OR at > ?3)",
            params![last, written_before.as_unix(), now.as_unix()],
        )?;
        catch_up(&mut chain, &transaction)?;
        append(&mut chain, &transaction, &Entry::Shredded { before: last + 1 }, now)?;
        sign(&chain, &transaction, &key, now)?;
        transaction.commit()?;
        self.chain = Some(chain);
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(count)
    }

    /// Hands out the journal from a row on, each note after the rows that it covers.
    pub fn journal(&self, from: u64, mut each: impl FnMut(Item) -> Result<()>) -> Result<()> {
        let mut rows = self.connection.prepare(
            "SELECT seq, journal.at, prev, body_hash, hash, body, note FROM journal
             LEFT JOIN checkpoint ON checkpoint.size = journal.seq + 1 WHERE seq >= ?1 ORDER BY seq",
        )?;
        let mut rows = rows.query([from])?;
        while let Some(found) = rows.next()? {
            each(Item::Row(row(found)?, found.get(5)?))?;
            if let Some(note) = found.get(6)? {
                each(Item::Checkpoint(note))?;
            }
        }
        // Notes of more rows than there are left.
        let mut notes = self.connection.prepare(
            "SELECT note FROM checkpoint WHERE size > (SELECT coalesce(max(seq) + 1, 0) FROM journal) ORDER BY size",
        )?;
        let mut notes = notes.query([])?;
        while let Some(found) = notes.next()? {
            each(Item::Checkpoint(found.get(0)?))?;
        }
        Ok(())
    }

    /// Follows the journal from its last checkpoint on, as whoever adds a row does. Returns how many rows there are, and how
    /// many of them were read for that.
    ///
    /// # Errors
    /// [`JournalError`], where rows were changed or are gone.
    pub fn check_end(&self) -> Result<(u64, u64)> {
        let mut chain = resume(&self.connection, &self.checkpoint_key()?)?;
        let known = chain.size();
        let reading = self.connection.unchecked_transaction()?;
        catch_up(&mut chain, &reading)?;
        Ok((chain.size(), chain.size() - known))
    }

    /// Returns the last signed note.
    pub fn last_checkpoint(&self) -> Result<String> {
        let note = "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1";
        Ok(self.connection.query_row(note, [], |row| row.get(0))?)
    }

    /// Returns whether a row is that of a decision.
    pub fn is_decision(&self, seq: u64) -> Result<bool> {
        let body =
            self.connection.query_row("SELECT body FROM journal WHERE seq = ?1", [seq], |row| row.get(0));
        let body: Option<Vec<u8>> = body.optional()?.flatten();
        Ok(matches!(body.and_then(|body| Entry::decode(&body)), Some(Entry::Decided { .. })))
    }

    /// Returns who signs the checkpoints, as auditors write it down.
    pub fn checkpoint_key(&self) -> Result<CheckpointKey> {
        Ok(CheckpointKey::of(self.journal_key()?.public_key()))
    }

    /// The end of the journal as this process knows it. What it has to read for that it reads while others may write.
    fn followed(&mut self) -> Result<Chain> {
        let mut chain = match self.chain.take() {
            Some(chain) => chain,
            None => resume(&self.connection, &self.checkpoint_key()?)?,
        };
        let reading = self.connection.transaction()?;
        catch_up(&mut chain, &reading)?;
        drop(reading);
        Ok(chain)
    }

    fn journal_key(&self) -> Result<SoftwareKey> {
        Ok(SoftwareKey::from_seed(&*self.seed("journal_key")?))
    }
}

/// Adds a row.
fn append(chain: &mut Chain, connection: &Connection, entry: &Entry, at: Timestamp) -> Result<Row> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|error| anyhow!("the system gave no randomness: {error}"))?;
    let body = entry.encode(salt);
    let row = chain.append(at, &body);
    connection.execute(
        "INSERT INTO journal VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![row.seq, row.at.as_unix(), row.prev, row.body_hash, row.hash, body],
    )?;
    Ok(row)
}

/// Adds a checkpoint over all rows, unless there is one.
fn sign(chain: &Chain, connection: &Connection, key: &SoftwareKey, now: Timestamp) -> Result<()> {
    let note = Checkpoint::of(chain).sign(key)?;
    connection.execute(
        "INSERT INTO checkpoint VALUES (?1, ?2, ?3) ON CONFLICT (size) DO NOTHING",
        params![chain.size(), now.as_unix(), note],
    )?;
    let frontier = "INSERT OR REPLACE INTO frontier VALUES (1, ?1, ?2)";
    connection.execute(frontier, params![chain.size(), chain.subtrees().as_flattened()])?;
    Ok(())
}

/// Begins behind the rows of the last checkpoint, if what was kept to go on from there is what the checkpoint signs;
/// otherwise with the first row.
fn resume(connection: &Connection, key: &CheckpointKey) -> Result<Chain> {
    let kept = connection.query_row(
        "SELECT seq, journal.at, prev, body_hash, hash, subtrees, note FROM frontier
         JOIN checkpoint USING (size) JOIN journal ON seq = size - 1",
        [],
        |found| Ok((row(found), found.get::<_, Vec<u8>>(5)?, found.get::<_, String>(6)?)),
    );
    let Some((last, subtrees, note)) = kept.optional()? else { return Ok(Chain::default()) };
    let (subtrees, []) = subtrees.as_chunks() else { return Ok(Chain::default()) };
    let resumed = || -> Result<Chain> {
        let chain = Chain::resume(&last?, subtrees.to_vec())?;
        Checkpoint::verify(&note, key)?.check(&chain)?;
        Ok(chain)
    };
    Ok(resumed().unwrap_or_default())
}

/// Follows the rows that were added since. A journal that was changed is not continued.
fn catch_up(chain: &mut Chain, connection: &Connection) -> Result<()> {
    let mut rows = connection
        .prepare("SELECT seq, at, prev, body_hash, hash FROM journal WHERE seq >= ?1 ORDER BY seq")?;
    let mut rows = rows.query([chain.size()])?;
    while let Some(found) = rows.next()? {
        chain
            .follow(&row(found)?, None)
            .context("the journal was changed: kiosk journal verify says where")?;
    }
    let last: Option<u64> = connection.query_row("SELECT max(seq) FROM journal", [], |row| row.get(0))?;
    let signed: Option<u64> =
        connection.query_row("SELECT max(size) FROM checkpoint", [], |row| row.get(0))?;
    let size = last.map_or(0, |last| last + 1);
    match signed.into_iter().chain([chain.size()]).find(|rows| *rows > size) {
        Some(rows) => Err(JournalError::Checkpoint { size: rows })
            .context("rows of the journal are gone: kiosk journal verify says which"),
        None => Ok(()),
    }
}

fn row(found: &rusqlite::Row<'_>) -> Result<Row> {
    let at = Timestamp::from_unix(found.get(1)?).context("a row of the journal is of no time")?;
    let hash = |column| found.get::<_, Hash>(column);
    Ok(Row { seq: found.get(0)?, at, prev: hash(2)?, body_hash: hash(3)?, hash: hash(4)? })
}

#[cfg(test)]
mod tests {
    use shared::journal::{Audit, Report};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_800_000_000 + seconds).unwrap()
    }

    fn audit(state: &State) -> Result<Report> {
        let key = state.checkpoint_key()?;
        let mut audit = Audit::new(&key, [])?;
        state.journal(0, |item| {
            match item {
                Item::Row(row, body) => audit.row(&row, body.as_deref())?,
                Item::Checkpoint(note) => audit.checkpoint(&note)?,
            }
            Ok(())
        })?;
        Ok(audit.finish()?)
    }

    #[test]
    fn rows_outlive_restarts_and_are_signed_by_number_and_by_time() {
        let folder = tempfile::tempdir().unwrap();
        for start in 0..3 {
            let mut state = State::open(folder.path()).unwrap();
            state.record(&Entry::Stopped, at(start * 10)).unwrap();
        }
        // The first row was signed at once; nothing is due yet.
        let report = |state: &State| audit(state).unwrap();
        let mut state = State::open(folder.path()).unwrap();
        assert_eq!(report(&state), Report { rows: 3, checkpoints: 1, signed: 1, ..Report::default() });
        state.record(&Entry::Stopped, at(CHECKPOINT_AGE.cast_signed())).unwrap();
        assert_eq!(report(&state).signed, 4, "a quarter of an hour later");
        for _ in 0..CHECKPOINT_ROWS {
            state.record(&Entry::Stopped, at(CHECKPOINT_AGE.cast_signed())).unwrap();
        }
        assert_eq!(report(&state).signed, 4 + CHECKPOINT_ROWS);
    }

    #[test]
    fn a_row_counts_although_its_checkpoint_failed_and_that_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::open(folder.path()).unwrap();
        let refuse =
            "CREATE TRIGGER full BEFORE INSERT ON checkpoint BEGIN SELECT RAISE(ABORT, 'disk full'); END";
        state.connection.execute_batch(refuse).unwrap();
        for second in 0..3 {
            assert_eq!(state.record(&Entry::Stopped, at(second)).unwrap().seq, second.cast_unsigned());
        }
        let report = audit(&state).unwrap();
        assert_eq!((report.rows, report.signed, state.unsigned), (3, 0, true));
        state.sign_checkpoint(at(3)).unwrap_err();
        state.connection.execute_batch("DROP TRIGGER full").unwrap();
        state.record(&Entry::Stopped, at(3)).unwrap();
        assert_eq!((audit(&state).unwrap().signed, state.unsigned), (4, false));
    }

    #[test]
    fn two_processes_write_one_journal() {
        let folder = tempfile::tempdir().unwrap();
        let (mut one, mut other) = (State::open(folder.path()).unwrap(), State::open(folder.path()).unwrap());
        for second in 0..5 {
            one.record(&Entry::Stopped, at(second)).unwrap();
            other.record(&Entry::Stopped, at(second)).unwrap();
        }
        other.sign_checkpoint(at(9)).unwrap();
        assert_eq!(audit(&one).unwrap().signed, 10);
    }

    #[test]
    fn what_was_shredded_is_gone_from_the_disk_and_the_chain_still_holds() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::open(folder.path()).unwrap();
        for second in 0..4 {
            let version = format!("secret-number-{second}");
            let purpose = shared::credential::Purpose::parse("border").unwrap();
            state.record(&Entry::Started { version, purpose }, at(second)).unwrap();
        }
        let holds = |text: &str| {
            std::fs::read_dir(folder.path()).unwrap().any(|file| {
                let bytes = std::fs::read(file.unwrap().path()).unwrap();
                bytes.windows(text.len()).any(|window| window == text.as_bytes())
            })
        };
        assert!(holds("secret-number-0") && holds("secret-number-1"));
        assert_eq!(state.shred(at(2), at(100)).unwrap(), 2);
        assert!(!holds("secret-number-0") && !holds("secret-number-1") && holds("secret-number-2"));
        assert_eq!(state.shred(at(2), at(101)).unwrap(), 0, "nothing is left to shred, and nothing is said");
        let report = audit(&state).unwrap();
        assert_eq!((report.rows, report.shredded, report.signed), (5, 2, 5), "and the word of it is signed");
    }

    /// Seconds of the rows whose bodies are still there.
    fn kept(state: &State) -> Vec<i64> {
        let mut kept = vec![];
        state
            .journal(0, |item| {
                if let Item::Row(row, Some(_)) = item {
                    kept.push(row.at.seconds_since(at(0)));
                }
                Ok(())
            })
            .unwrap();
        kept
    }

    #[test]
    fn rows_of_a_clock_that_was_ahead_are_shredded_and_checkpoints_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::open(folder.path()).unwrap();
        let years = 70 * 365 * 86_400;
        for second in [0, 10, years, years + 1, 20, 30] {
            state.record(&Entry::Stopped, at(second)).unwrap();
        }
        // The clock came back: the next checkpoint is not due in seventy years.
        assert_eq!(audit(&state).unwrap().signed, 5);
        assert_eq!(state.shred(at(15), at(100)).unwrap(), 2);
        assert_eq!(kept(&state), [years, years + 1, 20, 30, 100], "nobody knows yet how old they are");
        assert_eq!(state.shred(at(25), at(101)).unwrap(), 3);
        assert_eq!(kept(&state), [30, 100, 101]);
        assert_eq!(audit(&state).unwrap().shredded, 5);
    }

    #[test]
    fn a_row_of_a_clock_that_was_behind_takes_no_other_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::open(folder.path()).unwrap();
        for second in [1000, 1001, 0, 1002] {
            state.record(&Entry::Stopped, at(second)).unwrap();
        }
        assert_eq!(state.shred(at(500), at(1003)).unwrap(), 1);
        assert_eq!(kept(&state), [1000, 1001, 1002, 1003]);
        assert_eq!(state.shred(at(1002), at(1004)).unwrap(), 2);
        assert_eq!(kept(&state), [1002, 1003, 1004]);
        assert_eq!(audit(&state).unwrap().shredded, 3);
    }

    #[test]
    fn nothing_is_shredded_that_cannot_be_said() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::open(folder.path()).unwrap();
        state.record(&Entry::Stopped, at(0)).unwrap();
        let refuse =
            "CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'disk full'); END";
        state.connection.execute_batch(refuse).unwrap();
        state.shred(at(2), at(100)).unwrap_err();
        let report = audit(&State::open(folder.path()).unwrap()).unwrap();
        assert_eq!((report.rows, report.shredded), (1, 0));
    }

    #[test]
    fn a_journal_that_was_changed_is_told_and_not_continued() {
        for (change, expected) in [
            ("UPDATE journal SET body = x'00' WHERE seq = 2", JournalError::Body { seq: 2 }),
            ("UPDATE journal SET at = at + 1 WHERE seq = 2", JournalError::Chain { seq: 2 }),
            ("UPDATE journal SET body = NULL WHERE seq = 2", JournalError::Gone { seq: 2 }),
            ("DELETE FROM journal WHERE seq = 2", JournalError::Missing { expected: 2, found: 3 }),
            ("DELETE FROM journal WHERE seq >= 3", JournalError::Checkpoint { size: 5 }),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let mut state = State::open(folder.path()).unwrap();
            for second in 0..5 {
                state.record(&Entry::Stopped, at(second)).unwrap();
            }
            state.sign_checkpoint(at(9)).unwrap();
            assert!(audit(&state).is_ok());
            state.connection.execute(change, []).unwrap();
            let error = audit(&state).unwrap_err();
            assert_eq!(error.downcast_ref(), Some(&expected), "{change}: {error}");
            // Rows under the last checkpoint are looked at by whoever audits, not before every row.
            if matches!(expected, JournalError::Checkpoint { .. }) {
                let mut again = State::open(folder.path()).unwrap();
                assert!(again.record(&Entry::Stopped, at(10)).is_err(), "{change}");
            }
        }
    }

    #[test]
    fn a_row_that_nobody_signed_yet_is_not_continued_once_it_was_changed() {
        for change in [
            "UPDATE journal SET at = at + 1 WHERE seq = 2",
            "UPDATE journal SET at = at + 1 WHERE seq = 4",
            "UPDATE journal SET hash = zeroblob(32) WHERE seq = 3",
            "DELETE FROM journal WHERE seq = 2",
            "DELETE FROM journal WHERE seq = 0",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let mut state = State::open(folder.path()).unwrap();
            for second in 0..5 {
                state.record(&Entry::Stopped, at(second)).unwrap();
            }
            assert_eq!(state.check_end().unwrap(), (5, 4), "the first was signed");
            state.connection.execute(change, []).unwrap();
            let mut again = State::open(folder.path()).unwrap();
            assert!(again.check_end().unwrap_err().is::<JournalError>(), "{change}");
            assert!(again.record(&Entry::Stopped, at(10)).is_err(), "{change}");
            assert!(
                again.sign_checkpoint(at(10)).is_err() && again.shred(at(9), at(10)).is_err(),
                "{change}"
            );
        }
    }

    /// The first of 100,000 rows is damaged, which whoever reads it cannot miss.
    #[test]
    fn a_long_journal_goes_on_without_being_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::open(folder.path()).unwrap();
        let key = state.journal_key().unwrap();
        let transaction = state.connection.transaction().unwrap();
        let mut chain = Chain::default();
        for _ in 0..100_000 {
            append(&mut chain, &transaction, &Entry::Stopped, at(0)).unwrap();
        }
        sign(&chain, &transaction, &key, at(0)).unwrap();
        append(&mut chain, &transaction, &Entry::Stopped, at(1)).unwrap();
        transaction.execute("UPDATE journal SET hash = zeroblob(32) WHERE seq = 0", []).unwrap();
        transaction.commit().unwrap();
        let mut again = State::open(folder.path()).unwrap();
        assert_eq!(again.check_end().unwrap(), (100_001, 1), "rows, and those that were read");
        assert_eq!(again.record(&Entry::Stopped, at(2)).unwrap().seq, 100_001);
        again.sign_checkpoint(at(3)).unwrap();
        assert_eq!(State::open(folder.path()).unwrap().check_end().unwrap(), (100_002, 0));
        let error = audit(&again).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&JournalError::Chain { seq: 0 }), "an audit reads all");
    }

    /// What is kept to go on from a checkpoint is worth what the checkpoint's signature says of it.
    #[test]
    fn a_changed_frontier_is_not_believed() {
        for change in [
            "UPDATE frontier SET subtrees = zeroblob(64)",
            "UPDATE frontier SET subtrees = x'00'",
            "UPDATE frontier SET size = 2",
            "DELETE FROM frontier",
            "UPDATE checkpoint SET note = note || 'x'",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let mut state = State::open(folder.path()).unwrap();
            for second in 0..3 {
                state.record(&Entry::Stopped, at(second)).unwrap();
            }
            state.sign_checkpoint(at(9)).unwrap();
            state.connection.execute(change, []).unwrap();
            let mut again = State::open(folder.path()).unwrap();
            assert_eq!(again.check_end().unwrap(), (3, 3), "{change}: every row is read");
            assert_eq!(again.record(&Entry::Stopped, at(10)).unwrap().seq, 3, "{change}");
            if !change.contains("note") {
                assert_eq!(audit(&again).unwrap().rows, 4, "{change}");
            }
        }
    }
}
