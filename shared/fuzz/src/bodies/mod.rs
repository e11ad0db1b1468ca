//! What each fuzz target does with its input. The corpus replay of `shared` includes this file too.
//!
//! A body may return at any point and must not panic. Where a signature stands before the interesting part, the
//! body makes that signature itself, from keys that are no secret.

mod fixture;
mod messages;
mod seals;

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::GrayImage;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value as Json, json};
use shared::cbor::{self, Value};
use shared::credential::{Challenge, Presentation, ProofId, ReplayMemory, Sight, UnverifiedCredential};
use shared::encryption::{self as cose_encryption, DecryptionKey, EncryptionKey};
use shared::journal::{Checkpoint, CheckpointKey, Entry};
use shared::key::{Signer, SoftwareKey};
#[cfg(feature = "face")]
use shared::portrait::{Portrait, PortraitFormat};
use shared::provisioning::{Fingerprint, Provisioning};
use shared::qr::payload;
use shared::seal::{HealthCertificate, SealReader, SealTrust, VisibleDigitalSeal};
use shared::time::Timestamp;
use shared::trust::{
    AgencyPart, Files, HASHES, IssuerKey, IssuerKeys, KioskIdentity, LIST_SIZE, Policy, ReplayRule,
    RootDocument, StatusDelta, StatusList, epochs_target, kiosk_target, update, update_for,
};

pub use fixture::{Fixture, checkpoint, content, fixture, wrapped_name};
pub use messages::{encrypted, encrypted_with_shared_key, paper_text};
pub use seals::{
    SEAL_AUTHORITY, SEAL_SIGNER, good_health_certificate, health_claims, seal_data, seal_text,
    seals_are_genuine,
};

use fixture::{
    AGENCY, AGENCY_NAME, HOLDER, ISSUER, ISSUER_KEY, MACHINE, ROOT, SNAPSHOT, SUBJECT, TARGETS_KEY,
    TIMESTAMP, encrypted_to, envelope, key, repository_of, sign_with,
};
use messages::{
    FOREIGN_HEADERS, countersigned, credential_headers, disclose, map, number, signed, with_countersignature,
};
use seals::{SEAL_KEY_ID, health_message, health_text, seal_trust_fixture};

/// A target's body.
pub type Body = fn(&[u8]);

/// Every target, by the name of its program and of its folder in `corpus/`.
pub const TARGETS: &[(&str, Body)] = &[
    ("text", text),
    ("credential", credential),
    ("verify", verify),
    ("challenge", challenge),
    ("provisioning", provisioning),
    ("encryption", encryption),
    ("cbor", cbor),
    ("base45", base45),
    ("status_list", status_list),
    ("status_delta", status_delta),
    ("issuer_keys", issuer_keys),
    ("policy", policy),
    ("kiosk_identity", kiosk_identity),
    ("repository", repository),
    ("target", target),
    ("agency_part", agency_part),
    ("journal", journal),
    ("health_certificate", health_certificate),
    ("visible_digital_seal", visible_digital_seal),
    ("seal_trust", seal_trust),
    ("qr_read", qr_read),
    #[cfg(feature = "face")]
    ("picture", picture),
    #[cfg(feature = "face")]
    ("manifest", manifest),
    #[cfg(feature = "face")]
    ("portrait", portrait),
];

/// The text of a symbol, taken apart and opened: the input as that text, and as the bytes inside one.
pub fn text(input: &[u8]) {
    for text in texts(input) {
        let presentation = Presentation::decode(&text);
        if let Ok(presentation) = presentation.and_then(|presentation| presentation.open(&fixture().keys)) {
            let _ = presentation.credential();
        }
    }
}

/// The bytes of a credential in every form that a symbol has for them; the input as claims, of our own profile and
/// not; as a countersignature, and as what is disclosed.
pub fn credential(input: &[u8]) {
    let ours = signed(&credential_headers(), input, None);
    for bytes in [input, &ours] {
        if let Ok(credential) = UnverifiedCredential::decode(bytes) {
            let _ = (credential.claims(), credential.key_id());
        }
    }
    let foreign = signed(&FOREIGN_HEADERS, input, None);
    let presentations = [
        Presentation::Static(input.to_vec()),
        Presentation::Hexadecimal(input.to_vec()),
        Presentation::KeyBound(input.to_vec()),
        Presentation::Static(foreign),
    ];
    for presentation in presentations {
        if let Ok(credential) = presentation.credential() {
            let _ = (credential.claims(), credential.key_id(), credential.dialect());
        }
    }
    let Ok(item) = cbor::decode(input) else { return };
    if let Value::Array(items) = &item {
        disclose(items);
    }
    let _ = Presentation::Static(with_countersignature(item)).credential();
}

/// Every check. Only what the fixture's issuer signed may pass, and it signed for one subject.
pub fn verify(input: &[u8]) {
    let now = fixture().now;
    let proof = [(3, Value::Text("border")), (4, number(now.plus(30))), (6, number(now))];
    let mut texts = texts(input);
    // The input as a proof, around the fixture's credential.
    let credential = cbor::decode(&fixture().credential).expect("the fixture is CBOR");
    let headers = [(1, Value::from(-8)), (13, credential), (16, Value::from(294))];
    texts.push(payload::base45_encode(&signed(&headers, input, Some(&key(HOLDER)))));
    if let Ok(item) = cbor::decode(input) {
        // The input as a proof inside it, and as a credential inside a proof that is good.
        texts.push(paper_text(countersigned(item.clone())));
        let headers = [(1, Value::from(-8)), (13, item), (16, Value::from(294))];
        let bytes = signed(&headers, &map(&proof).encode(), Some(&key(HOLDER)));
        texts.push(payload::base45_encode(&bytes));
    }
    for text in texts {
        if let Ok(verified) = checkpoint().verify(&text, now, &mut Seen::default()) {
            assert_eq!(verified.claims().subject, SUBJECT, "the issuer signed for nobody else");
        }
    }
    // The issuer signs whatever claims these are, of our own profile and not.
    if cbor::decode_foreign(input).is_err() {
        return;
    }
    let (issuer, id) = (key(ISSUER_KEY), key(ISSUER_KEY).public_key().id());
    let ours = [(1, Value::from(-8)), (4, Value::Bytes(&id.0)), (16, Value::from(293))];
    let foreign = signed(&FOREIGN_HEADERS, input, Some(&issuer));
    let inji = hex::encode(&foreign).into_bytes();
    for bytes in [signed(&ours, input, Some(&issuer)), foreign, inji] {
        if let Ok(verified) = checkpoint().verify(&paper_text(bytes), now, &mut Seen::default()) {
            let claims = verified.claims();
            assert_eq!(claims.issuer, ISSUER, "the key is nobody else's");
            assert!(claims.expires > now && claims.holder_key.is_none());
        }
    }
}

/// What a kiosk shows for a phone to answer: what is accepted is written and read back equal.
pub fn challenge(input: &[u8]) {
    for text in texts(input) {
        if let Ok(challenge) = Challenge::decode(&text) {
            assert_eq!(Challenge::decode(&challenge.encode()), Ok(challenge));
        }
    }
}

/// The text of a code that provisions a kiosk, or the bytes inside one; and a fingerprint as somebody types it.
pub fn provisioning(input: &[u8]) {
    for text in texts(input) {
        if let Ok(provisioning) = Provisioning::decode(&text) {
            assert_eq!(provisioning.encode(), text);
            assert_eq!(Provisioning::decode(&text), Ok(provisioning));
        }
        if let Ok(fingerprint) = text.parse::<Fingerprint>() {
            assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
        }
    }
}

/// An encrypted message, the keys as COSE writes them, and the input inside messages of both kinds that open.
pub fn encryption(input: &[u8]) {
    let keys = &fixture().keys;
    let _ = cose_encryption::open(input, keys);
    if let Ok(key) = DecryptionKey::from_cose(input) {
        let again = DecryptionKey::from_cose(&key.to_cose()).map(|again| again.id());
        assert_eq!(again, Ok(key.id()));
    }
    if let Ok(item) = cbor::decode(input)
        && let Ok(key) = EncryptionKey::from_cose(&item)
    {
        assert_eq!(key.to_cose(), item);
        let _ = key.seal(b"an answer", &[9; 32]);
    }
    for message in [encrypted(input), encrypted_with_shared_key(input)] {
        assert!(cose_encryption::open(&message, keys).is_ok_and(|plain| plain.as_slice() == input));
        if let Ok(presentation) = Presentation::Encrypted(message).open(keys) {
            let _ = presentation.credential();
        }
    }
}

/// CBOR: what is accepted is the only encoding of what it means, and means the same to the reader of foreign CBOR.
/// What that one accepts has a deterministic form.
pub fn cbor(input: &[u8]) {
    let foreign = cbor::decode_foreign(input);
    if let Ok(value) = cbor::decode(input) {
        assert_eq!(value.encode(), input);
        assert_eq!(foreign.as_ref(), Ok(&value));
    }
    if let Ok(value) = foreign {
        let written = value.encode();
        assert_eq!(cbor::decode_foreign(&written).map(|again| again.encode()).as_ref(), Ok(&written));
    }
}

/// Base45: what is accepted is the only encoding, and every bytes have one.
pub fn base45(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input)
        && let Ok(bytes) = payload::base45_decode(text)
    {
        assert_eq!(payload::base45_encode(&bytes), text);
    }
    assert_eq!(payload::base45_decode(&payload::base45_encode(input)).as_deref(), Ok(input));
}

/// A status list token, and the input as the claims of one that is well signed.
pub fn status_list(input: &[u8]) {
    let issuer = key(ISSUER_KEY);
    let media_type = Value::Text("application/statuslist+cwt");
    let id = issuer.public_key().id();
    let headers = [(1, Value::from(-8)), (4, Value::Bytes(&id.0)), (16, media_type)];
    let mut tokens = vec![input.to_vec()];
    if cbor::decode(input).is_ok() {
        tokens.push(signed(&headers, input, Some(&issuer)));
    }
    let not_before = Timestamp::from_unix(0).expect("1970 is a time");
    let key = IssuerKey::new(issuer.public_key(), not_before);
    for token in tokens {
        if let Ok(list) = StatusList::verify(&token, [&key]) {
            assert!(list.status(0).is_some());
            assert!(list.status(u64::MAX).is_none());
        }
    }
}

/// What changed in status lists: what is accepted says the same when it is written again, and lies in its list.
pub fn status_delta(input: &[u8]) {
    if let Ok(delta) = StatusDelta::decode(input) {
        assert!(delta.changes("status-0.cwt").iter().all(|change| change.index < LIST_SIZE));
        assert_eq!(StatusDelta::decode(&delta.encode()), Ok(delta));
    }
}

/// `keys.json`.
pub fn issuer_keys(input: &[u8]) {
    json_round_trip::<IssuerKeys>(input);
}

/// `policy/<purpose>.json`.
pub fn policy(input: &[u8]) {
    json_round_trip::<Policy>(input);
}

/// `kiosks/<machine>.json`.
pub fn kiosk_identity(input: &[u8]) {
    json_round_trip::<KioskIdentity>(input);
}

/// One file of a repository replaced. The first byte says which, and whether the input is the whole file or what a
/// good signature is made over.
pub fn repository(input: &[u8]) {
    let Some((choice, input)) = input.split_first() else { return };
    let Fixture { root, repository, now, .. } = fixture();
    if let Ok(document) = RootDocument::parse(input) {
        let _ = (document.published(), document.signers().count(), document.root_schemes());
    }
    let (name, signers): (_, &[u8]) = REPLACED[usize::from(choice % 16) % REPLACED.len()];
    let file = if choice / 16 % 2 == 0 {
        input.to_vec()
    } else {
        let Ok(content) = serde_json::from_slice(input) else { return };
        let Some(file) = envelope(&content, signers) else { return };
        file
    };
    if name == PROVISIONED {
        let _ = update(repository.clone(), &file, &Files::new(), *now);
        return;
    }
    let mut repository = repository.clone();
    repository.insert(name.to_owned(), file);
    if let Ok((store, snapshot)) = update(repository, root, &Files::new(), *now) {
        let again = update(snapshot.repository, root, &snapshot.memory, *now);
        assert!(
            again.is_ok_and(|(again, _)| again.versions() == store.versions()),
            "what was kept must load again"
        );
    }
}

/// One target of a repository replaced, everything signed anew. The first byte says which, and whether the input is
/// the whole target or what its signature or encryption is made around.
pub fn target(input: &[u8]) {
    let Some((choice, input)) = input.split_first() else { return };
    let Fixture { root, own, targets, machine, now, purpose, .. } = fixture();
    let (mut own, mut targets) = (own.clone(), targets.clone());
    let plain = choice / 16 % 2 == 0;
    let token = |media_type| {
        let (id, media_type) = (key(ISSUER_KEY).public_key().id(), Value::Text(media_type));
        let headers = [(1, Value::from(-8)), (4, Value::Bytes(&id.0)), (16, media_type)];
        signed(&headers, input, Some(&key(ISSUER_KEY)))
    };
    let own_target = |name: &str, bytes: Vec<u8>| (true, name.to_owned(), bytes);
    let (is_own, name, bytes) = match (choice % 16 % 8, plain) {
        (0, _) => own_target("keys.json", input.to_vec()),
        (1, true) => own_target("status-0.cwt", input.to_vec()),
        (1, false) => own_target("status-0.cwt", token("application/statuslist+cwt")),
        (2, true) => own_target(HASHES, input.to_vec()),
        (2, false) => own_target(HASHES, token("application/gatepass-status-hashes+cwt")),
        (3, _) => (false, format!("policy/{purpose}.json"), input.to_vec()),
        (4, _) => (false, epochs_target(purpose), input.to_vec()),
        (5, true) => (false, wrapped_name(), input.to_vec()),
        (5, false) => (false, wrapped_name(), encrypted_to(MACHINE, input)),
        (6, _) => (false, "seals/health-certificates.json".to_owned(), input.to_vec()),
        _ => (false, kiosk_target(machine.id()), input.to_vec()),
    };
    if is_own { &mut own } else { &mut targets }.insert(name, bytes);
    let repository = repository_of(root, &own, &targets, *now);
    if let Ok((store, _)) = update_for(repository, root, &Files::new(), *now, Some(machine.id())) {
        assert!(store.sector_keys(purpose, machine).len() <= 1, "one epoch's key is wrapped");
        let other = store.kiosk().filter(|kiosk| kiosk.machine() != machine.id().to_string());
        assert!(other.is_none(), "a kiosk is nobody else");
    }
}

/// The metadata of the part that an agency hands over: the input, and the input with the agency's signature.
pub fn agency_part(input: &[u8]) {
    let signed = serde_json::from_slice(input).ok().and_then(|content| envelope(&content, &[AGENCY]));
    for metadata in std::iter::once(input.to_vec()).chain(signed) {
        let source = &fixture().repository;
        let part = AgencyPart::read(AGENCY_NAME, ISSUER, key(AGENCY).public_key(), metadata, source);
        if let Ok(part) = part {
            let own =
                |name: &String| name.starts_with("metadata/") || name.starts_with("targets/issuers/xa/");
            assert!(part.files().keys().all(own), "an agency brings nothing but its own");
        }
    }
}

/// The body of a row, a verifier key, a signed note; and the input as the text of a note that is well signed.
pub fn journal(input: &[u8]) {
    if let Some(entry) = Entry::decode(input) {
        assert_eq!(Entry::decode(&entry.encode([9; 16])), Some(entry));
    }
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(key) = CheckpointKey::parse(text) {
        assert_eq!(CheckpointKey::parse(&key.to_string()), Ok(key));
    }
    let own = CheckpointKey::of(kiosk().public_key());
    for note in [text.to_owned(), signed_note(text)] {
        if let Ok(checkpoint) = Checkpoint::verify(&note, &own) {
            // In one way, and by this kiosk.
            let again = checkpoint.sign(&kiosk()).expect("a key in memory signs");
            assert!(again.starts_with(&note[..note.find("\n\n").expect("it was found") + 2]));
        }
    }
}

/// Who signs the checkpoints of [`journal`].
pub fn kiosk() -> SoftwareKey {
    key(MACHINE)
}

/// A note with any text, signed by the kiosk of [`journal`].
fn signed_note(text: &str) -> String {
    let key = CheckpointKey::of(kiosk().public_key()).to_string();
    let (name, hash) = key.split_once('+').expect("name, hash and key");
    let hash = hash.get(..8).and_then(|hash| hex::decode(hash).ok()).expect("four bytes in hexadecimal");
    let text = format!("{text}\n");
    let signature = STANDARD.encode([hash, sign_with(MACHINE, text.as_bytes()).to_vec()].concat());
    format!("{text}\n\u{2014} {name} {signature}\n")
}

/// A grey frame.
pub fn qr_read(input: &[u8]) {
    if let Some(frame) = frame(input) {
        let reading = shared::qr::read(&frame);
        assert!(reading.symbols.is_empty() || !reading.undecodable);
    }
}

/// Makes the frame of [`qr_read`]. The first byte says how wide, the second whether the rest is pixels or the modules of
/// a symbol, one bit each, and how many pixels wide a module is.
pub fn frame(input: &[u8]) -> Option<GrayImage> {
    let [width, kind, rest @ ..] = input else { return None };
    let width = 16 + u32::from(width % 64);
    let module = |byte: u8, bit: u32| if byte >> bit & 1 == 0 { 255 } else { 0 };
    let (scale, pixels): (_, Vec<u8>) = match kind % 2 {
        0 => (1, rest.to_vec()),
        _ => (
            1 + u32::from(kind / 2 % 4),
            rest.iter().flat_map(|byte| (0..8).map(move |bit| module(*byte, bit))).collect(),
        ),
    };
    let height = (u32::try_from(pixels.len()).unwrap_or_default() / width).min(80);
    let at = |x: u32, y: u32| pixels.get((y / scale * width + x / scale) as usize).copied().unwrap_or(255);
    Some(GrayImage::from_fn(width * scale, height * scale, |x, y| image::Luma([at(x, y)])))
}

/// A health certificate: its text, its COSE message, and the input as claims that are well signed.
pub fn health_certificate(input: &[u8]) {
    let text = std::str::from_utf8(input).ok().map(str::to_owned);
    for text in text.into_iter().chain([health_text(input.to_vec()), health_text(health_message(input))]) {
        if let Ok(seal) = HealthCertificate.verify(&text, seal_trust_fixture(), fixture().now) {
            assert_eq!(seal.country, "XA", "nobody else's signer is listed");
            assert!(seal.valid_from < seal.valid_until);
        }
    }
}

/// A visible digital seal: its text, and the input as `data` that is well signed.
pub fn visible_digital_seal(input: &[u8]) {
    let text = std::str::from_utf8(input).ok().map(str::to_owned);
    let sealed = text.as_deref().and_then(|text| serde_json::from_str::<Json>(text).ok());
    for text in text.into_iter().chain(sealed.map(|data| seal_text(&data))) {
        if let Ok(seal) = VisibleDigitalSeal.verify(&text, seal_trust_fixture(), fixture().now) {
            assert_eq!(seal.country, "UTO", "nobody else's authority is listed");
        }
    }
}

/// The lists of whom seals are believed from, and the input as a certificate in them.
pub fn seal_trust(input: &[u8]) {
    let certificate = STANDARD.encode(input);
    let signers = json!({ "signers": [{ "country": "XA", "key_id": STANDARD.encode(SEAL_KEY_ID), "certificate": certificate }] });
    let authorities = json!({ "authorities": [{ "country": "UTO", "certificate": certificate }] });
    for list in [input, signers.to_string().as_bytes(), authorities.to_string().as_bytes()] {
        let _ = SealTrust::default().with_health_certificates(list);
        let _ = SealTrust::default().with_visible_digital_seals(list);
    }
}

/// A JPEG or PNG file.
#[cfg(feature = "face")]
pub fn picture(input: &[u8]) {
    let _ = shared::face::decode(input);
}

/// `models/manifest.toml`.
#[cfg(feature = "face")]
pub fn manifest(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = shared::face::Manifest::parse(text);
    }
}

/// A portrait: the number of its format, then its bytes.
#[cfg(feature = "face")]
pub fn portrait(input: &[u8]) {
    let Some((number, bytes)) = input.split_first() else { return };
    let format = PortraitFormat::from_number(u64::from(*number));
    let Ok(portrait) = format.and_then(|format| Portrait::new(format, bytes.to_vec())) else { return };
    if let Ok(unit) = shared::face::avif_still(portrait.as_bytes()) {
        assert!(unit.len() <= bytes.len());
    }
    if let Ok(picture) = shared::face::decode_portrait(&portrait) {
        assert!(picture.width().max(picture.height()) <= 1024);
    }
}

/// Stands for the root metadata that the device was provisioned with.
const PROVISIONED: &str = "root";

/// The files that [`repository`] replaces, with the seeds of the keys that sign them.
pub const REPLACED: &[(&str, &[u8])] = &[
    ("metadata/timestamp.json", &[TIMESTAMP]),
    (PROVISIONED, &ROOT),
    ("metadata/2.root.json", &ROOT),
    ("metadata/1.snapshot.json", &[SNAPSHOT]),
    ("metadata/1.targets.json", &[TARGETS_KEY]),
    ("metadata/1.xa.json", &[AGENCY]),
];

/// The input as the text of a symbol, and as the bytes that such a text carries.
fn texts(input: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(input).ok().map(str::to_owned);
    text.into_iter().chain([payload::base45_encode(input)]).collect()
}

fn json_round_trip<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(input: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<T>(input) {
        let written = serde_json::to_vec(&value).expect("what was read can be written");
        assert_eq!(serde_json::from_slice::<T>(&written).ok(), Some(value));
    }
}

#[derive(Default)]
struct Seen(BTreeSet<ProofId>);

impl ReplayMemory for Seen {
    fn first_sight(
        &mut self,
        proof: ProofId,
        _dead_after: Timestamp,
        _now: Timestamp,
        _rule: ReplayRule,
    ) -> Sight {
        if self.0.insert(proof) { Sight::First } else { Sight::Again }
    }
}
