//! Symbols drawn by this crate, bent in ways a camera bends them, and read back.

use std::num::NonZeroU8;

use image::{GrayImage, Luma, imageops};
use proptest::prelude::*;

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
fn rotate(picture: &GrayImage, degrees: f64, sampling: Sampling, fill: u8) -> GrayImage {
    let (sin, cos) = degrees.to_radians().sin_cos();
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

/// Every one of [`symbols`], at 3 pixels per module and turned in steps of 15 degrees, reads as what was written.
fn all_rotations_read(sampling: Sampling, fill: u8, sigma: f64) {
    let mut random = Random(7);
    let mut missed = Vec::new();
    for (text, symbol) in symbols() {
        let picture = draw(&symbol, 3);
        for degrees in (0..360).step_by(15) {
            let turned = rotate(&picture, f64::from(degrees), sampling, fill);
            let turned = if sigma > 0.0 { noisy(&turned, sigma, &mut random) } else { turned };
            let reading = read(&turned);
            let same = |read: &ReadSymbol| {
                read.text == text && read.version == symbol.version() && read.level == symbol.level()
            };
            if reading.symbols.len() != 1 || !same(&reading.symbols[0]) {
                missed.push((symbol.version(), symbol.level(), degrees));
            }
        }
    }
    assert!(missed.is_empty(), "{sampling:?}, corners {fill}, noise {sigma}: missed {missed:?}");
}

#[test]
fn versions_10_to_25_read_at_every_rotation() {
    all_rotations_read(Sampling::Bilinear, 255, 0.0);
}

#[test]
fn rotations_read_with_black_corners() {
    all_rotations_read(Sampling::Bilinear, 0, 0.0);
}

#[test]
fn rotations_read_when_sampled_roughly() {
    all_rotations_read(Sampling::Nearest, 255, 0.0);
}

#[test]
fn rotations_read_when_sampled_sharply() {
    all_rotations_read(Sampling::Bicubic, 255, 0.0);
}

#[test]
fn rotations_read_through_noise() {
    all_rotations_read(Sampling::Bilinear, 255, 8.0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(text in "[0-9A-Z $%*+\\-./:]{1,1400}", pixels_per_module in 2u8..5) {
        let symbol = encode(&text).unwrap();
        let reading = read(&draw(&symbol, pixels_per_module));
        prop_assert_eq!(reading.symbols.len(), 1);
        prop_assert_eq!(&reading.symbols[0].text, &text);
        prop_assert_eq!(reading.symbols[0].version, symbol.version());
        prop_assert_eq!(reading.symbols[0].level, symbol.level());
    }
}

#[test]
fn an_inverted_symbol_reads() {
    let mut picture = draw(&encode("LIGHT ON DARK").unwrap(), 4);
    imageops::invert(&mut picture);
    let reading = read(&picture);
    assert_eq!(reading.symbols.len(), 1);
    assert_eq!(reading.symbols[0].text, "LIGHT ON DARK");
    assert!(reading.symbols[0].inverted);
}

#[test]
fn two_symbols_side_by_side_both_read() {
    let (left, right) = (draw(&encode("LEFT").unwrap(), 4), draw(&encode(&"RIGHT".repeat(90)).unwrap(), 4));
    let mut frame = GrayImage::from_pixel(left.width() + right.width(), right.height(), Luma([255]));
    imageops::replace(&mut frame, &left, 0, 0);
    imageops::replace(&mut frame, &right, left.width().into(), 0);
    let mut texts: Vec<_> = read(&frame).symbols.into_iter().map(|symbol| symbol.text).collect();
    texts.sort();
    assert_eq!(texts, ["LEFT".to_owned(), "RIGHT".repeat(90)]);
}

#[test]
fn corners_are_in_frame_pixels_whatever_the_stage() {
    let symbol = encode_at("WHERE", 5, Level::M).unwrap();
    let mut stages = Vec::new();
    for scale in [2, 3, 6, 14, 30] {
        let picture = draw(&symbol, scale);
        let mut reader = Reader::new();
        for _ in 0..2 {
            let reading = reader.read(&picture, &|| false);
            let read = &reading.symbols[0];
            assert_eq!((read.text.as_str(), read.bytes.as_slice()), ("WHERE", b"WHERE".as_slice()));
            assert_eq!((read.version, read.level), (5, Level::M));
            let (near, far) = (4.0 * f32::from(scale), (4.0 + 37.0) * f32::from(scale));
            let expected = [[near, near], [far, near], [far, far], [near, far]];
            for (corner, expected) in read.corners.iter().zip(expected) {
                let off = (corner[0] - expected[0]).abs().max((corner[1] - expected[1]).abs());
                assert!(off <= 0.4 * f32::from(scale), "{:?}: {corner:?} for {expected:?}", read.stage);
            }
            stages.push(read.stage);
        }
    }
    assert!(stages.contains(&Stage::Blocks) && stages.contains(&Stage::Tracked), "{stages:?}");
}

#[test]
fn a_mirrored_symbol_reads() {
    let text = Random(3).text(300);
    let picture = imageops::flip_horizontal(&draw(&encode(&text).unwrap(), 4));
    let reading = read(&picture);
    assert_eq!(reading.symbols[0].text, text);
    // Its own top left is at the top right of the picture.
    let [x, y] = reading.symbols[0].corners[0];
    assert!((x - (picture.width() - 16) as f32).abs() < 2.0 && (y - 16.0).abs() < 2.0, "{x} {y}");
}

#[test]
fn a_finder_pattern_under_a_thumb_is_not_needed_whole() {
    let text = Random(4).text(600);
    let symbol = encode(&text).unwrap();
    let picture = draw(&symbol, 4);
    let far = (4 + symbol.size() - 7) * 4;
    for (left, top) in [(16, 16), (far, 16), (16, far)] {
        let mut covered = picture.clone();
        // Two of its seven rows and columns, with the quiet zone beside them.
        let (left, top) = (left - if left == 16 { 12 } else { 0 }, top - if top == 16 { 12 } else { 0 });
        for (x, y) in (top..top + 22).flat_map(|y| (left..left + 20).map(move |x| (x, y))) {
            covered.put_pixel(x, y, Luma([120]));
        }
        let reading = read(&covered);
        assert_eq!(reading.symbols.first().map(|symbol| &symbol.text), Some(&text), "{left},{top}");
    }
}

#[test]
fn a_reader_finds_a_symbol_again_where_it_was_and_where_it_went() {
    let mut random = Random(12);
    let text = random.text(500);
    let picture = draw(&encode(&text).unwrap(), 4);
    let mut reader = Reader::new();
    let mut stages = Vec::new();
    for (x, y) in [(40, 30), (44, 33), (52, 35), (220, 120)] {
        let mut frame = GrayImage::from_pixel(900, 640, Luma([210]));
        imageops::replace(&mut frame, &picture, x, y);
        let reading = reader.read(&frame, &|| false);
        assert_eq!(reading.symbols[0].text, text);
        stages.push(reading.symbols[0].stage);
    }
    assert_eq!(stages, [Stage::Blocks, Stage::Tracked, Stage::Tracked, Stage::Blocks]);
}

/// Pictures of a symbol in which every module is right with the same chance, apart from its finder patterns.
fn flickering(symbol: &Symbol, wrong: f64, random: &mut Random) -> GrayImage {
    let size = symbol.size();
    let mut modules = GrayImage::from_pixel(size + 8, size + 8, Luma([255]));
    for (x, y) in (0..size).flat_map(|y| (0..size).map(move |x| (x, y))) {
        let near = |at: u32| at < 9 || at >= size - 9;
        let flips = !(near(x) && near(y)) && x != 6 && y != 6 && random.unit() < wrong;
        let dark = symbol.is_dark(x, y) != flips;
        modules.put_pixel(x + 4, y + 4, Luma([if dark { 30 } else { 220 }]));
    }
    imageops::resize(&modules, (size + 8) * 4, (size + 8) * 4, imageops::FilterType::Nearest)
}

#[test]
fn frames_that_cannot_be_read_alone_are_read_together() {
    let mut random = Random(20);
    let text = random.text(500);
    let symbol = encode(&text).unwrap();
    let mut reader = Reader::new();
    let mut stage = None;
    for _ in 0..8 {
        let frame = flickering(&symbol, 0.16, &mut random);
        assert_eq!(read(&frame).symbols, [], "alone");
        if let Some(symbol) = reader.read(&frame, &|| false).symbols.first() {
            assert_eq!(symbol.text, text);
            stage = Some(symbol.stage);
            break;
        }
    }
    assert_eq!(stage, Some(Stage::Together));
}

/// What the camera sees when the screen changes while it reads out its rows.
fn torn(old: &Symbol, new: &Symbol, at_percent: u32, wrong: f64, random: &mut Random) -> GrayImage {
    let mut frame = flickering(old, wrong, random);
    let below = flickering(new, wrong, random);
    let row = frame.height() * at_percent / 100;
    let below = imageops::crop_imm(&below, 0, row, below.width(), below.height() - row).to_image();
    imageops::replace(&mut frame, &below, 0, row.into());
    frame
}

#[test]
fn frames_of_one_code_are_never_mixed_with_those_of_the_next() {
    let mut random = Random(21);
    let (mut together, mut shown) = (0, 0);
    // The changing end is short, or covers several blocks.
    for (fixed, changing) in [(400, 60), (300, 300), (300, 600)] {
        let fixed = random.text(fixed);
        let mut next = || format!("{fixed}{}", random.text(changing));
        let codes: Vec<String> = (0..9).map(|_| next()).collect();
        let symbols: Vec<Symbol> = codes.iter().map(|text| encode(text).unwrap()).collect();
        let mut reader = Reader::new();
        for (index, pair) in symbols.windows(2).enumerate() {
            let mut frames = vec![flickering(&pair[0], [0.0, 0.1][index % 2], &mut random)];
            frames.extend((0..4).map(|_| flickering(&pair[0], 0.1, &mut random)));
            frames.push(flickering(&pair[0], [0.0, 0.1][index % 2], &mut random));
            for at in [70, 60, 50, 40, 30] {
                frames.push(torn(&pair[0], &pair[1], at, 0.04, &mut random));
            }
            for frame in frames {
                shown += 1;
                for symbol in reader.read(&frame, &|| false).symbols {
                    let known = codes[index..index + 2].contains(&symbol.text);
                    assert!(known, "{:?} is neither this code nor the next", symbol.stage);
                    together += usize::from(symbol.stage == Stage::Together);
                }
            }
        }
    }
    assert!(together > shown / 10, "{together} of {shown}");
}

#[test]
fn what_was_seen_is_forgotten_when_told() {
    let mut random = Random(22);
    let symbol = encode(&random.text(500)).unwrap();
    let mut reader = Reader::new();
    for _ in 0..12 {
        assert_eq!(reader.read(&flickering(&symbol, 0.16, &mut random), &|| false).symbols, []);
        reader.forget();
    }
}

#[test]
fn nothing_is_read_when_no_time_is_left_and_time_is_asked_for_often() {
    let picture = draw(&encode(&Random(9).text(900)).unwrap(), 4);
    assert_eq!(Reader::new().read(&picture, &|| true), Reading::default());
    let asked = std::cell::Cell::new(0);
    let limit = |most: u32| {
        asked.set(0);
        let reading = Reader::new().read(&picture, &|| {
            asked.set(asked.get() + 1);
            asked.get() > most
        });
        reading.symbols.len()
    };
    assert_eq!(limit(u32::MAX), 1);
    let needed = asked.get();
    assert!(needed > 5, "{needed}");
    // It stops at the first no.
    assert_eq!(limit(2), 0);
    assert_eq!(asked.get(), 3);
}

#[test]
fn a_frame_too_large_is_shrunk_and_its_corners_are_not() {
    let picture = draw(&encode_at("FAR", 1, Level::M).unwrap(), 20);
    let mut frame = GrayImage::from_pixel(5000, 1000, Luma([255]));
    imageops::replace(&mut frame, &picture, 4000, 200);
    let reading = read(&frame);
    assert_eq!(reading.symbols[0].text, "FAR");
    let [x, y] = reading.symbols[0].corners[0];
    assert!((x - 4080.0).abs() <= 20.0 && (y - 280.0).abs() <= 20.0, "{x} {y}");
}

#[test]
fn a_damaged_symbol_is_reported_and_an_empty_frame_is_not() {
    let mut random = Random(5);
    let symbol = encode(&random.text(900)).unwrap();
    let mut picture = draw(&symbol, 4);
    let middle = picture.width() / 4..picture.width() * 3 / 4;
    for y in middle.clone() {
        for x in middle.clone() {
            picture.put_pixel(x, y, Luma([255]));
        }
    }
    assert_eq!(read(&picture), Reading { undecodable: true, ..Reading::default() });
    assert_eq!(read(&GrayImage::from_pixel(640, 480, Luma([200]))), Reading::default());
}

#[test]
fn frames_of_any_size_and_content_return() {
    for (width, height) in
        [(0, 0), (0, 50), (50, 0), (1, 1), (7, 9), (20, 4000), (21, 21), (22, 40), (5000, 1), (1, 5000)]
    {
        for grey in [0, 255] {
            assert_eq!(read(&GrayImage::from_pixel(width, height, Luma([grey]))), Reading::default());
        }
    }
    let mut random = Random(11);
    for round in 0..60 {
        let (width, height) = (21 + random.next() % 300, 21 + random.next() % 300);
        let block = 1 + round % 5;
        let seed = random.next();
        let frame = GrayImage::from_fn(width as u32, height as u32, |x, y| {
            let grey = Random(seed ^ (u64::from(x / block) << 32) ^ u64::from(y / block)).next() as u8;
            Luma([if round % 2 == 0 { grey } else { grey & 1 } * if round % 2 == 0 { 1 } else { 255 }])
        });
        assert!(read(&frame).symbols.is_empty());
    }
}

#[test]
fn a_frame_full_of_finder_patterns_returns() {
    let symbol = encode_at("A", 1, Level::M).unwrap();
    let finder = imageops::crop_imm(&draw(&symbol, 2), 7, 7, 16, 16).to_image();
    let mut frame = GrayImage::from_pixel(960, 540, Luma([255]));
    for y in (0..540).step_by(18) {
        for x in (0..960).step_by(18) {
            imageops::replace(&mut frame, &finder, x, y);
        }
    }
    assert!(read(&frame).symbols.is_empty());
}

#[test]
fn debug_output_holds_no_text() {
    let symbol = encode("PRIVATE").unwrap();
    let reading = read(&draw(&symbol, 4));
    assert_eq!(reading.symbols[0].text, "PRIVATE");
    assert!(!format!("{reading:?}{symbol:?}").contains("PRIVATE"));
}
