//! The keys that sign, or once signed, this agency's credentials and status lists. The registry says since when.
//!
//! One of them signs: the newest. Those before it stay listed, so that what they signed is believed until it expires.

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use shared::key::{PublicKey, Signer, VerificationKey};
use shared::time::Timestamp;
use shared::trust::{IssuerKey, IssuerKeys};

use crate::keys::PrivateKey;
use crate::office::Office;
use crate::registry::Registry;

/// Where the registry keeps them.
const SETTING: &str = "issuer_keys";

/// The name of the first one in the folder of keys; later ones are numbered from 2.
pub const FIRST: &str = "issuer";

/// One key, and under which name its private half is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedKey {
    /// Its name in the folder of keys.
    pub name: String,
    /// What kiosks are told about it.
    pub key: IssuerKey,
}

/// Every issuer key of an agency, oldest first; there is at least one, and the last one signs.
#[derive(Debug, Clone)]
pub struct KeyHistory(Vec<ListedKey>);

impl KeyHistory {
    /// The history of a new agency.
    pub fn new(first: PublicKey, since: Timestamp) -> Self {
        Self(vec![ListedKey { name: FIRST.to_owned(), key: IssuerKey::new(first, since) }])
    }

    /// Reads the history.
    pub fn load(registry: &Registry) -> Result<Self> {
        let text =
            registry.setting(SETTING)?.context("the registry does not say which issuer keys there are")?;
        let keys: Vec<ListedKey> = serde_json::from_str(&text).context("reading the issuer keys")?;
        ensure!(!keys.is_empty(), "the registry lists no issuer key");
        Ok(Self(keys))
    }

    /// Writes the history.
    pub fn save(&self, registry: &Registry) -> Result<()> {
        registry.set_setting(SETTING, &serde_json::to_string(&self.0)?)
    }

    /// Changes the history that the registry holds now: nobody else writes between this reading and this writing.
    ///
    /// # Errors
    /// Those of the change, which then did not happen.
    pub fn change<T>(registry: &Registry, change: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let turn = registry.take_turn()?;
        let mut history = Self::load(registry)?;
        let changed = change(&mut history)?;
        history.save(registry)?;
        turn.commit()?;
        Ok(changed)
    }

    /// Returns every key, oldest first.
    pub fn keys(&self) -> &[ListedKey] {
        &self.0
    }

    /// Returns the key that signs.
    pub fn current(&self) -> &ListedKey {
        self.0.last().expect("a history has at least one key")
    }

    /// Returns the contents of `keys.json`.
    pub fn published(&self, issuer: &str) -> IssuerKeys {
        let keys = self.0.iter().map(|listed| listed.key.clone()).collect();
        IssuerKeys { issuer: issuer.to_owned(), keys }
    }

    /// Returns the name that the next key will have.
    pub fn next_name(&self) -> String {
        format!("{FIRST}-{}", self.0.len() + 1)
    }

    /// Tells whether any key of the agency, whenever it was in use, satisfies a condition.
    pub fn any(&self, mut condition: impl FnMut(&VerificationKey) -> bool) -> bool {
        self.0.iter().any(|listed| condition(&listed.key.public))
    }

    /// Makes sure that a new key can take over at `now`.
    pub fn check_time(&self, now: Timestamp) -> Result<()> {
        let since = self.current().key.not_before;
        ensure!(
            now > since,
            "the present key signs since {since}, which is not before {now}: set the clock, or say --clock-was-ahead if \
             the one that it was made by ran ahead"
        );
        Ok(())
    }

    /// Takes back every date that a clock wrote which ran ahead: no key begins, ends or is revoked later than now.
    pub fn set_back(&mut self, now: Timestamp) {
        // So that a key can take over now.
        let latest = now.plus(-1);
        for IssuerKey { not_before, not_after, revoked_at, .. } in self.0.iter_mut().map(|key| &mut key.key) {
            *not_before = latest.min(*not_before);
            *not_after = not_after.map(|end| now.min(end));
            // What was revoked from its beginning on stays so.
            *revoked_at = revoked_at.map(|since| latest.min(since));
        }
    }

    /// Makes sure that a key was never in use.
    pub fn check_new(&self, key: PublicKey) -> Result<()> {
        ensure!(!self.any(|known| *known == key.into()), "that key was in use before; a new one takes over");
        Ok(())
    }

    /// Has a new key, which is kept under this name, sign from `now` on.
    pub fn rotate(&mut self, name: String, next: PublicKey, now: Timestamp) -> Result<()> {
        self.check_new(next)?;
        ensure!(name == self.next_name(), "another key took over meanwhile, so {name} is not the next one");
        self.check_time(now)?;
        let last = self.0.last_mut().expect("a history has at least one key");
        // The old key may have signed earlier in this very second.
        last.key.not_after = Some(now.plus(1));
        self.0.push(ListedKey { name, key: IssuerKey::new(next, now) });
        Ok(())
    }

    /// Takes a key back as of a time, or as of its beginning. `key` is its identifier or the key itself.
    pub fn revoke(&mut self, key: &str, since: Option<Timestamp>, now: Timestamp) -> Result<ListedKey> {
        let current = self.current().name.clone();
        let is = |listed: &ListedKey| {
            listed.key.public.id().to_string() == key || listed.key.public.to_string() == key
        };
        let Some(listed) = self.0.iter_mut().find(|listed| is(listed)) else {
            bail!("this agency has no issuer key {key}; `issuer key list` shows them");
        };
        ensure!(
            listed.name != current,
            "{key} is the key that signs: make another one first, with `issuer key rotate`"
        );
        let since = since.unwrap_or(listed.key.not_before);
        ensure!(since <= now, "{since} has not come yet");
        // A key is never trusted again for a time for which it once was not.
        let since = listed.key.revoked_at.map_or(since, |before| before.min(since));
        listed.key.revoked_at = Some(since);
        Ok(listed.clone())
    }
}

/// Opens the key that signs, and makes sure that it is the one the registry lists.
pub fn signer(office: &Office, registry: &Registry) -> Result<PrivateKey> {
    let history = KeyHistory::load(registry)?;
    let current = history.current();
    let key = office.key(&current.name)?;
    ensure!(
        current.key.public == key.public_key().into(),
        "the key {} is not the one that kiosks are told about, {}",
        current.name,
        current.key.public.id()
    );
    Ok(key)
}

#[cfg(test)]
mod tests {
    use shared::key::SoftwareKey;
    use shared::trust::KeyState;

    use super::*;

    fn key(n: u8) -> PublicKey {
        SoftwareKey::from_seed(&[n; 32]).public_key()
    }

    fn time(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_700_000_000 + seconds).unwrap()
    }

    #[test]
    fn keys_follow_each_other_without_a_gap() {
        let mut history = KeyHistory::new(key(1), time(0));
        history.rotate("issuer-2".into(), key(2), time(100)).unwrap();
        history.rotate("issuer-3".into(), key(3), time(200)).unwrap();
        let names: Vec<&str> = history.keys().iter().map(|listed| listed.name.as_str()).collect();
        assert_eq!(names, ["issuer", "issuer-2", "issuer-3"]);
        assert_eq!(history.current().key.public, key(3).into());
        for second in 0..300 {
            let valid: Vec<VerificationKey> = history
                .published("https://id.xa.example")
                .keys
                .iter()
                .filter(|key| key.valid_at(time(second)))
                .map(|key| key.public)
                .collect();
            let both = second == 100 || second == 200;
            assert_eq!(valid.len(), if both { 2 } else { 1 }, "second {second}");
        }
        let mut rotate = |name: &str, next, now| history.rotate(name.to_owned(), key(next), now);
        assert!(rotate("issuer-4", 1, time(300)).is_err(), "a key comes back");
        assert!(rotate("issuer-4", 4, time(200)).is_err(), "the clock stands still");
        assert!(rotate("issuer-3", 4, time(300)).is_err(), "under the name of another");
    }

    #[test]
    fn dates_of_a_clock_that_ran_ahead_are_taken_back() {
        let mut history = KeyHistory::new(key(1), time(0));
        history.rotate("issuer-2".into(), key(2), time(1_000_000)).unwrap();
        history.rotate("issuer-3".into(), key(3), time(1_000_100)).unwrap();
        history.revoke(&key(2).to_string(), None, time(1_000_200)).unwrap();
        let told = history.check_time(time(500)).unwrap_err().to_string();
        assert!(told.contains("--clock-was-ahead"), "{told}");
        history.set_back(time(500));
        history.rotate("issuer-4".into(), key(4), time(500)).unwrap();
        let valid = |second| -> Vec<usize> {
            let valid =
                |(place, listed): (usize, &ListedKey)| listed.key.valid_at(time(second)).then_some(place + 1);
            history.keys().iter().enumerate().filter_map(valid).collect()
        };
        assert_eq!((valid(499), valid(500), valid(501)), (vec![1, 3], vec![3, 4], vec![4]));
        assert_eq!(valid(1_000_050), [4], "no key comes back at the time that was wrong");
        assert_eq!(history.keys()[1].key.state_at(time(499)), KeyState::Revoked);
    }

    #[test]
    fn a_key_is_taken_back_by_its_identifier() {
        let mut history = KeyHistory::new(key(1), time(0));
        let id = key(1).id().to_string();
        assert!(history.revoke(&id, None, time(50)).unwrap_err().to_string().contains("rotate"));
        history.rotate("issuer-2".into(), key(2), time(100)).unwrap();
        assert!(history.revoke("0011223344556677", None, time(150)).is_err());
        assert!(history.revoke(&id, Some(time(151)), time(150)).is_err(), "in the future");
        history.revoke(&id, Some(time(60)), time(150)).unwrap();
        assert_eq!(history.keys()[0].key.state_at(time(59)), KeyState::Valid);
        assert_eq!(history.keys()[0].key.state_at(time(60)), KeyState::Revoked);
        history.revoke(&id, None, time(150)).unwrap();
        assert_eq!(history.keys()[0].key.state_at(time(0)), KeyState::Revoked);
        let later = history.revoke(&key(1).to_string(), Some(time(90)), time(150)).unwrap();
        assert_eq!(later.key.revoked_at, Some(time(0)), "what was taken back stays so");
        assert_eq!(history.current().key.revoked_at, None);
    }
}
