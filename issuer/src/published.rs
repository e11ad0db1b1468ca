//! Status lists on their way to publication, and the last few that were published: what changed since each of them
//! is published beside the new ones, so that a kiosk fetches a few kilobytes instead of all lists.

use anyhow::{Result, ensure};
use rusqlite::params;
use shared::time::Timestamp;
use shared::trust::{Files, PublishedList, Status, StatusDelta, StatusListBuilder};

use crate::office::Office;
use crate::registry::{IssuedCredential, Registry};
use crate::status_index::decoys;

/// How many publications back a kiosk can be and still be brought up to date by a delta: a week of daily ones.
const REMEMBERED: i64 = 7;

/// The registry's setting that says which version of the repository was taken last.
const VERSION: &str = "repository_version";

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

/// Fills every list of the agency: these credentials, which are not valid, and decoys whose time has come.
pub fn lists(
    office: &Office,
    registry: &Registry,
    not_valid: &[IssuedCredential],
    now: Timestamp,
) -> Result<Vec<PublishedList>> {
    let key = office.status_key()?;
    let latest = latest(registry, now)?;
    let fill = |list: u64| -> Result<PublishedList> {
        let mut statuses = StatusListBuilder::default();
        let credentials = not_valid.iter().filter(|credential| credential.list == list);
        let credentials = credentials.map(|credential| (credential.index, credential.status));
        let start = registry.list_start(list)?;
        let turned = decoys(key.as_slice(), list)
            .filter(|decoy| start.is_some_and(|start| start.plus(decoy.turns_after) <= latest));
        for (index, status) in credentials.chain(turned.map(|decoy| (decoy.index, Status::Invalid))) {
            ensure!(statuses.set(index, status), "place {index} is outside its list");
        }
        Ok(PublishedList::new(format!("status-{list}.cwt"), office.status_uri(list), statuses))
    };
    (0..=registry.last_list()?).map(fill).collect()
}

/// Returns the latest time that anything was ever published at: a decoy that turned back because a clock did would
/// tell what it is.
fn latest(registry: &Registry, now: Timestamp) -> Result<Timestamp> {
    const SETTING: &str = "decoys_turned_until";
    let before = registry.setting(SETTING)?.map(|text| Timestamp::parse(&text)).transpose()?;
    let latest = before.map_or(now, |before| before.max(now));
    registry.set_setting(SETTING, &latest.to_string())?;
    Ok(latest)
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
    /// Takes the next version number of the repository, which nobody else gets; it stays taken even if nothing is
    /// published under it.
    pub fn take_version(&self) -> Result<u64> {
        // Nobody reads between this reading and this writing.
        let transaction = self.take_turn()?;
        let version = self.setting(VERSION)?.map_or(Ok(0), |text| text.parse::<u64>())? + 1;
        self.set_setting(VERSION, &version.to_string())?;
        transaction.commit()?;
        Ok(version)
    }

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

#[cfg(test)]
mod tests {
    use shared::credential::{Attributes, Purpose};

    use super::*;
    use crate::office::Agency;
    use crate::registry::SubjectData;
    use crate::status_index::{issuable, status_index};

    const DAY: i64 = 24 * 3600;

    #[test]
    fn two_publications_at_once_have_two_numbers() {
        const EACH: usize = 25;
        let folder = tempfile::tempdir().unwrap();
        let agency = Agency { name: "xa".into(), issuer: "https://id.xa.example".into() };
        let office = Office::create(folder.path(), agency).unwrap();
        office.create_registry().unwrap();
        let take = || {
            let registry = office.registry().unwrap();
            (0..EACH).map(|_| registry.take_version().unwrap()).collect::<Vec<u64>>()
        };
        let mut taken: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        taken.sort_unstable();
        assert_eq!(taken, (1..=100).collect::<Vec<u64>>());
    }

    #[test]
    fn decoys_turn_and_do_not_turn_back() {
        let folder = tempfile::tempdir().unwrap();
        let agency = Agency { name: "xa".into(), issuer: "https://id.xa.example".into() };
        let office = Office::create(folder.path(), agency).unwrap();
        let mut registry = office.create_registry().unwrap();
        let start = Timestamp::from_unix(1_700_000_000).unwrap();
        let data = SubjectData {
            attributes: Attributes::default(),
            face: None,
            photo: vec![],
            documents: vec![],
            secret: [9; 32],
        };
        let subject = registry.enroll(&data, start).unwrap();
        let key = office.status_key().unwrap();
        let serial = issuable(key.as_slice(), u64::try_from(registry.next_serial().unwrap()).unwrap());
        let place = status_index(key.as_slice(), serial);
        let credential = IssuedCredential {
            serial: i64::try_from(serial).unwrap(),
            purpose: Purpose::parse("border").unwrap(),
            list: place.list,
            index: place.index,
            status: Status::Valid,
        };
        registry.record(&subject, &credential, (start, start.plus(DAY)), b"to be signed").unwrap();
        let publish = |days: i64| lists(&office, &registry, &[], start.plus(days * DAY)).unwrap();
        let kept = |lists: &[PublishedList]| -> Files {
            lists.iter().map(|list| (list.name.clone(), list.zlib().to_vec())).collect()
        };
        let (first, later, back) = (publish(0), publish(1000), publish(10));
        let turned = StatusDelta::between(&kept(&first), &later);
        let turned = turned.changes("status-0.cwt");
        // Of 1,024 to 4,096 decoys about 1000 / 1825.
        assert!((400..2_500).contains(&turned.len()), "{}", turned.len());
        assert!(turned.iter().all(|change| change.value == 1 && change.index != place.index));
        assert_eq!(StatusDelta::between(&kept(&later), &back), StatusDelta::default());
        drop(registry);
        let mut registry = office.registry().unwrap();
        // Seven publications are remembered, each with the delta that it needs.
        for version in 1..10 {
            let state = PublishedState { delta: format!("status-from-{version}.delta"), lists: vec![] };
            let lists = lists(&office, &registry, &[], start.plus(2000 * DAY)).unwrap();
            registry.remember_published(version, &PublishedState { lists, ..state }).unwrap();
        }
        let names: Vec<String> = deltas(&registry, &later).unwrap().into_keys().collect();
        let expected: Vec<String> = (3..10).map(|version| format!("status-from-{version}.delta")).collect();
        assert_eq!(names, expected);
    }
}
