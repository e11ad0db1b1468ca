//! `kiosk run`: a lane at work. Outcomes go to standard output, one JSON line each.

use std::num::NonZeroU16;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::json;
use shared::credential::Attributes;
use shared::face::FaceEngine;
use shared::reason::Language;
use shared::seal::Seal;
use shared::time::Timestamp;
use shared::trust::{FalseMatchRate, TrustStore};

use super::{now, print, state_folder};
use crate::camera::{self, Cameras, Feed};
use crate::cli::Run;
use crate::clock::Clock;
use crate::operator::{self, Board, Metrics};
use crate::runtime::{Lane, Neighbors, Source, Time};
use crate::scanner::Scanners;
use crate::self_test::{Grade, Machine};
use crate::session::{Outcome, Surroundings};
use crate::settings::Settings;
use crate::site::Site;
use crate::state::State;
use crate::ui::{Display, Terminal};
use crate::watch::{self, Watch};
use crate::{gate, models, notice};

/// How long the bodies of the journal's rows are kept, in days, where the settings say nothing.
const JOURNAL_DAYS: u16 = 90;

pub fn run(arguments: &Run) -> Result<ExitCode> {
    let mut settings = Settings::read(arguments.config.as_deref())?;
    let clock = now(arguments.place.at);
    let purpose = arguments
        .purpose
        .clone()
        .or_else(|| settings.purpose.clone())
        .context("which purpose? give --purpose, or purpose in --config")?;
    settings.camera.code = arguments.camera.clone().or(settings.camera.code);
    let folder = state_folder(arguments.place.state.as_deref().or(settings.state.as_deref()))?;
    let stop = watch::stop_flag()?;
    let mut watch = Watch::from_environment()?;
    watch.status("testing itself");
    let engine = models::load(arguments.models.as_deref().or(settings.models.as_deref()));
    let machine = Machine {
        settings: &settings,
        purpose: Some(&purpose),
        camera: Some(&settings.camera),
        folder: &folder,
        engine: Some(&engine),
        now: clock,
    };
    test(&machine, &mut watch)?;
    let started = Instant::now();
    let Cameras { mut code, face } = camera::open(&settings.camera, started)?;
    let mut state = State::open(&folder)?;
    let trust = state.trust(clock)?;
    if trust.policy(&purpose).is_none() {
        bail!("the trust repository has no policy for {purpose}");
    }
    shred(&mut state, settings.journal_days, &trust, clock)?;
    let keys = trust.sector_keys(&purpose, &state.machine_key()?);
    let false_match_rate = arguments.false_match_one_in.or(settings.false_match_one_in);
    let engine = match engine {
        Ok(engine) => Some(describe(engine, false_match_rate.unwrap_or_default())?),
        Err(error) => {
            notice(&format!("faces cannot be compared, an officer has to: {error}"));
            None
        }
    };
    let board = Board::default();
    let metrics = Metrics::new(&board);
    let page = operator::serve(&settings.operator, &folder, &board, &metrics)?;
    for (what, address) in [("the operator page", page.page), ("metrics", page.metrics)] {
        if let Some(address) = address {
            notice(&format!("{what}: http://{address}"));
        }
    }
    let mut gate = gate::open(&settings.gate)?;
    let surroundings = Surroundings { passage: gate.reports_passage(), attended: page.page.is_some() };
    let scanners = match settings.scanner.is_empty() {
        true => None,
        false => Some(Scanners::start(&settings.scanner)?),
    };
    let neighbors = Neighbors::start(&settings, &folder, &state.machine_key()?.id().to_string())?;
    if settings.accounts.is_some() && trust.kiosk().is_none() {
        notice(
            "no account is found for anybody: the agency has not said whose kiosk this is (`issuer kiosk add`)",
        );
    }
    let language = arguments.lang;
    let mut display = display(settings.screen.socket.as_deref(), language)?;
    let recorded = code.is_recorded();
    board.update(|status| status.lane = settings.lane.clone().unwrap_or_default());
    let mut lane = Lane {
        folder,
        watch,
        settings: settings.clone(),
        purpose,
        trust,
        state,
        keys,
        engine,
        false_match_rate,
        time: match (recorded, arguments.place.at) {
            (false, None) => Time::System(Clock::new(&settings.clock)),
            _ => Time::From(clock),
        },
        surroundings,
        scanners,
        neighbors,
        site: settings.site.as_ref().map(Site::open).transpose()?,
        display: display.as_mut(),
        gate: gate.as_mut(),
        board,
        metrics,
        record: &mut |outcome, at, row| hand_out(outcome, at, row, language),
    };
    lane.watch.ready();
    let source = match recorded {
        true => Source::Recorded(code.as_mut()),
        false => Source::Live(
            Feed::start("camera", code)?,
            face.map(|face| Feed::start("face camera", face)).transpose()?,
        ),
    };
    let ended = lane.run(source, started, &stop);
    lane.watch.stopping();
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

/// What the lane shows itself on: the screen that connects to the socket, or the terminal.
fn display(socket: Option<&Path>, language: Language) -> Result<Box<dyn Display>> {
    let Some(socket) = socket else { return Ok(Box::new(Terminal { language })) };
    #[cfg(feature = "screen")]
    return Ok(Box::new(crate::screen::Link::listen(socket)?));
    #[cfg(not(feature = "screen"))]
    bail!("{}: this program was built without a screen", socket.display());
}

/// Shreds what of the journal is older than it may be.
fn shred(state: &mut State, days: Option<NonZeroU16>, trust: &TrustStore, clock: Timestamp) -> Result<()> {
    let days = days.map_or(JOURNAL_DAYS, NonZeroU16::get);
    // A clock that jumped ahead is no reason to shred what is new: the repository says that it is not so late.
    let today = clock.min(trust.expires());
    state.shred(today.plus(-i64::from(days) * 24 * 3600), clock)?;
    Ok(())
}

fn describe(engine: FaceEngine, rate: FalseMatchRate) -> Result<FaceEngine> {
    let threshold = engine.threshold(engine.algorithm(), rate)?;
    let names = engine.models().join(", ");
    notice(&format!(
        "faces: {} models ({names}); {rate} strangers may match, score {threshold:.2}",
        engine.set()
    ));
    Ok(engine)
}

/// Prints how a visit ended. Nothing of the visitor: what is printed ends in logs.
fn hand_out(outcome: &Outcome, at: Timestamp, row: u64, language: Language) -> Result<()> {
    let seal = outcome.seal.clone().map(|seal| Seal { attributes: Attributes::default(), ..seal });
    print(json!({
        "at": at, "row": row, "decision": outcome.reason.answer(), "reason": outcome.reason,
        "message": outcome.reason.sentence(language), "action": outcome.reason.action(language),
        "seal": seal, "face": outcome.face, "challenge_passed": outcome.challenge_passed, "ms": outcome.took,
    }))
}
