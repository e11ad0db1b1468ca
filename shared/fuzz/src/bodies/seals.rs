//! Good seals of other schemes, and whom they are believed from.

use std::sync::OnceLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};
use shared::cbor::Value;
use shared::qr::payload::{self, Payload};
use shared::seal::{HealthCertificate, SealReader, SealTrust, VisibleDigitalSeal};
use shared::time::Timestamp;
use sigstore_tuf::canonical_json;

use super::fixture::fixture;
use super::messages::{map, number};

/// The key of the signer of seals: 32 times 0x11, and its point on P-256.
const SEAL_KEY: [u8; 32] = [0x11; 32];

const SEAL_POINT: &str = "040217e617f0b6443928278f96999e69a23a4f2c152bdf6d6cdf66e5b80282d4ed194a7debcb97712d2dda3ca85aa8765a56f45fc758599652f2897c65306e5794";

pub(super) const SEAL_KEY_ID: [u8; 8] = *b"sampleid";

/// An authority, until 2041. Written by `write_the_certificates_of_the_fuzz_targets` in `tests/tests/seals/`.
pub const SEAL_AUTHORITY: &[u8] = include_bytes!("seal_authority.der");

/// The signer that it certified for [`SEAL_KEY`], until 2036.
pub const SEAL_SIGNER: &[u8] = include_bytes!("seal_signer.der");

pub(super) fn seal_trust_fixture() -> &'static SealTrust {
    static TRUST: OnceLock<SealTrust> = OnceLock::new();
    TRUST.get_or_init(|| {
        let (signer, authority) = (STANDARD.encode(SEAL_SIGNER), STANDARD.encode(SEAL_AUTHORITY));
        let signers = json!({ "signers": [{ "country": "XA", "key_id": STANDARD.encode(SEAL_KEY_ID), "certificate": signer }] });
        let authorities = json!({ "authorities": [{ "country": "UTO", "certificate": authority }] });
        SealTrust::default()
            .with_health_certificates(signers.to_string().as_bytes())
            .and_then(|trust| trust.with_visible_digital_seals(authorities.to_string().as_bytes()))
            .expect("good lists")
    })
}

fn sign_seal(message: &[u8]) -> Vec<u8> {
    let point = hex::decode(SEAL_POINT).expect("hexadecimal");
    let key =
        EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_FIXED_SIGNING, &SEAL_KEY, &point);
    let signature = key.expect("a good key").sign(&SystemRandom::new(), message);
    signature.expect("a key in memory signs").as_ref().to_vec()
}

pub(super) fn health_text(message: Vec<u8>) -> String {
    format!("HC1:{}", payload::encode(&Payload::Static(message)))
}

/// A COSE_Sign1 around any claims.
pub(super) fn health_message(claims: &[u8]) -> Vec<u8> {
    let protected = map(&[(1, Value::from(-7)), (4, Value::Bytes(&SEAL_KEY_ID))]).encode();
    let (protected, payload) = (Value::Bytes(&protected), Value::Bytes(claims));
    let covered = vec![Value::Text("Signature1"), protected.clone(), Value::Bytes(&[]), payload.clone()];
    let signature = sign_seal(&Value::Array(covered).encode());
    Value::Array(vec![protected, Value::Map(vec![]), payload, Value::Bytes(&signature)]).encode()
}

/// A seal around any data.
pub fn seal_text(data: &Json) -> String {
    let canonical = canonical_json::to_canonical_bytes(data).unwrap_or_default();
    let (certificate, signature) =
        (URL_SAFE_NO_PAD.encode(SEAL_SIGNER), URL_SAFE_NO_PAD.encode(sign_seal(&canonical)));
    json!({ "data": data, "sig": { "alg": "ES256", "cer": certificate, "sigvl": signature } }).to_string()
}

/// The claims of a good health certificate.
pub fn health_claims(now: Timestamp) -> Vec<u8> {
    let text = |key, value| (Value::Text(key), Value::Text(value));
    let names = Value::Map(vec![text("fn", "SAMPLE"), text("gn", "ALEX 01")]);
    let doses = Value::Array(vec![Value::Map(vec![text("co", "XA")])]);
    let content = vec![(Value::Text("nam"), names), text("dob", "1998-02-14"), (Value::Text("v"), doses)];
    let content = Value::Map(vec![(Value::from(1), Value::Map(content))]);
    let claims = [(1, Value::Text("XA")), (4, number(now.plus(86_400))), (6, number(now)), (-260, content)];
    map(&claims).encode()
}

/// The text of a good health certificate.
pub fn good_health_certificate(now: Timestamp) -> String {
    health_text(health_message(&health_claims(now)))
}

/// The `data` of a good visible digital seal.
pub fn seal_data() -> Json {
    json!({
        "hdr": { "t": "icao.vacc", "v": 1, "is": "UTO" },
        "msg": { "uvci": "XA0001", "pid": { "n": "SAMPLE  ALEX 01", "dob": "1998-02-14" } },
    })
}

/// Whether a good seal of either scheme is believed by the fixture.
pub fn seals_are_genuine(health: &str, seal: &str) -> bool {
    let (trust, now) = (seal_trust_fixture(), fixture().now);
    HealthCertificate.verify(health, trust, now).is_ok()
        && VisibleDigitalSeal.verify(seal, trust, now).is_ok()
}
