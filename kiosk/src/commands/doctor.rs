//! `kiosk doctor`: is this machine fit to be a lane, and if not, what is to be done?

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use super::{answer, now, state_folder};
use crate::cli::Doctor;
use crate::models;
use crate::self_test::{Grade, Machine};
use crate::settings::Settings;

pub fn run(arguments: &Doctor, as_json: bool) -> Result<ExitCode> {
    let settings = Settings::read(arguments.config.as_deref())?;
    let folder = arguments.place.state.as_deref().or(settings.state.as_deref());
    let engine = models::load(arguments.models.folder().or(settings.models.as_deref()));
    let report = Machine {
        purpose: settings.purpose.as_ref(),
        camera: Some(&settings.camera),
        folder: &state_folder(folder)?,
        engine: Some(&engine),
        now: now(arguments.place.at),
        settings: &settings,
    }
    .check();
    let json = json!({ "state": report.worst(), "checks": report.checks() });
    answer(as_json, &json, &report.to_text())?;
    Ok(match report.worst() {
        Grade::Ok | Grade::Warning => ExitCode::SUCCESS,
        Grade::Failure => ExitCode::from(1),
    })
}
