//! The same scenarios on both stores. PostgreSQL runs as a private cluster in a temporary folder.

mod cluster;
mod scenarios;

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use ::tests::{Seen, World, border};
use shared::credential::{
    Checkpoint, HiddenSecret, Statement, disclose_only, prepare_with_secret, present_encrypted,
};
use shared::encryption::DecryptionKey;
use shared::key::{KeyId, Signer};
use shared::pairwise::PairwiseSecret;
use shared::qr::payload;

use super::desk::{Choice, Clerk, Resolution};
use super::*;
use cluster::Cluster;
use scenarios::*;

type Scenario = fn(&Settings);

const SCENARIOS: &[(&str, Scenario)] = &[
    ("quadrants", quadrants),
    ("documents", documents),
    ("conflict", conflict),
    ("overtaken", overtaken),
    ("released", released),
    ("erased", erased),
    ("at_once", at_once),
    ("append_only", append_only),
    ("others", others),
];

#[test]
fn sqlite_does_what_is_asked() {
    for (name, scenario) in SCENARIOS {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join(format!("{name}.sqlite")).to_str().unwrap().to_owned();
        let document_key_file = Some(folder.path().join("document.key"));
        scenario(&Settings { store, password_file: None, document_key_file });
    }
}

#[test]
fn postgresql_does_what_is_asked() {
    let Some(cluster) = Cluster::start() else { return };
    for (name, scenario) in SCENARIOS {
        scenario(&cluster.database(name));
    }
}

/// The connection is gone when the next visitor comes, and nobody is lost by it.
#[test]
fn a_server_that_was_restarted_costs_no_visit() {
    let Some(mut cluster) = Cluster::start() else { return };
    let settings = cluster.database("restarted");
    let mut accounts = create(&settings);
    let known = accounts.visit(&visit(1)).unwrap().account;
    // Thrown out by the server.
    let mut other = Accounts::open(&settings).unwrap();
    within(other.directory.as_mut(), |transaction| {
        let query = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                     WHERE datname = 'restarted' AND pid <> pg_backend_pid()";
        transaction.run(query, &[])
    })
    .unwrap();
    assert_eq!(accounts.visit(&visit(1)).unwrap().account, known);
    cluster.restart();
    assert_eq!(accounts.visit(&visit(1)).unwrap().account, known);
    cluster.stop();
    accounts.visit(&visit(1)).unwrap_err();
    cluster.launch();
    assert_eq!(accounts.visit(&visit(1)).unwrap().account, known);
}

/// Whoever reads events from the last number that they have misses none: numbers appear in their order.
#[test]
fn events_appear_in_the_order_of_their_numbers() {
    let Some(cluster) = Cluster::start() else { return };
    let settings = cluster.database("ordered");
    let (mut accounts, mut reader) = (create(&settings), Accounts::open(&settings).unwrap());
    let mut other = None;
    within(accounts.directory.as_mut(), |transaction| {
        Rows(transaction).create(&account("first"), None, &clerk_actor())?;
        let settings = settings.clone();
        let second = thread::spawn(move || {
            within(Accounts::open(&settings).unwrap().directory.as_mut(), |transaction| {
                Rows(transaction).create(&account("second"), None, &clerk_actor())
            })
            .unwrap();
        });
        let waits = |reader: &mut Accounts| {
            let query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
            let rows = within(reader.directory.as_mut(), |transaction| transaction.run(query, &[])).unwrap();
            rows[0][0] != directory::Value::Number(0)
        };
        while !second.is_finished() && !waits(&mut reader) {
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(reader.events(0).unwrap(), [], "the second waits for the first");
        other = Some(second);
        Ok(())
    })
    .unwrap();
    other.unwrap().join().unwrap();
    let events = reader.events(0).unwrap();
    let order: Vec<&str> = events.iter().map(|event| event.account.as_ref().unwrap().as_str()).collect();
    assert_eq!(order, ["first", "second"]);
}

/// From the text of a code to an account, as a lane does it.
#[test]
fn a_verified_code_becomes_a_visit() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("accounts.sqlite").to_str().unwrap().to_owned();
    let document_key_file = Some(folder.path().join("document.key"));
    let settings = Settings { store, password_file: None, document_key_file };
    let mut accounts = create(&settings);
    let document_key = accounts.take_document_key();
    let party = RelyingParty::new("grand.example", "lisboa").unwrap();
    let kiosk = KioskIdentity::new(KeyId([1; 8]), "desk", party.clone()).unwrap();
    let mut world = World::default();
    let sector = DecryptionKey::from_seed(&[7; 32]).unwrap();
    let hidden = HiddenSecret { secret: PairwiseSecret::from_slice(&[1; 32]).unwrap(), salt: [2; 16] };
    let id = world.issuer.public_key().id();
    let prepared = prepare_with_secret(&world.claims(), &[], Some(&hidden), id).unwrap();
    let credential = prepared.sign(&world.issuer).unwrap();
    let verified = |world: &World, text: &str| {
        let (purpose, trust) = (border(), world.trust());
        let keys = [sector.clone()];
        let checkpoint = Checkpoint { purpose: &purpose, trust: &trust, keys: &keys, challenge: None };
        checkpoint.verify(text, world.start, &mut Seen::default()).unwrap()
    };
    let statement = Statement { audience: "border", nonce: None, now: world.start };
    let to = sector.public_key().unwrap();
    let message = present_encrypted(&credential, &world.holder, &statement, &to, &[3; 32]).unwrap();
    let told = payload::encode(&payload::Payload::Encrypted(message));
    let mut visit = |world: &World, text: &str| {
        let visit = Visit::of(&verified(world, text), &kiosk, document_key.as_ref(), world.start);
        visit.map(|visit| accounts.visit(&visit).unwrap())
    };

    let first = visit(&world, &told).unwrap();
    assert_eq!(first.outcome, Outcome::Created);
    assert_eq!(first.openid, hidden.secret.identifiers(&party).openid);
    let second = visit(&world, &told).unwrap();
    assert_eq!((second.outcome, second.account), (Outcome::Matched, first.account.clone()));
    let mut accounts = Accounts::open(&settings).unwrap();
    let kinds = accounts.show(&first.account.unwrap()).unwrap();
    let kinds: Vec<Kind> = kinds.into_iter().map(|binding| binding.identifier.kind).collect();
    assert_eq!(kinds, [Kind::Document, Kind::Openid, Kind::Unionid]);

    let plain = world.code(&disclose_only(&credential, &[]).unwrap(), world.start);
    assert_eq!(visit(&world, &plain), None, "it tells nothing");
    world.policy.face = FaceRule::NotUsed;
    assert_eq!(visit(&world, &told), None, "a code alone binds nothing");
}

/// A server that is not there is an error, soon.
#[test]
fn a_server_that_is_away_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("postgres:///accounts?host={}", folder.path().display());
    let settings = Settings { store, password_file: None, document_key_file: None };
    let error = Accounts::open(&settings).unwrap().visit(&visit(1)).unwrap_err();
    assert!(format!("{error:#}").contains("PostgreSQL"), "{error:#}");
    let error = Accounts::open(&Settings { store: "/nowhere/x.sqlite".into(), ..settings }).err().unwrap();
    assert!(error.to_string().contains("kiosk accounts init"), "{error}");
}

/// One that takes the connection and says nothing holds nobody for ever, and is found when it speaks.
#[test]
fn a_server_that_says_nothing_is_not_waited_for() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let store = format!("postgres://kiosk@127.0.0.1:{}/accounts", silent.local_addr().unwrap().port());
    let settings = Settings { store, password_file: None, document_key_file: None };
    let mut accounts = Accounts::open(&settings).unwrap();
    for _ in 0..2 {
        let error = format!("{:#}", accounts.visit(&visit(1)).unwrap_err());
        assert!(error.contains("does not answer"), "{error}");
    }
    silent.set_nonblocking(true).unwrap();
    let first = silent.accept().unwrap();
    assert!(silent.accept().is_err(), "it was tried once");
    drop((first, silent));
    let error = format!("{:#}", accounts.visit(&visit(1)).unwrap_err());
    assert!(!error.contains("does not answer"), "{error}");
}

/// The visit of a person at the first service of the chain.
pub(super) fn visit(person: u8) -> Visit {
    visit_at(person, "grand.example", "lisboa")
}
