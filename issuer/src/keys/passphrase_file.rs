//! A private key under a passphrase: an age file (C2SP `age.md`) around its PEM, so that `age -d` gives the PEM back.

use std::sync::{Mutex, PoisonError};

use age::armor::ArmoredReader;
use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, scrypt};
use anyhow::{Context, Result, anyhow, bail};
use shared::key::SoftwareKey;
use zeroize::Zeroizing;

use super::{pem, secret};

/// The logarithm of scrypt's cost: with 2^17 each guess takes 128 MiB, and a publication that opens five keys a second
/// or two. This is the least that OWASP's cheat sheet on password storage recommends.
const WORK: u8 = 17;

/// The most that a file made elsewhere may ask for: 4 GiB.
const MAX_WORK: u8 = 22;

/// The passphrase that opened a file last: the keys of an office mostly have the same one, and nobody types it five times.
static LAST: Mutex<Option<SecretString>> = Mutex::new(None);

/// Tells whether a file is an age file, binary or armored.
pub(super) fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(b"age-encryption.org/v1\n") || bytes.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
}

/// Puts bytes under a passphrase; the file is text.
pub(super) fn seal(plain: &[u8], passphrase: &SecretString) -> Result<Zeroizing<String>> {
    let mut recipient = scrypt::Recipient::new(passphrase.clone());
    recipient.set_work_factor(WORK);
    Ok(Zeroizing::new(age::encrypt_and_armor(&recipient, plain).context("putting a key under a passphrase")?))
}

/// Opens a key of Ed25519 as [`unwrap`] does.
pub(super) fn open(bytes: &[u8]) -> Result<SoftwareKey> {
    key(&unwrap(bytes)?)
}

/// Takes out what is under the passphrase that opened the file before, or asks for its own.
pub(super) fn unwrap(bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    let last = LAST.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(plain) = last.and_then(|passphrase| unseal(bytes, passphrase).ok()) {
        return Ok(plain);
    }
    let passphrase = secret::passphrase()?;
    let plain = unseal(bytes, passphrase.clone())?;
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(passphrase);
    Ok(plain)
}

fn unseal(bytes: &[u8], passphrase: SecretString) -> Result<Zeroizing<Vec<u8>>> {
    if !Decryptor::new_buffered(ArmoredReader::new(bytes))?.is_scrypt() {
        bail!("the file is not under a passphrase but for an age recipient");
    }
    let mut identity = scrypt::Identity::new(passphrase);
    identity.set_max_work_factor(MAX_WORK);
    age::decrypt(&identity, bytes).map(Zeroizing::new).map_err(|error| match error {
        DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed | DecryptError::NoMatchingKeys => {
            anyhow!("the passphrase is wrong, or the file was altered")
        }
        error => error.into(),
    })
}

fn key(plain: &[u8]) -> Result<SoftwareKey> {
    match plain.try_into() {
        Ok(seed) => Ok(SoftwareKey::from_seed(seed)),
        Err(_) => pem::parse(plain).context("neither an Ed25519 PKCS#8 PEM nor a seed of 32 bytes is inside"),
    }
}

#[cfg(test)]
mod tests {
    use shared::key::Signer;

    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    #[test]
    fn a_key_comes_back_under_its_passphrase_only() {
        let (key, pem) = pem::generate().unwrap();
        let sealed = seal(pem.as_bytes(), &secret("correct horse")).unwrap();
        assert!(is_one(sealed.as_bytes()));
        assert!(!sealed.contains("PRIVATE KEY"));
        let opened = super::key(&unseal(sealed.as_bytes(), secret("correct horse")).unwrap()).unwrap();
        assert_eq!(opened.public_key(), key.public_key());
        let wrong = unseal(sealed.as_bytes(), secret("battery staple")).unwrap_err();
        assert!(wrong.to_string().contains("passphrase is wrong"), "{wrong:#}");
    }

    /// What other tools make: binary instead of armored, and the seed alone.
    #[test]
    fn a_binary_file_with_a_seed_opens_too() {
        let mut recipient = scrypt::Recipient::new(secret("p"));
        recipient.set_work_factor(2);
        let sealed = age::encrypt(&recipient, &[7; 32]).unwrap();
        assert!(is_one(&sealed));
        let opened = key(&unseal(&sealed, secret("p")).unwrap()).unwrap();
        assert_eq!(opened.public_key(), SoftwareKey::from_seed(&[7; 32]).public_key());
        let sealed = age::encrypt(&recipient, &[7; 31]).unwrap();
        let refused = key(&unseal(&sealed, secret("p")).unwrap());
        assert!(refused.unwrap_err().to_string().contains("32 bytes"));
    }

    #[test]
    fn files_that_are_altered_foreign_or_cost_too_much_are_refused() {
        let mut recipient = scrypt::Recipient::new(secret("p"));
        recipient.set_work_factor(2);
        let mut sealed = age::encrypt(&recipient, &[7; 32]).unwrap();
        *sealed.last_mut().unwrap() ^= 1;
        unseal(&sealed, secret("p")).unwrap_err();
        let text = String::from_utf8_lossy(&age::encrypt(&recipient, b"").unwrap()).replace(" 2\n", " 63\n");
        unseal(text.as_bytes(), secret("p")).unwrap_err();
        let own = age::x25519::Identity::generate();
        let foreign = age::encrypt(&own.to_public(), &[7; 32]).unwrap();
        assert!(unseal(&foreign, secret("p")).unwrap_err().to_string().contains("age recipient"));
    }
}
