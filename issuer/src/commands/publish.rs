//! `issuer publish`: the trust repository, as a directory.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::json;
use shared::key::Signer;
use shared::time::Timestamp;
use shared::trust::{
    AgencyRole, Assembly, Files, IssuerKey, IssuerKeys, StatusListBuilder, TopLevelRole, assemble,
};

use crate::cli::Publish;
use crate::commands::{note, now};
use crate::national::write_files;
use crate::office::Office;
use crate::output::Answer;
use crate::registry::Registry;

/// How long a status list answers, in seconds: as long as the repository can be stale at most, and no policy longer.
const STATUS_LIFE: i64 = 30 * 24 * 3600;

pub fn run(arguments: &Publish) -> Result<Answer> {
    let now = now(arguments.at.at);
    let office = Office::open(&arguments.at.dir)?;
    let registry = office.registry()?;
    let version = registry.setting("repository_version")?.map_or(Ok(0), |text| text.parse::<u64>())? + 1;
    // Taken before anything is written: a version number that was ever seen outside is never used again.
    registry.set_setting("repository_version", &version.to_string())?;

    let agency_targets = agency_targets(&office, &registry, now)?;
    let role = AgencyRole {
        name: &office.agency.name,
        issuer: &office.agency.issuer,
        signer: &office.key("agency")?,
        targets: &agency_targets,
    };
    let roots = office.roots()?;
    if let Some(pending) = &roots.pending {
        note(&format!("{} is not published: {}", pending.path.display(), pending.problem));
    }
    let files = assemble(&Assembly {
        roots: &roots.complete,
        targets: &office.policy_targets()?,
        parts: &[role.sign(version, now)?],
        retired: &BTreeMap::new(),
        targets_signer: &roots.key(TopLevelRole::Targets)?,
        snapshot_signer: &roots.key(TopLevelRole::Snapshot)?,
        timestamp_signer: &roots.key(TopLevelRole::Timestamp)?,
        versions: version.into(),
        now,
    })?;
    write_files(&arguments.out, &files)?;
    let revoked = registry.not_valid()?.len();
    let bytes: usize = files.values().map(Vec::len).sum();
    Ok(Answer::done(
        format!(
            "repository version {version}, {} files, {bytes} bytes, {revoked} credentials revoked or suspended",
            files.len()
        ),
        json!({ "repository": arguments.out, "version": version, "published": now, "files": files.len(), "bytes": bytes, "not_valid": revoked }),
    ))
}

fn agency_targets(office: &Office, registry: &Registry, now: Timestamp) -> Result<Files> {
    let signer = office.key("issuer")?;
    let since = registry
        .setting("issuer_key_since")?
        .context("the registry does not say since when the issuer key is used")?;
    let keys = IssuerKeys {
        issuer: office.agency.issuer.clone(),
        keys: vec![IssuerKey {
            public: signer.public_key(),
            not_before: Timestamp::parse(&since)?,
            not_after: None,
        }],
    };
    let mut targets = Files::from([("keys.json".to_owned(), serde_json::to_vec_pretty(&keys)?)]);
    let not_valid = registry.not_valid()?;
    for list in 0..=registry.last_list()? {
        let mut statuses = StatusListBuilder::default();
        for credential in not_valid.iter().filter(|credential| credential.list == list) {
            anyhow::ensure!(
                statuses.set(credential.index, credential.status),
                "place {} is outside its list",
                credential.index
            );
        }
        let token =
            statuses.prepare(&office.status_uri(list), now, now.plus(STATUS_LIFE), signer.public_key().id());
        targets.insert(format!("status-{list}.cwt"), token.sign(&signer)?);
    }
    Ok(targets)
}
