//! Events in, effects out; also at random against what must hold whatever happens.

use ::tests::{Seen, World, border};
use proptest::prelude::*;
use shared::credential::{Attribute, AttributeValue, Attributes, verify};
use shared::face::{Comparison, Decision, Quality};
use shared::time::Timestamp;
use shared::trust::{Dialect, FalseMatchRate};

use crate::decide::FaceRecord;

use super::*;

fn holder() -> Arc<Holder> {
    challenged(None)
}

fn challenged(challenge: Option<Challenge>) -> Arc<Holder> {
    let world = World::default();
    let text = world.default_code(world.start);
    let verified = verify(&text, &border(), &world.trust(), world.start, &mut Seen::default()).unwrap();
    let claims = Map::from_iter([("name".to_owned(), "SAMPLE".into())]);
    Arc::new(Holder { verified, claims, challenge })
}

fn face(reason: Reason) -> Event {
    seen(reason, true, Quality::EXAMPLE)
}

/// One frame's face: what was decided, whether it may be the same person, and how it stood.
fn seen(reason: Reason, same_person: bool, quality: Quality) -> Event {
    let decision = if reason == Reason::Accepted { Decision::Match } else { Decision::NonMatch };
    let comparison = Comparison {
        score: 0.5,
        threshold: 0.43,
        false_match_one_in: FalseMatchRate::DEFAULT,
        algorithm: "gatepass-1/i4".to_owned(),
        decision,
    };
    let record = FaceRecord {
        comparison,
        quality,
        attack_score: 1.0,
        model_set: "default".to_owned(),
        models: vec![],
        same_person,
    };
    Event::Face(FaceAnswer { reason, issue: None, record: Some(record) }, FRAME)
}

fn poor(reason: Reason, issue: Option<QualityIssue>) -> Event {
    Event::Face(FaceAnswer { reason, issue, record: None }, FRAME)
}

/// Stands for the moment of the event itself.
const FRAME: Moment = Moment(u64::MAX);

fn at_its_time(event: Event, at: u64) -> Event {
    match event {
        Event::Face(answer, FRAME) => Event::Face(answer, Moment(at)),
        event => event,
    }
}

/// The row that everything is written to.
const ROW: u64 = 7;

fn code(text: &str) -> Event {
    Event::Code(text.to_owned())
}

/// Plays events at their times in a lane that stands alone, and returns every effect.
fn play(events: Vec<(u64, Event)>) -> (Session, Vec<Effect>) {
    play_in(Surroundings::default(), events)
}

/// The same; what is to be written down is on the disk at once.
fn play_in(surroundings: Surroundings, events: Vec<(u64, Event)>) -> (Session, Vec<Effect>) {
    let (mut session, mut all) = Session::new(surroundings, false);
    for (at, event) in events {
        let mut pending = vec![at_its_time(event, at)];
        while let Some(event) = pending.pop() {
            let (next, effects) = session.step(event, Moment(at));
            session = next;
            if effects.iter().any(|effect| matches!(effect, Effect::Record(_) | Effect::RecordOfficer { .. }))
            {
                pending.push(Event::Recorded(ROW));
            }
            all.extend(effects);
        }
    }
    (session, all)
}

fn screens(effects: &[Effect]) -> Vec<Screen> {
    effects
        .iter()
        .filter_map(|effect| if let Effect::Show(screen) = effect { Some(screen.clone()) } else { None })
        .collect()
}

/// The events up to the gate of a good visit.
fn good_visit() -> Vec<(u64, Event)> {
    vec![(0, code("A")), (10, Event::Verified(Ok(holder()))), (100, face(Reason::Accepted))]
}

fn outcomes(effects: &[Effect]) -> Vec<Reason> {
    effects
        .iter()
        .filter_map(|effect| if let Effect::Record(outcome) = effect { Some(outcome.reason) } else { None })
        .collect()
}

fn pulses(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::OpenGate)).count()
}

#[test]
fn a_good_visit_opens_the_gate_once() {
    let (session, effects) = play(vec![
        (0, code("A")),
        (10, Event::Verified(Ok(holder()))),
        (200, poor(Reason::FaceQuality, None)),
        (300, face(Reason::FaceNonMatch)),
        (400, face(Reason::Accepted)),
        (500, code("A")),
    ]);
    assert_eq!((outcomes(&effects), pulses(&effects)), (vec![Reason::Accepted], 1));
    assert_eq!(session.state(), State::Outcome);
}

#[test]
fn a_refused_code_never_asks_for_a_face() {
    let (_, effects) = play(vec![(0, code("A")), (10, Event::Verified(Err(Reason::ProofExpired)))]);
    assert_eq!((outcomes(&effects), pulses(&effects)), (vec![Reason::ProofExpired], 0));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::CompareFace(_))));
}

#[test]
fn three_non_matches_are_a_no_and_silence_is_no_answer() {
    let start = vec![(0, code("A")), (10, Event::Verified(Ok(holder())))];
    let three = (0..3).map(|n| (100 + n, face(Reason::FaceNonMatch)));
    assert_eq!(outcomes(&play(start.iter().cloned().chain(three).collect()).1), [Reason::FaceNonMatch]);
    let nobody = vec![(100, poor(Reason::FaceNone, None)), (20_011, Event::Tick)];
    assert_eq!(outcomes(&play(start.iter().cloned().chain(nobody).collect()).1), [Reason::FaceNone]);
    let (_, effects) = play(start.into_iter().chain([(20_011, face(Reason::Accepted))]).collect());
    assert_eq!(
        (outcomes(&effects), pulses(&effects)),
        (vec![Reason::FaceNotCaptured], 0),
        "a match that comes too late opens nothing"
    );
}

#[test]
fn a_code_left_in_view_is_not_a_second_visit() {
    let mut events = vec![(0, code("A")), (10, Event::Verified(Err(Reason::StatusRevoked)))];
    events.extend((1..100).map(|n| (n * 100, code("A"))));
    assert_eq!(outcomes(&play(events.clone()).1), [Reason::StatusRevoked]);
    events.extend([(12_000, code("A")), (12_001, Event::Verified(Err(Reason::ProofReplayed)))]);
    assert_eq!(outcomes(&play(events).1), [Reason::StatusRevoked, Reason::ProofReplayed]);
}

#[test]
fn the_next_residents_code_ends_the_last_outcome() {
    let (session, _) =
        play(vec![(0, code("A")), (10, Event::Verified(Err(Reason::ProofExpired))), (4_100, code("B"))]);
    assert_eq!(session.state(), State::Verifying);
}

#[test]
fn an_unreadable_code_is_said_after_a_second_and_taken_back() {
    let unreadable = || Event::NoCode(Reason::SymbolUnreadable);
    let (_, effects) = play(vec![
        (0, unreadable()),
        (900, unreadable()),
        (1000, unreadable()),
        (1100, unreadable()),
        (1200, Event::NoCode(Reason::NoSymbol)),
    ]);
    assert_eq!(screens(&effects), [Screen::Idle, Screen::Problem(Reason::SymbolUnreadable), Screen::Idle]);
}

fn seal() -> Seal {
    let from = Timestamp::parse("2026-11-20T09:00:00Z").unwrap();
    let mut attributes = Attributes::default();
    attributes.set(Attribute::Name, AttributeValue::Text("SAMPLE, ALEX 01".to_owned())).unwrap();
    Seal {
        scheme: Dialect::HealthCertificate,
        country: "XA".to_owned(),
        signer: "CN=Sample Signer".to_owned(),
        valid_from: from,
        valid_until: from.plus(86_400),
        not_verified: &[],
        attributes,
    }
}

#[test]
fn a_genuine_seal_is_shown_and_opens_no_gate() {
    let (_, effects) =
        play(vec![(0, code("A")), (10, Event::Seal(Box::new(seal()))), (20, face(Reason::Accepted))]);
    assert_eq!((outcomes(&effects), pulses(&effects)), (vec![Reason::SealGenuine], 0));
    let shown: Vec<&Outcome> = effects
        .iter()
        .filter_map(|effect| if let Effect::Record(outcome) = effect { Some(outcome) } else { None })
        .collect();
    assert_eq!(shown[0].claims["name"], "SAMPLE, ALEX 01");
    let said = crate::ui::sentence(&Screen::Outcome(shown[0].clone()), shared::reason::Language::En);
    assert!(said.contains("no holder binding") && said.contains("health certificate of XA"), "{said}");
    assert!(!said.contains("ALEX"), "{said}");
}

#[test]
fn a_fault_closes_the_lane_until_it_is_mended() {
    let (session, effects) = play(vec![
        (0, code("A")),
        (10, Event::Verified(Ok(holder()))),
        (20, Event::Fault(Reason::CameraFailed)),
        (30, face(Reason::Accepted)),
        (40, code("B")),
    ]);
    assert_eq!(session.state(), State::OutOfService);
    assert_eq!((outcomes(&effects), pulses(&effects)), (vec![], 0));
    let (session, _) = session.step(Event::Fault(Reason::GateFailed), Moment(50));
    let (session, effects) = session.step(Event::Mended(Reason::CameraFailed), Moment(60));
    assert_eq!(screens(&effects), [Screen::OutOfService(Reason::GateFailed)], "one is left");
    assert_eq!(session.step(Event::Mended(Reason::GateFailed), Moment(70)).0.state(), State::Idle);
}

#[test]
fn a_lane_that_an_operator_closed_stays_closed_until_one_opens_it() {
    let (session, effects) = Session::new(Surroundings::default(), true);
    assert_eq!(screens(&effects), [Screen::OutOfService(Reason::LaneClosed)]);
    let (session, _) = session.step(Event::Fault(Reason::CameraFailed), Moment(1));
    let (session, _) = session.step(Event::Mended(Reason::CameraFailed), Moment(2));
    assert_eq!(session.state(), State::OutOfService);
    let (session, _) = session.step(code("A"), Moment(3));
    let (session, _) = session.step(Event::Reopen, Moment(4));
    assert_eq!(session.state(), State::Idle);
    let (session, _) = session.step(Event::Close, Moment(5));
    assert_eq!(session.state(), State::OutOfService);
}

#[test]
fn the_gate_opens_only_for_what_is_written_and_while_it_is_fresh() {
    let visit = || {
        let (mut session, _) = Session::new(Surroundings::default(), false);
        for (at, event) in good_visit() {
            session = session.step(at_its_time(event, at), Moment(at)).0;
        }
        assert_eq!(session.state(), State::Deciding);
        session
    };
    let ends = |event: Event, at| {
        let (session, effects) = visit().step(event, Moment(at));
        (session.state(), pulses(&effects))
    };
    assert_eq!(ends(Event::Recorded(ROW), 2_000), (State::Outcome, 1));
    assert_eq!(ends(Event::Recorded(ROW), 2_101), (State::Outcome, 0), "whoever it was may be gone");
    assert_eq!(ends(Event::Tick, 2_100), (State::Deciding, 0));
    assert_eq!(ends(Event::Tick, 2_101), (State::OutOfService, 0), "a disk that hangs");
    assert_eq!(ends(Event::Fault(Reason::JournalFailed), 200), (State::OutOfService, 0));
}

#[test]
fn a_face_of_a_moment_ago_decides_nothing() {
    let stale = Event::Face(FaceAnswer::from(Reason::Accepted), Moment(100));
    let (session, effects) = play(vec![(0, code("A")), (10, Event::Verified(Ok(holder()))), (2_200, stale)]);
    assert_eq!((session.state(), pulses(&effects)), (State::Capturing, 0));
    assert!(matches!(effects.last(), Some(Effect::CompareFace(_))), "and the next frame is looked at");
}

const WITH_CONTACT: Surroundings = Surroundings { passage: true, attended: false };

#[test]
fn the_lane_waits_for_somebody_to_pass() {
    let passage = |events: Vec<(u64, Passage)>| {
        let events = events.into_iter().map(|(at, passage)| (at, Event::Gate(passage)));
        let (session, effects) = play_in(WITH_CONTACT, good_visit().into_iter().chain(events).collect());
        let freed = effects.iter().filter(|effect| matches!(effect, Effect::FreeProof)).count();
        assert_eq!(pulses(&effects), 1);
        (session.state(), freed)
    };
    assert_eq!(passage(vec![]), (State::AwaitPass, 0));
    assert_eq!(passage(vec![(900, Passage::Passed)]), (State::Outcome, 0));
    assert_eq!(
        passage(vec![(900, Passage::NotPassed)]),
        (State::Outcome, 1),
        "the code may be shown once more"
    );
    let still_there = vec![(900, Event::Gate(Passage::NotPassed)), (1_000, code("A")), (2_500, code("A"))];
    let (session, _) = play_in(WITH_CONTACT, [good_visit(), still_there].concat());
    assert_eq!(session.state(), State::Verifying, "whoever still holds it up need not take it away first");
    assert_eq!(passage(vec![(900, Passage::Held)]), (State::AwaitPass, 0));
    assert_eq!(passage(vec![(900, Passage::Held), (60_000, Passage::Passed)]), (State::Outcome, 0));
    let shut = vec![(900, Event::Gate(Passage::Held)), (9_000, Event::Mended(Reason::GateFailed))];
    assert_eq!(play_in(WITH_CONTACT, [good_visit(), shut].concat()).0.state(), State::Outcome);
    let (session, _) = play_in(WITH_CONTACT, vec![(0, Event::Gate(Passage::Held))]);
    assert_eq!(session.state(), State::OutOfService, "a gate that does not close behind somebody");
    let silent = [good_visit(), vec![(30_101, Event::Tick)]].concat();
    let (session, effects) = play_in(WITH_CONTACT, silent);
    assert_eq!(screens(&effects).last(), Some(&Screen::OutOfService(Reason::GateFailed)));
    assert_eq!(session.clone().step(code("B"), Moment(30_200)).0.state(), State::OutOfService);
    assert_eq!(session.step(Event::Mended(Reason::GateFailed), Moment(31_000)).0.state(), State::Idle);
}

const ATTENDED: Surroundings = Surroundings { passage: false, attended: true };

#[test]
fn what_the_lane_cannot_decide_waits_for_an_officer() {
    let unanswered = || {
        vec![
            (0, code("A")),
            (10, Event::Verified(Err(Reason::TrustStale))),
            (20, code("A")),
            (4_100, Event::Tick),
        ]
    };
    let (session, effects) = play_in(ATTENDED, unanswered());
    assert_eq!(session.state(), State::ManualCheck);
    assert_eq!(screens(&effects).last(), Some(&Screen::ManualCheck(Reason::TrustStale)));
    let and = |event: Event| {
        let (session, effects) = play_in(ATTENDED, [unanswered(), vec![(5_000, event)]].concat());
        (session.state(), pulses(&effects))
    };
    assert_eq!(and(Event::Officer { row: ROW, admit: true }), (State::Outcome, 1));
    assert_eq!(and(Event::Officer { row: ROW, admit: false }), (State::Outcome, 0));
    let shown = |row| {
        let refused = Event::Officer { row, admit: false };
        screens(&play_in(ATTENDED, [unanswered(), vec![(5_000, refused)]].concat()).1).pop()
    };
    assert_eq!(shown(ROW), Some(Screen::Declined), "whoever waits is told");
    assert_eq!(shown(ROW - 1), Some(Screen::ManualCheck(Reason::TrustStale)), "it is about somebody else");
    assert_eq!(and(code("B")), (State::Verifying, 0), "the next one is not kept waiting");
    let late = [unanswered(), vec![(130_000, Event::Tick)]].concat();
    assert_eq!(play_in(ATTENDED, late).0.state(), State::Idle);
    let alone = play(unanswered()).0.state();
    assert_eq!(alone, State::Idle, "where nobody answers, nobody is waited for");
}

#[test]
fn an_officer_is_not_carried_out_in_the_middle_of_anothers_visit() {
    let admit = Event::Officer { row: ROW, admit: true };
    let (session, effects) =
        play_in(ATTENDED, vec![(0, code("B")), (10, Event::Verified(Ok(holder()))), (20, admit)]);
    assert_eq!((session.state(), pulses(&effects), session.takes_officer()), (State::Capturing, 0, false));
}

#[test]
fn a_gate_that_is_forced_ends_the_visit_and_calls_somebody() {
    let forced = (50, Event::Gate(Passage::Forced));
    for (around, state) in [(ATTENDED, State::ManualCheck), (WITH_CONTACT, State::Outcome)] {
        let events = vec![(0, code("A")), (10, Event::Verified(Ok(holder()))), forced.clone()];
        let (session, effects) = play_in(around, events);
        assert_eq!(session.state(), state);
        assert!(effects.iter().any(|effect| matches!(effect, Effect::RecordPassage(Passage::Forced, None))));
        let (_, effects) = session.step(Event::Face(Reason::Accepted.into(), Moment(60)), Moment(60));
        assert_eq!(pulses(&effects), 0);
    }
}

/// Plays a visit whose policy asks for a turn to the left, with these faces, one every 200 ms.
fn challenge(faces: Vec<Event>) -> (Session, Vec<Effect>) {
    let good = Event::Verified(Ok(challenged(Some(Challenge::draw(0)))));
    let start = vec![(0, code("A")), (10, good)];
    let faces = faces.into_iter().zip(1..).map(|(face, at)| (200 * at, face));
    play(start.into_iter().chain(faces).collect())
}

fn turned(yaw: f32, same_person: bool) -> Event {
    seen(Reason::FaceNonMatch, same_person, Quality { yaw, ..Quality::EXAMPLE })
}

#[test]
fn a_challenge_has_to_be_answered_before_the_gate_opens() {
    let matched = || face(Reason::Accepted);
    let (_, effects) = challenge(vec![matched(), matched(), matched(), matched()]);
    assert_eq!(pulses(&effects), 0, "a still face opens nothing");
    let asked = Screen::Challenge(ChallengeTask::TurnLeft);
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Show(screen) if *screen == asked)));

    let turn = vec![matched(), matched(), turned(20.0, true), turned(21.0, true)];
    let (_, effects) = challenge(turn.clone());
    assert_eq!(pulses(&effects), 0, "the face has to match once more");
    let (_, effects) = challenge([turn, vec![matched()]].concat());
    assert_eq!((outcomes(&effects), pulses(&effects)), (vec![Reason::Accepted], 1));
    assert!(
        effects
            .iter()
            .any(|effect| matches!(effect, Effect::Record(end) if end.challenge_passed == Some(true)))
    );
}

#[test]
fn a_challenge_answered_wrongly_by_somebody_else_or_not_at_all_opens_nothing() {
    let matched = || face(Reason::Accepted);
    let ends = |faces: Vec<Event>| {
        let (_, effects) = challenge(faces);
        (outcomes(&effects), pulses(&effects))
    };
    let wrong = vec![matched(), matched(), turned(-20.0, true), turned(-20.0, true), matched()];
    assert_eq!(ends(wrong), (vec![Reason::FaceChallenge], 0));
    let other = [vec![matched(), matched()], vec![turned(20.0, false); 12], vec![matched()]].concat();
    assert_eq!(ends(other), (vec![Reason::FaceChallenge], 0));
    assert_eq!(ends(vec![matched(); 200]), (vec![Reason::FaceChallenge], 0));
    assert_eq!(ends(vec![matched(), poor(Reason::FaceNone, None)]), (vec![], 0));
}

#[test]
fn what_would_help_is_said_once() {
    let dark = || poor(Reason::FaceQuality, Some(QualityIssue::TooDark));
    let (_, effects) = play(vec![
        (0, code("A")),
        (10, Event::Verified(Ok(holder()))),
        (200, dark()),
        (300, dark()),
        (400, poor(Reason::FaceQuality, Some(QualityIssue::Blurred))),
    ]);
    let hints: Vec<_> = effects
        .iter()
        .filter_map(|effect| {
            if let Effect::Show(Screen::LookAtCamera(Some(hint))) = effect { hint.issue } else { None }
        })
        .collect();
    assert_eq!(hints, [QualityIssue::TooDark, QualityIssue::Blurred]);
}

fn any_event() -> impl Strategy<Value = Event> {
    let reason = || proptest::sample::select(Reason::ALL);
    let fault =
        || proptest::sample::select(vec![Reason::CameraFailed, Reason::GateFailed, Reason::JournalFailed]);
    let passage =
        proptest::sample::select(vec![Passage::Passed, Passage::NotPassed, Passage::Held, Passage::Forced]);
    prop_oneof![
        6 => "[AB]".prop_map(Event::Code),
        1 => reason().prop_map(Event::NoCode),
        4 => Just(()).prop_map(|()| Event::Verified(Ok(holder()))),
        1 => Just(()).prop_map(|()| Event::Seal(Box::new(seal()))),
        1 => reason().prop_filter("a yes is not an error", |reason| reason.answer() != Answer::Accepted)
            .prop_map(|reason| Event::Verified(Err(reason))),
        4 => Just(()).prop_map(|()| face(Reason::Accepted)),
        2 => reason().prop_map(|reason| poor(reason, None)),
        6 => Just(Event::Recorded(ROW)),
        2 => passage.prop_map(Event::Gate),
        2 => any::<bool>().prop_map(|admit| Event::Officer { row: ROW, admit }),
        2 => Just(Event::Tick),
        1 => fault().prop_map(Event::Fault),
        2 => fault().prop_map(Event::Mended),
        1 => Just(Event::Close),
        2 => Just(Event::Reopen),
    ]
}

/// What has to be true of a lane, kept without its states: a small reference that says when the gate may open.
#[derive(Default)]
struct Reference {
    /// A code was handed to the verifier, and not answered yet.
    asked: bool,
    /// The verifier said yes to the visit's code.
    verified: bool,
    /// A yes is being written down, decided at this moment.
    writing: Option<u64>,
    closed: bool,
    faults: std::collections::BTreeSet<&'static str>,
}

impl Reference {
    /// Takes an event, and what the lane did, and says what is wrong.
    fn check(
        &mut self,
        event: &Event,
        effects: &[Effect],
        [before, state]: [State; 2],
        now: u64,
    ) -> Result<(), String> {
        match event {
            Event::Fault(reason) => _ = self.faults.insert(reason.code()),
            Event::Mended(reason) => _ = self.faults.remove(reason.code()),
            Event::Gate(Passage::Held) if before != State::AwaitPass => {
                self.faults.insert(Reason::GateFailed.code());
            }
            Event::Close => self.closed = true,
            Event::Reopen => (self.closed, _) = (false, self.faults.remove(Reason::GateFailed.code())),
            _ => {}
        }
        if matches!(event, Event::Verified(Ok(_))) && self.asked {
            (self.asked, self.verified) = (false, true);
        }
        let accepted = matches!(event, Event::Face(answer, _) if answer.reason == Reason::Accepted);
        let written = matches!(event, Event::Recorded(_));
        let mut pulsed = false;
        for effect in effects {
            match effect {
                Effect::Verify(_) => {
                    *self = Self { asked: true, verified: false, writing: None, ..std::mem::take(self) }
                }
                Effect::CompareFace(_) if !self.verified => return Err("a face for nobody".into()),
                Effect::Record(outcome) => {
                    let yes = outcome.reason == Reason::Accepted;
                    if yes && !(self.verified && accepted) {
                        return Err("a yes without a good code and a face".into());
                    }
                    self.writing = yes.then_some(now);
                    (self.asked, self.verified) = (false, false);
                }
                Effect::RecordOfficer { admit, .. } => {
                    if !matches!(event, Event::Officer { .. }) {
                        return Err("an officer who was not there".into());
                    }
                    self.writing = admit.then_some(now);
                }
                Effect::OpenGate => {
                    let fresh = self.writing.take().is_some_and(|since| now - since <= 2_000);
                    if pulsed || !written || !fresh {
                        return Err("the gate opened".into());
                    }
                    pulsed = true;
                }
                Effect::Show(Screen::OutOfService(reason)) => {
                    (self.asked, self.verified, self.writing) = (false, false, None);
                    if *reason != Reason::LaneClosed {
                        self.faults.insert(reason.code());
                    }
                }
                Effect::RecordPassage(Passage::Forced, None) => {
                    (self.asked, self.verified, self.writing) = (false, false, None);
                }
                _ => {}
            }
        }
        let shut = self.closed || !self.faults.is_empty();
        if shut != (state == State::OutOfService) {
            return Err(format!("out of service should be {shut}"));
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_reference_agrees(
        passage: bool,
        attended: bool,
        events in proptest::collection::vec((0u64..3_000, any_event()), 0..80)
    ) {
        let (mut session, _) = Session::new(Surroundings { passage, attended }, false);
        let (mut now, mut reference) = (0, Reference::default());
        for (wait, event) in events {
            now += wait;
            let event = at_its_time(event, now);
            let before = session.state();
            let (next, effects) = session.step(event.clone(), Moment(now));
            session = next;
            let checked = reference.check(&event, &effects, [before, session.state()], now);
            prop_assert_eq!(checked, Ok(()), "{:?} {:?}", event, session.state());
        }
    }

    /// From wherever it is, a lane that is not shut is back at the beginning within three minutes.
    #[test]
    fn nothing_lasts_for_ever(
        passage: bool,
        attended: bool,
        events in proptest::collection::vec((0u64..3_000, any_event()), 0..60)
    ) {
        let (mut session, _) = Session::new(Surroundings { passage, attended }, false);
        let mut now = 0;
        for (wait, event) in events {
            now += wait;
            session = session.step(at_its_time(event, now), Moment(now)).0;
        }
        for _ in 0..180 {
            now += 1_000;
            session = session.step(Event::Tick, Moment(now)).0;
        }
        prop_assert!(matches!(session.state(), State::Idle | State::Reading | State::OutOfService), "{:?}", session.state());
    }
}
