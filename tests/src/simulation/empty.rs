//! Frames with no code in them, which a reader should leave quickly.

use image::GrayImage;

use super::category::Category;
use super::phone;
use super::plane::Plane;
use super::random::Random;
use super::scene;
use super::situation::Situation;
use super::texture::{BLACK, Texture, WHITE};

/// What a frame without a code shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Empty {
    /// A desk or a wall with things on it, and nobody.
    Scene,
    /// A phone showing text.
    Text,
    /// A phone showing a portrait.
    Portrait,
    /// A phone showing a linear barcode.
    Barcode,
    /// A phone showing a checkerboard.
    Checkerboard,
    /// A phone showing one or two squares like those in the corners of a symbol, among other shapes.
    Decoy,
    /// Noise alone: the lens is covered.
    Noise,
    /// One grey.
    Flat,
}

impl Empty {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Scene,
        Self::Text,
        Self::Portrait,
        Self::Barcode,
        Self::Checkerboard,
        Self::Decoy,
        Self::Noise,
        Self::Flat,
    ];

    /// Returns the name used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scene => "scene",
            Self::Text => "text",
            Self::Portrait => "portrait",
            Self::Barcode => "barcode",
            Self::Checkerboard => "checkerboard",
            Self::Decoy => "decoy",
            Self::Noise => "noise",
            Self::Flat => "flat",
        }
    }
}

/// Takes a frame with no code in it.
pub fn empty(kind: Empty, size: (u32, u32), seed: u64) -> GrayImage {
    let mut random = Random::new(&[seed, 99, kind as u64, size.0.into()]);
    let mut situation = Situation::everyday(size, 80, &mut random);
    for category in [Category::Defocus, Category::LowLight, Category::Motion, Category::Glare] {
        if random.chance(0.2) {
            category.worsen(&mut situation, random.unit() * 0.6, 80, &mut random);
        }
    }
    let draw = |texture: &mut Texture, at: [f64; 2], side: f64, random: &mut Random| match kind {
        Empty::Text => texture.paragraph(at, [side, side], side / random.between(20.0, 50.0), 30, random),
        Empty::Portrait => {
            let portrait = scene::portrait(random);
            for y in 0..side as usize {
                for x in 0..side as usize {
                    let from = [x * portrait.width / side as usize, y * portrait.height / side as usize];
                    let to = (at[1] as usize + y) * texture.width + at[0] as usize + x;
                    texture.pixels[to] = portrait.pixels[from[1] * portrait.width + from[0]];
                }
            }
        }
        Empty::Barcode => {
            let inside = at.map(|at| at + 0.06 * side);
            texture.bars(inside, [side * 0.88, side * 0.5], (side / 200.0).round(), random);
        }
        Empty::Checkerboard => {
            let cells = random.whole(8..60);
            let cell = side / cells as f64;
            for square in
                (0..cells * cells).filter(|square| (square / cells + square % cells).is_multiple_of(2))
            {
                let corner = [(square % cells) as f64 * cell, (square / cells) as f64 * cell];
                texture.rectangle([at[0] + corner[0], at[1] + corner[1]], [cell, cell], BLACK);
            }
        }
        _ => {
            let module = (side / random.between(30.0, 90.0)).round();
            for _ in 0..random.whole(20..120) {
                let place = at.map(|at| at + random.unit() * side * 0.9);
                let extent = [1, 2].map(|_| module * random.whole(1..7) as f64);
                texture.rectangle(place, extent, random.pick(&[BLACK, WHITE]));
            }
            for corner in &[[0.05, 0.05], [0.7, 0.05]][..random.whole(1..3) as usize] {
                texture.finder_like([at[0] + corner[0] * side, at[1] + corner[1] * side], module);
            }
        }
    };
    let mut plane = match kind {
        Empty::Scene | Empty::Noise | Empty::Flat => {
            scene::draw(size, situation.light.room, situation.lens, situation.seed)
        }
        _ => {
            let phone = phone::without_code(&situation.design, draw);
            return situation.take(&phone, None, phone.module * 80.0, &mut random);
        }
    };
    match kind {
        Empty::Scene => situation.optics.blur(&mut plane),
        Empty::Noise => {
            plane = Plane::new(size);
            plane.light.fill(random.between(0.02, 0.3) as f32);
            situation.sensor.electrons = random.between(5.0, 60.0);
        }
        _ => {
            plane.light.fill(random.unit() as f32);
            situation.sensor.electrons = 1e6;
        }
    }
    situation.sensor.develop(plane, &mut random)
}
