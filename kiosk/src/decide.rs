//! One presentation and one face: the decision, and what is said about it.

use anyhow::{Context, Result, anyhow};
use image::DynamicImage;
use serde::Serialize;
use serde_json::{Map, Value};
use shared::credential::{
    Attributes, Challenge, Checkpoint, NONCE_BYTES, Purpose, ReplayMemory, Verified, VerifyError,
};
use shared::encryption::DecryptionKey;
use shared::face::{Comparison, Decision, FaceEngine, FaceError, Quality, QualityIssue, decode_portrait};
use shared::portrait::{Portrait, PortraitFormat};
use shared::qr::{self, Reading};
use shared::reason::{Answer, Reason};
use shared::template::{AlgorithmId, Template};
use shared::time::Timestamp;
use shared::trust::{AttackRule, FaceRule, FalseMatchRate, Policy, TrustStore};
use zeroize::Zeroizing;

use crate::avif;
use crate::clock::ClockState;
use crate::state::Forgetful;

/// How alike a turned head has to be to its portrait to count as the same person's.
const SAME_PERSON: FalseMatchRate = FalseMatchRate::one_in(100).expect("not zero");

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
    /// The set of models, and those of them that decided.
    pub model_set: String,
    /// In the order of the pipeline.
    pub models: Vec<String>,
    /// Whether it is still the same person, by a laxer rate: a turned head is less like its portrait.
    #[serde(skip)]
    pub same_person: bool,
}

/// What the face pipeline says of one frame.
#[derive(Debug, Clone)]
pub struct FaceAnswer {
    /// The decision, or why there is none.
    pub reason: Reason,
    /// What would make the next frame better.
    pub issue: Option<QualityIssue>,
    /// What was compared, if anything was.
    pub record: Option<FaceRecord>,
}

impl From<Reason> for FaceAnswer {
    fn from(reason: Reason) -> Self {
        Self { reason, issue: None, record: None }
    }
}

impl From<FaceError> for FaceAnswer {
    fn from(error: FaceError) -> Self {
        let issue = match &error {
            FaceError::Quality { issues, .. } => issues.first().copied(),
            _ => None,
        };
        Self { issue, ..face_reason(&error).into() }
    }
}

/// What a purpose asks of faces, as far as a comparison needs it.
#[derive(Debug, Clone)]
pub struct FaceDemand {
    /// What is done about attacks.
    pub attack: AttackRule,
    /// How rarely strangers may match: the stricter of what the policy and the operator want.
    pub rate: FalseMatchRate,
    /// Which algorithms are good enough; none means any.
    pub algorithms: Vec<AlgorithmId>,
}

impl FaceDemand {
    /// Takes what the policy asks for; the operator may ask for more.
    pub fn new(policy: &Policy, operator: Option<FalseMatchRate>) -> Self {
        Self {
            attack: policy.attack_detection,
            rate: operator.map_or(policy.false_match_one_in, |rate| rate.max(policy.false_match_one_in)),
            algorithms: policy.face_algorithms.clone(),
        }
    }
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

/// What a kiosk asks of the phone: a challenge, and the key that its answer may be encrypted to.
#[derive(Debug)]
pub struct Question {
    /// What is shown.
    pub challenge: Challenge,
    /// Opens the answer, if it was to be encrypted.
    pub key: Option<DecryptionKey>,
}

impl Question {
    /// Draws a new one; it is asked once.
    ///
    /// # Errors
    /// An audience that no proof can have, and a system without randomness.
    pub fn ask(audience: &str, encrypted: bool, now: Timestamp) -> Result<Self> {
        let mut random = Zeroizing::new([0; NONCE_BYTES + 32]);
        getrandom::fill(random.as_mut())
            .map_err(|error| anyhow!("the system gave no randomness: {error}"))?;
        let (nonce, seed) = random.split_first_chunk().context("too little randomness")?;
        let seed = seed.first_chunk().context("too little randomness")?;
        let key = encrypted.then(|| DecryptionKey::from_seed(seed)).transpose()?;
        let reply_to = key.as_ref().and_then(DecryptionKey::public_key);
        let challenge = Challenge::new(audience, *nonce, reply_to, now);
        Ok(Self { challenge: challenge.context("an audience is 1 to 48 bytes")?, key })
    }
}

/// Verifies a code at a checkpoint.
pub fn verify_code(
    text: &str,
    checkpoint: &Checkpoint<'_>,
    clock: Timestamp,
    replay: &mut dyn ReplayMemory,
) -> Result<Verified, Reason> {
    checkpoint.verify(text, clock, replay).map_err(|error: VerifyError| error.reason())
}

/// Verifies a code by a clock of some worth. By an unsure one nothing is accepted, and nobody refused for the time alone;
/// what is wrong at any time, or was when the repository was published, stays wrong, and a code that was not decided about
/// stays unused.
pub fn verify_code_by(
    state: ClockState,
    text: &str,
    checkpoint: &Checkpoint<'_>,
    clock: Timestamp,
    replay: &mut dyn ReplayMemory,
) -> Result<Verified, Reason> {
    match state {
        // Checking refuses by a tampered clock, as it finds it itself.
        ClockState::Sure | ClockState::Tampered => verify_code(text, checkpoint, clock, replay),
        ClockState::Unsure { .. } => {
            let at = |time| checkpoint.verify(text, time, &mut Forgetful).err().map(|error| error.reason());
            let reason = at(clock).map_or(Reason::ClockUnsure, |reason| state.temper(reason));
            if reason != Reason::ClockUnsure {
                return Err(reason);
            }
            // The lifetime is checked before the status: at the signed time more may come to light.
            let earlier = at(checkpoint.trust.issued()).map(|reason| state.temper(reason));
            let refused = earlier.filter(|reason| reason.answer() == Answer::Refused);
            Err(refused.unwrap_or(Reason::ClockUnsure))
        }
    }
}

/// The attributes that the purpose's policy lets the operator see.
pub fn shown_claims(verified: &Verified, purpose: &Purpose, trust: &TrustStore) -> Map<String, Value> {
    let show = trust.policy(purpose).map(|policy| policy.show.as_slice()).unwrap_or_default();
    as_json(&verified.claims().attributes.only(show))
}

/// Attributes by their names.
pub fn as_json(attributes: &Attributes) -> Map<String, Value> {
    attributes
        .iter()
        .filter_map(|(attribute, value)| {
            Some((attribute.name().to_owned(), serde_json::to_value(value).ok()?))
        })
        .collect()
}

/// Compares the face in a picture with a verified credential and decides.
pub fn compare_face(
    engine: &FaceEngine,
    verified: &Verified,
    picture: &DynamicImage,
    demand: &FaceDemand,
) -> FaceAnswer {
    if verified.face() == FaceRule::Officer {
        return Reason::FaceOfficer.into();
    }
    let claims = verified.claims();
    let made;
    let template = match (&claims.face, &claims.portrait) {
        (Some(template), _) => template,
        // A foreign credential with a portrait alone: the template is made here, and forgotten here.
        (None, Some(portrait)) => match template_of(engine, portrait) {
            Ok(template) => {
                made = template;
                &made
            }
            Err(error) => return face_reason(&error).into(),
        },
        (None, None) => return Reason::FaceNoTemplate.into(),
    };
    if !demand.algorithms.is_empty() && !demand.algorithms.contains(template.algorithm()) {
        return Reason::FaceModelRefused.into();
    }
    match try_compare(engine, template, picture, demand) {
        Ok(answer) => answer,
        Err(error) => error.into(),
    }
}

fn template_of(engine: &FaceEngine, portrait: &Portrait) -> Result<Template, FaceError> {
    let picture = match portrait.format() {
        PortraitFormat::Avif => avif::decode(portrait.as_bytes()),
        _ => decode_portrait(portrait),
    };
    engine.template_of_portrait(&picture?)
}

fn try_compare(
    engine: &FaceEngine,
    template: &Template,
    picture: &DynamicImage,
    demand: &FaceDemand,
) -> Result<FaceAnswer, FaceError> {
    let probe = engine.capture(picture, template.algorithm())?;
    let comparison = engine.compare(template, &probe, demand.rate)?;
    let reason = match comparison.decision {
        Decision::NonMatch => Reason::FaceNonMatch,
        Decision::Match if probe.looks_like_attack && demand.attack != AttackRule::Report => {
            Reason::FaceAttack
        }
        Decision::Match => Reason::Accepted,
    };
    let same_person = comparison.score >= engine.threshold(template.algorithm(), SAME_PERSON)?;
    let record = FaceRecord {
        comparison,
        quality: probe.quality,
        attack_score: probe.bona_fide,
        model_set: engine.set().to_owned(),
        models: engine.models_for(template.algorithm()),
        same_person,
    };
    Ok(FaceAnswer { reason, issue: None, record: Some(record) })
}

/// Folds what the face pipeline says into a reason for the operator.
pub fn face_reason(error: &FaceError) -> Reason {
    match error {
        FaceError::NoFace => Reason::FaceNone,
        FaceError::SeveralFaces { .. } => Reason::FaceSeveral,
        FaceError::Quality { .. } => Reason::FaceQuality,
        FaceError::Portrait(_) => Reason::FacePortrait,
        FaceError::OtherAlgorithm { .. } => Reason::FaceUnsupported,
        FaceError::NotMeasured { .. } => Reason::FaceModelRefused,
        _ => Reason::FaceModels,
    }
}
