//! The trust repository from the inside: limits, versions of single roles, changed roots, lost memory.
//!
//! `attacks.rs` has what a stranger can try; here some signing keys are in the wrong hands, too.

mod agencies;
mod roots;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use shared::credential::verify;
use shared::key::{PublicKey, Signer, SoftwareKey};
use shared::reason::Reason;
use shared::time::Timestamp;
use shared::trust::{
    Files, Freshness, IssuerKey, IssuerKeys, SourceError, TopLevelVersions, TrustError, TrustSource,
    TrustStore, load, update,
};
use tests::{ISSUER, Seen, World, border, python_tuf, third_party_python};

use crate::roots::SecondRoot;

const DAY: i64 = 24 * 3600;
/// The largest target that is read.
const MAX_TARGET: u64 = 4 << 20;

fn key(seed: u8) -> SoftwareKey {
    SoftwareKey::from_seed(&[seed; 32])
}

fn own_targets(world: &World) -> Files {
    let keys = IssuerKeys {
        issuer: ISSUER.to_owned(),
        keys: vec![IssuerKey::new(world.issuer.public_key(), world.start)],
    };
    Files::from([("keys.json".to_owned(), serde_json::to_vec(&keys).unwrap())])
}

fn import(world: &World, repository: Files, memory: &Files) -> Result<TrustStore, TrustError> {
    update(repository, &world.root(), memory, world.start.plus(60)).map(|(store, _)| store)
}

/// Everything a store says, so that two can be compared.
fn says(store: &TrustStore) -> String {
    format!("{store:?}")
}

/// The identifier that a root gives to a key.
fn key_id(root: &[u8], key: &PublicKey) -> String {
    let root: Json = serde_json::from_slice(root).unwrap();
    let keys = root["signed"]["keys"].as_object().unwrap();
    keys.iter()
        .find(|(_, value)| value["keyval"]["public"] == key.to_string())
        .expect("a key of this root")
        .0
        .clone()
}

/// Changes a signed document and signs it again under these key identifiers. Our metadata is so plain that
/// what `serde_json` writes, compact and in the order of its keys, is the canonical form.
fn resign(metadata: &[u8], signers: &[(String, &SoftwareKey)], change: impl FnOnce(&mut Json)) -> Vec<u8> {
    let mut document: Json = serde_json::from_slice(metadata).unwrap();
    change(&mut document["signed"]);
    let message = serde_json::to_vec(&document["signed"]).unwrap();
    let sign = |signer: &SoftwareKey| hex::encode(signer.sign(&message).unwrap());
    let signatures: Vec<Json> =
        signers.iter().map(|(id, signer)| json!({ "keyid": id, "sig": sign(signer) })).collect();
    document["signatures"] = signatures.into();
    serde_json::to_vec(&document).unwrap()
}

/// Changes the agency's own metadata and signs all that leads to it again.
fn with_agency_metadata(world: &World, mut repository: Files, change: impl FnOnce(&mut Json)) -> Files {
    let root = world.root();
    let signer = |n: usize| (key_id(&root, &world.roles[n].public_key()), &world.roles[n]);
    let targets: Json = serde_json::from_slice(&repository["metadata/1.targets.json"]).unwrap();
    let agency = targets["signed"]["delegations"]["roles"][0]["keyids"][0].as_str().unwrap().to_owned();
    let mut again = |name: &str, signer: (String, &SoftwareKey), change: &mut dyn FnMut(&mut Json)| {
        let changed = resign(&repository[name], &[signer], change);
        repository.insert(name.to_owned(), changed);
    };
    let mut change = Some(change);
    again("metadata/1.xa.json", (agency, &world.agency), &mut |signed| change.take().unwrap()(signed));
    // Lengths and hashes are optional in both.
    again("metadata/1.snapshot.json", signer(4), &mut |signed| {
        signed["meta"]["xa.json"] = json!({ "version": 1 });
    });
    again("metadata/timestamp.json", signer(5), &mut |signed| {
        signed["meta"]["snapshot.json"] = json!({ "version": 1 });
    });
    repository
}

/// Hands out files, notes what was asked for, and pads one file beyond the limit, which it may not.
#[derive(Clone)]
struct Source {
    files: Files,
    too_long: Option<String>,
    asked: Arc<Mutex<Vec<(String, u64)>>>,
}

impl Source {
    fn new(files: Files, too_long: Option<&str>) -> Self {
        Self { files, too_long: too_long.map(str::to_owned), asked: Arc::default() }
    }

    fn read(&self, name: String, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        let mut bytes = self.files.get(&name).cloned();
        if let Some(bytes) = bytes.as_mut().filter(|_| self.too_long.as_ref() == Some(&name)) {
            bytes.resize(limit as usize + 1, b' ');
        }
        self.asked.lock().unwrap().push((name, limit));
        Ok(bytes)
    }
}

impl TrustSource for Source {
    fn metadata(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        self.read(format!("metadata/{name}"), limit)
    }

    fn target(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        self.read(format!("targets/{path}"), limit)
    }
}

#[test]
fn every_file_is_asked_for_with_a_limit() {
    let world = World::default();
    let files = world.repository(1, world.start);
    let source = Source::new(files.clone(), None);
    update(source.clone(), &world.root(), &Files::new(), world.start).unwrap();
    let asked = source.asked.lock().unwrap().clone();
    let read: BTreeSet<&str> = asked.iter().map(|(name, _)| name.as_str()).collect();
    for name in files.keys().filter(|name| *name != "metadata/1.root.json") {
        assert!(read.contains(name.as_str()), "{name} was not read");
    }
    for (name, limit) in &asked {
        match name.strip_prefix("targets/") {
            Some(_) => assert_eq!(*limit, files[name].len() as u64, "{name}: its signed length"),
            None => assert!(*limit <= 5_000_000, "{name}: {limit}"),
        }
    }
}

#[test]
fn a_source_that_ignores_the_limit_is_not_believed() {
    let world = World::default();
    let files = world.repository(1, world.start);
    for name in files.keys().filter(|name| *name != "metadata/1.root.json") {
        let source = Source::new(files.clone(), Some(name));
        let result = update(source, &world.root(), &Files::new(), world.start);
        assert!(result.is_err(), "{name} was longer than its limit");
    }
}

#[test]
fn a_target_signed_as_larger_than_any_is_not_even_asked_for() {
    let world = World::default();
    let mut own = own_targets(&world);
    own.insert("status-0.cwt".into(), vec![0; MAX_TARGET as usize + 1]);
    let files = world.published(ISSUER, &own, &Files::new(), 1, world.start);
    let source = Source::new(files, None);
    let error = update(source.clone(), &world.root(), &Files::new(), world.start).unwrap_err();
    assert!(matches!(error, TrustError::Tuf(_)), "{error}");
    let asked = source.asked.lock().unwrap();
    assert!(!asked.iter().any(|(name, _)| name.ends_with(".cwt")), "{asked:?}");
}

/// White space and the like may change where JSON does not care; what is said may not.
#[test]
fn no_changed_byte_changes_what_is_believed() {
    let world = World::default();
    let repository = world.repository(1, world.start);
    let believed = says(&import(&world, repository.clone(), &Files::new()).unwrap());
    let (mut refused, mut harmless) = (0, 0);
    for (name, bytes) in repository.iter().filter(|(name, _)| *name != "metadata/1.root.json") {
        for position in 0..bytes.len() {
            let mut changed = repository.clone();
            changed.get_mut(name).unwrap()[position] ^= 1;
            match import(&world, changed, &Files::new()) {
                Err(_) => refused += 1,
                Ok(store) => {
                    assert_eq!(says(&store), believed, "{name}, byte {position}");
                    harmless += 1;
                }
            }
        }
    }
    println!("{refused} changed bytes were refused, {harmless} changed nothing");
    assert!(refused > 3000 && harmless < refused / 10, "{refused} refused, {harmless} harmless");
}

/// All keys but the root's are stolen: the thief can sign whatever he likes, but not go back.
#[test]
fn no_single_role_goes_back() {
    let world = World::default();
    let policies = Files::from([("policy/border.json".into(), serde_json::to_vec(&world.policy).unwrap())]);
    let at = |targets, agency, snapshot, timestamp| {
        let part = world.part(ISSUER, &own_targets(&world), agency, world.start);
        let versions = TopLevelVersions { targets, snapshot, timestamp };
        world.assembled(&[part], &policies, versions, world.start)
    };
    let (_, snapshot) = world.import(at(5, 5, 5, 5));
    assert!(import(&world, at(6, 6, 6, 6), &snapshot.memory).is_ok());
    assert!(import(&world, at(5, 5, 6, 6), &snapshot.memory).is_ok(), "nothing new");
    for (role, older) in [
        ("timestamp", at(6, 6, 6, 4)),
        ("snapshot", at(6, 6, 4, 6)),
        ("targets", at(4, 6, 6, 6)),
        ("agency", at(6, 4, 6, 6)),
    ] {
        assert!(import(&world, older, &snapshot.memory).is_err(), "{role} went back");
    }
}

#[test]
fn the_same_repository_offered_for_ever_grows_old() {
    let world = World::default();
    let (first, mut snapshot) = world.import(world.repository(1, world.start));
    let grace = world.policy.stale_grace_days;
    assert_eq!(grace, 14);
    for (seconds, expected) in [
        (0, Freshness::Fresh),
        (DAY, Freshness::Fresh),
        (DAY + 1, Freshness::Aging),
        (7 * DAY - 1, Freshness::Aging),
        (7 * DAY, Freshness::Stale),
        (21 * DAY - 1, Freshness::Stale),
        (21 * DAY, Freshness::Dead),
        (2000 * DAY, Freshness::Dead),
    ] {
        let now = world.start.plus(seconds);
        let (store, next) =
            update(world.repository(1, world.start), &world.root(), &snapshot.memory, now).unwrap();
        let issuer = store.issuer(ISSUER).unwrap();
        assert_eq!(
            Freshness::at(now, store.issued(), issuer.expires(), grace),
            expected,
            "after {seconds} s"
        );
        assert_eq!(says(&store), says(&first), "after {seconds} s");
        snapshot = next;
    }
}

#[test]
fn an_import_at_a_wrong_time_does_no_lasting_harm() {
    let world = World::default();
    let far = Timestamp::parse("2099-01-01T00:00:00Z").unwrap();
    let (store, snapshot) =
        update(world.repository(1, world.start), &world.root(), &Files::new(), far).unwrap();
    let reason = |store: &TrustStore, now: Timestamp| {
        let result = verify(&world.default_code(now), &border(), store, now, &mut Seen::default());
        result.map_or_else(|error| error.reason(), |_| Reason::Accepted)
    };
    assert_eq!(store.issued(), world.start);
    assert_eq!(reason(&store, world.start.plus(9)), Reason::Accepted);
    let again = load(&snapshot, &world.root(), world.start.plus(10)).unwrap();
    assert_eq!(reason(&again, world.start.plus(11)), Reason::Accepted);
    let newer = world.repository(2, world.start.plus(DAY));
    let (newer, _) = update(newer, &world.root(), &snapshot.memory, world.start.plus(DAY)).unwrap();
    assert_eq!(reason(&newer, world.start.plus(DAY)), Reason::Accepted);
    // A clock that failed to 1970 can still import; what it may decide then is for the signed floor to say.
    let seventies = Timestamp::from_unix(0).unwrap();
    let (store, _) =
        update(world.repository(1, world.start), &world.root(), &Files::new(), seventies).unwrap();
    assert_eq!(reason(&store, seventies), Reason::ClockTampered);
}

#[test]
fn targets_that_cannot_be_understood_are_not_passed_over() {
    let world = World::default();
    let policy = |change: &dyn Fn(&mut Json)| {
        let mut policy = serde_json::to_value(&world.policy).unwrap();
        change(&mut policy);
        Files::from([("policy/border.json".to_owned(), serde_json::to_vec(&policy).unwrap())])
    };
    let try_policies = |files: &Files| {
        import(&world, world.published(ISSUER, &own_targets(&world), files, 1, world.start), &Files::new())
    };
    assert!(try_policies(&policy(&|_| {})).is_ok());
    for (what, files) in [
        ("another purpose's policy", policy(&|policy| policy["purpose"] = "hotel".into())),
        ("an unknown field", policy(&|policy| policy["extra"] = 1.into())),
        ("an unknown rule", policy(&|policy| policy["paper"] = "perhaps".into())),
        ("a missing field", policy(&|policy| drop(policy.as_object_mut().unwrap().remove("require")))),
    ] {
        let error = try_policies(&files).expect_err(what);
        assert!(matches!(error, TrustError::Target { .. }), "{what}: {error}");
    }
    for (what, key) in [("a weak key", "01".to_owned() + &"00".repeat(31)), ("a short key", "00".into())] {
        let keys = json!({ "issuer": ISSUER, "keys": [{ "public": key, "not_before": world.start }] });
        let own = Files::from([("keys.json".to_owned(), serde_json::to_vec(&keys).unwrap())]);
        let files = world.published(ISSUER, &own, &Files::new(), 1, world.start);
        let error = import(&world, files, &Files::new()).expect_err(what);
        assert!(matches!(error, TrustError::Target { .. }), "{what}: {error}");
    }
}

#[test]
fn what_a_kiosk_kept_needs_its_own_root() {
    let world = World::default();
    let (_, snapshot) = world.import(world.repository(1, world.start));
    let stranger = World { roles: (50..56).map(key).collect(), ..World::default() };
    assert!(load(&snapshot, &stranger.root(), world.start).is_err());
    assert!(load(&snapshot, b"{}", world.start).is_err());
    assert!(load(&Default::default(), &world.root(), world.start).is_err(), "nothing was kept");
}

/// A memory that cannot be read is not an empty one, with which an older repository would pass.
#[test]
fn a_damaged_memory_is_no_reason_to_start_over() {
    let world = World::default();
    let (_, snapshot) = world.import(world.repository(5, world.start));
    for name in snapshot.memory.keys() {
        for damage in [None, Some(b"{}".to_vec()), Some(vec![]), Some(vec![0xff; 100])] {
            let mut memory = snapshot.memory.clone();
            let what = format!("{name} became {damage:?}");
            match damage {
                Some(bytes) => drop(memory.insert(name.clone(), bytes)),
                None => drop(memory.remove(name)),
            }
            assert!(import(&world, world.repository(4, world.start), &memory).is_err(), "{what}");
        }
    }
    let stranger = World { roles: (50..56).map(key).collect(), ..World::default() };
    let (_, other) = stranger.import(stranger.repository(1, world.start));
    let error = import(&world, world.repository(4, world.start), &other.memory).unwrap_err();
    assert!(matches!(error, TrustError::Memory), "{error}");
}

/// The reference client reads what we publish and refuses the older of two, as ours does.
#[test]
fn python_tuf_agrees() {
    if !third_party_python("tuf.ngclient") {
        return;
    }
    // It reads the clock itself, so the world starts now.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let start = Timestamp::from_unix(now.as_secs() as i64).unwrap();
    let world = World { start, ..World::default() };
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str, files: &Files, memory: &str| {
        let (repository, memory) = (folder.path().join(name), folder.path().join(memory));
        std::fs::create_dir_all(&memory).unwrap();
        for (name, bytes) in files {
            let path = repository.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        python_tuf(
            &repository,
            &memory,
            &["policy/border.json", "issuers/xa/keys.json", "issuers/xa/status-0.cwt"],
        )
    };
    let (old, new) = (world.repository(1, start), world.repository(2, start));
    assert_eq!(read("new", &new, "kept"), Ok(3));
    assert_eq!(read("old", &old, "empty"), Ok(3));
    let error = read("old", &old, "kept").expect_err("the older repository was taken back");
    assert!(error.contains("BadVersionNumberError"), "{error}");
    let mut changed = new.clone();
    let name = changed.keys().find(|name| name.ends_with(".cwt")).unwrap().clone();
    *changed.get_mut(&name).unwrap().last_mut().unwrap() ^= 1;
    let error = read("changed", &changed, "empty").expect_err("a changed target was believed");
    assert!(error.contains("LengthOrHashMismatchError"), "{error}");
    let mut rotated = new;
    let second = SecondRoot::new(&world);
    rotated.insert("metadata/2.root.json".into(), second.signed_by(&[&world.roles[0]]));
    let error = read("rotated", &rotated, "fresh").expect_err("one of three changed the root");
    assert!(error.contains("UnsignedMetadataError"), "{error}");
}

/// A stolen key of the timestamp could otherwise take the floor away that clocks are held to.
#[test]
fn signed_time_does_not_go_back() {
    let world = World::default();
    let last = world.start.plus(2 * DAY);
    let (_, snapshot) = update(world.repository(5, last), &world.root(), &Files::new(), last).unwrap();
    let published =
        |now| update(world.repository(6, now), &world.root(), &snapshot.memory, last).map(|(store, _)| store);
    assert!(published(last).is_ok());
    assert!(published(last.plus(1)).is_ok());
    for earlier in [1, DAY, 2 * DAY] {
        let error = published(last.plus(-earlier)).unwrap_err();
        assert!(matches!(error, TrustError::Earlier), "{earlier} s: {error}");
    }
}
