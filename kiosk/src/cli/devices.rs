//! What a lane is connected to.

use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::camera::CameraSpec;

/// What can be done with cameras.
#[derive(Debug, Args)]
pub struct Cameras {
    #[command(subcommand)]
    pub test: Option<CameraTest>,
}

#[derive(Debug, Subcommand)]
pub enum CameraTest {
    /// Take frames from a camera, and say what they are like
    Test(CamerasTest),
}

/// How a camera is tried.
#[derive(Debug, Args)]
pub struct CamerasTest {
    /// The camera, as in [camera] of the settings: replay:DIR, a path in /dev/v4l, usb:VENDOR:PRODUCT[:SERIAL] or
    /// bus:PLACE [default: the only one that `kiosk cameras` lists]
    #[arg(value_name = "CAMERA")]
    pub camera: Option<CameraSpec>,
    /// Read the size and the format to ask for from this settings file, and the camera if none is given
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Take so many frames
    #[arg(long, value_name = "N", default_value = "60")]
    pub frames: NonZeroU32,
    /// Give up after so many seconds without a frame
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    pub patience: NonZeroU16,
}

/// What can be done with the gate while no lane uses it.
#[derive(Debug, Subcommand)]
pub enum Gate {
    /// Open it once, and print what it reports until the opening is over
    ///
    /// Exit status: 0 somebody passed, or the gate cannot tell; 1 nobody did; 2 it was not opened.
    Pulse {
        #[command(flatten)]
        settings: GateConfig,
    },
    /// Keep it shut, show every signal for two seconds, and print what the gate reports
    Watch {
        /// End after so many seconds [default: when interrupted]
        #[arg(long, value_name = "N")]
        seconds: Option<u64>,
        #[command(flatten)]
        settings: GateConfig,
    },
    /// Leave it shut, as after a lane that was killed
    Off {
        #[command(flatten)]
        settings: GateConfig,
    },
}

/// Which gate.
#[derive(Debug, Args)]
pub struct GateConfig {
    /// The settings file of the lane
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

#[derive(Debug, Args)]
pub struct Clock {
    /// Read settings from this file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The kiosk's state folder, which holds the signed time that the clock is compared with
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
}
