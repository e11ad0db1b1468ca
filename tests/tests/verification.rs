//! Verification where several things are wrong at once, at the edges of a rule, or signed and odd.
//!
//! `refusals.rs` has one fault at a time.

use proptest::prelude::*;
use shared::cbor::{self, Value};
use shared::credential::{Claims, Purpose, VerifyError, present, verify};
use shared::key::SoftwareKey;
use shared::qr::payload::{self, Payload};
use shared::reason::{Answer, Language, Reason};
use shared::time::Timestamp;
use shared::trust::{Files, LIST_SIZE, PaperRule, Policy, StaleRule, Status, TrustStore, update};
use tests::{Seen, World, add_group_order, border, place, sign1};

const DAY: i64 = 24 * 3600;
const ALPHABET: &str = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

fn reason_in(trust: &TrustStore, text: &str, now: Timestamp) -> Reason {
    match verify(text, &border(), trust, now, &mut Seen::default()) {
        Ok(_) => Reason::Accepted,
        Err(error) => error.reason(),
    }
}

fn reason(world: &World, text: &str, now: Timestamp) -> Reason {
    reason_in(&world.trust(), text, now)
}

/// A map's key and value, each encoded.
type Entry = (Vec<u8>, Vec<u8>);

/// A credential taken apart: its protected header and its claims, entry by entry.
fn taken_apart(credential: &[u8]) -> (Vec<u8>, Vec<Entry>) {
    let Value::Tag(18, body) = cbor::decode(credential).unwrap() else { panic!("not a COSE_Sign1") };
    let [Value::Bytes(protected), _, Value::Bytes(claims), _] = body.as_array().unwrap() else {
        panic!("not a COSE_Sign1")
    };
    let claims = cbor::decode(claims).unwrap();
    let entries = claims.as_map().unwrap().iter().map(|(key, value)| (key.encode(), value.encode()));
    (protected.to_vec(), entries.collect())
}

fn map(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    assert!(entries.len() < 24);
    let mut bytes = vec![0xa0 | entries.len() as u8];
    entries.iter().for_each(|(key, value)| bytes.extend(key.iter().chain(value)));
    bytes
}

/// A rotating code around any bytes, whether or not they are a credential.
fn shown(world: &World, credential: &[u8], made: Timestamp) -> String {
    let entry = |label: i64, value: Vec<u8>| (Value::from(label).encode(), value);
    let protected = map(&[
        entry(1, Value::from(-8).encode()),
        entry(13, credential.to_vec()),
        entry(16, Value::from(294).encode()),
    ]);
    let claims = map(&[
        entry(3, Value::Text("border").encode()),
        entry(4, Value::from(made.plus(30).as_unix()).encode()),
        entry(6, Value::from(made.as_unix()).encode()),
    ]);
    payload::base45_encode(&sign1(&protected, Value::Map(vec![]), &claims, &world.holder))
}

#[test]
fn a_retired_key_vouches_for_what_it_signed_before() {
    let world = World { key_retired: Some(World::default().start.plus(100)), ..World::default() };
    let issued = |after: i64| {
        let mut claims = world.claims();
        claims.issued_at = world.start.plus(after);
        let shown_at = world.start.plus(3600);
        reason(&world, &world.code(&world.credential(&claims), shown_at), shown_at)
    };
    assert_eq!(issued(99), Reason::Accepted);
    assert_eq!(issued(100), Reason::IssuerKeyNotValid);
    assert_eq!(issued(3600), Reason::IssuerKeyNotValid);
}

#[test]
fn a_revoked_key_vouches_for_nothing_from_then_on() {
    let start = World::default().start;
    // Retired as well, later: what matters then is that it was revoked.
    let world =
        World { key_revoked: Some(start.plus(100)), key_retired: Some(start.plus(200)), ..World::default() };
    let issued = |after: i64| {
        let mut claims = world.claims();
        claims.issued_at = start.plus(after);
        let shown_at = start.plus(3600);
        reason(&world, &world.code(&world.credential(&claims), shown_at), shown_at)
    };
    assert_eq!(issued(99), Reason::Accepted);
    assert_eq!(issued(100), Reason::IssuerKeyRevoked);
    assert_eq!(issued(200), Reason::IssuerKeyRevoked);
    assert_eq!(issued(-1), Reason::IssuerKeyNotValid);
}

/// Every refusal, with the trust repository fresh, stale, dead, and its status list out of date.
#[test]
fn a_refusal_outweighs_old_trust() {
    let (revoked, suspended) = (1, 2);
    let world = World {
        not_valid: vec![(revoked, Status::Invalid), (suspended, Status::Suspended)],
        ..World::default()
    };
    let stranger = SoftwareKey::from_seed(&[99; 32]);
    let trust = world.trust();
    for (days, without_fault) in [
        (1, Reason::Accepted),
        (10, Reason::TrustStale),
        (25, Reason::TrustDead),
        (35, Reason::StatusExpired),
    ] {
        let now = world.start.plus(days * DAY);
        let changed = |change: &dyn Fn(&mut Claims)| {
            let mut claims = world.claims();
            change(&mut claims);
            world.code(&world.credential(&claims), now)
        };
        let credential = world.credential(&world.claims());
        let elsewhere = present(&credential, &world.holder, "hotel", now).unwrap();
        let forged = shared::credential::prepare(&world.claims(), key_id(&credential)).unwrap();
        let thief = World { holder: SoftwareKey::from_seed(&[98; 32]), ..World::default() };
        for (text, expected) in [
            (changed(&|_| {}), without_fault),
            (changed(&|claims| claims.expires = now), Reason::CredentialExpired),
            (changed(&|claims| claims.expires = now.plus(-DAY / 2)), Reason::CredentialExpired),
            (
                changed(&|claims| claims.purpose = Some(Purpose::parse("hotel").unwrap())),
                Reason::CredentialPurpose,
            ),
            (changed(&|claims| claims.attributes = Default::default()), Reason::CredentialClaimMissing),
            (changed(&|claims| claims.issuer.push('x')), Reason::IssuerUnknown),
            (changed(&|claims| place(claims).index = revoked), Reason::StatusRevoked),
            (changed(&|claims| place(claims).index = suspended), Reason::StatusSuspended),
            (changed(&|claims| place(claims).index = LIST_SIZE), Reason::StatusOutOfRange),
            (world.code(&forged.sign(&stranger).unwrap(), now), Reason::CredentialSignature),
            (payload::encode(&Payload::Static(credential.clone())), Reason::ProofMissing),
            (payload::encode(&Payload::Signed(elsewhere)), Reason::ProofAudience),
            (world.code(&credential, now.plus(-60)), Reason::ProofExpired),
            (world.code(&credential, now.plus(60)), Reason::ProofNotYetValid),
            (shown(&thief, &credential, now), Reason::ProofSignature),
        ] {
            assert_eq!(reason_in(&trust, &text, now), expected, "after {days} days");
        }
    }
}

fn key_id(credential: &[u8]) -> shared::key::KeyId {
    let id = shared::credential::UnverifiedCredential::decode(credential).unwrap().key_id().unwrap();
    shared::key::KeyId(id.try_into().unwrap())
}

#[test]
fn an_unknown_status_list_is_never_valid_and_does_not_hide_a_bad_proof() {
    let world = World::default();
    let mut claims = world.claims();
    place(&mut claims).uri.push('9');
    let credential = world.credential(&claims);
    let now = world.start.plus(100);
    assert_eq!(reason(&world, &world.code(&credential, now), now), Reason::StatusUnknown);
    assert_eq!(reason(&world, &world.code(&credential, now.plus(-60)), now), Reason::ProofExpired);
    assert_eq!(reason(&world, &payload::encode(&Payload::Static(credential)), now), Reason::ProofMissing);
    let accepting = World {
        policy: Policy { when_stale: StaleRule::Accept, paper: PaperRule::Accept, ..world.policy.clone() },
        ..World::default()
    };
    claims.holder_key = None;
    let paper = payload::encode(&Payload::Static(accepting.credential(&claims)));
    assert_eq!(reason(&accepting, &paper, now), Reason::StatusUnknown, "the most lenient policy");
}

/// Where a policy takes paper, a phone's credential without its proof is still a copy.
#[test]
fn a_policy_that_takes_paper_takes_no_stripped_credentials() {
    let paper =
        World { policy: Policy { paper: PaperRule::Accept, ..World::default().policy }, ..World::default() };
    let bound = paper.credential(&paper.claims());
    for payload in [Payload::Static(bound.clone()), Payload::Signed(bound)] {
        assert_eq!(reason(&paper, &payload::encode(&payload), paper.start), Reason::ProofMissing);
    }
    let unbound = paper.credential(&Claims { holder_key: None, ..paper.claims() });
    assert_eq!(
        reason(&paper, &shown(&paper, &unbound, paper.start), paper.start),
        Reason::ProofSignature,
        "a proof by a key that the issuer never named"
    );
}

#[test]
fn what_nobody_signed_is_refused_before_the_clock_and_the_purpose_are_looked_at() {
    let world = World::default();
    let (trust, slow) = (world.trust(), world.start.plus(-121));
    let ours = world.default_code(world.start);
    let mut forged = world.credential(&world.claims());
    *forged.last_mut().unwrap() ^= 1;
    let forged = world.code(&forged, world.start);
    let says = |text: &str, purpose: &str, clock| {
        let purpose = Purpose::parse(purpose).unwrap();
        verify(text, &purpose, &trust, clock, &mut Seen::default()).unwrap_err().reason()
    };
    assert_eq!(says(&forged, "border", slow), Reason::CredentialSignature);
    assert_eq!(says(&forged, "nowhere", world.start), Reason::CredentialSignature);
    assert_eq!(says(&ours, "nowhere", slow), Reason::ClockTampered);
    assert_eq!(says(&ours, "nowhere", world.start), Reason::PurposeUnknown);
}

#[test]
fn the_clock_may_be_two_minutes_behind_signed_time_and_no_more() {
    let world = World::default();
    let text = world.default_code(world.start);
    assert_eq!(reason(&world, &text, world.start.plus(-120)), Reason::Accepted);
    assert_eq!(reason(&world, &text, world.start.plus(-121)), Reason::ClockTampered);
    // The signed time stands in for the clock's: what is too old for it is too old.
    let published = world.start.plus(1000);
    let (trust, _) = update(world.repository(1, published), &world.root(), &Files::new(), published).unwrap();
    let at = |made: i64| reason_in(&trust, &world.default_code(published.plus(made)), published.plus(-120));
    assert_eq!(at(-30), Reason::ProofExpired);
    assert_eq!(at(-29), Reason::Accepted);
    assert_eq!(at(5), Reason::Accepted);
    assert_eq!(at(6), Reason::ProofNotYetValid);
}

/// The same kiosk throughout, its memory of used codes kept.
#[test]
fn a_kiosk_whose_clock_went_to_2099_and_back_works_and_still_remembers() {
    let world = World::default();
    let (trust, mut seen) = (world.trust(), Seen::default());
    let mut at = |text: &str, now: Timestamp| match verify(text, &border(), &trust, now, &mut seen) {
        Ok(_) => Reason::Accepted,
        Err(error) => error.reason(),
    };
    let far = Timestamp::parse("2099-01-01T00:00:00Z").unwrap();
    let (first, second) = (world.default_code(world.start), world.default_code(world.start.plus(15)));
    assert_eq!(at(&first, world.start), Reason::Accepted);
    assert_eq!(at(&first, far), Reason::CredentialExpired);
    assert_eq!(at(&second, far), Reason::CredentialExpired);
    assert_eq!(at(&first, world.start.plus(16)), Reason::ProofReplayed);
    assert_eq!(at(&second, world.start.plus(16)), Reason::Accepted, "a refusal used nothing up");
    assert_eq!(at(&second, world.start.plus(17)), Reason::ProofReplayed);
}

#[test]
fn a_credential_holds_from_its_first_second_to_its_last() {
    let world = World::default();
    let mut claims = world.claims();
    (claims.not_before, claims.expires) = (world.start.plus(1000), world.start.plus(2000));
    let credential = world.credential(&claims);
    let at = |made: i64, now: i64| {
        reason(&world, &world.code(&credential, world.start.plus(made)), world.start.plus(now))
    };
    assert_eq!(at(1000, 994), Reason::CredentialNotYetValid);
    assert_eq!(at(1000, 995), Reason::Accepted, "five seconds of leeway");
    assert_eq!(at(994, 1000), Reason::ProofWindow, "a proof from before the credential");
    assert_eq!(at(995, 1000), Reason::Accepted);
    assert_eq!(at(1999, 1999), Reason::Accepted);
    assert_eq!(at(1999, 2000), Reason::CredentialExpired);
    assert_eq!(at(2000, 1999), Reason::ProofWindow, "a proof from after the credential");
}

/// A second sight is refused however the first went in: the text can be written in one way only.
#[test]
fn a_used_code_has_no_second_spelling() {
    let world = World::default();
    let (trust, now) = (world.trust(), world.start.plus(1));
    let text = world.default_code(world.start);
    let bytes = payload::base45_decode(&text).unwrap();
    let mut others = vec![
        (text.to_lowercase(), Reason::TextNotBase45),
        (format!("{text}\n"), Reason::TextNotBase45),
        (payload::encode(&Payload::Static(bytes.clone())), Reason::FormatStructure),
    ];
    let tag_in_two_bytes = [&[0xd8, 18], &bytes[1..]].concat();
    others.push((payload::base45_encode(&tag_in_two_bytes), Reason::TextForeign));
    others.push((payload::base45_encode(&bytes[1..]), Reason::TextForeign));
    let cwt_tag = [&[0xd8, 61], bytes.as_slice()].concat();
    others.push((payload::base45_encode(&cwt_tag), Reason::TextForeign));
    // Ed25519 is malleable without the check of RFC 8032 section 5.1.7: s and s + L would both pass.
    let mut malleable = bytes.clone();
    let scalar = malleable.len() - 32;
    add_group_order(&mut malleable[scalar..]);
    others.push((payload::base45_encode(&malleable), Reason::ProofSignature));
    for (number, (other, expected)) in others.into_iter().enumerate() {
        let got = match verify(&other, &border(), &trust, now, &mut Seen::default()) {
            Ok(_) => Reason::Accepted,
            Err(error) => error.reason(),
        };
        assert_eq!(got, expected, "spelling {number}");
    }
}

#[test]
fn no_character_can_be_any_other() {
    let world = World::default();
    let (trust, now) = (world.trust(), world.start.plus(1));
    let text = world.default_code(world.start);
    let mut tried = 0;
    for position in 0..text.len() {
        for replacement in ALPHABET.chars().filter(|c| !text[position..].starts_with(*c)) {
            let mut tampered = text.clone();
            tampered.replace_range(position..=position, replacement.encode_utf8(&mut [0; 4]));
            let reason = reason_in(&trust, &tampered, now);
            assert_ne!(reason.answer(), Answer::Accepted, "character {position} became {replacement:?}");
            tried += 1;
        }
    }
    assert_eq!(tried, text.len() * 44);
    println!("{tried} texts with one other character were refused");
}

#[test]
fn no_beginning_of_a_code_is_a_code() {
    let world = World::default();
    let (trust, now) = (world.trust(), world.start.plus(1));
    let text = world.default_code(world.start);
    for length in 0..text.len() {
        assert_eq!(reason_in(&trust, &text[..length], now).answer(), Answer::Refused, "{length} characters");
    }
    assert_eq!(reason_in(&trust, &text, now), Reason::Accepted);
}

/// Any CBOR that our encoder can write.
fn item() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|n| Value::from(n).encode()),
        any::<u64>().prop_map(|n| Value::Unsigned(n).encode()),
        proptest::collection::vec(any::<u8>(), 0..80).prop_map(|bytes| Value::Bytes(&bytes).encode()),
        ".{0,100}".prop_map(|text| Value::Text(&text).encode()),
        Just(Value::Null.encode()),
        Just(Value::Bool(true).encode()),
    ];
    leaf.prop_recursive(3, 16, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(|items| {
                let mut bytes = vec![0x80 | items.len() as u8];
                items.iter().for_each(|item| bytes.extend(item));
                bytes
            }),
            proptest::collection::btree_map(0i64..70_000, inner, 0..5).prop_map(|entries| {
                let entries: Vec<_> =
                    entries.into_iter().map(|(key, value)| (Value::from(key).encode(), value)).collect();
                map(&entries)
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// An issuer that signs nonsense is refused like everybody else; the signatures here are all good.
    #[test]
    fn signed_nonsense_gets_a_reason(protected in item(), claims in item()) {
        let world = World::default();
        let (good, _) = taken_apart(&world.credential(&world.claims()));
        for header in [&good, &protected] {
            let credential = sign1(header, Value::Map(vec![]), &claims, &world.issuer);
            for text in [
                shown(&world, &credential, world.start),
                payload::encode(&Payload::Static(credential.clone())),
            ] {
                prop_assert_eq!(reason(&world, &text, world.start).answer(), Answer::Refused);
            }
        }
    }

    /// One claim of a good credential replaced by anything, and signed: accepted only if it still says enough.
    #[test]
    fn one_odd_claim_is_refused_or_makes_no_difference(which in 0usize..9, value in item()) {
        let world = World::default();
        let (protected, mut entries) = taken_apart(&world.credential(&world.claims()));
        prop_assert_eq!(entries.len(), 9);
        entries[which].1 = value;
        let credential = sign1(&protected, Value::Map(vec![]), &map(&entries), &world.issuer);
        let text = shown(&world, &credential, world.start);
        if let Ok(verified) = verify(&text, &border(), &world.trust(), world.start, &mut Seen::default()) {
            let (claims, expected) = (verified.claims(), world.claims());
            prop_assert_eq!(&claims.issuer, &expected.issuer);
            prop_assert_eq!(&claims.purpose, &expected.purpose);
            prop_assert_eq!(&claims.holder_key, &expected.holder_key);
            prop_assert_eq!(&claims.status, &expected.status);
            prop_assert!(claims.expires > world.start);
        }
    }

    /// Bytes taken out, put in or changed: unless the code is what it was, it is refused.
    #[test]
    fn an_edited_code_is_refused(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0u8..3, any::<u8>()), 1..6)
    ) {
        let world = World::default();
        let original = payload::base45_decode(&world.default_code(world.start)).unwrap();
        let mut bytes = original.clone();
        for (at, kind, byte) in edits {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => drop(bytes.remove(at)),
            }
        }
        let result = verify(
            &payload::base45_encode(&bytes), &border(), &world.trust(), world.start, &mut Seen::default()
        );
        prop_assert_eq!(result.is_ok(), bytes == original);
    }
}

#[test]
fn no_error_says_anything_about_the_holder() {
    let world = World::default();
    let claims = world.claims();
    let text = world.code(&world.credential(&claims), world.start);
    let error: VerifyError =
        verify(&text, &border(), &world.trust(), world.start.plus(60), &mut Seen::default()).unwrap_err();
    let verified = verify(&text, &border(), &world.trust(), world.start, &mut Seen::default()).unwrap();
    for said in
        [format!("{error} {error:?} {}", error.reason().sentence(Language::En)), format!("{verified:?}")]
    {
        for secret in ["SAMPLE", "19980214", "XA-000000-01", "EXAMPLE ROAD", claims.subject.as_str(), "4711"]
        {
            assert!(!said.contains(secret), "{secret} in {said}");
        }
    }
}
