//! A map made better by what is seen through it, for symbols that have too few patterns to hold on to.

use super::plane::Plane;
use super::rectify::{Perspective, Tie};

/// Moves the corners of a map a little at a time so that the values at neighboring modules differ more: where the grid
/// lies between modules, they are all grey.
///
/// For symbols without alignment patterns to hold on to. The bottom right corner, which no finder pattern marks, is
/// looked for first and farthest.
pub(super) fn sharpest(plane: &Plane<'_>, perspective: &Perspective, size: usize) -> Option<Perspective> {
    let side = size as f32;
    let modules = [(0.0, 0.0), (side, 0.0), (0.0, side), (side, side)];
    let mut corners = modules.map(|(column, row)| perspective.at(column, row));
    let through = |corners: &[(f32, f32); 4]| {
        let tie =
            |(module, pixel): (&(f32, f32), &(f32, f32))| Tie { module: *module, pixel: *pixel, weight: 1e3 };
        let ties: Vec<Tie> = modules.iter().zip(corners).map(tie).collect();
        Perspective::fit(&ties, size)
    };
    let contrast =
        |corners: &[(f32, f32); 4]| through(corners).map_or(0.0, |map| contrast(plane, &map, size));
    let module = perspective.near(side / 2.0, side / 2.0).area().sqrt();
    let mut best = contrast(&corners);
    let start = corners[3];
    for (down, across) in (-6..=6).flat_map(|down| (-6..=6).map(move |across| (down as f32, across as f32))) {
        let mut moved = corners;
        moved[3] = (start.0 + across * 0.5 * module, start.1 + down * 0.5 * module);
        let value = contrast(&moved);
        if value > best {
            (best, corners) = (value, moved);
        }
    }
    for step in [0.5, 0.25, 0.12] {
        for corner in [3, 1, 2, 0] {
            for (across, down) in [(1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)] {
                let mut moved = corners;
                moved[corner].0 += across * step * module;
                moved[corner].1 += down * step * module;
                let value = contrast(&moved);
                if value > best {
                    (best, corners) = (value, moved);
                }
            }
        }
    }
    through(&corners)
}

/// Returns how much neighboring modules differ under a map, on average, in grey levels.
fn contrast(plane: &Plane<'_>, perspective: &Perspective, size: usize) -> f32 {
    let mut total = 0.0;
    // Every other row is enough to steer by.
    for row in (0..size).step_by(2) {
        let mut before = None;
        for column in 0..size {
            let (x, y) = perspective.at(column as f32 + 0.5, row as f32 + 0.5);
            let value = plane.at(x, y);
            total += before.replace(value).map_or(0.0, |before: f32| (value - before).abs());
        }
    }
    total / (size * size) as f32
}
