//! One picture, brought into the shape that is asked for: grey for codes, colors for faces and for the screen.
//!
//! Most frames show nobody and are looked at in grey alone, so that colors are made when somebody asks for them.

use std::fmt;
use std::sync::OnceLock;

use image::{DynamicImage, GrayImage};

use super::v4l::{jpeg, yuyv};

/// One frame, with the moment it was taken.
///
/// Its pixels are overwritten when it is dropped.
pub struct Frame {
    /// Milliseconds since the camera, or the lane, started.
    pub at: u64,
    raw: Raw,
    luma: OnceLock<GrayImage>,
    picture: OnceLock<DynamicImage>,
}

/// What pictures are made from.
enum Raw {
    /// Nothing: the picture is there.
    Picture,
    /// A JPEG file whose grey was decoded.
    Jpeg(Vec<u8>),
    /// Two pixels in four bytes.
    Yuyv(yuyv::Packed),
}

impl Frame {
    /// A frame of a picture.
    pub fn new(picture: DynamicImage, at: u64) -> Self {
        Self { at, raw: Raw::Picture, luma: OnceLock::new(), picture: picture.into() }
    }

    /// A frame of a JPEG file; decodes its grey, which tells whether it is damaged.
    pub(super) fn from_jpeg(file: &[u8], size: (u32, u32), at: u64) -> Option<Self> {
        let luma = jpeg::luma(file, size)?;
        Some(Self { at, raw: Raw::Jpeg(file.to_vec()), luma: luma.into(), picture: OnceLock::new() })
    }

    /// A frame of packed pixels.
    pub(super) fn from_yuyv(packed: yuyv::Packed, at: u64) -> Self {
        Self { at, raw: Raw::Yuyv(packed), luma: OnceLock::new(), picture: OnceLock::new() }
    }

    /// Returns it in grey.
    pub fn luma(&self) -> &GrayImage {
        if let Some(DynamicImage::ImageLuma8(grey)) = self.picture.get() {
            return grey;
        }
        self.luma.get_or_init(|| match &self.raw {
            Raw::Yuyv(packed) => packed.luma(),
            Raw::Jpeg(_) | Raw::Picture => self.picture().to_luma8(),
        })
    }

    /// Returns it in colors, or in grey where the camera has none.
    pub fn picture(&self) -> &DynamicImage {
        self.picture.get_or_init(|| match &self.raw {
            Raw::Yuyv(packed) => packed.rgb().into(),
            // The grey of this file was decoded before: what is left to fail is its colors.
            Raw::Jpeg(file) => jpeg::rgb(file)
                .map(DynamicImage::from)
                .unwrap_or_else(|| self.luma.get().cloned().unwrap_or_default().into()),
            Raw::Picture => DynamicImage::default(),
        })
    }
}

impl fmt::Debug for Frame {
    /// Shows when it was taken, and nothing of what is in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frame").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        match &mut self.raw {
            Raw::Jpeg(file) => wipe(file),
            Raw::Yuyv(packed) => wipe(&mut packed.bytes),
            Raw::Picture => (),
        }
        if let Some(luma) = self.luma.get_mut() {
            wipe(luma);
        }
        match self.picture.get_mut() {
            Some(DynamicImage::ImageLuma8(picture)) => wipe(picture),
            Some(DynamicImage::ImageRgb8(picture)) => wipe(picture),
            // No camera makes another kind; recordings are files anyway.
            _ => (),
        }
    }
}

/// Overwrites pixels in a way that the optimizer does not take for useless; `zeroize` takes a millisecond for a frame.
fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    std::hint::black_box(bytes);
}

#[cfg(test)]
mod tests {
    use image::{Luma, Rgb, RgbImage};

    use super::*;

    #[test]
    fn a_grey_picture_is_its_own_grey() {
        let frame = Frame::new(GrayImage::from_pixel(3, 2, Luma([7])).into(), 5);
        assert_eq!((frame.luma().get_pixel(2, 1).0, frame.at), ([7], 5));
        assert!(frame.luma.get().is_none(), "nothing was copied");
    }

    #[test]
    fn a_jpeg_file_is_decoded_twice_at_most_and_only_when_asked() {
        let mut file = vec![];
        let picture = DynamicImage::from(RgbImage::from_pixel(64, 48, Rgb([200, 30, 30])));
        picture.write_to(&mut std::io::Cursor::new(&mut file), image::ImageFormat::Jpeg).unwrap();
        let frame = Frame::from_jpeg(&file, (64, 48), 0).unwrap();
        assert!(frame.picture.get().is_none());
        assert_eq!(frame.luma().dimensions(), (64, 48));
        let Rgb([red, green, _]) = *frame.picture().to_rgb8().get_pixel(30, 30);
        assert!(red > 180 && green < 60, "{red} {green}");
    }

    #[test]
    fn packed_pixels_have_their_grey_and_their_colors() {
        let packed = yuyv::Packed::new(&[100, 128, 50, 128, 0, 0], (2, 1), 6).unwrap();
        let frame = Frame::from_yuyv(packed, 0);
        assert_eq!(frame.luma().as_raw(), &[100, 50]);
        assert_eq!(frame.picture().to_rgb8().dimensions(), (2, 1));
    }
}
