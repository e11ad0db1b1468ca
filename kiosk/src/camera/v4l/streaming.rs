//! An open device that sends frames.

use std::io::ErrorKind;
use std::mem;
use std::path::Path;
use std::time::{Duration, Instant};

use ::v4l::Device;
use ::v4l::buffer::{Flags, Metadata, Type};
use ::v4l::io::mmap::Stream;
use ::v4l::io::traits::{CaptureStream, Stream as _};
use ::v4l::video::Capture;
use ::v4l::video::capture::Parameters;
use anyhow::{Context, Result, bail, ensure};
use image::GrayImage;
use rustix::time::{ClockId, clock_gettime};

use super::format::{Agreed, PixelFormat, Wanted, agree};
use super::{cause, ioctl, yuyv};
use crate::camera::Frame;

/// A camera that sends no good frame for so long does not work; ours: the slowest camera in a dark room sends five a second.
const PATIENCE: Duration = Duration::from_millis(1500);

/// What a camera sends right after it was switched on is too dark or too light; ours, after what users of other programs
/// measured.
const SETTLING: Duration = Duration::from_millis(500);

/// Frames a second that are asked for.
const RATE: u32 = 30;

/// Buffers in the kernel: one is read, one is filled, two are spare.
const BUFFERS: u32 = 4;

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
        let stream = Stream::with_buffers(&device, Type::VideoCapture, BUFFERS).map_err(cause)?;
        Ok(Self { stream: Some(stream), agreed, settled_at: None })
    }

    /// Returns what the driver agreed to.
    pub fn format(&self) -> Agreed {
        self.agreed
    }

    /// Returns the next good frame, stamped with milliseconds since `start`.
    pub fn next(&mut self, start: Instant, damaged: &mut u64) -> Result<Frame> {
        let stream = self.stream.as_mut().expect("there until it is dropped");
        let mut deadline = Instant::now() + PATIENCE;
        let mut useless = "it sends no pictures";
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            ensure!(!left.is_zero(), useless);
            stream.set_timeout(left);
            let (buffer, meta) = match stream.next() {
                Err(error) if error.kind() == ErrorKind::TimedOut => bail!(useless),
                next => next.map_err(cause)?,
            };
            let now = Instant::now();
            let settled_at = *self.settled_at.get_or_insert(now + SETTLING);
            if now < settled_at {
                // A camera that was slow to begin is not given up for that.
                deadline = settled_at + PATIENCE;
                continue;
            }
            let whole = meta.bytesused > 0 && !meta.flags.contains(Flags::ERROR);
            let used = &buffer[..(meta.bytesused as usize).min(buffer.len())];
            useless = match stamp(start.elapsed(), age(meta)) {
                None => "it sends nothing but old pictures",
                Some(at) => {
                    if let Some(frame) = whole.then(|| decode(used, &self.agreed, at)).flatten() {
                        return Ok(frame);
                    }
                    *damaged += 1;
                    "it sends nothing but damaged pictures"
                }
            };
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

/// When a frame of an age was taken, in milliseconds since the start; nothing if it was before.
fn stamp(elapsed: Duration, age: Duration) -> Option<u64> {
    u64::try_from(elapsed.checked_sub(age)?.as_millis()).ok()
}

/// How long ago the driver says a frame was taken; zero where it says it by another clock.
fn age(meta: &Metadata) -> Duration {
    if meta.flags & Flags::TIMESTAMP_MASK != Flags::TIMESTAMP_MONOTONIC {
        return Duration::ZERO;
    }
    let now = clock_gettime(ClockId::Monotonic);
    since((meta.timestamp.sec, meta.timestamp.usec), (now.tv_sec, now.tv_nsec))
}

/// How much later than a stamp of seconds and microseconds a clock of seconds and nanoseconds stands. What is stamped after
/// that was taken now.
fn since((sec, usec): (i64, i64), (now_sec, now_nsec): (i64, i64)) -> Duration {
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    let taken = Duration::from_secs(part(sec)) + Duration::from_micros(part(usec));
    let now = Duration::from_secs(part(now_sec)) + Duration::from_nanos(part(now_nsec));
    now.saturating_sub(taken)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_as_old_as_its_driver_says_however_old_that_is() {
        let now = (1_000, 500_000_000);
        for (stamp, age) in [
            ((1_000, 500_000), Duration::ZERO),
            ((1_000, 460_000), Duration::from_millis(40)),
            // A driver that hands over what it kept for so long: two seconds are too old to let somebody in.
            ((998, 400_000), Duration::from_millis(2_100)),
            ((0, 0), Duration::from_millis(1_000_500)),
            ((1_001, 0), Duration::ZERO),
            ((-1, -1), Duration::from_millis(1_000_500)),
        ] {
            assert_eq!(since(stamp, now), age, "{stamp:?}");
        }
    }

    #[test]
    fn what_was_taken_before_the_lane_began_has_no_stamp_of_its_own() {
        let stamp = |elapsed, age| stamp(Duration::from_millis(elapsed), Duration::from_millis(age));
        assert_eq!(stamp(5_000, 40), Some(4_960));
        assert_eq!(stamp(5_000, 2_100), Some(2_900));
        assert_eq!(stamp(5_000, 5_000), Some(0));
        assert_eq!(stamp(500, 2_100), None, "it would pass for half a second old");
    }
}
