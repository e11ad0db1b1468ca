//! Power cuts while a kiosk works: what it acknowledged is there afterwards, and nothing is damaged.
//!
//! The real program runs with a recorder preloaded that writes down every write, truncation, sync and removal in its
//! state folder. From that, disks are made as a power cut at any point may leave them: what was synced is there; of
//! the rest any part may be, in any order, torn at sectors. Each is opened with SQLite and read here: rows, proofs and the
//! repository that were acknowledged are compared. A few of them are opened by the real kiosk.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rusqlite::Connection;
use shared::journal::{Audit, CheckpointKey, Hash, Row};
use shared::time::Timestamp;
use tests::journey::{Journey, START, copy, photo, residents};

/// Disks that are made and opened.
const CUTS: usize = 10_000;

/// Of how many disks the real kiosk opens one, too.
const OPENED_BY_THE_KIOSK: usize = 400;

/// What a disk writes whole or not at all, in bytes.
const SECTOR: usize = 512;

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
    Sync,
    Remove,
}

/// What the kiosk had acknowledged once so many of its commands had ended, or a lane had printed so many outcomes.
#[derive(Debug, Clone, Default)]
struct Acknowledged {
    /// How many rows of the journal.
    rows: u64,
    /// The proofs that were accepted.
    proofs: BTreeSet<Vec<u8>>,
    /// The root and the files of the repository that was imported.
    trust: BTreeSet<Vec<u8>>,
}

impl Acknowledged {
    /// Reads proofs and files; what else is in the folder is not looked at.
    fn read(connection: &Connection, rows: u64) -> rusqlite::Result<Self> {
        let all = |query: &str| -> rusqlite::Result<BTreeSet<Vec<u8>>> {
            connection.prepare(query)?.query_map([], |row| row.get(0))?.collect()
        };
        let trust = "SELECT root FROM device
                     UNION ALL SELECT CAST(kind || ' ' || name || ' ' || hex(bytes) AS BLOB) FROM trust_file";
        Ok(Self { rows, proofs: all("SELECT id FROM proof")?, trust: all(trust)? })
    }

    /// What of this is not there.
    fn missing(&self, there: &Self) -> Option<&'static str> {
        if there.rows < self.rows {
            Some("rows of the journal")
        } else if !there.proofs.is_superset(&self.proofs) {
            Some("a proof that was accepted")
        } else if !self.trust.is_empty() && there.trust != self.trust {
            Some("the repository that was imported")
        } else {
            None
        }
    }
}

/// What was done to the files of the folder, and how many commands had ended, or outcomes were printed, by then.
struct Recording {
    changes: Vec<(String, Change, usize)>,
    /// From nothing on, after one of these more each.
    acknowledged: Vec<Acknowledged>,
    key: CheckpointKey,
    journey: Journey,
}

/// A small generator: the same cuts every time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

fn recorder(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("crash/recorder.c");
    let library = folder.join("recorder.so");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).args([&library, &source]).arg("-ldl");
    assert!(cc.status().unwrap().success(), "the recorder does not compile");
    library
}

/// Lets a kiosk check codes, be told of later findings, import, and export, and then work as a lane that shreds all of that,
/// with a recorder preloaded.
fn record() -> Recording {
    let journey = Journey::new();
    let resident = journey.resident(1, "border", &[]);
    journey.publish(START);
    assert!(!resident.is_empty());
    let (library, log, state) = (recorder(&journey.path(".")), journey.path("log"), journey.path("state"));
    let (mut lengths, mut acknowledged) = (Vec::new(), vec![Acknowledged::default()]);
    let recorded = |arguments: &[&str]| {
        let mut command = journey.command("kiosk");
        command.env("LD_PRELOAD", &library).env("RECORD_TO", &log).env("RECORD_FOLDER", &state);
        command.args(arguments);
        command
    };
    let length = || fs::metadata(&log).unwrap().len();
    // A copy, because to look at a database is to write beside it.
    let there = |rows: u64| {
        let looked_at = journey.path("copy");
        copy(&state, &looked_at);
        let connection = Connection::open(looked_at.join("kiosk.sqlite")).unwrap();
        let there = Acknowledged::read(&connection, rows).unwrap();
        let (found, shredded): (u64, u64) = connection
            .query_row("SELECT count(*), count(*) - count(body) FROM journal", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        assert_eq!(found, rows);
        fs::remove_dir_all(looked_at).unwrap();
        (there, shredded)
    };
    let mut rows = 0;
    let mut kiosk = |arguments: &[&str], expected: i32, added: u64| {
        let output = recorded(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(expected), "{}", String::from_utf8_lossy(&output.stderr));
        rows += added;
        lengths.push(length());
        acknowledged.push(there(rows).0);
    };
    let at = |second: u32| format!("2026-11-20T10:{:02}:{:02}Z", second / 60, second % 60);
    kiosk(&["trust", "import", "REPO", "--root", "A/root.json", "--state", "state", "--at", &at(0)], 0, 1);
    for round in 0..6 {
        let now = at(round * 40);
        let code = journey.code("resident-01", "border", &now, &[]);
        let verify =
            ["verify", "--state", "state", "--purpose", "border", "--at", &now, code.to_str().unwrap()];
        kiosk(&verify, 0, 1);
        // The same code again.
        kiosk(&verify, 1, 1);
        let decision = (1 + 3 * round).to_string();
        let found = ["journal", "found", "--state", "state", "--at", &now, "--decision", &decision];
        kiosk(&[&found[..], &["--reason", "status.revoked"]].concat(), 0, 1);
        kiosk(&["journal", "checkpoint", "--state", "state", "--at", &now], 0, 0);
    }

    // Two days later the proofs are long dead and forgotten; a lane shreds the rows, and two residents come by.
    acknowledged.last_mut().unwrap().proofs.clear();
    let camera = journey.path("camera");
    fs::create_dir(&camera).unwrap();
    for (frame, now) in
        [("1-code-1000ms", "2026-11-22T10:00:00Z"), ("4-code-10000ms", "2026-11-22T10:00:05Z")]
    {
        let code = journey.code("resident-01", "border", now, &[]);
        fs::copy(code, camera.join(format!("{frame}.png"))).unwrap();
    }
    for (frame, picture) in [
        ("2-face", photo(1, "camera-a")),
        ("3-nobody-9000ms", residents().join("scene-empty-1.jpg")),
        ("5-face", photo(1, "camera-a")),
        ("6-face", photo(1, "camera-a")),
    ] {
        fs::copy(picture, camera.join(format!("{frame}.jpg"))).unwrap();
    }
    fs::write(journey.path("lane.toml"), "journal_days = 1\n").unwrap();
    let run = ["run", "--config", "lane.toml", "--camera", "replay:camera", "--purpose", "border"];
    let mut lane = recorded(&[&run[..], &["--state", "state", "--at", "2026-11-22T10:00:00Z"]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Whoever reads that somebody was let in may rely on the row.
    for line in BufReader::new(lane.stdout.take().unwrap()).lines() {
        let outcome: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        assert_eq!(outcome["reason"], "accepted");
        lengths.push(length());
        let rows = outcome["row"].as_u64().unwrap() + 1;
        acknowledged.push(Acknowledged { rows, ..acknowledged.last().unwrap().clone() });
    }
    let ended = lane.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    lengths.push(length());
    // It shredded and said so, started, let two in, and stopped.
    let (all, shredded) = there(rows + 5);
    assert_eq!(shredded, rows);
    acknowledged.push(all);

    let key = journey.kiosk(&["journal", "key", "--state", "state"]).expect(0);
    let key = CheckpointKey::parse(key.json["key"].as_str().unwrap()).unwrap();
    let changes = changes(&fs::read(&log).unwrap(), &state, &lengths);
    Recording { changes, acknowledged, key, journey }
}

/// Reads the records; `lengths` says how long they were when each command had ended.
fn changes(log: &[u8], folder: &Path, lengths: &[u64]) -> Vec<(String, Change, usize)> {
    let (mut changes, mut place) = (Vec::new(), 0);
    while place < log.len() {
        let end = place + log[place..].iter().position(|byte| *byte == b'\n').unwrap();
        let line = std::str::from_utf8(&log[place..end]).unwrap();
        let [kind, path, offset, length] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let (offset, length): (usize, usize) = (offset.parse().unwrap(), length.parse().unwrap());
        let name = Path::new(path).strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        place = end + 1;
        let before = u64::try_from(place).unwrap();
        let ended = lengths.iter().take_while(|length| **length < before).count();
        let change = match kind {
            "W" => {
                let bytes = log[place..place + length].to_vec();
                place += length;
                Change::Write(offset, bytes)
            }
            "T" => Change::Truncate(offset),
            "S" => Change::Sync,
            _ => Change::Remove,
        };
        changes.push((name, change, ended));
    }
    changes
}

/// The files as a power cut after so many changes may leave them. A disk that `lies` says that it synced and did not.
fn disk(recording: &Recording, cut: usize, lies: bool, dice: &mut Dice) -> BTreeMap<String, Vec<u8>> {
    let changes = &recording.changes[..cut];
    let mut synced: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, (name, change, _)) in changes.iter().enumerate() {
        if matches!(change, Change::Sync) && !lies {
            synced.insert(name, place);
        }
    }
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (place, (name, change, _)) in changes.iter().enumerate() {
        let certain = synced.get(name.as_str()).is_some_and(|synced| place <= *synced);
        match change {
            Change::Write(offset, bytes) => {
                let file = files.entry(name.clone()).or_default();
                let all = certain || dice.below(2) == 0;
                for (number, sector) in bytes.chunks(SECTOR).enumerate() {
                    if all || dice.below(2) == 0 {
                        let start = offset + number * SECTOR;
                        file.resize(file.len().max(start + sector.len()), 0);
                        file[start..start + sector.len()].copy_from_slice(sector);
                    }
                }
            }
            Change::Truncate(length) if certain || dice.below(2) == 0 => {
                files.entry(name.clone()).or_default().resize(*length, 0)
            }
            // A removal may be lost, but not once the folder was synced, or a new file of that name was written.
            Change::Remove => {
                let mut later = changes.iter().skip(place + 1);
                let settled = later.any(|(later, change, _)| {
                    later == name || (later.is_empty() && matches!(change, Change::Sync) && !lies)
                });
                if settled || dice.below(2) == 0 {
                    files.remove(name);
                }
            }
            _ => {}
        }
    }
    files
}

/// Writes the files of a disk into a folder.
fn lay_out(files: &BTreeMap<String, Vec<u8>>, folder: &Path) {
    for (name, bytes) in files.iter().filter(|(name, _)| !name.is_empty()) {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

/// What is wrong with a disk, if anything is.
fn fault(
    files: &BTreeMap<String, Vec<u8>>,
    key: &CheckpointKey,
    acknowledged: &Acknowledged,
) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    lay_out(files, folder.path());
    let read = || -> Result<Option<String>, Box<dyn std::error::Error>> {
        let connection = Connection::open(folder.path().join("kiosk.sqlite"))?;
        let health: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        if health != "ok" {
            return Ok(Some(format!("corrupt: {health}")));
        }
        let tables = "SELECT count(*) FROM sqlite_schema WHERE name IN ('journal', 'checkpoint')";
        if connection.query_row(tables, [], |row| row.get::<_, i64>(0))? < 2 {
            return Ok((acknowledged.rows > 0).then(|| "the journal is gone".to_owned()));
        }
        let mut audit = Audit::new(key, [])?;
        let mut rows = connection.prepare(
            "SELECT seq, journal.at, prev, body_hash, hash, body, note FROM journal
             LEFT JOIN checkpoint ON size = seq + 1 ORDER BY seq",
        )?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let hash = |column| row.get::<_, Hash>(column);
            let at = Timestamp::from_unix(row.get(1)?).ok_or("no time")?;
            let found = Row { seq: row.get(0)?, at, prev: hash(2)?, body_hash: hash(3)?, hash: hash(4)? };
            audit.row(&found, row.get::<_, Option<Vec<u8>>>(5)?.as_deref())?;
            if let Some(note) = row.get::<_, Option<String>>(6)? {
                audit.checkpoint(&note)?;
            }
        }
        let there = Acknowledged::read(&connection, audit.finish()?.rows)?;
        Ok(acknowledged.missing(&there).map(|what| format!("lost: {what}")))
    };
    read().unwrap_or_else(|error| Some(format!("corrupt: {error}")))
}

/// The real kiosk goes on from a disk: it believes the repository that it imported, and its journal is intact.
fn opens(journey: &Journey, files: &BTreeMap<String, Vec<u8>>) {
    let folder = journey.path("cut");
    fs::create_dir(&folder).unwrap();
    lay_out(files, &folder);
    let status =
        journey.kiosk(&["trust", "status", "--state", "cut", "--at", "2026-11-20T10:05:00Z"]).expect(0);
    assert_eq!(status.json["versions"]["timestamp"], 1);
    journey.kiosk(&["journal", "verify", "--state", "cut"]).expect(0);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn no_power_cut_damages_the_state_or_loses_what_was_acknowledged() {
    let recording = record();
    let syncs = recording.changes.iter().filter(|(_, change, _)| matches!(change, Change::Sync)).count();
    let writes =
        recording.changes.iter().filter(|(_, change, _)| matches!(change, Change::Write(..))).count();
    assert!(syncs > 30 && writes > 100, "{syncs} syncs and {writes} writes were recorded");
    let (mut dice, mut opened) = (Dice(1), 0);
    for number in 0..CUTS {
        let cut = 1 + dice.below(recording.changes.len());
        let files = disk(&recording, cut, false, &mut dice);
        let ended = recording.changes[cut - 1].2;
        if let Some(fault) = fault(&files, &recording.key, &recording.acknowledged[ended]) {
            panic!("cut {number}, after {cut} of {} changes: {fault}", recording.changes.len());
        }
        if number % OPENED_BY_THE_KIOSK == 0 && ended > 0 {
            opened += 1;
            opens(&recording.journey, &files);
        }
    }
    assert!(opened >= 5, "{opened} were opened by the kiosk");
    println!(
        "{CUTS} power cuts over {writes} writes and {syncs} syncs: nothing corrupt, nothing acknowledged lost"
    );
    // The test has teeth: a disk that only says that it synced loses rows and breaks the file.
    let mut dice = Dice(2);
    let lies = (0..100).filter(|_| {
        let cut = 1 + dice.below(recording.changes.len());
        let files = disk(&recording, cut, true, &mut dice);
        fault(&files, &recording.key, &recording.acknowledged[recording.changes[cut - 1].2]).is_some()
    });
    let lies = lies.count();
    println!("{lies} of 100 on a disk that does not sync");
    assert!(lies > 50);
}
