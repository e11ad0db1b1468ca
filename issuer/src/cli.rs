//! The command line, as types.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use shared::credential::Purpose;
use shared::time::Timestamp;

use crate::keys::Pkcs11Uri;

/// Enrol residents, issue rotating digital identity, and publish what kiosks believe.
///
/// Data goes to standard output, messages to standard error. Exit status: 0 done, 1 the answer is no (a photo
/// that cannot be enrolled, for example), 2 it could not be done.
#[derive(Debug, Parser)]
#[command(name = "issuer", version, disable_help_subcommand = true)]
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
    /// Create an agency: keys, registry, default policies and the trust anchor
    Init(Init),
    /// Enrol a resident from a claim file and a photograph
    Enroll(Enroll),
    /// Issue a credential for one purpose
    Issue(Issue),
    /// Revoke credentials, for good
    Revoke(Revoke),
    /// Write the trust repository that kiosks import
    Publish(Publish),
    /// List, replace and revoke the agency's signing keys
    #[command(subcommand)]
    Key(Key),
    /// Act as a resident's phone
    #[command(subcommand)]
    Holder(Holder),
    /// Show what a code, a text or a credential file contains, and what was not verified
    Inspect(Inspect),
}

/// Which agency, and what time it is.
#[derive(Debug, Args)]
pub struct At {
    /// The agency's folder
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Act as if it were this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    pub at: Option<Timestamp>,
}

#[derive(Debug, Args)]
pub struct Init {
    #[command(flatten)]
    pub at: At,
    /// The URI that credentials name as their issuer, such as https://id.example
    #[arg(long, value_name = "URI")]
    pub iss: String,
    /// The agency's name in the trust repository [default: made from the URI]
    #[arg(long, value_name = "NAME")]
    pub agency: Option<String>,
    #[command(flatten)]
    pub new: NewKeys,
}

/// How new private keys are kept; in files that only their owner can read, unless told otherwise.
#[derive(Debug, Args)]
pub struct NewKeys {
    /// Keep private keys in age files under a passphrase, which is asked for at the terminal or read from the file
    /// that GATEPASS_PASSPHRASE_FILE names
    #[arg(long)]
    pub key_passphrase: bool,
    /// Make private keys inside this token (root keys, which are carried away, stay files):
    /// pkcs11:token=NAME?module-path=LIBRARY&pin-source=file:FILE
    #[arg(long, value_name = "PKCS11-URI", value_parser = token)]
    pub hsm: Option<Pkcs11Uri>,
}

/// What can be done about signing keys.
#[derive(Debug, Subcommand)]
pub enum Key {
    /// Show which keys there are, how they are kept, and since when
    List(At),
    /// Make the key that signs credentials from now on; what the one before it signed stays good
    Rotate(KeyRotate),
    /// Take back what a key signed, because it may be in the wrong hands
    Revoke(KeyRevoke),
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("kept").args(["import", "hsm", "key_passphrase"])))]
pub struct KeyRotate {
    #[command(flatten)]
    pub at: At,
    /// Take this key, made elsewhere: a PEM or age file, or a PKCS#11 URI [default: make one, kept as the present one]
    #[arg(long, value_name = "KEY")]
    pub import: Option<PathBuf>,
    #[command(flatten)]
    pub new: NewKeys,
}

#[derive(Debug, Args)]
pub struct KeyRevoke {
    #[command(flatten)]
    pub at: At,
    /// Which key: its identifier, as `issuer key list` shows it
    #[arg(long, value_name = "ID")]
    pub key: String,
    /// Believe what it signed before this time, at which it was surely safe. Whoever copied the key can write any time,
    /// so leave this out unless it was misused without being copied [default: believe nothing]
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    pub since: Option<Timestamp>,
}

#[derive(Debug, Args)]
pub struct Enroll {
    #[command(flatten)]
    pub at: At,
    /// JSON object of attributes: id, name, dateOfBirth, sex, nationality, country, ...
    #[arg(long, value_name = "FILE")]
    pub claims: PathBuf,
    /// Photograph of the resident, JPEG or PNG
    #[arg(long, value_name = "FILE")]
    pub photo: PathBuf,
    /// A document to keep with the record, such as a scanned certificate; may be given more than once
    #[arg(long, value_name = "FILE")]
    pub document: Vec<PathBuf>,
    /// Enrol without a face template: at every checkpoint an officer compares the face
    #[arg(long)]
    pub without_face: bool,
    /// Folder with the face models
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("binding").required(true).args(["holder_key", "paper"])))]
pub struct Issue {
    #[command(flatten)]
    pub at: At,
    /// Identifier that `enroll` printed
    #[arg(long, value_name = "ID")]
    pub subject: String,
    /// What the credential is for: border, hotel, travel-ticket, bank, government-counter, age
    #[arg(long, value_name = "PURPOSE")]
    pub purpose: Purpose,
    /// Public key of the resident's phone: a file, or 64 hexadecimal digits
    #[arg(long, value_name = "PUB")]
    pub holder_key: Option<String>,
    /// Issue for paper, bound to no phone: a copy of it is as good as the original
    #[arg(long)]
    pub paper: bool,
    /// When it expires (RFC 3339) [default: what the policy of the purpose says]
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    pub expires: Option<Timestamp>,
    /// Where to write the credential
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["credential", "subject"])))]
pub struct Revoke {
    #[command(flatten)]
    pub at: At,
    /// Revoke this credential
    #[arg(long, value_name = "FILE")]
    pub credential: Option<PathBuf>,
    /// Revoke every credential of this subject
    #[arg(long, value_name = "ID")]
    pub subject: Option<String>,
    /// Of the subject, only credentials for this purpose
    #[arg(long, value_name = "PURPOSE", requires = "subject")]
    pub purpose: Option<Purpose>,
}

#[derive(Debug, Args)]
pub struct Publish {
    #[command(flatten)]
    pub at: At,
    /// Folder of the repository; files that are already there stay
    #[arg(long, value_name = "REPO")]
    pub out: PathBuf,
}

/// What a resident's phone does.
#[derive(Debug, Subcommand)]
pub enum Holder {
    /// Make the key of a phone
    Keygen {
        /// Where to write the private key; the public one goes beside it as FILE.pub
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Show a credential as a code that rotates
    Present(Present),
}

#[derive(Debug, Args)]
pub struct Present {
    /// The credential
    #[arg(long, value_name = "FILE")]
    pub credential: PathBuf,
    /// The private key that it is bound to; not needed for paper
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Whom the code is for [default: the credential's purpose]
    #[arg(long, value_name = "AUDIENCE")]
    pub aud: Option<String>,
    /// The time of the first code (RFC 3339) [default: now]
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    pub at: Option<Timestamp>,
    /// Time between codes
    #[arg(long, value_name = "SECONDS", default_value = "15s", value_parser = seconds)]
    pub every: i64,
    /// How many codes
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub frames: u16,
    /// Form of the codes [default: png for a folder, terminal for -]
    #[arg(long)]
    pub format: Option<Format>,
    /// Pixels of one module in a PNG
    #[arg(long, value_name = "PIXELS", default_value = "8", value_parser = scale)]
    pub scale: std::num::NonZero<u8>,
    /// Folder to write frames to, or - for standard output
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Forms of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Picture
    Png,
    /// Vector picture
    Svg,
    /// Blocks, for a terminal
    Terminal,
    /// The text inside the symbol
    Text,
}

#[derive(Debug, Args)]
pub struct Inspect {
    /// A picture of a code, a credential file, or the text of a code
    #[arg(value_name = "PNG|TEXT")]
    pub what: String,
}

fn token(text: &str) -> Result<Pkcs11Uri, String> {
    Pkcs11Uri::parse(text).map_err(|error| format!("{error:#}"))
}

fn scale(text: &str) -> Result<std::num::NonZero<u8>, String> {
    text.parse()
        .ok()
        .filter(|pixels: &std::num::NonZero<u8>| pixels.get() <= 32)
        .ok_or_else(|| "1 to 32 pixels".to_owned())
}

fn seconds(text: &str) -> Result<i64, String> {
    let number = text.strip_suffix('s').unwrap_or(text);
    match number.parse() {
        Ok(seconds @ 1..=86_400) => Ok(seconds),
        _ => Err("a number of seconds, such as 15s".to_owned()),
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
