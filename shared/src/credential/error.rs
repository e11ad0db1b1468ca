//! Why bytes are not a credential, and why a credential is not believed.

use crate::cbor::CborError;
use crate::encryption::OpenError;
use crate::key::KeyError;
use crate::qr::payload::PayloadError;
use crate::reason::Reason;
use crate::time::Timestamp;

/// Why a text or its bytes are not a credential or a presentation of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The text of the symbol.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The CBOR encoding.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// Encrypted, and not opened.
    #[error(transparent)]
    Encrypted(#[from] OpenError),
    /// A disclosure that no signed hash is for, or redactions that are not the draft's.
    #[error("what is disclosed is not what was signed")]
    Disclosure,
    /// Not a COSE_Sign1 (RFC 9052 §4.2), or not under the tags that may be there.
    #[error("not a COSE_Sign1")]
    NotSign1,
    /// A header that is missing or has the wrong type.
    #[error("COSE header {label} is missing or malformed")]
    Header {
        /// Its label.
        label: i64,
    },
    /// A header that does not belong there.
    #[error("a COSE header is not allowed there")]
    UnexpectedHeader,
    /// An algorithm that is neither Ed25519 nor ES256.
    #[error("COSE algorithm {algorithm} is not accepted")]
    Algorithm {
        /// Its registered number.
        algorithm: i64,
    },
    /// The `crit` header lists something this version does not process (RFC 9052 §3.1).
    #[error("a critical COSE header is not understood")]
    Critical,
    /// A claim that is missing or has the wrong type or length.
    #[error("claim {label} is missing or malformed")]
    Claim {
        /// Its CWT label.
        label: i64,
    },
    /// A credential without `exp`, or with one that is no time.
    #[error("the credential has no expiry")]
    NoExpiry,
    /// An attribute inside Claim 169, whose labels are not those of CWT claims: 4 is a name there.
    #[error("attribute {label} of claim 169 is malformed")]
    Attribute {
        /// Its Claim 169 label.
        label: i64,
    },
    /// The key that the holder is bound to.
    #[error(transparent)]
    HolderKey(#[from] KeyError),
}

impl DecodeError {
    /// Returns the stable reason code.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Payload(PayloadError::TooLong) => Reason::TextTooLong,
            Self::Payload(PayloadError::NotBase45) => Reason::TextNotBase45,
            Self::Payload(PayloadError::Foreign) => Reason::TextForeign,
            Self::Payload(PayloadError::Compression) => Reason::TextCompression,
            Self::Encrypted(OpenError::NoKey) => Reason::TextEncrypted,
            Self::Encrypted(OpenError::Altered) => Reason::TextDecryption,
            Self::Encrypted(OpenError::Algorithm { .. }) => Reason::FormatAlgorithm,
            Self::Encrypted(OpenError::Structure) => Reason::FormatStructure,
            Self::Encrypted(OpenError::Cbor(CborError::TrailingBytes { .. })) => Reason::FormatTrailingBytes,
            Self::Encrypted(OpenError::Cbor(_)) => Reason::FormatCbor,
            Self::Disclosure => Reason::FormatDisclosure,
            Self::Cbor(CborError::TrailingBytes { .. }) => Reason::FormatTrailingBytes,
            Self::Cbor(_) => Reason::FormatCbor,
            Self::Algorithm { .. } => Reason::FormatAlgorithm,
            Self::Critical => Reason::FormatCritical,
            Self::HolderKey(_) => Reason::FormatKey,
            Self::NoExpiry => Reason::CredentialNoExpiry,
            Self::NotSign1
            | Self::Header { .. }
            | Self::UnexpectedHeader
            | Self::Claim { .. }
            | Self::Attribute { .. } => Reason::FormatStructure,
        }
    }
}

/// Why a credential, or its presentation, is not accepted. In the order of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The bytes.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A dialect that the policy does not list.
    #[error("credentials of this kind are not accepted for this purpose")]
    DialectNotAccepted,
    /// No trusted issuer of that name.
    #[error("the issuer is not trusted")]
    IssuerUnknown,
    /// The issuer has no key with that identifier.
    #[error("the issuer has no such key")]
    IssuerKeyUnknown,
    /// The issuer's signature.
    #[error("the issuer's signature does not verify")]
    Signature,
    /// The key was revoked as of a time before the credential was issued.
    #[error("the issuer's key was revoked as of before the credential was issued")]
    IssuerKeyRevoked,
    /// The key's own validity does not include the time of issue.
    #[error("the issuer's key was not valid when the credential was issued")]
    IssuerKeyNotValid,
    /// The clock reads earlier than the signed floor.
    #[error("the clock is behind signed time")]
    ClockTampered,
    /// No policy for the purpose.
    #[error("the trust repository has no policy for this purpose")]
    PurposeUnknown,
    /// After `exp` (RFC 8392 §3.1.4).
    #[error("the credential expired at {expired}; it is {now}")]
    Expired {
        /// `exp`.
        expired: Timestamp,
        /// The time of the check.
        now: Timestamp,
    },
    /// Before `nbf` (RFC 8392 §3.1.5).
    #[error("the credential is valid from {valid_from}; it is {now}")]
    NotYetValid {
        /// `nbf`.
        valid_from: Timestamp,
        /// The time of the check.
        now: Timestamp,
    },
    /// Issued for another purpose (`aud`).
    #[error("the credential was issued for another purpose")]
    WrongPurpose,
    /// A claim that the policy requires.
    #[error("the credential lacks claim {label}, which the policy requires")]
    ClaimMissing {
        /// Its Claim 169 label.
        label: i64,
    },
    /// Status 1 (Token Status List §7.1).
    #[error("the credential is revoked")]
    Revoked,
    /// Status 2.
    #[error("the credential is suspended")]
    Suspended,
    /// The index is outside the list.
    #[error("the status index is outside its list")]
    StatusOutOfRange,
    /// The credential names a holder key and no proof came with it.
    #[error("the proof of the holder is missing")]
    ProofMissing,
    /// No holder key, and the policy takes none without.
    #[error("paper credentials are not accepted for this purpose")]
    PaperNotAccepted,
    /// The holder's signature.
    #[error("the proof of the holder does not verify")]
    ProofSignature,
    /// `aud` of the proof is not one of this checkpoint's.
    #[error("the proof was made for another audience")]
    ProofAudience,
    /// The policy asks for an answer to the kiosk's challenge.
    #[error("the proof answers no challenge")]
    ChallengeMissing,
    /// `cnonce` is not that of the challenge, or the challenge is over.
    #[error("the proof answers another challenge")]
    ChallengeWrong,
    /// The proof would live longer than the policy allows, or than the credential.
    #[error("the proof claims a longer life than is allowed")]
    ProofWindow,
    /// The proof's `iat` is later than clocks may differ.
    #[error("the proof was made at {issued}, which is after {now}")]
    ProofNotYetValid {
        /// `iat` of the proof.
        issued: Timestamp,
        /// The time of the check.
        now: Timestamp,
    },
    /// After the proof's `exp`, or older than the policy allows.
    #[error("the proof was made at {issued}; it is {now}")]
    ProofExpired {
        /// `iat` of the proof.
        issued: Timestamp,
        /// The time of the check.
        now: Timestamp,
    },
    /// No verified list of that URI from that issuer.
    #[error("the status list is not available")]
    StatusUnknown,
    /// The list's own expiry has passed.
    #[error("the status list expired at {expired}")]
    StatusExpired {
        /// `exp` of the list.
        expired: Timestamp,
    },
    /// The trust repository is beyond all grace.
    #[error("the trust repository is too old to decide with")]
    TrustDead,
    /// The trust repository is older than the policy accepts.
    #[error("the trust repository is stale")]
    TrustStale,
    /// The same proof was seen before, within its life.
    #[error("the proof has been used already")]
    Replayed,
    /// The policy wants the site's memory asked, and it gave no answer.
    #[error("the other lanes could not be asked whether the proof has been used")]
    SiteUnreachable,
    /// The memory of used proofs cannot be written to.
    #[error("the memory of used proofs failed")]
    MemoryFailed,
}

impl VerifyError {
    /// Returns the stable reason code.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Decode(error) => error.reason(),
            Self::PurposeUnknown => Reason::PurposeUnknown,
            Self::DialectNotAccepted => Reason::DialectNotAccepted,
            Self::IssuerUnknown => Reason::IssuerUnknown,
            Self::IssuerKeyUnknown => Reason::IssuerKeyUnknown,
            Self::IssuerKeyNotValid => Reason::IssuerKeyNotValid,
            Self::IssuerKeyRevoked => Reason::IssuerKeyRevoked,
            Self::Signature => Reason::CredentialSignature,
            Self::Expired { .. } => Reason::CredentialExpired,
            Self::NotYetValid { .. } => Reason::CredentialNotYetValid,
            Self::WrongPurpose => Reason::CredentialPurpose,
            Self::ClaimMissing { .. } => Reason::CredentialClaimMissing,
            Self::Revoked => Reason::StatusRevoked,
            Self::Suspended => Reason::StatusSuspended,
            Self::StatusOutOfRange => Reason::StatusOutOfRange,
            Self::StatusUnknown => Reason::StatusUnknown,
            Self::StatusExpired { .. } => Reason::StatusExpired,
            Self::ProofMissing => Reason::ProofMissing,
            Self::PaperNotAccepted => Reason::PaperNotAccepted,
            Self::ProofSignature => Reason::ProofSignature,
            Self::ProofAudience => Reason::ProofAudience,
            Self::ChallengeMissing => Reason::ChallengeMissing,
            Self::ChallengeWrong => Reason::ChallengeWrong,
            Self::ProofWindow => Reason::ProofWindow,
            Self::ProofExpired { .. } => Reason::ProofExpired,
            Self::ProofNotYetValid { .. } => Reason::ProofNotYetValid,
            Self::Replayed => Reason::ProofReplayed,
            Self::SiteUnreachable => Reason::ProofSiteUnreachable,
            Self::MemoryFailed => Reason::JournalFailed,
            Self::ClockTampered => Reason::ClockTampered,
            Self::TrustStale => Reason::TrustStale,
            Self::TrustDead => Reason::TrustDead,
        }
    }
}
