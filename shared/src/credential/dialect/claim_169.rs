//! Plain Claim 169 (MOSIP), as issuers really write it.
//!
//! Beyond our own profile: `sub`, `aud`, `nbf`, `iat`, `cnf` and `status` may be missing, the identity may be in a byte
//! string, dates have hyphens or slashes, numbers stand where the specification has text, the face is an array of one
//! map or the map itself, and pictures are byte strings, base64, or `data:` URIs. `exp` is not optional.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::claims::{Attribute, AttributeValue, Attributes, Claims, Kind};
use super::super::error::DecodeError;
use super::super::wire;
use crate::cbor::{self, Value};
use crate::portrait::{Portrait, PortraitFormat};
use crate::time::Timestamp;

/// Claim 169 labels that our own profile does not use: the picture and its format.
const PICTURE: i64 = 16;
const PICTURE_FORMAT: i64 = 17;

/// Reads the claims set of a credential that is not of our own profile.
pub(in super::super) fn decode_claims(claims: &Value<'_>) -> Result<Claims, DecodeError> {
    let missing = DecodeError::Claim { label: wire::IDENTITY };
    let optional_time = |label| claims.get(label).map(|_| wire::time(claims, label)).transpose();
    let (not_before, issued_at) = (optional_time(wire::NOT_BEFORE)?, optional_time(wire::ISSUED_AT)?);
    // Without any time of issue no key can be shown to have been valid then; the issuer's keys decide.
    let epoch = Timestamp::from_unix(0).ok_or(missing)?;
    let wrapped;
    let identity = match claims.get(wire::IDENTITY).ok_or(missing)? {
        Value::Bytes(bytes) => {
            wrapped = cbor::decode_foreign(bytes)?;
            &wrapped
        }
        identity => identity,
    };
    identity.as_map().ok_or(missing)?;
    let biometric = identity.get(wire::FACE).and_then(first_biometric);
    Ok(Claims {
        issuer: wire::short_text(claims, wire::ISSUER)?.to_owned(),
        subject: claims.get(wire::SUBJECT).and_then(Value::as_text).unwrap_or_default().to_owned(),
        purpose: claims.get(wire::AUDIENCE).map(|_| wire::purpose(claims)).transpose()?,
        expires: wire::expiry(claims)?,
        not_before: not_before.or(issued_at).unwrap_or(epoch),
        issued_at: issued_at.or(not_before).unwrap_or(epoch),
        holder_key: claims.get(wire::CONFIRMATION).map(wire::confirmation).transpose()?,
        status: claims.get(wire::STATUS).map(wire::status).transpose()?,
        max_presentation_age: None,
        attributes: attributes(identity),
        face: biometric.and_then(|entry| wire::template(entry).ok()),
        portrait: biometric.and_then(biometric_portrait).or_else(|| picture(identity)),
    })
}

/// What fits our attributes; the rest is as if it were not there, and whether it is needed is for the policy to say.
fn attributes(identity: &Value<'_>) -> Attributes {
    let mut attributes = Attributes::default();
    for attribute in Attribute::ALL.iter().filter(|attribute| **attribute != Attribute::AgeOver) {
        let value = match (identity.get(attribute.label()), attribute.kind()) {
            (Some(Value::Text(text)), Kind::Date) => AttributeValue::Text(text.replace('/', "-")),
            (Some(Value::Text(text)), _) => AttributeValue::Text((*text).to_owned()),
            (Some(Value::Unsigned(number)), Kind::Code) => match u8::try_from(*number) {
                Ok(code) => AttributeValue::Code(code),
                Err(_) => continue,
            },
            (Some(Value::Unsigned(number)), _) => AttributeValue::Text(number.to_string()),
            _ => continue,
        };
        let _ = attributes.set(*attribute, value);
    }
    attributes
}

/// The one entry of an array, or a map that stands alone.
fn first_biometric<'v, 'a>(face: &'v Value<'a>) -> Option<&'v Value<'a>> {
    match face {
        Value::Array(entries) => entries.first(),
        Value::Map(_) => Some(face),
        _ => None,
    }
}

/// A biometric of format 0, "image"; its sub-formats are numbered from another start than pictures are.
fn biometric_portrait(entry: &Value<'_>) -> Option<Portrait> {
    const IMAGE: i64 = 0;
    (entry.get(wire::BIOMETRIC_FORMAT)?.as_int()? == IMAGE).then_some(())?;
    let code = entry.get(wire::BIOMETRIC_SUBFORMAT).and_then(Value::as_int);
    portrait(entry.get(wire::BIOMETRIC_DATA)?, code)
}

fn picture(identity: &Value<'_>) -> Option<Portrait> {
    portrait(identity.get(PICTURE)?, identity.get(PICTURE_FORMAT).and_then(Value::as_int))
}

fn portrait(data: &Value<'_>, code: Option<i64>) -> Option<Portrait> {
    let bytes = match data {
        Value::Bytes(bytes) => bytes.to_vec(),
        Value::Text(text) => {
            let base64 = text.split_once(";base64,").map_or(*text, |(_, base64)| base64);
            STANDARD.decode(base64).ok()?
        }
        _ => return None,
    };
    // What the bytes are goes before what they are said to be.
    let said = code.and_then(|code| PortraitFormat::from_number(u64::try_from(code).ok()?).ok());
    Portrait::new(PortraitFormat::of(&bytes).or(said)?, bytes).ok()
}
