//! What makes a frame hard, one thing at a time, and how hard.

use super::light::{Change, Flicker, Reflection, Shape};
use super::random::Random;
use super::situation::Situation;

/// One thing that goes wrong between a phone's screen and a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Nothing: an ordinary good frame.
    Clean,
    /// The phone is turned away from the camera.
    Tilt,
    /// The phone is turned in its plane, any way round.
    Roll,
    /// The phone is far away.
    Small,
    /// The lens is focused elsewhere.
    Defocus,
    /// The phone or the camera moves.
    Motion,
    /// Hardly any light is left, so noise shows.
    LowLight,
    /// The screen is dim beside what its glass reflects.
    LowContrast,
    /// The camera exposes for a dark room and the screen overflows.
    OverExposed,
    /// Lamps and windows are mirrored in the glass.
    Glare,
    /// The screen's pixels beat with the sensor's.
    Moire,
    /// The backlight flickers while rows are read out.
    Banding,
    /// The exposure of every row straddles the change to the next code.
    Ghost,
    /// Upper rows show the code before a change, lower rows the one after.
    Tear,
    /// The camera's link compresses hard.
    Jpeg,
    /// The code is drawn light on dark.
    Inverted,
    /// A dark application leaves little clear panel around the code.
    QuietZone,
    /// The lens bends straight lines.
    Lens,
    /// The glass is cracked across the code.
    Cracked,
    /// Fingerprints are on the glass.
    Smudged,
    /// Three or four of the others at once, each milder.
    Combined,
}

impl Category {
    /// Every category.
    pub const ALL: [Self; 21] = [
        Self::Clean,
        Self::Tilt,
        Self::Roll,
        Self::Small,
        Self::Defocus,
        Self::Motion,
        Self::LowLight,
        Self::LowContrast,
        Self::OverExposed,
        Self::Glare,
        Self::Moire,
        Self::Banding,
        Self::Ghost,
        Self::Tear,
        Self::Jpeg,
        Self::Inverted,
        Self::QuietZone,
        Self::Lens,
        Self::Cracked,
        Self::Smudged,
        Self::Combined,
    ];

    /// Those that [`Combined`](Self::Combined) draws from: what happens by itself and often enough to meet another.
    pub(super) const MIXED: [Self; 13] = [
        Self::Tilt,
        Self::Roll,
        Self::Small,
        Self::Defocus,
        Self::Motion,
        Self::LowLight,
        Self::LowContrast,
        Self::OverExposed,
        Self::Glare,
        Self::Moire,
        Self::Banding,
        Self::Jpeg,
        Self::Cracked,
    ];

    /// Returns the name used in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Tilt => "tilt",
            Self::Roll => "roll",
            Self::Small => "small",
            Self::Defocus => "defocus",
            Self::Motion => "motion",
            Self::LowLight => "low light",
            Self::LowContrast => "low contrast",
            Self::OverExposed => "over-exposed",
            Self::Glare => "glare",
            Self::Moire => "moire",
            Self::Banding => "banding",
            Self::Ghost => "ghost",
            Self::Tear => "tear",
            Self::Jpeg => "jpeg",
            Self::Inverted => "inverted",
            Self::QuietZone => "quiet zone",
            Self::Lens => "lens",
            Self::Cracked => "cracked",
            Self::Smudged => "smudged",
            Self::Combined => "combined",
        }
    }

    /// Returns whether the frame shows two codes, one after the other.
    pub(super) fn rotates(self) -> bool {
        matches!(self, Self::Ghost | Self::Tear)
    }

    /// Worsens a situation: `severity` goes from 0, hardly visible, to 1, the worst a reader is asked to try.
    ///
    /// The ends of every range were set so that zxing-cpp reads about nine frames in ten overall.
    pub(super) fn worsen(self, situation: &mut Situation, severity: f64, modules: u32, random: &mut Random) {
        let between = |mild: f64, severe: f64| mild + (severe - mild) * severity;
        let geometric = |mild: f64, severe: f64| mild * (severe / mild).powf(severity);
        let Situation { size, design, pose, lens, light, optics, sensor, .. } = situation;
        let module = pose.scale;
        match self {
            Self::Clean => {}
            Self::Tilt => {
                let angle = between(0.2, 0.95);
                let direction = random.between(0.0, std::f64::consts::TAU);
                pose.tilt = [angle * direction.cos(), angle * direction.sin()];
            }
            Self::Roll => {
                pose.roll = random.between(0.15, 0.6 + 2.5 * severity) * random.sign();
            }
            Self::Small => pose.scale = module.min(between(3.2, 1.8)),
            Self::Defocus => optics.defocus = module * between(0.25, 0.8),
            Self::Motion => {
                let (length, angle) =
                    (module * between(0.4, 1.6), random.between(0.0, std::f64::consts::TAU));
                optics.motion = [length * angle.cos(), length * angle.sin()];
                lens.skew = optics.motion[0] * random.between(0.5, 2.0);
            }
            Self::LowLight => {
                sensor.electrons = geometric(180.0, 14.0);
                sensor.read_noise = between(2.0, 3.0);
                sensor.denoise = random.pick(&[0.0, 0.5, 0.8]);
                light.room *= 0.3;
            }
            Self::LowContrast => {
                light.screen *= geometric(0.4, 0.07);
                light.haze = between(0.1, 0.45);
                sensor.exposure = random.between(0.5, 0.9) / (light.screen + light.haze).max(0.4);
            }
            Self::OverExposed => {
                sensor.exposure = geometric(1.4, 7.5);
                sensor.bloom = geometric(0.05, 0.25);
                sensor.bloom_reach = (module * random.between(3.0, 12.0)) as usize;
                sensor.veil = between(0.02, 0.06);
            }
            Self::Glare => {
                for _ in 0..1 + (random.unit() + severity) as usize {
                    light.reflections.push(reflection(severity, random));
                }
            }
            Self::Moire => {
                // Camera pixels of nearly one or two screen pixels: there the beat is slow.
                let across = f64::from(modules + 8);
                let beat = random.pick(&[1.0, 0.5, 0.5]) * random.between(0.93, 1.07);
                let screen_pixels = (module / beat).round().max(3.0);
                design.across = ((screen_pixels + 0.5) * across / 0.94) as usize;
                pose.scale = screen_pixels * beat;
                light.grid = between(0.3, 1.0);
                optics.aperture = between(0.9, 0.3);
                optics.softness = random.between(0.15, 0.35);
            }
            Self::Banding => {
                light.flicker = Some(Flicker {
                    period: f64::from(size.1) / random.between(2.0, 14.0),
                    phase: random.unit(),
                    duty: random.between(0.4, 0.7),
                    exposure: f64::from(size.1) / random.between(20.0, 60.0),
                    depth: between(0.3, 0.9),
                });
            }
            Self::Ghost => {
                let share = between(0.04, 0.34);
                // Readout is quick beside the exposure: the mix hardly changes from the first to the last row.
                let over = f64::from(size.1) * random.between(6.0, 20.0);
                let side = if random.chance(0.5) { share } else { 1.0 - share };
                light.change = Some(Change { row: pose.center[1] + (0.5 - side) * over, over });
            }
            Self::Tear => {
                // From just inside the edge of the code to its middle.
                let inside = f64::from(modules) * module * (0.5 - between(-0.06, 0.14));
                let row = pose.center[1] + inside * random.sign();
                light.change = Some(Change { row, over: module * random.between(0.5, 4.0) });
            }
            Self::Jpeg => sensor.jpeg = Some(geometric(55.0, 5.0) as u8),
            Self::Inverted => {
                (design.inverted, design.dark) = (true, true);
                Self::LowContrast.worsen(situation, severity * 0.3, modules, random);
            }
            Self::QuietZone => {
                design.dark = true;
                design.quiet_zone = between(3.0, -0.5).max(0.0);
            }
            Self::Lens => lens.distortion = between(0.03, 0.3) * if random.chance(0.7) { 1.0 } else { -0.6 },
            Self::Cracked => {
                design.cracks = between(2.0, 9.0) as u64;
                design.crack_width = between(0.15, 0.6);
            }
            Self::Smudged => {
                design.smudges = between(2.0, 8.0) as u64;
                design.smudge_strength = between(0.3, 0.85);
            }
            Self::Combined => {
                let mut left = Self::MIXED.to_vec();
                for _ in 0..random.whole(3..5) {
                    let category = left.swap_remove(random.whole(0..left.len() as u64) as usize);
                    let severity = severity * random.between(0.25, 0.65);
                    category.worsen(situation, severity, modules, random);
                }
            }
        }
    }
}

/// A lamp or a window somewhere over the code.
fn reflection(severity: f64, random: &mut Random) -> Reflection {
    let shape = if random.chance(0.5) { Shape::Lamp } else { Shape::Window };
    let extent = 0.06 + 0.16 * severity * random.between(0.6, 1.3);
    Reflection {
        shape,
        center: [random.between(-0.55, 0.55), random.between(-0.55, 0.55)],
        extent: [extent, extent * random.between(0.6, 1.6)],
        softness: random.between(0.01, 0.1),
        turn: random.between(-0.5, 0.5),
        strength: random.between(0.2, 0.5) + severity * random.between(0.2, 1.6),
    }
}
