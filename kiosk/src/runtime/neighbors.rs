//! Whoever else has to do with a visit once it has ended: the organization's accounts, and its own system. On a thread of
//! its own, because neither may hold up the next visitor.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use anyhow::{Context, Result};
use serde_json::{Map, Value};
use shared::credential::Purpose;
use shared::reason::{Answer, Reason};
use shared::time::Timestamp;
use shared::trust::KioskIdentity;

use crate::accounts::Accounts;
use crate::accounts::worker::Worker;
use crate::events::{Ended, Events};
use crate::notice;
use crate::session::Holder;
use crate::settings::Settings;

/// How many visits may wait to be told of: a few minutes' worth.
const WAITING: usize = 64;

/// A visit that ended.
pub struct Visit {
    /// When.
    pub at: Timestamp,
    /// What it was for.
    pub purpose: Purpose,
    /// How it ended.
    pub reason: Reason,
    /// The claims that the policy shows.
    pub shown: Map<String, Value>,
    /// Whose it was, if the code was good.
    pub holder: Option<Arc<Holder>>,
    /// Who this kiosk is, as its agency signed it.
    pub kiosk: Option<KioskIdentity>,
}

/// The line to them.
pub struct Neighbors {
    visits: SyncSender<Visit>,
}

impl Neighbors {
    /// Opens what the settings name. `None` where nobody is to be told.
    ///
    /// # Errors
    /// A directory or an outbox that cannot be opened.
    pub fn start(settings: &Settings, state: &Path, machine: &str) -> Result<Option<Self>> {
        let accounts = settings.accounts.as_ref().map(|settings| Worker::start(Accounts::open(settings)?));
        let accounts = accounts.transpose().context("[accounts]")?;
        let events = settings.events.as_ref().map(|settings| Events::start(settings, state, machine));
        let events = events.transpose().context("[events]")?.flatten();
        if accounts.is_none() && events.is_none() {
            return Ok(None);
        }
        let (visits, waiting) = sync_channel(WAITING);
        thread::Builder::new()
            .name("neighbors".to_owned())
            .spawn(move || tell(accounts, events, &waiting))?;
        Ok(Some(Self { visits }))
    }

    /// Tells of a visit. Never waits.
    pub fn tell(&self, visit: Visit) {
        match self.visits.try_send(visit) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => notice("the accounts are behind: a visit was not told"),
            Err(TrySendError::Disconnected(_)) => notice("nobody is told of visits any more"),
        }
    }
}

fn tell(accounts: Option<Worker>, mut events: Option<Events>, visits: &Receiver<Visit>) {
    while let Ok(visit) = visits.recv() {
        let accepted = visit.reason.answer() == Answer::Accepted;
        let binding = match (&accounts, &visit.holder, &visit.kiosk) {
            (Some(accounts), Some(holder), Some(kiosk)) if accepted => {
                accounts.visit(&holder.verified, kiosk, visit.at).unwrap_or_else(|error| {
                    notice(&format!("the accounts do not know of a visit: {error:#}"));
                    None
                })
            }
            _ => None,
        };
        let Some(events) = &mut events else { continue };
        let Visit { at, purpose, reason, shown, .. } = &visit;
        let ended = Ended { at: *at, purpose, reason: *reason, shown, binding: binding.as_ref() };
        if let Err(error) = events.ended(&ended) {
            notice(&format!("an event was lost: {error:#}"));
        }
    }
}
