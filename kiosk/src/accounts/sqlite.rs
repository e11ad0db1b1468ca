//! Accounts in one SQLite file, for the kiosks of one machine.

use std::path::Path;

use anyhow::{Context, Result, bail};
use rusqlite::types::{ToSqlOutput, Value as Column, ValueRef};
use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::directory::{Again, Directory, PATIENCE, Transaction, Value, Work};
use super::rows::SCHEMA;

/// Nobody changes or removes what happened; an identifier may be blanked.
const APPEND_ONLY: &str = "
    DROP TRIGGER IF EXISTS binding_event_unchanged;
    CREATE TRIGGER binding_event_unchanged BEFORE UPDATE ON binding_event
    WHEN NEW.value IS NOT NULL
        OR (NEW.seq, NEW.at, NEW.what, NEW.done_by) <> (OLD.seq, OLD.at, OLD.what, OLD.done_by)
        OR NEW.account IS NOT OLD.account OR NEW.kind IS NOT OLD.kind OR NEW.scope IS NOT OLD.scope
        OR NEW.question IS NOT OLD.question OR NEW.note IS NOT OLD.note
    BEGIN SELECT RAISE(ABORT, 'what happened is not changed'); END;
    CREATE TRIGGER IF NOT EXISTS binding_event_kept BEFORE DELETE ON binding_event
    BEGIN SELECT RAISE(ABORT, 'what happened is not removed'); END;
";

/// A directory in a file.
pub struct Sqlite(Connection);

impl Sqlite {
    /// Opens a file, and creates it where `create` says so.
    pub fn open(path: &Path, create: bool) -> Result<Self> {
        let reading = || format!("opening the directory {}", path.display());
        if !create && !path.exists() {
            bail!("there is no directory at {}; make one with `kiosk accounts init`", path.display());
        }
        if create {
            crate::state::keep_private(path.parent().unwrap_or(Path::new(".")), path)
                .with_context(reading)?;
        }
        let connection = Connection::open(path).with_context(reading)?;
        connection.busy_timeout(PATIENCE)?;
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
                 PRAGMA secure_delete = ON;",
            )
            .with_context(reading)?;
        Ok(Self(connection))
    }
}

impl Directory for Sqlite {
    fn prepare(&mut self) -> Result<()> {
        let schema = SCHEMA.replace("{SERIAL}", "INTEGER PRIMARY KEY AUTOINCREMENT");
        Ok(self.0.execute_batch(&schema).and_then(|()| self.0.execute_batch(APPEND_ONLY))?)
    }

    fn within(&mut self, work: Work<'_>) -> Result<()> {
        // Immediate: one writer at a time, from its first look on, so that nothing has to be begun again.
        let transaction = match self.0.transaction_with_behavior(TransactionBehavior::Immediate) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => bail!(Again),
            result => result?,
        };
        work(&mut InSqlite(&transaction))?;
        Ok(transaction.commit()?)
    }
}

struct InSqlite<'a>(&'a rusqlite::Transaction<'a>);

impl Transaction for InSqlite<'_> {
    fn run(&mut self, statement: &str, values: &[Value]) -> Result<Vec<Vec<Value>>> {
        let mut statement = self.0.prepare(statement)?;
        let columns = statement.column_count();
        for (number, value) in values.iter().enumerate() {
            let name = format!("${}", number + 1);
            let place = statement.parameter_index(&name)?.with_context(|| format!("no parameter {name}"))?;
            statement.raw_bind_parameter(place, value)?;
        }
        let mut rows = statement.raw_query();
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let read = |column| match row.get_ref(column)? {
                ValueRef::Null => Ok(Value::Null),
                ValueRef::Integer(number) => Ok(Value::Number(number)),
                ValueRef::Text(text) => Ok(Value::Text(std::str::from_utf8(text)?.to_owned())),
                _ => bail!("the directory holds something that was not written here"),
            };
            found.push((0..columns).map(read).collect::<Result<_>>()?);
        }
        Ok(found)
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Column::Null),
            Self::Number(number) => ToSqlOutput::Owned(Column::Integer(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}
