//! Redacted claims and their disclosures (SD-CWT draft): what an issuer signs and a holder may keep to themselves.
//!
//! ```cddl
//! redacted map   = { * key => value, ? simple(59): [ + hash ] }
//! redacted array = [ * value, * #6.60(hash) ]
//! hash           = SHA-256 over the CBOR encoding of salted-claim, byte string head and all
//! salted-claim   = bstr .cbor [ salt: bstr .size 16, value, ? key: int / tstr ] / decoy
//! decoy          = bstr .cbor [ salt: bstr .size 16 ]
//! ```
//!
//! The draft's prose example hashes the contents alone; its vectors, and with them everybody's code, hash the whole
//! byte string. So do we, and a test with the draft's own figures holds us to it.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::error::DecodeError;
use crate::cbor::{self, MAX_DEPTH, REDACTED_KEYS, Value};

/// Tags of the draft: a redacted element of an array, and two that only an issuer's workshop uses.
const REDACTED_ELEMENT: u64 = 60;
const TO_BE_REDACTED: u64 = 58;
const TO_BE_DECOY: u64 = 62;

/// The most disclosures that are looked at; a symbol has no room for more.
const MAX_DISCLOSURES: usize = 64;

/// Length of a salt, in bytes.
pub(super) const SALT: usize = 16;

/// CWT claims that are never redacted: iss, aud, exp, nbf, iat, cti, cnf, cnonce; and `status`, by our own rule.
const NEVER_REDACTED: [i64; 9] = [1, 3, 4, 5, 6, 7, 8, 39, 65535];

type Hash = [u8; 32];

/// A disclosure that no hash has claimed yet.
enum Disclosure<'a> {
    /// An entry of a map.
    Entry(Value<'a>, Value<'a>),
    /// An element of an array.
    Element(Value<'a>),
    /// Nothing: the issuer hides how much there is to hide.
    Decoy,
}

/// Puts what is disclosed in its place and takes the hashes out.
///
/// # Errors
/// A disclosure that no hash is for, hashes and disclosures that appear twice, keys that are there already or may not
/// be redacted, and structures that are not the draft's.
pub fn reveal<'a>(claims: Value<'a>, disclosures: &[Value<'a>]) -> Result<Value<'a>, DecodeError> {
    if disclosures.len() > MAX_DISCLOSURES {
        return Err(DecodeError::Disclosure);
    }
    let mut pending = BTreeMap::new();
    for disclosure in disclosures {
        let salted = disclosure.as_bytes().ok_or(DecodeError::Disclosure)?;
        if pending.insert(hash(disclosure), read(salted)?).is_some() {
            return Err(DecodeError::Disclosure);
        }
    }
    let mut work = Reveal { pending, seen: BTreeSet::new() };
    let claims = work.value(claims, 0)?;
    // A disclosure that the issuer did not sign the hash of says something the issuer did not.
    if work.pending.is_empty() { Ok(claims) } else { Err(DecodeError::Disclosure) }
}

fn hash(disclosure: &Value<'_>) -> Hash {
    // It may hold a secret.
    Sha256::digest(&*Zeroizing::new(disclosure.encode())).into()
}

fn read(salted: &[u8]) -> Result<Disclosure<'_>, DecodeError> {
    let Value::Array(parts) = cbor::decode(salted)? else { return Err(DecodeError::Disclosure) };
    let Some((Value::Bytes(salt), rest)) = parts.split_first() else { return Err(DecodeError::Disclosure) };
    match rest {
        _ if salt.len() != SALT => Err(DecodeError::Disclosure),
        [] => Ok(Disclosure::Decoy),
        [value] => Ok(Disclosure::Element(value.clone())),
        [value, key @ (Value::Unsigned(_) | Value::Negative(_) | Value::Text(_))] => {
            Ok(Disclosure::Entry(key.clone(), value.clone()))
        }
        _ => Err(DecodeError::Disclosure),
    }
}

struct Reveal<'a> {
    pending: BTreeMap<Hash, Disclosure<'a>>,
    seen: BTreeSet<Hash>,
}

impl<'a> Reveal<'a> {
    fn value(&mut self, value: Value<'a>, depth: usize) -> Result<Value<'a>, DecodeError> {
        if depth > MAX_DEPTH {
            return Err(DecodeError::Disclosure);
        }
        Ok(match value {
            Value::Map(entries) => Value::Map(self.map(entries, depth)?),
            Value::Array(items) => {
                let mut revealed = Vec::with_capacity(items.len());
                for item in items {
                    revealed.extend(self.element(item, depth)?);
                }
                Value::Array(revealed)
            }
            Value::Tag(TO_BE_REDACTED | TO_BE_DECOY | REDACTED_ELEMENT, _) => {
                return Err(DecodeError::Disclosure);
            }
            Value::Tag(tag, inner) => Value::Tag(tag, Box::new(self.value(*inner, depth + 1)?)),
            plain => plain,
        })
    }

    fn map(
        &mut self,
        entries: Vec<(Value<'a>, Value<'a>)>,
        depth: usize,
    ) -> Result<Vec<(Value<'a>, Value<'a>)>, DecodeError> {
        let mut revealed = Vec::with_capacity(entries.len());
        let mut hashes = None;
        for (key, value) in entries {
            if key == REDACTED_KEYS {
                hashes = Some(value);
            } else {
                revealed.push((key, self.value(value, depth + 1)?));
            }
        }
        let hashes = match hashes {
            None => return Ok(revealed),
            Some(Value::Array(hashes)) => hashes,
            Some(_) => return Err(DecodeError::Disclosure),
        };
        for hash in hashes {
            let (key, value) = match self.claimed(&hash)? {
                None | Some(Disclosure::Decoy) => continue,
                Some(Disclosure::Element(_)) => return Err(DecodeError::Disclosure),
                Some(Disclosure::Entry(key, value)) => (key, value),
            };
            let known = revealed.iter().any(|(other, _)| *other == key);
            let fixed = depth == 0 && key.as_int().is_some_and(|label| NEVER_REDACTED.contains(&label));
            if known || fixed {
                return Err(DecodeError::Disclosure);
            }
            revealed.push((key, self.value(value, depth + 1)?));
        }
        Ok(revealed)
    }

    /// An element, what a redacted one stands for, or nothing.
    fn element(&mut self, item: Value<'a>, depth: usize) -> Result<Option<Value<'a>>, DecodeError> {
        let Value::Tag(REDACTED_ELEMENT, hash) = item else { return self.value(item, depth + 1).map(Some) };
        match self.claimed(&hash)? {
            None | Some(Disclosure::Decoy) => Ok(None),
            Some(Disclosure::Entry(..)) => Err(DecodeError::Disclosure),
            Some(Disclosure::Element(value)) => self.value(value, depth + 1).map(Some),
        }
    }

    /// Takes the disclosure of a hash, if the holder gave it.
    fn claimed(&mut self, hash: &Value<'a>) -> Result<Option<Disclosure<'a>>, DecodeError> {
        let hash: Hash =
            hash.as_bytes().and_then(|bytes| bytes.try_into().ok()).ok_or(DecodeError::Disclosure)?;
        if !self.seen.insert(hash) {
            return Err(DecodeError::Disclosure);
        }
        Ok(self.pending.remove(&hash))
    }
}

/// Tells whether a disclosure is of the entry under this key of a map.
#[cfg(feature = "issue")]
pub(super) fn is_of(disclosure: &Value<'_>, key: i64) -> bool {
    let entry = disclosure.as_bytes().map(read);
    matches!(entry, Some(Ok(Disclosure::Entry(found, _))) if found.as_int() == Some(key))
}

/// One claim that the holder may keep back: its disclosure, and the hash that the issuer signs instead.
#[cfg(feature = "issue")]
pub(super) fn redact(salt: &[u8; SALT], key: i64, value: Value<'_>) -> (Vec<u8>, Hash) {
    let salted = Value::Array(vec![Value::Bytes(salt), value, Value::from(key)]).encode();
    let hash = hash(&Value::Bytes(&salted));
    (salted, hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn salted(parts: Vec<Value<'_>>) -> Vec<u8> {
        Value::Array(parts).encode()
    }

    fn hash_of(salted: &[u8]) -> Hash {
        hash(&Value::Bytes(salted))
    }

    /// The first disclosure of the draft's example and its hash as in the draft's vectors (section "Issuer SD-CWT").
    #[test]
    fn the_hash_covers_the_byte_strings_head() {
        let salt = hex::decode("bae611067bb823486797da1ebbb52f83").unwrap();
        let salted = salted(vec![Value::Bytes(&salt), Value::Text("ABCD-123456"), Value::from(501)]);
        assert_eq!(
            hex::encode(hash_of(&salted)),
            "af375dc3fba1d082448642c00be7b2f7bb05c9d8fb61cfc230ddfdfb4616a693"
        );
    }

    #[test]
    fn what_is_disclosed_comes_back_and_the_rest_does_not() {
        let salt = [7; SALT];
        let inner = salted(vec![Value::Bytes(&salt), Value::Text("inner"), Value::from(2)]);
        let inner_hash = hash_of(&inner);
        let nested = Value::Map(vec![
            (Value::from(1), Value::Text("outer")),
            (REDACTED_KEYS, Value::Array(vec![Value::Bytes(&inner_hash)])),
        ]);
        let outer = salted(vec![Value::Bytes(&salt), nested, Value::from(80)]);
        let element = salted(vec![Value::Bytes(&salt), Value::from(5)]);
        let (outer_hash, element_hash, other_hash) = (hash_of(&outer), hash_of(&element), [9; 32]);
        let claims = Value::Map(vec![
            (Value::from(1), Value::Text("issuer")),
            (
                Value::from(10),
                Value::Array(vec![
                    Value::Tag(60, Box::new(Value::Bytes(&element_hash))),
                    Value::from(4),
                    Value::Tag(60, Box::new(Value::Bytes(&other_hash))),
                ]),
            ),
            (REDACTED_KEYS, Value::Array(vec![Value::Bytes(&outer_hash), Value::Bytes(&[8; 32])])),
        ]);
        let all = [Value::Bytes(&outer), Value::Bytes(&element), Value::Bytes(&inner)];
        let revealed = reveal(claims.clone(), &all).unwrap();
        let group = revealed.get(80).unwrap();
        assert_eq!(group.get(1), Some(&Value::Text("outer")));
        assert_eq!(group.get(2), Some(&Value::Text("inner")));
        assert_eq!(revealed.get(10), Some(&Value::Array(vec![Value::from(5), Value::from(4)])));
        assert_eq!(revealed.as_map().unwrap().len(), 3, "no hashes are left");

        let none = reveal(claims.clone(), &[]).unwrap();
        assert_eq!((none.get(80), none.get(10)), (None, Some(&Value::Array(vec![Value::from(4)]))));
        // The inner one has no place without the outer one.
        assert_eq!(reveal(claims.clone(), &all[2..]), Err(DecodeError::Disclosure));
        assert_eq!(reveal(claims, &[all[0].clone(), all[0].clone()]), Err(DecodeError::Disclosure));
    }

    #[test]
    fn what_the_draft_forbids_is_refused() {
        let salt = [7; SALT];
        let refused = |disclosure: Vec<u8>, claims: &dyn Fn(&Hash) -> Vec<u8>| {
            let bytes = claims(&hash_of(&disclosure));
            let result = reveal(cbor::decode(&bytes).unwrap(), &[Value::Bytes(&disclosure)]);
            assert!(result.is_err(), "{}", hex::encode(&disclosure));
        };
        let redacted = |hash: &Hash| {
            Value::Map(vec![
                (Value::from(90), Value::Text("here already")),
                (REDACTED_KEYS, Value::Array(vec![Value::Bytes(hash)])),
            ])
            .encode()
        };
        let text = Value::Text("x");
        let good = |key: i64| salted(vec![Value::Bytes(&salt), text.clone(), Value::from(key)]);
        for fixed in NEVER_REDACTED {
            refused(good(fixed), &redacted);
        }
        refused(good(90), &redacted);
        refused(salted(vec![Value::Bytes(&salt[1..]), text.clone(), Value::from(91)]), &redacted);
        refused(salted(vec![Value::Bytes(&salt), text.clone()]), &redacted);
        refused(salted(vec![Value::Bytes(&salt), text.clone(), Value::Null]), &redacted);
        refused(salted(vec![Value::Bytes(&salt), text.clone(), Value::from(91), Value::from(92)]), &redacted);
        refused(good(91), &|hash| {
            let hashes = vec![Value::Bytes(hash), Value::Bytes(hash)];
            Value::Map(vec![(REDACTED_KEYS, Value::Array(hashes))]).encode()
        });
        refused(good(91), &|hash| Value::Map(vec![(REDACTED_KEYS, Value::Bytes(hash))]).encode());
        refused(good(91), &|hash| {
            let element = Value::Tag(60, Box::new(Value::Bytes(hash)));
            Value::Map(vec![(Value::from(10), Value::Array(vec![element]))]).encode()
        });
        for tag in [TO_BE_REDACTED, TO_BE_DECOY] {
            let claims = Value::Map(vec![(Value::from(10), Value::Tag(tag, Box::new(text.clone())))]);
            assert_eq!(reveal(claims, &[]), Err(DecodeError::Disclosure));
        }
        let many = vec![Value::Bytes(&salt); MAX_DISCLOSURES + 1];
        assert_eq!(reveal(Value::Map(vec![]), &many), Err(DecodeError::Disclosure));
    }
}
