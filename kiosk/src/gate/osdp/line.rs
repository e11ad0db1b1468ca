//! The serial line, as the OSDP library wants it.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use libosdp::{Channel, ChannelError};
use rustix::fs::OFlags;
use rustix::termios::{
    ControlModes, OptionalActions, QueueSelector, ioctl_tiocexcl, tcflush, tcgetattr, tcsetattr,
};

use crate::gate::settings::LineSettings;

/// The reply that carries a card number (SIA OSDP 2.2, osdp_RAW).
const RAW: u8 = 0x50;

/// A line that is open. The library has one handle of it and we have another.
#[derive(Debug, Clone)]
pub struct Line(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    port: File,
    opened: Instant,
    /// When something was heard last, in milliseconds since it was opened; zero is never.
    heard: AtomicU64,
    broken: AtomicBool,
    card_sent: AtomicBool,
}

impl Line {
    /// Opens a serial port for us alone.
    pub fn open(settings: &LineSettings) -> Result<Self> {
        let name = settings.port.display();
        let port = File::options()
            .read(true)
            .write(true)
            .custom_flags((OFlags::NOCTTY | OFlags::NONBLOCK).bits().cast_signed())
            .open(&settings.port)
            .with_context(|| format!("opening {name}"))?;
        let mut modes = tcgetattr(&port).with_context(|| format!("{name} is no serial port"))?;
        modes.make_raw();
        modes.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD;
        modes.control_modes -= ControlModes::CSTOPB | ControlModes::CRTSCTS;
        modes
            .set_speed(settings.baud)
            .with_context(|| format!("setting {name} to {} baud", settings.baud))?;
        tcsetattr(&port, OptionalActions::Now, &modes).with_context(|| format!("setting up {name}"))?;
        ioctl_tiocexcl(&port).with_context(|| format!("taking {name} for us alone"))?;
        Ok(Self::over(port))
    }

    /// Uses a descriptor that is set up already and never blocks.
    pub fn over(port: File) -> Self {
        Self(Arc::new(Shared {
            port,
            opened: Instant::now(),
            heard: AtomicU64::new(0),
            broken: AtomicBool::new(false),
            card_sent: AtomicBool::new(false),
        }))
    }

    /// Returns for how long nothing was heard; nothing if there never was anything.
    pub fn silence(&self) -> Option<Duration> {
        let heard = self.0.heard.load(Ordering::Relaxed);
        (heard > 0).then(|| self.0.opened.elapsed().saturating_sub(Duration::from_millis(heard)))
    }

    /// Tells whether the port itself failed.
    pub fn broken(&self) -> bool {
        self.0.broken.load(Ordering::Relaxed)
    }

    /// Tells whether a card number went out since the last call.
    pub fn card_sent(&self) -> bool {
        self.0.card_sent.swap(false, Ordering::Relaxed)
    }

    fn failed(&self, error: &std::io::Error) -> ChannelError {
        if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) {
            return ChannelError::WouldBlock;
        }
        self.0.broken.store(true, Ordering::Relaxed);
        ChannelError::TransportError
    }
}

impl AsFd for Line {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.port.as_fd()
    }
}

impl Channel for Line {
    fn get_id(&self) -> i32 {
        // One line in one context.
        1
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ChannelError> {
        match (&self.0.port).read(buffer) {
            // The end of a serial port is that it was unplugged.
            Ok(0) => Err(self.failed(&ErrorKind::UnexpectedEof.into())),
            Ok(count) => {
                let since = u64::try_from(self.0.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
                self.0.heard.store(since.max(1), Ordering::Relaxed);
                Ok(count)
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn write(&mut self, frame: &[u8]) -> Result<usize, ChannelError> {
        let count = (&self.0.port).write(frame).map_err(|error| self.failed(&error))?;
        if count == frame.len() && code(frame) == Some(RAW) {
            self.0.card_sent.store(true, Ordering::Relaxed);
        }
        Ok(count)
    }

    fn flush(&mut self) -> Result<(), ChannelError> {
        // What was heard of an exchange that failed belongs to no other.
        tcflush(&self.0.port, QueueSelector::IFlush).map_err(|error| self.failed(&error.into()))
    }

    fn close(&mut self) -> Result<(), ChannelError> {
        Ok(())
    }
}

/// Returns the code of a command or a reply, which is in the clear also in the secure channel: after an optional mark, the header (start,
/// address, two bytes of length, control) and the security block, whose first byte is its length.
pub(super) fn code(frame: &[u8]) -> Option<u8> {
    const MARK: u8 = 0xFF;
    const START: u8 = 0x53;
    const HAS_SECURITY_BLOCK: u8 = 0x08;
    let frame = frame.strip_prefix(&[MARK]).unwrap_or(frame);
    let control = *frame.get(4).filter(|_| frame[0] == START)?;
    let block = if control & HAS_SECURITY_BLOCK == 0 { 0 } else { usize::from(*frame.get(5)?) };
    frame.get(5 + block).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_a_frame_is_found() {
        let plain = [0x53, 0x80, 0x08, 0x00, 0x05, 0x40, 0, 0];
        assert_eq!(code(&plain), Some(0x40));
        assert_eq!(code(&[&[0xFF][..], &plain].concat()), Some(0x40));
        let secured = [0x53, 0x80, 0x20, 0x00, 0x0D, 0x02, 0x18, 0x50, 0, 0];
        assert_eq!(code(&secured), Some(RAW));
        for short in 0..6 {
            assert_eq!(code(&plain[..short.min(5)]), None);
        }
        assert_eq!(code(&[0; 16]), None);
        assert_eq!(code(&[0x53, 0x80, 0, 0, 0x08, 0xFF, 0]), None, "a block longer than the frame");
    }

    #[test]
    fn what_is_no_serial_port_is_refused() {
        let open = |port: &str| {
            let settings = format!("port = \"{port}\"\nkey_file = \"key\"");
            format!("{:#}", Line::open(&toml::from_str(&settings).unwrap()).unwrap_err())
        };
        assert!(open("/no/such/port").starts_with("opening /no/such/port: "));
        assert!(open("/dev/null").contains("/dev/null is no serial port"));
    }
}
