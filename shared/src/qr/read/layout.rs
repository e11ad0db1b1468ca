//! What each module of a symbol is for (ISO/IEC 18004 §6.3, §7.7): fixed patterns, format, version, data.

use std::sync::OnceLock;

use rxing::qrcode::common::{ErrorCorrectionLevel, Version};

use crate::qr::symbol::Level;

/// What a module is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Module {
    /// The same in every symbol of this version: dark or not.
    Fixed(bool),
    /// Format or version information.
    Information,
    /// Part of a codeword, or one of the few left over.
    Data,
}

/// The modules of one version.
pub(super) struct Layout {
    version: u8,
    size: usize,
    modules: Vec<Module>,
    alignment: Vec<u8>,
    /// Indices of the modules of all codewords, eight for each, most significant first.
    data: Vec<u32>,
    blocks: [Vec<Block>; 4],
}

/// One Reed-Solomon block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// Which codewords of the symbol, in the order of the block: data first.
    pub(super) codewords: Vec<usize>,
    /// How many of them are data.
    pub(super) data: usize,
    /// How many errors may be corrected (table 9 leaves some parity of the smallest versions for detection).
    pub(super) correctable: usize,
}

/// Where each of the 15 format bits is, least significant first, for both copies: `(column, row)`.
pub(super) fn format_modules(size: usize) -> [[(usize, usize); 15]; 2] {
    let near = std::array::from_fn(|bit| match bit {
        0..6 => (8, bit),
        6 => (8, 7),
        7 => (8, 8),
        8 => (7, 8),
        _ => (14 - bit, 8),
    });
    let far = std::array::from_fn(|bit| if bit < 8 { (size - 1 - bit, 8) } else { (8, size - 15 + bit) });
    [near, far]
}

/// Returns the 15 format bits of a level and a mask (§7.9: BCH code, masked).
pub(super) fn format_bits(level: Level, mask: u8) -> u16 {
    let level = match level {
        Level::L => 1u16,
        Level::M => 0,
        Level::Q => 3,
        Level::H => 2,
    };
    let data = level << 3 | u16::from(mask);
    let remainder = (0..10).fold(data, |rest, _| (rest << 1) ^ ((rest >> 9) * 0x537));
    (data << 10 | remainder & 0x3ff) ^ 0x5412
}

/// Returns the 18 version bits of versions 7 to 40 (§7.10: BCH code).
pub(super) fn version_bits(version: u8) -> u32 {
    let data = u32::from(version);
    let remainder = (0..12).fold(data, |rest, _| (rest << 1) ^ ((rest >> 11) * 0x1f25));
    data << 12 | remainder & 0xfff
}

/// Returns whether a mask turns over the module in a column and a row (table 10).
pub(super) fn masked(mask: u8, column: usize, row: usize) -> bool {
    let product = row * column;
    let rest = match mask {
        0 => (row + column) % 2,
        1 => row % 2,
        2 => column % 3,
        3 => (row + column) % 3,
        4 => (row / 2 + column / 3) % 2,
        5 => product % 2 + product % 3,
        6 => (product % 2 + product % 3) % 2,
        _ => ((row + column) % 2 + product % 3) % 2,
    };
    rest == 0
}

impl Layout {
    /// Returns the layout of a version from 1 to 40.
    pub(super) fn of(version: u8) -> Option<&'static Layout> {
        static LAYOUTS: [OnceLock<Option<Layout>>; 40] = [const { OnceLock::new() }; 40];
        let index = usize::from(version).checked_sub(1)?;
        LAYOUTS.get(index)?.get_or_init(|| Layout::new(version)).as_ref()
    }

    fn new(version: u8) -> Option<Self> {
        let tables = Version::getVersionForNumber(version.into()).ok()?;
        let size = 17 + 4 * usize::from(version);
        let alignment: Vec<u8> =
            tables.getAlignmentPatternCenters().iter().map(|&center| center as u8).collect();
        let mut modules = vec![Module::Data; size * size];
        let mut set = |column: usize, row: usize, module: Module| modules[row * size + column] = module;

        for (index, &column) in alignment.iter().enumerate() {
            for (other, &row) in alignment.iter().enumerate() {
                let last = alignment.len() - 1;
                if (index, other) == (0, 0) || (index, other) == (0, last) || (index, other) == (last, 0) {
                    continue;
                }
                for (across, down) in square(5) {
                    let ring = across.abs_diff(2).max(down.abs_diff(2));
                    set(
                        usize::from(column) + across - 2,
                        usize::from(row) + down - 2,
                        Module::Fixed(ring != 1),
                    );
                }
            }
        }
        for along in 8..size - 8 {
            set(along, 6, Module::Fixed(along % 2 == 0));
            set(6, along, Module::Fixed(along % 2 == 0));
        }
        for (left, top) in [(0, 0), (size - 8, 0), (0, size - 8)] {
            for (column, row) in square(8).map(|(across, down)| (left + across, top + down)) {
                let from_edge = |at: usize| if at < 8 { at } else { size - 1 - at };
                let (across, down) = (from_edge(column), from_edge(row));
                let ring = across.abs_diff(3).max(down.abs_diff(3));
                set(column, row, Module::Fixed(ring < 4 && ring != 2));
            }
        }
        for (column, row) in format_modules(size).into_iter().flatten() {
            set(column, row, Module::Information);
        }
        set(8, size - 8, Module::Fixed(true));
        if version >= 7 {
            for (along, across) in (0..18).map(|bit| (size - 11 + bit % 3, bit / 3)) {
                set(along, across, Module::Information);
                set(across, along, Module::Information);
            }
        }

        let data = data_order(&modules, size);
        let blocks = [Level::L, Level::M, Level::Q, Level::H].map(|level| blocks(tables, version, level));
        Some(Layout { version, size, modules, alignment, data, blocks })
    }

    /// Returns the version, 1 to 40.
    pub(super) fn version(&self) -> u8 {
        self.version
    }

    /// Returns the modules along a side.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    /// Returns what every module is for, row by row.
    pub(super) fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// Returns the middles of the alignment patterns along a side; they lie at every crossing but three.
    pub(super) fn alignment(&self) -> &[u8] {
        &self.alignment
    }

    /// Returns the indices of the modules of all codewords, eight for each, most significant bit first.
    pub(super) fn data(&self) -> &[u32] {
        &self.data
    }

    /// Returns the Reed-Solomon blocks at a level.
    pub(super) fn blocks(&self, level: Level) -> &[Block] {
        &self.blocks[level as usize]
    }
}

fn square(side: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..side * side).map(move |index| (index % side, index / side))
}

/// Walks up and down in columns of two from the right (§7.7.3).
fn data_order(modules: &[Module], size: usize) -> Vec<u32> {
    let mut order = Vec::new();
    let columns = (1..size).rev().step_by(2).map(|right| if right <= 6 { right - 1 } else { right });
    for (pair, right) in columns.enumerate() {
        for step in 0..size {
            let row = if pair % 2 == 0 { size - 1 - step } else { step };
            for column in [right, right - 1] {
                if modules[row * size + column] == Module::Data {
                    order.push((row * size + column) as u32);
                }
            }
        }
    }
    order.truncate(order.len() / 8 * 8);
    order
}

/// Finds out which codeword belongs to which block (§7.6: they take turns).
fn blocks(tables: &Version, version: u8, level: Level) -> Vec<Block> {
    let level = match level {
        Level::L => ErrorCorrectionLevel::L,
        Level::M => ErrorCorrectionLevel::M,
        Level::Q => ErrorCorrectionLevel::Q,
        Level::H => ErrorCorrectionLevel::H,
    };
    let table = tables.getECBlocksForLevel(level);
    let parity = table.getECCodewordsPerBlock() as usize;
    let detecting = match (version, level) {
        (1, ErrorCorrectionLevel::L) => 3,
        (1, ErrorCorrectionLevel::M) | (2, ErrorCorrectionLevel::L) => 2,
        (1, _) | (3, ErrorCorrectionLevel::L) => 1,
        _ => 0,
    };
    let mut blocks: Vec<Block> = Vec::new();
    for group in table.getECBlocks() {
        let data = group.getDataCodewords() as usize;
        for _ in 0..group.getCount() {
            blocks.push(Block { codewords: Vec::new(), data, correctable: (parity - detecting) / 2 });
        }
    }
    let longest = blocks.iter().map(|block| block.data).max().unwrap_or(0);
    let mut next = 0;
    for turn in 0..longest + parity {
        for block in &mut blocks {
            if turn < longest && turn >= block.data {
                continue;
            }
            block.codewords.push(next);
            next += 1;
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_has_as_many_codewords_as_the_standard_says() {
        // ISO/IEC 18004 table 1: total codewords.
        for (version, codewords) in
            [(1, 26), (2, 44), (6, 172), (7, 196), (14, 581), (25, 1588), (32, 2465), (40, 3706)]
        {
            let layout = Layout::of(version).unwrap();
            assert_eq!(layout.data().len(), codewords * 8, "version {version}");
            for level in [Level::L, Level::M, Level::Q, Level::H] {
                let mut all: Vec<usize> =
                    layout.blocks(level).iter().flat_map(|block| block.codewords.clone()).collect();
                all.sort_unstable();
                assert_eq!(all, (0..codewords).collect::<Vec<_>>(), "version {version}-{}", level.name());
            }
        }
        assert!(Layout::of(0).is_none() && Layout::of(41).is_none());
    }

    #[test]
    fn format_and_version_bits_are_those_of_the_standard() {
        // Annex C.2 and D.2, worked examples.
        assert_eq!(format_bits(Level::M, 5), 0b100_0000_1100_1110);
        assert_eq!(version_bits(7), 0b00_0111_1100_1001_0100);
    }

    #[cfg(feature = "issue")]
    #[test]
    fn fixed_modules_are_as_drawn() {
        for version in 1..=25 {
            let symbol = crate::qr::encode_at("A", version, Level::M).unwrap();
            let layout = Layout::of(version).unwrap();
            for (index, module) in layout.modules().iter().enumerate() {
                if let Module::Fixed(dark) = *module {
                    let (column, row) = ((index % layout.size()) as u32, (index / layout.size()) as u32);
                    assert_eq!(symbol.is_dark(column, row), dark, "version {version}: {column},{row}");
                }
            }
        }
    }
}
