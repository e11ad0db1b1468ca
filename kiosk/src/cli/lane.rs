//! A lane, and what it needs before it works.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use shared::credential::Purpose;
use shared::provisioning::Fingerprint;
use shared::reason::Language;
use shared::trust::FalseMatchRate;

use super::{FaceModels, Place};
use crate::camera::CameraSpec;
use crate::state::OperatorName;

#[derive(Debug, Args)]
pub struct Run {
    /// Read settings from this file; options on the command line win
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where frames come from: a camera that `kiosk cameras` lists; replay:DIR plays the pictures of a folder
    #[arg(long, value_name = "CAMERA")]
    pub camera: Option<CameraSpec>,
    /// What the lane decides for
    #[arg(long, value_name = "PURPOSE")]
    pub purpose: Option<Purpose>,
    #[command(flatten)]
    pub models: FaceModels,
    /// Let at most one stranger in N match by chance; never laxer than the policy
    #[arg(long, value_name = "N")]
    pub false_match_one_in: Option<FalseMatchRate>,
    /// What the operator reads is in this language: en, zh-Hans, zh-Hant or pt
    #[arg(long, value_name = "LANGUAGE", default_value_t)]
    pub lang: Language,
    #[command(flatten)]
    pub place: Place,
}

#[cfg(feature = "screen")]
#[derive(Debug, Args)]
pub struct Screen {
    /// The socket of the lane's core: `screen.socket` in its settings
    #[arg(long, value_name = "SOCKET")]
    pub connect: PathBuf,
    /// The language of residents who choose none: en, zh-Hans, zh-Hant or pt
    #[arg(long, value_name = "LANGUAGE", default_value_t)]
    pub lang: Language,
    /// Make no sound: the gate's beeper does
    #[arg(long)]
    pub silent: bool,
    /// Open a window instead of filling the display
    #[arg(long)]
    pub windowed: bool,
}

#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub struct Demo {
    /// The issuer program [default: the one beside this program]
    #[arg(long, value_name = "PROGRAM")]
    pub issuer: Option<PathBuf>,
    /// The sample residents
    #[arg(long, value_name = "DIR", default_value = "tests/residents")]
    pub residents: PathBuf,
    /// Where codes, frames and the report go
    #[arg(long, value_name = "DIR", default_value = "demo-out")]
    pub out: PathBuf,
    #[command(flatten)]
    pub models: FaceModels,
}

/// What can be done with trust repositories.
#[derive(Debug, Subcommand)]
pub enum Trust {
    /// Verify a repository and use it from now on, if it is not older than the one in use
    Import(Import),
    /// Show what is believed, and how old it is
    Status {
        #[command(flatten)]
        place: Place,
    },
}

/// What to take over.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("source").required(true).args(["repo", "config"]).multiple(true)))]
pub struct Import {
    /// The repository, a folder [default: the one in --config]
    pub repo: Option<PathBuf>,
    /// The root metadata, once: this provisions the kiosk
    #[arg(long, value_name = "ROOT.json")]
    pub root: Option<PathBuf>,
    /// Take the repository and the state folder from this settings file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub place: Place,
}

/// What can be done with settings.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Read a settings file as `kiosk run --config` would, and print what a lane would work with
    Check {
        /// TOML
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("code").required(true).args(["file", "image", "camera"])))]
pub struct Provision {
    /// The text of the code that `issuer provision` made
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Picture of the code
    #[arg(long, value_name = "PNG")]
    pub image: Option<PathBuf>,
    /// Read the code with this camera, as `kiosk run --camera`
    #[arg(long, value_name = "CAMERA")]
    pub camera: Option<CameraSpec>,
    /// The fingerprint, as the agency told it by another way; without it nothing is changed
    #[arg(long, value_name = "FINGERPRINT")]
    pub fingerprint: Option<Fingerprint>,
    /// Where the trust repository is [default: where the code says]
    #[arg(long, value_name = "DIR")]
    pub repository: Option<PathBuf>,
    /// Where to write the settings [default: kiosk.toml in the state folder]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub place: Place,
}

#[derive(Debug, Args)]
pub struct Doctor {
    /// The settings of the lane, as `kiosk run --config`
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub models: FaceModels,
    #[command(flatten)]
    pub place: Place,
}

/// What can be done with operators.
#[derive(Debug, Subcommand)]
pub enum Operator {
    /// Add an operator; asks for the PIN code, or reads it from standard input
    Add {
        /// The name to log in with; the journal has the operator's number
        #[arg(value_parser = OperatorName::parse)]
        name: OperatorName,
        #[command(flatten)]
        place: Place,
    },
    /// Show the operators, and the numbers by which the journal names them
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Remove an operator, who is logged out at once
    Remove {
        /// The name
        #[arg(value_parser = OperatorName::parse)]
        name: OperatorName,
        #[command(flatten)]
        place: Place,
    },
}
