//! Events that were not delivered yet, in a file of their own: `events.sqlite` in the state folder.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::notice;

const FILE: &str = "events.sqlite";

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS event (seq INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS delivered (sink TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
";

/// The most events that are kept, by choice: at one visit in six seconds about two weeks, and some 80 MB. Then the oldest go.
const MOST: i64 = 200_000;

/// How long a lane waits for another thread's or process's write to the same file. Those are short.
const PATIENCE: Duration = Duration::from_secs(1);

/// The most events that are delivered together.
const BATCH: u32 = 100;

/// An event as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its number.
    pub seq: i64,
    /// One JSON object, without line feeds.
    pub body: String,
}

/// An open outbox.
pub struct Outbox {
    connection: Connection,
    most: i64,
    full: bool,
}

impl Outbox {
    /// Opens the outbox in a folder, creating both where they are missing.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let opening = || format!("opening {}", path.display());
        crate::state::keep_private(folder, &path).with_context(opening)?;
        let connection = Connection::open(&path).with_context(opening)?;
        connection.busy_timeout(PATIENCE)?;
        // Deleted events hold whatever the settings let through: their pages are overwritten.
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;")
            .and_then(|()| connection.execute_batch(SCHEMA))
            .with_context(opening)?;
        Ok(Self { connection, most: MOST, full: false })
    }

    /// Overwrites the events in the outbox of a folder, if there is one. Their numbers are not given again.
    pub fn forget(folder: &Path) -> Result<()> {
        if folder.join(FILE).exists() {
            let outbox = Self::open(folder)?;
            outbox.connection.execute("DELETE FROM event", []).context("emptying the outbox of events")?;
            outbox.tidy();
        }
        Ok(())
    }

    /// Adds an event that knows its own number. Where there are too many, the oldest goes.
    pub fn add(&mut self, body: impl FnOnce(i64) -> Result<String>) -> Result<i64> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute("INSERT INTO event (body) VALUES ('')", [])?;
        let seq = transaction.last_insert_rowid();
        transaction.execute("UPDATE event SET body = ?2 WHERE seq = ?1", params![seq, body(seq)?])?;
        let gone = transaction.execute("DELETE FROM event WHERE seq <= ?1", [seq - self.most])?;
        transaction.commit()?;
        if gone > 0 && !std::mem::replace(&mut self.full, true) {
            notice(&format!(
                "events: {} wait for their receivers; the oldest are lost from now on",
                self.most
            ));
        }
        Ok(seq)
    }

    /// Returns the next events that a receiver has not got, in order.
    pub fn next(&self, sink: &str) -> Result<Vec<Row>> {
        let query = "SELECT seq, body FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2";
        let mut statement = self.connection.prepare(query)?;
        let rows = statement.query_map(params![self.delivered(sink)?, BATCH], |row| {
            Ok(Row { seq: row.get(0)?, body: row.get(1)? })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Remembers that a receiver has everything up to a number, and forgets what every one of these receivers has.
    pub fn acknowledge(&mut self, sink: &str, seq: i64, sinks: &[&str]) -> Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute(
            "INSERT INTO delivered VALUES (?1, ?2) ON CONFLICT (sink) DO UPDATE SET seq = max(seq, ?2)",
            params![sink, seq],
        )?;
        let mut everybody = i64::MAX;
        for sink in sinks {
            let query = "SELECT seq FROM delivered WHERE sink = ?1";
            let got: Option<i64> = transaction.query_row(query, [sink], |row| row.get(0)).optional()?;
            everybody = everybody.min(got.unwrap_or(0));
        }
        transaction.execute("DELETE FROM event WHERE seq <= ?1", [everybody])?;
        transaction.commit()?;
        if self.waiting()? == 0 {
            self.tidy();
        }
        Ok(())
    }

    /// What is over is not left in the log either; where the lane is just writing, the next time will do.
    fn tidy(&self) {
        let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }

    /// Returns how many events somebody has not got yet.
    pub fn waiting(&self) -> Result<u64> {
        let count: i64 = self.connection.query_row("SELECT count(*) FROM event", [], |row| row.get(0))?;
        Ok(u64::try_from(count)?)
    }

    fn delivered(&self, sink: &str) -> Result<i64> {
        let query = "SELECT seq FROM delivered WHERE sink = ?1";
        Ok(self.connection.query_row(query, [sink], |row| row.get(0)).optional()?.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_on_after_everything_was_delivered_and_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Outbox::open(folder.path()).unwrap();
        let add = || open().add(|seq| Ok(format!("{{\"seq\":{seq}}}"))).unwrap();
        assert_eq!((add(), add(), add()), (1, 2, 3));
        let seqs = |sink| open().next(sink).unwrap().iter().map(|row| row.seq).collect::<Vec<_>>();
        assert_eq!(seqs("file"), [1, 2, 3]);
        open().acknowledge("file", 3, &["file", "webhook"]).unwrap();
        assert_eq!((seqs("file"), seqs("webhook")), (vec![], vec![1, 2, 3]));
        open().acknowledge("webhook", 2, &["file", "webhook"]).unwrap();
        assert_eq!((open().waiting().unwrap(), seqs("webhook")), (1, vec![3]));
        open().acknowledge("webhook", 3, &["file", "webhook"]).unwrap();
        assert_eq!(open().waiting().unwrap(), 0);
        assert_eq!(add(), 4);
        // What could not be made is not there, and takes no number away that anybody saw.
        open().add(|_| anyhow::bail!("a fault")).unwrap_err();
        assert_eq!(seqs("file"), [4]);
    }

    #[test]
    fn the_oldest_go_when_nobody_takes_them() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = Outbox { most: 3, ..Outbox::open(folder.path()).unwrap() };
        for _ in 0..5 {
            outbox.add(|_| Ok("{}".to_owned())).unwrap();
        }
        let seqs =
            |outbox: &Outbox| outbox.next("file").unwrap().iter().map(|row| row.seq).collect::<Vec<_>>();
        assert_eq!(seqs(&outbox), [3, 4, 5]);
        Outbox::forget(folder.path()).unwrap();
        assert_eq!(seqs(&outbox), [0; 0]);
        assert_eq!(outbox.add(|_| Ok("{}".to_owned())).unwrap(), 6);
        let nothing = folder.path().join("nothing");
        Outbox::forget(&nothing).unwrap();
        assert!(!nothing.exists());
    }
}
