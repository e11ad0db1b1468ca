//! What an agency may say, and what of it is believed.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use shared::credential::Purpose;
use shared::key::{Signer, SoftwareKey};
use shared::trust::{
    AgencyPart, AgencyRole, Assembly, Files, Freshness, IssuerKey, IssuerKeys, StatusListBuilder, TrustError,
    assemble, update,
};
use tests::{ISSUER, STATUS_URI, World, border};

use crate::{DAY, import, key, key_id, own_targets, resign, says, with_agency_metadata};

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
    let mut files = world.published(ISSUER, &own, &policies, 1, world.start);
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
        let files = world.published(ISSUER, &own, &Files::new(), 1, world.start);
        match import(&world, files, &Files::new()) {
            Ok(_) => assert!(good, "{who}"),
            Err(error) => {
                assert!(!good && matches!(error, TrustError::StatusList { .. }), "{who}: {error}");
            }
        }
    }
}

/// The neighbour of the agency of the small world, in the same repository.
const NEIGHBOUR: (&str, &str) = ("xb", "https://id.xb.example");

fn neighbour_key() -> SoftwareKey {
    key(70)
}

/// A repository of two agencies; each version of a part is published as the repository of that number.
fn of_two(world: &World, version: u64, parts: &[AgencyPart]) -> Files {
    let policies = Files::from([("policy/border.json".into(), serde_json::to_vec(&world.policy).unwrap())]);
    world.assembled(parts, &policies, version.into(), world.start)
}

fn parts(world: &World, version: u64, neighbours_issuer: &str) -> [AgencyPart; 2] {
    let own = own_targets(world);
    let theirs = IssuerKeys {
        issuer: neighbours_issuer.to_owned(),
        keys: vec![IssuerKey::new(neighbour_key().public_key(), world.start)],
    };
    let theirs = Files::from([("keys.json".to_owned(), serde_json::to_vec(&theirs).unwrap())]);
    let second = AgencyRole {
        name: NEIGHBOUR.0,
        issuer: neighbours_issuer,
        signer: &neighbour_key(),
        targets: &theirs,
    };
    [world.part(ISSUER, &own, version, world.start), second.sign(version, world.start).unwrap()]
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

/// The hash is part of the name that kiosks ask for.
#[test]
fn a_hash_has_one_spelling() {
    let world = World::default();
    let repository = world.repository(1, world.start);
    let read = |metadata: Vec<u8>, files: &Files| {
        AgencyPart::read("xa", ISSUER, world.agency.public_key(), metadata, files)
    };
    let metadata = repository["metadata/1.xa.json"].clone();
    read(metadata.clone(), &repository).unwrap();
    let document: Json = serde_json::from_slice(&metadata).unwrap();
    let signer = document["signatures"][0]["keyid"].as_str().unwrap().to_owned();
    let mut files = repository.clone();
    let respelled = resign(&metadata, &[(signer, &world.agency)], |signed| {
        let hash = &mut signed["targets"]["issuers/xa/keys.json"]["hashes"]["sha256"];
        let (lower, upper) = (hash.as_str().unwrap().to_owned(), hash.as_str().unwrap().to_uppercase());
        let bytes = repository[&format!("targets/issuers/xa/{lower}.keys.json")].clone();
        files.insert(format!("targets/issuers/xa/{upper}.keys.json"), bytes);
        *hash = upper.into();
    });
    let refused = read(respelled, &files).unwrap_err();
    assert!(refused.to_string().contains("not what was signed"), "{refused}");
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

/// Whoever comes after the last that is read would be told that its credentials are of an unknown issuer.
#[test]
fn a_repository_of_too_many_agencies_says_so() {
    let world = World::default();
    let names: Vec<_> =
        (0..257).map(|number| (format!("a{number}"), format!("https://{number}.example"))).collect();
    let part = |(name, issuer): &(String, String)| {
        let keys = IssuerKeys {
            issuer: issuer.clone(),
            keys: vec![IssuerKey::new(world.issuer.public_key(), world.start)],
        };
        let targets = Files::from([("keys.json".to_owned(), serde_json::to_vec(&keys).unwrap())]);
        AgencyRole { name, issuer, signer: &world.agency, targets: &targets }.sign(1, world.start).unwrap()
    };
    let parts: Vec<_> = names.iter().map(part).collect();
    let store = import(&world, of_two(&world, 1, &parts[..256]), &Files::new()).unwrap();
    assert!(names[..256].iter().all(|(_, issuer)| store.issuer(issuer).is_some()));
    let error = import(&world, of_two(&world, 1, &parts), &Files::new()).unwrap_err();
    assert!(matches!(error, TrustError::Agencies { count: 257 }), "{error}");
}

#[test]
fn a_key_is_listed_once() {
    let world = World::default();
    let key = IssuerKey::new(world.issuer.public_key(), world.start);
    let revoked = IssuerKey { key_id: Some(vec![7]), revoked_at: Some(world.start), ..key.clone() };
    let twice = IssuerKeys { issuer: ISSUER.to_owned(), keys: vec![key, revoked] };
    let own = Files::from([("keys.json".to_owned(), serde_json::to_vec(&twice).unwrap())]);
    let error = import(&world, world.published(ISSUER, &own, &Files::new(), 1, world.start), &Files::new());
    assert!(matches!(error.unwrap_err(), TrustError::Delegation { problem: "lists a key twice", .. }));
}
