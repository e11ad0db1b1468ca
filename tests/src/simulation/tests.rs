//! The simulation repeats itself, and its truths are true.

use super::*;

const SMALL: (u32, u32) = SIZES[0];

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for category in [Category::Clean, Category::Ghost, Category::Combined] {
        let [one, again, other] = [7, 7, 8].map(|seed| frame(category, 2, SMALL, seed));
        assert!(one.picture == again.picture && one.truths == again.truths, "{}", category.name());
        assert!(one.picture != other.picture, "{}", category.name());
    }
    assert!(empty(Empty::Decoy, SMALL, 3) == empty(Empty::Decoy, SMALL, 3));
}

#[test]
fn the_easiest_of_every_category_reads() {
    for category in Category::ALL {
        let reads = |seed| {
            let frame = frame(category, 1, SIZES[1], seed);
            let reading = shared::qr::read(&frame.picture);
            reading.symbols.iter().any(|symbol| frame.truths.contains(&symbol.text))
        };
        assert!((0..4).any(reads), "{}", category.name());
    }
}

#[test]
fn the_corners_are_where_the_finder_patterns_are() {
    for seed in 0..4 {
        let frame = frame(Category::Clean, 1, SIZES[1], seed);
        let modules = 17.0 + 4.0 * f64::from(frame.version);
        let grey = |x: f64, y: f64| {
            // A good frame is nearly straight on: between the corners, places follow in proportion.
            let at = |axis: usize| {
                let [first, second, third, fourth] = frame.corners.map(|corner| corner[axis]);
                let (u, v) = (x / modules, y / modules);
                (first * (1.0 - u) + second * u) * (1.0 - v) + (fourth * (1.0 - u) + third * u) * v
            };
            frame.picture.get_pixel(at(0) as u32, at(1) as u32).0[0]
        };
        for (left, top) in [(0.0, 0.0), (modules - 7.0, 0.0), (0.0, modules - 7.0)] {
            let middle = grey(left + 3.5, top + 3.5);
            for (x, y) in [(1.5, 3.5), (5.5, 3.5), (3.5, 1.5), (3.5, 5.5)] {
                assert!(grey(left + x, top + y) > middle + 40, "seed {seed}, finder at {left}, {top}");
            }
        }
    }
}

#[test]
fn a_stage_is_the_same_around_every_drawing() {
    let text = "A".repeat(300);
    let drawings = [(10, Level::M), (20, Level::L)]
        .map(|(version, level)| Drawing::from(&encode_at(&text, version, level).unwrap()));
    let stage = Stage::new(Category::Clean, 1, SMALL, 3);
    let [(one, module), (other, narrow)] = drawings.each_ref().map(|drawing| stage.frame(drawing));
    assert!(stage.frame(&drawings[0]).0 == one);
    // A quiet zone of four modules on every side is part of the width.
    assert!((module * (57.0 + 8.0) - narrow * (97.0 + 8.0)).abs() < 1e-9);
    // The lens scatters a little of the code's light everywhere.
    let differs =
        one.pixels().zip(other.pixels()).filter(|(one, other)| one[0].abs_diff(other[0]) > 8).count();
    let code = (module * 57.0).powi(2);
    assert!((0.3..1.2).contains(&(differs as f64 / code)), "{differs} pixels of {code}");
}

#[test]
fn a_rotating_sequence_begins_with_one_code_and_ends_with_the_next() {
    let sequence = sequence(1, SMALL, Rotation::InTheMiddle, FRAMES, 5);
    let (first, last) = (&sequence.frames[0].truths, &sequence.frames[FRAMES - 1].truths);
    assert!(first.len() == 1 && last.len() == 1 && first != last);
    let same = first[0].bytes().zip(last[0].bytes()).take_while(|(one, other)| one == other).count();
    assert!(same * 10 >= first[0].len() * 8);
    let least = sequence.frames.iter().map(|frame| frame.pixels_per_module).fold(f64::MAX, f64::min);
    assert_eq!(least, sequence.pixels_per_module);
}
