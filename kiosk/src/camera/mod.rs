//! Where frames come from.

mod replay;

use image::DynamicImage;

pub use replay::Replay;

/// One frame, with the moment it was taken.
pub struct Frame {
    /// The picture.
    pub picture: DynamicImage,
    /// Milliseconds since the camera started.
    pub at: u64,
}

/// A source of frames.
pub trait Camera {
    /// Returns the next frame, or `None` when there will be no more.
    ///
    /// # Errors
    /// A device or a recording that fails.
    fn next_frame(&mut self) -> anyhow::Result<Option<Frame>>;
}
