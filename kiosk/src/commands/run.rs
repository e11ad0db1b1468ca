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
use crate::self_test::{Grade, Machine};
use crate::settings::Settings;
use crate::state::State;
use crate::ui::Terminal;
use crate::watch::{self, Watch, Watched};

/// How long the bodies of the journal's rows are kept, in days, where the settings say nothing.
const JOURNAL_DAYS: u16 = 90;

pub fn run(arguments: &Run) -> Result<ExitCode> {
    let settings = Settings::read(arguments.config.as_deref())?;
    let clock = now(arguments.place.at);
    let purpose = arguments
        .purpose
        .clone()
        .or_else(|| settings.purpose.clone())
        .context("which purpose? give --purpose, or purpose in --config")?;
    let camera = arguments
        .camera
        .clone()
        .or_else(|| settings.camera.clone())
        .context("which camera? give --camera replay:DIR, or camera in --config")?;
    let stop = watch::stop_flag()?;
    let mut watch = Watch::from_environment()?;
    watch.status("testing itself");
    let folder = state_folder(arguments.place.state.as_deref().or(settings.state.as_deref()))?;
    let engine = models::load(arguments.models.as_deref().or(settings.models.as_deref()));
    let machine = Machine {
        settings: &settings,
        purpose: Some(&purpose),
        camera: Some(&camera),
        folder: &folder,
        engine: &engine,
        now: clock,
    };
    test(&machine, &mut watch)?;
    let mut camera = open_camera(&camera)?;
    let mut state = State::open(&folder)?;
    let trust = state.trust(clock)?;
    if trust.policy(&purpose).is_none() {
        bail!("the trust repository has no policy for {purpose}");
    }
    let days = settings.journal_days.map_or(JOURNAL_DAYS, NonZeroU16::get);
    // A clock that jumped ahead is no reason to shred what is new: the repository says that it is not so late.
    let today = clock.min(trust.expires());
    state.shred(today.plus(-i64::from(days) * 24 * 3600), clock)?;
    let keys = trust.sector_keys(&purpose, &state.machine_key()?);
    let false_match_rate = arguments.false_match_one_in.or(settings.false_match_one_in);
    let engine = match engine {
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
    watch.ready();
    let ended = lane.run(&mut Watched::new(camera.as_mut(), &mut watch, stop));
    watch.stopping();
    ended?;
    Ok(ExitCode::SUCCESS)
}

/// Tests the machine, and says what is not as it should be. A lane does not start with what it must not work with.
fn test(machine: &Machine<'_>, watch: &mut Watch) -> Result<()> {
    let report = machine.check();
    for check in report.checks().iter().filter(|check| check.state != Grade::Ok) {
        let remedy = check.remedy.as_deref().unwrap_or_default();
        notice(&format!("self-test: {}: {} {remedy}", check.check, check.says));
    }
    if let Some(failed) = report.stopper() {
        watch.status(&format!("the self-test failed: {}", failed.check));
        bail!("the self-test failed: {}: {}", failed.check, failed.says);
    }
    Ok(())
}

/// Opens the camera of a name.
pub(crate) fn open_camera(name: &str) -> Result<Box<dyn Camera>> {
    match name.split_once(':') {
        Some(("replay", folder)) => Ok(Box::new(Replay::open(Path::new(folder))?)),
        _ => bail!("{name} is not a camera; replay:DIR plays the pictures of a folder"),
    }
}
