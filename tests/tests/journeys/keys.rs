//! The agency's own keys: under a passphrase, in a token, following each other, taken back.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use shared::reason::Reason;
use tests::journey::{Answered, Journey, START, SlowPassphrase, copy};

/// SoftHSM2 as Debian packages it.
const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

const LATER: &str = "2026-11-20T10:00:00Z";
const LATER_STILL: &str = "2026-11-20T12:00:00Z";

/// Runs `issuer key` for the agency of the journey.
fn key(journey: &Journey, verb: &str, more: &[&str]) -> Answered {
    journey.issuer(&[&["key", verb, "--dir", "A"], more].concat())
}

/// What `issuer key list` says about a key.
fn listed(journey: &Journey, name: &str, at: &str) -> Value {
    let list = key(journey, "list", &["--at", at]).expect(0).json;
    list["keys"].as_array().unwrap().iter().find(|key| key["name"] == name).unwrap().clone()
}

/// Replaces the key of a role of the agency's own repository.
fn rotate_role(journey: &Journey, role: &str, signers: &[&str]) {
    journey.issuer(&["trust", "rotate", "--dir", "A", "--role", role, "--at", LATER]).expect(0);
    for signer in signers {
        journey.issuer(&["trust", "sign", "A/2.root.json", "--key", signer]).expect(0);
    }
}

/// Writes a file that only its owner can read.
fn write_secret(path: &Path, text: &str) {
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
}

/// Issues a credential for the border at a time, to the phone of `folder`, in the file `<folder>-<name>.cbor`.
fn issue(journey: &Journey, subject: &str, folder: &str, name: &str, at: &str) -> Answered {
    let (key, out) = (format!("{folder}.key.pub"), format!("{folder}-{name}.cbor"));
    journey.issuer(&[
        "issue",
        "--dir",
        "A",
        "--subject",
        subject,
        "--purpose",
        "border",
        "--holder-key",
        &key,
        "--out",
        &out,
        "--at",
        at,
    ])
}

/// The reason that a kiosk gives for a credential, with the published repository.
fn reason(journey: &Journey, folder: &str, name: &str, at: &str) -> String {
    let code = journey.code(folder, name, at, &[]);
    journey.verify(&code, at, &[]).reason().to_owned()
}

#[test]
fn keys_under_a_passphrase_are_useless_without_it() {
    let mut journey = Journey::bare();
    assert!(journey.init(&["--key-passphrase"]).expect(2).said.contains("GATEPASS_PASSPHRASE_FILE"));
    assert!(!journey.path("A").exists(), "nothing is made before there is a passphrase");

    let file = journey.path("passphrase");
    write_secret(&file, "too short\n");
    journey.set_environment("GATEPASS_PASSPHRASE_FILE", &file);
    assert!(journey.init(&["--key-passphrase"]).expect(2).said.contains("12 characters"));
    write_secret(&file, "a sample passphrase\n");
    journey.init(&["--key-passphrase"]).expect(0);
    for entry in fs::read_dir(journey.path("A/keys")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("PRIVATE KEY"), "{}", path.display());
        let key = path.extension().is_some_and(|extension| extension == "age");
        assert_eq!(text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----"), key, "{}", path.display());
    }
    assert_eq!(listed(&journey, "issuer", START)["kept"], "passphrase file");
    assert_eq!(listed(&journey, "root-2", START)["kept"], "passphrase file");

    journey.resident(1, "border", &[]);
    journey.publish(START);
    assert_eq!(reason(&journey, "resident-01", "border", LATER), Reason::Accepted.code());

    // A key made later is kept like the one before it.
    key(&journey, "rotate", &["--at", LATER]).expect(0);
    assert_eq!(listed(&journey, "issuer-2", LATER)["kept"], "passphrase file");
    rotate_role(&journey, "snapshot", &["A/keys/root-1.age", "A/keys/root-2.age"]);
    assert_eq!(listed(&journey, "snapshot-2", LATER)["kept"], "passphrase file");
    assert!(!journey.path("A/keys/snapshot-2.pem").exists());
    journey.publish(LATER);

    write_secret(&file, "another passphrase\n");
    let publish = ["publish", "--dir", "A", "--out", "REPO", "--at", LATER];
    let said = journey.issuer(&publish).expect(2).said;
    assert!(said.contains("issuer-2.age") && said.contains("passphrase is wrong"), "{said}");
    assert!(!said.contains("another passphrase"));
    write_secret(&file, "a sample passphrase\n");
    journey.issuer(&publish).expect(0);
    journey.set_environment("GATEPASS_PASSPHRASE_FILE", journey.path("nowhere"));
    assert!(journey.issuer(&publish).expect(2).said.contains("nowhere"));
}

#[test]
fn rotation_overlaps() {
    let journey = Journey::new();
    let subject = journey.resident(1, "border", &[]);
    journey.publish(START);
    let first = listed(&journey, "issuer", START);
    assert_eq!(
        (&first["state"], &first["kept"], &first["since"]),
        (&"signs".into(), &"file".into(), &START.into())
    );

    assert!(key(&journey, "rotate", &["--at", START]).expect(2).said.contains("not before"));
    let rotated = key(&journey, "rotate", &["--at", LATER]).expect(0).json;
    assert_eq!(rotated["replaces"], first["id"]);
    issue(&journey, &subject, "resident-01", "second", LATER_STILL).expect(0);
    // Not yet published: a kiosk knows the old key only.
    assert_eq!(reason(&journey, "resident-01", "second", LATER_STILL), Reason::IssuerKeyUnknown.code());
    journey.publish(LATER_STILL);
    for credential in ["border", "second"] {
        assert_eq!(
            reason(&journey, "resident-01", credential, LATER_STILL),
            Reason::Accepted.code(),
            "{credential}"
        );
    }

    let keys = journey.path("REPO/targets");
    let published = find(&keys, "keys.json");
    let published: Value = serde_json::from_slice(&fs::read(published).unwrap()).unwrap();
    let times = |key: &Value| (key["not_before"].clone(), key["not_after"].clone());
    assert_eq!(times(&published["keys"][0]), (START.into(), "2026-11-20T10:00:01Z".into()));
    assert_eq!(times(&published["keys"][1]), (LATER.into(), Value::Null));
    let token = fs::read(find(&keys, "status-0.cwt")).unwrap();
    let signed_by = |id: &Value| {
        let id = hex::decode(id.as_str().unwrap()).unwrap();
        token.windows(8).any(|window| window == id)
    };
    assert!(signed_by(&rotated["id"]) && !signed_by(&first["id"]), "status lists are signed by the new key");
    assert_eq!(listed(&journey, "issuer", LATER_STILL)["state"], "retired");
    assert_eq!(listed(&journey, "issuer-2", LATER_STILL)["state"], "signs");
    // What the old key signed can still be revoked, once the key itself is gone.
    fs::remove_file(journey.path("A/keys/issuer.pem")).unwrap();
    journey
        .issuer(&["revoke", "--dir", "A", "--credential", "resident-01-border.cbor", "--at", LATER_STILL])
        .expect(0);
    journey.publish(LATER_STILL);
    assert_eq!(reason(&journey, "resident-01", "border", LATER_STILL), Reason::StatusRevoked.code());
    assert_eq!(reason(&journey, "resident-01", "second", LATER_STILL), Reason::Accepted.code());
}

/// A kiosk that has imported, rather than one that is handed a repository, follows the rotation too.
#[test]
fn a_kiosk_follows_a_rotation_with_its_next_import() {
    let journey = Journey::new();
    let subject = journey.resident(1, "border", &[]);
    journey.publish(START);
    let import = |at: &str, more: &[&str]| {
        journey.kiosk(&[&["trust", "import", "REPO", "--state", "K", "--at", at], more].concat()).expect(0)
    };
    import(START, &["--root", "A/root.json"]);
    key(&journey, "rotate", &["--at", LATER]).expect(0);
    issue(&journey, &subject, "resident-01", "second", LATER).expect(0);
    journey.publish(LATER);
    import(LATER, &[]);
    for credential in ["border", "second"] {
        let code = journey.code("resident-01", credential, LATER_STILL, &[]);
        let code = code.to_str().unwrap();
        let answer =
            journey.kiosk(&["verify", "--state", "K", "--purpose", "border", "--at", LATER_STILL, code]);
        assert_eq!(answer.expect(0).reason(), Reason::Accepted.code(), "{credential}");
    }
}

#[test]
fn a_thief_with_a_retired_key_cannot_issue_today() {
    let journey = Journey::new();
    let subject = journey.resident(1, "border", &[]);
    // The thief has the whole office as it was before the rotation, and goes on issuing with it.
    copy(&journey.path("A"), &journey.path("STOLEN"));
    key(&journey, "rotate", &["--at", LATER]).expect(0);
    journey.publish(LATER);
    let forge = |name: &str, at: &str| {
        let (key, out) = ("resident-01.key.pub", format!("resident-01-{name}.cbor"));
        let forge = [
            "issue",
            "--dir",
            "STOLEN",
            "--subject",
            &subject,
            "--purpose",
            "border",
            "--holder-key",
            key,
            "--out",
            &out,
            "--at",
            at,
        ];
        journey.issuer(&forge).expect(0);
    };
    forge("today", "2026-11-20T11:00:00Z");
    assert_eq!(reason(&journey, "resident-01", "today", LATER_STILL), Reason::IssuerKeyNotValid.code());

    // Written back to when the key was in use, it passes: that is what revoking a key is for.
    forge("backdated", "2026-11-20T09:30:00Z");
    assert_eq!(reason(&journey, "resident-01", "backdated", LATER_STILL), Reason::Accepted.code());
    let id = listed(&journey, "issuer", LATER)["id"].as_str().unwrap().to_owned();
    let revoke =
        |more: &[&str]| key(&journey, "revoke", &[&["--key", &id, "--at", LATER_STILL], more].concat());
    let revoked = revoke(&["--since", "2026-11-20T09:15:00Z"]).expect(0);
    assert!(revoked.said.contains("earlier time"), "{}", revoked.said);
    assert_eq!(revoked.json["to_issue_again"], 0, "the forged ones are in nobody's registry");
    journey.publish(LATER_STILL);
    for (credential, expected) in [
        ("border", Reason::Accepted),
        ("backdated", Reason::IssuerKeyRevoked),
        ("today", Reason::IssuerKeyRevoked),
    ] {
        assert_eq!(reason(&journey, "resident-01", credential, LATER_STILL), expected.code(), "{credential}");
    }

    let revoked = revoke(&[]).expect(0);
    assert_eq!((&revoked.json["revoked_at"], &revoked.json["to_issue_again"]), (&START.into(), &1.into()));
    journey.publish(LATER_STILL);
    assert_eq!(reason(&journey, "resident-01", "border", LATER_STILL), Reason::IssuerKeyRevoked.code());
    assert_eq!(listed(&journey, "issuer", LATER_STILL)["state"], "revoked");
    issue(&journey, &subject, "resident-01", "again", LATER_STILL).expect(0);
    assert_eq!(reason(&journey, "resident-01", "again", LATER_STILL), Reason::Accepted.code());
}

#[test]
fn keys_that_nobody_should_use_are_not_taken() {
    let journey = Journey::new();
    let current = listed(&journey, "issuer", START)["id"].as_str().unwrap().to_owned();
    let said = key(&journey, "revoke", &["--key", &current, "--at", LATER]).expect(2).said;
    assert!(said.contains("issuer key rotate"), "{said}");
    assert!(key(&journey, "revoke", &["--key", "00", "--at", LATER]).expect(2).said.contains("key list"));
    let import = |reference: &str| key(&journey, "rotate", &["--at", LATER, "--import", reference]);
    assert!(import("A/keys/issuer.pem").expect(2).said.contains("in use before"));
    assert!(import("A/root.json").expect(2).said.contains("none of"));
    assert!(import("nowhere").expect(2).said.contains("nowhere"));
    assert!(import("pkcs11:token=T?module-path=/nowhere.so&pin-value=1").expect(2).said.contains("PIN"));
    assert!(import("pkcs11:token=T;object=o?module-path=/nowhere.so").expect(2).said.contains("/nowhere.so"));
    assert!(!journey.path("A/keys/issuer-2.pem").exists(), "nothing is left behind");

    journey.issuer(&["holder", "keygen", "--out", "own"]).expect(0);
    assert_eq!(import("own").expect(0).json["kept"], "file");
    fs::copy(journey.path("A/keys/issuer.pem"), journey.path("A/keys/issuer-2.age")).unwrap();
    let publish = journey.issuer(&["publish", "--dir", "A", "--out", "REPO", "--at", LATER]).expect(2);
    assert!(publish.said.contains("more than once"), "{}", publish.said);
    fs::remove_file(journey.path("A/keys/issuer-2.pem")).unwrap();
    let publish = journey.issuer(&["publish", "--dir", "A", "--out", "REPO", "--at", LATER]).expect(2);
    assert!(publish.said.contains("not the one that kiosks are told about"), "{}", publish.said);
}

/// A phone's key that is weak, of mixed order, or written in another way.
#[test]
fn a_phones_key_that_nobody_should_believe_is_not_taken() {
    let journey = Journey::new();
    let subject = journey.resident(2, "border", &[]);
    for (key, word) in [
        ("0000000000000000000000000000000000000000000000000000000000000000", "weak"),
        ("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "weak"),
        ("9599999999999999999999999999999999999999999999999999999999999999", "weak"),
        ("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "canonical"),
    ] {
        fs::write(journey.path("weak.pub"), key).unwrap();
        for given in [key, "weak.pub"] {
            let issue = [
                "issue",
                "--dir",
                "A",
                "--subject",
                &subject,
                "--purpose",
                "border",
                "--holder-key",
                given,
                "--out",
                "weak.cbor",
                "--at",
                LATER,
            ];
            let said = journey.issuer(&issue).expect(2).said;
            assert!(said.contains(word), "{given}: {said}");
        }
    }
}

/// Whoever takes a key back while somebody else types a passphrase for the next one has taken it back.
#[test]
fn a_key_is_taken_back_while_another_is_being_made() {
    let journey = Journey::new();
    key(&journey, "rotate", &["--at", LATER]).expect(0);
    let first = listed(&journey, "issuer", LATER)["id"].as_str().unwrap().to_owned();
    let passphrase = SlowPassphrase::new(journey.path("pipe"));
    let mut rotate = journey
        .command("issuer")
        .args(["key", "rotate", "--dir", "A", "--key-passphrase", "--at", LATER_STILL])
        .env(SlowPassphrase::VARIABLE, passphrase.path())
        .spawn()
        .unwrap();
    passphrase.answer(&mut rotate, "a sample passphrase\n", || {
        key(&journey, "revoke", &["--key", &first, "--at", LATER_STILL]).expect(0);
    });
    assert!(rotate.wait().unwrap().success());
    assert_eq!(listed(&journey, "issuer", LATER_STILL)["state"], "revoked");
    assert_eq!(listed(&journey, "issuer-3", LATER_STILL)["state"], "signs");
}

/// A credential that is revoked while somebody types the agency's passphrase.
#[test]
fn what_is_counted_is_what_was_published() {
    let mut journey = Journey::new();
    journey.resident(1, "border", &[]);
    write_secret(&journey.path("passphrase"), "a sample passphrase\n");
    journey.set_environment(SlowPassphrase::VARIABLE, journey.path("passphrase"));
    fs::remove_file(journey.path("A/keys/agency.pem")).unwrap();
    journey.issuer(&["trust", "keygen", "--key-passphrase", "--out", "A/keys/agency.age"]).expect(0);
    let passphrase = SlowPassphrase::new(journey.path("pipe"));
    let mut publish = journey
        .command("issuer")
        .args(["publish", "--dir", "A", "--out", "REPO", "--at", LATER, "--json"])
        .env(SlowPassphrase::VARIABLE, passphrase.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    passphrase.answer(&mut publish, "a sample passphrase\n", || {
        let revoke = ["revoke", "--dir", "A", "--credential", "resident-01-border.cbor", "--at", LATER];
        journey.issuer(&revoke).expect(0);
    });
    let output = publish.wait_with_output().unwrap();
    assert!(output.status.success());
    let published: Value = serde_json::from_slice(&output.stdout).unwrap();
    let revoked = reason(&journey, "resident-01", "border", LATER) == Reason::StatusRevoked.code();
    assert_eq!(published["not_valid"], u64::from(revoked));
}

/// A rotation that did not finish leaves a key, which the next one takes only if it is kept as that one is told.
#[test]
fn a_key_that_was_left_is_taken_as_it_was_asked_for() {
    let mut journey = Journey::new();
    write_secret(&journey.path("passphrase"), "a sample passphrase\n");
    journey.set_environment(SlowPassphrase::VARIABLE, journey.path("passphrase"));
    let rotate = |more: &[&str]| {
        let rotate = ["trust", "rotate", "--dir", "A", "--role", "timestamp", "--at", LATER];
        journey.issuer(&[&rotate[..], more].concat())
    };
    let gone = |name: &str| fs::remove_file(journey.path(name)).unwrap();
    rotate(&[]).expect(0);
    let key = || fs::read_to_string(journey.path("A/keys/timestamp-2.pub")).unwrap();
    let left = key();
    gone("A/2.root.json");
    gone("A/keys/timestamp-2.pub");
    let refused = rotate(&["--key-passphrase"]).expect(2).said;
    assert!(refused.contains("A/keys/timestamp-2.pem") && refused.contains("passphrase file"), "{refused}");
    assert!(!journey.path("A/2.root.json").exists());
    rotate(&[]).expect(0);
    assert_eq!(key(), left, "the public half is there again");
    gone("A/2.root.json");
    gone("A/keys/timestamp-2.pem");
    rotate(&["--key-passphrase"]).expect(0);
    gone("A/2.root.json");
    rotate(&["--key-passphrase"]).expect(0);
    assert_ne!(key(), left);
}

/// Of two counters, one has a passphrase to type while the other issues.
#[test]
fn two_counters_issue_at_once() {
    let mut journey = Journey::bare();
    write_secret(&journey.path("passphrase"), "a sample passphrase\n");
    journey.set_environment(SlowPassphrase::VARIABLE, journey.path("passphrase"));
    journey.init(&["--key-passphrase"]).expect(0);
    let subject = journey.resident(1, "border", &[]);
    let passphrase = SlowPassphrase::new(journey.path("pipe"));
    let mut slow = journey
        .command("issuer")
        .args(["issue", "--dir", "A", "--subject", &subject, "--purpose", "hotel", "--at", LATER])
        .args(["--holder-key", "resident-01.key.pub", "--out", "slow.cbor"])
        .env(SlowPassphrase::VARIABLE, passphrase.path())
        .spawn()
        .unwrap();
    passphrase.answer(&mut slow, "a sample passphrase\n", || {
        assert_eq!(issue(&journey, &subject, "resident-01", "quick", LATER).expect(0).json["serial"], 2);
    });
    assert!(slow.wait().unwrap().success());
    assert!(journey.path("slow.cbor").exists());
    assert_eq!(issue(&journey, &subject, "resident-01", "next", LATER).expect(0).json["serial"], 4);
}

/// A journey with a token of its own, and the URI of the token; `None` where SoftHSM2 cannot be had.
fn with_token() -> Option<(Journey, String)> {
    if !Path::new(MODULE).exists() {
        use std::io::Write;
        let _ = writeln!(
            std::io::stderr(),
            "\n*** SKIPPED: SoftHSM2 is not here; deploy/setup.sh installs it ***\n"
        );
        return None;
    }
    let mut journey = Journey::bare();
    let (tokens, configuration, pin) =
        (journey.path("tokens"), journey.path("softhsm2.conf"), journey.path("pin"));
    fs::create_dir(&tokens).unwrap();
    fs::write(&configuration, format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display()))
        .unwrap();
    write_secret(&pin, "98765432\n");
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "Gatepass", "--so-pin", "12345678", "--pin", "98765432"])
        .env("SOFTHSM2_CONF", &configuration)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    journey.set_environment("SOFTHSM2_CONF", configuration);
    let uri = format!("pkcs11:token=Gatepass?module-path={MODULE}&pin-source=file:{}", pin.display());
    Some((journey, uri))
}

#[test]
fn an_agency_whose_keys_are_in_a_token() {
    let Some((journey, token)) = with_token() else { return };
    assert!(
        journey
            .init(&["--hsm", &token.replace("Gatepass", "Other")])
            .expect(2)
            .said
            .contains("no token Other")
    );
    journey.init(&["--hsm", &token]).expect(0);
    for name in ["issuer", "agency", "targets", "snapshot", "timestamp"] {
        assert_eq!(listed(&journey, name, START)["kept"], "HSM");
        let uri = fs::read_to_string(journey.path(&format!("A/keys/{name}.uri"))).unwrap();
        assert!(uri.contains(&format!("object=id-xa-example-{name};id=%")), "{uri}");
    }
    assert_eq!(listed(&journey, "root-1", START)["kept"], "file", "root keys are carried away");
    journey.resident(1, "border", &[]);
    journey.publish(START);
    assert_eq!(reason(&journey, "resident-01", "border", LATER), Reason::Accepted.code());

    // The next key is made in the same token.
    let subject = journey.resident(2, "border", &[]);
    assert_eq!(key(&journey, "rotate", &["--at", LATER]).expect(0).json["kept"], "HSM");
    issue(&journey, &subject, "resident-02", "second", LATER).expect(0);
    journey.publish(LATER);
    for (folder, credential) in [("resident-01", "border"), ("resident-02", "second")] {
        assert_eq!(reason(&journey, folder, credential, LATER_STILL), Reason::Accepted.code());
    }

    // And so is the key of a role; the list shows it in place of the one that signs no more.
    let retired = listed(&journey, "targets", LATER)["id"].clone();
    rotate_role(&journey, "targets", &["A/keys/root-1.pem", "A/keys/root-3.pem"]);
    let next = listed(&journey, "targets-2", LATER);
    assert_eq!((&next["kept"], &next["since"]), (&"HSM".into(), &LATER.into()), "{next}");
    let uri = fs::read_to_string(journey.path("A/keys/targets-2.uri")).unwrap();
    assert!(uri.contains("object=id-xa-example-targets-2;id=%"), "{uri}");
    let list = key(&journey, "list", &[]).expect(0).json;
    assert!(list["keys"].as_array().unwrap().iter().all(|key| key["id"] != retired), "{list}");
    journey.publish(LATER);
    assert_eq!(reason(&journey, "resident-01", "border", LATER_STILL), Reason::Accepted.code());

    fs::remove_file(journey.path("pin")).unwrap();
    let publish = ["publish", "--dir", "A", "--out", "REPO", "--at", LATER];
    assert!(journey.issuer(&publish).expect(2).said.contains("pin"));
    write_secret(&journey.path("pin"), "00000000");
    let said = journey.issuer(&publish).expect(2).said;
    assert!(said.contains("the PIN is wrong") && !said.contains("0000"), "{said}");
}

#[test]
fn an_agency_moves_into_a_token_by_rotation_of_roles() {
    let Some((journey, token)) = with_token() else { return };
    journey.init(&[]).expect(0);
    let rotate = ["trust", "rotate", "--dir", "A", "--at", LATER, "--hsm", &token, "--role"];
    let root = journey.issuer(&[&rotate[..], &["root"]].concat()).expect(2);
    assert!(root.said.contains("trust keygen"), "{}", root.said);
    journey.issuer(&[&rotate[..], &["timestamp"]].concat()).expect(0);
    // Not signed, so the old one counts.
    assert_eq!(listed(&journey, "timestamp", LATER)["kept"], "file");
    for key in ["A/keys/root-1.pem", "A/keys/root-2.pem"] {
        journey.issuer(&["trust", "sign", "A/2.root.json", "--key", key]).expect(0);
    }
    assert_eq!(listed(&journey, "timestamp-2", LATER)["kept"], "HSM");
    journey.publish(LATER);
    // A root key that is not of this office is listed as the root names it.
    fs::remove_file(journey.path("A/keys/root-3.pub")).unwrap();
    let foreign = listed(&journey, "root", LATER);
    assert_eq!((&foreign["state"], foreign["id"].as_str().map(str::len)), (&"elsewhere".into(), Some(64)));
}

/// Those who run a shared repository, and those who hold its root, keep their keys as they say.
#[test]
fn the_keys_of_a_shared_repository_are_kept_as_asked() {
    let mut journey = Journey::bare();
    let file = journey.path("passphrase");
    write_secret(&file, "a sample passphrase\n");
    journey.set_environment("GATEPASS_PASSPHRASE_FILE", &file);
    let passphrase = |name: &str| {
        let text = fs::read_to_string(journey.path(name)).unwrap();
        assert!(text.starts_with("-----BEGIN AGE ENCRYPTED FILE-----"), "{name}");
    };
    let mut init = vec!["trust", "init", "--dir", "T", "--key-passphrase"];
    for (name, public, algorithm) in
        [("ann", "ann.pub", &[][..]), ("ben", "ben.pub", &[][..]), ("cid", "cid.pub", &["--ml-dsa-65"][..])]
    {
        let keygen = ["trust", "keygen", "--key-passphrase", "--out", name];
        journey.issuer(&[&keygen[..], algorithm].concat()).expect(0);
        passphrase(name);
        init.extend(["--root", public]);
    }
    journey.issuer(&init).expect(0);
    for role in ["targets", "snapshot", "timestamp"] {
        passphrase(&format!("T/keys/{role}.age"));
    }
    for signer in ["cid", "ann"] {
        journey.issuer(&["trust", "sign", "T/root.json", "--key", signer]).expect(0);
    }
    journey.issuer(&["trust", "publish", "--dir", "T", "--out", "REPO"]).expect(0);
    journey.issuer(&["trust", "rotate", "--dir", "T", "--role", "targets"]).expect(0);
    passphrase("T/keys/targets-2.age");

    let Some((journey, token)) = with_token() else { return };
    for name in ["ann", "ben"] {
        journey.issuer(&["trust", "keygen", "--hsm", &token, "--out", name]).expect(0);
        assert!(fs::read_to_string(journey.path(name)).unwrap().starts_with("pkcs11:"), "{name}");
    }
    journey
        .issuer(&["trust", "init", "--dir", "T", "--hsm", &token, "--root", "ann.pub", "--root", "ben.pub"])
        .expect(0);
    for signer in ["ann", "ben"] {
        journey.issuer(&["trust", "sign", "T/root.json", "--key", signer]).expect(0);
    }
    assert!(journey.path("T/keys/snapshot.uri").exists() && !journey.path("T/keys/snapshot.pem").exists());
    journey.issuer(&["trust", "publish", "--dir", "T", "--out", "REPO"]).expect(0);
}

#[test]
fn an_agency_moves_into_a_token_by_rotation() {
    let Some((mut journey, token)) = with_token() else { return };
    journey.init(&[]).expect(0);
    journey.resident(1, "border", &[]);
    // The PIN from the environment instead of a file.
    let (without_pin, _) = token.split_once("&pin-source").unwrap();
    let rotate = ["--at", LATER, "--hsm", without_pin];
    let said = key(&journey, "rotate", &rotate).expect(2).said;
    assert!(said.contains("GATEPASS_PIN"), "{said}");
    journey.set_environment("GATEPASS_PIN", "98765432");
    assert_eq!(key(&journey, "rotate", &rotate).expect(0).json["kept"], "HSM");
    assert_eq!(listed(&journey, "issuer-2", LATER)["kept"], "HSM");
    let subject = journey.resident(2, "border", &[]);
    issue(&journey, &subject, "resident-02", "second", LATER_STILL).expect(0);
    journey.publish(LATER_STILL);
    for (folder, credential) in [("resident-01", "border"), ("resident-02", "second")] {
        assert_eq!(reason(&journey, folder, credential, LATER_STILL), Reason::Accepted.code(), "{folder}");
    }
}

/// The one file below a folder whose name, after the hash that TUF puts before it, is this.
fn find(folder: &Path, name: &str) -> std::path::PathBuf {
    let mut found: Vec<_> = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(&format!(".{name}")) {
                found.push((fs::metadata(&path).unwrap().modified().unwrap(), path));
            }
        }
    }
    found.sort();
    found.pop().unwrap().1
}
