//! Everything that decides what one frame looks like, and the taking of it.

use image::GrayImage;

use super::light::Light;
use super::optics::{Optics, project_phone};
use super::phone::{Design, Phone};
use super::plane::Plane;
use super::pose::{FOCAL, Lens, Pose, Projection};
use super::random::Random;
use super::scene;
use super::sensor::Sensor;

/// A phone held before a camera.
#[derive(Debug, Clone)]
pub(super) struct Situation {
    pub(super) size: (u32, u32),
    pub(super) design: Design,
    /// How the phone is held; the scale is that of modules, not of screen pixels.
    pub(super) pose: Pose,
    pub(super) lens: Lens,
    pub(super) light: Light,
    pub(super) optics: Optics,
    pub(super) sensor: Sensor,
    /// Decides the scene and the hand.
    pub(super) seed: u64,
}

impl Situation {
    /// An ordinary good moment: bright screen, nearly straight, in focus, with the noise and softness any camera has.
    pub(super) fn everyday(size: (u32, u32), modules: u32, random: &mut Random) -> Self {
        let (width, height) = (f64::from(size.0), f64::from(size.1));
        // A larger sensor sees the same phone with more pixels, though people then also stand farther away.
        let detail = width / 1280.0;
        let wanted = random.between(3.6, 6.0) * detail.powf(0.35);
        let scale = wanted.min(height * 0.92 / f64::from(modules + 4));
        let room = (height - f64::from(modules + 4) * scale).max(0.0) / 2.0;
        let aside = (width - f64::from(modules + 4) * scale).max(0.0) / 2.0;
        let center = [
            width / 2.0 + aside * random.between(-0.6, 0.6),
            height / 2.0 + room * random.between(-0.8, 0.8),
        ];
        let screen = random.between(0.75, 1.0);
        Self {
            size,
            design: Design {
                across: random.pick(&[720, 1080, 1080, 1440]),
                dark: random.chance(0.3),
                inverted: false,
                quiet_zone: 4.0,
                cracks: 0,
                crack_width: 0.0,
                smudges: 0,
                smudge_strength: 0.0,
                seed: random.next(),
            },
            pose: Pose {
                tilt: [random.between(-0.14, 0.14), random.between(-0.14, 0.14)],
                roll: random.between(-0.12, 0.12),
                scale,
                center,
            },
            lens: Lens { distortion: random.between(-0.01, 0.02), skew: 0.0 },
            light: Light {
                screen,
                haze: random.between(0.005, 0.04),
                room: random.between(0.15, 0.7),
                reflections: vec![],
                grid: 0.0,
                flicker: None,
                change: None,
            },
            optics: Optics {
                softness: random.between(0.45, 0.7),
                defocus: 0.0,
                motion: [0.0; 2],
                aperture: 1.0,
            },
            sensor: Sensor {
                exposure: random.between(0.6, 0.95),
                bloom: 0.05,
                bloom_reach: 16,
                veil: 0.02,
                electrons: 3000.0,
                read_noise: 4.0,
                denoise: 0.0,
                gamma: random.between(1.9, 2.3),
                sharpening: random.between(0.0, 0.6),
                jpeg: Some(random.whole(85..97) as u8),
            },
            seed: random.next(),
        }
    }

    /// Moves the phone, and farther away where that is not enough, until all of the code is in the frame.
    pub(super) fn keep_inside(&mut self, modules: u32) {
        let (sin, cos) = self.pose.roll.sin_cos();
        let (width, height) = (f64::from(self.size.0), f64::from(self.size.1));
        // What is nearer to the camera is larger: by how much at most.
        let reach = f64::from(modules + 4) * (sin.abs() + cos.abs()) / 2.0;
        let steep = self.pose.tilt[0].hypot(self.pose.tilt[1]).sin();
        let nearer = |scale: f64| 1.0 / (1.0 - (steep * reach * scale / (FOCAL * width)).min(0.6));
        for _ in 0..20 {
            if reach * self.pose.scale * nearer(self.pose.scale) > height / 2.0 {
                self.pose.scale *= 0.98;
            }
        }
        let half = reach * self.pose.scale * nearer(self.pose.scale);
        for (center, side) in self.pose.center.iter_mut().zip([width, height]) {
            *center = center.clamp(half.min(side / 2.0), (side - half).max(side / 2.0));
        }
    }

    /// Returns how the phone's texture comes into the frame. Its anchor is the middle of the code.
    pub(super) fn projection(&self, phone: &Phone, side: f64) -> Projection {
        let pose = Pose { scale: self.pose.scale / phone.module, ..self.pose };
        Projection::new(&pose, phone.code.map(|at| at + side / 2.0), self.lens, self.size)
    }

    /// Returns where in the frame the code's corners are: top left, top right, bottom right, bottom left, as it sees itself.
    pub(super) fn corners(&self, phone: &Phone, side: f64) -> [[f64; 2]; 4] {
        let projection = self.projection(phone, side);
        [[0.0, 0.0], [side, 0.0], [side, side], [0.0, side]]
            .map(|[x, y]| projection.to_frame([phone.code[0] + x, phone.code[1] + y]))
    }

    /// Takes the frame; `side` is the code's in texture pixels, `next` what the phone shows after a change.
    pub(super) fn take(
        &self,
        phone: &Phone,
        next: Option<&Phone>,
        side: f64,
        random: &mut Random,
    ) -> GrayImage {
        let mut plane = scene::draw(self.size, self.light.room, self.lens, self.seed);
        self.expose(&mut plane, phone, next, side, random)
    }

    /// Takes the frame before a scene already drawn.
    pub(super) fn expose(
        &self,
        plane: &mut Plane,
        phone: &Phone,
        next: Option<&Phone>,
        side: f64,
        random: &mut Random,
    ) -> GrayImage {
        let projection = self.projection(phone, side);
        project_phone(plane, (phone, next), &projection, &self.light, &self.optics, side);
        let hand = &mut Random::new(&[self.seed, 2]);
        if hand.chance(0.8) {
            scene::fingers(plane, &phone.texture, &projection, self.light.room, hand);
        }
        self.optics.blur(plane);
        self.sensor.develop(plane.clone(), random)
    }
}
