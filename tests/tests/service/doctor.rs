//! `kiosk doctor`: what is wrong, and what to do.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tests::journey::{Answered, Journey, START};

const AT: &str = "2026-11-20T10:00:00Z";

fn doctor(journey: &Journey, at: &str) -> Answered {
    journey.kiosk(&["doctor", "--config", "kiosk.toml", "--at", at])
}

/// The state of a check, and what is said.
fn found<'a>(answered: &'a Answered, check: &str) -> (&'a str, &'a str) {
    let checks = answered.json["checks"].as_array().unwrap();
    let found = checks.iter().find(|found| found["check"].as_str().unwrap().starts_with(check));
    let found = found.unwrap_or_else(|| panic!("no check {check}: {}", answered.json));
    assert!(
        found["state"] == "ok" || found["do"].as_str().is_some_and(|remedy| !remedy.is_empty()),
        "{found}"
    );
    (found["state"].as_str().unwrap(), found["says"].as_str().unwrap())
}

fn provisioned() -> Journey {
    let journey = Journey::new();
    journey.publish(START);
    journey.resident(1, "border", &[]);
    journey.lane("state", AT);
    fs::write(
        journey.path("kiosk.toml"),
        "purpose = \"border\"\nstate = \"state\"\nmodels = \"default\"\n[camera]\ncode = \"replay:camera\"\n",
    )
    .unwrap();
    journey
}

#[test]
fn a_good_machine_is_fit() {
    let journey = provisioned();
    let answered = doctor(&journey, AT).expect(0);
    for check in [
        "core dumps",
        "state folder",
        "database",
        "journal",
        "clock",
        "repository",
        "issuer",
        "list https",
        "purpose",
        "symbols",
        "faces",
        "camera",
    ] {
        assert_eq!(found(&answered, check).0, "ok", "{check}: {}", answered.json);
    }
    assert_eq!(found(&answered, "own keys").0, "warning", "nobody seals them here");
    assert_eq!(answered.json["state"], "warning");
    let text = journey.plain("kiosk", &["doctor", "--config", "kiosk.toml", "--at", AT]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(
        text.contains("✔ journal") && text.contains("! own keys") && text.contains("0 failures"),
        "{text}"
    );
}

#[test]
fn not_ready_is_not_invalid() {
    let journey = provisioned();
    fs::rename(journey.path("state"), journey.path("good")).unwrap();
    let empty = doctor(&journey, AT).expect(1);
    let (state, says) = found(&empty, "repository");
    assert_eq!(state, "failure");
    assert!(says.starts_with("Not ready") && !says.contains("nvalid"), "{says}");
    assert!(!journey.path("state").exists(), "to look is not to make");

    // A key that others hold, or bytes that were changed, are invalid, and that is said.
    fs::rename(journey.path("good"), journey.path("state")).unwrap();
    let database = rusqlite::Connection::open(journey.path("state/kiosk.sqlite")).unwrap();
    database.execute("UPDATE trust_file SET bytes = x'7b7d' WHERE name LIKE '%snapshot%'", []).unwrap();
    drop(database);
    let damaged = doctor(&journey, AT).expect(1);
    let (state, says) = found(&damaged, "repository");
    assert_eq!(state, "failure");
    assert!(says.starts_with("Invalid"), "{says}");
}

#[test]
fn old_lists_are_said_one_by_one() {
    let journey = provisioned();
    for (at, grade, words) in [
        ("2026-11-22T10:00:00Z", "warning", "Aging"),
        ("2026-11-29T10:00:00Z", "warning", "Stale"),
        ("2027-01-29T10:00:00Z", "failure", "Dead"),
    ] {
        let answered = doctor(&journey, at);
        let (state, says) = found(&answered, "repository");
        assert_eq!(state, grade, "{at}: {}", answered.json);
        assert!(says.starts_with(words), "{at}: {says}");
    }
    let late = doctor(&journey, "2027-01-29T10:00:00Z").expect(1);
    let (state, says) = found(&late, "list https");
    assert!(state == "failure" && says.contains("expired"), "{says}");
    let early = doctor(&journey, "2026-11-19T10:00:00Z").expect(1);
    assert!(found(&early, "clock").1.contains("before the trust repository"), "{}", early.json);
}

#[test]
fn damage_and_open_doors_are_found() {
    let journey = provisioned();
    let folder = journey.path("state");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    let open = doctor(&journey, AT).expect(1);
    assert!(found(&open, "state folder").1.contains("755"));
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();

    let database = rusqlite::Connection::open(folder.join("kiosk.sqlite")).unwrap();
    database.execute("UPDATE journal SET at = at + 1 WHERE seq = 0", []).unwrap();
    drop(database);
    assert!(found(&doctor(&journey, AT).expect(1), "journal").1.contains("Not intact"));

    fs::write(
        journey.path("kiosk.toml"),
        "purpose = \"hotel-of-nobody\"\nstate = \"state\"\n[camera]\ncode = \"replay:gone\"\n",
    )
    .unwrap();
    let wrong = doctor(&journey, AT).expect(1);
    assert_eq!(found(&wrong, "purpose").0, "failure");
    assert_eq!(found(&wrong, "camera").0, "failure");

    fs::write(journey.path("kiosk.toml"), "purpose = \"border\"\ncolour = \"red\"\n").unwrap();
    assert!(doctor(&journey, AT).expect(2).said.contains("colour"));
}

/// What `kiosk run` must not start with ends it before it looks at anybody.
#[test]
fn a_lane_tests_itself_before_it_starts() {
    let journey = provisioned();
    let run = ["run", "--config", "kiosk.toml", "--at", AT];
    let output = journey.plain("kiosk", &run);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let database = rusqlite::Connection::open(journey.path("state/kiosk.sqlite")).unwrap();
    database.execute("UPDATE machine SET seed = x'00'", []).unwrap();
    drop(database);
    let output = journey.plain("kiosk", &run);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("the self-test failed: own keys"), "{said}");
}
