//! The portrait in a credential: from its bytes to a picture that a detector can work with.
//!
//! It is decoded only after the issuer's signature was verified; still every size is bounded before memory is taken.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod avif;
mod webp;

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::jpeg::JpegDecoder;
use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageDecoder, Rgb, RgbImage};

pub use avif::avif_still;

use super::{Quality, QualityIssue};
use crate::portrait::{Portrait, PortraitFormat};

/// The longest side that is decoded, in pixels: several times what fits into a symbol with anything to see in it.
const MAX_SIDE: u32 = 1024;
/// A portrait lower than this, in pixels, is enlarged to it: detectors do not see faces of a few cells (measured with
/// portraits of 50x64 and 64x80).
const LEAST_HEIGHT: u32 = 320;
/// Room around a portrait, as a part of its sides: a tight crop has none, and detectors want to see where a head ends.
const MARGIN: f32 = 0.25;
/// What the room is filled with.
const GREY: Rgb<u8> = Rgb([127; 3]);

/// Why the portrait in a credential cannot be compared with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UnusablePortrait {
    /// A format, or a part of one, that is not decoded.
    #[error("{0:?} of this kind is not decoded")]
    Unsupported(PortraitFormat),
    /// The bytes are not what the format says.
    #[error("the bytes are damaged, or of another format")]
    Damaged,
    /// More pixels than are decoded, or none.
    #[error("{width}x{height} pixels; a side has 1 to {MAX_SIDE}")]
    Size {
        /// Width that the bytes claim, in pixels.
        width: u32,
        /// Height that the bytes claim, in pixels.
        height: u32,
    },
    /// No face was detected.
    #[error("there is no face in it")]
    NoFace,
    /// More than one face that counts.
    #[error("there are {count} faces in it")]
    SeveralFaces {
        /// How many.
        count: usize,
    },
    /// The face is there and too poor.
    #[error("the face in it is too poor")]
    Quality {
        /// What it measured; distances are in pixels of the portrait as it came.
        quality: Quality,
        /// What is wrong, the most telling first; never empty.
        issues: Vec<QualityIssue>,
    },
}

/// Decodes a portrait: JPEG or WebP (RFC 9649, one still picture).
///
/// # Errors
/// AVIF and JPEG 2000, which are not decoded here, animations, damaged bytes, and more than 1024 pixels a side.
pub fn decode_portrait(portrait: &Portrait) -> Result<DynamicImage, UnusablePortrait> {
    let decode: fn(&[u8]) -> Result<DynamicImage, UnusablePortrait> = match portrait.format() {
        PortraitFormat::Jpeg => jpeg,
        PortraitFormat::Webp => webp::decode,
        // Of AVIF the decoder ends the process where it panics: a program runs it in a process of its own. For JPEG
        // 2000 there is none in Rust that is maintained and licensed as the rest.
        format @ (PortraitFormat::Avif | PortraitFormat::Jpeg2000) => {
            return Err(UnusablePortrait::Unsupported(format));
        }
    };
    // The codecs are not ours; a panic in one of them says that the bytes are wrong.
    catch_unwind(AssertUnwindSafe(|| decode(portrait.as_bytes()))).unwrap_or(Err(UnusablePortrait::Damaged))
}

/// Enlarges a small portrait and puts room around it; returns it with the factor it was enlarged by.
pub(super) fn framed(portrait: &DynamicImage) -> (RgbImage, f32) {
    let most = MAX_SIDE as f32 / portrait.width() as f32;
    let factor = (LEAST_HEIGHT as f32 / portrait.height() as f32).min(most).max(1.0);
    let side = |length: u32| pixels(length as f32 * factor);
    let (width, height) = (side(portrait.width()), side(portrait.height()));
    let portrait = imageops::resize(&portrait.to_rgb8(), width, height, FilterType::CatmullRom);
    let margin = |length: u32| pixels(length as f32 * MARGIN);
    let (across, down) = (margin(width), margin(height));
    let mut framed = RgbImage::from_pixel(width + 2 * across, height + 2 * down, GREY);
    imageops::replace(&mut framed, &portrait, i64::from(across), i64::from(down));
    (framed, factor)
}

#[expect(clippy::cast_possible_truncation, reason = "it is clamped first")]
fn pixels(length: f32) -> u32 {
    length.round().clamp(1.0, MAX_SIDE as f32) as u32
}

fn jpeg(bytes: &[u8]) -> Result<DynamicImage, UnusablePortrait> {
    let damaged = |_| UnusablePortrait::Damaged;
    // Reads the headers, and no pixels yet.
    let mut decoder = JpegDecoder::new(Cursor::new(bytes)).map_err(damaged)?;
    check_portrait_size(decoder.dimensions())?;
    let orientation = decoder.orientation().map_err(damaged)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// Checks what a header says before memory is taken for it.
///
/// # Errors
/// A side of no pixel, or of more than 1024.
pub fn check_portrait_size((width, height): (u32, u32)) -> Result<(), UnusablePortrait> {
    let allowed = 1..=MAX_SIDE;
    if allowed.contains(&width) && allowed.contains(&height) {
        Ok(())
    } else {
        Err(UnusablePortrait::Size { width, height })
    }
}
