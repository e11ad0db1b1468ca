//! What is accepted, and texts that are not even a credential.

use shared::credential::{Claims, Purpose};
use shared::encryption::DecryptionKey;
use shared::qr::payload::{self, Payload, base45_encode};
use shared::reason::Reason;

use crate::bench::{Bench, entries, int};

pub fn valid(bench: &mut Bench) {
    let credential = bench.credential(&bench.protected, &bench.claims);
    assert_eq!(
        credential,
        bench.world.credential(&bench.world.claims()),
        "taken apart and put together again"
    );
    let shown = bench.shown(&credential);
    bench.add(
        "valid/rotating",
        "A rotating code with ten attributes and a face template of 128 bytes.",
        shown,
        Reason::Accepted,
    );
    bench.stated("valid/no_face", "No face template.", |claims| claims.face = None, Reason::Accepted);
    let only_name = [shared::credential::Attribute::Name];
    bench.stated(
        "valid/minimal",
        "One attribute, no face template.",
        |claims| {
            (claims.face, claims.attributes) = (None, claims.attributes.only(&only_name));
        },
        Reason::Accepted,
    );
    bench.claims_entries(
        "valid/unknown_claim",
        "A claim that nobody has registered is passed over.",
        |parts| parts.push((int(70_000), int(1))),
        Reason::Accepted,
    );
    let mut parts = entries(&bench.protected);
    parts[0].1 = int(-19);
    bench.headers(
        "valid/alg_ed25519",
        "The fully specified algorithm Ed25519 (RFC 9864).",
        &parts,
        Reason::Accepted,
    );
}

/// A credential as on paper: for the hotel, with no holder key.
pub fn paper(bench: &Bench) -> Vec<u8> {
    let hotel = Purpose::parse("hotel").unwrap();
    bench.world.credential(&Claims { holder_key: None, purpose: Some(hotel), ..bench.world.claims() })
}

pub fn texts(bench: &mut Bench) {
    let at = bench.at.plus(2);
    let printed = payload::encode(&Payload::Static(paper(bench)));
    bench.add_for(
        "hotel",
        at,
        "valid/paper",
        "A paper credential, where the policy takes them.",
        printed.clone(),
        Reason::Accepted,
    );
    let mut damaged = payload::base45_decode(&printed).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    bench.add_for(
        "hotel",
        at,
        "invalid/zlib_checksum",
        "The checksum of the zlib stream is wrong.",
        base45_encode(&damaged),
        Reason::TextCompression,
    );
    damaged.truncate(damaged.len() - 4);
    bench.add_for(
        "hotel",
        at,
        "invalid/zlib_truncated",
        "The zlib stream lacks its checksum.",
        base45_encode(&damaged),
        Reason::TextCompression,
    );
    bench.add("invalid/text_empty", "No text.", String::new(), Reason::TextForeign);
    let credential = bench.credential(&bench.protected, &bench.claims);
    let shown = bench.shown(&credential);
    bench.add(
        "invalid/base45_character",
        "A character outside the alphabet.",
        shown.replacen('6', "a", 1),
        Reason::TextNotBase45,
    );
    bench.add(
        "invalid/base45_lower_case",
        "The code in lower-case letters.",
        shown.to_lowercase(),
        Reason::TextNotBase45,
    );
    bench.add(
        "invalid/base45_left_over",
        "One character more than a whole number of groups.",
        format!("{}0", &shown[..shown.len() / 3 * 3]),
        Reason::TextNotBase45,
    );
    bench.add(
        "invalid/base45_group",
        "A group of three characters above 65535.",
        format!(":::{}", &shown[3..]),
        Reason::TextNotBase45,
    );
    bench.add(
        "invalid/text_too_long",
        "More characters than any symbol holds.",
        "0".repeat(payload::MAX_TEXT + 1),
        Reason::TextTooLong,
    );
    bench.add(
        "invalid/text_foreign",
        "Base45 of something else.",
        base45_encode(b"hello"),
        Reason::TextForeign,
    );
    let elsewhere = DecryptionKey::from_seed(&[70; 32]).unwrap().public_key().unwrap();
    let rotating = payload::base45_decode(&bench.shown(&credential)).unwrap();
    bench.add(
        "invalid/encrypted",
        "A rotating code in a COSE_Encrypt0: no kiosk here holds the key.",
        base45_encode(&elsewhere.seal(&rotating, &[71; 32]).unwrap()),
        Reason::TextEncrypted,
    );
    bench.add(
        "invalid/encrypted_empty",
        "A COSE_Encrypt0 that says neither how nor for whom.",
        base45_encode(&[0xd0, 0x83, 0x41, 0xa0, 0xa0, 0x40]),
        Reason::FormatStructure,
    );
    let mut zlib = payload::base45_decode(&payload::encode(&Payload::Static(credential.clone()))).unwrap();
    zlib.push(0);
    bench.add(
        "invalid/zlib_trailing",
        "A byte after the zlib stream.",
        base45_encode(&zlib),
        Reason::TextCompression,
    );
    let bomb = payload::encode(&Payload::Static(vec![0; 1_000_000]));
    bench.add("invalid/zip_bomb", "A million bytes once inflated.", bomb, Reason::TextCompression);
}
