//! From the agency's code to a machine that is a kiosk.

use std::fs;

use serde_json::Value;
use tests::journey::{Answered, Journey, START};

const AT: &str = "2026-11-20T10:00:00Z";

/// An agency that has published, and the code of a lane; returns its fingerprint.
fn prepared(out: &str) -> (Journey, String) {
    let journey = Journey::new();
    journey.publish(START);
    let made = code(&journey, "North hall, lane 3", out);
    let fingerprint = made.json["fingerprint"].as_str().unwrap().to_owned();
    (journey, fingerprint)
}

fn code(journey: &Journey, lane: &str, out: &str) -> Answered {
    fs::write(journey.path("lane.toml"), "journal_days = 30\nmodels = \"default\"\n").unwrap();
    let make = ["provision", "--dir", "A", "--purpose", "border", "--lane", lane, "--repository", "REPO"];
    journey.issuer(&[&make[..], &["--settings", "lane.toml", "--out", out]].concat()).expect(0)
}

fn provision(journey: &Journey, code: &[&str], more: &[&str]) -> Answered {
    journey.kiosk(&[&["provision"], code, &["--state", "state", "--at", AT], more].concat())
}

#[test]
fn a_code_in_a_file_a_picture_or_before_the_camera_makes_a_kiosk() {
    let (journey, fingerprint) = prepared("code.txt");
    code(&journey, "North hall, lane 3", "code.png");
    fs::create_dir(journey.path("camera")).unwrap();
    fs::copy(tests::journey::residents().join("scene-empty-1.jpg"), journey.path("camera/1.jpg")).unwrap();
    fs::copy(journey.path("code.png"), journey.path("camera/2.png")).unwrap();
    let ways: [(&str, &[&str]); 3] = [
        ("file", &["code.txt"]),
        ("picture", &["--image", "code.png"]),
        ("camera", &["--camera", "replay:camera"]),
    ];
    for (name, way) in ways {
        let typed = fingerprint.to_lowercase().replace('-', " ");
        let answered = journey
            .kiosk(&[&["provision"], way, &["--state", name, "--at", AT, "--fingerprint", &typed]].concat());
        let answered = answered.expect(0);
        assert_eq!(answered.json["lane"], "North hall, lane 3", "{name}");
        let settings = journey.kiosk(&["config", "check", &format!("{name}/kiosk.toml")]).expect(0).json;
        assert_eq!(settings["purpose"], "border");
        assert_eq!(settings["journal_days"], 30);
        let status = journey.kiosk(&["trust", "status", "--state", name, "--at", AT]).expect(0);
        assert_eq!(status.json["freshness"], "fresh");
        // The settings are enough for the next update.
        journey.publish("2026-11-20T11:00:00Z");
        let config = format!("{name}/kiosk.toml");
        let later = ["trust", "import", "--config", &config, "--at", "2026-11-20T11:00:01Z"];
        assert_eq!(journey.kiosk(&later).expect(0).json["published"], "2026-11-20T11:00:00Z");
    }
}

#[test]
fn without_the_right_fingerprint_nothing_is_changed() {
    let (journey, fingerprint) = prepared("code.txt");
    let shown = provision(&journey, &["code.txt"], &[]).expect(2);
    assert!(
        shown.said.contains("North hall, lane 3") && shown.said.contains("journal_days"),
        "{}",
        shown.said
    );
    assert!(!shown.said.contains(&fingerprint), "what is shown gets waved through: {}", shown.said);
    // A lane of another name has another fingerprint.
    code(&journey, "South hall", "other.txt");
    let other = provision(&journey, &["other.txt"], &["--fingerprint", &fingerprint]).expect(2);
    assert!(other.said.contains("not that of this code"), "{}", other.said);
    assert!(!other.said.contains("South"), "{}", other.said);
    assert!(!journey.path("state/kiosk.toml").exists());
    journey.kiosk(&["trust", "status", "--state", "state", "--at", AT]).expect(2);
}

#[test]
fn the_root_has_to_be_the_one_that_the_code_names() {
    let (journey, fingerprint) = prepared("code.txt");
    let other = Journey::new();
    other.publish(START);
    let repository = other.path("REPO");
    let arguments = ["--fingerprint", &fingerprint, "--repository", repository.to_str().unwrap()];
    let refused = provision(&journey, &["code.txt"], &arguments).expect(2);
    assert!(refused.said.contains("another root"), "{}", refused.said);
    // The right root in front of somebody else's repository does not help either.
    let mixed = journey.path("MIXED");
    tests::journey::copy(&repository, &mixed);
    fs::copy(journey.path("REPO/metadata/1.root.json"), mixed.join("metadata/1.root.json")).unwrap();
    let arguments = ["--fingerprint", &fingerprint, "--repository", "MIXED"];
    let refused = provision(&journey, &["code.txt"], &arguments).expect(2);
    assert!(refused.said.contains("not taken over"), "{}", refused.said);
    let nowhere = ["--fingerprint", &fingerprint, "--repository", "A"];
    let refused = provision(&journey, &["code.txt"], &nowhere).expect(2);
    assert!(refused.said.contains("no trust repository"), "{}", refused.said);
    assert!(!journey.path("state/kiosk.toml").exists());
    // After all that it still can be.
    provision(&journey, &["code.txt"], &["--fingerprint", &fingerprint]).expect(0);
}

#[test]
fn a_kiosk_is_provisioned_once() {
    let (journey, fingerprint) = prepared("code.txt");
    provision(&journey, &["code.txt"], &["--fingerprint", &fingerprint]).expect(0);
    let again = provision(&journey, &["code.txt"], &["--fingerprint", &fingerprint]).expect(2);
    assert!(again.said.contains("provisioned already") && again.said.contains("--state"), "{}", again.said);
    // Settings that somebody wrote are not overwritten.
    fs::create_dir(journey.path("fresh")).unwrap();
    fs::write(journey.path("fresh/kiosk.toml"), "lane = \"mine\"\n").unwrap();
    let kept = journey.kiosk(&[
        "provision",
        "code.txt",
        "--state",
        "fresh",
        "--at",
        AT,
        "--fingerprint",
        &fingerprint,
    ]);
    assert!(kept.expect(2).said.contains("with other settings"));
    assert_eq!(fs::read_to_string(journey.path("fresh/kiosk.toml")).unwrap(), "lane = \"mine\"\n");
    journey.kiosk(&["trust", "status", "--state", "fresh", "--at", AT]).expect(2);
}

#[test]
fn what_is_no_code_is_refused_with_words() {
    let (journey, fingerprint) = prepared("code.txt");
    let resident = journey.path("other.txt");
    for (text, words) in [
        ("", "no provisioning code"),
        ("hello", "Base45"),
        ("6BF590B20FFWJWG", "CBOR"),
        (&"A".repeat(100_000), "more than"),
    ] {
        fs::write(&resident, text).unwrap();
        let refused = provision(&journey, &["other.txt"], &["--fingerprint", &fingerprint]);
        let refused = refused.expect(2);
        assert!(refused.said.contains(words) && refused.json == Value::Null, "{words}: {}", refused.said);
    }
    let picture = tests::journey::photo(1, "id-photo");
    let refused = provision(&journey, &["--image", picture.to_str().unwrap()], &[]).expect(2);
    assert!(refused.said.contains("symbol"), "{}", refused.said);
    fs::create_dir(journey.path("empty")).unwrap();
    fs::copy(&picture, journey.path("empty/1.jpg")).unwrap();
    let refused = provision(&journey, &["--camera", "replay:empty"], &[]).expect(2);
    assert!(refused.said.contains("no provisioning code"), "{}", refused.said);
}
