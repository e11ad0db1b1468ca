//! ICAO VDS-NC: a visible digital seal for non-constrained environments (ICAO Doc 9303-13 and its Technical Report).
//!
//! ```text
//! {"data": {"hdr": {"t": type, "v": 1, "is": country}, "msg": {…}},
//!  "sig":  {"alg": "ES256", "cer": base64url of the signer's certificate, "sigvl": base64url of r and s}}
//! ```
//! The signature covers the canonical form (RFC 8785) of `data`; what stands outside it is held to exactly these names.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use x509_cert::der::asn1::ObjectIdentifier;

use super::certificate::Certificate;
use super::json::Json;
use super::signature::Algorithm;
use super::{NO_HOLDER_BINDING, NO_REVOCATION, Seal, SealError, SealReader, SealTrust};
use crate::credential::{Attribute, AttributeValue, Attributes};
use crate::time::Timestamp;
use crate::trust::Dialect;

/// The longest text looked at, in bytes: what a version 40-L symbol holds in byte mode (ISO/IEC 18004 table 7).
const MAX_TEXT: usize = 2953;

/// The extended key usage of signers of such seals; an authority's other signers sign passports.
const SEAL_SIGNER: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.136.1.1.14.2");

/// base64url (RFC 4648 §5); issuers differ in whether they pad it.
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

const NOT_VERIFIED: &[&str] =
    &[NO_HOLDER_BINDING, NO_REVOCATION, "no expiry of the seal itself: the dates are those of its signer"];

/// Reads VDS-NC seals.
#[derive(Debug, Clone, Copy)]
pub struct VisibleDigitalSeal;

impl SealReader for VisibleDigitalSeal {
    fn dialect(&self) -> Dialect {
        Dialect::VisibleDigitalSeal
    }

    fn recognises(&self, text: &str) -> bool {
        text.trim_start().starts_with('{') && text.contains("\"hdr\"") && text.contains("\"sig\"")
    }

    fn verify(&self, text: &str, trust: &SealTrust, now: Timestamp) -> Result<Seal, SealError> {
        if text.len() > MAX_TEXT {
            return Err(SealError::TooLong);
        }
        let json = Json::parse(text)?;
        let [data, sig] = exactly(&json, "seal", ["data", "sig"])?;
        let [hdr, msg] = exactly(data, "data", ["hdr", "msg"])?;
        let [_type, version, country] = exactly(hdr, "hdr", ["t", "v", "is"])?;
        let [algorithm, certificate, signature] = exactly(sig, "sig", ["alg", "cer", "sigvl"])?;
        let country = country.as_text().ok_or(SealError::Part { part: "is" })?;
        if *version != Json::Integer(1) {
            return Err(SealError::Part { part: "v" });
        }
        if algorithm.as_text() != Some("ES256") {
            return Err(SealError::Algorithm);
        }
        let signer = Certificate::from_der(&base64_url(certificate, "cer")?)?;
        let signature = base64_url(signature, "sigvl")?;
        // Before the authority is looked for: that a seal was altered is worth saying whoever signed it.
        if !signer.key().verifies(Algorithm::Es256, data.canonical().as_bytes(), &signature) {
            return Err(SealError::Signature);
        }
        let authorities =
            || trust.authorities(country).iter().filter(|authority| signer.issued_by(authority));
        // One that was renewed is listed twice.
        let authority = authorities().find(|authority| authority.valid_at(now).is_ok());
        let authority = authority.or_else(|| authorities().next()).ok_or(SealError::SignerUnknown)?;
        if !signer.signs_documents() || !signer.purposes().is_some_and(|all| all.contains(&SEAL_SIGNER)) {
            return Err(SealError::SignerNotEntitled);
        }
        signer.valid_at(now)?;
        authority.valid_at(now)?;
        Ok(Seal {
            scheme: self.dialect(),
            country: country.to_owned(),
            signer: signer.subject().to_owned(),
            valid_from: signer.not_before(),
            valid_until: signer.not_after(),
            not_verified: NOT_VERIFIED,
            attributes: attributes(msg),
        })
    }
}

/// The members of an object that has these names and no others.
fn exactly<'j, const N: usize>(
    json: &'j Json,
    part: &'static str,
    names: [&'static str; N],
) -> Result<[&'j Json; N], SealError> {
    let members = json.members().filter(|members| members.len() == N).ok_or(SealError::Part { part })?;
    let mut found = [json; N];
    for (place, name) in found.iter_mut().zip(names) {
        *place = members.get(name).ok_or(SealError::Part { part })?;
    }
    Ok(found)
}

fn base64_url(json: &Json, part: &'static str) -> Result<Vec<u8>, SealError> {
    json.as_text().and_then(|text| BASE64_URL.decode(text).ok()).ok_or(SealError::Part { part })
}

/// Name and date of birth, where the message has a person in it. What is no name or date is left out.
fn attributes(msg: &Json) -> Attributes {
    let mut attributes = Attributes::default();
    for (attribute, name) in [(Attribute::Name, "n"), (Attribute::DateOfBirth, "dob")] {
        if let Some(text) = msg.get("pid").and_then(|person| person.get(name)).and_then(Json::as_text) {
            let _ = attributes.set(attribute, AttributeValue::Text(text.to_owned()));
        }
    }
    attributes
}
