//! Codes and faces, one at a time or many.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use shared::credential::Purpose;
use shared::reason::Language;
use shared::time::Timestamp;
use shared::trust::FalseMatchRate;

use super::FaceModels;

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("code").required(true).args(["image", "text"])))]
#[command(group(clap::ArgGroup::new("belief").required(true).args(["trust", "state"]).multiple(true)))]
pub struct Verify {
    /// The trust repository, a folder
    #[arg(long, value_name = "REPO", requires = "root")]
    pub trust: Option<PathBuf>,
    /// The root metadata to believe it by
    #[arg(long, value_name = "ROOT.json")]
    pub root: Option<PathBuf>,
    /// The kiosk's state folder: remembers used codes, and holds the trust repository if --trust is not given
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// The memory of used codes that the lanes of the site share: redis://[user@]host[:port] or redis+unix:///path
    #[arg(long, value_name = "URL", requires = "state")]
    pub site: Option<String>,
    /// File with the password to it
    #[arg(long, value_name = "FILE", requires = "site")]
    pub site_password_file: Option<PathBuf>,
    /// What the code is to be accepted for
    #[arg(long, value_name = "PURPOSE")]
    pub purpose: Purpose,
    /// Act as if it were this time (RFC 3339), by a clock that is right
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    pub at: Option<Timestamp>,
    /// Read from this settings file how wrong the clock may be ([clock])
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Picture of the person presenting the code; without it the face is not compared
    #[arg(long, value_name = "PHOTO")]
    pub probe: Option<PathBuf>,
    #[command(flatten)]
    pub models: FaceModels,
    /// What the operator reads is in this language: en, zh-Hans, zh-Hant or pt
    #[arg(long, value_name = "LANGUAGE", default_value_t)]
    pub lang: Language,
    /// The challenge that the code has to answer: the text that `kiosk challenge` printed
    #[arg(long, value_name = "TEXT")]
    pub challenge: Option<String>,
    /// Picture of the code
    #[arg(value_name = "IMAGE")]
    pub image: Option<PathBuf>,
    /// The text of the code, in place of a picture; - reads standard input
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub text: Option<String>,
}

#[derive(Debug, Args)]
pub struct Compare {
    /// The enrolled photograph
    pub reference: PathBuf,
    /// The live picture
    pub probe: PathBuf,
    #[command(flatten)]
    pub models: FaceModels,
    /// Let at most one stranger in N match by chance
    #[arg(long, value_name = "N", default_value = "10000")]
    pub false_match_one_in: FalseMatchRate,
}

#[derive(Debug, Args)]
pub struct Challenge {
    /// Whom answers are made for
    #[arg(long, value_name = "AUDIENCE")]
    pub aud: String,
    /// Act as if it were this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    pub at: Option<Timestamp>,
    /// Where to draw the code, as a PNG
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What can be done with models.
#[derive(Debug, Subcommand)]
pub enum Models {
    /// Show every model, where its file is, and whether it is the right one
    List {
        #[command(flatten)]
        models: FaceModels,
    },
    /// Copy or download the model files into the user's data folder and check them
    Install {
        /// Copy from this folder instead of downloading
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
        /// Install into this folder instead
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
}

#[cfg(feature = "evaluate")]
#[derive(Debug, Args)]
pub struct Evaluate {
    /// People: identity/image files, JPEG or PNG, at any depth; groups.csv in it may hold identity,group lines
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Attacks: species/image files; bona-fide is the species of living people
    #[arg(long, value_name = "DIR")]
    pub attacks: Option<PathBuf>,
    #[command(flatten)]
    pub models: FaceModels,
    /// Where report.md, report.json and det.png go
    #[arg(long, value_name = "DIR", default_value = "report")]
    pub out: PathBuf,
}
