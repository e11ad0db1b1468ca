//! Third-party vectors, used where they are; and figures of RFCs, which are always here.

use serde_json::Value as Json;
use shared::cbor::{self, Value};
use shared::credential::Presentation;
use shared::key::PublicKey;
use shared::qr::payload::{base45_decode, base45_encode};
use tests::third_party;

fn read(path: &std::path::Path) -> Json {
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

/// RFC 8392 §A.1, the example claims set, and the COSE key of §A.2.3 refused for its type.
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

/// Other products' codes are named, not taken for ours: their dialects are not read yet.
#[test]
fn claim_169_vectors_get_a_reason() {
    let Some(folder) = third_party("data/vectors/claim169/test-vectors") else { return };
    println!("{:<34} {:<8} got", "vector", "expected");
    let mut count = 0;
    for category in ["valid", "invalid", "edge"] {
        for entry in std::fs::read_dir(folder.join(category)).unwrap() {
            let vector = read(&entry.unwrap().path());
            let result = Presentation::decode(vector["qr_data"].as_str().unwrap());
            let got = match result.and_then(|presentation| presentation.credential().map(|_| ())) {
                Ok(()) => "decoded",
                Err(error) => error.reason().code(),
            };
            println!(
                "{:<34} refused  {got}",
                format!("{category}/{}", vector["name"].as_str().unwrap_or("?"))
            );
            assert_ne!(got, "decoded", "none of them carries typ 293, cnf and a status");
            count += 1;
        }
    }
    assert_eq!(count, 18);
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
        let structure = Value::Array(vec![
            Value::Text("Signature1"),
            Value::Bytes(protected),
            Value::Bytes(&[]),
            Value::Bytes(payload),
        ]);
        let x = vector["input"]["sign0"]["key"]["x_hex"].as_str().unwrap();
        assert!(key(x).unwrap().verifies(&structure.encode(), (*signature).try_into().unwrap()), "{name}");
        verified += 1;
    }
    println!("COSE working group: {verified} Ed25519 COSE_Sign1 examples verified");
    assert!(verified > 0);
}
