//! `issuer trust`: a repository that several agencies share. One file per verb.

mod agencies;
mod init;
mod publish;
mod rotate;
mod sign;

use anyhow::Result;
use serde_json::json;
use shared::trust::{TopLevelRole, TufKey};

use crate::cli::{Trust, TrustRole};
use crate::keys;
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

fn keygen(arguments: &crate::cli::TrustKeygen) -> Result<Answer> {
    let key = keys::create(&arguments.out)?;
    let public = shared::key::Signer::public_key(&key);
    let file = keys::write_public(&arguments.out, &key)?;
    Ok(Answer::done(
        public.to_string(),
        json!({ "key": arguments.out, "public_key": public, "public_key_file": file, "id": TufKey::from(public).id() }),
    ))
}

/// Reads public keys given as files or as text.
fn public_keys(given: &[String]) -> Result<Vec<TufKey>> {
    given.iter().map(|given| keys::public(given).map(TufKey::from)).collect()
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
