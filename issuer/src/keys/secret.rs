//! What opens a key: a passphrase or a PIN, from a file or the terminal. Never from the command line, which others see.

use std::fs;
use std::io::{IsTerminal, stdin};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use age::secrecy::{ExposeSecret, SecretString};
use anyhow::{Context, Result, bail, ensure};
use zeroize::Zeroizing;

/// Names the file that a passphrase is read from where nobody is at a terminal.
const PASSPHRASE_FILE: &str = "GATEPASS_PASSPHRASE_FILE";

/// Holds a PIN where its URI names no file.
const PIN: &str = "GATEPASS_PIN";

/// The fewest characters of a passphrase: whoever has the file can guess for as long as they like. Our choice.
const MIN_PASSPHRASE: usize = 12;

/// The passphrase of a key that exists.
pub(super) fn passphrase() -> Result<SecretString> {
    match std::env::var_os(PASSPHRASE_FILE) {
        Some(path) => read(Path::new(&path)),
        None => ask("Passphrase: ").with_context(|| format!("or name a file in {PASSPHRASE_FILE}")),
    }
}

/// The passphrase of keys that are being made, asked for twice at a terminal.
pub fn new_passphrase() -> Result<SecretString> {
    let passphrase = passphrase()?;
    ensure!(
        passphrase.expose_secret().chars().count() >= MIN_PASSPHRASE,
        "a passphrase for new keys has at least {MIN_PASSPHRASE} characters"
    );
    if std::env::var_os(PASSPHRASE_FILE).is_none() {
        let again = ask("The same again: ")?;
        ensure!(again.expose_secret() == passphrase.expose_secret(), "the two passphrases differ");
    }
    Ok(passphrase)
}

/// The PIN of a token: from the file that its URI names, the environment, or the terminal.
pub(super) fn pin(source: Option<&Path>, token: &str) -> Result<SecretString> {
    match (source, std::env::var(PIN)) {
        (Some(path), _) => read(path),
        (None, Ok(pin)) => Ok(SecretString::from(pin)),
        (None, Err(_)) => ask(&format!("PIN of {token}: "))
            .with_context(|| format!("or give the URI a pin-source, or set {PIN}")),
    }
}

/// Reads a secret from a file; one line feed at its end is not part of it.
fn read(path: &Path) -> Result<SecretString> {
    let name = path.display();
    let mode = fs::metadata(path).with_context(|| format!("reading {name}"))?.permissions().mode();
    ensure!(mode & 0o007 == 0, "{name} may be read by everybody; take that away with `chmod o= {name}`");
    let text = Zeroizing::new(fs::read_to_string(path).with_context(|| format!("reading {name}"))?);
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    ensure!(!secret.is_empty(), "{name} is empty");
    Ok(SecretString::from(secret.to_owned()))
}

/// Asks at the terminal, without echo.
fn ask(prompt: &str) -> Result<SecretString> {
    if !stdin().is_terminal() {
        bail!("nobody is at a terminal to ask");
    }
    Ok(SecretString::from(rpassword::prompt_password(prompt).context("asking at the terminal")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_one_line_and_is_nobody_elses_to_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let write = |text: &str, mode: u32| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            read(&path).map(|secret| secret.expose_secret().to_owned())
        };
        assert_eq!(write("two words \n", 0o600).unwrap(), "two words ");
        assert_eq!(write("1234", 0o640).unwrap(), "1234");
        assert!(write("1234", 0o644).unwrap_err().to_string().contains("chmod"));
        write("\n", 0o600).unwrap_err();
    }
}
