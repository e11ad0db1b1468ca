//! A gate that is worked on a thread of its own, so that a pulse ends whatever becomes of the lane.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{Gate, GateEvent, Signal};

/// How long the lane waits for a gate to open before it says that it did not.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// How long a gate may take to come into service, or to fail, before the lane starts without knowing.
const START: Duration = Duration::from_secs(5);

/// How long a gate may take to shut when it is given up.
const END: Duration = Duration::from_secs(2);

/// How many events are kept for a lane that does not ask; a contact that bounces for ever fills no memory.
const EVENTS: usize = 256;

/// What the thread is told to do.
pub enum Order {
    /// Open once.
    Open(Opening),
    /// Show a signal.
    Signal(Signal),
}

/// An order to open, which is worth nothing after a while.
pub struct Opening {
    answer: SyncSender<Result<()>>,
    until: Instant,
}

impl Opening {
    /// Tells whether the lane still waits. A gate never opens for one that gave up.
    pub fn awaited(&self) -> bool {
        Instant::now() < self.until
    }

    /// Says whether it was opened.
    pub fn answer(self, answer: Result<()>) {
        // A lane that gave up does not listen.
        let _ = self.answer.try_send(answer);
    }
}

/// What a worker reports to the lane.
#[derive(Clone)]
pub struct Reports(SyncSender<GateEvent>);

impl Reports {
    /// Reports an event.
    pub fn tell(&self, event: GateEvent) {
        // With so many unread, one more says nothing new.
        let _ = self.0.try_send(event);
    }
}

/// The lane's end of the thread.
pub struct Worker {
    // Dropped first of all: this is what ends the thread.
    orders: Option<Sender<Order>>,
    events: Receiver<GateEvent>,
    ended: Receiver<()>,
    reports_passage: bool,
    lost: bool,
}

impl Worker {
    /// Starts `work` and waits, not for ever, until it says that it is in service or has failed. It works until there are
    /// no orders any more, and leaves its gate shut.
    pub fn start(
        reports_passage: bool,
        work: impl FnOnce(&Receiver<Order>, &Reports, &dyn Fn()) + Send + 'static,
    ) -> Result<Self> {
        let (orders, taken) = channel();
        let (reports, events) = sync_channel(EVENTS);
        let (started, start) = sync_channel(1);
        let (ends, ended) = sync_channel::<()>(1);
        thread::Builder::new()
            .name("gate".to_owned())
            .spawn(move || {
                // Dropped when everything of the thread is, also where it panics.
                let _ends = ends;
                work(&taken, &Reports(reports), &|| {
                    let _ = started.try_send(());
                });
            })
            .context("starting the gate's thread")?;
        let _ = start.recv_timeout(START);
        Ok(Self { orders: Some(orders), events, ended, reports_passage, lost: false })
    }

    fn order(&self, order: Order) -> Result<()> {
        let sent = self.orders.as_ref().and_then(|orders| orders.send(order).ok());
        sent.context("the gate's thread has ended")
    }
}

impl Gate for Worker {
    fn open(&mut self) -> Result<()> {
        let (answer, answered) = sync_channel(1);
        self.order(Order::Open(Opening { answer, until: Instant::now() + PATIENCE }))?;
        match answered.recv_timeout(PATIENCE) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => bail!("the gate does not answer"),
            Err(RecvTimeoutError::Disconnected) => bail!("the gate's thread has ended"),
        }
    }

    fn signal(&mut self, signal: Signal) {
        // A thread that has ended is told of as a fault.
        let _ = self.order(Order::Signal(signal));
    }

    fn events(&mut self) -> Vec<GateEvent> {
        let mut events = Vec::new();
        loop {
            match self.events.try_recv() {
                Ok(event) => events.push(event),
                Err(TryRecvError::Empty) => return events,
                Err(TryRecvError::Disconnected) => {
                    if !std::mem::replace(&mut self.lost, true) {
                        events.push(GateEvent::Fault("the gate's thread has ended".to_owned()));
                    }
                    return events;
                }
            }
        }
    }

    fn reports_passage(&self) -> bool {
        self.reports_passage
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.orders = None;
        // It shuts the gate meanwhile. A device that hangs does not hold up the end of the program.
        let _ = self.ended.recv_timeout(END);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_worker_opens_reports_and_ends_with_its_lane() {
        let shut = Arc::new(AtomicBool::new(false));
        let flag = shut.clone();
        let mut gate = Worker::start(true, move |orders, reports, started| {
            started();
            while let Ok(order) = orders.recv() {
                if let Order::Open(opening) = order {
                    assert!(opening.awaited());
                    opening.answer(Ok(()));
                    reports.tell(GateEvent::Passed);
                }
            }
            flag.store(true, Ordering::SeqCst);
        })
        .unwrap();
        gate.open().unwrap();
        gate.open().unwrap();
        assert!(gate.reports_passage());
        let events = gate.events();
        assert!(!events.is_empty() && events.iter().all(|event| *event == GateEvent::Passed));
        drop(gate);
        assert!(shut.load(Ordering::SeqCst), "a dropped gate has been shut");
    }

    #[test]
    fn a_worker_that_fails_is_one_fault_and_opens_nothing() {
        let mut gate = Worker::start(false, |_, _, _| panic!("as in a test")).unwrap();
        assert!(gate.open().is_err());
        gate.signal(Signal::Error);
        assert!(matches!(&gate.events()[..], [GateEvent::Fault(_)]));
        assert_eq!(gate.events(), []);
    }

    #[test]
    fn an_opening_that_nobody_waits_for_is_worth_nothing() {
        let (answer, answered) = sync_channel(1);
        let opening = Opening { answer, until: Instant::now() };
        drop(answered);
        assert!(!opening.awaited());
        opening.answer(Ok(()));
    }

    #[test]
    fn events_that_nobody_asks_for_fill_no_memory() {
        let mut gate = Worker::start(true, |orders, reports, started| {
            for _ in 0..10 * EVENTS {
                reports.tell(GateEvent::Exit);
            }
            started();
            let _ = orders.recv();
        })
        .unwrap();
        assert_eq!(gate.events().len(), EVENTS);
    }
}
