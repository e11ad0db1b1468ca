//! Private keys in files: PKCS#8 PEM (RFC 8410), readable by their owner only.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
use shared::key::{Signer, SoftwareKey, VerificationKey};
use zeroize::Zeroizing;

/// Makes a new key, writes it to `path` with mode 0600, and returns it. Refuses to overwrite a file.
pub fn create(path: &Path) -> Result<SoftwareKey> {
    let seed = Zeroizing::new(random::<32>()?);
    let pem = SigningKey::from_bytes(&seed).to_pkcs8_pem(LineEnding::LF).context("encoding a private key")?;
    write_private(path, pem.as_bytes())?;
    Ok(SoftwareKey::from_seed(&seed))
}

/// Reads a key that [`create`] or `openssl genpkey -algorithm ed25519` wrote.
pub fn open(path: &Path) -> Result<SoftwareKey> {
    let pem =
        Zeroizing::new(fs::read_to_string(path).with_context(|| format!("reading key {}", path.display()))?);
    let key = SigningKey::from_pkcs8_pem(&pem)
        .with_context(|| format!("{} is not an Ed25519 PKCS#8 key", path.display()))?;
    Ok(SoftwareKey::from_seed(key.as_bytes()))
}

/// Writes the public half beside the private one, as 64 hexadecimal digits.
pub fn write_public(private: &Path, key: &SoftwareKey) -> Result<PathBuf> {
    let mut path = private.as_os_str().to_owned();
    path.push(".pub");
    let path = PathBuf::from(path);
    fs::write(&path, format!("{}\n", key.public_key()))
        .with_context(|| format!("writing {}", path.display()))?;
    Ok(path)
}

/// Reads a public key given as a file or as the text itself.
pub fn public(given: &str) -> Result<VerificationKey> {
    if let Ok(key) = VerificationKey::parse(given) {
        return Ok(key);
    }
    let path = Path::new(given);
    if !path.exists() {
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
