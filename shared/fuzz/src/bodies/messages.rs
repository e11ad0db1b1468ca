//! COSE messages around any content.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use sha2::{Digest, Sha256};
use shared::cbor::{self, Value};
use shared::credential::reveal;
use shared::key::{Signer, SoftwareKey};
use shared::qr::payload::{self, Payload};
use shared::time::Timestamp;

use super::fixture::{CHECKPOINT, HOLDER, SHARED_KEY, encrypted_to, fixture, sign_with};

/// Headers of a message that does not say it is ours.
pub(super) const FOREIGN_HEADERS: [(i64, Value<'static>); 1] = [(1, Value::Negative(7))];

/// The text of a compressed code.
pub fn paper_text(bytes: Vec<u8>) -> String {
    payload::encode(&Payload::Static(bytes))
}

/// Bytes encrypted to the fixture's checkpoint.
pub fn encrypted(plain: &[u8]) -> Vec<u8> {
    encrypted_to(CHECKPOINT, plain)
}

/// Bytes encrypted with the fixture's shared key, by another implementation than the one that opens them.
pub fn encrypted_with_shared_key(plain: &[u8]) -> Vec<u8> {
    const IV: [u8; 12] = [7; 12];
    let protected = map(&[(1, Value::from(3))]).encode();
    let covered = vec![Value::Text("Encrypt0"), Value::Bytes(&protected), Value::Bytes(&[])];
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &SHARED_KEY).expect("32 bytes"));
    let mut ciphertext = plain.to_vec();
    let (nonce, covered) = (Nonce::assume_unique_for_key(IV), Aad::from(Value::Array(covered).encode()));
    key.seal_in_place_append_tag(nonce, covered, &mut ciphertext).expect("a short message");
    let body = vec![Value::Bytes(&protected), map(&[(5, Value::Bytes(&IV))]), Value::Bytes(&ciphertext)];
    Value::Tag(16, Box::new(Value::Array(body))).encode()
}

/// Discloses: the last item is the claims, those before are what is salted. A negative number stands for the hash of
/// an earlier item, counted from -1.
pub(super) fn disclose(items: &[Value<'_>]) {
    let Some((claims, salted)) = items.split_last() else { return };
    let (mut disclosures, mut hashes) = (vec![], vec![]);
    for item in salted.iter().take(65) {
        let salted = with_hashes(item, &hashes).encode();
        hashes.push(Sha256::digest(Value::Bytes(&salted).encode()).into());
        disclosures.push(salted);
    }
    let disclosures: Vec<_> = disclosures.iter().map(|salted| Value::Bytes(salted)).collect();
    if let Ok(revealed) = reveal(with_hashes(claims, &hashes), &disclosures) {
        assert_eq!(reveal(revealed.clone(), &[]), Ok(revealed), "nothing is left to be disclosed");
    }
}

fn with_hashes<'a>(item: &Value<'a>, hashes: &'a [[u8; 32]]) -> Value<'a> {
    let inside = |item: &Value<'a>| with_hashes(item, hashes);
    let hash = |place: u64| usize::try_from(place).ok().and_then(|place| hashes.get(place));
    match item {
        Value::Negative(place) => hash(*place).map_or(item.clone(), |hash| Value::Bytes(hash)),
        Value::Array(items) => Value::Array(items.iter().map(inside).collect()),
        Value::Map(entries) => {
            Value::Map(entries.iter().map(|(key, value)| (key.clone(), inside(value))).collect())
        }
        Value::Tag(tag, item) => Value::Tag(*tag, Box::new(inside(item))),
        plain => plain.clone(),
    }
}

/// The fixture's credential with a countersignature of the holder around any claims.
pub(super) fn countersigned(claims: Value<'_>) -> Vec<u8> {
    let [protected, payload, signature] = credential_parts();
    let own = map(&[(1, Value::from(-8)), (15, claims)]).encode();
    let signatures = Value::Array(vec![signature]);
    let kind = Value::Text("CounterSignatureV2");
    let covered = vec![kind, protected, Value::Bytes(&own), Value::Bytes(&[]), payload, signatures];
    let by_holder = sign_with(HOLDER, &Value::Array(covered).encode());
    with_countersignature(Value::Array(vec![
        Value::Bytes(&own),
        Value::Map(vec![]),
        Value::Bytes(&by_holder),
    ]))
}

/// The fixture's credential with anything where the countersignature stands.
pub(super) fn with_countersignature(countersignature: Value<'_>) -> Vec<u8> {
    let [protected, payload, signature] = credential_parts();
    let body = vec![protected, map(&[(11, countersignature)]), payload, signature];
    Value::Tag(18, Box::new(Value::Array(body))).encode()
}

/// Protected headers, payload and signature of the fixture's credential.
fn credential_parts() -> [Value<'static>; 3] {
    let Ok(Value::Tag(18, body)) = cbor::decode(&fixture().credential) else { unreachable!("it is signed") };
    let Some([protected, _, payload, signature]) = body.as_array() else { unreachable!("it has four parts") };
    [protected.clone(), payload.clone(), signature.clone()]
}

pub(super) fn number(time: Timestamp) -> Value<'static> {
    Value::from(time.as_unix())
}

pub(super) fn map<'a>(entries: &[(i64, Value<'a>)]) -> Value<'a> {
    Value::Map(entries.iter().map(|(label, value)| (Value::from(*label), value.clone())).collect())
}

pub(super) fn credential_headers() -> [(i64, Value<'static>); 3] {
    [(1, Value::from(-8)), (4, Value::Bytes(b"issuerid")), (16, Value::from(293))]
}

/// A COSE_Sign1; without a signer its signature is zeros.
pub(super) fn signed(headers: &[(i64, Value<'_>)], payload: &[u8], signer: Option<&SoftwareKey>) -> Vec<u8> {
    let protected = map(headers).encode();
    let (protected, payload) = (Value::Bytes(&protected), Value::Bytes(payload));
    let signature = signer.map_or([0; 64], |signer| {
        let covered = vec![Value::Text("Signature1"), protected.clone(), Value::Bytes(&[]), payload.clone()];
        signer.sign(&Value::Array(covered).encode()).expect("a key in memory signs")
    });
    let body = vec![protected, Value::Map(vec![]), payload, Value::Bytes(&signature)];
    Value::Tag(18, Box::new(Value::Array(body))).encode()
}
