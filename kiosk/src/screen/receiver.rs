//! The screen's end of the line: keeps what the core said last, and says when the core has gone.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::message::{HELLO, Message, Preview, Shown};
use crate::notice;
use crate::ui::View;

/// After so long without a word the core is taken to be gone, and the lane is shown as closed.
pub const SILENCE: Duration = Duration::from_secs(2);

/// How long a screen without a core waits before it tries again.
const RETRY: Duration = Duration::from_millis(250);

/// What is known of the core.
#[derive(Debug, Clone, Default)]
pub struct Receiver {
    heard: Arc<Mutex<Heard>>,
}

/// What the core said last.
#[derive(Debug, Default)]
struct Heard {
    shown: Option<Shown>,
    preview: Option<Arc<Preview>>,
    gone: bool,
}

impl Heard {
    /// The core is gone, and what it showed of a resident goes with it. Returns whether that is new.
    fn lose(&mut self) -> bool {
        self.preview = None;
        !std::mem::replace(&mut self.gone, true)
    }
}

impl Receiver {
    /// Listens to the core at a path from a thread of its own, for as long as the process lives. `news` is called when there is
    /// something to draw.
    pub fn start(path: PathBuf, news: impl Fn() + Send + 'static) -> io::Result<Self> {
        let receiver = Self::default();
        let own = receiver.clone();
        thread::Builder::new().name("core".to_owned()).spawn(move || own.listen(&path, &news))?;
        Ok(receiver)
    }

    /// Returns what is to be drawn: the closed lane while there is no core.
    pub fn shown(&self) -> Shown {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        match &heard.shown {
            Some(shown) if !heard.gone => shown.clone(),
            None if !heard.gone => Shown { view: View::STARTING, challenge: None },
            _ => Shown { view: View::OUT_OF_SERVICE, challenge: None },
        }
    }

    /// Returns what the camera saw last.
    pub fn preview(&self) -> Option<Arc<Preview>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).preview.clone()
    }

    fn listen(&self, path: &PathBuf, news: &dyn Fn()) {
        let mut heard_at = Instant::now();
        let mut complaint = String::new();
        loop {
            let error = match UnixStream::connect(path) {
                Ok(stream) => self.take(&stream, &mut heard_at, news).unwrap_err(),
                Err(error) => error,
            };
            if heard_at.elapsed() >= SILENCE && self.change(Heard::lose) {
                news();
            }
            // Said once, not four times a second.
            let said = format!("no word from the core at {}: {error}", path.display());
            if said != complaint {
                notice(&said);
                complaint = said;
            }
            thread::sleep(RETRY);
        }
    }

    /// Takes what the core says until the line breaks.
    fn take(
        &self,
        stream: &UnixStream,
        heard_at: &mut Instant,
        news: &dyn Fn(),
    ) -> io::Result<std::convert::Infallible> {
        // The first word of a core that was silent for long gets a moment, too.
        let deadline = (*heard_at + SILENCE).max(Instant::now() + 2 * RETRY);
        let mut line = Line { stream, deadline };
        let mut hello = [0; HELLO.len()];
        line.read_exact(&mut hello)?;
        if hello != *HELLO {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the core is of another version"));
        }
        loop {
            let message = Message::read(&mut line)?;
            *heard_at = Instant::now();
            line.deadline = *heard_at + SILENCE;
            let changed = self.change(|heard| {
                let back = std::mem::take(&mut heard.gone);
                match message {
                    Message::Show(shown) => {
                        // What the camera saw of one resident is not shown to the next.
                        if !shown.view.has_preview() {
                            heard.preview = None;
                        }
                        heard.shown = Some(shown);
                        true
                    }
                    Message::Preview(preview) => {
                        heard.preview = Some(preview);
                        true
                    }
                    Message::Alive => back,
                }
            });
            if changed {
                news();
            }
        }
    }

    fn change(&self, change: impl FnOnce(&mut Heard) -> bool) -> bool {
        change(&mut self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A stream that is read until a deadline: a message that trickles in does not keep a dead core alive.
struct Line<'a> {
    stream: &'a UnixStream,
    deadline: Instant,
}

impl Read for Line<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut stream = self.stream;
        stream.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::os::unix::net::UnixListener;
    use std::sync::mpsc::{Receiver as Inbox, channel};

    use super::*;
    use crate::screen::Link;
    use crate::session::Screen;
    use crate::ui::Display;

    /// A screen at a path, and a bell for its news.
    fn screen(path: PathBuf) -> (Receiver, Inbox<()>) {
        let (bell, news) = channel();
        let ring = move || {
            let _ = bell.send(());
        };
        (Receiver::start(path, ring).unwrap(), news)
    }

    /// Waits until the screen draws this. Its own limits are far shorter than this one.
    fn until(receiver: &Receiver, news: &Inbox<()>, view: View) {
        while receiver.shown().view != view {
            news.recv_timeout(Duration::from_secs(30)).unwrap_or_else(|_| panic!("never shown: {view:?}"));
        }
    }

    #[test]
    fn a_screen_outlives_its_core_and_finds_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("screen.sock");
        let (receiver, news) = screen(path.clone());
        assert_eq!(receiver.shown().view, View::STARTING);
        until(&receiver, &news, View::OUT_OF_SERVICE);

        let mut link = Link::listen(&path).unwrap();
        link.show(&Screen::Idle);
        until(&receiver, &news, View::of(&Screen::Idle));
        drop(link);
        until(&receiver, &news, View::OUT_OF_SERVICE);

        let mut link = Link::listen(&path).unwrap();
        link.show(&Screen::Pass);
        until(&receiver, &news, View::of(&Screen::Pass));
    }

    #[test]
    fn a_core_that_hangs_or_speaks_another_language_closes_the_lane() {
        let words: [&[u8]; 4] =
            [b"", b"GPSCREEN\xff", b"GET / HTTP/1.1\r\n\r\n", b"GPSCREEN\x01\x02\xff\xff\xff\xff"];
        for said in words {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("screen.sock");
            let listener = UnixListener::bind(&path).unwrap();
            let (receiver, news) = screen(path.clone());
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(said).unwrap();
            until(&receiver, &news, View::OUT_OF_SERVICE);
        }
    }

    #[test]
    fn the_camera_is_forgotten_with_the_view_it_was_part_of() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("screen.sock");
        let mut link = Link::listen(&path).unwrap();
        link.show(&Screen::LookAtCamera(None));
        let (receiver, news) = screen(path.clone());
        until(&receiver, &news, View::of(&Screen::LookAtCamera(None)));
        while receiver.preview().is_none() {
            link.preview(&image::DynamicImage::new_rgb8(64, 48));
            let _ = news.recv_timeout(Duration::from_millis(50));
        }
        link.show(&Screen::Idle);
        until(&receiver, &news, View::of(&Screen::Idle));
        assert!(receiver.preview().is_none());
        assert!(fs::metadata(&path).is_ok());
    }
}
