//! Documents as a directory knows them: under a key of the organization, so that nobody who reads it learns a number or
//! finds one by trying.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use shared::credential::{Attribute, AttributeValue, Claims};
use zeroize::Zeroizing;

/// The key of an organization, 32 bytes.
pub struct DocumentKey(Zeroizing<[u8; 32]>);

impl DocumentKey {
    /// Reads 64 hexadecimal digits.
    pub fn read(path: &Path) -> Result<Self> {
        let reading = || format!("reading the document key {}", path.display());
        let text = Zeroizing::new(fs::read_to_string(path).with_context(reading)?);
        let mut key = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim(), key.as_mut_slice())
            .map_err(|_| anyhow!("it is not 64 hexadecimal digits"))
            .with_context(reading)?;
        Ok(Self(key))
    }

    /// Draws a key into a new file that its user alone can read.
    pub fn create(path: &Path) -> Result<Self> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(key.as_mut_slice())
            .map_err(|error| anyhow!("the system gave no randomness: {error}"))?;
        let text = Zeroizing::new(hex::encode(key.as_slice()) + "\n");
        let write = || {
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().with_context(|| format!("writing the document key {}", path.display()))?;
        Ok(Self(key))
    }

    /// What the directory knows the document of a credential by, if the credential names its number.
    ///
    /// Claim 169 carries one number and no type of document, so its type is the name of the attribute.
    pub fn of_claims(&self, claims: &Claims) -> Option<String> {
        let Some(AttributeValue::Text(number)) = claims.attributes.get(Attribute::Id) else { return None };
        self.of(&claims.issuer, Attribute::Id.name(), number)
    }

    /// What the directory knows a document by: 64 hexadecimal digits. Case, spaces and punctuation of the number do not
    /// count; one without letters and digits is none.
    pub fn of(&self, issuer: &str, kind: &str, number: &str) -> Option<String> {
        let letters = number.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase);
        let number = Zeroizing::new(letters.collect::<String>());
        if number.is_empty() {
            return None;
        }
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.0.as_slice()).expect("HMAC takes keys of any length");
        mac.update(b"document/1");
        // Each with its length before it, so that no two lists of parts look alike.
        for part in [issuer, kind, &number] {
            mac.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            mac.update(part.as_bytes());
        }
        Some(hex::encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_the_same_however_it_is_typed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("document.key");
        let made = DocumentKey::create(&path).unwrap();
        assert!(DocumentKey::create(&path).is_err(), "never overwritten");
        let key = DocumentKey::read(&path).unwrap();
        let of = |issuer, kind, number| key.of(issuer, kind, number).unwrap();
        let one = of("https://id.xa.example", "id", "A123456(3)");
        assert_eq!(one.len(), 64);
        assert_eq!(made.of("https://id.xa.example", "id", "a 123456-3").unwrap(), one);
        assert_ne!(of("https://id.xb.example", "id", "A123456(3)"), one);
        assert_ne!(of("https://id.xa.example", "passport", "A123456(3)"), one);
        assert_ne!(of("https://id.xa.examplei", "d", "A123456(3)"), one);
        assert_ne!(of("https://id.xa.example", "id", "A1234563 0"), one);
        assert_eq!(key.of("https://id.xa.example", "id", " - "), None);
        fs::write(&path, "abc").unwrap();
        assert!(DocumentKey::read(&path).is_err());
    }
}
