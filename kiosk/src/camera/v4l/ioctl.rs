//! Questions to the driver that the `v4l` crate answers with a panic where a camera has a name that is not UTF-8 or
//! colors of a kind that it does not know.
#![expect(
    unsafe_code,
    reason = "the kernel's ioctl interface; the crate offers no checked call that cannot panic"
)]

use std::ffi::c_void;
use std::{io, mem};

use ::v4l::Device;
use ::v4l::v4l_sys::{v4l2_capability, v4l2_fmtdesc, v4l2_format};
use ::v4l::v4l2::{ioctl, vidioc};

/// V4L2_BUF_TYPE_VIDEO_CAPTURE.
const CAPTURE: u32 = 1;
/// V4L2_CAP_VIDEO_CAPTURE.
const CAN_CAPTURE: u32 = 0x0000_0001;
/// V4L2_CAP_STREAMING.
const CAN_STREAM: u32 = 0x0400_0000;
/// V4L2_CAP_DEVICE_CAPS: the driver tells what this node can do, and not the device as a whole.
const TELLS_NODE: u32 = 0x8000_0000;
/// More formats than any driver has; one that goes on is broken.
const MOST_FORMATS: u32 = 100;

/// What a device node is.
pub struct Capability {
    /// The camera's name.
    pub card: String,
    /// Where it is plugged in.
    pub bus: String,
    /// Whether it streams pictures: cameras have nodes for other data, too.
    pub is_camera: bool,
}

/// A pixel format and size as the driver set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Set {
    /// The four characters of the format.
    pub code: [u8; 4],
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Bytes from the start of one line to the start of the next; 0 for compressed formats.
    pub stride: u32,
}

/// VIDIOC_QUERYCAP.
pub fn capability(device: &Device) -> io::Result<Capability> {
    // SAFETY: a plain structure of numbers and bytes, for which zero is a value; the kernel writes into it and no further.
    let answer: v4l2_capability = unsafe {
        let mut answer: v4l2_capability = mem::zeroed();
        ioctl(device.handle().fd(), vidioc::VIDIOC_QUERYCAP, (&raw mut answer).cast::<c_void>())?;
        answer
    };
    let can = if answer.capabilities & TELLS_NODE == 0 { answer.capabilities } else { answer.device_caps };
    let is_camera = can & CAN_CAPTURE != 0 && can & CAN_STREAM != 0;
    Ok(Capability { card: text(&answer.card), bus: text(&answer.bus_info), is_camera })
}

/// VIDIOC_ENUM_FMT: the formats on offer, in the driver's order.
pub fn formats(device: &Device) -> Vec<[u8; 4]> {
    let format = |index| {
        // SAFETY: as above.
        unsafe {
            let mut answer: v4l2_fmtdesc = mem::zeroed();
            (answer.index, answer.type_) = (index, CAPTURE);
            ioctl(device.handle().fd(), vidioc::VIDIOC_ENUM_FMT, (&raw mut answer).cast::<c_void>())
                .map(|()| answer.pixelformat.to_le_bytes())
        }
    };
    (0..MOST_FORMATS).map_while(|index| format(index).ok()).collect()
}

/// VIDIOC_S_FMT: asks for a format, and returns what the driver made of it.
pub fn set_format(device: &Device, code: [u8; 4], (width, height): (u32, u32)) -> io::Result<Set> {
    // SAFETY: as above; `pix` is the member of the union that is used for this type of buffer, on both sides.
    unsafe {
        let mut format: v4l2_format = mem::zeroed();
        format.type_ = CAPTURE;
        (format.fmt.pix.width, format.fmt.pix.height) = (width, height);
        format.fmt.pix.pixelformat = u32::from_le_bytes(code);
        ioctl(device.handle().fd(), vidioc::VIDIOC_S_FMT, (&raw mut format).cast::<c_void>())?;
        let set = format.fmt.pix;
        let code = set.pixelformat.to_le_bytes();
        Ok(Set { code, width: set.width, height: set.height, stride: set.bytesperline })
    }
}

/// The text before the first zero.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_no_text_is_still_a_name() {
        assert_eq!(text(b"Cam\xe9ra\0rest"), "Cam\u{fffd}ra");
        assert_eq!(text(b"full"), "full");
    }

    #[test]
    fn what_is_no_video_device_is_an_error() {
        let device = Device::with_path("/dev/null").unwrap();
        assert!(capability(&device).is_err() && set_format(&device, *b"MJPG", (640, 480)).is_err());
        assert!(formats(&device).is_empty());
    }
}
