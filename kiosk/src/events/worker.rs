//! The thread that delivers events: in order to each receiver, again and again until it has them.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::outbox::{Outbox, Row};
use crate::notice;

/// How long nothing is tried after a failure: twice as long after each, up to the longest. Guesses.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);

/// Somebody who is told.
pub trait Sink: Send {
    /// Returns the word that its progress is remembered under.
    fn name(&self) -> &'static str;

    /// Hands over events, in order; when it returns, the receiver has all of them for good. May be called with events again
    /// that it was called with before.
    fn deliver(&mut self, events: &[Row]) -> Result<()>;
}

/// Starts the thread. It ends when the sender of `woken` is gone.
pub fn start(outbox: Outbox, sinks: Vec<Box<dyn Sink>>, woken: Receiver<()>) -> Result<()> {
    let thread = thread::Builder::new().name("events".into());
    thread.spawn(move || work(outbox, sinks, &woken)).context("starting the thread of the events")?;
    Ok(())
}

fn work(mut outbox: Outbox, sinks: Vec<Box<dyn Sink>>, woken: &Receiver<()>) {
    let names: Vec<&str> = sinks.iter().map(|sink| sink.name()).collect();
    let mut receivers: Vec<_> = sinks.into_iter().map(|sink| (sink, Backoff::default())).collect();
    loop {
        let mut wait = LONGEST;
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
        match woken.recv_timeout(wait) {
            Err(RecvTimeoutError::Disconnected) => return,
            // One look is enough for however many woke it.
            Ok(()) => woken.try_iter().for_each(drop),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Delivers one batch. `false` if there was nothing to deliver.
fn deliver_next(outbox: &mut Outbox, sink: &mut dyn Sink, names: &[&str]) -> Result<bool> {
    let events = outbox.next(sink.name())?;
    let Some(last) = events.last() else { return Ok(false) };
    sink.deliver(&events)?;
    outbox.acknowledge(sink.name(), last.seq, names)?;
    Ok(true)
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
