//! `tests/vectors`: codes that must be accepted and codes that must not, one fault per file.
//!
//! The files are made here, from fixed keys, and checked byte for byte; `GATEPASS_REGENERATE=1` writes them anew. An
//! implementation in another language needs only the files: `repository/` with `root.json` is what it believes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shared::cbor::Value;
use shared::credential::{Attributes, Claims, Purpose, verify};
use shared::key::SoftwareKey;
use shared::qr::payload::{self, Payload, base45_encode};
use shared::reason::Reason;
use shared::time::Timestamp;
use shared::trust::{Files, LIST_SIZE, PaperRule, Policy, Status, update};
use tests::{Seen, World, sign1};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    description: String,
    text: String,
    purpose: String,
    at: Timestamp,
    expect: String,
}

#[test]
fn every_vector_behaves_as_it_says() {
    let vectors = all();
    let made = files(&vectors);
    if std::env::var_os("GATEPASS_REGENERATE").is_some() {
        write(&made);
    }
    let found = read(&folder());
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&made), "the files that this program makes, and no others");
    for (name, bytes) in &found {
        assert!(made[name] == *bytes, "{name} is not what this program makes");
    }
    let root = &found["root.json"];
    let repository: Files = found
        .iter()
        .filter_map(|(name, bytes)| Some((name.strip_prefix("repository/")?.to_owned(), bytes.clone())))
        .collect();
    let mut seen = 0;
    for directory in ["valid", "invalid"] {
        for entry in fs::read_dir(folder().join(directory)).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{directory}/{}", path.file_stem().unwrap().to_str().unwrap());
            let vector: Vector = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            assert_eq!(vectors.get(&name), Some(&vector), "{name} is not what this program makes");
            let (trust, _) = update(repository.clone(), root, &Files::new(), vector.at).unwrap();
            let purpose = Purpose::parse(&vector.purpose).unwrap();
            let got = match verify(&vector.text, &purpose, &trust, vector.at, &mut Seen::default()) {
                Ok(_) => Reason::Accepted,
                Err(error) => error.reason(),
            };
            assert_eq!(got.code(), vector.expect, "{name}: {}", vector.description);
            assert_eq!(directory == "valid", got == Reason::Accepted, "{name}");
            seen += 1;
        }
    }
    println!("{seen} vectors");
    assert_eq!(seen, vectors.len());
    assert!(seen >= 40);
}

/// Bytes of a map, its entries already encoded and in the order given.
fn raw_map(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    assert!(entries.len() < 24);
    let mut bytes = vec![0xa0 | entries.len() as u8];
    entries.iter().for_each(|(key, value)| bytes.extend(key.iter().chain(value)));
    bytes
}

/// A map's entries, encoded one by one.
fn entries(bytes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let value = shared::cbor::decode(bytes).unwrap();
    value.as_map().unwrap().iter().map(|(key, value)| (key.encode(), value.encode())).collect()
}

fn int(n: i64) -> Vec<u8> {
    Value::from(n).encode()
}

fn text(text: &str) -> Vec<u8> {
    Value::Text(text).encode()
}

/// The small world with one credential taken apart, so that single pieces can be changed and signed again.
struct Bench {
    world: World,
    at: Timestamp,
    protected: Vec<u8>,
    claims: Vec<u8>,
    vectors: BTreeMap<String, Vector>,
}

impl Bench {
    fn new() -> Self {
        let world =
            World { not_valid: vec![(1, Status::Invalid), (2, Status::Suspended)], ..World::default() };
        let world = World { other_policies: vec![takes_paper(&world.policy)], ..world };
        let credential = world.credential(&world.claims());
        let value = shared::cbor::decode(&credential).unwrap();
        let Value::Tag(18, body) = value else { panic!("not a COSE_Sign1") };
        let parts: Vec<Vec<u8>> = body
            .as_array()
            .unwrap()
            .iter()
            .map(|part| part.as_bytes().unwrap_or_default().to_vec())
            .collect();
        let at = world.start.plus(3600);
        Self { world, at, protected: parts[0].clone(), claims: parts[2].clone(), vectors: BTreeMap::new() }
    }

    fn add(&mut self, name: &str, description: &str, text: String, expect: Reason) {
        self.add_for("border", self.at.plus(2), name, description, text, expect);
    }

    /// A vector for another purpose or another time than most.
    fn add_for(
        &mut self,
        purpose: &str,
        at: Timestamp,
        name: &str,
        description: &str,
        text: String,
        expect: Reason,
    ) {
        let vector = Vector {
            description: description.into(),
            text,
            purpose: purpose.into(),
            at,
            expect: expect.code().into(),
        };
        assert!(self.vectors.insert(name.to_owned(), vector).is_none(), "{name} twice");
    }

    /// A rotating code around any bytes.
    fn shown(&self, credential: &[u8]) -> String {
        self.shown_at(credential, self.at)
    }

    fn shown_at(&self, credential: &[u8], made: Timestamp) -> String {
        self.shown_with(credential, &self.proof_claims(made), &self.world.holder)
    }

    fn proof_claims(&self, made: Timestamp) -> Vec<u8> {
        raw_map(&[
            (int(3), text("border")),
            (int(4), int(made.plus(30).as_unix())),
            (int(6), int(made.as_unix())),
        ])
    }

    fn shown_with(&self, credential: &[u8], proof: &[u8], holder: &SoftwareKey) -> String {
        let protected = raw_map(&[(int(1), int(-8)), (int(13), credential.to_vec()), (int(16), int(294))]);
        base45_encode(&sign1(&protected, Value::Map(vec![]), proof, holder))
    }

    fn credential(&self, protected: &[u8], claims: &[u8]) -> Vec<u8> {
        sign1(protected, Value::Map(vec![]), claims, &self.world.issuer)
    }

    fn with_claims(&mut self, name: &str, description: &str, claims: &[u8], expect: Reason) {
        let shown = self.shown(&self.credential(&self.protected, claims));
        self.add(name, description, shown, expect);
    }

    /// Changes the claims before they are encoded.
    fn stated(&mut self, name: &str, description: &str, change: impl FnOnce(&mut Claims), expect: Reason) {
        let mut claims = self.world.claims();
        change(&mut claims);
        let shown = self.shown(&self.world.credential(&claims));
        self.add(name, description, shown, expect);
    }

    /// Changes the encoded claims, entry by entry.
    fn claims_entries(
        &mut self,
        name: &str,
        description: &str,
        change: impl FnOnce(&mut Vec<(Vec<u8>, Vec<u8>)>),
        expect: Reason,
    ) {
        let mut parts = entries(&self.claims);
        change(&mut parts);
        let claims = raw_map(&parts);
        self.with_claims(name, description, &claims, expect);
    }

    /// Changes what Claim 169 says, entry by entry.
    fn identity_entries(
        &mut self,
        name: &str,
        description: &str,
        change: impl FnOnce(&mut Vec<(Vec<u8>, Vec<u8>)>),
    ) {
        let change = |parts: &mut Vec<(Vec<u8>, Vec<u8>)>| {
            let identity = parts.iter_mut().find(|(key, _)| *key == int(169)).expect("an identity");
            let mut inner = entries(&identity.1);
            change(&mut inner);
            identity.1 = raw_map(&inner);
        };
        self.claims_entries(name, description, change, Reason::FormatStructure);
    }

    /// A rotating code with other protected headers than its own.
    fn proof_headers(
        &mut self,
        name: &str,
        description: &str,
        headers: &[(Vec<u8>, Vec<u8>)],
        expect: Reason,
    ) {
        let proof = self.proof_claims(self.at);
        let shown = sign1(&raw_map(headers), Value::Map(vec![]), &proof, &self.world.holder);
        self.add(name, description, base45_encode(&shown), expect);
    }

    fn headers(&mut self, name: &str, description: &str, headers: &[(Vec<u8>, Vec<u8>)], expect: Reason) {
        let shown = self.shown(&self.credential(&raw_map(headers), &self.claims));
        self.add(name, description, shown, expect);
    }

    fn proof(&mut self, name: &str, description: &str, proof: &[(Vec<u8>, Vec<u8>)], expect: Reason) {
        let credential = self.credential(&self.protected, &self.claims);
        let shown = self.shown_with(&credential, &raw_map(proof), &self.world.holder);
        self.add(name, description, shown, expect);
    }
}

/// The policy of a hotel desk that takes paper.
fn takes_paper(policy: &Policy) -> Policy {
    let hotel = Purpose::parse("hotel").unwrap();
    Policy { purpose: hotel, audiences: vec!["hotel".into()], paper: PaperRule::Accept, ..policy.clone() }
}

fn all() -> BTreeMap<String, Vector> {
    let mut bench = Bench::new();
    valid(&mut bench);
    texts(&mut bench);
    encodings(&mut bench);
    headers(&mut bench);
    claims(&mut bench);
    structures(&mut bench);
    proofs(&mut bench);
    presentations(&mut bench);
    times(&mut bench);
    bench.vectors
}

fn valid(bench: &mut Bench) {
    let credential = bench.credential(&bench.protected, &bench.claims);
    assert_eq!(
        credential,
        bench.world.credential(&bench.world.claims()),
        "taken apart and put together again"
    );
    let shown = bench.shown(&credential);
    bench.add(
        "valid/rotating",
        "A rotating code with ten attributes and a face template of 128 bytes.",
        shown,
        Reason::Accepted,
    );
    bench.stated("valid/no_face", "No face template.", |claims| claims.face = None, Reason::Accepted);
    let only_name = [shared::credential::Attribute::Name];
    bench.stated(
        "valid/minimal",
        "One attribute, no face template.",
        |claims| {
            (claims.face, claims.attributes) = (None, claims.attributes.only(&only_name));
        },
        Reason::Accepted,
    );
    bench.claims_entries(
        "valid/unknown_claim",
        "A claim that nobody has registered is passed over.",
        |parts| parts.push((int(70_000), int(1))),
        Reason::Accepted,
    );
    let mut parts = entries(&bench.protected);
    parts[0].1 = int(-19);
    bench.headers(
        "valid/alg_ed25519",
        "The fully specified algorithm Ed25519 (RFC 9864).",
        &parts,
        Reason::Accepted,
    );
}

/// A credential as on paper: for the hotel, with no holder key.
fn paper(bench: &Bench) -> Vec<u8> {
    let hotel = Purpose::parse("hotel").unwrap();
    bench.world.credential(&Claims { holder_key: None, purpose: hotel, ..bench.world.claims() })
}

fn texts(bench: &mut Bench) {
    let at = bench.at.plus(2);
    let printed = payload::encode(&Payload::Static(paper(bench)));
    bench.add_for(
        "hotel",
        at,
        "valid/paper",
        "A paper credential, where the policy takes them.",
        printed.clone(),
        Reason::Accepted,
    );
    let mut damaged = payload::base45_decode(&printed).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    bench.add_for(
        "hotel",
        at,
        "invalid/zlib_checksum",
        "The checksum of the zlib stream is wrong.",
        base45_encode(&damaged),
        Reason::TextCompression,
    );
    damaged.truncate(damaged.len() - 4);
    bench.add_for(
        "hotel",
        at,
        "invalid/zlib_truncated",
        "The zlib stream lacks its checksum.",
        base45_encode(&damaged),
        Reason::TextCompression,
    );
    bench.add("invalid/text_empty", "No text.", String::new(), Reason::TextForeign);
    let credential = bench.credential(&bench.protected, &bench.claims);
    let shown = bench.shown(&credential);
    bench.add(
        "invalid/base45_character",
        "A character outside the alphabet.",
        shown.replacen('6', "a", 1),
        Reason::TextNotBase45,
    );
    bench.add(
        "invalid/base45_lower_case",
        "The code in lower-case letters.",
        shown.to_lowercase(),
        Reason::TextNotBase45,
    );
    bench.add(
        "invalid/base45_left_over",
        "One character more than a whole number of groups.",
        format!("{}0", &shown[..shown.len() / 3 * 3]),
        Reason::TextNotBase45,
    );
    bench.add(
        "invalid/base45_group",
        "A group of three characters above 65535.",
        format!(":::{}", &shown[3..]),
        Reason::TextNotBase45,
    );
    bench.add(
        "invalid/text_too_long",
        "More characters than any symbol holds.",
        "0".repeat(payload::MAX_TEXT + 1),
        Reason::TextTooLong,
    );
    bench.add(
        "invalid/text_foreign",
        "Base45 of something else.",
        base45_encode(b"hello"),
        Reason::TextForeign,
    );
    bench.add(
        "invalid/encrypted",
        "A COSE_Encrypt0: no kiosk here holds the key.",
        base45_encode(&[0xd0, 0x83, 0x40, 0xa0, 0x40]),
        Reason::TextEncrypted,
    );
    let mut zlib = payload::base45_decode(&payload::encode(&Payload::Static(credential.clone()))).unwrap();
    zlib.push(0);
    bench.add(
        "invalid/zlib_trailing",
        "A byte after the zlib stream.",
        base45_encode(&zlib),
        Reason::TextCompression,
    );
    let bomb = payload::encode(&Payload::Static(vec![0; 1_000_000]));
    bench.add("invalid/zip_bomb", "A million bytes once inflated.", bomb, Reason::TextCompression);
}

fn encodings(bench: &mut Bench) {
    let credential = bench.credential(&bench.protected, &bench.claims);
    let mut bytes = payload::base45_decode(&bench.shown(&credential)).unwrap();
    bytes.push(0);
    bench.add(
        "invalid/trailing_byte",
        "A byte after the presentation.",
        base45_encode(&bytes),
        Reason::FormatTrailingBytes,
    );
    bytes.truncate(bytes.len() - 2);
    bench.add("invalid/truncated", "The last byte is missing.", base45_encode(&bytes), Reason::FormatCbor);
    let mut followed = bench.claims.clone();
    followed.push(0);
    bench.with_claims(
        "invalid/trailing_byte_in_claims",
        "A signed byte after the claims.",
        &followed,
        Reason::FormatTrailingBytes,
    );
    bench.claims_entries(
        "invalid/duplicate_key",
        "A claim twice.",
        |parts| parts.insert(1, parts[0].clone()),
        Reason::FormatCbor,
    );
    bench.claims_entries(
        "invalid/key_order",
        "Claims out of order.",
        |parts| parts.swap(0, 1),
        Reason::FormatCbor,
    );
    let mut indefinite = bench.claims.clone();
    indefinite[0] = 0xbf;
    indefinite.push(0xff);
    bench.with_claims(
        "invalid/indefinite_length",
        "A map of indefinite length.",
        &indefinite,
        Reason::FormatCbor,
    );
    bench.claims_entries(
        "invalid/not_shortest",
        "A number in more bytes than it needs.",
        |parts| parts[3].1 = [&[0x1b, 0, 0, 0, 0], &parts[3].1[1..]].concat(),
        Reason::FormatCbor,
    );
    bench.claims_entries(
        "invalid/float",
        "A time as a floating point number.",
        |parts| parts[4].1 = vec![0xf9, 0x3c, 0x00],
        Reason::FormatCbor,
    );
    let mut deep = vec![0x81; 200];
    deep.push(0);
    bench.claims_entries(
        "invalid/depth_bomb",
        "Arrays nested 200 deep.",
        |parts| parts.push((int(70_000), deep)),
        Reason::FormatCbor,
    );
    bench.claims_entries(
        "invalid/not_utf8",
        "A text that is not UTF-8.",
        |parts| parts[0].1 = vec![0x61, 0xff],
        Reason::FormatCbor,
    );
}

/// What stands around the claims: COSE arrays, signatures, and claims of the wrong kind.
fn structures(bench: &mut Bench) {
    let structure = Reason::FormatStructure;
    let (protected, claims) = (bench.protected.clone(), bench.claims.clone());
    let credential = bench.credential(&protected, &claims);
    let signature = credential[credential.len() - 64..].to_vec();
    let array = |parts: Vec<Value<'_>>| Value::Tag(18, Box::new(Value::Array(parts))).encode();
    let (head, empty) = (Value::Bytes(&protected), Value::Map(vec![]));
    let (body, end) = (Value::Bytes(&claims), Value::Bytes(&signature));
    for (name, description, bytes) in [
        (
            "invalid/signature_short",
            "The issuer's signature has 63 bytes.",
            array(vec![head.clone(), empty.clone(), body.clone(), Value::Bytes(&signature[..63])]),
        ),
        (
            "invalid/payload_detached",
            "The claims are elsewhere (RFC 9052 section 4.1).",
            array(vec![head.clone(), empty.clone(), Value::Null, end.clone()]),
        ),
        (
            "invalid/array_of_five",
            "One element too many in the credential.",
            array(vec![head.clone(), empty.clone(), body.clone(), end.clone(), Value::Null]),
        ),
        (
            "invalid/sign_not_sign1",
            "Tag 98, COSE_Sign, on the credential.",
            Value::Tag(98, Box::new(Value::Array(vec![head, empty, body, end]))).encode(),
        ),
        ("invalid/cwt_tag", "Tag 61 around the credential.", [&[0xd8, 61], credential.as_slice()].concat()),
    ] {
        let shown = bench.shown(&bytes);
        bench.add(name, description, shown, structure);
    }
    let mut malleable = credential.clone();
    let scalar = malleable.len() - 32;
    add_group_order(&mut malleable[scalar..]);
    let shown = bench.shown(&malleable);
    bench.add(
        "invalid/signature_malleable",
        "The order of the group is added to the issuer's signature (RFC 8032 section 5.1.7).",
        shown,
        Reason::CredentialSignature,
    );
    let empty = bench.shown(&bench.credential(&[], &claims));
    bench.add("invalid/protected_empty", "No protected headers at all.", empty, Reason::FormatCbor);
    let mut followed = protected;
    followed.push(0);
    let followed = bench.shown(&bench.credential(&followed, &claims));
    bench.add(
        "invalid/trailing_byte_in_headers",
        "A signed byte after the protected headers.",
        followed,
        Reason::FormatTrailingBytes,
    );
    bench.claims_entries(
        "invalid/undefined",
        "A claim that is undefined.",
        |parts| parts.push((int(70_000), vec![0xf7])),
        Reason::FormatCbor,
    );
    bench.claims_entries(
        "invalid/claim_label_negative",
        "A claim whose label is negative.",
        |parts| parts.push((int(-9), int(1))),
        structure,
    );
    bench.claims_entries(
        "invalid/purpose_upper_case",
        "A purpose that is not in lower case.",
        |parts| parts[2].1 = text("Border"),
        structure,
    );
    bench.claims_entries(
        "invalid/iss_too_long",
        "An issuer of 97 bytes.",
        |parts| parts[0].1 = text(&"x".repeat(97)),
        structure,
    );
    let status = |index: Vec<u8>| {
        let list = raw_map(&[(text("idx"), index), (text("uri"), text(tests::STATUS_URI))]);
        raw_map(&[(text("status_list"), list)])
    };
    bench.claims_entries(
        "invalid/status_negative",
        "A place before the beginning of its list.",
        |parts| parts.last_mut().unwrap().1 = status(int(-1)),
        structure,
    );
    let is = |label: i64| move |part: &&mut (Vec<u8>, Vec<u8>)| part.0 == int(label);
    bench.identity_entries("invalid/date_malformed", "A date of birth with hyphens.", |parts| {
        parts.iter_mut().find(is(8)).unwrap().1 = text("1998-02-14");
    });
    bench.identity_entries("invalid/sex_text", "Sex in words.", |parts| {
        parts.iter_mut().find(is(9)).unwrap().1 = text("female");
    });
    bench.identity_entries("invalid/name_too_long", "A name of 129 bytes.", |parts| {
        parts.iter_mut().find(is(4)).unwrap().1 = text(&"X".repeat(129));
    });
    bench.identity_entries("invalid/name_control_character", "A name that rings a bell.", |parts| {
        parts.iter_mut().find(is(4)).unwrap().1 = text("SAMPLE\u{7}");
    });
    bench.identity_entries("invalid/face_twice", "Two face templates.", |parts| {
        let face = &mut parts.iter_mut().find(is(62)).unwrap().1;
        let again = face[1..].to_vec();
        face[0] = 0x82;
        face.extend(again);
    });
}

/// Adds L, the order of the Ed25519 group, to a number of 32 bytes, least significant first.
fn add_group_order(scalar: &mut [u8]) {
    let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    let mut carry = 0;
    for (digit, addend) in scalar.iter_mut().zip(order) {
        carry += u16::from(*digit) + u16::from(addend);
        *digit = carry as u8;
        carry >>= 8;
    }
    assert_eq!(carry, 0);
}

fn headers(bench: &mut Bench) {
    let (alg, kid, typ) = {
        let parts = entries(&bench.protected);
        (parts[0].clone(), parts[1].clone(), parts[2].clone())
    };
    let structure = Reason::FormatStructure;
    bench.headers("invalid/alg_missing", "No algorithm.", &[kid.clone(), typ.clone()], structure);
    bench.headers(
        "invalid/alg_es256",
        "The algorithm says ES256.",
        &[(int(1), int(-7)), kid.clone(), typ.clone()],
        Reason::FormatAlgorithm,
    );
    bench.headers("invalid/kid_missing", "No key identifier.", &[alg.clone(), typ.clone()], structure);
    bench.headers(
        "invalid/kid_short",
        "A key identifier of four bytes.",
        &[alg.clone(), (int(4), Value::Bytes(&[1, 2, 3, 4]).encode()), typ.clone()],
        structure,
    );
    bench.headers("invalid/typ_missing", "No type.", &[alg.clone(), kid.clone()], structure);
    bench.headers(
        "invalid/typ_wrong",
        "The type of a presentation on a credential.",
        &[alg.clone(), kid.clone(), (int(16), int(294))],
        structure,
    );
    let crit = (int(2), Value::Array(vec![Value::from(99)]).encode());
    bench.headers(
        "invalid/crit_unknown",
        "A critical header that nobody knows (RFC 9052 section 3.1).",
        &[alg.clone(), crit, kid.clone(), typ.clone()],
        Reason::FormatCritical,
    );
    bench.headers(
        "invalid/header_unknown",
        "A protected header that does not belong there.",
        &[alg, kid.clone(), typ.clone(), (int(33), vec![0x40])],
        structure,
    );

    let unprotected = Value::Map(vec![(Value::from(1), Value::from(-8))]);
    let protected = raw_map(&[kid, typ]);
    let alg_outside =
        bench.shown(&sign1(&protected, unprotected.clone(), &bench.claims, &bench.world.issuer));
    bench.add(
        "invalid/alg_unprotected",
        "The algorithm stands where anyone can change it.",
        alg_outside,
        structure,
    );
    let outside = bench.shown(&sign1(&bench.protected, unprotected, &bench.claims, &bench.world.issuer));
    bench.add("invalid/unprotected_header", "A header in the unprotected bucket.", outside, structure);
    let credential = bench.credential(&bench.protected, &bench.claims);
    let untagged = bench.shown(&credential[1..]);
    bench.add("invalid/untagged", "The credential lacks tag 18.", untagged, structure);
}

fn claims(bench: &mut Bench) {
    let start = bench.world.start;
    let at = bench.at;
    let structure = Reason::FormatStructure;
    bench.claims_entries(
        "invalid/no_exp",
        "No expiry.",
        |parts| drop(parts.remove(3)),
        Reason::CredentialNoExpiry,
    );
    bench.claims_entries("invalid/no_status", "No status.", |parts| drop(parts.pop()), structure);
    bench.claims_entries(
        "invalid/no_identity",
        "No Claim 169.",
        |parts| drop(parts.remove(parts.len() - 2)),
        structure,
    );
    bench.claims_entries(
        "invalid/iss_not_text",
        "The issuer is a number.",
        |parts| parts[0].1 = int(5),
        structure,
    );
    let mut identity_point = vec![0; 32];
    identity_point[0] = 1;
    let key = Value::Map(vec![
        (Value::from(1), Value::from(1)),
        (Value::from(-1), Value::from(6)),
        (Value::from(-2), Value::Bytes(&identity_point)),
    ]);
    let cnf = Value::Map(vec![(Value::from(1), key)]).encode();
    bench.claims_entries(
        "invalid/cnf_weak_key",
        "The holder's key is a point of small order.",
        |parts| parts[6].1 = cnf,
        Reason::FormatKey,
    );
    bench.stated(
        "invalid/expired",
        "Expired a second ago.",
        |claims| claims.expires = at.plus(1),
        Reason::CredentialExpired,
    );
    bench.stated(
        "invalid/not_yet_valid",
        "Valid from tomorrow.",
        |claims| claims.not_before = at.plus(86_400),
        Reason::CredentialNotYetValid,
    );
    bench.stated(
        "invalid/wrong_purpose",
        "Issued for a hotel.",
        |claims| claims.purpose = Purpose::parse("hotel").unwrap(),
        Reason::CredentialPurpose,
    );
    bench.stated(
        "invalid/claim_missing",
        "No name, which the policy requires.",
        |claims| claims.attributes = Attributes::default(),
        Reason::CredentialClaimMissing,
    );
    bench.stated(
        "invalid/issuer_unknown",
        "An issuer that the repository does not name.",
        |claims| claims.issuer = "https://id.xb.example".into(),
        Reason::IssuerUnknown,
    );
    bench.stated(
        "invalid/key_not_valid",
        "Issued before the key was in use.",
        |claims| (claims.issued_at, claims.not_before) = (start.plus(-9), start.plus(-9)),
        Reason::IssuerKeyNotValid,
    );
    bench.stated("invalid/revoked", "Revoked.", |claims| claims.status.index = 1, Reason::StatusRevoked);
    bench.stated(
        "invalid/suspended",
        "Suspended.",
        |claims| claims.status.index = 2,
        Reason::StatusSuspended,
    );
    bench.stated(
        "invalid/status_out_of_range",
        "A place after the end of its list.",
        |claims| claims.status.index = LIST_SIZE,
        Reason::StatusOutOfRange,
    );
    bench.stated(
        "invalid/status_unknown",
        "A list that the repository does not have.",
        |claims| claims.status.uri.push('9'),
        Reason::StatusUnknown,
    );
    bench.stated(
        "invalid/proof_without_holder_key",
        "A proof around a credential that names no holder key.",
        |claims| claims.holder_key = None,
        Reason::ProofSignature,
    );
    let paper = bench.world.credential(&Claims { holder_key: None, ..bench.world.claims() });
    let paper = payload::encode(&Payload::Static(paper));
    bench.add(
        "invalid/paper",
        "A paper credential, where the policy takes none.",
        paper,
        Reason::PaperNotAccepted,
    );
    let stranger = SoftwareKey::from_seed(&[77; 32]);
    let forged = bench.shown(&sign1(&bench.protected, Value::Map(vec![]), &bench.claims, &stranger));
    bench.add(
        "invalid/signature_bad",
        "Signed by somebody else under the issuer's key identifier.",
        forged,
        Reason::CredentialSignature,
    );
    let own = shared::credential::sign(&bench.world.claims(), &stranger).unwrap();
    let own = bench.shown(&own);
    bench.add(
        "invalid/key_unknown",
        "Signed by somebody else under his own key identifier.",
        own,
        Reason::IssuerKeyUnknown,
    );
}

fn proofs(bench: &mut Bench) {
    let credential = bench.credential(&bench.protected, &bench.claims);
    let stripped = payload::encode(&Payload::Static(credential.clone()));
    bench.add(
        "invalid/proof_stripped",
        "The credential alone, compressed as on paper.",
        stripped,
        Reason::ProofMissing,
    );
    bench.add(
        "invalid/proof_stripped_bare",
        "The credential alone, as it is.",
        base45_encode(&credential),
        Reason::ProofMissing,
    );
    let at = bench.at;
    let proof = |audience: &str, life: i64, made: Timestamp| {
        vec![
            (int(3), text(audience)),
            (int(4), int(made.plus(life).as_unix())),
            (int(6), int(made.as_unix())),
        ]
    };
    let forged =
        bench.shown_with(&credential, &raw_map(&proof("border", 30, at)), &SoftwareKey::from_seed(&[78; 32]));
    bench.add(
        "invalid/proof_signature_bad",
        "The proof is by another phone.",
        forged,
        Reason::ProofSignature,
    );
    bench.proof(
        "invalid/proof_audience",
        "Made for a hotel.",
        &proof("hotel", 30, at),
        Reason::ProofAudience,
    );
    bench.proof(
        "invalid/proof_life",
        "A proof that wants to live 31 seconds.",
        &proof("border", 31, at),
        Reason::ProofWindow,
    );
    bench.proof(
        "invalid/proof_no_life",
        "A proof that ends when it begins.",
        &proof("border", 0, at),
        Reason::ProofWindow,
    );
    bench.proof(
        "invalid/proof_expired",
        "A screenshot of a minute ago.",
        &proof("border", 30, at.plus(-58)),
        Reason::ProofExpired,
    );
    bench.proof(
        "invalid/proof_from_the_future",
        "Made a minute from now.",
        &proof("border", 30, at.plus(60)),
        Reason::ProofNotYetValid,
    );
    bench.proof(
        "invalid/proof_before_credential",
        "Made before the credential was issued.",
        &proof("border", 30, at.plus(-4000)),
        Reason::ProofWindow,
    );
    bench.proof(
        "invalid/proof_without_end",
        "A proof without expiry.",
        &[(int(3), text("border")), (int(6), int(at.as_unix()))],
        Reason::FormatStructure,
    );
    let mut extra = proof("border", 30, at);
    extra.push((int(39), Value::Bytes(&[1; 8]).encode()));
    bench.proof(
        "invalid/proof_extra_claim",
        "A claim that this version does not process.",
        &extra,
        Reason::FormatStructure,
    );
}

/// What stands around the credential.
fn presentations(bench: &mut Bench) {
    let structure = Reason::FormatStructure;
    let credential = bench.credential(&bench.protected, &bench.claims);
    let shown = payload::base45_decode(&bench.shown(&credential)).unwrap();
    let (alg, typ) = ((int(1), int(-8)), (int(16), int(294)));
    let kcwt = |bytes: &[u8]| (int(13), bytes.to_vec());
    bench.proof_headers(
        "invalid/kcwt_missing",
        "A proof around nothing.",
        &[alg.clone(), typ.clone()],
        structure,
    );
    bench.proof_headers(
        "invalid/kcwt_bytes",
        "The credential is wrapped in a byte string.",
        &[alg.clone(), kcwt(&Value::Bytes(&credential).encode()), typ.clone()],
        structure,
    );
    bench.proof_headers(
        "invalid/kcwt_presentation",
        "A presentation inside a presentation.",
        &[alg.clone(), kcwt(&shown), typ.clone()],
        structure,
    );
    bench.proof_headers(
        "invalid/proof_typ_wrong",
        "The type of a credential on a presentation.",
        &[alg.clone(), kcwt(&credential), (int(16), int(293))],
        structure,
    );
    bench.proof_headers(
        "invalid/proof_alg_es256",
        "The proof's algorithm says ES256.",
        &[(int(1), int(-7)), kcwt(&credential), typ.clone()],
        Reason::FormatAlgorithm,
    );
    let crit = (int(2), Value::Array(vec![Value::from(99)]).encode());
    bench.proof_headers(
        "invalid/proof_crit_unknown",
        "A critical header in the proof that nobody knows.",
        &[alg, crit, kcwt(&credential), typ],
        Reason::FormatCritical,
    );
    bench.add(
        "invalid/proof_compressed",
        "A rotating code, compressed as only paper is.",
        payload::encode(&Payload::Static(shown.clone())),
        structure,
    );
    bench.add(
        "invalid/proof_cwt_tag",
        "Tag 61 around the presentation.",
        base45_encode(&[&[0xd8, 61], shown.as_slice()].concat()),
        Reason::TextForeign,
    );
    let mut malleable = shown;
    let scalar = malleable.len() - 32;
    add_group_order(&mut malleable[scalar..]);
    bench.add(
        "invalid/proof_signature_malleable",
        "The order of the group is added to the holder's signature: a used code in a second spelling.",
        base45_encode(&malleable),
        Reason::ProofSignature,
    );
}

/// The same credential at other times, and two faults of which the refusal counts.
fn times(bench: &mut Bench) {
    const DAY: i64 = 86_400;
    let start = bench.world.start;
    let credential = bench.credential(&bench.protected, &bench.claims);
    for (name, description, made, at, expect) in [
        ("valid/proof_29_seconds_old", "In its last second.", 0, 29, Reason::Accepted),
        ("invalid/proof_30_seconds_old", "A second later.", 0, 30, Reason::ProofExpired),
        ("valid/proof_5_seconds_ahead", "As far ahead as a phone may be.", 105, 100, Reason::Accepted),
        ("invalid/proof_6_seconds_ahead", "A second more.", 106, 100, Reason::ProofNotYetValid),
        ("valid/trust_aging", "Six days after publication.", 6 * DAY, 6 * DAY, Reason::Accepted),
        ("invalid/trust_stale", "Ten days after publication.", 10 * DAY, 10 * DAY, Reason::TrustStale),
        ("invalid/trust_dead", "25 days after publication.", 25 * DAY, 25 * DAY, Reason::TrustDead),
        ("invalid/status_expired", "35 days after.", 35 * DAY, 35 * DAY, Reason::StatusExpired),
        ("invalid/clock_tampered", "121 seconds before publication.", 0, -121, Reason::ClockTampered),
    ] {
        let shown = bench.shown_at(&credential, start.plus(made));
        bench.add_for("border", start.plus(at), name, description, shown, expect);
    }
    let at = start.plus(10 * DAY);
    let mut claims = bench.world.claims();
    claims.expires = at;
    let shown = bench.shown_at(&bench.world.credential(&claims), at.plus(-1));
    bench.add_for(
        "border",
        at,
        "invalid/expired_and_trust_stale",
        "Expired, where the trust repository is stale: the refusal counts.",
        shown,
        Reason::CredentialExpired,
    );
    let mut claims = bench.world.claims();
    claims.status.index = 1;
    let shown = bench.shown_at(&bench.world.credential(&claims), at);
    bench.add_for(
        "border",
        at,
        "invalid/revoked_and_trust_stale",
        "Revoked, where the trust repository is stale: the refusal counts.",
        shown,
        Reason::StatusRevoked,
    );
    let shown = bench.shown(&credential);
    let now = bench.at.plus(2);
    bench.add_for(
        "bank",
        now,
        "invalid/purpose_unknown",
        "Shown for a purpose that the repository has no policy for.",
        shown,
        Reason::PurposeUnknown,
    );
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// Every file but the README, by its path.
fn files(vectors: &BTreeMap<String, Vector>) -> Files {
    let json = |vector: &Vector| (serde_json::to_string_pretty(vector).unwrap() + "\n").into_bytes();
    let mut files: Files =
        vectors.iter().map(|(name, vector)| (format!("{name}.json"), json(vector))).collect();
    let world = Bench::new().world;
    files.insert("root.json".into(), world.root());
    let repository = world.repository(1, world.start);
    files.extend(repository.into_iter().map(|(name, bytes)| (format!("repository/{name}"), bytes)));
    files
}

fn write(files: &Files) {
    for part in ["valid", "invalid", "repository"] {
        let _ = fs::remove_dir_all(folder().join(part));
    }
    for (name, bytes) in files {
        let path = folder().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn read(folder: &Path) -> Files {
    fn walk(folder: &Path, prefix: &str, files: &mut Files) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                walk(&path, &format!("{name}/"), files);
            } else if name != "README.md" {
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    let mut files = Files::new();
    walk(folder, "", &mut files);
    files
}
