//! From light on the sensor to the grey bytes that a reader gets.

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GrayImage, ImageFormat};

use super::plane::Plane;
use super::random::Random;

/// What the sensor and the camera's own processing do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sensor {
    /// Where a light of 1 lands between black and saturation.
    pub(super) exposure: f64,
    /// How much of what exceeds saturation spills, and how far in pixels.
    pub(super) bloom: f64,
    pub(super) bloom_reach: usize,
    /// Light scattered evenly over the picture, as a share of its mean.
    pub(super) veil: f64,
    /// Electrons that saturation stands for: fewer are noisier.
    pub(super) electrons: f64,
    /// Noise of reading a pixel out, electrons.
    pub(super) read_noise: f64,
    /// Smoothing by the camera against noise (Gaussian, pixels).
    pub(super) denoise: f64,
    /// Exponent of the tone curve.
    pub(super) gamma: f64,
    /// Edge enhancement: how much of the difference to the surroundings is added.
    pub(super) sharpening: f64,
    /// JPEG quality, 1 to 100.
    pub(super) jpeg: Option<u8>,
}

impl Sensor {
    /// Turns light into bytes.
    pub(super) fn develop(&self, mut plane: Plane, random: &mut Random) -> GrayImage {
        let mean = plane.light.iter().sum::<f32>() / plane.light.len() as f32;
        let (exposure, veil) = (self.exposure as f32, mean * self.veil as f32);
        plane.light.iter_mut().for_each(|light| *light = (*light + veil) * exposure);
        plane.bloom(self.bloom, self.bloom_reach);
        let (electrons, read) = (self.electrons as f32, (self.read_noise * self.read_noise) as f32);
        for light in &mut plane.light {
            let collected = light.min(1.0) * electrons;
            *light =
                ((collected + (collected + read).sqrt() * random.gaussian()) / electrons).clamp(0.0, 1.0);
        }
        plane.gaussian(self.denoise);
        let curve: Vec<f32> =
            (0..=4096).map(|step| (step as f32 / 4096.0).powf(1.0 / self.gamma as f32)).collect();
        plane.light.iter_mut().for_each(|light| *light = curve[(*light * 4096.0) as usize]);
        if self.sharpening > 0.0 {
            let mut around = plane.clone();
            around.gaussian(1.0);
            let amount = self.sharpening as f32;
            for (light, around) in plane.light.iter_mut().zip(&around.light) {
                *light += (*light - around) * amount;
            }
        }
        let picture = plane.to_grey();
        match self.jpeg {
            Some(quality) => compressed(picture, quality),
            None => picture,
        }
    }
}

/// Writes and reads the picture as JPEG.
fn compressed(picture: GrayImage, quality: u8) -> GrayImage {
    let mut bytes = Vec::new();
    DynamicImage::ImageLuma8(picture)
        .write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality))
        .expect("grey fits JPEG");
    image::load_from_memory_with_format(&bytes, ImageFormat::Jpeg).expect("it was just written").into_luma8()
}
