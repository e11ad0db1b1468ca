//! An agency's folder: where its keys, registry and policies are.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use shared::credential::Purpose;
use shared::key::PublicKey;
use shared::trust::Policy;
use zeroize::Zeroizing;

use crate::keys::{self, Keeping, PrivateKey};
use crate::national::write_json;
use crate::policies;
use crate::registry::Registry;
use crate::roots::Roots;
use crate::seal::SealKey;

/// How many root keys a new agency gets; two of them sign.
pub const ROOT_KEYS: usize = 3;

/// The folder of one agency, as `issuer init` lays it out.
pub struct Office {
    folder: PathBuf,
    /// Who the agency is.
    pub agency: Agency,
}

/// The contents of `agency.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agency {
    /// The name of its delegated role in the trust repository.
    pub name: String,
    /// The URI that credentials carry as `iss`.
    pub issuer: String,
}

impl Office {
    /// Lays out a new folder. Refuses one that holds an agency already.
    pub fn create(folder: &Path, agency: Agency) -> Result<Self> {
        if Self::is_at(folder) {
            bail!("{} already holds an agency", folder.display());
        }
        for part in ["keys", "policy"] {
            fs::create_dir_all(folder.join(part))
                .with_context(|| format!("creating {}", folder.join(part).display()))?;
        }
        Ok(Self { folder: folder.to_owned(), agency })
    }

    /// Tells whether a folder is an agency's.
    pub fn is_at(folder: &Path) -> bool {
        folder.join("agency.json").exists()
    }

    /// Opens a folder that [`Office::create`] laid out.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("agency.json");
        let text = fs::read_to_string(&path).with_context(|| {
            format!(
                "{} is not an agency's folder; make one with `issuer init --dir {}`",
                folder.display(),
                folder.display()
            )
        })?;
        let agency = serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self { folder: folder.to_owned(), agency })
    }

    /// Writes `agency.json`, which makes the folder complete.
    pub fn finish(&self) -> Result<()> {
        write_json(&self.folder.join("agency.json"), &self.agency)
    }

    /// Returns where the trust anchor is.
    pub fn root_metadata(&self) -> PathBuf {
        self.folder.join("root.json")
    }

    fn keys(&self) -> PathBuf {
        self.folder.join("keys")
    }

    /// Finds the file of a private key: the key itself, or the URI that says where it is.
    pub fn key_path(&self, name: &str) -> Result<PathBuf> {
        keys::find(&self.keys(), name)
    }

    /// Opens a private key.
    pub fn key(&self, name: &str) -> Result<PrivateKey> {
        keys::open(&self.key_path(name)?)
    }

    /// Makes a private key.
    pub fn create_key(&self, name: &str, keeping: &Keeping) -> Result<PrivateKey> {
        keeping.create(&self.keys(), name, &format!("{}-{name}", self.agency.name))
    }

    /// Keeps a private key that was made elsewhere.
    pub fn keep_key(&self, name: &str, reference: &Path, key: &PrivateKey) -> Result<()> {
        keys::keep(reference, key, &self.keys(), name)
    }

    /// Reads the public half of a key without opening the private one, if it was left here.
    pub fn public_key(&self, name: &str) -> Result<Option<PublicKey>> {
        let path = self.keys().join(format!("{name}.pub"));
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Some(PublicKey::parse(&text).with_context(|| format!("reading {}", path.display()))?))
    }

    /// Creates the registry and the key that seals it.
    pub fn create_registry(&self) -> Result<Registry> {
        let key = SealKey::random()?;
        keys::write_private(&self.seal_key_path(), key.as_bytes())?;
        Registry::create(&self.folder.join("registry.sqlite"), key)
    }

    /// Opens the registry.
    pub fn registry(&self) -> Result<Registry> {
        Registry::open(&self.folder.join("registry.sqlite"), SealKey::from_bytes(&self.seal_key()?)?)
    }

    /// Returns the key that places in status lists are permuted with, derived from the registry's.
    pub fn status_key(&self) -> Result<Zeroizing<[u8; 32]>> {
        self.derived_key(b"status-index/1")
    }

    /// Returns the agency's part of the secrets that pairwise identifiers come from, derived from the registry's key.
    pub fn pairwise_key(&self) -> Result<Zeroizing<[u8; 32]>> {
        self.derived_key(b"pairwise-identifiers/1")
    }

    fn derived_key(&self, what: &[u8]) -> Result<Zeroizing<[u8; 32]>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.seal_key()?)?;
        mac.update(what);
        Ok(Zeroizing::new(mac.finalize().into_bytes().into()))
    }

    fn seal_key(&self) -> Result<Zeroizing<Vec<u8>>> {
        let path = self.seal_key_path();
        Ok(Zeroizing::new(fs::read(&path).with_context(|| format!("reading {}", path.display()))?))
    }

    fn seal_key_path(&self) -> PathBuf {
        self.keys().join("registry.key")
    }

    /// Returns the URI of a status list.
    pub fn status_uri(&self, list: u64) -> String {
        format!("{}/status/{list}", self.agency.issuer.trim_end_matches('/'))
    }

    /// Reads the roots of the agency's own repository.
    pub fn roots(&self) -> Result<Roots> {
        Roots::read(&self.folder)
    }

    /// Reads the policy of a purpose.
    pub fn policy(&self, purpose: &Purpose) -> Result<Policy> {
        policies::of(&self.folder, purpose)
    }

    /// Writes a policy under `policy/`.
    pub fn write_policy(&self, policy: &Policy) -> Result<()> {
        policies::write(&self.folder, policy)
    }
}
