//! The face template as a credential carries it. What its bytes mean is the algorithm's business.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The longest template, in bytes: more would cost the symbol its readability.
pub const MAX_TEMPLATE: usize = 512;

/// Names the network and the quantiser that made a template: both must be the same on the two sides.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AlgorithmId(String);

/// A face template: the reference on the trusted side (ISO/IEC 2382-37).
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    algorithm: AlgorithmId,
    bytes: Zeroizing<Vec<u8>>,
}

/// Why something is not a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// The algorithm's name.
    #[error("an algorithm id is 1 to 32 lower-case letters, digits, hyphens and slashes")]
    Algorithm,
    /// The number of bytes.
    #[error("a template has 1 to {MAX_TEMPLATE} bytes; this one has {length}")]
    Length {
        /// How many.
        length: usize,
    },
}

impl AlgorithmId {
    /// Reads a name of 1 to 32 lower-case letters, digits, hyphens and slashes.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '/';
        if (1..=32).contains(&text.len()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TemplateError::Algorithm)
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AlgorithmId {
    type Error = TemplateError;

    fn try_from(text: String) -> Result<Self, TemplateError> {
        Self::parse(&text)
    }
}

impl From<AlgorithmId> for String {
    fn from(algorithm: AlgorithmId) -> Self {
        algorithm.0
    }
}

impl fmt::Display for AlgorithmId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Template {
    /// Takes bytes that `algorithm` made.
    ///
    /// # Errors
    /// No bytes, or more than [`MAX_TEMPLATE`].
    pub fn new(algorithm: AlgorithmId, bytes: Vec<u8>) -> Result<Self, TemplateError> {
        let bytes = Zeroizing::new(bytes);
        match bytes.len() {
            1..=MAX_TEMPLATE => Ok(Self { algorithm, bytes }),
            length => Err(TemplateError::Length { length }),
        }
    }

    /// Returns what made the template.
    pub fn algorithm(&self) -> &AlgorithmId {
        &self.algorithm
    }

    /// Returns the bytes; a copy of them is not wiped.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({}, {} bytes)", self.algorithm, self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_and_nothing_biometric_prints() {
        let id = AlgorithmId::parse("omz0095/i4").unwrap();
        assert_eq!(AlgorithmId::parse(""), Err(TemplateError::Algorithm));
        assert_eq!(AlgorithmId::parse("Omz"), Err(TemplateError::Algorithm));
        assert_eq!(Template::new(id.clone(), vec![]), Err(TemplateError::Length { length: 0 }));
        assert_eq!(Template::new(id.clone(), vec![0; 513]), Err(TemplateError::Length { length: 513 }));
        assert_eq!(
            format!("{:?}", Template::new(id, vec![77; 128]).unwrap()),
            "Template(omz0095/i4, 128 bytes)"
        );
    }
}
