//! Light on the sensor, one number a pixel, 1 being what a white screen sends.

use image::GrayImage;

/// A picture in linear light.
#[derive(Clone)]
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) light: Vec<f32>,
}

impl Plane {
    pub(super) fn new(size: (u32, u32)) -> Self {
        let (width, height) = (size.0 as usize, size.1 as usize);
        Self { width, height, light: vec![0.0; width * height] }
    }

    /// Spreads every point over a Gaussian.
    pub(super) fn gaussian(&mut self, sigma: f64) {
        if sigma < 0.15 {
            return;
        }
        let reach = (3.0 * sigma).ceil() as isize;
        // The integral over a pixel, so that narrow kernels keep their weight.
        let weight = |at: isize| {
            (-4..=4)
                .map(|part| (-((at as f64 + f64::from(part) / 9.0) / sigma).powi(2) / 2.0).exp())
                .sum::<f64>()
        };
        let sum: f64 = (-reach..=reach).map(weight).sum();
        let taps: Vec<(isize, f32)> = (-reach..=reach).map(|at| (at, (weight(at) / sum) as f32)).collect();
        self.add_shifted(&taps.iter().map(|&(at, share)| (at, 0, share)).collect::<Vec<_>>());
        self.add_shifted(&taps.iter().map(|&(at, share)| (0, at, share)).collect::<Vec<_>>());
    }

    /// Spreads every point evenly over a disc, as a lens out of focus does.
    pub(super) fn disc(&mut self, radius: f64) {
        if radius < 0.3 {
            return;
        }
        let reach = radius.ceil() as isize;
        // Eight by eight points in a pixel tell how much of it the disc covers.
        let covered = |x: isize, y: isize| {
            let inside = (0..64).filter(|point| {
                let (dx, dy) = (point % 8, point / 8);
                let at = |pixel: isize, part: i32| pixel as f64 + (f64::from(part) + 0.5) / 8.0 - 0.5;
                at(x, dx).hypot(at(y, dy)) <= radius
            });
            inside.count() as f32
        };
        let mut taps = Vec::new();
        for y in -reach..=reach {
            taps.extend((-reach..=reach).map(|x| (x, y, covered(x, y))));
        }
        taps.retain(|tap| tap.2 > 0.0);
        let sum: f32 = taps.iter().map(|tap| tap.2).sum();
        taps.iter_mut().for_each(|tap| tap.2 /= sum);
        self.add_shifted(&taps);
    }

    /// Spreads every point along a straight path, in pixels.
    pub(super) fn motion(&mut self, path: [f64; 2]) {
        let length = path[0].hypot(path[1]);
        if length < 0.3 {
            return;
        }
        // Points on the path share their weight between the four pixels around them; the same pixels add up.
        let points = (length * 4.0).ceil() as i32;
        let mut taps: std::collections::BTreeMap<(isize, isize), f32> = std::collections::BTreeMap::new();
        for point in 0..points {
            let along = (f64::from(point) + 0.5) / f64::from(points) - 0.5;
            let [x, y] = path.map(|part| part * along);
            let (left, top) = (x.floor(), y.floor());
            for (dx, dy) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
                let share = (1.0 - (x - left - dx).abs()) * (1.0 - (y - top - dy).abs());
                *taps.entry(((left + dx) as isize, (top + dy) as isize)).or_default() +=
                    (share / f64::from(points)) as f32;
            }
        }
        self.add_shifted(&taps.into_iter().map(|((x, y), share)| (x, y, share)).collect::<Vec<_>>());
    }

    /// Replaces the picture by a sum of shifted copies: right, down, share. The edges repeat.
    fn add_shifted(&mut self, taps: &[(isize, isize, f32)]) {
        let reach = taps.iter().map(|tap| tap.0.unsigned_abs()).max().unwrap_or(0);
        let stride = self.width + 2 * reach;
        let mut padded = vec![0.0f32; stride * self.height];
        for (row, from) in padded.chunks_exact_mut(stride).zip(self.light.chunks_exact(self.width)) {
            row[..reach].fill(from[0]);
            row[reach..reach + self.width].copy_from_slice(from);
            row[reach + self.width..].fill(from[self.width - 1]);
        }
        for (y, row) in self.light.chunks_exact_mut(self.width).enumerate() {
            row.fill(0.0);
            for &(right, down, share) in taps {
                let from = y.saturating_add_signed(-down).min(self.height - 1) * stride;
                let from = from + reach.saturating_add_signed(-right);
                for (sum, light) in row.iter_mut().zip(&padded[from..from + self.width]) {
                    *sum += light * share;
                }
            }
        }
    }

    /// Lets what exceeds 1 spill over its surroundings, as in an overfilled sensor and a lens that scatters.
    pub(super) fn bloom(&mut self, strength: f64, reach: usize) {
        if strength <= 0.0 {
            return;
        }
        // Far smaller than what it spreads: sums over squares of eight pixels are enough.
        let (width, height) = (self.width.div_ceil(8), self.height.div_ceil(8));
        let mut spill = Plane::new((width as u32, height as u32));
        for (y, row) in self.light.chunks_exact(self.width).enumerate() {
            for (x, light) in row.iter().enumerate() {
                spill.light[y / 8 * width + x / 8] += (light - 1.0).max(0.0) / 64.0;
            }
        }
        spill.gaussian(reach as f64 / 8.0);
        for y in 0..self.height {
            for x in 0..self.width {
                let added = spill.between(x as f32 / 8.0 - 0.4375, y as f32 / 8.0 - 0.4375);
                self.light[y * self.width + x] += added * strength as f32;
            }
        }
    }

    /// Returns the light between pixels; the edges repeat.
    pub(super) fn between(&self, x: f32, y: f32) -> f32 {
        let x = x.clamp(0.0, (self.width - 1) as f32);
        let y = y.clamp(0.0, (self.height - 1) as f32);
        let (left, top) = (x as usize, y as usize);
        let (right, bottom) = ((left + 1).min(self.width - 1), (top + 1).min(self.height - 1));
        let (tx, ty) = (x - left as f32, y - top as f32);
        let at = |x: usize, y: usize| self.light[y * self.width + x];
        let above = at(left, top) * (1.0 - tx) + at(right, top) * tx;
        let below = at(left, bottom) * (1.0 - tx) + at(right, bottom) * tx;
        above * (1.0 - ty) + below * ty
    }

    /// Returns the picture as it is, clipped to `[0, 1]`.
    pub(super) fn to_grey(&self) -> GrayImage {
        let bytes = self.light.iter().map(|light| (light.clamp(0.0, 1.0) * 255.0 + 0.5) as u8).collect();
        GrayImage::from_raw(self.width as u32, self.height as u32, bytes).expect("one byte a pixel")
    }
}
