//! Holders and issuers with keys on P-256.

use shared::cbor::{self, Value};
use shared::credential::Claims;
use shared::reason::Reason;
use shared::trust::{IssuerKey, PaperRule, Policy};
use tests::World;
use tests::crafted::{
    EDDSA, ES256, Hand, ProofClaims, around, inside, labels, parts, signed_again, with_unprotected,
};
use tests::seals::Key;

use crate::{Kiosk, compressed, reason, signed};

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
