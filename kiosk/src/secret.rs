//! The key that a kiosk's own keys are sealed under: it comes from the service manager, which gets it out of the
//! machine's TPM, and is never on the disk in the clear.
//!
//! `$CREDENTIALS_DIRECTORY/kiosk-seal` (systemd's `LoadCredentialEncrypted=`) holds 32 random bytes. Whoever carries the
//! disk away has neither them nor what is sealed under them. See docs/kiosk/service.md.

use std::env;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

/// The credential's name.
pub const CREDENTIAL: &str = "kiosk-seal";

/// Bytes of the key, and of what is sealed under it.
const BYTES: usize = 32;

/// Bytes of a nonce; random ones never meet.
const NONCE: usize = 24;

/// A key of 32 bytes that is wiped on drop.
pub struct Seal(Zeroizing<[u8; BYTES]>);

impl Seal {
    /// Takes the key that the service manager hands to this process; none where it hands out none.
    ///
    /// # Errors
    /// A credential that is there and is not 32 bytes long.
    pub fn from_environment() -> Result<Option<Self>> {
        env::var_os("CREDENTIALS_DIRECTORY").map_or(Ok(None), |folder| Self::read(folder.as_ref()))
    }

    fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(CREDENTIAL);
        let file = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            file => file.with_context(|| format!("reading the credential {}", path.display()))?,
        };
        let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES + 1));
        file.take(BYTES as u64 + 1)
            .read_to_end(&mut bytes)
            .with_context(|| format!("reading the credential {}", path.display()))?;
        match bytes.as_slice().try_into() {
            Ok(key) => Ok(Some(Self(Zeroizing::new(key)))),
            Err(_) => bail!("the credential {} is not {BYTES} bytes long", path.display()),
        }
    }

    /// Seals a seed; `place` says where it belongs, and has to be the same when it is opened.
    pub fn close(&self, place: &str, seed: &[u8; BYTES]) -> Result<Vec<u8>> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).map_err(|error| anyhow!("the system gave no randomness: {error}"))?;
        let payload = Payload { msg: seed, aad: place.as_bytes() };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload);
        Ok([&nonce[..], &sealed.map_err(|_| anyhow!("sealing {place} failed"))?].concat())
    }

    /// Opens what [`Seal::close`] sealed in the same place.
    ///
    /// # Errors
    /// What was altered, moved, or sealed under another key.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Zeroizing<[u8; BYTES]>> {
        let (nonce, sealed) =
            sealed.split_first_chunk::<NONCE>().with_context(|| format!("{place} is cut short"))?;
        let payload = Payload { msg: sealed, aad: place.as_bytes() };
        let seed = self.cipher().decrypt(&XNonce::from(*nonce), payload).map(Zeroizing::new).map_err(|_| {
            anyhow!("{place} was sealed on another machine, or altered; provision this one in a new state folder")
        })?;
        let seed = seed.as_slice().try_into().with_context(|| format!("{place} is damaged"))?;
        Ok(Zeroizing::new(seed))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(*self.0))
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A seal as the service manager would hand it out.
    pub(crate) fn seal(byte: u8) -> Seal {
        Seal(Zeroizing::new([byte; BYTES]))
    }

    #[test]
    fn a_seed_opens_under_its_own_key_in_its_own_place() {
        let sealed = seal(1).close("machine", &[7; BYTES]).unwrap();
        assert_eq!(*seal(1).open("machine", &sealed).unwrap(), [7; BYTES]);
        assert_ne!(seal(1).close("machine", &[7; BYTES]).unwrap(), sealed, "another nonce");
        let error = seal(2).open("machine", &sealed).unwrap_err().to_string();
        assert!(error.contains("another machine"), "{error}");
        assert!(seal(1).open("journal_key", &sealed).is_err());
        for length in 0..sealed.len() {
            assert!(seal(1).open("machine", &sealed[..length]).is_err());
        }
        for place in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[place] ^= 1;
            assert!(seal(1).open("machine", &altered).is_err());
        }
    }

    #[test]
    fn a_credential_is_32_bytes_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Seal::read(folder.path()).unwrap().is_none());
        for (length, good) in [(0, false), (31, false), (32, true), (33, false), (1 << 20, false)] {
            std::fs::write(folder.path().join(CREDENTIAL), vec![9; length]).unwrap();
            let read = Seal::read(folder.path());
            assert_eq!(read.is_ok_and(|seal| seal.is_some()), good, "{length}");
        }
    }
}
