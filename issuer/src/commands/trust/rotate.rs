//! `issuer trust rotate`: the next root, with other keys for one role. Works in an agency's own folder, too.

use std::path::Path;

use anyhow::{Result, bail, ensure};
use serde_json::json;
use shared::key::{PublicKey, Signer};
use shared::time::Timestamp;
use shared::trust::{Rotation, TopLevelRole, TufKey};

use super::{public_keys, tell_algorithms};
use crate::cli::TrustRotate;
use crate::commands::key::{keeping, since_setting};
use crate::commands::{note, now};
use crate::folder_lock::FolderLock;
use crate::keys::{self, Keeping};
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
            Some(path) => Self::Left(keys::open(&path)?.public_key()),
            None => Self::New(keeping(&arguments.new, || roots.key_file(role))?),
        })
    }

    /// Returns its public half, once it is there.
    fn public_key(
        self,
        folder: &Path,
        role: TopLevelRole,
        version: u64,
        now: Timestamp,
    ) -> Result<PublicKey> {
        match self {
            Self::Left(key) => Ok(key),
            Self::New(keeping) => create_key(folder, role, version, &keeping, now),
        }
    }
}

/// Makes the next key of a role; an agency's registry is told since when it is there.
fn create_key(
    folder: &Path,
    role: TopLevelRole,
    version: u64,
    keeping: &Keeping,
    now: Timestamp,
) -> Result<PublicKey> {
    if !Office::is_at(folder) {
        return Ok(roots::create_key(folder, role, version, keeping, "trust")?.public_key());
    }
    let office = Office::open(folder)?;
    let key = roots::create_key(folder, role, version, keeping, &office.agency.name)?;
    office.registry()?.set_setting(&since_setting(&roots::key_name(role, version)), &now.to_string())?;
    Ok(key.public_key())
}
