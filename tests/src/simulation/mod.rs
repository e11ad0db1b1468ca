//! A camera that sees phones: frames for measuring readers of QR symbols, made from a seed.
//!
//! | file | does |
//! | --- | --- |
//! | `category.rs` | what goes wrong, and how badly |
//! | `situation.rs` | everything that decides a frame, and the taking of it |
//! | `sequence.rs` | some frames after one another, in a hand that trembles |
//! | `stage.rs` | one moment, again and again with another drawing on the phone |
//! | `empty.rs` | frames with no code |
//! | `phone.rs`, `scene.rs`, `texture.rs` | what there is to see |
//! | `pose.rs`, `optics.rs`, `light.rs`, `plane.rs` | geometry and light, up to the sensor |
//! | `sensor.rs` | light to bytes |
//! | `random.rs` | chance, the same on every machine |
//!
//! Light is linear until the sensor. Every pixel is the mean of points in its area, mapped back through lens and pose
//! into the drawing, so that what aliases is what a sensor would let alias.

mod category;
mod empty;
mod light;
mod optics;
mod phone;
mod plane;
mod pose;
mod random;
mod scene;
mod sensor;
mod sequence;
mod situation;
mod stage;
mod texture;

use image::GrayImage;
use shared::qr::{EncodeError, Level, Symbol, encode_at};

pub use category::Category;
pub use empty::{Empty, empty};
pub use random::Random;
pub use sequence::{FRAMES, Sequence, sequence};
pub use stage::{Drawing, Stage};

use phone::{Design, Phone};
use situation::Situation;

/// Frame sizes of cameras built into terminals, width and height.
pub const SIZES: [(u32, u32); 3] = [(640, 480), (1280, 720), (1920, 1080)];

/// One frame with a code in it.
pub struct Frame {
    /// What the reader gets.
    pub picture: GrayImage,
    /// What may be read: two texts where the code rotates while the frame is taken.
    pub truths: Vec<String>,
    /// Difficulty, 1 to 4.
    pub difficulty: u8,
    /// Version of the symbol.
    pub version: u8,
    /// Error correction level of the symbol.
    pub level: Level,
    /// Camera pixels for one module: the root of the code's area in the frame over its modules along a side.
    pub pixels_per_module: f64,
    /// Corners of the symbol in the frame: top left, top right, bottom right, bottom left, as the symbol sees itself.
    pub corners: [[f64; 2]; 4],
}

/// Whether the code is replaced by its successor while frames are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// It stays.
    None,
    /// It is replaced. The texts share nine tenths and differ in the last, as those of a rotating code do.
    InTheMiddle,
}

/// Takes one frame: `difficulty` goes from 1 to 4.
pub fn frame(category: Category, difficulty: u8, size: (u32, u32), seed: u64) -> Frame {
    let mut random = Random::new(&[seed, category as u64, u64::from(difficulty), size.0.into()]);
    let rotation = if category.rotates() { Rotation::InTheMiddle } else { Rotation::None };
    let subject = Subject::draw(rotation, &mut random);
    let modules = subject.symbols[0].size();
    let severity = (f64::from(difficulty) - random.unit()) / 4.0;
    let mut situation = Situation::everyday(size, modules, &mut random);
    category.worsen(&mut situation, severity, modules, &mut random);
    situation.keep_inside(modules);
    let phones = subject.phones(&situation.design);
    let side = f64::from(modules) * phones[0].module;
    let picture = situation.take(&phones[0], phones.get(1), side, &mut random);
    subject.frame(picture, subject.texts.clone(), difficulty, &situation, &phones[0])
}

/// The code or the two codes shown.
struct Subject {
    texts: Vec<String>,
    symbols: Vec<Symbol>,
}

impl Subject {
    /// Draws full symbols of a random version at level M or L.
    fn draw(rotation: Rotation, random: &mut Random) -> Self {
        let version = random.whole(10..26) as u8;
        let level = random.pick(&[Level::M, Level::L]);
        let limit = match encode_at(&"A".repeat(4000), version, level) {
            Err(EncodeError::TooLong { limit, .. }) => limit,
            other => panic!("no symbol holds 4000 characters: {other:?}"),
        };
        let mut texts = vec![random.text(limit)];
        if rotation == Rotation::InTheMiddle {
            let kept = limit * 9 / 10;
            texts.push(texts[0][..kept].to_owned() + &random.text(limit - kept));
        }
        let symbols =
            texts.iter().map(|text| encode_at(text, version, level).expect("it just fits")).collect();
        Self { texts, symbols }
    }

    fn phones(&self, design: &Design) -> Vec<Phone> {
        let phone = |symbol: &Symbol| phone::showing(&symbol.into(), symbol.size(), design);
        self.symbols.iter().map(phone).collect()
    }

    /// Puts the truth beside a picture.
    fn frame(
        &self,
        picture: GrayImage,
        truths: Vec<String>,
        difficulty: u8,
        situation: &Situation,
        phone: &Phone,
    ) -> Frame {
        let symbol = &self.symbols[0];
        let side = f64::from(symbol.size()) * phone.module;
        let corners = situation.corners(phone, side);
        Frame {
            picture,
            truths,
            difficulty,
            version: symbol.version(),
            level: symbol.level(),
            pixels_per_module: mean_side(&corners) / f64::from(symbol.size()),
            corners,
        }
    }
}

/// Returns the side of the square that has the area between four corners.
fn mean_side(corners: &[[f64; 2]; 4]) -> f64 {
    let area: f64 = (0..4)
        .map(|corner| {
            let ([x, y], [next_x, next_y]) = (corners[corner], corners[(corner + 1) % 4]);
            x * next_y - next_x * y
        })
        .sum();
    (area.abs() / 2.0).sqrt()
}

#[cfg(test)]
mod tests;
