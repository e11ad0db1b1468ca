//! A scanner that poses as a keyboard. Its device is taken for the lane alone, so that no code is typed into anything else.

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use evdev::raw_stream::RawDevice;
use evdev::{EventType, SynchronizationCode};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::layout::Keyboard;
use super::text::Text;
use super::{PAUSE, Source};

/// An input device of its own.
pub struct Wedge {
    device: RawDevice,
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
        let mut device = RawDevice::open(path)?;
        device.grab()?;
        Ok(Self { device, keyboard: Keyboard::default(), text: Text::joined_late(), ready: VecDeque::new() })
    }
}

impl Source for Wedge {
    fn read(&mut self) -> io::Result<Option<String>> {
        if self.ready.is_empty() {
            let wait = Timespec::try_from(PAUSE).expect("a fraction of a second");
            if poll(&mut [PollFd::new(&self.device, PollFlags::IN)], Some(&wait))? == 0 {
                return Ok(self.text.end());
            }
            for event in self.device.fetch_events()? {
                let (kind, code) = (event.event_type(), event.code());
                if kind == EventType::SYNCHRONIZATION && code == SynchronizationCode::SYN_DROPPED.0 {
                    // The kernel keeps some ten characters for us; whatever was among those that it dropped is missing.
                    self.text.spoil();
                    self.keyboard.let_go();
                } else if kind == EventType::KEY {
                    let typed = self.keyboard.key(code, event.value());
                    self.ready.extend(typed.and_then(|byte| self.text.push(byte)));
                }
            }
        }
        Ok(self.ready.pop_front())
    }
}
