//! Roots that change, and keys that were replaced.

use shared::key::{Signer, SoftwareKey};
use shared::trust::{Files, RootDocument, Rotation, TimeFloor, TopLevelRole, TrustError, load, update};
use tests::World;

use crate::{DAY, import, key, key_id, resign};

/// The second version of the root, as its keys allow or do not allow it.
pub(super) struct SecondRoot<'a> {
    world: &'a World,
    /// Its single keys are new: targets, snapshot, timestamp.
    new: World,
}

impl<'a> SecondRoot<'a> {
    pub(super) fn new(world: &'a World) -> Self {
        let mut roles: Vec<SoftwareKey> = (10..13).map(key).collect();
        roles.extend((60..63).map(key));
        Self { world, new: World { roles, ..World::default() } }
    }

    pub(super) fn signed_by(&self, signers: &[&SoftwareKey]) -> Vec<u8> {
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

/// A publication that was dated by a wrong clock is mended as a stolen key is: the root names another one.
#[test]
fn a_new_key_of_the_timestamp_may_set_signed_time_right() {
    let world = World::default();
    let late = world.start.plus(70 * 365 * DAY);
    let (_, snapshot) = update(world.repository(9, late), &world.root(), &Files::new(), late).unwrap();
    let again =
        |files: Files| update(files, &world.root(), &snapshot.memory, world.start).map(|(store, _)| store);
    assert!(matches!(again(world.repository(10, world.start)), Err(TrustError::Earlier)));
    let second = SecondRoot::new(&world);
    let root = second.signed_by(&[&world.roles[0], &world.roles[1]]);
    let store = again(second.repository(10, root)).unwrap();
    assert_eq!(store.floor(), TimeFloor::from_signed(world.start));
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
