//! `kiosk challenge`: a code for phones to answer, for desks that verify one picture at a time. A lane makes its own.

use std::fs;
use std::num::NonZero;
use std::process::ExitCode;

use anyhow::{Context, Result};
use serde_json::json;
use shared::credential::CHALLENGE_LIFE;
use shared::qr;

use super::{answer, now};
use crate::cli;
use crate::decide::Question;

/// Pixels of one module.
const SCALE: NonZero<u8> = NonZero::new(8).expect("not zero");

pub fn run(arguments: &cli::Challenge, as_json: bool) -> Result<ExitCode> {
    let now = now(arguments.at);
    let question = Question::ask(&arguments.aud, false, now)?;
    let text = question.challenge.encode();
    if let Some(path) = &arguments.out {
        let symbol = qr::encode(&text)?;
        fs::write(path, symbol.to_png(SCALE)).with_context(|| format!("writing {}", path.display()))?;
    }
    let expires = now.plus(CHALLENGE_LIFE);
    answer(as_json, &json!({ "challenge": text, "expires": expires, "picture": arguments.out }), &text)?;
    Ok(ExitCode::SUCCESS)
}
