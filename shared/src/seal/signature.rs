//! The signatures that other schemes use: ECDSA on the NIST curves and RSA.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use x509_cert::der::asn1::{AnyRef, ObjectIdentifier, UintRef};
use x509_cert::der::{Decode, Reader, SliceReader, TagMode, TagNumber};
use x509_cert::spki::{AlgorithmIdentifierOwned, AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

/// RSA moduli accepted, in bits: from today's minimum to the largest that authorities use.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P_521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const RSA_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const ECDSA_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// How something was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// ECDSA on P-256 with SHA-256, the signature as r and s side by side (RFC 9053 §2.1, RFC 7518 §3.4).
    Es256,
    /// RSASSA-PSS with SHA-256 (RFC 8230 §2).
    Ps256,
    /// ECDSA as X.509 writes it (RFC 5758 §3.2).
    Ecdsa(Hash),
    /// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2), in certificates alone.
    RsaPkcs1(Hash),
    /// RSASSA-PSS as X.509 writes it (RFC 4055 §3), with the salt as long as the hash.
    RsaPss(Hash),
}

/// What is signed in place of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    /// Reads the algorithm of a certificate's signature; `None` if it is none of ours.
    pub(super) fn from_x509(identifier: &AlgorithmIdentifierOwned) -> Option<Self> {
        Some(match identifier.oid {
            ECDSA_SHA_256 => Self::Ecdsa(Hash::Sha256),
            ECDSA_SHA_384 => Self::Ecdsa(Hash::Sha384),
            ECDSA_SHA_512 => Self::Ecdsa(Hash::Sha512),
            RSA_SHA_256 => Self::RsaPkcs1(Hash::Sha256),
            RSA_SHA_384 => Self::RsaPkcs1(Hash::Sha384),
            RSA_SHA_512 => Self::RsaPkcs1(Hash::Sha512),
            RSA_PSS => Self::RsaPss(pss_hash(AnyRef::from(identifier.parameters.as_ref()?))?),
            _ => return None,
        })
    }
}

/// The first of the parameters of RSASSA-PSS. Others than usual make the signature fail, so they need no look.
fn pss_hash(parameters: AnyRef<'_>) -> Option<Hash> {
    let hash = parameters.sequence(|reader| {
        let hash: Option<_> =
            reader.context_specific::<AlgorithmIdentifierRef<'_>>(TagNumber::N0, TagMode::Explicit)?;
        reader.read_slice(reader.remaining_len())?;
        Ok(hash)
    });
    match hash.ok()??.oid {
        SHA_256 => Some(Hash::Sha256),
        SHA_384 => Some(Hash::Sha384),
        SHA_512 => Some(Hash::Sha512),
        _ => None,
    }
}

/// A public key of a seal's signer or of the authority above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SealKey {
    kind: Kind,
    /// A point (SEC 1 §2.3.3) or an RSAPublicKey (RFC 8017 §A.1.1).
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    P256,
    P384,
    P521,
    Rsa,
}

/// Why a public key is not one that we verify with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealKeyError {
    /// Not a SubjectPublicKeyInfo (RFC 5280 §4.1).
    #[error("the public key is not in the form of X.509")]
    Encoding,
    /// A curve other than P-256, P-384 and P-521, one given by its parameters, or another kind of key.
    #[error("the public key is neither RSA nor on the curves P-256, P-384 or P-521")]
    Unsupported,
    /// An RSA modulus that is too short to be safe or too long to be in use.
    #[error("the RSA key has {bits} bits, and 2048 to 4096 are accepted")]
    RsaSize {
        /// How many.
        bits: usize,
    },
}

impl SealKey {
    /// Reads a SubjectPublicKeyInfo.
    pub(super) fn from_spki_der(bytes: &[u8]) -> Result<Self, SealKeyError> {
        Self::from_spki(SubjectPublicKeyInfoRef::from_der(bytes).map_err(|_| SealKeyError::Encoding)?)
    }

    pub(super) fn from_spki(info: SubjectPublicKeyInfoRef<'_>) -> Result<Self, SealKeyError> {
        let bytes = info.subject_public_key.as_bytes().ok_or(SealKeyError::Encoding)?;
        let kind = match info.algorithm.oid {
            EC_PUBLIC_KEY => match info.algorithm.parameters_oid().map_err(|_| SealKeyError::Unsupported)? {
                P_256 => Kind::P256,
                P_384 => Kind::P384,
                P_521 => Kind::P521,
                _ => return Err(SealKeyError::Unsupported),
            },
            RSA_ENCRYPTION | RSA_PSS => {
                let bits = modulus_bits(bytes).ok_or(SealKeyError::Encoding)?;
                if !RSA_BITS.contains(&bits) {
                    return Err(SealKeyError::RsaSize { bits });
                }
                Kind::Rsa
            }
            _ => return Err(SealKeyError::Unsupported),
        };
        Ok(Self { kind, bytes: bytes.to_vec() })
    }

    /// Tells whether the signature is this key's. A key of another kind than the algorithm's made none.
    pub(super) fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let Some(algorithm) = self.algorithm(algorithm) else { return false };
        UnparsedPublicKey::new(algorithm, &self.bytes).verify(message, signature).is_ok()
    }

    fn algorithm(&self, algorithm: Algorithm) -> Option<&'static dyn VerificationAlgorithm> {
        use Algorithm::{Ecdsa, Es256, Ps256, RsaPkcs1, RsaPss};
        Some(match (self.kind, algorithm) {
            (Kind::P256, Es256) => &signature::ECDSA_P256_SHA256_FIXED,
            (Kind::P256, Ecdsa(Hash::Sha256)) => &signature::ECDSA_P256_SHA256_ASN1,
            (Kind::P256, Ecdsa(Hash::Sha384)) => &signature::ECDSA_P256_SHA384_ASN1,
            (Kind::P256, Ecdsa(Hash::Sha512)) => &signature::ECDSA_P256_SHA512_ASN1,
            (Kind::P384, Ecdsa(Hash::Sha256)) => &signature::ECDSA_P384_SHA256_ASN1,
            (Kind::P384, Ecdsa(Hash::Sha384)) => &signature::ECDSA_P384_SHA384_ASN1,
            (Kind::P384, Ecdsa(Hash::Sha512)) => &signature::ECDSA_P384_SHA512_ASN1,
            (Kind::P521, Ecdsa(Hash::Sha256)) => &signature::ECDSA_P521_SHA256_ASN1,
            (Kind::P521, Ecdsa(Hash::Sha384)) => &signature::ECDSA_P521_SHA384_ASN1,
            (Kind::P521, Ecdsa(Hash::Sha512)) => &signature::ECDSA_P521_SHA512_ASN1,
            (Kind::Rsa, Ps256 | RsaPss(Hash::Sha256)) => &signature::RSA_PSS_2048_8192_SHA256,
            (Kind::Rsa, RsaPss(Hash::Sha384)) => &signature::RSA_PSS_2048_8192_SHA384,
            (Kind::Rsa, RsaPss(Hash::Sha512)) => &signature::RSA_PSS_2048_8192_SHA512,
            (Kind::Rsa, RsaPkcs1(Hash::Sha256)) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (Kind::Rsa, RsaPkcs1(Hash::Sha384)) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (Kind::Rsa, RsaPkcs1(Hash::Sha512)) => &signature::RSA_PKCS1_2048_8192_SHA512,
            _ => return None,
        })
    }
}

/// The length of an RSAPublicKey's modulus.
fn modulus_bits(bytes: &[u8]) -> Option<usize> {
    let mut reader = SliceReader::new(bytes).ok()?;
    let (modulus, _exponent) =
        reader.sequence(|reader| Ok((UintRef::decode(reader)?, UintRef::decode(reader)?))).ok()?;
    reader.finish(()).ok()?;
    let first = modulus.as_bytes().first()?;
    Some(modulus.as_bytes().len() * 8 - first.leading_zeros() as usize)
}
