//! `issuer trust init`: a shared repository from nothing, up to the root that the key holders sign.

use anyhow::Result;
use serde_json::json;
use shared::key::{Signer, SoftwareKey};
use shared::trust::{RootDocument, RootKeys, TopLevelRole, TufKey};

use super::{public_keys, tell_algorithms};
use crate::cli::TrustInit;
use crate::commands::key::places;
use crate::commands::{note, now};
use crate::national::{National, write_file};
use crate::output::Answer;
use crate::{policies, roots};

pub fn run(arguments: &TrustInit) -> Result<Answer> {
    let now = now(arguments.at.at);
    let root = public_keys(&arguments.root)?;
    let folder = &arguments.at.dir;
    let first = |[targets, snapshot, timestamp]: [TufKey; 3]| {
        let keys =
            RootKeys { root: root.clone(), threshold: arguments.threshold, targets, snapshot, timestamp };
        RootDocument::first(&keys, now)
    };
    // With keys that nobody uses: what is wrong with those given is said before anything is made, so that the corrected
    // command finds nothing in its way.
    first([1, 2, 3].map(|seed| SoftwareKey::from_seed(&[seed; 32]).public_key().into()))?;
    let keeping = places(&arguments.new)?.online;
    let national = National::create(folder)?;
    let key = |role| -> Result<TufKey> {
        Ok(roots::create_key(folder, role, 1, &keeping, "trust")?.public_key().into())
    };
    let document =
        first([key(TopLevelRole::Targets)?, key(TopLevelRole::Snapshot)?, key(TopLevelRole::Timestamp)?])?;
    let path = roots::path(folder, 1);
    write_file(&path, &document.to_bytes())?;
    for policy in policies::defaults() {
        policies::write(folder, &policy)?;
    }
    national.save()?;
    tell_algorithms(&document);
    note(&format!(
        "Nobody has signed {} yet: take it to {} of the {} key holders, each on a machine of their own, for `issuer trust sign`.",
        path.display(),
        arguments.threshold,
        arguments.root.len()
    ));
    Ok(Answer::done(
        format!("root        {}", path.display()),
        json!({ "root": path, "threshold": arguments.threshold, "keys": arguments.root.len(), "at": now }),
    ))
}
