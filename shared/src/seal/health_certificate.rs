//! Health certificates in the form of the EU Digital COVID Certificate (ehn-dcc `hcert_spec` 1.0.8): `HC1:`.
//!
//! ```cddl
//! COSE_Sign1 = [ protected: bstr .cbor {1: -7 / -37, ? 4: kid}, {? 4: kid}, payload: bstr .cbor cwt, signature: bstr ]
//! cwt        = {? 1: country, 4: exp, 6: iat, -260: {1: {? "v" / "t" / "r": [ + any], ? "nam": {…}, ? "dob": tstr}}}
//! ```
//! inside zlib inside Base45. The algorithm counts in the protected bucket only. `kid` may be in either, and is a hint.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use x509_cert::der::asn1::ObjectIdentifier;

use super::signature::Algorithm;
use super::trust::Signer;
use super::{NO_HOLDER_BINDING, NO_REVOCATION, Seal, SealError, SealReader, SealTrust, within};
use crate::cbor::{self, Value};
use crate::credential::cose::sig_structure;
use crate::credential::wire::text_keyed;
use crate::credential::{Attribute, AttributeValue, Attributes};
use crate::qr::payload::{self, MAX_INFLATED, MAX_TEXT};
use crate::time::Timestamp;
use crate::trust::Dialect;

const PREFIX: &str = "HC1:";

/// CBOR tags that may stand around the COSE_Sign1, either without the other: CWT (RFC 8392 §6), COSE_Sign1 (RFC 9052 §2).
const TAG_CWT: u64 = 61;
const TAG_SIGN1: u64 = 18;
/// Epoch-based time (RFC 8949 §3.4.2), which some issuers put around NumericDate.
const TAG_EPOCH: u64 = 1;

const ALGORITHM: i64 = 1;
const CRITICAL: i64 = 2;
const KEY_ID: i64 = 4;
const ES256: i64 = -7;
const PS256: i64 = -37;

const ISSUER: i64 = 1;
const EXPIRES: i64 = 4;
const NOT_BEFORE: i64 = 5;
const ISSUED_AT: i64 = 6;
/// `hcert`, and in it the version of the EU's schema.
const HEALTH_CERTIFICATE: i64 = -260;
const EU_DCC: i64 = 1;

/// What a certificate can be about, and the extended key usages that entitle to it: as registered, and as the first
/// signers had them.
const KINDS: [(&str, [ObjectIdentifier; 2]); 3] = [
    ("t", usages("1.3.6.1.4.1.1847.2021.1.1", "1.3.6.1.4.1.0.1847.2021.1.1")),
    ("v", usages("1.3.6.1.4.1.1847.2021.1.2", "1.3.6.1.4.1.0.1847.2021.1.2")),
    ("r", usages("1.3.6.1.4.1.1847.2021.1.3", "1.3.6.1.4.1.0.1847.2021.1.3")),
];

const fn usages(registered: &str, early: &str) -> [ObjectIdentifier; 2] {
    [ObjectIdentifier::new_unwrap(registered), ObjectIdentifier::new_unwrap(early)]
}

const NOT_VERIFIED: &[&str] = &[NO_HOLDER_BINDING, NO_REVOCATION];

/// Reads health certificates.
#[derive(Debug, Clone, Copy)]
pub struct HealthCertificate;

impl SealReader for HealthCertificate {
    fn dialect(&self) -> Dialect {
        Dialect::HealthCertificate
    }

    fn recognises(&self, text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    fn verify(&self, text: &str, trust: &SealTrust, now: Timestamp) -> Result<Seal, SealError> {
        if text.len() > MAX_TEXT {
            return Err(SealError::TooLong);
        }
        let text = text.strip_prefix(PREFIX).ok_or(SealError::Part { part: "prefix" })?;
        let compressed = payload::base45_decode(text).map_err(|_| SealError::Base45)?;
        let bytes = payload::inflate(&compressed, MAX_INFLATED).ok_or(SealError::Compression)?;
        let message = Message::read(&bytes)?;
        let listed = trust.signers(message.key_id);
        listed.first().ok_or(SealError::SignerUnknown)?;
        let signers = || listed.iter().filter(|signer| message.verifies(signer));
        // One whose certificate was renewed is listed twice.
        let signer = signers().find(|signer| signer.valid_at(now).is_ok());
        let signer = signer.or_else(|| signers().next()).ok_or(SealError::Signature)?;
        let claims = Claims::read(message.payload)?;
        claims.entitled(signer)?;
        within(claims.valid_from, claims.valid_until, now)?;
        signer.valid_at(now)?;
        Ok(Seal {
            scheme: self.dialect(),
            country: signer.country().to_owned(),
            signer: signer.name().to_owned(),
            valid_from: claims.valid_from,
            valid_until: claims.valid_until,
            not_verified: NOT_VERIFIED,
            attributes: claims.attributes,
        })
    }
}

/// The COSE_Sign1, nothing of it believed.
struct Message<'a> {
    algorithm: Algorithm,
    key_id: [u8; 8],
    protected: &'a [u8],
    payload: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Message<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, SealError> {
        let mut value = cbor::decode_foreign(bytes)?;
        for tag in [TAG_CWT, TAG_SIGN1] {
            value = match value {
                Value::Tag(found, inner) if found == tag => *inner,
                other => other,
            };
        }
        let Some([Value::Bytes(protected), unprotected, Value::Bytes(payload), Value::Bytes(signature)]) =
            value.as_array()
        else {
            return Err(SealError::Part { part: "COSE_Sign1" });
        };
        if unprotected.as_map().is_none() {
            return Err(SealError::Part { part: "COSE_Sign1" });
        }
        let headers = cbor::decode_foreign(protected)?;
        if headers.get(CRITICAL).is_some() {
            return Err(SealError::Part { part: "crit" });
        }
        let algorithm = match headers.get(ALGORITHM).and_then(Value::as_int) {
            Some(ES256) => Algorithm::Es256,
            Some(PS256) => Algorithm::Ps256,
            _ => return Err(SealError::Algorithm),
        };
        let key_id = headers.get(KEY_ID).or_else(|| unprotected.get(KEY_ID)).and_then(Value::as_bytes);
        let key_id = key_id.and_then(|id| id.try_into().ok()).ok_or(SealError::Part { part: "kid" })?;
        Ok(Self { algorithm, key_id, protected, payload, signature })
    }

    fn verifies(&self, signer: &Signer) -> bool {
        signer.key().verifies(
            self.algorithm,
            &sig_structure(self.protected, &[], self.payload),
            self.signature,
        )
    }
}

/// What the signer states, as far as it is looked at.
struct Claims {
    country: Option<String>,
    valid_from: Timestamp,
    valid_until: Timestamp,
    /// Places in [`KINDS`].
    kinds: Vec<usize>,
    attributes: Attributes,
}

impl Claims {
    fn read(payload: &[u8]) -> Result<Self, SealError> {
        let claims = cbor::decode_foreign(payload)?;
        let time = |label, part| match claims.get(label) {
            Some(value) => numeric_date(value).map(Some).ok_or(SealError::Part { part }),
            None => Ok(None),
        };
        let issued = time(ISSUED_AT, "iat")?.ok_or(SealError::Part { part: "iat" })?;
        let valid_from = time(NOT_BEFORE, "nbf")?.map_or(issued, |not_before| not_before.max(issued));
        let valid_until = time(EXPIRES, "exp")?.ok_or(SealError::Part { part: "exp" })?;
        let country = match claims.get(ISSUER) {
            Some(issuer) => Some(issuer.as_text().ok_or(SealError::Part { part: "iss" })?.to_owned()),
            None => None,
        };
        let content = claims.get(HEALTH_CERTIFICATE).and_then(|hcert| hcert.get(EU_DCC));
        let content = content.filter(|content| content.as_map().is_some());
        let content = content.ok_or(SealError::Part { part: "hcert" })?;
        let has =
            |kind| text_keyed(content, kind).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
        let kinds = (0..KINDS.len()).zip(KINDS).filter(|(_, (kind, _))| has(kind)).map(|(place, _)| place);
        Ok(Self { country, valid_from, valid_until, kinds: kinds.collect(), attributes: attributes(content) })
    }

    /// Fails unless the signer may state this: for its own country, and for what its certificate is for.
    fn entitled(&self, signer: &Signer) -> Result<(), SealError> {
        let own_country = self.country.as_ref().is_none_or(|country| country == signer.country());
        let certificate_signs = signer.certificate().is_none_or(|certificate| certificate.signs_documents());
        // A certificate that names none of the three usages is for all of them.
        let listed: Vec<&ObjectIdentifier> = signer
            .certificate()
            .and_then(|certificate| certificate.purposes())
            .unwrap_or_default()
            .iter()
            .filter(|usage| KINDS.iter().any(|(_, usages)| usages.contains(usage)))
            .collect();
        let covers = |kind: &usize| {
            let usages = KINDS.get(*kind).map(|(_, usages)| usages);
            usages.is_some_and(|usages| listed.iter().any(|usage| usages.contains(usage)))
        };
        // One that names some is for nothing else, and so not for a certificate about none of the three.
        let kinds_covered = listed.is_empty() || (!self.kinds.is_empty() && self.kinds.iter().all(covers));
        if own_country && certificate_signs && kinds_covered {
            Ok(())
        } else {
            Err(SealError::SignerNotEntitled)
        }
    }
}

/// Seconds since 1970 (RFC 8392 §2, `NumericDate`), as an integer or with a fraction, which is dropped.
fn numeric_date(value: &Value<'_>) -> Option<Timestamp> {
    match value {
        Value::Tag(TAG_EPOCH, inner) if !matches!(**inner, Value::Tag(..)) => numeric_date(inner),
        #[expect(clippy::cast_possible_truncation, reason = "saturates, and what is out of range is refused")]
        Value::Float(seconds) if seconds.is_finite() => Timestamp::from_unix(seconds.floor() as i64),
        other => other.as_int().and_then(Timestamp::from_unix),
    }
}

/// Name, surname first, and date of birth. What is no name or no whole date is left out.
fn attributes(content: &Value<'_>) -> Attributes {
    let mut attributes = Attributes::default();
    let name = |part, transliterated| {
        let names = text_keyed(content, "nam")?;
        let text = |name| text_keyed(names, name).and_then(Value::as_text).filter(|text| !text.is_empty());
        text(part).or_else(|| text(transliterated))
    };
    let name = match (name("fn", "fnt"), name("gn", "gnt")) {
        (Some(surname), Some(given)) => Some(format!("{surname}, {given}")),
        (one, other) => one.or(other).map(str::to_owned),
    };
    let born = text_keyed(content, "dob").and_then(Value::as_text).map(str::to_owned);
    for (attribute, text) in [(Attribute::Name, name), (Attribute::DateOfBirth, born)] {
        if let Some(text) = text {
            let _ = attributes.set(attribute, AttributeValue::Text(text));
        }
    }
    attributes
}
