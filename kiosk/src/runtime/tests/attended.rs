//! A lane with a gate that reports, and officers who decide: what they order is carried out once, or given back.

use super::*;
use crate::operator::{LaneState, NotTaken, Order, OverrideReason};

/// A gate that does what it is told.
#[derive(Clone, Default)]
struct Told {
    reports: Arc<Mutex<Vec<GateEvent>>>,
    opened: Arc<Mutex<usize>>,
    broken: bool,
}

impl Gate for Told {
    fn open(&mut self) -> Result<()> {
        anyhow::ensure!(!self.broken, "the relay does not answer");
        *self.opened.lock().unwrap() += 1;
        Ok(())
    }

    fn signal(&mut self, _: Signal) {}

    fn events(&mut self) -> Vec<GateEvent> {
        std::mem::take(&mut self.reports.lock().unwrap())
    }

    fn reports_passage(&self) -> bool {
        true
    }
}

const ATTENDED: Surroundings = Surroundings { passage: false, attended: true };
const WITH_CONTACT: Surroundings = Surroundings { passage: true, attended: true };

/// A border whose officers compare the faces.
fn by_officer() -> World {
    let mut world = World::default();
    world.policy.face = FaceRule::Officer;
    world
}

/// A border that asks for nothing but the code.
fn by_code() -> World {
    let mut world = World::default();
    world.policy.face = FaceRule::NotUsed;
    world
}

/// A code of the world's resident that is good after so many milliseconds.
fn code(world: &World, at: u64) -> DynamicImage {
    symbol(&world.default_code(world.start.plus(i64::try_from(at / 1000).unwrap())))
}

/// Lets the lane work for so long; `around` holds codes up, gives orders and moves the gate.
fn attend(
    place: &mut Place,
    world: &World,
    gate: &Told,
    until: u64,
    around: impl FnMut(u64, &Seen) -> Option<DynamicImage> + Send,
) {
    let mut visitor = Visitor { seen: place.seen.clone(), now: 0, until, holds_up: around };
    place.work(world, &mut gate.clone(), Source::Recorded(&mut visitor));
}

fn decide(board: &Board, row: u64, admit: bool) -> std::result::Result<(), NotTaken> {
    let reason = if admit { OverrideReason::FaceCompared } else { OverrideReason::Left };
    board.order(Order::Decide { row, admit, reason, operator: "Officer One".to_owned() })
}

fn waiting(board: &Board) -> Vec<u64> {
    board.status().waiting.iter().map(|visit| visit.row).collect()
}

/// What officers decided, as the journal has it: the row, and whether they let the person in.
fn overridden(place: &Place) -> Vec<(u64, bool)> {
    let entries = place.rows().into_iter().filter_map(|(_, body)| Entry::decode(&body?));
    let decided = entries.filter_map(|entry| match entry {
        Entry::Overridden { decision, admitted, .. } => Some((decision, admitted)),
        _ => None,
    });
    decided.collect()
}

#[test]
fn an_officer_lets_somebody_in_once() {
    let (world, gate, mut place) = (by_officer(), Told::default(), Place::new(ATTENDED));
    let board = place.board.clone();
    attend(&mut place, &world, &gate, 12_000, |now, _| match now {
        1_000 => Some(code(&world, now)),
        6_000 => {
            let row = waiting(&board)[0];
            assert_eq!(decide(&board, row, true), Ok(()));
            assert_eq!(decide(&board, row, false), Err(NotTaken::NotWaiting), "somebody was first");
            None
        }
        7_000.. => {
            assert_eq!(waiting(&board), [0; 0]);
            None
        }
        _ => None,
    });
    assert_eq!(*gate.opened.lock().unwrap(), 1);
    let decision = &place.board.status().decisions[0];
    assert_eq!((decision.reason, decision.officer), (Reason::FaceOfficer, Some(true)));
    assert_eq!(overridden(&place), [(decision.row, true)]);
}

#[test]
fn two_officers_decide_about_two_visits_at_once() {
    let (world, gate, mut place) = (by_officer(), Told::default(), Place::new(ATTENDED));
    let board = place.board.clone();
    let mut rows = vec![];
    attend(&mut place, &world, &gate, 40_000, |now, _| match now {
        1_000 | 20_000 => Some(code(&world, now)),
        30_000 => {
            rows = waiting(&board);
            let [first, second] = rows[..] else { panic!("{rows:?}") };
            assert_eq!((decide(&board, first, true), decide(&board, second, false)), (Ok(()), Ok(())));
            None
        }
        _ => None,
    });
    assert_eq!(*gate.opened.lock().unwrap(), 1);
    assert_eq!(overridden(&place), [(rows[0], true), (rows[1], false)]);
    assert_eq!(waiting(&place.board), [0; 0]);
}

/// Somebody else stands in the open gate all the time.
#[test]
fn what_cannot_be_carried_out_in_time_is_given_back() {
    let (mut world, gate, mut place) = (by_officer(), Told::default(), Place::new(WITH_CONTACT));
    let board = place.board.clone();
    let first = code(&world, 1_000);
    world.policy.face = FaceRule::Officer;
    let mut given_back = false;
    attend(&mut place, &world, &gate, 60_000, |now, _| match now {
        1_000 => Some(first.clone()),
        9_000 => Some(code(&world, now)),
        // The one is let in and does not go; the other's decision waits behind that.
        16_000 => {
            let rows = waiting(&board);
            let [first, second] = rows[..] else { panic!("{rows:?}") };
            assert_eq!(decide(&board, first, true), Ok(()));
            assert_eq!(decide(&board, second, true), Ok(()));
            None
        }
        20_000 => {
            gate.reports.lock().unwrap().push(GateEvent::Held);
            None
        }
        50_000 => {
            given_back = board.status().waiting.iter().all(|visit| !visit.ordered);
            None
        }
        _ => None,
    });
    assert!(given_back, "another decision is taken");
    assert_eq!((*gate.opened.lock().unwrap(), overridden(&place).len()), (1, 1));
    assert_eq!(waiting(&place.board).len(), 1);
}

#[test]
fn a_gate_that_fails_closes_the_lane_until_somebody_opens_it_again() {
    let (world, gate, mut place) =
        (by_code(), Told { broken: true, ..Told::default() }, Place::new(ATTENDED));
    let board = place.board.clone();
    let state = || board.status().state;
    attend(&mut place, &world, &gate, 9_000, |now, _| match now {
        1_000 => Some(code(&world, now)),
        4_000 => {
            let failed = LaneState::OutOfService { reason: Reason::GateFailed, closed_by: None };
            assert_eq!(state(), failed);
            board.order(Order::Reopen { operator: "Officer One".to_owned() }).unwrap();
            None
        }
        8_000 => {
            assert_eq!(state(), LaneState::Idle);
            None
        }
        _ => None,
    });
    assert_eq!(place.seen.lock().unwrap().outcomes, [Reason::Accepted]);
}

/// A gate that is forced and shut while it cannot be worked with is not mended by that.
#[test]
fn a_gate_that_is_shut_again_is_not_mended_by_that() {
    let (world, gate, mut place) = (by_code(), Told::default(), Place::new(WITH_CONTACT));
    let board = place.board.clone();
    let mut closed = vec![];
    attend(&mut place, &world, &gate, 9_000, |now, _| {
        let report = |event| gate.reports.lock().unwrap().push(event);
        match now {
            1_000 => report(GateEvent::Fault("its case is open".to_owned())),
            3_000 => report(GateEvent::Forced),
            4_000 => report(GateEvent::Shut),
            7_000 => report(GateEvent::Mended),
            _ => {}
        }
        if now % 2_000 == 0 {
            closed.push(matches!(board.status().state, LaneState::OutOfService { .. }));
        }
        None
    });
    assert_eq!(closed, [true, true, true, false]);
    let entries = place.rows().into_iter().filter_map(|(_, body)| Entry::decode(&body?));
    let told: Vec<_> = entries
        .filter_map(|entry| match entry {
            Entry::Fault { mended, .. } => Some(if mended { "mended" } else { "failed" }),
            Entry::Forced => Some("forced"),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["failed", "forced", "mended"]);
}

#[test]
fn a_code_that_opened_the_gate_for_nobody_is_taken_once_more() {
    let (world, gate, mut place) = (by_code(), Told::default(), Place::new(WITH_CONTACT));
    let board = place.board.clone();
    let held_up = code(&world, 1_000);
    let mut passages = vec![];
    attend(&mut place, &world, &gate, 14_000, |now, _| {
        passages.extend(board.status().passage);
        let report = |event| gate.reports.lock().unwrap().push(event);
        match now {
            2_000 => report(GateEvent::NotPassed),
            6_000 => report(GateEvent::Passed),
            _ => {}
        }
        (now >= 1_000).then(|| held_up.clone())
    });
    passages.dedup();
    assert_eq!(passages, [Passage::NotPassed, Passage::Passed], "and the officers see that");
    assert_eq!(*gate.opened.lock().unwrap(), 2);
    assert_eq!(place.seen.lock().unwrap().outcomes[..2], [Reason::Accepted, Reason::Accepted]);
}
