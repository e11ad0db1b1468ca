//! One symbol as modules.

/// Error correction level (ISO/IEC 18004 §7.5.1): how much damage a symbol survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// About 7 % of the codewords may be wrong.
    L,
    /// About 15 %.
    M,
    /// About 25 %.
    Q,
    /// About 30 %.
    H,
}

impl Level {
    /// Returns the letter of the standard.
    pub const fn name(self) -> &'static str {
        match self {
            Level::L => "L",
            Level::M => "M",
            Level::Q => "Q",
            Level::H => "H",
        }
    }
}

/// A drawn symbol: a square of dark and light modules, without its quiet zone.
///
/// Made by [`encode`](super::encode()). Its `Debug` leaves the modules out, because they can spell a person's data.
#[cfg(feature = "draw")]
#[derive(Clone, PartialEq, Eq)]
pub struct Symbol {
    version: u8,
    level: Level,
    modules: Vec<bool>,
}

#[cfg(feature = "draw")]
impl Symbol {
    /// Takes modules row by row; `modules` holds `(17 + 4 * version)²` of them.
    pub(super) fn new(version: u8, level: Level, modules: Vec<bool>) -> Self {
        let symbol = Symbol { version, level, modules };
        debug_assert_eq!(symbol.modules.len(), (symbol.size() * symbol.size()) as usize);
        symbol
    }

    /// Returns the version, 1 to 40, which fixes the size.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// Returns the error correction level.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Returns the modules along one side, `17 + 4 * version`.
    pub fn size(&self) -> u32 {
        17 + 4 * u32::from(self.version)
    }

    /// Returns whether the module in column `x`, row `y` is dark. Everything outside the symbol is light.
    pub fn is_dark(&self, x: u32, y: u32) -> bool {
        x < self.size() && y < self.size() && self.modules[(y * self.size() + x) as usize]
    }
}

#[cfg(feature = "draw")]
impl std::fmt::Debug for Symbol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Symbol")
            .field("version", &self.version)
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}
