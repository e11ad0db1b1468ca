//! Grey pixels to look at: a borrowed frame, or a smaller one made of it.

use std::borrow::Cow;

use image::GrayImage;

use super::guard::{Guard, Interrupted};

/// A grey picture. Pixel `(i, j)` covers the square from `(i, j)` to `(i + 1, j + 1)`, so its middle is at
/// `(i + 0.5, j + 0.5)`. Sides are at least [`Plane::MIN_SIDE`].
#[derive(Clone)]
pub(super) struct Plane<'a> {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Cow<'a, [u8]>,
}

impl<'a> Plane<'a> {
    /// Shortest side that can hold a symbol: version 1 at one pixel per module.
    pub(super) const MIN_SIDE: usize = 21;

    /// Borrows a frame, or returns `None` for one too small to hold a symbol.
    pub(super) fn of(frame: &'a GrayImage) -> Option<Self> {
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        (width.min(height) >= Self::MIN_SIDE).then(|| Plane {
            width,
            height,
            pixels: Cow::Borrowed(frame.as_raw()),
        })
    }

    /// Shrinks by a whole factor; each pixel is the mean of a block. `None` if it becomes too small.
    pub(super) fn shrunk(
        &self,
        factor: usize,
        guard: &Guard<'_>,
    ) -> Result<Option<Plane<'static>>, Interrupted> {
        let (width, height) = (self.width / factor, self.height / factor);
        if width.min(height) < Self::MIN_SIDE {
            return Ok(None);
        }
        let mut pixels = Vec::with_capacity(width * height);
        let count = (factor * factor) as u32;
        let mut sums = vec![0u16; width * factor];
        for (index, rows) in self.pixels.chunks_exact(self.width * factor).take(height).enumerate() {
            if index % 128 == 0 {
                guard.check()?;
            }
            sums.fill(0);
            for row in rows.chunks_exact(self.width) {
                for (sum, &pixel) in sums.iter_mut().zip(row) {
                    *sum += u16::from(pixel);
                }
            }
            if factor == 2 {
                pixels.extend(sums.chunks_exact(2).map(|pair| ((pair[0] + pair[1] + 2) / 4) as u8));
            } else {
                let mean = |block: &[u16]| block.iter().map(|&sum| u32::from(sum)).sum::<u32>() / count;
                pixels.extend(sums.chunks_exact(factor).map(|block| mean(block) as u8));
            }
        }
        Ok(Some(Plane { width, height, pixels: Cow::Owned(pixels) }))
    }

    /// Doubles the picture with bilinear interpolation.
    pub(super) fn doubled(&self, guard: &Guard<'_>) -> Result<Plane<'static>, Interrupted> {
        let (width, height) = (2 * self.width, 2 * self.height);
        // A pixel of the large picture lies a quarter pixel from its source's middle, so neighbors weigh 3 to 1.
        let near_and_far = |index: usize, length: usize| {
            let near = index / 2;
            let far = if index.is_multiple_of(2) { near.saturating_sub(1) } else { near + 1 };
            (near, far.min(length - 1))
        };
        let mut pixels = Vec::with_capacity(width * height);
        let mut blended = vec![0u16; self.width];
        for y in 0..height {
            if y % 128 == 0 {
                guard.check()?;
            }
            let (near, far) = near_and_far(y, self.height);
            for ((blend, &near), &far) in blended.iter_mut().zip(self.row(near)).zip(self.row(far)) {
                *blend = 3 * u16::from(near) + u16::from(far);
            }
            let across = |x| near_and_far(x, self.width);
            pixels.extend(
                (0..width).map(across).map(|(near, far)| ((3 * blended[near] + blended[far] + 8) / 16) as u8),
            );
        }
        Ok(Plane { width, height, pixels: Cow::Owned(pixels) })
    }

    /// Returns one row of pixels.
    pub(super) fn row(&self, y: usize) -> &[u8] {
        &self.pixels[y * self.width..][..self.width]
    }

    /// Returns the grey value at a point, between the four pixels around it. Outside, the border goes on.
    #[inline]
    pub(super) fn at(&self, x: f32, y: f32) -> f32 {
        let x = (x - 0.5).clamp(0.0, self.width as f32 - 1.001);
        let y = (y - 0.5).clamp(0.0, self.height as f32 - 1.001);
        let (left, top) = (x as usize, y as usize);
        let (right, below) = (x - left as f32, y - top as f32);
        let index = top * self.width + left;
        // The clamp above keeps both pairs inside, whatever `x` and `y` were.
        let (Some(&[a, b]), Some(&[c, d])) = (
            self.pixels.get(index..index + 2).and_then(|pair| pair.first_chunk()),
            self.pixels.get(index + self.width..index + self.width + 2).and_then(|pair| pair.first_chunk()),
        ) else {
            return 0.0;
        };
        let upper = f32::from(a) + (f32::from(b) - f32::from(a)) * right;
        let lower = f32::from(c) + (f32::from(d) - f32::from(c)) * right;
        upper + (lower - upper) * below
    }

    /// Returns whether a point lies in the picture.
    pub(super) fn holds(&self, x: f32, y: f32) -> bool {
        x >= 0.0 && y >= 0.0 && x <= self.width as f32 && y <= self.height as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(width: usize, height: usize, at: impl Fn(usize, usize) -> u8) -> Plane<'static> {
        let pixels =
            (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| at(x, y)).collect();
        Plane { width, height, pixels }
    }

    #[test]
    fn shrinking_averages_blocks_and_drops_the_rest() {
        let picture = plane(50, 51, |x, y| (x * 3 + y) as u8);
        let guard = Guard::new(&|| false);
        let small = picture.shrunk(2, &guard).unwrap().unwrap();
        assert_eq!((small.width, small.height), (25, 25));
        assert_eq!(small.row(0)[..3], [2, 8, 14]);
        assert!(picture.shrunk(3, &guard).unwrap().is_none());
        assert!(picture.shrunk(2, &Guard::new(&|| true)).is_err());
    }

    #[test]
    fn doubling_interpolates_between_middles() {
        let picture = plane(30, 30, |x, _| if x == 0 { 0 } else { 160 });
        let large = picture.doubled(&Guard::new(&|| false)).unwrap();
        assert_eq!(large.row(0)[..5], [0, 40, 120, 160, 160]);
        assert_eq!((large.width, large.height), (60, 60));
    }

    #[test]
    fn values_lie_between_pixels_and_the_border_goes_on() {
        let picture = plane(30, 30, |x, y| (4 * x + 2 * y) as u8);
        assert_eq!(picture.at(3.5, 7.5), 26.0);
        assert_eq!(picture.at(4.0, 8.0), 29.0);
        assert_eq!(picture.at(-100.0, 0.5), 0.0);
        assert!((picture.at(1e9, f32::INFINITY) - 174.0).abs() < 0.1);
        assert!(picture.at(f32::NAN, 1.0).is_nan() || picture.at(f32::NAN, 1.0) >= 0.0);
    }
}
