//! The gate of a lane: opened by one bounded pulse, watched by a contact, with a light and a beeper for what is going on.
//!
//! Every kind fails secure: what breaks leaves the gate shut. What a [`Gate`] reports is decided by [`passage`], which is
//! pure; the rest is wires.

mod announced;
mod gpio;
mod osdp;
mod passage;
mod pattern;
pub mod settings;
mod worker;

use std::fmt;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use self::settings::GateSettings;
pub use osdp::{COMMAND as OSDP_COMMAND, run as run_osdp};

/// Something that lets one person through.
pub trait Gate: Send {
    /// Opens once, for as long as the settings say. An error means that it was not opened, as far as can be known. It is a
    /// fault, and is told as one: by [`GateEvent::Fault`], and by [`GateEvent::Mended`] once it is over.
    fn open(&mut self) -> Result<()>;

    /// Shows and sounds a signal until the next one.
    fn signal(&mut self, signal: Signal);

    /// Returns what was reported since the last call, the oldest first. Never waits.
    fn events(&mut self) -> Vec<GateEvent>;

    /// Tells whether every opening is answered by [`GateEvent::Passed`] or [`GateEvent::NotPassed`].
    fn reports_passage(&self) -> bool;
}

/// What the light and the beeper at a gate say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// Nothing.
    Off,
    /// Wait, it is being worked on.
    Progress,
    /// Accepted: walk through.
    Success,
    /// Refused, or it could not be decided.
    Error,
    /// Somebody has to look here.
    Attention,
}

/// What a gate reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", content = "why", rename_all = "kebab-case")]
pub enum GateEvent {
    /// Somebody walked through after the gate was opened.
    Passed,
    /// The gate was opened, and nobody went in time.
    NotPassed,
    /// The gate stands open for too long.
    Held,
    /// The gate was opened, and neither we nor somebody who leaves did it.
    Forced,
    /// Somebody asks to leave.
    Exit,
    /// The gate cannot be worked with, and why. It is not opened before it is mended.
    Fault(String),
    /// The fault is over.
    Mended,
    /// A gate that was held or forced is shut again.
    Shut,
}

impl fmt::Display for GateEvent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            GateEvent::Passed => "passed",
            GateEvent::NotPassed => "not-passed",
            GateEvent::Held => "held",
            GateEvent::Forced => "forced",
            GateEvent::Exit => "exit",
            GateEvent::Fault(why) => return write!(out, "fault: {why}"),
            GateEvent::Mended => "mended",
            GateEvent::Shut => "shut",
        })
    }
}

/// Takes a gate into service: shut, and without a signal.
///
/// A device that is missing is no error here but the gate's first [`GateEvent::Fault`], so that a lane can show it.
///
/// # Errors
///
/// Settings that cannot be.
pub fn open(settings: &GateSettings) -> Result<Box<dyn Gate>> {
    settings.check()?;
    match settings {
        GateSettings::Announced(_) => Ok(Box::new(announced::Announced)),
        GateSettings::Gpio(settings) => Ok(Box::new(gpio::open(settings)?)),
        GateSettings::Osdp(settings) => Ok(Box::new(osdp::open_panel(settings)?)),
        GateSettings::OsdpReader(settings) => Ok(Box::new(osdp::open_reader(settings)?)),
    }
}
