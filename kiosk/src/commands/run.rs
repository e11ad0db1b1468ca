//! `kiosk run`: a lane at work. Outcomes go to standard output, one JSON line each.

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;
use shared::credential::Attributes;
use shared::face::FaceEngine;
use shared::reason::{Language, Reason};
use shared::seal::Seal;
use shared::time::Timestamp;
use shared::trust::FalseMatchRate;

use super::{now, print, state_folder};
use crate::camera::{self, Cameras, Feed};
use crate::cli::Run;
use crate::clock::Clock;
use crate::operator::{self, Board, LaneState, Metrics, Trust};
use crate::runtime::{Lane, Neighbors, Source, Time};
use crate::scanner::Scanners;
use crate::self_test::{Grade, Machine};
use crate::session::{Outcome, Screen, Surroundings};
use crate::settings::Settings;
use crate::site::{ReplayScope, Site};
use crate::state::State;
use crate::ui::{Display, Terminal};
use crate::watch::{self, Watch};
use crate::{gate, models, notice};

/// How often a lane that has nothing to believe looks whether that has changed.
const LOOK_AROUND: Duration = Duration::from_secs(1);

pub fn run(arguments: &Run) -> Result<ExitCode> {
    let mut settings = Settings::read(arguments.config.as_deref())?;
    let purpose = arguments
        .purpose
        .clone()
        .or_else(|| settings.purpose.clone())
        .context("which purpose? give --purpose, or purpose in --config")?;
    settings.camera.code = arguments.camera.clone().or(settings.camera.code);
    let folder = state_folder(arguments.place.state.as_deref().or(settings.state.as_deref()))?;
    let stop = watch::stop_flag()?;
    let mut watch = Watch::from_environment()?;
    let board = Board::default();
    board.update(|status| status.lane = settings.lane.clone().unwrap_or_default());
    let metrics = Metrics::new(&board);
    let page = operator::serve(&settings.operator, &folder, &board, &metrics)?;
    let language = arguments.lang;
    let mut display = display(settings.screen.socket.as_deref(), language)?;
    if page.page.is_some() || settings.screen.socket.is_some() {
        let somebody =
            Waiting { folder: &folder, board: &board, display: display.as_mut(), watch: &mut watch };
        if !somebody.for_something_to_believe(arguments.place.at, &stop)? {
            return Ok(ExitCode::SUCCESS);
        }
    }
    let clock = now(arguments.place.at);
    watch.status("testing itself");
    let engine = models::load(arguments.models.folder().or(settings.models.as_deref()));
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
    let state = State::open(&folder)?;
    let trust = state.trust(clock)?;
    if trust.policy(&purpose).is_none() {
        bail!("the trust repository has no policy for {purpose}");
    }
    let keys = trust.sector_keys(&purpose, &state.machine_key()?);
    let false_match_rate = arguments.false_match_one_in.or(settings.false_match_one_in);
    let engine = match engine {
        Ok(engine) => Some(describe(engine, false_match_rate.unwrap_or_default())?),
        Err(error) => {
            notice(&format!("faces cannot be compared, an officer has to: {error}"));
            None
        }
    };
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
    let recorded = code.is_recorded();
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
        record: &mut |outcome, at, row, replay| hand_out(outcome, at, row, replay, language),
    };
    lane.shred()?;
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

/// A lane that cannot start yet, and whom it tells.
struct Waiting<'a> {
    folder: &'a Path,
    board: &'a Board,
    display: &'a mut dyn Display,
    watch: &'a mut Watch,
}

impl Waiting<'_> {
    /// Says that the lane is not ready, or that its repository is invalid, until another process has imported one. Returns
    /// whether one is there; the lane may be asked to stop before that.
    fn for_something_to_believe(self, at: Option<Timestamp>, stop: &AtomicBool) -> Result<bool> {
        let state = State::open(self.folder)?;
        let mut shown = None;
        while !stop.load(Ordering::Relaxed) {
            let clock = at.unwrap_or_else(|| now(None));
            let (reason, trust) = match state.root()? {
                None => (Reason::TrustMissing, Trust::NotReady),
                Some(_) if state.trust(clock).is_err() => (Reason::TrustInvalid, Trust::Invalid),
                Some(_) => return Ok(true),
            };
            if shown.replace(reason) != Some(reason) {
                self.display.show(&Screen::OutOfService(reason));
                self.watch.status(&format!("out of service: {reason}"));
                // It is up, and shows that it is not ready.
                self.watch.ready();
            }
            self.board.update(|status| {
                (status.at, status.trust) = (clock, trust);
                status.enter(LaneState::OutOfService { reason, closed_by: None });
            });
            self.display.alive();
            self.watch.frame();
            thread::sleep(LOOK_AROUND);
        }
        Ok(false)
    }
}

/// Tests the machine, and says what is not as it should be. A lane does not start with what it must not work with.
fn test(machine: &Machine<'_>, watch: &mut Watch) -> Result<()> {
    let report = machine.check_at_start();
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
fn hand_out(
    outcome: &Outcome,
    at: Timestamp,
    row: u64,
    replay: Option<ReplayScope>,
    language: Language,
) -> Result<()> {
    let seal = outcome.seal.clone().map(|seal| Seal { attributes: Attributes::default(), ..seal });
    print(json!({
        "at": at, "row": row, "decision": outcome.reason.answer(), "reason": outcome.reason,
        "message": outcome.reason.sentence(language), "action": outcome.reason.action(language),
        "seal": seal, "face": outcome.face, "challenge_passed": outcome.challenge_passed,
        "replay_scope": replay, "ms": outcome.took,
    }))
}
