//! `issuer revoke`: takes effect at a kiosk with the next repository that it imports.

use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::json;
use shared::credential::UnverifiedCredential;
use shared::trust::Status;

use crate::cli::Revoke;
use crate::commands::{note, now};
use crate::issuer_keys::KeyHistory;
use crate::office::Office;
use crate::output::Answer;

pub fn run(arguments: &Revoke) -> Result<Answer> {
    let now = now(arguments.at.at);
    let office = Office::open(&arguments.at.dir)?;
    let registry = office.registry()?;
    let places = match (&arguments.credential, &arguments.subject) {
        (Some(path), _) => {
            let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
            let credential = UnverifiedCredential::decode(&bytes)
                .with_context(|| format!("{} is not a credential", path.display()))?;
            if !KeyHistory::load(&registry)?.any(|key| credential.signed_by(key)) {
                bail!("{} was not issued by this agency", path.display());
            }
            let list = (0..=registry.last_list()?)
                .find(|list| office.status_uri(*list) == credential.claims().status.uri);
            vec![(
                list.context("the credential names a status list of another agency")?,
                credential.claims().status.index,
            )]
        }
        (None, Some(subject)) => registry
            .credentials_of(subject)?
            .into_iter()
            .filter(|credential| {
                arguments.purpose.as_ref().is_none_or(|purpose| credential.purpose == *purpose)
            })
            .map(|credential| (credential.list, credential.index))
            .collect(),
        (None, None) => vec![],
    };
    if places.is_empty() {
        bail!("there is nothing to revoke: no credential was issued to that subject for that purpose");
    }
    for (list, index) in &places {
        if !registry.set_status(*list, *index, Status::Invalid)? {
            bail!("the registry has no credential at place {index} of list {list}");
        }
    }
    note("Kiosks refuse it from the next `issuer publish` that they import.");
    Ok(Answer::done(format!("revoked: {}", places.len()), json!({ "revoked": places.len(), "at": now })))
}
