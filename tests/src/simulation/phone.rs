//! A phone's face: body, bezel, the application around the code, the code, and what happened to the glass.

use std::f64::consts::TAU;

use super::random::Random;
use super::stage::Drawing;
use super::texture::{BLACK, TRANSPARENT, Texture, WHITE};

/// How the phone looks and what state its glass is in.
#[derive(Debug, Clone)]
pub(super) struct Design {
    /// Screen pixels across.
    pub(super) across: usize,
    /// Whether the application is drawn light on dark.
    pub(super) dark: bool,
    /// Whether the code itself is drawn light on dark.
    pub(super) inverted: bool,
    /// Modules of clear panel around the code.
    pub(super) quiet_zone: f64,
    /// Cracks running from the impact.
    pub(super) cracks: u64,
    /// Width of a crack in modules.
    pub(super) crack_width: f64,
    /// Fingerprints on the glass.
    pub(super) smudges: u64,
    /// How much of the light a fingerprint scatters.
    pub(super) smudge_strength: f64,
    /// Decides every detail that nothing above does.
    pub(super) seed: u64,
}

/// A phone showing a code.
pub(super) struct Phone {
    pub(super) texture: Texture,
    /// Top left corner, in texture pixels, of the code that the screen is laid out for.
    pub(super) code: [f64; 2],
    /// Screen pixels for one module of that code.
    pub(super) module: f64,
}

/// Draws a phone whose screen is laid out for a symbol of `modules` a side and shows `drawing` in its place, as wide with
/// its quiet zone. The same design and place give the same phone around any drawing.
pub(super) fn showing(drawing: &Drawing, modules: u32, design: &Design) -> Phone {
    let mut random = Random::new(&[design.seed]);
    let mut face = Face::new(design, &mut random);
    let modules = f64::from(modules);
    let across = design.across as f64;
    let module = (across * 0.94 / (modules + 8.0)).floor().max(2.0);
    let side = modules * module;
    let code = [
        (face.left + (across - side) / 2.0).round(),
        (face.top + face.height * random.between(0.24, 0.34)).round(),
    ];
    face.header(code[1] - 4.0 * module, &mut random);
    let place = [code[0] - 4.0 * module, code[1] - 4.0 * module];
    face.panel(drawing, place, (modules + 8.0) * module, design);
    face.footer(code[1] + side + 4.0 * module, &mut random);
    let mut texture = face.texture;
    smudge(&mut texture, code, side, design, &mut random);
    crack(&mut texture, code, side, module, design, &mut random);
    Phone { texture, code, module }
}

/// Draws a phone showing an application without a code.
pub(super) fn without_code(
    design: &Design,
    draw: impl Fn(&mut Texture, [f64; 2], f64, &mut Random),
) -> Phone {
    let mut random = Random::new(&[design.seed]);
    let mut face = Face::new(design, &mut random);
    let side = design.across as f64 * 0.88;
    let at = [face.left + (design.across as f64 - side) / 2.0, face.top + face.height * 0.27];
    face.header(at[1] - 0.03 * side, &mut random);
    face.texture.rectangle(at, [side, side], WHITE);
    draw(&mut face.texture, at, side, &mut random);
    face.footer(at[1] + side * 1.03, &mut random);
    Phone { texture: face.texture, code: at, module: side / 80.0 }
}

/// The body with an empty screen, and the tones of the application.
struct Face {
    texture: Texture,
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    ground: u8,
    ink: u8,
    faint: u8,
    accent: u8,
}

impl Face {
    fn new(design: &Design, random: &mut Random) -> Self {
        let (width, bezel) = (design.across as f64, design.across as f64 * random.between(0.02, 0.045));
        let height = width * random.between(1.9, 2.1);
        let chin = bezel * random.between(1.0, 2.2);
        let body = [width + 2.0 * bezel, height + 2.0 * chin];
        let mut texture = Texture::filled(body[0] as usize, body[1] as usize, TRANSPARENT);
        let round = width * random.between(0.06, 0.13);
        texture.rounded([0.0, 0.0], body, round, random.pick(&[60, 110, 150]));
        texture.rounded([bezel * 0.3, bezel * 0.3], body.map(|side| side - bezel * 0.6), round, 12);
        let ground = match design.dark {
            true => random.pick(&[BLACK, 18, 35, 48]),
            false => random.pick(&[250, 243, 235, 246]),
        };
        texture.rounded([bezel, chin], [width, height], round * 0.8, ground);
        let (ink, faint) = if design.dark { (225, 120) } else { (25, 165) };
        let accent = random.pick(&[60, 90, 120]);
        Self { texture, left: bezel, top: chin, width, height, ground, ink, faint, accent }
    }

    /// Draws the status bar and a title above `bottom`.
    fn header(&mut self, bottom: f64, random: &mut Random) {
        let unit = self.width / 60.0;
        let edge = self.left + 3.0 * unit;
        self.texture.line_of_text([edge, self.top + 1.5 * unit], 9.0 * unit, 1.7 * unit, self.ink, random);
        for place in 0..3 {
            let x = self.left + self.width - (4.0 + 3.2 * f64::from(place)) * unit;
            self.texture.rounded([x, self.top + 1.5 * unit], [2.4 * unit, 1.6 * unit], 0.4 * unit, self.ink);
        }
        let title = self.top + 6.0 * unit;
        if random.chance(0.5) {
            self.texture.rectangle([self.left, self.top + 4.5 * unit], [self.width, 7.0 * unit], self.accent);
            self.texture.line_of_text([edge, title + unit], 26.0 * unit, 2.6 * unit, 240, random);
        } else {
            self.texture.line_of_text([edge, title], 30.0 * unit, 3.0 * unit, self.ink, random);
        }
        let size = [self.width - 6.0 * unit, bottom - title - 9.0 * unit];
        self.texture.paragraph([edge, title + 8.0 * unit], size, 1.8 * unit, self.faint, random);
    }

    /// Draws the clear panel with the code on it, at `place` and `wide` with a quiet zone of four modules.
    fn panel(&mut self, drawing: &Drawing, place: [f64; 2], wide: f64, design: &Design) {
        let module = wide / (f64::from(drawing.size()) + 8.0);
        let code = place.map(|at| at + 4.0 * module);
        let (paper, ink) = if design.inverted { (self.ground.min(40), 245) } else { (WHITE, BLACK) };
        let quiet = (design.quiet_zone * module).round();
        let side = f64::from(drawing.size()) * module + 2.0 * quiet;
        self.texture.rounded(code.map(|at| at - quiet), [side, side], quiet.min(1.5 * module), paper);
        for y in 0..drawing.size() {
            for x in 0..drawing.size() {
                if drawing.is_dark(x, y) {
                    let at = [code[0] + f64::from(x) * module, code[1] + f64::from(y) * module];
                    self.texture.rectangle(at, [module, module], ink);
                }
            }
        }
    }

    /// Draws a time bar, a name, a portrait and buttons below `top`.
    fn footer(&mut self, top: f64, random: &mut Random) {
        let unit = self.width / 60.0;
        let edge = self.left + 4.0 * unit;
        let wide = self.width - 8.0 * unit;
        self.texture.rounded([edge, top + unit], [wide, unit], 0.5 * unit, self.faint);
        self.texture.rounded([edge, top + unit], [wide * random.unit(), unit], 0.5 * unit, self.accent);
        let mut row = top + 4.0 * unit;
        if random.chance(0.5) {
            let round = 4.5 * unit;
            let face = [edge + round, row + round];
            self.texture.ellipse(face, [round, round], self.faint);
            self.texture.ellipse([face[0], face[1] - 0.2 * round], [0.4 * round, 0.5 * round], self.accent);
            let beside = [edge + 11.0 * unit, row + unit];
            self.texture.paragraph(beside, [wide - 14.0 * unit, 8.0 * unit], 2.0 * unit, self.ink, random);
            row += 11.0 * unit;
        }
        self.texture.line_of_text([edge, row], wide * 0.7, 2.2 * unit, self.ink, random);
        row += 5.0 * unit;
        while row + 9.0 * unit < self.top + self.height {
            self.texture.rounded([edge, row], [wide, 6.0 * unit], 1.5 * unit, self.accent);
            self.texture.line_of_text(
                [edge + wide * 0.3, row + 2.0 * unit],
                wide * 0.4,
                2.0 * unit,
                240,
                random,
            );
            row += 8.0 * unit;
        }
        let bar = [self.left + self.width * 0.35, self.top + self.height - 1.6 * unit];
        self.texture.rounded(bar, [self.width * 0.3, 0.7 * unit], 0.3 * unit, self.ink);
    }
}

/// Breaks the glass: jagged rays from the impact, with branches, each a bright edge beside a dark one.
fn crack(
    texture: &mut Texture,
    code: [f64; 2],
    side: f64,
    module: f64,
    design: &Design,
    random: &mut Random,
) {
    if design.cracks == 0 {
        return;
    }
    // The impact is near a corner of the code, so that rays cross all of it.
    let impact = code.map(|at| at + side * random.pick(&[-0.1, 0.05, 0.2, 0.8, 0.95, 1.1]));
    let inward = (code[1] + side / 2.0 - impact[1]).atan2(code[0] + side / 2.0 - impact[0]);
    for ray in 0..design.cracks {
        let spread = (ray as f64 + random.unit()) / design.cracks as f64 - 0.5;
        let mut rays =
            vec![(impact, inward + spread * 2.6, side * random.between(0.5, 1.5), design.crack_width)];
        while let Some((mut at, mut angle, mut left, width)) = rays.pop() {
            while left > 0.0 {
                let step = module * random.between(1.5, 7.0);
                let wide = (width * module * random.between(0.5, 1.3)).max(1.0);
                let to = [at[0] + angle.cos() * step, at[1] + angle.sin() * step];
                let beside = [-angle.sin() * wide * 0.6, angle.cos() * wide * 0.6];
                texture.stroke(at, to, wide, 20, 0.75);
                texture.stroke(
                    [at[0] + beside[0], at[1] + beside[1]],
                    [to[0] + beside[0], to[1] + beside[1]],
                    wide * 0.7,
                    235,
                    0.8,
                );
                (at, left) = (to, left - step);
                angle += random.between(-0.35, 0.35);
                if random.chance(0.06) && width > 0.15 {
                    rays.push((
                        at,
                        angle + random.sign() * random.between(0.4, 1.1),
                        left * 0.5,
                        width * 0.7,
                    ));
                }
            }
        }
    }
}

/// Leaves fingerprints: ridges of grease that pull dark and light towards a grey.
fn smudge(texture: &mut Texture, code: [f64; 2], side: f64, design: &Design, random: &mut Random) {
    for _ in 0..design.smudges {
        let center = code.map(|at| at + side * random.between(0.05, 0.95));
        let radii = [side * random.between(0.08, 0.16), side * random.between(0.12, 0.24)];
        let (sin, cos) = random.between(-0.8, 0.8).sin_cos();
        let pitch = side * random.between(0.008, 0.013);
        let grey = random.between(120.0, 200.0);
        let reach = radii[0].max(radii[1]);
        let columns = (center[0] - reach).max(0.0) as usize
            ..(center[0] + reach).clamp(0.0, texture.width as f64) as usize;
        for y in (center[1] - reach).max(0.0) as usize
            ..(center[1] + reach).clamp(0.0, texture.height as f64) as usize
        {
            for x in columns.clone() {
                let (dx, dy) = (x as f64 - center[0], y as f64 - center[1]);
                let (across, along) = ((dx * cos + dy * sin) / radii[0], (dy * cos - dx * sin) / radii[1]);
                let inside = 1.0 - across * across - along * along;
                let pixel = &mut texture.pixels[y * texture.width + x];
                if inside > 0.0 && *pixel != TRANSPARENT {
                    let ridge = 0.75 + 0.25 * (across.hypot(along * 0.8) * radii[0] * TAU / pitch).sin();
                    let share = design.smudge_strength * (inside * 3.0).min(1.0) * ridge;
                    *pixel = (f64::from(*pixel) * (1.0 - share) + grey * share).round().max(1.0) as u8;
                }
            }
        }
    }
}
