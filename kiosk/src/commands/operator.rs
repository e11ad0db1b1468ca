//! `kiosk operator`: who may use the operator page.

use std::io::{IsTerminal, Read, stdin};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::json;
use zeroize::Zeroizing;

use super::{answer, now, state_folder};
use crate::cli::{Operator, Place};
use crate::state::{Pin, State};

/// The most that is read of a PIN code from standard input, in bytes.
const LONGEST: u64 = 256;

pub fn run(what: &Operator, as_json: bool) -> Result<ExitCode> {
    let open = |place: &Place| State::open(&state_folder(place.state.as_deref())?);
    match what {
        Operator::Add { name, place } => {
            let state = open(place)?;
            if state.operators()?.iter().any(|known| known.name == name.as_str()) {
                bail!(
                    "there is an operator {} already; remove it first to give it another PIN code",
                    name.as_str()
                );
            }
            state.add_operator(name, &Pin::parse(ask_for_new()?)?, now(place.at))?;
            answer(as_json, &json!({ "added": name.as_str() }), &format!("added {}", name.as_str()))?;
        }
        Operator::List { place } => {
            let operators = open(place)?.operators()?;
            let json = json!(
                operators
                    .iter()
                    .map(|one| json!({ "number": one.id, "name": one.name, "added": one.added }))
                    .collect::<Vec<_>>()
            );
            let lines: Vec<_> = operators
                .iter()
                .map(|one| format!("{}  {}  added {}", one.id, one.name, one.added))
                .collect();
            let text = if lines.is_empty() {
                "there are none; add one with `kiosk operator add NAME`"
            } else {
                &lines.join("\n")
            };
            answer(as_json, &json!({ "operators": json }), text)?;
        }
        Operator::Remove { name, place } => {
            if !open(place)?.remove_operator(name)? {
                bail!("there is no operator {}", name.as_str());
            }
            answer(as_json, &json!({ "removed": name.as_str() }), &format!("removed {}", name.as_str()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks for a PIN code without showing it, or reads one line where nobody can be asked.
pub(super) fn ask(words: &str) -> Result<Zeroizing<String>> {
    if stdin().is_terminal() {
        return rpassword::prompt_password(words).map(Zeroizing::new).context("asking at the terminal");
    }
    let mut text = Zeroizing::new(String::new());
    stdin().take(LONGEST).read_to_string(&mut text).context("reading the PIN code")?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Asks twice where somebody types it.
fn ask_for_new() -> Result<Zeroizing<String>> {
    let first = ask("PIN code: ")?;
    if stdin().is_terminal() && *first != *ask("The same again: ")? {
        bail!("these are two different PIN codes; nobody was added");
    }
    Ok(first)
}
