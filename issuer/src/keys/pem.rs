//! PKCS#8 PEM (RFC 8410), as `openssl genpkey -algorithm ed25519` writes it.

use anyhow::{Context, Result};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use shared::key::SoftwareKey;
use zeroize::Zeroizing;

use super::random;

/// Makes a key, and the text to keep it in.
pub(super) fn generate() -> Result<(SoftwareKey, Zeroizing<String>)> {
    let seed = Zeroizing::new(random::<32>()?);
    let pem = SigningKey::from_bytes(&seed).to_pkcs8_pem(LineEnding::LF).context("encoding a private key")?;
    Ok((SoftwareKey::from_seed(&seed), pem))
}

/// Reads the text of a key.
pub(super) fn parse(pem: &[u8]) -> Result<SoftwareKey> {
    let key = SigningKey::from_pkcs8_pem(std::str::from_utf8(pem)?)?;
    Ok(SoftwareKey::from_seed(key.as_bytes()))
}
