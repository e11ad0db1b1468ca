//! The folder of a repository that several agencies share: who they are, what they handed over, what was published.
//!
//! ```text
//! root.json, 2.root.json …    roots, see `roots.rs`
//! keys/                       of the roles that sign at every publication: targets, snapshot, timestamp
//! policy/                     policies of the purposes, one file each
//! seals/                      lists of who signs seals of other schemes, if any
//! sectors.json, sectors/      see `sectors.rs`
//! agencies.json               names, issuers and public keys of the agencies
//! parts/<agency>/             what the agency handed over last, as in a repository
//! state.json, memory.json     what was published last, and as a kiosk remembers it
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};
use rustix::fs::OFlags;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use shared::key::PublicKey;
use shared::time::Timestamp;
use shared::trust::{
    AgencyPart, Files, SourceError, TrustError, TrustSnapshot, TrustSource, TrustStore, update,
};

use crate::folder_lock::FolderLock;
use crate::office::Office;
use crate::roots::Roots;

/// The longest metadata of an agency that is read, as kiosks read it.
const MAX_METADATA: u64 = 5_000_000;

/// A link is refused, and opening a pipe does not wait for its writer.
const OPEN_FLAGS: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK);

/// The folder of a shared repository.
pub struct National {
    /// Where it is.
    pub folder: PathBuf,
    /// The agencies, in the order in which they were added.
    pub agencies: Vec<Agency>,
}

/// An agency that may speak for an issuer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agency {
    /// The name of its delegated role.
    pub name: String,
    /// The URI that its credentials carry as `iss`.
    pub issuer: String,
    /// Signs its part of the repository.
    pub key: PublicKey,
}

/// What was published.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Published {
    /// The version of targets, snapshot and timestamp.
    pub version: u64,
    /// When.
    pub at: Option<Timestamp>,
    /// The last version of every agency that was ever in it.
    pub agencies: BTreeMap<String, u64>,
}

impl National {
    /// Lays out a new folder. Refuses one that holds a repository already.
    pub fn create(folder: &Path) -> Result<Self> {
        if Self::is_at(folder) || Office::is_at(folder) {
            bail!("{} already holds a repository or an agency", folder.display());
        }
        for part in ["keys", "policy", "parts"] {
            fs::create_dir_all(folder.join(part))
                .with_context(|| format!("creating {}", folder.join(part).display()))?;
        }
        Ok(Self { folder: folder.to_owned(), agencies: Vec::new() })
    }

    /// Tells whether a folder is that of a shared repository.
    pub fn is_at(folder: &Path) -> bool {
        folder.join("agencies.json").exists()
    }

    /// Opens a folder that [`National::create`] laid out.
    pub fn open(folder: &Path) -> Result<Self> {
        let agencies = read_json(&folder.join("agencies.json"))?.with_context(|| {
            format!(
                "{} is not the folder of a shared repository; make one with `issuer trust init`",
                folder.display()
            )
        })?;
        Ok(Self { folder: folder.to_owned(), agencies })
    }

    /// Opens it to change it, which nobody else does until the lock is dropped.
    pub fn open_locked(folder: &Path) -> Result<(Self, FolderLock)> {
        // Says what is wrong with a folder that is none.
        Self::open(folder)?;
        let lock = FolderLock::take(folder)?;
        Ok((Self::open(folder)?, lock))
    }

    /// Writes down who the agencies are.
    pub fn save(&self) -> Result<()> {
        write_json(&self.folder.join("agencies.json"), &self.agencies)
    }

    /// Reads what was published last.
    pub fn published(&self) -> Result<Published> {
        Ok(read_json(&self.folder.join("state.json"))?.unwrap_or_default())
    }

    /// Writes down what is about to be published.
    pub fn set_published(&self, published: &Published) -> Result<()> {
        write_json(&self.folder.join("state.json"), published)
    }

    /// Returns where the last part of an agency is kept.
    pub fn part_folder(&self, agency: &str) -> PathBuf {
        self.folder.join("parts").join(agency)
    }
}

/// Reads what a kiosk remembers of what was published from a folder last.
fn memory(folder: &Path) -> Result<Files> {
    Ok(read_json::<Memory>(&folder.join(MEMORY))?.unwrap_or_default().0)
}

/// Writes down what a kiosk will remember of this publication, before anybody sees it: in one file, because old and new files together are a
/// memory that every later publication would be refused for.
pub fn set_memory(folder: &Path, memory: Files) -> Result<()> {
    write_json(&folder.join(MEMORY), &Memory(memory))
}

/// Reads what is about to be published from a folder as kiosks will: as those that know what was published before, and as
/// one that comes new, which has no status list to start from and reads every one whole.
///
/// # Errors
/// Whatever they would refuse it for: a time before that of the last publication, too, unless the key that said that
/// time was replaced.
pub fn read_as_kiosk(
    folder: &Path,
    roots: &Roots,
    files: &Files,
    now: Timestamp,
) -> Result<(TrustStore, TrustSnapshot)> {
    let first = roots.complete.first().context("there is no root")?;
    let read = |memory: &Files| match update(files.clone(), first, memory, now) {
        Err(TrustError::Earlier) => bail!(
            "it is {now}, and kiosks know of a later publication: set the clock. If that one was made by a clock that ran \
             ahead, replace the key that said so with `issuer trust rotate --role timestamp`, and publish again"
        ),
        read => read.context("kiosks would not believe this repository, so it is not published"),
    };
    read(&Files::new())?;
    read(&memory(folder)?)
}

const MEMORY: &str = "memory.json";

/// Files by name, as base64 in JSON.
#[derive(Default, Serialize, Deserialize)]
struct Memory(#[serde(with = "base64_files")] Files);

mod base64_files {
    use std::collections::BTreeMap;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use shared::trust::Files;

    pub(super) fn serialize<S: Serializer>(files: &Files, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(files.iter().map(|(name, bytes)| (name, STANDARD.encode(bytes))))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Files, D::Error> {
        let encoded = BTreeMap::<String, String>::deserialize(deserializer)?;
        let decode = |(name, text)| Ok((name, STANDARD.decode(text).map_err(D::Error::custom)?));
        encoded.into_iter().map(decode).collect()
    }
}

/// Reads the newest part of an agency in the folder of a repository, or `None` where there is none.
pub fn read_part(folder: &Path, agency: &Agency) -> Result<Option<AgencyPart>> {
    let metadata = folder.join("metadata");
    let entries = match fs::read_dir(&metadata) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        entries => entries.with_context(|| format!("reading {}", metadata.display()))?,
    };
    let suffix = format!(".{}.json", agency.name);
    let mut newest = None;
    for entry in entries {
        let name = entry.with_context(|| format!("reading {}", metadata.display()))?.file_name();
        let version = name.to_str().and_then(|name| name.strip_suffix(&suffix)?.parse::<u64>().ok());
        newest = newest.max(version);
    }
    let Some(version) = newest else { return Ok(None) };
    let source = Folder(folder.to_owned());
    let name = format!("{version}{suffix}");
    let bytes = source.metadata(&name, MAX_METADATA)?.with_context(|| format!("{name} is gone"))?;
    let part = AgencyPart::read(&agency.name, &agency.issuer, agency.key, bytes, &source)
        .with_context(|| format!("what {} handed over in {} is refused", agency.name, folder.display()))?;
    if part.version() != version {
        bail!("{name} in {} says that it is version {}", folder.display(), part.version());
    }
    Ok(Some(part))
}

/// The folder that an agency handed in; no links are followed inside it, and only ordinary files are read.
struct Folder(PathBuf);

impl Folder {
    fn read(&self, part: &str, name: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        let error = |problem: &dyn std::fmt::Display| SourceError {
            name: name.to_owned(),
            problem: problem.to_string(),
        };
        let relative = Path::new(name);
        if !relative.components().all(|component| matches!(component, Component::Normal(_))) {
            return Err(error(&"is not a name inside the folder"));
        }
        let mut path = self.0.join(part);
        for component in relative.components() {
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => path.push(component),
                Ok(_) => return Err(error(&"is reached through something that is not a folder")),
                Err(_) => return Ok(None),
            }
        }
        let flags = OPEN_FLAGS.bits().cast_signed();
        let file = match fs::OpenOptions::new().read(true).custom_flags(flags).open(path) {
            Err(problem) if problem.kind() == ErrorKind::NotFound => return Ok(None),
            file => file.map_err(|problem| error(&problem))?,
        };
        if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            return Err(error(&"is not an ordinary file"));
        }
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes).map_err(|problem| error(&problem))?;
        if bytes.len() as u64 > limit { Err(error(&"is larger than it should be")) } else { Ok(Some(bytes)) }
    }
}

impl TrustSource for Folder {
    fn metadata(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        self.read("metadata", name, limit)
    }

    fn target(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        self.read("targets", path, limit)
    }
}

/// Writes every file in one step each; `metadata/timestamp.json`, which makes the others current, goes last.
pub fn write_files(folder: &Path, files: &Files) -> Result<()> {
    const CURRENT: &str = "metadata/timestamp.json";
    let last = files.get_key_value(CURRENT);
    files
        .iter()
        .filter(|(name, _)| *name != CURRENT)
        .chain(last)
        .try_for_each(|(name, bytes)| write_file(&folder.join(name), bytes))
}

/// Writes a file so that it is either the old one or the new one, whatever happens.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    write_in_one_step(path, bytes, 0o666)
}

/// As [`write_file`], for a secret: a file that only its owner can read.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<()> {
    write_in_one_step(path, bytes, 0o600)
}

fn write_in_one_step(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let staged = path.with_extension("new");
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&staged)?;
        std::io::Write::write_all(&mut file, bytes)?;
        file.sync_all()?;
        fs::rename(&staged, path)?;
        // The new name, too, is on the disk before anything relies on it.
        fs::File::open(folder)?.sync_all()
    };
    write().with_context(|| format!("writing {}", path.display()))
}

/// Reads a value that was written as JSON; nothing where there is no such file.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        bytes => {
            let bytes = bytes.with_context(|| format!("reading {}", path.display()))?;
            let value =
                serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))?;
            Ok(Some(value))
        }
    }
}

/// Writes a value as JSON, as [`write_file`] does.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    write_file(path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_is_the_old_one_or_the_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let files =
            |byte: u8| Files::from([("a".to_owned(), vec![byte]), ("b".to_owned(), vec![byte, 0xff])]);
        assert_eq!(memory(folder.path()).unwrap(), Files::new());
        set_memory(folder.path(), files(1)).unwrap();
        // The disk gives out at whatever is written first.
        fs::create_dir(folder.path().join("memory.new")).unwrap();
        set_memory(folder.path(), files(2)).unwrap_err();
        assert_eq!(memory(folder.path()).unwrap(), files(1));
        fs::remove_dir(folder.path().join("memory.new")).unwrap();
        set_memory(folder.path(), files(2)).unwrap();
        assert_eq!(memory(folder.path()).unwrap(), files(2));
    }

    #[test]
    fn links_in_what_is_handed_in_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let read = || Folder(folder.path().to_owned()).target("issuers/xa/keys.json", 10);
        let path = |name: &str| folder.path().join(name);
        fs::create_dir_all(path("targets/issuers/xa")).unwrap();
        fs::write(path("targets/issuers/xa/keys.json"), b"1").unwrap();
        assert_eq!(read(), Ok(Some(b"1".to_vec())));
        for part in ["targets", "targets/issuers", "targets/issuers/xa", "targets/issuers/xa/keys.json"] {
            fs::rename(path(part), path("elsewhere")).unwrap();
            std::os::unix::fs::symlink(path("elsewhere"), path(part)).unwrap();
            assert!(read().is_err(), "{part}");
            fs::remove_file(path(part)).unwrap();
            fs::rename(path("elsewhere"), path(part)).unwrap();
        }
        assert_eq!(read(), Ok(Some(b"1".to_vec())));
    }
}
