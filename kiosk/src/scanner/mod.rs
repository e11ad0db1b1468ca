//! 2-D scanners as a second way in: boxes that read a code by themselves and hand over its text.
//!
//! | file | does |
//! | --- | --- |
//! | `name.rs` | [`ScannerName`]: which scanner, as settings write it |
//! | `text.rs` | characters to the texts of whole codes |
//! | `layout.rs` | keys to characters |
//! | `wedge.rs` | a scanner that poses as a keyboard |
//! | `serial.rs` | a scanner on a serial line |

mod layout;
mod name;
mod serial;
mod text;
mod wedge;

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

pub use name::ScannerName;

/// After so long without a character a code is over, for scanners that end it with nothing; ours: a hundred times the gap
/// between two characters.
const PAUSE: Duration = Duration::from_millis(300);

/// How long a scanner that failed is left alone.
const RETRY: Duration = Duration::from_secs(1);

/// How many codes wait at most; whoever holds up more is not standing before the lane.
const WAITING: usize = 4;

/// What a scanner has to say.
#[derive(Debug)]
pub enum Scanned {
    /// It read a code with this text.
    Code(String),
    /// It cannot be used, for this reason; it goes on trying.
    Fault(anyhow::Error),
    /// It can be used again.
    Mended,
}

/// The scanners of a lane, each on a thread of its own. The threads end some time after this is dropped.
pub struct Scanners {
    scanned: Receiver<Scanned>,
    _alive: Arc<()>,
}

impl Scanners {
    /// Starts to listen; a scanner that is not there is no error here, but the first thing it says.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(names: &[ScannerName]) -> Result<Self> {
        let (sender, scanned) = sync_channel(WAITING);
        let alive = Arc::new(());
        for name in names {
            let mut scanner = Scanner {
                name: name.clone(),
                sender: sender.clone(),
                alive: Arc::downgrade(&alive),
                failed: false,
            };
            thread::Builder::new()
                .name("scanner".to_owned())
                .spawn(move || scanner.work())
                .context("starting a scanner's thread")?;
        }
        Ok(Self { scanned, _alive: alive })
    }

    /// Takes what was scanned since the last time, if anything; never waits. A lane asks on every turn and takes no code
    /// that came while it could do nothing with it.
    pub fn next(&self) -> Option<Scanned> {
        self.scanned.try_recv().ok()
    }
}

/// An open scanner.
trait Source {
    /// Waits for a code, no longer than [`PAUSE`].
    fn read(&mut self) -> io::Result<Option<String>>;
}

/// One scanner's thread.
struct Scanner {
    name: ScannerName,
    sender: SyncSender<Scanned>,
    alive: Weak<()>,
    /// The lane knows that it cannot be used.
    failed: bool,
}

impl Scanner {
    fn work(&mut self) {
        while self.is_wanted() {
            if let Err(error) = self.listen() {
                let error = anyhow!(error).context(format!("scanner {}", self.name));
                self.failed = self.failed || self.say(Scanned::Fault(error));
                thread::sleep(RETRY);
            }
        }
    }

    /// Hands over codes until the scanner fails or nobody wants them any more.
    fn listen(&mut self) -> io::Result<()> {
        let mut source: Box<dyn Source> = match &self.name {
            ScannerName::Keyboard(path) => Box::new(wedge::Wedge::open(path)?),
            ScannerName::Serial { path, baud } => Box::new(serial::Serial::open(path, *baud)?),
        };
        while self.is_wanted() {
            if self.failed {
                self.failed = !self.say(Scanned::Mended);
            }
            if let Some(code) = source.read()? {
                // Nobody takes codes just now: the visitor will hold it up again.
                let _ = self.say(Scanned::Code(code));
            }
        }
        Ok(())
    }

    fn is_wanted(&self) -> bool {
        self.alive.strong_count() > 0
    }

    fn say(&self, what: Scanned) -> bool {
        !matches!(self.sender.try_send(what), Err(TrySendError::Full(_)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// Waits for what a scanner says; a test that waits for ever would not tell what is missing.
    pub(super) fn said(scanners: &Scanners) -> Scanned {
        let began = Instant::now();
        loop {
            if let Some(scanned) = scanners.next() {
                return scanned;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "the scanner says nothing");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_scanner_that_is_not_there_is_a_fault_that_is_told_once() {
        for name in
            ["keyboard:/dev/input/by-id/nothing", "serial:/dev/serial/by-id/nothing", "serial:/dev/null"]
        {
            let scanners = Scanners::start(&[name.parse().unwrap()]).unwrap();
            let Scanned::Fault(error) = said(&scanners) else { panic!("{name}") };
            assert!(format!("{error:#}").starts_with(&format!("scanner {name}: ")), "{error:#}");
            thread::sleep(RETRY + PAUSE);
            assert!(scanners.next().is_none());
        }
    }
}
