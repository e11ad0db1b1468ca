//! Characters to the texts of whole codes.

use shared::qr::payload::MAX_TEXT;

/// The characters of a code so far.
///
/// A code that is longer than any symbol can hold is dropped as a whole: its end alone would be another code.
#[derive(Debug, Default)]
pub struct Text {
    bytes: Vec<u8>,
    spoilt: bool,
}

impl Text {
    /// A code that may have begun before anybody listened: it is dropped, unless there is a pause first.
    pub fn joined_late() -> Self {
        Self { spoilt: true, ..Self::default() }
    }

    /// Takes one byte; one that ends a line ends a code. Returns that code's text.
    pub fn push(&mut self, byte: u8) -> Option<String> {
        if matches!(byte, b'\r' | b'\n') {
            return self.end();
        }
        self.spoilt |= self.bytes.len() >= MAX_TEXT;
        if !self.spoilt {
            self.bytes.push(byte);
        }
        None
    }

    /// Notes that characters of the code are missing: it will be dropped.
    pub fn spoil(&mut self) {
        self.spoilt = true;
    }

    /// Ends the code; returns its text, if there is any.
    pub fn end(&mut self) -> Option<String> {
        let (bytes, spoilt) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.spoilt));
        (!bytes.is_empty() && !spoilt).then(|| String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(bytes: &[u8]) -> Vec<String> {
        let mut text = Text::default();
        let mut codes: Vec<_> = bytes.iter().filter_map(|byte| text.push(*byte)).collect();
        codes.extend(text.end());
        codes
    }

    #[test]
    fn lines_are_codes_whatever_ends_them() {
        assert_eq!(codes(b"ONE\rTWO\n\r\nTHREE"), ["ONE", "TWO", "THREE"]);
        assert_eq!(codes(b"\n\n"), [""; 0]);
        assert_eq!(codes(b"A\xffB"), ["A\u{fffd}B"]);
    }

    #[test]
    fn a_code_with_a_hole_is_no_code() {
        let mut text = Text::default();
        assert_eq!(text.push(b'A'), None);
        text.spoil();
        assert_eq!((text.push(b'C'), text.push(b'\n')), (None, None));
        assert_eq!((text.push(b'D'), text.push(b'\n')), (None, Some("D".to_owned())));
        let mut late = Text::joined_late();
        assert_eq!((late.push(b'F'), late.push(b'\n')), (None, None));
        let mut in_time = Text::joined_late();
        assert_eq!(in_time.end(), None, "a pause");
        assert_eq!((in_time.push(b'G'), in_time.push(b'\n')), (None, Some("G".to_owned())));
    }

    #[test]
    fn what_is_too_long_is_no_code_and_the_next_one_is() {
        let mut bytes = vec![b'A'; MAX_TEXT];
        bytes.push(b'\n');
        bytes.extend(vec![b'B'; MAX_TEXT * 3]);
        bytes.extend(b"\nC\n");
        assert_eq!(codes(&bytes), ["A".repeat(MAX_TEXT), "C".to_owned()]);
    }
}
