//! The credential's bytes: the only place that knows the labels of its maps.
//!
//! ```cddl
//! credential = #6.18([ << {1: -8, 4: bstr .size 8, 16: 293} >>, { ? 17: [ + salted-claim ] }, << claims >>,
//!                      bstr .size 64 ])
//! claims = { 1: iss, 2: sub, 3: purpose, 4: exp, 5: nbf, 6: iat, ? 8: { 1: COSE_Key }, 169: identity,
//!            65535: { "status_list": { "idx": uint, "uri": tstr } } }
//! identity = { * attribute => tstr / uint, ? 62: [ { 0: bstr, 1: 1, 2: 100, 3: tstr } ], ? 75: seconds,
//!              * group => { * attribute => tstr / uint }, ? simple(59): [ + hash of a redacted group ] }
//! group = 80..87
//! psec = 77, a byte string of 32, among the redacted only
//! ```
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use super::claims::{Attribute, AttributeValue, Attributes, Claims, Purpose, StatusReference};
use super::error::DecodeError;
#[cfg(feature = "issue")]
use crate::cbor::REDACTED_KEYS;
use crate::cbor::Value;
use crate::key::VerificationKey;
use crate::pairwise::PairwiseSecret;
use crate::template::{AlgorithmId, Template};
use crate::time::Timestamp;

/// CWT claims (RFC 8392 §3.1).
pub(super) const ISSUER: i64 = 1;
pub(super) const SUBJECT: i64 = 2;
pub(super) const AUDIENCE: i64 = 3;
pub(super) const EXPIRES: i64 = 4;
pub(super) const NOT_BEFORE: i64 = 5;
pub(super) const ISSUED_AT: i64 = 6;
/// `cnf` and its COSE_Key (RFC 8747 §3.1).
pub(super) const CONFIRMATION: i64 = 8;
const CONFIRMATION_KEY: i64 = 1;
/// `identity-data` (MOSIP Claim 169).
pub(super) const IDENTITY: i64 = 169;
/// `status` (Token Status List §6.3).
pub(super) const STATUS: i64 = 65535;
/// Claim 169 "Face".
pub(super) const FACE: i64 = 62;
/// Keys of a Claim 169 biometric: data, format (1 is a template), sub-format (100 to 199 are a vendor's own), issuer.
pub(super) const BIOMETRIC_DATA: i64 = 0;
pub(super) const BIOMETRIC_FORMAT: i64 = 1;
pub(super) const BIOMETRIC_SUBFORMAT: i64 = 2;
const BIOMETRIC_ISSUER: i64 = 3;
const FORMAT_TEMPLATE: i64 = 1;
const SUBFORMAT_GATEPASS: i64 = 100;
/// The longest that one presentation may be accepted, in seconds. A label of ours, from the range that Claim 169
/// leaves to closed ecosystems, as the groups are.
const MAX_PRESENTATION_AGE: i64 = 75;
/// The secret of pairwise identifiers. A label of ours as the one above; always redacted.
pub(super) const PAIRWISE_SECRET: i64 = 77;
/// Groups of attributes that the holder may keep back.
pub(super) const GROUPS: std::ops::Range<i64> = 80..88;

/// `typ` of the credential: CoAP content format of `application/sd-cwt` (SD-CWT draft).
pub(crate) const TYPE_CREDENTIAL: Value<'static> = Value::Unsigned(293);
/// `typ` of the key-bound presentation: `application/kb+cwt`.
pub(crate) const TYPE_PRESENTATION: Value<'static> = Value::Unsigned(294);

/// The longest issuer, subject and status URI, in bytes.
const MAX_URI: usize = 96;

/// Reads the claims set of a credential.
pub(super) fn decode_claims(value: &Value<'_>) -> Result<Claims, DecodeError> {
    let entries = value.as_map().ok_or(DecodeError::Claim { label: IDENTITY })?;
    // Text-labelled and unknown claims are left alone (RFC 8392 §3), except those from the range for private use.
    if let Some(label) = entries.iter().filter_map(|(key, _)| key.as_int()).find(|label| *label < 0) {
        return Err(DecodeError::Claim { label });
    }
    let identity = value.get(IDENTITY).ok_or(DecodeError::Claim { label: IDENTITY })?;
    identity.as_map().ok_or(DecodeError::Claim { label: IDENTITY })?;
    let mut attributes = Attributes::default();
    read_attributes(identity, &mut attributes)?;
    for label in GROUPS {
        let Some(group) = identity.get(label) else { continue };
        group.as_map().ok_or(DecodeError::Attribute { label })?;
        read_attributes(group, &mut attributes)?;
    }
    Ok(Claims {
        issuer: short_text(value, ISSUER)?.to_owned(),
        subject: short_text(value, SUBJECT)?.to_owned(),
        purpose: Some(purpose(value)?),
        expires: expiry(value)?,
        not_before: time(value, NOT_BEFORE)?,
        issued_at: time(value, ISSUED_AT)?,
        holder_key: value.get(CONFIRMATION).map(confirmation).transpose()?,
        status: Some(status(value.get(STATUS).ok_or(DecodeError::Claim { label: STATUS })?)?),
        max_presentation_age: identity.get(MAX_PRESENTATION_AGE).map(seconds).transpose()?,
        attributes,
        face: identity.get(FACE).map(face).transpose()?,
        portrait: None,
    })
}

/// Reads the secret of pairwise identifiers, where it was disclosed: from claims with everything in its place.
pub(super) fn decode_secret(value: &Value<'_>) -> Result<Option<PairwiseSecret>, DecodeError> {
    let Some(secret) = hidden_secret(value) else { return Ok(None) };
    let secret = secret.as_bytes().and_then(PairwiseSecret::from_slice);
    secret.map(Some).ok_or(DecodeError::Attribute { label: PAIRWISE_SECRET })
}

/// Refuses a secret that the issuer did not redact: every code, read by whomever, would carry it.
pub(super) fn check_secret_is_redacted(value: &Value<'_>) -> Result<(), DecodeError> {
    hidden_secret(value).map_or(Ok(()), |_| Err(DecodeError::Attribute { label: PAIRWISE_SECRET }))
}

fn hidden_secret<'v, 'a>(value: &'v Value<'a>) -> Option<&'v Value<'a>> {
    value.get(IDENTITY)?.get(PAIRWISE_SECRET)
}

/// Writes the claims set of a credential.
#[cfg(feature = "issue")]
pub(super) fn encode_claims(claims: &Claims, redacted: &[[u8; 32]]) -> Vec<u8> {
    let cose_key = claims.holder_key.map(VerificationKey::to_cose);
    let mut entries = vec![
        (Value::from(ISSUER), Value::Text(&claims.issuer)),
        (Value::from(SUBJECT), Value::Text(&claims.subject)),
        (Value::from(EXPIRES), Value::from(claims.expires.as_unix())),
        (Value::from(NOT_BEFORE), Value::from(claims.not_before.as_unix())),
        (Value::from(ISSUED_AT), Value::from(claims.issued_at.as_unix())),
    ];
    if let Some(key) = &cose_key {
        entries.push((
            Value::from(CONFIRMATION),
            Value::Map(vec![(Value::from(CONFIRMATION_KEY), key.value())]),
        ));
    }
    entries.extend(
        claims.purpose.as_ref().map(|purpose| (Value::from(AUDIENCE), Value::Text(purpose.as_str()))),
    );
    let mut identity = attribute_entries(&claims.attributes);
    let age = claims.max_presentation_age;
    identity.extend(age.map(|age| (Value::from(MAX_PRESENTATION_AGE), Value::Unsigned(age.into()))));
    if !redacted.is_empty() {
        let hashes = redacted.iter().map(|hash| Value::Bytes(hash)).collect();
        identity.push((REDACTED_KEYS, Value::Array(hashes)));
    }
    if let Some(template) = &claims.face {
        identity.push((Value::from(FACE), Value::Array(vec![biometric(template)])));
    }
    entries.push((Value::from(IDENTITY), Value::Map(identity)));
    if let Some(status) = &claims.status {
        let list = vec![
            (Value::Text("idx"), Value::Unsigned(status.index)),
            (Value::Text("uri"), Value::Text(&status.uri)),
        ];
        let list = Value::Map(vec![(Value::Text("status_list"), Value::Map(list))]);
        entries.push((Value::from(STATUS), list));
    }
    Value::Map(entries).encode()
}

pub(super) fn short_text<'a>(claims: &Value<'a>, label: i64) -> Result<&'a str, DecodeError> {
    let text = claims.get(label).and_then(Value::as_text);
    text.filter(|text| (1..=MAX_URI).contains(&text.len())).ok_or(DecodeError::Claim { label })
}

pub(crate) fn time(claims: &Value<'_>, label: i64) -> Result<Timestamp, DecodeError> {
    let seconds = claims.get(label).and_then(Value::as_int);
    seconds.and_then(Timestamp::from_unix).ok_or(DecodeError::Claim { label })
}

/// Reads `exp` of a credential, which has to be there.
pub(super) fn expiry(claims: &Value<'_>) -> Result<Timestamp, DecodeError> {
    time(claims, EXPIRES).map_err(|_| DecodeError::NoExpiry)
}

pub(super) fn confirmation(value: &Value<'_>) -> Result<VerificationKey, DecodeError> {
    let error = DecodeError::Claim { label: CONFIRMATION };
    let key = value
        .get(CONFIRMATION_KEY)
        .filter(|_| value.as_map().is_some_and(|map| map.len() == 1))
        .ok_or(error)?;
    Ok(VerificationKey::from_cose(key)?)
}

pub(super) fn status(value: &Value<'_>) -> Result<StatusReference, DecodeError> {
    let error = DecodeError::Claim { label: STATUS };
    let list = text_keyed(value, "status_list").ok_or(error)?;
    let index = match text_keyed(list, "idx") {
        Some(Value::Unsigned(index)) => *index,
        _ => return Err(error),
    };
    let uri =
        text_keyed(list, "uri").and_then(Value::as_text).filter(|uri| (1..=MAX_URI).contains(&uri.len()));
    Ok(StatusReference { index, uri: uri.ok_or(error)?.to_owned() })
}

pub(crate) fn text_keyed<'v, 'a>(value: &'v Value<'a>, name: &str) -> Option<&'v Value<'a>> {
    value.as_map()?.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}

/// Attributes, each of them once; what Claim 169 leaves unassigned is passed over.
fn read_attributes(value: &Value<'_>, attributes: &mut Attributes) -> Result<(), DecodeError> {
    for attribute in Attribute::ALL {
        let label = attribute.label();
        let Some(item) = value.get(label) else { continue };
        let item = match item {
            Value::Text(text) => AttributeValue::Text((*text).to_owned()),
            Value::Unsigned(n) => {
                AttributeValue::Code(u8::try_from(*n).map_err(|_| DecodeError::Attribute { label })?)
            }
            _ => return Err(DecodeError::Attribute { label }),
        };
        let twice = attributes.get(*attribute).is_some();
        attributes.set(*attribute, item.clone()).map_err(|_| DecodeError::Attribute { label })?;
        // Enrolment may say 1998-02-14; a credential says it in one way.
        if twice || attributes.get(*attribute) != Some(&item) {
            return Err(DecodeError::Attribute { label });
        }
    }
    Ok(())
}

fn seconds(value: &Value<'_>) -> Result<u8, DecodeError> {
    let seconds = value.as_int().and_then(|seconds| u8::try_from(seconds).ok());
    seconds.filter(|seconds| *seconds > 0).ok_or(DecodeError::Attribute { label: MAX_PRESENTATION_AGE })
}

pub(super) fn purpose(claims: &Value<'_>) -> Result<Purpose, DecodeError> {
    Purpose::parse(short_text(claims, AUDIENCE)?).map_err(|_| DecodeError::Claim { label: AUDIENCE })
}

fn face(value: &Value<'_>) -> Result<Template, DecodeError> {
    let error = DecodeError::Attribute { label: FACE };
    let Some([entry]) = value.as_array() else { return Err(error) };
    template(entry)
}

/// Reads a biometric that is a template of ours.
pub(super) fn template(entry: &Value<'_>) -> Result<Template, DecodeError> {
    let error = DecodeError::Attribute { label: FACE };
    let is = |label, expected| entry.get(label).and_then(Value::as_int) == Some(expected);
    if !is(BIOMETRIC_FORMAT, FORMAT_TEMPLATE) || !is(BIOMETRIC_SUBFORMAT, SUBFORMAT_GATEPASS) {
        return Err(error);
    }
    let algorithm = entry.get(BIOMETRIC_ISSUER).and_then(Value::as_text).ok_or(error)?;
    let algorithm = AlgorithmId::parse(algorithm).map_err(|_| error)?;
    let data = entry.get(BIOMETRIC_DATA).and_then(Value::as_bytes).ok_or(error)?;
    Template::new(algorithm, data.to_vec()).map_err(|_| error)
}

#[cfg(feature = "issue")]
pub(super) fn attribute_entries(attributes: &Attributes) -> Vec<(Value<'_>, Value<'_>)> {
    let entry = |(attribute, value): (Attribute, _)| (Value::from(attribute.label()), attribute_value(value));
    attributes.iter().map(entry).collect()
}

#[cfg(feature = "issue")]
fn attribute_value(value: &AttributeValue) -> Value<'_> {
    match value {
        AttributeValue::Text(text) => Value::Text(text),
        AttributeValue::Code(code) => Value::Unsigned(u64::from(*code)),
    }
}

#[cfg(feature = "issue")]
fn biometric(template: &Template) -> Value<'_> {
    Value::Map(vec![
        (Value::from(BIOMETRIC_DATA), Value::Bytes(template.as_bytes())),
        (Value::from(BIOMETRIC_FORMAT), Value::from(FORMAT_TEMPLATE)),
        (Value::from(BIOMETRIC_SUBFORMAT), Value::from(SUBFORMAT_GATEPASS)),
        (Value::from(BIOMETRIC_ISSUER), Value::Text(template.algorithm().as_str())),
    ])
}
