//! The checks, in order (DESIGN §3): structure, issuer, signature, lifetime, purpose, status, proof, replay, trust.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use super::claims::{Claims, Purpose};
use super::cose::{KCWT, KEY_ID, Sign1, TYPE};
use super::error::{DecodeError, VerifyError};
use super::key_binding::{Lifetime, Proof, ProofId};
use super::wire;
use crate::cbor::{self, Value};
use crate::key::{KeyId, PublicKey};
use crate::qr::payload::{self, Payload};
use crate::time::Timestamp;
use crate::trust::{
    ClockState, FaceRule, Freshness, KeyState, PaperRule, Policy, StaleRule, Status, TrustStore,
    TrustedIssuer,
};

/// A credential whose structure is right; nothing it says is to be believed yet.
#[derive(Debug, Clone)]
pub struct UnverifiedCredential<'a> {
    sign1: Sign1<'a>,
    key_id: KeyId,
    claims: Claims,
}

impl<'a> UnverifiedCredential<'a> {
    /// Reads the bytes of a credential.
    ///
    /// # Errors
    /// Whatever `docs/format.md` does not allow.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        Self::from_value(&cbor::decode(bytes)?)
    }

    fn from_value(value: &Value<'a>) -> Result<Self, DecodeError> {
        let sign1 = Sign1::from_value(value, &[KEY_ID, TYPE])?;
        sign1.expect_type(&wire::TYPE_CREDENTIAL)?;
        let claims = wire::decode_claims(&cbor::decode(sign1.payload())?)?;
        Ok(Self { key_id: sign1.key_id()?, sign1, claims })
    }

    /// Returns the claims as stated, by whomever.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Returns the identifier of the key that is said to have signed.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Tells whether `key` made the issuer's signature.
    pub fn signed_by(&self, key: &PublicKey) -> bool {
        self.sign1.verifies(key)
    }
}

/// What the text of a symbol turned out to be, nothing of it checked yet.
#[derive(Debug)]
pub enum Presentation {
    /// A credential on its own, as on paper.
    Static(Vec<u8>),
    /// A credential inside a holder's proof.
    KeyBound(Vec<u8>),
}

impl Presentation {
    /// Reads the text of a symbol.
    ///
    /// # Errors
    /// Texts that are not ours, and encrypted ones.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        match payload::decode(text)? {
            Payload::Static(bytes) => Ok(Self::Static(bytes)),
            Payload::Signed(bytes) => Ok(Self::KeyBound(bytes)),
            Payload::Encrypted(_) => Err(DecodeError::Encrypted),
        }
    }

    /// Takes the credential out, and the audience and time of the proof around it, without checking anything.
    ///
    /// # Errors
    /// Whatever `docs/format.md` does not allow.
    pub fn credential(&self) -> Result<UnverifiedCredential<'_>, DecodeError> {
        Ok(self.parts()?.0)
    }

    fn parts(&self) -> Result<(UnverifiedCredential<'_>, Option<Proof<'_>>), DecodeError> {
        match self {
            Self::Static(bytes) => Ok((UnverifiedCredential::decode(bytes)?, None)),
            Self::KeyBound(bytes) => {
                let value = cbor::decode(bytes)?;
                // A bare credential starts with the same tag: one whose holder's proof was cut away.
                let credential_alone = UnverifiedCredential::from_value(&value);
                if credential_alone.is_ok() {
                    return credential_alone.map(|credential| (credential, None));
                }
                let outer = Sign1::from_value(&value, &[KCWT, TYPE])?;
                outer.expect_type(&wire::TYPE_PRESENTATION)?;
                let credential = UnverifiedCredential::from_value(outer.header(KCWT)?)?;
                Ok((credential, Some(Proof::from_sign1(outer)?)))
            }
        }
    }
}

/// Remembers proofs for as long as they could be shown again.
pub trait ReplayMemory {
    /// Remembers a proof until it is dead, and tells whether this was its first sight.
    fn first_sight(&mut self, proof: ProofId, dead_after: Timestamp, now: Timestamp) -> bool;
}

/// A presentation that passed every check but the face.
#[derive(Debug, Clone)]
pub struct Verified {
    claims: Claims,
    freshness: Freshness,
    face: FaceRule,
}

impl Verified {
    /// Returns what the issuer states.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Returns the state of the trust repository that was believed.
    pub fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// Returns who compares the face.
    pub fn face(&self) -> FaceRule {
        self.face
    }
}

/// Verifies the text of a symbol for a purpose.
///
/// What is wrong with the credential or its proof comes before stale trust: an expired credential is refused even by
/// a kiosk whose trust repository is stale. A tampered clock and an unknown purpose come before both, and the replay
/// check last.
///
/// # Errors
/// The first check that fails, in the order of [`VerifyError`].
pub fn verify(
    text: &str,
    purpose: &Purpose,
    trust: &TrustStore,
    clock: Timestamp,
    replay: &mut dyn ReplayMemory,
) -> Result<Verified, VerifyError> {
    let presentation = Presentation::decode(text)?;
    let (credential, proof) = presentation.parts()?;
    let ClockState::Plausible(now) = trust.floor().check(clock) else {
        return Err(VerifyError::ClockTampered);
    };
    let policy = trust.policy(purpose).ok_or(VerifyError::PurposeUnknown)?;
    let issuer = check_issuer(&credential, trust)?;
    let claims = &credential.claims;
    check_claims(claims, policy, now)?;
    let status = check_status(claims, issuer, now);
    // A status that cannot be told is no reason to stop before the proof could be refused.
    if let Err(error @ (VerifyError::Revoked | VerifyError::Suspended | VerifyError::StatusOutOfRange)) =
        status
    {
        return Err(error);
    }
    check_proof(claims, proof.as_ref(), policy, now)?;
    status?;
    let freshness = Freshness::at(now, trust.issued(), issuer.expires(), policy.stale_grace_days);
    match (freshness, policy.when_stale) {
        (Freshness::Dead, _) => return Err(VerifyError::TrustDead),
        (Freshness::Stale, StaleRule::Manual) => return Err(VerifyError::TrustStale),
        _ => {}
    }
    // Last, so that nothing is remembered of a presentation that was refused anyway.
    if proof.is_some_and(|proof| !replay.first_sight(proof.id(), proof.dead_after(), now)) {
        return Err(VerifyError::Replayed);
    }
    Ok(Verified { face: policy.face, freshness, claims: credential.claims })
}

fn check_issuer<'t>(
    credential: &UnverifiedCredential<'_>,
    trust: &'t TrustStore,
) -> Result<&'t TrustedIssuer, VerifyError> {
    let issuer = trust.issuer(&credential.claims.issuer).ok_or(VerifyError::IssuerUnknown)?;
    let mut candidates = issuer.keys(credential.key_id).peekable();
    candidates.peek().ok_or(VerifyError::IssuerKeyUnknown)?;
    let key = candidates.find(|key| credential.signed_by(&key.public)).ok_or(VerifyError::Signature)?;
    match key.state_at(credential.claims.issued_at) {
        KeyState::Valid => Ok(issuer),
        KeyState::NotValid => Err(VerifyError::IssuerKeyNotValid),
        KeyState::Revoked => Err(VerifyError::IssuerKeyRevoked),
    }
}

fn check_claims(claims: &Claims, policy: &Policy, now: Timestamp) -> Result<(), VerifyError> {
    if now >= claims.expires {
        return Err(VerifyError::Expired { expired: claims.expires, now });
    }
    let valid_from = claims.not_before.max(claims.issued_at);
    if now.plus(super::CLOCK_LEEWAY) < valid_from {
        return Err(VerifyError::NotYetValid { valid_from, now });
    }
    if claims.purpose != policy.purpose {
        return Err(VerifyError::WrongPurpose);
    }
    match policy.require.iter().find(|attribute| claims.attributes.get(**attribute).is_none()) {
        Some(missing) => Err(VerifyError::ClaimMissing { label: missing.label() }),
        None => Ok(()),
    }
}

fn check_status(claims: &Claims, issuer: &TrustedIssuer, now: Timestamp) -> Result<(), VerifyError> {
    let list = issuer.status_list(&claims.status.uri).ok_or(VerifyError::StatusUnknown)?;
    match list.status(claims.status.index) {
        Some(Status::Valid) if now >= list.expires() => {
            Err(VerifyError::StatusExpired { expired: list.expires() })
        }
        Some(Status::Valid) => Ok(()),
        Some(Status::Invalid) => Err(VerifyError::Revoked),
        Some(Status::Suspended) => Err(VerifyError::Suspended),
        Some(Status::Unassigned) => Err(VerifyError::StatusUnknown),
        None => Err(VerifyError::StatusOutOfRange),
    }
}

fn check_proof(
    claims: &Claims,
    proof: Option<&Proof<'_>>,
    policy: &Policy,
    now: Timestamp,
) -> Result<(), VerifyError> {
    let lifetime =
        Lifetime { issued_at: claims.issued_at, not_before: claims.not_before, expires: claims.expires };
    match (&claims.holder_key, proof, policy.paper) {
        (Some(key), Some(proof), _) => proof.verify(key, &lifetime, &policy.audiences, now),
        (Some(_), None, _) => Err(VerifyError::ProofMissing),
        (None, Some(_), _) => Err(VerifyError::ProofSignature),
        (None, None, PaperRule::Accept) => Ok(()),
        (None, None, PaperRule::Refuse) => Err(VerifyError::PaperNotAccepted),
    }
}
