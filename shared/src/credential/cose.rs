//! COSE_Sign1 (RFC 9052 §4.2), the only COSE structure the format signs with.
//!
//! ```cddl
//! COSE_Sign1 = #6.18([ protected: bstr .cbor header_map, unprotected: {}, payload: bstr, signature: bstr .size 64 ])
//! Sig_structure = [ "Signature1", protected: bstr, external_aad: h'', payload: bstr ]
//! ```
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use super::error::DecodeError;
use crate::cbor::{self, Value};
use crate::key::{KeyId, PublicKey};
#[cfg(feature = "issue")]
use crate::key::{SignError, Signer, sign_checked};

/// Header labels (RFC 9052 §3.1, RFC 9596, RFC 9528).
const ALGORITHM: i64 = 1;
const CRITICAL: i64 = 2;
pub(crate) const KEY_ID: i64 = 4;
/// `kcwt`: a CWT in a header.
pub(crate) const KCWT: i64 = 13;
pub(crate) const TYPE: i64 = 16;

const TAG_SIGN1: u64 = 18;
/// `EdDSA` (RFC 9053 §2.2) and `Ed25519` (RFC 9864 §2.2), both pure Ed25519 here.
const EDDSA: i64 = -8;
const ED25519: i64 = -19;

/// A COSE_Sign1 whose structure and algorithm are right; its signature is not checked yet.
#[derive(Debug, Clone)]
pub(crate) struct Sign1<'a> {
    protected: &'a [u8],
    headers: Value<'a>,
    payload: &'a [u8],
    signature: &'a [u8; 64],
}

impl<'a> Sign1<'a> {
    /// Takes a decoded item apart. `allowed` lists the protected headers that may be there besides `alg`.
    pub(crate) fn from_value(value: &Value<'a>, allowed: &[i64]) -> Result<Self, DecodeError> {
        let Value::Tag(TAG_SIGN1, body) = value else { return Err(DecodeError::NotSign1) };
        let Some(
            [
                Value::Bytes(protected),
                Value::Map(unprotected),
                Value::Bytes(payload),
                Value::Bytes(signature),
            ],
        ) = body.as_array()
        else {
            return Err(DecodeError::NotSign1);
        };
        if !unprotected.is_empty() {
            return Err(DecodeError::UnexpectedHeader);
        }
        let headers = cbor::decode(protected)?;
        let entries = headers.as_map().ok_or(DecodeError::NotSign1)?;
        if headers.get(CRITICAL).is_some() {
            return Err(DecodeError::Critical);
        }
        let known = |key: &Value<'_>| {
            key.as_int().is_some_and(|label| label == ALGORITHM || allowed.contains(&label))
        };
        if !entries.iter().all(|(key, _)| known(key)) {
            return Err(DecodeError::UnexpectedHeader);
        }
        match headers.get(ALGORITHM).and_then(Value::as_int) {
            Some(EDDSA | ED25519) => {}
            Some(algorithm) => return Err(DecodeError::Algorithm { algorithm }),
            None => return Err(DecodeError::Header { label: ALGORITHM }),
        }
        let signature = (*signature).try_into().map_err(|_| DecodeError::NotSign1)?;
        Ok(Self { protected, headers, payload, signature })
    }

    pub(crate) fn header(&self, label: i64) -> Result<&Value<'a>, DecodeError> {
        self.headers.get(label).ok_or(DecodeError::Header { label })
    }

    pub(crate) fn key_id(&self) -> Result<KeyId, DecodeError> {
        let error = DecodeError::Header { label: KEY_ID };
        let bytes = self.header(KEY_ID)?.as_bytes().ok_or(error)?;
        bytes.try_into().map(KeyId).map_err(|_| error)
    }

    /// Checks `typ` (RFC 9596), which keeps one kind of signed object from passing as another.
    pub(crate) fn expect_type(&self, expected: &Value<'_>) -> Result<(), DecodeError> {
        if self.header(TYPE)? == expected { Ok(()) } else { Err(DecodeError::Header { label: TYPE }) }
    }

    pub(crate) fn payload(&self) -> &'a [u8] {
        self.payload
    }

    pub(crate) fn signature(&self) -> &'a [u8; 64] {
        self.signature
    }

    pub(crate) fn verifies(&self, key: &PublicKey) -> bool {
        key.verifies(&sig_structure(self.protected, self.payload), self.signature)
    }
}

fn sig_structure(protected: &[u8], payload: &[u8]) -> Vec<u8> {
    Value::Array(vec![
        Value::Text("Signature1"),
        Value::Bytes(protected),
        Value::Bytes(&[]),
        Value::Bytes(payload),
    ])
    .encode()
}

/// The two byte strings that are signed, kept so that an issuer can store them before the signer is called.
#[cfg(feature = "issue")]
#[derive(Clone, PartialEq, Eq)]
pub struct ToBeSigned {
    protected: Vec<u8>,
    payload: Vec<u8>,
}

#[cfg(feature = "issue")]
impl ToBeSigned {
    pub(crate) fn new(headers: Vec<(i64, Value<'_>)>, payload: Vec<u8>) -> Self {
        let algorithm = (Value::from(ALGORITHM), Value::from(EDDSA));
        let headers = headers.into_iter().map(|(label, value)| (Value::from(label), value));
        Self { protected: Value::Map(std::iter::once(algorithm).chain(headers).collect()).encode(), payload }
    }

    /// Returns the bytes that the signature covers (RFC 9052 §4.4).
    pub fn bytes(&self) -> Vec<u8> {
        sig_structure(&self.protected, &self.payload)
    }

    /// Signs, checks the signature, and returns the tagged COSE_Sign1.
    ///
    /// # Errors
    /// When the signer gives no signature or a wrong one.
    pub fn sign(&self, signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
        let signature = sign_checked(signer, &self.bytes())?;
        let body = vec![
            Value::Bytes(&self.protected),
            Value::Map(vec![]),
            Value::Bytes(&self.payload),
            Value::Bytes(&signature),
        ];
        Ok(Value::Tag(TAG_SIGN1, Box::new(Value::Array(body))).encode())
    }
}
