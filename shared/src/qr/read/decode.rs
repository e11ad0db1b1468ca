//! Certainties of modules to text: format, mask, codewords, error correction, segments (ISO/IEC 18004 §12).

use rxing::qrcode::common::{ErrorCorrectionLevel, Version};
use rxing::qrcode::cpp_port::decoder::DecodeBitStream;

use super::guard::Guard;
use super::layout::{Block, Layout, format_bits, format_modules, masked, version_bits};
use super::reed_solomon;
use crate::qr::symbol::Level;

/// Parity bytes that stay unused when doubtful bytes were erased, so that a wrong guess is noticed. With four, a
/// random block passes with a chance below 1e-8.
const SPARE_PARITY: usize = 4;

/// What a symbol holds.
#[derive(Clone, PartialEq)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    pub(super) text: String,
    pub(super) level: Level,
}

/// Level and mask, as the format information says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Format {
    pub(super) level: Level,
    pub(super) mask: u8,
    /// How clearly it says so: 1 at best, 0 for none.
    pub(super) clarity: f32,
}

/// Reads the format information: the word that agrees best with both copies.
pub(super) fn format(modules: &[f32], size: usize) -> Format {
    let copies = format_modules(size).map(|copy| copy.map(|(column, row)| modules[row * size + column]));
    let mut best = Format { level: Level::M, mask: 0, clarity: -1.0 };
    for level in [Level::L, Level::M, Level::Q, Level::H] {
        for mask in 0..8 {
            let clarity = agreement(&copies, format_bits(level, mask).into());
            if clarity > best.clarity {
                best = Format { level, mask, clarity };
            }
        }
    }
    best
}

/// Returns how well the version information agrees with a version from 7 on, given the certainties of its 18 bits at
/// both places, least significant first.
pub(super) fn version_agreement(copies: &[[f32; 18]; 2], version: u8) -> f32 {
    agreement(copies, version_bits(version))
}

/// Returns how well two copies of a word agree with it, 1 at best: bits that are clear count more.
fn agreement<const BITS: usize>(copies: &[[f32; BITS]; 2], word: u32) -> f32 {
    let (mut signed, mut all) = (0.0, 1e-6);
    for (bit, value) in copies.iter().flat_map(|copy| copy.iter().enumerate()) {
        signed += if word >> bit & 1 == 1 { *value } else { -value };
        all += value.abs();
    }
    signed / all
}

/// Takes the mask off and returns the certainty of every codeword bit that it is 1, in the order of the codewords.
pub(super) fn codeword_bits(modules: &[f32], layout: &Layout, mask: u8) -> Vec<f32> {
    let size = layout.size();
    let unmask = |&index: &u32| {
        let index = index as usize;
        let value = modules[index];
        if masked(mask, index % size, index / size) { -value } else { value }
    };
    layout.data().iter().map(unmask).collect()
}

/// Corrects every block and reads the segments. `None` if a block has too many errors or the segments make no sense.
pub(super) fn content(bits: &[f32], layout: &Layout, level: Level, guard: &Guard<'_>) -> Option<Content> {
    let mut data = Vec::new();
    for block in layout.blocks(level) {
        let corrected = corrected(bits, block)?;
        data.extend_from_slice(&corrected[..block.data]);
    }
    parse(&data, layout.version(), level, guard)
}

/// Corrects one block, first as it is and then with more and more of its most doubtful bytes erased.
pub(super) fn corrected(bits: &[f32], block: &Block) -> Option<Vec<u8>> {
    let eight = |codeword: usize| &bits[codeword * 8..codeword * 8 + 8];
    let byte =
        |codeword: usize| eight(codeword).iter().fold(0u8, |byte, &bit| byte << 1 | u8::from(bit > 0.0));
    let received: Vec<u8> = block.codewords.iter().map(|&codeword| byte(codeword)).collect();
    let parity = received.len() - block.data;
    let mut attempt = received.clone();
    if reed_solomon::correct(&mut attempt, parity, &[], block.correctable).is_some() {
        return Some(attempt);
    }
    let doubt =
        |codeword: usize| eight(codeword).iter().fold(f32::INFINITY, |least, bit| least.min(bit.abs()));
    let mut doubtful: Vec<usize> = (0..received.len()).collect();
    doubtful.sort_by(|&a, &b| doubt(block.codewords[a]).total_cmp(&doubt(block.codewords[b])));
    let most = parity.saturating_sub(SPARE_PARITY);
    for erased in (2..=most).step_by(2) {
        let errors = (most - erased) / 2;
        if reed_solomon::correct(&mut attempt, parity, &doubtful[..erased], errors).is_some() {
            return Some(attempt);
        }
    }
    None
}

/// Reads the segments with `rxing`, which knows the character sets. A panic in it counts as nonsense.
pub(super) fn parse(data: &[u8], version: u8, level: Level, guard: &Guard<'_>) -> Option<Content> {
    let version = Version::getVersionForNumber(version.into()).ok()?;
    let theirs = match level {
        Level::L => ErrorCorrectionLevel::L,
        Level::M => ErrorCorrectionLevel::M,
        Level::Q => ErrorCorrectionLevel::Q,
        Level::H => ErrorCorrectionLevel::H,
    };
    let parsed = guard.foreign(|| DecodeBitStream(data, version, theirs))?.ok()?;
    parsed.isValid().then(|| Content { bytes: parsed.content().bytes().to_vec(), text: parsed.text(), level })
}
