//! A Video4Linux camera that may stall, send damaged frames, be pulled out and come back.
//!
//! | file | does |
//! | --- | --- |
//! | `ioctl.rs` | questions to the driver that the `v4l` crate answers with a panic where a camera is odd |
//! | `format.rs` | which pixel format and size, of those on offer |
//! | `streaming.rs` | an open device that sends frames |
//! | `jpeg.rs`, `huffman.rs`, `yuyv.rs` | bytes to pixels |

pub(super) mod format;
mod huffman;
pub(super) mod ioctl;
pub(super) mod jpeg;
mod streaming;
pub(super) mod yuyv;

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use self::format::Wanted;
use self::streaming::Streaming;
use super::{Camera, Condition, DeviceName, Frame, devices};

/// The longest side of a frame, in pixels; ours: twice what any camera at a lane has, and a bound for memory.
pub(super) const MAX_SIDE: u32 = 4096;

/// How long a camera that failed is left alone before it is opened again; ours. Doubles with every failure.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// No pause is longer, so that a camera that is put back works within a second.
const LONGEST_PAUSE: Duration = Duration::from_millis(800);

/// A camera by name. It is opened when the first frame is asked for, and again whenever it failed.
pub struct V4l {
    name: DeviceName,
    wanted: Wanted,
    /// What frames are stamped by.
    start: Instant,
    streaming: Option<Streaming>,
    pause: Duration,
    condition: Condition,
    /// The stamp of the last frame.
    last: u64,
}

impl V4l {
    /// A camera that stamps its frames with milliseconds since `start`.
    pub fn new(name: DeviceName, wanted: Wanted, start: Instant) -> Self {
        let (pause, condition) = (Duration::ZERO, Condition::default());
        Self { name, wanted, start, streaming: None, pause, condition, last: 0 }
    }

    fn open(&mut self) -> Result<Streaming> {
        thread::sleep(self.pause);
        let path = devices::find(&self.name)?;
        let streaming = Streaming::open(&path, &self.wanted)?;
        if self.condition.format.replace(streaming.format().to_string()).is_some() {
            self.condition.reopened += 1;
        }
        Ok(streaming)
    }

    fn try_next(&mut self) -> Result<Frame> {
        // Taken out: whatever goes wrong, the device is closed.
        let mut streaming = match self.streaming.take() {
            Some(streaming) => streaming,
            None => self.open()?,
        };
        let mut frame = streaming.next(self.start, &mut self.condition.damaged)?;
        frame.at = frame.at.max(self.last);
        self.last = frame.at;
        self.streaming = Some(streaming);
        Ok(frame)
    }
}

impl Camera for V4l {
    fn next_frame(&mut self) -> Result<Option<Frame>> {
        let frame = self.try_next();
        self.pause = match frame {
            Ok(_) => Duration::ZERO,
            Err(_) => (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE),
        };
        frame.map(Some).with_context(|| format!("camera {}", self.name))
    }

    fn condition(&self) -> Condition {
        self.condition.clone()
    }
}

/// Says what an error of a driver means to whoever has to mend it.
pub(super) fn cause(error: io::Error) -> anyhow::Error {
    // From <errno.h>.
    let meaning = match error.raw_os_error() {
        Some(2 | 6) => "it is not there",
        Some(5) => "the device failed",
        // Who may is up to the rules of udev: ours give it to the lane's user alone.
        Some(13 | 1) => {
            "this user may not use it (`ls -l` says who may; with our udev rules, `runuser -u kiosk`)"
        }
        Some(16) => "another program is using it",
        Some(19) => "it was pulled out",
        _ => "the driver failed",
    };
    anyhow!(error).context(meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_that_is_not_there_is_an_error_every_time_and_never_a_wait_without_end() {
        let name = DeviceName::Path("/dev/v4l/by-id/nothing-of-the-kind".into());
        let mut camera = V4l::new(name, Wanted::default(), Instant::now());
        for _ in 0..3 {
            let error = format!("{:#}", camera.next_frame().err().unwrap());
            assert!(error.contains("nothing-of-the-kind: it is not there"), "{error}");
        }
        assert!(camera.pause <= LONGEST_PAUSE);
        assert_eq!(camera.condition(), Condition::default());
    }

    #[test]
    fn what_is_no_camera_is_an_error() {
        let mut camera = V4l::new(DeviceName::Path("/dev/null".into()), Wanted::default(), Instant::now());
        assert!(format!("{:#}", camera.next_frame().err().unwrap()).contains("no camera"));
    }
}
