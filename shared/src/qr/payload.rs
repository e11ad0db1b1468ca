//! The text in the symbol: Base45 (RFC 9285) around bytes whose first one says what they are.
//!
//! Base45 uses exactly the 45 characters of QR alphanumeric mode, so a byte costs 8.25 bits in the symbol.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::io::Read;

/// The longest text looked at: what a version 40-L symbol holds in alphanumeric mode (ISO/IEC 18004 table 7).
pub const MAX_TEXT: usize = 4296;

/// The most bytes a compressed payload may become: far above any credential, far below a decompression bomb.
pub const MAX_INFLATED: usize = 8192;

const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";

/// The first byte of a COSE_Encrypt0 under its tag, 16.
pub(crate) const ENCRYPTED: u8 = 0xd0;

/// What the text of a symbol carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payload {
    /// A credential on its own or countersigned, zlib-compressed in the symbol as Claim 169 requires (first byte 0x78).
    Static(Vec<u8>),
    /// A COSE_Sign1 as it is: a key-bound presentation (first byte 0xD2, CBOR tag 18).
    Signed(Vec<u8>),
    /// A COSE_Encrypt0 that only a machine with the sector's key can open (first byte 0xD0, CBOR tag 16).
    /// Inside is a payload again.
    Encrypted(Vec<u8>),
}

/// Why a text carries nothing for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// The text is longer than any symbol.
    #[error("the text has more than {MAX_TEXT} characters")]
    TooLong,
    /// The text is not Base45.
    #[error("the text is not Base45 (RFC 9285)")]
    NotBase45,
    /// The bytes start like nothing that Gatepass or Claim 169 defines.
    #[error("the code is not a digital identity code")]
    Foreign,
    /// The zlib stream is damaged, too large once inflated, or followed by more bytes.
    #[error("the compressed payload is damaged or too large")]
    Compression,
}

/// Reads the text of a symbol.
///
/// # Errors
/// See [`PayloadError`]; the text itself is never part of the error.
pub fn decode(text: &str) -> Result<Payload, PayloadError> {
    if text.len() > MAX_TEXT {
        return Err(PayloadError::TooLong);
    }
    from_bytes(base45_decode(text)?)
}

/// Tells what bytes are, from a symbol or from inside an encrypted one.
///
/// # Errors
/// See [`PayloadError`].
pub(crate) fn from_bytes(bytes: Vec<u8>) -> Result<Payload, PayloadError> {
    match bytes.first() {
        Some(0x78) => inflate(&bytes, MAX_INFLATED)
            .filter(|inflated| padding_is_zero(&bytes, inflated))
            .ok_or(PayloadError::Compression)
            .map(Payload::Static),
        Some(0xd2) => Ok(Payload::Signed(bytes)),
        Some(&ENCRYPTED) => Ok(Payload::Encrypted(bytes)),
        _ => Err(PayloadError::Foreign),
    }
}

/// Between the head of a stored block and its length (RFC 1951 §3.2.4), and after the last block, are bits that stand for
/// nothing. Every encoder writes zeros there; so do codes, or one code would have many forms.
///
/// Where the last block ends is not known here. But the last bit that is set belongs to it, unless the same comes out
/// without that bit.
fn padding_is_zero(zlib: &[u8], inflated: &[u8]) -> bool {
    let stored = zlib.get(2).is_some_and(|head| head >> 1 & 3 == 0);
    if stored && zlib.get(2).is_some_and(|head| head >> 3 != 0) {
        return false;
    }
    let mut without = zlib.to_vec();
    // Adler-32 is the last four bytes.
    let Some(last) = zlib.len().checked_sub(5).and_then(|place| without.get_mut(place)) else { return false };
    let Some(top) = last.checked_ilog2() else { return true };
    *last ^= 1 << top;
    inflate(&without, inflated.len()).as_deref() != Some(inflated)
}

/// Writes a payload as the text of a symbol.
#[cfg(feature = "issue")]
pub fn encode(payload: &Payload) -> String {
    base45_encode(&to_bytes(payload))
}

/// Writes a payload as the bytes that stand in the symbol, or inside an encrypted one.
#[cfg(feature = "issue")]
pub fn to_bytes(payload: &Payload) -> Vec<u8> {
    match payload {
        Payload::Static(bytes) => deflate(bytes),
        Payload::Signed(bytes) | Payload::Encrypted(bytes) => bytes.clone(),
    }
}

/// Inflates one whole zlib stream (RFC 1950) to at most `limit` bytes.
///
/// Returns `None` if the stream is damaged, larger than that, or followed by anything.
pub(crate) fn inflate(bytes: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut stream = flate2::read::ZlibDecoder::new(bytes);
    let mut inflated = Vec::new();
    let read = (&mut stream).take(limit as u64 + 1).read_to_end(&mut inflated).ok()?;
    let all_consumed = stream.total_in() == bytes.len() as u64;
    (read <= limit && all_consumed).then_some(inflated)
}

/// Compresses with zlib at level 9.
#[cfg(feature = "issue")]
pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::read::ZlibEncoder::new(bytes, flate2::Compression::best());
    let mut out = Vec::new();
    encoder.read_to_end(&mut out).expect("compressing memory to memory cannot fail");
    out
}

/// Writes bytes in Base45: two bytes as three characters, a last single byte as two (RFC 9285 §4).
pub fn base45_encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(2) * 3);
    let mut push = |digit: u16| text.push(char::from(*ALPHABET.get(usize::from(digit)).unwrap_or(&b'0')));
    for pair in bytes.chunks(2) {
        match *pair {
            [high, low] => {
                let n = u16::from_be_bytes([high, low]);
                push(n % 45);
                push(n / 45 % 45);
                push(n / 2025);
            }
            [single] => {
                push(u16::from(single) % 45);
                push(u16::from(single) / 45);
            }
            _ => {}
        }
    }
    text
}

/// Reads Base45.
///
/// # Errors
/// [`PayloadError::NotBase45`] for characters outside the alphabet, groups above 65535 (or 255 for the
/// last two characters) and a single left-over character (RFC 9285 §6).
pub fn base45_decode(text: &str) -> Result<Vec<u8>, PayloadError> {
    let mut bytes = Vec::with_capacity(text.len() / 3 * 2 + 1);
    for group in text.as_bytes().chunks(3) {
        match *group {
            [a, b, c] => {
                let n = digit(a)? + digit(b)? * 45 + digit(c)? * 2025;
                let n = u16::try_from(n).map_err(|_| PayloadError::NotBase45)?;
                bytes.extend_from_slice(&n.to_be_bytes());
            }
            [a, b] => {
                let n = digit(a)? + digit(b)? * 45;
                bytes.push(u8::try_from(n).map_err(|_| PayloadError::NotBase45)?);
            }
            _ => return Err(PayloadError::NotBase45),
        }
    }
    Ok(bytes)
}

fn digit(character: u8) -> Result<u32, PayloadError> {
    match VALUES.get(usize::from(character)) {
        Some(&value) if value < 45 => Ok(u32::from(value)),
        _ => Err(PayloadError::NotBase45),
    }
}

/// The value of each character, 255 for those outside the alphabet.
const VALUES: [u8; 256] = {
    let mut values = [255; 256];
    let mut value: u8 = 0;
    while value < 45 {
        #[expect(
            clippy::indexing_slicing,
            reason = "both indexes are below the arrays' lengths; evaluated at compile time"
        )]
        {
            values[ALPHABET[value as usize] as usize] = value;
        }
        value += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 9285 §4.3 and §4.4.
    #[test]
    fn rfc_9285_examples() {
        for (bytes, text) in [
            ("AB", "BB8"),
            ("Hello!!", "%69 VD92EX0"),
            ("base-45", "UJCLQE7W581"),
            ("ietf!", "QED8WEX0"),
            ("", ""),
        ] {
            assert_eq!(base45_encode(bytes.as_bytes()), text);
            assert_eq!(base45_decode(text).unwrap(), bytes.as_bytes());
        }
    }

    #[test]
    fn what_is_not_base45_is_refused() {
        for text in ["GGW", ":::", "A", "BB8A", "6V", "::", "bb8", "B\u{e9}", "AB\n"] {
            assert_eq!(base45_decode(text), Err(PayloadError::NotBase45), "{text:?}");
        }
    }

    #[test]
    fn foreign_and_empty_texts_are_named() {
        assert_eq!(decode(""), Err(PayloadError::Foreign));
        assert_eq!(decode(&base45_encode(b"hello")), Err(PayloadError::Foreign));
        assert_eq!(decode("https://example.org"), Err(PayloadError::NotBase45));
        assert_eq!(decode(&"0".repeat(MAX_TEXT + 1)), Err(PayloadError::TooLong));
    }

    /// Stored, in fixed and in dynamic Huffman blocks, ending at several bits of a byte: not one bit is free.
    #[test]
    #[cfg(feature = "issue")]
    fn every_bit_of_what_is_compressed_counts() {
        let mut ends = std::collections::BTreeSet::new();
        for length in 0..120_u32 {
            let noise = (0..length).map(|place| (place.wrapping_mul(2_654_435_761) >> 24) as u8);
            let words = (0..length).map(|place| b"SAMPLE ALEX BORDER "[(place * place) as usize % 19]);
            for bytes in [noise.collect::<Vec<_>>(), words.collect()] {
                let zlib = deflate(&bytes);
                ends.insert((zlib[2] >> 1 & 3, zlib[zlib.len() - 5].leading_zeros()));
                assert_eq!(from_bytes(zlib.clone()), Ok(Payload::Static(bytes)));
                for bit in 0..zlib.len() * 8 {
                    let mut altered = zlib.clone();
                    altered[bit / 8] ^= 1 << (bit % 8);
                    assert!(from_bytes(altered).is_err(), "bit {bit} of {length} bytes");
                }
            }
        }
        let kinds: std::collections::BTreeSet<_> = ends.iter().map(|(kind, _)| kind).collect();
        assert!(kinds.len() == 3 && ends.len() >= 12, "{ends:?}");
    }

    #[test]
    #[cfg(feature = "issue")]
    fn compression_is_bounded_and_exact() {
        let bomb = deflate(&vec![0; 10_000_000]);
        assert_eq!(inflate(&bomb, MAX_INFLATED), None);
        let mut followed = deflate(b"credential");
        assert_eq!(inflate(&followed, MAX_INFLATED).as_deref(), Some(&b"credential"[..]));
        assert_eq!(inflate(&followed[..followed.len() - 1], MAX_INFLATED), None);
        followed.push(0);
        assert_eq!(inflate(&followed, MAX_INFLATED), None);
        assert_eq!(decode(&base45_encode(&followed)), Err(PayloadError::Compression));
    }

    proptest! {
        #[test]
        fn base45_round_trips(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let text = base45_encode(&bytes);
            prop_assert_eq!(base45_decode(&text).unwrap(), bytes);
        }

        #[test]
        fn accepted_text_is_the_only_encoding(text in "[0-9A-Z $%*+./:-]{0,40}") {
            if let Ok(bytes) = base45_decode(&text) {
                prop_assert_eq!(base45_encode(&bytes), text);
            }
        }
    }
}
