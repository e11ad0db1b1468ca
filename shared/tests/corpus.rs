//! Replays the inputs that fuzzing found worth keeping: `cargo test -p shared --features issue --test corpus`.
//!
//! With feature `face` the picture, manifest and portrait targets are replayed too.
#![cfg(feature = "issue")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use shared::credential::Challenge;
use shared::journal::{Chain, Checkpoint, Entry, Memory};
use shared::provisioning::Provisioning;
use shared::reason::Reason;

#[path = "../fuzz/src/bodies/mod.rs"]
#[allow(unreachable_pub, clippy::expect_used, reason = "it is the library of the fuzz targets")]
mod bodies;

/// The largest file kept, in bytes.
const MAX_FILE: usize = 4096;

/// The most that all files together may take, in bytes.
const MAX_CORPUS: usize = 400_000;

/// Seeds that hold an ECDSA signature, which is another one every time it is made.
const SIGNED_ANEW: [(&str, &str); 2] =
    [("health_certificate", "genuine"), ("visible_digital_seal", "genuine")];

/// A list of the signers of seals.
const SEAL_SIGNERS: &[u8] =
    br#"{"signers": [{"country": "XA", "key_id": "c2FtcGxlaWQ=", "public_key": "AA=="}]}"#;

/// The symbols among the seeds of `qr_read`: name, text, pixels of a module beyond the first.
const SYMBOLS: [(&str, &str, u8); 2] = [("one_pixel", "GATEPASS", 0), ("three_pixels", "A1", 2)];

#[test]
fn nothing_in_the_corpus_panics() {
    let mut total = 0;
    for (target, body) in bodies::TARGETS {
        let files = files(&corpus(target));
        assert!(!files.is_empty(), "{target} has no corpus");
        for file in files {
            let input = fs::read(&file).unwrap();
            assert!(input.len() <= MAX_FILE, "{} is too large", file.display());
            total += input.len();
            if std::panic::catch_unwind(|| body(&input)).is_err() {
                panic!("{target} panicked on {}", file.display());
            }
        }
    }
    assert!(total <= MAX_CORPUS, "the corpus has grown to {total} bytes");
}

/// A corpus that reaches only the first `return Err` would prove little.
#[test]
fn the_seeds_are_accepted() {
    let fixture = bodies::fixture();
    let seed = |target: &str, name: &str| fs::read_to_string(corpus(target).join(name)).unwrap();
    for name in ["rotating", "paper", "countersigned", "groups", "encrypted", "shared_key", "secret"] {
        let verified = bodies::checkpoint().verify(&seed("verify", name), fixture.now, &mut Seen);
        let verified = verified.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(verified.claims().status.as_ref().map(|status| status.index), Some(4711), "{name}");
    }
    for name in ["claim_169", "inji"] {
        let verified = bodies::checkpoint().verify(&seed("verify", name), fixture.now, &mut Seen);
        let verified = verified.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(verified.claims().status.is_none(), "{name}");
    }
    for (name, key) in [("with_key", fixture.keys[0].public_key()), ("without_key", None)] {
        let challenge = Challenge::decode(&seed("challenge", name)).unwrap();
        assert_eq!(challenge.reply_to(), key, "{name}");
    }
    assert_eq!(Provisioning::decode(&seed("provisioning", "lane")), Ok(lane()));
    assert_eq!(seed("provisioning", "fingerprint").parse(), Ok(lane().fingerprint()));
    for name in ["hpke", "aes"] {
        let message = fs::read(corpus("encryption").join(name)).unwrap();
        assert!(shared::encryption::open(&message, &fixture.keys).is_ok(), "{name}");
    }
    let disclosed = fs::read(corpus("credential").join("disclosures")).unwrap();
    assert_eq!(shared::cbor::decode(&disclosed).unwrap(), disclosures());
    let (health, seal) = (seed("health_certificate", "genuine"), seed("visible_digital_seal", "genuine"));
    assert!(bodies::seals_are_genuine(&health, &seal), "run with GATEPASS_REGENERATE=1");
    for (name, text) in SYMBOLS.map(|(name, text, _)| (name, text)) {
        let frame = bodies::frame(&fs::read(corpus("qr_read").join(name)).unwrap()).unwrap();
        assert_eq!(
            shared::qr::read(&frame).symbols.first().map(|symbol| symbol.text.as_str()),
            Some(text),
            "{name}"
        );
    }
}

#[test]
fn the_repository_of_the_fixture_brings_everything_along() {
    let fixture = bodies::fixture();
    let machine = fixture.machine.id();
    let update = shared::trust::update_for(
        fixture.repository.clone(),
        &fixture.root,
        &shared::trust::Files::new(),
        fixture.now,
        Some(machine),
    );
    let (store, _) = update.unwrap();
    assert_eq!(store.kiosk().unwrap().machine(), machine.to_string());
    let keys = store.sector_keys(&fixture.purpose, &fixture.machine);
    assert_eq!(keys.iter().map(|key| key.id()).collect::<Vec<_>>(), [fixture.epoch.id()]);
}

/// The seeds are what the code makes today; `GATEPASS_REGENERATE=1` writes them anew after a change to the format.
#[test]
fn the_seeds_are_up_to_date() {
    let regenerate = std::env::var_os("GATEPASS_REGENERATE").is_some();
    for ((target, name), bytes) in seeds() {
        let file = corpus(target).join(&name);
        if regenerate {
            fs::create_dir_all(corpus(target)).unwrap();
            fs::write(&file, &bytes).unwrap();
        }
        let found = fs::read(&file).unwrap();
        // `the_seeds_are_accepted` looks at the others.
        if !SIGNED_ANEW.contains(&(target, name.as_str())) {
            assert!(found == bytes, "{} is not what the code makes", file.display());
        }
    }
}

/// Every seed, by its target and name.
fn seeds() -> BTreeMap<(&'static str, String), Vec<u8>> {
    use shared::qr::payload::{base45_decode, base45_encode};
    use shared::trust::{Files, HASHES, PublishedList, Status, StatusDelta, StatusListBuilder};

    let mut seeds = BTreeMap::new();
    let mut write = |target, name: &str, bytes: &[u8]| {
        assert!(seeds.insert((target, name.to_owned()), bytes.to_vec()).is_none(), "{target}/{name} twice");
    };
    let fixture = bodies::fixture();
    let (rotating, paper) = (fixture.rotating(), fixture.paper());
    let presentation = base45_decode(&rotating).unwrap();
    for (name, text) in [("rotating", &rotating), ("paper", &paper)] {
        for target in ["text", "verify", "base45"] {
            write(target, name, text.as_bytes());
        }
    }
    for target in ["text", "verify", "cbor"] {
        write(target, "presentation", &presentation);
        write(target, "credential", &fixture.credential);
    }
    let foreign_claims = fixture.foreign_claims();
    let foreign = fixture.foreign(&foreign_claims);
    let countersigned = fixture.countersigned();
    for (name, bytes) in [
        ("countersigned", countersigned.clone()),
        ("groups", fixture.with_groups()),
        ("claim_169", foreign.clone()),
        ("inji", hex::encode(&foreign).into_bytes()),
    ] {
        write("text", name, bodies::paper_text(bytes.clone()).as_bytes());
        write("verify", name, bodies::paper_text(bytes).as_bytes());
    }
    let inner = base45_decode(&paper).unwrap();
    let (hpke, aes) = (bodies::encrypted(&presentation), bodies::encrypted_with_shared_key(&inner));
    for (name, message) in [("encrypted", &hpke), ("shared_key", &aes)] {
        write("text", name, base45_encode(message).as_bytes());
        write("verify", name, base45_encode(message).as_bytes());
    }
    for target in ["text", "verify"] {
        write(target, "secret", base45_encode(&fixture.with_secret()).as_bytes());
    }
    write("encryption", "hpke", &hpke);
    write("encryption", "aes", &aes);
    write("encryption", "presentation", &presentation);
    write("encryption", "paper", &inner);
    write("encryption", "claim_169", &foreign);
    let public = fixture.keys[0].public_key().unwrap();
    write("encryption", "public_key", &public.to_cose().encode());
    write("encryption", "secret_key", &fixture.keys[0].to_cose());
    write("encryption", "shared_secret", &fixture.keys[1].to_cose());
    for (name, key) in [("with_key", Some(public)), ("without_key", None)] {
        let challenge = Challenge::new("border-lane-1", [8; 16], key, fixture.now).unwrap();
        write("challenge", name, challenge.encode().as_bytes());
    }
    write("provisioning", "lane", lane().encode().as_bytes());
    write("provisioning", "fingerprint", lane().fingerprint().to_string().as_bytes());
    write("cbor", "foreign", &foreign_claims);
    write("verify", "foreign_claims", &foreign_claims);
    write("credential", "foreign_claims", &foreign_claims);
    write("credential", "claim_169", &foreign);
    write("credential", "presentation", &presentation);
    write("credential", "countersigned", &countersigned);
    write("credential", "groups", &fixture.with_groups());
    write("credential", "disclosures", &disclosures().encode());
    let countersignature = match shared::cbor::decode(&countersigned).unwrap() {
        shared::cbor::Value::Tag(_, message) => message.as_array().unwrap()[1].get(11).unwrap().encode(),
        _ => unreachable!("it is signed"),
    };
    write("credential", "countersignature", &countersignature);
    write("credential", "credential", &fixture.credential);
    let claims = sign1_part(&fixture.credential, 2);
    write("credential", "claims", &claims);
    write("cbor", "claims", &claims);
    write("verify", "proof_claims", &sign1_part(&presentation, 2));
    write("verify", "claims", &sign1_part(&fixture.with_groups(), 2));

    let (files, target) = (&fixture.repository, |name: &str| {
        let found =
            fixture.repository.iter().find(|(path, _)| path.starts_with("targets/") && path.ends_with(name));
        found.unwrap().1.clone()
    });
    write("status_list", "token", &target("status-0.cwt"));
    write("status_list", "claims", &sign1_part(&target("status-0.cwt"), 2));
    let mut statuses = StatusListBuilder::default();
    for (index, status) in [(4, Status::Invalid), (4711, Status::Suspended), (900_000, Status::Invalid)] {
        assert!(statuses.set(index, status));
    }
    let uri = "https://id.xa.example/status/0";
    let list = |statuses: StatusListBuilder| PublishedList::new("status-0.cwt".into(), uri.into(), statuses);
    let old = Files::from([("status-0.cwt".into(), list(StatusListBuilder::default()).zlib().to_vec())]);
    write("status_delta", "changes", &StatusDelta::between(&old, &[list(statuses)]).encode());
    write("issuer_keys", "one_key", &target("keys.json"));
    write("policy", "border", &target("border.json"));
    write("health_certificate", "genuine", bodies::good_health_certificate(fixture.now).as_bytes());
    write("health_certificate", "claims", &bodies::health_claims(fixture.now));
    write("visible_digital_seal", "genuine", bodies::seal_text(&bodies::seal_data()).as_bytes());
    write("visible_digital_seal", "data", bodies::seal_data().to_string().as_bytes());
    write("seal_trust", "authority", bodies::SEAL_AUTHORITY);
    write("seal_trust", "signer", bodies::SEAL_SIGNER);
    write("seal_trust", "lists", SEAL_SIGNERS);
    for (place, (name, _)) in bodies::REPLACED.iter().enumerate() {
        let place = u8::try_from(place).unwrap();
        let whole = files.get(*name).unwrap_or(&fixture.root).clone();
        let mut content = bodies::content(&whole);
        if name.contains("2.root") {
            content["version"] = 2.into();
        }
        let content = serde_json::to_vec(&content).unwrap();
        let name = name.trim_start_matches("metadata/").trim_end_matches(".json");
        write("repository", &format!("{name}_file"), &[&[place][..], &whole].concat());
        write("repository", &format!("{name}_content"), &[&[place + 16][..], &content].concat());
    }

    let part = &files["metadata/1.xa.json"];
    write("agency_part", "file", part);
    write("agency_part", "content", &serde_json::to_vec(&bodies::content(part)).unwrap());
    let kiosk_identity = &fixture.targets[&shared::trust::kiosk_target(fixture.machine.id())];
    write("kiosk_identity", "lane", kiosk_identity);
    for (place, name, bytes) in [
        (0, "keys", fixture.own["keys.json"].clone()),
        (1, "status_list_file", fixture.own["status-0.cwt"].clone()),
        (17, "status_list_content", sign1_part(&fixture.own["status-0.cwt"], 2)),
        (2, "hashes_file", fixture.own[HASHES].clone()),
        (18, "hashes_content", sign1_part(&fixture.own[HASHES], 2)),
        (3, "policy", fixture.targets["policy/border.json"].clone()),
        (4, "sector_epochs", fixture.targets["sector-keys/border.json"].clone()),
        (5, "sector_key_file", fixture.targets[&bodies::wrapped_name()].clone()),
        (21, "sector_key_content", fixture.epoch.to_cose().to_vec()),
        (6, "seals", SEAL_SIGNERS.to_vec()),
        (7, "kiosk_identity", kiosk_identity.clone()),
    ] {
        write("target", name, &[&[place][..], &bytes].concat());
    }

    let decided = Entry::Decided {
        purpose: fixture.purpose.clone(),
        reason: Reason::Accepted,
        trust: 7,
        face: true,
        took: 900,
        memory: Some(Memory::Site),
    };
    write("journal", "decided", &decided.encode([1; 16]));
    let officer =
        Entry::Overridden { decision: 2, admitted: true, reason: "assisted".to_owned(), operator: 3 };
    write("journal", "officer", &officer.encode([1; 16]));
    let key = b"sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    write("journal", "key", key);
    let note = Checkpoint::of(&Chain::default()).sign(&bodies::kiosk()).unwrap();
    write("journal", "note", note.as_bytes());
    write("journal", "note_text", note.split("\n\n").next().unwrap().as_bytes());

    for (name, text, scale) in SYMBOLS {
        let symbol = shared::qr::encode(text).unwrap();
        write("qr_read", name, &modules(&symbol, scale));
    }
    write("qr_read", "pixels", &[&[32, 0][..], &[0, 90, 200, 255].repeat(48 * 12)].concat());
    #[cfg(feature = "face")]
    {
        let manifest = include_str!("../../models/manifest.toml");
        let first = manifest.split("[[set]]").nth(1).unwrap();
        write("manifest", "one_set", format!("[[set]]{first}").as_bytes());
        for (name, format) in [("jpeg", image::ImageFormat::Jpeg), ("png", image::ImageFormat::Png)] {
            let picture =
                image::RgbImage::from_fn(24, 16, |x, y| image::Rgb([x as u8 * 9, y as u8 * 15, 128]));
            let mut bytes = std::io::Cursor::new(Vec::new());
            picture.write_to(&mut bytes, format).unwrap();
            write("picture", name, bytes.get_ref());
        }
        for (number, name) in [(1, "jpg"), (3, "avif"), (4, "webp")] {
            let sample = format!("../tests/portraits/resident-01.{name}");
            let sample = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(sample)).unwrap();
            write("portrait", name, &[&[number][..], &sample].concat());
        }
    }
    seeds
}

/// What a kiosk is told.
fn lane() -> Provisioning {
    let purpose = bodies::fixture().purpose.clone();
    Provisioning::new([7; 32], "/media/gatepass/REPO", purpose, "North hall, lane 3", "journal_days = 30\n")
        .unwrap()
}

/// An entry of a map, an element of an array inside it, a decoy, and the claims that have hashes of the first and the
/// third: see `disclose` in the bodies.
fn disclosures() -> shared::cbor::Value<'static> {
    use shared::cbor::{REDACTED_KEYS, Value};
    let salted =
        |rest: Vec<Value<'static>>| Value::Array([vec![Value::Bytes(b"sixteen bytes ok")], rest].concat());
    let hidden = Value::Array(vec![Value::Tag(60, Box::new(Value::from(-1))), Value::Text("SAMPLE")]);
    let hashes = Value::Array(vec![Value::from(-2), Value::from(-3)]);
    let identity = Value::Map(vec![(Value::from(9), Value::from(1)), (REDACTED_KEYS, hashes)]);
    Value::Array(vec![
        salted(vec![Value::Text("EXAMPLE")]),
        salted(vec![hidden, Value::from(80)]),
        salted(vec![]),
        Value::Map(vec![(Value::from(169), identity)]),
    ])
}

/// A symbol with a margin of four modules, as `qr_read` takes it: one bit per module.
fn modules(symbol: &shared::qr::Symbol, scale: u8) -> Vec<u8> {
    let side = symbol.size() + 8;
    let mut bits = vec![];
    for (y, x) in (0..side).flat_map(|y| (0..side).map(move |x| (y, x))) {
        let inside = |at: u32| at.checked_sub(4).filter(|at| *at < symbol.size());
        bits.push(inside(x).zip(inside(y)).is_some_and(|(x, y)| symbol.is_dark(x, y)));
    }
    let bytes = bits
        .chunks(8)
        .map(|byte| byte.iter().enumerate().fold(0, |sum, (bit, dark)| sum | u8::from(*dark) << bit));
    [u8::try_from(side).unwrap() - 16, 1 + 2 * scale].into_iter().chain(bytes).collect()
}

/// One of the four byte strings of a COSE_Sign1.
fn sign1_part(bytes: &[u8], place: usize) -> Vec<u8> {
    let value = shared::cbor::decode(bytes).unwrap();
    let shared::cbor::Value::Tag(18, body) = value else { panic!("not a COSE_Sign1") };
    body.as_array().unwrap()[place].as_bytes().unwrap().to_vec()
}

/// The most CPU time that any input of each target costs, of those committed and of those that fuzzing left under the
/// folder that `GATEPASS_FOUND` names: `target/found` of the fuzz targets.
///
/// `GATEPASS_FOUND=… cargo test --release -p shared --all-features --test corpus -- --ignored --nocapture`
#[test]
#[ignore = "a measurement, worth something in release only"]
fn the_slowest_inputs() {
    let found = std::env::var_os("GATEPASS_FOUND").map(PathBuf::from);
    for (target, body) in bodies::TARGETS {
        let found = found.iter().flat_map(|found| files(&found.join(target)));
        let mut slowest = (Duration::ZERO, PathBuf::new(), 0);
        let mut count = 0;
        body(&[]);
        for file in files(&corpus(target)).into_iter().chain(found) {
            let input = fs::read(&file).unwrap();
            // The least of three: what else the machine does is not the input's cost.
            let cost = (0..3).map(|_| cpu_time(|| body(&input))).min().unwrap();
            count += 1;
            if cost > slowest.0 {
                slowest = (cost, file, input.len());
            }
        }
        let (cost, file, length) = slowest;
        println!("{target}: {count} inputs, slowest {cost:.2?} ({length} bytes): {}", file.display());
    }
}

/// CPU time of this thread.
fn cpu_time(run: impl FnOnce()) -> Duration {
    let now = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::try_from(now).unwrap()
    };
    let start = now();
    run();
    now() - start
}

struct Seen;

impl shared::credential::ReplayMemory for Seen {
    fn first_sight(
        &mut self,
        _: shared::credential::ProofId,
        _: shared::time::Timestamp,
        _: shared::time::Timestamp,
        _: shared::trust::ReplayRule,
    ) -> shared::credential::Sight {
        shared::credential::Sight::First
    }
}

fn corpus(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
