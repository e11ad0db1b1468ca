//! Which kiosks there are, and for whom each of them works: `kiosks.json`, nothing secret.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use shared::trust::{Files, KioskIdentity};

use crate::national::{read_json, write_json};

/// The contents of `kiosks.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kiosks {
    /// In the order in which they were added.
    pub kiosks: Vec<KioskIdentity>,
    #[serde(skip)]
    folder: PathBuf,
}

impl Kiosks {
    /// Reads what a folder says; nothing, if no kiosk was ever added.
    pub fn open(folder: &Path) -> Result<Self> {
        let read: Self = read_json(&folder.join("kiosks.json"))?.unwrap_or_default();
        Ok(Self { folder: folder.to_owned(), ..read })
    }

    /// Adds a kiosk: it learns who it is from the next publication.
    pub fn add(&mut self, kiosk: KioskIdentity) -> Result<()> {
        let taken =
            |other: &KioskIdentity| other.name() == kiosk.name() || other.machine() == kiosk.machine();
        ensure!(!self.kiosks.iter().any(taken), "there is a kiosk of that name or with that key already");
        self.kiosks.push(kiosk);
        self.save()
    }

    /// Removes a kiosk: it works for nobody from the next publication that it imports.
    pub fn remove(&mut self, name: &str) -> Result<KioskIdentity> {
        let position = self.kiosks.iter().position(|kiosk| kiosk.name() == name);
        let kiosk = self.kiosks.remove(position.with_context(|| format!("there is no kiosk {name}"))?);
        self.save()?;
        Ok(kiosk)
    }

    /// Returns the targets that tell kiosks who they are, by path.
    pub fn targets(&self) -> Result<Files> {
        let target = |kiosk: &KioskIdentity| Ok((kiosk.target(), serde_json::to_vec_pretty(kiosk)?));
        self.kiosks.iter().map(target).collect()
    }

    fn save(&self) -> Result<()> {
        write_json(&self.folder.join("kiosks.json"), self)
    }
}

#[cfg(test)]
mod tests {
    use shared::key::KeyId;
    use shared::pairwise::RelyingParty;

    use super::*;

    #[test]
    fn a_machine_and_a_name_are_given_once() {
        let folder = tempfile::tempdir().unwrap();
        let kiosk = |machine: u8, name: &str| {
            let party = RelyingParty::new("grand.example", "lisboa").unwrap();
            KioskIdentity::new(KeyId([machine; 8]), name, party).unwrap()
        };
        let open = || Kiosks::open(folder.path()).unwrap();
        open().add(kiosk(1, "desk 1")).unwrap();
        open().add(kiosk(2, "desk 2")).unwrap();
        open().add(kiosk(1, "desk 3")).unwrap_err();
        open().add(kiosk(3, "desk 1")).unwrap_err();
        assert_eq!(open().targets().unwrap().len(), 2);
        assert_eq!(open().remove("desk 1").unwrap(), kiosk(1, "desk 1"));
        open().remove("desk 1").unwrap_err();
        assert_eq!(open().kiosks, [kiosk(2, "desk 2")]);
    }
}
