//! The URI of a key in a token (RFC 7512), such as
//! `pkcs11:token=Gatepass;object=xa-issuer?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/run/pin`.
//!
//! What is not understood is refused rather than passed over: an attribute that is left out matches more keys.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

/// Where a key is, or where new keys are to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pkcs11Uri {
    token: Option<String>,
    serial: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
    object: Option<String>,
    id: Option<Vec<u8>>,
    module: PathBuf,
    pin_source: Option<PathBuf>,
}

impl Pkcs11Uri {
    /// What every such URI starts with.
    pub const SCHEME: &'static str = "pkcs11:";

    /// Reads a URI that names a token and the library that reaches it.
    ///
    /// # Errors
    /// Attributes that are unknown or there twice, a PIN in the URI itself, and no token or library.
    pub fn parse(text: &str) -> Result<Self> {
        let rest = text.strip_prefix(Self::SCHEME).context("a PKCS#11 URI starts with pkcs11:")?;
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let [mut token, mut serial, mut manufacturer, mut model, mut object] = [const { None }; 5];
        let [mut id, mut key_type, mut module, mut pin_source] = [const { None }; 4];
        for (name, value) in attributes(path, ';') {
            let slot = match name {
                "token" => &mut token,
                "serial" => &mut serial,
                "manufacturer" => &mut manufacturer,
                "model" => &mut model,
                "object" => &mut object,
                "id" => &mut id,
                "type" => &mut key_type,
                _ => bail!("{name} in a PKCS#11 URI is not supported; token, serial, object and id are"),
            };
            once(slot, name, value)?;
        }
        for (name, value) in attributes(query, '&') {
            let slot = match name {
                "module-path" => &mut module,
                "pin-source" => &mut pin_source,
                "pin-value" => {
                    bail!("a PIN does not belong into a URI, where others see it; give a pin-source")
                }
                _ => bail!("{name} in a PKCS#11 URI is not supported; module-path and pin-source are"),
            };
            once(slot, name, value)?;
        }
        ensure!(key_type.is_none_or(|value| value == b"private"), "the URI is not one of a private key");
        let text = |name: &str, value: Option<Vec<u8>>| {
            value.map(String::from_utf8).transpose().with_context(|| format!("{name} is not UTF-8"))
        };
        let module = text("module-path", module)?.context("the URI has no module-path")?;
        let pin_source = match text("pin-source", pin_source)? {
            Some(source) => {
                let path = source.strip_prefix("file:").context("a pin-source is a file: URI")?;
                Some(absolute("pin-source", path.strip_prefix("//").unwrap_or(path))?)
            }
            None => None,
        };
        let uri = Self {
            token: text("token", token)?,
            serial: text("serial", serial)?,
            manufacturer: text("manufacturer", manufacturer)?,
            model: text("model", model)?,
            object: text("object", object)?,
            id,
            module: absolute("module-path", &module)?,
            pin_source,
        };
        ensure!(uri.token.is_some() || uri.serial.is_some(), "the URI names no token and no serial");
        Ok(uri)
    }

    /// Tells whether a token with these is the one that is meant.
    pub fn is_token(&self, label: &str, serial: &str, manufacturer: &str, model: &str) -> bool {
        let is =
            |wanted: &Option<String>, given: &str| wanted.as_deref().is_none_or(|wanted| wanted == given);
        is(&self.token, label)
            && is(&self.serial, serial)
            && is(&self.manufacturer, manufacturer)
            && is(&self.model, model)
    }

    /// Returns what the token is called in messages.
    pub fn token_name(&self) -> &str {
        self.token.as_deref().or(self.serial.as_deref()).unwrap_or_default()
    }

    /// Returns the label of the key (CKA_LABEL).
    pub fn object(&self) -> Option<&str> {
        self.object.as_deref()
    }

    /// Returns the identifier of the key (CKA_ID).
    pub fn id(&self) -> Option<&[u8]> {
        self.id.as_deref()
    }

    /// Returns the library that reaches the token.
    pub fn module(&self) -> &Path {
        &self.module
    }

    /// Returns the file that holds the PIN.
    pub fn pin_source(&self) -> Option<&Path> {
        self.pin_source.as_deref()
    }

    /// The same token, and no key in it.
    pub fn token_only(self) -> Self {
        Self { object: None, id: None, ..self }
    }

    /// A key in this token.
    pub fn with_object(self, label: &str, id: &[u8]) -> Self {
        Self { object: Some(label.to_owned()), id: Some(id.to_owned()), ..self }
    }
}

impl fmt::Display for Pkcs11Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::SCHEME)?;
        let texts = [
            ("token", &self.token),
            ("serial", &self.serial),
            ("manufacturer", &self.manufacturer),
            ("model", &self.model),
            ("object", &self.object),
        ];
        let mut separator = "";
        for (name, value) in texts {
            let Some(value) = value else { continue };
            write!(f, "{separator}{name}={}", escaped(value.as_bytes()))?;
            separator = ";";
        }
        if let Some(id) = &self.id {
            // Escaped throughout, as RFC 7512 §2.3 wants it.
            let id: String = id.iter().map(|byte| format!("%{byte:02X}")).collect();
            write!(f, "{separator}id={id}")?;
        }
        write!(f, "?module-path={}", escaped(self.module.as_os_str().as_encoded_bytes()))?;
        match &self.pin_source {
            Some(path) => write!(f, "&pin-source=file:{}", escaped(path.as_os_str().as_encoded_bytes())),
            None => Ok(()),
        }
    }
}

fn attributes(text: &str, separator: char) -> impl Iterator<Item = (&str, &str)> {
    text.split(separator)
        .filter(|attribute| !attribute.is_empty())
        .map(|attribute| attribute.split_once('=').unwrap_or((attribute, "")))
}

/// Takes a value; RFC 7512 §2.3 forbids an attribute to be there twice.
fn once(slot: &mut Option<Vec<u8>>, name: &str, value: &str) -> Result<()> {
    let value = unescaped(value).with_context(|| format!("{name} has a % that is no escape"))?;
    ensure!(!value.is_empty(), "{name} in a PKCS#11 URI has no value");
    ensure!(slot.replace(value).is_none(), "{name} is in the PKCS#11 URI twice");
    Ok(())
}

/// A path that means the same from every folder, and is not looked for in the system's.
fn absolute(name: &str, path: &str) -> Result<PathBuf> {
    ensure!(path.starts_with('/'), "{name} is not an absolute path");
    Ok(PathBuf::from(path))
}

fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.extend(hex::decode(digits).ok()?);
        bytes.extend(rest.as_bytes());
    }
    Some(bytes)
}

/// Escapes everything but the unreserved characters of RFC 3986 §2.3; slashes stay, which only paths have here.
fn escaped(bytes: &[u8]) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    bytes
        .iter()
        .map(|&byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = "pkcs11:token=The%20Software%3bPKCS%2311;serial=00ff;manufacturer=M;model=X;type=private;\
                        object=xa-issuer;id=%01%ab?module-path=/usr/lib/p11.so&pin-source=file:/run/pin";

    #[test]
    fn a_uri_says_which_key_in_which_token() {
        let uri = Pkcs11Uri::parse(FULL).unwrap();
        assert_eq!((uri.object(), uri.id()), (Some("xa-issuer"), Some(&[1, 0xab][..])));
        assert_eq!(uri.token_name(), "The Software;PKCS#11");
        assert_eq!(
            (uri.module(), uri.pin_source()),
            (Path::new("/usr/lib/p11.so"), Some(Path::new("/run/pin")))
        );
        assert!(uri.is_token("The Software;PKCS#11", "00ff", "M", "X"));
        assert!(!uri.is_token("The Software;PKCS#11", "00fe", "M", "X"));
        assert_eq!(Pkcs11Uri::parse(&uri.to_string()).unwrap(), uri);
        let other = uri.token_only().with_object("a/b c", &[0, 255]);
        assert_eq!(Pkcs11Uri::parse(&other.to_string()).unwrap(), other);
        let short = Pkcs11Uri::parse("pkcs11:token=T?module-path=/m.so&pin-source=file:///run/pin").unwrap();
        assert_eq!(short.pin_source(), Some(Path::new("/run/pin")));
        assert!(short.is_token("T", "any", "any", "any"));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for (uri, word) in [
            ("file:/x", "starts with"),
            ("pkcs11:?module-path=/m.so", "token"),
            ("pkcs11:object=o?module-path=/m.so", "token"),
            ("pkcs11:token=T", "module-path"),
            ("pkcs11:token=T;token=U?module-path=/m.so", "twice"),
            ("pkcs11:token=T;slot-id=1?module-path=/m.so", "slot-id"),
            ("pkcs11:token=T;type=public?module-path=/m.so", "private"),
            ("pkcs11:token=?module-path=/m.so", "no value"),
            ("pkcs11:token=%zz?module-path=/m.so", "escape"),
            ("pkcs11:token=%e4%?module-path=/m.so", "escape"),
            ("pkcs11:token=%ff?module-path=/m.so", "UTF-8"),
            ("pkcs11:token=T?module-path=m.so", "absolute"),
            ("pkcs11:token=T?module-name=softhsm2", "module-name"),
            ("pkcs11:token=T?module-path=/m.so&pin-value=1234", "PIN"),
            ("pkcs11:token=T?module-path=/m.so&pin-source=|cat", "file:"),
            ("pkcs11:token=T?module-path=/m.so&pin-source=file:pin", "absolute"),
        ] {
            let said = format!("{:#}", Pkcs11Uri::parse(uri).unwrap_err());
            assert!(said.contains(word), "{uri}: {said}");
            assert!(!said.contains("1234"));
        }
    }
}
