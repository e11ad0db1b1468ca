//! What the kiosk and its OSDP process say to each other: JSON, one object a line.

use serde::{Deserialize, Serialize};

use crate::gate::Signal;
use crate::gate::settings::{PanelSettings, ReaderSettings};

/// The longest line that either says, in bytes.
pub const MOST: usize = 4096;

/// The first line: what to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The panel, with one device that has the gate.
    Panel(PanelSettings),
    /// A reader of somebody else's panel.
    Reader(ReaderSettings),
}

/// Every other line: what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// Open once.
    Open,
    /// End the pulse.
    Shut,
    /// Show a signal.
    Signal(Signal),
}

/// What the process reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// It is at work, said often.
    Alive,
    /// The other side answers, in the secure channel.
    Up,
    /// It does not, and why.
    Down(String),
    /// The contact says that the gate is open, or shut.
    Contact(bool),
    /// Somebody asks to leave.
    Exit,
    /// The device was opened by somebody with a screwdriver, or is closed again.
    Tamper(bool),
    /// A [`Command::Open`] was carried out.
    Opened,
    /// A [`Command::Open`] was not carried out, and never will be.
    NotOpened(String),
}
