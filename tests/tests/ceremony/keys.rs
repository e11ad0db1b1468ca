//! Keys that are replaced or stolen, and agencies that go.

use std::fs;

use tests::journey::{Answered, START, copy};

use super::*;

#[test]
fn two_agencies_one_repository_and_replaced_keys() {
    let ceremony = Ceremony::published(Some(START));
    let provisioned = ceremony.import("kiosk", LATER, true).expect(0).json;
    let issuers: Vec<&str> = provisioned["issuers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|issuer| issuer["issuer"].as_str().unwrap())
        .collect();
    assert_eq!(issuers, ["https://id.xa.example", "https://id.xb.example"]);
    for (folder, number) in [("A", 1), ("B", 2)] {
        let code = ceremony.journey.credential_without_face(folder, number, LATER);
        let verified = ceremony.journey.kiosk(&[
            "verify",
            "--trust",
            "REPO",
            "--root",
            ANCHOR,
            "--purpose",
            "border",
            "--at",
            LATER,
            code.to_str().unwrap(),
        ]);
        assert_eq!(verified.expect(0).reason(), "accepted", "a resident of {folder}");
    }

    // The key that signs most often is replaced. It does not count, and does not get in the way, until it is signed.
    let rotated = ceremony.issuer(&["trust", "rotate", "--dir", "T", "--role", "timestamp"]).expect(0).json;
    assert_eq!((&rotated["version"], rotated["waiting"].as_array().unwrap().len()), (&2.into(), 3));
    ceremony.issuer(&["trust", "rotate", "--dir", "T", "--role", "snapshot"]).expect(2);
    let pending = ceremony.publish(&[]).expect(0).json;
    assert_eq!(
        (&pending["root_version"], pending["pending_root"].is_null()),
        (&1.into(), false),
        "{pending}"
    );
    assert_eq!(ceremony.import("kiosk", LATER, false).expect(0).json["versions"]["root"], 1);
    ceremony.sign("2.root.json", &["ben"]);
    assert_eq!(ceremony.publish(&[]).expect(0).json["root_version"], 1, "one of three is not enough");
    ceremony.sign("2.root.json", &["ann"]);
    assert_eq!(ceremony.publish(&[]).expect(0).json["root_version"], 2);
    let followed = ceremony.import("kiosk", LATER, false).expect(0).json;
    assert_eq!((&followed["versions"]["root"], &followed["versions"]["timestamp"]), (&2.into(), &4.into()));

    // Ann leaves and Dora comes. Dora and one of the old ones are one of the old ones.
    ceremony.keygen("dora");
    ceremony
        .issuer(&[
            "trust", "rotate", "--dir", "T", "--role", "root", "--add", "dora.pub", "--remove", "ann.pub",
        ])
        .expect(0);
    ceremony.sign("3.root.json", &["dora", "ann"]);
    assert_eq!(ceremony.publish(&[]).expect(0).json["root_version"], 2);
    ceremony.sign("3.root.json", &["ben"]);
    assert_eq!(ceremony.publish(&[]).expect(0).json["root_version"], 3);
    ceremony.hand_in("B", Some(NEXT_DAY));
    ceremony.publish_at(&["PB"], Some(NEXT_DAY)).expect(0);
    assert!(ceremony.publish_at(&[], Some(START)).expect(2).said.contains("set the clock"));
    let followed = ceremony.import("kiosk", NEXT_DAY, false).expect(0).json;
    assert_eq!((&followed["versions"]["root"], &followed["freshness"]), (&3.into(), &"fresh".into()));
    // A kiosk that comes new, with the first root, follows all the way.
    assert_eq!(ceremony.import("other", NEXT_DAY, true).expect(0).json["versions"]["root"], 3);
    // From here on Ann is nobody.
    ceremony.issuer(&["trust", "rotate", "--dir", "T", "--role", "root"]).expect(0);
    ceremony.issuer(&["trust", "sign", "T/4.root.json", "--key", "ann"]).expect(2);
}

/// Whoever stole the replaced key, and the folder as it was, makes a repository that looks newer.
#[test]
fn a_stolen_and_replaced_key_signs_for_nobody() {
    let ceremony = Ceremony::published(Some(START));
    copy(&ceremony.path("T"), &ceremony.path("stolen"));
    ceremony.issuer(&["trust", "rotate", "--dir", "T", "--role", "timestamp"]).expect(0);
    ceremony.sign("2.root.json", &["ann", "ben"]);
    ceremony.publish(&[]).expect(0);
    ceremony.import("kiosk", LATER, true).expect(0);
    for _ in 0..5 {
        ceremony.issuer(&["trust", "publish", "--dir", "stolen", "--out", "THIEF"]).expect(0);
    }
    let thief =
        ceremony.journey.kiosk(&["trust", "import", "THIEF", "--state", "kiosk", "--at", LATER]).expect(2);
    assert!(thief.said.contains("threshold not met for role timestamp"), "{}", thief.said);
    let status = ceremony.journey.kiosk(&["trust", "status", "--state", "kiosk", "--at", LATER]).expect(0);
    assert_eq!(status.json["versions"]["root"], 2, "the kiosk goes on with what it had");
}

/// One publication by a clock that ran ahead: kiosks refuse what comes before it until the key that said so is replaced.
#[test]
fn a_publication_by_a_clock_that_ran_ahead_is_overcome() {
    let ceremony = Ceremony::published(Some(START));
    let ahead = "2027-11-20T09:00:00Z";
    let own = |at: &str| ceremony.issuer(&["publish", "--dir", "A", "--out", "PA", "--at", at]);
    for (folder, publish, keys) in [
        ("T", &(|at: &str| ceremony.publish_at(&[], Some(at))) as &dyn Fn(&str) -> Answered, ["ann", "cid"]),
        ("A", &own as &dyn Fn(&str) -> Answered, ["A/keys/root-1.pem", "A/keys/root-2.pem"]),
    ] {
        publish(ahead).expect(0);
        if folder == "T" {
            ceremony.import("kiosk", ahead, true).expect(0);
        }
        let refused = publish(NEXT_DAY).expect(2).said;
        assert!(refused.contains("set the clock") && refused.contains("--role timestamp"), "{refused}");
        ceremony
            .issuer(&["trust", "rotate", "--dir", folder, "--role", "timestamp", "--at", NEXT_DAY])
            .expect(0);
        for key in keys {
            ceremony.issuer(&["trust", "sign", &format!("{folder}/2.root.json"), "--key", key]).expect(0);
        }
        publish(NEXT_DAY).expect(0);
        assert!(publish(LATER).expect(2).said.contains("set the clock"), "the new key's word counts");
    }
    assert_eq!(ceremony.import("kiosk", NEXT_DAY, false).expect(0).json["freshness"], "fresh");
    // The same for the key of the issuer and for an epoch.
    for verb in
        [&["key", "rotate", "--dir", "A"][..], &["sector", "rotate", "--dir", "A", "--purpose", "border"]]
    {
        let rotate = |at: &str, more: &[&str]| ceremony.issuer(&[verb, &["--at", at], more].concat());
        rotate(ahead, &[]).expect(0);
        assert!(rotate(NEXT_DAY, &[]).expect(2).said.contains("--clock-was-ahead"));
        rotate(NEXT_DAY, &["--clock-was-ahead"]).expect(0);
    }
    own(NEXT_DAY).expect(0);
}

#[test]
fn an_agency_can_go_and_its_key_can_be_replaced() {
    let ceremony = Ceremony::published(Some(START));
    ceremony.import("kiosk", LATER, true).expect(0);
    ceremony.issuer(&["trust", "remove-agency", "--dir", "T", "--name", "id-xa-example"]).expect(0);
    ceremony.publish(&[]).expect(0);
    let without = ceremony.import("kiosk", LATER, false).expect(0).json;
    assert_eq!(without["issuers"].as_array().unwrap().len(), 1, "{without}");

    fs::remove_file(ceremony.path("B/keys/agency.pem")).unwrap();
    ceremony.issuer(&["trust", "keygen", "--out", "B/keys/agency.pem"]).expect(0);
    let replace = [
        "trust",
        "add-agency",
        "--dir",
        "T",
        "--name",
        "id-xb-example",
        "--issuer",
        "https://id.xb.example",
        "--key",
        "B/keys/agency.pem.pub",
    ];
    assert!(ceremony.issuer(&replace).expect(2).said.contains("--replace-key"));
    ceremony.issuer(&[&replace[..], &["--replace-key"]].concat()).expect(0);
    ceremony.publish(&[]).expect(2);
    ceremony.hand_in("B", None);
    ceremony.publish(&["PB"]).expect(0);
    ceremony.import("kiosk", LATER, false).expect(0);
}

/// An agency that has its repository to itself replaces keys in the same way.
#[test]
fn an_agency_of_its_own_rotates_too() {
    let ceremony = Ceremony::new(Some(START));
    ceremony.issuer(&["init", "--dir", "A", "--iss", "https://id.xa.example"]).expect(0);
    let publish = || ceremony.issuer(&["publish", "--dir", "A", "--out", "REPO"]).expect(0);
    let import = |root: &[&str]| {
        let import = ["trust", "import", "REPO", "--state", "kiosk", "--at", LATER];
        ceremony.journey.kiosk(&[&import[..], root].concat())
    };
    publish();
    import(&["--root", "A/root.json"]).expect(0);
    ceremony.issuer(&["trust", "rotate", "--dir", "A", "--role", "targets"]).expect(0);
    for key in ["A/keys/root-1.pem", "A/keys/root-3.pem"] {
        ceremony.issuer(&["trust", "sign", "A/2.root.json", "--key", key]).expect(0);
    }
    publish();
    assert_eq!(import(&[]).expect(0).json["versions"]["root"], 2);
}
