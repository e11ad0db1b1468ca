//! Reads codes and compares faces on a thread of its own, one frame at a time: the lane never waits for pixels.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use shared::face::FaceEngine;
use shared::qr::Reader;
use shared::reason::Reason;

use crate::camera::Frame;
use crate::decide::{self, FaceAnswer, FaceDemand};
use crate::session::{Event, Holder, Moment};

/// How long one frame is searched for a code before the next one is looked at. Most take a few milliseconds.
const READING_TIME: Duration = Duration::from_millis(100);

/// A frame that is looked at for longer than this is not going to be answered.
const STUCK: Duration = Duration::from_secs(5);

/// What is to be seen in a frame.
pub(super) enum Look {
    /// A code.
    Code,
    /// The face of this holder, as well as this.
    Face(Arc<Holder>, Box<FaceDemand>),
}

enum Job {
    Frame(Box<Frame>, Look),
    Forget,
}

/// What was seen, and when the frame was taken.
pub(super) struct Sight {
    pub(super) event: Event,
    pub(super) taken: Moment,
}

/// The thread, and whether it is at work.
pub(super) struct Vision {
    jobs: SyncSender<Job>,
    sights: Receiver<Sight>,
    /// Since when a frame has been looked at.
    busy: Option<Instant>,
}

impl Vision {
    /// Starts it. Without models every face is answered with [`Reason::FaceModels`].
    pub(super) fn start(engine: Option<FaceEngine>) -> Result<Self> {
        // A frame, and a wish to forget: more is never under way.
        let (jobs, taken) = sync_channel(2);
        let (answer, sights) = sync_channel(1);
        thread::Builder::new().name("vision".to_owned()).spawn(move || {
            let mut reader = Reader::new();
            while let Ok(job) = taken.recv() {
                match job {
                    Job::Forget => reader.forget(),
                    Job::Frame(frame, look) => {
                        let taken = Moment(frame.at);
                        let event = match look {
                            Look::Code => whole(|| read(&mut reader, &frame)).unwrap_or_else(|| {
                                reader = Reader::new();
                                Event::NoCode(Reason::SymbolUnreadable)
                            }),
                            Look::Face(holder, demand) => {
                                let compared = whole(|| compare(engine.as_ref(), &frame, &holder, &demand));
                                Event::Face(compared.unwrap_or(Reason::FaceModels.into()), taken)
                            }
                        };
                        if answer.send(Sight { event, taken }).is_err() {
                            return;
                        }
                    }
                }
            }
        })?;
        Ok(Self { jobs, sights, busy: None })
    }

    /// Whether a frame is being looked at.
    pub(super) fn is_busy(&self) -> bool {
        self.busy.is_some()
    }

    /// Whether the frame that is being looked at will never be answered.
    pub(super) fn is_stuck(&self) -> bool {
        self.busy.is_some_and(|since| since.elapsed() > STUCK)
    }

    /// Has a frame looked at; only while it is not busy.
    pub(super) fn look(&mut self, frame: Frame, look: Look) -> Result<()> {
        self.busy = Some(Instant::now());
        self.jobs.send(Job::Frame(Box::new(frame), look)).map_err(|_| gone())
    }

    /// Forgets what the frames before showed of a code.
    pub(super) fn forget(&self) {
        // A thread that is gone has forgotten; the next look says that it is gone.
        let _ = self.jobs.send(Job::Forget);
    }

    /// Returns what was seen, if that is known by now.
    pub(super) fn sight(&mut self) -> Result<Option<Sight>> {
        match self.sights.try_recv() {
            Ok(sight) => {
                self.busy = None;
                Ok(Some(sight))
            }
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(gone()),
        }
    }

    /// Waits for what was seen; for recordings, in which time stands still meanwhile.
    pub(super) fn wait(&mut self) -> Result<Sight> {
        self.busy = None;
        self.sights.recv().map_err(|_| gone())
    }
}

/// Does something with one frame; a bug that one frame uncovers costs that frame and not the lane.
fn whole<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

fn gone() -> anyhow::Error {
    anyhow!("reading frames ended unexpectedly")
}

/// Looks for a code in a frame, with what the frames before showed.
fn read(reader: &mut Reader, frame: &Frame) -> Event {
    let began = Instant::now();
    let reading = reader.read(frame.luma(), &|| began.elapsed() > READING_TIME);
    match decide::one_code(reading) {
        Ok(text) => Event::Code(text),
        Err(reason) => Event::NoCode(reason),
    }
}

fn compare(engine: Option<&FaceEngine>, frame: &Frame, holder: &Holder, demand: &FaceDemand) -> FaceAnswer {
    match engine {
        Some(engine) => decide::compare_face(engine, &holder.verified, frame.picture(), demand),
        None => Reason::FaceModels.into(),
    }
}
