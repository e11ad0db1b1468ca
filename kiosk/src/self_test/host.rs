//! The process and the machine that it runs on.

use super::{Machine, Report};
use crate::process::{self, Swap};
use crate::state::State;
use shared::time::Timestamp;
use shared::trust::ClockState;

/// A clock that says it is before this program was written (2026-11-01) has lost its battery.
const WRITTEN: i64 = 1_793_491_200;

pub(super) fn settings(machine: &Machine<'_>, report: &mut Report) {
    match &machine.settings.lane {
        Some(lane) => report.ok("settings", format!("This is {lane}.")),
        None => report.ok("settings", "The lane has no name."),
    }
}

pub(super) fn process(_: &Machine<'_>, report: &mut Report) {
    if process::dumps_no_core() {
        report.ok("core dumps", "A crash writes no memory to the disk.");
    } else {
        report.fail(
            "core dumps",
            "A crash would write memory to the disk.",
            "Start the kiosk from its systemd unit.",
        );
    }
}

pub(super) fn swap(_: &Machine<'_>, report: &mut Report) {
    let remedy = "Start the kiosk from its systemd unit (MemorySwapMax=0), or switch swapping off.";
    match process::swap() {
        Swap::None => report.ok("swap", "No memory goes to a disk."),
        Swap::Disk => report.warn("swap", "Memory may go to a swap disk.", remedy),
        Swap::Unknown => report.warn("swap", "Whether memory goes to a swap disk cannot be seen.", remedy),
    }
}

/// Plain checks: what the clock says against what was signed.
pub(super) fn clock(machine: &Machine<'_>, report: &mut Report) {
    let remedy = "Set the clock, or let it follow a time server or a radio clock.";
    if machine.now < Timestamp::from_unix(WRITTEN).expect("2026 is in range") {
        return report.fail("clock", format!("It is {} by the clock, which cannot be.", machine.now), remedy);
    }
    let store = super::storage::open(machine).and_then(|state: State| state.trust(machine.now));
    match store.map(|store| store.floor().check(machine.now)) {
        Ok(ClockState::Tampered) => report.fail(
            "clock",
            format!("It is {} by the clock, before the trust repository was signed.", machine.now),
            remedy,
        ),
        Ok(ClockState::Plausible(_)) => {
            report.ok("clock", format!("{}, after what was signed last.", machine.now))
        }
        Err(_) => {
            report.ok("clock", format!("{}; there is nothing signed to hold it against yet.", machine.now))
        }
    }
}
