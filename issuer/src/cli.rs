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
    Revoke(Credentials),
    /// Suspend credentials until they are reinstated
    Suspend(Credentials),
    /// Let suspended credentials hold again
    Reinstate(Credentials),
    /// Write the trust repository that kiosks import
    Publish(Publish),
    /// Run a trust repository that several agencies share: root ceremony, rotation, publication
    #[command(subcommand)]
    Trust(Trust),
    /// Say which kiosks read encrypted codes, and begin new epochs of their keys; for a shared repository, in its folder
    #[command(subcommand)]
    Sector(Sector),
    /// Say for whom each kiosk works, which no kiosk's own settings can; for a shared repository, in its folder
    #[command(subcommand)]
    Kiosk(Kiosk),
    /// List, replace and revoke the agency's signing keys
    #[command(subcommand)]
    Key(Key),
    /// Make the code that tells a new kiosk whom to believe and what to be
    Provision(Provision),
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

/// How new private keys are kept; in files that only their owner can read, unless told otherwise. Both at once only where
/// there are keys for both.
#[derive(Debug, Args)]
pub struct NewKeys {
    /// Keep private keys in age files under a passphrase, which is asked for at the terminal or read from the file
    /// that GATEPASS_PASSPHRASE_FILE names
    #[arg(long)]
    pub key_passphrase: bool,
    /// Make private keys inside this token (the root keys of `issuer init`, which are carried away, stay files):
    /// pkcs11:token=NAME?module-path=LIBRARY&pin-source=file:FILE
    #[arg(long, value_name = "PKCS11-URI", value_parser = token)]
    pub hsm: Option<Pkcs11Uri>,
}

impl NewKeys {
    /// Tells whether anything was said.
    pub fn told(&self) -> bool {
        self.key_passphrase || self.hsm.is_some()
    }
}

#[derive(Debug, Args)]
pub struct Provision {
    /// The folder of the agency, or of the repository that several agencies share
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// What the lane decides for
    #[arg(long, value_name = "PURPOSE")]
    pub purpose: Purpose,
    /// The lane's name, for people
    #[arg(long, value_name = "NAME")]
    pub lane: String,
    /// Where the kiosk finds the trust repository: a folder, such as a USB stick's
    #[arg(long, value_name = "PLACE")]
    pub repository: String,
    /// Further settings of the lane (TOML), without purpose, lane, repository and state
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// Where to write the code: a picture (.png), or its text (any other name)
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
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
    /// The present key was made by a clock that ran ahead: take its dates back. What it signed by that clock is to be
    /// issued again
    #[arg(long)]
    pub clock_was_ahead: bool,
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
pub struct Credentials {
    #[command(flatten)]
    pub at: At,
    /// This credential
    #[arg(long, value_name = "FILE")]
    pub credential: Option<PathBuf>,
    /// Every credential of this subject
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

/// What the keepers of a trust repository do.
#[derive(Debug, Subcommand)]
pub enum Trust {
    /// Make a key of the root, for one of the people who hold it
    Keygen(TrustKeygen),
    /// Create a shared repository: keys that sign at every publication, and a root that nobody has signed yet
    Init(TrustInit),
    /// Add the signature of one key to a root
    Sign(TrustSign),
    /// Make the next root, with other keys for one role; it counts once it is signed
    Rotate(TrustRotate),
    /// Let an agency speak for an issuer
    AddAgency(TrustAddAgency),
    /// Take an agency's word away from the next publication on
    RemoveAgency(TrustRemoveAgency),
    /// Put together what the agencies handed in and publish it
    Publish(TrustPublish),
}

/// Which repository, and what time it is.
#[derive(Debug, Args)]
pub struct TrustAt {
    /// The repository's folder
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Act as if it were this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    pub at: Option<Timestamp>,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("kept").args(["hsm", "key_passphrase"])))]
pub struct TrustKeygen {
    /// Where to write the private key; the public one goes beside it as FILE.pub
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Make a key of ML-DSA-65 (FIPS 204) instead of Ed25519
    #[arg(long, conflicts_with = "hsm")]
    pub ml_dsa_65: bool,
    #[command(flatten)]
    pub new: NewKeys,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("kept").args(["hsm", "key_passphrase"])))]
pub struct TrustInit {
    #[command(flatten)]
    pub at: TrustAt,
    /// Public key of somebody who holds the root: a file or the text; give one for each
    #[arg(long, value_name = "PUB", required = true)]
    pub root: Vec<String>,
    /// How many of them have to sign
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub threshold: usize,
    #[command(flatten)]
    pub new: NewKeys,
}

#[derive(Debug, Args)]
pub struct TrustSign {
    /// The root to sign; it is written back with one signature more
    #[arg(value_name = "ROOT.json")]
    pub file: PathBuf,
    /// Private key of a key holder
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
}

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("kept").args(["hsm", "key_passphrase"])))]
pub struct TrustRotate {
    #[command(flatten)]
    pub at: TrustAt,
    /// Whose keys change
    #[arg(long)]
    pub role: TrustRole,
    /// A key that the role gets [default: for all but the root, a new one, kept in DIR as the present one]
    #[arg(long, value_name = "PUB", conflicts_with_all = ["hsm", "key_passphrase"])]
    pub add: Vec<String>,
    /// A key that the role loses [default: for all but the root, those it has]
    #[arg(long, value_name = "PUB")]
    pub remove: Vec<String>,
    /// How many of the role's keys have to sign [default: as many as now]
    #[arg(long, value_name = "N")]
    pub threshold: Option<usize>,
    #[command(flatten)]
    pub new: NewKeys,
}

/// Roles that the root names keys for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TrustRole {
    /// The root itself; without --add and --remove it only lasts longer
    Root,
    /// Policies, and which agencies there are
    Targets,
    /// The list of versions
    Snapshot,
    /// What is current
    Timestamp,
}

#[derive(Debug, Args)]
pub struct TrustAddAgency {
    #[command(flatten)]
    pub at: TrustAt,
    /// The agency's name in the repository
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// The issuer that it alone may speak for
    #[arg(long, value_name = "URI")]
    pub issuer: String,
    /// The agency's public key, which `issuer init` printed as its agency key: a file or the text
    #[arg(long, value_name = "PUB")]
    pub key: String,
    /// The agency is there already and has another key from now on
    #[arg(long)]
    pub replace_key: bool,
}

#[derive(Debug, Args)]
pub struct TrustRemoveAgency {
    #[command(flatten)]
    pub at: TrustAt,
    /// The agency's name in the repository
    #[arg(long, value_name = "NAME")]
    pub name: String,
}

#[derive(Debug, Args)]
pub struct TrustPublish {
    #[command(flatten)]
    pub at: TrustAt,
    /// What an agency hands in: the folder that it published to; agencies without one keep what they had
    #[arg(long, value_name = "DIR")]
    pub part: Vec<PathBuf>,
    /// Folder of the repository; files that are already there stay
    #[arg(long, value_name = "REPO")]
    pub out: PathBuf,
}

/// Kiosks that read encrypted codes.
#[derive(Debug, Subcommand)]
pub enum Sector {
    /// Let a kiosk read encrypted codes
    AddKiosk {
        #[command(flatten)]
        at: At,
        /// What people call the kiosk
        #[arg(long, value_name = "NAME")]
        name: String,
        /// Its own key, as `kiosk key` prints it
        #[arg(long, value_name = "PUB")]
        key: String,
        /// What it may read codes for; may be given more than once
        #[arg(long, value_name = "PURPOSE", required = true)]
        purpose: Vec<Purpose>,
    },
    /// Leave a kiosk out from now on, because it was stolen or is no longer in use
    RemoveKiosk {
        #[command(flatten)]
        at: At,
        /// What people call the kiosk
        #[arg(long, value_name = "NAME")]
        name: String,
    },
    /// Begin the next epoch of a purpose; prints what phones encrypt to
    Rotate {
        #[command(flatten)]
        at: At,
        /// Whose codes are encrypted
        #[arg(long, value_name = "PURPOSE")]
        purpose: Purpose,
        /// A file with an AES key in hexadecimal that machines of another Claim 169 scheme share
        #[arg(long, value_name = "FILE")]
        shared: Option<PathBuf>,
        /// The present epoch was begun by a clock that ran ahead: take its date back
        #[arg(long)]
        clock_was_ahead: bool,
    },
    /// Show kiosks and epochs
    List {
        #[command(flatten)]
        at: At,
    },
}

/// For whom kiosks work: what the identifiers that they know residents by are derived from.
#[derive(Debug, Subcommand)]
pub enum Kiosk {
    /// Say for whom a kiosk works
    Add {
        #[command(flatten)]
        at: At,
        /// What people call the kiosk [default: the service]
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Its own key, as `kiosk key` prints it
        #[arg(long, value_name = "PUB")]
        key: String,
        /// The organization: a-z, 0-9, - and dots, such as grand.example; its services share a unionid
        #[arg(long, value_name = "NAME", alias = "organisation")]
        organization: String,
        /// The service in it: a-z, 0-9 and -, such as lisboa; the openid is its alone
        #[arg(long, value_name = "LABEL")]
        service: String,
    },
    /// Let a kiosk work for nobody from now on
    Remove {
        #[command(flatten)]
        at: At,
        /// What people call the kiosk
        #[arg(long, value_name = "NAME")]
        name: String,
    },
    /// Show the kiosks and for whom they work
    List {
        #[command(flatten)]
        at: At,
    },
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
    /// Answer the code that a kiosk shows: a picture of it, or its text
    #[arg(long, value_name = "PNG|TEXT")]
    pub challenge: Option<String>,
    /// Show the groups with these numbers, from 0, of what may be kept back [default: none]
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub disclose: Vec<usize>,
    /// Countersign the credential instead of wrapping it, so that other readers of Claim 169 read it too
    #[arg(long)]
    pub countersign: bool,
    /// Encrypt to this key of the sector: a file, or 64 hexadecimal digits
    #[arg(long, value_name = "PUB")]
    pub encrypt_to: Option<String>,
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
    use clap::error::ErrorKind;
    use clap::{CommandFactory, Parser};

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Nobody is asked for a passphrase that protects nothing.
    #[test]
    fn a_token_and_a_passphrase_are_asked_for_together_where_there_are_keys_for_both() {
        let refused = |command: &str| {
            let both = ["--key-passphrase", "--hsm", "pkcs11:token=T?module-path=/nowhere.so"];
            Cli::try_parse_from(command.split(' ').chain(both)).err().map(|error| error.kind())
        };
        assert_eq!(refused("issuer init --dir A --iss https://id.example"), None, "the root keys stay files");
        for command in [
            "issuer key rotate --dir A",
            "issuer trust keygen --out K",
            "issuer trust init --dir T --root K.pub",
            "issuer trust rotate --dir T --role targets",
        ] {
            assert_eq!(refused(command), Some(ErrorKind::ArgumentConflict), "{command}");
        }
    }
}
