//! A portrait as a credential carries it: Claim 169, attributes 16 (image) and 17 (format). `face` decodes it.

use std::fmt;

use zeroize::Zeroizing;

/// The longest portrait, in bytes: no symbol holds more.
pub const MAX_PORTRAIT: usize = 4096;

/// What a portrait's bytes are, with the number that Claim 169 gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PortraitFormat {
    /// JPEG (ITU-T T.81).
    Jpeg = 1,
    /// JPEG 2000 (ITU-T T.800); named here and never decoded.
    Jpeg2000 = 2,
    /// AVIF (AV1 Image File Format); named here, and decoded by the kiosk in a process of its own.
    Avif = 3,
    /// WebP (RFC 9649).
    Webp = 4,
}

/// A portrait: an encoded picture of the holder's face. Wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Portrait {
    format: PortraitFormat,
    bytes: Zeroizing<Vec<u8>>,
}

/// Why something is not a portrait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PortraitError {
    /// A number that Claim 169 gives to no format.
    #[error("{number} is no portrait format of Claim 169")]
    Format {
        /// The number.
        number: u64,
    },
    /// The number of bytes.
    #[error("a portrait has 1 to {MAX_PORTRAIT} bytes; this one has {length}")]
    Length {
        /// How many.
        length: usize,
    },
}

impl PortraitFormat {
    /// Reads the number of Claim 169, attribute 17.
    ///
    /// # Errors
    /// A number that stands for no format.
    pub fn from_number(number: u64) -> Result<Self, PortraitError> {
        match number {
            1 => Ok(Self::Jpeg),
            2 => Ok(Self::Jpeg2000),
            3 => Ok(Self::Avif),
            4 => Ok(Self::Webp),
            _ => Err(PortraitError::Format { number }),
        }
    }

    /// Returns the format that the bytes begin like.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let has =
            |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
        match () {
            () if has(0, b"\xff\xd8\xff") => Some(Self::Jpeg),
            () if has(0, b"RIFF") && has(8, b"WEBP") => Some(Self::Webp),
            () if has(4, b"ftypavif") => Some(Self::Avif),
            () if has(0, b"\0\0\0\x0cjP  ") || has(0, b"\xff\x4f\xff\x51") => Some(Self::Jpeg2000),
            () => None,
        }
    }

    /// Returns the number of Claim 169, attribute 17.
    pub fn number(self) -> u64 {
        self as u64
    }
}

impl Portrait {
    /// Takes the bytes of an encoded picture, without looking into them.
    ///
    /// # Errors
    /// No bytes, or more than [`MAX_PORTRAIT`].
    pub fn new(format: PortraitFormat, bytes: Vec<u8>) -> Result<Self, PortraitError> {
        let bytes = Zeroizing::new(bytes);
        match bytes.len() {
            1..=MAX_PORTRAIT => Ok(Self { format, bytes }),
            length => Err(PortraitError::Length { length }),
        }
    }

    /// Returns what the bytes are said to be.
    pub fn format(&self) -> PortraitFormat {
        self.format
    }

    /// Returns the bytes; a copy of them is not wiped.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Portrait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Portrait({:?}, {} bytes)", self.format, self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_and_no_picture_prints() {
        let length = |length| Portrait::new(PortraitFormat::Webp, vec![77; length]).map(|_| ());
        assert_eq!(length(0), Err(PortraitError::Length { length: 0 }));
        assert_eq!(length(4096), Ok(()));
        assert_eq!(length(4097), Err(PortraitError::Length { length: 4097 }));
        let portrait = Portrait::new(PortraitFormat::Webp, vec![77; 600]).unwrap();
        assert_eq!(format!("{portrait:?}"), "Portrait(Webp, 600 bytes)");
    }

    #[test]
    fn formats_have_the_numbers_of_claim_169() {
        for number in 1..=4 {
            assert_eq!(PortraitFormat::from_number(number).unwrap().number(), number);
        }
        for number in [0, 5, u64::MAX] {
            assert_eq!(PortraitFormat::from_number(number), Err(PortraitError::Format { number }));
        }
    }
}
