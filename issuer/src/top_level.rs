//! What a repository says in its own name rather than an agency's: policies, whom seals of other schemes are believed from,
//! the keys of sectors, and who each kiosk is. The same in an agency's folder and in that of a shared repository.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use shared::seal::{HEALTH_CERTIFICATES, SealTrust, VISIBLE_DIGITAL_SEALS};
use shared::trust::Files;

use crate::kiosks::Kiosks;
use crate::policies;
use crate::sectors::Sectors;

/// Of these targets, the folders that no agency's part brings along.
pub const NOT_IN_PARTS: [&str; 3] = ["kiosks", "seals", "sector-keys"];

/// Returns the targets of a folder, by path.
pub fn targets(folder: &Path) -> Result<Files> {
    let mut targets = policies::targets(folder)?;
    targets.extend(seals(folder)?);
    targets.extend(Sectors::open(folder)?.targets()?);
    targets.extend(Kiosks::open(folder)?.targets()?);
    Ok(targets)
}

/// Reads whom seals of other schemes are believed from: the lists under `seals/`, if there are any, by their targets.
fn seals(folder: &Path) -> Result<Files> {
    let mut lists = Files::new();
    let folder = folder.join("seals");
    if !folder.exists() {
        return Ok(lists);
    }
    for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        let target = format!("seals/{}", path.file_name().unwrap_or_default().display());
        let list = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        match target.as_str() {
            HEALTH_CERTIFICATES => SealTrust::default().with_health_certificates(&list),
            VISIBLE_DIGITAL_SEALS => SealTrust::default().with_visible_digital_seals(&list),
            _ => bail!(
                "no kiosk reads {}: it is neither {HEALTH_CERTIFICATES} nor {VISIBLE_DIGITAL_SEALS}",
                path.display()
            ),
        }
        .with_context(|| format!("{} would be refused by every kiosk", path.display()))?;
        lists.insert(target, list);
    }
    Ok(lists)
}
