//! `issuer sector`: which kiosks read encrypted codes, and with which keys.

use std::path::Path;

use anyhow::{Result, ensure};
use serde_json::json;
use shared::encryption::{DecryptionKey, EncryptionKey};
use zeroize::Zeroizing;

use crate::cli::Sector;
use crate::commands::{note, now};
use crate::folder_lock::FolderLock;
use crate::keys;
use crate::national::National;
use crate::office::Office;
use crate::output::Answer;
use crate::policies;
use crate::sectors::{Kiosk, Sectors, read_shared_key};

pub fn run(verb: &Sector) -> Result<Answer> {
    match verb {
        Sector::AddKiosk { at, name, key, purpose } => {
            ensure_repository(&at.dir)?;
            let kiosk =
                Kiosk { name: name.clone(), key: EncryptionKey::parse(key)?, purposes: purpose.clone() };
            let _lock = FolderLock::take(&at.dir)?;
            Sectors::open(&at.dir)?.add(kiosk.clone())?;
            let text = format!("kiosk {name}, key {}", kiosk.key.id());
            Ok(Answer::done(text, json!({ "kiosk": kiosk, "id": kiosk.key.id().to_string() })))
        }
        Sector::RemoveKiosk { at, name } => {
            ensure_repository(&at.dir)?;
            let _lock = FolderLock::take(&at.dir)?;
            let kiosk = Sectors::open(&at.dir)?.remove(name)?;
            note(
                "It still reads codes of the epochs that it was given: begin new ones with `issuer sector rotate`.",
            );
            Ok(Answer::done(format!("removed {name}"), json!({ "removed": kiosk })))
        }
        Sector::Rotate { at, purpose, shared, clock_was_ahead } => {
            ensure_repository(&at.dir)?;
            policies::of(&at.dir, purpose)?;
            let key = match shared {
                Some(path) => read_shared_key(path)?,
                None => DecryptionKey::from_seed(&Zeroizing::new(keys::random::<32>()?))?,
            };
            let _lock = FolderLock::take(&at.dir)?;
            let now = now(at.at);
            let mut sectors = Sectors::open(&at.dir)?;
            if *clock_was_ahead {
                sectors.set_back(purpose, now);
            }
            let epoch = sectors.rotate(purpose, &key, now)?;
            note("Kiosks read it from the next publication that they import, and the epoch before it.");
            let public = epoch.public.map_or("(a shared key)".to_owned(), |key| key.to_string());
            Ok(Answer::done(public, json!({ "purpose": purpose, "epoch": epoch })))
        }
        Sector::List { at } => {
            ensure_repository(&at.dir)?;
            let sectors = Sectors::open(&at.dir)?;
            let mut lines = Vec::new();
            for kiosk in &sectors.kiosks {
                let purposes: Vec<&str> = kiosk.purposes.iter().map(|purpose| purpose.as_str()).collect();
                lines.push(format!(
                    "kiosk       {} ({}): {}",
                    kiosk.name,
                    kiosk.key.id(),
                    purposes.join(", ")
                ));
            }
            for (purpose, epochs) in &sectors.purposes {
                for epoch in epochs.read() {
                    let public = epoch.public.map_or("a shared key".to_owned(), |key| key.to_string());
                    lines.push(format!("epoch       {purpose} since {}: {public}", epoch.since));
                }
            }
            if lines.is_empty() {
                lines.push(
                    "no kiosk reads encrypted codes; add one with `issuer sector add-kiosk`".to_owned(),
                );
            }
            let json = json!({ "kiosks": sectors.kiosks, "purposes": sectors.purposes });
            Ok(Answer::done(lines.join("\n"), json))
        }
    }
}

/// Sectors belong to whoever publishes what kiosks import: an agency, or those who run a shared repository.
pub(super) fn ensure_repository(folder: &Path) -> Result<()> {
    ensure!(
        Office::is_at(folder) || National::is_at(folder),
        "{} is neither an agency's folder nor that of a shared repository",
        folder.display()
    );
    Ok(())
}
