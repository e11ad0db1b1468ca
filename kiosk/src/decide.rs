//! One presentation and one face: the decision, and what is said about it.

use image::DynamicImage;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::credential::{Purpose, ReplayMemory, Verified, VerifyError, verify};
use shared::face::{Comparison, Decision, FaceEngine, FaceError, Probe, Quality};
use shared::qr::{self, Reading};
use shared::reason::Reason;
use shared::time::Timestamp;
use shared::trust::{AttackRule, FaceRule, TrustStore};

/// What comparing the face gave, as the decision record shows it.
#[derive(Debug, Clone, Serialize)]
pub struct FaceRecord {
    /// Score, threshold and match or non-match.
    #[serde(flatten)]
    pub comparison: Comparison,
    /// What the capture measured.
    pub quality: Quality,
    /// How much the face looks like a living one, 0 to 1.
    pub attack_score: f32,
    /// The models that decided.
    pub models: Vec<String>,
}

/// Takes the one code out of what a frame showed.
pub fn one_code(reading: Reading) -> Result<String, Reason> {
    let mut symbols = reading.symbols;
    match symbols.len() {
        0 if reading.undecodable => Err(Reason::SymbolUnreadable),
        0 => Err(Reason::NoSymbol),
        1 => Ok(symbols.remove(0).text),
        _ => Err(Reason::SeveralSymbols),
    }
}

/// Reads the one code in a picture.
pub fn read_code(picture: &DynamicImage) -> Result<String, Reason> {
    one_code(qr::read(&picture.to_luma8()))
}

/// Verifies a code for a purpose.
pub fn verify_code(
    text: &str,
    purpose: &Purpose,
    trust: &TrustStore,
    clock: Timestamp,
    replay: &mut dyn ReplayMemory,
) -> Result<Verified, Reason> {
    verify(text, purpose, trust, clock, replay).map_err(|error: VerifyError| error.reason())
}

/// The attributes that the purpose's policy lets the operator see.
pub fn shown_claims(verified: &Verified, purpose: &Purpose, trust: &TrustStore) -> Map<String, Value> {
    let show = trust.policy(purpose).map(|policy| policy.show.as_slice()).unwrap_or_default();
    let shown = verified.claims().attributes.only(show);
    shown
        .iter()
        .filter_map(|(attribute, value)| {
            Some((attribute.name().to_owned(), serde_json::to_value(value).ok()?))
        })
        .collect()
}

/// Takes the face out of a picture, if it is good enough to compare.
pub fn capture(engine: &FaceEngine, picture: &DynamicImage) -> Result<Probe, Reason> {
    engine.capture(picture).map_err(|error| face_reason(&error))
}

/// Compares a captured face with a verified credential and decides.
pub fn compare_face(
    engine: &FaceEngine,
    verified: &Verified,
    probe: &Probe,
    attack_rule: AttackRule,
) -> (Reason, Option<FaceRecord>) {
    if verified.face() == FaceRule::Officer {
        return (Reason::FaceOfficer, None);
    }
    let Some(template) = &verified.claims().face else { return (Reason::FaceNoTemplate, None) };
    let comparison = match engine.compare(template, probe) {
        Ok(comparison) => comparison,
        Err(error) => return (face_reason(&error), None),
    };
    let reason = match comparison.decision {
        Decision::NonMatch => Reason::FaceNonMatch,
        Decision::Match if probe.looks_like_attack && attack_rule == AttackRule::Refuse => Reason::FaceAttack,
        Decision::Match => Reason::Accepted,
    };
    let models = engine.models().to_vec();
    (reason, Some(FaceRecord { comparison, quality: probe.quality, attack_score: probe.bona_fide, models }))
}

/// Folds what the face pipeline says into a reason for the operator.
pub fn face_reason(error: &FaceError) -> Reason {
    match error {
        FaceError::NoFace => Reason::FaceNone,
        FaceError::SeveralFaces { .. } => Reason::FaceSeveral,
        FaceError::Quality { .. } => Reason::FaceQuality,
        FaceError::OtherAlgorithm { .. } => Reason::FaceUnsupported,
        _ => Reason::FaceModels,
    }
}
