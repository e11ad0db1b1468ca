//! Text to symbol.

use qrcode::bits::Bits;
use qrcode::{Color, EcLevel, QrCode, Version};

use super::symbol::{Level, Symbol};

/// Largest version drawn. At 65 mm wide with its quiet zone, a 1080p camera that sees 60 degrees has three pixels for a
/// module up to 29 cm away, a 720p camera up to 19 cm (`docs/format.md` §8: computed).
pub const MAX_VERSION: u8 = 25;

/// Largest version drawn at level M. Above it L has the larger modules, which blur and distance spare, and less to set
/// against glare and cracks (`docs/format.md` §8: measured on simulated frames; at 1300 characters our reader read 43 % of 96
/// at L, 42 % at M).
const MAX_VERSION_AT_M: u8 = 22;

/// Why a text became no symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The text has more characters than the largest symbol allowed holds.
    #[error("{chars} characters, but a symbol holds at most {limit}")]
    TooLong {
        /// Characters in the text.
        chars: usize,
        /// Characters that would have fitted.
        limit: usize,
    },
    /// A character is outside the alphanumeric set `0-9 A-Z space $ % * + - . / :`.
    #[error("character {position} is not in the alphanumeric set")]
    NotAlphanumeric {
        /// Byte offset of the first such character.
        position: usize,
    },
    /// The version asked for is 0 or past [`MAX_VERSION`].
    #[error("version {0} is not between 1 and {MAX_VERSION}")]
    Version(u8),
}

/// Draws `text` in a symbol that reads as well as any of its width: the smallest version at level M, or, where M would
/// need more than version 22, the smallest version at level L.
///
/// The text is written as one alphanumeric segment, so that version and level follow from its length alone and stay
/// the same from one rotation of a code to the next.
///
/// # Errors
///
/// [`EncodeError::TooLong`] past 1853 characters (version 25 at L), [`EncodeError::NotAlphanumeric`] for text outside
/// the alphanumeric set. Base45 is inside it.
pub fn encode(text: &str) -> Result<Symbol, EncodeError> {
    let (version, level) = smallest(text.len()).unwrap_or((MAX_VERSION, Level::L));
    encode_at(text, version, level)
}

/// Draws `text` at one version and level, for measurements and tests.
///
/// # Errors
///
/// As [`encode`], with the limit of that version and level, and [`EncodeError::Version`].
pub fn encode_at(text: &str, version: u8, level: Level) -> Result<Symbol, EncodeError> {
    if let Some(position) = text.bytes().position(|byte| !is_alphanumeric(byte)) {
        return Err(EncodeError::NotAlphanumeric { position });
    }
    if !(1..=MAX_VERSION).contains(&version) {
        return Err(EncodeError::Version(version));
    }
    let too_long = EncodeError::TooLong { chars: text.len(), limit: capacity(version, level) };
    if text.len() > capacity(version, level) {
        return Err(too_long);
    }

    let mut bits = Bits::new(Version::Normal(version.into()));
    bits.push_alphanumeric_data(text.as_bytes()).map_err(|_| too_long)?;
    bits.push_terminator(ec_level(level)).map_err(|_| too_long)?;
    let code = QrCode::with_bits(bits, ec_level(level)).map_err(|_| too_long)?;
    let modules = code.into_colors().into_iter().map(|color| color == Color::Dark).collect();
    Ok(Symbol::new(version, level, modules))
}

/// Returns the version and level for a text of so many characters, or `None` if none holds it.
fn smallest(chars: usize) -> Option<(u8, Level)> {
    let at = |level, limit| {
        (1..=limit).find(|&version| capacity(version, level) >= chars).map(|version| (version, level))
    };
    at(Level::M, MAX_VERSION_AT_M).or_else(|| at(Level::L, MAX_VERSION))
}

/// Returns how many alphanumeric characters a symbol holds (ISO/IEC 18004 §7.4.4: two in 11 bits, one in 6).
fn capacity(version: u8, level: Level) -> usize {
    let bits = Bits::new(Version::Normal(version.into())).max_len(ec_level(level)).unwrap_or(0);
    let header = 4 + if version < 10 { 9 } else { 11 };
    let left = bits.saturating_sub(header);
    left / 11 * 2 + usize::from(left % 11 >= 6)
}

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_digit() || byte.is_ascii_uppercase() || b" $%*+-./:".contains(&byte)
}

fn ec_level(level: Level) -> EcLevel {
    match level {
        Level::L => EcLevel::L,
        Level::M => EcLevel::M,
        Level::Q => EcLevel::Q,
        Level::H => EcLevel::H,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(chars: usize) -> (u8, Level) {
        let symbol = encode(&"A".repeat(chars)).unwrap();
        (symbol.version(), symbol.level())
    }

    #[test]
    fn capacities_are_those_of_the_standard() {
        // ISO/IEC 18004 table 7, alphanumeric column.
        for (version, level, chars) in [
            (1, Level::L, 25),
            (1, Level::H, 10),
            (9, Level::M, 262),
            (10, Level::M, 311),
            (17, Level::L, 938),
            (19, Level::M, 909),
            (22, Level::M, 1134),
            (25, Level::L, 1853),
            (25, Level::M, 1451),
            (25, Level::Q, 1041),
            (25, Level::H, 779),
        ] {
            assert_eq!(capacity(version, level), chars, "version {version}-{}", level.name());
        }
    }

    #[test]
    fn level_is_m_up_to_version_22_and_l_beyond() {
        let last_m = capacity(22, Level::M);
        assert_eq!(picked(1), (1, Level::M));
        assert_eq!(picked(909), (19, Level::M));
        assert_eq!(picked(last_m), (22, Level::M));
        assert_eq!(picked(last_m + 1), (19, Level::L));
        assert_eq!(picked(1853), (25, Level::L));
    }

    #[test]
    fn every_length_gets_the_smallest_version() {
        for chars in 0..=1853 {
            let (version, level) = smallest(chars).unwrap();
            assert!(capacity(version, level) >= chars);
            assert!(version == 1 || capacity(version - 1, level) < chars);
            assert_eq!(level, if chars <= 1134 { Level::M } else { Level::L });
        }
        assert_eq!(smallest(1854), None);
    }

    #[test]
    fn too_long_is_refused_with_the_limit() {
        assert_eq!(encode(&"A".repeat(1854)), Err(EncodeError::TooLong { chars: 1854, limit: 1853 }));
        assert_eq!(
            encode_at(&"A".repeat(26), 1, Level::L),
            Err(EncodeError::TooLong { chars: 26, limit: 25 })
        );
    }

    #[test]
    fn other_text_and_versions_are_refused() {
        assert_eq!(encode("ABc"), Err(EncodeError::NotAlphanumeric { position: 2 }));
        assert_eq!(encode("Ä"), Err(EncodeError::NotAlphanumeric { position: 0 }));
        assert_eq!(encode_at("A", 0, Level::M), Err(EncodeError::Version(0)));
        assert_eq!(encode_at("A", 26, Level::M), Err(EncodeError::Version(26)));
    }
}
