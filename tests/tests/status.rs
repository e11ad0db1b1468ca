//! Status lists on their way: what a kiosk asks for, what it believes, and how much of it there is.

use std::sync::{Arc, Mutex};

use shared::key::Signer;
use shared::reason::Reason;
use shared::time::Timestamp;
use shared::trust::{
    Files, HASHES, LIST_SIZE, SourceError, Status, StatusDelta, StatusListError, TrustError, TrustSnapshot,
    TrustSource, TrustStore, load, prepare_hashes, update,
};
use tests::journey::{Journey, START};
use tests::status_lists::{Lists, uri};
use tests::{ISSUER, World};

const DAY: i64 = 24 * 3600;

/// Hands out files, and notes the names and sizes of those that were there.
#[derive(Clone, Default)]
struct Source {
    files: Files,
    read: Arc<Mutex<Vec<(String, usize)>>>,
}

impl Source {
    fn read(&self, name: String) -> Result<Option<Vec<u8>>, SourceError> {
        let bytes = self.files.get(&name).cloned();
        self.read.lock().unwrap().extend(bytes.iter().map(|bytes| (name.clone(), bytes.len())));
        Ok(bytes)
    }
}

impl TrustSource for Source {
    fn metadata(&self, name: &str, _limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        self.read(format!("metadata/{name}"))
    }

    fn target(&self, path: &str, _limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        self.read(format!("targets/{path}"))
    }
}

/// What an update read: names and sizes.
struct Asked(Vec<(String, usize)>);

impl Asked {
    fn count(&self, ending: &str) -> usize {
        self.0.iter().filter(|(name, _)| name.ends_with(ending)).count()
    }

    fn bytes(&self, part: &str) -> usize {
        self.0.iter().filter(|(name, _)| name.contains(part)).map(|(_, bytes)| bytes).sum()
    }
}

fn import(world: &World, files: &Files, memory: &Files) -> (TrustStore, TrustSnapshot, Asked) {
    let source = Source { files: files.clone(), ..Source::default() };
    let (store, snapshot) = update(source.clone(), &world.root(), memory, world.start.plus(600)).unwrap();
    let asked = Asked(source.read.lock().unwrap().clone());
    (store, snapshot, asked)
}

/// Fails unless a store says of every place in the lists what they say, and nothing else.
fn assert_says(store: &TrustStore, lists: &Lists) {
    let issuer = store.issuer(ISSUER).unwrap();
    assert_eq!(issuer.status_lists().len(), lists.0.len());
    for (n, set) in lists.0.iter().enumerate() {
        let list = issuer.status_list(&uri(n)).unwrap();
        let places: std::collections::BTreeMap<u64, Status> = set.iter().copied().collect();
        for index in 0..LIST_SIZE {
            let expected = places.get(&index).copied().unwrap_or(Status::Valid);
            assert_eq!(list.status(index), Some(expected), "place {index} of list {n}");
        }
        assert_eq!(list.status(LIST_SIZE), None);
    }
}

#[test]
fn what_changed_is_asked_for_instead_of_whole_lists() {
    let world = World::default();
    let mut lists = Lists::random(3, 50, 1);
    let first = lists.publish(&world, 1, None, |_| ());
    let (store, snapshot, asked) = import(&world, &first.files, &Files::new());
    assert_says(&store, &lists);
    assert_eq!(asked.count(".cwt"), 3, "at first everything is fetched whole");

    lists.0[1][7].1 = Status::Suspended;
    lists.0[1].push((77, Status::Invalid));
    lists.0[2].remove(5);
    let second = lists.publish(&world, 2, Some(&first), |_| ());
    let (store, snapshot, asked) = import(&world, &second.files, &snapshot.memory);
    assert_says(&store, &lists);
    assert_eq!((asked.count(".cwt"), asked.count(".delta")), (0, 1));
    assert_eq!(store.issuer(ISSUER).unwrap().status_lists()[0].issued(), world.start.plus(120));
    // What a kiosk keeps is enough to start again, and says the same as a kiosk that fetched everything.
    let again = load(&snapshot, &world.root(), world.start.plus(700)).unwrap();
    let (whole, ..) = import(&world, &second.files, &Files::new());
    assert_eq!(format!("{again:?}"), format!("{whole:?}"));
    assert_says(&again, &lists);

    // Nothing changed, nothing is fetched; and a new list is fetched alone.
    lists.0.push(vec![(9, Status::Invalid)]);
    let third = lists.publish(&world, 3, Some(&second), |_| ());
    let (store, snapshot, asked) = import(&world, &third.files, &snapshot.memory);
    assert_says(&store, &lists);
    assert_eq!((asked.count(".cwt"), asked.count("status-3.cwt"), asked.count(".delta")), (1, 1, 0));
    assert_says(&load(&snapshot, &world.root(), world.start.plus(700)).unwrap(), &lists);
    // A kiosk that missed a publication has nothing to apply.
    lists.0[0].push((1000, Status::Invalid));
    let fourth = lists.publish(&world, 4, Some(&first), |_| ());
    let (store, _, asked) = import(&world, &fourth.files, &snapshot.memory);
    assert_says(&store, &lists);
    assert_eq!((asked.count("status-0.cwt"), asked.count(".cwt"), asked.count(".delta")), (1, 1, 0));
}

#[test]
fn a_wrong_delta_and_a_damaged_memory_cost_nothing_but_bytes() {
    let world = World::default();
    let old = Lists::random(2, 50, 1);
    let first = old.publish(&world, 1, None, |_| ());
    let (_, snapshot, _) = import(&world, &first.files, &Files::new());
    let mut new = old.clone();
    new.0.iter_mut().for_each(|list| list.push((77, Status::Invalid)));
    let name = first.delta.clone();
    let with = |bytes: Option<Vec<u8>>| {
        new.publish(&world, 2, Some(&first), |own| {
            own.remove(&name);
            own.extend(bytes.map(|bytes| (name.clone(), bytes)));
        })
    };
    let mut other = new.clone();
    other.0[1].push((78, Status::Invalid));
    let one_more = StatusDelta::between(&first.zlib, &other.published()).encode();
    let outside = {
        let good = StatusDelta::between(&first.zlib, &new.published()).encode();
        String::from_utf8_lossy(&good).replace("status-0", "status-9").into_bytes()
    };
    for (what, delta, whole) in [
        ("one change too many in list 1", Some(one_more), 1),
        ("another list's name, or no delta at all", Some(outside), 2),
        ("nothing changed", Some(vec![0xa0]), 2),
        ("not CBOR", Some(vec![0xff]), 2),
        ("none", None, 2),
    ] {
        let (store, _, asked) = import(&world, &with(delta).files, &snapshot.memory);
        assert_says(&store, &new);
        assert!(asked.count(".cwt") >= whole, "{what}: {:?}", asked.0);
    }

    let second = new.publish(&world, 2, Some(&first), |_| ());
    let kept: Vec<&String> = snapshot.memory.keys().filter(|name| name.starts_with("status/")).collect();
    assert_eq!(kept.len(), 3, "two lists, and which publication they are of");
    for name in kept {
        for damaged in [None, Some(vec![]), Some(vec![0x78; 40]), Some(first.zlib["status-1.cwt"].clone())] {
            let mut memory = snapshot.memory.clone();
            memory.remove(name);
            memory.extend(damaged.map(|bytes| (name.clone(), bytes)));
            let (store, ..) = import(&world, &second.files, &memory);
            assert_says(&store, &new);
        }
    }
}

#[test]
fn hashes_count_only_with_the_issuers_signature() {
    let world = World::default();
    let lists = Lists::random(1, 50, 1);
    let first = lists.publish(&world, 1, None, |_| ());
    let (_, snapshot, _) = import(&world, &first.files, &Files::new());
    let (now, key) = (world.start.plus(120), world.issuer.public_key().id());
    // An agency's role, or whoever holds its key, lists hashes of lists in which nobody is revoked.
    let clean = Lists(vec![vec![]]).published();
    let forged = prepare_hashes(&clean, now, now.plus(DAY), key);
    for (who, signer) in [("agency", &world.agency), ("holder", &world.holder)] {
        let hashes = forged.sign(signer).unwrap();
        let second = lists.publish(&world, 2, Some(&first), |own| drop(own.insert(HASHES.into(), hashes)));
        let result = update(second.files, &world.root(), &snapshot.memory, world.start.plus(600));
        let Err(TrustError::StatusList { name, source }) = result else { panic!("{who}: believed") };
        assert_eq!((name.as_str(), source), ("issuers/xa/status-hashes.cose", StatusListError::Signature));
    }
    // A list is no token of hashes, and the other way round.
    for (name, other) in [("status-0.cwt", HASHES), (HASHES, "status-0.cwt")] {
        let second = lists.publish(&world, 2, Some(&first), |own| {
            let bytes = own[other].clone();
            own.insert(name.to_owned(), bytes);
        });
        let result = update(second.files, &world.root(), &Files::new(), world.start.plus(600));
        assert!(matches!(result, Err(TrustError::StatusList { .. })), "{name}");
    }
}

#[test]
fn two_lists_of_one_uri_are_no_repository() {
    let world = World::default();
    let lists = Lists::random(2, 50, 1);
    let twice = lists.publish(&world, 1, None, |own| {
        let copy = own["status-0.cwt"].clone();
        own.insert("status-9.cwt".to_owned(), copy);
    });
    let error = update(twice.files, &world.root(), &Files::new(), world.start.plus(600)).unwrap_err();
    let TrustError::StatusList { name, source } = error else { panic!("{error}") };
    assert_eq!((name.as_str(), source), ("issuers/xa/status-9.cwt", StatusListError::Repeated));
}

#[test]
fn a_list_that_was_signed_after_its_key_retired_is_no_list() {
    let retired = |seconds: i64| {
        let key_retired = Some(World::default().start.plus(seconds));
        let world = World { key_retired, ..World::default() };
        let files = Lists::random(1, 5, 1).publish(&world, 1, None, |_| ()).files;
        update(files, &world.root(), &Files::new(), world.start.plus(600)).map(|_| ())
    };
    assert!(retired(61).is_ok(), "signed at 60");
    let Err(TrustError::StatusList { source, .. }) = retired(60) else { panic!("believed") };
    assert_eq!(source, StatusListError::KeyNotValid);
}

/// The national sizes, for a sixteenth of the nation: 1.6 MB for 96 lists with 1 % set, and 45 kB for a day's
/// 10,000 changes. `cargo bench -p tests --bench status` measures all of it.
#[test]
fn a_sixteenth_of_a_nation_fits() {
    let world = World::default();
    let (lists, each) = (6, LIST_SIZE / 100);
    let mut nation = Lists::random(lists, each, 1);
    let first = nation.publish(&world, 1, None, |_| ());
    let (_, snapshot, asked) = import(&world, &first.files, &Files::new());
    let bundle = asked.bytes("issuers/xa/") + asked.bytes("metadata/");
    let changed = Lists::random(lists, 10_000 / 96, 1 << 40);
    for (list, more) in nation.0.iter_mut().zip(changed.0) {
        list.extend(more);
    }
    let second = nation.publish(&world, 2, Some(&first), |_| ());
    let (_, _, asked) = import(&world, &second.files, &snapshot.memory);
    let (delta, hashes) = (asked.bytes(".delta"), asked.bytes(HASHES));
    let day = delta + hashes;
    println!("{lists} lists: bundle {bundle} bytes; a day's changes {delta} bytes, hashes {hashes}");
    let share = |nation: usize| nation * lists as usize / 96;
    // What is said once, whatever the number of lists: root, roles, one signature, one policy.
    assert!((90_000..share(1_590_000) + 6_000).contains(&bundle), "{bundle} bytes");
    assert!((1_500..share(35_000) + 200).contains(&day), "{day} bytes");
}

#[test]
fn an_officer_suspends_reinstates_and_revokes() {
    let journey = Journey::new();
    let subject = journey.resident(1, "border", &[]);
    journey.publish(START);
    let credential = "resident-01-border.cbor";
    let at = |minutes: i64| Timestamp::parse(START).unwrap().plus(minutes * 60).to_string();
    let change = |verb: &str, minutes: i64| {
        journey.issuer(&[verb, "--dir", "A", "--credential", credential, "--at", &at(minutes)])
    };
    let shown = |minutes: i64| {
        journey.publish(&at(minutes));
        let code = journey.code("resident-01", "border", &at(minutes + 1), &[]);
        journey.verify(&code, &at(minutes + 1), &[]).reason().to_owned()
    };
    assert_eq!(change("suspend", 1).expect(0).json["suspended"], 1);
    assert_eq!(shown(2), Reason::StatusSuspended.code());
    assert_eq!(change("suspend", 3).expect(0).json["unchanged"], 1);
    assert_eq!(change("reinstate", 3).expect(0).json["reinstated"], 1);
    assert_eq!(shown(4), Reason::Accepted.code());
    change("suspend", 5).expect(0);
    assert_eq!(change("revoke", 5).expect(0).json["revoked"], 1, "a suspended one can be revoked");
    for verb in ["reinstate", "suspend"] {
        let refused = change(verb, 6).expect(1);
        assert_eq!(refused.json["left_revoked"], 1, "revocation is final");
    }
    assert_eq!(shown(7), Reason::StatusRevoked.code());
    // Of a subject with several credentials those that can be reinstated are.
    journey.issue(&subject, "resident-01", "hotel", &[]);
    let of_subject = |verb: &str| {
        let at = at(8);
        journey.issuer(&[verb, "--dir", "A", "--subject", &subject, "--at", &at]).expect(0).json
    };
    assert_eq!(
        (of_subject("suspend")["suspended"].clone(), of_subject("reinstate")["left_revoked"].clone()),
        (1.into(), 1.into())
    );
    assert_eq!(change("revoke", 9).expect(0).json["unchanged"], 1);
}

/// The agency's own publications, read by a kiosk that keeps up: it fetches no list twice.
#[test]
fn an_agency_publishes_what_changed_for_a_week_of_publications() {
    let journey = Journey::new();
    journey.resident(1, "border", &[]);
    let at = |days: i64| Timestamp::parse(START).unwrap().plus(days * DAY).to_string();
    let publish =
        |day: i64| journey.issuer(&["publish", "--dir", "A", "--out", "REPO", "--at", &at(day)]).expect(0);
    let import = |day: i64| {
        let root: &[&str] = if day == 0 { &["--root", "A/root.json"] } else { &[] };
        let at = at(day);
        let import = ["trust", "import", "REPO", "--state", "S", "--at", at.as_str()];
        journey.kiosk(&[&import[..], root].concat()).expect(0).json
    };
    publish(0);
    import(0);
    let folder = journey.path("REPO/targets/issuers/id-xa-example");
    let named = |ending: &str| {
        let files = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap());
        files
            .filter(|file| file.file_name().to_string_lossy().ends_with(ending))
            .map(|file| file.path())
            .collect::<Vec<_>>()
    };
    let whole: Vec<_> = named(".cwt");
    assert_eq!((whole.len(), named(".delta").len()), (1, 0));
    journey
        .issuer(&["suspend", "--dir", "A", "--credential", "resident-01-border.cbor", "--at", &at(1)])
        .expect(0);
    publish(1);
    assert_eq!(named(".delta").len(), 1);
    // The whole list is out of reach: only what changed can bring this kiosk up to date.
    named(".cwt").iter().for_each(|path| std::fs::remove_file(path).unwrap());
    let status = import(1);
    let list = &status["issuers"][0]["status_lists"][0];
    assert_eq!((list["issued"].as_str(), list["state"].as_str()), (Some(at(1).as_str()), Some("current")));
    let code = journey.code("resident-01", "border", &at(1), &[]);
    let verdict = journey.kiosk(&[
        "verify",
        "--state",
        "S",
        "--purpose",
        "border",
        "--at",
        &at(1),
        code.to_str().unwrap(),
    ]);
    assert_eq!(verdict.reason(), Reason::StatusSuspended.code(), "{}", verdict.said);
    let due = journey.kiosk(&["trust", "status", "--state", "S", "--at", &at(2)]).expect(0);
    assert_eq!(due.json["issuers"][0]["status_lists"][0]["state"], "due", "a day later a newer one is due");
}
