//! The core's end of the line to the screen: a Unix socket that only the core's own user may open.
//!
//! The lane never waits for its screen. It leaves what is to be shown with a thread, which sends the newest of it when the screen
//! takes it; what was left in the meantime is never sent. One screen is served: a new one takes the place of the last.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::net::Shutdown;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::DynamicImage;
use shared::credential::Challenge;

use super::message::{HELLO, Message, PREVIEW_SIDE, Preview, Shown};
use crate::session::Screen;
use crate::ui::{Display, View};

/// How often a screen that is told nothing else is told that the core is alive: four times in the time after which it says that
/// the lane is closed.
const ALIVE_EVERY: Duration = Duration::from_millis(500);

/// A lane that has not said for so long that it goes round is not said to be alive.
const LIVELY: Duration = Duration::from_secs(2);

/// A screen that takes nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(1);

/// At most 15 pictures of the camera a second: more are not seen, and drawing them costs a machine without a graphics card
/// a quarter of a core.
const PREVIEW_EVERY: Duration = Duration::from_millis(66);

/// A [`Display`] that is another process: `kiosk screen`.
#[derive(Debug)]
pub struct Link {
    desk: Arc<Desk>,
    path: PathBuf,
    resizer: Resizer,
    preview_at: Option<Instant>,
}

impl Link {
    /// Waits for screens at a path, where it makes a socket that its own user and group may open (mode 0660): the screen may run as
    /// another user of that group, and what it gets is what stands on a screen anyway.
    ///
    /// # Errors
    /// A path that cannot be written, that is something else than a socket, or where another lane is waiting already.
    pub fn listen(path: &Path) -> Result<Self> {
        let listener = bind(path).with_context(|| format!("waiting for a screen at {}", path.display()))?;
        let desk = Arc::new(Desk::default());
        let own = desk.clone();
        thread::Builder::new().name("screen".to_owned()).spawn(move || serve(&listener, &own))?;
        Ok(Self { desk, path: path.to_owned(), resizer: Resizer::new(), preview_at: None })
    }
}

impl Display for Link {
    fn show(&mut self, screen: &Screen) {
        let view = View::of(screen);
        self.desk.change(|tray| {
            // Whoever is told to hold the phone still may not have scanned the challenge yet.
            let challenge = match screen {
                Screen::Problem(_) => tray.shown.challenge.take(),
                _ => None,
            };
            tray.shown = Shown { view, challenge };
            tray.preview = None;
        });
        self.preview_at = None;
    }

    fn ask(&mut self, challenge: &Challenge) {
        self.desk.change(|tray| tray.shown.challenge = Some(challenge.encode()));
    }

    fn preview(&mut self, frame: &DynamicImage) {
        let soon = self.preview_at.is_some_and(|at| at.elapsed() < PREVIEW_EVERY);
        if soon || !self.desk.wants_preview() {
            return;
        }
        self.preview_at = Some(Instant::now());
        if let Some(preview) = shrink(&mut self.resizer, frame) {
            self.desk.change(|tray| tray.preview = Some(Arc::new(preview)));
        }
    }

    fn alive(&mut self) {
        // Nobody has to wake up for that.
        self.desk.lock().alive_at = Instant::now();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.desk.close();
        // Wakes the thread that waits for screens, so that it sees that it is over.
        let _ = UnixStream::connect(&self.path);
        let _ = fs::remove_file(&self.path);
    }
}

/// Where the lane leaves what is to be shown.
#[derive(Debug, Default)]
struct Desk {
    tray: Mutex<Tray>,
    changed: Condvar,
}

/// The newest of everything.
#[derive(Debug)]
struct Tray {
    shown: Shown,
    preview: Option<Arc<Preview>>,
    /// The screen that is served, and how many there were.
    screen: Option<UnixStream>,
    screens: u64,
    /// When the lane last said that it goes round.
    alive_at: Instant,
    closed: bool,
}

impl Default for Tray {
    fn default() -> Self {
        let shown = Shown { view: View::of(&Screen::Verifying), challenge: None };
        Self { shown, preview: None, screen: None, screens: 0, alive_at: Instant::now(), closed: false }
    }
}

impl Desk {
    /// A thread that panicked has left whole values behind.
    fn lock(&self) -> MutexGuard<'_, Tray> {
        self.tray.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Tray)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn wants_preview(&self) -> bool {
        let tray = self.lock();
        // A challenge takes the preview's place.
        tray.screen.is_some() && tray.shown.view.has_preview() && tray.shown.challenge.is_none()
    }

    fn close(&self) {
        self.change(|tray| {
            tray.closed = true;
            if let Some(screen) = tray.screen.take() {
                let _ = screen.shutdown(Shutdown::Both);
            }
        });
    }

    /// Makes this screen the one that is served; returns its number, or nothing where it is over.
    fn enter(&self, screen: &UnixStream) -> io::Result<Option<u64>> {
        let copy = screen.try_clone()?;
        let mut tray = self.lock();
        if tray.closed {
            return Ok(None);
        }
        if let Some(last) = tray.screen.replace(copy) {
            let _ = last.shutdown(Shutdown::Both);
        }
        tray.screens += 1;
        let number = tray.screens;
        drop(tray);
        self.changed.notify_all();
        Ok(Some(number))
    }

    fn leave(&self, number: u64) {
        self.change(|tray| {
            if tray.screens == number {
                tray.screen = None;
            }
        });
    }

    /// Waits for something that this screen has not been sent; nothing where another screen is served.
    fn next(&self, number: u64, sent: &mut Sent) -> Option<Message> {
        let news = |tray: &Tray| {
            sent.shown.as_ref() != Some(&tray.shown)
                || tray.preview.as_ref().is_some_and(|preview| !sent.has(preview))
        };
        let waiting = |tray: &mut Tray| !tray.closed && tray.screens == number && !news(tray);
        let mut tray = self.lock();
        loop {
            let waited = self.changed.wait_timeout_while(tray, ALIVE_EVERY, waiting);
            let timeout;
            (tray, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if !timeout.timed_out() || tray.alive_at.elapsed() < LIVELY {
                break;
            }
        }
        if tray.closed || tray.screens != number {
            return None;
        }
        if sent.shown.as_ref() != Some(&tray.shown) {
            sent.shown = Some(tray.shown.clone());
            return Some(Message::Show(tray.shown.clone()));
        }
        if let Some(preview) = tray.preview.as_ref().filter(|preview| !sent.has(preview)) {
            sent.preview = Some(preview.clone());
            return Some(Message::Preview(preview.clone()));
        }
        Some(Message::Alive)
    }
}

/// What a screen has been sent.
#[derive(Default)]
struct Sent {
    shown: Option<Shown>,
    preview: Option<Arc<Preview>>,
}

impl Sent {
    fn has(&self, preview: &Arc<Preview>) -> bool {
        self.preview.as_ref().is_some_and(|sent| Arc::ptr_eq(sent, preview))
    }
}

fn serve(listener: &UnixListener, desk: &Arc<Desk>) {
    loop {
        let Ok((stream, _)) = listener.accept() else {
            // No file descriptors are left, for example.
            thread::sleep(ALIVE_EVERY);
            continue;
        };
        match desk.enter(&stream) {
            Ok(None) => return,
            Err(_) => {}
            Ok(Some(number)) => {
                let own = desk.clone();
                let sender = thread::Builder::new().name("screen".to_owned()).spawn(move || {
                    // A screen that went away comes back by itself.
                    let _ = send(stream, number, &own);
                    own.leave(number);
                });
                if sender.is_err() {
                    desk.leave(number);
                }
            }
        }
    }
}

fn send(mut stream: UnixStream, number: u64, desk: &Desk) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(HELLO)?;
    let mut sent = Sent::default();
    while let Some(message) = desk.next(number, &mut sent) {
        message.write(&mut stream)?;
    }
    Ok(())
}

fn bind(path: &Path) -> Result<UnixListener> {
    if let Ok(there) = fs::symlink_metadata(path) {
        if !there.file_type().is_socket() {
            bail!("something else than a socket is there");
        }
        if UnixStream::connect(path).is_ok() {
            bail!("another lane waits there");
        }
        // Left behind by a lane that was killed: replaced below.
    }
    // Made beside its place and closed to others before it gets there.
    let mut beside = path.to_owned().into_os_string();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let _ = fs::remove_file(&beside);
    let listener = UnixListener::bind(&beside)?;
    fs::set_permissions(&beside, Permissions::from_mode(0o660))?;
    fs::rename(&beside, path)?;
    Ok(listener)
}

/// Returns the picture as small as a preview is; nothing for one without pixels.
fn shrink(resizer: &mut Resizer, frame: &DynamicImage) -> Option<Preview> {
    let longest = frame.width().max(frame.height());
    let scaled = |side: u32| match longest {
        0..=PREVIEW_SIDE => side,
        _ => (u64::from(side) * u64::from(PREVIEW_SIDE) / u64::from(longest)).max(1) as u32,
    };
    let (width, height) = (scaled(frame.width()), scaled(frame.height()));
    let mut small = DynamicImage::new(width, height, frame.color());
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Interpolation(FilterType::Bilinear));
    resizer.resize(frame, &mut small, &options).ok()?;
    let (width, height) = (u16::try_from(width).ok()?, u16::try_from(height).ok()?);
    Some(Preview { width, height, pixels: small.into_rgb8().into_raw() })
        .filter(|preview| !preview.pixels.is_empty())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use image::{GrayImage, RgbImage};
    use shared::reason::Reason;
    use shared::time::Timestamp;

    use super::*;

    /// Reads what the core sends until one message is as wanted; gives up after a hundred.
    fn until(stream: &mut UnixStream, wanted: impl Fn(&Message) -> bool) -> Message {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        for _ in 0..100 {
            let message = Message::read(stream).unwrap();
            if wanted(&message) {
                return message;
            }
        }
        panic!("not said");
    }

    fn connect(path: &Path) -> UnixStream {
        let mut stream = UnixStream::connect(path).unwrap();
        let mut hello = [0; HELLO.len()];
        stream.read_exact(&mut hello).unwrap();
        assert_eq!(&hello, HELLO);
        stream
    }

    fn shows(screen: &Screen) -> impl Fn(&Message) -> bool {
        let view = View::of(screen);
        move |message| matches!(message, Message::Show(shown) if shown.view == view)
    }

    #[test]
    fn a_screen_gets_the_newest_view_and_signs_of_life() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("screen.sock");
        let mut link = Link::listen(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        link.show(&Screen::Verifying);
        link.show(&Screen::Idle);
        let mut screen = connect(&path);
        // What was shown before it came is not sent.
        assert!(shows(&Screen::Idle)(&Message::read(&mut screen).unwrap()));
        until(&mut screen, |message| *message == Message::Alive);
        link.show(&Screen::Pass);
        until(&mut screen, shows(&Screen::Pass));
        drop(link);
        assert!(!path.exists());
        assert!(screen.read_to_end(&mut vec![]).is_ok());
    }

    #[test]
    fn a_lane_that_hangs_is_not_said_to_be_alive() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("screen.sock");
        let mut link = Link::listen(&path).unwrap();
        let mut screen = connect(&path);
        until(&mut screen, |message| *message == Message::Alive);
        link.desk.lock().alive_at = Instant::now().checked_sub(LIVELY).unwrap();
        screen.set_read_timeout(Some(2 * ALIVE_EVERY)).unwrap();
        // One that was on its way.
        while Message::read(&mut screen).is_ok() {}
        screen.set_read_timeout(Some(3 * ALIVE_EVERY)).unwrap();
        assert!(Message::read(&mut screen).is_err(), "the screen is left to find out");
        link.alive();
        until(&mut screen, |message| *message == Message::Alive);
    }

    #[test]
    fn a_challenge_stays_until_the_visit_begins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("screen.sock");
        let mut link = Link::listen(&path).unwrap();
        let now = Timestamp::parse("2026-11-20T09:00:00Z").unwrap();
        let challenge = Challenge::new("border", [7; 16], None, now).unwrap();
        let mut screen = connect(&path);
        link.show(&Screen::Idle);
        link.ask(&challenge);
        let asked = |message: &Message| match message {
            Message::Show(shown) => shown.challenge.clone(),
            _ => None,
        };
        let first = until(&mut screen, |message| asked(message).is_some());
        assert_eq!(asked(&first), Some(challenge.encode()));
        link.show(&Screen::Problem(Reason::SymbolUnreadable));
        let next = until(&mut screen, shows(&Screen::Problem(Reason::SymbolUnreadable)));
        assert_eq!(asked(&next), Some(challenge.encode()));
        link.show(&Screen::Verifying);
        assert_eq!(asked(&until(&mut screen, shows(&Screen::Verifying))), None);
        link.show(&Screen::Idle);
        assert_eq!(asked(&until(&mut screen, shows(&Screen::Idle))), None);
    }

    #[test]
    fn a_screen_that_does_not_read_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("screen.sock");
        let mut link = Link::listen(&path).unwrap();
        link.show(&Screen::LookAtCamera(None));
        let mut deaf = connect(&path);
        let frame = DynamicImage::ImageRgb8(RgbImage::new(640, 480));
        // Far more than a socket holds: a lane that waited would never get to the end of this.
        for _ in 0..300 {
            link.preview_at = None;
            link.preview(&frame);
        }
        let sent = link.desk.lock().preview.clone();
        assert_eq!(sent.map(|preview| (preview.width, preview.height)), Some((480, 360)));
        link.show(&Screen::Pass);
        // The next screen takes its place, and is told what is shown now.
        let mut screen = connect(&path);
        assert!(shows(&Screen::Pass)(&Message::read(&mut screen).unwrap()));
        deaf.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        assert!(deaf.read_to_end(&mut vec![]).is_ok(), "the old line is closed");
    }

    #[test]
    fn the_camera_is_shown_only_where_a_view_has_room_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("screen.sock");
        let mut link = Link::listen(&path).unwrap();
        let frame = DynamicImage::ImageLuma8(GrayImage::new(1280, 720));
        let mut screen = connect(&path);
        link.show(&Screen::Idle);
        until(&mut screen, shows(&Screen::Idle));
        link.preview(&frame);
        assert!(link.desk.lock().preview.is_none());
        link.show(&Screen::LookAtCamera(None));
        link.preview(&frame);
        let is_preview = |message: &Message| matches!(message, Message::Preview(_));
        let Message::Preview(preview) = until(&mut screen, is_preview) else { unreachable!() };
        assert_eq!((preview.width, preview.height), (480, 270));
        // What the camera saw of one resident is not kept for the next.
        link.show(&Screen::Pass);
        assert!(link.desk.lock().preview.is_none());
    }

    #[test]
    fn a_place_that_is_taken_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("screen.sock");
        fs::write(&path, "precious").unwrap();
        let error = format!("{:#}", Link::listen(&path).unwrap_err());
        assert!(error.contains("something else than a socket"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        fs::remove_file(&path).unwrap();

        let first = Link::listen(&path).unwrap();
        let error = format!("{:#}", Link::listen(&path).unwrap_err());
        assert!(error.contains("another lane"), "{error}");
        drop(first);
        // A socket that a killed lane left behind is nobody's.
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        Link::listen(&path).unwrap();
        assert!(Link::listen(&folder.path().join("nowhere/screen.sock")).is_err());
    }
}
