//! What lanes write down, and for how long.

use super::super::upkeep::{SHREDS, no_later_than};
use super::*;
use crate::clock::ClockState;
use crate::operator::{Order, OverrideReason};
use crate::state::{OperatorName, Pin};

#[test]
fn an_unsure_clock_shreds_nothing_later_than_the_repository() {
    let expires = Timestamp::parse("2026-11-27T09:00:00Z").unwrap();
    let (before, after) = (expires.plus(-60), Timestamp::parse("2099-01-01T00:00:00Z").unwrap());
    for (state, at, expected) in [
        (ClockState::Sure, before, before),
        (ClockState::Sure, after, after),
        (ClockState::Unsure { error: None }, before, before),
        (ClockState::Unsure { error: None }, after, expires),
        (ClockState::Tampered, after, expires),
    ] {
        assert_eq!(no_later_than(at, state, expires), expected, "{state:?} {at}");
    }
}

/// Officers decide about a visit, close the lane and open it again: the journal has their numbers, and their names nowhere.
#[test]
fn a_journal_names_officers_by_their_numbers() {
    // As long as a name may be, in letters of four bytes.
    let name = "\u{1d4d0}".repeat(40);
    let mut place = Place::new(Surroundings { passage: false, attended: true });
    let world = World::default();
    let pin = Pin::parse("285093".to_owned().into()).unwrap();
    let state = Stored::open(place.folder.path()).unwrap();
    for known in ["Officer Zero", &name] {
        state.add_operator(&OperatorName::parse(known).unwrap(), &pin, world.start).unwrap();
    }
    let bare = world.credential(&Claims { face: None, ..world.claims() });
    let code = symbol(&world.code(&bare, world.start));
    let (board, operator) = (place.board.clone(), name.clone());
    let (mut decided, mut closed) = (false, false);
    let holds_up = move |now: u64, _: &Seen| {
        let waiting = board.status().waiting.first().map(|visit| visit.row);
        if let (Some(row), false) = (waiting, decided) {
            let (reason, operator) = (OverrideReason::Left, operator.clone());
            decided = board.order(Order::Decide { row, admit: false, reason, operator }).is_ok();
        }
        if now > 10_000 && !closed {
            board.order(Order::Close { operator: operator.clone() }).unwrap();
            board.order(Order::Reopen { operator: "Somebody who was removed".to_owned() }).unwrap();
            closed = true;
        }
        (now <= 1000).then(|| code.clone())
    };
    let mut visitor = Visitor { seen: Arc::default(), now: 0, until: 20_000, holds_up };
    let mut gate = gate::open(&GateSettings::default()).unwrap();
    place.work(&world, gate.as_mut(), Source::Recorded(&mut visitor));
    let mut officers = vec![];
    for body in place.rows().into_iter().filter_map(|(_, body)| body) {
        let holds = |text: &str| body.windows(text.len()).any(|part| part == text.as_bytes());
        assert!(!holds(&name[..8]) && !holds("Somebody"));
        match Entry::decode(&body).expect("every row says something") {
            Entry::Overridden { operator, .. } | Entry::Lane { operator, .. } => officers.push(operator),
            _ => {}
        }
    }
    assert_eq!(officers, [2, 2, 0]);
}

/// A recording of an empty room, with a frame every six hours.
struct Days {
    now: u64,
    until: u64,
}

impl Camera for Days {
    fn next_frame(&mut self) -> Result<Option<Frame>> {
        self.now += 6 * 3600 * 1000;
        Ok((self.now <= self.until).then(|| Frame::new(nothing().into(), self.now)))
    }
}

#[test]
fn a_lane_at_work_shreds_once_a_day() {
    let (world, mut place) = (World::default(), Place::new(Surroundings::default()));
    place.settings = Settings::parse("journal_days = 1").unwrap();
    let mut days = Days { now: 0, until: 4 * SHREDS };
    let mut gate = gate::open(&GateSettings::default()).unwrap();
    place.work(&world, gate.as_mut(), Source::Recorded(&mut days));
    let says = |(at, body): (Timestamp, Option<Vec<u8>>)| {
        (at.seconds_since(world.start) / 3600, body.and_then(|body| Entry::decode(&body)))
    };
    let rows: Vec<_> = place.rows().into_iter().map(says).collect();
    // The start is two days old at the second look, and the word of that two days later at the fourth.
    assert_eq!(rows.len(), 4, "{rows:?}");
    assert_eq!(rows[..2], [(0, None), (48, None)]);
    assert_eq!(rows[2], (96, Some(Entry::Shredded { before: 2 })));
    assert_eq!(rows[3].1, Some(Entry::Stopped));
}
