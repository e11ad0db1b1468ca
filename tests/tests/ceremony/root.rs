//! Whose root it is: who has to sign it, with which keys, and until when.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tests::journey::{Answered, Journey, START};
use tests::third_party_python;

use super::*;

#[test]
fn nothing_is_published_before_two_of_three_have_signed() {
    let ceremony = Ceremony::new(Some(START));
    ceremony.agency("A", "https://id.xa.example");
    let publish = || ceremony.publish(&["PA"]);
    assert!(publish().expect(2).said.contains("0/2"), "nobody signed");
    // On a stick, to a machine of her own, and back.
    fs::rename(ceremony.path("T/root.json"), ceremony.path("stick.json")).unwrap();
    let signed = ceremony.issuer(&["trust", "sign", "stick.json", "--key", "ann"]).expect(0).json;
    assert_eq!((&signed["own_signatures"], &signed["threshold"]), (&1.into(), &2.into()), "{signed}");
    let again = ceremony.issuer(&["trust", "sign", "stick.json", "--key", "ann"]).expect(0).json;
    assert_eq!(again["own_signatures"], 1, "the same signature again");
    fs::rename(ceremony.path("stick.json"), ceremony.path("T/root.json")).unwrap();
    let one = publish().expect(2);
    assert!(one.said.contains("1/2") && one.said.contains("trust sign"), "{}", one.said);
    assert!(!ceremony.path("REPO").exists());

    let timestamp = ceremony.issuer(&["trust", "sign", ANCHOR, "--key", "T/keys/timestamp.pem"]).expect(2);
    assert!(timestamp.said.contains("not a root key"), "{}", timestamp.said);
    ceremony.keygen("dora");
    ceremony.issuer(&["trust", "sign", ANCHOR, "--key", "dora"]).expect(2);
    assert!(publish().expect(2).said.contains("1/2"));

    ceremony.sign("root.json", &["cid"]);
    publish().expect(0);
    ceremony.import("kiosk", LATER, true).expect(0);
}

/// What is wrong with the root is said before anything is made, so that the corrected command goes through.
#[test]
fn a_root_that_cannot_be_leaves_nothing_behind() {
    let journey = Journey::bare();
    for name in ["ann", "ben"] {
        journey.issuer(&["trust", "keygen", "--out", name]).expect(0);
    }
    let init = |more: &[&str]| {
        journey.issuer(&[&["trust", "init", "--dir", "T", "--root", "ann.pub"][..], more].concat())
    };
    assert!(init(&["--root", "ann.pub"]).expect(2).said.contains("named twice"));
    assert!(init(&["--root", "ben.pub", "--threshold", "3"]).expect(2).said.contains("3 of 2"));
    assert!(!journey.path("T").exists());
    init(&["--root", "ben.pub"]).expect(0);
}

/// A root lasts three years, and nothing that is published after that is fresh.
#[test]
fn nothing_is_published_under_an_expired_root() {
    let ceremony = Ceremony::published(Some(START));
    let publish = |at: &str| ceremony.publish_at(&[], Some(at));
    let own = |at: &str| ceremony.issuer(&["publish", "--dir", "A", "--out", "PA", "--at", at]);
    // START and three years of 365 days.
    let expires = "2029-11-19T09:00:00Z";
    for publish in [&publish as &dyn Fn(&str) -> Answered, &own as &dyn Fn(&str) -> Answered] {
        assert!(!publish("2029-08-20T09:00:00Z").expect(0).said.contains("expires at"));
        let soon = publish("2029-08-22T09:00:00Z").expect(0).said;
        assert!(soon.contains(expires) && soon.contains("--role root"), "{soon}");
        publish("2029-11-19T08:59:59Z").expect(0);
        let refused = publish(expires).expect(2).said;
        assert!(refused.contains("expired at") && refused.contains("--role root"), "{refused}");
        assert!(refused.contains("set the clock"), "{refused}");
    }
    let at = ["--at", expires];
    ceremony.issuer(&[&["trust", "rotate", "--dir", "T", "--role", "root"][..], &at].concat()).expect(0);
    ceremony.sign("2.root.json", &["ann", "ben"]);
    publish(expires).expect(0);
    assert_eq!(ceremony.import("kiosk", expires, true).expect(0).json["versions"]["root"], 2);
}

/// Each of three people holds a key of Ed25519 and one of ML-DSA-65, and four signatures are needed: any two people can
/// sign, and all keys of one algorithm cannot.
#[test]
fn a_root_of_two_algorithms_needs_both() {
    let ceremony = Ceremony::published(Some(START));
    ceremony.import("kiosk", LATER, true).expect(0);
    let people = ["ann", "ben", "cid"];
    let second = |person: &str| format!("{person}-2");
    let mut rotate = vec!["trust", "rotate", "--dir", "T", "--role", "root"]
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    for person in people {
        ceremony.issuer(&["trust", "keygen", "--ml-dsa-65", "--out", &second(person)]).expect(0);
        rotate.extend(["--add".to_owned(), format!("{person}-2.pub")]);
    }
    let rotate: Vec<&str> = rotate.iter().map(String::as_str).collect();
    let weak = ceremony.issuer(&[&rotate[..], &["--threshold", "3"]].concat()).expect(0);
    assert!(weak.said.contains("both algorithms"), "{}", weak.said);
    fs::remove_file(ceremony.path("T/2.root.json")).unwrap();
    let strong = ceremony.issuer(&[&rotate[..], &["--threshold", "4"]].concat()).expect(0);
    assert!(!strong.said.contains("both algorithms"), "{}", strong.said);
    let unsigned = fs::read(ceremony.path("T/2.root.json")).unwrap();
    for (signers, version) in [
        (vec!["ann".into(), "ben".into(), "cid".into()], 1),
        (people.map(second).to_vec(), 1),
        (vec!["ann".into(), second("ann"), "ben".into()], 1),
        (vec!["ann".into(), second("ann"), "ben".into(), second("ben")], 2),
    ] {
        fs::write(ceremony.path("T/2.root.json"), &unsigned).unwrap();
        let signers: Vec<&str> = signers.iter().map(String::as_str).collect();
        ceremony.sign("2.root.json", &signers);
        assert_eq!(ceremony.publish(&[]).expect(0).json["root_version"], version, "{signers:?}");
        let imported = ceremony.import("kiosk", LATER, false).expect(0).json;
        assert_eq!(imported["versions"]["root"], version, "{signers:?}");
    }
    python_counts_the_signatures(&ceremony.path("REPO/metadata/2.root.json"));
    // An altered signature of the new algorithm is no signature.
    let mut root: Value =
        serde_json::from_slice(&fs::read(ceremony.path("REPO/metadata/2.root.json")).unwrap()).unwrap();
    for signature in root["signatures"].as_array_mut().unwrap() {
        let text = signature["sig"].as_str().unwrap().to_owned();
        if text.len() > 1000 {
            let last = if text.ends_with('0') { '1' } else { '0' };
            signature["sig"] = format!("{}{last}", &text[..text.len() - 1]).into();
        }
    }
    fs::write(ceremony.path("REPO/metadata/2.root.json"), root.to_string()).unwrap();
    assert!(ceremony.import("fresh", LATER, true).expect(2).said.contains("2/4"));
}

/// The reference implementation, where it knows ML-DSA, finds the four signatures good too.
fn python_counts_the_signatures(root: &Path) {
    const COUNT: &str = r#"
import sys
from tuf.api.metadata import Metadata, Root
root = Metadata[Root].from_file(sys.argv[1])
result = root.signed.get_verification_result("root", root.signed_bytes, root.signatures)
print(len(result.signed), result.threshold)
"#;
    if !third_party_python("tuf.api.metadata, cryptography.hazmat.primitives.asymmetric.mldsa") {
        return;
    }
    let output = Command::new("python3").args(["-c", COUNT]).arg(root).output().unwrap();
    let (said, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.trim(), "4 4", "{error}");
}
