//! `issuer init`: an agency from nothing.

use anyhow::{Context, Result, bail};
use serde_json::json;
use shared::credential::Purpose;
use shared::key::Signer;
use shared::trust::{RepositoryKeys, sign_root};

use crate::cli::Init;
use crate::commands::key::{places, since_setting};
use crate::commands::{note, now};
use crate::issuer_keys::{self, KeyHistory};
use crate::national::write_file;
use crate::office::{Agency, Office, ROOT_KEYS};
use crate::output::Answer;
use crate::policies;

pub fn run(arguments: &Init) -> Result<Answer> {
    let now = now(arguments.at.at);
    let issuer = arguments.iss.trim().to_owned();
    if !(1..=64).contains(&issuer.len()) || !issuer.contains(':') || issuer.contains(char::is_whitespace) {
        bail!(
            "--iss must be a URI of at most 64 characters, such as https://id.example: it is in every code"
        );
    }
    let name = arguments.agency.clone().unwrap_or_else(|| agency_name(&issuer));
    Purpose::parse(&name).context("--agency must be 1 to 24 lower-case letters, digits and hyphens")?;

    let places = places(&arguments.new)?;
    let office = Office::create(&arguments.at.dir, Agency { name, issuer })?;
    // First the keys that a token could refuse to make, so that nothing is left behind then.
    let key = |name: &str| office.create_key(name, &places.online);
    let [targets, snapshot, timestamp, agency_key, issuer_key] =
        [key("targets")?, key("snapshot")?, key("timestamp")?, key("agency")?, key(issuer_keys::FIRST)?];
    let root_names: Vec<String> = (1..=ROOT_KEYS).map(|n| format!("root-{n}")).collect();
    let root =
        root_names.iter().map(|name| office.create_key(name, &places.offline)).collect::<Result<Vec<_>>>()?;
    let public = RepositoryKeys {
        root: root.iter().map(Signer::public_key).collect(),
        targets: targets.public_key(),
        snapshot: snapshot.public_key(),
        timestamp: timestamp.public_key(),
    };
    let signers: Vec<&dyn Signer> = root.iter().map(|key| key as &dyn Signer).collect();
    write_file(&office.root_metadata(), &sign_root(&public, &signers, now)?)?;
    let registry = office.create_registry()?;
    KeyHistory::new(issuer_key.public_key(), now).save(&registry)?;
    for name in root_names.iter().map(String::as_str).chain(["targets", "snapshot", "timestamp", "agency"]) {
        registry.set_setting(&since_setting(name), &now.to_string())?;
    }
    for policy in policies::defaults() {
        office.write_policy(&policy)?;
    }
    office.finish()?;

    let root_path = office.root_metadata();
    note("Move keys/root-* to three separate offline places: any two of them can replace every other key.");
    Ok(Answer::done(
        format!(
            "agency      {}\nissuer      {}\nissuer key  {}\nagency key  {}\nroot        {}",
            office.agency.name,
            office.agency.issuer,
            issuer_key.public_key().id(),
            agency_key.public_key(),
            root_path.display()
        ),
        json!({
            "agency": office.agency.name, "issuer": office.agency.issuer,
            "issuer_key": issuer_key.public_key(), "agency_key": agency_key.public_key(), "root": root_path, "at": now,
        }),
    ))
}

/// A role name from the host part of a URI: `https://id.example/x` gives `id-example`.
fn agency_name(issuer: &str) -> String {
    let host = issuer.rsplit("//").next().unwrap_or(issuer).split('/').next().unwrap_or(issuer);
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    host.chars().map(letter).take(24).collect::<String>().trim_matches('-').to_owned()
}
