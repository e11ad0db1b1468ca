//! The trust repository from the inside: limits, versions of single roles, changed roots, lost memory.
//!
//! `attacks.rs` has what a stranger can try; here some signing keys are in the wrong hands, too.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use shared::credential::{Purpose, verify};
use shared::key::{PublicKey, Signer, SoftwareKey};
use shared::reason::Reason;
use shared::time::Timestamp;
use shared::trust::{
    AgencyPart, AgencyRole, Assembly, Files, Freshness, IssuerKey, IssuerKeys, Publication, RoleVersions,
    RootDocument, Rotation, SourceError, StatusListBuilder, TopLevelRole, TrustError, TrustSource,
    TrustStore, assemble, load, publish, update,
};
use tests::{AGENCY, ISSUER, STATUS_URI, Seen, World, border, python_tuf, third_party_python};

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

fn versions(targets: u64, agency: u64, snapshot: u64, timestamp: u64) -> RoleVersions {
    RoleVersions { targets, agency, snapshot, timestamp }
}

fn published(world: &World, policies: &Files, own: &Files, versions: RoleVersions) -> Files {
    publish(&Publication {
        root: &world.root(),
        targets: policies,
        agency: AgencyRole { name: AGENCY, issuer: ISSUER, signer: &world.agency, targets: own },
        targets_signer: &world.roles[3],
        snapshot_signer: &world.roles[4],
        timestamp_signer: &world.roles[5],
        versions,
        now: world.start,
    })
    .unwrap()
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
    let files = published(&world, &Files::new(), &own, versions(1, 1, 1, 1));
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
    let at = |versions| published(&world, &policies, &own_targets(&world), versions);
    let (_, snapshot) = world.import(at(versions(5, 5, 5, 5)));
    assert!(import(&world, at(versions(6, 6, 6, 6)), &snapshot.memory).is_ok());
    assert!(import(&world, at(versions(5, 5, 6, 6)), &snapshot.memory).is_ok(), "nothing new");
    for (role, older) in [
        ("timestamp", versions(6, 6, 6, 4)),
        ("snapshot", versions(6, 6, 4, 6)),
        ("targets", versions(4, 6, 6, 6)),
        ("agency", versions(6, 4, 6, 6)),
    ] {
        assert!(import(&world, at(older), &snapshot.memory).is_err(), "{role} went back");
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

/// The second version of the root, as its keys allow or do not allow it.
struct SecondRoot<'a> {
    world: &'a World,
    /// Its single keys are new: targets, snapshot, timestamp.
    new: World,
}

impl<'a> SecondRoot<'a> {
    fn new(world: &'a World) -> Self {
        let mut roles: Vec<SoftwareKey> = (10..13).map(key).collect();
        roles.extend((60..63).map(key));
        Self { world, new: World { roles, ..World::default() } }
    }

    fn signed_by(&self, signers: &[&SoftwareKey]) -> Vec<u8> {
        let root = self.new.root();
        let signers: Vec<(String, &SoftwareKey)> =
            signers.iter().map(|signer| (key_id(&root, &signer.public_key()), *signer)).collect();
        resign(&root, &signers, |signed| signed["version"] = 2.into())
    }

    /// A repository that the new keys made, with that root in it.
    fn repository(&self, version: u64, second: Vec<u8>) -> Files {
        let mut files = self.new.repository(version, self.world.start);
        files.insert("metadata/1.root.json".into(), self.world.root());
        files.insert("metadata/2.root.json".into(), second);
        files
    }
}

#[test]
fn a_new_root_needs_two_keys_of_the_old_one() {
    let world = World::default();
    let second = SecondRoot::new(&world);
    let roles = &world.roles;
    let good = second.signed_by(&[&roles[0], &roles[2]]);
    let store = import(&world, second.repository(2, good.clone()), &Files::new()).unwrap();
    assert_eq!(store.versions().root, 2);

    let one = second.signed_by(&[&roles[0]]);
    assert!(import(&world, second.repository(2, one), &Files::new()).is_err(), "one of three");
    let twice = second.signed_by(&[&roles[0], &roles[0]]);
    assert!(import(&world, second.repository(2, twice), &Files::new()).is_err(), "one of three, twice");
    let online = second.signed_by(&[&roles[0], &second.new.roles[3]]);
    assert!(import(&world, second.repository(2, online), &Files::new()).is_err(), "an online key");

    // A root that names only a stranger's keys, signed by all of them.
    let stranger = World { roles: (50..56).map(key).collect(), ..World::default() };
    let root = stranger.root();
    let all: Vec<(String, &SoftwareKey)> =
        stranger.roles[..3].iter().map(|key| (key_id(&root, &key.public_key()), key)).collect();
    let foreign = resign(&root, &all, |signed| signed["version"] = 2.into());
    let mut files = stranger.repository(2, world.start);
    files.insert("metadata/2.root.json".into(), foreign);
    assert!(import(&world, files, &Files::new()).is_err(), "a stranger's root");

    // The right signatures on a version that leaves one out.
    let leap = {
        let root = second.new.root();
        let signers: Vec<(String, &SoftwareKey)> =
            roles[..2].iter().map(|key| (key_id(&root, &key.public_key()), key)).collect();
        resign(&root, &signers, |signed| signed["version"] = 3.into())
    };
    assert!(import(&world, second.repository(2, leap), &Files::new()).is_err(), "version 3 in place of 2");
}

#[test]
fn a_kiosk_that_missed_many_roots_follows_them_all() {
    let world = World::default();
    let mut files = world.repository(1, world.start);
    let mut root = RootDocument::parse(&world.root()).unwrap();
    for _ in 0..40 {
        let renewal = Rotation { role: TopLevelRole::Root, add: vec![], remove: vec![], threshold: None };
        root = root.next(&renewal, world.start).unwrap();
        root.sign(&world.roles[0]).unwrap();
        root.sign(&world.roles[1]).unwrap();
        files.insert(format!("metadata/{}.root.json", root.version()), root.published());
    }
    assert_eq!(import(&world, files.clone(), &Files::new()).unwrap().versions().root, 41);
    files.remove("metadata/20.root.json");
    assert_eq!(import(&world, files, &Files::new()).unwrap().versions().root, 19, "as far as they lead");
}

/// Keys are replaced because they may be stolen. A repository that leaves the new root out would bring them back.
#[test]
fn replaced_keys_stay_replaced() {
    let world = World::default();
    let second = SecondRoot::new(&world);
    let root = second.signed_by(&[&world.roles[0], &world.roles[1]]);
    let (store, snapshot) =
        update(second.repository(2, root), &world.root(), &Files::new(), world.start).unwrap();
    assert_eq!(store.versions().root, 2);
    assert_eq!(load(&snapshot, &world.root(), world.start).unwrap().versions().root, 2);
    let stolen = world.repository(9, world.start);
    let result = import(&world, stolen, &snapshot.memory);
    assert!(result.is_err(), "believed the replaced keys: {:?}", result.map(|store| store.versions()));
}

#[test]
fn an_agency_lists_nothing_outside_its_folder() {
    let world = World::default();
    let hotel = shared::trust::Policy {
        purpose: Purpose::parse("hotel").unwrap(),
        paper: shared::trust::PaperRule::Accept,
        ..world.policy.clone()
    };
    let policies = Files::from([("policy/border.json".into(), serde_json::to_vec(&world.policy).unwrap())]);
    let mut own = own_targets(&world);
    own.insert("hotel.json".into(), serde_json::to_vec(&hotel).unwrap());
    let mut files = published(&world, &policies, &own, versions(1, 1, 1, 1));
    let path = files.keys().find(|name| name.ends_with(".hotel.json")).unwrap().clone();
    let policy = files.remove(&path).unwrap();
    files.insert(format!("targets/policy/{}", path.rsplit_once('/').unwrap().1), policy);
    let files = with_agency_metadata(&world, files, |signed| {
        let targets = signed["targets"].as_object_mut().unwrap();
        let entry = targets.remove("issuers/xa/hotel.json").unwrap();
        targets.insert("policy/hotel.json".into(), entry);
    });
    let store = import(&world, files, &Files::new()).unwrap();
    assert!(store.policy(&hotel.purpose).is_none(), "an agency made a policy");
    assert_eq!(store.policy(&border()), Some(&world.policy));
}

#[test]
fn an_agency_cannot_take_its_own_metadata_from_somebody_else() {
    let world = World::default();
    let neighbour = World { agency: key(70), ..World::default() };
    let mut files = world.repository(1, world.start);
    files.insert(
        "metadata/1.xa.json".into(),
        neighbour.repository(1, world.start)["metadata/1.xa.json"].clone(),
    );
    let files = with_agency_metadata_as_it_is(&world, files);
    assert!(import(&world, files, &Files::new()).is_err(), "signed by a key that is not delegated to");
}

/// Lets snapshot and timestamp vouch for whatever stands in the agency's file.
fn with_agency_metadata_as_it_is(world: &World, files: Files) -> Files {
    let own = files["metadata/1.xa.json"].clone();
    let mut files = with_agency_metadata(world, files, |_| {});
    files.insert("metadata/1.xa.json".into(), own);
    files
}

#[test]
fn status_lists_are_signed_by_the_issuer_itself() {
    let world = World::default();
    let list = |signer: &SoftwareKey| {
        let token = StatusListBuilder::default().prepare(
            STATUS_URI,
            world.start,
            world.start.plus(30 * DAY),
            signer.public_key().id(),
        );
        token.sign(signer).unwrap()
    };
    for (who, signer, good) in
        [("issuer", &world.issuer, true), ("agency", &world.agency, false), ("holder", &world.holder, false)]
    {
        let mut own = own_targets(&world);
        own.insert("status-0.cwt".into(), list(signer));
        let files = published(&world, &Files::new(), &own, versions(1, 1, 1, 1));
        match import(&world, files, &Files::new()) {
            Ok(_) => assert!(good, "{who}"),
            Err(error) => {
                assert!(!good && matches!(error, TrustError::StatusList { .. }), "{who}: {error}");
            }
        }
    }
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
        import(&world, published(&world, files, &own_targets(&world), versions(1, 1, 1, 1)), &Files::new())
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
        let files = published(&world, &Files::new(), &own, versions(1, 1, 1, 1));
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

/// After a change of root, the memory of it is what keeps the replaced keys out.
#[test]
fn a_memory_that_lost_its_root_is_damaged() {
    let world = World::default();
    let second = SecondRoot::new(&world);
    let root = second.signed_by(&[&world.roles[0], &world.roles[1]]);
    let (_, snapshot) =
        update(second.repository(2, root), &world.root(), &Files::new(), world.start).unwrap();
    let mut memory = snapshot.memory.clone();
    memory.remove("root_history/2.root.json").expect("a root that was kept");
    let error = import(&world, world.repository(9, world.start), &memory).unwrap_err();
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

/// The neighbour of the agency of the small world, in the same repository.
const NEIGHBOUR: (&str, &str) = ("xb", "https://id.xb.example");

fn neighbour_key() -> SoftwareKey {
    key(70)
}

/// A repository of two agencies; each version of a part is published as the repository of that number.
fn of_two(world: &World, version: u64, parts: &[AgencyPart]) -> Files {
    let policies = Files::from([("policy/border.json".into(), serde_json::to_vec(&world.policy).unwrap())]);
    assemble(&Assembly {
        roots: &[world.root()],
        targets: &policies,
        parts,
        retired: &BTreeMap::new(),
        targets_signer: &world.roles[3],
        snapshot_signer: &world.roles[4],
        timestamp_signer: &world.roles[5],
        versions: version.into(),
        now: world.start,
    })
    .unwrap()
}

fn parts(world: &World, version: u64, neighbours_issuer: &str) -> [AgencyPart; 2] {
    let own = own_targets(world);
    let theirs = IssuerKeys {
        issuer: neighbours_issuer.to_owned(),
        keys: vec![IssuerKey::new(neighbour_key().public_key(), world.start)],
    };
    let theirs = Files::from([("keys.json".to_owned(), serde_json::to_vec(&theirs).unwrap())]);
    let first = AgencyRole { name: AGENCY, issuer: ISSUER, signer: &world.agency, targets: &own };
    let second = AgencyRole {
        name: NEIGHBOUR.0,
        issuer: neighbours_issuer,
        signer: &neighbour_key(),
        targets: &theirs,
    };
    [first.sign(version, world.start).unwrap(), second.sign(version, world.start).unwrap()]
}

#[test]
fn an_agencys_older_part_does_not_mix_with_a_newer_repository() {
    let world = World::default();
    let (old, new) = (
        of_two(&world, 1, &parts(&world, 1, NEIGHBOUR.1)),
        of_two(&world, 2, &parts(&world, 2, NEIGHBOUR.1)),
    );
    assert_eq!(import(&world, new.clone(), &Files::new()).unwrap().issuers().len(), 2);
    let mut mixed = new;
    mixed.insert("metadata/2.xb.json".into(), old["metadata/1.xb.json"].clone());
    assert!(import(&world, mixed.clone(), &Files::new()).is_err());
    mixed.remove("metadata/2.xb.json");
    assert!(import(&world, mixed, &Files::new()).is_err(), "left out");
}

#[test]
fn an_agency_signing_anothers_names_changes_nothing() {
    let world = World::default();
    let repository = of_two(&world, 1, &parts(&world, 1, NEIGHBOUR.1));
    let honest = import(&world, repository.clone(), &Files::new()).unwrap();
    // The neighbour lists keys of its own making as those of the first agency, and as a policy.
    let listed = repository
        .keys()
        .find(|name| name.starts_with("targets/issuers/xb/") && name.ends_with(".keys.json"))
        .unwrap();
    let (hash, bytes) = (listed.split('/').next_back().unwrap(), repository[listed].clone());
    let mut attack = repository.clone();
    attack.insert(format!("targets/issuers/xa/{hash}"), bytes.clone());
    attack.insert(format!("targets/policy/{}", hash.replace("keys.json", "border.json")), bytes);
    let root = world.root();
    let signer = |n: usize| (key_id(&root, &world.roles[n].public_key()), &world.roles[n]);
    let targets: Json = serde_json::from_slice(&attack["metadata/1.targets.json"]).unwrap();
    let own = targets["signed"]["delegations"]["roles"][1]["keyids"][0].as_str().unwrap().to_owned();
    let theirs = resign(&attack["metadata/1.xb.json"], &[(own, &neighbour_key())], |signed| {
        let entry = signed["targets"]["issuers/xb/keys.json"].clone();
        signed["targets"]["issuers/xa/keys.json"] = entry.clone();
        signed["targets"]["policy/border.json"] = entry;
    });
    let refused =
        AgencyPart::read(NEIGHBOUR.0, NEIGHBOUR.1, neighbour_key().public_key(), theirs.clone(), &attack);
    assert!(refused.unwrap_err().to_string().contains("not in its folder"), "the publisher does not take it");
    attack.insert("metadata/1.xb.json".into(), theirs);
    for (name, role, child) in
        [("metadata/1.snapshot.json", 4, "xb.json"), ("metadata/timestamp.json", 5, "snapshot.json")]
    {
        let again = resign(&attack[name], &[signer(role)], |signed| {
            signed["meta"][child] = json!({ "version": 1 });
        });
        attack.insert(name.into(), again);
    }
    // The kiosk asks whom the name was given to, and nobody else.
    let store = import(&world, attack, &Files::new()).unwrap();
    assert_eq!(says(&store), says(&honest));
}

#[test]
fn two_agencies_do_not_speak_for_one_issuer() {
    let world = World::default();
    let error = import(&world, of_two(&world, 1, &parts(&world, 1, ISSUER)), &Files::new()).unwrap_err();
    assert!(matches!(error, TrustError::Delegation { .. }), "{error}");
}

/// An agency that stopped publishing ages alone; nobody else's word grows old with it.
#[test]
fn an_expired_agency_ages_alone() {
    let world = World::default();
    let old = parts(&world, 1, NEIGHBOUR.1);
    let later = World { start: world.start.plus(95 * DAY), ..World::default() };
    let [new, _] = parts(&later, 2, NEIGHBOUR.1);
    let repository = assemble(&Assembly {
        roots: &[world.root()],
        targets: &Files::new(),
        parts: &[new, old[1].clone()],
        retired: &BTreeMap::new(),
        targets_signer: &world.roles[3],
        snapshot_signer: &world.roles[4],
        timestamp_signer: &world.roles[5],
        versions: 2.into(),
        now: later.start,
    })
    .unwrap();
    let (store, _) = update(repository, &world.root(), &Files::new(), later.start).unwrap();
    let state = |uri: &str| {
        let expires = store.issuer(uri).unwrap().expires();
        Freshness::at(later.start, store.issued(), expires, 14)
    };
    assert_eq!((state(ISSUER), state(NEIGHBOUR.1)), (Freshness::Fresh, Freshness::Stale));
}

/// Every file that the client checks itself by is needed, or the memory is no memory.
#[test]
fn no_part_of_the_memory_can_be_left_out() {
    let world = World::default();
    let second = SecondRoot::new(&world);
    let root = second.signed_by(&[&world.roles[0], &world.roles[1]]);
    let (_, snapshot) =
        update(second.repository(2, root.clone()), &world.root(), &Files::new(), world.start).unwrap();
    let next = second.repository(3, root);
    assert!(import(&world, next.clone(), &snapshot.memory).is_ok());
    for name in ["root.json", "root_history/2.root.json", "timestamp.json", "snapshot.json", "targets.json"] {
        for damage in [None, Some(vec![]), Some(b"{}".to_vec()), Some(world.root())] {
            let mut memory = snapshot.memory.clone();
            match damage {
                Some(bytes) => drop(memory.insert(name.to_owned(), bytes)),
                None => drop(memory.remove(name)),
            }
            let error = import(&world, next.clone(), &memory).unwrap_err();
            assert!(matches!(error, TrustError::Memory), "{name}: {error}");
        }
    }
}
