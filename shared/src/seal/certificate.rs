//! X.509 certificates (RFC 5280) of signers and of the authorities above them, and the one step between the two.
//!
//! No path building: an authority (CSCA, ICAO Doc 9303-12) is trusted by name in the trust repository and signs the
//! certificate of a signer, and that is all the depth there is.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use x509_cert::TbsCertificate;
use x509_cert::der::asn1::{BitString, ObjectIdentifier};
use x509_cert::der::{Decode, Encode, Reader, SliceReader};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoRef};

use super::signature::{Algorithm, SealKey, SealKeyError};
use super::{SealError, within};
use crate::time::Timestamp;

/// The largest certificate read, in bytes: that of an authority with an RSA key of 4096 bits is below 2 KiB.
const MAX_CERTIFICATE: usize = 8192;

const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");
const COUNTRY_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.6");

/// Why a certificate cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Not DER, not a certificate, or larger than any in use.
    #[error("it is not an X.509 certificate")]
    Encoding,
    /// Its signature is of a kind that we do not verify.
    #[error("its signature algorithm is not supported")]
    Algorithm,
    /// Its public key is of a kind that we do not verify with.
    #[error(transparent)]
    Key(#[from] SealKeyError),
    /// An extension appears twice, or is critical and unknown (RFC 5280 §4.2).
    #[error("it has an extension that is critical and unknown, or there twice")]
    Extension,
    /// Its dates are outside the years 1970 to 9999, or the wrong way round.
    #[error("its period of validity is none")]
    Validity,
    /// Listed as an authority's, and not one's (RFC 5280 §4.2.1.9).
    #[error("it is not the certificate of an authority")]
    NotAuthority,
}

/// A certificate taken apart; whether to believe it is another matter.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    signed: Vec<u8>,
    signature: Vec<u8>,
    algorithm: Algorithm,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    subject_text: String,
    country: Option<String>,
    not_before: Timestamp,
    not_after: Timestamp,
    key: SealKey,
    is_authority: bool,
    signs: bool,
    signs_certificates: bool,
    purposes: Option<Vec<ObjectIdentifier>>,
}

impl Certificate {
    /// Reads one certificate and nothing after it.
    pub(super) fn from_der(bytes: &[u8]) -> Result<Self, CertificateError> {
        if bytes.len() > MAX_CERTIFICATE {
            return Err(CertificateError::Encoding);
        }
        let (signed, algorithm, signature) = parts(bytes).map_err(|_| CertificateError::Encoding)?;
        let content = TbsCertificate::from_der(signed).map_err(|_| CertificateError::Encoding)?;
        // RFC 5280 §4.1.1.2: the same inside, where it is signed.
        if content.signature != algorithm {
            return Err(CertificateError::Encoding);
        }
        let extensions = Extensions::read(&content)?;
        let key = content.subject_public_key_info.to_der().map_err(|_| CertificateError::Encoding)?;
        let time = |time: x509_cert::time::Time| {
            i64::try_from(time.to_unix_duration().as_secs()).ok().and_then(Timestamp::from_unix)
        };
        let not_before = time(content.validity.not_before).ok_or(CertificateError::Validity)?;
        // The last second counts (RFC 5280 §4.1.2.5), here and elsewhere the first one that does not.
        let not_after = time(content.validity.not_after).ok_or(CertificateError::Validity)?.plus(1);
        if not_after <= not_before {
            return Err(CertificateError::Validity);
        }
        Ok(Self {
            signed: signed.to_vec(),
            signature: signature.as_bytes().ok_or(CertificateError::Encoding)?.to_vec(),
            algorithm: Algorithm::from_x509(&algorithm).ok_or(CertificateError::Algorithm)?,
            issuer: content.issuer.to_der().map_err(|_| CertificateError::Encoding)?,
            subject: content.subject.to_der().map_err(|_| CertificateError::Encoding)?,
            subject_text: content.subject.to_string(),
            country: country(&content),
            not_before,
            not_after,
            key: SealKey::from_spki(
                SubjectPublicKeyInfoRef::from_der(&key).map_err(|_| CertificateError::Encoding)?,
            )?,
            is_authority: extensions.authority,
            signs: extensions.usage.is_none_or(|usage| usage.digital_signature()),
            signs_certificates: extensions.usage.is_none_or(|usage| usage.key_cert_sign()),
            purposes: extensions.purposes,
        })
    }

    /// Returns who it is about (RFC 4514).
    pub(super) fn subject(&self) -> &str {
        &self.subject_text
    }

    pub(super) fn key(&self) -> &SealKey {
        &self.key
    }

    /// Tells whether it is an authority's: it may sign other certificates.
    pub(super) fn is_authority(&self) -> bool {
        self.is_authority && self.signs_certificates
    }

    /// Tells whether its key may sign documents: it is no authority's, and no key usage says otherwise.
    pub(super) fn signs_documents(&self) -> bool {
        !self.is_authority && self.signs
    }

    /// Returns the extended key usage; `None` if there is no such extension.
    pub(super) fn purposes(&self) -> Option<&[ObjectIdentifier]> {
        self.purposes.as_deref()
    }

    pub(super) fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Returns the first second at which it is not valid any more.
    pub(super) fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Fails where it has expired or is not valid yet.
    pub(super) fn valid_at(&self, now: Timestamp) -> Result<(), SealError> {
        within(self.not_before, self.not_after, now)
    }

    /// Tells whether `authority` issued it: its name, its country and its signature (ICAO Doc 9303-12 §7.1).
    pub(super) fn issued_by(&self, authority: &Certificate) -> bool {
        let same_country = match (&self.country, &authority.country) {
            (Some(ours), Some(theirs)) => ours.eq_ignore_ascii_case(theirs),
            _ => false,
        };
        same_country
            && authority.is_authority()
            && self.issuer == authority.subject
            && authority.key.verifies(self.algorithm, &self.signed, &self.signature)
    }
}

/// The signed part as it was written, the algorithm and the signature.
fn parts(bytes: &[u8]) -> x509_cert::der::Result<(&[u8], AlgorithmIdentifierOwned, BitString)> {
    let mut reader = SliceReader::new(bytes)?;
    let parts = reader.sequence(|reader| {
        let signed = reader.tlv_bytes()?;
        Ok((signed, AlgorithmIdentifierOwned::decode(reader)?, BitString::decode(reader)?))
    })?;
    reader.finish(parts)
}

/// `countryName` of the subject, if there is exactly one.
fn country(content: &TbsCertificate) -> Option<String> {
    let mut countries = content
        .subject
        .0
        .iter()
        .flat_map(|name| name.0.iter())
        .filter(|attribute| attribute.oid == COUNTRY_NAME)
        .map(|attribute| std::str::from_utf8(attribute.value.value()).ok().map(str::to_owned));
    let first = countries.next()?;
    if countries.next().is_some() { None } else { first }
}

/// The extensions that matter here.
struct Extensions {
    authority: bool,
    usage: Option<KeyUsage>,
    purposes: Option<Vec<ObjectIdentifier>>,
}

impl Extensions {
    fn read(content: &TbsCertificate) -> Result<Self, CertificateError> {
        let mut found = Self { authority: false, usage: None, purposes: None };
        let extensions = content.extensions.as_deref().unwrap_or_default();
        for (place, extension) in extensions.iter().enumerate() {
            if extensions.iter().take(place).any(|earlier| earlier.extn_id == extension.extn_id) {
                return Err(CertificateError::Extension);
            }
            let value = extension.extn_value.as_bytes();
            match extension.extn_id {
                BASIC_CONSTRAINTS => found.authority = decode::<BasicConstraints>(value)?.ca,
                KEY_USAGE => found.usage = Some(decode(value)?),
                EXTENDED_KEY_USAGE => found.purposes = Some(decode::<ExtendedKeyUsage>(value)?.0),
                _ if extension.critical => return Err(CertificateError::Extension),
                _ => {}
            }
        }
        Ok(found)
    }
}

fn decode<'a, T: Decode<'a>>(value: &'a [u8]) -> Result<T, CertificateError> {
    T::from_der(value).map_err(|_| CertificateError::Encoding)
}
