//! `kiosk journal`: what the kiosk wrote down of its work.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::journal::{Audit, CheckpointKey, Entry, Hash, JournalError, Memory, Report, Row};
use shared::time::Timestamp;

use super::{answer, now, state_folder};
use crate::cli::{Journal, JournalVerify, Place};
use crate::state::{FILE, Item, State};

/// The longest line of an export.
const MAX_LINE: usize = 64 << 10;

pub fn run(what: &Journal, as_json: bool) -> Result<ExitCode> {
    let open = |place: &Place| State::open(&state_folder(place.state.as_deref())?);
    // A folder whose name was mistyped has no journal; it must not get an empty one, which would be intact.
    let existing = |place: &Place| {
        let folder = state_folder(place.state.as_deref())?;
        match folder.join(FILE).exists() {
            true => State::open(&folder),
            false => bail!("{} holds no kiosk's state", folder.display()),
        }
    };
    match what {
        Journal::Verify(arguments) => {
            let JournalVerify { file, key, checkpoint, place } = &**arguments;
            let report = match file.as_slice() {
                [] => verify_own(&existing(place)?, key.as_ref(), checkpoint),
                files => verify_export(files, key.as_ref().context("--file needs --key")?, checkpoint),
            };
            return said(report, as_json);
        }
        Journal::Export { from, place } => {
            let mut state = existing(place)?;
            state.sign_checkpoint(now(place.at))?;
            let signed = state.last_checkpoint()?;
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            let mut ended = false;
            state.journal(*from, |item| {
                // A lane at work has written more since, which the next export signs.
                if !ended {
                    ended = matches!(&item, Item::Checkpoint(note) if *note == signed);
                    writeln!(out, "{}", serde_json::to_string(&Line::from(item))?)?;
                }
                Ok(())
            })?;
            out.flush()?;
        }
        Journal::Key { place } => {
            let key = open(place)?.checkpoint_key()?.to_string();
            answer(as_json, &json!({ "key": key }), &key)?;
        }
        Journal::Checkpoint { place } => {
            let mut state = existing(place)?;
            state.sign_checkpoint(now(place.at))?;
            let note = state.last_checkpoint()?;
            answer(as_json, &json!({ "checkpoint": note }), &note)?;
        }
        Journal::Found { decision, reason, place } => {
            let mut state = existing(place)?;
            if !state.is_decision(*decision)? {
                bail!("row {decision} is not a decision, or it was shredded");
            }
            let entry = Entry::Found { decision: *decision, reason: *reason };
            let at = state.time(now(place.at));
            let row = state.record(&entry, at)?;
            answer(as_json, &json!({ "seq": row.seq }), &format!("row {}", row.seq))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what an audit found: exit status 1 where the journal was tampered with, 2 where it could not be read.
fn said(report: Result<Report>, as_json: bool) -> Result<ExitCode> {
    match report {
        Ok(Report { rows, shredded, unread, checkpoints, signed }) => {
            let json = json!({
                "intact": true, "rows": rows, "shredded": shredded, "unread": unread, "checkpoints": checkpoints, "signed": signed,
            });
            let text = format!(
                "✔ intact: {rows} rows, {shredded} of them shredded; {checkpoints} checkpoints, the last over {signed} rows"
            );
            answer(as_json, &json, &text)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            let Some(problem) = error.downcast_ref::<JournalError>() else { return Err(error) };
            let json = json!({ "intact": false, "problem": problem.to_string() });
            answer(as_json, &json, &format!("✘ not intact: {problem}"))?;
            Ok(ExitCode::from(1))
        }
    }
}

fn read_notes(paths: &[PathBuf]) -> Result<Vec<String>> {
    let read =
        |path: &PathBuf| std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()));
    paths.iter().map(read).collect()
}

fn verify_own(state: &State, key: Option<&CheckpointKey>, notes: &[PathBuf]) -> Result<Report> {
    let (own, notes) = (state.checkpoint_key()?, read_notes(notes)?);
    let mut audit = Audit::new(key.unwrap_or(&own), notes.iter().map(String::as_str))?;
    state.journal(0, |item| Ok(hand_in(&mut audit, &item)?))?;
    Ok(audit.finish()?)
}

fn verify_export(paths: &[PathBuf], key: &CheckpointKey, notes: &[PathBuf]) -> Result<Report> {
    let notes = read_notes(notes)?;
    let mut audit = Audit::new(key, notes.iter().map(String::as_str))?;
    for path in paths {
        let file = File::open(path).with_context(|| format!("reading {}", path.display()))?;
        for (number, line) in (1..).zip(BufReader::new(file).lines()) {
            let place = || format!("{}, line {number}", path.display());
            let line = line.with_context(place)?;
            if line.len() > MAX_LINE {
                bail!("{}: too long for a row", place());
            }
            let line: Line = serde_json::from_str(&line).with_context(place)?;
            hand_in(&mut audit, &line.try_into().with_context(place)?)?;
        }
    }
    Ok(audit.finish_export()?)
}

fn hand_in(audit: &mut Audit<'_>, item: &Item) -> Result<(), JournalError> {
    match item {
        Item::Row(row, body) => audit.row(row, body.as_deref()),
        Item::Checkpoint(note) => audit.checkpoint(note),
    }
}

/// A line of an export.
#[derive(Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Line {
    Row {
        seq: u64,
        at: Timestamp,
        prev: String,
        body_hash: String,
        hash: String,
        /// Hexadecimal; nothing where it was shredded.
        body: Option<String>,
        /// What the body says, for people; the body is what counts.
        #[serde(default)]
        says: Value,
    },
    Checkpoint {
        checkpoint: String,
    },
}

impl From<Item> for Line {
    fn from(item: Item) -> Self {
        match item {
            Item::Checkpoint(checkpoint) => Self::Checkpoint { checkpoint },
            Item::Row(Row { seq, at, prev, body_hash, hash }, body) => Self::Row {
                seq,
                at,
                prev: hex::encode(prev),
                body_hash: hex::encode(body_hash),
                hash: hex::encode(hash),
                says: body.as_deref().and_then(Entry::decode).as_ref().map_or(Value::Null, says),
                body: body.map(hex::encode),
            },
        }
    }
}

impl TryFrom<Line> for Item {
    type Error = anyhow::Error;

    fn try_from(line: Line) -> Result<Self> {
        let hash = |text: &str| -> Result<Hash> {
            let mut hash = [0; 32];
            hex::decode_to_slice(text, &mut hash).context("not a hash")?;
            Ok(hash)
        };
        Ok(match line {
            Line::Checkpoint { checkpoint } => Self::Checkpoint(checkpoint),
            Line::Row { seq, at, prev, body_hash, hash: own, body, says: _ } => {
                let row =
                    Row { seq, at, prev: hash(&prev)?, body_hash: hash(&body_hash)?, hash: hash(&own)? };
                Self::Row(row, body.map(hex::decode).transpose().context("a body is hexadecimal")?)
            }
        })
    }
}

fn says(entry: &Entry) -> Value {
    match entry {
        Entry::Started { version, purpose } => {
            json!({ "started": { "version": version, "purpose": purpose } })
        }
        Entry::Stopped => json!("stopped"),
        Entry::Imported { versions: [root, targets, timestamp] } => {
            json!({ "imported": { "root": root, "targets": targets, "timestamp": timestamp } })
        }
        Entry::Decided { purpose, reason, trust, face, took, memory } => json!({
            "decided": {
                "purpose": purpose, "reason": reason, "trust": trust, "face": face, "ms": took,
                "replay_scope": memory.map(Memory::as_str),
            },
        }),
        Entry::Found { decision, reason } => json!({ "found": { "decision": decision, "reason": reason } }),
        Entry::Passage { decision, passage } => {
            json!({ "passage": { "decision": decision, "passage": passage.as_str() } })
        }
        Entry::Forced => json!("forced"),
        Entry::Overridden { decision, admitted, reason, operator } => json!({
            "overridden": { "decision": decision, "admitted": admitted, "reason": reason, "operator": operator },
        }),
        Entry::Lane { open, operator } => json!({ "lane": { "open": open, "operator": operator } }),
        Entry::Fault { reason, mended } => json!({ "fault": { "reason": reason, "mended": mended } }),
        Entry::Shredded { before } => json!({ "shredded": { "before": before } }),
        other => json!(format!("{other:?}")),
    }
}
