//! Keys with which the machines of a sector, and nobody else, read encrypted codes.
//!
//! ```text
//! sector-keys/<purpose>.json            {"epochs": [{"id": 16 hex, ?"public": 64 hex, "since": RFC 3339}]}   oldest first
//! sector-keys/<machine>/<epoch>.cose    COSE_Encrypt0 to the machine's key, around the epoch's COSE_Key
//! ```
//!
//! `<machine>` and `<epoch>` are the first 8 bytes of the keys' COSE thumbprints, in hexadecimal. A machine reads what was
//! encrypted to the last two epochs of a purpose. One that is left out of an epoch cannot read it.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::credential::Purpose;
use crate::encryption::{self, DecryptionKey, EncryptionKey};
use crate::key::KeyId;
use crate::time::Timestamp;

/// Where the targets are.
pub(super) const FOLDER: &str = "sector-keys/";

/// How many epochs of a purpose are read: the present one, and the one that phones may still encrypt to.
const READ_EPOCHS: usize = 2;

/// The epochs of one purpose: target `sector-keys/<purpose>.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectorEpochs {
    /// Oldest first.
    pub epochs: Vec<SectorEpoch>,
}

/// One epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SectorEpoch {
    /// The identifier of its key, 16 hexadecimal digits.
    pub id: String,
    /// What phones encrypt to; absent where another scheme's machines share one key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<EncryptionKey>,
    /// When it began.
    pub since: Timestamp,
}

impl SectorEpochs {
    /// Returns the epochs that machines read, oldest first.
    pub fn read(&self) -> &[SectorEpoch] {
        self.epochs.split_at(self.epochs.len().saturating_sub(READ_EPOCHS)).1
    }
}

/// Returns the target that tells the epochs of a purpose.
pub fn epochs_target(purpose: &Purpose) -> String {
    format!("{FOLDER}{purpose}.json")
}

/// Returns the target that holds an epoch's key for one machine.
pub fn wrapped_target(machine: KeyId, epoch: &str) -> String {
    format!("{FOLDER}{machine}/{epoch}.cose")
}

/// What a verified repository says about the keys of sectors, as far as one machine is concerned.
#[derive(Debug, Clone, Default)]
pub(super) struct SectorKeys {
    pub(super) epochs: BTreeMap<Purpose, SectorEpochs>,
    /// Messages to this machine, by their targets.
    pub(super) wrapped: BTreeMap<String, Vec<u8>>,
}

impl SectorKeys {
    /// Opens the keys of the epochs that are read for a purpose. What is not for this machine, or not what it should be,
    /// is as if it were not there: the code that needs it is refused by name.
    pub(super) fn open(&self, purpose: &Purpose, machine: &DecryptionKey) -> Vec<DecryptionKey> {
        let Some(epochs) = self.epochs.get(purpose) else { return Vec::new() };
        let key = |epoch: &SectorEpoch| {
            let wrapped = self.wrapped.get(&wrapped_target(machine.id(), &epoch.id))?;
            let key = DecryptionKey::from_cose(&encryption::open(wrapped, [machine]).ok()?).ok()?;
            (key.id().to_string() == epoch.id).then_some(key)
        };
        epochs.read().iter().filter_map(key).collect()
    }
}

#[cfg(test)]
#[cfg(feature = "issue")]
mod tests {
    use super::*;

    fn key(seed: u8) -> DecryptionKey {
        DecryptionKey::from_seed(&[seed; 32]).unwrap()
    }

    fn epoch(seed: u8) -> SectorEpoch {
        let since = Timestamp::from_unix(1_800_000_000 + i64::from(seed)).unwrap();
        SectorEpoch { id: key(seed).id().to_string(), public: key(seed).public_key(), since }
    }

    fn wrapped(machine: &DecryptionKey, epoch: u8, plain: &DecryptionKey) -> (String, Vec<u8>) {
        let message = machine.public_key().unwrap().seal(&plain.to_cose(), &[epoch; 32]).unwrap();
        (wrapped_target(machine.id(), &key(epoch).id().to_string()), message)
    }

    #[test]
    fn a_machine_reads_the_last_two_epochs_that_it_was_given() {
        let (machine, other) = (key(100), key(101));
        let purpose = Purpose::parse("hotel").unwrap();
        let epochs = SectorEpochs { epochs: (1..=3).map(epoch).collect() };
        let mut sector = SectorKeys {
            epochs: BTreeMap::from([(purpose.clone(), epochs)]),
            wrapped: (1..=3).map(|number| wrapped(&machine, number, &key(number))).collect(),
        };
        let ids = |sector: &SectorKeys, machine| -> Vec<KeyId> {
            sector.open(&purpose, machine).iter().map(DecryptionKey::id).collect()
        };
        assert_eq!(ids(&sector, &machine), [key(2).id(), key(3).id()], "the first epoch is over");
        assert!(ids(&sector, &other).is_empty(), "nothing is wrapped to this machine");
        assert!(sector.open(&Purpose::parse("bank").unwrap(), &machine).is_empty());
        // Left out of the newest epoch.
        sector.wrapped.remove(&wrapped_target(machine.id(), &key(3).id().to_string()));
        assert_eq!(ids(&sector, &machine), [key(2).id()]);
        // Another epoch's key under this one's name.
        sector.wrapped.extend([wrapped(&machine, 3, &key(9))]);
        assert_eq!(ids(&sector, &machine), [key(2).id()]);
    }
}
