//! What the holder keeps back.

use shared::cbor::{self, Value};
use shared::credential::{Attribute, Group, disclose_only, prepare_with_groups, present};
use shared::key::Signer;
use shared::qr::payload;
use shared::reason::Reason;
use tests::World;
use tests::crafted::{EDDSA, Hand, ProofClaims, around, labels, parts, with_unprotected};

use crate::{Kiosk, attributes, reason, signed, text, with_policy};

/// A credential with a group for the address and one for where the holder belongs.
pub(super) fn with_groups() -> (World, Vec<u8>) {
    let world = World::default();
    let credential = grouped(&world, "c3ViamVjdC0wMDAx", [[1; 16], [2; 16]]);
    (world, credential)
}

pub(super) fn grouped(world: &World, subject: &str, salts: [[u8; 16]; 2]) -> Vec<u8> {
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
pub(super) fn disclosures(credential: &[u8]) -> Vec<Vec<u8>> {
    let credential = cbor::decode(credential).unwrap();
    let [_, unprotected, ..] = parts(&credential);
    let list = unprotected.get(17).and_then(Value::as_array).unwrap_or_default();
    list.iter().map(|item| item.as_bytes().unwrap().to_vec()).collect()
}

pub(super) fn disclosing(credential: &[u8], disclosures: &[Vec<u8>]) -> Vec<u8> {
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
