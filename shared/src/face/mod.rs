//! Faces: detect → quality → attack detection → align → embed → compare. One to one only: there is no gallery.
//!
//! | file | does |
//! | --- | --- |
//! | `manifest.rs` | which models there are and what their files hash to |
//! | `model.rs` | [`Model`]: numbers in, numbers out; [`OnnxModel`] runs one with `tract` |
//! | `picture.rs` | a file's bytes to pixels, pixels to a network's input |
//! | `detect.rs` | faces and their landmarks |
//! | `quality.rs` | good enough to compare? |
//! | `pad.rs` | living face, or picture of one? |
//! | `align.rs`, `embed.rs` | a face to a vector, a vector to the bytes of a template |
//!
//! Terms: ISO/IEC 2382-37 and 19795-1 (match, FMR, FNMR), 30107-3 (bona fide, APCER, BPCER).

mod align;
mod detect;
mod embed;
mod manifest;
mod model;
mod pad;
mod picture;
mod quality;

use image::{DynamicImage, RgbImage};
use serde::Serialize;

pub use align::Layout;
pub use detect::Face;
pub use embed::Embedding;
pub use manifest::{Manifest, ManifestError, ModelEntry, Task, search_path};
pub use model::{Model, ModelError, OnnxModel, Tensor};
pub use picture::{PictureError, decode};
pub use quality::{Quality, QualityIssue, QualityLimits};

use crate::template::{AlgorithmId, Template};

/// A second face counts only if it is at least this wide compared with the first: people in the queue do not.
/// A guess, to be set by measurement at a lane.
const BYSTANDER: f32 = 0.4;

/// The models, loaded, with their thresholds.
pub struct FaceEngine {
    detector: (Box<dyn Model>, f32),
    embedder: (Box<dyn Model>, Layout, AlgorithmId, f32),
    attack: Vec<(f32, Box<dyn Model>)>,
    attack_threshold: f32,
    names: Vec<String>,
}

/// Why a picture yields no face to work with.
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
    /// A model failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A template made by something else than the loaded embedder.
    #[error("the template was made by {template}; this device has {loaded}")]
    OtherAlgorithm {
        /// Of the template.
        template: AlgorithmId,
        /// Of the loaded embedder.
        loaded: AlgorithmId,
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
    embedding: Embedding,
}

/// What comparing a probe with a reference gave.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparison {
    /// Cosine similarity, -1 to 1; higher is more alike.
    pub score: f32,
    /// The least score that is a match; the manifest says on which data it was set.
    pub threshold: f32,
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
    /// Loads every model of a manifest; `read` fetches a file, whose hash is checked here.
    ///
    /// # Errors
    /// Files that `read` does not find, files with another hash, and files that do not load.
    pub fn load(
        manifest: &Manifest,
        mut read: impl FnMut(&ModelEntry) -> Result<Vec<u8>, ManifestError>,
    ) -> Result<Self, LoadError> {
        let mut load = |entry: &ModelEntry| -> Result<Box<dyn Model>, LoadError> {
            let bytes = read(entry)?;
            entry.check(&bytes)?;
            let model = OnnxModel::load(&bytes, entry.input);
            Ok(Box::new(model.map_err(|source| LoadError::Model { file: entry.file.clone(), source })?))
        };
        let (mut detector, mut embedder, mut attack, mut attack_threshold) = (None, None, Vec::new(), 0.0f32);
        for entry in &manifest.models {
            match &entry.task {
                Task::Detect => detector = Some((load(entry)?, entry.threshold)),
                Task::Embed { algorithm, layout } => {
                    let algorithm = AlgorithmId::parse(algorithm)
                        .map_err(|error| ManifestError::Syntax { problem: error.to_string() })?;
                    embedder = Some((load(entry)?, *layout, algorithm, entry.threshold));
                }
                Task::Attack { enlargement } => {
                    attack.push((*enlargement, load(entry)?));
                    attack_threshold = entry.threshold;
                }
            }
        }
        Ok(Self {
            detector: detector.ok_or(ManifestError::NoModel { task: "detect faces" })?,
            embedder: embedder.ok_or(ManifestError::NoModel { task: "embed faces" })?,
            attack,
            attack_threshold,
            names: manifest.models.iter().map(|model| model.id.clone()).collect(),
        })
    }

    /// Returns the identifiers of the loaded models.
    pub fn models(&self) -> &[String] {
        &self.names
    }

    /// Returns what the templates of the loaded embedder are called.
    pub fn algorithm(&self) -> &AlgorithmId {
        &self.embedder.2
    }

    /// Finds every face, the surest first.
    ///
    /// # Errors
    /// A model that fails.
    pub fn detect(&self, picture: &DynamicImage) -> Result<Vec<Face>, FaceError> {
        Ok(detect::detect(self.detector.0.as_ref(), &picture.to_rgb8(), self.detector.1)?)
    }

    /// Makes the template of an enrolment photograph.
    ///
    /// # Errors
    /// No face, several, or one below [`QualityLimits::ENROLMENT`].
    pub fn enrol(&self, picture: &DynamicImage) -> Result<Template, FaceError> {
        let rgb = picture.to_rgb8();
        let (face, _) = self.one_face(&rgb, &QualityLimits::ENROLMENT, 0.0)?;
        let bytes = self.embed(&rgb, &face)?.quantise();
        Template::new(self.embedder.2.clone(), bytes).map_err(|_| FaceError::Model(ModelError::Output))
    }

    /// Takes the one face of a camera frame; smaller faces in the background do not count.
    ///
    /// # Errors
    /// No face, several, or one below [`QualityLimits::CAPTURE`].
    pub fn capture(&self, picture: &DynamicImage) -> Result<Probe, FaceError> {
        let rgb = picture.to_rgb8();
        let (face, quality) = self.one_face(&rgb, &QualityLimits::CAPTURE, BYSTANDER)?;
        let attack: Vec<(f32, &dyn Model)> =
            self.attack.iter().map(|(factor, model)| (*factor, model.as_ref())).collect();
        let bona_fide = pad::bona_fide_score(&attack, &rgb, &face)?;
        let looks_like_attack = bona_fide < self.attack_threshold;
        Ok(Probe { quality, bona_fide, looks_like_attack, embedding: self.embed(&rgb, &face)?, face })
    }

    /// Compares a capture with the reference in a credential, straight on the quantised form.
    ///
    /// # Errors
    /// A template of another algorithm or length.
    pub fn compare(&self, reference: &Template, probe: &Probe) -> Result<Comparison, FaceError> {
        let (_, _, algorithm, threshold) = &self.embedder;
        if reference.algorithm() != algorithm {
            return Err(FaceError::OtherAlgorithm {
                template: reference.algorithm().clone(),
                loaded: algorithm.clone(),
            });
        }
        let score =
            probe.embedding.similarity(reference.as_bytes()).ok_or(FaceError::Model(ModelError::Output))?;
        let decision = if score >= *threshold { Decision::Match } else { Decision::NonMatch };
        Ok(Comparison { score, threshold: *threshold, decision })
    }

    fn one_face(
        &self,
        picture: &RgbImage,
        limits: &QualityLimits,
        bystander: f32,
    ) -> Result<(Face, Quality), FaceError> {
        let mut faces = detect::detect(self.detector.0.as_ref(), picture, self.detector.1)?;
        faces.sort_by(|a, b| b.width.total_cmp(&a.width));
        let Some(face) = faces.first().copied() else { return Err(FaceError::NoFace) };
        let count = faces.iter().filter(|other| other.width >= bystander * face.width).count();
        if count > 1 {
            return Err(FaceError::SeveralFaces { count });
        }
        let quality = Quality::measure(picture, &face);
        let issues = quality.issues(limits);
        if issues.is_empty() { Ok((face, quality)) } else { Err(FaceError::Quality { quality, issues }) }
    }

    fn embed(&self, picture: &RgbImage, face: &Face) -> Result<Embedding, FaceError> {
        let (model, layout, ..) = &self.embedder;
        Ok(embed::embed(model.as_ref(), *layout, picture, face)?)
    }
}
