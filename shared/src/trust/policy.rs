//! What one purpose asks for, as the trust repository's root keys' delegates signed it.

use serde::{Deserialize, Serialize};

use crate::credential::{Attribute, Purpose};

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
    /// Who compares the face.
    pub face: FaceRule,
    /// What an attack score below the model's threshold means.
    pub attack_detection: AttackRule,
    /// How long after its expiry the trust repository still counts as stale rather than dead, in days.
    pub stale_grace_days: u16,
    /// What a stale trust repository means.
    pub when_stale: StaleRule,
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

/// What an attack score below the model's threshold means (ISO/IEC 30107-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttackRule {
    /// The score is shown and changes nothing.
    Report,
    /// The visit is refused.
    Refuse,
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
