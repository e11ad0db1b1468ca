//! An open device that sends frames.

use std::mem;
use std::path::Path;
use std::time::{Duration, Instant};

use ::v4l::Device;
use ::v4l::buffer::{Flags, Metadata, Type};
use ::v4l::io::mmap::Stream;
use ::v4l::io::traits::{CaptureStream, Stream as _};
use ::v4l::video::Capture;
use ::v4l::video::capture::Parameters;
use anyhow::{Context, Result, bail};
use image::GrayImage;
use rustix::time::{ClockId, clock_gettime};

use super::format::{Agreed, PixelFormat, Wanted, agree};
use super::{cause, ioctl, yuyv};
use crate::camera::Frame;

/// A camera that sends nothing for so long has stalled; ours: the slowest camera in a dark room sends five frames a second.
const STALL: Duration = Duration::from_millis(1500);

/// A camera that sends nothing but damaged frames for so long does not work.
const DAMAGE: Duration = Duration::from_secs(2);

/// What a camera sends right after it was switched on is too dark or too light; ours, after what users of other programs
/// measured.
const SETTLING: Duration = Duration::from_millis(500);

/// Frames a second that are asked for.
const RATE: u32 = 30;

/// Buffers in the kernel: one is read, one is filled, two are spare.
const BUFFERS: u32 = 4;

/// A stamp older than this is not one of this clock.
const OLDEST: Duration = Duration::from_secs(1);

/// A device that sends frames until it fails; then it is to be dropped.
pub struct Streaming {
    /// Empty only while it is dropped.
    stream: Option<Stream<'static>>,
    agreed: Agreed,
    settled_at: Option<Instant>,
}

impl Streaming {
    /// Opens a device and agrees with its driver on a format.
    pub fn open(path: &Path, wanted: &Wanted) -> Result<Self> {
        let device = Device::with_path(path).map_err(cause)?;
        let capability = ioctl::capability(&device).ok().filter(|capability| capability.is_camera);
        capability.with_context(|| format!("{} is no camera", path.display()))?;
        let agreed = agree(&device, wanted)?;
        // A wish: the driver takes another rate, or has no choice. Whatever was left behind by others is gone after it.
        let _ = device.set_params(&Parameters::with_fps(RATE));
        let mut stream = Stream::with_buffers(&device, Type::VideoCapture, BUFFERS).map_err(cause)?;
        stream.set_timeout(STALL);
        Ok(Self { stream: Some(stream), agreed, settled_at: None })
    }

    /// Returns what the driver agreed to.
    pub fn format(&self) -> Agreed {
        self.agreed
    }

    /// Returns the next good frame, stamped with milliseconds since `start`.
    pub fn next(&mut self, start: Instant, damaged: &mut u64) -> Result<Frame> {
        let stream = self.stream.as_mut().expect("there until it is dropped");
        let began = Instant::now();
        loop {
            let (buffer, meta) = stream.next().map_err(cause)?;
            let now = Instant::now();
            if now < *self.settled_at.get_or_insert(now + SETTLING) {
                continue;
            }
            let at = start.elapsed().saturating_sub(age(meta)).as_millis();
            let used = (meta.bytesused as usize).min(buffer.len());
            let whole = used > 0 && !meta.flags.contains(Flags::ERROR);
            let at = u64::try_from(at).unwrap_or(u64::MAX);
            if let Some(frame) = whole.then(|| decode(&buffer[..used], &self.agreed, at)).flatten() {
                return Ok(frame);
            }
            *damaged += 1;
            if began.elapsed() > DAMAGE {
                bail!("it sends nothing but damaged pictures");
            }
        }
    }
}

impl Drop for Streaming {
    fn drop(&mut self) {
        let Some(mut stream) = self.stream.take() else { return };
        // The crate panics where a device neither stops nor is gone (ENODEV). Memory that the kernel still has is better
        // left alone then.
        if stream.stop().is_err_and(|error| error.raw_os_error() != Some(19)) {
            mem::forget(stream);
        }
    }
}

/// How long ago the driver says a frame was taken; zero where it says it by another clock.
fn age(meta: &Metadata) -> Duration {
    if meta.flags & Flags::TIMESTAMP_MASK != Flags::TIMESTAMP_MONOTONIC {
        return Duration::ZERO;
    }
    let taken = u64::try_from(meta.timestamp.sec).unwrap_or(0);
    let taken =
        Duration::from_secs(taken) + Duration::from_micros(u64::try_from(meta.timestamp.usec).unwrap_or(0));
    let now = clock_gettime(ClockId::Monotonic);
    let now = Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0));
    Some(now.saturating_sub(taken)).filter(|age| *age <= OLDEST).unwrap_or_default()
}

fn decode(bytes: &[u8], agreed: &Agreed, at: u64) -> Option<Frame> {
    match agreed.format {
        PixelFormat::Mjpeg => Frame::from_jpeg(bytes, agreed.size, at),
        PixelFormat::Yuyv => {
            Some(Frame::from_yuyv(yuyv::Packed::new(bytes, agreed.size, agreed.stride)?, at))
        }
        PixelFormat::Grey => {
            let (width, height) = agreed.size;
            let mut grey = Vec::with_capacity(width as usize * height as usize);
            for row in 0..height as usize {
                grey.extend_from_slice(bytes.get(row * agreed.stride..)?.get(..width as usize)?);
            }
            Some(Frame::new(GrayImage::from_raw(width, height, grey)?.into(), at))
        }
    }
}
