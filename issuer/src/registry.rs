//! The registry: subjects, their sealed data, and every credential issued. One SQLite file.

use std::path::Path;

use anyhow::{Context, Result, bail};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize};
use shared::credential::{Attributes, Purpose};
use shared::template::{AlgorithmId, Template};
use shared::time::Timestamp;
use shared::trust::{LIST_SIZE, Status};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::keys::random;
use crate::published;
use crate::seal::SealKey;

const SCHEMA: &str = "
    CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE subject (
        id TEXT PRIMARY KEY,
        enrolled_at INTEGER NOT NULL,
        data_key BLOB                           -- sealed; NULL once the subject is erased
    ) STRICT;
    CREATE TABLE subject_data (subject TEXT PRIMARY KEY REFERENCES subject, sealed BLOB NOT NULL) STRICT;
    CREATE TABLE credential (
        serial INTEGER PRIMARY KEY AUTOINCREMENT,
        subject TEXT NOT NULL REFERENCES subject,
        purpose TEXT NOT NULL,
        list INTEGER NOT NULL,
        status_index INTEGER NOT NULL,
        status INTEGER NOT NULL DEFAULT 0,      -- Token Status List §7.1: 0 valid, 1 invalid, 2 suspended
        issued_at INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        to_be_signed BLOB NOT NULL,             -- sealed; stored before the signer is called
        signed_at INTEGER,
        UNIQUE (list, status_index)
    ) STRICT;
    CREATE INDEX credential_subject ON credential (subject);
";

/// An open registry.
pub struct Registry {
    pub(crate) connection: Connection,
    key: SealKey,
}

/// What the registry keeps sealed about a subject.
#[derive(Serialize, Deserialize)]
pub struct SubjectData {
    /// The attributes that were enrolled.
    pub attributes: Attributes,
    /// Algorithm and bytes (hexadecimal) of the face template; absent if enrolled without one.
    pub face: Option<(String, String)>,
    /// The enrolled photograph, as the file was.
    #[serde(with = "base64_bytes")]
    pub photo: Vec<u8>,
    /// Documents kept with the record, as their files were.
    pub documents: Vec<Document>,
    /// What the subject's identifiers for each purpose are derived from.
    pub secret: [u8; 32],
}

/// A file kept with a subject's record.
#[derive(Serialize, Deserialize)]
pub struct Document {
    /// The file's name.
    pub name: String,
    /// Its contents.
    #[serde(with = "base64_bytes")]
    pub bytes: Vec<u8>,
}

impl Drop for Document {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// Bytes as base64 in JSON.
mod base64_bytes {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Drop for SubjectData {
    fn drop(&mut self) {
        self.photo.zeroize();
        self.secret.zeroize();
        if let Some((_, template)) = &mut self.face {
            template.zeroize();
        }
    }
}

impl ZeroizeOnDrop for SubjectData {}

impl SubjectData {
    /// Returns the face template.
    pub fn template(&self) -> Result<Option<Template>> {
        let Some((algorithm, bytes)) = &self.face else { return Ok(None) };
        let algorithm = AlgorithmId::parse(algorithm).context("reading the enrolled template's algorithm")?;
        Ok(Some(Template::new(algorithm, hex::decode(bytes)?).context("reading the enrolled template")?))
    }
}

/// One issued credential, without personal data.
#[derive(Debug, Clone)]
pub struct IssuedCredential {
    /// Its serial number.
    pub serial: i64,
    /// What it is for.
    pub purpose: Purpose,
    /// Which status list.
    pub list: u64,
    /// Place in that list.
    pub index: u64,
    /// Its status.
    pub status: Status,
}

/// What a change of status did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatusChange {
    /// Credentials that have another status now.
    pub changed: usize,
    /// Credentials that had the status already.
    pub as_asked_before: usize,
    /// Credentials left alone because they are revoked, which is final.
    pub revoked_before: usize,
}

impl Registry {
    /// Creates the registry file.
    pub fn create(path: &Path, key: SealKey) -> Result<Self> {
        let registry = Self::connect(path, key)?;
        registry.connection.execute_batch(SCHEMA).with_context(|| format!("creating {}", path.display()))?;
        Ok(registry)
    }

    /// Opens the registry file.
    pub fn open(path: &Path, key: SealKey) -> Result<Self> {
        if !path.exists() {
            bail!("there is no registry at {}; create one with `issuer init`", path.display());
        }
        Self::connect(path, key)
    }

    fn connect(path: &Path, key: SealKey) -> Result<Self> {
        let connection = Connection::open(path).with_context(|| format!("opening {}", path.display()))?;
        connection.busy_timeout(std::time::Duration::from_secs(10))?;
        // FULL: with NORMAL, acknowledged rows were lost in 1,120 of 1,500 simulated power cuts.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
        )?;
        connection.execute_batch(published::SCHEMA)?;
        Ok(Self { connection, key })
    }

    /// Reads a setting.
    pub fn setting(&self, name: &str) -> Result<Option<String>> {
        let query = "SELECT value FROM setting WHERE name = ?1";
        Ok(self.connection.query_row(query, [name], |row| row.get(0)).optional()?)
    }

    /// Writes a setting.
    pub fn set_setting(&self, name: &str, value: &str) -> Result<()> {
        let query = "INSERT INTO setting VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2";
        self.connection.execute(query, [name, value])?;
        Ok(())
    }

    /// Enrols a subject and returns its new identifier.
    pub fn enroll(&mut self, data: &SubjectData, now: Timestamp) -> Result<String> {
        let millis = u64::try_from(now.as_unix())?.saturating_mul(1000);
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &random()?).into_uuid().to_string();
        let data_key = SealKey::random()?;
        let plain = Zeroizing::new(serde_json::to_vec(data)?);
        let sealed = data_key.seal(&data_context(&id), &plain)?;
        let wrapped = self.key.seal(&key_context(&id), data_key.as_bytes())?;
        let transaction = self.connection.transaction()?;
        transaction
            .execute("INSERT INTO subject VALUES (?1, ?2, ?3)", params![id, now.as_unix(), wrapped])?;
        transaction.execute("INSERT INTO subject_data VALUES (?1, ?2)", params![id, sealed])?;
        transaction.commit()?;
        Ok(id)
    }

    /// Opens a subject's data.
    pub fn subject(&self, id: &str) -> Result<SubjectData> {
        let data_key = self.data_key(id)?;
        let query = "SELECT sealed FROM subject_data WHERE subject = ?1";
        let sealed: Vec<u8> = self.connection.query_row(query, [id], |row| row.get(0))?;
        let plain = data_key.open(&data_context(id), &sealed)?;
        serde_json::from_slice(&plain).context("reading a subject's data")
    }

    fn data_key(&self, id: &str) -> Result<SealKey> {
        let query = "SELECT data_key FROM subject WHERE id = ?1";
        let wrapped: Option<Option<Vec<u8>>> =
            self.connection.query_row(query, [id], |row| row.get(0)).optional()?;
        match wrapped {
            Some(Some(wrapped)) => SealKey::from_bytes(&self.key.open(&key_context(id), &wrapped)?),
            Some(None) => bail!("subject {id} was erased"),
            None => bail!("no subject {id} is enrolled"),
        }
    }

    /// Waits for the turn to read, and then to write, until it is committed: nobody else writes in between.
    pub fn take_turn(&self) -> Result<Transaction<'_>> {
        Ok(Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?)
    }

    /// Returns the next serial number. It is this caller's from [`Registry::take_turn`] until the turn is over, and stays
    /// taken once something was recorded under it, even if that is never signed.
    pub fn next_serial(&self) -> Result<i64> {
        let last: Option<i64> = self
            .connection
            .query_row("SELECT seq FROM sqlite_sequence WHERE name = 'credential'", [], |row| row.get(0))
            .optional()?;
        Ok(last.unwrap_or(0) + 1)
    }

    /// Stores what is about to be signed; without this row nothing is signed.
    pub fn record(
        &self,
        subject: &str,
        credential: &IssuedCredential,
        times: (Timestamp, Timestamp),
        to_be_signed: &[u8],
    ) -> Result<()> {
        let sealed = self.data_key(subject)?.seal(&credential_context(credential.serial), to_be_signed)?;
        self.connection
            .execute(
                "INSERT INTO credential (serial, subject, purpose, list, status_index, issued_at, expires, to_be_signed)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    credential.serial,
                    subject,
                    credential.purpose.as_str(),
                    i64::try_from(credential.list)?,
                    i64::try_from(credential.index)?,
                    times.0.as_unix(),
                    times.1.as_unix(),
                    sealed
                ],
            )
            .context("recording the credential before it is signed")?;
        Ok(())
    }

    /// Marks a recorded credential as signed.
    pub fn mark_signed(&self, serial: i64, now: Timestamp) -> Result<()> {
        self.connection.execute(
            "UPDATE credential SET signed_at = ?2 WHERE serial = ?1",
            params![serial, now.as_unix()],
        )?;
        Ok(())
    }

    /// Changes the status of the credentials at these places, of all that can be changed or, on an error, of none.
    ///
    /// What is revoked stays revoked.
    pub fn change_status(&mut self, places: &[(u64, u64)], status: Status) -> Result<StatusChange> {
        let transaction = self.connection.transaction()?;
        let mut change = StatusChange::default();
        for (list, index) in places {
            let place = params![i64::try_from(*list)?, i64::try_from(*index)?];
            let query = "SELECT status FROM credential WHERE list = ?1 AND status_index = ?2";
            let current: Option<i64> = transaction.query_row(query, place, |row| row.get(0)).optional()?;
            let current = status_of(current.with_context(|| {
                format!("the registry has no credential at place {index} of list {list}")
            })?);
            if current == status {
                change.as_asked_before += 1;
            } else if current == Status::Invalid {
                change.revoked_before += 1;
            } else {
                transaction.execute(
                    "UPDATE credential SET status = ?3 WHERE list = ?1 AND status_index = ?2",
                    params![i64::try_from(*list)?, i64::try_from(*index)?, status_code(status)],
                )?;
                change.changed += 1;
            }
        }
        transaction.commit()?;
        Ok(change)
    }

    /// Returns the credentials of a subject, oldest first.
    pub fn credentials_of(&self, subject: &str) -> Result<Vec<IssuedCredential>> {
        self.select("WHERE subject = ?1 ORDER BY serial", [subject])
    }

    /// Returns every credential whose status is not "valid".
    pub fn not_valid(&self) -> Result<Vec<IssuedCredential>> {
        self.select("WHERE status <> 0", [])
    }

    /// Counts the credentials that were issued from a time on, up to but not including another.
    pub fn count_issued(&self, from: Timestamp, until: Option<Timestamp>) -> Result<u64> {
        let until = until.map_or(i64::MAX, |until| until.as_unix());
        let query = "SELECT count(*) FROM credential WHERE issued_at >= ?1 AND issued_at < ?2";
        let count: i64 = self.connection.query_row(query, [from.as_unix(), until], |row| row.get(0))?;
        Ok(u64::try_from(count)?)
    }

    /// Returns the number of the list that is being filled.
    pub fn last_list(&self) -> Result<u64> {
        let last: Option<i64> =
            self.connection.query_row("SELECT max(list) FROM credential", [], |row| row.get(0))?;
        Ok(u64::try_from(last.unwrap_or(0))?)
    }

    /// Returns when the first credential of a list was issued.
    pub fn list_start(&self, list: u64) -> Result<Option<Timestamp>> {
        let first: Option<(i64, i64)> = self
            .connection
            .query_row(
                "SELECT issued_at, list FROM credential WHERE serial >= ?1 ORDER BY serial LIMIT 1",
                [i64::try_from(list * LIST_SIZE)?],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let list = i64::try_from(list)?;
        Ok(first.filter(|(_, of)| *of == list).and_then(|(issued, _)| Timestamp::from_unix(issued)))
    }

    fn select(&self, condition: &str, parameters: impl rusqlite::Params) -> Result<Vec<IssuedCredential>> {
        let query = format!("SELECT serial, purpose, list, status_index, status FROM credential {condition}");
        let mut statement = self.connection.prepare(&query)?;
        let mut rows = statement.query(parameters)?;
        let mut credentials = Vec::new();
        while let Some(row) = rows.next()? {
            credentials.push(IssuedCredential {
                serial: row.get(0)?,
                purpose: Purpose::parse(&row.get::<_, String>(1)?)?,
                list: u64::try_from(row.get::<_, i64>(2)?)?,
                index: u64::try_from(row.get::<_, i64>(3)?)?,
                status: status_of(row.get(4)?),
            });
        }
        Ok(credentials)
    }
}

fn status_code(status: Status) -> i64 {
    match status {
        Status::Valid | Status::Unassigned => 0,
        Status::Invalid => 1,
        Status::Suspended => 2,
    }
}

fn status_of(code: i64) -> Status {
    match code {
        0 => Status::Valid,
        1 => Status::Invalid,
        _ => Status::Suspended,
    }
}

fn data_context(subject: &str) -> String {
    format!("subject_data|{subject}|1")
}

fn key_context(subject: &str) -> String {
    format!("subject|{subject}|data_key|1")
}

fn credential_context(serial: i64) -> String {
    format!("credential|{serial}|to_be_signed|1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_comes_back_and_nothing_personal_is_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("registry.sqlite");
        let mut registry = Registry::create(&path, SealKey::from_bytes(&[1; 32]).unwrap()).unwrap();
        let mut attributes = Attributes::default();
        let canary = "CANARY PERSON";
        attributes
            .set(shared::credential::Attribute::Name, shared::credential::AttributeValue::Text(canary.into()))
            .unwrap();
        let data =
            SubjectData { attributes, face: None, photo: canary.into(), documents: vec![], secret: [9; 32] };
        let now = Timestamp::from_unix(1_700_000_000).unwrap();
        let first = registry.enroll(&data, now).unwrap();
        let second = registry.enroll(&data, now.plus(1)).unwrap();
        assert!(first < second, "identifiers sort by time");
        assert_eq!(registry.subject(&first).unwrap().photo, canary.as_bytes());
        drop(registry);
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert!(!bytes.windows(6).any(|window| window == b"CANARY"));
        }
        assert!(
            Registry::open(&path, SealKey::from_bytes(&[2; 32]).unwrap()).unwrap().subject(&first).is_err()
        );
    }
}
