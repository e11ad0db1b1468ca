//! One fault at a time: what the verifier says to each.

use proptest::prelude::*;
use shared::credential::{
    Attribute, Attributes, Claims, ProofId, Purpose, ReplayMemory, Sight, VerifyError, verify,
};
use shared::key::{Signer, SoftwareKey};
use shared::qr::payload::{self, Payload};
use shared::reason::{Answer, Reason};
use shared::time::Timestamp;
use shared::trust::{LIST_SIZE, PaperRule, ReplayRule, StaleRule, Status};
use tests::{Seen, World, border, place};

const DAY: i64 = 24 * 3600;

/// Verifies at `now` what the small world's resident shows at `made`.
fn reason(world: &World, text: &str, now: Timestamp) -> Reason {
    match verify(text, &border(), &world.trust(), now, &mut Seen::default()) {
        Ok(_) => Reason::Accepted,
        Err(error) => error.reason(),
    }
}

/// The reason for a credential with changed claims, shown at the start and verified a second later.
fn with_claims(world: &World, change: impl FnOnce(&mut Claims)) -> Reason {
    let mut claims = world.claims();
    change(&mut claims);
    let text = world.code(&world.credential(&claims), world.start);
    reason(world, &text, world.start.plus(1))
}

fn other_key() -> SoftwareKey {
    SoftwareKey::from_seed(&[99; 32])
}

#[test]
fn a_genuine_code_fits_and_is_accepted_once() {
    let (world, mut seen) = (World::default(), Seen::default());
    let (trust, now) = (world.trust(), world.start.plus(3600));
    let claims = world.claims();
    assert_eq!((claims.attributes.iter().count(), claims.face.as_ref().unwrap().as_bytes().len()), (10, 128));
    let text = world.default_code(now);
    assert!(text.len() <= 930, "{} characters", text.len());
    println!("{} characters with ten attributes and a template of 128 bytes", text.len());
    let verified = verify(&text, &border(), &trust, now.plus(4), &mut seen).unwrap();
    assert_eq!(verified.claims(), &claims);
    assert_eq!(
        verify(&text, &border(), &trust, now.plus(5), &mut seen).unwrap_err().reason(),
        Reason::ProofReplayed
    );
}

/// A site whose memory gives no answer.
struct Unreachable;

impl ReplayMemory for Unreachable {
    fn first_sight(&mut self, _: ProofId, _: Timestamp, _: Timestamp, rule: ReplayRule) -> Sight {
        match rule {
            ReplayRule::Lane => Sight::First,
            ReplayRule::Site => Sight::Unknown,
        }
    }
}

#[test]
fn the_policy_says_what_a_lane_does_whose_site_does_not_answer() {
    let lane = World::default();
    let written = serde_json::to_string(&lane.policy).unwrap();
    assert!(!written.contains("replay_scope"), "older kiosks read the default: {written}");
    let written = written.replacen('{', r#"{"replay_scope": "site", "#, 1);
    let site = World { policy: serde_json::from_str(&written).unwrap(), ..World::default() };
    assert_eq!(site.policy.replay_scope, ReplayRule::Site);
    let now = lane.start.plus(100);
    let text = lane.default_code(now);
    let at = |world: &World, text: &str| verify(text, &border(), &world.trust(), now, &mut Unreachable);
    let verified = at(&lane, &text).unwrap();
    assert!(verified.proof().is_some());
    let error = at(&site, &text).unwrap_err();
    assert_eq!(error, VerifyError::SiteUnreachable);
    assert_eq!(error.reason().answer(), Answer::Unanswered);
    // What is wrong with a code comes first: no site is asked about it.
    let late = lane.default_code(now.plus(-30));
    assert_eq!(at(&site, &late).unwrap_err().reason(), Reason::ProofExpired);
}

#[test]
fn claims_are_checked_each_on_its_own() {
    let world = World::default();
    let start = world.start;
    assert_eq!(with_claims(&world, |_| {}), Reason::Accepted);
    assert_eq!(
        with_claims(&world, |claims| claims.issuer = "https://elsewhere.example".into()),
        Reason::IssuerUnknown
    );
    assert_eq!(
        with_claims(&world, |claims| claims.purpose = Some(Purpose::parse("hotel").unwrap())),
        Reason::CredentialPurpose
    );
    assert_eq!(with_claims(&world, |claims| claims.expires = start.plus(1)), Reason::CredentialExpired);
    assert_eq!(
        with_claims(&world, |claims| claims.attributes = Attributes::default()),
        Reason::CredentialClaimMissing
    );
    assert_eq!(with_claims(&world, |claims| place(claims).index = LIST_SIZE), Reason::StatusOutOfRange);
    assert_eq!(
        with_claims(&world, |claims| place(claims).uri = "https://id.xa.example/status/9".into()),
        Reason::StatusUnknown
    );
    let early = with_claims(&world, |claims| {
        (claims.issued_at, claims.not_before) = (start.plus(-1), start.plus(-1))
    });
    assert_eq!(early, Reason::IssuerKeyNotValid, "issued before the issuer's key was in use");

    let mut claims = world.claims();
    claims.not_before = start.plus(60);
    let text = world.code(&world.credential(&claims), start.plus(60));
    assert_eq!(reason(&world, &text, start.plus(54)), Reason::CredentialNotYetValid);
    assert_eq!(reason(&world, &text, start.plus(60)), Reason::Accepted);
}

#[test]
fn keys_that_are_not_the_issuers_or_the_holders_are_caught() {
    let world = World::default();
    let (start, now) = (world.start, world.start.plus(1));
    let stranger = shared::credential::sign(&world.claims(), &other_key()).unwrap();
    assert_eq!(reason(&world, &world.code(&stranger, start), now), Reason::IssuerKeyUnknown);

    // The right key identifier and somebody else's signature.
    let to_be_signed = shared::credential::prepare(&world.claims(), world.issuer.public_key().id()).unwrap();
    let forged = to_be_signed.sign(&other_key()).unwrap();
    assert_eq!(reason(&world, &world.code(&forged, start), now), Reason::CredentialSignature);

    // A thief of the credential without the phone's key makes a proof with a key of his own.
    let thief = World { holder: other_key(), ..World::default() };
    let mut claims = thief.claims();
    let theirs = thief.credential(&claims);
    claims.holder_key = Some(world.holder.public_key().into());
    let genuine = world.credential(&claims);
    let mut bytes = payload::base45_decode(&thief.code(&theirs, start)).unwrap();
    let at = bytes.windows(theirs.len()).position(|window| window == theirs).unwrap();
    bytes.splice(at..at + theirs.len(), genuine);
    assert_eq!(reason(&world, &payload::base45_encode(&bytes), now), Reason::ProofSignature);
}

#[test]
fn a_proof_lives_thirty_seconds_at_one_place() {
    let world = World::default();
    let made = world.start.plus(1000);
    let text = world.default_code(made);
    for (after, expected) in [
        (-6, Reason::ProofNotYetValid),
        (-5, Reason::Accepted),
        (29, Reason::Accepted),
        (30, Reason::ProofExpired),
        (60, Reason::ProofExpired),
    ] {
        assert_eq!(reason(&world, &text, made.plus(after)), expected, "{after} s");
    }
    let elsewhere =
        shared::credential::present(&world.credential(&world.claims()), &world.holder, "hotel", made)
            .unwrap();
    let text = payload::encode(&Payload::Signed(elsewhere));
    assert_eq!(reason(&world, &text, made), Reason::ProofAudience);
}

#[test]
fn a_credential_without_its_proof_is_a_copy() {
    let world = World::default();
    let credential = world.credential(&world.claims());
    for payload in [Payload::Static(credential.clone()), Payload::Signed(credential)] {
        assert_eq!(reason(&world, &payload::encode(&payload), world.start), Reason::ProofMissing);
    }
    let paper = World {
        policy: shared::trust::Policy { paper: PaperRule::Accept, ..world.policy.clone() },
        ..World::default()
    };
    let credential = paper.credential(&Claims { holder_key: None, ..paper.claims() });
    let text = payload::encode(&Payload::Static(credential));
    assert_eq!(reason(&world, &text, world.start), Reason::PaperNotAccepted);
    assert_eq!(reason(&paper, &text, world.start), Reason::Accepted);
}

#[test]
fn a_status_is_believed_and_a_refusal_outweighs_stale_trust() {
    let index = World::default().claims().status.unwrap().index;
    let with = |status| World { not_valid: vec![(index, status)], ..World::default() };
    for (status, expected) in [
        (Status::Invalid, Reason::StatusRevoked),
        (Status::Suspended, Reason::StatusSuspended),
        (Status::Unassigned, Reason::StatusUnknown),
    ] {
        let world = with(status);
        assert_eq!(reason(&world, &world.default_code(world.start), world.start), expected);
    }
    let world = with(Status::Invalid);
    let late = world.start.plus(10 * DAY);
    assert_eq!(reason(&world, &world.default_code(late), late), Reason::StatusRevoked);
    let dead = world.start.plus(400 * DAY);
    assert_eq!(
        reason(&World::default(), &World::default().default_code(world.start), dead),
        Reason::CredentialExpired
    );
}

#[test]
fn trust_ages_as_the_policy_says() {
    let manual = World::default();
    let accepting = World {
        policy: shared::trust::Policy { when_stale: StaleRule::Accept, ..manual.policy.clone() },
        ..World::default()
    };
    for (days, at_the_border, elsewhere) in [
        (0, Reason::Accepted, Reason::Accepted),
        (6, Reason::Accepted, Reason::Accepted),
        (7, Reason::TrustStale, Reason::Accepted),
        (20, Reason::TrustStale, Reason::Accepted),
        (21, Reason::TrustDead, Reason::TrustDead),
        (30, Reason::StatusExpired, Reason::StatusExpired),
    ] {
        let now = manual.start.plus(days * DAY);
        assert_eq!(reason(&manual, &manual.default_code(now), now), at_the_border, "{days} days");
        assert_eq!(reason(&accepting, &accepting.default_code(now), now), elsewhere, "{days} days");
    }
}

#[test]
fn a_clock_set_back_stops_the_kiosk_and_one_set_forward_recovers() {
    let world = World::default();
    let text = world.default_code(world.start);
    let seventies = Timestamp::from_unix(0).unwrap();
    assert_eq!(reason(&world, &text, seventies), Reason::ClockTampered);
    let far = Timestamp::parse("2099-01-01T00:00:00Z").unwrap();
    assert_eq!(reason(&world, &text, far), Reason::CredentialExpired);
    assert_eq!(reason(&world, &text, world.start), Reason::Accepted);
}

#[test]
fn nothing_is_remembered_of_a_presentation_that_was_refused() {
    let world = World::default();
    let (trust, mut seen) = (world.trust(), Seen::default());
    let text = world.default_code(world.start.plus(10));
    let early = verify(&text, &border(), &trust, world.start, &mut seen).unwrap_err();
    assert!(matches!(early, VerifyError::ProofNotYetValid { .. }));
    assert!(verify(&text, &border(), &trust, world.start.plus(10), &mut seen).is_ok());
    assert_eq!(
        verify(&text, &border(), &trust, world.start.plus(11), &mut seen).unwrap_err(),
        VerifyError::Replayed
    );
}

#[test]
fn no_character_of_a_code_can_be_left_out() {
    let world = World::default();
    let (trust, now) = (world.trust(), world.start.plus(1));
    let text = world.default_code(world.start);
    for position in 0..text.len() {
        let mut shorter = text.clone();
        shorter.remove(position);
        let passed = verify(&shorter, &border(), &trust, now, &mut Seen::default()).is_ok();
        assert!(!passed, "character {position} left out");
    }
}

proptest! {
    #[test]
    fn any_text_gets_a_reason(text in any::<String>()) {
        let world = World::default();
        let reason = reason(&world, &text, world.start);
        prop_assert_ne!(reason.answer(), Answer::Accepted);
    }

    #[test]
    fn any_bytes_get_a_reason(first in proptest::sample::select(vec![0xd2u8, 0x78, 0xd0, 0x84, 0]), rest in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let world = World::default();
        let bytes: Vec<u8> = std::iter::once(first).chain(rest).collect();
        let reason = reason(&world, &payload::base45_encode(&bytes), world.start);
        prop_assert_ne!(reason.answer(), Answer::Accepted);
    }

    #[test]
    fn claims_survive_the_round_trip(
        name in "[A-Z][A-Z ,]{0,90}", sex in 1u8..4, index in 0..LIST_SIZE, template in proptest::collection::vec(any::<u8>(), 1..=512)
    ) {
        let world = World::default();
        let mut claims = world.claims();
        claims.attributes.set(Attribute::Name, shared::credential::AttributeValue::Text(name)).unwrap();
        claims.attributes.set(Attribute::Sex, shared::credential::AttributeValue::Code(sex)).unwrap();
        place(&mut claims).index = index;
        let algorithm = shared::template::AlgorithmId::parse("omz0095/i4").unwrap();
        claims.face = Some(shared::template::Template::new(algorithm, template).unwrap());
        let credential = world.credential(&claims);
        let decoded = shared::credential::UnverifiedCredential::decode(&credential).unwrap();
        prop_assert_eq!(decoded.claims(), &claims);
        prop_assert!(decoded.signed_by(&world.issuer.public_key().into()));
    }
}
