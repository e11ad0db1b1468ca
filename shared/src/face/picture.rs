//! Pictures: from a file's bytes to pixels, and from pixels to a network's input.

use std::io::Cursor;

use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, RgbImage};

use super::model::Tensor;

/// The longest side of a picture that is decoded, in pixels.
const MAX_SIDE: u32 = 12_000;
/// The most memory that decoding may take, in bytes: a 48-megapixel photograph fits.
const MAX_MEMORY: u64 = 256 << 20;

/// A picture file that cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a JPEG or PNG picture of at most {MAX_SIDE} pixels a side")]
pub struct PictureError;

/// Decodes a JPEG or PNG file, upright as its EXIF data says.
///
/// # Errors
/// Other formats, damaged files, and pictures too large.
pub fn decode(bytes: &[u8]) -> Result<DynamicImage, PictureError> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|_| PictureError)?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE), Some(MAX_SIDE));
    limits.max_alloc = Some(MAX_MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| PictureError)?;
    let orientation = decoder.orientation().map_err(|_| PictureError)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|_| PictureError)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// A map from the pixels of a network's input to those of the picture: `x' = a·x + b·y + tx`, and so on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Affine {
    pub(super) a: f32,
    pub(super) b: f32,
    pub(super) tx: f32,
    pub(super) c: f32,
    pub(super) d: f32,
    pub(super) ty: f32,
}

impl Affine {
    pub(super) fn apply(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        [self.a * x + self.b * y + self.tx, self.c * x + self.d * y + self.ty]
    }
}

/// Samples a picture through `map`, bilinearly, as floats 0 to 255 of shape `[1, 3, height, width]`,
/// blue first: every model of the manifest was trained on that order.
///
/// Pixels outside the picture are black.
pub(super) fn sample(picture: &RgbImage, map: &Affine, width: usize, height: usize) -> Tensor {
    let plane = width * height;
    let mut data = vec![0.0; 3 * plane];
    for y in 0..height {
        for x in 0..width {
            let pixel = bilinear(picture, map.apply([x as f32, y as f32]));
            for (channel, value) in pixel.into_iter().enumerate() {
                data[(2 - channel) * plane + y * width + x] = value;
            }
        }
    }
    Tensor { shape: vec![1, 3, height, width], data }
}

fn bilinear(picture: &RgbImage, [x, y]: [f32; 2]) -> [f32; 3] {
    let (left, top) = (x.floor(), y.floor());
    let (fx, fy) = (x - left, y - top);
    let mut sum = [0.0; 3];
    for (dx, dy, weight) in [
        (0.0, 0.0, (1.0 - fx) * (1.0 - fy)),
        (1.0, 0.0, fx * (1.0 - fy)),
        (0.0, 1.0, (1.0 - fx) * fy),
        (1.0, 1.0, fx * fy),
    ] {
        let (px, py) = (left + dx, top + dy);
        if weight > 0.0
            && px >= 0.0
            && py >= 0.0
            && px < picture.width() as f32
            && py < picture.height() as f32
        {
            let pixel = picture.get_pixel(px as u32, py as u32).0;
            for (total, value) in sum.iter_mut().zip(pixel) {
                *total += weight * f32::from(value);
            }
        }
    }
    sum
}

/// Puts a picture into the top left corner of a network's input, as floats 0 to 255, blue first; the rest is black.
pub(super) fn top_left(picture: &RgbImage, width: usize, height: usize) -> Tensor {
    let plane = width * height;
    let mut data = vec![0.0; 3 * plane];
    // A picture without pixels has no rows, and a row has a length all the same.
    let across = picture.width().max(1) as usize;
    let (blue, rest) = data.split_at_mut(plane);
    let (green, red) = rest.split_at_mut(plane);
    for (y, row) in picture.as_raw().chunks_exact(3 * across).enumerate().take(height) {
        let at = y * width;
        for (x, pixel) in row.chunks_exact(3).enumerate().take(width) {
            (red[at + x], green[at + x], blue[at + x]) =
                (f32::from(pixel[0]), f32::from(pixel[1]), f32::from(pixel[2]));
        }
    }
    Tensor { shape: vec![1, 3, height, width], data }
}

/// Shrinks a picture so that it fits into `width` and `height`; returns it with the factor it was shrunk by.
///
/// Areas are averaged, so that detail does not turn into noise.
pub(super) fn shrink_to(picture: &RgbImage, width: u32, height: u32) -> (RgbImage, f32) {
    let factor = (picture.width() as f32 / width as f32).max(picture.height() as f32 / height as f32);
    if factor <= 1.0 {
        return (picture.clone(), 1.0);
    }
    let small = |length: u32, most: u32| ((length as f32 / factor).round() as u32).clamp(1, most);
    let mut out = RgbImage::new(small(picture.width(), width), small(picture.height(), height));
    let filter = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    let resized = Resizer::new().resize(picture, &mut out, &filter);
    resized.expect("both are 8-bit RGB pictures that own their pixels");
    (out, factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampling_interpolates_and_is_black_outside() {
        let picture = RgbImage::from_fn(2, 1, |x, _| image::Rgb([100 * x as u8, 0, 200]));
        let tensor = sample(&picture, &Affine { a: 0.5, b: 0.0, tx: 0.0, c: 0.0, d: 0.5, ty: 0.0 }, 6, 1);
        assert_eq!(tensor.shape, [1, 3, 1, 6]);
        assert_eq!(&tensor.data[..2], &[200.0, 200.0], "blue first");
        assert_eq!(&tensor.data[12..], &[0.0, 50.0, 100.0, 50.0, 0.0, 0.0]);
    }

    #[test]
    fn a_picture_without_pixels_is_black() {
        for (width, height) in [(0, 0), (0, 3), (3, 0)] {
            assert!(top_left(&RgbImage::new(width, height), 4, 4).data.iter().all(|value| *value == 0.0));
        }
    }

    #[test]
    fn damaged_and_foreign_files_are_refused() {
        for bytes in [
            &b""[..],
            b"GIF89a",
            b"\xff\xd8\xff\xe0\0\x10JFIF",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff\xff\xff\xff\xff\xff\xff\x08\x02\0\0\0",
        ] {
            assert_eq!(decode(bytes).err(), Some(PictureError));
        }
    }
}
