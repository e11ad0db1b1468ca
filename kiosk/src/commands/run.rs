//! `kiosk run`: a lane at work. Outcomes go to standard output, one JSON line each.

use std::num::NonZeroU16;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::{now, print, state_folder};
use crate::camera;
use crate::cli::Run;
use crate::models;
use crate::notice;
use crate::runtime::Lane;
use crate::settings::Settings;
use crate::state::State;
use crate::ui::Terminal;

/// How long the bodies of the journal's rows are kept, in days, where the settings say nothing.
const JOURNAL_DAYS: u16 = 90;

pub fn run(arguments: &Run) -> Result<ExitCode> {
    let settings = Settings::read(arguments.config.as_deref())?;
    let clock = now(arguments.place.at);
    let purpose = arguments
        .purpose
        .clone()
        .or(settings.purpose)
        .context("which purpose? give --purpose, or purpose in --config")?;
    let mut cameras = settings.camera;
    cameras.code = arguments.camera.clone().or(cameras.code);
    let mut camera = camera::open(&cameras, Instant::now())?.code;
    let folder = arguments.place.state.clone().or(settings.state);
    let mut state = State::open(&state_folder(folder.as_deref())?)?;
    let trust = state.trust(clock)?;
    if trust.policy(&purpose).is_none() {
        bail!("the trust repository has no policy for {purpose}");
    }
    let days = settings.journal_days.map_or(JOURNAL_DAYS, NonZeroU16::get);
    // A clock that jumped ahead is no reason to shred what is new: the repository says that it is not so late.
    let today = clock.min(trust.expires());
    state.shred(today.plus(-i64::from(days) * 24 * 3600), clock)?;
    let keys = trust.sector_keys(&purpose, &state.machine_key()?);
    let models_folder = arguments.models.clone().or(settings.models);
    let false_match_rate = arguments.false_match_one_in.or(settings.false_match_one_in);
    let engine = match models::load(models_folder.as_deref()) {
        Ok(engine) => {
            let rate = false_match_rate.unwrap_or_default();
            let threshold = engine.threshold(engine.algorithm(), rate)?;
            let names = engine.models().join(", ");
            notice(&format!(
                "faces: {} models ({names}); {rate} strangers may match, score {threshold:.2}",
                engine.set()
            ));
            Some(engine)
        }
        Err(error) => {
            notice(&format!("faces cannot be compared, an officer has to: {error}"));
            None
        }
    };
    let language = arguments.lang;
    let mut record = |outcome: &crate::session::Outcome, at| {
        print(json!({
            "at": at, "decision": outcome.reason.answer(), "reason": outcome.reason, "message": outcome.reason.sentence(language),
            "action": outcome.reason.action(language),
            "claims": outcome.claims, "seal": outcome.seal, "face": outcome.face, "challenge_passed": outcome.challenge_passed,
            "ms": outcome.took,
        }))
    };
    let mut gate = || {
        notice("» gate: one pulse");
        Ok(())
    };
    let mut display = Terminal { language };
    let mut lane = Lane {
        purpose,
        trust,
        state,
        keys,
        questions: Vec::new(),
        engine,
        false_match_rate,
        start: clock,
        display: &mut display,
        record: &mut record,
        gate: &mut gate,
    };
    lane.run(camera.as_mut())?;
    Ok(ExitCode::SUCCESS)
}
