//! A scanner that poses as a keyboard. Its device is taken for the lane alone, so that no code is typed into anything else.

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use evdev::{Device, EventType};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::layout::Keyboard;
use super::text::Text;
use super::{PAUSE, Source};

/// An input device of its own.
pub struct Wedge {
    device: Device,
    keyboard: Keyboard,
    text: Text,
    /// Codes that came in one go with the one that was handed over.
    ready: VecDeque<String>,
}

impl Wedge {
    /// Opens it.
    ///
    /// # Errors
    /// It is not there, is no input device, or belongs to another program.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut device = Device::open(path)?;
        device.grab()?;
        device.set_nonblocking(true)?;
        Ok(Self { device, keyboard: Keyboard::default(), text: Text::default(), ready: VecDeque::new() })
    }
}

impl Source for Wedge {
    fn read(&mut self) -> io::Result<Option<String>> {
        if self.ready.is_empty() {
            let wait = Timespec::try_from(PAUSE).expect("a fraction of a second");
            if poll(&mut [PollFd::new(&self.device, PollFlags::IN)], Some(&wait))? == 0 {
                return Ok(self.text.end());
            }
            let events = match self.device.fetch_events() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                events => events?,
            };
            let keys = events.filter(|event| event.event_type() == EventType::KEY);
            let typed = keys.filter_map(|event| self.keyboard.key(event.code(), event.value()));
            self.ready.extend(typed.filter_map(|byte| self.text.push(byte)));
        }
        Ok(self.ready.pop_front())
    }
}
