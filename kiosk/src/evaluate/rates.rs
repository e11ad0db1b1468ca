//! Error rates from scores (ISO/IEC 19795-1), with 95 % intervals.

use std::collections::BTreeMap;

use serde::Serialize;

/// Scores are counted in steps of this: fine enough for every rate here, and any number of pairs fits.
const STEP: f64 = 1e-4;
/// z of a two-sided 95 % interval.
const Z: f64 = 1.959_964;
/// How often people are drawn anew for an interval.
const RESAMPLES: usize = 1000;
/// Below so many impostors above a threshold, the threshold itself is a guess.
pub const FEW_IMPOSTORS: u64 = 30;

/// A share with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// `count / of`, 0 to 1.
    pub rate: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// How many it happened to.
    pub count: u64,
    /// Out of how many.
    pub of: u64,
}

impl Rate {
    /// A share of independent trials (Wilson 1927); `None` where there were none.
    pub fn new(count: u64, of: u64) -> Option<Self> {
        if of == 0 {
            return None;
        }
        let (n, p) = (of as f64, count as f64 / of as f64);
        let scale = 1.0 + Z * Z / n;
        let middle = (p + Z * Z / (2.0 * n)) / scale;
        let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt() / scale;
        Some(Self {
            rate: p,
            low: (middle - half).max(0.0).min(p),
            high: (middle + half).min(1.0).max(p),
            count,
            of,
        })
    }
}

/// How many scores fell on each step.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; (2.0 / STEP) as usize + 2], total: 0 }
    }
}

impl Histogram {
    /// Counts one score, -1 to 1.
    pub fn add(&mut self, score: f32) {
        let last = self.counts.len() - 1;
        let bin = ((f64::from(score) + 1.0) / STEP).floor().clamp(0.0, last as f64) as usize;
        self.counts[bin] += 1;
        self.total += 1;
    }

    /// Returns how many scores there are.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Returns the least threshold that at most a share `rate` of the scores reaches.
    pub fn threshold(&self, rate: f64) -> Option<f64> {
        let allowed = (rate * self.total as f64).floor() as u64;
        if self.total == 0 || allowed == 0 {
            return None;
        }
        let mut above = 0;
        for (bin, count) in self.counts.iter().enumerate().rev() {
            above += count;
            if above > allowed {
                return Some((bin + 1) as f64 * STEP - 1.0);
            }
        }
        Some(-1.0)
    }

    /// Returns how many scores reach a threshold.
    pub fn reaching(&self, threshold: f64) -> u64 {
        let first = ((threshold + 1.0) / STEP).round().max(0.0) as usize;
        self.counts.iter().skip(first).sum()
    }

    /// Returns `(threshold, share of scores that reach it)` from lax to strict, wherever the share changes.
    fn falling(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        let mut above = self.total;
        let steps =
            self.counts.iter().enumerate().filter(|(_, count)| **count > 0).map(move |(bin, count)| {
                above -= count;
                ((bin + 1) as f64 * STEP - 1.0, above as f64 / self.total as f64)
            });
        std::iter::once((-1.0, 1.0)).chain(steps)
    }
}

/// The scores of one kind of comparison.
#[derive(Debug, Clone, Default)]
pub struct Scores {
    /// Of people with themselves, by person: scores of one person are not independent of each other.
    pub genuine: BTreeMap<String, Vec<f32>>,
    /// Of people with others.
    pub impostor: Histogram,
}

/// FNMR at one FMR.
#[derive(Debug, Clone, Serialize)]
pub struct AtFmr {
    /// False non-match rate.
    #[serde(flatten)]
    pub fnmr: Rate,
    /// The threshold that gives the FMR.
    pub threshold: f64,
    /// How many impostors reach it.
    pub impostors: u64,
    /// Whether those are so few that the threshold is a guess.
    pub few_impostors: bool,
}

impl Scores {
    /// Returns the number of genuine comparisons.
    pub fn genuine_pairs(&self) -> u64 {
        self.genuine.values().map(|scores| scores.len() as u64).sum()
    }

    /// Returns the lowest genuine score.
    pub fn lowest_genuine(&self) -> Option<f32> {
        self.genuine.values().flatten().copied().min_by(f32::total_cmp)
    }

    /// Returns the FNMR at the threshold that gives an FMR; `None` with too few pairs to have one.
    pub fn at_fmr(&self, fmr: f64) -> Option<AtFmr> {
        let threshold = self.impostor.threshold(fmr)?;
        let fnmr = self.fnmr(threshold)?;
        let impostors = self.impostor.reaching(threshold);
        Some(AtFmr { fnmr, threshold, impostors, few_impostors: impostors < FEW_IMPOSTORS })
    }

    /// Returns the FNMR at a threshold. Its interval is the wider of two: of independent pairs, and of people drawn
    /// anew, because one person's pairs fail together.
    pub fn fnmr(&self, threshold: f64) -> Option<Rate> {
        let people: Vec<(u64, u64)> = self
            .genuine
            .values()
            .map(|scores| {
                let failed = scores.iter().filter(|score| f64::from(**score) < threshold).count();
                (failed as u64, scores.len() as u64)
            })
            .collect();
        let total = |rows: &mut dyn Iterator<Item = (u64, u64)>| {
            rows.fold((0, 0), |sum, row| (sum.0 + row.0, sum.1 + row.1))
        };
        let (failed, all) = total(&mut people.iter().copied());
        let mut rate = Rate::new(failed, all)?;
        let mut random = Random(1);
        let mut shares: Vec<f64> = (0..RESAMPLES)
            .map(|_| {
                let mut drawn = (0..people.len()).map(|_| people[random.below(people.len())]);
                let (failed, all) = total(&mut drawn);
                failed as f64 / all.max(1) as f64
            })
            .collect();
        shares.sort_by(f64::total_cmp);
        rate.low = rate.low.min(shares[RESAMPLES / 40]);
        rate.high = rate.high.max(shares[RESAMPLES - 1 - RESAMPLES / 40]);
        Some(rate)
    }

    /// Returns the equal error rate, with the interval of the FNMR there.
    pub fn eer(&self) -> Option<Rate> {
        let mut genuine: Vec<f32> = self.genuine.values().flatten().copied().collect();
        genuine.sort_by(f32::total_cmp);
        if genuine.is_empty() || self.impostor.total() == 0 {
            return None;
        }
        let apart = |(threshold, fmr): &(f64, f64)| (miss(&genuine, *threshold) - fmr).abs();
        let nearest = self.impostor.falling().min_by(|a, b| apart(a).total_cmp(&apart(b)));
        let (threshold, fmr) = nearest?;
        let mut rate = self.fnmr(threshold)?;
        rate.rate = (rate.rate + fmr) / 2.0;
        (rate.low, rate.high) = (rate.low.min(rate.rate), rate.high.max(rate.rate));
        Some(rate)
    }

    /// Returns `(FMR, FNMR)` along the detection error trade-off curve, from lax to strict.
    pub fn curve(&self) -> Vec<(f64, f64)> {
        let mut genuine: Vec<f32> = self.genuine.values().flatten().copied().collect();
        genuine.sort_by(f32::total_cmp);
        let points: Vec<(f64, f64)> =
            self.impostor.falling().map(|(threshold, fmr)| (fmr, miss(&genuine, threshold))).collect();
        let every = points.len().div_ceil(2000).max(1);
        // The strict end is where the interest is: every point of it stays.
        let dense = points.len().saturating_sub(500);
        points
            .into_iter()
            .enumerate()
            .filter(|(at, _)| at % every == 0 || *at >= dense)
            .map(|(_, point)| point)
            .collect()
    }
}

fn miss(sorted: &[f32], threshold: f64) -> f64 {
    sorted.partition_point(|score| f64::from(*score) < threshold) as f64 / sorted.len().max(1) as f64
}

/// A small generator, the same on every run: a report made twice is the same report.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % bound.max(1) as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilsons_interval_is_the_published_one() {
        // Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        for (count, of, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let rate = Rate::new(count, of).unwrap();
            assert!((rate.low - low).abs() < 1e-4 && (rate.high - high).abs() < 1e-4, "{rate:?}");
        }
        assert_eq!(Rate::new(0, 0), None);
    }

    fn scores(genuine: &[&[f32]], impostor: &[f32]) -> Scores {
        let mut scores = Scores::default();
        for (person, own) in genuine.iter().enumerate() {
            scores.genuine.insert(person.to_string(), own.to_vec());
        }
        impostor.iter().for_each(|score| scores.impostor.add(*score));
        scores
    }

    #[test]
    fn thresholds_let_no_more_impostors_through_than_said() {
        let impostor: Vec<f32> = (0..1000).map(|i| i as f32 / 2000.0).collect();
        let scores = scores(&[&[0.9, 0.3], &[0.496]], &impostor);
        let at = scores.at_fmr(0.01).unwrap();
        assert_eq!(at.impostors, 10);
        assert!(
            at.threshold > 0.4945 && at.threshold <= 0.495,
            "above the eleventh highest: {}",
            at.threshold
        );
        assert_eq!((at.fnmr.count, at.fnmr.of), (1, 3));
        assert!(at.few_impostors && !scores.at_fmr(0.1).unwrap().few_impostors);
        assert!(scores.at_fmr(1e-4).is_none(), "one in 10 000 cannot be told from 1 000");
    }

    #[test]
    fn equal_error_rates() {
        let apart = scores(&[&[0.8, 0.9]], &[0.1, 0.2]);
        assert_eq!(apart.eer().unwrap().rate, 0.0);
        let mixed = scores(&[&[0.1, 0.6, 0.7, 0.8]], &[0.2, 0.3, 0.4, 0.65]);
        assert_eq!(mixed.eer().unwrap().rate, 0.25);
        assert!(scores(&[], &[0.1]).eer().is_none() && scores(&[&[0.1]], &[]).eer().is_none());
    }

    #[test]
    fn intervals_know_that_one_persons_pairs_fail_together() {
        let (good, bad) = ([0.9f32; 40], [0.1f32; 40]);
        let mut people: Vec<&[f32]> = vec![&good; 19];
        people.push(&bad);
        let rate = scores(&people, &[]).fnmr(0.5).unwrap();
        assert!(rate.high > 0.14, "{rate:?}");
        assert!(Rate::new(40, 800).unwrap().high < 0.07);
    }

    #[test]
    fn the_curve_falls() {
        let impostor: Vec<f32> = (0..5000).map(|i| i as f32 / 10_000.0).collect();
        let curve = scores(&[&[0.3, 0.4, 0.6]], &impostor).curve();
        assert!(curve.windows(2).all(|pair| pair[0].0 >= pair[1].0 && pair[0].1 <= pair[1].1));
    }
}
