//! Frames made smaller and larger.

use image::{GrayImage, Luma};

/// Shrinks a frame by a whole factor; each pixel is the mean of a `factor` by `factor` block. Rows and columns left
/// over at the far edges are dropped.
pub(super) fn shrink(frame: &GrayImage, factor: u32) -> GrayImage {
    let (width, height) = (frame.width() / factor, frame.height() / factor);
    let stride = frame.width() as usize;
    let (columns, block) = (width as usize, factor as usize);
    let mut small = Vec::with_capacity(columns * height as usize);
    let mut sums = vec![0u32; columns];
    for rows in frame.as_raw().chunks_exact((stride * block).max(1)).take(height as usize) {
        sums.fill(0);
        for row in rows.chunks_exact(stride) {
            for (sum, pixels) in sums.iter_mut().zip(row.chunks_exact(block)) {
                *sum += pixels.iter().map(|&pixel| u32::from(pixel)).sum::<u32>();
            }
        }
        small.extend(sums.iter().map(|sum| (sum / (factor * factor)) as u8));
    }
    GrayImage::from_raw(width, height, small).unwrap_or_default()
}

/// Doubles a frame, with bilinear interpolation between pixel centers.
pub(super) fn double(frame: &GrayImage) -> GrayImage {
    let (width, height) = frame.dimensions();
    if width == 0 || height == 0 {
        return GrayImage::default();
    }
    let (columns, source) = (width as usize, frame.as_raw());
    // A new center lies a quarter pixel from the old one it came from, so the two nearest weigh 3 to 1.
    let near_and_far = |index: usize, length: usize| {
        let near = index / 2;
        let far = if index.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(length - 1) };
        (near, far)
    };
    let mut large = Vec::with_capacity(4 * source.len());
    let mut blended = vec![0u16; columns];
    for y in 0..2 * height as usize {
        let (near, far) = near_and_far(y, height as usize);
        let (near, far) = (&source[near * columns..][..columns], &source[far * columns..][..columns]);
        for ((blend, &near), &far) in blended.iter_mut().zip(near).zip(far) {
            *blend = 3 * u16::from(near) + u16::from(far);
        }
        for x in 0..columns {
            let here = 3 * blended[x];
            large.push(((here + blended[x.saturating_sub(1)] + 8) / 16) as u8);
            large.push(((here + blended[(x + 1).min(columns - 1)] + 8) / 16) as u8);
        }
    }
    GrayImage::from_raw(2 * width, 2 * height, large).unwrap_or_default()
}

/// Swaps dark and light.
pub(super) fn invert(frame: &GrayImage) -> GrayImage {
    let mut inverted = frame.clone();
    for Luma([pixel]) in inverted.pixels_mut() {
        *pixel = 255 - *pixel;
    }
    inverted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinking_averages_blocks_and_drops_the_rest() {
        let frame =
            GrayImage::from_raw(5, 3, vec![0, 10, 20, 30, 99, 20, 30, 40, 50, 99, 99, 99, 99, 99, 99])
                .unwrap();
        assert_eq!(shrink(&frame, 2), GrayImage::from_raw(2, 1, vec![15, 35]).unwrap());
    }

    #[test]
    fn doubling_interpolates_between_centers() {
        let frame = GrayImage::from_raw(2, 1, vec![0, 160]).unwrap();
        assert_eq!(
            double(&frame),
            GrayImage::from_raw(4, 2, vec![0, 40, 120, 160, 0, 40, 120, 160]).unwrap()
        );
    }

    #[test]
    fn empty_frames_stay_empty() {
        let empty = GrayImage::new(0, 0);
        assert_eq!(double(&empty).dimensions(), (0, 0));
        assert_eq!(shrink(&empty, 2).dimensions(), (0, 0));
        assert_eq!(shrink(&GrayImage::new(0, 7), 2).as_raw().len(), 0);
        assert_eq!(shrink(&GrayImage::new(1, 1), 2).as_raw().len(), 0);
    }
}
