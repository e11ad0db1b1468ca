//! From an aligned crop to an embedding, and from an embedding to the bytes of a template.

use zeroize::Zeroizing;

use super::align::{Layout, alignment};
use super::detect::Face;
use super::model::{Model, ModelError};
use super::picture::sample;

/// Step of the quantiser in units of the root mean square of the values: the optimum for 16 levels of a normal
/// distribution (Max 1960), and what was measured to lose nothing (face research §4.1).
const STEP: f32 = 0.3352;

/// Half the levels of four bits.
const HALF_LEVELS: f32 = 8.0;

/// A face as a unit vector; wiped on drop.
pub struct Embedding(Zeroizing<Vec<f32>>);

impl std::fmt::Debug for Embedding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Embedding({} values)", self.0.len())
    }
}

/// Embeds one detected face.
///
/// # Errors
/// A model that fails, or whose output is not one vector.
pub(super) fn embed(
    model: &dyn Model,
    layout: Layout,
    picture: &image::RgbImage,
    face: &Face,
) -> Result<Embedding, ModelError> {
    let [_, _, height, width] = model.input_shape();
    let crop = sample(picture, &alignment(&face.landmarks, layout), width, height);
    let output = model.run(crop)?.into_iter().next().ok_or(ModelError::Output)?;
    Embedding::normalised(output.data).ok_or(ModelError::Output)
}

impl Embedding {
    /// Scales a vector to unit length; `None` if it has no direction or an odd number of values.
    pub(super) fn normalised(values: Vec<f32>) -> Option<Self> {
        let mut values = Zeroizing::new(values);
        let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        if !(length.is_finite() && length > 0.0 && values.len().is_multiple_of(2)) {
            return None;
        }
        values.iter_mut().for_each(|value| *value /= length);
        Some(Self(values))
    }

    /// Quantises to four bits a value, two values a byte, the first in the low half.
    ///
    /// `q = clip(floor(v·√D / 0.3352), -8, 7)`, stored as `q + 8`; cosine needs no scale, so none is stored.
    pub fn quantise(&self) -> Vec<u8> {
        let scale = (self.0.len() as f32).sqrt() / STEP;
        let level =
            |value: f32| ((value * scale).floor().clamp(-HALF_LEVELS, HALF_LEVELS - 1.0) + HALF_LEVELS) as u8;
        self.0.chunks_exact(2).map(|pair| level(pair[0]) | level(pair[1]) << 4).collect()
    }

    /// Returns the cosine between two embeddings of one network, -1 to 1.
    pub fn cosine(&self, other: &Self) -> f32 {
        self.0.iter().zip(other.0.iter()).map(|(a, b)| a * b).sum()
    }

    /// Returns the cosine between this embedding and a quantised one, -1 to 1; `None` if their lengths differ.
    ///
    /// Works on the quantised form: the middle of each level stands for it.
    pub fn similarity(&self, quantised: &[u8]) -> Option<f32> {
        if quantised.len() * 2 != self.0.len() {
            return None;
        }
        let (mut product, mut square) = (0.0, 0.0);
        for (pair, byte) in self.0.chunks_exact(2).zip(quantised) {
            for (value, level) in pair.iter().zip([byte & 15, byte >> 4]) {
                let level = f32::from(level) - HALF_LEVELS + 0.5;
                product += value * level;
                square += level * level;
            }
        }
        Some(product / square.sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(seed: u32) -> Vec<f32> {
        // A small generator: the sum of a few uniform values is normal enough.
        let mut state = seed;
        let mut uniform = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32
        };
        (0..256).map(|_| (0..6).map(|_| uniform()).sum::<f32>() - 3.0).collect()
    }

    #[test]
    fn four_bits_keep_the_direction() {
        let (one, other) =
            (Embedding::normalised(vector(1)).unwrap(), Embedding::normalised(vector(2)).unwrap());
        let bytes = one.quantise();
        assert_eq!(bytes.len(), 128);
        assert!(one.similarity(&bytes).unwrap() > 0.985);
        let exact: f32 = one.0.iter().zip(other.0.iter()).map(|(a, b)| a * b).sum();
        assert!((other.similarity(&bytes).unwrap() - exact).abs() < 0.02);
    }

    #[test]
    fn the_byte_layout_is_pinned() {
        // Unit vector of four: 0.5 each, times √4 / 0.3352 is 2.98, level 2; negative is level -3.
        let embedding = Embedding::normalised(vec![1.0, -1.0, 1.0, 1.0]).unwrap();
        assert_eq!(embedding.quantise(), [0x5a, 0xaa]);
        assert_eq!(embedding.similarity(&[0x5a]), None);
    }

    #[test]
    fn vectors_without_direction_are_refused() {
        assert!(Embedding::normalised(vec![0.0; 4]).is_none());
        assert!(Embedding::normalised(vec![f32::NAN; 4]).is_none());
        assert!(Embedding::normalised(vec![1.0; 3]).is_none());
        assert!(Embedding::normalised(vec![]).is_none());
    }
}
