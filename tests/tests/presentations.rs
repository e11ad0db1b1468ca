//! How a credential can be presented besides the plain rotating code: countersigned, challenged, for a shorter time,
//! with groups kept back, encrypted, and by keys on P-256. Ends with every bit of each.

use std::collections::BTreeMap;

use claim169_core::{Decoder, Encoder, VerificationStatus};
use shared::cbor::{self, Value};
use shared::credential::{
    Attribute, AttributeValue, Attributes, Challenge, Checkpoint, Claims, Group, PresentError, Presentation,
    Statement, VerifyError, countersign, disclose_only, prepare_with_groups, present, present_statement,
};
use shared::encryption::DecryptionKey;
use shared::key::{Signer, SoftwareKey};
use shared::qr::payload::{self, Payload};
use shared::reason::{Answer, Reason};
use shared::time::Timestamp;
use shared::trust::{Dialect, IssuerKey, IssuerKeys, PaperRule, Policy, ProofRule, TrustStore};
use tests::crafted::{
    self, EDDSA, ES256, Hand, ProofClaims, around, countersignature, inside, labels, parts, signed_again,
    with_unprotected,
};
use tests::seals::Key;
use tests::{Seen, World, add_group_order, border};

/// A checkpoint of the small world, and what it has seen.
struct Kiosk {
    trust: TrustStore,
    keys: Vec<DecryptionKey>,
    challenge: Option<Challenge>,
    seen: Seen,
}

impl Kiosk {
    fn new(world: &World) -> Self {
        Self { trust: world.trust(), keys: vec![], challenge: None, seen: Seen::default() }
    }

    fn claims(&mut self, text: &str, now: Timestamp) -> Result<Claims, VerifyError> {
        let (purpose, challenge) = (border(), self.challenge.as_ref());
        let checkpoint = Checkpoint { purpose: &purpose, trust: &self.trust, keys: &self.keys, challenge };
        checkpoint.verify(text, now, &mut self.seen).map(|verified| verified.claims().clone())
    }

    fn says(&mut self, text: &str, now: Timestamp) -> Reason {
        self.claims(text, now).map_or_else(|error| error.reason(), |_| Reason::Accepted)
    }
}

/// What a kiosk that has seen nothing says.
fn reason(world: &World, text: &str, now: Timestamp) -> Reason {
    Kiosk::new(world).says(text, now)
}

fn with_policy(change: impl FnOnce(&mut Policy)) -> World {
    let mut world = World::default();
    change(&mut world.policy);
    world
}

fn signed(bytes: Vec<u8>) -> String {
    payload::encode(&Payload::Signed(bytes))
}

fn compressed(bytes: Vec<u8>) -> String {
    payload::encode(&Payload::Static(bytes))
}

fn text(attribute: Attribute, value: &str) -> (Attribute, AttributeValue) {
    (attribute, AttributeValue::Text(value.to_owned()))
}

fn attributes(entries: &[(Attribute, AttributeValue)]) -> Attributes {
    let mut attributes = Attributes::default();
    entries.iter().for_each(|(attribute, value)| attributes.set(*attribute, value.clone()).unwrap());
    attributes
}

// ---- countersigned (P2) ----

fn countersigned(world: &World, made: Timestamp) -> Vec<u8> {
    let statement = Statement { audience: "border", nonce: None, now: made };
    countersign(&world.credential(&world.claims()), &world.holder, &statement).unwrap()
}

/// The countersignature covers the credential; how it is compressed and tagged it does not cover.
#[test]
fn a_countersigned_code_is_accepted_once_however_it_is_written() {
    let world = World::default();
    let (bytes, mut kiosk) = (countersigned(&world, world.start), Kiosk::new(&world));
    assert_eq!(kiosk.claims(&compressed(bytes.clone()), world.start), Ok(world.claims()));
    let squeezed = |level| payload::base45_encode(&miniz_oxide::deflate::compress_to_vec_zlib(&bytes, level));
    let in_cwt_tag = [&[0xd8, 61], &bytes[..]].concat();
    let key = DecryptionKey::from_seed(&[7; 32]).unwrap();
    let sealed =
        key.public_key().unwrap().seal(&payload::to_bytes(&Payload::Static(bytes.clone())), &[8; 32]);
    kiosk.keys.push(key);
    for (spelling, text) in [
        ("the same", compressed(bytes.clone())),
        ("compressed worse", squeezed(1)),
        ("not compressed", squeezed(0)),
        ("under tag 61", compressed(in_cwt_tag)),
        ("under no tag", compressed(bytes[1..].to_vec())),
        ("encrypted", payload::encode(&Payload::Encrypted(sealed.unwrap()))),
    ] {
        assert_eq!(kiosk.says(&text, world.start.plus(1)), Reason::ProofReplayed, "{spelling}");
    }
}

#[test]
fn a_countersigned_code_is_for_one_place_and_half_a_minute() {
    let world = World::default();
    let made = world.start.plus(1000);
    let code = compressed(countersigned(&world, made));
    for (after, expected) in [
        (-6, Reason::ProofNotYetValid),
        (-5, Reason::Accepted),
        (29, Reason::Accepted),
        (30, Reason::ProofExpired),
    ] {
        assert_eq!(reason(&world, &code, made.plus(after)), expected, "{after} s");
    }
    let statement = Statement { audience: "hotel", nonce: None, now: made };
    let elsewhere = countersign(&world.credential(&world.claims()), &world.holder, &statement).unwrap();
    assert_eq!(reason(&world, &compressed(elsewhere), made), Reason::ProofAudience);
}

#[test]
fn a_countersignature_is_the_holders_over_this_credential_in_this_form() {
    let world = World::default();
    let (now, credential) = (world.start, world.credential(&world.claims()));
    let claims = ProofClaims {
        audience: "border",
        issued: now.as_unix(),
        expires: now.plus(30).as_unix(),
        nonce: None,
    };
    let holder = Hand::Ed25519(&world.holder);
    let header = |entries: &[(i64, Value<'_>)]| labels(entries).encode();
    let good = header(&[(1, Value::from(EDDSA)), (15, claims.value())]);
    let item = |protected: &[u8], unprotected: Value<'_>, signature: &[u8]| {
        let item = Value::Array(vec![Value::Bytes(protected), unprotected, Value::Bytes(signature)]);
        compressed(with_unprotected(&credential, labels(&[(11, item)])))
    };
    let over = |context: &str, protected: &[u8]| {
        item(protected, Value::Map(vec![]), &countersignature(&credential, context, protected, &holder))
    };
    let says = |text: &str| reason(&world, text, now);
    assert_eq!(says(&over("CounterSignatureV2", &good)), Reason::Accepted, "the same bytes, made by hand");
    assert_eq!(says(&over("CounterSignature", &good)), Reason::ProofSignature, "the older form");
    assert_eq!(says(&over("Signature1", &good)), Reason::ProofSignature);

    let thief = SoftwareKey::from_seed(&[98; 32]);
    let theirs = inside(&credential, &claims.value(), EDDSA, &Hand::Ed25519(&thief));
    assert_eq!(says(&compressed(theirs)), Reason::ProofSignature, "another phone");
    let another = world.credential(&Claims { subject: "another".into(), ..world.claims() });
    let lent = countersignature(&another, "CounterSignatureV2", &good, &holder);
    assert_eq!(says(&item(&good, Value::Map(vec![]), &lent)), Reason::ProofSignature, "another credential's");
    let signature = countersignature(&credential, "CounterSignatureV2", &good, &holder);
    let mut malleable = signature.clone();
    add_group_order(&mut malleable[32..]);
    assert_eq!(says(&item(&good, Value::Map(vec![]), &malleable)), Reason::ProofSignature);
    assert_eq!(says(&item(&good, Value::Map(vec![]), &signature[..63])), Reason::ProofSignature);
    // The proof of the other form says the same and is signed by the same key.
    let around = around(&credential, &claims.value(), EDDSA, &holder);
    let around = cbor::decode(&around).unwrap();
    let [_, _, _, lent] = parts(&around);
    assert_eq!(says(&item(&good, Value::Map(vec![]), lent.as_bytes().unwrap())), Reason::ProofSignature);

    let hint = labels(&[(4, Value::Bytes(b"hint"))]);
    assert_eq!(says(&item(&good, hint, &signature)), Reason::FormatStructure, "an unprotected header");
    for (what, protected, expected) in [
        ("no claims", header(&[(1, Value::from(EDDSA))]), Reason::FormatStructure),
        (
            "one header more",
            header(&[(1, Value::from(EDDSA)), (4, Value::Bytes(b"hint")), (15, claims.value())]),
            Reason::FormatStructure,
        ),
        (
            "a critical one",
            header(&[
                (1, Value::from(EDDSA)),
                (2, Value::Array(vec![Value::from(15)])),
                (15, claims.value()),
            ]),
            Reason::FormatCritical,
        ),
        (
            "one claim more",
            header(&[
                (1, Value::from(EDDSA)),
                (
                    15,
                    labels(&[
                        (1, Value::Text("x")),
                        (3, Value::Text("border")),
                        (4, Value::from(claims.expires)),
                        (6, Value::from(claims.issued)),
                    ]),
                ),
            ]),
            Reason::FormatStructure,
        ),
        ("no algorithm", header(&[(15, claims.value())]), Reason::FormatStructure),
        (
            "another algorithm",
            header(&[(1, Value::from(-35)), (15, claims.value())]),
            Reason::FormatAlgorithm,
        ),
        (
            "an algorithm of another key",
            header(&[(1, Value::from(ES256)), (15, claims.value())]),
            Reason::ProofSignature,
        ),
    ] {
        assert_eq!(says(&over("CounterSignatureV2", &protected)), expected, "{what}");
    }
    let one = Value::Array(vec![Value::Bytes(&good), Value::Map(vec![]), Value::Bytes(&signature)]);
    let several =
        with_unprotected(&credential, labels(&[(11, Value::Array(vec![one.clone(), one.clone()]))]));
    assert_eq!(says(&compressed(several)), Reason::FormatStructure);

    assert_eq!(says(&compressed(credential.clone())), Reason::ProofMissing, "cut away");
    let with_one = with_unprotected(&credential, labels(&[(11, one)]));
    assert_eq!(says(&signed(with_one)), Reason::FormatStructure, "in a rotating code");
    let unbound = world.credential(&Claims { holder_key: None, ..world.claims() });
    let bound_by_itself = inside(&unbound, &claims.value(), EDDSA, &holder);
    assert_eq!(says(&compressed(bound_by_itself)), Reason::ProofSignature, "by a key that nobody named");
}

/// What is disclosed is in the unprotected headers, which a countersignature does not cover.
#[test]
fn a_countersigned_code_discloses_nothing() {
    let (world, credential) = with_groups();
    let statement = Statement { audience: "border", nonce: None, now: world.start };
    let refused = countersign(&credential, &world.holder, &statement);
    assert_eq!(refused, Err(PresentError::Disclosures));
    let none = disclose_only(&credential, &[]).unwrap();
    let code = countersign(&none, &world.holder, &statement).unwrap();
    assert_eq!(reason(&world, &compressed(code.clone()), world.start), Reason::Accepted);
    // Somebody who knows what is kept back puts it in.
    let (original, code) = (cbor::decode(&credential).unwrap(), cbor::decode(&code).unwrap());
    let ([_, disclosures, ..], [_, countersignature, ..]) = (parts(&original), parts(&code));
    let both = labels(&[
        (11, countersignature.get(11).unwrap().clone()),
        (17, disclosures.get(17).unwrap().clone()),
    ]);
    let told = compressed(with_unprotected(&none, both));
    assert_eq!(reason(&world, &told, world.start), Reason::FormatDisclosure);
}

/// claim169-core, the reference reader, knows neither holders nor status, and passes over both.
#[test]
fn another_reader_of_claim_169_reads_our_codes() {
    let world = World::default();
    let key = world.issuer.public_key().to_bytes();
    let paper = world.credential(&Claims { holder_key: None, ..world.claims() });
    for (what, bytes) in [
        ("countersigned", countersigned(&world, world.start)),
        ("on paper", paper),
        ("bound to a phone", world.credential(&world.claims())),
    ] {
        let text = compressed(bytes);
        let reader = Decoder::new(text.as_str()).verify_with_ed25519(&key).unwrap();
        let read = reader.without_timestamp_validation().decode().unwrap();
        assert_eq!(read.verification_status, VerificationStatus::Verified, "{what}");
        assert_eq!(read.claim169.full_name.as_deref(), Some("SAMPLE, ALEX 01"), "{what}");
        assert_eq!(read.claim169.date_of_birth.as_deref(), Some("19980214"));
        assert_eq!(read.claim169.face.as_ref().map(Vec::len), Some(1));
        assert_eq!(read.cwt_meta.issuer.as_deref(), Some(tests::ISSUER));
        assert_eq!(read.cwt_meta.expires_at, Some(world.claims().expires.as_unix()));
        let stranger = Decoder::new(text.as_str()).verify_with_ed25519(&world.holder.public_key().to_bytes());
        assert!(stranger.unwrap().without_timestamp_validation().decode().is_err(), "{what}: another issuer");
    }
}

// ---- challenges ----

/// A clock a little behind the signed floor is taken for the floor, by who asks as by who checks.
#[test]
fn a_slow_clock_asks_by_the_time_that_it_checks_by() {
    let world = with_policy(|policy| policy.proof = ProofRule::Challenge);
    for behind in [0, 59, 60, 119] {
        let (mut kiosk, clock) = (Kiosk::new(&world), world.start.plus(-behind));
        let time = kiosk.trust.floor().time(clock);
        kiosk.challenge = Challenge::new("border", [5; 16], None, time);
        let statement = Statement { audience: "border", nonce: Some(&[5; 16]), now: time.plus(1) };
        let bytes = present_statement(&world.credential(&world.claims()), &world.holder, &statement).unwrap();
        assert_eq!(kiosk.says(&signed(bytes), clock.plus(1)), Reason::Accepted, "{behind} s behind");
    }
}

#[test]
fn paper_answers_no_challenge() {
    let world = with_policy(|policy| {
        (policy.proof, policy.paper) = (ProofRule::Challenge, PaperRule::Accept);
    });
    let paper = world.credential(&Claims { holder_key: None, ..world.claims() });
    assert_eq!(reason(&world, &compressed(paper), world.start), Reason::ChallengeMissing);
}

#[test]
fn our_own_credential_in_hexadecimal_is_nobodys() {
    let world = with_policy(|policy| {
        (policy.dialects, policy.paper) = (vec![Dialect::Inji], PaperRule::Accept);
    });
    let paper = world.credential(&Claims { holder_key: None, ..world.claims() });
    assert_eq!(reason(&world, &compressed(paper.clone()), world.start), Reason::Accepted);
    assert_eq!(reason(&world, &compressed(hex::encode(paper).into()), world.start), Reason::TextForeign);
}

#[test]
fn an_answer_is_to_the_challenge_that_is_shown() {
    let asking = with_policy(|policy| policy.proof = ProofRule::Challenge);
    let rotating = World::default();
    let now = asking.start.plus(100);
    let (ours, theirs) = ([5; 16], [6; 16]);
    let lane = |nonce| Challenge::new("border-lane-3", nonce, None, now).unwrap();
    let at_the_border = |nonce| Challenge::new("border", nonce, None, now).unwrap();
    use Reason::*;
    for (what, world, challenge, audience, nonce, after, expected) in [
        ("right", &asking, Some(lane(ours)), "border-lane-3", Some(ours), 1, Accepted),
        (
            "right, for the whole border",
            &asking,
            Some(at_the_border(ours)),
            "border",
            Some(ours),
            1,
            Accepted,
        ),
        ("right, though not demanded", &rotating, Some(lane(ours)), "border-lane-3", Some(ours), 1, Accepted),
        ("wrong", &asking, Some(lane(ours)), "border-lane-3", Some(theirs), 1, ChallengeWrong),
        (
            "wrong, though not demanded",
            &rotating,
            Some(lane(ours)),
            "border",
            Some(theirs),
            1,
            ChallengeWrong,
        ),
        ("missing", &asking, Some(lane(ours)), "border-lane-3", None, 1, ChallengeMissing),
        ("missing, and the audience alone", &asking, Some(lane(ours)), "border", None, 1, ChallengeMissing),
        ("missing, and not demanded", &rotating, Some(lane(ours)), "border", None, 1, Accepted),
        ("demanded, and nothing is shown", &asking, None, "border", None, 1, ChallengeMissing),
        ("not asked for", &rotating, None, "border", Some(ours), 1, ChallengeWrong),
        ("not asked for, where it is demanded", &asking, None, "border", Some(ours), 1, ChallengeWrong),
        ("another lane's", &asking, Some(lane(ours)), "border-lane-4", Some(theirs), 1, ProofAudience),
        ("for another lane", &asking, Some(lane(ours)), "border-lane-4", Some(ours), 1, ProofAudience),
        ("for a lane, and nothing is shown", &rotating, None, "border-lane-3", None, 1, ProofAudience),
        ("in its last second", &asking, Some(lane(ours)), "border-lane-3", Some(ours), 59, Accepted),
        ("over", &asking, Some(lane(ours)), "border-lane-3", Some(ours), 60, ChallengeWrong),
    ] {
        let made = now.plus(after);
        let nonce = nonce.as_ref().map(|nonce: &[u8; 16]| &nonce[..]);
        let statement = Statement { audience, nonce, now: made };
        let credential = world.credential(&world.claims());
        for code in [
            signed(present_statement(&credential, &world.holder, &statement).unwrap()),
            compressed(countersign(&credential, &world.holder, &statement).unwrap()),
        ] {
            let mut kiosk = Kiosk { challenge: challenge.clone(), ..Kiosk::new(world) };
            assert_eq!(kiosk.says(&code, made), expected, "{what}");
            if expected == Accepted {
                assert_eq!(kiosk.says(&code, made), ProofReplayed, "{what}, again");
            }
        }
    }
}

/// A beginning of the nonce, or more than it, is not the nonce; and a nonce is nothing else than bytes.
#[test]
fn a_nonce_is_answered_whole() {
    let world = with_policy(|policy| policy.proof = ProofRule::Challenge);
    let (now, credential) = (world.start, world.credential(&world.claims()));
    let challenge = Challenge::new("border", [5; 16], None, now);
    let claims = ProofClaims {
        audience: "border",
        issued: now.as_unix(),
        expires: now.plus(30).as_unix(),
        nonce: None,
    };
    let long = [5; 65];
    for (length, expected) in [
        (7, Reason::FormatStructure),
        (8, Reason::ChallengeWrong),
        (15, Reason::ChallengeWrong),
        (16, Reason::Accepted),
        (17, Reason::ChallengeWrong),
        (64, Reason::ChallengeWrong),
        (65, Reason::FormatStructure),
    ] {
        let claims = ProofClaims { nonce: Some(&long[..length]), ..claims };
        let code = signed(around(&credential, &claims.value(), EDDSA, &Hand::Ed25519(&world.holder)));
        let mut kiosk = Kiosk { challenge: challenge.clone(), ..Kiosk::new(&world) };
        assert_eq!(kiosk.says(&code, now), expected, "{length} bytes");
    }
    let Value::Map(mut entries) = claims.value() else { panic!("a map") };
    entries.push((Value::from(39), Value::Text("5555555555555555")));
    let code = signed(around(&credential, &Value::Map(entries), EDDSA, &Hand::Ed25519(&world.holder)));
    let mut kiosk = Kiosk { challenge, ..Kiosk::new(&world) };
    assert_eq!(kiosk.says(&code, now), Reason::FormatStructure);
}

// ---- times ----

#[test]
fn an_issuer_may_shorten_presentations_and_not_lengthen_them() {
    let world = World::default();
    let made = world.start.plus(100);
    for (age, last) in [
        (Some(1), 0),
        (Some(10), 9),
        (Some(29), 28),
        (Some(30), 29),
        (Some(31), 29),
        (Some(255), 29),
        (None, 29),
    ] {
        let credential = world.credential(&Claims { max_presentation_age: age, ..world.claims() });
        // The longest that a phone may claim, whatever the issuer said.
        let claims = ProofClaims {
            audience: "border",
            issued: made.as_unix(),
            expires: made.plus(30).as_unix(),
            nonce: None,
        };
        let holder = Hand::Ed25519(&world.holder);
        for code in [
            signed(around(&credential, &claims.value(), EDDSA, &holder)),
            compressed(inside(&credential, &claims.value(), EDDSA, &holder)),
            // What our phone claims.
            world.code(&credential, made),
        ] {
            assert_eq!(reason(&world, &code, made.plus(last)), Reason::Accepted, "{age:?}");
            assert_eq!(reason(&world, &code, made.plus(last + 1)), Reason::ProofExpired, "{age:?}");
        }
    }
}

/// The SD-CWT draft's inequalities ("Key Binding Validation": a proof is not valid when the credential is not), one by
/// one and then all of them at every distance around their edges. A proof has no `nbf` in our format.
#[test]
fn a_proof_is_not_valid_when_the_credential_is_not() {
    let world = World::default();
    let holder = Hand::Ed25519(&world.holder);
    let zero = world.start.plus(100_000);
    let base = zero.as_unix();
    let code = |(iat, nbf, exp): (i64, i64, i64), (proof_iat, proof_exp): (i64, i64)| {
        let at = |offset| zero.plus(offset);
        let claims = Claims { issued_at: at(iat), not_before: at(nbf), expires: at(exp), ..world.claims() };
        let proof = ProofClaims {
            audience: "border",
            issued: base + proof_iat,
            expires: base + proof_exp,
            nonce: None,
        };
        signed(around(&world.credential(&claims), &proof.value(), EDDSA, &holder))
    };
    use Reason::*;
    // Credential (iat, nbf, exp), proof (iat, exp), now; five seconds of leeway for clocks that are behind.
    for (rule, credential, proof, now, expected) in [
        ("in order", (0, 0, 1000), (100, 130), 100, Accepted),
        ("proof exp > proof iat", (0, 0, 1000), (100, 100), 100, ProofWindow),
        ("proof exp > proof iat", (0, 0, 1000), (100, 99), 100, ProofWindow),
        ("proof exp - iat <= 30", (0, 0, 1000), (100, 131), 100, ProofWindow),
        ("proof iat >= credential iat", (50, 0, 1000), (44, 74), 50, ProofWindow),
        ("proof iat >= credential iat", (50, 0, 1000), (45, 75), 50, Accepted),
        ("proof iat >= credential nbf", (0, 50, 1000), (44, 74), 50, ProofWindow),
        ("proof iat >= credential nbf", (0, 50, 1000), (45, 75), 50, Accepted),
        ("proof exp > credential iat", (50, 0, 1000), (10, 40), 50, ProofWindow),
        ("proof exp > credential nbf", (0, 50, 1000), (10, 40), 50, ProofWindow),
        ("proof iat < credential exp", (0, 0, 50), (50, 80), 49, ProofWindow),
        ("proof iat < credential exp", (0, 0, 50), (49, 79), 49, Accepted),
        ("now < credential exp", (0, 0, 50), (49, 79), 50, CredentialExpired),
        ("now < proof exp", (0, 0, 1000), (100, 110), 110, ProofExpired),
        ("now >= credential nbf", (0, 50, 1000), (50, 80), 44, CredentialNotYetValid),
        ("now >= credential iat", (50, 0, 1000), (50, 80), 44, CredentialNotYetValid),
        ("now >= proof iat", (0, 0, 1000), (100, 130), 94, ProofNotYetValid),
    ] {
        assert_eq!(reason(&world, &code(credential, proof), zero.plus(now)), expected, "{rule}");
    }
    let (mut tried, mut accepted) = (0, 0);
    let trust = world.trust();
    for (iat, nbf) in [(0, 0), (0, 20), (20, 0)] {
        let exp = 40;
        for proof_iat in [-6, -5, 0, 14, 15, 20, 39, 40] {
            for life in [0, 1, 30, 31] {
                let text = code((iat, nbf, exp), (proof_iat, proof_iat + life));
                for now in [-6, -5, 0, 14, 15, 20, 39, 40, 45] {
                    let begins = iat.max(nbf);
                    let expected = now < exp
                        && now + 5 >= begins
                        && (1..=30).contains(&life)
                        && proof_iat + 5 >= begins
                        && proof_iat < exp
                        && proof_iat <= now + 5
                        && now < proof_iat + life;
                    let mut kiosk =
                        Kiosk { trust: trust.clone(), keys: vec![], challenge: None, seen: Seen::default() };
                    let got = kiosk.says(&text, zero.plus(now));
                    assert_eq!(
                        got == Accepted,
                        expected,
                        "iat {iat}, nbf {nbf}, exp {exp}; proof iat {proof_iat}, life {life}; now {now}: {got}"
                    );
                    (tried, accepted) = (tried + 1, accepted + usize::from(expected));
                }
            }
        }
    }
    println!("{tried} combinations of times, {accepted} accepted");
    assert!(accepted > 20);
}

// ---- groups that can be kept back ----

/// A credential with a group for the address and one for where the holder belongs.
fn with_groups() -> (World, Vec<u8>) {
    let world = World::default();
    let credential = grouped(&world, "c3ViamVjdC0wMDAx", [[1; 16], [2; 16]]);
    (world, credential)
}

fn grouped(world: &World, subject: &str, salts: [[u8; 16]; 2]) -> Vec<u8> {
    let hidden = [
        attributes(&[text(Attribute::Address, "1 EXAMPLE ROAD")]),
        attributes(&[text(Attribute::Nationality, "XA"), text(Attribute::LegalStatus, "R")]),
    ];
    let mut claims = world.claims();
    claims.subject = subject.into();
    claims.attributes = attributes(&[text(Attribute::Name, "SAMPLE, ALEX 01")]);
    let groups: Vec<_> =
        hidden.into_iter().zip(salts).map(|(attributes, salt)| Group { attributes, salt }).collect();
    let prepared = prepare_with_groups(&claims, &groups, world.issuer.public_key().id()).unwrap();
    prepared.sign(&world.issuer).unwrap()
}

/// The disclosures of a credential.
fn disclosures(credential: &[u8]) -> Vec<Vec<u8>> {
    let credential = cbor::decode(credential).unwrap();
    let [_, unprotected, ..] = parts(&credential);
    let list = unprotected.get(17).and_then(Value::as_array).unwrap_or_default();
    list.iter().map(|item| item.as_bytes().unwrap().to_vec()).collect()
}

fn disclosing(credential: &[u8], disclosures: &[Vec<u8>]) -> Vec<u8> {
    let list = disclosures.iter().map(|bytes| Value::Bytes(bytes)).collect();
    with_unprotected(credential, labels(&[(17, Value::Array(list))]))
}

#[test]
fn the_holder_shows_all_groups_some_or_none() {
    let (world, credential) = with_groups();
    let hidden = [Attribute::Address, Attribute::Nationality, Attribute::LegalStatus];
    for (shown, expected) in [
        (&[0, 1][..], &[true, true, true][..]),
        (&[0], &[true, false, false]),
        (&[1], &[false, true, true]),
        (&[], &[false, false, false]),
    ] {
        let code = world.code(&disclose_only(&credential, shown).unwrap(), world.start);
        let claims = Kiosk::new(&world).claims(&code, world.start).unwrap();
        let seen: Vec<bool> =
            hidden.iter().map(|attribute| claims.attributes.get(*attribute).is_some()).collect();
        assert_eq!(seen, expected, "groups {shown:?}");
        assert!(claims.attributes.get(Attribute::Name).is_some());
        let plain = payload::base45_decode(&code).unwrap();
        for (visible, what) in [(expected[0], &b"EXAMPLE ROAD"[..]), (true, b"SAMPLE, ALEX 01")] {
            assert_eq!(
                plain.windows(what.len()).any(|window| window == what),
                visible,
                "in the code's bytes"
            );
        }
    }
    let demanding = with_policy(|policy| policy.require.push(Attribute::Nationality));
    let code = |shown: &[usize]| demanding.code(&disclose_only(&credential, shown).unwrap(), demanding.start);
    assert_eq!(reason(&demanding, &code(&[0, 1]), demanding.start), Reason::Accepted);
    assert_eq!(reason(&demanding, &code(&[0]), demanding.start), Reason::CredentialClaimMissing);
}

#[test]
fn only_what_the_issuer_hashed_is_disclosed() {
    let (world, credential) = with_groups();
    let ours = disclosures(&credential);
    let theirs = disclosures(&grouped(&world, "somebody else", [[3; 16], [4; 16]]));
    assert!(ours.len() == 2 && theirs.len() == 2);
    let salted = |label: i64, value: &str| {
        let group = labels(&[(10, Value::Text(value))]);
        Value::Array(vec![Value::Bytes(&[1; 16]), group, Value::from(label)]).encode()
    };
    let proof = ProofClaims {
        audience: "border",
        issued: world.start.as_unix(),
        expires: world.start.plus(30).as_unix(),
        nonce: None,
    };
    let around = |bytes: &[u8]| signed(around(bytes, &proof.value(), EDDSA, &Hand::Ed25519(&world.holder)));
    let cases = [
        ("in the other order", vec![ours[1].clone(), ours[0].clone()], Reason::Accepted),
        ("of another credential", vec![theirs[0].clone()], Reason::FormatDisclosure),
        (
            "one more, of another",
            vec![ours[0].clone(), ours[1].clone(), theirs[0].clone()],
            Reason::FormatDisclosure,
        ),
        ("one twice", vec![ours[0].clone(), ours[0].clone()], Reason::FormatDisclosure),
        ("the same with another value", vec![salted(80, "2 EXAMPLE ROAD")], Reason::FormatDisclosure),
        ("the same under another label", vec![salted(81, "1 EXAMPLE ROAD")], Reason::FormatDisclosure),
        ("nothing at all in a list", vec![], Reason::FormatDisclosure),
        ("an empty one", vec![vec![]], Reason::FormatCbor),
    ];
    assert_eq!(salted(80, "1 EXAMPLE ROAD"), ours[0], "what the cases change is right before");
    for (what, list, expected) in cases {
        let code = around(&disclosing(&credential, &list));
        assert_eq!(reason(&world, &code, world.start), expected, "{what}");
    }
    // Taken out after the holder signed.
    let whole = present(&credential, &world.holder, "border", world.start).unwrap();
    let fewer = disclose_only(&credential, &[0]).unwrap();
    let mut cut = payload::base45_decode(&around(&fewer)).unwrap();
    let end = cut.len() - 64;
    assert_eq!(reason(&world, &signed(cut.clone()), world.start), Reason::Accepted);
    cut[end..].copy_from_slice(&whole[whole.len() - 64..]);
    assert_eq!(reason(&world, &signed(whole), world.start), Reason::Accepted);
    assert_eq!(reason(&world, &signed(cut), world.start), Reason::ProofSignature);
}

// ---- encryption ----

fn sealed(key: &DecryptionKey, payload: &Payload, seed: u8) -> String {
    let plain = payload::to_bytes(payload);
    payload::encode(&Payload::Encrypted(key.public_key().unwrap().seal(&plain, &[seed; 32]).unwrap()))
}

#[test]
fn an_encrypted_code_is_read_with_its_key_alone() {
    let world = with_policy(|policy| policy.paper = PaperRule::Accept);
    let key = |seed: u8| DecryptionKey::from_seed(&[seed; 32]).unwrap();
    let now = world.start;
    let bound = world.credential(&world.claims());
    let paper = world.credential(&Claims { holder_key: None, ..world.claims() });
    let rotating = Payload::Signed(present(&bound, &world.holder, "border", now).unwrap());
    let code = sealed(&key(7), &rotating, 9);
    let says = |keys: &[u8], text: &str| {
        let mut kiosk = Kiosk { keys: keys.iter().map(|seed| key(*seed)).collect(), ..Kiosk::new(&world) };
        kiosk.says(text, now)
    };
    assert_eq!(says(&[7], &code), Reason::Accepted);
    assert_eq!(says(&[6, 7], &code), Reason::Accepted, "this epoch's and the previous one's");
    assert_eq!(says(&[6], &code), Reason::TextEncrypted, "the previous epoch's");
    assert_eq!(says(&[], &code), Reason::TextEncrypted);
    assert_eq!(says(&[7], &sealed(&key(7), &Payload::Static(paper), 9)), Reason::Accepted, "paper");
    assert_eq!(
        says(&[7], &sealed(&key(7), &Payload::Static(bound.clone()), 9)),
        Reason::ProofMissing,
        "encryption is no proof of the holder"
    );
    assert_eq!(says(&[7], &sealed(&key(7), &Payload::Signed(bound), 9)), Reason::ProofMissing);
    // Encrypted twice, as it is and compressed in between.
    let inner = payload::base45_decode(&code).unwrap();
    for twice in [Payload::Encrypted(inner.clone()), Payload::Static(inner.clone())] {
        assert_eq!(says(&[7], &sealed(&key(7), &twice, 10)).answer(), Answer::Refused);
    }
    // Claim 169 compresses what is encrypted.
    assert_eq!(says(&[7], &compressed(inner)), Reason::Accepted);
    // Anybody can encrypt again what he has read.
    let mut kiosk = Kiosk { keys: vec![key(7)], ..Kiosk::new(&world) };
    assert_eq!(kiosk.says(&code, now), Reason::Accepted);
    assert_eq!(kiosk.says(&sealed(&key(7), &rotating, 11), now), Reason::ProofReplayed, "encrypted again");
    assert_eq!(kiosk.says(&payload::encode(&rotating), now), Reason::ProofReplayed, "taken out");
}

// ---- P-256 ----

/// The same ECDSA signature with `n - s`, which verifies as well (SEC 1 section 4.1.4).
fn twin(signature: &[u8]) -> Vec<u8> {
    const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let order = hex::decode(ORDER).unwrap();
    let mut twin = signature.to_vec();
    let mut borrow = 0;
    for at in (0..32).rev() {
        let digit = i16::from(order[at]) - i16::from(signature[32 + at]) - borrow;
        borrow = i16::from(digit < 0);
        twin[32 + at] = (digit & 0xff) as u8;
    }
    assert_eq!(borrow, 0);
    twin
}

#[test]
fn a_secure_element_on_p256_proves_as_well_and_its_proofs_have_no_twins() {
    let (world, phone) = (World::default(), Key::p256());
    let hand = Hand::P256(&phone);
    let now = world.start;
    let credential = world.credential(&Claims { holder_key: Some(hand.public()), ..world.claims() });
    let claims = ProofClaims {
        audience: "border",
        issued: now.as_unix(),
        expires: now.plus(30).as_unix(),
        nonce: None,
    };
    let by = |algorithm, hand: &Hand<'_>| {
        [
            signed(around(&credential, &claims.value(), algorithm, hand)),
            compressed(inside(&credential, &claims.value(), algorithm, hand)),
        ]
    };
    for code in by(ES256, &hand).iter().chain(&by(-9, &hand)) {
        assert_eq!(reason(&world, code, now), Reason::Accepted, "ES256 and ESP256");
    }
    for code in by(EDDSA, &hand).iter().chain(&by(-19, &hand)) {
        assert_eq!(reason(&world, code, now), Reason::ProofSignature, "says Ed25519");
    }
    let (other, phone_on_ed25519) = (Key::p256(), Hand::Ed25519(&world.holder));
    for code in by(ES256, &Hand::P256(&other)).iter().chain(&by(EDDSA, &phone_on_ed25519)) {
        assert_eq!(reason(&world, code, now), Reason::ProofSignature, "another phone");
    }
    // The other way round: a key on Ed25519, and a signature by ES256.
    let bound = world.credential(&world.claims());
    let wrong = signed(around(&bound, &claims.value(), ES256, &hand));
    assert_eq!(reason(&world, &wrong, now), Reason::ProofSignature);
    let wrong = signed(around(&bound, &claims.value(), ES256, &phone_on_ed25519));
    assert_eq!(reason(&world, &wrong, now), Reason::ProofSignature);

    // A proof's signature is the end of its bytes in one form, and in the middle in the other.
    let mut kiosk = Kiosk::new(&world);
    let proof = around(&credential, &claims.value(), ES256, &hand);
    let end = proof.len() - 64;
    let twins = [&proof[..end], &twin(&proof[end..])].concat();
    assert_eq!(reason(&world, &signed(twins.clone()), now), Reason::Accepted, "a twin is a signature");
    assert_eq!(kiosk.says(&signed(proof), now), Reason::Accepted);
    assert_eq!(kiosk.says(&signed(twins), now), Reason::ProofReplayed, "and the same proof");
    let again = around(&credential, &claims.value(), ES256, &hand);
    assert_eq!(kiosk.says(&signed(again), now), Reason::ProofReplayed, "signed again, it says the same");

    let inner = inside(&credential, &claims.value(), ES256, &hand);
    let decoded = cbor::decode(&inner).unwrap();
    let [_, unprotected, ..] = parts(&decoded);
    let Some([protected, _, Value::Bytes(signature)]) = unprotected.get(11).and_then(Value::as_array) else {
        panic!("a countersignature")
    };
    let twin = twin(signature);
    let item = Value::Array(vec![protected.clone(), Value::Map(vec![]), Value::Bytes(&twin)]);
    let twins = compressed(with_unprotected(&credential, labels(&[(11, item)])));
    assert_eq!(reason(&world, &twins, now), Reason::Accepted);
    assert_eq!(kiosk.says(&compressed(inner.clone()), now), Reason::Accepted);
    assert_eq!(kiosk.says(&twins, now), Reason::ProofReplayed);
}

#[test]
fn an_issuer_on_p256_is_believed_and_its_key_has_one_algorithm() {
    let key = Key::p256();
    let hand = Hand::P256(&key);
    let world = World {
        other_keys: vec![IssuerKey::new(hand.public(), World::default().start)],
        policy: Policy { paper: PaperRule::Accept, ..World::default().policy },
        ..World::default()
    };
    let own = Hand::Ed25519(&world.issuer);
    let now = world.start;
    let bound = world.credential(&world.claims());
    let paper = world.credential(&Claims { holder_key: None, ..world.claims() });
    let says = |algorithm, hand: &Hand<'_>| {
        let rotating = world.code(&signed_again(&bound, algorithm, hand), now);
        let on_paper = compressed(signed_again(&paper, algorithm, hand));
        assert_eq!(reason(&world, &rotating, now), reason(&world, &on_paper, now));
        reason(&world, &rotating, now)
    };
    assert_eq!((says(ES256, &hand), says(-9, &hand)), (Reason::Accepted, Reason::Accepted));
    assert_eq!((says(EDDSA, &own), says(-19, &own)), (Reason::Accepted, Reason::Accepted));
    for wrong in [EDDSA, -19] {
        assert_eq!(says(wrong, &hand), Reason::CredentialSignature, "a P-256 key and {wrong}");
    }
    for wrong in [ES256, -9] {
        assert_eq!(says(wrong, &own), Reason::CredentialSignature, "an Ed25519 key and {wrong}");
    }
    // PS256, ES384, ES512, Ed448, HMAC, none: with neither key.
    for other in [-37, -35, -36, -53, 5, 0] {
        let code = compressed(signed_again(&paper, other, &hand));
        assert_eq!(reason(&world, &code, now), Reason::FormatAlgorithm, "{other}");
    }
    let stranger = Key::p256();
    assert_eq!(says(ES256, &Hand::P256(&stranger)), Reason::IssuerKeyUnknown);
}

// ---- every bit ----

/// Flips every bit and counts what is said to each; what was accepted is returned, by the bit's number.
fn flip(what: &str, bytes: &[u8], says: impl Fn(&[u8]) -> Reason) -> Vec<usize> {
    assert_eq!(says(bytes), Reason::Accepted, "{what}, as it is");
    let (mut counts, mut accepted) = (BTreeMap::<&str, usize>::new(), vec![]);
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.to_vec();
        altered[bit / 8] ^= 1 << (bit % 8);
        let reason = says(&altered);
        *counts.entry(reason.code()).or_default() += 1;
        match reason.answer() {
            Answer::Accepted => accepted.push(bit),
            _ => assert!(!reason.code().is_empty()),
        }
    }
    let refused: usize = bytes.len() * 8 - accepted.len();
    println!("{what}: {} bits, {refused} refused", bytes.len() * 8);
    counts.iter().for_each(|(code, count)| println!("  {count:>6} {code}"));
    accepted
}

/// A code whose bytes are signed as they are: not one bit may change.
fn flip_plain(what: &str, world: &World, keys: &[u8], bytes: &[u8]) {
    let mut kiosk = Kiosk::new(world);
    kiosk.keys = keys.iter().map(|seed| DecryptionKey::from_seed(&[*seed; 32]).unwrap()).collect();
    let kiosk = std::cell::RefCell::new(kiosk);
    let accepted = flip(what, bytes, |bytes| {
        let mut kiosk = kiosk.borrow_mut();
        kiosk.seen = Seen::default();
        kiosk.says(&payload::base45_encode(bytes), world.start)
    });
    assert!(accepted.is_empty(), "{what}: bits {accepted:?}");
}

/// A compressed code: not one bit may change, neither of what is compressed nor of the stream.
fn flip_compressed(what: &str, world: &World, inner: &[u8]) {
    let kiosk = std::cell::RefCell::new(Kiosk::new(world));
    let says = |text: &str| {
        let mut kiosk = kiosk.borrow_mut();
        kiosk.seen = Seen::default();
        kiosk.says(text, world.start)
    };
    let accepted = flip(&format!("{what}, inside"), inner, |bytes| {
        says(&payload::base45_encode(&miniz_oxide::deflate::compress_to_vec_zlib(bytes, 1)))
    });
    assert!(accepted.is_empty(), "{what}: bits {accepted:?}");
    let symbol = payload::to_bytes(&Payload::Static(inner.to_vec()));
    let accepted =
        flip(&format!("{what}, as in the symbol"), &symbol, |bytes| says(&payload::base45_encode(bytes)));
    assert!(accepted.is_empty(), "{what}: bits {accepted:?}");
}

#[test]
fn every_bit_of_a_rotating_code() {
    let world = World::default();
    flip_plain("rotating", &world, &[], &payload::base45_decode(&world.default_code(world.start)).unwrap());
}

#[test]
fn every_bit_of_a_code_with_groups() {
    let (world, credential) = with_groups();
    flip_plain(
        "with groups",
        &world,
        &[],
        &payload::base45_decode(&world.code(&credential, world.start)).unwrap(),
    );
    let paper = with_policy(|policy| policy.paper = PaperRule::Accept);
    let mut claims = paper.claims();
    claims.holder_key = None;
    claims.attributes = attributes(&[text(Attribute::Name, "SAMPLE, ALEX 01")]);
    let hidden = attributes(&[text(Attribute::Address, "1 EXAMPLE ROAD")]);
    let groups = [Group { attributes: hidden, salt: [1; 16] }];
    let prepared = prepare_with_groups(&claims, &groups, paper.issuer.public_key().id()).unwrap();
    flip_compressed("paper with a group", &paper, &prepared.sign(&paper.issuer).unwrap());
}

#[test]
fn every_bit_of_a_code_on_paper() {
    let world = with_policy(|policy| policy.paper = PaperRule::Accept);
    flip_compressed("paper", &world, &world.credential(&Claims { holder_key: None, ..world.claims() }));
}

#[test]
fn every_bit_of_a_countersigned_code() {
    let world = World::default();
    flip_compressed("countersigned", &world, &countersigned(&world, world.start));
}

#[test]
fn every_bit_of_an_encrypted_code() {
    let world = World::default();
    let key = DecryptionKey::from_seed(&[7; 32]).unwrap();
    let rotating = present(&world.credential(&world.claims()), &world.holder, "border", world.start).unwrap();
    let code = sealed(&key, &Payload::Signed(rotating), 9);
    flip_plain("encrypted", &world, &[7], &payload::base45_decode(&code).unwrap());
}

/// A world that believes one foreign issuer with these keys, takes its dialect, and on paper.
fn foreign(keys: Vec<IssuerKey>) -> World {
    World {
        foreign: Some(IssuerKeys { issuer: tests::ISSUER.to_owned(), keys }),
        policy: Policy {
            paper: PaperRule::Accept,
            dialects: vec![Dialect::Claim169],
            ..World::default().policy
        },
        ..World::default()
    }
}

/// Claim 169 as claim169-core writes it: what it inflates to.
fn foreign_code() -> Vec<u8> {
    let claim = claim169_core::Claim169::minimal("XA-000000-01", "SAMPLE, ALEX 01");
    let start = World::default().start.as_unix();
    let meta = claim169_core::CwtMeta::new()
        .with_issuer(tests::ISSUER)
        .with_issued_at(start)
        .with_expires_at(start + 1_000_000);
    let encoder = Encoder::new(claim, meta).sign_with_ed25519(&[1; 32]).unwrap();
    let Payload::Static(inner) = payload::decode(&encoder.encode().unwrap().qr_data).unwrap() else {
        panic!("Claim 169 is compressed")
    };
    inner
}

#[test]
fn every_bit_of_a_foreign_code() {
    let epoch = Timestamp::from_unix(0).unwrap();
    let world = foreign(vec![IssuerKey::new(World::default().issuer.public_key(), epoch)]);
    flip_compressed("Claim 169", &world, &foreign_code());
}

/// Foreign issuers put a hint to their key where no signature covers it. Whatever becomes of it there, nothing is
/// accepted but what was signed.
#[test]
fn every_bit_of_a_foreign_code_with_an_unprotected_hint() {
    let own = World::default().issuer.public_key();
    let world = foreign(vec![IssuerKey::new(own, Timestamp::from_unix(0).unwrap())]);
    let inner = foreign_code();
    let id = own.id();
    let hinted = with_unprotected(&inner, labels(&[(4, Value::Bytes(&id.0))]));
    let says = |bytes: &[u8]| Kiosk::new(&world).claims(&compressed(bytes.to_vec()), world.start);
    let original = says(&hinted).unwrap();
    let accepted = flip("Claim 169 with a hint", &hinted, |bytes| {
        says(bytes).map_or_else(|error| error.reason(), |_| Reason::Accepted)
    });
    let hint = hinted.windows(8).position(|window| window == id.0).unwrap();
    for bit in accepted {
        let mut altered = hinted.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(says(&altered).as_ref(), Ok(&original));
        assert!((hint - 3..hint + 8).contains(&(bit / 8)), "bit {bit} is covered by the signature");
    }
}

/// A dialect's own proof: a foreign credential with a holder's key is not accepted without the holder.
#[test]
fn a_foreign_credential_that_names_a_holder_needs_the_holder() {
    let world =
        foreign(vec![IssuerKey::new(World::default().issuer.public_key(), Timestamp::from_unix(0).unwrap())]);
    let holder = Hand::Ed25519(&world.holder);
    let (x, now) = (world.holder.public_key().to_bytes(), world.start);
    let key = labels(&[(1, Value::from(1)), (-1, Value::from(6)), (-2, Value::Bytes(&x))]);
    let claims = labels(&[
        (1, Value::Text(tests::ISSUER)),
        (4, Value::from(now.plus(1000).as_unix())),
        (6, Value::from(now.as_unix())),
        (8, labels(&[(1, key)])),
        (169, labels(&[(4, Value::Text("SAMPLE, ALEX 01"))])),
    ]);
    let protected = labels(&[(1, Value::from(EDDSA))]).encode();
    let bound =
        crafted::sign1(&protected, Value::Map(vec![]), &claims.encode(), &Hand::Ed25519(&world.issuer));
    let proof = ProofClaims {
        audience: "border",
        issued: now.as_unix(),
        expires: now.plus(30).as_unix(),
        nonce: None,
    };
    let shown = inside(&bound, &proof.value(), EDDSA, &holder);
    let mut kiosk = Kiosk::new(&world);
    assert_eq!(kiosk.says(&compressed(bound), now), Reason::ProofMissing);
    assert_eq!(kiosk.says(&compressed(shown.clone()), now), Reason::Accepted);
    let in_cwt_tag = [&[0xd8, 61], &shown[..]].concat();
    assert_eq!(kiosk.says(&compressed(in_cwt_tag), now), Reason::ProofReplayed);
    // What is foreign was read as it is; it has no group to disclose and says so of itself.
    let presentation = Presentation::decode(&compressed(shown)).unwrap();
    assert_eq!(presentation.credential().unwrap().dialect(), Some(Dialect::Claim169));
}
