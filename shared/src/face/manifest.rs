//! `models/manifest.toml`: which models there are, where they come from, and what their files must hash to.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::align::Layout;
use super::calibration::Calibration;
use crate::template::AlgorithmId;

/// The manifest that ships with the product.
const MANIFEST: &str = include_str!("../../../models/manifest.toml");

/// The sets of models that a product knows.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The one that is built in comes first.
    #[serde(rename = "set")]
    pub sets: Vec<ModelSet>,
}

/// Models that work together: a detector, an embedder, and any number of attack models.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSet {
    /// Its name.
    pub id: String,
    /// What it is, in one sentence.
    pub about: String,
    /// In the order of the pipeline.
    #[serde(rename = "model")]
    pub models: Vec<ModelEntry>,
}

/// One model.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ModelEntry {
    /// Its name.
    pub id: String,
    /// What it does, with what the task needs to know.
    pub task: Task,
    /// The file's name.
    pub file: String,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// Size of the file.
    pub bytes: u64,
    /// Input shape, `[batch, channels, height, width]`.
    pub input: [usize; 4],
    /// Colour order and normalisation, in words.
    pub normalisation: String,
    /// The least score that counts as a face, or as bona fide; embedders have a calibration instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
    /// Of a detector: the least score of a face that may be enrolled, because it stands upright.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolment_threshold: Option<f32>,
    /// The data that the threshold or the calibration was measured on, and what was found.
    pub measured_on: String,
    /// Repository, commit and path.
    pub source: String,
    /// SPDX identifier.
    pub licence: String,
    /// Where exactly this file can be downloaded; absent where the file was converted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// What a model does.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Task {
    /// Finds faces and their landmarks.
    Detect,
    /// Makes the embedding that templates are quantised from.
    Embed {
        /// What its templates are called.
        algorithm: AlgorithmId,
        /// Where it wants the landmarks.
        layout: Layout,
        /// Which score which false match rate was measured at.
        calibration: Calibration,
    },
    /// Tells attacks from bona fide faces.
    Attack {
        /// How much the face's box is enlarged for it.
        enlargement: f32,
    },
}

/// Why a manifest, or a file that it lists, is not good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The manifest's text.
    #[error("the model manifest is wrong: {problem}")]
    Syntax {
        /// Where and why.
        problem: String,
    },
    /// No set of that name.
    #[error("the model manifest has no set named {id}")]
    NoSet {
        /// The name.
        id: String,
    },
    /// No model for a task, or one without the threshold that it needs.
    #[error("the model set {set} has no model with a threshold to {task}")]
    NoModel {
        /// Of which set.
        set: String,
        /// Which task.
        task: &'static str,
    },
    /// A file that is not there.
    #[error("model file {file} is not in {folder}; install it with `kiosk models install --from DIR`")]
    Missing {
        /// Its name.
        file: String,
        /// Where it was looked for.
        folder: String,
    },
    /// A file with other contents than the manifest says.
    #[error(
        "model file {file} is not the one in the manifest (SHA-256 {got}); replace it with `kiosk models install --from DIR`"
    )]
    WrongHash {
        /// Its name.
        file: String,
        /// What its contents hash to.
        got: String,
    },
}

impl ManifestError {
    /// Says that a model's file is not where it was looked for.
    pub fn missing(entry: &ModelEntry, folder: &Path) -> Self {
        Self::Missing { file: entry.file.clone(), folder: folder.display().to_string() }
    }
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// Anything that is not one, unknown fields included.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let syntax = |problem: String| ManifestError::Syntax { problem };
        let manifest: Self = toml::from_str(text).map_err(|error| syntax(error.to_string()))?;
        for model in manifest.sets.iter().flat_map(|set| &set.models) {
            if model.file.contains(['/', '\\']) {
                return Err(syntax(format!("{} is not a plain file name", model.file)));
            }
        }
        Ok(manifest)
    }

    /// Returns a set by its name.
    ///
    /// # Errors
    /// A name that no set has.
    pub fn set(&self, id: &str) -> Result<&ModelSet, ManifestError> {
        self.sets.iter().find(|set| set.id == id).ok_or_else(|| ManifestError::NoSet { id: id.to_owned() })
    }

    /// Returns the manifest that ships with the product.
    ///
    /// # Panics
    /// Never: a test reads the same text.
    pub fn shipped() -> Self {
        Self::parse(MANIFEST).expect("the shipped manifest was tested")
    }
}

impl ModelEntry {
    /// Checks that bytes are the file that the manifest means.
    ///
    /// # Errors
    /// Any other contents.
    pub fn check(&self, bytes: &[u8]) -> Result<(), ManifestError> {
        let got = hex::encode(Sha256::digest(bytes));
        if got == self.sha256 {
            Ok(())
        } else {
            Err(ManifestError::WrongHash { file: self.file.clone(), got })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_sets_are_whole() {
        let manifest = Manifest::shipped();
        assert_eq!(
            manifest.sets.iter().map(|set| set.id.as_str()).collect::<Vec<_>>(),
            ["default", "standard"]
        );
        for set in &manifest.sets {
            let tasks = |is: fn(&Task) -> bool| set.models.iter().filter(|model| is(&model.task)).count();
            assert_eq!(tasks(|task| matches!(task, Task::Detect)), 1);
            assert_eq!(tasks(|task| matches!(task, Task::Embed { .. })), 1);
            assert!(tasks(|task| matches!(task, Task::Attack { .. })) >= 1);
            for model in &set.models {
                assert_eq!(hex::decode(&model.sha256).unwrap().len(), 32, "{}", model.id);
            }
        }
        assert!(matches!(manifest.set("best"), Err(ManifestError::NoSet { id }) if id == "best"));
    }

    #[test]
    fn wrong_manifests_and_files_are_named() {
        assert!(matches!(Manifest::parse("set = 3"), Err(ManifestError::Syntax { .. })));
        let odd = MANIFEST.replacen("file = \"", "colour = \"red\"\nfile = \"", 1);
        assert!(Manifest::parse(&odd).is_err());
        assert!(Manifest::parse(&MANIFEST.replacen("file = \"", "file = \"../", 1)).is_err());
        let model = Manifest::shipped().sets.remove(0).models.remove(0);
        assert!(
            matches!(model.check(b"other"), Err(ManifestError::WrongHash { file, .. }) if file == model.file)
        );
    }
}
