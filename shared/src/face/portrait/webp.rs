//! WebP (RFC 9649): the one still picture in a file, without alpha, animation or metadata.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::io::Cursor;

use image::{DynamicImage, RgbImage};
use image_webp::WebPDecoder;

use super::{UnusablePortrait, check_portrait_size};
use crate::portrait::{MAX_PORTRAIT, PortraitFormat};

/// Most memory that a decoder may take for chunks, in bytes.
const MAX_MEMORY: usize = 8 << 20;

/// Decodes a file.
///
/// # Errors
/// Animations, damaged bytes, and more pixels than are decoded.
pub(super) fn decode(file: &[u8]) -> Result<DynamicImage, UnusablePortrait> {
    let damaged = |_| UnusablePortrait::Damaged;
    // A file in the extended layout states its size twice. Without the rest around it, the picture states it alone.
    let still = still(file)?;
    let mut decoder = WebPDecoder::new(Cursor::new(still.as_slice())).map_err(damaged)?;
    decoder.set_memory_limit(MAX_MEMORY);
    let (width, height) = decoder.dimensions();
    check_portrait_size((width, height))?;
    let mut pixels = vec![0; decoder.output_buffer_size().ok_or(UnusablePortrait::Damaged)?];
    decoder.read_image(&mut pixels).map_err(damaged)?;
    let picture = if decoder.has_alpha() {
        image::RgbaImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgba8)
    } else {
        RgbImage::from_raw(width, height, pixels).map(DynamicImage::ImageRgb8)
    };
    picture.ok_or(UnusablePortrait::Damaged)
}

/// Takes the picture's chunk out of a file and makes a file of that alone (RFC 9649 §2.5 and §2.6).
fn still(file: &[u8]) -> Result<Vec<u8>, UnusablePortrait> {
    let Some(([b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'], mut rest)) =
        file.split_first_chunk::<12>()
    else {
        return Err(UnusablePortrait::Damaged);
    };
    while let Some((header, after)) = rest.split_first_chunk::<8>() {
        let [a, b, c, d, size @ ..] = *header;
        let size = usize::try_from(u32::from_le_bytes(size)).unwrap_or(usize::MAX);
        let chunk = after.get(..size).ok_or(UnusablePortrait::Damaged)?;
        match &[a, b, c, d] {
            b"ANIM" | b"ANMF" => return Err(UnusablePortrait::Unsupported(PortraitFormat::Webp)),
            b"VP8 " | b"VP8L" => {
                let padding = size % 2;
                // The chunk is part of a file that is at most MAX_PORTRAIT long, so that these lengths fit.
                let length = u32::try_from(12 + size + padding).map_err(|_| UnusablePortrait::Damaged)?;
                let mut alone = Vec::with_capacity(MAX_PORTRAIT + 1);
                alone.extend_from_slice(b"RIFF");
                alone.extend_from_slice(&length.to_le_bytes());
                alone.extend_from_slice(b"WEBP");
                alone.extend_from_slice(header);
                alone.extend_from_slice(chunk);
                alone.resize(alone.len() + padding, 0);
                return Ok(alone);
            }
            _ => rest = after.get(size + size % 2..).unwrap_or_default(),
        }
    }
    Err(UnusablePortrait::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_webp::WebPEncoder;

    /// A lossless file of one colour.
    fn lossless(width: u32, height: u32) -> Vec<u8> {
        let mut file = Vec::new();
        let pixels = [200, 100, 50].repeat((width * height) as usize);
        WebPEncoder::new(&mut file).encode(&pixels, width, height, image_webp::ColorType::Rgb8).unwrap();
        file
    }

    /// The same in the extended layout, whose header says `canvas` for both sides.
    fn extended(file: &[u8], canvas: u8, chunks: &[u8]) -> Vec<u8> {
        let header =
            [b"VP8X", &[10, 0, 0, 0][..], &[0, 0, 0, 0], &[canvas - 1, 0, 0, canvas - 1, 0, 0]].concat();
        let body = [b"WEBP", header.as_slice(), chunks, &file[12..]].concat();
        [b"RIFF", &u32::try_from(body.len()).unwrap().to_le_bytes()[..], &body].concat()
    }

    #[test]
    fn the_picture_is_found_in_both_layouts() {
        let simple = lossless(40, 50);
        let exif = [b"EXIF", &[3, 0, 0, 0][..], &[1, 2, 3, 0]].concat();
        for file in [simple.clone(), extended(&simple, 40, &[]), extended(&simple, 40, &exif)] {
            let picture = decode(&file).unwrap().into_rgb8();
            assert_eq!(picture.dimensions(), (40, 50));
            assert!(picture.pixels().all(|pixel| pixel.0 == [200, 100, 50]));
        }
    }

    #[test]
    fn size_is_the_pictures_own_and_bounded() {
        let too_large = UnusablePortrait::Size { width: 1025, height: 4 };
        let wide = lossless(1025, 4);
        assert_eq!(decode(&wide), Err(too_large.clone()));
        assert_eq!(decode(&extended(&wide, 40, &[])), Err(too_large), "a small canvas hides nothing");
        assert!(decode(&lossless(1024, 1)).is_ok());
    }

    #[test]
    fn animations_and_damage_are_refused() {
        let file = lossless(40, 50);
        let animation = extended(&file, 40, &[b"ANIM", &[6, 0, 0, 0][..], &[0; 6]].concat());
        assert_eq!(decode(&animation), Err(UnusablePortrait::Unsupported(PortraitFormat::Webp)));
        for length in 0..file.len() - 1 {
            assert!(decode(&file[..length]).is_err(), "{length} bytes of {}", file.len());
        }
        assert_eq!(decode(&[0; 64]), Err(UnusablePortrait::Damaged));
    }
}
