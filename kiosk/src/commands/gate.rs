//! `kiosk gate`: the installer's and the service manager's hands on a gate that no lane uses.

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::print;
use crate::cli::{Gate as What, GateConfig};
use crate::gate::settings::GateSettings;
use crate::gate::{self, Gate, GateEvent, Signal};
use crate::settings::Settings;
use crate::watch::stop_flag;

/// How often the gate is asked what it reports.
const LOOK: Duration = Duration::from_millis(20);

/// How long a signal is shown while a gate is watched.
const SHOWN_FOR: Duration = Duration::from_secs(2);

/// How much later than its settings say a gate may tell how an opening ended.
const LATE: Duration = Duration::from_secs(2);

pub fn run(what: &What, as_json: bool) -> Result<ExitCode> {
    match what {
        What::Pulse { settings } => pulse(&read(settings)?, as_json),
        What::Watch { seconds, settings } => watch(&read(settings)?, *seconds, as_json),
        What::Off { settings } => off(&read(settings)?),
    }
}

fn read(GateConfig { config }: &GateConfig) -> Result<GateSettings> {
    Ok(Settings::read(Some(Path::new(config)))?.gate)
}

fn pulse(settings: &GateSettings, as_json: bool) -> Result<ExitCode> {
    // A signal must not end the program with the gate open.
    let stop = stop_flag()?;
    let mut gate = gate::open(settings)?;
    if let Some(why) = fault(gate.as_mut()) {
        bail!("{why}");
    }
    gate.open()?;
    gate.signal(Signal::Success);
    let tells = gate.reports_passage();
    let until =
        Instant::now() + settings.pulse() + if tells { settings.grace() + LATE } else { Duration::ZERO };
    loop {
        for event in gate.events() {
            tell(&event, as_json)?;
            match event {
                GateEvent::Passed => return Ok(ExitCode::SUCCESS),
                GateEvent::NotPassed => return Ok(ExitCode::FAILURE),
                GateEvent::Fault(why) => bail!("{why}"),
                _ => {}
            }
        }
        if stop.load(Ordering::Relaxed) {
            bail!("stopped before it was known how the opening ended");
        }
        if Instant::now() >= until {
            break;
        }
        thread::sleep(LOOK);
    }
    if tells {
        bail!("the gate does not tell how it ended");
    }
    Ok(ExitCode::SUCCESS)
}

fn watch(settings: &GateSettings, seconds: Option<u64>, as_json: bool) -> Result<ExitCode> {
    let stop = stop_flag()?;
    let mut gate = gate::open(settings)?;
    let began = Instant::now();
    let mut signals =
        [Signal::Progress, Signal::Success, Signal::Error, Signal::Attention, Signal::Off].iter();
    let mut shown = 0;
    let over = || seconds.is_some_and(|seconds| began.elapsed() >= Duration::from_secs(seconds));
    while !over() && !stop.load(Ordering::Relaxed) {
        if began.elapsed() >= SHOWN_FOR * shown
            && let Some(signal) = signals.next()
        {
            shown += 1;
            gate.signal(*signal);
        }
        for event in gate.events() {
            tell(&event, as_json)?;
        }
        thread::sleep(LOOK);
    }
    Ok(ExitCode::SUCCESS)
}

fn off(settings: &GateSettings) -> Result<ExitCode> {
    // To take it into service and to give it up both leave it shut.
    let mut gate = gate::open(settings)?;
    match fault(gate.as_mut()) {
        Some(why) => bail!("{why}"),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Returns what is wrong with a gate that was just taken into service.
fn fault(gate: &mut dyn Gate) -> Option<String> {
    gate.events().into_iter().find_map(|event| match event {
        GateEvent::Fault(why) => Some(why),
        _ => None,
    })
}

fn tell(event: &GateEvent, as_json: bool) -> Result<()> {
    if as_json { print(serde_json::to_string(event)?) } else { print(event) }
}
