//! AVIF: the one still picture in a file (ISO/IEC 14496-12 boxes, 23008-12 items, AV1 inside).
//!
//! The boxes are read here; `re_rav1d` decodes the frame. A panic inside that decoder ends the process, since its
//! safe interface stands on C functions, which cannot unwind: see the note at the dependency.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use image::{DynamicImage, Rgb, RgbImage};
use re_rav1d::dav1d::pixel::{MatrixCoefficients, YUVRange};
use re_rav1d::dav1d::{Decoder, Error, Picture, PixelLayout, PlanarImageComponent, Settings};

use super::{MAX_SIDE, UnusablePortrait, check_size};
use crate::portrait::{MAX_PORTRAIT, PortraitFormat};

const UNSUPPORTED: UnusablePortrait = UnusablePortrait::Unsupported(PortraitFormat::Avif);

/// Decodes a file. Rotation, mirroring, cropping and alpha are passed over.
///
/// # Errors
/// Sequences, grids, more than 8 bits, damaged bytes, and more pixels than are decoded.
pub(super) fn decode(file: &[u8]) -> Result<DynamicImage, UnusablePortrait> {
    let item = primary_item(file)?;
    let mut settings = Settings::new();
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    // Compared with the frame header before memory is taken for the frame.
    settings.set_frame_size_limit(MAX_SIDE * MAX_SIDE);
    let mut decoder = Decoder::with_settings(&settings).map_err(|_| UnusablePortrait::Damaged)?;
    decoder.send_data(item, None, None, None).map_err(refusal)?;
    let picture = decoder.get_picture().map_err(refusal)?;
    check_size((picture.width(), picture.height()))?;
    to_rgb(&picture).map(DynamicImage::ImageRgb8)
}

fn refusal(error: Error) -> UnusablePortrait {
    match error {
        Error::UnsupportedBitstream => UNSUPPORTED,
        _ => UnusablePortrait::Damaged,
    }
}

/// Turns luma and chroma into red, green and blue (ITU-T H.273 §8.3).
fn to_rgb(picture: &Picture) -> Result<RgbImage, UnusablePortrait> {
    use PlanarImageComponent::{U, V, Y};

    let (red, blue) = match picture.matrix_coefficients() {
        MatrixCoefficients::BT709 => (0.2126, 0.0722),
        MatrixCoefficients::Identity => return Err(UNSUPPORTED),
        // Encoders of small pictures use BT.601, and it is what a file means that says nothing.
        _ => (0.299, 0.114),
    };
    let green = 1.0 - red - blue;
    let full = picture.color_range() == YUVRange::Full;
    let (black, luma_scale, chroma_scale) =
        if full { (0.0, 1.0, 1.0) } else { (16.0, 255.0 / 219.0, 255.0 / 224.0) };
    let (across, down, chroma) = match picture.pixel_layout() {
        PixelLayout::I400 => (1, 1, None),
        PixelLayout::I420 => (2, 2, Some((picture.plane(U), picture.plane(V)))),
        PixelLayout::I422 => (2, 1, Some((picture.plane(U), picture.plane(V)))),
        PixelLayout::I444 => (1, 1, Some((picture.plane(U), picture.plane(V)))),
    };
    let luma = picture.plane(Y);
    let at = |plane: &[u8], stride: u32, x: u32, y: u32| {
        plane.get(stride as usize * y as usize + x as usize).copied().map_or(0.0, f32::from)
    };
    Ok(RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let light = (at(&luma, picture.stride(Y), x, y) - black) * luma_scale;
        let (cb, cr) = chroma.as_ref().map_or((0.0, 0.0), |(u, v)| {
            let value =
                |plane: &[u8]| (at(plane, picture.stride(U), x / across, y / down) - 128.0) * chroma_scale;
            (value(u), value(v))
        });
        let r = light + 2.0 * (1.0 - red) * cr;
        let b = light + 2.0 * (1.0 - blue) * cb;
        let g = (light - red * r - blue * b) / green;
        Rgb([level(r), level(g), level(b)])
    }))
}

#[expect(clippy::cast_possible_truncation, reason = "it is clamped first")]
fn level(value: f32) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

/// Returns the coded bytes of the file's primary item (ISO/IEC 23008-12 §6.2), at most as many as a portrait has.
fn primary_item(file: &[u8]) -> Result<Vec<u8>, UnusablePortrait> {
    let meta = child(file, b"meta").and_then(|body| body.get(4..)).ok_or(UnusablePortrait::Damaged)?;
    let id = primary_id(meta).ok_or(UnusablePortrait::Damaged)?;
    match item_type(meta, id) {
        Some(kind) if kind == *b"av01" => {}
        Some(_) => return Err(UNSUPPORTED),
        None => return Err(UnusablePortrait::Damaged),
    }
    let item = located(file, meta, id).ok_or(UnusablePortrait::Damaged)?;
    if item.is_empty() { Err(UnusablePortrait::Damaged) } else { Ok(item) }
}

/// `pitm`: which item is the picture (ISO/IEC 14496-12 §8.11.4).
fn primary_id(meta: &[u8]) -> Option<u64> {
    let mut body = Reader(child(meta, b"pitm")?);
    let version = body.version()?;
    body.number(if version == 0 { 2 } else { 4 })
}

/// `iinf`: what kind of item it is (ISO/IEC 14496-12 §8.11.6).
fn item_type(meta: &[u8], id: u64) -> Option<[u8; 4]> {
    let mut body = Reader(child(meta, b"iinf")?);
    let version = body.version()?;
    body.number(if version == 0 { 2 } else { 4 })?;
    boxes(body.0).filter(|(name, _)| *name == *b"infe").find_map(|(_, entry)| {
        let mut entry = Reader(entry);
        // Versions before 2 know no item types.
        let version = entry.version().filter(|version| (2..=3).contains(version))?;
        let own = entry.number(if version == 2 { 2 } else { 4 })?;
        entry.number(2)?;
        entry.take(4)?.try_into().ok().filter(|_| own == id)
    })
}

/// `iloc`: where its bytes are (ISO/IEC 14496-12 §8.11.3), in the file or in `idat`.
fn located(file: &[u8], meta: &[u8], id: u64) -> Option<Vec<u8>> {
    let mut body = Reader(child(meta, b"iloc")?);
    let version = body.version()?;
    let [sizes, more]: [u8; 2] = body.take(2)?.try_into().ok()?;
    let (offset_size, length_size) = (usize::from(sizes >> 4), usize::from(sizes & 15));
    let (base_size, index_size) =
        (usize::from(more >> 4), if version == 0 { 0 } else { usize::from(more & 15) });
    let id_size = if version < 2 { 2 } else { 4 };
    for _ in 0..body.number(id_size)? {
        let own = body.number(id_size)?;
        let in_idat = match if version == 0 { 0 } else { body.number(2)? & 15 } {
            0 => false,
            1 => true,
            _ => return None,
        };
        // An item in another file, which there is not.
        let elsewhere = body.number(2)? != 0;
        let base = body.number(base_size)?;
        let mut item = Vec::new();
        for _ in 0..body.number(2)? {
            body.number(index_size)?;
            let (offset, length) = (body.number(offset_size)?, body.number(length_size)?);
            if own != id {
                continue;
            }
            let place = if in_idat { child(meta, b"idat")? } else { file };
            let from = usize::try_from(base.checked_add(offset)?).ok()?;
            let rest = place.get(from..)?;
            // No length means the rest.
            let extent = if length == 0 { rest } else { rest.get(..usize::try_from(length).ok()?)? };
            item.extend_from_slice(extent);
            if item.len() > MAX_PORTRAIT {
                return None;
            }
        }
        if own == id {
            return if elsewhere { None } else { Some(item) };
        }
    }
    None
}

/// Returns the body of the first box of that name.
fn child<'a>(bytes: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(bytes).find(|(found, _)| found == name).map(|(_, body)| body)
}

/// Goes through boxes side by side, up to the first that is malformed (ISO/IEC 14496-12 §4.2). Sizes of 64 bits, which
/// no portrait needs, are malformed here.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = Reader(bytes);
    std::iter::from_fn(move || {
        let size = usize::try_from(rest.number(4)?).ok()?;
        let name = rest.take(4)?.try_into().ok()?;
        // No size means the rest.
        let length = if size == 0 { rest.0.len() } else { size.checked_sub(8)? };
        Some((name, rest.take(length)?))
    })
}

/// Takes big-endian fields off the front of bytes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (front, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(front)
    }

    /// A number of 0 to 8 bytes; of none it is 0.
    fn number(&mut self, length: usize) -> Option<u64> {
        let bytes = self.take(length).filter(|bytes| bytes.len() <= 8)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// The version of a full box; its flags are passed over.
    fn version(&mut self) -> Option<u8> {
        self.take(4)?.first().copied()
    }
}
