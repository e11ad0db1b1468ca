//! The settings of a lane: `kiosk run --config FILE` (TOML). Unknown keys are refused.

use std::fs;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use shared::credential::Purpose;
use shared::trust::FalseMatchRate;

use crate::gate::settings::GateSettings;

/// A settings file. Every key is optional; the command line wins.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What the lane decides for.
    pub purpose: Option<Purpose>,
    /// Where frames come from, as `--camera`.
    pub camera: Option<String>,
    /// The state folder.
    pub state: Option<PathBuf>,
    /// Folder with the face models, or `default`.
    pub models: Option<PathBuf>,
    /// After how many days the bodies of the journal's rows are shredded, 1 to 65535 [default: 90].
    pub journal_days: Option<NonZeroU16>,
    /// How rarely a stranger's face may match by chance, as N of "1 in N"; never laxer than the policy.
    pub false_match_one_in: Option<FalseMatchRate>,
    /// What lets people through; announced on standard error where the section is missing.
    #[serde(default)]
    pub gate: GateSettings,
}

impl Settings {
    /// Reads a file, or the defaults where there is none.
    pub fn read(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text =
            fs::read_to_string(path).with_context(|| format!("reading settings {}", path.display()))?;
        let settings: Self = toml::from_str(&text).with_context(|| format!("settings {}", path.display()))?;
        settings.gate.check().with_context(|| format!("settings {}", path.display()))?;
        Ok(settings)
    }
}
