//! The checks, in order (DESIGN §3): structure, issuer, signature, lifetime, purpose, status, proof, trust, replay.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use zeroize::Zeroize;

use super::challenge::Challenge;
use super::claims::{Claims, Purpose};
use super::cose::{COUNTERSIGNATURE, HeaderRules, KCWT, KEY_ID, SD_ALGORITHM, SD_CLAIMS, Sign1, TYPE};
use super::error::{DecodeError, VerifyError};
use super::key_binding::{Lifetime, Proof, ProofId};
use super::{dialect, disclosure, wire};
use crate::cbor::{self, Value};
use crate::encryption::{self, DecryptionKey};
use crate::key::VerificationKey;
use crate::pairwise::{Pairwise, PairwiseSecret, RelyingParty};
use crate::qr::payload::{self, Payload};
use crate::time::Timestamp;
use crate::trust::{
    ClockState, Dialect, FaceRule, Freshness, KeyState, ListState, PaperRule, Policy, ProofRule, ReplayRule,
    StaleRule, Status, TrustStore, TrustedIssuer,
};

/// Headers of a credential: on its own it may be countersigned; inside a proof it may not.
const EMBEDDED: HeaderRules =
    HeaderRules { protected: Some(&[KEY_ID, TYPE, SD_ALGORITHM]), unprotected: Some(&[SD_CLAIMS]) };
const ALONE: HeaderRules = HeaderRules { unprotected: Some(&[SD_CLAIMS, COUNTERSIGNATURE]), ..EMBEDDED };

/// Length of our own key identifiers, in bytes.
const KEY_ID_BYTES: usize = 8;

/// `sd_alg`: SHA-256 (RFC 9054 §2.1), also what it is where the header is missing.
const SHA_256: Value<'static> = Value::Negative(15);

/// A credential whose structure is right; nothing it says is to be believed yet.
#[derive(Debug, Clone)]
pub struct UnverifiedCredential<'a> {
    sign1: Sign1<'a>,
    claims: Claims,
    secret: Option<PairwiseSecret>,
    dialect: Option<Dialect>,
}

impl<'a> UnverifiedCredential<'a> {
    /// Reads the bytes of a credential of our own profile.
    ///
    /// # Errors
    /// Whatever `docs/format.md` does not allow.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        Self::from_sign1(Sign1::from_value(&cbor::decode(bytes)?, ALONE)?)
    }

    fn from_sign1(sign1: Sign1<'a>) -> Result<Self, DecodeError> {
        sign1.expect_type(&wire::TYPE_CREDENTIAL)?;
        if sign1.header(KEY_ID)?.as_bytes().is_none_or(|id| id.len() != KEY_ID_BYTES) {
            return Err(DecodeError::Header { label: KEY_ID });
        }
        if sign1.header(SD_ALGORITHM).is_ok_and(|algorithm| *algorithm != SHA_256) {
            return Err(DecodeError::Header { label: SD_ALGORITHM });
        }
        if sign1.signature().len() != 64 {
            return Err(DecodeError::NotSign1);
        }
        let disclosures = match sign1.unprotected(SD_CLAIMS) {
            None => &[],
            Some(list) => list.as_array().filter(|list| !list.is_empty()).ok_or(DecodeError::Disclosure)?,
        };
        let claims = cbor::decode(sign1.payload())?;
        wire::check_secret_is_redacted(&claims)?;
        let claims = disclosure::reveal(claims, disclosures)?;
        let secret = wire::decode_secret(&claims)?;
        Ok(Self { claims: wire::decode_claims(&claims)?, secret, sign1, dialect: None })
    }

    /// Reads a credential that stands alone in a compressed code: ours, or Claim 169 as others write it.
    fn from_compressed(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let foreign = cbor::decode_foreign(bytes)?;
        match Sign1::from_foreign(&foreign) {
            // What says it is ours is held to our rules.
            Ok(sign1) if sign1.header(TYPE).is_err() => {
                let claims = dialect::decode_claims(&cbor::decode_foreign(sign1.payload())?)?;
                Ok(Self { claims, secret: None, sign1, dialect: Some(Dialect::Claim169) })
            }
            _ => Self::from_sign1(Sign1::from_cwt(&cbor::decode(bytes)?, ALONE)?),
        }
    }

    /// Returns the claims as stated, by whomever.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Returns the identifier of the key that is said to have signed: a hint, which foreign credentials may lack.
    pub fn key_id(&self) -> Option<&'a [u8]> {
        self.sign1.key_id()
    }

    /// Returns how the credential is written, if not as our own profile says.
    pub fn dialect(&self) -> Option<Dialect> {
        self.dialect
    }

    /// Tells whether `key` made the issuer's signature.
    pub fn signed_by(&self, key: &VerificationKey) -> bool {
        self.sign1.verifies(key)
    }

    /// Tells whether the secret of pairwise identifiers is disclosed.
    pub fn discloses_secret(&self) -> bool {
        self.secret.is_some()
    }

    /// Returns what the holder discloses of what the issuer redacted.
    pub fn disclosures(&self) -> &[Value<'a>] {
        self.sign1.unprotected(SD_CLAIMS).and_then(Value::as_array).unwrap_or_default()
    }

    #[cfg(feature = "issue")]
    pub(super) fn sign1(&self) -> &Sign1<'a> {
        &self.sign1
    }
}

/// What the text of a symbol turned out to be, nothing of it checked yet. Wiped when it is dropped: what was encrypted may
/// hold a secret.
#[derive(Debug)]
pub enum Presentation {
    /// A credential that was compressed: on its own as on paper, or countersigned by its holder.
    Static(Vec<u8>),
    /// The same in Inji's hexadecimal, which is taken off already.
    Hexadecimal(Vec<u8>),
    /// A credential inside a holder's proof.
    KeyBound(Vec<u8>),
    /// One of these, for a machine that has the key.
    Encrypted(Vec<u8>),
}

impl Presentation {
    /// Reads the text of a symbol.
    ///
    /// # Errors
    /// Texts that are not ours.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        Ok(Self::from_payload(payload::decode(text)?))
    }

    fn from_payload(payload: Payload) -> Self {
        match payload {
            Payload::Static(bytes) => match dialect::unwrap_hexadecimal(&bytes) {
                Some(bytes) => Self::Hexadecimal(bytes),
                // Claim 169 compresses what it encrypts.
                None if bytes.first() == Some(&payload::ENCRYPTED) => Self::Encrypted(bytes),
                None => Self::Static(bytes),
            },
            Payload::Signed(bytes) => Self::KeyBound(bytes),
            Payload::Encrypted(bytes) => Self::Encrypted(bytes),
        }
    }

    /// Opens what is encrypted, once; anything else stays what it is.
    ///
    /// # Errors
    /// Messages to other keys, altered ones, and what is not a payload inside.
    pub fn open<'k>(self, keys: impl IntoIterator<Item = &'k DecryptionKey>) -> Result<Self, DecodeError> {
        let Self::Encrypted(bytes) = &self else { return Ok(self) };
        let plain = encryption::open(bytes, keys)?;
        // Claim 169 encrypts a signed message, or its claims alone, which nobody signed, as they are.
        match payload::from_bytes(plain.to_vec())? {
            Payload::Signed(bytes) if is_claim_169(&bytes) => Ok(Self::Static(bytes)),
            payload => match Self::from_payload(payload) {
                // Once is enough, compressed in between or not.
                Self::Encrypted(_) => Err(DecodeError::NotSign1),
                opened => Ok(opened),
            },
        }
    }

    /// Takes the credential out, without checking anything.
    ///
    /// # Errors
    /// Whatever `docs/format.md` does not allow.
    pub fn credential(&self) -> Result<UnverifiedCredential<'_>, DecodeError> {
        Ok(self.parts()?.0)
    }

    fn parts(&self) -> Result<(UnverifiedCredential<'_>, Option<Proof<'_>>), DecodeError> {
        match self {
            Self::Static(bytes) => alone(UnverifiedCredential::from_compressed(bytes)?),
            Self::Hexadecimal(bytes) => {
                let credential = UnverifiedCredential::from_compressed(bytes)?;
                // Nobody writes our own credentials so.
                credential.dialect.ok_or(payload::PayloadError::Foreign)?;
                alone(UnverifiedCredential { dialect: Some(Dialect::Inji), ..credential })
            }
            Self::KeyBound(bytes) => {
                let value = cbor::decode(bytes)?;
                // A bare credential starts with the same tag: one whose holder's proof was cut away.
                let cut = Sign1::from_value(&value, EMBEDDED).and_then(UnverifiedCredential::from_sign1);
                if let Ok(credential) = cut {
                    return Ok((credential, None));
                }
                let outer = Sign1::from_value(&value, HeaderRules::exactly(&[KCWT, TYPE]))?;
                outer.expect_type(&wire::TYPE_PRESENTATION)?;
                let proof = Proof::from_sign1(&outer)?;
                let credential = Sign1::from_value(outer.header(KCWT)?, EMBEDDED)?;
                Ok((UnverifiedCredential::from_sign1(credential)?, Some(proof)))
            }
            Self::Encrypted(_) => Err(encryption::OpenError::NoKey.into()),
        }
    }

    /// A rotating code without its proof is a copy, whether or not it names a holder key.
    fn is_bare(&self) -> bool {
        matches!(self, Self::KeyBound(_))
    }
}

impl Drop for Presentation {
    fn drop(&mut self) {
        let (Self::Static(bytes) | Self::Hexadecimal(bytes) | Self::KeyBound(bytes) | Self::Encrypted(bytes)) =
            self;
        bytes.zeroize();
    }
}

/// A credential alone, with the proof that may be inside it as a countersignature.
fn alone(
    credential: UnverifiedCredential<'_>,
) -> Result<(UnverifiedCredential<'_>, Option<Proof<'_>>), DecodeError> {
    let countersignature = credential.sign1.countersignature()?;
    if countersignature.is_some() && !credential.disclosures().is_empty() {
        // Anybody could have added or removed what is disclosed.
        return Err(DecodeError::Disclosure);
    }
    if credential.discloses_secret() {
        // A copy would be taken for the resident.
        return Err(DecodeError::Disclosure);
    }
    let proof = countersignature.map(Proof::from_countersignature).transpose()?;
    Ok((credential, proof))
}

/// Tells a foreign credential from a rotating code; both may be inside an encrypted message, and start alike.
fn is_claim_169(bytes: &[u8]) -> bool {
    let foreign = cbor::decode_foreign(bytes);
    foreign.is_ok_and(|value| Sign1::from_foreign(&value).is_ok_and(|sign1| sign1.header(TYPE).is_err()))
}

/// Remembers proofs for as long as they could be shown again.
pub trait ReplayMemory {
    /// Remembers a proof until it is dead, and tells whether it was seen before.
    ///
    /// `rule` says whether it is enough that this lane has not seen it where its site cannot be asked.
    fn first_sight(
        &mut self,
        proof: ProofId,
        dead_after: Timestamp,
        now: Timestamp,
        rule: ReplayRule,
    ) -> Sight;
}

/// Whether a proof was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// It was not; from now on it was.
    First,
    /// It was.
    Again,
    /// The site could not be asked, and the rule wants it asked. The proof is not remembered.
    Unknown,
    /// The memory cannot be written to: what is not remembered could be shown again, and nobody knows whether it was.
    Failed,
}

/// A presentation that passed every check but the face.
#[derive(Debug, Clone)]
pub struct Verified {
    claims: Claims,
    secret: Option<PairwiseSecret>,
    freshness: Freshness,
    face: FaceRule,
    proof: Option<ProofId>,
}

impl Verified {
    /// Returns what the issuer states.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// Returns what a relying party knows the holder by, if the code told the secret that it is derived from.
    pub fn pairwise(&self, party: &RelyingParty) -> Option<Pairwise> {
        self.secret.as_ref().map(|secret| secret.identifiers(party))
    }

    /// Returns the state of the trust repository that was believed.
    pub fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// Returns who compares the face.
    pub fn face(&self) -> FaceRule {
        self.face
    }

    /// Returns the holder's proof that is remembered now; credentials on paper have none.
    pub fn proof(&self) -> Option<ProofId> {
        self.proof
    }
}

/// Where and for what a code is shown.
#[derive(Clone, Copy)]
pub struct Checkpoint<'a> {
    /// What the checkpoint decides for.
    pub purpose: &'a Purpose,
    /// What it believes.
    pub trust: &'a TrustStore,
    /// What it can open: the sector's keys, and the key of the challenge that it shows.
    pub keys: &'a [DecryptionKey],
    /// The challenge that it shows.
    pub challenge: Option<&'a Challenge>,
}

/// Verifies the text of a symbol at a checkpoint that has no keys and shows no challenge.
///
/// # Errors
/// As [`Checkpoint::verify`].
pub fn verify(
    text: &str,
    purpose: &Purpose,
    trust: &TrustStore,
    clock: Timestamp,
    replay: &mut dyn ReplayMemory,
) -> Result<Verified, VerifyError> {
    Checkpoint { purpose, trust, keys: &[], challenge: None }.verify(text, clock, replay)
}

impl Checkpoint<'_> {
    /// Verifies the text of a symbol.
    ///
    /// What is wrong with the credential or its proof comes before stale trust: an expired credential is refused even
    /// by a kiosk whose trust repository is stale. What nobody signed is refused before the clock and the purpose are
    /// looked at, and the replay check is the last.
    ///
    /// # Errors
    /// The first check that fails, in the order of [`VerifyError`].
    pub fn verify(
        &self,
        text: &str,
        clock: Timestamp,
        replay: &mut dyn ReplayMemory,
    ) -> Result<Verified, VerifyError> {
        let presentation = Presentation::decode(text)?;
        let encrypted = matches!(presentation, Presentation::Encrypted(_));
        let presentation = presentation.open(self.keys)?;
        let (credential, proof) = presentation.parts()?;
        if credential.discloses_secret() && !encrypted {
            // Every camera that saw the code has it.
            return Err(DecodeError::Disclosure.into());
        }
        let policy = self.trust.policy(self.purpose);
        // First, because few of its issuers are known where a dialect is not accepted.
        if let (Some(policy), Some(dialect)) = (policy, credential.dialect)
            && !policy.dialects.contains(&dialect)
        {
            return Err(VerifyError::DialectNotAccepted);
        }
        let issuer = check_issuer(&credential, self.trust)?;
        let ClockState::Plausible(now) = self.trust.floor().check(clock) else {
            return Err(VerifyError::ClockTampered);
        };
        let policy = policy.ok_or(VerifyError::PurposeUnknown)?;
        let claims = &credential.claims;
        check_claims(claims, policy, now)?;
        let status = check_status(claims, issuer, now);
        // A status that cannot be told is no reason to stop before the proof could be refused.
        if let Err(error @ (VerifyError::Revoked | VerifyError::Suspended | VerifyError::StatusOutOfRange)) =
            status
        {
            return Err(error);
        }
        if presentation.is_bare() && proof.is_none() {
            return Err(VerifyError::ProofMissing);
        }
        check_proof(claims, proof.as_ref(), policy, self.challenge, now)?;
        status?;
        let freshness = Freshness::at(now, self.trust.issued(), issuer.expires(), policy.stale_grace_days);
        match (freshness, policy.when_stale) {
            (Freshness::Dead, _) => return Err(VerifyError::TrustDead),
            (Freshness::Stale, StaleRule::Manual) => return Err(VerifyError::TrustStale),
            _ => {}
        }
        // Last, so that nothing is remembered of a presentation that was refused anyway.
        let sight = proof
            .as_ref()
            .map(|proof| replay.first_sight(proof.id(), proof.dead_after(), now, policy.replay_scope));
        match sight {
            None | Some(Sight::First) => {}
            Some(Sight::Again) => return Err(VerifyError::Replayed),
            Some(Sight::Unknown) => return Err(VerifyError::SiteUnreachable),
            Some(Sight::Failed) => return Err(VerifyError::MemoryFailed),
        }
        let proof = proof.map(|proof| proof.id());
        let (secret, claims) = (credential.secret, credential.claims);
        Ok(Verified { face: policy.face, freshness, secret, claims, proof })
    }
}

fn check_issuer<'t>(
    credential: &UnverifiedCredential<'_>,
    trust: &'t TrustStore,
) -> Result<&'t TrustedIssuer, VerifyError> {
    let issuer = trust.issuer(&credential.claims.issuer).ok_or(VerifyError::IssuerUnknown)?;
    let mut candidates = issuer.keys(credential.key_id()).peekable();
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
    // Foreign credentials that name no purpose are for any that takes their dialect.
    if claims.purpose.as_ref().is_some_and(|purpose| *purpose != policy.purpose) {
        return Err(VerifyError::WrongPurpose);
    }
    match policy.require.iter().find(|attribute| claims.attributes.get(**attribute).is_none()) {
        Some(missing) => Err(VerifyError::ClaimMissing { label: missing.label() }),
        None => Ok(()),
    }
}

fn check_status(claims: &Claims, issuer: &TrustedIssuer, now: Timestamp) -> Result<(), VerifyError> {
    // Claim 169 leaves status out of its scope; who takes that dialect takes credentials that cannot be revoked.
    let Some(status) = &claims.status else { return Ok(()) };
    let list = issuer.status_list(&status.uri).ok_or(VerifyError::StatusUnknown)?;
    match list.status(status.index) {
        Some(Status::Valid) => match list.state_at(now) {
            ListState::Current | ListState::Due => Ok(()),
            ListState::Expired => Err(VerifyError::StatusExpired { expired: list.expires() }),
            ListState::NotYetValid => Err(VerifyError::StatusUnknown),
        },
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
    challenge: Option<&Challenge>,
    now: Timestamp,
) -> Result<(), VerifyError> {
    let lifetime = Lifetime {
        issued_at: claims.issued_at,
        not_before: claims.not_before,
        expires: claims.expires,
        max_presentation_age: claims.max_presentation_age,
    };
    match (&claims.holder_key, proof, policy.paper) {
        (Some(key), Some(proof), _) => proof.verify(key, &lifetime, policy, challenge, now),
        (Some(_), None, _) => Err(VerifyError::ProofMissing),
        (None, Some(_), _) => Err(VerifyError::ProofSignature),
        // Paper answers nothing.
        (None, None, PaperRule::Accept) if policy.proof == ProofRule::Challenge => {
            Err(VerifyError::ChallengeMissing)
        }
        (None, None, PaperRule::Accept) => Ok(()),
        (None, None, PaperRule::Refuse) => Err(VerifyError::PaperNotAccepted),
    }
}
