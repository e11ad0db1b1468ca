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
    Event::Face(FaceAnswer { reason, issue: None, record: Some(record) })
}

fn poor(reason: Reason, issue: Option<QualityIssue>) -> Event {
    Event::Face(FaceAnswer { reason, issue, record: None })
}

fn code(text: &str) -> Event {
    Event::Code(text.to_owned())
}

/// Plays events at their times and returns every effect.
fn play(events: Vec<(u64, Event)>) -> (Session, Vec<Effect>) {
    let (mut session, mut all) = Session::new();
    for (at, event) in events {
        let (next, effects) = session.step(event, Moment(at));
        session = next;
        all.extend(effects);
    }
    (session, all)
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
    assert!(matches!(session, Session::Outcome(_)));
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
    assert!(matches!(session, Session::Verifying(_)));
}

#[test]
fn an_unreadable_code_is_said_after_a_second_and_taken_back() {
    let unreadable = || Event::NoCode(Reason::SymbolUnreadable);
    let screens = |effects: Vec<Effect>| {
        effects
            .into_iter()
            .filter_map(|effect| if let Effect::Show(screen) = effect { Some(screen) } else { None })
            .collect::<Vec<_>>()
    };
    let (_, effects) = play(vec![
        (0, unreadable()),
        (900, unreadable()),
        (1000, unreadable()),
        (1100, unreadable()),
        (1200, Event::NoCode(Reason::NoSymbol)),
    ]);
    assert_eq!(screens(effects), [Screen::Idle, Screen::Problem(Reason::SymbolUnreadable), Screen::Idle]);
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
    assert!(matches!(session, Session::OutOfService));
    assert_eq!((outcomes(&effects), pulses(&effects)), (vec![], 0));
    assert!(matches!(session.step(Event::Mended, Moment(50)).0, Session::Idle(_)));
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
    let reason = proptest::sample::select(Reason::ALL);
    prop_oneof![
        4 => "[AB]".prop_map(Event::Code),
        1 => reason.clone().prop_map(Event::NoCode),
        2 => Just(()).prop_map(|()| Event::Verified(Ok(holder()))),
        1 => Just(()).prop_map(|()| Event::Seal(Box::new(seal()))),
        1 => reason.clone().prop_filter("a yes is not an error", |reason| reason.answer() != Answer::Accepted)
            .prop_map(|reason| Event::Verified(Err(reason))),
        4 => reason.clone().prop_map(|reason| poor(reason, None)),
        1 => Just(Event::Tick),
        1 => Just(Event::Fault(Reason::CameraFailed)),
        1 => Just(Event::Mended),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// A small reference: what the last code, verification and face said decides whether the gate may open.
    #[test]
    fn the_gate_opens_only_for_a_verified_code_and_an_accepted_face(
        events in proptest::collection::vec((0u64..8_000, any_event()), 0..60)
    ) {
        let (mut session, _) = Session::new();
        let (mut now, mut asked, mut verified) = (0, false, false);
        for (wait, event) in events {
            now += wait;
            let accepted_face = matches!(&event, Event::Face(FaceAnswer { reason: Reason::Accepted, .. }));
            if asked && matches!(&event, Event::Verified(Ok(_))) {
                verified = true;
            }
            let (next, effects) = session.step(event, Moment(now));
            session = next;
            let mut written = false;
            for effect in &effects {
                match effect {
                    Effect::Verify(_) => (asked, verified) = (true, false),
                    Effect::OpenGate => prop_assert!(asked && verified && accepted_face && written),
                    Effect::Record(outcome) => {
                        prop_assert_eq!(outcome.reason == Reason::Accepted, pulses(&effects) == 1);
                        written = true;
                    }
                    Effect::CompareFace(_) => prop_assert!(verified),
                    Effect::Show(screen) => {
                        if matches!(screen, Screen::OutOfService(_)) {
                            (asked, verified) = (false, false);
                        }
                    }
                }
            }
            if written {
                (asked, verified) = (false, false);
            }
        }
    }
}
