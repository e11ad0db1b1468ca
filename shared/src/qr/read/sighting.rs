//! One symbol, from three finder patterns to its text.

use super::decode::{self, Content, Format};
use super::guard::Guard;
use super::layout::Layout;
use super::locate::{Finder, Triple};
use super::plane::Plane;
use super::rectify::{Corners, Grid, Perspective};
use super::register::{FINDER, Placement};
use super::{Track, sample, sharpen};

/// Least agreement of a fitted finder pattern with what one looks like.
pub(super) const LEAST_AGREEMENT: f32 = 0.5;

/// Least alternation of the timing lines; by chance it is about 0 (a choice).
const LEAST_TIMING: f32 = 0.25;

/// Least clarity of the format information that is worth decoding with.
const LEAST_CLARITY: f32 = 0.3;

/// Three finder patterns with timing lines between them: a symbol, decoded or not.
pub(super) struct Sighting {
    pub(super) layout: &'static Layout,
    pub(super) perspective: Perspective,
    pub(super) inverted: bool,
    /// Corners in pixels: top left, top right, bottom right, bottom left.
    pub(super) corners: [[f32; 2]; 4],
    pub(super) format: Format,
    /// The certainty of every module that it is dark, row by row, as it was last decoded.
    pub(super) modules: Vec<f32>,
    pub(super) content: Option<Content>,
}

impl Sighting {
    /// Decodes these modules, and keeps them.
    fn attempt(&mut self, modules: Vec<f32>, guard: &Guard<'_>) -> bool {
        let bits = decode::codeword_bits(&modules, self.layout, self.format.mask);
        self.content = decode::content(&bits, self.layout, self.format.level, guard);
        self.modules = modules;
        self.content.is_some()
    }

    /// Returns whether the format information is clear enough to go by.
    pub(super) fn is_clear(&self) -> bool {
        self.format.clarity >= LEAST_CLARITY
    }

    /// Returns the certainty of every codeword bit that it is 1, taking this mask off.
    pub(super) fn bits(&self, mask: u8) -> Vec<f32> {
        decode::codeword_bits(&self.modules, self.layout, mask)
    }
}

/// A picture to look for symbols of one polarity in.
pub(super) struct View<'a> {
    pub(super) plane: &'a Plane<'a>,
    pub(super) inverted: bool,
    pub(super) guard: &'a Guard<'a>,
}

impl View<'_> {
    /// Looks at three finder patterns. `None` if they are not those of a symbol.
    pub(super) fn triple(&self, triple: &Triple) -> Option<Sighting> {
        let from = triple.top_left;
        let (top, left) = (from.way_to(&triple.top_right), from.way_to(&triple.bottom_left));
        let guess = |finder: &Finder| finder.placed(top, left);
        let [top_left, top_right, bottom_left] = [&from, &triple.top_right, &triple.bottom_left].map(guess);
        self.between(&self.fitted(top_left, top_right, bottom_left)?)
    }

    /// Looks near where an earlier frame showed a symbol.
    pub(super) fn again(&self, track: &Track) -> Option<Sighting> {
        /// How far a hand moves a phone between two frames, in modules (a guess; farther is found like anything new).
        const REACH: f32 = 6.0;
        let far = track.layout.size() as f32 - 3.5;
        let find = |column, row| {
            FINDER.search(self.plane, track.perspective.near(column, row), REACH, self.darkness()).0
        };
        self.between(&self.fitted(find(3.5, 3.5), find(far, 3.5), find(3.5, far))?)
    }

    /// Looks between three fitted finder patterns.
    pub(super) fn between(&self, corners: &Corners) -> Option<Sighting> {
        let mut seen: Option<Sighting> = None;
        for (layout, _) in self.versions(corners).into_iter().take(2).filter(|(_, fit)| *fit >= LEAST_TIMING)
        {
            let Some(grid) = Grid::trace(self.plane, corners, layout, self.darkness()) else { continue };
            let sighting = self.sight(&grid, layout);
            if sighting.content.is_some() {
                return Some(sighting);
            }
            // Small symbols have one alignment pattern or none to hold on to.
            if layout.version() < 7
                && self.guard.check().is_ok()
                && let Some(perspective) = sharpen::sharpest(self.plane, &sighting.perspective, layout.size())
            {
                let sharper = self.sight(&Grid::flat(perspective), layout);
                if sharper.content.is_some() {
                    return Some(sharper);
                }
            }
            if seen.as_ref().is_none_or(|seen| seen.format.clarity < sighting.format.clarity) {
                seen = Some(sighting);
            }
            if self.guard.check().is_err() {
                break;
            }
        }
        seen
    }

    /// Returns 1 for dark on light, -1 for light on dark.
    pub(super) fn darkness(&self) -> f32 {
        if self.inverted { -1.0 } else { 1.0 }
    }

    fn fitted(&self, top_left: Placement, top_right: Placement, bottom_left: Placement) -> Option<Corners> {
        Some(Corners {
            top_left: self.finder(top_left)?,
            top_right: self.finder(top_right)?,
            bottom_left: self.finder(bottom_left)?,
        })
    }

    /// Fits a finder pattern. `None` if there is none.
    pub(super) fn finder(&self, guess: Placement) -> Option<Placement> {
        let (place, agreement) = FINDER.fit(self.plane, guess, self.darkness());
        (agreement > LEAST_AGREEMENT).then_some(place)
    }

    /// Returns the versions that may fit, best first, each with how well the timing lines or the version information
    /// say so.
    fn versions(&self, corners: &Corners) -> Vec<(&'static Layout, f32)> {
        let estimate = (corners.size() - 17.0) / 4.0;
        let told = self.version_information(corners);
        let slack = 1.0 + 0.12 * estimate;
        let mut fitting: Vec<(&'static Layout, f32, f32)> = (1..=40u8)
            .filter(|&version| (f32::from(version) - estimate).abs() <= slack)
            .filter_map(|version| {
                let layout = Layout::of(version)?;
                let perspective = Perspective::fit(&corners.ties(layout.size()), layout.size())?;
                let timing = self.darkness() * sample::timing(self.plane, &perspective, layout.size());
                let told = if version >= 7 { decode::version_agreement(&told, version) } else { timing };
                let off = (f32::from(version) - estimate).abs() / slack;
                // A bent symbol has bent timing lines; its version information is beside the finder patterns.
                Some((layout, timing.max(told - 0.4), timing + told - 0.3 * off))
            })
            .collect();
        fitting.sort_by(|a, b| b.2.total_cmp(&a.2));
        fitting.into_iter().map(|(layout, fit, _)| (layout, fit)).collect()
    }

    /// Samples the 18 bits of version information beside the top right pattern and beside the bottom left one, least
    /// significant first: six rows of three modules, and the same turned over.
    fn version_information(&self, corners: &Corners) -> [[f32; 18]; 2] {
        let bits = |place: &Placement, turned: bool| -> [f32; 18] {
            std::array::from_fn(|bit| {
                let (along, across) = ((bit % 3) as f32 - 7.0, (bit / 3) as f32 - 3.0);
                let (x, y) = if turned { place.at(across, along) } else { place.at(along, across) };
                -self.darkness() * self.plane.at(x, y)
            })
        };
        [bits(&corners.top_right, false), bits(&corners.bottom_left, true)].map(|copy| {
            let mean = copy.iter().sum::<f32>() / 18.0;
            copy.map(|value| value - mean)
        })
    }

    /// Samples a symbol and decodes it if it can be.
    fn sight(&self, grid: &Grid, layout: &'static Layout) -> Sighting {
        let size = layout.size();
        let corner = |column: usize, row: usize| grid.at(column as f32, row as f32).into();
        let values = sample::sample(self.plane, grid, size, self.darkness());
        let values = sample::normalized(&values, size);
        let first = sample::equalized(&values, layout);
        let mut sighting = Sighting {
            layout,
            perspective: grid.perspective,
            inverted: self.inverted,
            corners: [corner(0, 0), corner(size, 0), corner(size, size), corner(0, size)],
            format: decode::format(&first, size),
            modules: Vec::new(),
            content: None,
        };
        // A mirrored symbol, seen in glass or from behind, has all but its format and data in the same place.
        let turned: Vec<f32> =
            (0..first.len()).map(|index| first[index % size * size + index / size]).collect();
        let other = decode::format(&turned, size);
        let mirrored = other.clarity > sighting.format.clarity + 0.15;
        if mirrored {
            sighting.format = other;
            sighting.corners.swap(1, 3);
        }
        if !sighting.is_clear() {
            sighting.modules = first;
            return sighting;
        }
        if sighting.attempt(if mirrored { turned } else { first.clone() }, self.guard) || mirrored {
            return sighting;
        }
        if self.guard.check().is_ok() {
            let again = sample::equalized_again(&values, layout, &first);
            let _ = sighting.attempt(values, self.guard) || sighting.attempt(again, self.guard);
        }
        sighting
    }
}
