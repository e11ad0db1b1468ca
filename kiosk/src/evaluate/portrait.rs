//! The other way to carry a face: a tiny portrait in the code, enrolled at the kiosk. Measured, to know what it costs.

use std::fs;
use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GrayImage, ImageEncoder, imageops};
use shared::face::{Embedding, FaceEngine, decode};

/// Sizes that fit a code: 128 bytes is what a template takes.
pub const PORTRAIT_BYTES: [usize; 3] = [600, 800, 1000];

/// Width and height, in pixels: what served best at these sizes (face research §4.2).
const SIDES: (u32, u32) = (64, 80);
/// Width of the crop in eye distances: a tight one leaves the bytes to the face.
const TIGHT: f32 = 2.9;

/// Crops the face tightly, encodes it in grey with the best quality that fits, and enrols what comes out.
///
/// JPEG, because that is what needs no decoder beyond the one here; WebP does better at these sizes (face research §4.2).
pub fn embed(engine: &FaceEngine, picture: &Path, bytes: usize) -> Option<Embedding> {
    let original = decode(&fs::read(picture).ok()?).ok()?;
    let (face, _) = engine.find(&original.to_rgb8()).ok()?;
    let [right, left, ..] = face.landmarks;
    let width = TIGHT * face.eye_distance();
    let height = width * SIDES.1 as f32 / SIDES.0 as f32;
    let (x, y) = ((right[0] + left[0]) / 2.0 - width / 2.0, (right[1] + left[1]) / 2.0 - 0.45 * height);
    let crop = original.crop_imm(x.max(0.0) as u32, y.max(0.0) as u32, width as u32, height as u32);
    let small = imageops::resize(&crop.to_luma8(), SIDES.0, SIDES.1, imageops::FilterType::CatmullRom);
    let file = (1..=95).rev().map(|quality| jpeg(&small, quality)).find(|file| file.len() <= bytes)?;
    // Enlarged again, with room around it, or no detector would find a face in it.
    let portrait =
        decode(&file).ok()?.resize_exact(SIDES.0 * 4, SIDES.1 * 4, imageops::FilterType::CatmullRom);
    let mut framed = image::RgbImage::from_pixel(SIDES.0 * 6, SIDES.1 * 6, image::Rgb([127; 3]));
    imageops::replace(&mut framed, &portrait.to_rgb8(), i64::from(SIDES.0), i64::from(SIDES.1));
    let framed = DynamicImage::ImageRgb8(framed).to_rgb8();
    let face = engine.detect(&framed).ok()?.into_iter().next()?;
    engine.embed(&framed, &face).ok()
}

fn jpeg(picture: &GrayImage, quality: u8) -> Vec<u8> {
    let mut file = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut file, quality);
    let written =
        encoder.write_image(picture, picture.width(), picture.height(), image::ExtendedColorType::L8);
    written.expect("a small grey picture can be written to memory");
    file
}
