//! Which score means which false match rate: an operator sets "1 in 10 000", not a cosine.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::trust::FalseMatchRate;

/// Measured points of one embedder, from lax to strict; what lies between is interpolated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Point>", into = "Vec<Point>")]
pub struct Calibration(Vec<Point>);

/// One measured point: the score that one in so many impostors reached.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// N of "1 in N".
    pub one_in: NonZeroU32,
    /// Cosine similarity, -1 to 1.
    pub score: f32,
}

/// Points that are no calibration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a calibration has at least two points, each stricter than the one before and with a higher score")]
pub struct CalibrationError;

impl TryFrom<Vec<Point>> for Calibration {
    type Error = CalibrationError;

    fn try_from(points: Vec<Point>) -> Result<Self, CalibrationError> {
        let rising = |pair: &[Point]| pair[0].one_in < pair[1].one_in && pair[0].score < pair[1].score;
        let sane = points.iter().all(|point| (-1.0..=1.0).contains(&point.score));
        if points.len() >= 2 && sane && points.windows(2).all(rising) {
            Ok(Self(points))
        } else {
            Err(CalibrationError)
        }
    }
}

impl From<Calibration> for Vec<Point> {
    fn from(calibration: Calibration) -> Self {
        calibration.0
    }
}

impl Calibration {
    /// Returns the strictest rate that was measured.
    pub fn strictest(&self) -> FalseMatchRate {
        self.0[self.0.len() - 1].one_in.into()
    }

    /// Returns the least score that keeps to a false match rate; `None` if nobody measured so strict a one.
    ///
    /// A laxer rate than any measured gets the laxest measured score. Between points the score is linear in the
    /// logarithm of the rate, which is how the tail of impostor scores falls.
    pub fn threshold(&self, rate: FalseMatchRate) -> Option<f32> {
        let log = |point: &Point| f64::from(point.one_in.get()).ln();
        let wanted = f64::from(rate.count()).ln();
        let first = &self.0[0];
        if wanted <= log(first) {
            return Some(first.score);
        }
        self.0.windows(2).find(|pair| wanted <= log(&pair[1])).map(|pair| {
            let share = (wanted - log(&pair[0])) / (log(&pair[1]) - log(&pair[0]));
            pair[0].score + share as f32 * (pair[1].score - pair[0].score)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration(points: &[(u32, f32)]) -> Result<Calibration, CalibrationError> {
        let point =
            |(one_in, score): &(u32, f32)| Point { one_in: NonZeroU32::new(*one_in).unwrap(), score: *score };
        Calibration::try_from(points.iter().map(point).collect::<Vec<_>>())
    }

    #[test]
    fn rates_become_thresholds() {
        let calibration = calibration(&[(100, 0.3), (1000, 0.4), (100_000, 0.6)]).unwrap();
        let threshold = |count| calibration.threshold(FalseMatchRate::one_in(count).unwrap());
        assert_eq!((threshold(1), threshold(100), threshold(1000)), (Some(0.3), Some(0.3), Some(0.4)));
        assert!((threshold(10_000).unwrap() - 0.5).abs() < 1e-6);
        assert_eq!((threshold(100_000), threshold(100_001)), (Some(0.6), None), "nothing is made up");
        assert_eq!(calibration.strictest().to_string(), "1 in 100000");
    }

    #[test]
    fn points_that_contradict_each_other_are_refused() {
        for points in [
            &[(100, 0.3)][..],
            &[(100, 0.3), (100, 0.4)],
            &[(100, 0.4), (1000, 0.3)],
            &[(10, 0.9), (100, 1.1)],
        ] {
            assert_eq!(calibration(points), Err(CalibrationError));
        }
        assert!(calibration(&[(10, f32::NAN), (100, 0.5)]).is_err());
    }
}
