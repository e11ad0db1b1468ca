//! `issuer revoke`, `suspend` and `reinstate`: they take effect at a kiosk with the next repository that it imports.
//!
//! A credential is valid or suspended, back and forth, until it is revoked; that is final.

use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::json;
use shared::credential::UnverifiedCredential;
use shared::trust::Status;

use crate::cli::Credentials;
use crate::commands::{note, now};
use crate::issuer_keys::KeyHistory;
use crate::office::Office;
use crate::output::Answer;
use crate::registry::Registry;

pub fn revoke(arguments: &Credentials) -> Result<Answer> {
    run(arguments, Status::Invalid, "revoked")
}

pub fn suspend(arguments: &Credentials) -> Result<Answer> {
    run(arguments, Status::Suspended, "suspended")
}

pub fn reinstate(arguments: &Credentials) -> Result<Answer> {
    run(arguments, Status::Valid, "reinstated")
}

fn run(arguments: &Credentials, status: Status, done: &str) -> Result<Answer> {
    let now = now(arguments.at.at);
    let office = Office::open(&arguments.at.dir)?;
    let mut registry = office.registry()?;
    let places = places(arguments, &office, &registry)?;
    if places.is_empty() {
        bail!("nothing can be {done}: no credential was issued to that subject for that purpose");
    }
    let change = registry.change_status(&places, status)?;
    let json = json!({
        done: change.changed, "unchanged": change.as_asked_before, "left_revoked": change.revoked_before, "at": now,
    });
    if change.changed + change.as_asked_before == 0 {
        return Ok(Answer::no("refused: a revoked credential stays revoked; issue a new one", json));
    }
    if change.revoked_before > 0 {
        note(&format!("{} were revoked before, and stay so.", change.revoked_before));
    }
    note("Kiosks follow from the next `issuer publish` that they import.");
    Ok(Answer::done(format!("{done}: {}", change.changed), json))
}

/// The lists and places of the credentials that are meant.
fn places(arguments: &Credentials, office: &Office, registry: &Registry) -> Result<Vec<(u64, u64)>> {
    match (&arguments.credential, &arguments.subject) {
        (Some(path), _) => {
            let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
            let credential = UnverifiedCredential::decode(&bytes)
                .with_context(|| format!("{} is not a credential", path.display()))?;
            if !KeyHistory::load(registry)?.any(|key| credential.signed_by(key)) {
                bail!("{} was not issued by this agency", path.display());
            }
            let reference = credential.claims().status.clone();
            let reference = reference.context("the credential names no place in a status list")?;
            let list = (0..=registry.last_list()?).find(|list| office.status_uri(*list) == reference.uri);
            let list = list.context("the credential names a status list of another agency")?;
            Ok(vec![(list, reference.index)])
        }
        (None, Some(subject)) => Ok(registry
            .credentials_of(subject)?
            .into_iter()
            .filter(|credential| {
                arguments.purpose.as_ref().is_none_or(|purpose| credential.purpose == *purpose)
            })
            .map(|credential| (credential.list, credential.index))
            .collect()),
        (None, None) => Ok(vec![]),
    }
}
