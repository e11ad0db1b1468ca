//! The secret of pairwise identifiers: told to the sector's machines, and to nobody who looks on.

use serde::Deserialize;
use shared::cbor::{self, Value};
use shared::credential::{
    Claims, Group, HiddenSecret, IssueError, PresentError, Statement, countersign, disclose_only,
    disclose_to_machine, prepare_with_secret, present, present_encrypted, present_statement,
};
use shared::encryption::DecryptionKey;
use shared::key::Signer;
use shared::pairwise::{PairwiseSecret, RelyingParty};
use shared::qr::payload::{self, Payload};
use shared::reason::Reason;
use shared::trust::PaperRule;
use tests::World;
use tests::crafted::{labels, parts};

use crate::encrypted::sealed;
use crate::groups::{disclosing, disclosures};
use crate::{Kiosk, attributes, compressed, reason, signed, text, with_policy};

const SECRET: [u8; 32] = [0x5e; 32];

fn hidden() -> HiddenSecret {
    HiddenSecret { secret: PairwiseSecret::from_slice(&SECRET).unwrap(), salt: [3; 16] }
}

/// A credential with one group and the secret.
fn credential(world: &World) -> Vec<u8> {
    let id = world.issuer.public_key().id();
    let address = attributes(&[text(shared::credential::Attribute::Address, "1 EXAMPLE ROAD")]);
    let claims = Claims {
        attributes: attributes(&[text(shared::credential::Attribute::Name, "SAMPLE, ALEX 01")]),
        ..world.claims()
    };
    let groups = [Group { attributes: address, salt: [2; 16] }];
    prepare_with_secret(&claims, &groups, Some(&hidden()), id).unwrap().sign(&world.issuer).unwrap()
}

fn sector() -> DecryptionKey {
    DecryptionKey::from_seed(&[7; 32]).unwrap()
}

fn kiosk(world: &World) -> Kiosk {
    Kiosk { keys: vec![sector()], ..Kiosk::new(world) }
}

fn contains_secret(bytes: &[u8]) -> bool {
    bytes.windows(SECRET.len()).any(|window| window == SECRET)
}

fn encrypted(world: &World, credential: &[u8]) -> String {
    let statement = Statement { audience: "border", nonce: None, now: world.start };
    let to = sector().public_key().unwrap();
    let message = present_encrypted(credential, &world.holder, &statement, &to, &[9; 32]).unwrap();
    payload::encode(&Payload::Encrypted(message))
}

#[derive(Deserialize)]
struct Vector {
    psec: String,
    organization: String,
    service: String,
    openid: String,
    unionid: String,
}

/// The vectors were made with Python's `hmac`.
#[test]
fn identifiers_are_what_the_vectors_say() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../../vectors/pairwise.json")).unwrap();
    assert!(vectors.len() >= 8);
    for vector in vectors {
        let secret = PairwiseSecret::from_slice(&hex::decode(&vector.psec).unwrap()).unwrap();
        let party = RelyingParty::new(&vector.organization, &vector.service).unwrap();
        let ids = secret.identifiers(&party);
        let found = (ids.openid.to_string(), ids.unionid.to_string());
        assert_eq!(found, (vector.openid, vector.unionid), "{}", party.service());
    }
}

#[test]
fn an_encrypted_code_tells_the_secret_and_a_plain_one_does_not() {
    let world = World::default();
    let party = RelyingParty::new("grand.example", "lisboa").unwrap();
    let expected = hidden().secret.identifiers(&party);
    let credential = credential(&world);
    assert!(contains_secret(&credential), "the holder keeps it");

    let told = encrypted(&world, &disclose_to_machine(&credential, &[0]).unwrap());
    let verified = kiosk(&world).verified(&told, world.start).unwrap();
    assert_eq!(verified.pairwise(&party), Some(expected));
    assert!(verified.claims().attributes.get(shared::credential::Attribute::Address).is_some());
    assert!(!format!("{verified:?}").contains("5e5e") && !format!("{verified:?}").contains("94, 94"));

    // Without the group, and without the secret.
    let told = encrypted(&world, &disclose_to_machine(&credential, &[]).unwrap());
    let verified = kiosk(&world).verified(&told, world.start).unwrap();
    assert!(verified.pairwise(&party).is_some());
    assert!(verified.claims().attributes.get(shared::credential::Attribute::Address).is_none());
    let kept = encrypted(&world, &disclose_only(&credential, &[0]).unwrap());
    assert_eq!(kiosk(&world).verified(&kept, world.start).unwrap().pairwise(&party), None);

    // Any camera reads this one.
    let shown = disclose_only(&credential, &[0]).unwrap();
    let plain = present(&shown, &world.holder, "border", world.start).unwrap();
    assert!(!contains_secret(&shown) && !contains_secret(&plain));
    assert_eq!(reason(&world, &signed(plain), world.start), Reason::Accepted);
}

/// A phone that would show it to everybody is stopped, and so is a code that does.
#[test]
fn the_secret_is_not_shown_in_the_clear_and_not_taken_in_the_clear() {
    let world = World::default();
    let credential = credential(&world);
    let statement = Statement { audience: "border", nonce: None, now: world.start };
    let refused = present_statement(&credential, &world.holder, &statement);
    assert_eq!(refused, Err(PresentError::Secret));
    let refused = countersign(&credential, &world.holder, &statement);
    assert_eq!(refused, Err(PresentError::Disclosures));

    // A phone that does it all the same.
    let told = encrypted(&world, &credential);
    let message = payload::base45_decode(&told).unwrap();
    let plain = shared::encryption::open(&message, &[sector()]).unwrap();
    assert!(contains_secret(&plain));
    let code = signed(plain.to_vec());
    assert_eq!(reason(&world, &code, world.start), Reason::FormatDisclosure);
    assert_eq!(kiosk(&world).says(&code, world.start), Reason::FormatDisclosure);
    let again = sealed(&sector(), &Payload::Signed(plain.to_vec()), 1);
    assert_eq!(kiosk(&world).says(&again, world.start), Reason::Accepted, "it was good but for that");
}

/// What holds for years without a proof would be good for whoever copies it.
#[test]
fn paper_and_stripped_codes_tell_no_secret() {
    let world = with_policy(|policy| policy.paper = PaperRule::Accept);
    let paper = Claims { holder_key: None, ..world.claims() };
    let id = world.issuer.public_key().id();
    let refused = prepare_with_secret(&paper, &[], Some(&hidden()), id);
    assert_eq!(refused.err(), Some(IssueError::SecretOnPaper));
    let credential = credential(&world);
    for code in [compressed(credential.clone()), sealed(&sector(), &Payload::Static(credential.clone()), 2)] {
        assert_eq!(kiosk(&world).says(&code, world.start), Reason::FormatDisclosure);
    }
    let cut = sealed(&sector(), &Payload::Signed(credential), 3);
    assert_eq!(kiosk(&world).says(&cut, world.start), Reason::ProofMissing);
}

/// An issuer that writes it where every code carries it, and one that redacts something else under the label.
#[test]
fn a_secret_that_is_not_redacted_or_not_32_bytes_is_refused() {
    let world = World::default();
    let credential = credential(&world);
    let decoded = cbor::decode(&credential).unwrap();
    let [protected, _, claims, _] = parts(&decoded);
    let (protected, claims) = (protected.as_bytes().unwrap(), claims.as_bytes().unwrap());
    let mut claims = cbor::decode(claims).unwrap();
    let Value::Map(entries) = &mut claims else { panic!("claims are a map") };
    let identity = entries.iter_mut().find(|(key, _)| key.as_int() == Some(169)).unwrap();
    let Value::Map(identity) = &mut identity.1 else { panic!("so is the identity") };
    identity.push((Value::from(77), Value::Bytes(&SECRET)));
    let bare = tests::sign1(protected, labels(&[]), &claims.encode(), &world.issuer);
    let code = sealed(&sector(), &Payload::Signed(bare), 4);
    assert_eq!(kiosk(&world).says(&code, world.start), Reason::FormatStructure);

    let short = PairwiseSecret::from_slice(&SECRET[1..]);
    assert!(short.is_none());
    let mut list = disclosures(&credential);
    let last = list.last_mut().unwrap();
    assert!(contains_secret(last));
    // Another secret under the signature of this one.
    let place = last.windows(32).position(|window| window == SECRET).unwrap();
    last[place] ^= 1;
    let swapped = encrypted_by_hand(&world, &disclosing(&credential, &list));
    assert_eq!(kiosk(&world).says(&swapped, world.start), Reason::FormatDisclosure);
}

/// A phone that checks nothing.
fn encrypted_by_hand(world: &World, credential: &[u8]) -> String {
    use tests::crafted::{EDDSA, Hand, ProofClaims, around};
    let proof = ProofClaims {
        audience: "border",
        issued: world.start.as_unix(),
        expires: world.start.plus(30).as_unix(),
        nonce: None,
    };
    let bytes = around(credential, &proof.value(), EDDSA, &Hand::Ed25519(&world.holder));
    sealed(&sector(), &Payload::Signed(bytes), 5)
}
