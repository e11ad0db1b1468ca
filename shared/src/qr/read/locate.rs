//! Finder patterns: where they are, and which three belong together (ISO/IEC 18004 §6.3.3).
//!
//! A line through a finder pattern, at whatever angle, crosses dark and light in the ratio 1:1:3:1:1. Rows are searched
//! for that, in both polarities at once, so an inverted symbol costs nothing extra. What is compared is the distance
//! from one edge to the next edge of the same direction: blur and a wrong threshold move the two alike.

use super::guard::{Guard, Interrupted};
use super::plane::Plane;
use super::register::{Placement, correlation};
use super::threshold::Binary;

/// Finder patterns kept from one picture, best first. A symbol needs three (a choice).
const MAX_FINDERS: usize = 24;

/// Least agreement of grey values with a finder pattern (a choice).
const LEAST_ROUNDNESS: f32 = 0.58;

/// Triples tried in one picture, best first (a choice).
const MAX_TRIPLES: usize = 24;

/// Something that looks like a finder pattern.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Finder {
    /// Middle, in pixels.
    pub(super) x: f32,
    pub(super) y: f32,
    /// Module size along the row and along the column, in pixels.
    pub(super) across: f32,
    pub(super) down: f32,
    /// Rows that showed it.
    pub(super) hits: u16,
    /// Whether its rings are light on dark.
    pub(super) inverted: bool,
    /// Whether its outer ring ran into something of the same color on every row, as it does without a quiet zone.
    pub(super) open: bool,
    /// How well the grey values around it agree with a finder pattern, 1 at best.
    pub(super) roundness: f32,
}

impl Finder {
    /// Returns the mean module size, in pixels.
    pub(super) fn module(&self) -> f32 {
        (self.across + self.down) / 2.0
    }

    /// Returns the distance to another, in pixels.
    pub(super) fn distance(&self, other: &Finder) -> f32 {
        (other.x - self.x).hypot(other.y - self.y)
    }

    /// Returns the direction to another, as a unit vector.
    pub(super) fn way_to(&self, other: &Finder) -> [f32; 2] {
        let distance = self.distance(other);
        [(other.x - self.x) / distance, (other.y - self.y) / distance]
    }

    /// Returns where it lies if its axes point these ways.
    pub(super) fn placed(&self, right: [f32; 2], down: [f32; 2]) -> Placement {
        let along = |way: [f32; 2]| way.map(|step| step * self.crossing(way));
        Placement { x: self.x, y: self.y, right: along(right), down: along(down) }
    }

    /// Returns whether two patterns can be of one symbol, by their polarity, size and distance.
    pub(super) fn may_go_with(&self, other: &Finder) -> bool {
        let modules = self.distance(other) / (self.module() * other.module()).sqrt();
        self.inverted == other.inverted
            && ratio(self.module(), other.module()) < 3.0
            && (9.0..280.0).contains(&modules)
    }

    /// Estimates the module size in a direction, given as a unit vector, from what the row and the column crossed.
    fn crossing(&self, way: [f32; 2]) -> f32 {
        let (cos, sin) = (way[0].abs(), way[1].abs());
        // A row crosses a square turned by less than 45 degrees through two opposite sides.
        if cos >= sin {
            cos * (0.75 * self.across + 0.25 * self.down)
        } else {
            sin * (0.75 * self.down + 0.25 * self.across)
        }
    }
}

/// Finds everything that looks like a finder pattern, the surest first.
pub(super) fn finders(
    plane: &Plane<'_>,
    binary: &impl Binary,
    guard: &Guard<'_>,
) -> Result<Vec<Finder>, Interrupted> {
    // The middle of a finder pattern is three modules tall: at two pixels a module, every third row meets it twice.
    let (width, height) = binary.sides();
    let step = if height < 300 { 2 } else { 3 };
    let mut found: Vec<Finder> = Vec::new();
    let (mut edges, mut row) = (Vec::new(), vec![0; width]);
    for y in (step / 2..height).step_by(step) {
        if y % 64 < step {
            guard.check()?;
        }
        binary.row(y, &mut row);
        edges_of(&row, &mut edges);
        for window in edges.windows(6) {
            let &[start, a, b, c, d, end] = window else { continue };
            let runs = [a - start, b - a, c - b, d - c, end - d];
            if !may_be_ratio(runs) {
                continue;
            }
            let color = row[b as usize];
            if !stands_out(plane.row(y), [start, a, b, c, d, end], color, binary.noise()) {
                continue;
            }
            let Some(ratio) = Ratio::of(runs) else { continue };
            let Some(mut finder) = cross_checked(binary, (b + c) as usize / 2, y, color, ratio.module) else {
                continue;
            };
            finder.roundness = roundness(plane, &finder);
            if finder.roundness > LEAST_ROUNDNESS {
                remember(&mut found, finder);
            }
        }
    }
    found.sort_by(|a, b| b.roundness.total_cmp(&a.roundness));
    found.truncate(MAX_FINDERS);
    Ok(found)
}

/// Returns whether the five runs differ in grey by more than noise does.
fn stands_out(row: &[u8], edges: [u32; 6], color: u8, noise: u8) -> bool {
    let middle = |index: usize| i32::from(row[((edges[index] + edges[index + 1]) / 2) as usize]);
    let (rings, gaps) = (middle(0) + middle(2) + middle(4), middle(1) + middle(3));
    let difference = (2 * rings - 3 * gaps) * if color == 1 { -1 } else { 1 };
    // Six times the mean difference, against seven tenths of the noise.
    10 * difference > 6 * 7 * i32::from(noise)
}

/// Returns how well the grey values on circles around a place agree with a finder pattern, 1 at best.
///
/// Of a square ring, however it is turned, a circle just inside its outer edge sees nothing else. Rows that cross a
/// turned pattern make its modules look larger than they are, so smaller circles are tried as well.
fn roundness(plane: &Plane<'_>, finder: &Finder) -> f32 {
    // Radius in modules, and what is there.
    const CIRCLES: [(f32, f32); 4] = [(0.4, 1.0), (1.2, 1.0), (2.2, -1.0), (3.4, 1.0)];
    let darkness = if finder.inverted { -1.0 } else { 1.0 };
    let agreement = |scale: f32, skip: usize| {
        let circle = |(radius, expected): (f32, f32)| {
            let (across, down) = (radius * scale * finder.across, radius * scale * finder.down);
            let around = DIRECTIONS.into_iter().step_by(skip);
            around.map(move |(cos, sin)| (finder.x + across * cos, finder.y + down * sin, expected))
        };
        let points = CIRCLES.into_iter().flat_map(circle);
        correlation(points.map(|(x, y, expected)| (-darkness * plane.at(x, y), expected)))
    };
    // What looks nothing like one at the middle scale, at every other point, is none.
    if agreement(0.85, 2) < 0.2 {
        return 0.0;
    }
    agreement(0.85, 1).max(agreement(1.0, 1)).max(agreement(0.72, 1))
}

/// Sixteen directions around a circle.
const DIRECTIONS: [(f32, f32); 16] = {
    const A: f32 = 0.923_88;
    const B: f32 = std::f32::consts::FRAC_1_SQRT_2;
    const C: f32 = 0.382_683;
    [
        (1.0, 0.0),
        (A, C),
        (B, B),
        (C, A),
        (0.0, 1.0),
        (-C, A),
        (-B, B),
        (-A, C),
        (-1.0, 0.0),
        (-A, -C),
        (-B, -B),
        (-C, -A),
        (0.0, -1.0),
        (C, -A),
        (B, -B),
        (A, -C),
    ]
};

/// Lists where a row changes, with its two ends.
fn edges_of(row: &[u8], edges: &mut Vec<u32>) {
    edges.clear();
    edges.push(0);
    let (eights, rest) = row.as_chunks::<8>();
    let mut before = u64::from(row[0]);
    for (index, &eight) in eights.iter().enumerate() {
        let pixels = u64::from_le_bytes(eight);
        let mut changes = pixels ^ (pixels << 8 | before);
        before = pixels >> 56;
        while changes != 0 {
            edges.push((index * 8) as u32 + changes.trailing_zeros() / 8);
            changes &= changes - 1;
        }
    }
    for (index, &pixel) in rest.iter().enumerate() {
        if u64::from(pixel) != before {
            edges.push((row.len() - rest.len() + index) as u32);
            before = u64::from(pixel);
        }
    }
    edges.push(row.len() as u32);
}

/// Returns whether five runs are worth a closer look: three is more than one and not much more than two, and the two
/// sides are not too unlike. Written without branches, because nearly everything fails and nobody can tell where.
fn may_be_ratio([a, b, c, d, e]: [u32; 5]) -> bool {
    let rings = b + d;
    (5 * rings <= 6 * c)
        & (c <= 6 * rings)
        & (b + c <= 2 * (c + d))
        & (c + d <= 2 * (b + c))
        & (10 * (a + e) >= 3 * rings)
        & (5 * a.min(e) <= 4 * c)
}

/// Five runs that are in the ratio 1:1:3:1:1.
struct Ratio {
    /// Pixels per module.
    module: f32,
    /// Whether only the inner three fit: an outer run goes on into something else.
    open: bool,
}

impl Ratio {
    fn of(runs: [u32; 5]) -> Option<Ratio> {
        let [a, b, c, d, e] = runs.map(|run| run as f32);
        let near = |value: f32, modules: f32, module: f32, slack: f32| {
            (value - modules * module).abs() <= slack * module
        };
        let module = (a + b + c + d + e) / 7.0;
        if near(a + b, 2.0, module, 0.8)
            && near(b + c, 4.0, module, 1.0)
            && near(c + d, 4.0, module, 1.0)
            && near(d + e, 2.0, module, 0.8)
            && near(c, 3.0, module, 1.4)
        {
            return Some(Ratio { module, open: false });
        }
        let module = (b + c + d) / 5.0;
        let fits = near(b + c, 4.0, module, 0.5)
            && near(c + d, 4.0, module, 0.5)
            && near(c, 3.0, module, 0.8)
            && a >= 0.6 * module
            && e >= 0.6 * module
            && (near(a, 1.0, module, 0.7) || near(e, 1.0, module, 0.7));
        fits.then_some(Ratio { module, open: true })
    }
}

/// Looks at a place along its column, and then along its row again.
///
/// `module` is what the row showed; tilt makes the column differ by no more than three times.
fn cross_checked(binary: &impl Binary, x: usize, y: usize, color: u8, module: f32) -> Option<Finder> {
    let longest = (9.0 * module) as u32 + 2;
    let down = Ray { start: (x, y), step: (0, 1), longest }.runs(binary, color)?;
    let vertical = Ratio::of(down.runs)?;
    let y = down.middle(y);
    let across = Ray { start: (x, y as usize), step: (1, 0), longest }.runs(binary, color)?;
    let horizontal = Ratio::of(across.runs)?;
    let ratio = vertical.module / horizontal.module;
    (0.33..3.0).contains(&ratio).then_some(Finder {
        x: across.middle(x),
        y,
        across: horizontal.module,
        down: vertical.module,
        hits: 1,
        inverted: color == 0,
        open: vertical.open || horizontal.open,
        roundness: 0.0,
    })
}

/// A walk from a pixel both ways.
struct Ray {
    start: (usize, usize),
    step: (usize, usize),
    /// Pixels after which a run is too long.
    longest: u32,
}

/// The five runs around a pixel, and how far the middle one reaches on either side.
struct Runs {
    runs: [u32; 5],
    before: u32,
}

impl Runs {
    /// Returns the middle of the middle run, given the coordinate of the pixel that the walk began at.
    fn middle(&self, start: usize) -> f32 {
        start as f32 - self.before as f32 + self.runs[2] as f32 / 2.0
    }
}

impl Ray {
    fn runs(&self, binary: &impl Binary, color: u8) -> Option<Runs> {
        if binary.dark(self.start.0, self.start.1) != color {
            return None;
        }
        let forward = self.half(binary, color, true)?;
        let backward = self.half(binary, color, false)?;
        // The pixel of the start is in both halves.
        let middle = forward[0] + backward[0] - 1;
        Some(Runs {
            runs: [backward[2], backward[1], middle, forward[1], forward[2]],
            before: backward[0] - 1,
        })
    }

    /// Returns the lengths of the first three runs, or `None` if the picture ends before the third begins.
    fn half(&self, binary: &impl Binary, color: u8, forward: bool) -> Option<[u32; 3]> {
        let ((mut x, mut y), (width, height)) = (self.start, binary.sides());
        let (mut runs, mut at, mut color) = ([0u32; 3], 0, color);
        loop {
            if binary.dark(x, y) != color {
                at += 1;
                if at == 3 {
                    return Some(runs);
                }
                color ^= 1;
            }
            runs[at] += 1;
            if runs[at] > self.longest {
                return None;
            }
            // A ring that is longer than all that is inside it does not end soon, and need not.
            if at == 2 && runs[2] > runs[0] + runs[1] {
                return Some(runs);
            }
            let next = if forward {
                let (next_x, next_y) = (x + self.step.0, y + self.step.1);
                (next_x < width && next_y < height).then_some((next_x, next_y))
            } else {
                x.checked_sub(self.step.0).zip(y.checked_sub(self.step.1))
            };
            match next {
                Some(next) => (x, y) = next,
                None => return (at == 2).then_some(runs),
            }
        }
    }
}

/// Adds to the pattern already found there, or to the list.
fn remember(found: &mut Vec<Finder>, new: Finder) {
    let near = |old: &&mut Finder| {
        let reach = 1.5 * old.module();
        old.inverted == new.inverted
            && (old.x - new.x).abs() < reach
            && (old.y - new.y).abs() < reach
            && (0.6..1.7).contains(&(old.module() / new.module()))
    };
    match found.iter_mut().find(near) {
        Some(old) => {
            let (weight, all) = (f32::from(old.hits), f32::from(old.hits) + 1.0);
            let mean = |old: f32, new: f32| (old * weight + new) / all;
            *old = Finder {
                x: mean(old.x, new.x),
                y: mean(old.y, new.y),
                across: mean(old.across, new.across),
                down: mean(old.down, new.down),
                hits: old.hits.saturating_add(1),
                inverted: old.inverted,
                open: old.open && new.open,
                roundness: old.roundness.max(new.roundness),
            };
        }
        None => found.push(new),
    }
}

/// Three finder patterns that may be those of one symbol.
#[derive(Debug, Clone, Copy)]
pub(super) struct Triple {
    pub(super) top_left: Finder,
    pub(super) top_right: Finder,
    pub(super) bottom_left: Finder,
    /// How unlike a symbol they lie; 0 is a perfect square of equal patterns.
    pub(super) badness: f32,
}

/// Returns the triples that could be symbols, likeliest first.
pub(super) fn triples(finders: &[Finder]) -> Vec<Triple> {
    let mut triples = Vec::new();
    for (index, a) in finders.iter().enumerate() {
        for (offset, b) in finders[index + 1..].iter().enumerate() {
            if !a.may_go_with(b) {
                continue;
            }
            for c in &finders[index + offset + 2..] {
                if a.may_go_with(c) && b.may_go_with(c) {
                    triples.extend([[a, b, c], [b, c, a], [c, a, b]].into_iter().filter_map(Triple::of));
                }
            }
        }
    }
    triples.sort_by(|a, b| a.badness.total_cmp(&b.badness));
    triples.truncate(MAX_TRIPLES);
    triples
}

impl Triple {
    /// Takes the first as the corner; turns the other two so that the symbol is not mirrored.
    fn of([corner, one, other]: [&Finder; 3]) -> Option<Triple> {
        let (to_one, to_other) =
            ([one.x - corner.x, one.y - corner.y], [other.x - corner.x, other.y - corner.y]);
        let turn = to_one[0] * to_other[1] - to_one[1] * to_other[0];
        let ((right, below), (top, left)) =
            if turn > 0.0 { ((one, other), (to_one, to_other)) } else { ((other, one), (to_other, to_one)) };
        let (wide, tall) = (top[0].hypot(top[1]), left[0].hypot(left[1]));
        let cosine = (top[0] * left[0] + top[1] * left[1]) / (wide * tall);
        let upright = cosine.abs() < 0.8;
        if !upright {
            return None;
        }
        let along = |leg: [f32; 2], length: f32, far: &Finder| {
            let way = leg.map(|step| step / length);
            let (near, far) = (corner.crossing(way), far.crossing(way));
            ((near + far) / 2.0, ratio(near, far))
        };
        let (across, uneven_top) = along(top, wide, right);
        let (down, uneven_left) = along(left, tall, below);
        let (columns, rows) = (wide / across, tall / down);
        // Version 1 has 14 modules from middle to middle, version 40 has 170.
        let size = (columns * rows).sqrt();
        if !(11.0..190.0).contains(&size) || ratio(columns, rows) > 1.6 || uneven_top.max(uneven_left) > 2.6 {
            return None;
        }
        let worst = corner.roundness.min(one.roundness).min(other.roundness);
        let badness = 2.0 * ratio(columns, rows).ln()
            + 0.5 * cosine.abs()
            + 0.5 * (uneven_top.ln() + uneven_left.ln())
            + 0.3 * ratio(wide, tall).ln()
            + [corner, one, other].iter().map(|finder| if finder.open { 0.15 } else { 0.0 }).sum::<f32>()
            - worst;
        Some(Triple { top_left: *corner, top_right: *right, bottom_left: *below, badness })
    }
}

/// Returns the larger by the smaller.
fn ratio(a: f32, b: f32) -> f32 {
    if a > b { a / b } else { b / a }
}
