//! `models/manifest.toml`: which models there are, where they come from, and what their files must hash to.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::align::Layout;
use crate::template::AlgorithmId;

/// The manifest that ships with the product.
const MANIFEST: &str = include_str!("../../../models/manifest.toml");

/// The models that a product knows.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
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
    /// The threshold on its score.
    pub threshold: f32,
    /// The data that the threshold was set on, and the error rate there.
    pub threshold_data: String,
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
        algorithm: String,
        /// Where it wants the landmarks.
        layout: Layout,
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
    /// No model for a task.
    #[error("the model manifest lists no model to {task}")]
    NoModel {
        /// Which task.
        task: &'static str,
    },
    /// A file that is nowhere.
    #[error(
        "model file {file} was not found in {searched}; install it with `kiosk models install --from DIR`"
    )]
    Missing {
        /// Its name.
        file: String,
        /// The folders that were looked in.
        searched: String,
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
    /// Says that a model's file is in none of the folders that were looked in.
    pub fn missing(entry: &ModelEntry, folders: &[PathBuf]) -> Self {
        let searched =
            folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ");
        Self::Missing { file: entry.file.clone(), searched }
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
        for model in &manifest.models {
            if let Task::Embed { algorithm, .. } = &model.task {
                AlgorithmId::parse(algorithm).map_err(|error| syntax(error.to_string()))?;
            }
            if model.file.contains(['/', '\\']) {
                return Err(syntax(format!("{} is not a plain file name", model.file)));
            }
        }
        Ok(manifest)
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

/// Where model files are looked for, first to last.
///
/// `option` is `--models`, `variable` is `$GATEPASS_MODELS`, `data_home` the user's data folder. A folder that was
/// named explicitly is the only one looked in.
pub fn search_path(option: Option<&Path>, variable: Option<&Path>, data_home: Option<&Path>) -> Vec<PathBuf> {
    if let Some(named) = option.or(variable) {
        return vec![named.to_owned()];
    }
    let installed = data_home.map(|folder| folder.join("gatepass").join("models"));
    [Some(PathBuf::from("../shared/models")), installed].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_manifest_is_whole() {
        let manifest = Manifest::parse(MANIFEST).unwrap();
        let tasks = |is: fn(&Task) -> bool| manifest.models.iter().filter(|model| is(&model.task)).count();
        assert_eq!(tasks(|task| matches!(task, Task::Detect)), 1);
        assert_eq!(tasks(|task| matches!(task, Task::Embed { .. })), 1);
        assert_eq!(tasks(|task| matches!(task, Task::Attack { .. })), 2);
        for model in &manifest.models {
            assert_eq!(hex::decode(&model.sha256).unwrap().len(), 32, "{}", model.id);
        }
    }

    #[test]
    fn wrong_manifests_and_files_are_named() {
        assert!(matches!(Manifest::parse("model = 3"), Err(ManifestError::Syntax { .. })));
        let odd = MANIFEST.replacen("file = \"", "colour = \"red\"\nfile = \"", 1);
        assert!(Manifest::parse(&odd).is_err());
        assert!(Manifest::parse(&MANIFEST.replacen("file = \"", "file = \"../", 1)).is_err());
        let model = Manifest::shipped().models.remove(0);
        assert!(
            matches!(model.check(b"other"), Err(ManifestError::WrongHash { file, .. }) if file == model.file)
        );
    }

    #[test]
    fn a_named_folder_is_the_only_one() {
        let (option, variable, home) = (Path::new("/a"), Path::new("/b"), Path::new("/home/x"));
        assert_eq!(search_path(Some(option), Some(variable), Some(home)), [PathBuf::from("/a")]);
        assert_eq!(search_path(None, Some(variable), Some(home)), [PathBuf::from("/b")]);
        assert_eq!(
            search_path(None, None, Some(home)),
            [PathBuf::from("../shared/models"), PathBuf::from("/home/x/gatepass/models")]
        );
    }
}
