//! Where frames come from.
//!
//! | file | does |
//! | --- | --- |
//! | `spec.rs` | [`CameraSpec`]: the name of a camera, as settings and the command line write it |
//! | `frame.rs` | [`Frame`]: one picture, brought into the shape that is asked for |
//! | `replay.rs` | [`Replay`]: a recorded camera |
//! | `v4l.rs`, `v4l/` | [`V4l`]: a Video4Linux camera that may stall, be pulled out and come back |
//! | `devices.rs` | the cameras of this machine, and the one that a name means |
//! | `feed.rs` | [`Feed`]: a camera on a thread of its own; the newest frame wins |

mod devices;
mod feed;
mod frame;
mod replay;
mod spec;
mod v4l;

use std::time::Instant;

use anyhow::{Context, Result};

use crate::settings::CameraSettings;
pub use devices::{Found, list};
pub use feed::{Counts, Delivery, Feed};
pub use frame::Frame;
pub use replay::Replay;
pub use spec::{CameraSpec, DeviceName};
pub use v4l::V4l;
pub use v4l::format::{PixelFormat, Wanted};

/// A source of frames.
pub trait Camera {
    /// Returns the next frame, or `None` when there will be no more.
    ///
    /// A live camera never blocks for long: within two seconds without a good frame it returns an error, and the next call
    /// tries to bring it back. One that has to be opened first takes less than five, as long as its driver does not hang,
    /// which is the [`Feed`]'s to tell of.
    ///
    /// # Errors
    /// A device or a recording that fails.
    fn next_frame(&mut self) -> Result<Option<Frame>>;

    /// Tells whether every frame counts, as in a recording, and none may be skipped for a newer one.
    fn is_recorded(&self) -> bool {
        false
    }

    /// Returns what went wrong so far without being an error, and what the frames are like.
    fn condition(&self) -> Condition {
        Condition::default()
    }
}

/// How a camera is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condition {
    /// Frames that could not be decoded, and were left out.
    pub damaged: u64,
    /// How often the device was opened again after it had failed.
    pub reopened: u64,
    /// What the driver agreed to, as `MJPG 1280x720`; nothing until the device was opened.
    pub format: Option<String>,
}

/// The cameras of a lane.
pub struct Cameras {
    /// Sees codes; and faces, where it is the only one.
    pub code: Box<dyn Camera + Send>,
    /// Sees faces, where that is another camera's work.
    pub face: Option<Box<dyn Camera + Send>>,
}

/// Opens the cameras that the settings name; the frames of both are stamped with milliseconds since `start`.
///
/// A device that is not there is no error here: its first frame is, and the camera goes on looking for it.
///
/// # Errors
/// No camera is named, or a recording cannot be opened.
pub fn open(settings: &CameraSettings, start: Instant) -> Result<Cameras> {
    let code = settings.code.as_ref().context(
        "which camera? give --camera, or code in [camera] of --config; `kiosk cameras` lists those of this machine",
    )?;
    let open = |spec: &CameraSpec| -> Result<Box<dyn Camera + Send>> {
        Ok(match spec {
            CameraSpec::Replay(folder) => Box::new(Replay::open(folder)?),
            CameraSpec::Device(name) => Box::new(V4l::new(name.clone(), settings.wanted(), start)),
        })
    };
    let face = settings.face.as_ref().filter(|face| *face != code);
    Ok(Cameras { code: open(code)?, face: face.map(open).transpose()? })
}
