//! Private keys, wherever they are kept: `pem.rs`, `passphrase_file.rs` and `pkcs11.rs` are one kind each.
//!
//! A key is given as a path, or as a PKCS#11 URI: neither says anything secret, so that both may stand on a command
//! line. What opens it (a passphrase, a PIN) comes from the terminal or from a file, see `secret.rs`.

mod passphrase_file;
mod pem;
mod pkcs11;
mod pkcs11_uri;
mod secret;

use std::fmt;
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use anyhow::{Context, Result, bail, ensure};
use shared::key::{PublicKey, SignError, Signer, VerificationKey};
use zeroize::Zeroizing;

use crate::national::write_file;

pub use pkcs11_uri::Pkcs11Uri;
pub use secret::new_passphrase;

/// How a private key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// PKCS#8 in a file that only its owner may read.
    Pem,
    /// The same under a passphrase, in an age file.
    PassphraseFile,
    /// In a hardware security module, reached through PKCS#11.
    Hsm,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Pem, Self::PassphraseFile, Self::Hsm];

    /// The end of the name of an office's file: the key itself, or the URI that says where it is.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Pem => "pem",
            Self::PassphraseFile => "age",
            Self::Hsm => "uri",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pem => "file",
            Self::PassphraseFile => "passphrase file",
            Self::Hsm => "HSM",
        })
    }
}

/// A private key that can sign, wherever it is kept.
pub struct PrivateKey {
    kind: Kind,
    signer: Box<dyn Signer>,
}

impl PrivateKey {
    fn new(kind: Kind, signer: impl Signer + 'static) -> Self {
        Self { kind, signer: Box::new(signer) }
    }

    /// Returns how it is kept.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Has it sign something, and checks the signature: a key that was never seen before might be half of two pairs.
    ///
    /// # Errors
    /// When it gives no signature, or one that its public half does not verify.
    pub fn prove(&self) -> Result<()> {
        // Neither CBOR nor JSON, so that no signature over it could be taken for one over anything else.
        let challenge = [&b"gatepass key check "[..], &random::<32>()?].concat();
        let signature = self.sign(&challenge)?;
        ensure!(self.public_key().verifies(&challenge, &signature), SignError::Faulty);
        Ok(())
    }
}

impl Signer for PrivateKey {
    fn public_key(&self) -> PublicKey {
        self.signer.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SignError> {
        self.signer.sign(message)
    }
}

/// How new keys are to be kept.
pub enum Keeping {
    /// In files that only their owner may read.
    Pem,
    /// In age files under this passphrase.
    PassphraseFile(SecretString),
    /// In the token that this URI names.
    Hsm(Pkcs11Uri),
}

impl Keeping {
    /// Makes a key that `name` stands for in the folder of keys, and writes its public half beside it.
    ///
    /// `label` names it inside a hardware security module, where other keys may be.
    ///
    /// # Errors
    /// A name that is taken, and whatever keeps the key from being made.
    pub fn create(&self, folder: &Path, name: &str, label: &str) -> Result<PrivateKey> {
        ensure_free(folder, name)?;
        let (key, contents) = self.generate(label)?;
        let path = folder.join(format!("{name}.{}", key.kind().extension()));
        write_private(&path, contents.as_bytes())?;
        key.prove().with_context(|| format!("trying the new key {name}"))?;
        write_public(&folder.join(name), key.public_key())?;
        Ok(key)
    }

    /// Makes a key that this very file stands for. Returns it, and where its public half was written.
    ///
    /// # Errors
    /// A file that is there, and whatever keeps the key from being made.
    pub fn create_file(&self, path: &Path) -> Result<(PrivateKey, PathBuf)> {
        // Before a token makes a key that nothing would stand for.
        ensure!(!path.exists(), "creating {}: there is a file of that name", path.display());
        let (key, contents) = self.generate(&path.file_name().unwrap_or_default().to_string_lossy())?;
        write_private(path, contents.as_bytes())?;
        key.prove().with_context(|| format!("trying the new key {}", path.display()))?;
        let public = write_public(path, key.public_key())?;
        Ok((key, public))
    }

    /// Makes a key, and what to write into its file.
    fn generate(&self, label: &str) -> Result<(PrivateKey, Zeroizing<String>)> {
        let kind = match self {
            Self::Pem => Kind::Pem,
            Self::PassphraseFile(_) => Kind::PassphraseFile,
            Self::Hsm(token) => {
                let (key, uri) = pkcs11::generate(token, label)?;
                return Ok((PrivateKey::new(Kind::Hsm, key), Zeroizing::new(format!("{uri}\n"))));
            }
        };
        let (key, pem) = pem::generate()?;
        Ok((PrivateKey::new(kind, key), self.wrap(pem)?))
    }

    /// Turns the PEM of a private key into what to write into its file.
    ///
    /// # Errors
    /// A token, which takes no key that was made outside it.
    pub fn wrap(&self, pem: Zeroizing<String>) -> Result<Zeroizing<String>> {
        match self {
            Self::Pem => Ok(pem),
            Self::PassphraseFile(passphrase) => passphrase_file::seal(pem.as_bytes(), passphrase),
            Self::Hsm(token) => bail!("the key was not made in the token {}", token.token_name()),
        }
    }

    /// Keeps new keys as the key in that file is kept: under a passphrase to be asked for, or in the same token.
    ///
    /// # Errors
    /// Files that cannot be read, and no passphrase.
    pub fn like(path: &Path) -> Result<Self> {
        Ok(match recognize(path, &read(path)?)? {
            Kind::Pem => Self::Pem,
            Kind::PassphraseFile => Self::PassphraseFile(new_passphrase()?),
            Kind::Hsm => Self::Hsm(read_uri(path)?.token_only()),
        })
    }
}

/// Opens a private key: a PEM file, an age file, a file that holds a PKCS#11 URI, or such a URI itself.
pub fn open(reference: &Path) -> Result<PrivateKey> {
    if let Some(uri) = reference.to_str().filter(|text| text.starts_with(Pkcs11Uri::SCHEME)) {
        return Ok(PrivateKey::new(Kind::Hsm, pkcs11::open(&Pkcs11Uri::parse(uri)?)?));
    }
    let bytes = read(reference)?;
    let name = reference.display();
    Ok(match recognize(reference, &bytes)? {
        Kind::Pem => PrivateKey::new(
            Kind::Pem,
            pem::parse(&bytes).with_context(|| format!("{name} is not an Ed25519 PKCS#8 key"))?,
        ),
        Kind::PassphraseFile => PrivateKey::new(
            Kind::PassphraseFile,
            passphrase_file::open(&bytes).with_context(|| format!("opening {name}"))?,
        ),
        Kind::Hsm => PrivateKey::new(
            Kind::Hsm,
            pkcs11::open(&read_uri(reference)?)
                .with_context(|| format!("opening the key that {name} names"))?,
        ),
    })
}

/// Returns what is inside the file of a key, taken out of its age file where it is in one.
pub fn unwrap(contents: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>> {
    if passphrase_file::is_one(&contents) { passphrase_file::unwrap(&contents) } else { Ok(contents) }
}

/// Keeps a key that was made elsewhere, and that [`open`] opened, under a name in the folder of keys.
pub fn keep(reference: &Path, key: &PrivateKey, folder: &Path, name: &str) -> Result<()> {
    ensure_free(folder, name)?;
    let bytes = match reference.to_str().filter(|text| text.starts_with(Pkcs11Uri::SCHEME)) {
        Some(uri) => Zeroizing::new(format!("{uri}\n").into_bytes()),
        None => read(reference)?,
    };
    write_private(&folder.join(format!("{name}.{}", key.kind().extension())), &bytes)?;
    write_public(&folder.join(name), key.public_key())?;
    Ok(())
}

/// Finds the file of an office's key, of whichever kind it is.
pub fn find(folder: &Path, name: &str) -> Result<PathBuf> {
    find_if_any(folder, name)?.with_context(|| {
        format!("there is no key {name} in {}: no {name}.pem, {name}.age or {name}.uri", folder.display())
    })
}

/// As [`find`], where there may be none.
pub fn find_if_any(folder: &Path, name: &str) -> Result<Option<PathBuf>> {
    let mut found = existing(folder, name);
    ensure!(
        found.len() <= 1,
        "{} holds the key {name} more than once; take away all but the right one",
        folder.display()
    );
    Ok(found.pop())
}

fn ensure_free(folder: &Path, name: &str) -> Result<()> {
    ensure!(
        existing(folder, name).is_empty(),
        "there is a key {name} in {} already; if it was left by a command that did not finish, take it away",
        folder.display()
    );
    Ok(())
}

fn existing(folder: &Path, name: &str) -> Vec<PathBuf> {
    Kind::ALL
        .map(|kind| folder.join(format!("{name}.{}", kind.extension())))
        .into_iter()
        .filter(|path| path.exists())
        .collect()
}

/// Tells by its contents how the key in a file is kept.
pub fn recognize(path: &Path, bytes: &[u8]) -> Result<Kind> {
    if passphrase_file::is_one(bytes) {
        Ok(Kind::PassphraseFile)
    } else if bytes.starts_with(Pkcs11Uri::SCHEME.as_bytes()) {
        Ok(Kind::Hsm)
    } else if bytes.starts_with(b"-----BEGIN") {
        Ok(Kind::Pem)
    } else {
        bail!("{} is none of: a PKCS#8 PEM file, an age file, a PKCS#11 URI", path.display())
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    Ok(Zeroizing::new(fs::read(path).with_context(|| format!("reading key {}", path.display()))?))
}

fn read_uri(path: &Path) -> Result<Pkcs11Uri> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    Pkcs11Uri::parse(text.trim()).with_context(|| format!("reading {}", path.display()))
}

/// Writes a public key beside the private one, as `<private>.pub`.
pub fn write_public(private: &Path, public: impl fmt::Display) -> Result<PathBuf> {
    let mut path = private.as_os_str().to_owned();
    path.push(".pub");
    let path = PathBuf::from(path);
    write_file(&path, format!("{public}\n").as_bytes())?;
    Ok(path)
}

/// Reads the public key of somebody who signs for an agency or a repository: Ed25519 alone.
pub fn public(given: &str) -> Result<PublicKey> {
    match holder(given)? {
        VerificationKey::Ed25519(key) => Ok(key),
        VerificationKey::P256(_) => bail!("{given} is a P-256 key; only phones may have one"),
    }
}

/// Reads the public key of a phone, given as a file or as the text itself.
pub fn holder(given: &str) -> Result<VerificationKey> {
    let refused = match VerificationKey::parse(given) {
        Ok(key) => return Ok(key),
        Err(refused) => refused,
    };
    let path = Path::new(given);
    if !path.exists() {
        // Digits of the right number are meant as a key, so what is wrong with the key is what helps.
        if matches!(given.trim().len(), 64 | 130) {
            return Err(refused).with_context(|| format!("{given} is not a usable public key"));
        }
        bail!(
            "{given} is neither a public key (64 hexadecimal digits, 130 of P-256) nor a file that holds one"
        );
    }
    let text = fs::read_to_string(path).with_context(|| format!("reading {given}"))?;
    VerificationKey::parse(&text).with_context(|| format!("{given} does not hold a usable public key"))
}

/// Creates a file that only its owner can read; never overwrites one.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().with_context(|| format!("creating {}", path.display()))
}

/// Draws bytes from the operating system.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("the system gave no randomness: {error}"))?;
    Ok(bytes)
}
