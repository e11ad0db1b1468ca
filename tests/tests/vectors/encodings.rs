//! CBOR that says the right thing in the wrong way, and COSE structures that are not as they should be.

use shared::cbor::Value;
use shared::qr::payload::{self, base45_encode};
use shared::reason::Reason;
use tests::add_group_order;

use crate::bench::{Bench, int, raw_map, text};

pub fn encodings(bench: &mut Bench) {
    let credential = bench.credential(&bench.protected, &bench.claims);
    let mut bytes = payload::base45_decode(&bench.shown(&credential)).unwrap();
    bytes.push(0);
    bench.add(
        "invalid/trailing_byte",
        "A byte after the presentation.",
        base45_encode(&bytes),
        Reason::FormatTrailingBytes,
    );
    bytes.truncate(bytes.len() - 2);
    bench.add("invalid/truncated", "The last byte is missing.", base45_encode(&bytes), Reason::FormatCbor);
    let mut followed = bench.claims.clone();
    followed.push(0);
    bench.with_claims(
        "invalid/trailing_byte_in_claims",
        "A signed byte after the claims.",
        &followed,
        Reason::FormatTrailingBytes,
    );
    bench.claims_entries(
        "invalid/duplicate_key",
        "A claim twice.",
        |parts| parts.insert(1, parts[0].clone()),
        Reason::FormatCbor,
    );
    bench.claims_entries(
        "invalid/key_order",
        "Claims out of order.",
        |parts| parts.swap(0, 1),
        Reason::FormatCbor,
    );
    let mut indefinite = bench.claims.clone();
    indefinite[0] = 0xbf;
    indefinite.push(0xff);
    bench.with_claims(
        "invalid/indefinite_length",
        "A map of indefinite length.",
        &indefinite,
        Reason::FormatCbor,
    );
    bench.claims_entries(
        "invalid/not_shortest",
        "A number in more bytes than it needs.",
        |parts| parts[3].1 = [&[0x1b, 0, 0, 0, 0], &parts[3].1[1..]].concat(),
        Reason::FormatCbor,
    );
    bench.claims_entries(
        "invalid/float",
        "A time as a floating point number.",
        |parts| parts[4].1 = vec![0xf9, 0x3c, 0x00],
        Reason::FormatCbor,
    );
    let mut deep = vec![0x81; 200];
    deep.push(0);
    bench.claims_entries(
        "invalid/depth_bomb",
        "Arrays nested 200 deep.",
        |parts| parts.push((int(70_000), deep)),
        Reason::FormatCbor,
    );
    bench.claims_entries(
        "invalid/not_utf8",
        "A text that is not UTF-8.",
        |parts| parts[0].1 = vec![0x61, 0xff],
        Reason::FormatCbor,
    );
}

/// What stands around the claims: COSE arrays, signatures, and claims of the wrong kind.
pub fn structures(bench: &mut Bench) {
    let structure = Reason::FormatStructure;
    let (protected, claims) = (bench.protected.clone(), bench.claims.clone());
    let credential = bench.credential(&protected, &claims);
    let signature = credential[credential.len() - 64..].to_vec();
    let array = |parts: Vec<Value<'_>>| Value::Tag(18, Box::new(Value::Array(parts))).encode();
    let (head, empty) = (Value::Bytes(&protected), Value::Map(vec![]));
    let (body, end) = (Value::Bytes(&claims), Value::Bytes(&signature));
    for (name, description, bytes) in [
        (
            "invalid/signature_short",
            "The issuer's signature has 63 bytes.",
            array(vec![head.clone(), empty.clone(), body.clone(), Value::Bytes(&signature[..63])]),
        ),
        (
            "invalid/payload_detached",
            "The claims are elsewhere (RFC 9052 section 4.1).",
            array(vec![head.clone(), empty.clone(), Value::Null, end.clone()]),
        ),
        (
            "invalid/array_of_five",
            "One element too many in the credential.",
            array(vec![head.clone(), empty.clone(), body.clone(), end.clone(), Value::Null]),
        ),
        (
            "invalid/sign_not_sign1",
            "Tag 98, COSE_Sign, on the credential.",
            Value::Tag(98, Box::new(Value::Array(vec![head, empty, body, end]))).encode(),
        ),
        ("invalid/cwt_tag", "Tag 61 around the credential.", [&[0xd8, 61], credential.as_slice()].concat()),
    ] {
        let shown = bench.shown(&bytes);
        bench.add(name, description, shown, structure);
    }
    let mut malleable = credential.clone();
    let scalar = malleable.len() - 32;
    add_group_order(&mut malleable[scalar..]);
    let shown = bench.shown(&malleable);
    bench.add(
        "invalid/signature_malleable",
        "The order of the group is added to the issuer's signature (RFC 8032 section 5.1.7).",
        shown,
        Reason::CredentialSignature,
    );
    let empty = bench.shown(&bench.credential(&[], &claims));
    bench.add("invalid/protected_empty", "No protected headers at all.", empty, Reason::FormatCbor);
    let mut followed = protected;
    followed.push(0);
    let followed = bench.shown(&bench.credential(&followed, &claims));
    bench.add(
        "invalid/trailing_byte_in_headers",
        "A signed byte after the protected headers.",
        followed,
        Reason::FormatTrailingBytes,
    );
    bench.claims_entries(
        "invalid/undefined",
        "A claim that is undefined.",
        |parts| parts.push((int(70_000), vec![0xf7])),
        Reason::FormatCbor,
    );
    bench.claims_entries(
        "invalid/claim_label_negative",
        "A claim whose label is negative.",
        |parts| parts.push((int(-9), int(1))),
        structure,
    );
    bench.claims_entries(
        "invalid/purpose_upper_case",
        "A purpose that is not in lower case.",
        |parts| parts[2].1 = text("Border"),
        structure,
    );
    bench.claims_entries(
        "invalid/iss_too_long",
        "An issuer of 97 bytes.",
        |parts| parts[0].1 = text(&"x".repeat(97)),
        structure,
    );
    let status = |index: Vec<u8>| {
        let list = raw_map(&[(text("idx"), index), (text("uri"), text(tests::STATUS_URI))]);
        raw_map(&[(text("status_list"), list)])
    };
    bench.claims_entries(
        "invalid/status_negative",
        "A place before the beginning of its list.",
        |parts| parts.last_mut().unwrap().1 = status(int(-1)),
        structure,
    );
    let is = |label: i64| move |part: &&mut (Vec<u8>, Vec<u8>)| part.0 == int(label);
    bench.identity_entries("invalid/date_malformed", "A date of birth with hyphens.", |parts| {
        parts.iter_mut().find(is(8)).unwrap().1 = text("1998-02-14");
    });
    bench.identity_entries("invalid/sex_text", "Sex in words.", |parts| {
        parts.iter_mut().find(is(9)).unwrap().1 = text("female");
    });
    bench.identity_entries("invalid/name_too_long", "A name of 129 bytes.", |parts| {
        parts.iter_mut().find(is(4)).unwrap().1 = text(&"X".repeat(129));
    });
    bench.identity_entries("invalid/name_control_character", "A name that rings a bell.", |parts| {
        parts.iter_mut().find(is(4)).unwrap().1 = text("SAMPLE\u{7}");
    });
    bench.identity_entries("invalid/face_twice", "Two face templates.", |parts| {
        let face = &mut parts.iter_mut().find(is(62)).unwrap().1;
        let again = face[1..].to_vec();
        face[0] = 0x82;
        face.extend(again);
    });
}
