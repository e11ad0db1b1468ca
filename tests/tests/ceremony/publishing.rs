//! What agencies hand in, what is published of it, and who reads that.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;
use shared::key::{Signer, SoftwareKey};
use tests::journey::{Journey, START, copy};
use tests::{python_tuf, third_party_python};

use super::*;

#[test]
fn an_agency_hands_in_its_own_part_and_nothing_else() {
    let ceremony = Ceremony::published(Some(START));
    // Somebody else's part under the name of A: an agency that calls itself the same.
    ceremony
        .issuer(&["init", "--dir", "X", "--iss", "https://id.xa.example", "--agency", "id-xa-example"])
        .expect(0);
    ceremony.hand_in("X", None);
    let foreign = ceremony.publish(&["PX"]).expect(2);
    assert!(foreign.said.contains("threshold not met for role id-xa-example"), "{}", foreign.said);
    // Nobody that we know.
    ceremony.issuer(&["init", "--dir", "Y", "--iss", "https://id.xy.example"]).expect(0);
    ceremony.hand_in("Y", None);
    assert!(ceremony.publish(&["PY"]).expect(2).said.contains("add-agency"));
    // A target that is not what was signed.
    copy(&ceremony.path("PA"), &ceremony.path("changed"));
    let targets = ceremony.path("changed/targets/issuers/id-xa-example");
    let list = fs::read_dir(&targets).unwrap().map(|entry| entry.unwrap().path());
    let list = list.into_iter().find(|path| path.extension().is_some_and(|end| end == "cwt")).unwrap();
    let mut bytes = fs::read(&list).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&list, bytes).unwrap();
    assert!(ceremony.publish(&["changed"]).expect(2).said.contains("not what was signed"));
    // What it handed in before the last time.
    copy(&ceremony.path("PA"), &ceremony.path("old"));
    ceremony.hand_in("A", None);
    ceremony.publish(&["PA"]).expect(0);
    assert!(ceremony.publish(&["old"]).expect(2).said.contains("had 2 already"));
    // An agency signs for itself only; two may not speak for one issuer, and none is called like a role.
    for (name, issuer, key) in [
        ("copy", "https://id.xb.example", "ann.pub"),
        ("timestamp", "https://id.xc.example", "ann.pub"),
        ("../x", "https://id.xc.example", "ann.pub"),
    ] {
        ceremony
            .issuer(&["trust", "add-agency", "--dir", "T", "--name", name, "--issuer", issuer, "--key", key])
            .expect(2);
    }
    ceremony.publish(&[]).expect(0);
}

/// Whoever changes a folder while another command does waits, and then goes on from what that one left.
#[test]
fn one_command_at_a_time_changes_a_folder() {
    let ceremony = Ceremony::published(Some(START));
    ceremony.keygen("dora");
    ceremony.issuer(&["trust", "rotate", "--dir", "T", "--role", "targets"]).expect(0);
    let kiosk = ceremony.journey.kiosk(&["key", "--state", "gate"]).expect(0).json;
    let kiosk = kiosk["key"].as_str().unwrap();
    let agency = ["--name", "xc", "--issuer", "https://id.xc.example", "--key", "dora.pub"];
    let commands = [
        vec!["trust", "publish", "--dir", "T", "--out", "REPO"],
        vec!["trust", "sign", "T/2.root.json", "--key", "ann"],
        vec!["trust", "sign", "T/2.root.json", "--key", "cid"],
        [&["trust", "add-agency", "--dir", "T"][..], &agency].concat(),
        vec!["trust", "remove-agency", "--dir", "T", "--name", "xc"],
        vec!["sector", "add-kiosk", "--dir", "T", "--name", "g", "--key", kiosk, "--purpose", "border"],
        vec!["sector", "rotate", "--dir", "T", "--purpose", "border"],
        vec!["sector", "remove-kiosk", "--dir", "T", "--name", "g"],
        vec!["trust", "rotate", "--dir", "T", "--role", "snapshot"],
        vec!["publish", "--dir", "A", "--out", "PA"],
    ];
    for command in commands {
        let folder = if command.contains(&"A") { "A" } else { "T" };
        let held = fs::File::open(ceremony.path(folder)).unwrap();
        flock(&held, FlockOperation::LockExclusive).unwrap();
        let at = (command[1] != "sign").then_some(["--at", START]);
        let mut waiting = ceremony
            .journey
            .command("issuer")
            .args(&command)
            .args(at.iter().flatten())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(waiting.stderr.take().unwrap()).lines();
        let told = said.by_ref().any(|line| line.unwrap().contains("waiting for another command"));
        assert!(told, "{command:?} did not wait");
        drop(held);
        let said: Vec<String> = said.map(Result::unwrap).collect();
        assert!(waiting.wait().unwrap().success(), "{command:?}: {said:?}");
    }
}

/// Kiosks that follow make the lists out of what they have; one that comes new reads them whole, and counts as well.
#[test]
fn a_list_that_only_new_kiosks_read_is_looked_at() {
    let ceremony = Ceremony::published(Some(START));
    ceremony.hand_in("A", None);
    // The hashes are right, and the list beside them is not one, signed and named as it should be.
    let garbage = b"no list at all";
    let hash = hex::encode(digest(&SHA256, garbage));
    let folder = ceremony.path("PA/targets/issuers/id-xa-example");
    fs::write(folder.join(format!("{hash}.status-0.cwt")), garbage).unwrap();
    let metadata = ceremony.path("PA/metadata/2.id-xa-example.json");
    let mut document: Value = serde_json::from_slice(&fs::read(&metadata).unwrap()).unwrap();
    document["signed"]["targets"]["issuers/id-xa-example/status-0.cwt"] =
        serde_json::json!({ "length": garbage.len(), "hashes": { "sha256": hash } });
    // Compact and in the order of its keys, which is the canonical form.
    let signature = private_key(&ceremony.path("A/keys/agency.pem"))
        .sign(&serde_json::to_vec(&document["signed"]).unwrap())
        .unwrap();
    document["signatures"][0]["sig"] = hex::encode(signature).into();
    fs::write(metadata, document.to_string()).unwrap();
    let refused = ceremony.publish(&["PA"]).expect(2);
    assert!(refused.said.contains("kiosks would not believe"), "{}", refused.said);
    assert!(refused.said.contains("status-0.cwt"), "{}", refused.said);
    assert_eq!(ceremony.import("new", LATER, true).expect(0).json["versions"]["timestamp"], 1);
}

/// Keys of sectors and lists of seal signers are the shared repository's, and reach its kiosks.
#[test]
fn encrypted_codes_and_seals_in_a_shared_repository() {
    let ceremony = Ceremony::published(Some(START));
    let gate = ceremony.journey.kiosk(&["key", "--state", "gate"]).expect(0).json;
    let sector = |folder: &str| {
        let (name, key) = ("gate", gate["key"].as_str().unwrap());
        let at = ["--purpose", "border", "--at", START];
        let add = ["sector", "add-kiosk", "--dir", folder, "--name", name, "--key", key];
        ceremony.issuer(&[&add[..], &at].concat()).expect(0);
        let rotated = ceremony.issuer(&[&["sector", "rotate", "--dir", folder][..], &at].concat()).expect(0);
        fs::create_dir(ceremony.path(folder).join("seals")).unwrap();
        let list = ceremony.path(folder).join("seals/health-certificates.json");
        fs::write(list, r#"{"signers": []}"#).unwrap();
        rotated.json["epoch"]["public"].as_str().unwrap().to_owned()
    };
    // What an agency says for itself does not travel with its part, and that is said.
    sector("A");
    ceremony.hand_in("A", None);
    let said = ceremony.publish(&["PA"]).expect(0).said;
    assert!(said.contains("PA holds seals") && said.contains("PA holds sector-keys"), "{said}");
    assert!(!ceremony.path("REPO/targets/sector-keys").exists());
    let key = sector("T");
    ceremony.publish(&[]).expect(0);
    assert!(ceremony.path("REPO/targets/seals").exists());
    ceremony.import("gate", LATER, true).expect(0);
    ceremony.journey.credential_without_face("A", 1, LATER);
    let at = "2026-11-20T10:00:05Z";
    let code = ceremony.journey.code("A-1", "border", at, &["--encrypt-to", &key]);
    let verify = ["verify", "--state", "gate", "--purpose", "border", "--at", at, code.to_str().unwrap()];
    assert_eq!(ceremony.journey.kiosk(&verify).expect(0).reason(), "accepted");
    let nowhere = ceremony.issuer(&["sector", "list", "--dir", "PA"]).expect(2);
    assert!(nowhere.said.contains("neither an agency's folder"), "{}", nowhere.said);
}

/// What kiosks would refuse is refused at the office, and what is published stays as it is.
#[test]
fn an_agency_of_its_own_publishes_what_kiosks_believe() {
    let journey = Journey::new();
    let publish = |at: &str| journey.issuer(&["publish", "--dir", "A", "--out", "REPO", "--at", at]);
    let current = || fs::read(journey.path("REPO/metadata/timestamp.json")).unwrap();
    publish(START).expect(0);
    fs::copy(journey.path("A/registry.sqlite"), journey.path("backup")).unwrap();
    publish(LATER).expect(0);
    publish(NEXT_DAY).expect(0);
    let published = current();
    assert!(publish(LATER).expect(2).said.contains("set the clock"));
    // A registry from a backup begins again with numbers that kiosks have seen.
    fs::copy(journey.path("backup"), journey.path("A/registry.sqlite")).unwrap();
    let refused = publish(NEXT_DAY).expect(2);
    assert!(refused.said.contains("kiosks would not believe"), "{}", refused.said);
    assert_eq!(current(), published);
}

/// The reference client follows the same repository, through a changed root and two delegations.
#[test]
fn python_tuf_follows() {
    if !third_party_python("tuf.ngclient") {
        return;
    }
    // It reads the clock itself, so everything happens now.
    let ceremony = Ceremony::published(None);
    let targets = |agency: &str, file: &str| format!("issuers/{agency}/{file}");
    let all = [
        "policy/border.json".to_owned(),
        targets("id-xa-example", "keys.json"),
        targets("id-xb-example", "keys.json"),
        targets("id-xb-example", "status-0.cwt"),
    ];
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let read = || python_tuf(&ceremony.path("REPO"), &ceremony.path("memory"), &all);
    assert_eq!(read(), Ok(4));
    copy(&ceremony.path("REPO"), &ceremony.path("OLD"));
    ceremony.issuer(&["trust", "rotate", "--dir", "T", "--role", "snapshot"]).expect(0);
    ceremony.sign("2.root.json", &["ben", "cid"]);
    ceremony.hand_in("A", None);
    ceremony.publish(&["PA"]).expect(0);
    assert_eq!(read(), Ok(4));
    let error = python_tuf(&ceremony.path("OLD"), &ceremony.path("memory"), &all).expect_err("the older one");
    assert!(error.contains("BadVersionNumberError"), "{error}");
}

/// Reads a key as `issuer` writes it (RFC 8410 §7): the seed stands after the headers of two octet strings.
fn private_key(path: &Path) -> SoftwareKey {
    const BEFORE_SEED: [u8; 4] = [0x04, 0x22, 0x04, 0x20];
    let pem = fs::read_to_string(path).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(body).unwrap();
    let seed = der.windows(4).position(|window| window == BEFORE_SEED).unwrap() + 4;
    SoftwareKey::from_seed(der[seed..seed + 32].try_into().unwrap())
}
