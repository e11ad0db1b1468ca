//! One file per verb.

pub mod accounts;
pub mod cameras;
pub mod challenge;
pub mod clock;
pub mod compare;
pub mod config;
#[cfg(feature = "demo")]
pub mod demo;
pub mod doctor;
#[cfg(feature = "evaluate")]
pub mod evaluate;
pub mod gate;
pub mod journal;
pub mod key;
pub mod metrics;
pub mod models;
pub mod operator;
pub mod provision;
pub mod run;
pub mod scan;
pub mod scanner;
#[cfg(feature = "screen")]
pub mod screen;
pub mod trust;
pub mod verify;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use image::DynamicImage;
use serde_json::Value;
use shared::reason::Answer;
use shared::time::Timestamp;

use crate::notice;

/// Returns the time to act at, and says so if it is not the clock's.
fn now(at: Option<Timestamp>) -> Timestamp {
    if let Some(at) = at {
        notice(&format!("acting as if it were {at}"));
        return at;
    }
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Timestamp::from_unix(0).expect("1970 is in range").plus(i64::try_from(seconds).unwrap_or(i64::MAX))
}

/// Writes one line of data.
fn print(line: impl std::fmt::Display) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

/// Prints an object for programs, or lines for people.
fn answer(as_json: bool, json: &Value, text: &str) -> Result<()> {
    if as_json { print(json) } else { print(text.trim_end()) }
}

/// Exit status of an answer: accepted 0, refused 1, unanswered 2.
fn exit(answer: Answer) -> ExitCode {
    ExitCode::from(match answer {
        Answer::Accepted => 0,
        Answer::Refused => 1,
        Answer::Unanswered => 2,
    })
}

/// Reads and decodes a picture.
fn picture(path: &Path) -> Result<DynamicImage> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    shared::face::decode(&bytes).with_context(|| path.display().to_string())
}

/// The state folder to use.
fn state_folder(named: Option<&Path>) -> Result<PathBuf> {
    match named {
        Some(folder) => Ok(folder.to_owned()),
        None => crate::models::data_home()
            .map(|folder| folder.join("gatepass").join("kiosk"))
            .context("no home folder is set; name a state folder with --state"),
    }
}
