//! Which pixel format and size, of those on offer.

use std::fmt;

use ::v4l::Device;
use anyhow::{Result, bail};
use serde::Deserialize;

use super::ioctl::{self, Set};
use super::{MAX_SIDE, cause};

/// A way to write pixels that a lane understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PixelFormat {
    /// A JPEG file for every frame.
    Mjpeg,
    /// Two pixels in four bytes, uncompressed.
    Yuyv,
    /// Brightness alone, as infrared cameras have it.
    Grey,
}

/// What a lane wants of a camera; it takes what it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// In pixels.
    pub size: (u32, u32),
    /// The pixel format; by default the best one for the size.
    pub format: Option<PixelFormat>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { size: (1280, 720), format: None }
    }
}

/// What the driver agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    /// How pixels are written.
    pub format: PixelFormat,
    /// In pixels.
    pub size: (u32, u32),
    /// Bytes from the start of one line to the start of the next.
    pub stride: usize,
    code: [u8; 4],
}

/// Pixels that USB 2 carries uncompressed thirty times a second. Uncompressed frames have no artifacts and cost nothing to
/// decode; above this, cameras send them at ten a second or fewer.
const UNCOMPRESSED: u32 = 640 * 480;

impl PixelFormat {
    /// Tells which format four characters mean.
    pub fn of(code: [u8; 4]) -> Option<Self> {
        Some(match &code {
            b"MJPG" | b"JPEG" => Self::Mjpeg,
            b"YUYV" => Self::Yuyv,
            b"GREY" => Self::Grey,
            _ => return None,
        })
    }

    fn bytes_per_pixel(self) -> usize {
        match self {
            Self::Mjpeg => 0,
            Self::Yuyv => 2,
            Self::Grey => 1,
        }
    }
}

impl fmt::Display for Agreed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}x{}", name(self.code), self.size.0, self.size.1)
    }
}

/// Writes the four characters of a format.
pub fn name(code: [u8; 4]) -> String {
    String::from_utf8_lossy(&code).trim_end().to_owned()
}

/// Asks for one format after another, the best first, until the driver answers with one that a lane understands.
pub fn agree(device: &Device, wanted: &Wanted) -> Result<Agreed> {
    let offered = ioctl::formats(device);
    let mut refused = None;
    for code in order(&offered, wanted) {
        match ioctl::set_format(device, code, wanted.size) {
            Ok(set) => {
                if let Some(agreed) = understood(set) {
                    return Ok(agreed);
                }
            }
            Err(error) => refused = Some(error),
        }
    }
    if let Some(error) = refused {
        return Err(cause(error));
    }
    let offered: Vec<_> = offered.into_iter().map(name).collect();
    bail!("it offers {}, and a lane understands MJPG, YUYV and GREY", offered.join(", "));
}

/// Returns the formats to ask for, the best first.
fn order(offered: &[[u8; 4]], wanted: &Wanted) -> Vec<[u8; 4]> {
    let small = wanted.size.0.saturating_mul(wanted.size.1) <= UNCOMPRESSED;
    let rank = |format: PixelFormat| match format {
        format if wanted.format == Some(format) => 0,
        PixelFormat::Yuyv if small => 1,
        PixelFormat::Mjpeg => 2,
        PixelFormat::Yuyv => 3,
        PixelFormat::Grey => 4,
    };
    let known = offered.iter().filter_map(|code| PixelFormat::of(*code).map(|format| (rank(format), *code)));
    let mut known: Vec<_> = known.collect();
    known.sort_by_key(|(rank, _)| *rank);
    known.into_iter().map(|(_, code)| code).collect()
}

fn understood(set: Set) -> Option<Agreed> {
    let format = PixelFormat::of(set.code)?;
    // Two pixels of YUYV share their color.
    let odd = format == PixelFormat::Yuyv && set.width % 2 == 1;
    if odd || !(1..=MAX_SIDE).contains(&set.width) || !(1..=MAX_SIDE).contains(&set.height) {
        return None;
    }
    let stride = (set.stride as usize).max(set.width as usize * format.bytes_per_pixel());
    Some(Agreed { format, size: (set.width, set.height), stride, code: set.code })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFERED: [[u8; 4]; 5] = [*b"UYVY", *b"GREY", *b"YUYV", *b"MJPG", *b"H264"];

    #[test]
    fn large_frames_are_compressed_and_small_ones_are_not() {
        let order = |size, format| order(&OFFERED, &Wanted { size, format });
        assert_eq!(order((1280, 720), None), [*b"MJPG", *b"YUYV", *b"GREY"]);
        assert_eq!(order((640, 480), None), [*b"YUYV", *b"MJPG", *b"GREY"]);
        assert_eq!(order((1280, 720), Some(PixelFormat::Grey)), [*b"GREY", *b"MJPG", *b"YUYV"]);
    }

    #[test]
    fn what_the_driver_answers_is_taken_if_a_lane_understands_it() {
        let set = |code, width, height, stride| understood(Set { code, width, height, stride });
        let agreed = set(*b"YUYV", 352, 288, 0).unwrap();
        assert_eq!(
            (agreed.size, agreed.stride, agreed.to_string()),
            ((352, 288), 704, "YUYV 352x288".to_owned())
        );
        assert_eq!(set(*b"JPEG", 640, 480, 0).unwrap().format, PixelFormat::Mjpeg);
        for (code, width, height) in
            [(*b"UYVY", 640, 480), (*b"YUYV", 641, 480), (*b"GREY", 0, 480), (*b"MJPG", 640, 5000)]
        {
            assert_eq!(set(code, width, height, 0), None);
        }
    }
}
