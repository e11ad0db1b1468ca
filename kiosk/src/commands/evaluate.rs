//! `kiosk evaluate`: how often the face pipeline errs on a folder of people.

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result};

use super::answer;
use crate::cli::Evaluate;
use crate::{evaluate, models};

pub fn run(arguments: &Evaluate, as_json: bool) -> Result<ExitCode> {
    let engine = models::load(arguments.models.folder())?;
    let evaluation = evaluate::evaluate(&engine, &arguments.data, arguments.attacks.as_deref())?;
    let out = &arguments.out;
    fs::create_dir_all(out).with_context(|| format!("creating {}", out.display()))?;
    let (json, text) = (evaluate::json(&evaluation), evaluate::markdown(&evaluation));
    let write = |name: &str, text: String| {
        let path = out.join(name);
        fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
    };
    write("report.json", serde_json::to_string_pretty(&json)? + "\n")?;
    write("report.md", text.clone())?;
    evaluate::det_curve(&evaluation, &out.join("det.png"))?;
    answer(as_json, &json, text.trim_end())?;
    Ok(ExitCode::SUCCESS)
}
