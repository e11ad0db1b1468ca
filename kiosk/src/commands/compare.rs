//! `kiosk compare`: two pictures of a face, without a credential.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;
use shared::face::{Decision, FaceError};
use shared::reason::Answer;

use super::{answer, exit, picture};
use crate::cli::Compare;
use crate::decide::face_reason;
use crate::models;

pub fn run(arguments: &Compare, as_json: bool) -> Result<ExitCode> {
    let engine = models::load(arguments.models.folder())?;
    let (reference, probe) = (picture(&arguments.reference)?, picture(&arguments.probe)?);
    let unanswered = |which: &str, error: &FaceError| {
        let reason = face_reason(error);
        let json = json!({ "decision": "unanswered", "reason": reason, "picture": which, "message": error.to_string(), "issues": issues(error) });
        answer(as_json, &json, &format!("? unanswered  {reason}\n  {which}: {error}"))
            .map(|()| exit(Answer::Unanswered))
    };
    let template = match engine.enrol(&reference) {
        Ok(template) => template,
        Err(error) => return unanswered("reference", &error),
    };
    let probe = match engine.capture(&probe, template.algorithm()) {
        Ok(probe) => probe,
        Err(error) => return unanswered("probe", &error),
    };
    let comparison = engine.compare(&template, &probe, arguments.false_match_one_in)?;
    let matched = comparison.decision == Decision::Match;
    let json = json!({
        "decision": comparison.decision, "score": comparison.score, "threshold": comparison.threshold,
        "false_match_one_in": comparison.false_match_one_in, "model_set": engine.set(),
        "quality": probe.quality, "attack_score": probe.bona_fide, "looks_like_attack": probe.looks_like_attack,
        "algorithm": engine.algorithm().as_str(), "models": engine.models(),
    });
    let text = format!(
        "{} {}  score {:.3}, threshold {:.2} ({}), attack score {:.2}{}; {} models",
        if matched { "✔" } else { "✘" },
        if matched { "match" } else { "non-match" },
        comparison.score,
        comparison.threshold,
        comparison.false_match_one_in,
        probe.bona_fide,
        if probe.looks_like_attack { " (looks like a picture or a screen)" } else { "" },
        engine.set(),
    );
    answer(as_json, &json, &text)?;
    Ok(exit(if matched { Answer::Accepted } else { Answer::Refused }))
}

fn issues(error: &FaceError) -> serde_json::Value {
    match error {
        FaceError::Quality { quality, issues } => json!({ "issues": issues, "quality": quality }),
        _ => serde_json::Value::Null,
    }
}
