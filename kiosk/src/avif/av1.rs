//! One AV1 picture to red, green and blue.
#![expect(
    unsafe_code,
    reason = "the decoder has the interface of dav1d, which is C's; it runs in a process of its own"
)]

use std::ptr::NonNull;

use image::{Rgb, RgbImage};
use rav1d::include::dav1d::data::Dav1dData;
use rav1d::include::dav1d::dav1d::Dav1dSettings;
use rav1d::include::dav1d::headers::{
    DAV1D_MC_BT470BG, DAV1D_MC_BT601, DAV1D_MC_BT709, DAV1D_MC_BT2020_NCL, DAV1D_MC_IDENTITY,
    DAV1D_MC_UNKNOWN, DAV1D_PIXEL_LAYOUT_I400, DAV1D_PIXEL_LAYOUT_I420, DAV1D_PIXEL_LAYOUT_I422,
    DAV1D_PIXEL_LAYOUT_I444,
};
use rav1d::include::dav1d::picture::Dav1dPicture;
use rav1d::src::lib::{
    dav1d_data_create, dav1d_default_settings, dav1d_get_picture, dav1d_open, dav1d_send_data,
};
use shared::face::{UnusablePortrait, check_portrait_size};
use shared::portrait::PortraitFormat;

const DAMAGED: UnusablePortrait = UnusablePortrait::Damaged;
const UNSUPPORTED: UnusablePortrait = UnusablePortrait::Unsupported(PortraitFormat::Avif);

/// Decodes one temporal unit. What the decoder holds is never given back: the process ends with the picture.
pub fn decode(unit: &[u8]) -> Result<RgbImage, UnusablePortrait> {
    to_rgb(&decoded(unit)?)
}

/// A plane of samples, some of them beyond the picture.
struct Plane<'a> {
    samples: &'a [u8],
    stride: usize,
}

/// A decoded picture.
struct Yuv<'a> {
    width: u32,
    height: u32,
    /// Y, and Cb and Cr unless it is grey.
    planes: Vec<Plane<'a>>,
    /// By how many bits coordinates are smaller in Cb and Cr: across, down.
    shift: (u32, u32),
    matrix: u32,
    full_range: bool,
}

fn decoded(unit: &[u8]) -> Result<Yuv<'static>, UnusablePortrait> {
    let mut settings = std::mem::MaybeUninit::<Dav1dSettings>::uninit();
    // SAFETY: it may be written to, and is initialized by that.
    let mut settings = unsafe {
        dav1d_default_settings(NonNull::from(&mut settings).cast());
        settings.assume_init()
    };
    (settings.n_threads, settings.max_frame_delay) = (1, 1);
    settings.frame_size_limit = 1 << 20;
    let mut context = None;
    // SAFETY: both may be read and written.
    let opened = unsafe { dav1d_open(Some(NonNull::from(&mut context)), Some(NonNull::from(&mut settings))) };
    if opened.0 != 0 || unit.is_empty() {
        return Err(DAMAGED);
    }
    let (mut data, mut picture) = (Dav1dData::default(), Dav1dPicture::default());
    // SAFETY: `data` may be written to; what is returned is null or so many bytes, which nothing else refers to yet.
    let sent = unsafe {
        let bytes =
            NonNull::new(dav1d_data_create(Some(NonNull::from(&mut data)), unit.len())).ok_or(DAMAGED)?;
        bytes.as_ptr().copy_from_nonoverlapping(unit.as_ptr(), unit.len());
        dav1d_send_data(context, Some(NonNull::from(&mut data)))
    };
    // SAFETY: the context is open, and stays so; `picture` may be written to.
    let got = unsafe { dav1d_get_picture(context, Some(NonNull::from(&mut picture))) };
    if sent.0 != 0 || got.0 != 0 {
        return Err(DAMAGED);
    }
    // SAFETY: it is null, or it is the picture's, which is never given back.
    let sequence = unsafe { picture.seq_hdr.ok_or(DAMAGED)?.as_ref() };
    let side = |length| u32::try_from(length).map_err(|_| DAMAGED);
    let (width, height) = (side(picture.p.w)?, side(picture.p.h)?);
    check_portrait_size((width, height))?;
    let shift = match picture.p.layout {
        DAV1D_PIXEL_LAYOUT_I400 | DAV1D_PIXEL_LAYOUT_I444 => (0, 0),
        DAV1D_PIXEL_LAYOUT_I422 => (1, 0),
        DAV1D_PIXEL_LAYOUT_I420 => (1, 1),
        _ => return Err(UNSUPPORTED),
    };
    if picture.p.bpc != 8 {
        return Err(UNSUPPORTED);
    }
    let grey = picture.p.layout == DAV1D_PIXEL_LAYOUT_I400;
    let plane = |number: usize| {
        let rows = if number == 0 { height } else { (height + (1 << shift.1) - 1) >> shift.1 };
        let stride = usize::try_from(picture.stride[number.min(1)]).map_err(|_| DAMAGED)?;
        let start = picture.data[number].ok_or(DAMAGED)?.cast::<u8>();
        // SAFETY: the decoder allocates whole rows, at least as many as the picture has, and never gives them back.
        let samples = unsafe { std::slice::from_raw_parts(start.as_ptr(), stride * rows as usize) };
        Ok(Plane { samples, stride })
    };
    let planes = (0..if grey { 1 } else { 3 }).map(plane).collect::<Result<_, _>>()?;
    let full_range = sequence.color_range != 0;
    Ok(Yuv { width, height, planes, shift, matrix: sequence.mtrx, full_range })
}

/// By the matrices of ITU-T H.273 §8.3; where none is named, by that of BT.601.
fn to_rgb(yuv: &Yuv<'_>) -> Result<RgbImage, UnusablePortrait> {
    // How much of luma is red, and blue.
    let (red, blue) = match yuv.matrix {
        DAV1D_MC_IDENTITY => (0.0, 0.0),
        DAV1D_MC_BT709 => (0.2126, 0.0722),
        DAV1D_MC_UNKNOWN | DAV1D_MC_BT470BG | DAV1D_MC_BT601 => (0.299, 0.114),
        DAV1D_MC_BT2020_NCL => (0.2627, 0.0593),
        _ => return Err(UNSUPPORTED),
    };
    let green = 1.0 - red - blue;
    let (black, luma_range, chroma_range) =
        if yuv.full_range { (0.0, 255.0, 255.0) } else { (16.0, 219.0, 224.0) };
    let sample = |plane: usize, x: u32, y: u32| {
        let plane = yuv.planes.get(plane)?;
        plane.samples.get(y as usize * plane.stride + x as usize).map(|sample| f32::from(*sample))
    };
    let mut picture = RgbImage::new(yuv.width, yuv.height);
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let luma = (sample(0, x, y).ok_or(DAMAGED)? - black) / luma_range;
        let chroma = |plane| sample(plane, x >> yuv.shift.0, y >> yuv.shift.1);
        let rgb = match (chroma(1), chroma(2)) {
            (Some(first), Some(second)) if yuv.matrix == DAV1D_MC_IDENTITY => {
                let level = |sample: f32| (sample - black) / luma_range;
                [level(second), luma, level(first)]
            }
            (Some(first), Some(second)) => {
                let (first, second) = ((first - 128.0) / chroma_range, (second - 128.0) / chroma_range);
                let (r, b) = (luma + 2.0 * (1.0 - red) * second, luma + 2.0 * (1.0 - blue) * first);
                [r, (luma - red * r - blue * b) / green, b]
            }
            _ => [luma; 3],
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "casts from floats saturate"
        )]
        let rgb = rgb.map(|level| (level * 255.0).round() as u8);
        *pixel = Rgb(rgb);
    }
    Ok(picture)
}
