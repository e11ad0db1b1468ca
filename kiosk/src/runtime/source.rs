//! The cameras of a lane: one or two live ones, or a recording.

use std::time::Duration;

use crate::camera::{Camera, Delivery, Feed};
use crate::session::State;

/// How long the lane waits for a frame before it looks after everything else.
const TURN: Duration = Duration::from_millis(50);

/// Where frames come from.
pub enum Source<'a> {
    /// A camera that waits for nobody; the second one is for faces, where there are two.
    Live(Feed, Option<Feed>),
    /// A recording: every frame counts.
    Recorded(&'a mut dyn Camera),
}

/// A camera, by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Eye {
    /// Sees codes, and faces where it is the only one.
    Codes,
    /// Sees faces alone.
    Faces,
}

impl Source<'_> {
    /// Returns the camera whose frames are wanted in a state.
    pub(super) fn eye(&self, state: State) -> Eye {
        match self {
            Self::Live(_, Some(_)) if matches!(state, State::Capturing | State::Challenge) => Eye::Faces,
            _ => Eye::Codes,
        }
    }

    /// Returns what the other camera has to say, where there are two: its frames are not wanted now, its faults are.
    pub(super) fn other(&self, eye: Eye) -> Option<(Eye, Delivery)> {
        let Self::Live(codes, Some(faces)) = self else { return None };
        Some(match eye {
            Eye::Codes => (Eye::Faces, faces.next(Duration::ZERO)),
            Eye::Faces => (Eye::Codes, codes.next(Duration::ZERO)),
        })
    }

    /// Returns the next frame of a camera.
    pub(super) fn next(&mut self, eye: Eye) -> Delivery {
        match self {
            Self::Live(_, Some(faces)) if eye == Eye::Faces => faces.next(TURN),
            Self::Live(codes, _) => codes.next(TURN),
            Self::Recorded(camera) => match camera.next_frame() {
                Ok(Some(frame)) => Delivery::Frame(frame),
                Ok(None) => Delivery::End,
                Err(error) => Delivery::Fault(error),
            },
        }
    }
}
