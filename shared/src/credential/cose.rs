//! COSE_Sign1 (RFC 9052 §4.2), the only COSE structure the format signs with, and countersignatures of it (RFC 9338).
//!
//! ```cddl
//! COSE_Sign1 = #6.18([ protected: bstr .cbor header_map, unprotected: header_map, payload: bstr, signature: bstr ])
//! Sig_structure = [ "Signature1", protected: bstr, external_aad: bstr, payload: bstr ]  ; external_aad is empty in our format
//! COSE_Countersignature = [ protected: bstr .cbor header_map, unprotected: {}, signature: bstr ]
//! Countersign_structure = [ "CounterSignatureV2", body_protected: bstr, sign_protected: bstr, external_aad: h'',
//!                           payload: bstr, other_fields: [ signature: bstr ] ]
//! ```
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use super::error::DecodeError;
use crate::cbor::{self, Value};
use crate::key::{Algorithm, VerificationKey};
#[cfg(feature = "issue")]
use crate::key::{SignError, Signer, sign_checked};

/// Header labels (RFC 9052 §3.1, RFC 9596, RFC 9528, RFC 9338, RFC 9597, SD-CWT draft).
pub(crate) const ALGORITHM: i64 = 1;
const CRITICAL: i64 = 2;
pub(crate) const KEY_ID: i64 = 4;
/// A second signature over a signed message, by somebody else.
pub(crate) const COUNTERSIGNATURE: i64 = 11;
/// `kcwt`: a CWT in a header.
pub(crate) const KCWT: i64 = 13;
/// CWT claims in a header.
pub(crate) const CWT_CLAIMS: i64 = 15;
pub(crate) const TYPE: i64 = 16;
/// `sd_claims`: what the holder discloses.
pub(crate) const SD_CLAIMS: i64 = 17;
/// `sd_alg`: how disclosures are hashed.
pub(crate) const SD_ALGORITHM: i64 = 170;

const TAG_SIGN1: u64 = 18;
/// A CWT (RFC 8392 §6), around the COSE tag.
const TAG_CWT: u64 = 61;

/// Which headers may be where.
#[derive(Clone, Copy)]
pub(crate) struct HeaderRules {
    /// Protected ones, besides `alg`; `None` if any that is not critical may be there.
    pub(crate) protected: Option<&'static [i64]>,
    /// Unprotected ones; `None` if any may be there. What they say is a hint at most.
    pub(crate) unprotected: Option<&'static [i64]>,
}

impl HeaderRules {
    /// Of what we sign: these protected headers and nothing unprotected.
    pub(crate) const fn exactly(protected: &'static [i64]) -> Self {
        Self { protected: Some(protected), unprotected: Some(&[]) }
    }

    /// Of what others sign.
    pub(crate) const FOREIGN: Self = Self { protected: None, unprotected: None };
}

/// How the bytes of headers are read.
type Decode = for<'a> fn(&'a [u8]) -> Result<Value<'a>, cbor::CborError>;

/// A COSE_Sign1 whose structure and algorithm are right; its signature is not checked yet.
#[derive(Debug, Clone)]
pub struct Sign1<'a> {
    protected: &'a [u8],
    headers: Value<'a>,
    unprotected: Value<'a>,
    algorithm: Algorithm,
    payload: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Sign1<'a> {
    /// Takes an item under tag 18 apart.
    pub(crate) fn from_value(value: &Value<'a>, rules: HeaderRules) -> Result<Self, DecodeError> {
        match value {
            Value::Tag(TAG_SIGN1, body) => Self::from_body(body, rules, cbor::decode),
            _ => Err(DecodeError::NotSign1),
        }
    }

    /// Takes an item apart that is under tag 18, under tag 61 around it, or under none (RFC 8392 §6 allows each).
    pub(crate) fn from_cwt(value: &Value<'a>, rules: HeaderRules) -> Result<Self, DecodeError> {
        Self::from_body(without_tags(value), rules, cbor::decode)
    }

    /// Takes an item apart that others wrote, with their headers: under tag 18, under tag 61 around it, or under none.
    ///
    /// # Errors
    /// What is not a COSE_Sign1, critical headers, and algorithms that are not protected or not accepted.
    pub fn from_foreign(value: &Value<'a>) -> Result<Self, DecodeError> {
        Self::from_body(without_tags(value), HeaderRules::FOREIGN, cbor::decode_foreign)
    }

    fn from_body(body: &Value<'a>, rules: HeaderRules, decode: Decode) -> Result<Self, DecodeError> {
        let Some(
            [
                Value::Bytes(protected),
                unprotected @ Value::Map(_),
                Value::Bytes(payload),
                Value::Bytes(signature),
            ],
        ) = body.as_array()
        else {
            return Err(DecodeError::NotSign1);
        };
        let headers = decode(protected)?;
        let algorithm = algorithm(&headers)?;
        check_headers(&headers, rules.protected, &[ALGORITHM])?;
        check_headers(unprotected, rules.unprotected, &[])?;
        Ok(Self { protected, headers, unprotected: unprotected.clone(), algorithm, payload, signature })
    }

    pub(crate) fn header(&self, label: i64) -> Result<&Value<'a>, DecodeError> {
        self.headers.get(label).ok_or(DecodeError::Header { label })
    }

    pub(crate) fn unprotected(&self, label: i64) -> Option<&Value<'a>> {
        self.unprotected.get(label)
    }

    /// Returns what is said to name the key: a hint. Others put it into either bucket.
    pub(crate) fn key_id(&self) -> Option<&'a [u8]> {
        self.headers.get(KEY_ID).or(self.unprotected.get(KEY_ID)).and_then(Value::as_bytes)
    }

    /// Checks `typ` (RFC 9596), which keeps one kind of signed object from passing as another.
    pub(crate) fn expect_type(&self, expected: &Value<'_>) -> Result<(), DecodeError> {
        if self.header(TYPE)? == expected { Ok(()) } else { Err(DecodeError::Header { label: TYPE }) }
    }

    /// Returns the bytes that are signed; nothing is known of them yet.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    pub(crate) fn signature(&self) -> &'a [u8] {
        self.signature
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the bytes that the signature covers (RFC 9052 §4.4).
    pub(crate) fn to_be_signed(&self) -> Vec<u8> {
        sig_structure(self.protected, &[], self.payload)
    }

    /// Tells whether `key` made the signature.
    pub fn verifies(&self, key: &VerificationKey) -> bool {
        self.verifies_with(&[], key)
    }

    /// Tells whether `key` made the signature over the message together with bytes that are not in it (`external_aad`, RFC
    /// 9052 §4.4).
    pub fn verifies_with(&self, external_aad: &[u8], key: &VerificationKey) -> bool {
        let message = sig_structure(self.protected, external_aad, self.payload);
        key.verifies(self.algorithm, &message, self.signature)
    }

    /// Takes apart the one countersignature under unprotected header 11, if there is one.
    pub(crate) fn countersignature(&self) -> Result<Option<Countersignature<'a>>, DecodeError> {
        let Some(value) = self.unprotected(COUNTERSIGNATURE) else { return Ok(None) };
        let error = DecodeError::Header { label: COUNTERSIGNATURE };
        let Some([Value::Bytes(protected), Value::Map(unprotected), Value::Bytes(signature)]) =
            value.as_array()
        else {
            return Err(error);
        };
        if !unprotected.is_empty() {
            return Err(DecodeError::UnexpectedHeader);
        }
        let headers = cbor::decode(protected)?;
        let algorithm = algorithm(&headers)?;
        check_headers(&headers, Some(&[CWT_CLAIMS]), &[ALGORITHM])?;
        let claims = headers.get(CWT_CLAIMS).cloned().ok_or(DecodeError::Header { label: CWT_CLAIMS })?;
        Ok(Some(Countersignature {
            claims,
            algorithm,
            to_be_signed: countersign_structure(self.protected, protected, self.payload, self.signature),
            signature,
        }))
    }
}

/// A countersignature whose structure is right (RFC 9338 §3.1); it is not checked yet.
pub(crate) struct Countersignature<'a> {
    /// CWT claims in its protected headers (RFC 9597).
    pub(crate) claims: Value<'a>,
    pub(crate) algorithm: Algorithm,
    /// The bytes that it covers: the message, its signature, and its own headers.
    pub(crate) to_be_signed: Vec<u8>,
    pub(crate) signature: &'a [u8],
}

/// Takes tag 18 off, and 61 where it is around that (RFC 8392 §6).
fn without_tags<'v, 'a>(value: &'v Value<'a>) -> &'v Value<'a> {
    let inside =
        |tagged: &'v Value<'a>| if let Value::Tag(TAG_SIGN1, inner) = tagged { Some(&**inner) } else { None };
    let untagged = if let Value::Tag(TAG_CWT, inner) = value { inside(inner) } else { inside(value) };
    untagged.unwrap_or(value)
}

fn algorithm(headers: &Value<'_>) -> Result<Algorithm, DecodeError> {
    if headers.get(CRITICAL).is_some() {
        return Err(DecodeError::Critical);
    }
    match headers.get(ALGORITHM).and_then(Value::as_int) {
        Some(-8 | -19) => Ok(Algorithm::Ed25519),
        Some(-7 | -9) => Ok(Algorithm::Es256),
        Some(algorithm) => Err(DecodeError::Algorithm { algorithm }),
        None => Err(DecodeError::Header { label: ALGORITHM }),
    }
}

fn check_headers(
    headers: &Value<'_>,
    allowed: Option<&'static [i64]>,
    always: &[i64],
) -> Result<(), DecodeError> {
    let entries = headers.as_map().ok_or(DecodeError::NotSign1)?;
    let Some(allowed) = allowed else { return Ok(()) };
    let known = |key: &Value<'_>| {
        key.as_int().is_some_and(|label| always.contains(&label) || allowed.contains(&label))
    };
    if entries.iter().all(|(key, _)| known(key)) { Ok(()) } else { Err(DecodeError::UnexpectedHeader) }
}

pub(crate) fn sig_structure(protected: &[u8], external_aad: &[u8], payload: &[u8]) -> Vec<u8> {
    Value::Array(vec![
        Value::Text("Signature1"),
        Value::Bytes(protected),
        Value::Bytes(external_aad),
        Value::Bytes(payload),
    ])
    .encode()
}

fn countersign_structure(body: &[u8], own: &[u8], payload: &[u8], signature: &[u8]) -> Vec<u8> {
    Value::Array(vec![
        Value::Text("CounterSignatureV2"),
        Value::Bytes(body),
        Value::Bytes(own),
        Value::Bytes(&[]),
        Value::Bytes(payload),
        Value::Array(vec![Value::Bytes(signature)]),
    ])
    .encode()
}

/// The two byte strings that are signed, kept so that an issuer can store them before the signer is called.
#[cfg(feature = "issue")]
#[derive(Clone, PartialEq, Eq)]
pub struct ToBeSigned {
    protected: Vec<u8>,
    payload: Vec<u8>,
    /// Disclosures that go along under unprotected header 17.
    disclosures: Vec<Vec<u8>>,
}

#[cfg(feature = "issue")]
impl ToBeSigned {
    pub(crate) fn new(headers: Vec<(i64, Value<'_>)>, payload: Vec<u8>) -> Self {
        let algorithm = (Value::from(ALGORITHM), Value::from(EDDSA));
        let headers = headers.into_iter().map(|(label, value)| (Value::from(label), value));
        let protected = Value::Map(std::iter::once(algorithm).chain(headers).collect()).encode();
        Self { protected, payload, disclosures: Vec::new() }
    }

    pub(crate) fn disclosing(self, disclosures: Vec<Vec<u8>>) -> Self {
        Self { disclosures, ..self }
    }

    /// Returns the bytes that the signature covers (RFC 9052 §4.4).
    pub fn bytes(&self) -> Vec<u8> {
        sig_structure(&self.protected, &[], &self.payload)
    }

    /// Signs, checks the signature, and returns the tagged COSE_Sign1.
    ///
    /// # Errors
    /// When the signer gives no signature or a wrong one.
    pub fn sign(&self, signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
        let signature = sign_checked(signer, &self.bytes())?;
        let disclosures: Vec<_> = self.disclosures.iter().map(|bytes| Value::Bytes(bytes)).collect();
        let unprotected = match disclosures.is_empty() {
            true => vec![],
            false => vec![(Value::from(SD_CLAIMS), Value::Array(disclosures))],
        };
        Ok(sign1(&self.protected, unprotected, &self.payload, &signature))
    }
}

/// `EdDSA` (RFC 9053 §2.2): the number that every reader of Claim 169 knows.
#[cfg(feature = "issue")]
const EDDSA: i64 = -8;

#[cfg(feature = "issue")]
fn sign1(
    protected: &[u8],
    unprotected: Vec<(Value<'_>, Value<'_>)>,
    payload: &[u8],
    signature: &[u8],
) -> Vec<u8> {
    let body = vec![
        Value::Bytes(protected),
        Value::Map(unprotected),
        Value::Bytes(payload),
        Value::Bytes(signature),
    ];
    Value::Tag(TAG_SIGN1, Box::new(Value::Array(body))).encode()
}

#[cfg(feature = "issue")]
impl Sign1<'_> {
    /// Writes the message with other unprotected headers, which no signature covers.
    pub(crate) fn with_unprotected(&self, unprotected: Vec<(Value<'_>, Value<'_>)>) -> Vec<u8> {
        sign1(self.protected, unprotected, self.payload, self.signature)
    }

    /// Adds a countersignature that carries `claims`.
    pub(crate) fn countersigned(&self, claims: Value<'_>, signer: &dyn Signer) -> Result<Vec<u8>, SignError> {
        let own =
            Value::Map(vec![(Value::from(ALGORITHM), Value::from(EDDSA)), (Value::from(CWT_CLAIMS), claims)])
                .encode();
        let message = countersign_structure(self.protected, &own, self.payload, self.signature);
        let signature = sign_checked(signer, &message)?;
        let countersignature =
            Value::Array(vec![Value::Bytes(&own), Value::Map(vec![]), Value::Bytes(&signature)]);
        Ok(self.with_unprotected(vec![(Value::from(COUNTERSIGNATURE), countersignature)]))
    }
}
