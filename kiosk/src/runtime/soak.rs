//! A lane that everybody tries their worst on, for as long as `GATEPASS_SOAK_MINUTES` says (default: some seconds).
//!
//! Random, malformed and hostile codes and faces, in pictures of odd sizes, one after another. The lane must not panic, keep
//! memory, become slower, or open the gate for anybody but the one honest resident who comes by now and then.

use std::fs;
use std::time::{Duration, Instant};

use ::tests::journey::photo;
use ::tests::{World, border};
use image::{DynamicImage, GrayImage, Luma, imageops};
use rustix::time::{ClockId, clock_gettime};
use shared::credential::Claims;
use shared::trust::FaceRule;

use super::*;
use crate::camera::{Camera, Frame};
use crate::gate;
use crate::gate::settings::GateSettings;

/// The resident who comes by.
const OWN: u8 = 1;

/// Between two frames, in milliseconds of the lane's time.
const STEP: u64 = 150;

/// Frames that show one thing.
const SCENE: u64 = 24;

/// Frames before what memory the lane holds is looked at: everything was done once by then.
const WARM: usize = 400;

/// By how much it may have grown at the end, in bytes: what an allocator keeps, not what a leak of a frame in a hundred adds.
const GROWTH: usize = 24 << 20;

struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

/// What is held before the camera.
struct Crowd {
    world: World,
    /// The one resident whose face is in it.
    credential: Vec<u8>,
    own: DynamicImage,
    /// How often that resident came.
    honest: u64,
    dice: Dice,
    faces: Vec<DynamicImage>,
    hostile: Vec<String>,
    until: Option<Instant>,
    frames: u64,
    now: u64,
    scene: Scene,
    /// CPU time of the whole process at every frame.
    spent: Vec<Duration>,
    resident: Vec<usize>,
}

enum Scene {
    Nobody,
    Noise,
    Odd,
    Code(String),
    Damaged(String),
    Several(String, String),
    Face(usize),
    /// A good code, and then the resident's own face, or others'.
    Honest(String, bool),
}

impl Crowd {
    fn new(until: Option<Instant>) -> Self {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/invalid");
        let mut hostile: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| fs::read(entry.unwrap().path()).unwrap())
            .map(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).unwrap())
            .filter_map(|vector| Some(vector["text"].as_str()?.to_owned()))
            .filter(|text| shared::qr::encode(text).is_ok())
            .collect();
        hostile.sort();
        assert!(hostile.len() > 40, "{} vectors", hostile.len());
        let engine = FaceEngine::built_in().unwrap();
        let template = engine.enrol(&image::open(photo(OWN, "id-photo")).unwrap()).unwrap();
        let faces = (1..=10).filter(|number| *number != OWN).flat_map(|number| {
            ["id-photo", "probe-smile", "camera-a"].map(|name| image::open(photo(number, name)).unwrap())
        });
        let mut world = World::default();
        world.policy.face = FaceRule::Required;
        let credential = world.credential(&Claims { face: Some(template), ..world.claims() });
        Self {
            world,
            credential,
            own: image::open(photo(OWN, "probe-smile")).unwrap(),
            honest: 0,
            dice: Dice(2_026),
            faces: faces.collect(),
            hostile,
            until,
            frames: 0,
            now: 0,
            scene: Scene::Nobody,
            spent: vec![],
            resident: vec![],
        }
    }

    fn next_scene(&mut self) {
        let pick = |dice: &mut Dice, all: &[String]| {
            all[usize::try_from(dice.below(all.len() as u64)).unwrap()].clone()
        };
        let rotating = {
            let at = self.world.start.plus(i64::try_from(self.now / 1000).unwrap());
            self.world.code(&self.credential, at)
        };
        self.scene = match self.dice.below(10) {
            0 => Scene::Nobody,
            1 => Scene::Noise,
            2 => Scene::Odd,
            3 => Scene::Code(pick(&mut self.dice, &self.hostile)),
            4 => {
                // A good code with some characters changed.
                let mut text: Vec<char> = rotating.chars().collect();
                for _ in 0..=self.dice.below(3) {
                    let at = usize::try_from(self.dice.below(text.len() as u64)).unwrap();
                    text[at] = char::from(
                        b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
                            [usize::try_from(self.dice.below(45)).unwrap()],
                    );
                }
                Scene::Code(text.into_iter().collect())
            }
            5 => {
                let length = self.dice.below(700) + 1;
                Scene::Code(
                    (0..length)
                        .map(|_| char::from(b'A' + u8::try_from(self.dice.below(26)).unwrap()))
                        .collect(),
                )
            }
            6 => Scene::Damaged(rotating),
            7 => Scene::Several(pick(&mut self.dice, &self.hostile), rotating),
            8 => Scene::Face(usize::try_from(self.dice.below(self.faces.len() as u64)).unwrap()),
            _ => {
                let own = self.dice.below(2) == 0;
                self.honest += u64::from(own);
                Scene::Honest(rotating, own)
            }
        };
    }

    fn picture(&mut self) -> DynamicImage {
        let part = self.frames % SCENE;
        let dice = &mut self.dice;
        match &self.scene {
            Scene::Nobody => GrayImage::from_pixel(640, 480, Luma([200])).into(),
            Scene::Noise => GrayImage::from_fn(320, 240, |_, _| Luma([dice.byte()])).into(),
            Scene::Odd => match dice.below(4) {
                0 => DynamicImage::new_luma8(1, 1),
                1 => DynamicImage::new_rgb8(3, 700),
                2 => DynamicImage::new_luma8(1280, 2),
                _ => DynamicImage::new_luma8(0, 0),
            },
            Scene::Code(text) => code(text),
            Scene::Damaged(text) => {
                let mut picture = code(text).to_luma8();
                let (x, y) = (dice.below(300), dice.below(300));
                let patch = GrayImage::from_fn(90, 90, |_, _| Luma([dice.byte()]));
                imageops::overlay(&mut picture, &patch, i64::try_from(x).unwrap(), i64::try_from(y).unwrap());
                picture.into()
            }
            Scene::Several(one, other) => {
                let mut both = GrayImage::from_pixel(1000, 480, Luma([255]));
                for (text, x) in [(one, 0), (other, 500)] {
                    imageops::overlay(&mut both, &code(text).to_luma8(), x, 0);
                }
                both.into()
            }
            Scene::Face(number) => self.faces[*number].clone(),
            // The code first; strangers may be upside down, or half there.
            Scene::Honest(text, _) if part < 3 => code(text),
            Scene::Honest(_, true) => self.own.clone(),
            Scene::Honest(_, false) => {
                let stranger = &self.faces[usize::try_from(dice.below(self.faces.len() as u64)).unwrap()];
                match dice.below(4) {
                    0 => stranger.rotate180(),
                    1 => stranger.crop_imm(0, 0, stranger.width() / 2, stranger.height()),
                    _ => stranger.clone(),
                }
            }
        }
    }
}

fn code(text: &str) -> DynamicImage {
    let symbol = shared::qr::encode(text).unwrap();
    let scale = (440 / symbol.size()).max(2);
    let mut picture = GrayImage::from_pixel(480, 480, Luma([255]));
    for (x, y) in (0..symbol.size() * scale).flat_map(|y| (0..symbol.size() * scale).map(move |x| (x, y))) {
        if symbol.is_dark(x / scale, y / scale) && 20 + x < 480 && 20 + y < 480 {
            picture.put_pixel(20 + x, 20 + y, Luma([0]));
        }
    }
    picture.into()
}

fn cpu() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(spent.tv_sec.unsigned_abs(), u32::try_from(spent.tv_nsec).unwrap())
}

/// The memory that the process holds, in bytes.
fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

impl Camera for Crowd {
    fn next_frame(&mut self) -> Result<Option<Frame>> {
        let over = match self.until {
            Some(until) => Instant::now() > until,
            None => self.frames >= 900,
        };
        if over {
            return Ok(None);
        }
        if self.frames.is_multiple_of(SCENE) {
            self.next_scene();
        }
        let picture = self.picture();
        self.frames += 1;
        self.now += STEP;
        // What drawing the scene took is not the lane's: it counts from here to the next frame.
        self.spent.push(cpu());
        self.resident.push(resident());
        Ok(Some(Frame::new(picture, self.now)))
    }

    fn is_recorded(&self) -> bool {
        true
    }
}

struct Blank;

impl Display for Blank {
    fn show(&mut self, _screen: &Screen) {}
    fn ask(&mut self, _challenge: &shared::credential::Challenge) {}
}

fn share(sorted: &[Duration], per_mille: usize) -> Duration {
    sorted[(sorted.len() * per_mille / 1000).min(sorted.len() - 1)]
}

#[test]
fn a_hostile_crowd_changes_nothing() {
    let minutes = std::env::var("GATEPASS_SOAK_MINUTES").ok().map(|minutes| minutes.parse::<f64>().unwrap());
    let until = minutes.map(|minutes| Instant::now() + Duration::from_secs_f64(minutes * 60.0));
    let folder = tempfile::tempdir().unwrap();
    let mut crowd = Crowd::new(until);
    let mut decided = std::collections::BTreeMap::<&str, u64>::new();
    let mut gate = gate::open(&GateSettings::default()).unwrap();
    let board = Board::default();
    let mut lane = Lane {
        settings: Settings::default(),
        folder: folder.path().to_owned(),
        watch: Watch::default(),
        purpose: border(),
        trust: crowd.world.trust(),
        state: state::State::open(folder.path()).unwrap(),
        keys: vec![],
        engine: Some(FaceEngine::built_in().unwrap()),
        false_match_rate: None,
        time: Time::From(crowd.world.start),
        surroundings: Surroundings { passage: false, attended: true },
        scanners: None,
        neighbors: None,
        site: None,
        display: &mut Blank,
        gate: gate.as_mut(),
        metrics: Metrics::new(&board),
        board: board.clone(),
        record: &mut |outcome, _, _, _| {
            *decided.entry(outcome.reason.code()).or_default() += 1;
            Ok(())
        },
    };
    lane.run(Source::Recorded(&mut crowd), Instant::now(), &AtomicBool::new(false)).unwrap();
    drop(lane);

    println!("{} frames, {} decisions: {decided:?}", crowd.frames, decided.values().sum::<u64>());
    let accepted = decided.get("accepted").copied().unwrap_or_default();
    assert!((1..=crowd.honest).contains(&accepted), "{} honest visits, {decided:?}", crowd.honest);
    assert!(decided.contains_key("face.non_match"), "{decided:?}");
    assert!(decided.len() >= 5, "the crowd tried too little: {decided:?}");
    assert!(crowd.resident.len() > WARM, "too few frames");
    assert!(board.status().waiting.len() <= 10);

    let (start, end) = (crowd.resident[WARM], *crowd.resident.last().unwrap());
    println!("memory after {WARM} frames {} MB, at the end {} MB", start >> 20, end >> 20);
    assert!(end < start + GROWTH, "memory grew from {start} to {end} bytes");

    let took: Vec<Duration> = crowd.spent.windows(2).map(|pair| pair[1] - pair[0]).skip(WARM / 2).collect();
    let fifths: Vec<Duration> = took
        .chunks(took.len().div_ceil(5))
        .map(|part| {
            let mut sorted = part.to_vec();
            sorted.sort();
            share(&sorted, 990)
        })
        .collect();
    println!("CPU time of a frame, 99 % are below, by fifths of the run: {fifths:?}");
    if minutes.is_some() {
        // Not the clock on the wall: what else the machine does is not the lane's.
        let (first, last) = (fifths[0], fifths[4]);
        assert!(last < 2 * first + Duration::from_millis(5), "frames take longer and longer: {fifths:?}");
    }
}
