//! Signed checkpoints, as C2SP's `tlog-checkpoint` and `signed-note` write them (c2sp.org, both v1).
//!
//! ```text
//! <origin>
//! <number of rows>
//! <Merkle tree hash, Base64>
//!
//! — <name> <Base64 of key hash and signature>
//! ```
//!
//! The name is the origin. A verifier key is `<name>+<key hash, hexadecimal>+<Base64 of 0x01 and the public key>`; the key
//! hash is the first four bytes of SHA-256 over name, line feed, 0x01 and the public key.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::{Chain, Hash, JournalError};
use crate::key::{PublicKey, SignError, Signer, sign_checked};

/// Ed25519 in `signed-note`.
const ED25519: u8 = 1;

/// What stands before a signature: an em dash and a space.
const SIGNATURE: &str = "\u{2014} ";

/// The longest note that is read, in bytes.
const MAX_NOTE: usize = 4096;

/// How many rows a journal had, and what they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The number of rows.
    pub size: u64,
    /// The Merkle tree hash over them.
    pub root: Hash,
}

/// Who signs a journal's checkpoints, as auditors write it down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointKey {
    name: String,
    key: PublicKey,
}

/// Why something is not a checkpoint of a kiosk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Not a verifier key.
    #[error("not a verifier key of signed-note: name+hash+key")]
    Key,
    /// Not a signed note with a checkpoint in it.
    #[error("not a signed checkpoint")]
    Format,
    /// Of another journal, or not signed by its kiosk.
    #[error("the checkpoint is not signed by this kiosk")]
    Signature,
}

impl CheckpointKey {
    /// Returns how a kiosk with this key signs.
    pub fn of(key: PublicKey) -> Self {
        Self { name: format!("gatepass/kiosk/{}", key.id()), key }
    }

    /// Reads a verifier key.
    ///
    /// # Errors
    /// Text that is none, a hash that is another key's, and weak keys.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut parts = text.trim().splitn(3, '+');
        let mut next = || parts.next().ok_or(CheckpointError::Key);
        let (name, hash, key) = (next()?, next()?, next()?);
        let key = STANDARD.decode(key).map_err(|_| CheckpointError::Key)?;
        let key: &[u8; 32] = match key.split_first() {
            Some((&ED25519, key)) => key.try_into().map_err(|_| CheckpointError::Key)?,
            _ => return Err(CheckpointError::Key),
        };
        let key = PublicKey::import(key).map_err(|_| CheckpointError::Key)?;
        let named = !name.is_empty() && !name.contains(char::is_whitespace);
        let parsed = Self { name: name.to_owned(), key };
        if named && hex::encode(parsed.hash()) == hash { Ok(parsed) } else { Err(CheckpointError::Key) }
    }

    fn hash(&self) -> [u8; 4] {
        let digest = Sha256::new().chain_update(&self.name).chain_update([b'\n', ED25519]);
        let digest: Hash = digest.chain_update(self.key.to_bytes()).finalize().into();
        let mut hash = [0; 4];
        hash.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        hash
    }
}

impl fmt::Display for CheckpointKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key: Vec<u8> = std::iter::once(ED25519).chain(self.key.to_bytes()).collect();
        write!(f, "{}+{}+{}", self.name, hex::encode(self.hash()), STANDARD.encode(key))
    }
}

impl Checkpoint {
    /// Returns the checkpoint of all rows so far.
    pub fn of(chain: &Chain) -> Self {
        Self { size: chain.size(), root: chain.root() }
    }

    /// Writes the signed note.
    ///
    /// # Errors
    /// A signer that fails.
    pub fn sign(&self, signer: &dyn Signer) -> Result<String, SignError> {
        let key = CheckpointKey::of(signer.public_key());
        let text = self.text(&key.name);
        let signature = sign_checked(signer, text.as_bytes())?;
        let signed = [&key.hash()[..], &signature].concat();
        Ok(format!("{text}\n{SIGNATURE}{} {}\n", key.name, STANDARD.encode(signed)))
    }

    /// Reads a signed note and checks this key's signature; others, of witnesses, are passed over.
    ///
    /// # Errors
    /// See [`CheckpointError`].
    pub fn verify(note: &str, key: &CheckpointKey) -> Result<Self, CheckpointError> {
        if note.len() > MAX_NOTE {
            return Err(CheckpointError::Format);
        }
        let (text, signatures) = note.split_once("\n\n").ok_or(CheckpointError::Format)?;
        let mut lines = text.split('\n');
        let mut next = || lines.next().ok_or(CheckpointError::Format);
        let (origin, size, root) = (next()?, next()?, next()?);
        let size = size.parse().map_err(|_| CheckpointError::Format)?;
        let root = STANDARD.decode(root).ok().and_then(|root| root.try_into().ok());
        let checkpoint = Self { size, root: root.ok_or(CheckpointError::Format)? };
        if origin != key.name {
            return Err(CheckpointError::Signature);
        }
        // In one way: no sign or zeros before the number, and no lines after the root.
        if checkpoint.text(origin) != format!("{text}\n") || !signatures.ends_with('\n') {
            return Err(CheckpointError::Format);
        }
        let signed = format!("{text}\n");
        let mut found = false;
        for line in signatures.lines() {
            let line = line.strip_prefix(SIGNATURE).and_then(|line| line.split_once(' '));
            let (name, signature) = line.ok_or(CheckpointError::Format)?;
            let signature = STANDARD.decode(signature).map_err(|_| CheckpointError::Format)?;
            let (hash, signature) = signature.split_at_checked(4).ok_or(CheckpointError::Format)?;
            if name == key.name && hash == key.hash() {
                let signature = signature.try_into().map_err(|_| CheckpointError::Format)?;
                if !key.key.verifies(signed.as_bytes(), signature) {
                    return Err(CheckpointError::Signature);
                }
                found = true;
            }
        }
        if found { Ok(checkpoint) } else { Err(CheckpointError::Signature) }
    }

    /// Checks that this is the checkpoint of these rows.
    ///
    /// # Errors
    /// Another number of rows, or other rows.
    pub fn check(&self, chain: &Chain) -> Result<(), JournalError> {
        if *self == Self::of(chain) { Ok(()) } else { Err(JournalError::Checkpoint { size: self.size }) }
    }

    fn text(&self, origin: &str) -> String {
        format!("{origin}\n{}\n{}\n", self.size, STANDARD.encode(self.root))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SoftwareKey;
    use crate::time::Timestamp;

    fn chain() -> Chain {
        let mut chain = Chain::default();
        for row in 0..3 {
            chain.append(Timestamp::from_unix(1_800_000_000 + row).unwrap(), b"body");
        }
        chain
    }

    /// That of the Go checksum database, the most used signer of such notes.
    #[test]
    fn verifier_keys_are_read_as_others_write_them() {
        let published = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
        assert_eq!(CheckpointKey::parse(published).map(|key| key.to_string()).as_deref(), Ok(published));
        let own = CheckpointKey::of(SoftwareKey::from_seed(&[3; 32]).public_key());
        assert_eq!(CheckpointKey::parse(&own.to_string()), Ok(own.clone()));
        assert_eq!(
            CheckpointKey::parse(&own.to_string().replace("kiosk/", "kiosk2/")),
            Err(CheckpointError::Key)
        );
        for wrong in ["", "a", "a+b", "a+b+c", "+00000000+AQ=="] {
            assert_eq!(CheckpointKey::parse(wrong), Err(CheckpointError::Key), "{wrong}");
        }
    }

    #[test]
    fn what_a_kiosk_signed_is_read_and_nothing_else() {
        let (key, chain) = (SoftwareKey::from_seed(&[3; 32]), chain());
        let own = CheckpointKey::of(key.public_key());
        let note = Checkpoint::of(&chain).sign(&key).unwrap();
        let read = Checkpoint::verify(&note, &own).unwrap();
        assert_eq!(read.check(&chain), Ok(()));
        let mut longer = chain.clone();
        longer.append(Timestamp::from_unix(0).unwrap(), b"more");
        assert_eq!(read.check(&longer), Err(JournalError::Checkpoint { size: 3 }));
        // Every changed character.
        for place in 0..note.len() {
            let mut bytes = note.clone().into_bytes();
            bytes[place] ^= 1;
            let Ok(changed) = String::from_utf8(bytes) else { continue };
            assert!(Checkpoint::verify(&changed, &own).is_err(), "at {place}: {changed}");
        }
        for more in [
            note.replace("\n3\n", "\n+3\n"),
            note.replace("\n3\n", "\n03\n"),
            note.replace("\n\n", "\nmore\n\n"),
        ] {
            assert_eq!(Checkpoint::verify(&more, &own), Err(CheckpointError::Format), "{more}");
        }
        let other = SoftwareKey::from_seed(&[4; 32]);
        let theirs = Checkpoint::of(&chain).sign(&other).unwrap();
        assert_eq!(Checkpoint::verify(&theirs, &own), Err(CheckpointError::Signature));
        // A witness added its line.
        let line = theirs.lines().last().unwrap();
        assert!(Checkpoint::verify(&format!("{note}{line}\n"), &own).is_ok());
        assert_eq!(Checkpoint::verify(&note.replace("\u{2014}", "-"), &own), Err(CheckpointError::Format));
    }
}
