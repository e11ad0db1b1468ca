//! What a phone can do besides rotating: encrypt, answer a challenge, keep something back, be read by others.

use std::fs;

use serde_json::Value;
use shared::reason::Reason;
use tests::journey::{Journey, START};

use crate::{LATER, TWO_SECONDS_ON};

/// Changes the border's policy in the agency's folder.
fn change_policy(journey: &Journey, change: impl FnOnce(&mut Value)) {
    let path = journey.path("A/policy/border.json");
    let mut policy: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut policy);
    fs::write(&path, policy.to_string()).unwrap();
}

/// Makes a kiosk's own key and tells the agency.
fn add_kiosk(journey: &Journey, name: &str) {
    let key = journey.kiosk(&["key", "--state", name]).expect(0).json["key"].as_str().unwrap().to_owned();
    assert_eq!(journey.kiosk(&["key", "--state", name]).expect(0).json["key"], key, "it stays the same");
    let add = ["sector", "add-kiosk", "--dir", "A", "--name", name, "--key", &key, "--purpose", "border"];
    journey.issuer(&add).expect(0);
    assert!(journey.issuer(&add).said.contains("already"), "twice");
}

fn rotate(journey: &Journey, at: &str) -> String {
    let rotate = ["sector", "rotate", "--dir", "A", "--purpose", "border", "--at", at];
    journey.issuer(&rotate).expect(0).json["epoch"]["public"].as_str().unwrap().to_owned()
}

#[test]
fn a_kiosk_that_is_left_out_of_an_epoch_cannot_read_it() {
    let journey = Journey::new();
    journey.resident(1, "border", &[]);
    add_kiosk(&journey, "gate");
    add_kiosk(&journey, "stolen");
    let import = |kiosk: &str, at: &str| {
        journey
            .kiosk(&["trust", "import", "REPO", "--root", "A/root.json", "--state", kiosk, "--at", at])
            .expect(0);
    };
    let mut second = 0;
    let mut verify = |kiosk: &str, key: &str| {
        second += 1;
        let at = format!("2026-11-20T10:00:{second:02}Z");
        let code = journey.code("resident-01", "border", &at, &["--encrypt-to", key]);
        let verify = ["verify", "--state", kiosk, "--purpose", "border", "--at", &at];
        journey.kiosk(&[&verify[..], &[code.to_str().unwrap()]].concat()).reason().to_owned()
    };
    let first = rotate(&journey, START);
    journey.publish("2026-11-20T09:10:00Z");
    // A repository that is looked at without being imported brings the machine's keys, too.
    let code = journey.code("resident-01", "border", "2026-11-20T10:00:00Z", &["--encrypt-to", &first]);
    let looked = journey.verify(&code, "2026-11-20T10:00:00Z", &["--purpose", "border", "--state", "gate"]);
    assert_eq!(looked.reason(), "accepted");
    for kiosk in ["gate", "stolen"] {
        import(kiosk, "2026-11-20T09:11:00Z");
    }
    assert_eq!([verify("gate", &first), verify("stolen", &first)], ["accepted", "accepted"]);

    journey.issuer(&["sector", "remove-kiosk", "--dir", "A", "--name", "stolen"]).expect(0);
    let second_epoch = rotate(&journey, "2026-11-20T09:20:00Z");
    journey.publish("2026-11-20T09:21:00Z");
    // The thief brings it up to date, as far as that goes.
    for kiosk in ["gate", "stolen"] {
        import(kiosk, "2026-11-20T09:22:00Z");
    }
    assert_eq!(verify("gate", &second_epoch), "accepted");
    assert_eq!(verify("gate", &first), "accepted", "the epoch before is still read");
    assert_eq!(verify("stolen", &second_epoch), Reason::TextEncrypted.code());

    let third = rotate(&journey, "2026-11-20T09:30:00Z");
    journey.publish("2026-11-20T09:31:00Z");
    import("gate", "2026-11-20T09:32:00Z");
    assert_eq!(verify("gate", &third), "accepted");
    assert_eq!(verify("gate", &first), Reason::TextEncrypted.code(), "two epochs ago");
    let list = journey.issuer(&["sector", "list", "--dir", "A"]).expect(0);
    assert_eq!(list.json["kiosks"].as_array().unwrap().len(), 1);
}

#[test]
fn a_desk_that_asks_takes_only_answers() {
    let journey = Journey::new();
    change_policy(&journey, |policy| policy["proof"] = "challenge".into());
    journey.resident(1, "border", &[]);
    journey.publish(START);
    let challenge = |at: &str| {
        let made = ["challenge", "--aud", "border", "--at", at, "--out", "challenge.png"];
        journey.kiosk(&made).expect(0).json["challenge"].as_str().unwrap().to_owned()
    };
    let asked = challenge(LATER);
    let rotating = journey.code("resident-01", "border", LATER, &[]);
    let reason = |code: &std::path::Path, at: &str, challenge: &str| {
        journey.verify(code, at, &["--challenge", challenge]).reason().to_owned()
    };
    assert_eq!(reason(&rotating, TWO_SECONDS_ON, &asked), Reason::ChallengeMissing.code());
    // The phone reads the picture that the kiosk shows.
    let picture = journey.path("challenge.png");
    let answer =
        journey.code("resident-01", "border", TWO_SECONDS_ON, &["--challenge", picture.to_str().unwrap()]);
    assert_eq!(reason(&answer, "2026-11-20T10:00:04Z", &asked), "accepted");
    let other = challenge(LATER);
    assert_eq!(reason(&answer, "2026-11-20T10:00:04Z", &other), Reason::ChallengeWrong.code());
    assert_eq!(
        journey.verify(&answer, "2026-11-20T10:00:04Z", &[]).reason(),
        Reason::ChallengeWrong.code(),
        "nobody asked here"
    );
}

#[test]
fn a_phone_keeps_back_what_need_not_be_shown() {
    let journey = Journey::new();
    change_policy(&journey, |policy| {
        policy["require"] = serde_json::json!(["name"]);
        policy["groups"] = serde_json::json!([["dateOfBirth", "sex"], ["nationality", "country"]]);
    });
    let subject = journey.resident(1, "border", &[]);
    journey.publish(START);
    let shown = |second: &str, more: &[&str]| {
        let at = format!("2026-11-20T10:00:{second}Z");
        let code = journey.code("resident-01", "border", &at, more);
        let answered = journey.verify(&code, &at, &[]).expect(0);
        let names: Vec<String> = answered.json["claims"].as_object().unwrap().keys().cloned().collect();
        names.join(" ")
    };
    assert_eq!(shown("01", &[]), "id name");
    assert_eq!(shown("02", &["--disclose", "0"]), "dateOfBirth id name sex");
    assert_eq!(shown("03", &["--disclose", "0,1"]), "country dateOfBirth id name nationality sex");
    change_policy(&journey, |policy| policy["require"] = serde_json::json!(["name", "sex"]));
    let refused = journey.issuer(&[
        "issue",
        "--dir",
        "A",
        "--at",
        START,
        "--subject",
        &subject,
        "--purpose",
        "border",
        "--paper",
        "--out",
        "x.cbor",
    ]);
    assert_eq!(refused.code, 2);
    assert!(refused.said.contains("requires sex and lets the holder keep it back"), "{}", refused.said);
}

#[test]
fn a_countersigned_code_rotates_too() {
    let journey = Journey::new();
    change_policy(&journey, |policy| policy["max_presentation_age"] = 10.into());
    journey.resident(1, "border", &[]);
    journey.publish(START);
    let code = journey.code("resident-01", "border", LATER, &["--countersign"]);
    assert_eq!(journey.verify(&code, TWO_SECONDS_ON, &[]).expect(0).reason(), "accepted");
    assert_eq!(
        journey.verify(&code, "2026-11-20T10:00:10Z", &[]).expect(1).reason(),
        Reason::ProofExpired.code(),
        "the issuer wants ten seconds at most"
    );
    let inspected = journey.issuer(&["inspect", code.to_str().unwrap()]).expect(0);
    assert_eq!(inspected.json["purpose"], "border");
}
