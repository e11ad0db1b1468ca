//! The same phone for some frames in a hand that trembles.

use super::category::Category;
use super::random::Random;
use super::situation::Situation;
use super::{Frame, Rotation, Subject, scene};

/// Seconds between two frames that a reader is given.
const INTERVAL: f64 = 1.0 / 15.0;
/// Frames of a sequence where nobody asks for another number.
pub const FRAMES: usize = 6;

/// Some frames after one another.
pub struct Sequence {
    /// In the order taken. Each says which texts may be read from it.
    pub frames: Vec<Frame>,
    /// Difficulty, 1 to 4.
    pub difficulty: u8,
    /// Whether the code rotates in the middle.
    pub rotation: Rotation,
    /// The least camera pixels per module in any frame.
    pub pixels_per_module: f64,
}

/// Takes a sequence: `difficulty` goes from 1 to 4.
///
/// The hand trembles, the lens hunts for focus, the picture is smeared by the very motion that there is, and two other
/// things go wrong for all of the frames.
pub fn sequence(difficulty: u8, size: (u32, u32), rotation: Rotation, frames: usize, seed: u64) -> Sequence {
    let mut random = Random::new(&[seed, 77, u64::from(difficulty), size.0.into(), rotation as u64]);
    let subject = Subject::draw(rotation, &mut random);
    let severity = (f64::from(difficulty) - random.unit()) / 4.0;
    let modules = subject.symbols[0].size();
    let mut held = Situation::everyday(size, modules, &mut random);
    let mut others = Category::MIXED.to_vec();
    for _ in 0..2 {
        let category = others.swap_remove(random.whole(0..others.len() as u64) as usize);
        let severity = severity * random.between(0.45, 1.0);
        category.worsen(&mut held, severity, modules, &mut random);
    }
    let phones = subject.phones(&held.design);
    let drawn = scene::draw(size, held.light.room, held.lens, held.seed);
    let tremor = Tremor::new(severity, &mut random);
    let turn = frames as f64 / 2.0 + random.between(-0.5, 0.5);
    let frames: Vec<Frame> = (0..frames)
        .map(|number| {
            let time = number as f64 * INTERVAL;
            let mut now = held.clone();
            tremor.move_to(&mut now, time);
            now.keep_inside(modules);
            // A row in the frame that straddles the change, else all of the frame before or after it.
            let share = turn - number as f64;
            let (shown, next) = match rotation {
                Rotation::None => (0, None),
                Rotation::InTheMiddle if share >= 1.0 => (0, None),
                Rotation::InTheMiddle if share <= 0.0 => (1, None),
                Rotation::InTheMiddle => {
                    let over = f64::from(size.1) * 0.3;
                    let row = share * f64::from(size.1);
                    now.light.change = Some(super::light::Change { row, over });
                    (0, Some(1))
                }
            };
            let side = f64::from(modules) * phones[0].module;
            let next_phone = next.map(|next| &phones[next]);
            let picture = now.expose(&mut drawn.clone(), &phones[shown], next_phone, side, &mut random);
            let truths = std::iter::once(shown).chain(next).map(|at| subject.texts[at].clone()).collect();
            subject.frame(picture, truths, difficulty, &now, &phones[shown])
        })
        .collect();
    let pixels_per_module = frames.iter().map(|frame| frame.pixels_per_module).fold(f64::MAX, f64::min);
    Sequence { frames, difficulty, rotation, pixels_per_module }
}

/// A hand that is not still and a lens that hunts, each a sum of slow and quick swings.
struct Tremor {
    /// Across, down, roll, tilt, tilt, distance, focus.
    swings: [[Swing; 3]; 7],
    exposure: f64,
    amount: f64,
}

#[derive(Clone, Copy)]
struct Swing {
    rate: f64,
    phase: f64,
    weight: f64,
}

impl Tremor {
    fn new(severity: f64, random: &mut Random) -> Self {
        // A drift, a sway and the tremor proper, which has 8 to 12 Hz in a healthy hand.
        let swings = std::array::from_fn(|_| {
            [(0.3, 0.8, 1.0), (1.0, 3.0, 0.35), (8.0, 12.0, 0.04)].map(|(low, high, weight)| Swing {
                rate: std::f64::consts::TAU * random.between(low, high),
                phase: random.between(0.0, std::f64::consts::TAU),
                weight,
            })
        });
        Self { swings, exposure: random.between(0.008, 0.02), amount: 0.4 + severity }
    }

    fn at(&self, motion: usize, time: f64) -> f64 {
        self.swings[motion].iter().map(|swing| swing.weight * (swing.rate * time + swing.phase).sin()).sum()
    }

    /// Returns the change per second.
    fn speed(&self, motion: usize, time: f64) -> f64 {
        let speeds = self.swings[motion].iter();
        speeds.map(|swing| swing.weight * swing.rate * (swing.rate * time + swing.phase).cos()).sum()
    }

    fn move_to(&self, situation: &mut Situation, time: f64) {
        let module = situation.pose.scale;
        let reach = 7.0 * module * self.amount;
        situation.pose.center[0] += reach * self.at(0, time);
        situation.pose.center[1] += reach * self.at(1, time) * 0.5;
        situation.pose.roll += 0.06 * self.amount * self.at(2, time);
        let turned = [3, 4].map(|axis| 0.08 * self.amount * self.at(axis, time));
        situation.pose.tilt = [0, 1].map(|axis| situation.pose.tilt[axis] + turned[axis]);
        // A mirror turns what it shows by twice its own turn, here at some code widths of distance.
        for reflection in &mut situation.light.reflections {
            reflection.center[0] += 3.0 * turned[1];
            reflection.center[1] += 3.0 * turned[0];
        }
        // Screen and camera keep no common time, so the bands wander.
        if let Some(flicker) = &mut situation.light.flicker {
            flicker.phase += time * 7.3;
        }
        situation.pose.scale *= 1.0 + 0.04 * self.amount * self.at(5, time).min(0.5);
        let path = [0, 1].map(|axis| reach * [1.0, 0.5][axis] * self.speed(axis, time) * self.exposure);
        for axis in [0, 1] {
            situation.optics.motion[axis] += path[axis];
        }
        situation.lens.skew += path[0];
        let focus = self.at(6, time).abs() * module * 0.55 * self.amount;
        situation.optics.defocus = situation.optics.defocus.hypot(focus);
    }
}
