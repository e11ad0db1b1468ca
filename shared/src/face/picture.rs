//! Pictures: from a file's bytes to pixels, and from pixels to a network's input.

use std::io::Cursor;

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
    /// A map that enlarges by `factor` and then moves by `(tx, ty)`.
    pub(super) fn scale(factor: f32, tx: f32, ty: f32) -> Self {
        Self { a: factor, b: 0.0, tx, c: 0.0, d: factor, ty }
    }

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

/// Shrinks a picture so that its longest side is at most `side`; returns it with the factor it was shrunk by.
///
/// Areas are averaged, so that detail does not turn into noise.
pub(super) fn shrink_to(picture: &RgbImage, side: u32) -> (RgbImage, f32) {
    let longest = picture.width().max(picture.height());
    if longest <= side {
        return (picture.clone(), 1.0);
    }
    let factor = longest as f32 / side as f32;
    let small = |length: u32| ((length as f32 / factor).round() as u32).max(1);
    let filter = image::imageops::FilterType::Triangle;
    (image::imageops::resize(picture, small(picture.width()), small(picture.height()), filter), factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampling_interpolates_and_is_black_outside() {
        let picture = RgbImage::from_fn(2, 1, |x, _| image::Rgb([100 * x as u8, 0, 200]));
        let tensor = sample(&picture, &Affine::scale(0.5, 0.0, 0.0), 6, 1);
        assert_eq!(tensor.shape, [1, 3, 1, 6]);
        assert_eq!(&tensor.data[..2], &[200.0, 200.0], "blue first");
        assert_eq!(&tensor.data[12..], &[0.0, 50.0, 100.0, 50.0, 0.0, 0.0]);
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
