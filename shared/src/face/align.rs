//! Turning and scaling a face so that its landmarks fall where the embedder expects them.

use super::picture::Affine;

/// Where the five landmarks belong in a 112×112 crop: the template of ArcFace (Deng et al. 2019).
const ARCFACE: [[f32; 2]; 5] =
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]];

/// Where a crop puts the landmarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// The ArcFace points in 112×112.
    Arcface112,
    /// The same points in the middle 96 columns, stretched to 128×128 (Intel Open Model Zoo).
    Omz128,
}

impl Layout {
    fn points(self) -> [[f32; 2]; 5] {
        match self {
            Self::Arcface112 => ARCFACE,
            Self::Omz128 => ARCFACE.map(|[x, y]| [(x - 8.0) * 128.0 / 96.0, y * 128.0 / 112.0]),
        }
    }
}

/// Returns the map from the crop to the picture that brings `landmarks` closest to where `layout` wants them.
///
/// Least squares over rotation, scale and shift (Umeyama 1991); no reflection, no shear.
pub(super) fn alignment(landmarks: &[[f32; 2]; 5], layout: Layout) -> Affine {
    similarity(&layout.points(), landmarks)
}

/// The similarity that maps `from` to `to` with the least squared error.
fn similarity(from: &[[f32; 2]; 5], to: &[[f32; 2]; 5]) -> Affine {
    let mean = |points: &[[f32; 2]; 5]| {
        let sum = points.iter().fold([0.0, 0.0], |sum, point| [sum[0] + point[0], sum[1] + point[1]]);
        [sum[0] / 5.0, sum[1] / 5.0]
    };
    let (from_mean, to_mean) = (mean(from), mean(to));
    // In two dimensions the optimum has a closed form: treat points as complex numbers.
    let (mut real, mut imaginary, mut spread) = (0.0, 0.0, 0.0);
    for (source, target) in from.iter().zip(to) {
        let (sx, sy) = (source[0] - from_mean[0], source[1] - from_mean[1]);
        let (tx, ty) = (target[0] - to_mean[0], target[1] - to_mean[1]);
        real += sx * tx + sy * ty;
        imaginary += sx * ty - sy * tx;
        spread += sx * sx + sy * sy;
    }
    let (a, c) = (real / spread, imaginary / spread);
    Affine {
        a,
        b: -c,
        tx: to_mean[0] - a * from_mean[0] + c * from_mean[1],
        c,
        d: a,
        ty: to_mean[1] - c * from_mean[0] - a * from_mean[1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_similarity_is_recovered() {
        let (angle, scale) = (0.3_f32, 2.5_f32);
        let known = Affine {
            a: scale * angle.cos(),
            b: -scale * angle.sin(),
            tx: 40.0,
            c: scale * angle.sin(),
            d: scale * angle.cos(),
            ty: -7.0,
        };
        let moved = Layout::Omz128.points().map(|point| known.apply(point));
        let found = alignment(&moved, Layout::Omz128);
        for (expected, got) in [
            (known.a, found.a),
            (known.b, found.b),
            (known.tx, found.tx),
            (known.c, found.c),
            (known.d, found.d),
            (known.ty, found.ty),
        ] {
            assert!((expected - got).abs() < 1e-3, "{known:?} {found:?}");
        }
    }
}
