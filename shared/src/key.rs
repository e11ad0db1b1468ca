//! Public keys as the format carries them, Ed25519 (RFC 8032) and P-256 (FIPS 186-5), and the trait that signs.
//!
//! We sign with Ed25519 alone. P-256 is read, because foreign issuers and phones' secure elements have nothing else.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::cbor::Value;

/// COSE labels of a key: its type, its curve, its coordinates (RFC 9053 §7.1, §7.2).
const KEY_TYPE: i64 = 1;
const CURVE: i64 = -1;
const X: i64 = -2;
const Y: i64 = -3;
/// Key types: octet key pair, elliptic curve with two coordinates.
const OKP: i64 = 1;
const EC2: i64 = 2;
/// Curves.
const CURVE_P256: i64 = 1;
const CURVE_ED25519: i64 = 6;

/// A public key that is canonically encoded and not of small order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// Why bytes are not a public key we would believe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not 32 bytes in hexadecimal, nor 65 for P-256.
    #[error("an Ed25519 public key is 64 hexadecimal digits, a P-256 one 130")]
    Length,
    /// Not a point on the curve, or not its canonical encoding.
    #[error("the Ed25519 public key is not a canonically encoded point")]
    NotCanonical,
    /// A point of small order, for which signatures can be made up.
    #[error("the Ed25519 public key is weak")]
    Weak,
    /// Not an uncompressed point of P-256 (SEC 1 §2.3.3).
    #[error("the P-256 public key is not a point on the curve")]
    NotOnCurve,
    /// A COSE_Key of another type or curve.
    #[error("the COSE key is neither Ed25519 nor P-256")]
    OtherKey,
}

impl PublicKey {
    /// Reads the 32 bytes of RFC 8032 §5.1.2.
    ///
    /// # Errors
    /// Encodings that are not canonical, and keys of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotCanonical)?;
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(KeyError::NotCanonical);
        }
        if key.is_weak() { Err(KeyError::Weak) } else { Ok(Self(key)) }
    }

    /// Reads a key from a trusted list, where there is time for one check more: no small-order component.
    ///
    /// # Errors
    /// As [`PublicKey::from_bytes`], and keys outside the prime-order group.
    pub fn import(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = Self::from_bytes(bytes)?;
        if key.0.to_edwards().is_torsion_free() { Ok(key) } else { Err(KeyError::Weak) }
    }

    /// Reads 64 hexadecimal digits; surrounding white space is ignored.
    ///
    /// # Errors
    /// As [`PublicKey::import`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).map_err(|_| KeyError::Length)?;
        Self::import(&bytes)
    }

    /// Returns the 32 bytes of RFC 8032 §5.1.2.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Returns the key's identifier: the first 8 bytes of its COSE thumbprint (RFC 9679).
    pub fn id(&self) -> KeyId {
        VerificationKey::from(*self).id()
    }

    /// Checks a signature by the strict rules: canonical, and no small-order points.
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.to_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

/// A P-256 public key: a point on the curve, as `04 ‖ x ‖ y` (SEC 1 §2.3.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct P256Key([u8; 65]);

impl P256Key {
    /// Reads an uncompressed point.
    ///
    /// # Errors
    /// What is not a point on the curve, and the point at infinity.
    pub fn from_bytes(bytes: &[u8; 65]) -> Result<Self, KeyError> {
        match (bytes[0], ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes)) {
            (0x04, Ok(_)) => Ok(Self(*bytes)),
            _ => Err(KeyError::NotOnCurve),
        }
    }

    /// Checks an ES256 signature, `r ‖ s` (RFC 9053 §2.1).
    pub fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.0)
            .is_ok_and(|key| key.verify_sig(message, signature).is_ok())
    }
}

/// What a signature says it was made with (RFC 9053 §2, RFC 9864 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// -8 `EdDSA` and -19 `Ed25519`, both pure Ed25519 here.
    Ed25519,
    /// -7 `ES256` and -9 `ESP256`.
    Es256,
}

/// A public key of an issuer or a holder, which fixes the algorithm of its signatures.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum VerificationKey {
    /// What we sign with ourselves.
    Ed25519(PublicKey),
    /// What foreign issuers and phones' secure elements sign with.
    P256(P256Key),
}

impl From<PublicKey> for VerificationKey {
    fn from(key: PublicKey) -> Self {
        Self::Ed25519(key)
    }
}

impl From<P256Key> for VerificationKey {
    fn from(key: P256Key) -> Self {
        Self::P256(key)
    }
}

impl VerificationKey {
    /// Reads hexadecimal digits: 64 of an Ed25519 key, 130 of a P-256 one. Surrounding white space is ignored.
    ///
    /// # Errors
    /// As [`PublicKey::import`] and [`P256Key::from_bytes`].
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut point = [0; 65];
        match hex::decode_to_slice(text.trim(), &mut point) {
            Ok(()) => P256Key::from_bytes(&point).map(Self::P256),
            Err(_) => PublicKey::parse(text).map(Self::Ed25519),
        }
    }

    /// Reads a COSE_Key map of exactly the labels that [`CoseKey::value`] writes.
    ///
    /// # Errors
    /// Other key types and curves, compressed points, and what the constructors of the keys refuse.
    pub fn from_cose(value: &Value<'_>) -> Result<Self, KeyError> {
        let is = |label, expected| value.get(label).and_then(Value::as_int) == Some(expected);
        let exactly = |count| value.as_map().is_some_and(|entries| entries.len() == count);
        let coordinate = |label| -> Option<&[u8; 32]> {
            value.get(label).and_then(Value::as_bytes).and_then(|bytes| bytes.try_into().ok())
        };
        match (coordinate(X), coordinate(Y)) {
            (Some(x), None) if exactly(3) && is(KEY_TYPE, OKP) && is(CURVE, CURVE_ED25519) => {
                PublicKey::from_bytes(x).map(Self::Ed25519)
            }
            (Some(x), Some(y)) if exactly(4) && is(KEY_TYPE, EC2) && is(CURVE, CURVE_P256) => {
                let mut point = [0x04; 65];
                point[1..33].copy_from_slice(x);
                point[33..].copy_from_slice(y);
                P256Key::from_bytes(&point).map(Self::P256)
            }
            _ => Err(KeyError::OtherKey),
        }
    }

    /// Returns the key as a COSE_Key (RFC 9053 §7).
    pub fn to_cose(self) -> CoseKey {
        match self {
            Self::Ed25519(key) => CoseKey { x: key.to_bytes(), y: None },
            Self::P256(P256Key(point)) => {
                let (mut x, mut y) = ([0; 32], [0; 32]);
                x.copy_from_slice(&point[1..33]);
                y.copy_from_slice(&point[33..]);
                CoseKey { x, y: Some(y) }
            }
        }
    }

    /// Returns the key's identifier: the first 8 bytes of its COSE thumbprint (RFC 9679).
    pub fn id(&self) -> KeyId {
        KeyId::of_cose(&self.to_cose().value())
    }

    /// Checks a signature that says it was made with `algorithm`; a key has one algorithm and no other.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = signature.try_into() else { return false };
        match (self, algorithm) {
            (Self::Ed25519(key), Algorithm::Ed25519) => key.verifies(message, signature),
            (Self::P256(key), Algorithm::Es256) => key.verifies(message, signature),
            _ => false,
        }
    }
}

impl fmt::Display for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ed25519(key) => key.fmt(f),
            Self::P256(key) => f.write_str(&hex::encode(key.0)),
        }
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerificationKey({})", self.id())
    }
}

/// The coordinates of a COSE_Key, kept so that a CBOR value can borrow them: `y` is there for P-256 alone.
#[derive(Debug, Clone, Copy)]
pub struct CoseKey {
    x: [u8; 32],
    y: Option<[u8; 32]>,
}

impl CoseKey {
    /// Returns the map `{1: 1, -1: 6, -2: x}`, or `{1: 2, -1: 1, -2: x, -3: y}`.
    pub fn value(&self) -> Value<'_> {
        let entry = |label, value| (Value::from(label), value);
        let (kind, curve) = if self.y.is_some() { (EC2, CURVE_P256) } else { (OKP, CURVE_ED25519) };
        let mut entries = vec![
            entry(KEY_TYPE, Value::from(kind)),
            entry(CURVE, Value::from(curve)),
            entry(X, Value::Bytes(&self.x)),
        ];
        entries.extend(self.y.as_ref().map(|y| entry(Y, Value::Bytes(y))));
        Value::Map(entries)
    }
}

/// The first 8 bytes of a COSE key thumbprint: a hint for finding a key, never proof of one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 8]);

impl KeyId {
    /// Returns the identifier of a key: the first 8 bytes of SHA-256 over its COSE_Key, which holds what RFC 9679 §4
    /// hashes and nothing else.
    pub(crate) fn of_cose(key: &Value<'_>) -> Self {
        let digest: [u8; 32] = Sha256::digest(key.encode()).into();
        let mut id = [0; 8];
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl Serialize for VerificationKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VerificationKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Holds a private key and signs with it: a file, an HSM.
pub trait Signer {
    /// Returns the public half.
    fn public_key(&self) -> PublicKey;

    /// Signs with pure Ed25519 (RFC 8032 §5.1.6).
    ///
    /// # Errors
    /// When the key cannot be reached or refuses.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError>;
}

/// Why there is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key holder gave none.
    #[error("the key holder did not sign: {reason}")]
    Refused {
        /// What it said.
        reason: String,
    },
    /// It gave one that its public key does not verify: a fault, or an attack on the device.
    #[error("the key holder made a signature that its public key does not verify")]
    Faulty,
}

/// Signs and checks the signature before anyone sees it.
pub(crate) fn sign_checked(signer: &dyn Signer, message: &[u8]) -> Result<[u8; 64], SignError> {
    let signature = signer.sign(message)?;
    if signer.public_key().verifies(message, &signature) { Ok(signature) } else { Err(SignError::Faulty) }
}

/// A private key in memory, wiped on drop.
pub struct SoftwareKey(ed25519_dalek::SigningKey);

impl SoftwareKey {
    /// Makes the key of a 32-byte seed (RFC 8032 §5.1.5); the caller draws it from the system's randomness.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }
}

impl Signer for SoftwareKey {
    fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        Ok(ed25519_dalek::Signer::sign(&self.0, message).to_bytes())
    }
}

impl fmt::Debug for SoftwareKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SoftwareKey({})", self.public_key().id())
    }
}

#[cfg(test)]
#[cfg(feature = "issue")]
mod tests {
    use super::*;

    /// RFC 8032 §7.1, tests 1 and 2.
    #[test]
    fn rfc_8032_examples() {
        for (seed, public, message, signature) in [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
        ] {
            let mut bytes = [0; 32];
            hex::decode_to_slice(seed, &mut bytes).unwrap();
            let key = SoftwareKey::from_seed(&bytes);
            assert_eq!(key.public_key().to_string(), public);
            let message = hex::decode(message).unwrap();
            let made = sign_checked(&key, &message).unwrap();
            assert_eq!(hex::encode(made), signature);
            assert!(PublicKey::parse(public).unwrap().verifies(&message, &made));
            assert!(!PublicKey::parse(public).unwrap().verifies(b"other", &made));
        }
    }

    #[test]
    fn weak_and_non_canonical_keys_are_refused() {
        let mut one = [0; 32];
        one[0] = 1;
        assert_eq!(PublicKey::from_bytes(&one), Err(KeyError::Weak));
        // y = 2^255 - 19 + 1, the identity written a second way.
        let mut wrapped = [0xff; 32];
        (wrapped[0], wrapped[31]) = (0xee, 0x7f);
        assert_eq!(PublicKey::from_bytes(&wrapped), Err(KeyError::NotCanonical));
        assert_eq!(PublicKey::parse("00ff"), Err(KeyError::Length));
    }

    /// A mixed-order key: a good point plus one of order 2, which is minus y.
    #[test]
    fn keys_outside_the_prime_order_group_are_not_imported() {
        let speccheck_6 = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
        let mut bytes = [0; 32];
        hex::decode_to_slice(speccheck_6, &mut bytes).unwrap();
        assert_eq!(PublicKey::import(&bytes), Err(KeyError::Weak));
    }

    #[test]
    fn a_signer_that_makes_faulty_signatures_is_caught() {
        struct Faulty(SoftwareKey);
        impl Signer for Faulty {
            fn public_key(&self) -> PublicKey {
                self.0.public_key()
            }
            fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
                let mut signature = self.0.sign(message)?;
                signature[40] ^= 1;
                Ok(signature)
            }
        }
        let faulty = Faulty(SoftwareKey::from_seed(&[7; 32]));
        assert_eq!(sign_checked(&faulty, b"message"), Err(SignError::Faulty));
    }
}
