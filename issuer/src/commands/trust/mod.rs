//! `issuer trust`: a repository that several agencies share. One file per verb.

mod agencies;
mod init;
mod publish;
mod rotate;
mod sign;

use std::path::Path;

use anyhow::Result;
use serde_json::json;
use shared::key::Signer;
use shared::trust::{RootDocument, RootSigner, TopLevelRole, TufKey};

use crate::cli::{Trust, TrustKeygen, TrustRole};
use crate::commands::key::places;
use crate::commands::note;
use crate::keys;
use crate::ml_dsa::{self, MlDsaKey};
use crate::output::Answer;

pub fn run(verb: &Trust) -> Result<Answer> {
    match verb {
        Trust::Keygen(arguments) => keygen(arguments),
        Trust::Init(arguments) => init::run(arguments),
        Trust::Sign(arguments) => sign::run(arguments),
        Trust::Rotate(arguments) => rotate::run(arguments),
        Trust::AddAgency(arguments) => agencies::add(arguments),
        Trust::RemoveAgency(arguments) => agencies::remove(arguments),
        Trust::Publish(arguments) => publish::run(arguments),
    }
}

fn keygen(arguments: &TrustKeygen) -> Result<Answer> {
    let keeping = places(&arguments.new)?.online;
    if arguments.ml_dsa_65 {
        let (key, file) = MlDsaKey::create(&arguments.out, &keeping)?;
        let id = key.tuf_key().id();
        return Ok(Answer::done(
            file.display().to_string(),
            json!({ "key": arguments.out, "public_key_file": file, "id": id, "algorithm": "ml-dsa-65" }),
        ));
    }
    let (key, file) = keeping.create_file(&arguments.out)?;
    let public = key.public_key();
    Ok(Answer::done(
        public.to_string(),
        json!({ "key": arguments.out, "public_key": public, "public_key_file": file, "id": TufKey::from(public).id(), "algorithm": "ed25519" }),
    ))
}

/// Opens the private key of a key holder.
fn root_signer(path: &Path) -> Result<Box<dyn RootSigner>> {
    Ok(match MlDsaKey::open(path)? {
        Some(key) => Box::new(key),
        None => Box::new(keys::open(path)?),
    })
}

/// Says how much of the root one broken algorithm would be worth, where there is more than one.
fn tell_algorithms(root: &RootDocument) {
    let schemes = root.root_schemes();
    let threshold = root.threshold(TopLevelRole::Root);
    if let Some((scheme, keys)) = schemes.iter().find(|(_, keys)| schemes.len() > 1 && **keys >= threshold) {
        note(&format!(
            "{keys} keys of {scheme} reach the threshold of {threshold} alone: with a higher one, both algorithms are needed."
        ));
    }
}

/// Reads public keys given as files or as text.
fn public_keys(given: &[String]) -> Result<Vec<TufKey>> {
    let read = |given: &String| match ml_dsa::public(given)? {
        Some(key) => Ok(key),
        None => keys::public(given).map(TufKey::from),
    };
    given.iter().map(read).collect()
}

impl From<TrustRole> for TopLevelRole {
    fn from(role: TrustRole) -> Self {
        match role {
            TrustRole::Root => Self::Root,
            TrustRole::Targets => Self::Targets,
            TrustRole::Snapshot => Self::Snapshot,
            TrustRole::Timestamp => Self::Timestamp,
        }
    }
}
