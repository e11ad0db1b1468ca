//! Grey picture to dark and light.

use super::guard::{Guard, Interrupted};
use super::plane::Plane;

/// Side of the blocks that [`blocks`] looks at, in pixels.
const BLOCK: usize = 8;

/// Least difference of grey in a block that holds an edge: in a picture without noise (what a dim screen in sunlight
/// leaves), and in the noisiest (chosen).
const CONTRAST: (u16, u16) = (10, 48);

/// Half the side of the box whose mean is the threshold in [`local_mean`], in pixels (a choice: large modules
/// want more, blurred ones less).
const RADIUS: usize = 11;

/// How much darker than the mean a pixel must be, in percent of the mean, to count as dark. Keeps noise on plain
/// paper from turning into specks (`research/qr.md` §8).
const MARGIN_PERCENT: u32 = 3;

/// A picture in which every pixel is dark (1) or light (0).
pub(super) trait Binary {
    /// Returns width and height, in pixels.
    fn sides(&self) -> (usize, usize);

    /// Returns 1 if a pixel is dark. It must be inside.
    fn dark(&self, x: usize, y: usize) -> u8;

    /// Copies one row, 1 for dark, into a buffer as long as the picture is wide.
    fn row(&self, y: usize, into: &mut [u8]);

    /// Returns how much grey differs within a few pixels where there is nothing to see.
    fn noise(&self) -> u8;
}

/// A picture and a level for each block of 8 by 8 pixels. Most pixels are never asked for, and so never compared.
pub(super) struct Blocks<'a> {
    plane: &'a Plane<'a>,
    columns: usize,
    levels: Vec<u8>,
    noise: u8,
}

impl Binary for Blocks<'_> {
    fn sides(&self) -> (usize, usize) {
        (self.plane.width, self.plane.height)
    }

    #[inline]
    fn dark(&self, x: usize, y: usize) -> u8 {
        u8::from(
            self.plane.pixels[y * self.plane.width + x] <= self.levels[y / BLOCK * self.columns + x / BLOCK],
        )
    }

    fn row(&self, y: usize, into: &mut [u8]) {
        let levels = &self.levels[y / BLOCK * self.columns..][..self.columns];
        let blocks = into.chunks_mut(BLOCK).zip(self.plane.row(y).chunks(BLOCK)).zip(levels);
        for ((into, pixels), &level) in blocks {
            for (into, &pixel) in into.iter_mut().zip(pixels) {
                *into = u8::from(pixel <= level);
            }
        }
    }

    fn noise(&self) -> u8 {
        self.noise
    }
}

/// A picture of which every pixel was compared.
pub(super) struct Pixels {
    width: usize,
    height: usize,
    dark: Vec<u8>,
}

impl Binary for Pixels {
    fn sides(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    #[inline]
    fn dark(&self, x: usize, y: usize) -> u8 {
        self.dark[y * self.width + x]
    }

    fn row(&self, y: usize, into: &mut [u8]) {
        into.copy_from_slice(&self.dark[y * self.width..][..self.width]);
    }

    fn noise(&self) -> u8 {
        0
    }
}

/// Thresholds each block of 8 by 8 pixels at a level of its own: see [`levels`].
pub(super) fn blocks<'a>(plane: &'a Plane<'a>, guard: &Guard<'_>) -> Result<Blocks<'a>, Interrupted> {
    let (width, height) = (plane.width, plane.height);
    let (columns, rows) = (width.div_ceil(BLOCK), height.div_ceil(BLOCK));
    let mut seen = Vec::with_capacity(columns * rows);
    let mut bands = Bands::new(width);
    for row in 0..rows {
        if row % 16 == 0 {
            guard.check()?;
        }
        // The last blocks overlap their neighbors where the size is not a multiple of eight.
        bands.gather(plane, (row * BLOCK).min(height - BLOCK));
        seen.extend((0..columns).map(|column| bands.block((column * BLOCK).min(width - BLOCK))));
    }
    let noise = usual_range(&seen);
    // What is busier than noise by so much has an edge in it (measured: less finds specks, more loses faint symbols).
    let contrast = (u16::from(noise) * 5 / 2).clamp(CONTRAST.0, CONTRAST.1) as u8;
    let levels = levels(&seen, columns, contrast);
    Ok(Blocks { plane, columns, levels, noise })
}

/// Returns the level of each block: the mean over the blocks with an edge among it and its eight neighbors.
///
/// Where none has one, all of it is dark or all of it is light, by the level of the last block to the left that had.
fn levels(blocks: &[Block], columns: usize, contrast: u8) -> Vec<u8> {
    let rows = blocks.len() / columns;
    // Sum of the levels and number of blocks with an edge, over three blocks of a row.
    let mut sums = Vec::with_capacity(blocks.len());
    for row in blocks.chunks_exact(columns) {
        let own = |block: &Block| {
            if block.lightest - block.darkest > contrast { (u16::from(block.mean), 1) } else { (0, 0) }
        };
        for column in 0..columns {
            let window = &row[column.saturating_sub(1)..(column + 2).min(columns)];
            sums.push(window.iter().map(own).fold((0u16, 0u16), |sum, one| (sum.0 + one.0, sum.1 + one.1)));
        }
    }
    let mut levels = Vec::with_capacity(blocks.len());
    for row in 0..rows {
        let mut before = None;
        for column in 0..columns {
            let around = (row.saturating_sub(1)..(row + 2).min(rows)).map(|row| sums[row * columns + column]);
            let (sum, count) = around.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            let level = sum.checked_div(count).map(|level| level as u8);
            let dark = before.is_some_and(|before| blocks[row * columns + column].mean <= before);
            levels.push(level.unwrap_or(if dark { 255 } else { 0 }));
            before = level.or(before);
        }
    }
    levels
}

/// Grey values of a block of 8 by 8 pixels.
struct Block {
    mean: u8,
    darkest: u8,
    lightest: u8,
}

/// Returns the range of grey that a quarter of the blocks stay below: in most pictures, noise on plain surfaces.
fn usual_range(blocks: &[Block]) -> u8 {
    let mut counts = [0usize; 256];
    for block in blocks {
        counts[usize::from(block.lightest - block.darkest)] += 1;
    }
    let mut below = 0;
    let reached = counts.iter().position(|&count| {
        below += count;
        below * 4 >= blocks.len()
    });
    reached.unwrap_or(0) as u8
}

/// Minimum, maximum and sum of eight rows, pixel column by pixel column: what the compiler turns into vector code.
struct Bands {
    darkest: Vec<u8>,
    lightest: Vec<u8>,
    sums: Vec<u16>,
}

impl Bands {
    fn new(width: usize) -> Self {
        Bands { darkest: vec![0; width], lightest: vec![0; width], sums: vec![0; width] }
    }

    fn gather(&mut self, plane: &Plane<'_>, top: usize) {
        self.darkest.fill(255);
        self.lightest.fill(0);
        self.sums.fill(0);
        // Every other row tells as much.
        for y in (top..top + BLOCK).step_by(2) {
            let row = plane.row(y);
            for (darkest, &pixel) in self.darkest.iter_mut().zip(row) {
                *darkest = (*darkest).min(pixel);
            }
            for (lightest, &pixel) in self.lightest.iter_mut().zip(row) {
                *lightest = (*lightest).max(pixel);
            }
            for (sum, &pixel) in self.sums.iter_mut().zip(row) {
                *sum += u16::from(pixel);
            }
        }
    }

    fn block(&self, left: usize) -> Block {
        let sum: u16 = self.sums[left..left + BLOCK].iter().sum();
        let darkest = self.darkest[left..left + BLOCK].iter().fold(255, |least, &value| value.min(least));
        let lightest = self.lightest[left..left + BLOCK].iter().fold(0, |most, &value| value.max(most));
        Block { mean: (sum / (BLOCK * BLOCK / 2) as u16) as u8, darkest, lightest }
    }
}

/// Compares each pixel with the mean of the box around it.
///
/// It has no block borders to fall between, so it finds what [`blocks`] loses to a gradient or to an unlucky alignment
/// of its blocks. It takes several times as long.
pub(super) fn local_mean(plane: &Plane<'_>, guard: &Guard<'_>) -> Result<Pixels, Interrupted> {
    let (width, height) = (plane.width, plane.height);
    let mut dark = vec![0u8; width * height];
    // Sums of the pixels above and below within the radius, column by column.
    let mut sums = vec![0u32; width];
    let mut running = vec![0u32; width + 1];
    for y in 0..RADIUS.min(height) {
        add(&mut sums, plane.row(y));
    }
    for y in 0..height {
        if y % 32 == 0 {
            guard.check()?;
        }
        if y + RADIUS < height {
            add(&mut sums, plane.row(y + RADIUS));
        }
        if y > RADIUS {
            for (sum, &pixel) in sums.iter_mut().zip(plane.row(y - RADIUS - 1)) {
                *sum -= u32::from(pixel);
            }
        }
        let mut total = 0;
        for (after, &sum) in running[1..].iter_mut().zip(&sums) {
            total += sum;
            *after = total;
        }
        let tall = (y + RADIUS + 1).min(height) - y.saturating_sub(RADIUS);
        let out = &mut dark[y * width..][..width];
        for (x, (&pixel, out)) in plane.row(y).iter().zip(out).enumerate() {
            let (left, right) = (x.saturating_sub(RADIUS), (x + RADIUS + 1).min(width));
            let count = (tall * (right - left)) as u32;
            let sum = running[right] - running[left];
            *out = u8::from(u32::from(pixel) * count * 100 < sum * (100 - MARGIN_PERCENT));
        }
    }
    Ok(Pixels { width, height, dark })
}

fn add(sums: &mut [u32], row: &[u8]) {
    for (sum, &pixel) in sums.iter_mut().zip(row) {
        *sum += u32::from(pixel);
    }
}
