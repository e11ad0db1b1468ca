//! The real server, asked as a browser and as an attacker would, and looked at in a real browser.

mod browser;
mod http;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, json};
use shared::credential::Purpose;
use shared::reason::{Answer, Reason};
use shared::time::Timestamp;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::board::Status;
use super::*;
use crate::state::{OperatorName, Pin};

const NAME: &str = "Officer One";
const PIN: &str = "285093";
const OTHER: &str = "陳大文";
const OTHER_PIN: &str = "7741902";

/// A desk with two operators, and the lane's side of the board.
struct Place {
    board: Board,
    metrics: Metrics,
    handle: Handle,
    folder: TempDir,
    orders: Arc<Mutex<Vec<Order>>>,
    stop: Arc<AtomicBool>,
    lane: Option<thread::JoinHandle<()>>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        for (name, pin) in [(NAME, PIN), (OTHER, OTHER_PIN)] {
            let pin = Pin::parse(Zeroizing::new(pin.to_owned())).unwrap();
            state.add_operator(&OperatorName::parse(name).unwrap(), &pin, now()).unwrap();
        }
        let settings = settings::Operator {
            listen: Some("127.0.0.1:0".parse().unwrap()),
            hosts: vec!["lane3.example".to_owned()],
            metrics: Some("127.0.0.1:0".parse().unwrap()),
        };
        let board = Board::default();
        let metrics = Metrics::new(&board);
        let handle = serve(&settings, folder.path(), &board, &metrics).unwrap();
        let (orders, stop) = (Arc::default(), Arc::default());
        let lane = thread::spawn({
            let (board, orders, stop) = (board.clone(), Arc::clone(&orders), Arc::clone(&stop));
            move || lane(&board, &orders, &stop)
        });
        Self { board, metrics, handle, folder, orders, stop, lane: Some(lane) }
    }

    fn page(&self) -> SocketAddr {
        self.handle.page.unwrap()
    }

    /// The lane cannot decide about somebody.
    fn wait_for_officer(&self, row: u64) {
        self.board.update(|status| {
            let reason = Reason::FaceOfficer;
            let mut claims = Map::new();
            claims.insert("name".to_owned(), json!("SAMPLE, CANARY 01"));
            claims.insert("sex".to_owned(), json!(2));
            status.waiting.push(Waiting { row, since: status.at, reason, claims, ordered: false });
            status.enter(LaneState::ManualCheck { reason });
        });
    }

    fn orders(&self) -> Vec<Order> {
        self.orders.lock().unwrap().clone()
    }

    /// Stops the lane's word, as a lane that hangs.
    fn hang(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.lane.take().unwrap().join().unwrap();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.lane.take().map(thread::JoinHandle::join);
    }
}

/// The lane's side: it speaks several times a second and does what it is told.
fn lane(board: &Board, orders: &Mutex<Vec<Order>>, stop: &AtomicBool) {
    board.update(|status| {
        status.at = now();
        status.lane = "Lane 3".to_owned();
        status.purpose = Some(Purpose::parse("border").unwrap());
        status.journal_rows = 12;
        status.health.camera = Part::new(PartState::Good, "640x480 MJPEG");
        status.enter(LaneState::Idle);
    });
    while !stop.load(Ordering::Relaxed) {
        let ordered = board.orders();
        board.update(|status| {
            status.at = now();
            for order in &ordered {
                obey(status, order);
            }
        });
        orders.lock().unwrap().extend(ordered);
        thread::sleep(Duration::from_millis(50));
    }
}

fn obey(status: &mut Status, order: &Order) {
    match order {
        Order::Decide { row, admit, .. } => {
            status.waiting.retain(|visit| visit.row != *row);
            let (reason, answer, officer) = (Reason::FaceOfficer, Answer::Unanswered, Some(*admit));
            status.decided(Decision { at: status.at, row: *row, reason, answer, took: 812, officer });
            status.enter(if *admit { LaneState::AwaitPass } else { LaneState::Idle });
        }
        Order::Close { operator } => status.enter(LaneState::OutOfService {
            reason: Reason::CameraFailed,
            closed_by: Some(operator.clone()),
        }),
        Order::Reopen { .. } => status.enter(LaneState::Idle),
        Order::SelfTest { .. } => {
            let check = |name: &str, state| Check { name: name.to_owned(), state, detail: String::new() };
            let checks = vec![check("camera", PartState::Good), check("gate", PartState::Failed)];
            status.self_test = Some(SelfTest { at: status.at, checks });
        }
    }
}

fn now() -> Timestamp {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Timestamp::from_unix(i64::try_from(seconds).unwrap()).unwrap()
}

/// Waits until something is so; for long, because the machine may be busy.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    for _ in 0..1200 {
        if so() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} did not happen");
}
