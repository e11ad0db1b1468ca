//! Not one bit of any kind of code may change.

use std::collections::BTreeMap;

use claim169_core::Encoder;
use shared::cbor::Value;
use shared::credential::{Attribute, Claims, Group, Presentation, prepare_with_groups, present};
use shared::encryption::DecryptionKey;
use shared::key::Signer;
use shared::qr::payload::{self, Payload};
use shared::reason::{Answer, Reason};
use shared::time::Timestamp;
use shared::trust::{Dialect, IssuerKey, IssuerKeys, PaperRule, Policy};
use tests::crafted::{self, EDDSA, Hand, ProofClaims, inside, labels, with_unprotected};
use tests::{Seen, World};

use crate::{
    Kiosk, attributes, compressed, countersigned::countersigned, encrypted::sealed, groups::with_groups,
    text, with_policy,
};

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
pub(super) fn foreign(keys: Vec<IssuerKey>) -> World {
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
