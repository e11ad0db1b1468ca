//! What several frames say together about a symbol that none of them shows well enough.
//!
//! A code stays on the screen for hundreds of frames. Each frame's certainties about the codeword bits are added up,
//! block by block, until every block can be corrected. When a rotating code changes, blocks that hold only its static
//! part stay the same and keep what they have; the others start again. Bits are compared after the mask is taken off,
//! so it does not matter if the new code uses another one.

use zeroize::Zeroize;

use super::decode::{self, Content};
use super::guard::Guard;
use super::layout::{Block, Layout};
use crate::qr::symbol::Level;

/// Least agreement of a frame with what is known of a block's parity for the two to be of the same code.
///
/// A change anywhere in a block changes all of its parity, so blocks of different codes agree about 0: on the 144 bits of
/// the smallest parity of versions 10 to 25, more than 0.5 is a chance below 1e-8. A frame torn between two codes can
/// agree with both; nothing is taken over from such a frame but what was known before.
const SAME: f32 = 0.5;

/// Least agreement of two doubtful frames for their certainties to be added up. Adding what does not belong together
/// makes nothing that can be corrected.
const ALIKE: f32 = 0.35;

/// Frames that what is known of a block stands for at most; older ones fade.
const MEMORY: f32 = 12.0;

/// Largest certainty that one frame adds for a bit: a clear one is about 1.
const LIMIT: f32 = 1.5;

/// Everything known about the blocks of one symbol.
pub(super) struct Evidence {
    layout: &'static Layout,
    level: Level,
    mask: u8,
    sums: Sums,
    blocks: Vec<Known>,
}

/// What is known of a block.
struct Known {
    /// Frames in the sums.
    frames: f32,
    /// Its bytes, once corrected.
    bytes: Option<Vec<u8>>,
}

impl Evidence {
    /// Starts with nothing.
    pub(super) fn new(layout: &'static Layout, level: Level, mask: u8) -> Self {
        let blocks = layout.blocks(level).iter().map(|_| Known { frames: 0.0, bytes: None }).collect();
        Evidence { layout, level, mask, sums: Sums(vec![0.0; layout.data().len()]), blocks }
    }

    /// Returns whether this is about a symbol of that version and level.
    pub(super) fn is_about(&self, layout: &Layout, level: Level) -> bool {
        self.layout.version() == layout.version() && self.level == level
    }

    /// Returns the version's layout, the level and the mask last seen.
    pub(super) fn format(&self) -> (&'static Layout, Level, u8) {
        (self.layout, self.level, self.mask)
    }

    /// Adds what a frame says about every codeword bit, and returns the content if it is now known.
    pub(super) fn add(&mut self, bits: &[f32], mask: u8, guard: &Guard<'_>) -> Option<Content> {
        self.mask = mask;
        let blocks = self.layout.blocks(self.level);
        for (block, known) in blocks.iter().zip(&mut self.blocks) {
            let same = match &known.bytes {
                Some(bytes) => agrees(bits, block, bytes),
                None => known.frames > 0.0 && self.sums.agree(bits, block),
            };
            if !same {
                *known = Known { frames: 0.0, bytes: None };
            }
            let keep = if same { (MEMORY / (known.frames + 1.0)).min(1.0) } else { 0.0 };
            known.frames = known.frames * keep + 1.0;
            for bit in bits_of(&block.codewords) {
                self.sums.0[bit] = self.sums.0[bit] * keep + bits[bit].clamp(-LIMIT, LIMIT);
            }
            if known.bytes.is_none() {
                // What the sums spell must be what this frame shows, and not what earlier ones did.
                known.bytes =
                    decode::corrected(&self.sums.0, block).filter(|bytes| agrees(bits, block, bytes));
            }
        }
        let whole: Option<Vec<&[u8]>> = self
            .blocks
            .iter()
            .zip(blocks)
            .map(|(known, block)| known.bytes.as_deref().map(|bytes| &bytes[..block.data]))
            .collect();
        decode::parse(&whole?.concat(), self.layout.version(), self.level, guard)
    }

    /// Takes a frame that was read by itself: all its blocks are known.
    pub(super) fn settle(&mut self, bits: &[f32], mask: u8) {
        self.mask = mask;
        for (block, known) in self.layout.blocks(self.level).iter().zip(&mut self.blocks) {
            *known = Known { frames: 1.0, bytes: decode::corrected(bits, block) };
        }
        for (sum, bit) in self.sums.0.iter_mut().zip(bits) {
            *sum = bit.clamp(-LIMIT, LIMIT);
        }
    }
}

/// Certainties of codeword bits, summed over frames.
struct Sums(Vec<f32>);

impl Sums {
    /// Returns whether a frame says the same about the parity of a block.
    fn agree(&self, bits: &[f32], block: &Block) -> bool {
        let (mut product, mut seen, mut had) = (0.0, 0.0, 0.0);
        for bit in bits_of(&block.codewords[block.data..]) {
            product += bits[bit] * self.0[bit];
            seen += bits[bit] * bits[bit];
            had += self.0[bit] * self.0[bit];
        }
        product >= ALIKE * (seen * had).sqrt()
    }
}

/// Returns whether a frame shows the parity of a corrected block.
fn agrees(bits: &[f32], block: &Block, bytes: &[u8]) -> bool {
    let (mut product, mut all) = (0.0, 0.0);
    for (bit, index) in bits_of(&block.codewords[block.data..]).zip(block.data * 8..) {
        let one = bytes[index / 8] >> (7 - index % 8) & 1 == 1;
        product += if one { bits[bit] } else { -bits[bit] };
        all += bits[bit].abs();
    }
    product >= SAME * all
}

/// Lists the bits of codewords.
fn bits_of(codewords: &[usize]) -> impl Iterator<Item = usize> {
    codewords.iter().flat_map(|&codeword| codeword * 8..codeword * 8 + 8)
}

impl Drop for Evidence {
    fn drop(&mut self) {
        // They spell a person's credential.
        self.sums.0.zeroize();
        for known in &mut self.blocks {
            known.bytes.zeroize();
        }
    }
}
