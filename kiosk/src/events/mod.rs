//! What an organization's own system hears of the visits: lines in a file, and signed messages to a web address.
//!
//! An event is written to an outbox first, synced, and numbered; a thread of its own delivers it, in order, until whoever it
//! is for has it. A lane never waits for anybody but its own disk.

mod file;
mod outbox;
mod webhook;
mod worker;

use std::num::{NonZeroU8, NonZeroU32};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::credential::{Attribute, Purpose};
use shared::reason::{Answer, Reason};
use shared::time::Timestamp;

use crate::accounts::directory::AccountId;
use crate::accounts::{self, Binding};
use crate::operator::OverrideReason;
use outbox::Outbox;
use worker::{Sink, Worker};

/// The version of what is sent: another number where something that is there means something else.
const VERSION: u8 = 1;

/// `[events]` of a settings file. With neither a file nor a webhook nothing is kept.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A file that gets a line for every event.
    pub file: Option<PathBuf>,
    /// How large the file gets before a new one is begun, in megabytes [default: 16].
    #[serde(default = "megabytes")]
    pub file_megabytes: NonZeroU32,
    /// How many full files are kept beside it [default: 8].
    #[serde(default = "files")]
    pub files_kept: NonZeroU8,
    /// Where events are posted to: `https://…`, or `http://…` on this machine.
    pub webhook: Option<String>,
    /// A file with the key that messages are signed with: `whsec_` and the Base64 of 24 to 64 bytes.
    pub webhook_key_file: Option<PathBuf>,
    /// A file with the certificates (PEM) that the receiver's is checked with, in place of the public ones.
    pub webhook_ca_file: Option<PathBuf>,
    /// Which of the claims that the purpose's policy shows go along with accepted visits [default: none].
    #[serde(default)]
    pub claims: Vec<Attribute>,
}

fn megabytes() -> NonZeroU32 {
    NonZeroU32::new(16).expect("not zero")
}

fn files() -> NonZeroU8 {
    NonZeroU8::new(8).expect("not zero")
}

/// What is sent of something that happened.
#[derive(Serialize)]
#[serde(untagged)]
pub enum News<'a> {
    /// A visit ended.
    Ended {
        /// The row of the kiosk's journal.
        visit: u64,
        /// What it was for.
        purpose: &'a Purpose,
        /// How it ended.
        reason: Reason,
        /// The claims that the policy shows.
        claims: Map<String, Value>,
    },
    /// An officer decided about a visit that had waited for that.
    Decided {
        /// The row of the visit, not of the officer's decision.
        visit: u64,
        /// What it was for.
        purpose: &'a Purpose,
        /// What the officer did.
        officer: OverrideReason,
        /// The claims that the policy shows.
        claims: Map<String, Value>,
    },
    /// The accounts were asked whose a visit was.
    Account {
        /// The row of the visit.
        visit: u64,
        /// What it was for.
        purpose: &'a Purpose,
        /// What they say, if they answered.
        binding: Option<&'a Binding>,
    },
    /// People at the desk said whose a visit was.
    Answered {
        /// The number that the question had.
        question: i64,
        /// Whose it is.
        account: &'a AccountId,
        /// What the service knows the visitor by.
        openid: &'a str,
        /// What the organization knows the visitor by.
        unionid: &'a str,
    },
}

impl News<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Ended { reason, .. } => match reason.answer() {
                Answer::Accepted => "visit.accepted",
                Answer::Refused => "visit.refused",
                Answer::Unanswered => "visit.unanswered",
            },
            Self::Decided { officer, .. } if officer.admits() => "visit.admitted",
            Self::Decided { .. } => "visit.not-admitted",
            Self::Account { binding: None, .. } => "account.unanswered",
            Self::Account { binding: Some(binding), .. } => match binding.outcome {
                accounts::Outcome::Choose | accounts::Outcome::Conflict => "account.asked",
                _ => "account.bound",
            },
            Self::Answered { .. } => "account.answered",
        }
    }
}

#[derive(Serialize)]
struct Event<'a> {
    v: u8,
    kiosk: &'a str,
    seq: i64,
    at: Timestamp,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    news: News<'a>,
}

/// The events of one kiosk.
pub struct Events {
    kiosk: String,
    claims: Vec<Attribute>,
    folder: PathBuf,
    outbox: Outbox,
    /// Who delivers them; nobody where another process does.
    worker: Option<Worker>,
}

impl Events {
    /// Opens the outbox in a kiosk's state folder and goes on delivering what is in it. `None` where nobody is to be told;
    /// what had waited for somebody is overwritten then.
    pub fn start(settings: Option<&Settings>, state: &Path, kiosk: &str) -> Result<Option<Self>> {
        let sinks = settings.map(|settings| settings.sinks(kiosk)).transpose()?.unwrap_or_default();
        if sinks.is_empty() {
            Outbox::forget(state)?;
            return Ok(None);
        }
        let worker = Worker::start(Outbox::open(state)?, sinks)?;
        let events = Self::open(settings, state, kiosk)?;
        Ok(events.map(|events| Self { worker: Some(worker), ..events }))
    }

    /// Opens the outbox of a kiosk for whoever adds to it while the lane, or its next start, delivers. `None` where nobody
    /// is to be told.
    pub fn open(settings: Option<&Settings>, state: &Path, kiosk: &str) -> Result<Option<Self>> {
        let Some(settings) =
            settings.filter(|settings| settings.file.is_some() || settings.webhook.is_some())
        else {
            return Ok(None);
        };
        let (kiosk, claims, folder) = (kiosk.to_owned(), settings.claims.clone(), state.to_owned());
        Ok(Some(Self { kiosk, claims, folder, outbox: Outbox::open(state)?, worker: None }))
    }

    /// Opens the same outbox once more, for another thread.
    pub fn again(&self) -> Result<Self> {
        Ok(Self {
            kiosk: self.kiosk.clone(),
            claims: self.claims.clone(),
            folder: self.folder.clone(),
            outbox: Outbox::open(&self.folder)?,
            worker: self.worker.as_ref().map(Worker::again),
        })
    }

    /// Writes an event down, to be delivered. When it returns, no power cut takes the event away. Claims go along where the
    /// settings name them and the visitor was let in.
    pub fn tell(&mut self, at: Timestamp, mut news: News<'_>) -> Result<i64> {
        let kind = news.kind();
        if let News::Ended { claims, .. } | News::Decided { claims, .. } = &mut news {
            match kind {
                "visit.accepted" | "visit.admitted" => self.sift(claims),
                _ => claims.clear(),
            }
        }
        let kiosk = self.kiosk.as_str();
        let seq = self
            .outbox
            .add(|seq| Ok(serde_json::to_string(&Event { v: VERSION, kiosk, seq, at, kind, news })?))?;
        if let Some(worker) = &self.worker {
            worker.wake();
        }
        Ok(seq)
    }

    /// Removes the claims that the settings do not name.
    pub fn sift(&self, claims: &mut Map<String, Value>) {
        claims.retain(|name, _| self.claims.iter().any(|attribute| attribute.name() == name));
    }

    /// Returns how many events somebody has not got yet.
    #[cfg(test)]
    pub fn waiting(&self) -> Result<u64> {
        self.outbox.waiting()
    }
}

impl Settings {
    fn sinks(&self, kiosk: &str) -> Result<Vec<Box<dyn Sink>>> {
        let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
        if let Some(file) = &self.file {
            sinks.push(Box::new(file::LinesFile::new(file, self.file_megabytes, self.files_kept)));
        }
        if let Some(url) = &self.webhook {
            let key = self.webhook_key_file.as_deref();
            let key = key.context("webhook_key_file is missing: messages are signed")?;
            sinks.push(Box::new(webhook::Webhook::new(url, key, self.webhook_ca_file.as_deref(), kiosk)?));
        }
        Ok(sinks)
    }
}

#[cfg(test)]
mod tests;
