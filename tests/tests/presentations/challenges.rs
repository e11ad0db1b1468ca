//! Answers to what a kiosk shows.

use shared::cbor::Value;
use shared::credential::{Challenge, Claims, Statement, countersign, present_statement};
use shared::reason::Reason;
use shared::trust::{Dialect, PaperRule, ProofRule};
use tests::World;
use tests::crafted::{EDDSA, Hand, ProofClaims, around};

use crate::{Kiosk, compressed, reason, signed, with_policy};

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
