//! Seals of other schemes that a border meets: read, verified, shown, and never enough to open a gate.
//!
//! A seal is a signed statement on paper or on a screen that names no key of its holder, so a copy is as good as the
//! original. What is verified is its signature and its dates; the answer is [`Reason::SealGenuine`] and an officer
//! decides. Each scheme is one [`SealReader`], told from others by how its text begins, and looked at only for
//! purposes whose policy lists it in `dialects`.

mod certificate;
mod health_certificate;
mod json;
mod signature;
mod trust;
mod visible_digital_seal;

use serde::Serialize;

pub use certificate::CertificateError;
pub use health_certificate::HealthCertificate;
pub use json::JsonError;
pub use signature::SealKeyError;
pub use trust::{HEALTH_CERTIFICATES, SealTrust, SealTrustError, VISIBLE_DIGITAL_SEALS};
pub use visible_digital_seal::VisibleDigitalSeal;

use crate::cbor::CborError;
use crate::credential::{Attributes, Purpose};
use crate::reason::Reason;
use crate::time::Timestamp;
use crate::trust::{ClockState, Dialect, Freshness, StaleRule, TrustStore};

/// What nobody can tell from a seal, whatever its scheme.
const NO_HOLDER_BINDING: &str = "no holder binding";
/// Neither scheme's revocation lists are read.
const NO_REVOCATION: &str = "no revocation";

/// Every scheme that is understood.
const READERS: [&dyn SealReader; 2] = [&HealthCertificate, &VisibleDigitalSeal];

/// One scheme of seals.
pub trait SealReader: Sync {
    /// Returns the dialect that a policy lists to have such seals looked at.
    fn dialect(&self) -> Dialect;

    /// Tells by its beginning whether a text means to be such a seal; it may be damaged all the same.
    fn recognises(&self, text: &str) -> bool;

    /// Verifies the text of a symbol.
    ///
    /// # Errors
    /// The first check that fails: form, signer, signature, what the signer may sign, dates.
    fn verify(&self, text: &str, trust: &SealTrust, now: Timestamp) -> Result<Seal, SealError>;
}

/// A seal whose signature and dates are right: *signature and expiry only, no holder binding*.
///
/// Serializes as the `seal` of a decision record, without the attributes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seal {
    /// The scheme.
    pub scheme: Dialect,
    /// The country that the trust repository lists the signer or its authority for.
    pub country: String,
    /// The signer: its certificate's subject, or its key identifier where only the key is listed.
    pub signer: String,
    /// Not valid before.
    pub valid_from: Timestamp,
    /// Not valid from then on.
    pub valid_until: Timestamp,
    /// What was not verified, in words for the officer.
    pub not_verified: &'static [&'static str],
    /// Name and date of birth as the seal states them; after [`verify`] only those that the policy shows.
    #[serde(skip)]
    pub attributes: Attributes,
}

/// Why a seal is not believed. Holds no personal data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// More text than a symbol holds.
    #[error("the seal is longer than any symbol")]
    TooLong,
    /// Not Base45 (RFC 9285).
    #[error("the seal is not Base45")]
    Base45,
    /// The zlib stream is damaged, too large once inflated, or followed by more bytes.
    #[error("the seal's compressed content is damaged or too large")]
    Compression,
    /// Not CBOR that we read.
    #[error("the seal's CBOR is wrong: {0}")]
    Cbor(#[from] CborError),
    /// Not JSON that we read.
    #[error("the seal's JSON is wrong: {0}")]
    Json(#[from] JsonError),
    /// The signer's certificate, which the seal carries, is none that we read.
    #[error("the seal's certificate is wrong: {0}")]
    Certificate(#[from] CertificateError),
    /// A part is missing or has another type than the scheme says.
    #[error("the seal's {part} is missing or wrong")]
    Part {
        /// Which.
        part: &'static str,
    },
    /// Signed with an algorithm that the scheme does not use, or that stands where nobody signed it.
    #[error("the seal's signature algorithm is not accepted")]
    Algorithm,
    /// The signer, or the authority above it, is not in the trust repository.
    #[error("the seal's signer is not trusted")]
    SignerUnknown,
    /// The signer is trusted, for other countries or other kinds of seal than this one.
    #[error("the seal's signer is not trusted for this kind of seal")]
    SignerNotEntitled,
    /// The signature is wrong.
    #[error("the seal's signature is wrong")]
    Signature,
    /// Expired: the seal, its signer's certificate or the authority's.
    #[error("expired at {expired}")]
    Expired {
        /// From then on.
        expired: Timestamp,
    },
    /// Not valid yet: the seal, its signer's certificate or the authority's.
    #[error("not valid before {valid_from}")]
    NotYetValid {
        /// Until then.
        valid_from: Timestamp,
    },
}

impl SealError {
    /// Returns the reason for the operator.
    pub fn reason(&self) -> Reason {
        match self {
            Self::TooLong
            | Self::Base45
            | Self::Compression
            | Self::Cbor(_)
            | Self::Json(_)
            | Self::Certificate(_)
            | Self::Part { .. }
            | Self::Algorithm => Reason::SealFormat,
            Self::SignerUnknown | Self::SignerNotEntitled => Reason::SealIssuerUnknown,
            Self::Signature => Reason::SealSignature,
            Self::Expired { .. } | Self::NotYetValid { .. } => Reason::SealExpired,
        }
    }
}

/// Verifies the text of a symbol for a purpose, if it is a seal of another scheme; `None` if it is none.
///
/// A seal that passes is worth [`Reason::SealGenuine`], never more.
///
/// # Errors
/// A tampered clock and an unknown purpose come first, even before the signature, which for credentials comes before them;
/// stale trust comes last. In between: [`Reason::DialectNotAccepted`] where the policy does not list the scheme, then what
/// [`SealError::reason`] says.
pub fn verify(
    text: &str,
    purpose: &Purpose,
    trust: &TrustStore,
    clock: Timestamp,
) -> Option<Result<Seal, Reason>> {
    let reader = READERS.into_iter().find(|reader| reader.recognises(text))?;
    Some(check(reader, text, purpose, trust, clock))
}

fn check(
    reader: &dyn SealReader,
    text: &str,
    purpose: &Purpose,
    trust: &TrustStore,
    clock: Timestamp,
) -> Result<Seal, Reason> {
    let ClockState::Plausible(now) = trust.floor().check(clock) else { return Err(Reason::ClockTampered) };
    let policy = trust.policy(purpose).ok_or(Reason::PurposeUnknown)?;
    if !policy.dialects.contains(&reader.dialect()) {
        return Err(Reason::DialectNotAccepted);
    }
    let mut seal = reader.verify(text, trust.seals(), now).map_err(|error| error.reason())?;
    seal.attributes = seal.attributes.only(&policy.show);
    match (Freshness::at(now, trust.issued(), trust.expires(), policy.stale_grace_days), policy.when_stale) {
        (Freshness::Dead, _) => Err(Reason::TrustDead),
        (Freshness::Stale, StaleRule::Manual) => Err(Reason::TrustStale),
        _ => Ok(seal),
    }
}

/// Fails unless `now` is from `valid_from` on and before `valid_until`, and there is such a time.
fn within(valid_from: Timestamp, valid_until: Timestamp, now: Timestamp) -> Result<(), SealError> {
    if now >= valid_until || valid_from >= valid_until {
        Err(SealError::Expired { expired: valid_until })
    } else if now.plus(crate::credential::CLOCK_LEEWAY) < valid_from {
        Err(SealError::NotYetValid { valid_from })
    } else {
        Ok(())
    }
}
