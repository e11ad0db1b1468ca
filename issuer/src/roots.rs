//! The roots of a repository in a folder: `root.json` is the first, `2.root.json` and so on follow.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use shared::key::Signer;
use shared::time::Timestamp;
use shared::trust::{RootDocument, TopLevelRole, TufKey, check_root_chain};

use crate::commands::note;
use crate::keys::{self, Keeping, PrivateKey};

/// How long before the root expires somebody is told, in seconds: 90 days, for its keys are held by several people in
/// several places. Our choice.
const WARN_BEFORE: i64 = 90 * 24 * 3600;

/// Every root that is signed as it should be, and the next one if it is still collecting signatures.
pub struct Roots {
    folder: PathBuf,
    /// In order from version 1.
    pub complete: Vec<Vec<u8>>,
    /// The last of them.
    pub newest: RootDocument,
    /// The one after, which does not count yet.
    pub pending: Option<Pending>,
}

/// The private keys that sign at every publication.
pub struct PublicationSigners {
    /// Of targets.
    pub targets: PrivateKey,
    /// Of snapshot.
    pub snapshot: PrivateKey,
    /// Of timestamp.
    pub timestamp: PrivateKey,
}

/// A root that lacks signatures.
pub struct Pending {
    /// Where it is.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

impl Roots {
    /// Reads a folder. Refuses one whose first root is not signed by enough of its keys.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut complete: Vec<Vec<u8>> = Vec::new();
        let mut newest = None;
        let mut pending = None;
        for version in 1.. {
            let path = path(folder, version);
            if version > 1 && !path.exists() {
                break;
            }
            let document = read(&path)?;
            complete.push(document.published());
            if let Err(error) = check_root_chain(&complete) {
                complete.pop();
                let problem = format!("{:#}", anyhow::Error::from(error));
                if version == 1 {
                    bail!(
                        "{} cannot be used yet: {problem}; add signatures with `issuer trust sign`",
                        path.display()
                    );
                }
                pending = Some(Pending { path, problem });
                break;
            }
            newest = Some(document);
        }
        let newest = newest.context("there is no root")?;
        Ok(Self { folder: folder.to_owned(), complete, newest, pending })
    }

    /// Makes sure that the newest root has not expired, and says so if it soon will. It takes people with keys in safes to
    /// make the next one.
    ///
    /// # Errors
    /// An expired one: whatever is published under it, kiosks grade it as stale or worse.
    pub fn check_time(&self, now: Timestamp) -> Result<()> {
        let expires = self.newest.expires().context("the root does not say when it expires")?;
        let left = expires.seconds_since(now);
        ensure!(
            left > 0,
            "root version {} expired at {expires}, so that kiosks would call this publication stale: renew it with \
             `issuer trust rotate --role root`, or set the clock if it is not {now}",
            self.newest.version()
        );
        if left < WARN_BEFORE {
            note(&format!(
                "root version {} expires at {expires}: renew it in time, with `issuer trust rotate --role root`",
                self.newest.version()
            ));
        }
        Ok(())
    }

    /// Returns where the next root goes.
    pub fn next_path(&self) -> PathBuf {
        path(&self.folder, self.newest.version() + 1)
    }

    /// Finds the file of a role's newest private key, of whatever kind it is.
    pub fn key_file(&self, role: TopLevelRole) -> Result<PathBuf> {
        self.key_files(role)?.into_iter().next().with_context(|| {
            format!("{} holds no private key for {}", self.folder.join("keys").display(), role.name())
        })
    }

    /// Newest first.
    fn key_files(&self, role: TopLevelRole) -> Result<Vec<PathBuf>> {
        let versions = (1..=self.newest.version()).rev();
        versions.filter_map(|version| existing_key(&self.folder, role, version).transpose()).collect()
    }

    /// Opens the private keys that sign at every publication.
    pub fn signers(&self) -> Result<PublicationSigners> {
        Ok(PublicationSigners {
            targets: self.key(TopLevelRole::Targets)?,
            snapshot: self.key(TopLevelRole::Snapshot)?,
            timestamp: self.key(TopLevelRole::Timestamp)?,
        })
    }

    /// Opens the private key of a role that signs here: of the key files of that role, the one that the newest root
    /// names.
    fn key(&self, role: TopLevelRole) -> Result<PrivateKey> {
        let named = self.newest.keys(role);
        for path in self.key_files(role)? {
            let key = keys::open(&path)?;
            if named.contains(&TufKey::from(key.public_key())) {
                return Ok(key);
            }
        }
        bail!(
            "{} holds no private key for {} that root version {} names",
            self.folder.join("keys").display(),
            role.name(),
            self.newest.version()
        )
    }
}

/// Reads one root document.
pub fn read(path: &Path) -> Result<RootDocument> {
    let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    RootDocument::parse(&bytes).with_context(|| format!("{} is not root metadata", path.display()))
}

/// Where the root of a version is.
pub fn path(folder: &Path, version: u64) -> PathBuf {
    folder.join(if version == 1 { "root.json".to_owned() } else { format!("{version}.root.json") })
}

/// The name of the private key of a role that came with the root of a version.
pub fn key_name(role: TopLevelRole, version: u64) -> String {
    let name = role.name();
    if version == 1 { name.to_owned() } else { format!("{name}-{version}") }
}

/// Where that key is kept, of whatever kind it is, if it is here.
pub fn existing_key(folder: &Path, role: TopLevelRole, version: u64) -> Result<Option<PathBuf>> {
    keys::find_if_any(&folder.join("keys"), &key_name(role, version))
}

/// Makes that key. `owner` is the beginning of its label in a token, where other keys may be.
pub fn create_key(
    folder: &Path,
    role: TopLevelRole,
    version: u64,
    keeping: &Keeping,
    owner: &str,
) -> Result<PrivateKey> {
    let name = key_name(role, version);
    keeping.create(&folder.join("keys"), &name, &format!("{owner}-{name}"))
}
