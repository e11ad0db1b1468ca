//! Grey frame to black and white.

use image::GrayImage;
use rxing::common::{BitMatrix, HybridBinarizer};
use rxing::{Binarizer, Luma8Source};

/// Half the side of the box whose mean is the threshold, in pixels (`research/qr.md` §4: measured).
const RADIUS: usize = 16;

/// How much darker than the mean a pixel must be, in percent of the mean, to count as dark. Keeps noise on plain
/// paper from turning into specks (`research/qr.md` §8).
const MARGIN_PERCENT: u32 = 3;

/// Thresholds in blocks of eight pixels, `rxing`'s way. Fast, and best where the light is even.
pub(super) fn hybrid(frame: &GrayImage) -> Option<BitMatrix> {
    let source = Luma8Source::new_with_slice(frame.as_raw(), frame.width(), frame.height()).ok()?;
    HybridBinarizer::new(source).get_black_matrix().ok().cloned()
}

/// Compares each pixel with the mean of the box around it. Has no block borders to fall between, so it reads frames
/// that [`hybrid`] loses to a gradient or to an unlucky alignment of its blocks.
pub(super) fn local_mean(frame: &GrayImage) -> Option<BitMatrix> {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let mut matrix = BitMatrix::new(frame.width(), frame.height()).ok()?;
    let sums = integral(frame);
    let stride = width + 1;
    for (y, row) in frame.as_raw().chunks_exact(width).enumerate() {
        let (top, bottom) = (y.saturating_sub(RADIUS), (y + RADIUS + 1).min(height));
        let (above, below) = (&sums[top * stride..][..stride], &sums[bottom * stride..][..stride]);
        for (x, &pixel) in row.iter().enumerate() {
            let (left, right) = (x.saturating_sub(RADIUS), (x + RADIUS + 1).min(width));
            let count = ((bottom - top) * (right - left)) as u32;
            // The table may wrap, the difference cannot: a box sums to at most 33 * 33 * 255.
            let sum =
                below[right].wrapping_sub(below[left]).wrapping_sub(above[right]).wrapping_add(above[left]);
            if u32::from(pixel) * count * 100 < sum * (100 - MARGIN_PERCENT) {
                matrix.set(x as u32, y as u32);
            }
        }
    }
    Some(matrix)
}

/// Returns the summed-area table, one row and column larger than the frame, modulo 2³².
fn integral(frame: &GrayImage) -> Vec<u32> {
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let stride = width + 1;
    let mut sums = vec![0u32; stride * (height + 1)];
    for (y, row) in frame.as_raw().chunks_exact(width).enumerate() {
        let (above, here) = sums.split_at_mut((y + 1) * stride);
        let above = &above[y * stride..];
        let mut row_sum = 0u32;
        for (x, &pixel) in row.iter().enumerate() {
            row_sum = row_sum.wrapping_add(u32::from(pixel));
            here[x + 1] = above[x + 1].wrapping_add(row_sum);
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_mean_agrees_with_summing_each_box() {
        let frame = GrayImage::from_fn(61, 43, |x, y| image::Luma([(x * 37 + y * 91 + x * y * 13) as u8]));
        let matrix = local_mean(&frame).unwrap();
        for (x, y, pixel) in frame.enumerate_pixels() {
            let (mut sum, mut count) = (0u32, 0u32);
            for box_y in y.saturating_sub(16)..(y + 17).min(43) {
                for box_x in x.saturating_sub(16)..(x + 17).min(61) {
                    sum += u32::from(frame.get_pixel(box_x, box_y).0[0]);
                    count += 1;
                }
            }
            assert_eq!(matrix.get(x, y), u32::from(pixel.0[0]) * count * 100 < sum * 97, "pixel {x},{y}");
        }
    }

    #[test]
    fn a_plain_frame_has_no_dark_pixels() {
        for grey in [0, 128, 255] {
            let matrix = local_mean(&GrayImage::from_pixel(64, 48, image::Luma([grey]))).unwrap();
            assert!(matrix.getEnclosingRectangle().is_none());
        }
    }
}
