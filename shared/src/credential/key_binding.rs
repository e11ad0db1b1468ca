//! The holder's live proof, in either of two forms: around the credential (SD-CWT draft, "SD-KBT"), or as a
//! countersignature inside it (RFC 9338), which every reader of Claim 169 passes over.
//!
//! ```cddl
//! presentation = #6.18([ << {1: alg, 13: credential, 16: 294} >>, {}, << proof >>, bstr .size 64 ])        ; P1
//! countersigned = #6.18([ protected, {11: [ << {1: alg, 15: proof} >>, {}, bstr .size 64 ]}, payload, bstr ])  ; P2
//! proof = { 3: aud, 4: exp, 6: iat, ? 39: cnonce }
//! ```
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use sha2::{Digest, Sha256};

use super::challenge::{Challenge, MAX_NONCE, MIN_NONCE};
use super::cose::{Countersignature, Sign1};
use super::error::{DecodeError, VerifyError};
use super::wire;
use crate::cbor::{self, Value};
use crate::key::{Algorithm, VerificationKey};
use crate::time::Timestamp;
use crate::trust::{Policy, ProofRule};

/// CWT claims of the proof (RFC 8392 §3.1, RFC 9200 §5.3.1 for `cnonce`).
pub(super) const AUDIENCE: i64 = 3;
pub(super) const EXPIRES: i64 = 4;
const ISSUED_AT: i64 = 6;
pub(super) const NONCE: i64 = 39;

/// How long a rotating code is accepted after it was made, in seconds (DESIGN: at most 30 s).
pub const PROOF_LIFE: i64 = 30;

/// How far the phone's clock may be ahead of the kiosk's, in seconds: a guess that covers NTP-set phones.
pub const CLOCK_LEEWAY: i64 = 5;

/// The longest audience, in bytes.
pub(super) const MAX_AUDIENCE: usize = 48;

/// Names one proof, so that the second sight of it can be refused: SHA-256 over the bytes that its signature covers.
/// Over the signature itself would not do: of an ES256 signature anybody can make a second one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProofId(pub [u8; 32]);

/// A proof whose structure is right; nothing about it is checked yet.
#[derive(Debug, Clone)]
pub(super) struct Proof<'a> {
    to_be_signed: Vec<u8>,
    signature: &'a [u8],
    algorithm: Algorithm,
    audience: &'a str,
    issued: Timestamp,
    expires: Timestamp,
    nonce: Option<&'a [u8]>,
}

impl<'a> Proof<'a> {
    pub(super) fn from_sign1(sign1: &Sign1<'a>) -> Result<Self, DecodeError> {
        let claims = cbor::decode(sign1.payload())?;
        Self::new(&claims, sign1.to_be_signed(), sign1.signature(), sign1.algorithm())
    }

    pub(super) fn from_countersignature(countersignature: Countersignature<'a>) -> Result<Self, DecodeError> {
        let Countersignature { claims, algorithm, to_be_signed, signature } = countersignature;
        Self::new(&claims, to_be_signed, signature, algorithm)
    }

    fn new(
        claims: &Value<'a>,
        to_be_signed: Vec<u8>,
        signature: &'a [u8],
        algorithm: Algorithm,
    ) -> Result<Self, DecodeError> {
        let entries = claims.as_map().ok_or(DecodeError::Claim { label: AUDIENCE })?;
        let known = |key: &Value<'_>| matches!(key.as_int(), Some(AUDIENCE | EXPIRES | ISSUED_AT | NONCE));
        if let Some((key, _)) = entries.iter().find(|(key, _)| !known(key)) {
            return Err(DecodeError::Claim { label: key.as_int().unwrap_or_default() });
        }
        let nonce =
            claims.get(NONCE).map(|nonce| nonce.as_bytes().ok_or(DecodeError::Claim { label: NONCE }));
        let nonce = nonce.transpose()?;
        if nonce.is_some_and(|nonce| !(MIN_NONCE..=MAX_NONCE).contains(&nonce.len())) {
            return Err(DecodeError::Claim { label: NONCE });
        }
        Ok(Self {
            audience: audience(claims)?,
            issued: wire::time(claims, ISSUED_AT)?,
            expires: wire::time(claims, EXPIRES)?,
            nonce,
            to_be_signed,
            signature,
            algorithm,
        })
    }

    pub(super) fn id(&self) -> ProofId {
        ProofId(Sha256::digest(&self.to_be_signed).into())
    }

    /// The first time at which the proof can no longer be accepted, so a replay need not be remembered.
    pub(super) fn dead_after(&self) -> Timestamp {
        self.issued.plus(PROOF_LIFE)
    }

    /// Signature, audience, nonce and time, in that order (SD-CWT draft, "Key Binding Validation").
    pub(super) fn verify(
        &self,
        key: &VerificationKey,
        credential: &Lifetime,
        policy: &Policy,
        challenge: Option<&Challenge>,
        now: Timestamp,
    ) -> Result<(), VerifyError> {
        if !key.verifies(self.algorithm, &self.to_be_signed, self.signature) {
            return Err(VerifyError::ProofSignature);
        }
        let asked = challenge.is_some_and(|challenge| challenge.audience() == self.audience);
        if !asked && !policy.audiences.iter().any(|audience| audience == self.audience) {
            return Err(VerifyError::ProofAudience);
        }
        match (self.nonce, challenge) {
            (None, _) if policy.proof == ProofRule::Challenge => return Err(VerifyError::ChallengeMissing),
            (None, _) => {}
            (Some(nonce), Some(challenge)) if challenge.nonce() == nonce && now < challenge.expires() => {}
            (Some(_), _) => return Err(VerifyError::ChallengeWrong),
        }
        let life = self.expires.seconds_since(self.issued);
        // The phone's clock may be a little behind the issuer's.
        let inside = self.issued.plus(CLOCK_LEEWAY) >= credential.not_before.max(credential.issued_at)
            && self.issued < credential.expires;
        if !(1..=PROOF_LIFE).contains(&life) || !inside {
            return Err(VerifyError::ProofWindow);
        }
        if self.issued > now.plus(CLOCK_LEEWAY) {
            return Err(VerifyError::ProofNotYetValid { issued: self.issued, now });
        }
        let longest = credential.max_presentation_age.map_or(PROOF_LIFE, i64::from);
        if now >= self.expires.min(self.issued.plus(longest)) {
            return Err(VerifyError::ProofExpired { issued: self.issued, now });
        }
        Ok(())
    }
}

pub(super) fn audience<'a>(claims: &Value<'a>) -> Result<&'a str, DecodeError> {
    let audience = claims.get(AUDIENCE).and_then(Value::as_text);
    audience
        .filter(|text| (1..=MAX_AUDIENCE).contains(&text.len()))
        .ok_or(DecodeError::Claim { label: AUDIENCE })
}

/// When the credential around which the proof is made holds.
pub(super) struct Lifetime {
    pub(super) issued_at: Timestamp,
    pub(super) not_before: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) max_presentation_age: Option<u8>,
}

/// What a phone says in a proof.
#[cfg(feature = "issue")]
#[derive(Debug, Clone, Copy)]
pub struct Statement<'a> {
    /// Whom it is for: the audience that the checkpoint publishes or asks for.
    pub audience: &'a str,
    /// The nonce of the challenge that it answers.
    pub nonce: Option<&'a [u8]>,
    /// When it is made.
    pub now: Timestamp,
}

/// Makes the presentation of `credential` that is accepted from `now` for [`PROOF_LIFE`] seconds: P1, no nonce.
///
/// # Errors
/// As [`present_statement`].
#[cfg(feature = "issue")]
pub fn present(
    credential: &[u8],
    holder: &dyn crate::key::Signer,
    audience: &str,
    now: Timestamp,
) -> Result<Vec<u8>, PresentError> {
    present_statement(credential, holder, &Statement { audience, nonce: None, now })
}

/// Makes a presentation around `credential` (P1).
///
/// # Errors
/// Bytes that are not a credential bound to the signer's key, an audience that is empty or longer than
/// 48 bytes, a signer that fails, and a credential that discloses the secret of pairwise identifiers.
#[cfg(feature = "issue")]
pub fn present_statement(
    credential: &[u8],
    holder: &dyn crate::key::Signer,
    statement: &Statement<'_>,
) -> Result<Vec<u8>, PresentError> {
    if super::UnverifiedCredential::decode(credential)?.discloses_secret() {
        return Err(PresentError::Secret);
    }
    around(credential, holder, statement)
}

/// Makes a presentation around `credential` (P1) that only the holder of `to` can read: a COSE_Encrypt0. The credential
/// may disclose the secret of pairwise identifiers, if `to` is the key of a sector and not one that a challenge named:
/// nobody signed for that.
///
/// `seed` is drawn from the system's randomness, for every message anew.
///
/// # Errors
/// As [`present_statement`], but for the secret, and keys that nothing is encrypted to.
#[cfg(feature = "issue")]
pub fn present_encrypted(
    credential: &[u8],
    holder: &dyn crate::key::Signer,
    statement: &Statement<'_>,
    to: &crate::encryption::EncryptionKey,
    seed: &[u8; 32],
) -> Result<Vec<u8>, PresentError> {
    let plain = zeroize::Zeroizing::new(around(credential, holder, statement)?);
    Ok(to.seal(&plain, seed)?)
}

#[cfg(feature = "issue")]
fn around(
    credential: &[u8],
    holder: &dyn crate::key::Signer,
    statement: &Statement<'_>,
) -> Result<Vec<u8>, PresentError> {
    let decoded = super::UnverifiedCredential::decode(credential)?;
    let claims = statement.claims(decoded.claims(), holder)?;
    let embedded = cbor::decode(credential).map_err(DecodeError::Cbor)?;
    let headers = vec![(super::cose::KCWT, embedded), (super::cose::TYPE, wire::TYPE_PRESENTATION)];
    Ok(super::cose::ToBeSigned::new(headers, claims.encode()).sign(holder)?)
}

/// Makes a presentation that is `credential` with a countersignature (P2), for places where other readers of
/// Claim 169 have to read it too.
///
/// # Errors
/// As [`present_statement`], and credentials with something disclosed: a countersignature does not cover that.
#[cfg(feature = "issue")]
pub fn countersign(
    credential: &[u8],
    holder: &dyn crate::key::Signer,
    statement: &Statement<'_>,
) -> Result<Vec<u8>, PresentError> {
    let decoded = super::UnverifiedCredential::decode(credential)?;
    if !decoded.disclosures().is_empty() {
        return Err(PresentError::Disclosures);
    }
    let claims = statement.claims(decoded.claims(), holder)?;
    Ok(decoded.sign1().countersigned(claims, holder)?)
}

#[cfg(feature = "issue")]
impl Statement<'_> {
    fn claims(
        &self,
        credential: &super::Claims,
        holder: &dyn crate::key::Signer,
    ) -> Result<Value<'_>, PresentError> {
        if credential.holder_key != Some(holder.public_key().into()) {
            return Err(PresentError::OtherKey);
        }
        if !(1..=MAX_AUDIENCE).contains(&self.audience.len()) {
            return Err(PresentError::Audience);
        }
        let life = credential.max_presentation_age.map_or(PROOF_LIFE, i64::from).min(PROOF_LIFE);
        let mut claims = vec![
            (Value::from(AUDIENCE), Value::Text(self.audience)),
            (Value::from(EXPIRES), Value::from(self.now.plus(life).as_unix())),
            (Value::from(ISSUED_AT), Value::from(self.now.as_unix())),
        ];
        claims.extend(self.nonce.map(|nonce| (Value::from(NONCE), Value::Bytes(nonce))));
        Ok(Value::Map(claims))
    }
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
    /// Something is disclosed, which a countersignature does not cover.
    #[error("a countersigned code cannot disclose groups; make one around the credential")]
    Disclosures,
    /// The secret of pairwise identifiers is disclosed, and the code would be read by any camera.
    #[error("the secret of pairwise identifiers is for encrypted codes only")]
    Secret,
    /// Nothing is encrypted to that key.
    #[error(transparent)]
    Encrypt(#[from] crate::encryption::EncryptionKeyError),
    /// The holder's key did not sign.
    #[error(transparent)]
    Sign(#[from] crate::key::SignError),
}
