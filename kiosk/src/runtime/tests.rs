mod attended;
mod cameras;
mod journal;

use std::sync::{Arc, Mutex};

use ::tests::journey::photo;
use ::tests::{ISSUER, World, border, crafted};
use image::{DynamicImage, GrayImage, Luma};
use shared::cbor::Value;
use shared::credential::{self, Claims, Statement, present_statement};
use shared::qr::payload::{self, Payload};
use shared::trust::{Dialect, FaceRule, PaperRule, ProofRule};
use tempfile::TempDir;

use super::*;
use crate::camera::{Camera, Feed, Frame};
use crate::gate::{self, GateEvent, settings::GateSettings};
use crate::state::{Item, State as Stored};

/// What the lane has shown and said so far.
#[derive(Default)]
struct Seen {
    asked: Vec<credential::Challenge>,
    problems: Vec<Reason>,
    outcomes: Vec<Reason>,
}

struct Shown(Arc<Mutex<Seen>>);

impl Display for Shown {
    fn show(&mut self, screen: &Screen) {
        if let Screen::Problem(reason) = screen {
            self.0.lock().unwrap().problems.push(*reason);
        }
    }

    fn ask(&mut self, challenge: &credential::Challenge) {
        let asked = &mut self.0.lock().unwrap().asked;
        if asked.last() != Some(challenge) {
            asked.push(challenge.clone());
        }
    }
}

/// A camera before which somebody stands who sees the lane's display.
struct Visitor<F> {
    seen: Arc<Mutex<Seen>>,
    /// In milliseconds since the camera started.
    now: u64,
    until: u64,
    holds_up: F,
}

/// How far apart the frames are, in milliseconds.
const STEP: u64 = 500;

impl<F: FnMut(u64, &Seen) -> Option<DynamicImage> + Send> Camera for Visitor<F> {
    fn next_frame(&mut self) -> Result<Option<Frame>> {
        self.now += STEP;
        let picture =
            (self.holds_up)(self.now, &self.seen.lock().unwrap()).unwrap_or_else(|| nothing().into());
        Ok((self.now <= self.until).then(|| Frame::new(picture, self.now)))
    }
}

fn nothing() -> GrayImage {
    GrayImage::from_pixel(640, 480, Luma([255]))
}

fn symbol(text: &str) -> DynamicImage {
    let (symbol, mut picture) = (shared::qr::encode(text).unwrap(), nothing());
    let scale = 4.min(440 / symbol.size());
    for (x, y) in (0..symbol.size() * scale).flat_map(|y| (0..symbol.size() * scale).map(move |x| (x, y))) {
        let dark = symbol.is_dark(x / scale, y / scale);
        picture.put_pixel(20 + x, 20 + y, Luma([if dark { 0 } else { 255 }]));
    }
    picture.into()
}

/// A symbol whose middle is gone.
fn unreadable() -> DynamicImage {
    let mut picture = symbol(&"ANY TEXT ".repeat(20)).to_luma8();
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        if (60..180).contains(&x) && (60..180).contains(&y) {
            *pixel = Luma([255]);
        }
    }
    picture.into()
}

/// Lets a lane of a world work for so many milliseconds, and returns what it asked and decided.
fn work(
    world: &World,
    engine: Option<FaceEngine>,
    until: u64,
    holds_up: impl FnMut(u64, &Seen) -> Option<DynamicImage> + Send,
) -> Seen {
    let mut place = Place::new(Surroundings::default());
    place.engine = engine;
    let mut gate = gate::open(&GateSettings::default()).unwrap();
    let seen = place.seen.clone();
    let mut visitor = Visitor { seen: seen.clone(), now: 0, until, holds_up };
    place.work(world, gate.as_mut(), Source::Recorded(&mut visitor));
    std::mem::take(&mut seen.lock().unwrap())
}

/// Where a lane stands, and what is left when it has ended.
struct Place {
    folder: TempDir,
    settings: Settings,
    surroundings: Surroundings,
    engine: Option<FaceEngine>,
    board: Board,
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
}

impl Place {
    fn new(surroundings: Surroundings) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            settings: Settings::default(),
            surroundings,
            engine: None,
            board: Board::default(),
            seen: Arc::default(),
            stop: Arc::default(),
        }
    }

    fn work(&mut self, world: &World, gate: &mut dyn Gate, source: Source<'_>) {
        let seen = self.seen.clone();
        let mut record = |outcome: &Outcome, _, _, _| {
            seen.lock().unwrap().outcomes.push(outcome.reason);
            Ok(())
        };
        let mut lane = Lane {
            settings: self.settings.clone(),
            folder: self.folder.path().to_owned(),
            watch: Watch::default(),
            purpose: border(),
            trust: world.trust(),
            state: Stored::open(self.folder.path()).unwrap(),
            keys: vec![],
            engine: self.engine.take(),
            false_match_rate: None,
            time: Time::From(world.start),
            surroundings: self.surroundings,
            scanners: None,
            neighbors: None,
            site: None,
            metrics: Metrics::new(&self.board),
            board: self.board.clone(),
            display: &mut Shown(self.seen.clone()),
            record: &mut record,
            gate,
        };
        lane.run(source, Instant::now(), &self.stop).unwrap();
    }

    /// The journal's rows: when each was written, and its body if that is still there.
    fn rows(&self) -> Vec<(Timestamp, Option<Vec<u8>>)> {
        let mut rows = vec![];
        let each = |item| {
            if let Item::Row(row, body) = item {
                rows.push((row.at, body));
            }
            Ok(())
        };
        Stored::open(self.folder.path()).unwrap().journal(0, each).unwrap();
        rows
    }
}

/// A border that asks, and compares no faces.
fn asking() -> World {
    let mut world = World::default();
    (world.policy.proof, world.policy.face) = (ProofRule::Challenge, FaceRule::NotUsed);
    world
}

/// A phone's answer to a challenge, after so many milliseconds.
fn answer(world: &World, challenge: &credential::Challenge, at: u64) -> String {
    let statement = Statement {
        audience: challenge.audience(),
        nonce: Some(challenge.nonce()),
        now: world.start.plus(i64::try_from(at / 1000).unwrap()),
    };
    let credential = world.credential(&world.claims());
    let presentation = Payload::Signed(present_statement(&credential, &world.holder, &statement).unwrap());
    let key = challenge.reply_to().expect("a lane takes encrypted answers");
    let sealed = key.seal(&payload::to_bytes(&presentation), &[u8::try_from(at / 1000 % 256).unwrap(); 32]);
    payload::encode(&Payload::Encrypted(sealed.unwrap()))
}

#[test]
fn whoever_comes_finds_a_question_that_can_still_be_answered() {
    let world = asking();
    for arrival in [1000, 29_000, 61_000, 200_000] {
        let seen = work(&world, None, arrival + 1000, |now, seen| {
            let challenge = seen.asked.last().expect("an idle lane asks");
            (now >= arrival).then(|| symbol(&answer(&world, challenge, now)))
        });
        assert_eq!(seen.outcomes[..1], [Reason::Accepted], "somebody who came after {arrival} ms");
    }
}

/// Reading the question, deciding, and holding up the answer take time.
#[test]
fn a_question_is_good_for_half_a_minute_after_it_was_read() {
    let world = asking();
    for read in [500, 15_000, 29_500, 31_000, 75_000] {
        let mut read_then = None;
        let seen = work(&world, None, read + 28_000, |now, seen| {
            if now >= read && read_then.is_none() {
                read_then = seen.asked.last().cloned();
            }
            let challenge = read_then.as_ref().filter(|_| now >= read + 27_000);
            challenge.map(|challenge| symbol(&answer(&world, challenge, now)))
        });
        assert_eq!(seen.outcomes.first(), Some(&Reason::Accepted), "read after {read} ms");
    }
}

#[test]
fn the_next_visitor_is_asked_anew_and_no_answer_is_taken_twice() {
    let world = asking();
    let seen = work(&world, None, 20_000, |now, seen| match now {
        1000 => Some(symbol(&answer(&world, seen.asked.last()?, now))),
        // The first visitor's question, answered again by the time of the second visit.
        10_000..=11_000 => Some(symbol(&answer(&world, seen.asked.first()?, now))),
        _ => None,
    });
    assert_eq!(seen.outcomes[0], Reason::Accepted);
    // Nobody but that visit has its key.
    assert_eq!(seen.outcomes[1], Reason::TextEncrypted);
    assert!(seen.asked.len() >= 2);
}

/// What the phone is about to answer must not be taken back because a child waved another code.
#[test]
fn a_problem_in_view_does_not_change_the_question() {
    let world = asking();
    let seen = work(&world, None, 12_000, |now, seen| match now {
        1000..=4000 => Some(unreadable()),
        8000 => Some(symbol(&answer(&world, seen.asked.first()?, now))),
        _ => None,
    });
    assert_eq!(seen.problems, [Reason::SymbolUnreadable]);
    assert_eq!((seen.asked.len(), seen.outcomes.as_slice()), (2, &[Reason::Accepted][..]));
}

/// A credential of another scheme, with a portrait and no template, at a lane that compares faces.
#[test]
fn a_lane_compares_with_a_portrait() {
    let mut world = World::default();
    (world.policy.dialects, world.policy.paper) = (vec![Dialect::Claim169], PaperRule::Accept);
    let webp = include_bytes!("../../../tests/portraits/resident-01.webp");
    let with = |portrait: &[u8]| {
        let mut identity = vec![(4, Value::Text("SAMPLE, ALEX 01"))];
        if !portrait.is_empty() {
            identity.extend([(16, Value::Bytes(portrait)), (17, Value::from(4))]);
        }
        let claims = crafted::labels(&[
            (1, Value::Text(ISSUER)),
            (4, Value::from(world.start.plus(3600).as_unix())),
            (6, Value::from(world.start.as_unix())),
            (169, crafted::labels(&identity)),
        ]);
        let headers = crafted::labels(&[(1, Value::from(-8))]).encode();
        let hand = crafted::Hand::Ed25519(&world.issuer);
        let signed = crafted::sign1(&headers, Value::Map(vec![]), &claims.encode(), &hand);
        symbol(&payload::encode(&Payload::Static(signed)))
    };
    let visit = |portrait: &[u8], face: u8| {
        let code = with(portrait);
        let face = image::open(photo(face, "probe-smile")).unwrap();
        let engine = FaceEngine::built_in().unwrap();
        work(&world, Some(engine), 8000, |now, _| Some(if now <= 500 { code.clone() } else { face.clone() }))
    };
    assert_eq!(visit(webp, 1).outcomes, [Reason::Accepted]);
    assert_eq!(visit(webp, 2).outcomes, [Reason::FaceNonMatch]);
    assert_eq!(visit(&[], 1).outcomes, [Reason::FaceNoTemplate]);
}

/// The rule is about what lanes do with claims; a credential of ours without either goes to an officer too.
#[test]
fn a_credential_without_a_face_goes_to_an_officer() {
    let world = World::default();
    let bare = world.credential(&Claims { face: None, ..world.claims() });
    let code = symbol(&world.code(&bare, world.start));
    assert_eq!(work(&world, None, 1000, |_, _| Some(code.clone())).outcomes, [Reason::FaceNoTemplate]);
}
