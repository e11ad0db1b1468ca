//! Symbols drawn by this crate, bent in ways a camera bends them, and read back.

use std::collections::BTreeMap;
use std::num::NonZeroU8;

use image::{GrayImage, Luma, imageops};

use super::*;
use crate::qr::{Symbol, encode, encode_at};

#[derive(Clone, Copy, Debug)]
enum Sampling {
    Nearest,
    Bilinear,
    Bicubic,
}

/// Small deterministic generator (SplitMix64), so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn gaussian(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    fn text(&mut self, chars: usize) -> String {
        const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
        (0..chars).map(|_| char::from(ALPHABET[(self.next() % 45) as usize])).collect()
    }
}

/// Turns a picture about its center on a canvas that holds all of it.
fn rotate(picture: &GrayImage, degrees: u32, sampling: Sampling, fill: u8) -> GrayImage {
    let (sin, cos) = f64::from(degrees).to_radians().sin_cos();
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let out_width = (width * cos.abs() + height * sin.abs()).ceil();
    let out_height = (width * sin.abs() + height * cos.abs()).ceil();
    let at = |x: i64, y: i64| {
        if x < 0 || y < 0 || x >= i64::from(picture.width()) || y >= i64::from(picture.height()) {
            f64::from(fill)
        } else {
            f64::from(picture.get_pixel(x as u32, y as u32).0[0])
        }
    };
    let cubic = |t: f64| {
        let t = t.abs();
        if t < 1.0 {
            1.5 * t * t * t - 2.5 * t * t + 1.0
        } else if t < 2.0 {
            -0.5 * t * t * t + 2.5 * t * t - 4.0 * t + 2.0
        } else {
            0.0
        }
    };
    GrayImage::from_fn(out_width as u32, out_height as u32, |x, y| {
        let (dx, dy) = (f64::from(x) + 0.5 - out_width / 2.0, f64::from(y) + 0.5 - out_height / 2.0);
        let (sx, sy) = (cos * dx + sin * dy + width / 2.0, -sin * dx + cos * dy + height / 2.0);
        let (fx, fy) = (sx - 0.5, sy - 0.5);
        let (ix, iy) = (fx.floor() as i64, fy.floor() as i64);
        let (tx, ty) = (fx - fx.floor(), fy - fy.floor());
        let value = match sampling {
            Sampling::Nearest => at(sx.floor() as i64, sy.floor() as i64),
            Sampling::Bilinear => {
                let top = at(ix, iy) * (1.0 - tx) + at(ix + 1, iy) * tx;
                let bottom = at(ix, iy + 1) * (1.0 - tx) + at(ix + 1, iy + 1) * tx;
                top * (1.0 - ty) + bottom * ty
            }
            Sampling::Bicubic => {
                let mut sum = 0.0;
                for row in -1..=2 {
                    for column in -1..=2 {
                        sum += at(ix + column, iy + row) * cubic(column as f64 - tx) * cubic(row as f64 - ty);
                    }
                }
                sum
            }
        };
        Luma([value.round().clamp(0.0, 255.0) as u8])
    })
}

fn noisy(picture: &GrayImage, sigma: f64, random: &mut Random) -> GrayImage {
    let mut noisy = picture.clone();
    for Luma([pixel]) in noisy.pixels_mut() {
        *pixel = (f64::from(*pixel) + sigma * random.gaussian()).round().clamp(0.0, 255.0) as u8;
    }
    noisy
}

fn draw(symbol: &Symbol, pixels_per_module: u8) -> GrayImage {
    symbol.to_luma(NonZeroU8::new(pixels_per_module).unwrap())
}

/// One full symbol for each version from 10 to 25 and each of the levels L and M.
fn symbols() -> Vec<(String, Symbol)> {
    let mut random = Random(1);
    let mut symbols = Vec::new();
    for version in 10..=25 {
        for level in [Level::L, Level::M] {
            let limit = match encode_at(&"A".repeat(4000), version, level) {
                Err(crate::qr::EncodeError::TooLong { limit, .. }) => limit,
                other => panic!("{other:?}"),
            };
            let text = random.text(limit);
            let symbol = encode_at(&text, version, level).unwrap();
            symbols.push((text, symbol));
        }
    }
    symbols
}

#[test]
#[ignore]
fn matrix() {
    let t = std::time::Instant::now();
    let noise = std::env::var("NOISE").ok().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0);
    let ppm: u8 = std::env::var("PPM").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    let mut random = Random(7);
    let symbols = symbols();
    for (sampling, fill) in [
        (Sampling::Bilinear, 255),
        (Sampling::Nearest, 255),
        (Sampling::Bicubic, 255),
        (Sampling::Bilinear, 0),
    ] {
        let mut alone: BTreeMap<Stage, usize> = BTreeMap::new();
        let mut first: BTreeMap<Stage, usize> = BTreeMap::new();
        let (mut total, mut missed, mut flagged) = (0, Vec::new(), 0);
        for (text, symbol) in &symbols {
            let picture = draw(symbol, ppm);
            for degrees in (0..360).step_by(15) {
                let mut turned = rotate(&picture, degrees, sampling, fill);
                if noise > 0.0 {
                    turned = noisy(&turned, noise, &mut random);
                }
                total += 1;
                let mut done = false;
                for stage in Stage::ALL {
                    if stage == Stage::Rqrr && done {
                        continue;
                    }
                    let found = look(&turned, stage);
                    if found.symbols.iter().any(|s| s.text == *text) {
                        *alone.entry(stage).or_default() += 1;
                        if !done {
                            *first.entry(stage).or_default() += 1;
                        }
                        done = true;
                    }
                    flagged += usize::from(found.undecodable && stage == Stage::Double);
                }
                if !done {
                    missed.push((symbol.version(), symbol.level(), degrees));
                }
            }
        }
        println!(
            "{sampling:?} fill {fill} noise {noise} ppm {ppm}: total {total}, missed {} {missed:?}\n  alone {alone:?}\n  first {first:?} flagged {flagged} {:?}",
            missed.len(),
            t.elapsed()
        );
    }
}
