//! Ed25519 public keys that nobody should believe, at every door by which a key comes in.

use shared::cbor::Value;
use shared::key::{KeyError, PublicKey, VerificationKey};
use shared::trust::{IssuerKey, IssuerKeys};
use tests::{ISSUER, third_party};

/// The eight points of small order, each in its canonical encoding: for these, signatures can be made up.
const SMALL_ORDER: [(&str, &str); 8] = [
    ("order 1: the identity", "0100000000000000000000000000000000000000000000000000000000000000"),
    ("order 2: y is -1", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    ("order 4: y is 0, x even", "0000000000000000000000000000000000000000000000000000000000000000"),
    ("order 4: y is 0, x odd", "0000000000000000000000000000000000000000000000000000000000000080"),
    ("order 8, first", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    ("order 8, second", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
    ("order 8, third", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    ("order 8, fourth", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
];

/// The base point plus each point of small order but the identity: keys of mixed order.
const MIXED_ORDER: [&str; 7] = [
    "da99e28ba529cdde35a25fba9059e78ecaee239f99755b9b1aa4f65df00803e2",
    "5252cc0a7f208133b620acbd4537eba2a4123bf0a8c2e4f980c3b31bb69765ea",
    "98519eadf35b995233b51b5cd23e9cc5a28b639b5a4af0ec903cb960d81b7819",
    "9599999999999999999999999999999999999999999999999999999999999999",
    "13661d745ad63221ca5da0456fa618713511dc60668aa464e55b09a20ff7fc1d",
    "9bad33f580df7ecc49df5342bac8145d5bedc40f573d1b067f3c4ce449689a15",
    "55ae61520ca466adcc4ae4a32dc1633a5d749c64a5b50f136fc3469f27e487e6",
];

/// A zero x with its sign bit set: 1 and -1 written a second way.
const NEGATIVE_ZERO: [&str; 2] = [
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

/// Every encoding whose y is the field's prime or more, with either sign: 2^255 - 19 + n for n up to 18.
fn y_beyond_the_prime() -> impl Iterator<Item = String> {
    (0..19u8).flat_map(|n| ["7f", "ff"].map(|last| format!("{:02x}{}{last}", 0xed + n, "ff".repeat(30))))
}

fn bytes(text: &str) -> [u8; 32] {
    hex::decode(text).unwrap().try_into().unwrap()
}

/// The key as a credential's `cnf` carries it.
fn in_cose(text: &str) -> Result<VerificationKey, KeyError> {
    let x = bytes(text);
    let key = |label: i64, value| (Value::from(label), value);
    VerificationKey::from_cose(&Value::Map(vec![
        key(1, Value::from(1)),
        key(-1, Value::from(6)),
        key(-2, Value::Bytes(&x)),
    ]))
}

/// The key as an agency's `keys.json` carries it; the error is what a kiosk would say.
fn in_key_list(text: &str) -> Result<IssuerKey, String> {
    let json = format!(
        r#"{{"issuer": "{ISSUER}", "keys": [{{"public": "{text}", "not_before": "2026-11-20T09:00:00Z"}}]}}"#
    );
    let list: Result<IssuerKeys, _> = serde_json::from_str(&json);
    list.map(|mut list| list.keys.remove(0)).map_err(|error| error.to_string())
}

#[track_caller]
fn refused_everywhere(name: &str, key: &str, why: KeyError) {
    assert_eq!(PublicKey::from_bytes(&bytes(key)), Err(why), "{name}");
    assert_eq!(PublicKey::import(&bytes(key)), Err(why), "{name}");
    assert_eq!(PublicKey::parse(key), Err(why), "{name}");
    assert_eq!(in_cose(key), Err(why), "{name}");
    let said = in_key_list(key).unwrap_err();
    assert!(said.contains(&why.to_string()), "{name}: {said}");
}

#[test]
fn a_good_key_passes_every_door() {
    let base = format!("58{}", "66".repeat(31));
    let key = PublicKey::parse(&base).unwrap();
    assert_eq!(in_cose(&base).unwrap(), key.into());
    assert_eq!(in_key_list(&base).unwrap().public, key.into());
}

#[test]
fn the_eight_points_of_small_order_are_refused() {
    for (name, key) in SMALL_ORDER {
        refused_everywhere(name, key, KeyError::Weak);
    }
}

#[test]
fn keys_written_in_another_than_the_canonical_way_are_refused() {
    for key in NEGATIVE_ZERO {
        refused_everywhere("negative zero", key, KeyError::NotCanonical);
    }
    let beyond: Vec<String> = y_beyond_the_prime().collect();
    assert_eq!(beyond.len(), 38);
    for key in &beyond {
        refused_everywhere("y beyond the prime", key, KeyError::NotCanonical);
    }
    // No point has this y at all.
    refused_everywhere("no point", &format!("02{}", "00".repeat(31)), KeyError::NotCanonical);
}

/// Signatures under such a key are checked without a cofactor and cannot be made up, so that a `cnf` inside a signed
/// credential is let through; nobody makes one by accident, so that no list takes one.
#[test]
fn keys_of_mixed_order_are_not_imported() {
    for key in MIXED_ORDER {
        assert_eq!(PublicKey::parse(key), Err(KeyError::Weak), "{key}");
        assert!(in_key_list(key).unwrap_err().contains("weak"), "{key}");
    }
}

/// Of the public keys in the speccheck cases only one is of prime order and canonical.
#[test]
fn of_the_speccheck_keys_one_is_imported() {
    let Some(folder) = third_party("data/vectors/ed25519-speccheck") else { return };
    let text = std::fs::read_to_string(folder.join("cases.json")).unwrap();
    let cases: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut keys: Vec<&str> =
        cases.as_array().unwrap().iter().map(|case| case["pub_key"].as_str().unwrap()).collect();
    keys.sort_unstable();
    keys.dedup();
    let imported: Vec<&str> = keys.iter().copied().filter(|key| PublicKey::parse(key).is_ok()).collect();
    println!("speccheck: {} keys, imported {imported:?}", keys.len());
    assert_eq!(imported, ["442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623"]);
}
