//! The name of a camera, as settings and the command line write it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

/// Which camera.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum CameraSpec {
    /// `replay:FOLDER`: the pictures of a folder.
    Replay(PathBuf),
    /// A device.
    Device(DeviceName),
}

/// A name that still means the same camera after it was pulled out and put back, and after a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceName {
    /// A path: the links in `/dev/v4l/by-id` and `/dev/v4l/by-path` are stable, `/dev/video0` is not.
    Path(PathBuf),
    /// `usb:046d:0825` or `usb:046d:0825:SERIAL`: a make, wherever it is plugged in.
    Usb {
        /// The vendor's number.
        vendor: u16,
        /// The product's number.
        product: u16,
        /// The serial number, where several cameras of one make are plugged in.
        serial: Option<String>,
    },
    /// `bus:INFO`: whatever is plugged in there, by the driver's own name for the place.
    Bus(String),
}

/// What a camera can be called.
const HELP: &str =
    "replay:FOLDER, a path such as /dev/v4l/by-id/NAME, usb:VENDOR:PRODUCT[:SERIAL] or bus:PLACE";

impl FromStr for CameraSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a camera; one is called {HELP}");
        if text.starts_with('/') {
            return Ok(Self::Device(DeviceName::Path(text.into())));
        }
        let (kind, rest) = text.split_once(':').filter(|(_, rest)| !rest.is_empty()).ok_or_else(wrong)?;
        Ok(match kind {
            "replay" => Self::Replay(rest.into()),
            "bus" => Self::Device(DeviceName::Bus(rest.to_owned())),
            "usb" => {
                let mut parts = rest.splitn(3, ':');
                let mut number =
                    || parts.next().and_then(|digits| u16::from_str_radix(digits, 16).ok()).ok_or_else(wrong);
                let (vendor, product) = (number()?, number()?);
                let serial = parts.next().map(str::to_owned);
                if serial.as_deref() == Some("") {
                    return Err(wrong());
                }
                Self::Device(DeviceName::Usb { vendor, product, serial })
            }
            _ => return Err(wrong()),
        })
    }
}

impl TryFrom<String> for CameraSpec {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for CameraSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replay(folder) => write!(f, "replay:{}", folder.display()),
            Self::Device(name) => name.fmt(f),
        }
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Usb { vendor, product, serial: None } => write!(f, "usb:{vendor:04x}:{product:04x}"),
            Self::Usb { vendor, product, serial: Some(serial) } => {
                write!(f, "usb:{vendor:04x}:{product:04x}:{serial}")
            }
            Self::Bus(place) => write!(f, "bus:{place}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        for text in [
            "replay:camera",
            "/dev/v4l/by-id/usb-A_Camera-video-index0",
            "usb:046d:0825",
            "usb:046d:0825:A1:B2",
            "bus:usb-0000:00:14.0-1",
        ] {
            assert_eq!(text.parse::<CameraSpec>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_camera_is_refused_with_what_would_be_one() {
        for text in [
            "",
            "0",
            "camera",
            "replay:",
            "usb:",
            "usb:046d",
            "usb:046d:xyz",
            "usb:046d:0825:",
            "bus:",
            "rtsp://x",
        ] {
            let refused = text.parse::<CameraSpec>().unwrap_err();
            assert!(refused.contains("/dev/v4l/by-id"), "{text}: {refused}");
        }
    }
}
