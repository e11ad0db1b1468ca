//! An organization's accounts: for whom a kiosk works, and what people at the desk do.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use shared::reason::Reason;
use tests::journey::{Journey, START};

use crate::{LATER, TWO_SECONDS_ON};

/// A kiosk at a hotel of a chain, provisioned; its state is in `desk`.
fn hotel() -> Journey {
    let journey = Journey::new();
    let key = journey.kiosk(&["key", "--state", "desk"]).expect(0).json["key"].as_str().unwrap().to_owned();
    let sector = ["sector", "add-kiosk", "--dir", "A", "--name", "desk", "--key", &key, "--purpose", "hotel"];
    journey.issuer(&sector).expect(0);
    journey.issuer(&["sector", "rotate", "--dir", "A", "--purpose", "hotel", "--at", START]).expect(0);
    let add = ["kiosk", "add", "--dir", "A", "--key", &key, "--organization", "grand.example", "--service"];
    journey.issuer(&[&add[..], &["Lisboa"]].concat()).expect(2);
    let added = journey.issuer(&[&add[..], &["lisboa"]].concat()).expect(0);
    assert_eq!(added.json["kiosk"]["name"], "lisboa.grand.example");
    journey.issuer(&[&add[..], &["taipa"]].concat()).expect(2);
    let list = journey.issuer(&["kiosk", "list", "--dir", "A"]).expect(0);
    assert_eq!(list.json["kiosks"].as_array().unwrap().len(), 1);
    journey.publish(START);
    journey
        .kiosk(&["trust", "import", "REPO", "--root", "A/root.json", "--state", "desk", "--at", LATER])
        .expect(0);
    let settings =
        "state = \"desk\"\n[accounts]\nstore = \"accounts.sqlite\"\ndocument_key_file = \"doc.key\"\n";
    fs::write(journey.path("lane.toml"), settings).unwrap();
    journey
}

#[test]
fn a_directory_is_made_for_whom_the_repository_says() {
    let journey = hotel();
    let accounts = |arguments: &[&str]| {
        journey.kiosk(&[&["accounts"], arguments, &["--config", "lane.toml", "--at", LATER]].concat())
    };
    assert!(accounts(&["list"]).expect(2).said.contains("kiosk accounts init"));
    let made = accounts(&["init"]).expect(0);
    assert_eq!(made.json["organization"], "grand.example");
    accounts(&["init"]).expect(0);

    let mut add = journey
        .command("kiosk")
        .args(["accounts", "add", "member-7", "--issuer", "https://id.xa.example", "--by", "ana"])
        .args(["--config", "lane.toml", "--at", LATER])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    add.stdin.take().unwrap().write_all(b"XA-CANARY-7\n").unwrap();
    assert!(add.wait().unwrap().success());
    let list = accounts(&["list"]).expect(0).json;
    assert_eq!(list["accounts"][0]["id"], "member-7", "{list}");
    let shown = accounts(&["show", "member-7"]).expect(0).json;
    assert_eq!(shown["bindings"][0]["kind"], "document", "{shown}");
    let unbind = ["unbind", "member-7", "--kind", "document", "--by", "ana", "--note", "asked for"];
    assert_eq!(accounts(&unbind).expect(0).json["changed"], 1);
    assert_eq!(accounts(&["rebind", "member-7", "--by", "bo"]).expect(0).json["changed"], 1);
    accounts(&["resolve", "1", "--new", "--by", "ana"]).expect(2);
    accounts(&["show", "nobody"]).expect(2);
    let output = journey.plain("kiosk", &["accounts", "events", "--config", "lane.toml"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let events: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let what: Vec<_> = events.iter().map(|event| event["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["created", "bound", "released", "restored"]);
    assert_eq!((&events[2]["by"], &events[2]["note"]), (&"ana".into(), &"asked for".into()));
    for file in ["accounts.sqlite", "accounts.sqlite-wal"] {
        let bytes = fs::read(journey.path(file)).unwrap_or_default();
        assert!(!bytes.windows(6).any(|window| window == b"CANARY"), "the number is in no file");
    }
}

/// The codes of a resident at a hotel: an encrypted one is read by the sector, the same credential is shown in the clear,
/// and a kiosk that nobody works for has no directory.
#[test]
fn a_hotels_codes_are_read_encrypted_and_plain() {
    let journey = hotel();
    journey.resident(1, "hotel", &[]);
    let sectors = journey.issuer(&["sector", "list", "--dir", "A"]).expect(0).json;
    let public = sectors["purposes"]["hotel"]["epochs"][0]["public"].as_str().unwrap().to_owned();
    let verify = |code: &std::path::Path| {
        let code = code.to_str().unwrap();
        journey.kiosk(&["verify", "--state", "desk", "--purpose", "hotel", "--at", TWO_SECONDS_ON, code])
    };
    let encrypted = journey.code("resident-01", "hotel", LATER, &["--encrypt-to", &public]);
    assert_eq!(verify(&encrypted).reason(), Reason::Accepted.code());
    let plain = journey.code("resident-01", "hotel", TWO_SECONDS_ON, &[]);
    assert_eq!(verify(&plain).reason(), Reason::Accepted.code());

    journey.issuer(&["kiosk", "remove", "--dir", "A", "--name", "lisboa.grand.example"]).expect(0);
    journey.publish(LATER);
    journey.kiosk(&["trust", "import", "REPO", "--state", "desk", "--at", LATER]).expect(0);
    let init = ["accounts", "init", "--config", "lane.toml", "--at", LATER];
    assert!(journey.kiosk(&init).expect(2).said.contains("issuer kiosk add"));
}
