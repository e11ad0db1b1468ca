//! What the kiosk keeps on the disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use anyhow::{Result, bail};
use shared::journal::{Audit, JournalError};

use super::{Machine, Report};
use crate::state::{FILE, Item, Keeping, State};

/// Free space below which somebody should look, and below which a lane should not start, in bytes. A guess: a visit
/// takes less than a kilobyte.
const LITTLE: u64 = 256 << 20;
const TOO_LITTLE: u64 = 16 << 20;

/// Mode bits that let others than the owner in.
const OTHERS: u32 = 0o077;

/// The first release of SQLite without the bug that damaged databases in WAL mode.
const SOUND_SQLITE: i32 = 3_051_003;

const NOT_THERE: &str =
    "Provision this kiosk: `kiosk provision`, or `kiosk trust import REPO --root ROOT.json`.";

/// Opens the state if there is any: to look is not to make.
pub(super) fn open(machine: &Machine<'_>) -> Result<State> {
    if !machine.folder.join(FILE).exists() {
        bail!("{} holds no kiosk's state yet", machine.folder.display());
    }
    State::open(machine.folder)
}

pub(super) fn folder(machine: &Machine<'_>, report: &mut Report) {
    let (name, folder) = ("state folder", machine.folder.display());
    let Ok(metadata) = fs::metadata(machine.folder) else {
        return report.stop(name, format!("Not ready: {folder} is not there."), NOT_THERE);
    };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & OTHERS != 0 {
        let remedy = format!("chmod 700 {folder}");
        return report.fail(name, format!("Others can look into {folder} (mode {mode:o})."), remedy);
    }
    match rustix::fs::statvfs(machine.folder) {
        Ok(space) => {
            let free = space.f_bavail.saturating_mul(space.f_frsize);
            let says = format!("{folder}, mode {mode:o}, {} MiB free.", free >> 20);
            let remedy = "Make room: a lane that cannot write opens no gate.";
            match free {
                0..TOO_LITTLE => report.stop(name, says, remedy),
                TOO_LITTLE..LITTLE => report.warn(name, says, remedy),
                _ => report.ok(name, says),
            }
        }
        Err(error) => report.fail(name, format!("{folder} cannot be looked at: {error}."), "Mend the disk."),
    }
}

pub(super) fn database(machine: &Machine<'_>, report: &mut Report) {
    let (name, version) = ("database", rusqlite::version());
    if rusqlite::version_number() < SOUND_SQLITE {
        let remedy = "Build the program with its bundled SQLite.";
        return report.stop(name, format!("SQLite {version} is known to damage databases."), remedy);
    }
    let remedy = "Look at the disk. Without a sound database provision anew, in a new state folder.";
    match open(machine).and_then(|state| state.integrity()) {
        Ok(true) => report.ok(name, format!("Sound, by SQLite {version}.")),
        Ok(false) => report.stop(name, "The database is damaged.", remedy),
        Err(_) if !machine.folder.join(FILE).exists() => {
            report.stop(name, "Not ready: there is none yet.", NOT_THERE);
        }
        Err(error) => report.stop(name, format!("It does not open: {error:#}."), remedy),
    }
}

pub(super) fn keys(machine: &Machine<'_>, report: &mut Report) {
    let name = "own keys";
    let Ok(state) = open(machine) else { return };
    let usable = state.machine_key().map(|_| ()).and_then(|()| state.checkpoint_key().map(|_| ()));
    if let Err(error) = usable {
        let remedy = "Start the kiosk from its systemd unit; docs/kiosk/service.md says more.";
        return report.stop(name, format!("They cannot be used: {error:#}."), remedy);
    }
    match state.keeping() {
        Ok(Keeping::Sealed) => report.ok(name, "Sealed: of no use on another machine."),
        _ => report.warn(
            name,
            "They lie on the disk in the clear, for the kiosk's user alone.",
            "Give the service the credential kiosk-seal, as docs/kiosk/service.md says.",
        ),
    }
}

pub(super) fn journal(machine: &Machine<'_>, report: &mut Report) {
    let name = "journal";
    let Ok(state) = open(machine) else { return };
    let audit = || -> Result<_> {
        let key = state.checkpoint_key()?;
        let mut audit = Audit::new(&key, std::iter::empty())?;
        state.journal(0, |item| {
            match &item {
                Item::Row(row, body) => audit.row(row, body.as_deref()),
                Item::Checkpoint(note) => audit.checkpoint(note),
            }?;
            Ok(())
        })?;
        Ok(audit.finish()?)
    };
    match audit() {
        Ok(found) => report.ok(name, format!("Intact; rows: {}, shredded: {}.", found.rows, found.shredded)),
        Err(error) if error.is::<JournalError>() => report.fail(
            name,
            format!("Not intact: {error}."),
            "Keep the state folder for the auditors, and provision a new one.",
        ),
        Err(error) => {
            report.fail(name, format!("It cannot be read: {error:#}."), "See the check of the database.")
        }
    }
}
