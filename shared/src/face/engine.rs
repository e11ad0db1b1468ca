//! The models, loaded, and the pipeline over them.

use image::{DynamicImage, RgbImage};
use serde::Serialize;

use super::calibration::Calibration;
use super::manifest::{Manifest, ManifestError, ModelEntry, ModelSet, Task};
use super::{Embedding, Face, Layout, Model, ModelError, OnnxModel, Quality, QualityIssue, QualityLimits};
use super::{UnusablePortrait, built_in, detect, embed, pad, portrait};
use crate::template::{AlgorithmId, Template};
use crate::trust::FalseMatchRate;

/// A second face counts only if it is at least this wide compared with the first: people in the queue do not.
/// A guess, to be set by measurement at a lane.
const BYSTANDER: f32 = 0.4;

/// The set that is built in.
pub const DEFAULT_SET: &str = "default";

/// A set of models, loaded.
pub struct FaceEngine {
    set: String,
    names: Vec<String>,
    detector: Box<dyn Model>,
    detector_threshold: f32,
    enrolment: QualityLimits,
    /// The first makes templates; the others can still be compared with.
    embedders: Vec<Embedder>,
    attack: Vec<(f32, Box<dyn Model>)>,
    attack_threshold: f32,
}

struct Embedder {
    id: String,
    model: Box<dyn Model>,
    layout: Layout,
    algorithm: AlgorithmId,
    calibration: Calibration,
}

/// Why a picture yields no face to work with, or no comparison.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FaceError {
    /// No face was detected.
    #[error("there is no face in the picture")]
    NoFace,
    /// More than one face that counts.
    #[error("there are {count} faces in the picture")]
    SeveralFaces {
        /// How many.
        count: usize,
    },
    /// The face is there and not good enough.
    #[error("the picture of the face is not good enough")]
    Quality {
        /// What it measured.
        quality: Quality,
        /// What is wrong, the most telling first; never empty.
        issues: Vec<QualityIssue>,
    },
    /// The portrait in the credential cannot be compared with.
    #[error("the portrait in the credential: {0}")]
    Portrait(#[from] UnusablePortrait),
    /// A model failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A template made by something else than the loaded embedders.
    #[error("the template was made by {template}, which is not loaded")]
    OtherAlgorithm {
        /// Of the template.
        template: AlgorithmId,
    },
    /// A false match rate that the embedder was never measured at.
    #[error("{algorithm} was measured to a false match rate of {strictest}; {wanted} is asked for")]
    NotMeasured {
        /// The embedder's.
        algorithm: AlgorithmId,
        /// The strictest that is known.
        strictest: FalseMatchRate,
        /// What is asked for.
        wanted: FalseMatchRate,
    },
}

/// Why models are not loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The manifest, or a file that is missing or wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A file that is right by its hash and still does not load.
    #[error("{file}: {source}")]
    Model {
        /// Its name.
        file: String,
        /// What the runtime said.
        source: ModelError,
    },
}

/// The one face of a capture, ready to be compared.
#[derive(Debug)]
pub struct Probe {
    /// Where it is.
    pub face: Face,
    /// What it measures.
    pub quality: Quality,
    /// How much it looks like a living face, 0 to 1.
    pub bona_fide: f32,
    /// Whether that is below the models' threshold.
    pub looks_like_attack: bool,
    algorithm: AlgorithmId,
    embedding: Embedding,
}

/// What comparing a probe with a reference gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Cosine similarity, -1 to 1; higher is more alike.
    pub score: f32,
    /// The least score that is a match at the false match rate.
    pub threshold: f32,
    /// The false match rate, as "1 in N", on the data that the embedder was measured on.
    pub false_match_one_in: FalseMatchRate,
    /// The embedder and quantiser that both sides used.
    pub algorithm: String,
    /// The decision.
    pub decision: Decision,
}

/// A comparison's outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The score reaches the threshold.
    Match,
    /// It does not.
    NonMatch,
}

impl FaceEngine {
    /// Loads the set that is built in.
    ///
    /// # Errors
    /// None that a test of this crate would not have shown.
    pub fn built_in() -> Result<Self, LoadError> {
        Self::load(Manifest::shipped().set(DEFAULT_SET)?, built_in_file)
    }

    /// Loads every model of a set; `read` fetches a file, whose hash is checked here.
    ///
    /// The built-in embedder comes along with any other set, so that templates made with it can still be compared.
    ///
    /// # Errors
    /// Files that `read` does not find, files with another hash, and files that do not load.
    pub fn load(
        set: &ModelSet,
        mut read: impl FnMut(&ModelEntry) -> Result<Vec<u8>, ManifestError>,
    ) -> Result<Self, LoadError> {
        let missing = |task| ManifestError::NoModel { set: set.id.clone(), task };
        let mut enrolment = QualityLimits::ENROLMENT;
        let (mut detector, mut embedders, mut attack, mut attack_threshold) =
            (None, Vec::new(), Vec::new(), 0.0f32);
        for entry in &set.models {
            let model = load_model(entry, &read(entry)?)?;
            match &entry.task {
                Task::Detect => {
                    // Each detector has its own idea of what being sure is.
                    enrolment.confidence = entry.enrolment_threshold.or(entry.threshold).unwrap_or_default();
                    detector = Some((model, entry.threshold.ok_or_else(|| missing("detect faces"))?))
                }
                Task::Embed { algorithm, layout, calibration } => {
                    embedders.push(Embedder::new(entry, model, algorithm, *layout, calibration));
                }
                Task::Attack { enlargement } => {
                    attack.push((*enlargement, model));
                    attack_threshold = entry.threshold.ok_or_else(|| missing("detect attacks"))?;
                }
            }
        }
        let (detector, detector_threshold) = detector.ok_or_else(|| missing("detect faces"))?;
        if embedders.is_empty() {
            return Err(missing("embed faces").into());
        }
        if set.id != DEFAULT_SET {
            for entry in &Manifest::shipped().set(DEFAULT_SET)?.models {
                let Task::Embed { algorithm, layout, calibration } = &entry.task else { continue };
                if embedders.iter().all(|own: &Embedder| own.algorithm != *algorithm) {
                    let model = load_model(entry, &built_in_file(entry)?)?;
                    embedders.push(Embedder::new(entry, model, algorithm, *layout, calibration));
                }
            }
        }
        Ok(Self {
            set: set.id.clone(),
            names: set.models.iter().map(|model| model.id.clone()).collect(),
            detector,
            detector_threshold,
            enrolment,
            embedders,
            attack,
            attack_threshold,
        })
    }

    /// Returns the name of the loaded set.
    pub fn set(&self) -> &str {
        &self.set
    }

    /// Returns the identifiers of the set's models, in the order of the pipeline.
    pub fn models(&self) -> &[String] {
        &self.names
    }

    /// Returns the models that have a say when a template of `algorithm` is compared.
    pub fn models_for(&self, algorithm: &AlgorithmId) -> Vec<String> {
        let own = &self.embedders[0];
        match self.embedders.iter().find(|embedder| embedder.algorithm == *algorithm) {
            Some(other) if other.id != own.id => self
                .names
                .iter()
                .map(|name| if *name == own.id { other.id.clone() } else { name.clone() })
                .collect(),
            _ => self.names.clone(),
        }
    }

    /// Returns what the templates that this engine makes are called.
    pub fn algorithm(&self) -> &AlgorithmId {
        &self.embedders[0].algorithm
    }

    /// Returns what a photograph must reach to be enrolled: [`QualityLimits::ENROLMENT`], with this detector's confidence.
    pub fn enrolment_limits(&self) -> &QualityLimits {
        &self.enrolment
    }

    /// Finds every face, the surest first.
    ///
    /// # Errors
    /// A model that fails.
    pub fn detect(&self, picture: &RgbImage) -> Result<Vec<Face>, FaceError> {
        Ok(detect::detect(self.detector.as_ref(), picture, self.detector_threshold)?)
    }

    /// Finds the one face that a picture is of, and measures it; smaller faces in the background do not count.
    ///
    /// # Errors
    /// No face, or several.
    pub fn find(&self, picture: &RgbImage) -> Result<(Face, Quality), FaceError> {
        self.one_face(picture, BYSTANDER)
    }

    /// Makes the template of an enrolment photograph.
    ///
    /// # Errors
    /// No face, several, or one below [`FaceEngine::enrolment_limits`].
    pub fn enrol(&self, picture: &DynamicImage) -> Result<Template, FaceError> {
        let rgb = picture.to_rgb8();
        let (face, quality) = self.one_face(&rgb, 0.0)?;
        quality.check(&self.enrolment)?;
        self.template(&rgb, &face)
    }

    /// Makes a template of the decoded portrait in a credential that brought none, with the engine's own embedder, so that a
    /// capture for [`FaceEngine::algorithm`] can be compared with it.
    ///
    /// The threshold is that of templates of photographs, so a portrait costs false non-matches and no false matches.
    ///
    /// # Errors
    /// [`FaceError::Portrait`], or a model that fails.
    pub fn template_of_portrait(&self, portrait: &DynamicImage) -> Result<Template, FaceError> {
        let (rgb, factor) = portrait::framed(portrait);
        let (face, mut quality) = self.one_face(&rgb, BYSTANDER).map_err(|error| match error {
            FaceError::NoFace => UnusablePortrait::NoFace.into(),
            FaceError::SeveralFaces { count } => UnusablePortrait::SeveralFaces { count }.into(),
            other => other,
        })?;
        quality.eye_distance /= factor;
        let issues = quality.issues(&QualityLimits::PORTRAIT);
        if !issues.is_empty() {
            return Err(UnusablePortrait::Quality { quality, issues }.into());
        }
        self.template(&rgb, &face)
    }

    /// Takes the one face of a camera frame, to be compared with a template of `algorithm`; smaller faces in the
    /// background do not count.
    ///
    /// # Errors
    /// No face, several, one below [`QualityLimits::CAPTURE`], or an algorithm that is not loaded.
    pub fn capture(&self, picture: &DynamicImage, algorithm: &AlgorithmId) -> Result<Probe, FaceError> {
        let embedder = self.embedder(algorithm)?;
        let rgb = picture.to_rgb8();
        let (face, quality) = self.one_face(&rgb, BYSTANDER)?;
        quality.check(&QualityLimits::CAPTURE)?;
        let bona_fide = self.bona_fide(&rgb, &face)?;
        let embedding = embed::embed(embedder.model.as_ref(), embedder.layout, &rgb, &face)?;
        let looks_like_attack = bona_fide < self.attack_threshold;
        Ok(Probe { face, quality, bona_fide, looks_like_attack, algorithm: algorithm.clone(), embedding })
    }

    /// Returns how much a face looks like a living one, 0 to 1.
    ///
    /// # Errors
    /// A model that fails.
    pub fn bona_fide(&self, picture: &RgbImage, face: &Face) -> Result<f32, FaceError> {
        let models: Vec<(f32, &dyn Model)> =
            self.attack.iter().map(|(factor, model)| (*factor, model.as_ref())).collect();
        Ok(pad::bona_fide_score(&models, picture, face)?)
    }

    /// Returns the score below which a face counts as an attack.
    pub fn attack_threshold(&self) -> f32 {
        self.attack_threshold
    }

    /// Embeds a face with the engine's own embedder, whatever its quality: to measure with, not to decide.
    ///
    /// # Errors
    /// A model that fails.
    pub fn embed(&self, picture: &RgbImage, face: &Face) -> Result<Embedding, FaceError> {
        let embedder = &self.embedders[0];
        Ok(embed::embed(embedder.model.as_ref(), embedder.layout, picture, face)?)
    }

    /// Returns the least score that is a match for templates of `algorithm` at a false match rate.
    ///
    /// # Errors
    /// An algorithm that is not loaded, or was not measured so strictly.
    pub fn threshold(&self, algorithm: &AlgorithmId, rate: FalseMatchRate) -> Result<f32, FaceError> {
        let calibration = &self.embedder(algorithm)?.calibration;
        calibration.threshold(rate).ok_or_else(|| FaceError::NotMeasured {
            algorithm: algorithm.clone(),
            strictest: calibration.strictest(),
            wanted: rate,
        })
    }

    /// Compares a capture with the reference in a credential, straight on the quantised form.
    ///
    /// # Errors
    /// A template of another algorithm than the probe was captured for, or of another length; a rate that the
    /// embedder was not measured at.
    pub fn compare(
        &self,
        reference: &Template,
        probe: &Probe,
        rate: FalseMatchRate,
    ) -> Result<Comparison, FaceError> {
        if *reference.algorithm() != probe.algorithm {
            return Err(FaceError::OtherAlgorithm { template: reference.algorithm().clone() });
        }
        let threshold = self.threshold(&probe.algorithm, rate)?;
        let score =
            probe.embedding.similarity(reference.as_bytes()).ok_or(FaceError::Model(ModelError::Output))?;
        let decision = if score >= threshold { Decision::Match } else { Decision::NonMatch };
        let algorithm = probe.algorithm.to_string();
        Ok(Comparison { score, threshold, false_match_one_in: rate, algorithm, decision })
    }

    fn template(&self, picture: &RgbImage, face: &Face) -> Result<Template, FaceError> {
        let template = Template::new(self.algorithm().clone(), self.embed(picture, face)?.quantise());
        template.map_err(|_| FaceError::Model(ModelError::Output))
    }

    fn embedder(&self, algorithm: &AlgorithmId) -> Result<&Embedder, FaceError> {
        let found = self.embedders.iter().find(|embedder| embedder.algorithm == *algorithm);
        found.ok_or_else(|| FaceError::OtherAlgorithm { template: algorithm.clone() })
    }

    fn one_face(&self, picture: &RgbImage, bystander: f32) -> Result<(Face, Quality), FaceError> {
        let mut faces = self.detect(picture)?;
        faces.sort_by(|a, b| b.width.total_cmp(&a.width));
        let Some(face) = faces.first().copied() else { return Err(FaceError::NoFace) };
        let count = faces.iter().filter(|other| other.width >= bystander * face.width).count();
        if count > 1 {
            return Err(FaceError::SeveralFaces { count });
        }
        Ok((face, Quality::measure(picture, &face)))
    }
}

/// Takes a file of the default set out of the program.
fn built_in_file(entry: &ModelEntry) -> Result<Vec<u8>, ManifestError> {
    let file = built_in::file(&entry.file).map(<[u8]>::to_vec);
    file.ok_or_else(|| ManifestError::missing(entry, "the program".as_ref()))
}

/// Checks a file against the manifest and loads it.
fn load_model(entry: &ModelEntry, bytes: &[u8]) -> Result<Box<dyn Model>, LoadError> {
    entry.check(bytes)?;
    match OnnxModel::load(bytes, entry.input) {
        Ok(model) => Ok(Box::new(model)),
        Err(source) => Err(LoadError::Model { file: entry.file.clone(), source }),
    }
}

impl Embedder {
    fn new(
        entry: &ModelEntry,
        model: Box<dyn Model>,
        algorithm: &AlgorithmId,
        layout: Layout,
        calibration: &Calibration,
    ) -> Self {
        let (algorithm, calibration) = (algorithm.clone(), calibration.clone());
        Self { id: entry.id.clone(), model, layout, algorithm, calibration }
    }
}

impl Quality {
    /// Checks the measures against limits.
    ///
    /// # Errors
    /// What is wrong, the most telling first.
    pub fn check(&self, limits: &QualityLimits) -> Result<(), FaceError> {
        let issues = self.issues(limits);
        if issues.is_empty() { Ok(()) } else { Err(FaceError::Quality { quality: *self, issues }) }
    }
}
