//! Pictures made to upset the QR reader: does it panic, and does it stop when its time is spent?
//!
//! Run `make hostile` for a million pictures (half an hour); `cargo bench -p tests --bench hostile` takes 20,000. The
//! time given for a picture is 3 milliseconds of CPU time. What comes out is how often a library panicked inside the
//! reader, what was read, and by how much the time was overrun. Escaped panics end the run.

use std::cell::Cell;

use image::{GrayImage, Luma, imageops};
use shared::qr::{Level, Reader, encode_at};
use tests::simulation::Random;

/// CPU milliseconds given for a picture.
const LIMIT: f64 = 3.0;

fn main() {
    let count = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(20_000u64);
    // What a library prints when it panics would hide the result.
    std::panic::set_hook(Box::new(|_| {}));
    let mut random = Random::new(&[1]);
    let (mut read, mut seen, mut panics, mut spent) = (0u64, 0u64, 0u64, 0u64);
    let mut overruns: Vec<f64> = Vec::new();
    let mut reader = Reader::new();
    for number in 0..count {
        let picture = picture(&mut random);
        // Some are read as a camera's next frame, some for themselves.
        if number % 3 == 0 {
            reader.forget();
        }
        let (began, ran_out) = (cpu(), Cell::new(false));
        let reading = reader.read(&picture, &|| {
            ran_out.set(cpu() - began > LIMIT);
            ran_out.get()
        });
        let took = cpu() - began;
        read += u64::from(!reading.symbols.is_empty());
        seen += u64::from(reading.undecodable);
        panics += u64::from(reading.panics);
        spent += u64::from(ran_out.get());
        overruns.push(took - LIMIT);
        if number % 50_000 == 49_999 {
            eprintln!("{} done", number + 1);
        }
    }
    overruns.sort_by(f64::total_cmp);
    let worst = overruns.last().copied().unwrap_or(0.0);
    println!(
        "{count} pictures; {read} read, {seen} seen and not read, {panics} panics of libraries, none escaped"
    );
    println!("the limit of {LIMIT} ms CPU time ended {spent}; the worst overran it by {worst:.1} ms");
    for (name, least) in [("1", 1.0), ("3", 3.0), ("10", 10.0)] {
        let over = overruns.iter().filter(|overrun| **overrun > least).count();
        println!("by more than {name} ms: {over}");
    }
}

/// Draws something between a symbol and noise.
fn picture(random: &mut Random) -> GrayImage {
    let mut picture = match below(random, 6) {
        0 => noise(random),
        1 => finders(random),
        _ => symbol(random),
    };
    for _ in 0..below(random, 4) {
        picture = spoiled(picture, random);
    }
    picture
}

fn side(random: &mut Random) -> u32 {
    match below(random, 40) {
        0 => below(random, 1300) as u32,
        1..8 => below(random, 30) as u32,
        _ => 20 + below(random, 200) as u32,
    }
}

/// Blocks of grey, or of black and white.
fn noise(random: &mut Random) -> GrayImage {
    let (width, height, block) = (side(random), side(random), 1 + below(random, 8) as u32);
    let (hard, seed) = (below(random, 2) == 0, below(random, 1 << 30) as u64);
    GrayImage::from_fn(width, height, |x, y| {
        let grey = Random::new(&[seed, u64::from(x / block), u64::from(y / block)]).whole(0..256) as u8;
        Luma([if hard { grey / 128 * 255 } else { grey }])
    })
}

/// Finder patterns everywhere, large and small.
fn finders(random: &mut Random) -> GrayImage {
    let (width, height) = (side(random), side(random));
    let mut picture = GrayImage::from_pixel(width, height, Luma([255]));
    for _ in 0..below(random, 60) {
        let module = 1 + below(random, 6) as u32;
        let (left, top) =
            (below(random, 1 + width as usize) as u32, below(random, 1 + height as usize) as u32);
        for (x, y) in (0..7 * module).flat_map(|y| (0..7 * module).map(move |x| (x, y))) {
            let ring = (x / module).abs_diff(3).max((y / module).abs_diff(3));
            if left + x < width && top + y < height {
                picture.put_pixel(left + x, top + y, Luma([if ring == 2 { 255 } else { 0 }]));
            }
        }
    }
    picture
}

/// A symbol whose data may be nonsense, with its modules in the right place or stretched.
fn symbol(random: &mut Random) -> GrayImage {
    let level = [Level::L, Level::M, Level::Q, Level::H][below(random, 4)];
    let text: String = (0..below(random, 20)).map(|_| char::from(b'0' + below(random, 10) as u8)).collect();
    let version =
        if below(random, 4) == 0 { 1 + below(random, 25) as u8 } else { 1 + below(random, 9) as u8 };
    let Ok(symbol) = encode_at(&text, version, level) else { return noise(random) };
    let wrong = [0, 0, 2, 10, 40][below(random, 5)];
    let side = symbol.size() + 8;
    let modules = GrayImage::from_fn(side, side, |x, y| {
        let dark = x >= 4 && y >= 4 && symbol.is_dark(x - 4, y - 4);
        Luma([if dark != (below(random, 100) < wrong) { 0 } else { 255 }])
    });
    let stretched =
        |random: &mut Random| (side * (1 + below(random, 4) as u32)).saturating_sub(below(random, 20) as u32);
    let (width, height) = (stretched(random).max(1), stretched(random).max(1));
    imageops::resize(&modules, width, height, imageops::FilterType::Triangle)
}

fn spoiled(mut picture: GrayImage, random: &mut Random) -> GrayImage {
    let (width, height) = picture.dimensions();
    if width < 2 || height < 2 {
        return picture;
    }
    match below(random, 6) {
        0 => imageops::invert(&mut picture),
        1 => {
            let amount = 1 + below(random, 120);
            for Luma([grey]) in picture.pixels_mut() {
                *grey = grey.saturating_add(below(random, amount) as u8).saturating_sub((amount / 2) as u8);
            }
        }
        2 => {
            let (left, top) = (below(random, width as usize) as u32, below(random, height as usize) as u32);
            picture = imageops::crop(&mut picture, left / 2, top / 2, width - left, height - top).to_image();
        }
        3 => picture = imageops::blur(&picture, 0.3 + below(random, 30) as f32 / 10.0),
        4 => {
            // A part of it somewhere else.
            let part = imageops::crop_imm(&picture, 0, 0, width / 2, height / 2).to_image();
            let at = |limit: u32, random: &mut Random| below(random, limit as usize) as i64;
            let (x, y) = (at(width, random), at(height, random));
            imageops::replace(&mut picture, &part, x, y);
        }
        _ => picture = imageops::rotate90(&picture),
    }
    picture
}

fn below(random: &mut Random, limit: usize) -> usize {
    random.whole(0..limit as u64) as usize
}

/// CPU time of this thread so far, in milliseconds.
fn cpu() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}
