//! ML-DSA-65 keys (FIPS 204) for the root: a second algorithm beside Ed25519, for the day that one of them breaks.
//!
//! Private keys are PKCS#8, public ones SubjectPublicKeyInfo, both as PEM.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{KeyPair, ML_DSA_65_SIGNING, PqdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha512};
use shared::key::SignError;
use shared::trust::{RootSigner, TufKey};
use zeroize::Zeroizing;

use crate::keys::{self, Keeping};

const PRIVATE: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";

/// A private key of ML-DSA-65.
pub struct MlDsaKey {
    pair: PqdsaKeyPair,
    public: TufKey,
}

impl MlDsaKey {
    fn new(pair: PqdsaKeyPair) -> Result<Self> {
        let public = TufKey::ml_dsa_65(&public_pem(&pair)?)?;
        Ok(Self { pair, public })
    }

    /// Makes a key, writes it to `path` with mode 0600 and its public half beside it as `path.pub`.
    pub fn create(path: &Path, keeping: &Keeping) -> Result<(Self, PathBuf)> {
        let pair = PqdsaKeyPair::generate(&ML_DSA_65_SIGNING).map_err(|_| anyhow!("no key could be made"))?;
        let der = pair.to_pkcs8v1().map_err(|_| anyhow!("encoding a private key"))?;
        let text = keeping.wrap(Zeroizing::new(pem(PRIVATE, der.as_ref())))?;
        keys::write_private(path, text.as_bytes())?;
        let public = keys::write_public(path, public_pem(&pair)?.trim_end())?;
        Ok((Self::new(pair)?, public))
    }

    /// Reads a key that [`MlDsaKey::create`] wrote; `None` where there is something else, or nothing.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        let Ok(bytes) = fs::read(path).map(Zeroizing::new) else { return Ok(None) };
        let bytes = keys::unwrap(bytes).with_context(|| format!("opening {}", path.display()))?;
        let der =
            std::str::from_utf8(&bytes).ok().and_then(|text| from_pem(PRIVATE, text)).map(Zeroizing::new);
        let pair = der.and_then(|der| PqdsaKeyPair::from_pkcs8(&ML_DSA_65_SIGNING, &der).ok());
        pair.map(Self::new).transpose()
    }
}

impl RootSigner for MlDsaKey {
    fn tuf_key(&self) -> TufKey {
        self.public.clone()
    }

    /// Signs `tuf\x01` and the SHA-512 of the metadata, as TAP 21 says, so that one key cannot be made to sign for
    /// two protocols.
    fn sign_metadata(&self, canonical: &[u8]) -> Result<Vec<u8>, SignError> {
        let message = [b"tuf\x01".as_slice(), &Sha512::digest(canonical)].concat();
        let mut signature = vec![0; ML_DSA_65_SIGNING.signature_len()];
        let length = self
            .pair
            .sign(&message, &mut signature)
            .map_err(|_| SignError::Refused { reason: "ML-DSA-65 gave no signature".to_owned() })?;
        signature.truncate(length);
        Ok(signature)
    }
}

/// Reads a public key given as a file or as text; `None` where it is something else.
pub fn public(given: &str) -> Result<Option<TufKey>> {
    let text = if given.contains(PUBLIC) { Some(given.to_owned()) } else { fs::read_to_string(given).ok() };
    match text.filter(|text| text.contains(PUBLIC)) {
        Some(text) => {
            Ok(Some(TufKey::ml_dsa_65(&text).with_context(|| format!("{given} is not an ML-DSA-65 key"))?))
        }
        None => Ok(None),
    }
}

fn public_pem(pair: &PqdsaKeyPair) -> Result<String> {
    let der = pair.public_key().as_der().map_err(|_| anyhow!("encoding a public key"))?;
    Ok(pem(PUBLIC, der.as_ref()))
}

/// RFC 7468.
fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    let encoded = Zeroizing::new(STANDARD.encode(der));
    for line in encoded.as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

fn from_pem(label: &str, text: &str) -> Option<Vec<u8>> {
    let body = text.trim().strip_prefix(&format!("-----BEGIN {label}-----"))?;
    let body: Zeroizing<String> =
        body.strip_suffix(&format!("-----END {label}-----"))?.split_whitespace().collect::<String>().into();
    STANDARD.decode(body.as_bytes()).ok()
}
