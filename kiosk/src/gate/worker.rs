//! A gate that is worked on a thread of its own, so that a pulse ends whatever becomes of the lane.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
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

/// How many events are kept of what a button or a contact can say without end to a lane that does not ask.
const EVENTS: usize = 256;

/// What the thread is told to do.
pub enum Order {
    /// Open once.
    Open(Opening),
    /// Show a signal.
    Signal(Signal),
    /// The lane waits no longer for an answer to its last opening, and takes the gate for broken: it is to be told of as a
    /// fault, and when that is over.
    GaveUp,
}

/// An order to open, which is worth nothing after a while.
pub struct Opening {
    answer: SyncSender<Result<()>>,
    until: Instant,
}

impl Opening {
    /// An order, and where its answer comes out.
    pub fn new(patience: Duration) -> (Self, Receiver<Result<()>>) {
        let (answer, answered) = sync_channel(1);
        (Self { answer, until: Instant::now() + patience }, answered)
    }

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
#[derive(Clone, Default)]
pub struct Reports(Arc<Mutex<VecDeque<GateEvent>>>);

impl Reports {
    /// Reports an event.
    pub fn tell(&self, event: GateEvent) {
        let mut unread = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = unread.len() >= EVENTS;
        match (&event, unread.back()) {
            // One more says nothing new.
            (GateEvent::Exit, last) if full || last == Some(&GateEvent::Exit) => {}
            // Nor does one more alarm that is over already.
            (GateEvent::Shut, Some(GateEvent::Forced)) if full => _ = unread.pop_back(),
            // Everything else is wanted by somebody, and takes a second or more to come again.
            _ => unread.push_back(event),
        }
    }

    /// Takes what was reported, the oldest first.
    pub fn take(&self) -> Vec<GateEvent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }
}

/// The lane's end of the thread.
pub struct Worker {
    // Dropped first of all: this is what ends the thread.
    orders: Option<Sender<Order>>,
    reports: Reports,
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
        let reports = Reports::default();
        let theirs = reports.clone();
        let (started, start) = sync_channel(1);
        let (ends, ended) = sync_channel::<()>(1);
        thread::Builder::new()
            .name("gate".to_owned())
            .spawn(move || {
                // Dropped when everything of the thread is, also where it panics.
                let _ends = ends;
                work(&taken, &theirs, &|| {
                    let _ = started.try_send(());
                });
            })
            .context("starting the gate's thread")?;
        let _ = start.recv_timeout(START);
        Ok(Self { orders: Some(orders), reports, ended, reports_passage, lost: false })
    }

    fn order(&self, order: Order) -> Result<()> {
        let sent = self.orders.as_ref().and_then(|orders| orders.send(order).ok());
        sent.context("the gate's thread has ended")
    }
}

impl Gate for Worker {
    fn open(&mut self) -> Result<()> {
        let (opening, answered) = Opening::new(PATIENCE);
        self.order(Order::Open(opening))?;
        match answered.recv_timeout(PATIENCE) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => {
                self.order(Order::GaveUp)?;
                bail!("the gate does not answer")
            }
            Err(RecvTimeoutError::Disconnected) => bail!("the gate's thread has ended"),
        }
    }

    fn signal(&mut self, signal: Signal) {
        // A thread that has ended is told of as a fault.
        let _ = self.order(Order::Signal(signal));
    }

    fn events(&mut self) -> Vec<GateEvent> {
        // Asked first: what the thread said before its end comes before it.
        let ended = self.ended.try_recv() == Err(TryRecvError::Disconnected);
        let mut events = self.reports.take();
        if ended && !std::mem::replace(&mut self.lost, true) {
            events.push(GateEvent::Fault("the gate's thread has ended".to_owned()));
        }
        events
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
        let (opening, answered) = Opening::new(Duration::ZERO);
        drop(answered);
        assert!(!opening.awaited());
        opening.answer(Ok(()));
    }

    #[test]
    fn a_gate_that_did_not_answer_hears_that_the_lane_gave_up() {
        let mut gate = Worker::start(true, |orders, reports, started| {
            started();
            let opening = orders.recv().unwrap();
            // Longer than the lane waits.
            let next = orders.recv().unwrap();
            assert!(matches!(&opening, Order::Open(opening) if !opening.awaited()));
            assert!(matches!(next, Order::GaveUp));
            reports.tell(GateEvent::Fault("as in a test".to_owned()));
            let _ = orders.recv();
        })
        .unwrap();
        assert_eq!(gate.open().unwrap_err().to_string(), "the gate does not answer");
        let told = (0..1_000).find_map(|_| {
            thread::sleep(Duration::from_millis(10));
            Some(gate.events()).filter(|events| !events.is_empty())
        });
        assert_eq!(told.unwrap(), [GateEvent::Fault("as in a test".to_owned())]);
    }

    #[test]
    fn events_that_nobody_asks_for_fill_no_memory_and_none_that_matters_is_lost() {
        let reports = Reports::default();
        for _ in 0..10 * EVENTS {
            reports.tell(GateEvent::Exit);
        }
        assert_eq!(reports.take(), [GateEvent::Exit]);
        for _ in 0..10 * EVENTS {
            reports.tell(GateEvent::Exit);
            reports.tell(GateEvent::Forced);
            reports.tell(GateEvent::Shut);
        }
        reports.tell(GateEvent::Exit);
        let most =
            [GateEvent::Fault("x".to_owned()), GateEvent::Mended, GateEvent::Passed, GateEvent::NotPassed];
        most.iter().for_each(|event| reports.tell(event.clone()));
        let told = reports.take();
        assert!(told.len() <= EVENTS + 8, "{}", told.len());
        assert!(told.ends_with(&most), "{told:?}");
        let count = |event| told.iter().filter(|told| **told == event).count();
        assert_eq!(
            count(GateEvent::Forced),
            count(GateEvent::Shut),
            "a gate that is shut is not left forced"
        );
    }
}
