//! `issuer trust sign`: one key holder's signature on a root.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;
use shared::trust::TopLevelRole;

use super::root_signer;
use crate::cli::TrustSign;
use crate::folder_lock::FolderLock;
use crate::national::write_file;
use crate::output::Answer;
use crate::roots;

pub fn run(arguments: &TrustSign) -> Result<Answer> {
    let signer = root_signer(&arguments.key)?;
    let folder = arguments.file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let _lock = FolderLock::take(folder.unwrap_or(Path::new(".")))?;
    let mut document = roots::read(&arguments.file)?;
    document.sign(signer.as_ref()).with_context(|| format!("{} is not signed", arguments.file.display()))?;
    write_file(&arguments.file, &document.to_bytes())?;
    let (signed, waiting): (Vec<_>, Vec<_>) = document.signers().partition(|(_, signed)| *signed);
    let ids = |signers: &[(&str, bool)]| signers.iter().map(|(id, _)| (*id).to_owned()).collect::<Vec<_>>();
    let own = document.keys(TopLevelRole::Root);
    let own = own.iter().filter(|key| signed.iter().any(|(id, _)| *id == key.id())).count();
    let threshold = document.threshold(TopLevelRole::Root);
    Ok(Answer::done(
        format!(
            "root version {}: {own} of {threshold} signatures by its own keys; {} in all, {} keys may still sign",
            document.version(),
            signed.len(),
            waiting.len()
        ),
        json!({
            "root": arguments.file, "version": document.version(), "own_signatures": own, "threshold": threshold,
            "signed": ids(&signed), "waiting": ids(&waiting),
        }),
    ))
}
