//! Fits a known pattern to the grey picture, to a fraction of a pixel.
//!
//! Finder and alignment patterns are the same in every symbol, so how dark the picture should be around one is known.
//! [`Pattern::fit`] moves, turns and stretches that expectation until it agrees best (inverse compositional
//! Lucas-Kanade with gain and offset taken out). It needs no threshold, and blur hardly moves the result.

use std::sync::LazyLock;

use super::plane::Plane;

/// Modules over which an edge of the expectation goes from dark to light: about what lens and screen make of it.
const SOFTNESS: f32 = 0.8;

/// Least mean square of the grey values around their mean; less than two grey levels of contrast is nothing.
const LEAST_SPREAD: f32 = 4.0;

/// An agreement from which no fit recovers.
const HOPELESS: f32 = 0.1;

/// Where a pattern lies: its middle and the steps of one module, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Placement {
    pub(super) x: f32,
    pub(super) y: f32,
    /// One module to the right, as the symbol sees it.
    pub(super) right: [f32; 2],
    /// One module down.
    pub(super) down: [f32; 2],
}

impl Placement {
    /// Returns the pixel position of a point given in modules from the middle.
    #[inline]
    pub(super) fn at(&self, u: f32, v: f32) -> (f32, f32) {
        (self.x + u * self.right[0] + v * self.down[0], self.y + u * self.right[1] + v * self.down[1])
    }

    /// Returns the area of a module, in pixels.
    pub(super) fn area(&self) -> f32 {
        (self.right[0] * self.down[1] - self.right[1] * self.down[0]).abs()
    }
}

/// A pattern of rings: what to expect where, and how that changes when it is moved.
pub(super) struct Pattern {
    points: Vec<Point>,
    /// Modules along a side.
    side: usize,
    /// How dark the middle of each module is, 1 or -1, row by row.
    modules: Vec<f32>,
    /// Inverse of the 6 by 6 normal matrix of `steepest`.
    solve: [[f32; 6]; 6],
    /// The same for moving alone.
    shift: [[f32; 2]; 2],
}

struct Point {
    u: f32,
    v: f32,
    /// Expected darkness; weighted mean 0, weighted square sum 1.
    expected: f32,
    weight: f32,
    /// Change of `expected` with: move right, move down, and the four entries of the deformation.
    steepest: [f32; 6],
}

/// Seven modules: dark ring, light ring, dark middle, in a light surrounding.
pub(super) static FINDER: LazyLock<Pattern> = LazyLock::new(|| Pattern::new(&[1.5, 2.5, 3.5], 4.25));

/// Five modules: dark ring, light ring, one dark module. What surrounds it is data.
pub(super) static ALIGNMENT: LazyLock<Pattern> = LazyLock::new(|| Pattern::new(&[0.5, 1.5, 2.5], 2.25));

impl Pattern {
    /// Makes the pattern whose darkness changes at these distances from the middle, dark inside the first.
    fn new(edges: &[f32], reach: f32) -> Self {
        let darkness = |distance: f32| {
            let mut dark = 1.0;
            for (index, edge) in edges.iter().enumerate() {
                let step = ((distance - edge) / SOFTNESS + 0.5).clamp(0.0, 1.0);
                dark += if index % 2 == 0 { -2.0 } else { 2.0 } * step;
            }
            dark
        };
        let count = (reach * 4.0 + 1.0) as i32;
        let mut points = Vec::new();
        for (row, column) in (0..count).flat_map(|row| (0..count).map(move |column| (row, column))) {
            let (u, v) = (column as f32 * 0.5 - reach, row as f32 * 0.5 - reach);
            let distance = u.abs().max(v.abs());
            // Outside a finder pattern lies the quiet zone, which may be missing.
            let weight = if distance > 3.6 { 0.4 } else { 1.0 };
            points.push(Point { u, v, expected: darkness(distance), weight, steepest: [0.0; 6] });
        }
        let weights: f32 = points.iter().map(|point| point.weight).sum();
        let mean = points.iter().map(|point| point.weight * point.expected).sum::<f32>() / weights;
        let square: f32 = points.iter().map(|point| point.weight * (point.expected - mean).powi(2)).sum();
        let scale = square.sqrt().recip();
        let mut normal = [[0f64; 6]; 6];
        for point in &mut points {
            point.expected = (point.expected - mean) * scale;
            let slope = |u: f32, v: f32| {
                const STEP: f32 = 0.25;
                let at = |u: f32, v: f32| darkness(u.abs().max(v.abs())) * scale;
                [
                    (at(u + STEP, v) - at(u - STEP, v)) / (2.0 * STEP),
                    (at(u, v + STEP) - at(u, v - STEP)) / (2.0 * STEP),
                ]
            };
            let [right, down] = slope(point.u, point.v);
            point.steepest = [right, down, right * point.u, right * point.v, down * point.u, down * point.v];
            for (row, &a) in normal.iter_mut().zip(&point.steepest) {
                for (entry, &b) in row.iter_mut().zip(&point.steepest) {
                    *entry += f64::from(point.weight * a * b);
                }
            }
        }
        let side = (2.0 * edges.last().copied().unwrap_or_default()) as usize;
        let modules = (0..side * side).map(|index| {
            let from_middle = |at: usize| at as f32 - (side / 2) as f32;
            darkness(from_middle(index % side).abs().max(from_middle(index / side).abs())).signum()
        });
        let shift = inverse([[normal[0][0], normal[0][1]], [normal[1][0], normal[1][1]]]);
        Pattern {
            side,
            modules: modules.collect(),
            points,
            solve: inverse(normal).map(|row| row.map(|entry| entry as f32)),
            shift: shift.map(|row| row.map(|entry| entry as f32)),
        }
    }

    /// Fits the pattern, starting from a guess that is off by less than a module or so. Returns where it lies and how
    /// well it agrees, 1 at best (normalized cross-correlation).
    ///
    /// `darkness` is 1 for dark on light, -1 for an inverted symbol.
    pub(super) fn fit(&self, plane: &Plane<'_>, guess: Placement, darkness: f32) -> (Placement, f32) {
        const ROUNDS: usize = 10;
        let (mut place, mut best) = (guess, (guess, -1.0));
        for _ in 0..ROUNDS {
            let (agreement, change) = self.step(plane, &place, darkness);
            if agreement > best.1 {
                best = (place, agreement);
            }
            if agreement < HOPELESS {
                return best;
            }
            let step = self.solve.map(|row| row.iter().zip(&change).map(|(a, b)| a * b).sum::<f32>());
            let [x, y, a, b, c, d] = step.map(|entry| entry.clamp(-0.7, 0.7));
            // New placement = old placement after undoing what the expectation would have to do.
            let determinant = (1.0 + a) * (1.0 + d) - b * c;
            let sound = determinant > 0.2;
            if !sound {
                break;
            }
            let undo =
                [[(1.0 + d) / determinant, -b / determinant], [-c / determinant, (1.0 + a) / determinant]];
            let right = [0, 1].map(|axis| place.right[axis] * undo[0][0] + place.down[axis] * undo[1][0]);
            let down = [0, 1].map(|axis| place.right[axis] * undo[0][1] + place.down[axis] * undo[1][1]);
            place = Placement {
                x: place.x - right[0] * x - down[0] * y,
                y: place.y - right[1] * x - down[1] * y,
                right,
                down,
            };
            if x.abs() + y.abs() < 0.01 && a.abs() + d.abs() < 0.01 {
                break;
            }
        }
        let (agreement, _) = self.step(plane, &place, darkness);
        if agreement > best.1 { (place, agreement) } else { best }
    }

    /// Looks for the pattern around a place, in steps of half a module, by the middles of its modules.
    ///
    /// `reach` is in modules. Returns the best place and how well it agrees; places far from the guess have to agree
    /// better.
    pub(super) fn search(
        &self,
        plane: &Plane<'_>,
        guess: Placement,
        reach: f32,
        darkness: f32,
    ) -> (Placement, f32) {
        let around = (reach * 2.0) as usize;
        // One sample every half module, over the pattern and everywhere it may be.
        let count = 2 * (self.side - 1) + 1 + 2 * around;
        let start = -((self.side - 1) as f32) / 2.0 - around as f32 / 2.0;
        let sample = |index: usize| {
            let (column, row) = (index % count, index / count);
            let (x, y) = guess.at(start + column as f32 / 2.0, start + row as f32 / 2.0);
            -darkness * plane.at(x, y)
        };
        let patch: Vec<f32> = (0..count * count).map(sample).collect();
        let offset = |index: usize| 2 * (index / self.side * count + index % self.side);
        let expected: Vec<(usize, f32)> =
            self.modules.iter().enumerate().map(|(index, &dark)| (offset(index), dark)).collect();
        let (mut best, mut best_score) = ((guess, -1.0), -1.0);
        for (row, column) in
            (0..=2 * around).flat_map(|row| (0..=2 * around).map(move |column| (row, column)))
        {
            let corner = row * count + column;
            let agreement =
                correlation(expected.iter().map(|&(offset, dark)| (patch[corner + offset], dark)));
            let (u, v) = ((column as f32 - around as f32) / 2.0, (row as f32 - around as f32) / 2.0);
            let score = agreement - 0.03 * u.hypot(v);
            if score > best_score {
                let (x, y) = guess.at(u, v);
                (best, best_score) = ((Placement { x, y, ..guess }, agreement), score);
            }
        }
        best
    }

    /// As [`fit`](Self::fit), moving the pattern without turning or stretching it.
    pub(super) fn shift(&self, plane: &Plane<'_>, guess: Placement, darkness: f32) -> (Placement, f32) {
        const ROUNDS: usize = 4;
        let (mut place, mut best) = (guess, (guess, -1.0));
        for round in 0..ROUNDS {
            let (agreement, change) = self.step(plane, &place, darkness);
            if agreement > best.1 {
                best = (place, agreement);
            }
            if round + 1 == ROUNDS {
                break;
            }
            let [x, y] = self.shift.map(|row| (row[0] * change[0] + row[1] * change[1]).clamp(-0.5, 0.5));
            let (to_x, to_y) = place.at(-x, -y);
            (place.x, place.y) = (to_x, to_y);
            if x.abs() + y.abs() < 0.01 {
                break;
            }
        }
        best
    }

    /// Returns how well the pattern agrees with the picture, and the picture's pull on each of its six parameters.
    fn step(&self, plane: &Plane<'_>, place: &Placement, darkness: f32) -> (f32, [f32; 6]) {
        let mut seen = [0f32; 400];
        let seen = &mut seen[..self.points.len().min(400)];
        let (mut weights, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for (seen, point) in seen.iter_mut().zip(&self.points) {
            let (x, y) = place.at(point.u, point.v);
            *seen = -darkness * plane.at(x, y);
            weights += point.weight;
            sum += point.weight * *seen;
            squares += point.weight * *seen * *seen;
        }
        let mean = sum / weights;
        let spread = squares - sum * mean;
        let contrasty = spread > LEAST_SPREAD * weights;
        if !contrasty {
            return (0.0, [0.0; 6]);
        }
        let scale = spread.sqrt().recip();
        let (mut agreement, mut change) = (0.0, [0f32; 6]);
        for (seen, point) in seen.iter().zip(&self.points) {
            let normalized = (seen - mean) * scale;
            agreement += point.weight * normalized * point.expected;
            let error = point.weight * (normalized - point.expected);
            for (change, steepest) in change.iter_mut().zip(&point.steepest) {
                *change += error * steepest;
            }
        }
        (agreement, change)
    }
}

/// Inverts a small symmetric positive matrix by elimination. A singular one becomes all zero: no step is taken.
fn inverse<const N: usize>(mut matrix: [[f64; N]; N]) -> [[f64; N]; N] {
    let mut inverted = [[0.0; N]; N];
    for (index, row) in inverted.iter_mut().enumerate() {
        row[index] = 1.0;
    }
    for pivot in 0..N {
        let scale = matrix[pivot][pivot];
        if scale.abs() < 1e-12 {
            return [[0.0; N]; N];
        }
        for column in 0..N {
            matrix[pivot][column] /= scale;
            inverted[pivot][column] /= scale;
        }
        for row in (0..N).filter(|&row| row != pivot) {
            let factor = matrix[row][pivot];
            for column in 0..N {
                matrix[row][column] -= factor * matrix[pivot][column];
                inverted[row][column] -= factor * inverted[pivot][column];
            }
        }
    }
    inverted
}

/// Returns how well values agree with what was expected of each, 1 at best, whatever their gain and offset (normalized
/// cross-correlation). 0 if they hardly differ from one another.
pub(super) fn correlation(pairs: impl Iterator<Item = (f32, f32)>) -> f32 {
    let (mut count, mut seen_sum, mut seen_squares) = (0.0, 0.0, 0.0);
    let (mut sum, mut squares, mut product) = (0.0, 0.0, 0.0);
    for (seen, expected) in pairs {
        count += 1.0;
        seen_sum += seen;
        seen_squares += seen * seen;
        sum += expected;
        squares += expected * expected;
        product += seen * expected;
    }
    let spread = seen_squares - seen_sum * seen_sum / count;
    if spread < LEAST_SPREAD * count {
        return 0.0;
    }
    (product - seen_sum * sum / count) / (spread * (squares - sum * sum / count)).sqrt()
}
