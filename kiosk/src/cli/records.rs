//! What was written down: the journal and the accounts.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use shared::journal::CheckpointKey;
use shared::reason::Reason;

use super::Place;
use crate::accounts::directory::Kind;

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
    Unbind(KnownBy),
    /// Give back what was taken away
    Rebind(KnownBy),
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

/// What an account is known by.
#[derive(Debug, Args)]
pub struct KnownBy {
    /// The account
    pub account: String,
    /// Only what is of this kind
    #[arg(long)]
    pub kind: Option<Kind>,
    #[command(flatten)]
    pub clerk: Clerk,
    #[command(flatten)]
    pub at: AccountsAt,
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
