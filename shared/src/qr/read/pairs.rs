//! A symbol of which only two finder patterns were found: a thumb, glare or a crack hides the third from the search, but
//! seldom all of it. It is looked for at each of the places where it could be, by what it should look like.

use std::f32::consts::FRAC_1_SQRT_2;

use super::locate::Finder;
use super::rectify::{Corners, length};
use super::register::{FINDER, Placement};
use super::sighting::{LEAST_AGREEMENT, Sighting, View};

/// How much nearer to the camera than the known patterns the third may be.
const NEARER: [f32; 8] = [0.72, 0.8, 0.88, 0.96, 1.04, 1.14, 1.25, 1.4];

/// How far from each of the places that this gives it is looked for, in modules.
const REACH: f32 = 6.0;

impl View<'_> {
    /// Looks for a symbol that has these two finder patterns. `None` if it cannot be read.
    pub(super) fn pair(&self, one: &Finder, other: &Finder) -> Option<Sighting> {
        self.along_a_side(one, other).or_else(|| self.across(one, other))
    }

    /// The two are neighbors: the third is off one end of the line between them, on either side.
    fn along_a_side(&self, one: &Finder, other: &Finder) -> Option<Sighting> {
        let way = one.way_to(other);
        let [a, b] = [one, other].map(|finder| self.finder(finder.placed(way, [-way[1], way[0]])));
        let (a, b) = (a?, b?);
        let steps = one.distance(other) / (length(a.right) * length(b.right)).sqrt();
        let places = [(a, b, steps), (a, b, -steps), (b, a, steps), (b, a, -steps)];
        places.into_iter().find_map(|(corner, far, steps)| {
            let third = self.third(&corner, corner.down, steps)?;
            self.read(corner, far, third)
        })
    }

    /// The two are at opposite ends: the corner is off the middle of the line between them, on either side.
    fn across(&self, one: &Finder, other: &Finder) -> Option<Sighting> {
        let way = one.way_to(other);
        let slanted = [way[0] - way[1], way[0] + way[1]].map(|step| step * FRAC_1_SQRT_2);
        let fitted = |finder: &Finder| self.finder(finder.placed(slanted, [-slanted[1], slanted[0]]));
        let (a, b) = (fitted(one)?, fitted(other)?);
        let steps = one.distance(other) * FRAC_1_SQRT_2 / (a.area() * b.area()).powf(0.25);
        [a.right, a.down.map(|step| -step)].into_iter().find_map(|axis| {
            let corner = self.third(&a, axis, steps)?;
            self.read(corner, a, b)
        })
    }

    /// Looks for a finder pattern so many modules from a known one, along one of its axes. If the symbol comes nearer
    /// that way it is farther off, and its modules are larger by the square.
    fn third(&self, from: &Placement, axis: [f32; 2], steps: f32) -> Option<Placement> {
        self.guard.check().ok()?;
        let at = |nearer: f32| {
            let (steps, size) = (steps * nearer, nearer * nearer);
            let guess = Placement {
                x: from.x + axis[0] * steps,
                y: from.y + axis[1] * steps,
                right: from.right.map(|step| step * size),
                down: from.down.map(|step| step * size),
            };
            let inside = self.plane.holds(guess.x, guess.y);
            inside.then(|| FINDER.search(self.plane, guess, REACH, self.darkness()))
        };
        let (place, agreement) = NEARER.into_iter().filter_map(at).max_by(|a, b| a.1.total_cmp(&b.1))?;
        if agreement > LEAST_AGREEMENT { self.finder(place) } else { None }
    }

    /// Looks between three patterns. A guess that cannot be read is not worth telling of.
    fn read(&self, corner: Placement, one: Placement, other: Placement) -> Option<Sighting> {
        self.guard.check().ok()?;
        self.between(&Corners::turned(corner, one, other)?).filter(|sighting| sighting.content.is_some())
    }
}
