//! `issuer publish`: the trust repository, as a directory.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;
use shared::key::Signer;
use shared::time::Timestamp;
use shared::trust::{
    AgencyRole, Files, HASHES, IssuerKey, IssuerKeys, Publication, RoleVersions, delta_name, prepare_hashes,
    publish,
};

use crate::cli::Publish;
use crate::commands::now;
use crate::office::Office;
use crate::output::Answer;
use crate::published::{self, PublishedState};
use crate::registry::Registry;

/// How long a status list answers, in seconds: as long as the repository can be stale at most, and no policy longer.
const STATUS_LIFE: i64 = 30 * 24 * 3600;

pub fn run(arguments: &Publish) -> Result<Answer> {
    let now = now(arguments.at.at);
    let office = Office::open(&arguments.at.dir)?;
    let mut registry = office.registry()?;
    let version = registry.setting("repository_version")?.map_or(Ok(0), |text| text.parse::<u64>())? + 1;
    // Taken before anything is written: a version number that was ever seen outside is never used again.
    registry.set_setting("repository_version", &version.to_string())?;

    let (agency_targets, state) = agency_targets(&office, &registry, now)?;
    let mut policies = Files::new();
    for policy in office.policies()? {
        policies.insert(format!("policy/{}.json", policy.purpose), serde_json::to_vec_pretty(&policy)?);
    }
    policies.extend(office.seals()?);
    let root = fs::read(office.root_metadata()).context("reading root.json")?;
    let (agency, targets, snapshot, timestamp) =
        (office.key("agency")?, office.key("targets")?, office.key("snapshot")?, office.key("timestamp")?);
    let files = publish(&Publication {
        root: &root,
        targets: &policies,
        agency: AgencyRole {
            name: &office.agency.name,
            issuer: &office.agency.issuer,
            signer: &agency,
            targets: &agency_targets,
        },
        targets_signer: &targets,
        snapshot_signer: &snapshot,
        timestamp_signer: &timestamp,
        versions: RoleVersions { targets: version, agency: version, snapshot: version, timestamp: version },
        now,
    })?;
    write(&arguments.out, &files)?;
    registry.remember_published(version, &state)?;
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

fn agency_targets(office: &Office, registry: &Registry, now: Timestamp) -> Result<(Files, PublishedState)> {
    let signer = office.key("issuer")?;
    let since = registry
        .setting("issuer_key_since")?
        .context("the registry does not say since when the issuer key is used")?;
    let keys = IssuerKeys {
        issuer: office.agency.issuer.clone(),
        keys: vec![IssuerKey {
            public: signer.public_key().into(),
            key_id: None,
            not_before: Timestamp::parse(&since)?,
            not_after: None,
        }],
    };
    let mut targets = Files::from([("keys.json".to_owned(), serde_json::to_vec_pretty(&keys)?)]);
    let lists = published::lists(office, registry, now)?;
    let (expires, key) = (now.plus(STATUS_LIFE), signer.public_key().id());
    for list in &lists {
        targets.insert(list.name.clone(), list.prepare(now, expires, key).sign(&signer)?);
    }
    let hashes = prepare_hashes(&lists, now, expires, key).sign(&signer)?;
    targets.extend(published::deltas(registry, &lists)?);
    let state = PublishedState { delta: delta_name(&hashes), lists };
    targets.insert(HASHES.to_owned(), hashes);
    Ok((targets, state))
}

/// Writes every file; `timestamp.json`, which makes the others current, goes last and in one step.
fn write(folder: &Path, files: &Files) -> Result<()> {
    const CURRENT: &str = "metadata/timestamp.json";
    for (name, bytes) in files.iter().filter(|(name, _)| *name != CURRENT).chain(files.get_key_value(CURRENT))
    {
        let path = folder.join(name);
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            let staged = path.with_extension("new");
            let mut file = fs::File::create(&staged)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&staged, &path)
        };
        write().with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}
