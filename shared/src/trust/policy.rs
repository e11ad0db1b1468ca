//! What one purpose asks for, as the trust repository's root keys' delegates signed it.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::credential::{Attribute, Purpose};
use crate::template::AlgorithmId;

/// The policy of one purpose: target `policy/<purpose>.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The purpose, equal to the credential's `aud`.
    pub purpose: Purpose,
    /// Audiences that proofs may be made for.
    pub audiences: Vec<String>,
    /// Attributes that an issuer puts into a credential for this purpose, where the resident has them.
    pub carry: Vec<Attribute>,
    /// Attributes without which a credential is refused.
    pub require: Vec<Attribute>,
    /// Attributes that the operator sees.
    pub show: Vec<Attribute>,
    /// How long a new credential is valid, in days.
    pub validity_days: u16,
    /// What to do with credentials that name no holder key.
    pub paper: PaperRule,
    /// Kinds of credential besides our own that are looked at; none, if it says nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dialects: Vec<Dialect>,
    /// What the holder's proof has to answer.
    #[serde(default)]
    pub proof: ProofRule,
    /// Groups of attributes that the holder may keep back; at most eight, and none that is required.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Vec<Attribute>>,
    /// The longest that issuers let one presentation be accepted, in seconds, if shorter than usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_presentation_age: Option<u8>,
    /// Whether desks of this purpose know the holder by identifiers of their own.
    #[serde(default, skip_serializing_if = "AccountRule::is_unbound")]
    pub accounts: AccountRule,
    /// Who compares the face.
    pub face: FaceRule,
    /// What is done about pictures and screens held before the camera.
    pub attack_detection: AttackRule,
    /// How rarely a stranger's face may match by chance, as N of "1 in N".
    #[serde(default)]
    pub false_match_one_in: FalseMatchRate,
    /// The template algorithms, and with them the embedders, that are good enough; none named means any.
    #[serde(default)]
    pub face_algorithms: Vec<AlgorithmId>,
    /// How long after its expiry the trust repository still counts as stale rather than dead, in days.
    pub stale_grace_days: u16,
    /// What a stale trust repository means.
    pub when_stale: StaleRule,
    /// Where a rotating code has to be new, at a site with several lanes. Not written where it is the default, which older
    /// kiosks read too.
    #[serde(default, skip_serializing_if = "ReplayRule::is_default")]
    pub replay_scope: ReplayRule,
}

/// What to do with credentials that name no holder key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaperRule {
    /// A copy would pass, so none does.
    Refuse,
    /// Accepted; the face is what binds it to its holder.
    Accept,
}

/// A kind of credential that is not written as `docs/format.md` says, and is looked at where the policy lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Dialect {
    /// Claim 169 as MOSIP specifies it.
    Claim169,
    /// Claim 169 as Inji Certify issues it: hexadecimal text inside the compression.
    Inji,
    /// A health certificate in the form of the EU Digital COVID Certificate: `HC1:`. Never more than shown.
    HealthCertificate,
    /// An ICAO VDS-NC seal. Never more than shown.
    VisibleDigitalSeal,
}

/// What the holder's proof has to answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofRule {
    /// Nothing: it rotates.
    #[default]
    Rotating,
    /// The code that the kiosk shows, so that a live relay from elsewhere fails.
    Challenge,
}

/// Whether desks know the holder by identifiers of their own, which accounts are bound to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountRule {
    /// They do not: credentials carry nothing to derive such identifiers from.
    #[default]
    Unbound,
    /// They do: credentials carry a secret that encrypted codes alone tell.
    Bound,
}

impl AccountRule {
    fn is_unbound(&self) -> bool {
        *self == Self::Unbound
    }
}

/// Who compares the face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaceRule {
    /// The kiosk; where it cannot, an officer.
    Required,
    /// An officer, always.
    Officer,
    /// Nobody: the credential alone decides.
    NotUsed,
}

/// What is done about pictures and screens held before the camera (ISO/IEC 30107-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttackRule {
    /// The attack score is shown and changes nothing.
    Report,
    /// A score below the model's threshold refuses the visit.
    Refuse,
    /// As `Refuse`, and the person is asked to turn the head or come closer, at random.
    Challenge,
}

/// What a stale trust repository means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaleRule {
    /// An officer decides.
    Manual,
    /// Decided as usual, with the state shown.
    Accept,
}

/// Where a rotating code has to be new, at a site with several lanes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayRule {
    /// At the site while its memory can be asked, and at the lane while it cannot.
    #[default]
    Lane,
    /// At the site: an officer decides while its memory cannot be asked.
    Site,
}

impl ReplayRule {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A false match rate (ISO/IEC 19795-1) as "1 in N": how many strangers it takes for one to match by chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FalseMatchRate(NonZeroU32);

impl FalseMatchRate {
    /// One in 10 000, ten times stricter than the 0.1 % that European gates are asked for.
    pub const DEFAULT: Self = Self(NonZeroU32::new(10_000).expect("not zero"));

    /// One in `count`; `None` for none.
    pub const fn one_in(count: u32) -> Option<Self> {
        match NonZeroU32::new(count) {
            Some(count) => Some(Self(count)),
            None => None,
        }
    }

    /// Returns N of "1 in N".
    pub fn count(self) -> u32 {
        self.0.get()
    }
}

impl Default for FalseMatchRate {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for FalseMatchRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1 in {}", self.0)
    }
}

impl From<NonZeroU32> for FalseMatchRate {
    fn from(count: NonZeroU32) -> Self {
        Self(count)
    }
}

impl FromStr for FalseMatchRate {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}
