//! Third-party vectors, used where they are; and figures of RFCs, which are always here.

use std::path::{Path, PathBuf};

use miniz_oxide::deflate::compress_to_vec_zlib;
use serde_json::Value as Json;
use shared::cbor::{self, CborError, Value};
use shared::credential::{Presentation, UnverifiedCredential};
use shared::key::{PublicKey, Signer, VerificationKey};
use shared::qr::payload::{base45_decode, base45_encode};
use shared::reason::Reason;
use shared::trust::{IssuerKey, LIST_SIZE, Status, StatusList, StatusListError};
use tests::{World, sign1, third_party};

fn read(path: &Path) -> Json {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn key(hex: &str) -> Option<PublicKey> {
    PublicKey::from_bytes(&hex::decode(hex).ok()?.try_into().ok()?).ok()
}

/// Whether our rules accept a signature: an acceptable key, 64 bytes, and the strict check.
fn accepts(public_key: &str, message: &str, signature: &str) -> bool {
    let (Some(key), Ok(message), Ok(signature)) =
        (key(public_key), hex::decode(message), hex::decode(signature))
    else {
        return false;
    };
    signature.try_into().is_ok_and(|signature| key.verifies(&message, &signature))
}

/// RFC 8392 §A.1, the example claims set, and the P-256 key of §A.2.3.
#[test]
fn rfc_8392_figures() {
    let claims = "a70175636f61703a2f2f61732e6578616d706c652e636f6d02656572696b77037818636f61703a2f2f6c696768742e65\
                  78616d706c652e636f6d041a5612aeb0051a5610d9f0061a5610d9f007420b71";
    let bytes = hex::decode(claims).unwrap();
    let claims = cbor::decode(&bytes).unwrap();
    assert_eq!(claims.get(1).and_then(Value::as_text), Some("coap://as.example.com"));
    assert_eq!(claims.get(2).and_then(Value::as_text), Some("erikw"));
    assert_eq!(claims.get(3).and_then(Value::as_text), Some("coap://light.example.com"));
    assert_eq!(
        [4, 5, 6].map(|label| claims.get(label).and_then(Value::as_int)),
        [1_444_064_944, 1_443_944_944, 1_443_944_944].map(Some)
    );
    assert_eq!(claims.get(7).and_then(Value::as_bytes), Some(&[0x0b, 0x71][..]));
    assert_eq!(claims.encode(), bytes, "written again, byte for byte");

    let x = hex::decode("143329cce7868e416927599cf65a34f3ce2ffda55a7eca69ed8919a394d42f0f").unwrap();
    let y = hex::decode("60f7f1a780d8a783bfb7a2dd6b2796e8128dbbcef9d3d168db9529971a36e7b9").unwrap();
    assert_eq!(
        VerificationKey::from_cose(&Value::Map(vec![
            (Value::from(1), Value::from(2)),
            (Value::from(-1), Value::from(1)),
            (Value::from(-2), Value::Bytes(&x)),
            (Value::from(-3), Value::Bytes(&y)),
        ]))
        .map(|key| key.to_string()),
        Ok(format!("04{}{}", hex::encode(&x), hex::encode(&y)))
    );
}

/// A signature whose R is the neutral point satisfies RFC 8032's equation for this key (seed of 32 ones) and message, and
/// a verifier that does not look for points of small order takes it. Ours must not, on any machine: this needs no data.
#[test]
fn a_signature_with_a_point_of_small_order_is_refused() {
    let public_key = "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c";
    let neutral = format!("01{}", "00".repeat(31));
    let scalar = "8698c491e20db218f364d9bae439f4691f2389c0091490ae7d721176159a2408";
    assert!(key(public_key).is_some(), "the key itself is a good one");
    assert!(!accepts(public_key, &hex::encode("gatepass"), &format!("{neutral}{scalar}")));
}

#[test]
fn base45_vectors() {
    let Some(folder) = third_party("data/vectors/base45") else { return };
    let vectors = read(&folder.join("base45_vectors.json"));
    let (mut valid, mut invalid) = (0, 0);
    for vector in vectors["valid"].as_array().unwrap() {
        let (hex, text) = (vector["hex"].as_str().unwrap(), vector["base45"].as_str().unwrap());
        assert_eq!(base45_decode(text).map(hex::encode).as_deref(), Ok(hex));
        assert_eq!(base45_encode(&hex::decode(hex).unwrap()), text);
        valid += 1;
    }
    for vector in vectors["invalid"].as_array().unwrap() {
        let text = vector["base45"].as_str().or(vector.as_str()).unwrap();
        assert!(base45_decode(text).is_err(), "{text}");
        invalid += 1;
    }
    println!("base45: {valid} valid and {invalid} invalid behave as labelled");
    assert!(valid >= 8 && invalid >= 6);
}

#[test]
fn wycheproof_ed25519() {
    let Some(folder) = third_party("data/vectors/wycheproof") else { return };
    let vectors = read(&folder.join("ed25519_test.json"));
    let (mut agree, mut all) = (0, 0);
    for group in vectors["testGroups"].as_array().unwrap() {
        let public_key = group["publicKey"]["pk"].as_str().unwrap();
        for test in group["tests"].as_array().unwrap() {
            let got = accepts(public_key, test["msg"].as_str().unwrap(), test["sig"].as_str().unwrap());
            let expected = test["result"] == "valid";
            assert_eq!(got, expected, "test {}: {}", test["tcId"], test["comment"]);
            (agree, all) = (agree + u32::from(got == expected), all + 1);
        }
    }
    println!("wycheproof ed25519: {agree} of {all}");
    assert_eq!((agree, all), (151, 151));
}

#[test]
fn of_the_speccheck_edge_cases_only_number_3_is_accepted() {
    let Some(folder) = third_party("data/vectors/ed25519-speccheck") else { return };
    let cases = read(&folder.join("cases.json"));
    let accepted: Vec<usize> = cases
        .as_array()
        .unwrap()
        .iter()
        .enumerate()
        .filter(|(_, case)| {
            let field = |name: &str| case[name].as_str().unwrap();
            accepts(field("pub_key"), field("message"), field("signature"))
        })
        .map(|(number, _)| number)
        .collect();
    println!("speccheck: accepted {accepted:?} of {}", cases.as_array().unwrap().len());
    assert_eq!(accepted, [3]);
}

/// A signature made by another implementation over a Sig_structure that we build.
#[test]
fn cose_working_group_eddsa() {
    let Some(folder) = third_party("data/vectors/cose-wg-examples") else { return };
    let mut verified = 0;
    for name in ["eddsa-examples/eddsa-sig-01.json", "eddsa-examples/eddsa-01.json"] {
        let path = folder.join(name);
        if !path.exists() {
            continue;
        }
        let vector = read(&path);
        let bytes = hex::decode(vector["output"]["cbor"].as_str().unwrap()).unwrap();
        let Ok(Value::Tag(18, body)) = cbor::decode(&bytes) else { continue };
        let [Value::Bytes(protected), _, Value::Bytes(payload), Value::Bytes(signature)] =
            body.as_array().unwrap()
        else {
            panic!("{name} is not a COSE_Sign1")
        };
        assert_eq!(cbor::decode(protected).unwrap().get(1).and_then(Value::as_int), Some(-8), "{name}");
        let structure = Value::Array(vec![
            Value::Text("Signature1"),
            Value::Bytes(protected),
            Value::Bytes(&[]),
            Value::Bytes(payload),
        ]);
        let x = vector["input"]["sign0"]["key"]["x_hex"].as_str().unwrap();
        let signature: [u8; 64] = (*signature).try_into().unwrap();
        assert!(key(x).unwrap().verifies(&structure.encode(), &signature), "{name}");
        let mut other = signature;
        other[0] ^= 1;
        assert!(!key(x).unwrap().verifies(&structure.encode(), &other), "{name}");
        verified += 1;
    }
    println!("COSE working group: {verified} Ed25519 COSE_Sign1 example verified");
    assert_eq!(verified, 1, "eddsa-01 is a COSE_Sign, the others are Ed448");
}

fn reason_of(bytes: &[u8]) -> &'static str {
    UnverifiedCredential::decode(bytes).map_or_else(|error| error.reason().code(), |_| "decoded")
}

/// Files below a folder whose names end like this, sorted.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, end));
        } else if path.to_str().unwrap().ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

/// Real vaccination certificates: the same Base45 and zlib as a code on paper, and no credential inside.
#[test]
fn health_certificates_unpack_and_are_refused() {
    let Some(folder) = third_party("data/vectors/dgc") else { return };
    println!("{:<50} {:<10} got", "vector", "expected");
    let (mut unpacked, mut count) = (0, 0);
    for path in files(&folder, ".json") {
        let vector = read(&path);
        let (Some(text), Some(prefixed)) = (vector["BASE45"].as_str(), vector["PREFIX"].as_str()) else {
            continue;
        };
        let got = match Presentation::decode(text) {
            Ok(shown) => {
                if let (Presentation::Static(bytes), Some(cose)) = (&shown, vector["COSE"].as_str()) {
                    assert_eq!(hex::encode(bytes), cose.to_lowercase(), "{}", name(&path));
                    if let Some(compressed) = vector["COMPRESSED"].as_str() {
                        let decoded = hex::encode(base45_decode(text).unwrap());
                        assert_eq!(decoded, compressed.to_lowercase(), "{}", name(&path));
                    }
                    unpacked += 1;
                }
                shown.credential().map_or_else(|error| error.reason().code(), |_| "decoded")
            }
            Err(error) => error.reason().code(),
        };
        println!("{:<50} {:<10} {got}", name(&path), "refused");
        assert_ne!(got, "decoded", "{}", name(&path));
        if prefixed.starts_with("HC1:") {
            assert!(Presentation::decode(prefixed).is_err(), "{}: with its prefix", name(&path));
        }
        count += 1;
    }
    println!("{count} certificates, {unpacked} unpacked to the very bytes");
    assert!(count >= 80 && unpacked >= 80, "{count}, {unpacked}");
}

#[test]
fn visible_digital_seals_are_foreign() {
    let Some(folder) = third_party("data/vectors/vds-nc") else { return };
    let seals = read(&folder.join("vdsnc_samples.json"));
    for seal in seals.as_array().unwrap() {
        let error = Presentation::decode(&seal.to_string()).unwrap_err();
        assert_eq!(error.reason(), Reason::TextNotBase45, "JSON is not Base45");
    }
    assert_eq!(seals.as_array().unwrap().len(), 4);
}

/// The hexadecimal part of an example, which may come after a few words.
fn example(path: &Path) -> Vec<u8> {
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.split_once("encoded:").map_or(text.as_str(), |(_, hex)| hex);
    hex::decode(text.split_whitespace().collect::<String>()).unwrap()
}

/// A status list token of ours around any list.
fn token(world: &World, bits: u64, lst: &[u8]) -> Vec<u8> {
    let list = Value::Map(vec![
        (Value::Text("bits"), Value::Unsigned(bits)),
        (Value::Text("lst"), Value::Bytes(lst)),
    ]);
    let id = world.issuer.public_key().id();
    let protected = Value::Map(vec![
        (Value::from(1), Value::from(-8)),
        (Value::from(4), Value::Bytes(&id.0)),
        (Value::from(16), Value::Text("application/statuslist+cwt")),
    ]);
    let claims = Value::Map(vec![
        (Value::from(2), Value::Text("https://example.test/1")),
        (Value::from(4), Value::from(world.start.plus(1000).as_unix())),
        (Value::from(6), Value::from(world.start.as_unix())),
        (Value::from(65533), list),
        (Value::from(65534), Value::from(43_200)),
    ]);
    sign1(&protected.encode(), Value::Map(vec![]), &claims.encode(), &world.issuer)
}

/// The draft's own lists ("Test vectors for Status List encoding"), inside a token that we signed.
#[test]
fn status_lists_of_the_draft() {
    let Some(folder) = third_party("data/vectors/status-list/examples") else { return };
    let world = World::default();
    let key = IssuerKey::new(world.issuer.public_key(), world.start);
    let verify = |example: &[u8]| {
        // Read with another decoder: the draft writes `bits` before `lst`, which is not the deterministic order.
        assert_eq!(cbor::decode(example), Err(CborError::KeyOrder));
        let list: ciborium::Value = ciborium::from_reader(example).unwrap();
        let list = list.into_map().unwrap();
        let bits = list[0].1.as_integer().unwrap().try_into().unwrap();
        let token = token(&world, bits, list[1].1.as_bytes().unwrap());
        StatusList::verify(&token, [&key])
    };
    // What the draft says is set, and that nothing else is: the bits are unpacked here once more, by hand.
    let one = [0, 1993, 25_460, 159_495, 495_669, 554_353, 645_645, 723_232, 854_545, 934_534, 1_000_345];
    let two = [1, 2, 1, 3, 1, 1, 2, 1, 1, 2, 3];
    let four = [
        (0, 1),
        (1993, 2),
        (35_460, 3),
        (459_495, 4),
        (595_669, 5),
        (754_353, 6),
        (845_645, 7),
        (923_232, 8),
        (924_445, 9),
        (934_534, 10),
        (1_000_345, 12),
        (1_004_534, 11),
        (1_030_203, 13),
        (1_030_204, 14),
        (1_030_205, 15),
    ];
    let short = |bytes: &[u8], width: u64| -> Vec<(u64, u8)> {
        let bits = |index| bytes[(index * width / 8) as usize] >> (index * width % 8) & ((1 << width) - 1);
        (0..bytes.len() as u64 * 8 / width).map(|i| (i, bits(i))).filter(|(_, value)| *value != 0).collect()
    };
    println!("{:<34} {:>4} {:>8} {:<26} got", "vector", "bits", "places", "expected");
    for (file, bits, places, set) in [
        ("status_list_encoding_cbor.md", 1, 16, short(&[0xb9, 0xa3], 1)),
        ("status_list_encoding2_cbor.md", 2, 12, short(&[0xc9, 0x44, 0xf9], 2)),
        ("status_list_encoding1_long_cbor.md", 1, LIST_SIZE, one.map(|index| (index, 1)).to_vec()),
        ("status_list_encoding2_long_cbor.md", 2, LIST_SIZE, one.into_iter().zip(two).collect()),
        ("status_list_encoding4_cbor.md", 4, LIST_SIZE, four.to_vec()),
    ] {
        let list = verify(&example(&folder.join(file))).unwrap();
        let meaning = |value| match value {
            1 => Status::Invalid,
            2 => Status::Suspended,
            _ => Status::Unassigned,
        };
        let expected: Vec<(u64, Status)> =
            set.into_iter().map(|(index, value)| (index, meaning(value))).collect();
        let got: Vec<(u64, Status)> = (0..places)
            .map(|index| (index, list.status(index).unwrap()))
            .filter(|(_, status)| *status != Status::Valid)
            .collect();
        println!(
            "{file:<34} {bits:>4} {places:>8} {:<26} {} set",
            format!("{} set", expected.len()),
            got.len()
        );
        assert_eq!(got, expected, "{file}");
        assert_eq!(list.status(places), None, "{file}: an index outside is no answer");
    }
    // Every value of eight bits stands somewhere once; three of them mean something.
    let file = "status_list_encoding8_cbor.md";
    let list = verify(&example(&folder.join(file))).unwrap();
    let with =
        |status| -> Vec<u64> { (0..LIST_SIZE).filter(|index| list.status(*index) == Some(status)).collect() };
    let (invalid, suspended, others) =
        (with(Status::Invalid), with(Status::Suspended), with(Status::Unassigned));
    println!(
        "{file:<34} {:>4} {LIST_SIZE:>8} {:<26} {} set",
        8,
        "255 set",
        invalid.len() + suspended.len() + others.len()
    );
    assert_eq!((invalid, suspended, others.len()), (vec![52_451], vec![576_778], 253), "{file}");
    assert_eq!(list.status(LIST_SIZE), None);
    for (what, bits, lst) in [
        ("bits: 3", 3, vec![0; 4]),
        ("bits: 0", 0, vec![0; 4]),
        ("2^20 + 4 places", 2, vec![0; (1 << 18) + 1]),
        ("no place", 2, vec![]),
    ] {
        let token = token(&world, bits, &compress_to_vec_zlib(&lst, 9));
        let got = StatusList::verify(&token, [&key]).map(|_| ());
        println!("{what:<34} {bits:>4} {:>8} {:<26} {got:?}", "", "Err(Bits)");
        assert_eq!(got, Err(StatusListError::Bits), "{what}");
    }
    // Signed with ES256, and their key identifiers are not protected.
    for file in ["status_list_cwt.md", "referenced_token_cwt.md"] {
        let bytes = example(&folder.join(file));
        assert!(StatusList::verify(&bytes, [&key]).is_err(), "{file}");
        assert_ne!(reason_of(&bytes), "decoded", "{file}");
    }
}
