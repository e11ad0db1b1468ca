//! The holder's live proof: a key-bound presentation (SD-CWT draft, "SD-KBT") around the credential.
//!
//! ```cddl
//! presentation = #6.18([ << {1: -8, 13: credential, 16: 294} >>, {}, << {3: aud, 4: exp, 6: iat} >>, bstr .size 64 ])
//! ```
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use sha2::{Digest, Sha256};

use super::cose::Sign1;
use super::error::{DecodeError, VerifyError};
use super::wire;
use crate::cbor::{self, Value};
use crate::key::PublicKey;
use crate::time::Timestamp;

/// CWT claims of the proof (RFC 8392 §3.1).
const AUDIENCE: i64 = 3;
const EXPIRES: i64 = 4;
const ISSUED_AT: i64 = 6;

/// How long a rotating code is accepted after it was made, in seconds (DESIGN: at most 30 s).
pub const PROOF_LIFE: i64 = 30;

/// How often the holder makes a new proof, in seconds.
pub const ROTATION: i64 = 15;

/// How far the phone's clock may be ahead of the kiosk's, in seconds: a guess that covers NTP-set phones.
pub const CLOCK_LEEWAY: i64 = 5;

/// The longest audience, in bytes.
const MAX_AUDIENCE: usize = 48;

/// Names one proof, so that the second sight of it can be refused: SHA-256 over its signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProofId(pub [u8; 32]);

/// A proof whose structure is right; nothing about it is checked yet.
#[derive(Debug, Clone)]
pub(super) struct Proof<'a> {
    sign1: Sign1<'a>,
    audience: &'a str,
    issued: Timestamp,
    expires: Timestamp,
}

impl<'a> Proof<'a> {
    pub(super) fn from_sign1(sign1: Sign1<'a>) -> Result<Self, DecodeError> {
        let claims = cbor::decode(sign1.payload())?;
        let entries = claims.as_map().ok_or(DecodeError::Claim { label: AUDIENCE })?;
        if let Some((key, _)) =
            entries.iter().find(|(key, _)| !matches!(key.as_int(), Some(AUDIENCE | EXPIRES | ISSUED_AT)))
        {
            return Err(DecodeError::Claim { label: key.as_int().unwrap_or_default() });
        }
        let audience = claims.get(AUDIENCE).and_then(Value::as_text);
        Ok(Self {
            audience: audience
                .filter(|text| (1..=MAX_AUDIENCE).contains(&text.len()))
                .ok_or(DecodeError::Claim { label: AUDIENCE })?,
            issued: wire::time(&claims, ISSUED_AT)?,
            // A proof without an end is a malformed proof, not a credential without one.
            expires: wire::time(&claims, EXPIRES).map_err(|_| DecodeError::Claim { label: ISSUED_AT })?,
            sign1,
        })
    }

    pub(super) fn id(&self) -> ProofId {
        ProofId(Sha256::digest(self.sign1.signature()).into())
    }

    /// The first time at which the proof can no longer be accepted, so a replay need not be remembered.
    pub(super) fn dead_after(&self) -> Timestamp {
        self.issued.plus(PROOF_LIFE)
    }

    /// Signature, audience and time, in that order (SD-CWT draft, "Key Binding Validation").
    pub(super) fn verify(
        &self,
        key: &PublicKey,
        credential: &Lifetime,
        audiences: &[String],
        now: Timestamp,
    ) -> Result<(), VerifyError> {
        if !self.sign1.verifies(key) {
            return Err(VerifyError::ProofSignature);
        }
        if !audiences.iter().any(|audience| audience == self.audience) {
            return Err(VerifyError::ProofAudience);
        }
        let life = self.expires.seconds_since(self.issued);
        // The phone's clock may be a little behind the issuer's.
        let inside = self.issued.plus(CLOCK_LEEWAY) >= credential.not_before.max(credential.issued_at)
            && self.expires <= credential.expires.plus(PROOF_LIFE)
            && self.issued < credential.expires;
        if !(1..=PROOF_LIFE).contains(&life) || !inside {
            return Err(VerifyError::ProofWindow);
        }
        if self.issued > now.plus(CLOCK_LEEWAY) {
            return Err(VerifyError::ProofNotYetValid { issued: self.issued, now });
        }
        if now >= self.expires {
            return Err(VerifyError::ProofExpired { issued: self.issued, now });
        }
        Ok(())
    }
}

/// When the credential around which the proof is made holds.
pub(super) struct Lifetime {
    pub(super) issued_at: Timestamp,
    pub(super) not_before: Timestamp,
    pub(super) expires: Timestamp,
}

/// Makes the presentation of `credential` that is accepted from `now` for [`PROOF_LIFE`] seconds.
///
/// # Errors
/// Bytes that are not a credential bound to the signer's key, an audience that is empty or longer than
/// 48 bytes, and a signer that fails.
#[cfg(feature = "issue")]
pub fn present(
    credential: &[u8],
    holder: &dyn crate::key::Signer,
    audience: &str,
    now: Timestamp,
) -> Result<Vec<u8>, PresentError> {
    let decoded = super::UnverifiedCredential::decode(credential)?;
    if decoded.claims().holder_key != Some(holder.public_key()) {
        return Err(PresentError::OtherKey);
    }
    if !(1..=MAX_AUDIENCE).contains(&audience.len()) {
        return Err(PresentError::Audience);
    }
    let claims = Value::Map(vec![
        (Value::from(AUDIENCE), Value::Text(audience)),
        (Value::from(EXPIRES), Value::from(now.plus(PROOF_LIFE).as_unix())),
        (Value::from(ISSUED_AT), Value::from(now.as_unix())),
    ]);
    let embedded = cbor::decode(credential).map_err(DecodeError::Cbor)?;
    let headers = vec![(super::cose::KCWT, embedded), (super::cose::TYPE, wire::TYPE_PRESENTATION)];
    Ok(super::cose::ToBeSigned::new(headers, claims.encode()).sign(holder)?)
}

/// Why there is no presentation.
#[cfg(feature = "issue")]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PresentError {
    /// The bytes are not a credential.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The credential is bound to another key, or to none.
    #[error("the credential is not bound to this holder key")]
    OtherKey,
    /// The audience is empty or too long.
    #[error("an audience is 1 to {MAX_AUDIENCE} bytes")]
    Audience,
    /// The holder's key did not sign.
    #[error(transparent)]
    Sign(#[from] crate::key::SignError),
}
