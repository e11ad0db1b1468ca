//! Which kiosks read encrypted codes of which purpose, and the keys of every epoch.
//!
//! ```text
//! sectors.json                         kiosks and epochs, nothing secret
//! keys/sector-<purpose>-<epoch>.cose   an epoch's key
//! sectors/<machine>-<epoch>.cose       that key, encrypted to one kiosk: made once, published until it is no longer read
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use shared::credential::Purpose;
use shared::encryption::{DecryptionKey, EncryptionKey};
use shared::time::Timestamp;
use shared::trust::{Files, SectorEpoch, SectorEpochs, epochs_target, wrapped_target};
use zeroize::Zeroizing;

use crate::keys;
use crate::national::{read_json, write_file, write_json, write_secret};

/// The contents of `sectors.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sectors {
    /// The kiosks, in the order in which they were added.
    pub kiosks: Vec<Kiosk>,
    /// The epochs of every purpose that has any.
    pub purposes: BTreeMap<Purpose, SectorEpochs>,
    #[serde(skip)]
    folder: PathBuf,
}

/// A kiosk that may read encrypted codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kiosk {
    /// What people call it.
    pub name: String,
    /// Its own key: what `kiosk key` prints.
    pub key: EncryptionKey,
    /// What it may read codes for.
    pub purposes: Vec<Purpose>,
}

impl Sectors {
    /// Reads what a folder says; nothing, if no kiosk was ever added.
    pub fn open(folder: &Path) -> Result<Self> {
        let read: Self = read_json(&folder.join("sectors.json"))?.unwrap_or_default();
        Ok(Self { folder: folder.to_owned(), ..read })
    }

    fn save(&self) -> Result<()> {
        write_json(&self.folder.join("sectors.json"), self)
    }

    /// Adds a kiosk: from the next publication it reads the epochs that are read today.
    pub fn add(&mut self, kiosk: Kiosk) -> Result<()> {
        let taken = |other: &Kiosk| other.name == kiosk.name || other.key == kiosk.key;
        ensure!(!self.kiosks.iter().any(taken), "there is a kiosk of that name or with that key already");
        self.kiosks.push(kiosk);
        self.save()
    }

    /// Removes a kiosk. What was wrapped to it is published no longer; only the next epoch shuts it out for good.
    pub fn remove(&mut self, name: &str) -> Result<Kiosk> {
        let position = self.kiosks.iter().position(|kiosk| kiosk.name == name);
        let kiosk = self.kiosks.remove(position.with_context(|| format!("there is no kiosk {name}"))?);
        self.save()?;
        Ok(kiosk)
    }

    /// Begins the next epoch of a purpose, with a new key or with one that another scheme's machines share.
    pub fn rotate(&mut self, purpose: &Purpose, key: &DecryptionKey, now: Timestamp) -> Result<SectorEpoch> {
        let epoch = SectorEpoch { id: key.id().to_string(), public: key.public_key(), since: now };
        let epochs = self.purposes.entry(purpose.clone()).or_default();
        if let Some(last) = epochs.epochs.last() {
            ensure!(
                last.since < now,
                "the present epoch began at {}, which is not before {now}: set the clock, or say --clock-was-ahead if the \
                 one that it was begun by ran ahead",
                last.since
            );
            ensure!(epochs.epochs.iter().all(|other| other.id != epoch.id), "that key had an epoch before");
        }
        // The key names the file, so what is there already was left by a rotation that did not finish.
        write_secret(&self.secret_path(purpose, &epoch.id), &key.to_cose())?;
        self.purposes.entry(purpose.clone()).or_default().epochs.push(epoch.clone());
        self.save()?;
        Ok(epoch)
    }

    /// Takes back every date that a clock wrote which ran ahead: no epoch of a purpose began later than now. It is not
    /// written down before the next epoch is.
    pub fn set_back(&mut self, purpose: &Purpose, now: Timestamp) {
        let epochs = self.purposes.get_mut(purpose).into_iter().flat_map(|epochs| &mut epochs.epochs);
        // So that another can begin now.
        epochs.for_each(|epoch| epoch.since = epoch.since.min(now.plus(-1)));
    }

    /// Returns the targets that tell kiosks what they need, by path.
    pub fn targets(&self) -> Result<Files> {
        let mut targets = Files::new();
        for (purpose, epochs) in &self.purposes {
            let read = SectorEpochs { epochs: epochs.read().to_vec() };
            targets.insert(epochs_target(purpose), serde_json::to_vec_pretty(&read)?);
            for kiosk in self.kiosks.iter().filter(|kiosk| kiosk.purposes.contains(purpose)) {
                for epoch in epochs.read() {
                    let wrapped = self.wrapped(kiosk, purpose, epoch)?;
                    targets.insert(wrapped_target(kiosk.key.id(), &epoch.id), wrapped);
                }
            }
        }
        Ok(targets)
    }

    fn wrapped(&self, kiosk: &Kiosk, purpose: &Purpose, epoch: &SectorEpoch) -> Result<Vec<u8>> {
        let path = self.folder.join("sectors").join(format!("{}-{}.cose", kiosk.key.id(), epoch.id));
        if path.exists() {
            return fs::read(&path).with_context(|| format!("reading {}", path.display()));
        }
        let secret = self.secret_path(purpose, &epoch.id);
        let secret =
            Zeroizing::new(fs::read(&secret).with_context(|| format!("reading {}", secret.display()))?);
        let wrapped = kiosk.key.seal(&secret, &keys::random()?);
        let wrapped = wrapped.with_context(|| format!("the key of kiosk {} is not usable", kiosk.name))?;
        write_file(&path, &wrapped)?;
        Ok(wrapped)
    }

    fn secret_path(&self, purpose: &Purpose, epoch: &str) -> PathBuf {
        self.folder.join("keys").join(format!("sector-{purpose}-{epoch}.cose"))
    }
}

/// Reads an AES key that machines of another scheme share: 16, 24 or 32 bytes in hexadecimal.
pub fn read_shared_key(path: &Path) -> Result<DecryptionKey> {
    let text =
        Zeroizing::new(fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?);
    let key = Zeroizing::new(hex::decode(text.trim()).unwrap_or_default());
    match DecryptionKey::shared(&key) {
        Ok(key) => Ok(key),
        Err(_) => bail!("{} does not hold an AES key in hexadecimal", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A power cut between the secret and `sectors.json`, with a key that is drawn nowhere else.
    #[test]
    fn a_rotation_that_did_not_finish_is_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let (border, now) = (Purpose::parse("border").unwrap(), Timestamp::from_unix(1_700_000_000).unwrap());
        let key = DecryptionKey::shared(&[7; 16]).unwrap();
        let rotate = |now| Sectors::open(folder.path()).unwrap().rotate(&border, &key, now);
        let blocked = folder.path().join("sectors.new");
        fs::create_dir(&blocked).unwrap();
        rotate(now).unwrap_err();
        assert!(Sectors::open(folder.path()).unwrap().purposes.is_empty());
        fs::remove_dir(&blocked).unwrap();
        let epoch = rotate(now).unwrap();
        let sectors = Sectors::open(folder.path()).unwrap();
        let secret = sectors.secret_path(&border, &epoch.id);
        assert_eq!(fs::read(&secret).unwrap(), *key.to_cose());
        assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
        rotate(now.plus(1)).unwrap_err();
    }

    #[test]
    fn an_epoch_of_a_clock_that_ran_ahead_is_followed_by_one_of_today() {
        let folder = tempfile::tempdir().unwrap();
        let (border, now) = (Purpose::parse("border").unwrap(), Timestamp::from_unix(1_700_000_000).unwrap());
        let key = |seed| DecryptionKey::shared(&[seed; 16]).unwrap();
        let mut sectors = Sectors::open(folder.path()).unwrap();
        sectors.rotate(&border, &key(1), now.plus(-9)).unwrap();
        sectors.rotate(&border, &key(2), now.plus(1_000_000)).unwrap();
        let told = sectors.rotate(&border, &key(3), now).unwrap_err().to_string();
        assert!(told.contains("--clock-was-ahead"), "{told}");
        sectors.set_back(&border, now);
        sectors.rotate(&border, &key(3), now).unwrap();
        let since: Vec<_> = Sectors::open(folder.path()).unwrap().purposes[&border]
            .epochs
            .iter()
            .map(|epoch| epoch.since.seconds_since(now))
            .collect();
        assert_eq!(since, [-9, -1, 0]);
    }

    /// What is wrapped to a kiosk is whole or not there: it is made once and never looked at again.
    #[test]
    fn what_is_wrapped_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let (border, now) = (Purpose::parse("border").unwrap(), Timestamp::from_unix(1_700_000_000).unwrap());
        let machine = DecryptionKey::from_seed(&[1; 32]).unwrap();
        let kiosk =
            Kiosk { name: "gate".into(), key: machine.public_key().unwrap(), purposes: vec![border.clone()] };
        let mut sectors = Sectors::open(folder.path()).unwrap();
        sectors.add(kiosk.clone()).unwrap();
        let epoch = sectors.rotate(&border, &DecryptionKey::from_seed(&[2; 32]).unwrap(), now).unwrap();
        let name = format!("sectors/{}-{}", kiosk.key.id(), epoch.id);
        fs::create_dir_all(folder.path().join(format!("{name}.new"))).unwrap();
        sectors.targets().unwrap_err();
        assert!(!folder.path().join(format!("{name}.cose")).exists());
        fs::remove_dir(folder.path().join(format!("{name}.new"))).unwrap();
        let wrapped = &sectors.targets().unwrap()[&wrapped_target(kiosk.key.id(), &epoch.id)];
        assert_eq!(sectors.targets().unwrap()[&wrapped_target(kiosk.key.id(), &epoch.id)], *wrapped);
    }
}
