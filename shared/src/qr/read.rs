//! A grey frame to the symbols in it.

mod decode;
mod evidence;
mod guard;
mod layout;
mod locate;
mod pairs;
mod plane;
mod rectify;
mod reed_solomon;
mod register;
mod sample;
mod search;
mod sharpen;
mod sighting;
mod threshold;

use std::fmt;

use image::GrayImage;

use self::decode::Content;
use self::evidence::Evidence;
use self::guard::Guard;
use self::layout::Layout;
use self::plane::Plane;
use self::rectify::Perspective;
use self::search::{Search, Seen};
use self::sighting::Sighting;
use super::symbol::Level;

/// Longest side read as it is, in pixels. Larger frames are first shrunk by a whole factor.
const MAX_SIDE: usize = 4096;

/// Of so many frames without a symbol, one is looked at with the costly stages too (a choice).
const CLOSER_LOOK: u32 = 4;

/// What one frame showed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reading {
    /// The symbols read.
    pub symbols: Vec<ReadSymbol>,
    /// A symbol is in the frame, by its finder patterns and timing lines, and could not be decoded. Never set when
    /// [`symbols`](Self::symbols) has something in it.
    pub undecodable: bool,
    /// How often a library panicked on it. The panics went no further.
    pub panics: u32,
}

/// One symbol read from a frame.
///
/// Its `Debug` leaves the text out, because it can hold a person's data.
#[derive(Clone, PartialEq)]
pub struct ReadSymbol {
    /// The content as its segments hold it, before any character set is applied.
    pub bytes: Vec<u8>,
    /// The content as text. Byte segments without a stated character set are guessed at.
    pub text: String,
    /// Version, 1 to 40.
    pub version: u8,
    /// Error correction level.
    pub level: Level,
    /// Corners in frame pixels, `[x, y]`: top left, top right, bottom right, bottom left, as the symbol sees itself.
    pub corners: [[f32; 2]; 4],
    /// Which stage read it.
    pub stage: Stage,
    /// Whether it is light on dark.
    pub inverted: bool,
}

impl fmt::Debug for ReadSymbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadSymbol")
            .field("version", &self.version)
            .field("level", &self.level)
            .field("corners", &self.corners)
            .field("stage", &self.stage)
            .field("inverted", &self.inverted)
            .finish_non_exhaustive()
    }
}

/// One way to look at a frame. They are tried in this order, cheapest and likeliest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Where the frame before showed a symbol.
    Tracked,
    /// The frame as it is, thresholded in blocks.
    Blocks,
    /// Half size, for symbols that fill the frame and for the moiré of a photographed screen.
    Half,
    /// Quarter size, likewise.
    Quarter,
    /// The frame as it is, each pixel against the mean around it.
    LocalMean,
    /// Double size, for modules of two or three pixels.
    Double,
    /// From two finder patterns; the third was looked for where it had to be.
    Pairs,
    /// Together with earlier frames, none of which could be read alone.
    Together,
}

impl Stage {
    /// Returns the name used in output. Names do not change.
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Tracked => "tracked",
            Stage::Blocks => "blocks",
            Stage::Half => "half",
            Stage::Quarter => "quarter",
            Stage::LocalMean => "local-mean",
            Stage::Double => "double",
            Stage::Pairs => "pairs",
            Stage::Together => "together",
        }
    }
}

/// Reads the symbols in a frame by itself, taking as long as it takes.
///
/// Any frame is accepted. One whose longest side exceeds 4096 pixels is first shrunk by a whole factor, one with a side
/// under 21 pixels holds nothing. Symbols that only a later stage could read beside an easy one are missed.
pub fn read(frame: &GrayImage) -> Reading {
    Reader::new().read(frame, &|| false)
}

/// Reads frame after frame of a camera. It looks first where it last saw a symbol, and adds up what frames show that
/// cannot be read alone.
#[derive(Default)]
pub struct Reader {
    /// Frames in a row that showed nothing.
    blank: u32,
    track: Option<Track>,
    evidence: Option<Evidence>,
}

/// Where the last frame showed a symbol.
struct Track {
    perspective: Perspective,
    layout: &'static Layout,
    inverted: bool,
    /// Sides of the frame.
    sides: (usize, usize),
}

impl Reader {
    /// Returns a reader that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets every frame: what was seen of one person's code must not outlive the visit.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Reads the symbols in a frame, until `spent` says that there is no time left. What was read by then is returned.
    ///
    /// `spent` is asked every millisecond or so of work.
    pub fn read(&mut self, frame: &GrayImage, spent: &dyn Fn() -> bool) -> Reading {
        let Some(plane) = Plane::of(frame) else { return Reading::default() };
        let guard = Guard::new(spent);
        let factor = plane.width.max(plane.height).div_ceil(MAX_SIDE);
        let plane = if factor > 1 { plane.shrunk(factor, &guard) } else { Ok(Some(plane)) };
        let Ok(Some(plane)) = plane else { return Reading::default() };
        let mut search = Search::new(&plane, &guard);
        // Running out of time is not an error: what was seen stays.
        let _ = search.run(self.track.as_ref(), self.blank % CLOSER_LOOK == 1);
        let seen = search.seen;
        self.blank = if seen.is_empty() { self.blank.wrapping_add(1) } else { 0 };
        self.remember(&plane, seen, factor as f32, &guard)
    }

    /// Makes the reading, and keeps what the next frame can use.
    fn remember(
        &mut self,
        plane: &Plane<'_>,
        mut seen: Vec<Seen>,
        factor: f32,
        guard: &Guard<'_>,
    ) -> Reading {
        let best = seen.iter_mut().max_by(|a, b| a.sureness().total_cmp(&b.sureness()));
        self.track = best.as_ref().map(|seen| Track {
            perspective: seen.sighting.perspective.scaled(seen.scale.into()),
            layout: seen.sighting.layout,
            inverted: seen.sighting.inverted,
            sides: (plane.width, plane.height),
        });
        if let Some(seen) = best
            && let Some(content) = self.gather(&seen.sighting, guard)
        {
            seen.sighting.content = Some(content);
            seen.stage = Stage::Together;
        }
        let undecodable = !seen.is_empty() && seen.iter().all(|seen| !seen.is_read());
        let symbols = seen.into_iter().filter_map(|seen| seen.into_symbol(factor)).collect();
        Reading { symbols, undecodable, panics: guard.panics() }
    }

    /// Adds a sighting to what earlier frames said, and returns the content if that is news.
    fn gather(&mut self, sighting: &Sighting, guard: &Guard<'_>) -> Option<Content> {
        let (layout, level, mask) = if sighting.is_clear() {
            (sighting.layout, sighting.format.level, sighting.format.mask)
        } else {
            // The format did not show; it is that of the frame before, if the size is.
            let (layout, level, mask) = self.evidence.as_ref()?.format();
            (layout.version() == sighting.layout.version()).then_some((layout, level, mask))?
        };
        if !self.evidence.as_ref().is_some_and(|evidence| evidence.is_about(layout, level)) {
            self.evidence = Some(Evidence::new(layout, level, mask));
        }
        let evidence = self.evidence.as_mut()?;
        let bits = sighting.bits(mask);
        if sighting.content.is_some() {
            evidence.settle(&bits, mask);
            return None;
        }
        evidence.add(&bits, mask, guard)
    }
}

#[cfg(test)]
#[cfg(feature = "issue")]
mod tests;
