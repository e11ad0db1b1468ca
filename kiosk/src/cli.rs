//! The command line, as types.

use std::net::SocketAddr;
use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use shared::credential::Purpose;
use shared::journal::CheckpointKey;
use shared::provisioning::Fingerprint;
use shared::reason::{Language, Reason};
use shared::time::Timestamp;
use shared::trust::FalseMatchRate;

use crate::accounts::directory::Kind;
use crate::camera::CameraSpec;
use crate::scanner::ScannerName;
use crate::state::OperatorName;

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
    /// Folder with the face models, or `default` for those built in
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
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
pub struct Clock {
    /// Read settings from this file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The kiosk's state folder, which holds the signed time that the clock is compared with
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
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

#[derive(Debug, Args)]
pub struct Compare {
    /// The enrolled photograph
    pub reference: PathBuf,
    /// The live picture
    pub probe: PathBuf,
    /// Folder with the face models, or `default` for those built in
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// Let at most one stranger in N match by chance
    #[arg(long, value_name = "N", default_value = "10000")]
    pub false_match_one_in: FalseMatchRate,
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

/// What can be done with cameras.
#[derive(Debug, Args)]
pub struct Cameras {
    #[command(subcommand)]
    pub test: Option<CameraTest>,
}

#[derive(Debug, Subcommand)]
pub enum CameraTest {
    /// Take frames from a camera, and say what they are like
    Test(CamerasTest),
}

/// How a camera is tried.
#[derive(Debug, Args)]
pub struct CamerasTest {
    /// The camera, as in [camera] of the settings: replay:DIR, a path in /dev/v4l, usb:VENDOR:PRODUCT[:SERIAL] or
    /// bus:PLACE [default: the only one that `kiosk cameras` lists]
    #[arg(value_name = "CAMERA")]
    pub camera: Option<CameraSpec>,
    /// Read the size and the format to ask for from this settings file, and the camera if none is given
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Take so many frames
    #[arg(long, value_name = "N", default_value = "60")]
    pub frames: NonZeroU32,
    /// Give up after so many seconds without a frame
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    pub patience: NonZeroU16,
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

/// What can be done with the gate while no lane uses it.
#[derive(Debug, Subcommand)]
pub enum Gate {
    /// Open it once, and print what it reports until the opening is over
    ///
    /// Exit status: 0 somebody passed, or the gate cannot tell; 1 nobody did; 2 it was not opened.
    Pulse {
        #[command(flatten)]
        settings: GateConfig,
    },
    /// Keep it shut, show every signal for two seconds, and print what the gate reports
    Watch {
        /// End after so many seconds [default: when interrupted]
        #[arg(long, value_name = "N")]
        seconds: Option<u64>,
        #[command(flatten)]
        settings: GateConfig,
    },
    /// Leave it shut, as after a lane that was killed
    Off {
        #[command(flatten)]
        settings: GateConfig,
    },
}

/// Which gate.
#[derive(Debug, Args)]
pub struct GateConfig {
    /// The settings file of the lane
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
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

/// What can be done with the journal.
#[derive(Debug, Subcommand)]
pub enum Journal {
    /// Check that no row was changed, dropped or taken off the end
    Verify(Box<JournalVerify>),
    /// Print the journal, one JSON line for each row and checkpoint; signs a checkpoint first
    Export {
        /// Begin at this row
        #[arg(long, value_name = "SEQ", default_value_t = 0)]
        from: u64,
        #[command(flatten)]
        place: Place,
    },
    /// Print the key that checks the kiosk's checkpoints
    Key {
        #[command(flatten)]
        place: Place,
    },
    /// Sign a checkpoint and print it, to be kept elsewhere
    Checkpoint {
        #[command(flatten)]
        place: Place,
    },
    /// Add what was found out later about a decision, which stays as it was
    Found {
        /// The row of the decision
        #[arg(long, value_name = "SEQ")]
        decision: u64,
        /// A reason code
        #[arg(long, value_name = "CODE", value_parser = reason)]
        reason: Reason,
        #[command(flatten)]
        place: Place,
    },
}

/// What to check a journal against.
#[derive(Debug, Args)]
pub struct JournalVerify {
    /// What `kiosk journal export` wrote, in place of the kiosk's own; several files one after the other, each of which goes on
    /// with the row after the last of the one before; needs --key
    #[arg(long, value_name = "FILE", requires = "key")]
    pub file: Vec<PathBuf>,
    /// The kiosk's verifier key, as `kiosk journal key` printed it before [default: the one in the state folder]
    #[arg(long, value_name = "KEY", value_parser = CheckpointKey::parse)]
    pub key: Option<CheckpointKey>,
    /// A checkpoint that was kept elsewhere; the journal has to hold all its rows
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Vec<PathBuf>,
    #[command(flatten)]
    pub place: Place,
}

fn reason(code: &str) -> Result<Reason, String> {
    Reason::from_code(code).ok_or_else(|| "no such reason code; docs/reason-codes.md lists them".to_owned())
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

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub enum Accounts {
    /// Make the directory that the settings name, for the organization that this kiosk works for
    Init {
        #[command(flatten)]
        at: AccountsAt,
    },
    /// Show the accounts, and the questions that people have to answer
    List {
        #[command(flatten)]
        at: AccountsAt,
    },
    /// Show what an account is and was known by
    Show {
        account: String,
        #[command(flatten)]
        at: AccountsAt,
    },
    /// Add an account from before; the number of its holder's document comes on standard input
    Add {
        account: String,
        /// The issuer of the document, as credentials name it
        #[arg(long, value_name = "URI")]
        issuer: String,
        #[command(flatten)]
        clerk: Clerk,
        #[command(flatten)]
        at: AccountsAt,
    },
    /// Say whose a visitor is; a conflict takes two people who say the same. Asks operators for the PIN code
    #[command(group(clap::ArgGroup::new("choice").required(true).args(["account", "new"])))]
    Resolve {
        /// The number of the question
        question: i64,
        /// It is this account's
        #[arg(long, value_name = "ACCOUNT")]
        account: Option<String>,
        /// It is somebody new
        #[arg(long)]
        new: bool,
        #[command(flatten)]
        clerk: Clerk,
        #[command(flatten)]
        at: AccountsAt,
    },
    /// Take what it is known by away from an account; no visit gives it back
    Unbind {
        account: String,
        /// Only what is of this kind
        #[arg(long)]
        kind: Option<Kind>,
        #[command(flatten)]
        clerk: Clerk,
        #[command(flatten)]
        at: AccountsAt,
    },
    /// Give back what was taken away
    Rebind {
        account: String,
        /// Only what is of this kind
        #[arg(long)]
        kind: Option<Kind>,
        #[command(flatten)]
        clerk: Clerk,
        #[command(flatten)]
        at: AccountsAt,
    },
    /// Remove an account and all that it is and was known by, for good
    Erase {
        account: String,
        #[command(flatten)]
        clerk: Clerk,
        #[command(flatten)]
        at: AccountsAt,
    },
    /// Print everything that happened, one JSON line each
    Events {
        /// Begin at this number
        #[arg(long, value_name = "SEQ", default_value_t = 0)]
        from: i64,
        #[command(flatten)]
        at: AccountsAt,
    },
}

/// Which directory, which kiosk, and what time it is.
#[derive(Debug, Args)]
pub struct AccountsAt {
    /// The settings of a lane, which name the directory under [accounts]
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    #[command(flatten)]
    pub place: Place,
}

/// Who changes something, and why.
#[derive(Debug, Args)]
pub struct Clerk {
    /// Your name, which stays with what you do; where the kiosk has operators, one of theirs
    #[arg(long, value_name = "NAME")]
    pub by: String,
    /// Why, without anything personal
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

/// What can be done with models.
#[derive(Debug, Subcommand)]
pub enum Models {
    /// Show every model, where its file is, and whether it is the right one
    List {
        /// Folder with the face models, or `default` for those built in
        #[arg(long, value_name = "DIR")]
        models: Option<PathBuf>,
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
    /// Folder with the face models, or `default` for those built in
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
    #[command(flatten)]
    pub place: Place,
}

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
    /// Folder with the face models, or `default` for those built in
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
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

#[cfg(feature = "evaluate")]
#[derive(Debug, Args)]
pub struct Evaluate {
    /// People: identity/image files, JPEG or PNG, at any depth; groups.csv in it may hold identity,group lines
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    /// Attacks: species/image files; bona-fide is the species of living people
    #[arg(long, value_name = "DIR")]
    pub attacks: Option<PathBuf>,
    /// Folder with the face models, or `default` for those built in
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// Where report.md, report.json and det.png go
    #[arg(long, value_name = "DIR", default_value = "report")]
    pub out: PathBuf,
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
    /// Folder with the face models, or `default` for those built in
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
