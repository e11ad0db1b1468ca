//! Accounts in PostgreSQL, for the kiosks of several machines and for the organization's own programs.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use postgres::config::{Host, SslMode};
use postgres::error::SqlState;
use postgres::types::{ToSql, Type};
use postgres::{Client, Config, IsolationLevel, NoTls};
use zeroize::Zeroizing;

use super::directory::{Again, Directory, PATIENCE, Transaction, Value, Work};
use super::rows::SCHEMA;

/// Before a transaction that another one was in the way of is begun again.
const PAUSE: Duration = Duration::from_millis(5);

/// Bounds on the server's side of [`PATIENCE`], in milliseconds.
const SERVER_PATIENCE: &str =
    "-c statement_timeout=3000 -c lock_timeout=3000 -c idle_in_transaction_session_timeout=5000";

/// Nobody changes or removes what happened; an identifier may be blanked.
const APPEND_ONLY: &str = "
    CREATE OR REPLACE FUNCTION binding_event_kept() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'what happened is not removed'; END $$;
    CREATE OR REPLACE TRIGGER binding_event_kept BEFORE DELETE OR TRUNCATE ON binding_event
    FOR EACH STATEMENT EXECUTE FUNCTION binding_event_kept();
    CREATE OR REPLACE FUNCTION binding_event_unchanged() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
        OLD.value := NULL;
        IF NEW IS DISTINCT FROM OLD THEN RAISE EXCEPTION 'what happened is not changed'; END IF;
        RETURN NEW;
    END $$;
    CREATE OR REPLACE TRIGGER binding_event_unchanged BEFORE UPDATE ON binding_event
    FOR EACH ROW EXECUTE FUNCTION binding_event_unchanged();
";

/// Transactions change things one after the other, up to their ends: a sequence gives its numbers at once, and who reads
/// events must never see a number before a smaller one. The key is this lock's alone: "gatepass" in ASCII.
const ONE_AFTER_ANOTHER: &str = "SELECT pg_advisory_xact_lock(7449355575193137011)";

/// A directory on a server. It is connected to when it is needed, and again after it was lost.
pub struct Postgres {
    config: Config,
    client: Option<Client>,
    /// An attempt to connect that has not ended yet.
    connecting: Option<Receiver<Result<Client, postgres::Error>>>,
}

impl Postgres {
    /// Takes a connection URI, or `key=value` pairs, and the file that holds the password.
    ///
    /// # Errors
    /// A server elsewhere without `sslmode=disable`: nothing is encrypted here, and whoever wants that says it.
    pub fn new(uri: &str, password: Option<&Path>) -> Result<Self> {
        let mut config: Config = uri.parse().context("store is no PostgreSQL connection URI")?;
        ensure!(config.get_password().is_none(), "the password belongs into password_file, not into store");
        let said = config.get_ssl_mode() == SslMode::Disable;
        let here = config.get_hosts().iter().all(is_here)
            && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback);
        if !said && !here {
            bail!(
                "the PostgreSQL server is on another machine, and this connection is not encrypted: lead it through a \
                 tunnel to this machine, or say sslmode=disable in store"
            );
        }
        if let Some(path) = password {
            let text =
                std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
            config.password(Zeroizing::new(text).trim_end_matches(['\r', '\n']));
        }
        config.ssl_mode(SslMode::Disable).application_name("gatepass kiosk").options(SERVER_PATIENCE);
        config.connect_timeout(PATIENCE).tcp_user_timeout(PATIENCE);
        config.keepalives_idle(PATIENCE).keepalives_interval(PATIENCE).keepalives_retries(2);
        Ok(Self { config, client: None, connecting: None })
    }

    fn client(&mut self) -> Result<&mut Client> {
        if self.client.as_ref().is_some_and(Client::is_closed) {
            self.client = None;
        }
        if self.client.is_none() {
            // The error names the host and the user, never the password.
            self.client = Some(self.connect().context("reaching the directory's PostgreSQL server")?);
        }
        self.client.as_mut().context("there is no connection")
    }

    /// Connects. What takes the connection and says nothing would hold it for ever: it is waited for on another thread, and
    /// never on more than one.
    fn connect(&mut self) -> Result<Client> {
        let connecting = match self.connecting.take() {
            Some(connecting) => connecting,
            None => {
                let (tell, told) = channel();
                let config = self.config.clone();
                let connect = move || _ = tell.send(config.connect(NoTls));
                thread::Builder::new().name("postgresql".to_owned()).spawn(connect)?;
                told
            }
        };
        match connecting.recv_timeout(PATIENCE) {
            Ok(connected) => Ok(connected?),
            Err(RecvTimeoutError::Timeout) => {
                self.connecting = Some(connecting);
                bail!("it does not answer")
            }
            Err(RecvTimeoutError::Disconnected) => bail!("the attempt was broken off"),
        }
    }
}

impl Directory for Postgres {
    fn prepare(&mut self) -> Result<()> {
        let schema = SCHEMA.replace("{SERIAL}", "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY");
        self.client()?.batch_execute(&format!("{schema}{APPEND_ONLY}"))?;
        Ok(())
    }

    fn within(&mut self, work: Work<'_>) -> Result<()> {
        let began = Instant::now();
        let mut reconnected = false;
        while began.elapsed() < PATIENCE {
            let mut committing = false;
            match try_within(self.client()?, work, &mut committing) {
                Err(error) if error.downcast_ref().is_some_and(was_in_the_way) => thread::sleep(PAUSE),
                Err(error) if error.downcast_ref().is_some_and(was_lost) => {
                    self.client = None;
                    // The connection is found to be gone only when it is used. What may have been done is not done again.
                    if committing || std::mem::replace(&mut reconnected, true) {
                        return Err(error);
                    }
                }
                result => return result,
            }
        }
        Err(Again.into())
    }
}

fn try_within(client: &mut Client, work: Work<'_>, committing: &mut bool) -> Result<()> {
    let begin = client.build_transaction().isolation_level(IsolationLevel::Serializable);
    let mut transaction = begin.start()?;
    work(&mut InPostgres { transaction: &mut transaction, changes: false })?;
    *committing = true;
    Ok(transaction.commit()?)
}

/// Two transactions at once: only one of them can have looked first.
fn was_in_the_way(error: &postgres::Error) -> bool {
    [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::UNIQUE_VIOLATION]
        .iter()
        .any(|state| error.code() == Some(state))
}

/// The server ended the connection, or it broke.
fn was_lost(error: &postgres::Error) -> bool {
    match error.code() {
        None => true,
        Some(state) => [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN].contains(state),
    }
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

struct InPostgres<'a, 'c> {
    transaction: &'a mut postgres::Transaction<'c>,
    /// It has begun to change something.
    changes: bool,
}

impl Transaction for InPostgres<'_, '_> {
    fn run(&mut self, statement: &str, values: &[Value]) -> Result<Vec<Vec<Value>>> {
        if !statement.starts_with("SELECT") && !std::mem::replace(&mut self.changes, true) {
            self.transaction.batch_execute(ONE_AFTER_ANOTHER)?;
        }
        let statement = self.transaction.prepare(statement)?;
        let parameter = |(value, kind): (&Value, &Type)| -> Box<dyn ToSql + Sync> {
            match value {
                Value::Null if *kind == Type::INT8 => Box::new(None::<i64>),
                Value::Null => Box::new(None::<String>),
                Value::Number(number) => Box::new(*number),
                Value::Text(text) => Box::new(text.clone()),
            }
        };
        let values: Vec<_> = values.iter().zip(statement.params()).map(parameter).collect();
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(AsRef::as_ref).collect();
        let rows = self.transaction.query(&statement, &values)?;
        let read = |row: &postgres::Row, column: usize| match *row.columns()[column].type_() {
            Type::INT8 => Ok(row.try_get::<_, Option<i64>>(column)?.into()),
            Type::TEXT => Ok(row.try_get::<_, Option<&str>>(column)?.into()),
            _ => bail!("the directory holds something that was not written here"),
        };
        rows.iter().map(|row| (0..row.len()).map(|column| read(row, column)).collect()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_elsewhere_is_asked_for_by_name() {
        for here in
            ["postgres:///accounts?host=/run/postgresql", "host=localhost", "host=127.0.0.1", "host=::1"]
        {
            assert!(Postgres::new(here, None).is_ok(), "{here}");
        }
        let error = Postgres::new("postgres://db.example/accounts", None).err().unwrap().to_string();
        assert!(error.contains("not encrypted"), "{error}");
        for elsewhere in [
            "postgres://kiosk@/accounts?hostaddr=10.0.0.5",
            "postgres://kiosk@localhost/accounts?hostaddr=10.0.0.5",
            "host=localhost,db.example",
            "host=db.example application_name=sslmode=disable",
        ] {
            assert!(Postgres::new(elsewhere, None).is_err(), "{elsewhere}");
        }
        assert!(Postgres::new("postgres://kiosk@/accounts?hostaddr=127.0.0.1", None).is_ok());
        assert!(Postgres::new("postgres://db.example/accounts?sslmode=disable", None).is_ok());
        let error = Postgres::new("postgres://kiosk:CANARY@localhost/accounts", None).err().unwrap();
        assert!(!format!("{error:#}").contains("CANARY"), "{error:#}");
        assert!(Postgres::new("postgres://[", None).is_err());
    }
}
