//! `kiosk models`: the face models' files.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::json;
use shared::face::{DEFAULT_SET, INSTALLABLE_SET, Manifest, ModelEntry, ModelSource};

use super::answer;
use crate::models;
use crate::notice;

pub fn list(option: Option<&Path>, as_json: bool) -> Result<ExitCode> {
    let source = models::source(option);
    let own = source.set(|path| fs::read(path).ok())?;
    let mut sets = Manifest::shipped().sets;
    if let Some(same) = sets.iter_mut().find(|set| set.id == own.id) {
        *same = own.clone();
    } else {
        sets.push(own.clone());
    }
    let (mut entries, mut lines, mut whole) = (Vec::new(), Vec::new(), true);
    for set in sets {
        let (used, built_in) = (set.id == own.id, set.id == DEFAULT_SET);
        let folder = match &source {
            ModelSource::Folder(folder) if used => Some(folder.clone()),
            _ => models::install_folder(),
        };
        lines.push(format!("{}{}: {}", set.id, if used { ", in use" } else { "" }, set.about));
        for entry in set.models {
            let path = folder.as_ref().filter(|_| !built_in).map(|folder| folder.join(&entry.file));
            let state = match path.as_ref().map(|path| fs::read(path).map(|bytes| entry.check(&bytes))) {
                None if built_in => "built in",
                Some(Ok(Ok(()))) => "ready",
                Some(Ok(Err(_))) => "wrong file",
                Some(Err(_)) | None => "missing",
            };
            let good = matches!(state, "built in" | "ready");
            whole &= good || !used;
            let shown = path.filter(|_| state != "missing").map(|path| path.display().to_string());
            lines.push(format!(
                "  {:<20} {state:<10} {:>9} bytes  {:<17} {}",
                entry.id,
                entry.bytes,
                entry.licence,
                shown.as_deref().unwrap_or("")
            ));
            entries.push(
                json!({ "set": set.id, "in_use": used, "state": state, "path": shown, "model": entry }),
            );
        }
    }
    if !whole {
        lines.push("Mend it with `kiosk models install --from DIR`, or use --models default.".to_owned());
    }
    let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
    answer(as_json, &json!({ "complete": whole, "set": own.id, "models": entries }), &lines.join("\n"))?;
    Ok(if whole { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

pub fn install(from: Option<&Path>, to: Option<&Path>, as_json: bool) -> Result<ExitCode> {
    let target = to
        .map(Path::to_owned)
        .or_else(models::install_folder)
        .context("no home folder is set; name one with --to")?;
    fs::create_dir_all(&target).with_context(|| format!("creating {}", target.display()))?;
    let (mut installed, mut failed) = (Vec::new(), Vec::new());
    for entry in Manifest::shipped().set(INSTALLABLE_SET)?.models.clone() {
        let path = target.join(&entry.file);
        if fs::read(&path).is_ok_and(|bytes| entry.check(&bytes).is_ok()) {
            installed.push(entry.id);
            continue;
        }
        notice(&format!("installing {} ({} bytes)", entry.id, entry.bytes));
        match fetch(&entry, from).and_then(|bytes| place(&entry, &bytes, &path)) {
            Ok(()) => installed.push(entry.id),
            Err(error) => {
                notice(&format!("error: {error:#}"));
                failed.push(entry.id);
            }
        }
    }
    let json = json!({ "folder": target, "installed": installed, "failed": failed });
    answer(
        as_json,
        &json,
        &format!(
            "{} of {} models are in {}",
            installed.len(),
            installed.len() + failed.len(),
            target.display()
        ),
    )?;
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

fn fetch(entry: &ModelEntry, from: Option<&Path>) -> Result<Vec<u8>> {
    if let Some(folder) = from {
        let path = folder.join(&entry.file);
        return fs::read(&path).with_context(|| format!("reading {}", path.display()));
    }
    let Some(url) = &entry.url else {
        bail!(
            "{} cannot be downloaded, because its file was converted from another format; get it from your supplier and use `kiosk models install --from DIR`",
            entry.file
        )
    };
    let mut response = ureq::get(url).call().with_context(|| format!("downloading {url}"))?;
    response
        .body_mut()
        .with_config()
        .limit(entry.bytes)
        .read_to_vec()
        .with_context(|| format!("downloading {url}"))
}

/// Checks a file and puts it into place in one step.
fn place(entry: &ModelEntry, bytes: &[u8], path: &Path) -> Result<()> {
    entry.check(bytes)?;
    let staged = path.with_extension("new");
    fs::write(&staged, bytes).with_context(|| format!("writing {}", staged.display()))?;
    fs::rename(&staged, path).with_context(|| format!("writing {}", path.display()))
}
