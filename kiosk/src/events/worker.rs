//! The thread that delivers events: in order to each receiver, again and again until it has them.

use std::slice;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Error, Result};

use super::outbox::{Outbox, Row};
use crate::notice;

/// How long nothing is tried after a failure: twice as long after each, up to the longest. Guesses.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);

/// How often the outbox is looked at when nobody says that there is something in it: another process may have added it.
const LOOK: Duration = Duration::from_secs(10);

/// How long a stop waits for what is being delivered; the rest is delivered after the next start.
const STOPPING: Duration = Duration::from_secs(5);

/// If an event is refused, so many of those after it are tried: whether it is the event that is wrong or the receiver.
const PROBES: usize = 8;

/// Somebody who is told.
pub trait Sink: Send {
    /// Returns the word that its progress is remembered under.
    fn name(&self) -> &'static str;

    /// Hands over events, in order; when it returns, the receiver has all of them for good. May be called with events again
    /// that it was called with before.
    fn deliver(&mut self, events: &[Row]) -> Result<(), Undelivered>;
}

/// Why events were not delivered.
#[derive(Debug)]
pub enum Undelivered {
    /// Another time it may go well.
    Later(Error),
    /// The receiver does not want what is in them.
    Refused(Error),
}

/// The thread that delivers.
pub struct Worker {
    say: Sender<Say>,
    /// Closed when the thread has ended; whoever has it stops the thread.
    ended: Option<Receiver<()>>,
}

enum Say {
    Look,
    Stop,
}

impl Worker {
    /// Starts the thread.
    pub fn start(outbox: Outbox, sinks: Vec<Box<dyn Sink>>) -> Result<Self> {
        let (say, said) = channel();
        let (end, ended) = channel();
        let work = move || {
            work(outbox, sinks, &said);
            drop(end);
        };
        let thread = thread::Builder::new().name("events".into());
        thread.spawn(work).context("starting the thread of the events")?;
        Ok(Self { say, ended: Some(ended) })
    }

    /// Another handle, which can wake the thread.
    pub fn again(&self) -> Self {
        Self { say: self.say.clone(), ended: None }
    }

    /// Says that there is something new. The thread looks by itself sooner or later, if it is still there.
    pub fn wake(&self) {
        let _ = self.say.send(Say::Look);
    }
}

impl Drop for Worker {
    /// Lets the thread deliver what its receivers take at once.
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            let _ = self.say.send(Say::Stop);
            let _ = ended.recv_timeout(STOPPING);
        }
    }
}

fn work(mut outbox: Outbox, sinks: Vec<Box<dyn Sink>>, said: &Receiver<Say>) {
    let names: Vec<&str> = sinks.iter().map(|sink| sink.name()).collect();
    let mut receivers: Vec<_> = sinks.into_iter().map(|sink| (sink, Backoff::default())).collect();
    let mut stopping = false;
    loop {
        let mut wait = LOOK;
        for (sink, backoff) in &mut receivers {
            let left = backoff.left();
            if !left.is_zero() {
                wait = wait.min(left);
                continue;
            }
            match deliver_next(&mut outbox, sink.as_mut(), &names) {
                Ok(true) => {
                    backoff.succeeded(sink.name());
                    wait = Duration::ZERO;
                }
                Ok(false) => {}
                Err(error) => {
                    backoff.failed(sink.name(), &error);
                    wait = wait.min(backoff.left());
                }
            }
        }
        if stopping && !wait.is_zero() {
            return;
        }
        match said.recv_timeout(wait) {
            Err(RecvTimeoutError::Disconnected) => return,
            // One look is enough for however many woke it.
            Ok(say) => {
                stopping |= [say].into_iter().chain(said.try_iter()).any(|say| matches!(say, Say::Stop));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Delivers one batch, or as much of it as the receiver wants. `false` if there was nothing to deliver.
fn deliver_next(outbox: &mut Outbox, sink: &mut dyn Sink, names: &[&str]) -> Result<bool> {
    let events = outbox.next(sink.name())?;
    let mut batch = events.as_slice();
    while let Some(last) = batch.last() {
        match sink.deliver(batch) {
            Ok(()) => {
                outbox.acknowledge(sink.name(), last.seq, names)?;
                return Ok(true);
            }
            Err(Undelivered::Refused(_)) if batch.len() > 1 => batch = &batch[..batch.len() / 2],
            Err(Undelivered::Refused(error)) => {
                let taken = taken_in_place(sink, &events, error)?;
                let (first, count) = (last.seq, events.iter().filter(|event| event.seq < taken).count());
                notice(&format!(
                    "events: the {} refuses {count} from {first} on for good and takes {taken}: they are passed over",
                    sink.name()
                ));
                outbox.acknowledge(sink.name(), taken, names)?;
                return Ok(true);
            }
            Err(Undelivered::Later(error)) => return Err(error),
        }
    }
    Ok(false)
}

/// The first event is refused by itself. Returns the number of a later one that is taken: then it was the event. Where none
/// is taken, it is the receiver, and nothing is passed over.
fn taken_in_place(sink: &mut dyn Sink, events: &[Row], refused: Error) -> Result<i64> {
    for event in events.iter().skip(1).take(PROBES) {
        match sink.deliver(slice::from_ref(event)) {
            Ok(()) => return Ok(event.seq),
            Err(Undelivered::Refused(_)) => {}
            Err(Undelivered::Later(error)) => return Err(error),
        }
    }
    Err(refused)
}

/// When a receiver is tried again.
#[derive(Default)]
struct Backoff {
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    fn left(&self) -> Duration {
        self.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()))
    }

    fn succeeded(&mut self, name: &str) {
        if std::mem::take(&mut self.failures) > 0 {
            notice(&format!("events: the {name} takes them again"));
        }
        self.until = None;
    }

    fn failed(&mut self, name: &str, error: &anyhow::Error) {
        if self.failures == 0 {
            notice(&format!("events: the {name} takes none, they are kept: {error:#}"));
        }
        self.until = Some(Instant::now() + pause(self.failures));
        self.failures = self.failures.saturating_add(1);
    }
}

fn pause(failures: u32) -> Duration {
    SHORTEST.saturating_mul(2u32.saturating_pow(failures)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        let pauses: Vec<u64> =
            [0, 1, 2, 8, 9, 40, u32::MAX].map(pause).iter().map(Duration::as_secs).collect();
        assert_eq!(pauses, [1, 2, 4, 256, 300, 300, 300]);
    }
}
