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

/// How large a database is read whole before a lane starts, in bytes, and how long a journal, in rows. A guess: some seconds
/// on a slow memory card.
const READ_AT_START: u64 = 64 << 20;
const ROWS_AT_START: u64 = 20_000;

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

pub(super) fn database_at_start(machine: &Machine<'_>, report: &mut Report) {
    match fs::metadata(machine.folder.join(FILE)) {
        Ok(file) if file.len() > READ_AT_START => {
            let says = format!("{} MiB, not read before the start: `kiosk doctor` does.", file.len() >> 20);
            report.ok("database", says);
        }
        _ => database(machine, report),
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

/// A long journal is followed from its last checkpoint on, as before every row.
pub(super) fn journal_at_start(machine: &Machine<'_>, report: &mut Report) {
    let Ok(state) = open(machine) else { return };
    match state.check_end() {
        Ok((rows, _)) if rows <= ROWS_AT_START => journal(machine, report),
        Ok((rows, read)) => report.ok(
            "journal",
            format!("{rows} rows; the {read} since the last checkpoint are intact. `kiosk journal verify` reads all."),
        ),
        Err(error) => not_intact(&error, report),
    }
}

pub(super) fn journal(machine: &Machine<'_>, report: &mut Report) {
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
        Ok(found) => {
            report.ok("journal", format!("Intact; rows: {}, shredded: {}.", found.rows, found.shredded));
        }
        Err(error) => not_intact(&error, report),
    }
}

fn not_intact(error: &anyhow::Error, report: &mut Report) {
    match error.downcast_ref::<JournalError>() {
        Some(problem) => report.fail(
            "journal",
            format!("Not intact: {problem}."),
            "Keep the state folder for the auditors, and provision a new one.",
        ),
        None => {
            report.fail("journal", format!("It cannot be read: {error:#}."), "See the check of the database.")
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use shared::journal::Chain;

    use super::*;
    use crate::settings::Settings;
    use shared::time::Timestamp;

    /// Damage in the first row: a start does not get that far back, and whoever asks for everything does.
    #[test]
    fn a_start_reads_the_end_of_a_long_journal_and_a_self_test_all_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::from_unix(1_800_000_000).unwrap();
        let rows = |count: u64| {
            let mut state = State::open(folder.path()).unwrap();
            let connection = Connection::open(folder.path().join(FILE)).unwrap();
            connection.execute_batch("DELETE FROM journal; DELETE FROM checkpoint; BEGIN").unwrap();
            let mut chain = Chain::default();
            for _ in 0..count {
                let row = chain.append(now, b"body");
                let columns =
                    rusqlite::params![row.seq, now.as_unix(), row.prev, row.body_hash, row.hash, b"body"];
                connection.execute("INSERT INTO journal VALUES (?1, ?2, ?3, ?4, ?5, ?6)", columns).unwrap();
            }
            connection.execute_batch("COMMIT").unwrap();
            state.sign_checkpoint(now).unwrap();
            connection.execute("UPDATE journal SET at = at + 1 WHERE seq = 0", []).unwrap();
        };
        let settings = Settings::default();
        let machine = Machine {
            settings: &settings,
            purpose: None,
            camera: None,
            folder: folder.path(),
            engine: None,
            now,
        };
        let found = |report: Report| {
            let check = report.checks().iter().find(|check| check.check == "journal").unwrap();
            check.says.clone()
        };
        rows(ROWS_AT_START);
        assert_eq!(found(machine.check_at_start()), "Not intact: row 0 does not continue the chain.");
        rows(ROWS_AT_START + 1);
        let started = found(machine.check_at_start());
        assert!(started.starts_with("20001 rows; the 0 since the last checkpoint are intact."), "{started}");
        assert_eq!(found(machine.check_at_work()), "Not intact: row 0 does not continue the chain.");
    }
}
