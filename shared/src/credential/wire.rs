//! The credential's bytes: the only place that knows the labels of its maps.
//!
//! ```cddl
//! credential = #6.18([ << {1: -8, 4: bstr .size 8, 16: 293} >>, {}, << claims >>, bstr .size 64 ])
//! claims = { 1: iss, 2: sub, 3: purpose, 4: exp, 5: nbf, 6: iat, ? 8: { 1: COSE_Key }, 169: identity,
//!            65535: { "status_list": { "idx": uint, "uri": tstr } } }
//! identity = { * attribute => tstr / uint, ? 62: [ { 0: bstr, 1: 1, 2: 100, 3: tstr } ] }
//! ```
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use super::claims::{Attribute, AttributeValue, Attributes, Claims, Purpose, StatusReference};
use super::error::DecodeError;
use crate::cbor::Value;
use crate::key::PublicKey;
use crate::template::{AlgorithmId, Template};
use crate::time::Timestamp;

/// CWT claims (RFC 8392 §3.1).
const ISSUER: i64 = 1;
const SUBJECT: i64 = 2;
const AUDIENCE: i64 = 3;
pub(super) const EXPIRES: i64 = 4;
const NOT_BEFORE: i64 = 5;
const ISSUED_AT: i64 = 6;
/// `cnf` and its COSE_Key (RFC 8747 §3.1).
const CONFIRMATION: i64 = 8;
const CONFIRMATION_KEY: i64 = 1;
/// `identity-data` (MOSIP Claim 169).
const IDENTITY: i64 = 169;
/// `status` (Token Status List §6.3).
const STATUS: i64 = 65535;
/// Claim 169 "Face".
const FACE: i64 = 62;
/// Keys of a Claim 169 biometric: data, format (1 is a template), sub-format (100 to 199 are a vendor's own), issuer.
const BIOMETRIC_DATA: i64 = 0;
const BIOMETRIC_FORMAT: i64 = 1;
const BIOMETRIC_SUBFORMAT: i64 = 2;
const BIOMETRIC_ISSUER: i64 = 3;
const FORMAT_TEMPLATE: i64 = 1;
const SUBFORMAT_GATEPASS: i64 = 100;

/// `typ` of the credential: CoAP content format of `application/sd-cwt` (SD-CWT draft).
pub(crate) const TYPE_CREDENTIAL: Value<'static> = Value::Unsigned(293);
/// `typ` of the key-bound presentation: `application/kb+cwt`.
pub(crate) const TYPE_PRESENTATION: Value<'static> = Value::Unsigned(294);

/// The longest issuer, subject and status URI, in bytes.
const MAX_URI: usize = 96;

/// Reads the claims set of a credential.
pub(super) fn decode_claims(value: &Value<'_>) -> Result<Claims, DecodeError> {
    let entries = value.as_map().ok_or(DecodeError::Claim { label: IDENTITY })?;
    const KNOWN: [i64; 9] =
        [ISSUER, SUBJECT, AUDIENCE, EXPIRES, NOT_BEFORE, ISSUED_AT, CONFIRMATION, IDENTITY, STATUS];
    for (key, _) in entries {
        // Text-labelled and unknown claims are left alone (RFC 8392 §3), except labels we could not even name.
        if let Some(label) = key.as_int().filter(|label| *label < 0 && !KNOWN.contains(label)) {
            return Err(DecodeError::Claim { label });
        }
    }
    let (attributes, face) = identity(value.get(IDENTITY).ok_or(DecodeError::Claim { label: IDENTITY })?)?;
    Ok(Claims {
        issuer: short_text(value, ISSUER)?.to_owned(),
        subject: short_text(value, SUBJECT)?.to_owned(),
        purpose: Purpose::parse(short_text(value, AUDIENCE)?)
            .map_err(|_| DecodeError::Claim { label: AUDIENCE })?,
        expires: time(value, EXPIRES)?,
        not_before: time(value, NOT_BEFORE)?,
        issued_at: time(value, ISSUED_AT)?,
        holder_key: value.get(CONFIRMATION).map(confirmation).transpose()?,
        status: status(value.get(STATUS).ok_or(DecodeError::Claim { label: STATUS })?)?,
        attributes,
        face,
    })
}

/// Writes the claims set of a credential.
#[cfg(feature = "issue")]
pub(super) fn encode_claims(claims: &Claims) -> Vec<u8> {
    let cose_key = claims.holder_key.map(PublicKey::to_cose);
    let mut entries = vec![
        (Value::from(ISSUER), Value::Text(&claims.issuer)),
        (Value::from(SUBJECT), Value::Text(&claims.subject)),
        (Value::from(AUDIENCE), Value::Text(claims.purpose.as_str())),
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
    let mut identity: Vec<_> = claims
        .attributes
        .iter()
        .map(|(attribute, value)| (Value::from(attribute.label()), attribute_value(value)))
        .collect();
    if let Some(template) = &claims.face {
        identity.push((Value::from(FACE), Value::Array(vec![biometric(template)])));
    }
    entries.push((Value::from(IDENTITY), Value::Map(identity)));
    let list = vec![
        (Value::Text("idx"), Value::Unsigned(claims.status.index)),
        (Value::Text("uri"), Value::Text(&claims.status.uri)),
    ];
    entries.push((Value::from(STATUS), Value::Map(vec![(Value::Text("status_list"), Value::Map(list))])));
    Value::Map(entries).encode()
}

fn short_text<'a>(claims: &Value<'a>, label: i64) -> Result<&'a str, DecodeError> {
    let text = claims.get(label).and_then(Value::as_text);
    text.filter(|text| (1..=MAX_URI).contains(&text.len())).ok_or(DecodeError::Claim { label })
}

pub(crate) fn time(claims: &Value<'_>, label: i64) -> Result<Timestamp, DecodeError> {
    let seconds = claims.get(label).and_then(Value::as_int);
    seconds.and_then(Timestamp::from_unix).ok_or(DecodeError::Claim { label })
}

fn confirmation(value: &Value<'_>) -> Result<PublicKey, DecodeError> {
    let error = DecodeError::Claim { label: CONFIRMATION };
    let key = value
        .get(CONFIRMATION_KEY)
        .filter(|_| value.as_map().is_some_and(|map| map.len() == 1))
        .ok_or(error)?;
    Ok(PublicKey::from_cose(key)?)
}

fn status(value: &Value<'_>) -> Result<StatusReference, DecodeError> {
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

/// Attributes and the face; what Claim 169 leaves unassigned is passed over.
fn identity(value: &Value<'_>) -> Result<(Attributes, Option<Template>), DecodeError> {
    value.as_map().ok_or(DecodeError::Claim { label: IDENTITY })?;
    let mut attributes = Attributes::default();
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
        attributes.set(*attribute, item.clone()).map_err(|_| DecodeError::Attribute { label })?;
        // Enrolment may say 1998-02-14; a credential says it in one way.
        if attributes.get(*attribute) != Some(&item) {
            return Err(DecodeError::Attribute { label });
        }
    }
    Ok((attributes, value.get(FACE).map(face).transpose()?))
}

fn face(value: &Value<'_>) -> Result<Template, DecodeError> {
    let error = DecodeError::Attribute { label: FACE };
    let Some([entry]) = value.as_array() else { return Err(error) };
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
