//! What the lane tells its operators, and what it does with their orders.

use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use shared::journal::Entry;
use shared::reason::{Answer, Reason};

use super::{Lane, Work};
use crate::clock::ClockState;
use crate::notice;
use crate::operator::{
    Check, Decision, Health, LaneState, Order, OverrideReason, Part, PartState, ReplayScope, SelfTest, Trust,
    Waiting,
};
use crate::self_test::{Grade, Machine, Report};
use crate::session::{Event, Moment, Outcome, Screen, Session, State};
use crate::site;

/// How long a visit waits for an officer, in milliseconds: whoever stands aside for longer starts again.
const WAITS: u64 = 10 * 60_000;

/// How many visits may wait at once.
const MOST_WAITING: usize = 10;

/// How long an order waits for the visit that is under way to end, in milliseconds.
const ORDER_WAITS: u64 = 30_000;

/// The operators are told at least this often, in milliseconds, so that they see that the lane is alive.
const HEARTBEAT: u64 = 1_000;

/// The officer's part of a lane's work.
#[derive(Default)]
pub(super) struct Attendance {
    /// The order that is being carried out, or waits for that; and since when.
    order: Option<(Decided, Moment)>,
    /// When each waiting visit ended, in the order of the board's list.
    since: Vec<(u64, Moment)>,
    told: Option<(Moment, LaneState)>,
    /// A self-test that is under way.
    test: Option<Receiver<Report>>,
}

/// What an officer decided.
#[derive(Debug, Clone)]
struct Decided {
    row: u64,
    admit: bool,
    reason: OverrideReason,
    operator: String,
    /// The session took it up.
    begun: bool,
}

impl Lane<'_> {
    /// Takes the orders that operators gave.
    pub(super) fn obey(&mut self, session: &Session, work: &mut Work) {
        for order in self.board.orders() {
            match order {
                Order::Decide { row, admit, reason, operator } => {
                    let decided = Decided { row, admit, reason, operator, begun: false };
                    work.attendance.order = Some((decided, work.now));
                }
                Order::Close { operator } => self.set_open(false, &operator, work),
                Order::Reopen { operator } => self.set_open(true, &operator, work),
                Order::SelfTest { .. } => self.test_self(work),
            }
        }
        self.tell_test(work);
        let Some((decided, since)) = &mut work.attendance.order else { return };
        if decided.begun {
            return;
        }
        if session.takes_officer() {
            decided.begun = true;
            work.events.push_back(Event::Officer { row: decided.row, admit: decided.admit });
        } else if work.now.since(*since) > ORDER_WAITS {
            notice("an officer's decision was dropped: other visits were under way for too long");
            work.attendance.order = None;
        }
    }

    /// Begins a self-test beside the lane's work.
    fn test_self(&mut self, work: &mut Work) {
        if work.attendance.test.is_some() {
            return;
        }
        let (settings, folder, purpose) = (self.settings.clone(), self.folder.clone(), self.purpose.clone());
        let (tell, test) = channel();
        let now = self.at(work.now);
        let begun = thread::Builder::new().name("self-test".to_owned()).spawn(move || {
            let machine = Machine {
                settings: &settings,
                purpose: Some(&purpose),
                camera: None,
                folder: &folder,
                engine: None,
                now,
            };
            // Nobody waits any more if the lane has ended.
            let _ = tell.send(machine.check_at_work());
        });
        match begun {
            Ok(_) => work.attendance.test = Some(test),
            Err(error) => notice(&format!("the self-test did not begin: {error}")),
        }
    }

    /// Shows what a self-test found, once it has.
    fn tell_test(&mut self, work: &mut Work) {
        let Some(found) = work.attendance.test.as_ref().map(Receiver::try_recv) else { return };
        match found {
            Err(TryRecvError::Empty) => return,
            Err(TryRecvError::Disconnected) => notice("the self-test ended without a result"),
            Ok(report) => {
                let at = self.at(work.now);
                let checks = report.checks().iter().map(|check| Check {
                    name: check.check.clone(),
                    passed: check.state != Grade::Failure,
                    detail: check.says.clone(),
                });
                let test = SelfTest { at, checks: checks.collect() };
                self.board.update(|status| status.self_test = Some(test));
            }
        }
        work.attendance.test = None;
    }

    fn set_open(&mut self, open: bool, operator: &str, work: &mut Work) {
        if let Err(error) = self.state.set_closed((!open).then_some(operator)) {
            notice(&format!("whether the lane is closed cannot be kept: {error:#}"));
        }
        self.write_down(&Entry::Lane { open, operator: operator.to_owned() }, work);
        work.events.push_back(if open { Event::Reopen } else { Event::Close });
    }

    /// Writes down what the officer decided.
    pub(super) fn officer_decided(&mut self, row: u64, admit: bool, work: &mut Work) {
        let Some((decided, _)) = work.attendance.order.take() else { return };
        // The proof of whoever was here last is not this visit's.
        work.proof = None;
        let entry = Entry::Overridden {
            decision: row,
            admitted: admit,
            reason: decided.reason.code().to_owned(),
            operator: decided.operator,
        };
        if let Some(written) = self.write_down(&entry, work) {
            work.events.push_front(Event::Recorded(written));
        }
        self.metrics.overridden(decided.reason);
        self.board.update(|status| {
            status.waiting.retain(|visit| visit.row != row);
            for decision in status.decisions.iter_mut().filter(|decision| decision.row == row) {
                decision.officer = Some(admit);
            }
        });
    }

    /// Tells the operators how a visit ended, and lets it wait for them where they may decide otherwise.
    pub(super) fn tell_outcome(&mut self, outcome: &Outcome, row: u64, work: &mut Work) {
        let at = self.at(work.now);
        self.metrics.decided(outcome.reason, Duration::from_millis(outcome.took));
        work.attendance.since.push((row, work.now));
        self.board.update(|status| {
            status.at = at;
            status.decided(Decision {
                at,
                row,
                reason: outcome.reason,
                answer: outcome.reason.answer(),
                took: outcome.took,
                officer: None,
            });
            if self.surroundings.attended && waits(outcome.reason) {
                let claims = outcome.claims.clone();
                status.waiting.push(Waiting { row, since: at, reason: outcome.reason, claims });
                if status.waiting.len() > MOST_WAITING {
                    status.waiting.remove(0);
                }
            }
        });
    }

    /// Tells the operators how the lane's parts are, and how old the lists are.
    pub(super) fn tell_parts(&mut self, work: &mut Work) {
        let (at, clock) = self.read_clock(work.now);
        let part = |failed: bool, detail: &str| {
            Part::new(if failed { PartState::Failed } else { PartState::Good }, detail)
        };
        let camera = part(work.blind, "");
        let gate = part(matches!(work.screen, Screen::OutOfService(Reason::GateFailed)), "");
        let models = match work.models {
            true => part(false, ""),
            false => Part::new(PartState::Degraded, "no models: an officer compares faces"),
        };
        let (replay, site) = match &self.site {
            None => (ReplayScope::Lane, Part::new(PartState::Absent, "")),
            Some(site) => {
                let twice = match site.accepted_twice() {
                    0 => String::new(),
                    count => format!("{count} codes were also accepted elsewhere while the site was away"),
                };
                match (site.scope(), site.problem()) {
                    (site::ReplayScope::Site, _) => (ReplayScope::Site, part(false, &twice)),
                    (site::ReplayScope::Local, problem) => {
                        let detail = [problem.unwrap_or_default(), twice].join(" ");
                        (ReplayScope::Lane, Part::new(PartState::Degraded, detail.trim()))
                    }
                }
            }
        };
        let clock = match clock {
            ClockState::Sure => part(false, ""),
            ClockState::Unsure { error } => {
                if let Some(error) = error {
                    self.metrics.clock_max_error(error);
                }
                let detail = error.map_or("nobody knows how wrong it is".to_owned(), |error| {
                    format!("it may be wrong by {} s", error.as_secs())
                });
                Part::new(PartState::Degraded, detail)
            }
            ClockState::Tampered => part(true, "it is behind what was signed"),
        };
        let trust = match work.distrusted {
            true => Trust::Invalid,
            false => Trust::of(&self.trust, &self.purpose, self.trust.floor().time(at)),
        };
        let stored_faces = work.stored_faces();
        self.board.update(|status| {
            status.stored_faces = stored_faces;
            status.purpose = Some(self.purpose.clone());
            status.health = Health { camera, gate, site, clock, models };
            status.replay = replay;
            status.trust = trust;
        });
    }

    /// Tells the operators what the lane does; when nothing is new, that it is alive.
    pub(super) fn tell_state(&mut self, session: &Session, work: &mut Work) {
        // A code that is in view while the last visit ends is not one that the lane is slow to verify.
        if !matches!(session.state(), State::Idle | State::Reading | State::Verifying) {
            work.code_since = None;
        }
        let state = lane_state(session.state(), &work.screen, self.state.closed_by().ok().flatten());
        let now = work.now;
        let told = &mut work.attendance.told;
        if told.as_ref().is_some_and(|(at, known)| *known == state && now.since(*at) < HEARTBEAT) {
            return;
        }
        *told = Some((now, state.clone()));
        work.attendance.since.retain(|(_, since)| now.since(*since) <= WAITS);
        let waiting = &work.attendance.since;
        let at = self.at(now);
        self.board.update(|status| {
            status.at = at;
            status.enter(state);
            status.waiting.retain(|visit| waiting.iter().any(|(row, _)| *row == visit.row));
        });
    }
}

/// Whether an officer may decide otherwise from a distance. What is forged, revoked or used twice is for whoever stands there
/// with the document in hand.
fn waits(reason: Reason) -> bool {
    let about_the_face = matches!(reason, Reason::FaceNonMatch | Reason::FaceAttack | Reason::FaceChallenge);
    reason.answer() == Answer::Unanswered || about_the_face
}

fn lane_state(state: State, screen: &Screen, closed_by: Option<String>) -> LaneState {
    match (state, screen) {
        (State::Idle, _) => LaneState::Idle,
        (State::Reading, _) => LaneState::Reading,
        (State::Verifying, _) => LaneState::Verifying,
        (State::Capturing | State::Challenge, _) => LaneState::Capturing,
        (State::Deciding, _) => LaneState::Deciding,
        (State::AwaitPass, _) => LaneState::AwaitPass,
        (State::OutOfService, Screen::OutOfService(reason)) => {
            let closed_by = closed_by.filter(|_| *reason == Reason::LaneClosed);
            LaneState::OutOfService { reason: *reason, closed_by }
        }
        (State::ManualCheck, Screen::ManualCheck(reason)) => LaneState::ManualCheck { reason: *reason },
        (_, Screen::Outcome(outcome)) => {
            LaneState::Outcome { reason: outcome.reason, answer: outcome.reason.answer() }
        }
        (State::ManualCheck | State::OutOfService, _) => {
            LaneState::ManualCheck { reason: Reason::GateForced }
        }
        // What became of an open gate.
        (State::Outcome, _) => LaneState::AwaitPass,
    }
}
