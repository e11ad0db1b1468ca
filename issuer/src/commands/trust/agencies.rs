//! `issuer trust add-agency` and `remove-agency`: who may speak for which issuer, from the next publication on.

use anyhow::{Context, Result, bail};
use serde_json::json;
use shared::credential::Purpose;

use crate::cli::{TrustAddAgency, TrustRemoveAgency};
use crate::commands::note;
use crate::keys;
use crate::national::{Agency, National};
use crate::output::Answer;

/// Names that TUF gives to roles of its own.
const RESERVED: [&str; 4] = ["root", "targets", "snapshot", "timestamp"];

pub fn add(arguments: &TrustAddAgency) -> Result<Answer> {
    let (mut national, _lock) = National::open_locked(&arguments.at.dir)?;
    let TrustAddAgency { name, issuer, .. } = arguments;
    Purpose::parse(name).context("--name must be 1 to 24 lower-case letters, digits and hyphens")?;
    if RESERVED.contains(&name.as_str()) {
        bail!("{name} is the name of a role of the repository itself");
    }
    let key = keys::public(&arguments.key)?;
    if let Some(known) = national.agencies.iter().find(|agency| agency.name != *name && agency.key == key) {
        bail!("{} has that key already", known.name);
    }
    if let Some(known) =
        national.agencies.iter().find(|agency| agency.name != *name && agency.issuer == *issuer)
    {
        bail!("{} speaks for {issuer} already", known.name);
    }
    match national.agencies.iter_mut().find(|agency| agency.name == *name) {
        Some(known) if !arguments.replace_key => {
            bail!("{} is there already; give it another key with --replace-key", known.name)
        }
        Some(known) if known.issuer != *issuer => bail!("{name} speaks for {}, not {issuer}", known.issuer),
        Some(known) => known.key = key,
        None if arguments.replace_key => bail!("there is no agency {name} yet"),
        None => national.agencies.push(Agency { name: name.clone(), issuer: issuer.clone(), key }),
    }
    national.save()?;
    note(
        "It counts from the next `issuer trust publish`, which needs what the agency hands in, signed with that key.",
    );
    Ok(Answer::done(
        format!("agency      {name}\nissuer      {issuer}\nagency key  {key}"),
        json!({ "agency": name, "issuer": issuer, "agency_key": key }),
    ))
}

pub fn remove(arguments: &TrustRemoveAgency) -> Result<Answer> {
    let (mut national, _lock) = National::open_locked(&arguments.at.dir)?;
    let before = national.agencies.len();
    national.agencies.retain(|agency| agency.name != arguments.name);
    if national.agencies.len() == before {
        bail!("there is no agency {}", arguments.name);
    }
    national.save()?;
    note("Kiosks refuse its credentials from the next `issuer trust publish` that they import.");
    Ok(Answer::done(format!("removed     {}", arguments.name), json!({ "agency": arguments.name })))
}
