//! What the lane tells its operators, and what it does with their orders.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use shared::journal::Entry;
use shared::reason::{Answer, Reason};

use super::neighbors::Decided as Told;
use super::{Lane, Time, Work};
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
    /// What officers decided and the lane has not carried out yet, the oldest first; and since when.
    orders: VecDeque<(Decided, Moment)>,
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
    /// The officer's number.
    operator: u64,
}

impl Lane<'_> {
    /// Takes the orders that operators gave.
    pub(super) fn obey(&mut self, session: &Session, work: &mut Work) {
        for order in self.board.orders() {
            match order {
                Order::Decide { row, admit, reason, operator } => {
                    let operator = self.number_of(&operator);
                    let decided = Decided { row, admit, reason, operator };
                    work.attendance.orders.push_back((decided, work.now));
                }
                Order::Close { operator } => self.set_open(false, &operator, work),
                Order::Reopen { operator } => self.set_open(true, &operator, work),
                Order::SelfTest { .. } => self.test_self(work),
            }
        }
        self.tell_test(work);
        let Some((decided, since)) = work.attendance.orders.front() else { return };
        let row = decided.row;
        if work.now.since(*since) > ORDER_WAITS {
            // Who was to be let in then may have left, and somebody else may stand there.
            notice("an officer's decision was given back: the lane could not carry it out in time");
            work.attendance.orders.pop_front();
            self.give_back(row);
        } else if session.takes_officer() {
            // A fault that comes first leaves it where it is, for the next turn.
            work.events.push_back(Event::Officer { row, admit: decided.admit });
        }
    }

    /// Lets officers decide about a visit anew.
    fn give_back(&self, row: u64) {
        self.board.update(|status| {
            let visit = status.waiting.iter_mut().find(|visit| visit.row == row);
            visit.into_iter().for_each(|visit| visit.ordered = false);
        });
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
                let found = report.checks().iter().map(|check| Check {
                    name: check.check.clone(),
                    state: match check.state {
                        Grade::Ok => PartState::Good,
                        Grade::Warning => PartState::Degraded,
                        Grade::Failure => PartState::Failed,
                    },
                    detail: check.says.clone(),
                });
                let found: Vec<Check> = found.collect();
                self.board.update(|status| {
                    let Health { camera, gate, models, scanners, .. } = &status.health;
                    let in_use =
                        [("camera", camera), ("gate", gate), ("faces", models), ("scanners", scanners)];
                    let in_use = in_use.map(|(name, part)| Check {
                        name: name.to_owned(),
                        state: part.state,
                        detail: format!("As the lane finds it at work. {}", part.detail).trim().to_owned(),
                    });
                    let checks = found.into_iter().chain(in_use).collect();
                    status.self_test = Some(SelfTest { at, checks });
                });
            }
        }
        work.attendance.test = None;
    }

    fn set_open(&mut self, open: bool, operator: &str, work: &mut Work) {
        if let Err(error) = self.state.set_closed((!open).then_some(operator)) {
            notice(&format!("whether the lane is closed cannot be kept: {error:#}"));
        }
        let operator = self.number_of(operator);
        self.write_down(&Entry::Lane { open, operator }, work);
        work.events.push_back(if open { Event::Reopen } else { Event::Close });
    }

    /// Whom the journal names, which holds no names.
    fn number_of(&self, operator: &str) -> u64 {
        self.state.operator_number(operator).ok().flatten().unwrap_or_default()
    }

    /// Writes down what the officer decided.
    pub(super) fn officer_decided(&mut self, row: u64, admit: bool, work: &mut Work) {
        let Some((decided, _)) = work.attendance.orders.pop_front() else { return };
        // The proof of whoever was here last is not this visit's.
        work.proof = None;
        let entry = Entry::Overridden {
            decision: row,
            admitted: admit,
            reason: decided.reason.code().to_owned(),
            operator: decided.operator,
        };
        let Some(written) = self.write_down(&entry, work) else { return self.give_back(row) };
        let at = self.at(work.now);
        if let Some(neighbors) = &mut self.neighbors {
            neighbors.decided(&Told { row, at, purpose: &self.purpose, reason: decided.reason });
        }
        work.events.push_front(Event::Recorded(written));
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
                status.waiting.push(Waiting {
                    row,
                    since: at,
                    reason: outcome.reason,
                    claims,
                    ordered: false,
                });
                if status.waiting.len() > MOST_WAITING {
                    status.waiting.remove(0);
                }
            }
        });
    }

    /// Tells the operators how the lane's parts are, and how old the lists are.
    pub(super) fn tell_parts(&mut self, work: &mut Work) {
        let (at, clock) = self.read_clock(work.now);
        if let Time::System(clock) = &self.time {
            self.metrics.clock_max_error(clock.max_error());
        }
        let part = |failed: bool, detail: &str| {
            Part::new(if failed { PartState::Failed } else { PartState::Good }, detail)
        };
        let camera = part(!work.blind.is_empty(), "");
        let gate = part(matches!(work.screen, Screen::OutOfService(Reason::GateFailed)), "");
        let models = match work.models {
            true => part(false, ""),
            false => Part::new(PartState::Degraded, "no models: an officer compares faces"),
        };
        let scanners = match (&self.scanners, work.deaf) {
            (None, _) => Part::new(PartState::Absent, ""),
            (Some(_), 0) => part(false, ""),
            (Some(_), failed) => part(true, &format!("{failed} of {}", self.settings.scanner.len())),
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
            status.health = Health { camera, gate, site, clock, models, scanners };
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
        // Whoever was here is not kept longer than their visit, however it ended.
        if !matches!(
            session.state(),
            State::Verifying | State::Capturing | State::Challenge | State::Deciding
        ) {
            (work.holder, work.compare) = (None, None);
        }
        match &work.screen {
            Screen::OutOfService(reason) => self.watch.status(&format!("out of service: {reason}")),
            _ => self.watch.status("at work"),
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
        if let Some(neighbors) = &mut self.neighbors {
            neighbors.keep(|wanted| waiting.iter().any(|(row, _)| *row == wanted));
        }
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
pub(super) fn waits(reason: Reason) -> bool {
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
        (State::ManualCheck | State::OutOfService, _) => {
            LaneState::ManualCheck { reason: Reason::GateForced }
        }
        (State::Outcome, Screen::Outcome(outcome)) => {
            LaneState::Outcome { reason: outcome.reason, answer: outcome.reason.answer() }
        }
        (State::Outcome, Screen::Declined) => LaneState::Declined,
        (State::Outcome, Screen::Passage(_)) => LaneState::Passage,
        // An officer opened a gate that does not say what becomes of it.
        (State::Outcome, _) => LaneState::AwaitPass,
    }
}
