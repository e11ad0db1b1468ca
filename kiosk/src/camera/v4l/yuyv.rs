//! YUYV (V4L2_PIX_FMT_YUYV): two pixels in four bytes, each with a brightness of its own and both with one color.

use image::{GrayImage, RgbImage};

/// A frame as the driver gave it, without the padding at the ends of its lines.
pub struct Packed {
    /// `width * 2` bytes for every line.
    pub bytes: Vec<u8>,
    width: u32,
    height: u32,
}

impl Packed {
    /// Takes a frame with so many bytes from the start of one line to the start of the next; `None` if bytes are missing.
    pub fn new(frame: &[u8], (width, height): (u32, u32), stride: usize) -> Option<Self> {
        let line = width as usize * 2;
        let stride = stride.max(line);
        let mut bytes = Vec::with_capacity(line * height as usize);
        for row in 0..height as usize {
            bytes.extend_from_slice(frame.get(row * stride..)?.get(..line)?);
        }
        Some(Self { bytes, width, height })
    }

    /// Returns the brightness of every pixel, just as the sensor's maker meant it.
    pub fn luma(&self) -> GrayImage {
        let luma = self.bytes.chunks_exact(2).map(|pixel| pixel[0]).collect();
        GrayImage::from_raw(self.width, self.height, luma).expect("one byte for every pixel")
    }

    /// Returns the colors, after ITU-R BT.601 with limited range, which cameras use unless they say otherwise.
    pub fn rgb(&self) -> RgbImage {
        let mut rgb = Vec::with_capacity(self.bytes.len() / 2 * 3);
        for pair in self.bytes.chunks_exact(4) {
            let (blue, red) = (i32::from(pair[1]) - 128, i32::from(pair[3]) - 128);
            // Fractions of 256.
            let shift = [409 * red, -100 * blue - 208 * red, 516 * blue];
            for luma in [pair[0], pair[2]] {
                let light = 298 * (i32::from(luma) - 16) + 128;
                rgb.extend(shift.map(|shift| ((light + shift) >> 8).clamp(0, 255) as u8));
            }
        }
        RgbImage::from_raw(self.width, self.height, rgb).expect("three bytes for every pixel")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_without_their_padding() {
        let frame = [1, 128, 2, 128, 99, 99, 3, 128, 4, 128];
        let packed = Packed::new(&frame, (2, 2), 6).unwrap();
        assert_eq!(packed.luma().as_raw(), &[1, 2, 3, 4]);
        assert!(Packed::new(&frame[..9], (2, 2), 6).is_none());
        assert_eq!(Packed::new(&frame, (2, 2), 0).unwrap().luma().as_raw(), &[1, 2, 99, 3]);
    }

    #[test]
    fn white_black_and_red_come_out_as_they_are() {
        let packed = Packed::new(&[235, 128, 16, 128, 81, 90, 81, 240], (2, 2), 4).unwrap();
        let rgb = packed.rgb();
        assert_eq!(rgb.get_pixel(0, 0).0, [255, 255, 255]);
        assert_eq!(rgb.get_pixel(1, 0).0, [0, 0, 0]);
        let [red, green, blue] = rgb.get_pixel(0, 1).0;
        assert!(red > 250 && green < 5 && blue < 5, "{red} {green} {blue}");
    }
}
