//! A camera on a thread of its own: whoever takes frames from it gets the newest one, and is never kept waiting.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

use super::{Camera, Condition, Frame};

/// A live camera that neither sends a frame nor fails for so long hangs in its driver; ours, above what any camera takes
/// to be opened and to settle.
const HANGING: Duration = Duration::from_secs(5);

/// What a camera delivered.
#[derive(Debug)]
pub enum Delivery {
    /// The newest frame. After a fault it also says that the camera works again.
    Frame(Frame),
    /// Nothing yet.
    Nothing,
    /// The camera failed, for this reason; it goes on trying.
    Fault(anyhow::Error),
    /// There will be no more.
    End,
}

/// What a feed saw so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames that the camera sent.
    pub frames: u64,
    /// Frames of these that were replaced by newer ones before anybody took them.
    pub dropped: u64,
    /// How often the camera failed: a camera that stays away counts with every attempt.
    pub faults: u64,
    /// What the camera says of itself.
    pub camera: Condition,
}

/// A camera at work on a thread of its own.
///
/// Of a live camera the newest frame waits to be taken, in place of the one before; of a recorded one all frames come, in
/// order, as fast as they are taken. The thread ends some time after the feed is dropped.
pub struct Feed {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    slot: Mutex<Slot>,
    changed: Condvar,
}

#[derive(Default)]
struct Slot {
    next: Option<Delivery>,
    counts: Counts,
    /// When the camera was last heard of.
    heard: Option<Instant>,
    ended: bool,
    /// Nobody takes frames any more.
    dropped: bool,
}

impl Feed {
    /// Starts a camera; `name` is what the thread is called.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(name: &str, mut camera: Box<dyn Camera + Send>) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        shared.lock().heard = Some(Instant::now());
        let (theirs, recorded) = (shared.clone(), camera.is_recorded());
        let work = move || {
            loop {
                let next = next_of(camera.as_mut());
                let condition = camera.condition();
                if !theirs.put(next, condition, recorded) {
                    return;
                }
            }
        };
        thread::Builder::new().name(name.to_owned()).spawn(work).context("starting the camera's thread")?;
        Ok(Self { shared })
    }

    /// Takes what the camera delivered last, and waits for it no longer than this.
    pub fn next(&self, timeout: Duration) -> Delivery {
        let slot = self.shared.lock();
        let nothing_new = |slot: &mut Slot| slot.next.is_none() && !slot.ended;
        let waited = self.shared.changed.wait_timeout_while(slot, timeout, nothing_new);
        let (mut slot, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = slot.next.take() {
            self.shared.changed.notify_all();
            return next;
        }
        if slot.ended {
            return Delivery::End;
        }
        if slot.heard.is_some_and(|heard| heard.elapsed() > HANGING) {
            // Said once in so many seconds.
            slot.heard = Some(Instant::now());
            slot.counts.faults += 1;
            return Delivery::Fault(anyhow!("the camera's driver does not answer"));
        }
        Delivery::Nothing
    }

    /// Returns what was seen so far.
    pub fn counts(&self) -> Counts {
        self.shared.lock().counts.clone()
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.shared.lock().dropped = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts what the camera delivered where it is taken from. Returns whether the camera is to go on.
    fn put(&self, next: Result<Option<Frame>>, condition: Condition, recorded: bool) -> bool {
        let mut slot = self.lock();
        if recorded {
            let waiting = |slot: &mut Slot| slot.next.is_some() && !slot.dropped;
            slot = self.changed.wait_while(slot, waiting).unwrap_or_else(PoisonError::into_inner);
        }
        slot.counts.camera = condition;
        slot.heard = Some(Instant::now());
        let replaced = match next {
            Ok(Some(frame)) => {
                slot.counts.frames += 1;
                slot.next.replace(Delivery::Frame(frame))
            }
            Ok(None) => {
                slot.ended = true;
                None
            }
            Err(error) => {
                slot.counts.faults += 1;
                slot.next.replace(Delivery::Fault(error))
            }
        };
        if matches!(replaced, Some(Delivery::Frame(_))) {
            slot.counts.dropped += 1;
        }
        self.changed.notify_all();
        !slot.ended && !slot.dropped
    }
}

fn next_of(camera: &mut dyn Camera) -> Result<Option<Frame>> {
    // A driver's bug closes the device and is a fault like any other; the camera's own state is only ever whole.
    catch_unwind(AssertUnwindSafe(|| camera.next_frame()))
        .unwrap_or_else(|_| Err(anyhow!("the camera's driver panicked")))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use anyhow::bail;
    use image::DynamicImage;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    /// What a camera does next.
    enum Does {
        Frame(u64),
        Fail,
        Panic,
    }

    /// A camera that does what it is told.
    struct Told {
        next: Receiver<Does>,
        recorded: bool,
    }

    impl Camera for Told {
        fn next_frame(&mut self) -> Result<Option<Frame>> {
            match self.next.recv() {
                Ok(Does::Frame(at)) => Ok(Some(Frame::new(DynamicImage::new_luma8(1, 1), at))),
                Ok(Does::Fail) => bail!("it failed"),
                Ok(Does::Panic) => panic!("a driver's bug, as a test wants it"),
                Err(_) => Ok(None),
            }
        }

        fn is_recorded(&self) -> bool {
            self.recorded
        }
    }

    fn feed(recorded: bool) -> (Sender<Does>, Feed) {
        let (tell, next) = channel();
        (tell, Feed::start("camera", Box::new(Told { next, recorded })).unwrap())
    }

    fn until(feed: &Feed, seen: impl Fn(&Counts) -> bool) {
        let began = Instant::now();
        while !seen(&feed.counts()) {
            assert!(began.elapsed() < LONG, "it never came");
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn stamp(delivery: Delivery) -> u64 {
        match delivery {
            Delivery::Frame(frame) => frame.at,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_newest_frame_wins() {
        let (tell, feed) = feed(false);
        assert!(matches!(feed.next(Duration::ZERO), Delivery::Nothing));
        for at in 1..=5 {
            tell.send(Does::Frame(at)).unwrap();
        }
        until(&feed, |counts| counts.frames == 5);
        assert_eq!(stamp(feed.next(LONG)), 5);
        assert_eq!(feed.counts(), Counts { frames: 5, dropped: 4, ..Counts::default() });
        assert!(matches!(feed.next(Duration::ZERO), Delivery::Nothing));
    }

    #[test]
    fn a_recording_loses_no_frame_and_ends() {
        let (tell, feed) = feed(true);
        for at in 1..=5 {
            tell.send(Does::Frame(at)).unwrap();
        }
        drop(tell);
        assert_eq!((1..=5).map(|_| stamp(feed.next(LONG))).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert!(matches!(feed.next(LONG), Delivery::End) && matches!(feed.next(LONG), Delivery::End));
        assert_eq!(feed.counts().dropped, 0);
    }

    #[test]
    fn a_fault_takes_the_place_of_a_frame_and_a_panic_is_a_fault() {
        let (tell, feed) = feed(false);
        tell.send(Does::Frame(1)).unwrap();
        tell.send(Does::Fail).unwrap();
        until(&feed, |counts| counts.faults == 1);
        let Delivery::Fault(error) = feed.next(LONG) else { panic!("an old frame is nothing to decide on") };
        assert_eq!(error.to_string(), "it failed");
        tell.send(Does::Panic).unwrap();
        assert!(matches!(feed.next(LONG), Delivery::Fault(_)));
        tell.send(Does::Frame(2)).unwrap();
        assert_eq!(stamp(feed.next(LONG)), 2);
    }

    #[test]
    fn a_camera_that_hangs_is_a_fault() {
        let (_tell, feed) = feed(false);
        feed.shared.lock().heard = Instant::now().checked_sub(HANGING * 2);
        assert!(matches!(feed.next(Duration::ZERO), Delivery::Fault(_)));
        assert!(matches!(feed.next(Duration::ZERO), Delivery::Nothing), "said once");
    }

    #[test]
    fn a_dropped_feed_stops_its_camera() {
        for recorded in [false, true] {
            let (tell, feed) = feed(recorded);
            tell.send(Does::Frame(1)).unwrap();
            until(&feed, |counts| counts.frames == 1);
            drop(feed);
            // The camera is asked once more at most.
            let _ = tell.send(Does::Frame(2));
            let began = Instant::now();
            while tell.send(Does::Fail).is_ok() {
                assert!(began.elapsed() < LONG, "it is still asked");
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}
