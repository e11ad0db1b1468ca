//! `issuer provision`: the code that tells a new kiosk whom to believe, where to find it, and what to be.

use std::fs;
use std::num::NonZeroU8;

use anyhow::{Context, Result};
use serde_json::json;
use shared::provisioning::{Provisioning, root_hash};
use shared::qr;

use crate::cli::Provision;
use crate::commands::note;
use crate::output::Answer;
use crate::roots::Roots;

/// Pixels of a module: the code is printed, or shown on a screen.
const SCALE: NonZeroU8 = NonZeroU8::new(6).expect("not zero");

pub fn run(arguments: &Provision) -> Result<Answer> {
    let roots = Roots::read(&arguments.dir)?;
    let first = roots.complete.first().context("there is no root")?;
    let settings = match &arguments.settings {
        Some(file) => fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?,
        None => String::new(),
    };
    let provisioning = Provisioning::new(
        root_hash(first),
        &arguments.repository,
        arguments.purpose.clone(),
        &arguments.lane,
        &settings,
    )?;
    let (text, fingerprint) = (provisioning.encode(), provisioning.fingerprint().to_string());
    let picture = arguments.out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
    let drawn = if picture {
        let symbol =
            qr::encode(&text).context("the code is too large for a symbol; write its text to a .txt file")?;
        symbol.to_png(SCALE)
    } else {
        format!("{text}\n").into_bytes()
    };
    fs::write(&arguments.out, drawn).with_context(|| format!("writing {}", arguments.out.display()))?;
    note("tell the installer this fingerprint by another way than the code takes:");
    let json = json!({
        "file": arguments.out, "fingerprint": fingerprint, "root": hex::encode(provisioning.root()),
        "purpose": provisioning.purpose(), "lane": provisioning.lane(), "repository": provisioning.repository(),
    });
    Ok(Answer::done(fingerprint, json))
}
