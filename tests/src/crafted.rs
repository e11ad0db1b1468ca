//! Credentials and proofs as neither our issuer nor our phone makes them: by other keys, for other times, with other
//! headers. Written from RFC 9052 and RFC 9338, not with the code that they test.

use shared::cbor::{self, Value};
use shared::key::{P256Key, Signer, SoftwareKey, VerificationKey};

use crate::seals::Key;

/// COSE numbers: EdDSA and ES256.
pub const EDDSA: i64 = -8;
/// See [`EDDSA`].
pub const ES256: i64 = -7;

/// Somebody who signs, by whichever algorithm.
pub enum Hand<'a> {
    /// With Ed25519.
    Ed25519(&'a SoftwareKey),
    /// With P-256, never twice the same signature.
    P256(&'a Key),
}

impl Hand<'_> {
    /// The signature.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => key.sign(message).unwrap().to_vec(),
            Self::P256(key) => key.sign(message),
        }
    }

    /// The number of its algorithm.
    pub fn algorithm(&self) -> i64 {
        if matches!(self, Self::P256(_)) { ES256 } else { EDDSA }
    }

    /// What others verify with.
    pub fn public(&self) -> VerificationKey {
        match self {
            Self::Ed25519(key) => key.public_key().into(),
            Self::P256(key) => {
                let info = key.public();
                let point = info[info.len() - 65..].try_into().unwrap();
                P256Key::from_bytes(&point).unwrap().into()
            }
        }
    }
}

/// A map of labels.
pub fn labels<'a>(entries: &[(i64, Value<'a>)]) -> Value<'a> {
    Value::Map(entries.iter().map(|(label, value)| (Value::from(*label), value.clone())).collect())
}

/// The claims of a proof.
#[derive(Debug, Clone, Copy)]
pub struct ProofClaims<'a> {
    /// `aud`.
    pub audience: &'a str,
    /// `iat`.
    pub issued: i64,
    /// `exp`.
    pub expires: i64,
    /// `cnonce`.
    pub nonce: Option<&'a [u8]>,
}

impl<'a> ProofClaims<'a> {
    /// The map.
    pub fn value(&self) -> Value<'a> {
        let mut entries = vec![
            (3, Value::Text(self.audience)),
            (4, Value::from(self.expires)),
            (6, Value::from(self.issued)),
        ];
        entries.extend(self.nonce.map(|nonce| (39, Value::Bytes(nonce))));
        labels(&entries)
    }
}

/// The four parts of a COSE_Sign1, in or without its tag.
pub fn parts<'a>(message: &Value<'a>) -> [Value<'a>; 4] {
    let body = if let Value::Tag(_, body) = message { body } else { message };
    body.as_array().unwrap().to_vec().try_into().unwrap()
}

fn bytes<'a>(value: &Value<'a>) -> &'a [u8] {
    value.as_bytes().unwrap()
}

/// A COSE_Sign1 over whatever it is given.
pub fn sign1(protected: &[u8], unprotected: Value<'_>, payload: &[u8], hand: &Hand<'_>) -> Vec<u8> {
    let message =
        [Value::Text("Signature1"), Value::Bytes(protected), Value::Bytes(&[]), Value::Bytes(payload)];
    let signature = hand.sign(&Value::Array(message.to_vec()).encode());
    let body = vec![Value::Bytes(protected), unprotected, Value::Bytes(payload), Value::Bytes(&signature)];
    Value::Tag(18, Box::new(Value::Array(body))).encode()
}

/// The claims of a credential, signed again: by another key, saying that it used this algorithm.
pub fn signed_again(credential: &[u8], algorithm: i64, hand: &Hand<'_>) -> Vec<u8> {
    let credential = cbor::decode(credential).unwrap();
    let [_, unprotected, payload, _] = parts(&credential);
    let id = hand.public().id();
    let protected =
        labels(&[(1, Value::from(algorithm)), (4, Value::Bytes(&id.0)), (16, Value::from(293))]).encode();
    sign1(&protected, unprotected, bytes(&payload), hand)
}

/// A proof around a credential.
pub fn around(credential: &[u8], claims: &Value<'_>, algorithm: i64, hand: &Hand<'_>) -> Vec<u8> {
    let credential = cbor::decode(credential).unwrap();
    let protected = labels(&[(1, Value::from(algorithm)), (13, credential), (16, Value::from(294))]);
    sign1(&protected.encode(), Value::Map(vec![]), &claims.encode(), hand)
}

/// A countersignature, by its protected header, over a credential (RFC 9338 section 3.3), in a context.
pub fn countersignature(credential: &[u8], context: &str, protected: &[u8], hand: &Hand<'_>) -> Vec<u8> {
    let credential = cbor::decode_foreign(credential).unwrap();
    let [body, _, payload, signature] = parts(&credential);
    let message = Value::Array(vec![
        Value::Text(context),
        body,
        Value::Bytes(protected),
        Value::Bytes(&[]),
        payload,
        Value::Array(vec![signature]),
    ]);
    hand.sign(&message.encode())
}

/// A credential with other unprotected headers.
pub fn with_unprotected(credential: &[u8], unprotected: Value<'_>) -> Vec<u8> {
    let credential = cbor::decode_foreign(credential).unwrap();
    let [protected, _, payload, signature] = parts(&credential);
    Value::Tag(18, Box::new(Value::Array(vec![protected, unprotected, payload, signature]))).encode()
}

/// A credential with a proof inside it, as the holder's countersignature.
pub fn inside(credential: &[u8], claims: &Value<'_>, algorithm: i64, hand: &Hand<'_>) -> Vec<u8> {
    let protected = labels(&[(1, Value::from(algorithm)), (15, claims.clone())]).encode();
    let signature = countersignature(credential, "CounterSignatureV2", &protected, hand);
    let item = Value::Array(vec![Value::Bytes(&protected), Value::Map(vec![]), Value::Bytes(&signature)]);
    with_unprotected(credential, labels(&[(11, item)]))
}
