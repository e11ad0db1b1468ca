//! `issuer publish`: the trust repository, as a directory.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;
use shared::key::Signer;
use shared::time::Timestamp;
use shared::trust::{AgencyRole, Files, Publication, RoleVersions, StatusListBuilder, publish};

use crate::cli::Publish;
use crate::commands::now;
use crate::issuer_keys::{self, KeyHistory};
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
    let mut policies = Files::new();
    for policy in office.policies()? {
        policies.insert(format!("policy/{}.json", policy.purpose), serde_json::to_vec_pretty(&policy)?);
    }
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
    let signer = issuer_keys::signer(office, registry)?;
    let keys = KeyHistory::load(registry)?.published(&office.agency.issuer);
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
