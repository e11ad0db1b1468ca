//! The portrait that a foreign credential may carry instead of a face template. Nothing here decodes it.

use std::fmt;

use zeroize::Zeroizing;

/// The longest portrait, in bytes: more than any symbol has room for.
pub const MAX_PORTRAIT: usize = 4096;

/// How a portrait is encoded (Claim 169 "Image format").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortraitFormat {
    /// 1.
    Jpeg,
    /// 2: JPEG 2000.
    Jpeg2000,
    /// 3.
    Avif,
    /// 4.
    WebP,
}

impl PortraitFormat {
    /// Returns the format of a Claim 169 code.
    pub fn from_code(code: i64) -> Option<Self> {
        Some(match code {
            1 => Self::Jpeg,
            2 => Self::Jpeg2000,
            3 => Self::Avif,
            4 => Self::WebP,
            _ => return None,
        })
    }

    /// Returns the format that the bytes begin like.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let has =
            |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
        match () {
            () if has(0, b"\xff\xd8\xff") => Some(Self::Jpeg),
            () if has(0, b"RIFF") && has(8, b"WEBP") => Some(Self::WebP),
            () if has(4, b"ftypavif") => Some(Self::Avif),
            () if has(0, b"\0\0\0\x0cjP  ") || has(0, b"\xff\x4f\xff\x51") => Some(Self::Jpeg2000),
            () => None,
        }
    }
}

/// A portrait as a credential carries it: encoded, and of unknown worth.
#[derive(Clone, PartialEq, Eq)]
pub struct Portrait {
    format: PortraitFormat,
    bytes: Zeroizing<Vec<u8>>,
}

impl Portrait {
    /// Takes the bytes of a picture; `None` if there are none, or more than [`MAX_PORTRAIT`].
    pub fn new(format: PortraitFormat, bytes: Vec<u8>) -> Option<Self> {
        let bytes = Zeroizing::new(bytes);
        (1..=MAX_PORTRAIT).contains(&bytes.len()).then_some(Self { format, bytes })
    }

    /// Returns how the picture is said to be encoded.
    pub fn format(&self) -> PortraitFormat {
        self.format
    }

    /// Returns the encoded picture; a copy of it is not wiped.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Portrait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Portrait({:?}, {} bytes)", self.format, self.bytes.len())
    }
}
