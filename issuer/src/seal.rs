//! Personal data at rest: XChaCha20-Poly1305 under each subject's own key, that key under the registry's.
//!
//! Destroying a subject's key erases the subject, in every backup at once.

use anyhow::{Result, bail};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::keys::random;

const NONCE: usize = 24;

/// A 32-byte key that is wiped on drop.
pub struct SealKey(Zeroizing<[u8; 32]>);

impl SealKey {
    /// Draws a new key.
    pub fn random() -> Result<Self> {
        Ok(Self(Zeroizing::new(random()?)))
    }

    /// Takes a key read from a file or unwrapped from another key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        match bytes.try_into() {
            Ok(bytes) => Ok(Self(Zeroizing::new(bytes))),
            Err(_) => bail!("a sealing key is 32 bytes"),
        }
    }

    /// Returns the bytes, to be wrapped or stored.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Seals bytes; `context` says where they belong and must be the same when they are opened.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let nonce: [u8; NONCE] = random()?;
        let payload = Payload { msg: plain, aad: context.as_bytes() };
        match self.cipher().encrypt(&XNonce::from(nonce), payload) {
            Ok(sealed) => Ok([&nonce[..], &sealed].concat()),
            Err(_) => bail!("sealing {context} failed"),
        }
    }

    /// Opens what [`SealKey::seal`] sealed in the same context.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
        let Some((nonce, sealed)) = sealed.split_first_chunk::<NONCE>() else {
            bail!("{context} is cut short")
        };
        match self.cipher().decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: context.as_bytes() }) {
            Ok(plain) => Ok(Zeroizing::new(plain)),
            Err(_) => bail!("{context} was altered, or sealed under another key"),
        }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_bytes_open_only_where_they_belong() {
        let key = SealKey::random().unwrap();
        let sealed = key.seal("subject_data|1", b"CANARY").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"CANARY"));
        assert_eq!(key.open("subject_data|1", &sealed).unwrap().as_slice(), b"CANARY");
        assert!(key.open("subject_data|2", &sealed).is_err());
        assert!(SealKey::random().unwrap().open("subject_data|1", &sealed).is_err());
        assert!(key.open("subject_data|1", &sealed[..10]).is_err());
    }
}
