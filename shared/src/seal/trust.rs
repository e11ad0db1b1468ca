//! Whom seals of other schemes are believed from: two lists in the trust repository, signed by its `targets` role.
//!
//! They name signers (health certificates) and authorities (visible digital seals) by their certificates, and for each
//! the country it speaks for. Revoking one is publishing the list without it.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::SealError;
use super::certificate::{Certificate, CertificateError};
use super::signature::{SealKey, SealKeyError};
use crate::time::Timestamp;

/// The target that lists the signers of health certificates.
pub const HEALTH_CERTIFICATES: &str = "seals/health-certificates.json";
/// The target that lists the authorities above the signers of visible digital seals.
pub const VISIBLE_DIGITAL_SEALS: &str = "seals/visible-digital-seals.json";

/// Everybody whose seals are believed; nobody, by default.
#[derive(Debug, Clone, Default)]
pub struct SealTrust {
    signers: BTreeMap<[u8; 8], Vec<Signer>>,
    authorities: BTreeMap<String, Vec<Certificate>>,
}

/// Why a list is not taken over. Says which entry, counted from one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealTrustError {
    /// Not the JSON that it should be: a field is missing, unknown or there twice.
    #[error("{0}")]
    Json(String),
    /// A country that is not one to three letters (ICAO Doc 9303-3 §5).
    #[error("entry {entry}: a country is one to three capital letters")]
    Country {
        /// Which.
        entry: usize,
    },
    /// A key identifier that is not Base64 of eight bytes.
    #[error("entry {entry}: a key identifier is Base64 of eight bytes")]
    KeyId {
        /// Which.
        entry: usize,
    },
    /// Not Base64 (RFC 4648 §4).
    #[error("entry {entry}: not Base64")]
    Base64 {
        /// Which.
        entry: usize,
    },
    /// Neither a certificate nor a public key, or both.
    #[error("entry {entry}: give either a certificate or a public key")]
    EitherOr {
        /// Which.
        entry: usize,
    },
    /// A certificate that cannot be used.
    #[error("entry {entry}: {source}")]
    Certificate {
        /// Which.
        entry: usize,
        /// What is wrong with it.
        source: CertificateError,
    },
    /// A public key that cannot be used.
    #[error("entry {entry}: {source}")]
    Key {
        /// Which.
        entry: usize,
        /// What is wrong with it.
        source: SealKeyError,
    },
}

/// The contents of [`HEALTH_CERTIFICATES`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignerList {
    signers: Vec<SignerEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignerEntry {
    country: String,
    key_id: String,
    #[serde(default)]
    certificate: Option<String>,
    #[serde(default)]
    public_key: Option<String>,
}

/// The contents of [`VISIBLE_DIGITAL_SEALS`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorityList {
    authorities: Vec<AuthorityEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthorityEntry {
    country: String,
    certificate: String,
}

impl SealTrust {
    /// Takes over the list of signers of health certificates: `{"signers": [{"country", "key_id", "certificate"}]}`,
    /// with `"public_key"` (a SubjectPublicKeyInfo) in place of the certificate where a country publishes no more.
    ///
    /// # Errors
    /// A list with anything wrong in it is not taken over in part.
    pub fn with_health_certificates(mut self, json: &[u8]) -> Result<Self, SealTrustError> {
        let list: SignerList = parse(json)?;
        self.signers.clear();
        for (listed, entry) in list.signers.into_iter().zip(1..) {
            let (id, signer) = Signer::read(listed, entry)?;
            self.signers.entry(id).or_default().push(signer);
        }
        Ok(self)
    }

    /// Takes over the list of authorities: `{"authorities": [{"country", "certificate"}]}`, the country as it stands
    /// in the header of seals.
    ///
    /// # Errors
    /// A list with anything wrong in it is not taken over in part.
    pub fn with_visible_digital_seals(mut self, json: &[u8]) -> Result<Self, SealTrustError> {
        let list: AuthorityList = parse(json)?;
        self.authorities.clear();
        for (listed, entry) in list.authorities.into_iter().zip(1..) {
            let country = country(listed.country, entry)?;
            let certificate = Certificate::from_der(&base64(&listed.certificate, entry)?)
                .map_err(|source| SealTrustError::Certificate { entry, source })?;
            if !certificate.is_authority() {
                return Err(SealTrustError::Certificate { entry, source: CertificateError::NotAuthority });
            }
            self.authorities.entry(country).or_default().push(certificate);
        }
        Ok(self)
    }

    /// Returns the signers of health certificates that go by a key identifier: a hint, so there may be several.
    pub(super) fn signers(&self, key_id: [u8; 8]) -> &[Signer] {
        self.signers.get(&key_id).map(Vec::as_slice).unwrap_or_default()
    }

    /// Returns the authorities of a country.
    pub(super) fn authorities(&self, country: &str) -> &[Certificate] {
        self.authorities.get(country).map(Vec::as_slice).unwrap_or_default()
    }
}

/// A signer of health certificates.
#[derive(Debug, Clone)]
pub(super) struct Signer {
    country: String,
    name: String,
    key: SealKey,
    certificate: Option<Certificate>,
}

impl Signer {
    fn read(listed: SignerEntry, entry: usize) -> Result<([u8; 8], Self), SealTrustError> {
        let country = country(listed.country, entry)?;
        let id = STANDARD.decode(&listed.key_id).ok().and_then(|id| id.try_into().ok());
        let id: [u8; 8] = id.ok_or(SealTrustError::KeyId { entry })?;
        let signer = match (listed.certificate, listed.public_key) {
            (Some(certificate), None) => {
                let certificate = Certificate::from_der(&base64(&certificate, entry)?)
                    .map_err(|source| SealTrustError::Certificate { entry, source })?;
                Self {
                    country,
                    name: certificate.subject().to_owned(),
                    key: certificate.key().clone(),
                    certificate: Some(certificate),
                }
            }
            (None, Some(key)) => {
                let key = SealKey::from_spki_der(&base64(&key, entry)?)
                    .map_err(|source| SealTrustError::Key { entry, source })?;
                Self { country, name: format!("key {}", listed.key_id), key, certificate: None }
            }
            _ => return Err(SealTrustError::EitherOr { entry }),
        };
        Ok((id, signer))
    }

    pub(super) fn country(&self) -> &str {
        &self.country
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn key(&self) -> &SealKey {
        &self.key
    }

    /// Returns the certificate, unless only the key is listed.
    pub(super) fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// Fails where its certificate has expired or is not valid yet. A key alone is valid for as long as it is listed.
    pub(super) fn valid_at(&self, now: Timestamp) -> Result<(), SealError> {
        self.certificate.as_ref().map_or(Ok(()), |certificate| certificate.valid_at(now))
    }
}

fn parse<T: serde::de::DeserializeOwned>(json: &[u8]) -> Result<T, SealTrustError> {
    serde_json::from_slice(json).map_err(|error| SealTrustError::Json(error.to_string()))
}

fn country(text: String, entry: usize) -> Result<String, SealTrustError> {
    let letters = text.bytes().all(|byte| byte.is_ascii_uppercase());
    if letters && (1..=3).contains(&text.len()) { Ok(text) } else { Err(SealTrustError::Country { entry }) }
}

fn base64(text: &str, entry: usize) -> Result<Vec<u8>, SealTrustError> {
    STANDARD.decode(text).map_err(|_| SealTrustError::Base64 { entry })
}
