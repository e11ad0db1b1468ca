//! One frame: the stages one after another, until one reads something.

use std::borrow::Cow;

use super::guard::{Guard, Interrupted};
use super::locate::{Finder, finders, triples};
use super::plane::Plane;
use super::sighting::{Sighting, View};
use super::threshold::{blocks, local_mean};
use super::{ReadSymbol, Stage, Track};

/// The stages that look for finder patterns, in the order tried.
const STAGES: [Stage; 5] = [Stage::Blocks, Stage::Half, Stage::Quarter, Stage::LocalMean, Stage::Double];

/// Roundness of a finder pattern that is hardly anything else (measured: lower lets every other empty frame through to
/// the costly stages).
const SURE: f32 = 0.8;

/// Finder patterns that are paired with one another when no three of them make a symbol (a choice).
const MAX_PAIRED: usize = 4;

/// Largest frame that is doubled, in pixels: 720p. More has modules enough already.
const MAX_DOUBLED: usize = 1280 * 720;

/// A symbol seen, read or not.
pub(super) struct Seen {
    pub(super) sighting: Sighting,
    pub(super) stage: Stage,
    /// Pixels of the frame for each pixel that the stage looked at.
    pub(super) scale: f32,
}

impl Seen {
    /// Returns how good a start it is for the next frame: what was read is better than what was not.
    pub(super) fn sureness(&self) -> f32 {
        self.sighting.format.clarity + if self.is_read() { 2.0 } else { 0.0 }
    }

    pub(super) fn is_read(&self) -> bool {
        self.sighting.content.is_some()
    }

    /// Returns the symbol if it was read; `factor` is the caller's pixels per pixel of the frame.
    pub(super) fn into_symbol(self, factor: f32) -> Option<ReadSymbol> {
        let Seen { sighting, stage, scale } = self;
        let content = sighting.content?;
        Some(ReadSymbol {
            bytes: content.bytes,
            text: content.text,
            version: sighting.layout.version(),
            level: content.level,
            corners: sighting.corners.map(|corner| corner.map(|at| at * factor * scale)),
            stage,
            inverted: sighting.inverted,
        })
    }
}

/// One frame being looked at.
pub(super) struct Search<'a> {
    plane: &'a Plane<'a>,
    guard: &'a Guard<'a>,
    pub(super) seen: Vec<Seen>,
}

impl<'a> Search<'a> {
    pub(super) fn new(plane: &'a Plane<'a>, guard: &'a Guard<'a>) -> Self {
        Search { plane, guard, seen: Vec::new() }
    }

    /// Looks where the last frame showed a symbol, and then everywhere.
    ///
    /// The costly stages run if a cheap one saw something like a symbol, or if they are asked for.
    pub(super) fn run(&mut self, track: Option<&Track>, closely: bool) -> Result<(), Interrupted> {
        if let Some(track) = track.filter(|track| track.sides == (self.plane.width, self.plane.height)) {
            let sighting = self.view(self.plane, track.inverted).again(track);
            self.keep(sighting, Stage::Tracked, 1.0);
            if self.has_read() {
                return Ok(());
            }
        }
        let mut hopeful = closely;
        for stage in STAGES {
            let worth = match stage {
                Stage::LocalMean => hopeful || !self.seen.is_empty(),
                Stage::Double => {
                    (closely || !self.seen.is_empty()) && self.plane.width * self.plane.height <= MAX_DOUBLED
                }
                _ => true,
            };
            if worth {
                hopeful |= self.stage(stage)?;
            }
            if self.has_read() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Runs one stage. Returns whether it saw a finder pattern that is surely one.
    fn stage(&mut self, stage: Stage) -> Result<bool, Interrupted> {
        let guard = self.guard;
        guard.check()?;
        let (plane, scale) = match stage {
            Stage::Half => (self.plane.shrunk(2, guard)?.map(Cow::Owned), 2.0),
            Stage::Quarter => (self.plane.shrunk(4, guard)?.map(Cow::Owned), 4.0),
            Stage::Double => (Some(Cow::Owned(self.plane.doubled(guard)?)), 0.5),
            _ => (Some(Cow::Borrowed(self.plane)), 1.0),
        };
        // Too small to hold a symbol once it is shrunk.
        let Some(plane) = plane.as_deref() else { return Ok(false) };
        let found = if stage == Stage::LocalMean {
            finders(plane, &local_mean(plane, guard)?, guard)?
        } else {
            finders(plane, &blocks(plane, guard)?, guard)?
        };
        self.try_triples(plane, &found, stage, scale)?;
        if !self.has_read() {
            self.try_pairs(plane, &found, scale)?;
        }
        Ok(found.iter().any(|finder| finder.roundness > SURE && finder.hits > 1))
    }

    fn try_triples(
        &mut self,
        plane: &Plane<'_>,
        found: &[Finder],
        stage: Stage,
        scale: f32,
    ) -> Result<(), Interrupted> {
        for triple in triples(found) {
            self.guard.check()?;
            // Beside a symbol that was read, only what is clearly another is looked at.
            let corners = [triple.top_left, triple.top_right, triple.bottom_left];
            let other = corners.iter().all(|corner| corner.roundness > SURE && !self.is_used(corner, scale));
            if !self.has_read() || other {
                let sighting = self.view(plane, triple.top_left.inverted).triple(&triple);
                self.keep(sighting, stage, scale);
            }
        }
        Ok(())
    }

    /// Looks for symbols of which one finder pattern was not found.
    fn try_pairs(&mut self, plane: &Plane<'_>, found: &[Finder], scale: f32) -> Result<(), Interrupted> {
        let sure: Vec<&Finder> =
            found.iter().filter(|finder| finder.roundness > SURE).take(MAX_PAIRED).collect();
        for (index, one) in sure.iter().enumerate() {
            for other in sure[index + 1..].iter().filter(|other| one.may_go_with(other)) {
                self.guard.check()?;
                let sighting = self.view(plane, one.inverted).pair(one, other);
                self.keep(sighting, Stage::Pairs, scale);
                if self.has_read() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Returns whether a finder pattern is one of a symbol already read.
    fn is_used(&self, finder: &Finder, scale: f32) -> bool {
        self.seen.iter().filter(|seen| seen.is_read()).any(|Seen { sighting, scale: theirs, .. }| {
            let far = sighting.layout.size() as f32 - 3.5;
            [(3.5, 3.5), (far, 3.5), (3.5, far)].into_iter().any(|(column, row)| {
                let (x, y) = sighting.perspective.at(column, row);
                (x * theirs - finder.x * scale).hypot(y * theirs - finder.y * scale)
                    < 2.0 * finder.module() * scale
            })
        })
    }

    fn view<'b>(&'b self, plane: &'b Plane<'b>, inverted: bool) -> View<'b> {
        View { plane, inverted, guard: self.guard }
    }

    fn keep(&mut self, sighting: Option<Sighting>, stage: Stage, scale: f32) {
        self.seen.extend(sighting.map(|sighting| Seen { sighting, stage, scale }));
    }

    fn has_read(&self) -> bool {
        self.seen.iter().any(Seen::is_read)
    }
}
