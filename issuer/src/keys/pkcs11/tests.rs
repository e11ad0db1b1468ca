//! Against SoftHSM2 as Debian packages it, each test with a token of its own.

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::Command;

use shared::credential::{
    Attribute as Identity, AttributeValue, Attributes, Claims, Purpose, StatusReference, prepare,
};
use shared::key::SoftwareKey;
use shared::time::Timestamp;

use super::*;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// Where the child test finds its token's PIN.
const PIN_FILE: &str = "GATEPASS_TEST_PIN_FILE";

/// The module reads its configuration from the environment of the process, so that a token of its own takes a process
/// of its own: this test binary again, with one ignored test.
fn in_a_process_with_a_token(test: &str) {
    if !Path::new(MODULE).exists() {
        use std::io::Write;
        let _ = writeln!(
            std::io::stderr(),
            "\n*** SKIPPED: SoftHSM2 is not here; deploy/setup.sh installs it ***\n"
        );
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("tokens")).unwrap();
    let configuration = format!("directories.tokendir = {}\nlog.level = ERROR\n", path("tokens").display());
    fs::write(path("softhsm2.conf"), configuration).unwrap();
    let mut pin = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path("pin")).unwrap();
    std::io::Write::write_all(&mut pin, b"98765432\n").unwrap();
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "Unit", "--so-pin", "12345678", "--pin", "98765432"])
        .env("SOFTHSM2_CONF", path("softhsm2.conf"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("keys::pkcs11::tests::{test}"), "--ignored", "--nocapture"])
        .env("SOFTHSM2_CONF", path("softhsm2.conf"))
        .env(PIN_FILE, path("pin"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&child.stderr)
    );
}

fn token() -> Pkcs11Uri {
    let pin = std::env::var(PIN_FILE).expect("started by the test beside it");
    Pkcs11Uri::parse(&format!("pkcs11:token=Unit?module-path={MODULE}&pin-source=file:{pin}")).unwrap()
}

#[test]
fn a_key_made_in_a_token_signs_and_never_leaves() {
    in_a_process_with_a_token("child_makes_a_key");
}

#[test]
#[ignore = "started by the test above, in a process with a token"]
fn child_makes_a_key() {
    let (made, uri) = generate(&token(), "xa-issuer").unwrap();
    let signature = made.sign(b"message").unwrap();
    assert!(made.public_key().verifies(b"message", &signature));

    let again = open(&Pkcs11Uri::parse(&uri.to_string()).unwrap()).unwrap();
    assert_eq!(again.public_key(), made.public_key());
    assert_eq!(again.sign(b"message").unwrap(), signature, "RFC 8032 signatures are deterministic");

    let secrecy = [
        AttributeType::Sensitive,
        AttributeType::Extractable,
        AttributeType::AlwaysSensitive,
        AttributeType::NeverExtractable,
    ];
    assert_eq!(
        made.session.get_attributes(made.key, &secrecy).unwrap(),
        [
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::AlwaysSensitive(true),
            Attribute::NeverExtractable(true),
        ]
    );
    let value = made.session.get_attributes(made.key, &[AttributeType::Value]);
    let read =
        value.iter().flatten().any(|value| matches!(value, Attribute::Value(value) if !value.is_empty()));
    assert!(!read, "the private value came out");
    // Nor may anybody who has the PIN make it readable afterwards.
    made.session.update_attributes(made.key, &[Attribute::Extractable(true)]).unwrap_err();
    made.session.update_attributes(made.key, &[Attribute::Sensitive(false)]).unwrap_err();

    // The same label again is another key; the label alone then does not say which.
    let (other, _) = generate(&token(), "xa-issuer").unwrap();
    assert_ne!(other.public_key(), made.public_key());
    assert_eq!(open(&uri).unwrap().public_key(), made.public_key());
    let label = Pkcs11Uri::parse(&token().to_string().replace("Unit", "Unit;object=xa-issuer")).unwrap();
    let said = |uri: &Pkcs11Uri| format!("{:#}", open(uri).err().unwrap());
    assert!(said(&label).contains("give an id"), "{}", said(&label));
    assert!(said(&token()).contains("no key in it"));
    assert!(said(&token().with_object("absent", &[1])).contains("no such"));
    assert!(generate(&uri, "x").is_err(), "a URI of a key is not a place for keys");
    let elsewhere = Pkcs11Uri::parse(&token().to_string().replace("Unit", "Other")).unwrap();
    assert!(said(&elsewhere).contains("reaches no token Other"));
}

#[test]
fn a_faulty_signature_of_a_token_never_gets_out() {
    in_a_process_with_a_token("child_signs_with_half_a_pair");
}

/// A token whose public object belongs to another private key: to a verifier, every signature it makes is faulty.
#[test]
#[ignore = "started by the test above, in a process with a token"]
fn child_signs_with_half_a_pair() {
    let (first, uri) = generate(&token(), "xa-issuer").unwrap();
    let (second, _) = generate(&token(), "another").unwrap();
    let of = |key: &HsmKey| {
        let id = key.session.get_attributes(key.key, &[AttributeType::Id]).unwrap();
        let mut template = vec![Attribute::Class(ObjectClass::PUBLIC_KEY)];
        template.extend(id);
        key.session.find_objects(&template).unwrap()[0]
    };
    let (public_of_first, public_of_second) = (of(&first), of(&second));
    let rename = |object, id: &[u8]| {
        second.session.update_attributes(object, &[Attribute::Id(id.to_vec())]).unwrap();
    };
    rename(public_of_first, b"elsewhere");
    rename(public_of_second, uri.id().unwrap());

    let faulty = open(&uri).unwrap();
    assert_eq!(faulty.public_key(), second.public_key());
    // The token signs without complaint; what it signs is worth nothing.
    let signature = faulty.sign(b"message").unwrap();
    assert!(!faulty.public_key().verifies(b"message", &signature));
    let to_be_signed = prepare(&claims(), faulty.public_key().id()).unwrap();
    assert_eq!(to_be_signed.sign(&faulty), Err(SignError::Faulty));
    // And it is found out before it is ever used.
    let said =
        super::super::PrivateKey::new(super::super::Kind::Hsm, faulty).prove().unwrap_err().to_string();
    assert!(said.contains("does not verify"), "{said}");
}

#[test]
fn a_wrong_pin_is_said_to_be_wrong() {
    in_a_process_with_a_token("child_gives_a_wrong_pin");
}

#[test]
#[ignore = "started by the test above, in a process with a token"]
fn child_gives_a_wrong_pin() {
    let file = std::env::var(PIN_FILE).unwrap();
    fs::write(&file, "00000000").unwrap();
    let said = format!("{:#}", generate(&token(), "x").err().unwrap());
    assert!(said.contains("the PIN is wrong"), "{said}");
    assert!(!said.contains("0000"));
    fs::write(&file, "98765432").unwrap();
    generate(&token(), "x").unwrap();
}

#[test]
fn public_keys_of_tokens_are_read_bare_or_wrapped_and_checked() {
    let key = SoftwareKey::from_seed(&[5; 32]).public_key();
    let bare = key.to_bytes().to_vec();
    assert_eq!(public_key(&bare).unwrap(), key);
    assert_eq!(public_key(&[&OCTET_STRING_32[..], &bare].concat()).unwrap(), key);
    for wrong in
        [vec![], vec![4, 32], bare[1..].to_vec(), [&[4, 33][..], &bare].concat(), [&bare[..], &[0]].concat()]
    {
        public_key(&wrong).unwrap_err();
    }
    let said =
        |bytes: [u8; 32]| format!("{:#}", public_key(&[&OCTET_STRING_32[..], &bytes].concat()).unwrap_err());
    let mut bytes = [0; 32];
    assert!(said(bytes).contains("weak"), "y is 0: order 4");
    bytes[0] = 1;
    assert!(said(bytes).contains("weak"), "the identity");
    bytes[31] = 0x80;
    assert!(said(bytes).contains("canonical"), "the identity with a negative zero");
    // The base point plus the point of order 2: mixed order.
    let mut mixed = [0x99; 32];
    mixed[0] = 0x95;
    assert!(said(mixed).contains("weak"));
}

fn claims() -> Claims {
    let mut attributes = Attributes::default();
    attributes.set(Identity::Name, AttributeValue::Text("SAMPLE, TEST".into())).unwrap();
    let now = Timestamp::from_unix(1_700_000_000).unwrap();
    Claims {
        issuer: "https://id.xa.example".into(),
        subject: "c3ViamVjdA".into(),
        purpose: Some(Purpose::parse("border").unwrap()),
        expires: now.plus(86_400),
        not_before: now,
        issued_at: now,
        holder_key: None,
        status: Some(StatusReference { index: 1, uri: "https://id.xa.example/status/0".into() }),
        max_presentation_age: None,
        portrait: None,
        attributes,
        face: None,
    }
}
