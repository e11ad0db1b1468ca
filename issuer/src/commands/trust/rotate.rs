//! `issuer trust rotate`: the next root, with other keys for one role. Works in an agency's own folder, too.

use anyhow::{Result, bail};
use serde_json::json;
use shared::key::Signer;
use shared::trust::{Rotation, TopLevelRole, TufKey};

use super::{public_keys, tell_algorithms};
use crate::cli::TrustRotate;
use crate::commands::{note, now};
use crate::keys;
use crate::national::write_file;
use crate::output::Answer;
use crate::roots::{self, Roots};

pub fn run(arguments: &TrustRotate) -> Result<Answer> {
    let now = now(arguments.at.at);
    let folder = &arguments.at.dir;
    let role = TopLevelRole::from(arguments.role);
    let roots = Roots::read(folder)?;
    if let Some(pending) = &roots.pending {
        bail!(
            "{} is not signed yet ({}): sign it first, or delete it",
            pending.path.display(),
            pending.problem
        );
    }
    let version = roots.newest.version() + 1;
    let mut rotation = Rotation {
        role,
        add: public_keys(&arguments.add)?,
        remove: public_keys(&arguments.remove)?.iter().map(TufKey::id).collect(),
        threshold: arguments.threshold,
    };
    if role != TopLevelRole::Root {
        if rotation.remove.is_empty() {
            rotation.remove = roots.newest.keys(role).iter().map(TufKey::id).collect();
        }
        if rotation.add.is_empty() {
            // A rotation that was given up may have left its key.
            let key = match roots::existing_key(folder, role, version)? {
                Some(path) => keys::open(&path)?.public_key(),
                None => keys::create(&roots::key_path(folder, role, version))?.public_key(),
            };
            rotation.add.push(key.into());
        }
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
