//! How long presentations hold.

use shared::credential::Claims;
use shared::reason::Reason;
use tests::crafted::{EDDSA, Hand, ProofClaims, around, inside};
use tests::{Seen, World};

use crate::{Kiosk, compressed, reason, signed};

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
