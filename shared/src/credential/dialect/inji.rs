//! Inji Certify's codes: the CWT is written in hexadecimal before it is compressed.
//!
//! Its issuer signs to hexadecimal text and hands that to a library which compresses any text. Once the digits are
//! turned into bytes it is Claim 169, with the identity in a byte string of its own.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

/// Returns the bytes that hexadecimal digits stand for, if there is nothing but digits.
pub(in super::super) fn unwrap_hexadecimal(inflated: &[u8]) -> Option<Vec<u8>> {
    // No CBOR of a signed message starts with a digit's byte: those are integers and short byte strings.
    inflated.first().filter(|first| first.is_ascii_hexdigit())?;
    hex::decode(inflated).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_only() {
        assert_eq!(unwrap_hexadecimal(b"d28443"), Some(vec![0xd2, 0x84, 0x43]));
        assert_eq!(unwrap_hexadecimal(b"D28443"), Some(vec![0xd2, 0x84, 0x43]));
        for not in [&b""[..], b"d2844", b"d2844g", b"\xd2\x84", b"d284 43"] {
            assert_eq!(unwrap_hexadecimal(not), None);
        }
    }
}
