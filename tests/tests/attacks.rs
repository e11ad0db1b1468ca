//! What somebody who hands in a trust repository can try.

use shared::key::{Signer, SoftwareKey};
use shared::trust::{Files, IssuerKey, IssuerKeys, RepositoryKeys, TrustError, load, sign_root, update};
use tests::{ISSUER, World};

const DAY: i64 = 24 * 3600;

/// Imports with what the kiosk remembers, and returns the error.
fn refused(world: &World, repository: Files, memory: &Files) -> TrustError {
    update(repository, &world.root(), memory, world.start.plus(60))
        .map(|_| ())
        .expect_err("the repository was believed")
}

#[test]
fn an_older_repository_is_not_taken_back() {
    let world = World::default();
    let (old, new) = (world.repository(1, world.start), world.repository(2, world.start));
    let (_, snapshot) = world.import(new.clone());
    let error = refused(&world, old.clone(), &snapshot.memory);
    assert!(error.to_string().contains("rollback"), "{error}");
    // The same repository again is no harm.
    assert!(update(new, &world.root(), &snapshot.memory, world.start).is_ok());
    // Without its memory a client cannot tell: that is why a kiosk that lost it stops.
    assert!(update(old, &world.root(), &Files::new(), world.start).is_ok());
}

#[test]
fn parts_of_two_repositories_do_not_mix() {
    let world = World::default();
    let (old, new) = (world.repository(1, world.start), world.repository(2, world.start.plus(5)));
    let mut mixed = new.clone();
    mixed.insert("metadata/2.snapshot.json".into(), old["metadata/1.snapshot.json"].clone());
    refused(&world, mixed, &Files::new());
    let mut mixed = new;
    mixed.insert("metadata/2.targets.json".into(), old["metadata/1.targets.json"].clone());
    refused(&world, mixed, &Files::new());
}

#[test]
fn a_missing_file_is_refused() {
    let world = World::default();
    let repository = world.repository(1, world.start);
    for name in repository.keys().filter(|name| *name != "metadata/1.root.json") {
        let mut without = repository.clone();
        without.remove(name);
        assert!(update(without, &world.root(), &Files::new(), world.start).is_err(), "{name}");
    }
    refused(&world, Files::new(), &Files::new());
}

#[test]
fn one_root_key_of_three_is_not_enough() {
    let world = World::default();
    let keys = |n: usize| world.roles[n].public_key();
    let named = RepositoryKeys {
        root: (0..3).map(keys).collect(),
        targets: keys(3),
        snapshot: keys(4),
        timestamp: keys(5),
    };
    assert!(sign_root(&named, &[&world.roles[0]], world.start).is_err(), "our own tool does not make one");
    let once = world.root();
    let mut root: serde_json::Value = serde_json::from_slice(&once).unwrap();
    root["signatures"].as_array_mut().unwrap().truncate(1);
    let one_of_three = serde_json::to_vec(&root).unwrap();
    assert!(update(world.repository(1, world.start), &one_of_three, &Files::new(), world.start).is_err());
    // The same signature twice does not count twice.
    let first = root["signatures"][0].clone();
    root["signatures"].as_array_mut().unwrap().push(first);
    assert!(
        update(
            world.repository(1, world.start),
            &serde_json::to_vec(&root).unwrap(),
            &Files::new(),
            world.start
        )
        .is_err()
    );
}

#[test]
fn a_root_of_somebody_else_vouches_for_nothing() {
    let world = World::default();
    let stranger =
        World { roles: (50..56).map(|n| SoftwareKey::from_seed(&[n; 32])).collect(), ..World::default() };
    assert!(update(stranger.repository(1, world.start), &world.root(), &Files::new(), world.start).is_err());
}

#[test]
fn an_agency_speaks_for_its_own_issuer_only() {
    let world = World::default();
    let publish_as = |claimed: &str, delegated: &str| {
        let key = IssuerKey::new(world.issuer.public_key(), world.start);
        let keys = IssuerKeys { issuer: claimed.to_owned(), keys: vec![key] };
        let keys = Files::from([("keys.json".to_owned(), serde_json::to_vec(&keys).unwrap())]);
        world.published(delegated, &keys, &Files::new(), 1, world.start)
    };
    assert!(update(publish_as(ISSUER, ISSUER), &world.root(), &Files::new(), world.start).is_ok());
    let error = refused(&world, publish_as("https://id.neighbour.example", ISSUER), &Files::new());
    assert!(matches!(error, TrustError::Delegation { .. }), "{error}");
}

#[test]
fn a_target_is_as_long_as_was_signed() {
    let world = World::default();
    // Longer by one byte.
    let mut repository = world.repository(1, world.start);
    let name = repository.keys().find(|name| name.ends_with(".cwt")).unwrap().clone();
    repository.get_mut(&name).unwrap().push(0);
    refused(&world, repository, &Files::new());
}

#[test]
fn an_expired_repository_is_read_as_what_it_was() {
    let world = World::default();
    for days in [0, 8, 31, 100, 2000] {
        let now = world.start.plus(days * DAY);
        let (store, _) = update(world.repository(1, world.start), &world.root(), &Files::new(), now).unwrap();
        assert_eq!(store.issued(), world.start, "{days} days");
        assert_eq!(store.expires(), world.start.plus(7 * DAY));
        assert_eq!(store.issuer(ISSUER).unwrap().status_lists().len(), 1);
    }
}

#[test]
fn what_a_kiosk_kept_is_verified_again_at_every_start() {
    let world = World::default();
    let (store, snapshot) = world.import(world.repository(3, world.start));
    let again = load(&snapshot, &world.root(), world.start.plus(DAY)).unwrap();
    assert_eq!(again.versions(), store.versions());
    for name in snapshot.repository.keys() {
        let mut altered = snapshot.clone();
        let bytes = altered.repository.get_mut(name).unwrap();
        let position = bytes.iter().rposition(u8::is_ascii_alphanumeric).unwrap();
        bytes[position] = if bytes[position] == b'1' { b'2' } else { b'1' };
        let loaded = load(&altered, &world.root(), world.start);
        // Snapshot and targets metadata is in the memory too, verified again there: the altered copy is not looked at.
        let unread = name.contains("snapshot") || name.contains("targets.json");
        assert_eq!(loaded.is_ok(), unread, "{name}");
        assert!(loaded.is_err() || loaded.unwrap().versions() == store.versions());
    }
}
