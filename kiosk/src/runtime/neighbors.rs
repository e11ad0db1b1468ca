//! Whoever else has to do with a visit once it has ended: the organization's own system, and its accounts.
//!
//! What the system hears is in the outbox before the lane goes on. The accounts are asked on a thread of its own, because they
//! may be slow, and what they say is another event. Only identifiers leave the lane: no face, and no secret.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Map, Value};
use shared::credential::Purpose;
use shared::reason::{Answer, Reason};
use shared::time::Timestamp;
use shared::trust::KioskIdentity;

use crate::accounts::document::DocumentKey;
use crate::accounts::{Accounts, Visit};
use crate::events::{Events, News};
use crate::notice;
use crate::operator::OverrideReason;
use crate::session::Holder;
use crate::settings::Settings;

/// How many visits the accounts may be behind: a few minutes' worth.
const BEHIND: usize = 64;

/// How many visits wait for an officer at most; more than wait on the operator page.
const WAITING: usize = 16;

/// How long a stop waits for the accounts.
const STOPPING: Duration = Duration::from_secs(5);

/// A visit that ended.
pub struct Ended<'a> {
    /// Its row in the journal.
    pub row: u64,
    /// When.
    pub at: Timestamp,
    /// What it was for.
    pub purpose: &'a Purpose,
    /// How it ended.
    pub reason: Reason,
    /// The claims that the policy shows.
    pub shown: &'a Map<String, Value>,
    /// Whose it was, if the code was good.
    pub holder: Option<&'a Holder>,
    /// Who this kiosk is, as its agency signed it.
    pub kiosk: Option<&'a KioskIdentity>,
    /// An officer may decide otherwise.
    pub waits: bool,
}

/// An officer's decision.
pub struct Decided<'a> {
    /// The row of the visit.
    pub row: u64,
    /// When.
    pub at: Timestamp,
    /// What the visit was for.
    pub purpose: &'a Purpose,
    /// What the officer did.
    pub reason: OverrideReason,
}

/// The line to them.
pub struct Neighbors {
    events: Option<Events>,
    accounts: Option<Line>,
    /// Visits that an officer may decide about, oldest first.
    waiting: VecDeque<Waiting>,
}

/// The line to the accounts.
struct Line {
    visits: SyncSender<Question>,
    document_key: Option<DocumentKey>,
    /// Closed when the thread has ended.
    ended: Receiver<()>,
}

/// Whose was this visit?
struct Question {
    row: u64,
    purpose: Purpose,
    visit: Visit,
}

/// What is kept of a visit for an officer's decision.
struct Waiting {
    row: u64,
    visit: Option<Visit>,
    /// Those that are sent.
    claims: Map<String, Value>,
}

impl Neighbors {
    /// Opens what the settings name. `None` where nobody is to be told.
    ///
    /// # Errors
    /// A directory or an outbox that cannot be opened.
    pub fn start(settings: &Settings, state: &Path, machine: &str) -> Result<Option<Self>> {
        let events = Events::start(settings.events.as_ref(), state, machine).context("[events]")?;
        let accounts = settings.accounts.as_ref().map(|settings| Line::start(settings, events.as_ref()));
        let accounts = accounts.transpose().context("[accounts]")?;
        if accounts.is_none() && events.is_none() {
            return Ok(None);
        }
        Ok(Some(Self { events, accounts, waiting: VecDeque::new() }))
    }

    /// Tells of a visit. Waits for the outbox's disk and for nothing else.
    pub fn ended(&mut self, ended: &Ended<'_>) {
        let Ended { row, purpose, reason, .. } = *ended;
        self.tell(ended.at, News::Ended { visit: row, purpose, reason, claims: ended.shown.clone() });
        if reason.answer() == Answer::Accepted {
            if let Some(visit) = self.visit(ended) {
                self.ask(row, purpose, visit);
            }
        } else if ended.waits {
            let mut claims = ended.shown.clone();
            match &self.events {
                Some(events) => events.sift(&mut claims),
                None => claims.clear(),
            }
            self.waiting.push_back(Waiting { row, visit: self.visit(ended), claims });
            if self.waiting.len() > WAITING {
                self.waiting.pop_front();
            }
        }
    }

    /// Tells what an officer decided about a visit. Whoever's face the officer compared is looked up; a visitor who was let in
    /// for another reason need not be the code's holder.
    pub fn decided(&mut self, decided: &Decided<'_>) {
        let Decided { row, at, purpose, reason: officer } = *decided;
        let place = self.waiting.iter().position(|visit| visit.row == row);
        let waited = place.and_then(|place| self.waiting.remove(place));
        let (visit, claims) =
            waited.map_or_else(|| (None, Map::new()), |waited| (waited.visit, waited.claims));
        self.tell(at, News::Decided { visit: row, purpose, officer, claims });
        if officer == OverrideReason::FaceCompared
            && let Some(visit) = visit
        {
            self.ask(row, purpose, Visit { assurance: "officer", at, ..visit });
        }
    }

    /// Forgets visits that wait no longer.
    pub fn keep(&mut self, waits: impl Fn(u64) -> bool) {
        self.waiting.retain(|visit| waits(visit.row));
    }

    fn visit(&self, ended: &Ended<'_>) -> Option<Visit> {
        let document_key = self.accounts.as_ref()?.document_key.as_ref();
        Visit::of(&ended.holder?.verified, ended.kiosk?, document_key, ended.at)
    }

    fn ask(&mut self, row: u64, purpose: &Purpose, visit: Visit) {
        let Some(accounts) = &self.accounts else { return };
        let at = visit.at;
        if accounts.visits.try_send(Question { row, purpose: purpose.clone(), visit }).is_err() {
            notice("the accounts are too far behind and do not hear of a visit");
            self.tell(at, News::Account { visit: row, purpose, binding: None });
        }
    }

    fn tell(&mut self, at: Timestamp, news: News<'_>) {
        if let Some(Err(error)) = self.events.as_mut().map(|events| events.tell(at, news)) {
            notice(&format!("an event was lost: {error:#}"));
        }
    }
}

impl Drop for Neighbors {
    /// Lets the accounts hear of the last visits, for a while.
    fn drop(&mut self) {
        if let Some(Line { visits, ended, .. }) = self.accounts.take() {
            drop(visits);
            if ended.recv_timeout(STOPPING) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                notice("the accounts do not answer and did not hear of the last visits");
            }
        }
    }
}

impl Line {
    fn start(settings: &crate::accounts::Settings, events: Option<&Events>) -> Result<Self> {
        let mut accounts = Accounts::open(settings)?;
        let document_key = accounts.take_document_key();
        let mut events = events.map(Events::again).transpose()?;
        let (visits, questions) = sync_channel(BEHIND);
        let (end, ended) = channel();
        let work = move || {
            while let Ok(question) = questions.recv() {
                look_up(&mut accounts, events.as_mut(), &question);
            }
            drop(end);
        };
        thread::Builder::new().name("accounts".to_owned()).spawn(work)?;
        Ok(Self { visits, document_key, ended })
    }
}

fn look_up(accounts: &mut Accounts, events: Option<&mut Events>, question: &Question) {
    let Question { row, purpose, visit } = question;
    let binding = accounts.visit(visit);
    if let Err(error) = &binding {
        notice(&format!("the accounts do not know of a visit: {error:#}"));
    }
    let news = News::Account { visit: *row, purpose, binding: binding.as_ref().ok() };
    if let Some(Err(error)) = events.map(|events| events.tell(visit.at, news)) {
        notice(&format!("an event was lost: {error:#}"));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::TcpListener;

    use ::tests::{Seen, World, border};
    use shared::credential::{Checkpoint, HiddenSecret, Statement, prepare_with_secret, present_encrypted};
    use shared::encryption::DecryptionKey;
    use shared::key::{KeyId, Signer};
    use shared::pairwise::{PairwiseSecret, RelyingParty};
    use shared::qr::payload::{self, Payload};
    use shared::trust::FaceRule;
    use tempfile::TempDir;

    use super::*;
    use crate::accounts;

    const MACHINE: &str = "0123456789abcdef";

    /// A guest with a good code at a hotel's kiosk.
    struct Hotel {
        folder: TempDir,
        kiosk: KioskIdentity,
        world: World,
        guest: Holder,
    }

    impl Hotel {
        fn new(face: FaceRule) -> Self {
            let party = RelyingParty::new("grand.example", "lisboa").unwrap();
            let kiosk = KioskIdentity::new(KeyId([1; 8]), "desk", party).unwrap();
            let mut world = World::default();
            world.policy.face = face;
            let sector = DecryptionKey::from_seed(&[7; 32]).unwrap();
            let hidden =
                HiddenSecret { secret: PairwiseSecret::from_slice(&[1; 32]).unwrap(), salt: [2; 16] };
            let id = world.issuer.public_key().id();
            let credential = prepare_with_secret(&world.claims(), &[], Some(&hidden), id).unwrap();
            let credential = credential.sign(&world.issuer).unwrap();
            let statement = Statement { audience: "border", nonce: None, now: world.start };
            let to = sector.public_key().unwrap();
            let message = present_encrypted(&credential, &world.holder, &statement, &to, &[3; 32]).unwrap();
            let (purpose, trust, keys) = (border(), world.trust(), [sector]);
            let checkpoint = Checkpoint { purpose: &purpose, trust: &trust, keys: &keys, challenge: None };
            let text = payload::encode(&Payload::Encrypted(message));
            let verified = checkpoint.verify(&text, world.start, &mut Seen::default()).unwrap();
            let guest = Holder { verified, claims: Map::new(), challenge: None };
            Self { folder: tempfile::tempdir().unwrap(), kiosk, world, guest }
        }

        /// The accounts in this store, and events in a file.
        fn neighbors(&self, store: &str) -> Neighbors {
            let settings = format!(
                "[accounts]\nstore = \"{store}\"\n[events]\nfile = \"{}\"\nclaims = [\"name\"]\n",
                self.folder.path().join("events.ndjson").display()
            );
            let file = self.folder.path().join("lane.toml");
            fs::write(&file, settings).unwrap();
            let settings = Settings::read(Some(&file)).unwrap();
            Neighbors::start(&settings, self.folder.path(), MACHINE).unwrap().unwrap()
        }

        /// A directory of its own, made.
        fn store(&self) -> String {
            let store = self.folder.path().join("accounts.sqlite").to_str().unwrap().to_owned();
            let settings =
                accounts::Settings { store: store.clone(), password_file: None, document_key_file: None };
            Accounts::create(&settings, "grand.example").unwrap();
            store
        }

        fn visit(&self, neighbors: &mut Neighbors, row: u64, reason: Reason) {
            let Value::Object(shown) = serde_json::json!({ "name": "CANARY", "id": "XA-1" }) else {
                unreachable!()
            };
            neighbors.ended(&Ended {
                row,
                at: self.world.start,
                purpose: &border(),
                reason,
                shown: &shown,
                holder: Some(&self.guest),
                kiosk: Some(&self.kiosk),
                waits: reason.answer() != Answer::Accepted,
            });
        }

        fn decide(&self, neighbors: &mut Neighbors, row: u64, reason: OverrideReason) {
            neighbors.decided(&Decided { row, at: self.world.start.plus(60), purpose: &border(), reason });
        }

        fn events(&self) -> Vec<Value> {
            let text = fs::read_to_string(self.folder.path().join("events.ndjson")).unwrap_or_default();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        }

        /// What was sent: the type of each, and the row of its visit.
        fn told(&self) -> Vec<(String, u64)> {
            let told = |event: &Value| {
                (event["type"].as_str().unwrap().to_owned(), event["visit"].as_u64().unwrap())
            };
            self.events().iter().map(told).collect()
        }
    }

    fn named(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
        expected.iter().map(|(kind, row)| ((*kind).to_owned(), *row)).collect()
    }

    #[test]
    fn a_clean_stop_loses_neither_events_nor_accounts() {
        let hotel = Hotel::new(FaceRule::Required);
        let mut neighbors = hotel.neighbors(&hotel.store());
        hotel.visit(&mut neighbors, 7, Reason::Accepted);
        hotel.visit(&mut neighbors, 8, Reason::FaceNonMatch);
        hotel.visit(&mut neighbors, 9, Reason::Accepted);
        drop(neighbors);
        let told = hotel.told();
        let of =
            |row| told.iter().filter(|(_, of)| *of == row).map(|(kind, _)| kind.as_str()).collect::<Vec<_>>();
        assert_eq!(of(7), ["visit.accepted", "account.bound"]);
        assert_eq!(of(8), ["visit.refused"]);
        assert_eq!(of(9), ["visit.accepted", "account.bound"]);
        let events = hotel.events();
        let bindings: Vec<&Value> =
            events.iter().map(|event| &event["binding"]).filter(|it| !it.is_null()).collect();
        assert_eq!(
            (&bindings[0]["outcome"], &bindings[1]["outcome"]),
            (&"created".into(), &"matched".into())
        );
        assert_eq!(bindings[0]["assurance"], "face");
        assert_eq!(bindings[0]["account"], bindings[1]["account"]);
    }

    /// A server that takes the connection and never says a word.
    #[test]
    fn a_directory_that_hangs_holds_up_nobody_and_takes_no_event_along() {
        let hotel = Hotel::new(FaceRule::Required);
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let store = format!("postgres://kiosk@127.0.0.1:{}/accounts", silent.local_addr().unwrap().port());
        let mut neighbors = hotel.neighbors(&store);
        for row in 1..=u64::try_from(BEHIND).unwrap() + 2 {
            hotel.visit(&mut neighbors, row, Reason::Accepted);
        }
        drop(neighbors);
        let told = hotel.told();
        let count = |wanted: &str| told.iter().filter(|(kind, _)| kind == wanted).count();
        assert_eq!(count("visit.accepted"), BEHIND + 2);
        assert_eq!(count("account.bound"), 0);
        assert!(count("account.unanswered") >= 1, "whoever came when too many waited");
    }

    #[test]
    fn an_outbox_that_cannot_be_written_holds_up_nobody() {
        let hotel = Hotel::new(FaceRule::Required);
        let mut neighbors = hotel.neighbors(&hotel.store());
        let outbox = rusqlite::Connection::open(hotel.folder.path().join("events.sqlite")).unwrap();
        outbox.execute_batch("BEGIN IMMEDIATE").unwrap();
        hotel.visit(&mut neighbors, 1, Reason::FaceNonMatch);
        outbox.execute_batch("ROLLBACK").unwrap();
        hotel.visit(&mut neighbors, 2, Reason::FaceNonMatch);
        drop(neighbors);
        assert_eq!(hotel.told(), named(&[("visit.refused", 2)]));
    }

    #[test]
    fn whom_an_officer_compared_and_let_in_is_looked_up() {
        let hotel = Hotel::new(FaceRule::Officer);
        let mut neighbors = hotel.neighbors(&hotel.store());
        for row in 1..=5 {
            hotel.visit(&mut neighbors, row, Reason::FaceOfficer);
        }
        hotel.decide(&mut neighbors, 1, OverrideReason::FaceCompared);
        hotel.decide(&mut neighbors, 2, OverrideReason::DocumentChecked);
        hotel.decide(&mut neighbors, 3, OverrideReason::NotTheHolder);
        hotel.decide(&mut neighbors, 1, OverrideReason::FaceCompared);
        neighbors.keep(|row| row != 4);
        hotel.decide(&mut neighbors, 4, OverrideReason::FaceCompared);
        assert_eq!(neighbors.waiting.len(), 1, "the fifth");
        drop(neighbors);
        let events = hotel.events();
        let mut told = hotel.told();
        assert_eq!(
            told.drain(..5).collect::<Vec<_>>(),
            named(&[1, 2, 3, 4, 5].map(|row| ("visit.unanswered", row)))
        );
        let bound = told.iter().position(|(kind, _)| kind == "account.bound").unwrap();
        assert_eq!(told.remove(bound).1, 1);
        assert_eq!(
            told,
            named(&[
                ("visit.admitted", 1),
                ("visit.admitted", 2),
                ("visit.not-admitted", 3),
                ("visit.admitted", 1),
                ("visit.admitted", 4),
            ]),
        );
        let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
        assert_eq!(of("account.bound")[0]["binding"]["assurance"], "officer");
        assert_eq!(of("visit.admitted")[0]["officer"], "face-compared");
        assert_eq!(of("visit.admitted")[0]["claims"], serde_json::json!({ "name": "CANARY" }));
        assert_eq!(of("visit.not-admitted")[0]["claims"], serde_json::json!({}));
        assert!(of("visit.unanswered").iter().all(|event| event["claims"] == serde_json::json!({})));
    }

    #[test]
    fn few_wait_and_the_oldest_goes() {
        let hotel = Hotel::new(FaceRule::Officer);
        let mut neighbors = hotel.neighbors(&hotel.store());
        for row in 1..=20 {
            hotel.visit(&mut neighbors, row, Reason::FaceOfficer);
        }
        assert_eq!((neighbors.waiting.len(), neighbors.waiting[0].row), (WAITING, 5));
        assert_eq!(neighbors.waiting[0].claims.len(), 1, "what is sent, and no more");
    }
}
