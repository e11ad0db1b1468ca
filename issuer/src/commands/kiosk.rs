//! `issuer kiosk`: for whom each kiosk works.

use anyhow::Result;
use serde_json::json;
use shared::encryption::EncryptionKey;
use shared::pairwise::RelyingParty;
use shared::trust::KioskIdentity;

use crate::cli::Kiosk;
use crate::commands::note;
use crate::commands::sector::ensure_repository;
use crate::kiosks::Kiosks;
use crate::output::Answer;

pub fn run(verb: &Kiosk) -> Result<Answer> {
    match verb {
        Kiosk::Add { at, name, key, organization, service } => {
            ensure_repository(&at.dir)?;
            let party = RelyingParty::new(organization, service)?;
            let (machine, called) =
                (EncryptionKey::parse(key)?.id(), name.clone().unwrap_or(party.service()));
            let kiosk = KioskIdentity::new(machine, &called, party)?;
            Kiosks::open(&at.dir)?.add(kiosk.clone())?;
            Ok(Answer::done(line(&kiosk), json!({ "kiosk": kiosk })))
        }
        Kiosk::Remove { at, name } => {
            ensure_repository(&at.dir)?;
            let kiosk = Kiosks::open(&at.dir)?.remove(name)?;
            note("It works for its organization until it imports the next publication.");
            Ok(Answer::done(format!("removed {name}"), json!({ "removed": kiosk })))
        }
        Kiosk::List { at } => {
            ensure_repository(&at.dir)?;
            let kiosks = Kiosks::open(&at.dir)?.kiosks;
            let lines: Vec<String> = kiosks.iter().map(line).collect();
            let text = match lines.is_empty() {
                true => "no kiosk works for anybody; add one with `issuer kiosk add`".to_owned(),
                false => lines.join("\n"),
            };
            Ok(Answer::done(text, json!({ "kiosks": kiosks })))
        }
    }
}

fn line(kiosk: &KioskIdentity) -> String {
    format!("kiosk {} ({}): {}", kiosk.name(), kiosk.machine(), kiosk.party().service())
}
