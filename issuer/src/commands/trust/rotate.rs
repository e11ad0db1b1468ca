//! `issuer trust rotate`: the next root, with other keys for one role. Works in an agency's own folder, too.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use shared::key::{PublicKey, Signer};
use shared::time::Timestamp;
use shared::trust::{Rotation, TopLevelRole, TufKey};
use zeroize::Zeroizing;

use super::{public_keys, tell_algorithms};
use crate::cli::{NewKeys, TrustRotate};
use crate::commands::key::{keeping, since_setting};
use crate::commands::{note, now};
use crate::folder_lock::FolderLock;
use crate::keys::{self, Keeping, Kind};
use crate::national::write_file;
use crate::office::Office;
use crate::output::Answer;
use crate::roots::{self, Roots};

pub fn run(arguments: &TrustRotate) -> Result<Answer> {
    let folder = &arguments.at.dir;
    let role = TopLevelRole::from(arguments.role);
    ensure!(
        role != TopLevelRole::Root || !arguments.new.told(),
        "the root gets keys that exist: make one with `issuer trust keygen`, then --add it"
    );
    let roots = settled_roots(folder)?;
    let version = roots.newest.version() + 1;
    let next_key = match role != TopLevelRole::Root && arguments.add.is_empty() {
        true => Some(NextKey::find(folder, role, &roots, arguments)?),
        false => None,
    };
    let _lock = FolderLock::take(folder)?;
    let now = now(arguments.at.at);
    let roots = settled_roots(folder)?;
    ensure!(roots.newest.version() + 1 == version, "another root was signed meanwhile; try again");
    let mut rotation = Rotation {
        role,
        add: public_keys(&arguments.add)?,
        remove: public_keys(&arguments.remove)?.iter().map(TufKey::id).collect(),
        threshold: arguments.threshold,
    };
    if role != TopLevelRole::Root && rotation.remove.is_empty() {
        rotation.remove = roots.newest.keys(role).iter().map(TufKey::id).collect();
    }
    if let Some(key) = next_key {
        rotation.add.push(key.public_key(folder, role, version, now)?.into());
    }
    let next = roots.newest.next(&rotation, now)?;
    let path = roots.next_path();
    write_file(&path, &next.to_bytes())?;
    note(&format!(
        "{} counts once it is signed by {} root keys of version {} and {} of its own: `issuer trust sign`.",
        path.display(),
        roots.newest.threshold(TopLevelRole::Root),
        version - 1,
        next.threshold(TopLevelRole::Root)
    ));
    tell_algorithms(&next);
    let waiting: Vec<&str> = next.signers().map(|(id, _)| id).collect();
    Ok(Answer::done(
        format!("root        {} (version {version})", path.display()),
        json!({ "root": path, "version": version, "role": role.name(), "waiting": waiting, "at": now }),
    ))
}

/// Reads the roots, of which none waits for signatures.
fn settled_roots(folder: &Path) -> Result<Roots> {
    let roots = Roots::read(folder)?;
    if let Some(pending) = &roots.pending {
        bail!(
            "{} is not signed yet ({}): sign it first, or delete it",
            pending.path.display(),
            pending.problem
        );
    }
    Ok(roots)
}

/// The key that a role gets where none is named.
enum NextKey {
    /// A rotation that was given up left it.
    Left(PublicKey),
    /// It is to be made.
    New(Keeping),
}

impl NextKey {
    /// Finds out, and asks for what has to be typed.
    fn find(folder: &Path, role: TopLevelRole, roots: &Roots, arguments: &TrustRotate) -> Result<Self> {
        Ok(match roots::existing_key(folder, role, roots.newest.version() + 1)? {
            Some(path) => {
                ensure_as_told(&path, &arguments.new)?;
                Self::Left(keys::open(&path)?.public_key())
            }
            None => Self::New(keeping(&arguments.new, || roots.key_file(role))?),
        })
    }

    /// Returns its public half, once that is there beside the private one; an agency's registry is told since when.
    fn public_key(
        self,
        folder: &Path,
        role: TopLevelRole,
        version: u64,
        now: Timestamp,
    ) -> Result<PublicKey> {
        let office = if Office::is_at(folder) { Some(Office::open(folder)?) } else { None };
        let owner = office.as_ref().map_or("trust", |office| &office.agency.name);
        let name = roots::key_name(role, version);
        let key = match self {
            Self::Left(key) => {
                keys::write_public(&folder.join("keys").join(&name), key)?;
                key
            }
            Self::New(keeping) => roots::create_key(folder, role, version, &keeping, owner)?.public_key(),
        };
        if let Some(office) = &office {
            office.registry()?.set_setting(&since_setting(&name), &now.to_string())?;
        }
        Ok(key)
    }
}

/// Refuses to take a key that is not kept as this command was told to keep it.
fn ensure_as_told(path: &Path, new: &NewKeys) -> Result<()> {
    let told = match (&new.hsm, new.key_passphrase) {
        (Some(_), _) => Kind::Hsm,
        (None, true) => Kind::PassphraseFile,
        (None, false) => return Ok(()),
    };
    let bytes = Zeroizing::new(fs::read(path).with_context(|| format!("reading {}", path.display()))?);
    let left = keys::recognize(path, &bytes)?;
    ensure!(
        left == told,
        "{} was left by a rotation that did not finish: a {left}, and a {told} was asked for; take it away, or ask for \
         no kind",
        path.display()
    );
    Ok(())
}
