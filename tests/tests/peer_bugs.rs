//! Faults that verifiers in the field had, each shown to ours: one test for each rule that was drawn from them.
//!
//! A name starts with the peer and the number of the report there; several stand for one rule.

use std::collections::BTreeSet;
use std::num::NonZeroU8;
use std::process::Stdio;

use image::Luma;
use shared::cbor::{self, Value};
use shared::credential::{Attributes, Claims, Purpose, disclose_only, present, verify};
use shared::encryption::DecryptionKey;
use shared::key::{Signer, SoftwareKey, VerificationKey};
use shared::qr::payload::{self, Payload};
use shared::reason::{Answer, Language, Reason};
use shared::time::Timestamp;
use shared::trust::{
    Dialect, Files, Freshness, IssuerKey, LIST_SIZE, PaperRule, Policy, StaleRule, Status, StatusListBuilder,
    TrustError, TrustStore, update,
};
use tests::crafted::{EDDSA, Hand, ProofClaims, around, inside, labels, parts, sign1, with_unprotected};
use tests::journey::{Journey, START};
use tests::{ISSUER, STATUS_URI, Seen, World, add_group_order, border, place};

const DAY: i64 = 24 * 3600;

fn reason_in(trust: &TrustStore, text: &str, now: Timestamp) -> Reason {
    verify(text, &border(), trust, now, &mut Seen::default())
        .map_or_else(|e| e.reason(), |_| Reason::Accepted)
}

fn reason(world: &World, text: &str, now: Timestamp) -> Reason {
    reason_in(&world.trust(), text, now)
}

fn import(world: &World, files: Files, now: Timestamp) -> Result<TrustStore, TrustError> {
    update(files, &world.root(), &Files::new(), now).map(|(store, _)| store)
}

fn compressed(bytes: Vec<u8>) -> String {
    payload::encode(&Payload::Static(bytes))
}

fn signed(bytes: Vec<u8>) -> String {
    payload::encode(&Payload::Signed(bytes))
}

/// A world whose policy takes paper, and Claim 169 as others write it.
fn lenient() -> World {
    let mut world = World::default();
    (world.policy.paper, world.policy.dialects) = (PaperRule::Accept, vec![Dialect::Claim169]);
    world
}

/// Rule 1: a credential with a holder's key and no proof by it is refused. UIC-barcode#160: the part of a ticket that
/// the phone signs could be taken off, and what was left passed as a static ticket.
#[test]
fn uic_barcode_160_the_part_that_the_phone_signs_is_stripped() {
    let world = lenient();
    let now = world.start;
    let bound = world.credential(&world.claims());
    let proof = ProofClaims {
        audience: "border",
        issued: now.as_unix(),
        expires: now.plus(30).as_unix(),
        nonce: None,
    };
    let holder = Hand::Ed25519(&world.holder);
    let whole = [
        signed(around(&bound, &proof.value(), EDDSA, &holder)),
        compressed(inside(&bound, &proof.value(), EDDSA, &holder)),
    ];
    for text in whole {
        assert_eq!(reason(&world, &text, now), Reason::Accepted);
    }
    for stripped in [signed(bound.clone()), compressed(bound.clone()), compressed(bound[1..].to_vec())] {
        assert_eq!(reason(&world, &stripped, now), Reason::ProofMissing);
    }
    // In the dialect that has no proofs of its own, too.
    let key = world.holder_key().to_cose();
    let foreign = labels(&[
        (1, Value::Text(ISSUER)),
        (4, Value::from(now.plus(1000).as_unix())),
        (6, Value::from(now.as_unix())),
        (8, labels(&[(1, key.value())])),
        (169, labels(&[(4, Value::Text("SAMPLE, ALEX 01"))])),
    ]);
    let header = labels(&[(1, Value::from(EDDSA))]).encode();
    let foreign = sign1(&header, Value::Map(vec![]), &foreign.encode(), &Hand::Ed25519(&world.issuer));
    assert_eq!(reason(&world, &compressed(foreign), now), Reason::ProofMissing);
}

/// Rule 2: whatever is disclosed, the issuer signed its digest. isomdl#132: digests of disclosed items were never
/// compared with those that are signed.
#[test]
fn isomdl_132_a_disclosed_item_whose_digest_is_not_signed() {
    let world = World::default();
    let now = world.start;
    let promoted =
        Value::Array(vec![Value::Bytes(&[7; 16]), labels(&[(22, Value::Text("CITIZEN"))]), Value::from(80)])
            .encode();
    let proof = ProofClaims {
        audience: "border",
        issued: now.as_unix(),
        expires: now.plus(30).as_unix(),
        nonce: None,
    };
    let mut claims = world.claims();
    claims.attributes = claims.attributes.only(&[shared::credential::Attribute::Name]);
    let hidden = world.claims().attributes.only(&[shared::credential::Attribute::LegalStatus]);
    let group = shared::credential::Group { attributes: hidden, salt: [7; 16] };
    let with_hashes =
        shared::credential::prepare_with_groups(&claims, &[group], world.issuer.public_key().id());
    let with_hashes = with_hashes.unwrap().sign(&world.issuer).unwrap();
    let shows = |credential: &[u8]| {
        reason(&world, &signed(around(credential, &proof.value(), EDDSA, &Hand::Ed25519(&world.holder))), now)
    };
    assert_eq!(shows(&with_hashes), Reason::Accepted);
    let list = |bytes| labels(&[(17, Value::Array(vec![Value::Bytes(bytes)]))]);
    for credential in [&with_hashes, &disclose_only(&with_hashes, &[]).unwrap(), &world.credential(&claims)] {
        assert_eq!(shows(&with_unprotected(credential, list(&promoted))), Reason::FormatDisclosure);
    }
}

/// Rule 3: times of the credential and of the proof, and `exp` is not optional. isomdl#133: the validity of what was
/// signed was not looked at; claim169 takes a credential without an end.
#[test]
fn isomdl_133_a_document_is_accepted_after_its_validity() {
    let world = lenient();
    let now = world.start.plus(1000);
    let at = |not_before: i64, expires: i64, holder_key: Option<VerificationKey>| {
        let (not_before, expires) = (world.start.plus(not_before), world.start.plus(expires));
        world.credential(&Claims { not_before, expires, holder_key, ..world.claims() })
    };
    let bound = |not_before, expires| world.code(&at(not_before, expires, Some(world.holder_key())), now);
    let paper = |not_before, expires| compressed(at(not_before, expires, None));
    for text in [bound(0, 2000), paper(0, 2000)] {
        assert_eq!(reason(&world, &text, now), Reason::Accepted);
    }
    for text in [bound(0, 1000), paper(0, 1000), paper(0, 1)] {
        assert_eq!(reason(&world, &text, now), Reason::CredentialExpired);
    }
    for text in [bound(1006, 2000), paper(1006, 2000)] {
        assert_eq!(reason(&world, &text, now), Reason::CredentialNotYetValid);
    }
    assert_eq!(reason(&world, &world.default_code(now.plus(-30)), now), Reason::ProofExpired);
    assert_eq!(reason(&world, &world.default_code(now.plus(6)), now), Reason::ProofNotYetValid);
    // No end at all: ours, and as others write it.
    let holder = world.claims();
    let ours =
        cbor_claims(&world.credential(&holder), |entries| entries.retain(|(key, _)| key.as_int() != Some(4)));
    let header = own_header(&world);
    let endless = sign1(&header, Value::Map(vec![]), &ours, &Hand::Ed25519(&world.issuer));
    assert_eq!(reason(&world, &compressed(endless), now), Reason::CredentialNoExpiry);
    let foreign = foreign_claims(&world, |entries| entries.retain(|(label, _)| *label != 4));
    assert_eq!(reason(&world, &compressed(foreign), now), Reason::CredentialNoExpiry);
}

/// The protected header of a credential of the small world's issuer.
fn own_header(world: &World) -> Vec<u8> {
    let id = world.issuer.public_key().id();
    labels(&[(1, Value::from(EDDSA)), (4, Value::Bytes(&id.0)), (16, Value::from(293))]).encode()
}

/// The claims of a credential, changed.
fn cbor_claims<'a>(credential: &'a [u8], change: impl FnOnce(&mut Vec<(Value<'a>, Value<'a>)>)) -> Vec<u8> {
    let credential = cbor::decode(credential).unwrap();
    let [_, _, payload, _] = parts(&credential);
    let Value::Map(mut entries) = cbor::decode(payload.as_bytes().unwrap()).unwrap() else { panic!("a map") };
    change(&mut entries);
    Value::Map(entries).encode()
}

/// Claim 169 as others write it, by the small world's issuer, on paper, its claims changed.
fn foreign_claims(world: &World, change: impl FnOnce(&mut Vec<(i64, Value<'_>)>)) -> Vec<u8> {
    let mut claims = vec![
        (1, Value::Text(ISSUER)),
        (4, Value::from(world.start.plus(DAY).as_unix())),
        (6, Value::from(world.start.as_unix())),
        (169, labels(&[(4, Value::Text("SAMPLE, ALEX 01"))])),
    ];
    change(&mut claims);
    let header = labels(&[(1, Value::from(EDDSA))]).encode();
    sign1(&header, Value::Map(vec![]), &labels(&claims).encode(), &Hand::Ed25519(&world.issuer))
}

/// Rule 4: a status list is of the URI that the credential names, signed, in time, and long enough; what cannot be
/// told is not "valid", nor "revoked". keycloak-oid4vp-plugin#131, eudi-srv-verifier-endpoint#555, inji-wallet#2155
/// (where the signature was not checked on one platform).
#[test]
fn keycloak_oid4vp_131_eudi_verifier_555_inji_wallet_2155_a_status_that_is_none() {
    let now = World::default().start;
    let token = |uri: &str, issued: i64, expires: i64, signer: &SoftwareKey| {
        let key = World::default().issuer.public_key().id();
        let prepared = StatusListBuilder::default().prepare(uri, now.plus(issued), now.plus(expires), key);
        prepared.sign(signer).unwrap()
    };
    let (issuer, stranger) = (World::default().issuer, SoftwareKey::from_seed(&[99; 32]));
    let published = |token: Vec<u8>| World {
        agency_targets: Files::from([("status-0.cwt".to_owned(), token)]),
        ..World::default()
    };
    let says = |token: Vec<u8>| {
        let world = published(token);
        import(&world, world.repository(1, now), now)
            .map(|trust| reason_in(&trust, &world.default_code(now), now))
    };
    let good = token(STATUS_URI, 0, DAY, &issuer);
    assert_eq!(says(good.clone()).unwrap(), Reason::Accepted);
    for (what, token, expected) in [
        ("of another URI", token("https://id.xa.example/status/1", 0, DAY, &issuer), Reason::StatusUnknown),
        ("over", token(STATUS_URI, -DAY, 0, &issuer), Reason::IssuerKeyNotValid),
        ("over", token(STATUS_URI, 0, 0, &issuer), Reason::StatusExpired),
        ("of tomorrow", token(STATUS_URI, DAY, 2 * DAY, &issuer), Reason::StatusUnknown),
    ] {
        match (says(token), expected) {
            (Ok(got), _) => assert_eq!(got, expected, "{what}"),
            // Signed before the key was in use.
            (Err(error), Reason::IssuerKeyNotValid) => {
                assert!(matches!(error, TrustError::StatusList { .. }), "{error}");
            }
            (Err(error), _) => panic!("{what}: {error}"),
        }
    }
    let mut malleable = good.clone();
    let scalar = malleable.len() - 32;
    add_group_order(&mut malleable[scalar..]);
    let mut altered = good.clone();
    altered[60] ^= 1;
    for (what, token) in [
        ("signed by somebody else", token(STATUS_URI, 0, DAY, &stranger)),
        ("not signed", [&good[..good.len() - 64], &[0; 64]].concat()),
        ("with a second spelling of the signature", malleable),
        ("altered", altered),
        ("cut off", good[..good.len() - 1].to_vec()),
        ("empty", vec![]),
    ] {
        // Nothing of such a repository is taken over; the kiosk goes on with what it had.
        let error = says(token).unwrap_err();
        assert!(matches!(error, TrustError::StatusList { .. }), "{what}: {error}");
    }
    let world = World::default();
    for (index, expected) in [
        (LIST_SIZE - 1, Reason::Accepted),
        (LIST_SIZE, Reason::StatusOutOfRange),
        (u64::MAX, Reason::StatusOutOfRange),
    ] {
        let mut claims = world.claims();
        place(&mut claims).index = index;
        assert_eq!(reason(&world, &world.code(&world.credential(&claims), now), now), expected);
    }
}

/// Rule 5: what takes trust away is signed as well, and does not go back. eudi-lib-android-iso18013-data-transfer#102:
/// a revocation list was taken without checking who signed it.
#[test]
fn eudi_data_transfer_102_a_revocation_list_that_nobody_signed() {
    let index = World::default().claims().status.unwrap().index;
    let honest = World { not_valid: vec![(index, Status::Invalid)], ..World::default() };
    let now = honest.start;
    let code = honest.default_code(now);
    let (store, snapshot) = honest.import(honest.repository(2, now));
    assert_eq!(reason_in(&store, &code, now), Reason::StatusRevoked);
    // The same agency's list from before the revocation, and one by somebody with a root of his own.
    let before = World::default();
    let rolled_back = update(before.repository(1, now), &honest.root(), &snapshot.memory, now);
    assert!(rolled_back.map(|_| ()).unwrap_err().to_string().contains("rollback"));
    let stranger =
        World { roles: (50..56).map(|n| SoftwareKey::from_seed(&[n; 32])).collect(), ..World::default() };
    assert!(update(stranger.repository(3, now), &honest.root(), &snapshot.memory, now).is_err());
    // The list as it was, put where the new one is listed, and metadata without its signatures.
    let (new, old) = (honest.repository(3, now), before.repository(3, now));
    let list = new.keys().find(|name| name.ends_with(".cwt")).unwrap();
    let old_list = old.keys().find(|name| name.ends_with(".cwt")).unwrap();
    let mut swapped = new.clone();
    swapped.insert(list.clone(), old[old_list].clone());
    assert!(update(swapped, &honest.root(), &snapshot.memory, now).is_err());
    for name in [
        "metadata/timestamp.json",
        "metadata/3.snapshot.json",
        "metadata/3.targets.json",
        "metadata/3.xa.json",
    ] {
        let mut unsigned = new.clone();
        let mut json: serde_json::Value = serde_json::from_slice(&unsigned[name]).unwrap();
        json["signatures"] = serde_json::json!([]);
        unsigned.insert(name.to_owned(), serde_json::to_vec(&json).unwrap());
        assert!(update(unsigned, &honest.root(), &snapshot.memory, now).is_err(), "{name}");
    }
    assert!(update(new, &honest.root(), &snapshot.memory, now).is_ok());
}

/// Rule 6: a clock that was set back revives nothing. verificaC19-sdk-android#168 and #88, verificac19-ios#64,
/// CovidCertificate (admin-ch) #271.
#[test]
fn verificac19_168_an_expired_document_and_a_clock_set_back() {
    let world = World::default();
    let mut claims = world.claims();
    claims.expires = world.start.plus(1000);
    let credential = world.credential(&claims);
    let published = world.start.plus(5000);
    let trust = import(&world, world.repository(1, published), published).unwrap();
    let set_back = world.start.plus(500);
    let code = world.code(&credential, set_back);
    // With what it believed before, this clock would be right.
    assert_eq!(reason(&world, &code, set_back), Reason::Accepted);
    assert_eq!(reason_in(&trust, &code, set_back), Reason::ClockTampered);
    assert_eq!(reason_in(&trust, &code, Timestamp::from_unix(0).unwrap()), Reason::ClockTampered);
    assert_eq!(reason_in(&trust, &code, published), Reason::CredentialExpired);
    assert_eq!(
        reason_in(&trust, &code, published.plus(-120)),
        Reason::CredentialExpired,
        "within the leeway"
    );
}

/// Rule 7: offline for long is told, and is neither "as usual" for months (hcert-kotlin#71) nor an outage on the day
/// that a list expires (green-pass-overview#8).
#[test]
fn hcert_kotlin_71_green_pass_8_months_offline_and_a_list_that_expired_yesterday() {
    let start = World::default().start;
    // A status list that outlives everything, so that it is the repository's age alone that is judged.
    let key = World::default().issuer.public_key().id();
    let list = StatusListBuilder::default().prepare(STATUS_URI, start, start.plus(900 * DAY), key);
    let list = list.sign(&World::default().issuer).unwrap();
    let with = |when_stale| World {
        policy: Policy { when_stale, ..World::default().policy },
        agency_targets: Files::from([("status-0.cwt".to_owned(), list.clone())]),
        ..World::default()
    };
    for (days, freshness, accepting, manual) in [
        (0, Some(Freshness::Fresh), Reason::Accepted, Reason::Accepted),
        (3, Some(Freshness::Aging), Reason::Accepted, Reason::Accepted),
        (8, Some(Freshness::Stale), Reason::Accepted, Reason::TrustStale),
        (20, Some(Freshness::Stale), Reason::Accepted, Reason::TrustStale),
        (21, None, Reason::TrustDead, Reason::TrustDead),
        (180, None, Reason::TrustDead, Reason::TrustDead),
    ] {
        let now = start.plus(days * DAY);
        for (rule, expected) in [(StaleRule::Accept, accepting), (StaleRule::Manual, manual)] {
            let world = with(rule);
            let result =
                verify(&world.default_code(now), &border(), &world.trust(), now, &mut Seen::default());
            match result {
                Ok(verified) => {
                    assert_eq!(expected, Reason::Accepted, "{days} days");
                    assert_eq!(Some(verified.freshness()), freshness, "{days} days");
                }
                Err(error) => assert_eq!(error.reason(), expected, "{days} days"),
            }
            assert_ne!(expected.answer(), Answer::Refused, "no resident is refused for the kiosk's age");
        }
    }
}

/// Rule 8: a symbol that is there and cannot be read is refused, and that is said. covpass-android#115: a made-up
/// symbol left the screen as it was, and the person was waved through.
#[test]
fn covpass_115_a_symbol_that_cannot_be_read_leaves_the_screen_as_it_was() {
    let journey = Journey::new();
    journey.publish(START);
    let whole = shared::qr::encode(&World::default().default_code(World::default().start)).unwrap();
    let picture = whole.to_luma(NonZeroU8::new(4).unwrap());
    let mut damaged = picture.clone();
    let middle = picture.width() / 4..picture.width() * 3 / 4;
    middle.clone().for_each(|y| middle.clone().for_each(|x| damaged.put_pixel(x, y, Luma([255]))));
    let empty = image::GrayImage::from_pixel(640, 480, Luma([200]));
    for (name, picture, reason) in [
        ("damaged.png", damaged, Reason::SymbolUnreadable),
        ("empty.png", empty, Reason::NoSymbol),
        // Read, and then judged: of an issuer whose key this repository does not have.
        ("whole.png", picture, Reason::IssuerKeyUnknown),
    ] {
        picture.save(journey.path(name)).unwrap();
        let answer = journey.verify(&journey.path(name), "2026-11-20T10:00:00Z", &[]);
        assert_eq!(answer.reason(), reason.code(), "{name}: {}", answer.said);
        assert_ne!(answer.code, 0, "{name}");
    }
    assert_eq!(Reason::SymbolUnreadable.answer(), Answer::Refused);
}

/// Rule 9: every failure has a code and a sentence of its own. Path-Check/universal-verifier-app#6: whatever was wrong,
/// the screen said the same.
#[test]
fn path_check_6_whatever_is_wrong_the_screen_says_the_same() {
    let world = World { not_valid: vec![(1, Status::Invalid), (2, Status::Suspended)], ..World::default() };
    let now = world.start.plus(1000);
    let changed = |change: &dyn Fn(&mut Claims)| {
        let mut claims = world.claims();
        change(&mut claims);
        world.code(&world.credential(&claims), now)
    };
    let credential = world.credential(&world.claims());
    let thief = SoftwareKey::from_seed(&[98; 32]);
    let proof = |audience, issued: i64, expires: i64| ProofClaims {
        audience,
        issued: now.as_unix() + issued,
        expires: now.as_unix() + expires,
        nonce: None,
    };
    let shown = |proof: ProofClaims<'_>, holder| {
        signed(around(&credential, &proof.value(), EDDSA, &Hand::Ed25519(holder)))
    };
    let forged = shared::credential::prepare(&world.claims(), world.issuer.public_key().id()).unwrap();
    let stranger = World { issuer: SoftwareKey::from_seed(&[97; 32]), ..World::default() };
    let key = DecryptionKey::from_seed(&[7; 32]).unwrap().public_key().unwrap();
    let long = "0".repeat(5000);
    let cases = vec![
        (long, Reason::TextTooLong),
        ("https://example.org".to_owned(), Reason::TextNotBase45),
        (payload::base45_encode(b"hello"), Reason::TextForeign),
        (payload::base45_encode(&[0x78, 0xda, 1, 2, 3]), Reason::TextCompression),
        (payload::encode(&Payload::Encrypted(key.seal(b"x", &[9; 32]).unwrap())), Reason::TextEncrypted),
        (payload::base45_encode(&[0xd2, 0xff]), Reason::FormatCbor),
        (payload::base45_encode(&[0xd2, 0x80]), Reason::FormatStructure),
        (signed([&credential[..], &[0]].concat()), Reason::FormatTrailingBytes),
        (changed(&|claims| claims.issuer.push('x')), Reason::IssuerUnknown),
        (stranger.default_code(now), Reason::IssuerKeyUnknown),
        (changed(&|claims| claims.issued_at = now.plus(-2000)), Reason::IssuerKeyNotValid),
        (world.code(&forged.sign(&thief).unwrap(), now), Reason::CredentialSignature),
        (changed(&|claims| claims.expires = now), Reason::CredentialExpired),
        (changed(&|claims| claims.not_before = now.plus(6)), Reason::CredentialNotYetValid),
        (
            changed(&|claims| claims.purpose = Some(Purpose::parse("hotel").unwrap())),
            Reason::CredentialPurpose,
        ),
        (changed(&|claims| claims.attributes = Attributes::default()), Reason::CredentialClaimMissing),
        (changed(&|claims| place(claims).index = 1), Reason::StatusRevoked),
        (changed(&|claims| place(claims).index = 2), Reason::StatusSuspended),
        (changed(&|claims| place(claims).index = LIST_SIZE), Reason::StatusOutOfRange),
        (changed(&|claims| place(claims).uri.push('9')), Reason::StatusUnknown),
        (compressed(credential.clone()), Reason::ProofMissing),
        (
            compressed(world.credential(&Claims { holder_key: None, ..world.claims() })),
            Reason::PaperNotAccepted,
        ),
        (shown(proof("border", 0, 30), &thief), Reason::ProofSignature),
        (shown(proof("hotel", 0, 30), &world.holder), Reason::ProofAudience),
        (shown(proof("border", 0, 31), &world.holder), Reason::ProofWindow),
        (shown(proof("border", -30, 0), &world.holder), Reason::ProofExpired),
        (shown(proof("border", 6, 30), &world.holder), Reason::ProofNotYetValid),
        (
            shown(ProofClaims { nonce: Some(&[1; 16]), ..proof("border", 0, 30) }, &world.holder),
            Reason::ChallengeWrong,
        ),
    ];
    let (mut codes, mut sentences) = (BTreeSet::new(), BTreeSet::new());
    let trust = world.trust();
    for (text, expected) in &cases {
        let got = reason_in(&trust, text, now);
        assert_eq!(got, *expected);
        assert!(codes.insert(got.code()), "{got} twice");
        for language in Language::ALL {
            assert_ne!(got.sentence(language), Reason::Accepted.sentence(language));
            assert!(sentences.insert((language.tag(), got.sentence(language))), "{got} in {language}");
            assert!(!got.action(language).is_empty(), "{got}: what to do");
        }
    }
    println!("{} faults, {} codes", cases.len(), codes.len());
}

/// Rule 10: unknown critical headers, bytes after the end, lengths without an end, nesting without a bound. All were
/// tried on claim169-core 0.3.0, which takes the first three.
#[test]
fn claim169_core_critical_headers_trailing_bytes_and_endless_lengths() {
    let world = lenient();
    let now = world.start;
    let own = Hand::Ed25519(&world.issuer);
    let credential = world.credential(&Claims { holder_key: None, ..world.claims() });
    let claims = cbor_claims(&credential, |_| {});
    let signed_as =
        |header: &[u8], payload: &[u8]| compressed(sign1(header, Value::Map(vec![]), payload, &own));
    let (ours, theirs) = (own_header(&world), labels(&[(1, Value::from(EDDSA))]).encode());
    let foreign = foreign_claims(&world, |_| {});
    let foreign = cbor_claims(&foreign, |_| {});
    for (header, payload) in [(&ours, &claims), (&theirs, &foreign)] {
        assert_eq!(reason(&world, &signed_as(header, payload), now), Reason::Accepted, "as they are");
        let Value::Map(mut entries) = cbor::decode(header).unwrap() else { panic!("a map") };
        entries.push((Value::from(2), Value::Array(vec![Value::from(99)])));
        entries.push((Value::from(99), Value::from(1)));
        let critical = Value::Map(entries).encode();
        assert_eq!(reason(&world, &signed_as(&critical, payload), now), Reason::FormatCritical);
        let followed = [&payload[..], &[0]].concat();
        assert_eq!(reason(&world, &signed_as(header, &followed), now), Reason::FormatTrailingBytes, "signed");
        let message = sign1(header, Value::Map(vec![]), payload, &own);
        let outside = compressed([&message[..], &[0]].concat());
        assert_eq!(reason(&world, &outside, now), Reason::FormatTrailingBytes);
        let mut stream = payload::to_bytes(&Payload::Static(message));
        stream.push(0);
        assert_eq!(reason(&world, &payload::base45_encode(&stream), now), Reason::TextCompression);
        // Under a label that nobody knows: arrays in arrays, and in more than the stack has room for.
        for depth in [16, 3000] {
            let nested = [&vec![0x81; depth][..], &[0]].concat();
            let entry = [&[0x19, 0x03, 0xe7][..], &nested].concat();
            let deeper = [&[payload[0] + 1], &payload[1..], &entry[..]].concat();
            let deeper = if header == &ours { in_order(payload, &nested) } else { deeper };
            assert_eq!(reason(&world, &signed_as(header, &deeper), now), Reason::FormatCbor, "{depth} deep");
        }
    }
    // Our own profile has no lengths without an end; those who write Claim 169 may.
    let endless = |payload: &[u8]| [&[0xbf], &payload[1..], &[0xff]].concat();
    assert_eq!(reason(&world, &signed_as(&ours, &endless(&claims)), now), Reason::FormatCbor);
    assert_eq!(reason(&world, &signed_as(&theirs, &endless(&foreign)), now), Reason::Accepted);
    let for_ever = [&[0xbf][..], &foreign[1..]].concat();
    assert_eq!(reason(&world, &signed_as(&theirs, &for_ever), now), Reason::FormatCbor, "and no end at all");
}

/// Claims with one entry more, under 999, in the order of the keys.
fn in_order(claims: &[u8], value: &[u8]) -> Vec<u8> {
    let Value::Map(entries) = cbor::decode(claims).unwrap() else { panic!("a map") };
    let mut entries: Vec<_> = entries.iter().map(|(key, value)| (key.encode(), value.encode())).collect();
    entries.push((Value::from(999).encode(), value.to_vec()));
    entries.sort();
    let mut bytes = vec![0xa0 | entries.len() as u8];
    entries.iter().for_each(|(key, value)| bytes.extend(key.iter().chain(value)));
    bytes
}

/// Rule 11: weak keys and second spellings of a signature are refused wherever a key is used. agent-manifest#121: the
/// strict check was there, and the way to revocation went around it. The points are those of ed25519-speccheck.
#[test]
fn agent_manifest_121_the_strict_check_is_not_on_every_way() {
    let world = World::default();
    let now = world.start;
    // For the identity, R = identity and s = 0 verify over any message, if nobody looks at the key.
    let mut identity = [0; 32];
    identity[0] = 1;
    let order_two = {
        let mut point = [0xff; 32];
        (point[0], point[31]) = (0xec, 0x7f);
        point
    };
    for point in [identity, order_two] {
        let signature = [&identity[..], &[0; 32]].concat();
        // As a holder's key.
        let key = labels(&[(1, Value::from(1)), (-1, Value::from(6)), (-2, Value::Bytes(&point))]);
        let payload = cbor_claims(&world.credential(&world.claims()), |entries| {
            let confirmation = entries.iter_mut().find(|(key, _)| key.as_int() == Some(8)).unwrap();
            confirmation.1 = labels(&[(1, key.clone())]);
        });
        let credential =
            sign1(&own_header(&world), Value::Map(vec![]), &payload, &Hand::Ed25519(&world.issuer));
        let claims = ProofClaims {
            audience: "border",
            issued: now.as_unix(),
            expires: now.plus(30).as_unix(),
            nonce: None,
        };
        let mut shown = around(&credential, &claims.value(), EDDSA, &Hand::Ed25519(&world.holder));
        let end = shown.len() - 64;
        shown[end..].copy_from_slice(&signature);
        assert_eq!(reason(&world, &signed(shown), now), Reason::FormatKey);
        // As an issuer's key, with which status lists are verified, too.
        let keys = format!(
            r#"{{"issuer": "{ISSUER}", "keys": [{{"public": "{}", "not_before": "{}"}}]}}"#,
            hex::encode(point),
            world.start
        );
        let weak = World {
            agency_targets: Files::from([("keys.json".to_owned(), keys.into_bytes())]),
            ..World::default()
        };
        let error = import(&weak, weak.repository(1, now), now).unwrap_err();
        assert!(matches!(error, TrustError::Target { .. }), "{error}");
    }
    // A second spelling of each signature: issuer's, holder's, status list's.
    let respelled = |mut bytes: Vec<u8>| {
        let scalar = bytes.len() - 32;
        add_group_order(&mut bytes[scalar..]);
        bytes
    };
    let credential = world.credential(&world.claims());
    let code = world.code(&respelled(credential.clone()), now);
    assert_eq!(reason(&world, &code, now), Reason::CredentialSignature);
    let proof = present(&credential, &world.holder, "border", now).unwrap();
    assert_eq!(reason(&world, &signed(respelled(proof)), now), Reason::ProofSignature);
    let list =
        StatusListBuilder::default().prepare(STATUS_URI, now, now.plus(DAY), world.issuer.public_key().id());
    let targets = Files::from([("status-0.cwt".to_owned(), respelled(list.sign(&world.issuer).unwrap()))]);
    let world = World { agency_targets: targets, ..World::default() };
    let error = import(&world, world.repository(1, now), now).unwrap_err();
    assert!(matches!(error, TrustError::StatusList { .. }), "{error}");
}

/// Rule 12: the second sight of a code is refused, at the next lane too. dgca-verifier-app-android#86 (cloned codes),
/// CovidCertificate-App-Android#55 (screenshots), nextleap/countermitm#62 (the same code twice).
#[test]
fn dgca_verifier_86_a_copy_of_the_code_at_the_next_lane() {
    let world = World::default();
    let mut shared_memory = Seen::default();
    let lanes = [world.trust(), world.import(world.repository(2, world.start)).0];
    let mut at = |lane: usize, text: &str, after: i64| {
        let now = world.start.plus(after);
        let result = verify(text, &border(), &lanes[lane], now, &mut shared_memory);
        result.map_or_else(|error| error.reason(), |_| Reason::Accepted)
    };
    let (first, second) = (world.default_code(world.start), world.default_code(world.start.plus(15)));
    assert_eq!(at(0, &first, 2), Reason::Accepted);
    assert_eq!(at(0, &first, 3), Reason::ProofReplayed);
    assert_eq!(at(1, &first, 4), Reason::ProofReplayed);
    assert_eq!(at(1, &first, 29), Reason::ProofReplayed);
    assert_eq!(at(1, &first, 30), Reason::ProofExpired, "and no copy lives longer than is remembered");
    assert_eq!(at(1, &second, 30), Reason::Accepted, "the next one of the same phone is another");
    let neighbor = World { holder: SoftwareKey::from_seed(&[44; 32]), ..World::default() };
    assert_eq!(at(0, &neighbor.default_code(world.start.plus(15)), 30), Reason::Accepted);

    // Two programs on the memory that they share, at the same moment: one lets the code pass.
    let journey = Journey::new();
    journey.resident(1, "border", &[]);
    journey.publish(START);
    journey.kiosk(&["key", "--state", "site"]).expect(0);
    for second in ["00", "15", "30", "45"] {
        let at = START.replace(":00Z", &format!(":{second}Z"));
        let code = journey.code("resident-01", "border", &at, &[]);
        let mut lane = journey.command("kiosk");
        lane.args([
            "verify",
            "--trust",
            "REPO",
            "--root",
            "A/root.json",
            "--state",
            "site",
            "--purpose",
            "border",
        ]);
        lane.args(["--at", &at]).arg(code).stdout(Stdio::null()).stderr(Stdio::null());
        let mut lanes = [lane.spawn().unwrap(), lane.spawn().unwrap()];
        let mut ends = lanes.each_mut().map(|lane| lane.wait().unwrap().code());
        ends.sort_unstable();
        assert_eq!(ends, [Some(0), Some(1)], "at {at}");
    }
}

/// Rule 13: a key identifier is a hint. EU DCC, hcert_spec section 3.3.3: several keys may have one, and a verifier has
/// to try them all; nor does the issuer's name say anything without its key.
#[test]
fn hcert_spec_3_3_3_two_keys_with_one_identifier() {
    let start = World::default().start;
    let keys: Vec<SoftwareKey> = [61, 62].map(|n| SoftwareKey::from_seed(&[n; 32])).into();
    let named = |key: &SoftwareKey| IssuerKey {
        key_id: Some(b"the same".to_vec()),
        ..IssuerKey::new(key.public_key(), start)
    };
    let world = World { other_keys: keys.iter().map(named).collect(), ..lenient() };
    let stranger = SoftwareKey::from_seed(&[63; 32]);
    let paper = Claims { holder_key: None, ..world.claims() };
    let by = |id: &[u8], issuer: &str, key: &SoftwareKey| {
        let payload = cbor_claims(&world.credential(&paper), |entries| {
            entries.iter_mut().filter(|(label, _)| label.as_int() == Some(1)).for_each(|(_, value)| {
                *value = Value::Text(if issuer == ISSUER { ISSUER } else { "https://id.neighbour.example" });
            });
        });
        let header =
            labels(&[(1, Value::from(EDDSA)), (4, Value::Bytes(id)), (16, Value::from(293))]).encode();
        let code = compressed(sign1(&header, Value::Map(vec![]), &payload, &Hand::Ed25519(key)));
        reason(&world, &code, start)
    };
    for key in &keys {
        assert_eq!(by(b"the same", ISSUER, key), Reason::Accepted, "either of the two");
        assert_eq!(by(&key.public_key().id().0, ISSUER, key), Reason::Accepted, "by its thumbprint");
        assert_eq!(by(b"the same", "neighbour", key), Reason::IssuerUnknown);
    }
    assert_eq!(by(b"the same", ISSUER, &stranger), Reason::CredentialSignature);
    assert_eq!(by(b"the same", ISSUER, &world.issuer), Reason::CredentialSignature, "not by this name");
    assert_eq!(by(b"no such.", ISSUER, &keys[0]), Reason::IssuerKeyUnknown);
}
