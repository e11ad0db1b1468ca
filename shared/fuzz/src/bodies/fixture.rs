//! A small world: an issuer, a resident, a repository, all from fixed keys.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use shared::cbor::Value;
use shared::credential::{
    Attribute, AttributeValue, Attributes, Challenge, Checkpoint, Claims, Group, HiddenSecret, Purpose,
    Statement, StatusReference, countersign, prepare_with_groups, prepare_with_secret, present,
    present_encrypted, sign,
};
use shared::encryption::DecryptionKey;
use shared::key::{PublicKey, Signer, SoftwareKey};
use shared::pairwise::{PairwiseSecret, RelyingParty};
use shared::qr::payload::{self, Payload};
use shared::template::{AlgorithmId, Template};
use shared::time::Timestamp;
use shared::trust::{
    AccountRule, AgencyRole, Assembly, AttackRule, Dialect, FaceRule, FalseMatchRate, Files, HASHES,
    IssuerKey, IssuerKeys, KioskIdentity, PaperRule, Policy, ProofRule, PublishedList, ReplayRule,
    RepositoryKeys, SectorEpoch, SectorEpochs, StaleRule, StatusListBuilder, TrustStore, assemble,
    epochs_target, prepare_hashes, sign_root, update, wrapped_target,
};
use sigstore_tuf::canonical_json;

use super::messages::{FOREIGN_HEADERS, map, number, paper_text, signed};

/// Seeds of the fixed keys.
pub(super) const ISSUER_KEY: u8 = 1;
pub(super) const HOLDER: u8 = 2;
pub(super) const AGENCY: u8 = 3;
pub(super) const ROOT: [u8; 2] = [10, 11];
pub(super) const TARGETS_KEY: u8 = 13;
pub(super) const SNAPSHOT: u8 = 14;
pub(super) const TIMESTAMP: u8 = 15;

/// What checkpoints open codes with; a machine of the sector, and the present epoch.
pub(super) const CHECKPOINT: u8 = 20;
pub(super) const MACHINE: u8 = 30;
const EPOCH: u8 = 31;

pub(super) const AGENCY_NAME: &str = "xa";

pub(super) const ISSUER: &str = "https://id.xa.example";

const STATUS_URI: &str = "https://id.xa.example/status/0";

pub(super) const SUBJECT: &str = "c3ViamVjdC0wMDAx";

/// The AES key that checkpoints share.
pub(super) const SHARED_KEY: [u8; 32] = [21; 32];

/// A small world: an issuer, a resident, a repository, all from fixed keys.
pub struct Fixture {
    /// A good credential.
    pub credential: Vec<u8>,
    /// The root metadata.
    pub root: Vec<u8>,
    /// The agency's targets.
    pub own: Files,
    /// Policies, and the keys of the sector.
    pub targets: Files,
    /// The files of a good repository, see [`repository_of`].
    pub repository: Files,
    /// What a verifier believes after reading it.
    pub trust: TrustStore,
    /// What a verifier can open.
    pub keys: [DecryptionKey; 2],
    /// The key of a machine of the sector.
    pub machine: DecryptionKey,
    /// The key of the sector's present epoch, wrapped to it.
    pub epoch: DecryptionKey,
    /// What a verifier shows.
    pub challenge: Challenge,
    /// What the credential is for.
    pub purpose: Purpose,
    /// The time of everything.
    pub now: Timestamp,
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

    /// Returns a rotating code that tells a secret to the checkpoint alone.
    pub fn with_secret(&self) -> Vec<u8> {
        let secret = PairwiseSecret::from_slice(&[5; 32]).expect("32 bytes");
        let hidden = HiddenSecret { secret, salt: [6; 16] };
        let (claims, issuer) = (claims(&self.purpose, self.now, true), key(ISSUER_KEY));
        let prepared = prepare_with_secret(&claims, &[], Some(&hidden), issuer.public_key().id());
        let credential = prepared.expect("good claims").sign(&issuer).expect("a key in memory signs");
        let statement = Statement { audience: "border", nonce: None, now: self.now };
        let to = self.keys[0].public_key().expect("the first is a pair");
        present_encrypted(&credential, &key(HOLDER), &statement, &to, &[4; 32]).expect("a holder's key")
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

/// Returns the fixture, made at the first call.
pub fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let now = Timestamp::parse("2026-11-20T09:00:00Z").expect("a time");
        let purpose = Purpose::parse("border").expect("a purpose");
        let credential = sign(&claims(&purpose, now, true), &key(ISSUER_KEY)).expect("good claims");
        let (root, own, targets) = good_targets(&purpose, now);
        let repository = repository_of(&root, &own, &targets, now);
        let (trust, _) = update(repository.clone(), &root, &Files::new(), now).expect("a good repository");
        let keys = [decryption_key(CHECKPOINT), DecryptionKey::shared(&SHARED_KEY).expect("a key")];
        let (machine, epoch) = (decryption_key(MACHINE), decryption_key(EPOCH));
        let challenge = Challenge::new("border-lane-1", [8; 16], keys[0].public_key(), now);
        let challenge = challenge.expect("a good audience");
        Fixture {
            credential,
            root,
            own,
            targets,
            repository,
            trust,
            keys,
            machine,
            epoch,
            challenge,
            purpose,
            now,
        }
    })
}

/// Where the fixture's credential is shown.
pub fn checkpoint() -> Checkpoint<'static> {
    let Fixture { purpose, trust, keys, challenge, .. } = fixture();
    Checkpoint { purpose, trust, keys, challenge: Some(challenge) }
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

/// The root metadata, and the targets of the agency and of the top-level role.
fn good_targets(purpose: &Purpose, now: Timestamp) -> (Vec<u8>, Files, Files) {
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
        accounts: AccountRule::Unbound,
        face: FaceRule::Required,
        attack_detection: AttackRule::Report,
        false_match_one_in: FalseMatchRate::DEFAULT,
        face_algorithms: vec![],
        stale_grace_days: 14,
        when_stale: StaleRule::Manual,
        replay_scope: ReplayRule::default(),
    };
    let keys = IssuerKeys { issuer: ISSUER.to_owned(), keys: vec![IssuerKey::new(public(ISSUER_KEY), now)] };
    let (life, id) = (now.plus(30 * 24 * 3600), public(ISSUER_KEY).id());
    let list = "status-0.cwt".to_owned();
    let list = PublishedList::new(list, STATUS_URI.to_owned(), StatusListBuilder::default());
    let token = list.prepare(now, life, id);
    let hashes = prepare_hashes(&[list], now, life, id);
    let json = |value: Result<Vec<u8>, serde_json::Error>| value.expect("it serializes");
    let own = Files::from([
        ("keys.json".to_owned(), json(serde_json::to_vec(&keys))),
        ("status-0.cwt".to_owned(), token.sign(&key(ISSUER_KEY)).expect("a key in memory signs")),
        (HASHES.to_owned(), hashes.sign(&key(ISSUER_KEY)).expect("a key in memory signs")),
    ]);
    let epoch = decryption_key(EPOCH);
    let wrapped = encrypted_to(MACHINE, &epoch.to_cose());
    let (id, public) = (epoch.id().to_string(), epoch.public_key());
    let epochs = SectorEpochs { epochs: vec![SectorEpoch { id, public, since: now }] };
    let party = RelyingParty::new("grand.example", "lisboa").expect("good names");
    let kiosk = KioskIdentity::new(decryption_key(MACHINE).id(), "lane 1", party).expect("a good name");
    let targets = Files::from([
        ("policy/border.json".to_owned(), json(serde_json::to_vec(&policy))),
        (epochs_target(purpose), json(serde_json::to_vec(&epochs))),
        (wrapped_name(), wrapped),
        (kiosk.target(), json(serde_json::to_vec(&kiosk))),
    ]);
    (root, own, targets)
}

/// A repository of these targets. The snapshot and the timestamp pin nothing but versions, so that a metadata file
/// can be replaced alone.
pub(super) fn repository_of(root: &[u8], own: &Files, targets: &Files, now: Timestamp) -> Files {
    let agency = AgencyRole { name: AGENCY_NAME, issuer: ISSUER, signer: &key(AGENCY), targets: own };
    let mut files = assemble(&Assembly {
        roots: &[root.to_vec()],
        targets,
        parts: &[agency.sign(1, now).expect("a key in memory signs")],
        retired: &BTreeMap::new(),
        targets_signer: &key(TARGETS_KEY),
        snapshot_signer: &key(SNAPSHOT),
        timestamp_signer: &key(TIMESTAMP),
        versions: 1.into(),
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
    files
}

/// The target with the epoch's key for the machine.
pub fn wrapped_name() -> String {
    wrapped_target(decryption_key(MACHINE).id(), &decryption_key(EPOCH).id().to_string())
}

/// Bytes encrypted to one of the fixed keys.
pub(super) fn encrypted_to(seed: u8, plain: &[u8]) -> Vec<u8> {
    let key = decryption_key(seed).public_key().expect("an X25519 key has two halves");
    key.seal(plain, &[9; 32]).expect("a good point")
}

pub(super) fn decryption_key(seed: u8) -> DecryptionKey {
    DecryptionKey::from_seed(&[seed; 32]).expect("a key")
}

/// Returns what a metadata file's signatures are made over.
pub fn content(file: &[u8]) -> Json {
    serde_json::from_slice::<Json>(file).expect("metadata is JSON")["signed"].take()
}

/// Signs metadata; `None` where it has no canonical form.
pub(super) fn envelope(content: &Json, signers: &[u8]) -> Option<Vec<u8>> {
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

pub(super) fn key(seed: u8) -> SoftwareKey {
    SoftwareKey::from_seed(&[seed; 32])
}

pub(super) fn sign_with(seed: u8, message: &[u8]) -> [u8; 64] {
    key(seed).sign(message).expect("a key in memory signs")
}
