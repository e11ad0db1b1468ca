//! `kiosk config`: the settings of a lane, before it is started with them.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use serde_json::{Value, json};

use super::answer;
use crate::settings::{ClockSettings, Settings};

/// Prints what a lane with this file would work with. A key that nobody knows, and a value that cannot be, are errors.
pub fn check(file: &Path, as_json: bool) -> Result<ExitCode> {
    let Settings {
        purpose,
        camera,
        state,
        models,
        journal_days,
        false_match_one_in,
        gate,
        site,
        clock,
        scanner,
        lane,
        repository,
        operator,
        accounts,
        events,
        screen,
    } = Settings::read(Some(file))?;
    let settings = [
        ("lane", lane.map(|lane| json!(lane)), "without a name"),
        ("purpose", purpose.map(|purpose| json!(purpose)), "--purpose has to say it"),
        ("camera", camera.code.map(|camera| json!(camera.to_string())), "--camera has to say it"),
        ("face_camera", camera.face.map(|camera| json!(camera.to_string())), "the same"),
        (
            "scanner",
            (!scanner.is_empty()).then(|| json!(scanner.iter().map(ToString::to_string).collect::<Vec<_>>())),
            "none",
        ),
        ("repository", repository.map(|folder| json!(folder)), "`kiosk trust import` has to say it"),
        ("state", state.map(|state| json!(state)), "gatepass/kiosk in the user's data folder"),
        ("models", models.map(|models| json!(models)), "the installed ones, else the built-in ones"),
        ("journal_days", journal_days.map(|days| json!(days)), "90"),
        ("false_match_one_in", false_match_one_in.map(|rate| json!(rate)), "what the policy says"),
        ("gate", Some(json!(gate)), ""),
        ("site", site.map(|site| json!(site)), "the only lane of its site"),
        ("clock", (clock != ClockSettings::default()).then(|| json!(clock)), "15 s at most, nobody vouches"),
        ("operator.listen", operator.listen.map(|address| json!(address)), "there is no page"),
        (
            "operator.hosts",
            Some(json!(operator.hosts)).filter(|_| !operator.hosts.is_empty()),
            "loopback names alone",
        ),
        ("operator.metrics", operator.metrics.map(|address| json!(address)), "nowhere"),
        ("accounts", accounts.map(|accounts| json!(accounts)), "nobody is known again"),
        ("events", events.map(|events| json!(events)), "nobody else hears of visits"),
        ("screen.socket", screen.socket.map(|socket| json!(socket)), "none: standard error"),
    ];
    let lines: Vec<_> = settings
        .iter()
        .map(|(name, value, default)| match value {
            Some(Value::String(text)) => format!("{name:<19} {text}"),
            Some(value) => format!("{name:<19} {value}"),
            None => format!("{name:<19} (default) {default}"),
        })
        .collect();
    let json: serde_json::Map<_, _> = settings
        .into_iter()
        .map(|(name, value, _)| (name.to_owned(), value.unwrap_or(Value::Null)))
        .collect();
    answer(as_json, &Value::Object(json), &lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}
