//! A grey frame to the symbols in it.

mod rqrr_reader;
mod rxing_reader;
mod scale;
mod threshold;

use std::borrow::Cow;
use std::fmt;

use image::GrayImage;

use super::symbol::Level;

/// Longest side read as it is, in pixels. Larger frames are first shrunk by a whole factor.
const MAX_SIDE: u32 = 4096;

/// Shortest side that can hold a symbol: version 1 at one pixel per module.
const MIN_SIDE: u32 = 21;

/// Largest frame that is doubled, in pixels: 1080p. More has modules enough already.
const MAX_DOUBLED: u32 = 1920 * 1080;

/// Finder patterns that one of the cheap stages must see before the costly ones run. On 290 photographs of symbols and
/// 93 of other things (zxing's and zxing-cpp's test images), 0 to 3 read the same ones and falsely reported none; 2
/// leaves one pattern of margin and lets most empty frames go early.
const PATTERNS_WORTH_A_CLOSER_LOOK: usize = 2;

/// What one frame showed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// The symbols read, all by the same [`Stage`].
    pub symbols: Vec<ReadSymbol>,
    /// A symbol is in the frame, by its finder patterns and timing lines, and could not be decoded. Never set when
    /// [`symbols`](Self::symbols) has something in it.
    pub undecodable: bool,
}

/// One symbol read from a frame.
///
/// Its `Debug` leaves the text out, because it can hold a person's data.
#[derive(Clone, PartialEq)]
pub struct ReadSymbol {
    /// The content as text. Byte segments without a stated character set are guessed at.
    pub text: String,
    /// Version, 1 to 40.
    pub version: u8,
    /// Error correction level.
    pub level: Level,
    /// Corners in frame pixels, `[x, y]`: top left, top right, bottom right, bottom left, as the symbol sees itself.
    /// Good to about a module.
    pub corners: [[f32; 2]; 4],
    /// Which stage read it.
    pub stage: Stage,
}

impl fmt::Debug for ReadSymbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadSymbol")
            .field("version", &self.version)
            .field("level", &self.level)
            .field("corners", &self.corners)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

/// One way to look at a frame. They are tried in this order, cheapest and likeliest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// The frame as it is, thresholded in blocks.
    Hybrid,
    /// The frame as it is, each pixel against the mean around it.
    LocalMean,
    /// Half size, for symbols that fill the frame and for the moiré of a photographed screen.
    Half,
    /// Quarter size, likewise.
    Quarter,
    /// Dark and light swapped.
    Inverted,
    /// Double size, for modules of two or three pixels.
    Double,
    /// The second reader, `rqrr`.
    Rqrr,
}

impl Stage {
    /// Every stage, in the order tried.
    pub const ALL: [Stage; 7] = [
        Stage::Hybrid,
        Stage::LocalMean,
        Stage::Half,
        Stage::Quarter,
        Stage::Double,
        Stage::Inverted,
        Stage::Rqrr,
    ];

    /// Returns the name used in output. Names do not change.
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Hybrid => "hybrid",
            Stage::LocalMean => "local-mean",
            Stage::Half => "half",
            Stage::Quarter => "quarter",
            Stage::Double => "double",
            Stage::Inverted => "inverted",
            Stage::Rqrr => "rqrr",
        }
    }
}

/// Reads the symbols in a frame.
///
/// Stages follow one another until one reads something; that stage's symbols, all of them, are the result. A symbol
/// that only a later stage could have read beside an easy one is therefore missed. The last two stages cost more than all
/// the others and run only if a finder pattern or two were seen.
///
/// Any frame is accepted. One whose longest side exceeds 4096 pixels is first shrunk by a whole factor, one with a side
/// under 21 pixels holds nothing. Work grows with the pixels, not with what they show, except for triples of finder
/// patterns (at most 4000 tried in a stage) and `rqrr` (32 accesses for each pixel).
///
/// The third-party readers run inside `catch_unwind`, so their panics end a stage and not the program. The process's
/// panic hook still runs for them and by default prints a line to standard error; a program that wants quiet installs
/// its own hook. Built with `panic = "abort"`, this guard does nothing.
pub fn read(frame: &GrayImage) -> Reading {
    let factor = frame.width().max(frame.height()).div_ceil(MAX_SIDE).max(1);
    let frame = if factor == 1 { Cow::Borrowed(frame) } else { Cow::Owned(scale::shrink(frame, factor)) };
    let (mut undecodable, mut patterns) = (false, 0);
    for stage in Stage::ALL {
        if stage.is_costly() && patterns < PATTERNS_WORTH_A_CLOSER_LOOK {
            continue;
        }
        let found = look(&frame, stage);
        if !found.symbols.is_empty() {
            let enlarge = factor as f32 * stage.shrinks();
            let symbols = found.symbols.into_iter().map(|symbol| symbol.enlarged(enlarge, stage)).collect();
            return Reading { symbols, undecodable: false };
        }
        undecodable |= found.undecodable;
        patterns = patterns.max(found.patterns);
    }
    Reading { symbols: Vec::new(), undecodable }
}

/// Runs one stage.
fn look(frame: &GrayImage, stage: Stage) -> Found {
    if frame.width().min(frame.height()) < MIN_SIDE {
        return Found::default();
    }
    let matrix = match stage {
        Stage::Hybrid => threshold::hybrid(frame),
        Stage::LocalMean => threshold::local_mean(frame),
        Stage::Half => threshold::hybrid(&scale::shrink(frame, 2)),
        Stage::Quarter => threshold::hybrid(&scale::shrink(frame, 4)),
        Stage::Double if frame.width() * frame.height() > MAX_DOUBLED => None,
        Stage::Double => threshold::local_mean(&scale::double(frame)),
        Stage::Inverted => threshold::hybrid(&scale::invert(frame)),
        Stage::Rqrr => return rqrr_reader::read(frame),
    };
    matrix.map(|matrix| rxing_reader::read(&matrix)).unwrap_or_default()
}

impl Stage {
    /// Returns whether the stage takes longer than the five cheap ones together.
    fn is_costly(self) -> bool {
        matches!(self, Stage::Double | Stage::Rqrr)
    }

    /// Returns frame pixels per pixel looked at.
    fn shrinks(self) -> f32 {
        match self {
            Stage::Half => 2.0,
            Stage::Quarter => 4.0,
            Stage::Double => 0.5,
            Stage::Hybrid | Stage::LocalMean | Stage::Inverted | Stage::Rqrr => 1.0,
        }
    }
}

/// What one reader made of one version of the frame.
#[derive(Default)]
struct Found {
    symbols: Vec<Decoded>,
    undecodable: bool,
    /// Finder patterns seen, decoded or not. Not counted by `rqrr`, which runs last.
    patterns: usize,
}

/// A symbol, with corners in the pixels the reader saw.
struct Decoded {
    text: String,
    version: u8,
    level: Level,
    corners: [[f32; 2]; 4],
}

impl Decoded {
    fn enlarged(self, factor: f32, stage: Stage) -> ReadSymbol {
        let corners = self.corners.map(|corner| corner.map(|at| at * factor));
        ReadSymbol { text: self.text, version: self.version, level: self.level, corners, stage }
    }
}

#[cfg(test)]
#[cfg(feature = "issue")]
mod tests;
