//! `issuer trust publish`: the parts of all agencies as one repository, checked as a kiosk checks it before anybody
//! sees it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use serde_json::{Value, json};
use shared::time::Timestamp;
use shared::trust::{AgencyPart, Assembly, assemble};

use crate::cli::TrustPublish;
use crate::commands::{note, now};
use crate::national::{Agency, National, read_as_kiosk, read_part, set_memory, write_files};
use crate::output::Answer;
use crate::roots::Roots;
use crate::top_level::{self, NOT_IN_PARTS};

/// How long before a part expires somebody is told, in seconds: two weeks.
const WARN_BEFORE: i64 = 14 * 24 * 3600;

pub fn run(arguments: &TrustPublish) -> Result<Answer> {
    let signers = Roots::read(&National::open(&arguments.at.dir)?.folder)?.signers()?;
    let (national, _lock) = National::open_locked(&arguments.at.dir)?;
    let now = now(arguments.at.at);
    let roots = Roots::read(&national.folder)?;
    roots.check_time(now)?;
    if let Some(pending) = &roots.pending {
        note(&format!("{} is not published: {}", pending.path.display(), pending.problem));
    }
    let parts = parts(&national, &arguments.part)?;
    for part in &parts {
        tell_expiry(part, now);
    }
    let mut published = national.published()?;
    published.version += 1;
    published.at = Some(now);
    published.agencies.extend(parts.iter().map(|part| (part.name().to_owned(), part.version())));
    let retired: BTreeMap<String, u64> = published
        .agencies
        .iter()
        .filter(|(name, _)| !parts.iter().any(|part| part.name() == *name))
        .map(|(name, version)| (name.clone(), *version))
        .collect();
    let files = assemble(&Assembly {
        roots: &roots.complete,
        targets: &top_level::targets(&national.folder)?,
        parts: &parts,
        retired: &retired,
        targets_signer: &signers.targets,
        snapshot_signer: &signers.snapshot,
        timestamp_signer: &signers.timestamp,
        versions: published.version.into(),
        now,
    })?;
    let (store, snapshot) = read_as_kiosk(&national.folder, &roots, &files, now)?;

    // Taken before anything is written: a version number that was ever seen outside is never used again.
    national.set_published(&published)?;
    set_memory(&national.folder, snapshot.memory)?;
    for part in &parts {
        write_files(&national.part_folder(part.name()), &part.files())?;
    }
    write_files(&arguments.out, &files)?;

    let bytes: usize = files.values().map(Vec::len).sum();
    let agencies: Vec<Value> = parts
        .iter()
        .map(|part| json!({ "agency": part.name(), "version": part.version(), "expires": part.expires() }))
        .collect();
    Ok(Answer::done(
        format!(
            "repository version {} (root {}), {} agencies, {} files, {bytes} bytes",
            published.version,
            store.versions().root,
            parts.len(),
            files.len()
        ),
        json!({
            "repository": arguments.out, "version": published.version, "root_version": store.versions().root,
            "published": now, "agencies": agencies, "files": files.len(), "bytes": bytes,
            "pending_root": roots.pending.as_ref().map(|pending| json!({ "root": pending.path, "problem": pending.problem })),
        }),
    ))
}

/// The part of every agency: what was handed in now, or else what was handed in last.
fn parts(national: &National, folders: &[PathBuf]) -> Result<Vec<AgencyPart>> {
    let mut handed_in: BTreeMap<&str, AgencyPart> = BTreeMap::new();
    for folder in folders {
        tell_left_out(folder, &national.folder);
        let mut found = false;
        for agency in &national.agencies {
            if let Some(part) = read_part(folder, agency)? {
                found = true;
                if handed_in.insert(&agency.name, part).is_some() {
                    bail!("{} was handed in twice", agency.name);
                }
            }
        }
        if !found {
            bail!(
                "{} has nothing of an agency of this repository; see `issuer trust add-agency`",
                folder.display()
            );
        }
    }
    let mut parts = Vec::new();
    for agency in &national.agencies {
        // What is kept may be signed with a key that was replaced since.
        let kept = read_part(&national.part_folder(&agency.name), agency);
        match (handed_in.remove(agency.name.as_str()), kept) {
            (Some(new), Ok(Some(kept))) => parts.push(newer(agency, new, &kept)?),
            (Some(new), _) => parts.push(new),
            (None, Ok(Some(kept))) => parts.push(kept),
            (None, Ok(None)) => note(&format!("{} has not handed in anything and is left out", agency.name)),
            (None, Err(error)) => return Err(error),
        }
    }
    Ok(parts)
}

/// Says what an agency publishes beside its part, for it reaches no kiosk from there.
fn tell_left_out(folder: &Path, shared: &Path) {
    for kind in NOT_IN_PARTS.iter().filter(|kind| folder.join("targets").join(kind).exists()) {
        note(&format!(
            "{} holds {kind}, which are no part of an agency and are not published from there: they come from {}",
            folder.display(),
            shared.display()
        ));
    }
}

fn newer(agency: &Agency, new: AgencyPart, kept: &AgencyPart) -> Result<AgencyPart> {
    if new.version() < kept.version() {
        bail!("{} handed in version {}, and had {} already", agency.name, new.version(), kept.version());
    }
    if new.version() == kept.version() && new.metadata() != kept.metadata() {
        bail!("{} handed in another version {} than before", agency.name, new.version());
    }
    Ok(new)
}

fn tell_expiry(part: &AgencyPart, now: Timestamp) {
    let left = part.expires().seconds_since(now);
    if left < 0 {
        note(&format!(
            "what {} handed in has expired at {}: kiosks grade it as stale",
            part.name(),
            part.expires()
        ));
    } else if left < WARN_BEFORE {
        note(&format!("what {} handed in expires at {}", part.name(), part.expires()));
    }
}
