//! The command line, as types.

mod deciding;
mod devices;
mod lane;
mod records;

use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32};
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use shared::time::Timestamp;

use crate::scanner::ScannerName;
#[cfg(feature = "evaluate")]
pub use deciding::Evaluate;
pub use deciding::{Challenge, Compare, Models, Verify};
pub use devices::{CameraTest, Cameras, CamerasTest, Clock, Gate, GateConfig};
#[cfg(feature = "demo")]
pub use lane::Demo;
#[cfg(feature = "screen")]
pub use lane::Screen;
pub use lane::{Config, Doctor, Import, Operator, Provision, Run, Trust};
pub use records::{Accounts, AccountsAt, Clerk, Journal, JournalVerify, KnownBy};

/// Read rotating identity codes, verify them offline, compare the face, and decide.
///
/// Data goes to standard output, messages to standard error. Exit status: 0 done or accepted, 1 the answer is no,
/// 2 it could not be answered.
#[derive(Debug, Parser)]
#[command(name = "kiosk", version, disable_help_subcommand = true)]
pub struct Cli {
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Read the QR codes in pictures; one JSON line per picture
    Scan {
        /// Pictures, JPEG or PNG
        #[arg(value_name = "IMAGE", required = true)]
        images: Vec<PathBuf>,
    },
    /// Verify one code, and compare a face with it if a picture of one is given
    ///
    /// Prints words on a terminal, and one JSON object anywhere else or with --json.
    Verify(Verify),
    /// Compare two faces
    Compare(Compare),
    /// Take over a trust repository, or show the one in use
    #[command(subcommand)]
    Trust(Trust),
    /// Print this kiosk's own key, to which an agency encrypts what the kiosk may read
    Key {
        #[command(flatten)]
        place: Place,
    },
    /// Check, hand out or add to what the kiosk wrote down of its work
    #[command(subcommand)]
    Journal(Journal),
    /// Keep the organization's accounts: who came before, by identifiers that mean something here alone
    #[command(subcommand)]
    Accounts(Accounts),
    /// Make the code that a kiosk shows for phones to answer
    Challenge(Challenge),
    /// List or install the face models
    #[command(subcommand)]
    Models(Models),
    /// Measure how often faces are told apart wrongly on a folder of people
    #[cfg(feature = "evaluate")]
    Evaluate(Evaluate),
    /// Decode a portrait, in a process of its own
    #[command(name = crate::avif::COMMAND, hide = true)]
    DecodeAvif,
    /// Work the serial line of a gate, in a process of its own
    #[command(name = crate::gate::OSDP_COMMAND, hide = true)]
    Osdp,
    /// Try the gate, or leave it shut
    #[command(subcommand)]
    Gate(Gate),
    /// Tell whether this machine's clock can be believed
    Clock(Clock),
    /// List the cameras of this machine, or try one
    Cameras(Cameras),
    /// Print what a scanner reads, one JSON line per code
    Scanner {
        /// The scanner, as in the settings: keyboard:/dev/input/by-id/NAME or serial:/dev/serial/by-id/NAME[@BAUD]
        #[arg(value_name = "SCANNER")]
        scanner: ScannerName,
        /// End after so many codes
        #[arg(long, value_name = "N", default_value = "1")]
        codes: NonZeroU32,
        /// Give up after so many seconds without a code
        #[arg(long, value_name = "SECONDS", default_value = "60")]
        patience: NonZeroU16,
    },
    /// Check a settings file
    #[command(subcommand)]
    Config(Config),
    /// Make this new machine the kiosk that an agency wants it to be
    Provision(Provision),
    /// Check whether this machine is fit to be a lane, and say what to do where it is not
    Doctor(Doctor),
    /// Say who may use the operator page
    #[command(subcommand)]
    Operator(Operator),
    /// Print the distributions that a lane's metrics hold: count, median, p95 and p99
    Metrics {
        /// Where the lane serves its metrics
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9470")]
        at: SocketAddr,
    },
    /// Work as a lane
    Run(Run),
    /// Show residents what a lane's core says
    #[cfg(feature = "screen")]
    Screen(Screen),
    /// Play the whole main job with fictional residents and attackers
    #[cfg(feature = "demo")]
    Demo(Demo),
}

/// Which kiosk, and what time it is.
#[derive(Debug, Args)]
pub struct Place {
    /// The kiosk's state folder [default: gatepass/kiosk in the user's data folder]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Act as if it were this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    pub at: Option<Timestamp>,
}

/// Which face models.
#[derive(Debug, Clone, Args)]
pub struct FaceModels {
    /// Folder with the face models, or `default` for those built in
    #[arg(long = "models", value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl FaceModels {
    /// Returns the folder, if one is named.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
