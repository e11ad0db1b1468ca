//! Messages that one machine alone can read: COSE_Encrypt0 (RFC 9052 §5.2) with HPKE (COSE-HPKE draft).
//!
//! ```cddl
//! COSE_Encrypt0 = #6.16([ << {1: 41} >>, {4: kid, -4: ek}, ciphertext: bstr ])       ; what we write
//!               / #6.16([ << {1: 1..3} >>, {5: iv, ? 4: kid}, ciphertext: bstr ])    ; Claim 169's shared AES key
//! Enc_structure = [ "Encrypt0", protected: bstr, external_aad: bstr ]                 ; external_aad is empty in our format
//! ```
//!
//! Algorithm 41 is X25519, HKDF-SHA256 and AES-128-GCM, all of which a browser has.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::fmt;

use aes_gcm::aead::{Aead, KeyInit, Payload, consts::U12};
use aes_gcm::{Aes128Gcm, Aes256Gcm, AesGcm, aes::Aes192};
use hpke::aead::AesGcm128;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, Serializable};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::cbor::{self, CborError, Value};
use crate::key::KeyId;

type Suite = X25519HkdfSha256;
type SecretKey = <Suite as Kem>::PrivateKey;

const TAG_ENCRYPT0: u64 = 16;
/// Header labels.
const ALGORITHM: i64 = 1;
const KEY_ID: i64 = 4;
const IV: i64 = 5;

/// The length of an initialization vector (RFC 9053 §4.1).
const IV_BYTES: usize = 12;
/// `ek`: the encapsulated key.
const ENCAPSULATED_KEY: i64 = -4;
/// HPKE-3 of the COSE-HPKE draft.
const HPKE_X25519_AES128: i64 = 41;
/// COSE_Key labels and values (RFC 9053 §7).
const KEY_TYPE: i64 = 1;
const CURVE: i64 = -1;
const X: i64 = -2;
const SECRET: i64 = -4;
const SYMMETRIC_KEY: i64 = -1;
const OKP: i64 = 1;
const SYMMETRIC: i64 = 4;
const CURVE_X25519: i64 = 4;

/// Keys that are tried on a message that names none.
const MAX_TRIES: usize = 8;

/// An X25519 public key that messages are encrypted to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EncryptionKey([u8; 32]);

/// What opens messages: the other half of an [`EncryptionKey`], or a key that several machines share.
#[derive(Clone)]
pub struct DecryptionKey {
    id: KeyId,
    secret: Secret,
}

#[derive(Clone)]
enum Secret {
    X25519(SecretKey),
    AesGcm(Zeroizing<Vec<u8>>),
}

/// Why something is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an X25519 key of 32 bytes, nor an AES key of 16, 24 or 32")]
pub struct EncryptionKeyError;

/// Why a message was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Not deterministic CBOR.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// Not a COSE_Encrypt0 with the headers that its algorithm needs.
    #[error("not a COSE_Encrypt0 with the headers of its algorithm")]
    Structure,
    /// Another algorithm.
    #[error("COSE algorithm {algorithm} is not accepted for encryption")]
    Algorithm {
        /// Its registered number.
        algorithm: i64,
    },
    /// Encrypted to a key that is not here.
    #[error("the message is encrypted to another key")]
    NoKey,
    /// The key is here, and the message was altered.
    #[error("the encrypted message was altered")]
    Altered,
}

impl EncryptionKey {
    /// Takes the 32 bytes of RFC 7748 §5. Nothing is encrypted to a point of small order: [`EncryptionKey::seal`] fails.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits; surrounding white space is ignored.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self, EncryptionKeyError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| EncryptionKeyError)?;
        Ok(Self(bytes))
    }

    /// Returns the key's identifier: the first 8 bytes of its COSE thumbprint (RFC 9679).
    pub fn id(&self) -> KeyId {
        KeyId::of_cose(&self.to_cose())
    }

    /// Returns the key as a COSE_Key (RFC 9053 §7.2): `{1: 1, -1: 4, -2: x}`.
    pub fn to_cose(&self) -> Value<'_> {
        Value::Map(vec![
            (Value::from(KEY_TYPE), Value::from(OKP)),
            (Value::from(CURVE), Value::from(CURVE_X25519)),
            (Value::from(X), Value::Bytes(&self.0)),
        ])
    }

    /// Reads a COSE_Key of exactly the labels of [`EncryptionKey::to_cose`].
    ///
    /// # Errors
    /// Anything else.
    pub fn from_cose(value: &Value<'_>) -> Result<Self, EncryptionKeyError> {
        let is = |label, expected| value.get(label).and_then(Value::as_int) == Some(expected);
        let exact = value.as_map().is_some_and(|entries| entries.len() == 3);
        let x = value.get(X).and_then(Value::as_bytes).and_then(|x| x.try_into().ok());
        match x {
            Some(x) if exact && is(KEY_TYPE, OKP) && is(CURVE, CURVE_X25519) => Ok(Self(x)),
            _ => Err(EncryptionKeyError),
        }
    }

    /// Encrypts bytes so that only the holder of the other half reads them.
    ///
    /// `seed` becomes the message's own key: the caller draws it from the system's randomness, for every message anew.
    ///
    /// # Errors
    /// Points of small order, with which every message would have the same secret.
    #[cfg(feature = "issue")]
    pub fn seal(&self, plain: &[u8], seed: &[u8; 32]) -> Result<Vec<u8>, EncryptionKeyError> {
        let recipient = <Suite as Kem>::PublicKey::from_bytes(&self.0).map_err(|_| EncryptionKeyError)?;
        let protected = Value::Map(vec![(Value::from(ALGORITHM), Value::from(HPKE_X25519_AES128))]).encode();
        let (ek, ciphertext) = hpke::single_shot_seal_with_rng::<AesGcm128, HkdfSha256, Suite>(
            &hpke::OpModeS::Base,
            &recipient,
            &[],
            plain,
            &enc_structure(&protected, &[]),
            &mut Drawn(seed.iter()),
        )
        .map_err(|_| EncryptionKeyError)?;
        let (kid, ek) = (self.id(), ek.to_bytes());
        let unprotected = Value::Map(vec![
            (Value::from(KEY_ID), Value::Bytes(&kid.0)),
            (Value::from(ENCAPSULATED_KEY), Value::Bytes(&ek)),
        ]);
        let body = vec![Value::Bytes(&protected), unprotected, Value::Bytes(&ciphertext)];
        Ok(Value::Tag(TAG_ENCRYPT0, Box::new(Value::Array(body))).encode())
    }
}

impl DecryptionKey {
    /// Makes the X25519 key of 32 bytes that the caller drew from the system's randomness.
    ///
    /// # Errors
    /// None that random bytes can cause.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, EncryptionKeyError> {
        let secret = SecretKey::from_bytes(seed).map_err(|_| EncryptionKeyError)?;
        let id = public_half(&secret).id();
        Ok(Self { id, secret: Secret::X25519(secret) })
    }

    /// Takes an AES key that machines share, as Claim 169 suggests.
    ///
    /// # Errors
    /// Other lengths than 16, 24 and 32 bytes.
    pub fn shared(key: &[u8]) -> Result<Self, EncryptionKeyError> {
        if !matches!(key.len(), 16 | 24 | 32) {
            return Err(EncryptionKeyError);
        }
        let cose = Value::Map(vec![
            (Value::from(KEY_TYPE), Value::from(SYMMETRIC)),
            (Value::from(SYMMETRIC_KEY), Value::Bytes(key)),
        ]);
        Ok(Self { id: KeyId::of_cose(&cose), secret: Secret::AesGcm(Zeroizing::new(key.to_vec())) })
    }

    /// Returns the key's identifier.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// Returns the half that messages are encrypted to; a shared key has none.
    pub fn public_key(&self) -> Option<EncryptionKey> {
        match &self.secret {
            Secret::X25519(secret) => Some(public_half(secret)),
            Secret::AesGcm(_) => None,
        }
    }

    /// Writes the secret as a COSE_Key, to be encrypted to a machine that may have it.
    pub fn to_cose(&self) -> Zeroizing<Vec<u8>> {
        let encoded = match &self.secret {
            Secret::X25519(secret) => {
                let secret = Zeroizing::new(secret.to_bytes().to_vec());
                Value::Map(vec![
                    (Value::from(KEY_TYPE), Value::from(OKP)),
                    (Value::from(CURVE), Value::from(CURVE_X25519)),
                    (Value::from(SECRET), Value::Bytes(&secret)),
                ])
                .encode()
            }
            Secret::AesGcm(key) => Value::Map(vec![
                (Value::from(KEY_TYPE), Value::from(SYMMETRIC)),
                (Value::from(SYMMETRIC_KEY), Value::Bytes(key)),
            ])
            .encode(),
        };
        Zeroizing::new(encoded)
    }

    /// Reads what [`DecryptionKey::to_cose`] wrote.
    ///
    /// # Errors
    /// Anything else.
    pub fn from_cose(bytes: &[u8]) -> Result<Self, EncryptionKeyError> {
        let key = Self::read(bytes)?;
        if key.to_cose().as_slice() == bytes { Ok(key) } else { Err(EncryptionKeyError) }
    }

    fn read(bytes: &[u8]) -> Result<Self, EncryptionKeyError> {
        let value = cbor::decode(bytes).map_err(|_| EncryptionKeyError)?;
        let is = |label, expected| value.get(label).and_then(Value::as_int) == Some(expected);
        if is(KEY_TYPE, SYMMETRIC) {
            return Self::shared(value.get(SYMMETRIC_KEY).and_then(Value::as_bytes).unwrap_or_default());
        }
        let secret = value.get(SECRET).and_then(Value::as_bytes).and_then(|secret| secret.try_into().ok());
        match secret {
            Some(secret) if is(KEY_TYPE, OKP) && is(CURVE, CURVE_X25519) => Self::from_seed(secret),
            _ => Err(EncryptionKeyError),
        }
    }

    fn open(&self, message: &Message<'_>, external: External<'_>) -> Option<Zeroizing<Vec<u8>>> {
        let aad = enc_structure(message.protected, external.aad);
        let plain = match (&self.secret, message.algorithm) {
            (Secret::X25519(secret), HPKE_X25519_AES128) => {
                let ek = <Suite as Kem>::EncappedKey::from_bytes(message.parameter).ok()?;
                hpke::single_shot_open::<AesGcm128, HkdfSha256, Suite>(
                    &OpModeR::Base,
                    secret,
                    &ek,
                    external.info,
                    message.ciphertext,
                    &aad,
                )
                .ok()
            }
            (Secret::AesGcm(key), 1..=3) => open_aes(key, message, &aad),
            _ => None,
        };
        plain.map(Zeroizing::new)
    }
}

impl fmt::Display for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptionKey({})", self.id())
    }
}

impl fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecryptionKey({})", self.id)
    }
}

impl Serialize for EncryptionKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EncryptionKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// What a message may be bound to besides what is in it; nothing in our format.
#[derive(Debug, Clone, Copy, Default)]
pub struct External<'a> {
    /// `external_aad` of RFC 9052 §5.3.
    pub aad: &'a [u8],
    /// `info` of RFC 9180 §5.1; not used with a shared key.
    pub info: &'a [u8],
}

/// Opens a message with whichever of the keys it was encrypted to.
///
/// # Errors
/// See [`OpenError`].
pub fn open<'k>(
    bytes: &[u8],
    keys: impl IntoIterator<Item = &'k DecryptionKey>,
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    open_with(bytes, keys, External::default())
}

/// Opens a message that is bound to something outside of it.
///
/// # Errors
/// See [`OpenError`].
pub fn open_with<'k>(
    bytes: &[u8],
    keys: impl IntoIterator<Item = &'k DecryptionKey>,
    external: External<'_>,
) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let value = cbor::decode_foreign(bytes)?;
    let message = Message::from_value(&value)?;
    if message.algorithm == HPKE_X25519_AES128 {
        // Ours has one encoding.
        cbor::decode(bytes)?;
        cbor::decode(message.protected)?;
    }
    let named = |key: &&DecryptionKey| message.key_id.is_none_or(|id| id == key.id.0.as_slice());
    let mut candidates = keys.into_iter().filter(named).take(MAX_TRIES).peekable();
    // A message that names no key may be for a machine elsewhere.
    let failure = match (candidates.peek(), message.key_id) {
        (Some(_), Some(_)) => OpenError::Altered,
        _ => OpenError::NoKey,
    };
    candidates.find_map(|key| key.open(&message, external)).ok_or(failure)
}

struct Message<'a> {
    protected: &'a [u8],
    algorithm: i64,
    key_id: Option<&'a [u8]>,
    /// The encapsulated key, or the initialization vector.
    parameter: &'a [u8],
    ciphertext: &'a [u8],
}

impl<'a> Message<'a> {
    fn from_value(value: &Value<'a>) -> Result<Self, OpenError> {
        let Value::Tag(TAG_ENCRYPT0, body) = value else { return Err(OpenError::Structure) };
        let Some([Value::Bytes(protected), unprotected @ Value::Map(entries), Value::Bytes(ciphertext)]) =
            body.as_array()
        else {
            return Err(OpenError::Structure);
        };
        let headers = cbor::decode_foreign(protected)?;
        let only_algorithm = headers.as_map().is_some_and(|entries| entries.len() == 1);
        let algorithm = headers.get(ALGORITHM).and_then(Value::as_int).filter(|_| only_algorithm);
        let algorithm = algorithm.ok_or(OpenError::Structure)?;
        let (label, key_id_required) = match algorithm {
            HPKE_X25519_AES128 => (ENCAPSULATED_KEY, true),
            1..=3 => (IV, false),
            _ => return Err(OpenError::Algorithm { algorithm }),
        };
        let key_id = unprotected.get(KEY_ID).and_then(Value::as_bytes);
        let parameter = unprotected.get(label).and_then(Value::as_bytes).ok_or(OpenError::Structure)?;
        if algorithm != HPKE_X25519_AES128 && parameter.len() != IV_BYTES {
            return Err(OpenError::Structure);
        }
        if entries.len() != 1 + usize::from(key_id.is_some()) || (key_id_required && key_id.is_none()) {
            return Err(OpenError::Structure);
        }
        Ok(Self { protected, algorithm, key_id, parameter, ciphertext })
    }
}

fn open_aes(key: &[u8], message: &Message<'_>, aad: &[u8]) -> Option<Vec<u8>> {
    let nonce = message.parameter.try_into().ok()?;
    let payload = Payload { msg: message.ciphertext, aad };
    match message.algorithm {
        1 => Aes128Gcm::new_from_slice(key).ok()?.decrypt(nonce, payload).ok(),
        2 => AesGcm::<Aes192, U12>::new_from_slice(key).ok()?.decrypt(nonce, payload).ok(),
        _ => Aes256Gcm::new_from_slice(key).ok()?.decrypt(nonce, payload).ok(),
    }
}

fn public_half(secret: &SecretKey) -> EncryptionKey {
    EncryptionKey(Suite::sk_to_pk(secret).to_bytes().into())
}

fn enc_structure(protected: &[u8], external_aad: &[u8]) -> Vec<u8> {
    Value::Array(vec![Value::Text("Encrypt0"), Value::Bytes(protected), Value::Bytes(external_aad)]).encode()
}

/// Hands out bytes that were drawn beforehand, because this crate draws none.
#[cfg(feature = "issue")]
struct Drawn<'a>(std::slice::Iter<'a, u8>);

#[cfg(feature = "issue")]
impl hpke::rand_core::TryRng for Drawn<'_> {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for byte in bytes {
            *byte = *self.0.next().expect("HPKE with X25519 draws 32 bytes once");
        }
        Ok(())
    }
}

#[cfg(feature = "issue")]
impl hpke::rand_core::TryCryptoRng for Drawn<'_> {}

#[cfg(test)]
#[cfg(feature = "issue")]
mod tests {
    use super::*;

    fn key(seed: u8) -> DecryptionKey {
        DecryptionKey::from_seed(&[seed; 32]).unwrap()
    }

    #[test]
    fn only_the_other_half_opens() {
        let (ours, other) = (key(1), key(2));
        let sealed = ours.public_key().unwrap().seal(b"for one machine", &[9; 32]).unwrap();
        assert_eq!(sealed[0], 0xd0);
        assert_eq!(open(&sealed, [&other, &ours]).unwrap().as_slice(), b"for one machine");
        assert_eq!(open(&sealed, [&other]), Err(OpenError::NoKey));
        assert_eq!(open(&sealed, []), Err(OpenError::NoKey));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let ours = key(1);
        let sealed = ours.public_key().unwrap().seal(b"for one machine", &[9; 32]).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&altered, [&ours]).is_err(), "bit {bit}");
        }
        // What is for us and was altered is told from what is for somebody else.
        let mut altered = sealed.clone();
        *altered.last_mut().unwrap() ^= 1;
        assert_eq!(open(&altered, [&ours]), Err(OpenError::Altered));
        assert_eq!(open(&altered, [&key(2)]), Err(OpenError::NoKey));
    }

    /// What others encrypt is foreign CBOR (docs/format.md §2), what we encrypt is not; and an IV has 12 bytes.
    #[test]
    fn the_form_is_as_strict_as_the_scheme() {
        let (ours, theirs) = (key(1), DecryptionKey::shared(&[7; 16]).unwrap());
        let sealed = ours.public_key().unwrap().seal(b"", &[9; 32]).unwrap();
        let Value::Tag(TAG_ENCRYPT0, body) = cbor::decode(&sealed).unwrap() else { unreachable!() };
        let [Value::Bytes(protected), headers, Value::Bytes(ciphertext)] = body.as_array().unwrap() else {
            unreachable!()
        };
        let [id, ek] = [KEY_ID, ENCAPSULATED_KEY].map(|label| (label, headers.get(label).unwrap().clone()));
        let reordered = [&id, &ek].map(|first| {
            let second = if first == &id { &ek } else { &id };
            message(protected, &[first, second], ciphertext)
        });
        assert_eq!(reordered[0], sealed);
        assert!(open(&reordered[0], [&ours]).is_ok());
        assert!(matches!(open(&reordered[1], [&ours]), Err(OpenError::Cbor(_))));

        let id = (KEY_ID, Value::Bytes(&theirs.id.0));
        let aes = |headers: &[&(i64, Value<'_>)]| open(&message(&[0xa1, 1, 1], headers, &[0; 16]), [&theirs]);
        for length in [0, 11, 12, 13] {
            let bytes = vec![1; length];
            let iv = (IV, Value::Bytes(&bytes));
            let expected = if length == 12 { OpenError::Altered } else { OpenError::Structure };
            for headers in [[&id, &iv], [&iv, &id]] {
                assert_eq!(aes(&headers), Err(expected), "{length} bytes");
            }
        }
    }

    /// A COSE_Encrypt0 with two unprotected headers, in this order.
    fn message(protected: &[u8], headers: &[&(i64, Value<'_>)], ciphertext: &[u8]) -> Vec<u8> {
        let headers =
            headers.iter().flat_map(|(label, value)| [Value::from(*label).encode(), value.encode()]);
        let (protected, ciphertext) = (Value::Bytes(protected).encode(), Value::Bytes(ciphertext).encode());
        [&[0xd0, 0x83], &protected[..], &[0xa2], &headers.flatten().collect::<Vec<_>>(), &ciphertext].concat()
    }

    #[test]
    fn a_secret_key_says_nothing_else() {
        for key in [key(1), DecryptionKey::shared(&[7; 16]).unwrap()] {
            let cose = key.to_cose();
            let Value::Map(mut entries) = cbor::decode(&cose).unwrap() else { unreachable!() };
            entries.push((Value::from(2), Value::Bytes(b"a name")));
            assert!(DecryptionKey::from_cose(&cose).is_ok());
            assert!(DecryptionKey::from_cose(&Value::Map(entries).encode()).is_err());
        }
    }

    #[test]
    fn keys_come_back_and_do_not_print() {
        for key in [key(3), DecryptionKey::shared(&[7; 32]).unwrap()] {
            let again = DecryptionKey::from_cose(&key.to_cose()).unwrap();
            assert_eq!(again.id(), key.id());
            assert_eq!(again.public_key(), key.public_key());
            assert!(!format!("{key:?}").contains("0707"));
        }
        let public = key(3).public_key().unwrap();
        assert_eq!(EncryptionKey::from_cose(&public.to_cose()), Ok(public));
        assert_eq!(EncryptionKey::parse(&public.to_string()), Ok(public));
        assert!(DecryptionKey::shared(&[7; 20]).is_err());
        assert!(DecryptionKey::from_cose(&public.to_cose().encode()).is_err());
    }

    /// RFC 7748 §6.1: with such a point the shared secret is zero whatever the other side draws.
    #[test]
    fn nothing_is_encrypted_to_a_point_of_small_order() {
        for first in [0, 1] {
            let mut point = [0; 32];
            point[0] = first;
            assert_eq!(EncryptionKey::from_bytes(point).seal(b"secret", &[9; 32]), Err(EncryptionKeyError));
        }
    }
}
