//! Status lists on their way to publication, and the last few that were published: what changed since each of them
//! is published beside the new ones, so that a kiosk fetches a few kilobytes instead of all lists.

use anyhow::{Result, ensure};
use rusqlite::params;
use shared::time::Timestamp;
use shared::trust::{Files, PublishedList, Status, StatusDelta, StatusListBuilder};

use crate::office::Office;
use crate::registry::Registry;
use crate::status_index::decoys;

/// How many publications back a kiosk can be and still be brought up to date by a delta: a week of daily ones.
const REMEMBERED: i64 = 7;

pub(crate) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS published (
        version INTEGER NOT NULL,               -- of the repository
        delta TEXT NOT NULL,                    -- the target for those who hold this publication
        list TEXT NOT NULL,                     -- the target that the list was in
        zlib BLOB NOT NULL,                     -- the list, compressed
        PRIMARY KEY (version, list)
    ) STRICT;
";

/// What a publication leaves behind for the next ones.
pub struct PublishedState {
    /// The target that will say what changed since then.
    pub delta: String,
    /// The lists.
    pub lists: Vec<PublishedList>,
}

/// Fills every list of the agency: credentials that are not valid, and decoys whose time has come.
pub fn lists(office: &Office, registry: &Registry, now: Timestamp) -> Result<Vec<PublishedList>> {
    let not_valid = registry.not_valid()?;
    let key = office.status_key()?;
    let fill = |list: u64| -> Result<PublishedList> {
        let mut statuses = StatusListBuilder::default();
        let credentials = not_valid.iter().filter(|credential| credential.list == list);
        let credentials = credentials.map(|credential| (credential.index, credential.status));
        let start = registry.list_start(list)?;
        let turned = decoys(key.as_slice(), list)
            .filter(|decoy| start.is_some_and(|start| start.plus(decoy.turns_after) <= now));
        for (index, status) in credentials.chain(turned.map(|decoy| (decoy.index, Status::Invalid))) {
            ensure!(statuses.set(index, status), "place {index} is outside its list");
        }
        Ok(PublishedList::new(format!("status-{list}.cwt"), office.status_uri(list), statuses))
    };
    (0..=registry.last_list()?).map(fill).collect()
}

/// Returns a target for each remembered publication: what has changed since.
pub fn deltas(registry: &Registry, lists: &[PublishedList]) -> Result<Files> {
    let mut statement = registry.connection.prepare("SELECT DISTINCT version, delta FROM published")?;
    let states = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let states: Vec<(i64, String)> = states.collect::<rusqlite::Result<_>>()?;
    let mut statement = registry.connection.prepare("SELECT list, zlib FROM published WHERE version = ?1")?;
    let mut deltas = Files::new();
    for (version, name) in states {
        let old = statement.query_map([version], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let old: Files = old.collect::<rusqlite::Result<_>>()?;
        deltas.insert(name, StatusDelta::between(&old, lists).encode());
    }
    Ok(deltas)
}

impl Registry {
    /// Remembers what was published, and forgets what was published too long ago.
    pub fn remember_published(&mut self, version: u64, state: &PublishedState) -> Result<()> {
        let transaction = self.connection.transaction()?;
        for list in &state.lists {
            transaction.execute(
                "INSERT INTO published VALUES (?1, ?2, ?3, ?4)",
                params![i64::try_from(version)?, state.delta, list.name, list.zlib()],
            )?;
        }
        transaction.execute(
            "DELETE FROM published WHERE version NOT IN
             (SELECT DISTINCT version FROM published ORDER BY version DESC LIMIT ?1)",
            [REMEMBERED],
        )?;
        Ok(transaction.commit()?)
    }
}
