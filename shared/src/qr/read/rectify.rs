//! Where each module lies in the picture: perspective from the finder patterns, corrected at every alignment pattern.

use super::layout::Layout;
use super::plane::Plane;
use super::register::{ALIGNMENT, Placement};

/// A projective map from modules to pixels (ISO/IEC 18004 §13 calls the result the sampling grid).
///
/// Inside, modules are counted from the symbol's middle in half sides, so that all eight numbers are of like size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Perspective {
    matrix: [f64; 8],
    /// Modules from one side to the middle.
    half: f64,
}

/// A point of the symbol seen somewhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tie {
    /// In modules from the top left corner.
    pub(super) module: (f32, f32),
    pub(super) pixel: (f32, f32),
    pub(super) weight: f32,
}

impl Perspective {
    /// Fits the map to ties by weighted least squares, or returns `None` if they do not determine one.
    ///
    /// Where the ties say little about perspective, it comes out small.
    pub(super) fn fit(ties: &[Tie], size: usize) -> Option<Self> {
        let half = size as f64 / 2.0;
        let (mut normal, mut right) = ([[0f64; 8]; 8], [0f64; 8]);
        let middle = |axis: fn(&Tie) -> f32| {
            ties.iter().map(|tie| f64::from(axis(tie))).sum::<f64>() / ties.len() as f64
        };
        let (middle_x, middle_y) = (middle(|tie| tie.pixel.0), middle(|tie| tie.pixel.1));
        let scale = ties
            .iter()
            .map(|tie| {
                (f64::from(tie.pixel.0) - middle_x).abs().max((f64::from(tie.pixel.1) - middle_y).abs())
            })
            .fold(1.0, f64::max);
        for tie in ties {
            let (u, v) = (f64::from(tie.module.0) / half - 1.0, f64::from(tie.module.1) / half - 1.0);
            let x = (f64::from(tie.pixel.0) - middle_x) / scale;
            let y = (f64::from(tie.pixel.1) - middle_y) / scale;
            let weight = f64::from(tie.weight);
            let rows = [
                ([u, v, 1.0, 0.0, 0.0, 0.0, -x * u, -x * v], x),
                ([0.0, 0.0, 0.0, u, v, 1.0, -y * u, -y * v], y),
            ];
            for (row, value) in rows {
                for a in 0..8 {
                    for b in 0..8 {
                        normal[a][b] += weight * row[a] * row[b];
                    }
                    right[a] += weight * row[a] * value;
                }
            }
        }
        // Ties are good to a third of a pixel and perspective is about a tenth, both as guessed.
        let flatness = (0.33 / scale / 0.1).powi(2);
        normal[6][6] += flatness;
        normal[7][7] += flatness;
        let [a, b, c, d, e, f, g, h] = solve(normal, right)?;
        // Back from normalized pixels: x = middle + scale * x'.
        let matrix = [
            scale * a + middle_x * g,
            scale * b + middle_x * h,
            scale * c + middle_x,
            scale * d + middle_y * g,
            scale * e + middle_y * h,
            scale * f + middle_y,
            g,
            h,
        ];
        // All four corners have to be in front of the camera.
        let front = [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)];
        front.iter().all(|(u, v)| g * u + h * v + 1.0 > 0.1).then_some(Perspective { matrix, half })
    }

    /// Returns where a point of the symbol lies in the picture.
    #[inline]
    pub(super) fn at(&self, column: f32, row: f32) -> (f32, f32) {
        let (u, v) = (f64::from(column) / self.half - 1.0, f64::from(row) / self.half - 1.0);
        let [a, b, c, d, e, f, g, h] = self.matrix;
        let scale = (g * u + h * v + 1.0).recip();
        (((a * u + b * v + c) * scale) as f32, ((d * u + e * v + f) * scale) as f32)
    }

    /// Returns the map near a point: where it lies, and the steps of one module.
    pub(super) fn near(&self, column: f32, row: f32) -> Placement {
        let (x, y) = self.at(column, row);
        let (left, right) = (self.at(column - 0.5, row), self.at(column + 0.5, row));
        let (above, below) = (self.at(column, row - 0.5), self.at(column, row + 0.5));
        Placement {
            x,
            y,
            right: [right.0 - left.0, right.1 - left.1],
            down: [below.0 - above.0, below.1 - above.1],
        }
    }

    /// Returns how far a tie is from where the map has it, in pixels.
    fn off(&self, tie: &Tie) -> [f32; 2] {
        let (x, y) = self.at(tie.module.0, tie.module.1);
        [tie.pixel.0 - x, tie.pixel.1 - y]
    }

    /// Returns a map to another picture: each pixel becomes `factor` pixels.
    pub(super) fn scaled(mut self, factor: f64) -> Self {
        for entry in &mut self.matrix[..6] {
            *entry *= factor;
        }
        self
    }
}

/// Solves a small symmetric system by elimination with pivots, or returns `None` if it is singular.
fn solve<const N: usize>(mut matrix: [[f64; N]; N], mut right: [f64; N]) -> Option<[f64; N]> {
    for column in 0..N {
        let pivot =
            (column..N).max_by(|&a, &b| matrix[a][column].abs().total_cmp(&matrix[b][column].abs()))?;
        let regular = matrix[pivot][column].abs() > 1e-12;
        if !regular {
            return None;
        }
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..N {
            let factor = matrix[row][column] / matrix[column][column];
            let above = matrix[column];
            for (entry, above) in matrix[row].iter_mut().zip(above).skip(column) {
                *entry -= factor * above;
            }
            right[row] -= factor * right[column];
        }
    }
    for row in (0..N).rev() {
        let known: f64 = (row + 1..N).map(|column| matrix[row][column] * right[column]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right.iter().all(|value| value.is_finite()).then_some(right)
}

/// Returns the length of a step, in pixels.
pub(super) fn length(step: [f32; 2]) -> f32 {
    step[0].hypot(step[1])
}

/// The three finder patterns of a symbol, fitted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Corners {
    pub(super) top_left: Placement,
    pub(super) top_right: Placement,
    pub(super) bottom_left: Placement,
}

impl Corners {
    /// Weights of the ties at the middle of a finder pattern and at its edges.
    const MIDDLE_WEIGHT: f32 = 4.0;
    const EDGE_WEIGHT: f32 = 1.0;

    /// Takes three fitted patterns, the corner first, whose axes may each be turned by quarters, and turns them alike;
    /// the other two are exchanged if that would mirror the symbol. `None` if they do not lie like the corners of one.
    pub(super) fn turned(corner: Placement, one: Placement, other: Placement) -> Option<Self> {
        let way = |to: &Placement| [to.x - corner.x, to.y - corner.y];
        let turn = way(&one)[0] * way(&other)[1] - way(&one)[1] * way(&other)[0];
        let (top_right, bottom_left) = if turn > 0.0 { (one, other) } else { (other, one) };
        let (top, left) = (way(&top_right), way(&bottom_left));
        let turned = |place: Placement| {
            let axes = [place.right, place.down];
            let axes = [axes[0], axes[1], axes[0].map(|step| -step), axes[1].map(|step| -step)];
            let along =
                |axis: &[f32; 2], way: [f32; 2]| (axis[0] * way[0] + axis[1] * way[1]) / length(*axis);
            let best =
                |way: [f32; 2]| axes.into_iter().max_by(|a, b| along(a, way).total_cmp(&along(b, way)));
            let (right, down) = (best(top)?, best(left)?);
            (right != down).then_some(Placement { right, down, ..place })
        };
        Some(Corners {
            top_left: turned(corner)?,
            top_right: turned(top_right)?,
            bottom_left: turned(bottom_left)?,
        })
    }

    /// Returns the ties of a symbol of so many modules: each middle, and points three modules from it.
    pub(super) fn ties(&self, size: usize) -> Vec<Tie> {
        let far = size as f32 - 3.5;
        let patterns = [(self.top_left, 3.5, 3.5), (self.top_right, far, 3.5), (self.bottom_left, 3.5, far)];
        let (middle, edge) = (Self::MIDDLE_WEIGHT, Self::EDGE_WEIGHT);
        let mut ties = Vec::with_capacity(CORNER_TIES);
        for (place, column, row) in patterns {
            let around = [(3.0, 0.0), (-3.0, 0.0), (0.0, 3.0), (0.0, -3.0)];
            let points = [(0.0, 0.0, middle)].into_iter().chain(around.map(|(u, v)| (u, v, edge)));
            ties.extend(points.map(|(u, v, weight)| Tie {
                module: (column + u, row + v),
                pixel: place.at(u, v),
                weight,
            }));
        }
        ties
    }

    /// Estimates the modules along a side from the distances between the patterns and their own sizes.
    pub(super) fn size(&self) -> f32 {
        let leg = |from: &Placement, to: &Placement, axis: fn(&Placement) -> [f32; 2]| {
            let way = [to.x - from.x, to.y - from.y];
            let length = way[0].hypot(way[1]);
            let along = |place: &Placement| (axis(place)[0] * way[0] + axis(place)[1] * way[1]) / length;
            // Between two patterns the module size changes about linearly with the logarithm.
            length / (along(from).max(0.1) * along(to).max(0.1)).sqrt()
        };
        let across = leg(&self.top_left, &self.top_right, |place| place.right);
        let down = leg(&self.top_left, &self.bottom_left, |place| place.down);
        (across * down).sqrt() + 7.0
    }
}

/// Where every module of a symbol lies.
pub(super) struct Grid {
    pub(super) perspective: Perspective,
    /// What the picture is off from `perspective` at each crossing of alignment rows and columns, in pixels.
    bends: Vec<[f32; 2]>,
    /// Middles of the alignment rows (and columns), in modules; empty below version 7.
    stations: Vec<f32>,
}

impl Grid {
    /// Returns a grid without corrections.
    pub(super) fn flat(perspective: Perspective) -> Self {
        Grid { perspective, bends: Vec::new(), stations: Vec::new() }
    }

    /// Goes from one alignment pattern to the next, from the top left on, and corrects the map at each.
    pub(super) fn trace(
        plane: &Plane<'_>,
        corners: &Corners,
        layout: &Layout,
        darkness: f32,
    ) -> Option<Self> {
        let mut mesh = Mesh::new(corners, layout)?;
        mesh.find_all(plane, darkness);
        match mesh.stations.len() {
            0 => {}
            2 => mesh.trust_the_far_corner(),
            _ => mesh.drop_strays(),
        }
        Some(mesh.into_grid(corners))
    }

    /// Returns where a point of the symbol lies, in pixels.
    #[inline]
    pub(super) fn at(&self, column: f32, row: f32) -> (f32, f32) {
        let (x, y) = self.perspective.at(column, row);
        let [bend_x, bend_y] = self.bend(column, row);
        (x + bend_x, y + bend_y)
    }

    fn bend(&self, column: f32, row: f32) -> [f32; 2] {
        let count = self.stations.len();
        if count < 3 || self.bends.is_empty() {
            return [0.0; 2];
        }
        let cell = |at: f32| {
            let index = self.stations[1..count - 1].partition_point(|&station| station <= at);
            let (from, to) = (self.stations[index], self.stations[index + 1]);
            // Beyond the last crossing the bend goes on growing for as long as a finder pattern is wide.
            (index, ((at - from) / (to - from)).clamp(-0.3, 1.3))
        };
        let ((left, right), (top, below)) = (cell(column), cell(row));
        let corner = |column: usize, row: usize| self.bends[row * count + column];
        let blend =
            |a: [f32; 2], b: [f32; 2], part: f32| [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part];
        let upper = blend(corner(left, top), corner(left + 1, top), right);
        let lower = blend(corner(left, top + 1), corner(left + 1, top + 1), right);
        blend(upper, lower, below)
    }
}

/// A [`Grid`] being made.
struct Mesh {
    size: usize,
    perspective: Perspective,
    /// What the perspective is fitted to: [`CORNER_TIES`] of the finder patterns, then one for each pattern found.
    ties: Vec<Tie>,
    stations: Vec<f32>,
    /// The alignment pattern found at each crossing.
    seen: Vec<Option<Tie>>,
}

/// Ties that [`Corners::ties`] makes.
const CORNER_TIES: usize = 15;

impl Mesh {
    fn new(corners: &Corners, layout: &Layout) -> Option<Self> {
        let size = layout.size();
        let ties = corners.ties(size);
        let stations: Vec<f32> = layout.alignment().iter().map(|&at| f32::from(at) + 0.5).collect();
        let seen = vec![None; stations.len() * stations.len()];
        Some(Mesh { size, perspective: Perspective::fit(&ties, size)?, ties, stations, seen })
    }

    fn count(&self) -> usize {
        self.stations.len()
    }

    /// Looks for every alignment pattern, diagonal by diagonal: those before it say where each is.
    fn find_all(&mut self, plane: &Plane<'_>, darkness: f32) {
        let Some(last) = self.count().checked_sub(1) else { return };
        for diagonal in 1..=2 * last {
            for row in diagonal.saturating_sub(last)..=diagonal.min(last) {
                let column = diagonal - row;
                // At three of the four corners there are finder patterns.
                if (column, row) != (last, 0)
                    && (column, row) != (0, last)
                    && let Some(tie) = self.find(plane, column, row, darkness)
                {
                    self.seen[row * (last + 1) + column] = Some(tie);
                    self.ties.push(tie);
                }
            }
            self.refit();
        }
    }

    fn find(&self, plane: &Plane<'_>, column: usize, row: usize, darkness: f32) -> Option<Tie> {
        /// Least agreement with an alignment pattern, before and after it is fitted.
        const LEAST: (f32, f32) = (0.4, 0.5);
        let module = (self.stations[column], self.stations[row]);
        let mut guess = self.perspective.near(module.0, module.1);
        let before = [
            column.checked_sub(1).and_then(|left| self.seen[row * self.count() + left]),
            row.checked_sub(1).and_then(|above| self.seen[above * self.count() + column]),
        ];
        let off: Vec<[f32; 2]> = before.iter().flatten().map(|tie| self.perspective.off(tie)).collect();
        if !off.is_empty() {
            let [x, y] = mean(&off);
            (guess.x, guess.y) = (guess.x + x, guess.y + y);
        }
        // Up to version 6 there is one, far from everything known.
        let reach = match (self.count(), off.is_empty()) {
            (2, _) => 4.0,
            (_, true) => 2.0,
            _ => 1.5,
        };
        let (place, agreement) = ALIGNMENT.search(plane, guess, reach, darkness);
        if agreement < LEAST.0 {
            return None;
        }
        let (place, agreement) = ALIGNMENT.shift(plane, place, darkness);
        let found = agreement >= LEAST.1 && plane.holds(place.x, place.y);
        found.then_some(Tie { module, pixel: (place.x, place.y), weight: 4.0 * agreement * agreement })
    }

    fn refit(&mut self) {
        self.perspective = Perspective::fit(&self.ties, self.size).unwrap_or(self.perspective);
    }

    /// Four points far apart say more about perspective than what the finder patterns look like.
    fn trust_the_far_corner(&mut self) {
        if self.ties.len() > CORNER_TIES {
            for tie in self.ties[..CORNER_TIES].iter_mut().filter(|tie| tie.weight == Corners::EDGE_WEIGHT) {
                tie.weight *= 0.02;
            }
            self.refit();
        }
    }

    /// Drops what was found where nothing else agrees.
    fn drop_strays(&mut self) {
        let middle = self.size as f32 / 2.0;
        let module = self.perspective.near(middle, middle).area().sqrt();
        let mut lengths: Vec<f32> =
            self.seen.iter().flatten().map(|tie| length(self.perspective.off(tie))).collect();
        lengths.sort_by(f32::total_cmp);
        let median = lengths.get(lengths.len() / 2).copied().unwrap_or(0.0);
        let limit = (3.0 * median).max(0.6 * module);
        let perspective = self.perspective;
        for slot in &mut self.seen {
            *slot = slot.filter(|tie| length(perspective.off(tie)) <= limit);
        }
        self.ties.truncate(CORNER_TIES);
        self.ties.extend(self.seen.iter().flatten());
        self.refit();
    }

    fn into_grid(self, corners: &Corners) -> Grid {
        let count = self.count();
        if count < 3 {
            return Grid::flat(self.perspective);
        }
        let mut bends: Vec<Option<[f32; 2]>> =
            self.seen.iter().map(|tie| tie.as_ref().map(|tie| self.perspective.off(tie))).collect();
        let middles = corners.ties(self.size).into_iter().filter(|tie| tie.weight == Corners::MIDDLE_WEIGHT);
        for (crossing, tie) in [0, count - 1, (count - 1) * count].into_iter().zip(middles) {
            bends[crossing] = Some(self.perspective.off(&tie));
        }
        // A pattern that was not found is off like its neighbors; what is known spreads by one crossing a round.
        for _ in 0..2 * count {
            let before = bends.clone();
            for (index, bend) in bends.iter_mut().enumerate().filter(|(_, bend)| bend.is_none()) {
                let (column, row) = (index % count, index / count);
                let around = [
                    (column > 0).then(|| index - 1),
                    (column + 1 < count).then(|| index + 1),
                    (row > 0).then(|| index - count),
                    (row + 1 < count).then(|| index + count),
                ];
                let known: Vec<[f32; 2]> =
                    around.into_iter().flatten().filter_map(|index| before[index]).collect();
                *bend = (!known.is_empty()).then(|| mean(&known));
            }
        }
        let bends = bends.into_iter().map(Option::unwrap_or_default).collect();
        Grid { perspective: self.perspective, bends, stations: self.stations }
    }
}

/// Returns the mean of some steps; there is at least one.
fn mean(steps: &[[f32; 2]]) -> [f32; 2] {
    [0, 1].map(|axis| steps.iter().map(|step| step[axis]).sum::<f32>() / steps.len() as f32)
}
