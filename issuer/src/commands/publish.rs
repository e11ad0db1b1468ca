//! `issuer publish`: the trust repository, as a directory, checked as a kiosk checks it before anybody sees it.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::json;
use shared::key::Signer;
use shared::time::Timestamp;
use shared::trust::{AgencyRole, Assembly, Files, HASHES, assemble, delta_name, prepare_hashes};

use crate::cli::Publish;
use crate::commands::{note, now};
use crate::folder_lock::FolderLock;
use crate::issuer_keys::{self, KeyHistory};
use crate::keys::PrivateKey;
use crate::national::{read_as_kiosk, set_memory, write_files};
use crate::office::Office;
use crate::output::Answer;
use crate::published::{self, PublishedState};
use crate::registry::{IssuedCredential, Registry};
use crate::top_level;

/// How long a status list answers, in seconds: as long as the repository can be stale at most, and no policy longer.
const STATUS_LIFE: i64 = 30 * 24 * 3600;

pub fn run(arguments: &Publish) -> Result<Answer> {
    let office = Office::open(&arguments.at.dir)?;
    let mut registry = office.registry()?;
    let (signer, agency) = (issuer_keys::signer(&office, &registry)?, office.key("agency")?);
    let signers = office.roots()?.signers()?;
    let _lock = FolderLock::take(&arguments.at.dir)?;
    let now = now(arguments.at.at);
    let roots = office.roots()?;
    roots.check_time(now)?;
    // Taken before anything is written: a version number that was ever seen outside is never used again.
    let version = registry.take_version()?;

    // Read once: what is revoked while this publishes is in the next publication, and not in this one's count.
    let not_valid = registry.not_valid()?;
    let (agency_targets, state) = agency_targets(&office, &registry, &not_valid, &signer, now)?;
    let role = AgencyRole {
        name: &office.agency.name,
        issuer: &office.agency.issuer,
        signer: &agency,
        targets: &agency_targets,
    };
    if let Some(pending) = &roots.pending {
        note(&format!("{} is not published: {}", pending.path.display(), pending.problem));
    }
    let files = assemble(&Assembly {
        roots: &roots.complete,
        targets: &top_level::targets(&arguments.at.dir)?,
        parts: &[role.sign(version, now)?],
        retired: &BTreeMap::new(),
        targets_signer: &signers.targets,
        snapshot_signer: &signers.snapshot,
        timestamp_signer: &signers.timestamp,
        versions: version.into(),
        now,
    })?;
    let (_, snapshot) = read_as_kiosk(&arguments.at.dir, &roots, &files, now)?;
    set_memory(&arguments.at.dir, snapshot.memory)?;
    write_files(&arguments.out, &files)?;
    registry.remember_published(version, &state)?;
    let revoked = not_valid.len();
    let bytes: usize = files.values().map(Vec::len).sum();
    Ok(Answer::done(
        format!(
            "repository version {version}, {} files, {bytes} bytes, {revoked} credentials revoked or suspended",
            files.len()
        ),
        json!({ "repository": arguments.out, "version": version, "published": now, "files": files.len(), "bytes": bytes, "not_valid": revoked }),
    ))
}

fn agency_targets(
    office: &Office,
    registry: &Registry,
    not_valid: &[IssuedCredential],
    signer: &PrivateKey,
    now: Timestamp,
) -> Result<(Files, PublishedState)> {
    let keys = KeyHistory::load(registry)?.published(&office.agency.issuer);
    let mut targets = Files::from([("keys.json".to_owned(), serde_json::to_vec_pretty(&keys)?)]);
    let lists = published::lists(office, registry, not_valid, now)?;
    let (expires, key) = (now.plus(STATUS_LIFE), signer.public_key().id());
    for list in &lists {
        targets.insert(list.name.clone(), list.prepare(now, expires, key).sign(signer)?);
    }
    let hashes = prepare_hashes(&lists, now, expires, key).sign(signer)?;
    targets.extend(published::deltas(registry, &lists)?);
    let state = PublishedState { delta: delta_name(&hashes), lists };
    targets.insert(HASHES.to_owned(), hashes);
    Ok((targets, state))
}
