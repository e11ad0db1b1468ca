//! What a directory of accounts is made of, and what every store of one can do.
//!
//! A store runs statements in transactions; the statements themselves are the same for all stores and are in
//! [`rows`](super::rows).

use std::fmt;
use std::time::Duration;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

/// How long a directory may take for anything: a guess, between a busy database's hiccup and a visitor's patience.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// The name of an account: the relying party's own, or drawn here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(String);

impl AccountId {
    /// Reads 1 to 64 visible ASCII characters.
    pub fn parse(text: &str) -> Result<Self> {
        if (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic()) {
            return Ok(Self(text.to_owned()));
        }
        bail!("an account's name is 1 to 64 visible ASCII characters")
    }

    /// Draws a new one.
    pub fn draw() -> Result<Self> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)
            .map_err(|error| anyhow::anyhow!("the system gave no randomness: {error}"))?;
        Ok(Self(hex::encode(random)))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A kind of thing that an account is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// What one service knows the person by.
    Openid,
    /// What the services of one organization know the person by.
    Unionid,
    /// A document, under the organization's key.
    Document,
}

impl Kind {
    /// Returns the word that stands for it in a store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Openid => "openid",
            Self::Unionid => "unionid",
            Self::Document => "document",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "openid" => Ok(Self::Openid),
            "unionid" => Ok(Self::Unionid),
            "document" => Ok(Self::Document),
            _ => bail!("the directory holds a binding of an unknown kind"),
        }
    }
}

/// Something that an account is known by, once in the directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Identifier {
    /// What it is.
    pub kind: Kind,
    /// Where it means something: a service for an openid, an organization for the others.
    pub scope: String,
    /// 64 hexadecimal digits.
    pub value: String,
}

/// Whose an identifier is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holding {
    /// This account's.
    Bound(AccountId),
    /// It was this account's until a desk took it away.
    Released(AccountId),
}

impl Holding {
    /// Returns the account that has it.
    pub fn account(&self) -> Option<&AccountId> {
        match self {
            Self::Bound(account) => Some(account),
            Self::Released(_) => None,
        }
    }

    /// Returns the account that had it.
    pub fn released(&self) -> Option<&AccountId> {
        match self {
            Self::Bound(_) => None,
            Self::Released(account) => Some(account),
        }
    }
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One transaction of a store. Parameters are `$1`, `$2` and so on; columns are numbers and texts.
pub trait Transaction {
    /// Runs a statement and returns its rows, in the order of the statement.
    fn run(&mut self, statement: &str, values: &[Value]) -> Result<Vec<Vec<Value>>>;
}

/// Work to be done in one transaction; it may be done more than once, and counts once.
pub type Work<'a> = &'a mut dyn FnMut(&mut dyn Transaction) -> Result<()>;

/// A store of accounts.
pub trait Directory: Send {
    /// Makes the tables, if they are not there.
    fn prepare(&mut self) -> Result<()>;

    /// Does work in one transaction, as if nobody else did anything at the same time. What cannot be so is begun
    /// again for as long as [`PATIENCE`] lasts. An error of the work's leaves everything as it was.
    fn within(&mut self, work: Work<'_>) -> Result<()>;
}

/// Does work that has an answer in one transaction.
pub fn within<T>(
    directory: &mut dyn Directory,
    mut work: impl FnMut(&mut dyn Transaction) -> Result<T>,
) -> Result<T> {
    let mut answer = None;
    directory.within(&mut |transaction| {
        answer = Some(work(transaction)?);
        Ok(())
    })?;
    answer.ok_or_else(|| anyhow::anyhow!("the directory did nothing"))
}

/// Another transaction was in the way: begin again.
#[derive(Debug)]
pub struct Again;

impl fmt::Display for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("others kept changing the directory; try again")
    }
}

impl std::error::Error for Again {}
