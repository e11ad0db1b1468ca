//! P2: the credential with a countersignature of its holder.

use claim169_core::{Decoder, VerificationStatus};
use shared::cbor::{self, Value};
use shared::credential::{Claims, PresentError, Statement, countersign, disclose_only};
use shared::encryption::DecryptionKey;
use shared::key::{Signer, SoftwareKey};
use shared::qr::payload::{self, Payload};
use shared::reason::Reason;
use shared::time::Timestamp;
use tests::crafted::{
    EDDSA, ES256, Hand, ProofClaims, around, countersignature, inside, labels, parts, with_unprotected,
};
use tests::{World, add_group_order};

use crate::{Kiosk, compressed, groups::with_groups, reason, signed};

pub(super) fn countersigned(world: &World, made: Timestamp) -> Vec<u8> {
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
    // Tag 61 is for what is tagged already (RFC 8392 section 6).
    let alone = [&[0xd8, 61], &bytes[1..]].concat();
    assert_eq!(kiosk.says(&compressed(alone), world.start.plus(1)), Reason::FormatStructure);
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
