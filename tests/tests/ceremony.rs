//! A repository of two agencies through the real programs: three people hold the root, keys are replaced, and a
//! kiosk follows.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;
use shared::key::{Signer, SoftwareKey};
use tests::journey::{Answered, Journey, START, copy};
use tests::{python_tuf, third_party_python};

const LATER: &str = "2026-11-20T10:00:00Z";
const NEXT_DAY: &str = "2026-11-21T09:00:00Z";
const ANCHOR: &str = "T/root.json";

/// Agencies A and B, each with a folder of its own that is published to `PA` and `PB`, and an unsigned `T/root.json`
/// of which Ann, Ben and Cid hold a key each.
struct Ceremony {
    journey: Journey,
    at: Vec<String>,
}

impl Ceremony {
    /// With the clock of this machine where `at` is `None`.
    fn new(at: Option<&str>) -> Self {
        let journey = Journey::bare();
        let at = at.map(|at| vec!["--at".to_owned(), at.to_owned()]).unwrap_or_default();
        let ceremony = Self { journey, at };
        for name in ["ann", "ben", "cid"] {
            ceremony.keygen(name);
        }
        ceremony
            .issuer(&[
                "trust", "init", "--dir", "T", "--root", "ann.pub", "--root", "ben.pub", "--root", "cid.pub",
            ])
            .expect(0);
        ceremony
    }

    /// With a signed root and both agencies in it, published to `REPO`.
    fn published(at: Option<&str>) -> Self {
        let ceremony = Self::new(at);
        ceremony.sign("root.json", &["ann", "cid"]);
        ceremony.agency("A", "https://id.xa.example");
        ceremony.agency("B", "https://id.xb.example");
        ceremony.publish(&["PA", "PB"]).expect(0);
        ceremony
    }

    fn issuer(&self, arguments: &[&str]) -> Answered {
        let timed = !arguments.contains(&"--at") && !["keygen", "sign"].contains(&arguments[1]);
        let at = self.at.iter().filter(|_| timed).map(String::as_str);
        self.journey.issuer(&arguments.iter().copied().chain(at).collect::<Vec<_>>())
    }

    fn keygen(&self, name: &str) {
        self.issuer(&["trust", "keygen", "--out", name]).expect(0);
    }

    fn sign(&self, root: &str, people: &[&str]) {
        for person in people {
            self.issuer(&["trust", "sign", &format!("T/{root}"), "--key", person]).expect(0);
        }
    }

    /// Sets up an agency, lets it into the repository, and lets it publish to `P<folder>`.
    fn agency(&self, folder: &str, issuer: &str) -> Value {
        let made = self.issuer(&["init", "--dir", folder, "--iss", issuer]).expect(0).json;
        let (name, key) = (made["agency"].as_str().unwrap(), made["agency_key"].as_str().unwrap());
        self.issuer(&["trust", "add-agency", "--dir", "T", "--name", name, "--issuer", issuer, "--key", key])
            .expect(0);
        self.hand_in(folder, None);
        made
    }

    fn hand_in(&self, folder: &str, at: Option<&str>) {
        let out = format!("P{folder}");
        let mut publish = vec!["publish", "--dir", folder, "--out", &out];
        publish.extend(at.iter().flat_map(|at| ["--at", at]));
        self.issuer(&publish).expect(0);
    }

    fn publish(&self, parts: &[&str]) -> Answered {
        self.publish_at(parts, None)
    }

    fn publish_at(&self, parts: &[&str], at: Option<&str>) -> Answered {
        let mut publish = vec!["trust", "publish", "--dir", "T", "--out", "REPO"];
        publish.extend(parts.iter().flat_map(|part| ["--part", part]));
        publish.extend(at.iter().flat_map(|at| ["--at", at]));
        self.issuer(&publish)
    }

    fn import(&self, state: &str, at: &str, root: bool) -> Answered {
        let mut import = vec!["trust", "import", "REPO", "--state", state, "--at", at];
        if root {
            import.extend(["--root", ANCHOR]);
        }
        self.journey.kiosk(&import)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.journey.path(name)
    }
}

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

/// Reads a key as `issuer` writes it (RFC 8410 §7): the seed stands after the headers of two octet strings.
fn private_key(path: &Path) -> SoftwareKey {
    const BEFORE_SEED: [u8; 4] = [0x04, 0x22, 0x04, 0x20];
    let pem = fs::read_to_string(path).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(body).unwrap();
    let seed = der.windows(4).position(|window| window == BEFORE_SEED).unwrap() + 4;
    SoftwareKey::from_seed(der[seed..seed + 32].try_into().unwrap())
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
