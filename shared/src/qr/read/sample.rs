//! Grey values at the modules, and what they say about each: how dark it is, with light, lens and blur taken out.
//!
//! Nothing is thresholded here. A module's value is the positive or negative certainty that it is dark, about 1 in size
//! for a clear one.

use super::layout::{Layout, Module};
use super::plane::Plane;
use super::rectify::{Grid, Perspective};

/// Modules on each side of one whose mean and spread it is compared with. Data is about half dark, so the mean of such
/// a window is a good threshold.
const WINDOW: usize = 4;

/// Samples every module, row by row; dark is high whatever the polarity.
pub(super) fn sample(plane: &Plane<'_>, grid: &Grid, size: usize, darkness: f32) -> Vec<f32> {
    let middle = grid.perspective.near(size as f32 / 2.0, size as f32 / 2.0);
    // Five points a module where there are pixels for them: noise and moiré average out.
    let spread = if middle.area() < 5.0 { 0.0 } else { 0.22 };
    let offsets = [
        (middle.right[0] * spread, middle.right[1] * spread),
        (middle.down[0] * spread, middle.down[1] * spread),
    ];
    let mut values = Vec::with_capacity(size * size);
    for row in 0..size {
        for column in 0..size {
            let (x, y) = grid.at(column as f32 + 0.5, row as f32 + 0.5);
            let mut value = plane.at(x, y);
            if spread > 0.0 {
                for (across, down) in offsets {
                    value += plane.at(x + across, y + down) + plane.at(x - across, y - down);
                }
                value /= 5.0;
            }
            values.push(-darkness * value);
        }
    }
    values
}

/// Takes out the light: compares each value with the mean and spread around it.
pub(super) fn normalized(values: &[f32], size: usize) -> Vec<f32> {
    let sums = Sums::of(values, size);
    let (_, whole) = sums.around(0..size, 0..size);
    // A window without contrast is a finder pattern, or glare; noise in it is not made large.
    let least = 0.3 * whole;
    let mut normalized = Vec::with_capacity(values.len());
    let reach = |at: usize| at.saturating_sub(WINDOW)..(at + WINDOW + 1).min(size);
    for row in 0..size {
        for column in 0..size {
            let (mean, spread) = sums.around(reach(column), reach(row));
            normalized.push((values[row * size + column] - mean) / spread.max(least).max(0.5));
        }
    }
    normalized
}

/// Sums of values and of their squares over rectangles.
struct Sums {
    table: Vec<[f64; 2]>,
    stride: usize,
}

impl Sums {
    fn of(values: &[f32], size: usize) -> Self {
        let stride = size + 1;
        let mut table = vec![[0.0; 2]; stride * stride];
        for (row, line) in values.chunks_exact(size).enumerate() {
            let mut total = [0.0; 2];
            for (column, &value) in line.iter().enumerate() {
                let value = f64::from(value);
                total = [total[0] + value, total[1] + value * value];
                let above = table[row * stride + column + 1];
                table[(row + 1) * stride + column + 1] = [above[0] + total[0], above[1] + total[1]];
            }
        }
        Sums { table, stride }
    }

    /// Returns the mean and the standard deviation.
    fn around(&self, columns: std::ops::Range<usize>, rows: std::ops::Range<usize>) -> (f32, f32) {
        let count = (columns.len() * rows.len()) as f64;
        let total = |index: usize| {
            let at = |column: usize, row: usize| self.table[row * self.stride + column][index];
            at(columns.end, rows.end) - at(columns.start, rows.end) - at(columns.end, rows.start)
                + at(columns.start, rows.start)
        };
        let mean = total(0) / count;
        (mean as f32, (total(1) / count - mean * mean).max(0.0).sqrt() as f32)
    }
}

/// Takes out the blur: learns from the fixed modules how much each is mixed with its neighbors, and undoes it.
pub(super) fn equalized(values: &[f32], layout: &Layout) -> Vec<f32> {
    let target = |index: usize| match layout.modules()[index] {
        Module::Fixed(dark) => Some(if dark { 1.0 } else { -1.0 }),
        _ => None,
    };
    Taps::<1, 10>::learned(values, layout.size(), target).applied(values, layout.size())
}

/// As [`equalized`], over a wider neighborhood and learned from every module, taking what an earlier look made of each
/// for the truth.
pub(super) fn equalized_again(values: &[f32], layout: &Layout, earlier: &[f32]) -> Vec<f32> {
    let target = |index: usize| match layout.modules()[index] {
        Module::Fixed(dark) => Some(if dark { 1.0 } else { -1.0 }),
        // An uncertain value says little about which way it should go.
        _ => (earlier[index].abs() > 0.15).then_some(earlier[index].signum()),
    };
    Taps::<2, 26>::learned(values, layout.size(), target).applied(values, layout.size())
}

/// A linear filter over the `2 * REACH + 1` squared modules around one, and a constant.
struct Taps<const REACH: usize, const COUNT: usize> {
    weights: [f32; COUNT],
}

impl<const REACH: usize, const COUNT: usize> Taps<REACH, COUNT> {
    /// Learns by least squares to make `target` of the values, where it is known.
    fn learned(values: &[f32], size: usize, target: impl Fn(usize) -> Option<f32>) -> Self {
        let (mut normal, mut right) = ([[0f32; COUNT]; COUNT], [0f32; COUNT]);
        for index in 0..values.len() {
            let Some(target) = target(index) else { continue };
            let seen = Self::around(values, size, index % size, index / size);
            for (row, &a) in seen.iter().enumerate() {
                for (entry, &b) in normal[row][..=row].iter_mut().zip(&seen) {
                    *entry += a * b;
                }
                right[row] += a * target;
            }
        }
        // A little damping: few fixed modules must not make large weights.
        let damping = 0.01 * (0..COUNT).map(|index| normal[index][index]).sum::<f32>() / COUNT as f32;
        for (index, row) in normal.iter_mut().enumerate() {
            row[index] += damping.max(1e-3);
        }
        Taps { weights: cholesky(normal, right) }
    }

    fn applied(&self, values: &[f32], size: usize) -> Vec<f32> {
        let weigh = |index: usize| {
            let seen = Self::around(values, size, index % size, index / size);
            seen.iter().zip(&self.weights).map(|(value, weight)| value * weight).sum()
        };
        (0..values.len()).map(weigh).collect()
    }

    /// Collects the values around a module; outside, the border goes on. The last is the constant.
    #[inline]
    fn around(values: &[f32], size: usize, column: usize, row: usize) -> [f32; COUNT] {
        let mut seen = [1.0; COUNT];
        let side = 2 * REACH + 1;
        let inside = |at: usize, step: usize| (at + step).saturating_sub(REACH).min(size - 1);
        for down in 0..side {
            let line = &values[inside(row, down) * size..][..size];
            for across in 0..side {
                seen[down * side + across] = line[inside(column, across)];
            }
        }
        seen
    }
}

/// Solves a symmetric positive system of which the lower half is given. One that is not positive gives zeros.
fn cholesky<const N: usize>(mut matrix: [[f32; N]; N], mut right: [f32; N]) -> [f32; N] {
    for row in 0..N {
        for column in 0..=row {
            let known: f32 = (0..column).map(|index| matrix[row][index] * matrix[column][index]).sum();
            let rest = matrix[row][column] - known;
            if row == column {
                let positive = rest > 1e-9;
                if !positive {
                    return [0.0; N];
                }
                matrix[row][row] = rest.sqrt();
            } else {
                matrix[row][column] = rest / matrix[column][column];
            }
        }
    }
    for row in 0..N {
        let known: f32 = (0..row).map(|column| matrix[row][column] * right[column]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    for row in (0..N).rev() {
        let known: f32 = (row + 1..N).map(|column| matrix[column][row] * right[column]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

/// Returns how well the two timing lines alternate under a map, 1 at best and about 0 by chance.
pub(super) fn timing(plane: &Plane<'_>, perspective: &Perspective, size: usize) -> f32 {
    let mut agreement = 0.0;
    for across in [true, false] {
        let values: Vec<f32> = (7..size - 7)
            .map(|along| {
                let along = along as f32 + 0.5;
                let (x, y) = if across { perspective.at(along, 6.5) } else { perspective.at(6.5, along) };
                plane.at(x, y)
            })
            .collect();
        let (mut signed, mut all) = (0.0, 1.0);
        for (index, three) in values.windows(3).enumerate() {
            let step = (three[0] + three[2]) / 2.0 - three[1];
            // Module 8 is dark.
            signed += if index % 2 == 0 { step } else { -step };
            all += step.abs();
        }
        agreement += signed / all / 2.0;
    }
    agreement
}
