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
use std::sync::mpsc::{Sender, channel};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared::credential::{Attribute, Purpose};
use shared::reason::{Answer, Reason};
use shared::time::Timestamp;

use crate::accounts::Binding;
use outbox::Outbox;

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

/// A visit that ended.
pub struct Ended<'a> {
    /// When.
    pub at: Timestamp,
    /// What it was for.
    pub purpose: &'a Purpose,
    /// How it ended.
    pub reason: Reason,
    /// The claims that the policy shows.
    pub shown: &'a Map<String, Value>,
    /// What it was for the accounts, if there are any and they answered.
    pub binding: Option<&'a Binding>,
}

/// What is sent of a visit.
#[derive(Serialize)]
struct Event<'a> {
    v: u8,
    kiosk: &'a str,
    seq: i64,
    at: Timestamp,
    #[serde(rename = "type")]
    kind: &'static str,
    purpose: &'a Purpose,
    reason: Reason,
    binding: Option<&'a Binding>,
    claims: Map<String, Value>,
}

/// The events of one kiosk.
pub struct Events {
    kiosk: String,
    claims: Vec<Attribute>,
    outbox: Outbox,
    wake: Sender<()>,
}

impl Events {
    /// Opens the outbox in a kiosk's state folder and goes on delivering what is in it. `None` where nobody is to be told.
    pub fn start(settings: &Settings, state: &Path, kiosk: &str) -> Result<Option<Self>> {
        let mut sinks: Vec<Box<dyn worker::Sink>> = Vec::new();
        if let Some(file) = &settings.file {
            sinks.push(Box::new(file::LinesFile::new(file, settings.file_megabytes, settings.files_kept)));
        }
        if let Some(url) = &settings.webhook {
            let key = settings.webhook_key_file.as_deref();
            let key = key.context("webhook_key_file is missing: messages are signed")?;
            sinks.push(Box::new(webhook::Webhook::new(
                url,
                key,
                settings.webhook_ca_file.as_deref(),
                kiosk,
            )?));
        }
        if sinks.is_empty() {
            return Ok(None);
        }
        let outbox = Outbox::open(state)?;
        let (wake, woken) = channel();
        worker::start(Outbox::open(state)?, sinks, woken)?;
        Ok(Some(Self { kiosk: kiosk.to_owned(), claims: settings.claims.clone(), outbox, wake }))
    }

    /// Writes an event down, to be delivered. When it returns, no power cut takes the event away.
    pub fn ended(&mut self, visit: &Ended<'_>) -> Result<i64> {
        let (kind, binding) = match visit.reason.answer() {
            Answer::Accepted => ("visit.accepted", visit.binding),
            Answer::Refused => ("visit.refused", None),
            Answer::Unanswered => ("visit.unanswered", None),
        };
        let mut claims = visit.shown.clone();
        let wanted = |name: &str| self.claims.iter().any(|attribute| attribute.name() == name);
        claims.retain(|name, _| kind == "visit.accepted" && wanted(name));
        let kiosk = self.kiosk.as_str();
        let seq = self.outbox.add(|seq| {
            let (at, purpose, reason) = (visit.at, visit.purpose, visit.reason);
            let event = Event { v: VERSION, kiosk, seq, at, kind, purpose, reason, binding, claims };
            Ok(serde_json::to_string(&event)?)
        })?;
        // The thread looks by itself sooner or later, if it is still there.
        let _ = self.wake.send(());
        Ok(seq)
    }

    /// Returns how many events somebody has not got yet.
    #[cfg(test)]
    pub fn waiting(&self) -> Result<u64> {
        self.outbox.waiting()
    }
}

#[cfg(test)]
mod tests;
