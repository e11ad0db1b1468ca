//! Motion JPEG: every frame is a JPEG file.
//!
//! Decoding is strict: half a file would otherwise come out as half a picture with grey below.

use std::borrow::Cow;

use image::{GrayImage, RgbImage};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::huffman::STANDARD;

/// JPEG pictures consist of blocks; some cameras count the blocks at the edge as part of the picture.
const BLOCK: u32 = 16;

/// Returns the grey of a file that has the size agreed on with the driver; `None` if it is damaged.
pub fn luma(file: &[u8], (width, height): (u32, u32)) -> Option<GrayImage> {
    let (pixels, (real_width, real_height)) = decode(file, ColorSpace::Luma)?;
    let fits = |real: u32, agreed: u32| (agreed..agreed.next_multiple_of(BLOCK) + 1).contains(&real);
    if !fits(real_width, width) || !fits(real_height, height) {
        return None;
    }
    GrayImage::from_raw(real_width, real_height, pixels)
}

/// Returns the colors of a file; `None` if it is damaged.
pub fn rgb(file: &[u8]) -> Option<RgbImage> {
    let (pixels, (width, height)) = decode(file, ColorSpace::RGB)?;
    RgbImage::from_raw(width, height, pixels)
}

fn decode(file: &[u8], colors: ColorSpace) -> Option<(Vec<u8>, (u32, u32))> {
    let options = DecoderOptions::default()
        .set_max_width(super::MAX_SIDE as usize)
        .set_max_height(super::MAX_SIDE as usize)
        .set_strict_mode(true)
        .jpeg_set_out_colorspace(colors);
    // Drivers pad with zeros, which would pass for the dark end of a file that was cut off.
    let end = file.iter().rposition(|byte| *byte != 0)? + 1;
    let file = with_tables(&file[..end]);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(file.as_ref()), options);
    let pixels = decoder.decode().ok()?;
    let info = decoder.info()?;
    Some((pixels, (info.width.into(), info.height.into())))
}

/// Many cameras leave out the Huffman tables, which are the same in every frame: puts them before the scan. A file that ends
/// before its scan is left as it is.
fn with_tables(file: &[u8]) -> Cow<'_, [u8]> {
    const TABLES: u8 = 0xC4;
    const SCAN: u8 = 0xDA;
    let mut at = 2;
    while let Some(&[0xFF, marker, high, low]) = file.get(at..at + 4) {
        match marker {
            TABLES => break,
            SCAN => return Cow::Owned([&file[..at], &STANDARD.concat(), &file[at..]].concat()),
            // A fill byte.
            0xFF => at += 1,
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])),
        }
    }
    Cow::Borrowed(file)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, ImageFormat, Rgb};
    use proptest::prelude::*;

    use super::*;

    fn file(width: u32, height: u32) -> Vec<u8> {
        let picture =
            RgbImage::from_fn(width, height, |x, y| Rgb([(x * 7 % 256) as u8, (y * 5 % 256) as u8, 90]));
        let mut file = Cursor::new(vec![]);
        DynamicImage::from(picture).write_to(&mut file, ImageFormat::Jpeg).unwrap();
        file.into_inner()
    }

    #[test]
    fn a_good_file_is_decoded_with_whatever_the_buffer_has_behind_it() {
        let mut padded = file(160, 120);
        padded.resize(40_000, 0);
        assert_eq!(luma(&padded, (160, 120)).unwrap().dimensions(), (160, 120));
        assert_eq!(rgb(&padded).unwrap().dimensions(), (160, 120));
        assert!(luma(&file(160, 128), (160, 120)).is_some(), "rounded up to blocks");
    }

    /// The segments before the scan, and the rest.
    fn segments(file: &[u8]) -> (Vec<&[u8]>, &[u8]) {
        let (mut at, mut found) = (2, vec![]);
        while file[at + 1] != 0xDA {
            let length = 2 + usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
            found.push(&file[at..at + length]);
            at += length;
        }
        (found, &file[at..])
    }

    #[test]
    fn a_file_without_tables_is_read_with_the_standard_ones() {
        let whole = file(160, 120);
        let (segments, scan) = segments(&whole);
        let has_tables = |segment: &&[u8]| segment[1] == 0xC4;
        assert!(segments.iter().any(has_tables));
        let bare: Vec<_> = segments.iter().filter(|segment| !has_tables(segment)).copied().collect();
        // With what some cameras say in place of JFIF, and without.
        let mut avi1 = vec![0xFF, 0xE0, 0, 16];
        avi1.extend_from_slice(b"AVI1\0\0\0\0\0\0\0\0\0\0");
        for first in [&[][..], &avi1] {
            let without = [&whole[..2], first, &bare.concat(), scan].concat();
            assert!(without.len() < whole.len() - 300);
            assert_eq!(luma(&without, (160, 120)), luma(&whole, (160, 120)));
            assert_eq!(rgb(&without), rgb(&whole));
        }
        assert!(luma(&whole, (160, 120)).is_some());
        for cut in 0..80 {
            assert!(luma(&whole[..cut], (160, 120)).is_none());
        }
    }

    #[test]
    fn half_a_file_and_another_size_are_damage() {
        let whole = file(160, 120);
        let mut half = whole[..whole.len() / 2].to_vec();
        assert!(luma(&half, (160, 120)).is_none());
        half.resize(40_000, 0);
        assert!(luma(&half, (160, 120)).is_none());
        assert!(luma(&whole, (320, 240)).is_none());
        assert!(luma(&whole, (80, 60)).is_none());
        assert!(luma(&[], (160, 120)).is_none());
    }

    proptest! {
        #[test]
        fn no_damage_upsets_the_decoder(at in 0usize..6000, bytes in prop::collection::vec(any::<u8>(), 1..40)) {
            let mut damaged = file(160, 120);
            let at = at % damaged.len();
            for (place, byte) in damaged[at..].iter_mut().zip(bytes) {
                *place = byte;
            }
            let _ = luma(&damaged, (160, 120));
            let _ = rgb(&damaged);
        }
    }
}
