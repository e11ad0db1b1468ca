//! What each fuzz target does with its input. The corpus replay of `shared` includes this file too.
//!
//! A body may return at any point and must not panic. Where a signature stands before the interesting part, the
//! body makes that signature itself, from keys that are no secret.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use image::GrayImage;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use shared::cbor::{self, Value};
use shared::credential::{
    Attribute, AttributeValue, Attributes, Challenge, Checkpoint, Claims, Group, Presentation, ProofId,
    Purpose, ReplayMemory, Statement, StatusReference, UnverifiedCredential, countersign,
    prepare_with_groups, present, reveal, sign,
};
use shared::encryption::{self as cose_encryption, DecryptionKey, EncryptionKey};
use shared::key::{PublicKey, Signer, SoftwareKey};
#[cfg(feature = "face")]
use shared::portrait::{Portrait, PortraitFormat};
use shared::qr::payload::{self, Payload};
use shared::seal::{HealthCertificate, SealReader, SealTrust, VisibleDigitalSeal};
use shared::template::{AlgorithmId, Template};
use shared::time::Timestamp;
use shared::trust::{
    AgencyRole, AttackRule, Dialect, FaceRule, FalseMatchRate, Files, IssuerKey, IssuerKeys, LIST_SIZE,
    PaperRule, Policy, ProofRule, Publication, RepositoryKeys, RoleVersions, RootDocument, StaleRule,
    StatusDelta, StatusList, StatusListBuilder, TrustStore, publish, sign_root, update,
};
use sigstore_tuf::canonical_json;

/// A target's body.
pub type Body = fn(&[u8]);

/// Every target, by the name of its program and of its folder in `corpus/`.
pub const TARGETS: &[(&str, Body)] = &[
    ("text", text),
    ("credential", credential),
    ("verify", verify),
    ("challenge", challenge),
    ("encryption", encryption),
    ("cbor", cbor),
    ("base45", base45),
    ("status_list", status_list),
    ("status_delta", status_delta),
    ("issuer_keys", issuer_keys),
    ("policy", policy),
    ("repository", repository),
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

/// The key of the signer of seals: 32 times 0x11, and its point on P-256.
const SEAL_KEY: [u8; 32] = [0x11; 32];
const SEAL_POINT: &str = "040217e617f0b6443928278f96999e69a23a4f2c152bdf6d6cdf66e5b80282d4ed194a7debcb97712d2dda3ca85aa8765a56f45fc758599652f2897c65306e5794";
const SEAL_KEY_ID: [u8; 8] = *b"sampleid";

/// An authority, until 2041. Written by `write_the_certificates_of_the_fuzz_targets` in `tests/tests/seals.rs`.
pub const SEAL_AUTHORITY: &[u8] = include_bytes!("seal_authority.der");
/// The signer that it certified for [`SEAL_KEY`], until 2036.
pub const SEAL_SIGNER: &[u8] = include_bytes!("seal_signer.der");

fn seal_trust_fixture() -> &'static SealTrust {
    static TRUST: OnceLock<SealTrust> = OnceLock::new();
    TRUST.get_or_init(|| {
        let (signer, authority) = (STANDARD.encode(SEAL_SIGNER), STANDARD.encode(SEAL_AUTHORITY));
        let signers = json!({ "signers": [{ "country": "XA", "key_id": STANDARD.encode(SEAL_KEY_ID), "certificate": signer }] });
        let authorities = json!({ "authorities": [{ "country": "UTO", "certificate": authority }] });
        SealTrust::default()
            .with_health_certificates(signers.to_string().as_bytes())
            .and_then(|trust| trust.with_visible_digital_seals(authorities.to_string().as_bytes()))
            .expect("good lists")
    })
}

fn sign_seal(message: &[u8]) -> Vec<u8> {
    let point = hex::decode(SEAL_POINT).expect("hexadecimal");
    let key =
        EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_FIXED_SIGNING, &SEAL_KEY, &point);
    let signature = key.expect("a good key").sign(&SystemRandom::new(), message);
    signature.expect("a key in memory signs").as_ref().to_vec()
}

fn health_text(message: Vec<u8>) -> String {
    format!("HC1:{}", payload::encode(&Payload::Static(message)))
}

/// A COSE_Sign1 around any claims.
fn health_message(claims: &[u8]) -> Vec<u8> {
    let protected = map(&[(1, Value::from(-7)), (4, Value::Bytes(&SEAL_KEY_ID))]).encode();
    let (protected, payload) = (Value::Bytes(&protected), Value::Bytes(claims));
    let covered = vec![Value::Text("Signature1"), protected.clone(), Value::Bytes(&[]), payload.clone()];
    let signature = sign_seal(&Value::Array(covered).encode());
    Value::Array(vec![protected, Value::Map(vec![]), payload, Value::Bytes(&signature)]).encode()
}

/// A seal around any data.
pub fn seal_text(data: &Json) -> String {
    let canonical = canonical_json::to_canonical_bytes(data).unwrap_or_default();
    let (certificate, signature) =
        (URL_SAFE_NO_PAD.encode(SEAL_SIGNER), URL_SAFE_NO_PAD.encode(sign_seal(&canonical)));
    json!({ "data": data, "sig": { "alg": "ES256", "cer": certificate, "sigvl": signature } }).to_string()
}

/// The claims of a good health certificate.
pub fn health_claims(now: Timestamp) -> Vec<u8> {
    let text = |key, value| (Value::Text(key), Value::Text(value));
    let names = Value::Map(vec![text("fn", "SAMPLE"), text("gn", "ALEX 01")]);
    let doses = Value::Array(vec![Value::Map(vec![text("co", "XA")])]);
    let content = vec![(Value::Text("nam"), names), text("dob", "1998-02-14"), (Value::Text("v"), doses)];
    let content = Value::Map(vec![(Value::from(1), Value::Map(content))]);
    let claims = [(1, Value::Text("XA")), (4, number(now.plus(86_400))), (6, number(now)), (-260, content)];
    map(&claims).encode()
}

/// The text of a good health certificate.
pub fn good_health_certificate(now: Timestamp) -> String {
    health_text(health_message(&health_claims(now)))
}

/// The `data` of a good visible digital seal.
pub fn seal_data() -> Json {
    json!({
        "hdr": { "t": "icao.vacc", "v": 1, "is": "UTO" },
        "msg": { "uvci": "XA0001", "pid": { "n": "SAMPLE  ALEX 01", "dob": "1998-02-14" } },
    })
}

/// Whether a good seal of either scheme is believed by the fixture.
pub fn seals_are_genuine(health: &str, seal: &str) -> bool {
    let (trust, now) = (seal_trust_fixture(), fixture().now);
    HealthCertificate.verify(health, trust, now).is_ok()
        && VisibleDigitalSeal.verify(seal, trust, now).is_ok()
}

/// A portrait: the number of its format, then its bytes.
#[cfg(feature = "face")]
pub fn portrait(input: &[u8]) {
    let Some((number, bytes)) = input.split_first() else { return };
    let format = PortraitFormat::from_number(u64::from(*number));
    let Ok(portrait) = format.and_then(|format| Portrait::new(format, bytes.to_vec())) else { return };
    if let Ok(picture) = shared::face::decode_portrait(&portrait) {
        assert!(picture.width().max(picture.height()) <= 1024);
    }
}

/// Seeds of the fixed keys.
const ISSUER_KEY: u8 = 1;
const HOLDER: u8 = 2;
const AGENCY: u8 = 3;
const ROOT: [u8; 2] = [10, 11];
const TARGETS_KEY: u8 = 13;
const SNAPSHOT: u8 = 14;
const TIMESTAMP: u8 = 15;

const ISSUER: &str = "https://id.xa.example";
const STATUS_URI: &str = "https://id.xa.example/status/0";
const SUBJECT: &str = "c3ViamVjdC0wMDAx";

/// The AES key that checkpoints share.
const SHARED_KEY: [u8; 32] = [21; 32];

/// Headers of a message that does not say it is ours.
const FOREIGN_HEADERS: [(i64, Value<'static>); 1] = [(1, Value::Negative(7))];

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

/// A small world: an issuer, a resident, a repository, all from fixed keys.
pub struct Fixture {
    /// A good credential.
    pub credential: Vec<u8>,
    /// The root metadata.
    pub root: Vec<u8>,
    /// The files of a good repository. Nothing pins the hash of a metadata file, so that one can be replaced alone.
    pub repository: Files,
    /// What a verifier believes after reading it.
    pub trust: TrustStore,
    /// What a verifier can open.
    pub keys: [DecryptionKey; 2],
    /// What a verifier shows.
    pub challenge: Challenge,
    /// What the credential is for.
    pub purpose: Purpose,
    /// The time of everything.
    pub now: Timestamp,
}

/// Returns the fixture, made at the first call.
pub fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let now = Timestamp::parse("2026-11-20T09:00:00Z").expect("a time");
        let purpose = Purpose::parse("border").expect("a purpose");
        let credential = sign(&claims(&purpose, now, true), &key(ISSUER_KEY)).expect("good claims");
        let (root, repository) = good_repository(&purpose, now);
        let (trust, _) = update(repository.clone(), &root, &Files::new(), now).expect("a good repository");
        let keys = [DecryptionKey::from_seed(&[20; 32]), DecryptionKey::shared(&SHARED_KEY)];
        let keys = keys.map(|key| key.expect("a key"));
        let challenge = Challenge::new("border-lane-1", [8; 16], keys[0].public_key(), now);
        let challenge = challenge.expect("a good audience");
        Fixture { credential, root, repository, trust, keys, challenge, purpose, now }
    })
}

/// Where the fixture's credential is shown.
pub fn checkpoint() -> Checkpoint<'static> {
    let Fixture { purpose, trust, keys, challenge, .. } = fixture();
    Checkpoint { purpose, trust, keys, challenge: Some(challenge) }
}

impl Fixture {
    /// Returns the text of a rotating code around the credential.
    pub fn rotating(&self) -> String {
        let proof = present(&self.credential, &key(HOLDER), "border", self.now).expect("a holder's key");
        payload::encode(&Payload::Signed(proof))
    }

    /// Returns the text of a code on paper, which names no holder.
    pub fn paper(&self) -> String {
        let claims = claims(&self.purpose, self.now, false);
        paper_text(sign(&claims, &key(ISSUER_KEY)).expect("good claims"))
    }

    /// Returns the credential with the holder's answer to the challenge inside.
    pub fn countersigned(&self) -> Vec<u8> {
        let (audience, nonce) = (self.challenge.audience(), Some(self.challenge.nonce()));
        let statement = Statement { audience, nonce, now: self.now };
        countersign(&self.credential, &key(HOLDER), &statement).expect("a holder's key")
    }

    /// Returns a credential on paper of which a group is disclosed.
    pub fn with_groups(&self) -> Vec<u8> {
        let mut claims = claims(&self.purpose, self.now, false);
        let mut attributes = Attributes::default();
        attributes.set(Attribute::Sex, AttributeValue::Code(2)).expect("a good attribute");
        claims.attributes = Attributes::default();
        let name = AttributeValue::Text("SAMPLE, ALEX 01".to_owned());
        claims.attributes.set(Attribute::Name, name).expect("a good attribute");
        let issuer = key(ISSUER_KEY);
        let group = Group { attributes, salt: [6; 16] };
        let prepared = prepare_with_groups(&claims, &[group], issuer.public_key().id()).expect("good claims");
        prepared.sign(&issuer).expect("a key in memory signs")
    }

    /// Returns the claims of a good credential as others write them: a map without a length, a date with slashes,
    /// the face a map with a floating point number in it.
    pub fn foreign_claims(&self) -> Vec<u8> {
        let claims = map(&[
            (1, Value::Text(ISSUER)),
            (2, Value::Text(SUBJECT)),
            (4, number(self.now.plus(60))),
            (6, number(self.now)),
        ]);
        let face = map(&[(0, Value::Bytes(&[7; 64])), (1, Value::from(0)), (5, Value::Float(0.5))]);
        let identity =
            map(&[(4, Value::Text("SAMPLE, ALEX 01")), (8, Value::Text("1998/02/14")), (62, face)]);
        let (claims, identity) = (claims.encode(), identity.encode());
        [&[0xbf], &claims[1..], &[0x18, 169], &identity[..], &[0xff]].concat()
    }

    /// Returns a message of the issuer around any claims, as others write it.
    pub fn foreign(&self, claims: &[u8]) -> Vec<u8> {
        signed(&FOREIGN_HEADERS, claims, Some(&key(ISSUER_KEY)))
    }
}

/// The text of a compressed code.
pub fn paper_text(bytes: Vec<u8>) -> String {
    payload::encode(&Payload::Static(bytes))
}

/// Bytes encrypted to the fixture's checkpoint.
pub fn encrypted(plain: &[u8]) -> Vec<u8> {
    let key = fixture().keys[0].public_key().expect("an X25519 key has two halves");
    key.seal(plain, &[9; 32]).expect("a good point")
}

/// Bytes encrypted with the fixture's shared key, by another implementation than the one that opens them.
pub fn encrypted_with_shared_key(plain: &[u8]) -> Vec<u8> {
    const IV: [u8; 12] = [7; 12];
    let protected = map(&[(1, Value::from(3))]).encode();
    let covered = vec![Value::Text("Encrypt0"), Value::Bytes(&protected), Value::Bytes(&[])];
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &SHARED_KEY).expect("32 bytes"));
    let mut ciphertext = plain.to_vec();
    let (nonce, covered) = (Nonce::assume_unique_for_key(IV), Aad::from(Value::Array(covered).encode()));
    key.seal_in_place_append_tag(nonce, covered, &mut ciphertext).expect("a short message");
    let body = vec![Value::Bytes(&protected), map(&[(5, Value::Bytes(&IV))]), Value::Bytes(&ciphertext)];
    Value::Tag(16, Box::new(Value::Array(body))).encode()
}

/// Discloses: the last item is the claims, those before are what is salted. A negative number stands for the hash of
/// an earlier item, counted from -1.
fn disclose(items: &[Value<'_>]) {
    let Some((claims, salted)) = items.split_last() else { return };
    let (mut disclosures, mut hashes) = (vec![], vec![]);
    for item in salted.iter().take(65) {
        let salted = with_hashes(item, &hashes).encode();
        hashes.push(Sha256::digest(Value::Bytes(&salted).encode()).into());
        disclosures.push(salted);
    }
    let disclosures: Vec<_> = disclosures.iter().map(|salted| Value::Bytes(salted)).collect();
    if let Ok(revealed) = reveal(with_hashes(claims, &hashes), &disclosures) {
        assert_eq!(reveal(revealed.clone(), &[]), Ok(revealed), "nothing is left to be disclosed");
    }
}

fn with_hashes<'a>(item: &Value<'a>, hashes: &'a [[u8; 32]]) -> Value<'a> {
    let inside = |item: &Value<'a>| with_hashes(item, hashes);
    let hash = |place: u64| usize::try_from(place).ok().and_then(|place| hashes.get(place));
    match item {
        Value::Negative(place) => hash(*place).map_or(item.clone(), |hash| Value::Bytes(hash)),
        Value::Array(items) => Value::Array(items.iter().map(inside).collect()),
        Value::Map(entries) => {
            Value::Map(entries.iter().map(|(key, value)| (key.clone(), inside(value))).collect())
        }
        Value::Tag(tag, item) => Value::Tag(*tag, Box::new(inside(item))),
        plain => plain.clone(),
    }
}

/// The fixture's credential with a countersignature of the holder around any claims.
fn countersigned(claims: Value<'_>) -> Vec<u8> {
    let [protected, payload, signature] = credential_parts();
    let own = map(&[(1, Value::from(-8)), (15, claims)]).encode();
    let signatures = Value::Array(vec![signature]);
    let kind = Value::Text("CounterSignatureV2");
    let covered = vec![kind, protected, Value::Bytes(&own), Value::Bytes(&[]), payload, signatures];
    let by_holder = sign_with(HOLDER, &Value::Array(covered).encode());
    with_countersignature(Value::Array(vec![
        Value::Bytes(&own),
        Value::Map(vec![]),
        Value::Bytes(&by_holder),
    ]))
}

/// The fixture's credential with anything where the countersignature stands.
fn with_countersignature(countersignature: Value<'_>) -> Vec<u8> {
    let [protected, payload, signature] = credential_parts();
    let body = vec![protected, map(&[(11, countersignature)]), payload, signature];
    Value::Tag(18, Box::new(Value::Array(body))).encode()
}

/// Protected headers, payload and signature of the fixture's credential.
fn credential_parts() -> [Value<'static>; 3] {
    let Ok(Value::Tag(18, body)) = cbor::decode(&fixture().credential) else { unreachable!("it is signed") };
    let Some([protected, _, payload, signature]) = body.as_array() else { unreachable!("it has four parts") };
    [protected.clone(), payload.clone(), signature.clone()]
}

fn claims(purpose: &Purpose, now: Timestamp, key_bound: bool) -> Claims {
    let mut attributes = Attributes::default();
    for (attribute, text) in [(Attribute::Id, "XA-000000-01"), (Attribute::Name, "SAMPLE, ALEX 01")] {
        attributes.set(attribute, AttributeValue::Text(text.to_owned())).expect("a good attribute");
    }
    attributes.set(Attribute::Sex, AttributeValue::Code(2)).expect("a good attribute");
    Claims {
        issuer: ISSUER.to_owned(),
        subject: SUBJECT.to_owned(),
        purpose: Some(purpose.clone()),
        expires: now.plus(365 * 24 * 3600),
        not_before: now,
        issued_at: now,
        holder_key: key_bound.then(|| key(HOLDER).public_key().into()),
        status: Some(StatusReference { index: 4711, uri: STATUS_URI.to_owned() }),
        max_presentation_age: None,
        attributes,
        face: AlgorithmId::parse("omz0095/i4").and_then(|id| Template::new(id, (0..128).collect())).ok(),
        portrait: None,
    }
}

fn good_repository(purpose: &Purpose, now: Timestamp) -> (Vec<u8>, Files) {
    let public = |seed| key(seed).public_key();
    let keys = RepositoryKeys {
        root: ROOT.map(public).to_vec(),
        targets: public(TARGETS_KEY),
        snapshot: public(SNAPSHOT),
        timestamp: public(TIMESTAMP),
    };
    let root = sign_root(&keys, &[&key(ROOT[0]), &key(ROOT[1])], now).expect("two keys");
    let policy = Policy {
        purpose: purpose.clone(),
        audiences: vec!["border".to_owned()],
        carry: vec![],
        require: vec![Attribute::Name],
        show: vec![Attribute::Name],
        validity_days: 365,
        paper: PaperRule::Accept,
        dialects: vec![Dialect::Claim169, Dialect::Inji],
        proof: ProofRule::Rotating,
        groups: vec![],
        max_presentation_age: None,
        face: FaceRule::Required,
        attack_detection: AttackRule::Report,
        false_match_one_in: FalseMatchRate::DEFAULT,
        face_algorithms: vec![],
        stale_grace_days: 14,
        when_stale: StaleRule::Manual,
    };
    let keys = IssuerKeys { issuer: ISSUER.to_owned(), keys: vec![IssuerKey::new(public(ISSUER_KEY), now)] };
    let life = now.plus(30 * 24 * 3600);
    let token = StatusListBuilder::default().prepare(STATUS_URI, now, life, public(ISSUER_KEY).id());
    let json = |value: Result<Vec<u8>, serde_json::Error>| value.expect("it serializes");
    let own = Files::from([
        ("keys.json".to_owned(), json(serde_json::to_vec(&keys))),
        ("status-0.cwt".to_owned(), token.sign(&key(ISSUER_KEY)).expect("a key in memory signs")),
    ]);
    let policies = Files::from([("policy/border.json".to_owned(), json(serde_json::to_vec(&policy)))]);
    let mut files = publish(&Publication {
        root: &root,
        targets: &policies,
        agency: AgencyRole { name: "xa", issuer: ISSUER, signer: &key(AGENCY), targets: &own },
        targets_signer: &key(TARGETS_KEY),
        snapshot_signer: &key(SNAPSHOT),
        timestamp_signer: &key(TIMESTAMP),
        versions: RoleVersions { targets: 1, agency: 1, snapshot: 1, timestamp: 1 },
        now,
    })
    .expect("keys in memory sign");
    for (name, seed) in [("metadata/1.snapshot.json", SNAPSHOT), ("metadata/timestamp.json", TIMESTAMP)] {
        let mut content = content(&files[name]);
        for pin in content["meta"].as_object_mut().into_iter().flatten().map(|(_, pin)| pin) {
            *pin = json!({ "version": 1 });
        }
        files.insert(name.to_owned(), envelope(&content, &[seed]).expect("it has a canonical form"));
    }
    (root, files)
}

/// Returns what a metadata file's signatures are made over.
pub fn content(file: &[u8]) -> Json {
    serde_json::from_slice::<Json>(file).expect("metadata is JSON")["signed"].take()
}

/// Signs metadata; `None` where it has no canonical form.
fn envelope(content: &Json, signers: &[u8]) -> Option<Vec<u8>> {
    let canonical = canonical_json::to_canonical_bytes(content).ok()?;
    let signatures: Vec<Json> = signers
        .iter()
        .map(|seed| json!({ "keyid": tuf_key_id(&key(*seed).public_key()), "sig": hex::encode(sign_with(*seed, &canonical)) }))
        .collect();
    serde_json::to_vec(&json!({ "signatures": signatures, "signed": content })).ok()
}

fn tuf_key_id(key: &PublicKey) -> String {
    let object =
        json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": key.to_string() } });
    hex::encode(Sha256::digest(
        canonical_json::to_canonical_bytes(&object).expect("strings have a canonical form"),
    ))
}

fn key(seed: u8) -> SoftwareKey {
    SoftwareKey::from_seed(&[seed; 32])
}

fn sign_with(seed: u8, message: &[u8]) -> [u8; 64] {
    key(seed).sign(message).expect("a key in memory signs")
}

/// The input as the text of a symbol, and as the bytes that such a text carries.
fn texts(input: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(input).ok().map(str::to_owned);
    text.into_iter().chain([payload::base45_encode(input)]).collect()
}

fn number(time: Timestamp) -> Value<'static> {
    Value::from(time.as_unix())
}

fn map<'a>(entries: &[(i64, Value<'a>)]) -> Value<'a> {
    Value::Map(entries.iter().map(|(label, value)| (Value::from(*label), value.clone())).collect())
}

fn credential_headers() -> [(i64, Value<'static>); 3] {
    [(1, Value::from(-8)), (4, Value::Bytes(b"issuerid")), (16, Value::from(293))]
}

/// A COSE_Sign1; without a signer its signature is zeros.
fn signed(headers: &[(i64, Value<'_>)], payload: &[u8], signer: Option<&SoftwareKey>) -> Vec<u8> {
    let protected = map(headers).encode();
    let (protected, payload) = (Value::Bytes(&protected), Value::Bytes(payload));
    let signature = signer.map_or([0; 64], |signer| {
        let covered = vec![Value::Text("Signature1"), protected.clone(), Value::Bytes(&[]), payload.clone()];
        signer.sign(&Value::Array(covered).encode()).expect("a key in memory signs")
    });
    let body = vec![protected, Value::Map(vec![]), payload, Value::Bytes(&signature)];
    Value::Tag(18, Box::new(Value::Array(body))).encode()
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
    fn first_sight(&mut self, proof: ProofId, _dead_after: Timestamp, _now: Timestamp) -> bool {
        self.0.insert(proof)
    }
}
