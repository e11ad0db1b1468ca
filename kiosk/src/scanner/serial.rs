//! A scanner on a serial line, or on USB posing as one.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::termios::{OptionalActions, QueueSelector, tcflush, tcgetattr, tcsetattr};

use super::text::Text;
use super::{PAUSE, Source};

/// A serial line.
pub struct Serial {
    line: File,
    text: Text,
    /// Codes that came in one go with the one that was handed over.
    ready: VecDeque<String>,
}

impl Serial {
    /// Opens a line, 8 bits, no parity, at this speed; what waited in it is forgotten.
    ///
    /// # Errors
    /// It is not there, is no serial line, or does not know the speed.
    pub fn open(path: &Path, baud: u32) -> io::Result<Self> {
        // Neither a modem's carrier is waited for, nor does the line become the terminal of this process.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        let flags = i32::try_from(flags.bits()).expect("flags of open(2) are an int");
        let line = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path)?;
        let mut settings = tcgetattr(&line)?;
        settings.make_raw();
        settings.set_speed(baud)?;
        tcsetattr(&line, OptionalActions::Now, &settings)?;
        tcflush(&line, QueueSelector::IFlush)?;
        Ok(Self { line, text: Text::joined_late(), ready: VecDeque::new() })
    }
}

impl Source for Serial {
    fn read(&mut self) -> io::Result<Option<String>> {
        if self.ready.is_empty() {
            let wait = Timespec::try_from(PAUSE).expect("a fraction of a second");
            if poll(&mut [PollFd::new(&self.line, PollFlags::IN)], Some(&wait))? == 0 {
                return Ok(self.text.end());
            }
            let mut bytes = [0; 4096];
            match self.line.read(&mut bytes) {
                Ok(0) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the line was cut")),
                Ok(count) => {
                    self.ready.extend(bytes[..count].iter().filter_map(|byte| self.text.push(*byte)));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        Ok(self.ready.pop_front())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use ::tests::pty::pty;

    use super::super::{Scanned, Scanners, tests::said};

    fn code(scanners: &Scanners) -> String {
        match said(scanners) {
            Scanned::Code(code) => code,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn codes_come_over_a_real_line_and_a_cut_line_is_a_fault() {
        let (mut scanner, line) = pty();
        let name = format!("serial:{}@9600", line.display()).parse().unwrap();
        let scanners = Scanners::start(&[name]).unwrap();
        // The line is opened on another thread, which forgets what came before.
        while !matches!(scanners.next(), Some(Scanned::Code(code)) if code == "READY") {
            // A line that nobody reads yet takes no more at some time.
            let _ = scanner.write(b"READY\r\n");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        // Control characters are no commands of a raw line, and a long code comes whole.
        let long = "6BFOXN".repeat(150);
        scanner.write_all(format!("A\u{3}B\u{4}C %:\r{long}\r\n").as_bytes()).unwrap();
        let mut next = code(&scanners);
        while next == "READY" {
            next = code(&scanners);
        }
        assert_eq!(next, "A\u{3}B\u{4}C %:");
        assert_eq!(code(&scanners), long);
        scanner.write_all(b"ENDS WITH NOTHING").unwrap();
        assert_eq!(code(&scanners), "ENDS WITH NOTHING");
        drop(scanner);
        assert!(matches!(said(&scanners), Scanned::Fault(_)));
    }
}
