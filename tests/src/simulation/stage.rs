//! One moment before a camera, photographed again and again with another drawing on the phone.

use image::GrayImage;
use shared::qr::Symbol;

use super::category::Category;
use super::mean_side;
use super::phone;
use super::plane::Plane;
use super::random::Random;
use super::scene;
use super::situation::Situation;

/// Screen pixels across: so many that every module comes out as wide as its neighbor at any version.
const FINE: usize = 2160;

/// The modules of a symbol, however it was drawn.
#[derive(Clone)]
pub struct Drawing {
    size: u32,
    dark: Vec<bool>,
}

impl Drawing {
    /// Takes modules row by row, `true` for dark; there are as many rows as columns.
    pub fn new(dark: Vec<bool>) -> Self {
        let size = dark.len().isqrt();
        assert_eq!(size * size, dark.len(), "a symbol is a square");
        Self { size: size as u32, dark }
    }

    /// Returns the modules along one side.
    pub fn size(&self) -> u32 {
        self.size
    }

    pub(super) fn is_dark(&self, x: u32, y: u32) -> bool {
        self.dark[(y * self.size + x) as usize]
    }
}

impl From<&Symbol> for Drawing {
    fn from(symbol: &Symbol) -> Self {
        let size = symbol.size();
        Self::new((0..size * size).map(|at| symbol.is_dark(at % size, at / size)).collect())
    }
}

/// A phone held before a camera at one moment. Phone, hand, light, blur and noise are the same in every picture, and so is
/// the width of the code with its quiet zone: the drawing alone differs.
pub struct Stage {
    situation: Situation,
    /// Modules along a side of the symbol that the moment was made for.
    modules: u32,
    before: Plane,
    random: Random,
}

impl Stage {
    /// Sets a moment as hard as the single frame of that category and difficulty, at the distance at which a symbol of
    /// some version from 8 to 20 would be held. Difficulty 5 goes as far beyond 4 as 4 beyond 3. The category is one of
    /// those that show one code on a plain screen.
    pub fn new(category: Category, difficulty: u8, size: (u32, u32), seed: u64) -> Self {
        let mut random = Random::new(&[seed, 98, category as u64, u64::from(difficulty), size.0.into()]);
        let modules = 17 + 4 * random.whole(8..21) as u32;
        let severity = (f64::from(difficulty) - random.unit()) / 4.0;
        let mut situation = Situation::everyday(size, modules, &mut random);
        category.worsen(&mut situation, severity, modules, &mut random);
        situation.keep_inside(modules);
        situation.design.across = FINE;
        let before = scene::draw(size, situation.light.room, situation.lens, situation.seed);
        Self { situation, modules, before, random }
    }

    /// Returns the frame with `drawing` on the phone, and its camera pixels for one module.
    pub fn frame(&self, drawing: &Drawing) -> (GrayImage, f64) {
        let phone = phone::showing(drawing, self.modules, &self.situation.design);
        let side = f64::from(self.modules) * phone.module;
        let (mut plane, mut random) = (self.before.clone(), self.random.clone());
        let picture = self.situation.expose(&mut plane, &phone, None, side, &mut random);
        let module = mean_side(&self.situation.corners(&phone, side)) / f64::from(self.modules);
        (picture, module * f64::from(self.modules + 8) / f64::from(drawing.size() + 8))
    }
}
