//! Lanes that share a memory of used codes, and what a lane's clock is worth.

use std::fs;

use shared::reason::Reason;
use tests::journey::{Answered, Journey, START};
use tests::redis::Redis;

use crate::{LATER, TWO_SECONDS_ON, border};

/// Asks one lane; as long as a busy machine is too slow for its patience, again: the code counts as unused then.
fn lane(journey: &Journey, state: &str, redis: &Redis, code: &std::path::Path) -> Answered {
    for _ in 0..100 {
        let answered = journey.verify(code, TWO_SECONDS_ON, &["--state", state, "--site", &redis.url()]);
        if answered.reason() != Reason::ProofSiteUnreachable.code() {
            return answered;
        }
    }
    panic!("the site never answered");
}

/// Says in the policy what lanes do that are alone, and publishes it.
fn publish_with_scope(journey: &Journey, scope: &str) {
    let path = journey.path("A/policy/border.json");
    let mut policy: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    policy["replay_scope"] = scope.into();
    fs::write(path, policy.to_string()).unwrap();
    journey.publish(START);
}

#[test]
fn a_code_that_passed_one_lane_passes_no_other_of_the_site() {
    let journey = border();
    let Some(mut redis) = Redis::start(&[]) else { return };
    publish_with_scope(&journey, "site");
    let code = journey.code("resident-01", "border", LATER, &[]);
    let first = lane(&journey, "one", &redis, &code).expect(0);
    assert_eq!(first.json["replay_scope"], "site");
    let second = lane(&journey, "two", &redis, &code).expect(1);
    assert_eq!(
        (second.reason(), &second.json["replay_scope"]),
        (Reason::ProofReplayed.code(), &"site".into())
    );

    redis.kill();
    let next = journey.code("resident-01", "border", "2026-11-20T10:00:01Z", &[]);
    let site = redis.url();
    let alone = || journey.verify(&next, TWO_SECONDS_ON, &["--state", "one", "--site", &site]);
    let unanswered = alone().expect(2);
    assert_eq!(unanswered.reason(), Reason::ProofSiteUnreachable.code());
    assert!(unanswered.said.contains("this lane is alone"), "{}", unanswered.said);
    publish_with_scope(&journey, "lane");
    let accepted = alone().expect(0);
    assert_eq!(accepted.json["replay_scope"], "local");
    assert_eq!(alone().expect(1).reason(), Reason::ProofReplayed.code());
}

#[test]
fn a_site_needs_a_lane_and_an_address() {
    let journey = border();
    let code = journey.code("resident-01", "border", LATER, &[]);
    let without_state = journey.verify(&code, TWO_SECONDS_ON, &["--site", "redis://site"]);
    assert!(without_state.expect(2).said.contains("--state"));
    let secret = ["--state", "one", "--site", "redis://:hunter2@site"];
    let answered = journey.verify(&code, TWO_SECONDS_ON, &secret).expect(2);
    assert!(
        answered.said.contains("password_file") && !answered.said.contains("hunter2"),
        "{}",
        answered.said
    );
    fs::write(journey.path("lane.toml"), "[site]\nurl = \"redis://site\"\n[clock]\nmax_error_seconds = 20\n")
        .unwrap();
    let checked = journey.kiosk(&["config", "check", "lane.toml"]).expect(0);
    assert_eq!(checked.json["site"]["prefix"], "gatepass");
    assert_eq!(checked.json["clock"]["max_error_seconds"], 20);
    fs::write(journey.path("lane.toml"), "[site]\nurl = \"redis://site\"\nserver = 1\n").unwrap();
    journey.kiosk(&["config", "check", "lane.toml"]).expect(2);
}

#[test]
fn a_kiosk_says_what_its_clock_is_worth() {
    let journey = border();
    let bare = journey.kiosk(&["clock", "--state", "kiosk"]);
    assert_eq!(bare.json["floor"], serde_json::Value::Null);
    assert!(!journey.path("kiosk").exists(), "asking makes nothing");
    assert_eq!(bare.code, i32::from(bare.json["state"] != "sure"), "{}", bare.json);
    // Sure, because somebody vouches for it; on a machine with a time server it is anyway.
    fs::write(journey.path("vouched.toml"), "[clock]\nmax_error_seconds = 20\nvouched_error_seconds = 20\n")
        .unwrap();
    let vouched = journey.kiosk(&["clock", "--config", "vouched.toml", "--state", "kiosk"]).expect(0);
    assert_eq!(vouched.json["state"], "sure");
    // A repository from the future of this machine: the clock is behind what was signed.
    let later = "2090-01-01T00:00:00Z";
    let future = Journey::bare();
    future.issuer(&["init", "--dir", "A", "--iss", "https://id.xa.example", "--at", later]).expect(0);
    future.publish(later);
    future
        .kiosk(&["trust", "import", "REPO", "--root", "A/root.json", "--state", "kiosk", "--at", later])
        .expect(0);
    let tampered = future.kiosk(&["clock", "--state", "kiosk"]).expect(1);
    assert_eq!((&tampered.json["state"], &tampered.json["floor"]), (&"tampered".into(), &later.into()));
}
