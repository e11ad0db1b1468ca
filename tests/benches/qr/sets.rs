//! The pictures that readers are measured on.

use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;

use image::{DynamicImage, GrayImage, RgbImage, RgbaImage};
use tests::simulation::{Category, Empty, FRAMES, Frame, Rotation, SIZES, empty, frame, sequence};
use tests::third_party;

use crate::drawing::{self, Drawn};

/// Which of the sets a picture belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Set {
    /// Simulated single frames.
    Frames,
    /// Simulated frames after one another.
    Sequences,
    /// Photographs from the test sets of readers.
    Photographs,
    /// Pictures with no code, simulated and photographed.
    Empty,
    /// The same texts drawn in every way, in the same simulated scenes.
    Drawing,
}

impl Set {
    /// Those measured when none is named.
    pub const USUAL: [Self; 4] = [Self::Frames, Self::Sequences, Self::Photographs, Self::Empty];

    pub fn name(self) -> &'static str {
        match self {
            Self::Frames => "single frames",
            Self::Sequences => "sequences",
            Self::Photographs => "photographs",
            Self::Empty => "no code",
            Self::Drawing => "drawing",
        }
    }
}

/// One picture or sequence, with what is known about it.
pub struct Case {
    pub set: Set,
    /// Its category, or the folder of a photograph.
    pub group: String,
    /// Tells it from every other case, fit for a file name.
    pub name: String,
    pub pictures: Vec<GrayImage>,
    /// What may be read from each picture.
    pub truths: Vec<Vec<String>>,
    /// Difficulty, version and pixels per module of a simulated one.
    pub simulated: Option<Simulated>,
    /// Which way its text is drawn, where that is what is measured.
    pub drawn: Option<Drawn>,
}

#[derive(Clone, Copy)]
pub struct Simulated {
    pub difficulty: u8,
    pub version: u8,
    pub pixels_per_module: f64,
}

/// Makes the cases of a set one after another, a few ahead of their use, on a thread of their own.
pub fn cases(set: Set, count: usize, seed: u64) -> impl Iterator<Item = Case> {
    let (send, receive) = sync_channel(4);
    std::thread::spawn(move || {
        let paths = match set {
            Set::Photographs => photographs(&["zxing", "zxing-cpp"]),
            Set::Empty => photographs(&["negatives"]),
            Set::Frames | Set::Sequences | Set::Drawing => vec![],
        };
        let simulated: Box<dyn Iterator<Item = Case>> = match set {
            Set::Frames => Box::new((0..count).map(|index| single(index, seed))),
            Set::Sequences => Box::new((0..count).map(|index| several(index, seed))),
            Set::Empty => Box::new((0..count).map(|index| without_code(index, seed))),
            Set::Drawing => Box::new(drawing::cases(count, seed)),
            Set::Photographs => Box::new(std::iter::empty()),
        };
        for case in simulated.chain(paths.iter().filter_map(|path| photograph(set, path))) {
            if send.send(case).is_err() {
                return;
            }
        }
    });
    receive.into_iter()
}

/// Returns the single frame with some number. Categories, difficulties and sizes take turns; the combined category, which
/// is closest to a bad day, comes four times as often.
fn single(index: usize, seed: u64) -> Case {
    let places = Category::ALL.len() + 3;
    let category = Category::ALL[(index % places).min(Category::ALL.len() - 1)];
    // Four and three have no common factor, so twelve rounds pair every difficulty with every size.
    let round = index / places;
    let (difficulty, size) = ((round % 4) as u8 + 1, SIZES[round % 3]);
    let number = seed.wrapping_mul(1 << 32) + index as u64;
    let taken = frame(category, difficulty, size, number);
    let name = format!("{}-{difficulty}-{}-{index}", category.name().replace(' ', "-"), size.0);
    from_frames(Set::Frames, category.name(), name, vec![taken])
}

fn several(index: usize, seed: u64) -> Case {
    let difficulty = (index % 4) as u8 + 1;
    let size = SIZES[index % 3];
    let rotation = if (index / 12).is_multiple_of(2) { Rotation::None } else { Rotation::InTheMiddle };
    let group = if rotation == Rotation::None { "same code" } else { "rotating code" };
    let taken = sequence(difficulty, size, rotation, FRAMES, seed.wrapping_mul(1 << 32) + index as u64);
    let name = format!("sequence-{}-{difficulty}-{}-{index}", group.replace(' ', "-"), size.0);
    let least = taken.pixels_per_module;
    let mut case = from_frames(Set::Sequences, group, name, taken.frames);
    case.simulated.as_mut().expect("it is simulated").pixels_per_module = least;
    case
}

fn from_frames(set: Set, group: &str, name: String, frames: Vec<Frame>) -> Case {
    let simulated = frames.first().map(|frame| Simulated {
        difficulty: frame.difficulty,
        version: frame.version,
        pixels_per_module: frame.pixels_per_module,
    });
    let (pictures, truths) = frames.into_iter().map(|frame| (frame.picture, frame.truths)).unzip();
    Case { set, group: group.to_owned(), name, pictures, truths, simulated, drawn: None }
}

fn without_code(index: usize, seed: u64) -> Case {
    let kind = Empty::ALL[index % Empty::ALL.len()];
    let size = SIZES[index % 3];
    let picture = empty(kind, size, seed.wrapping_mul(1 << 32) + index as u64);
    Case {
        set: Set::Empty,
        group: kind.name().to_owned(),
        name: format!("empty-{}-{}-{index}", kind.name(), size.0),
        pictures: vec![picture],
        truths: vec![vec![]],
        simulated: None,
        drawn: None,
    }
}

/// Returns the pictures under some folders of the photographs, or none (said loudly) where there are none.
fn photographs(folders: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> =
        folders.iter().filter_map(|folder| third_party(&format!("data/qr/{folder}"))).collect();
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("it is a folder") {
            let path = entry.expect("it is readable").path();
            if path.is_dir() {
                open.push(path);
            } else if path
                .extension()
                .is_some_and(|kind| ["png", "jpg", "webp"].iter().any(|known| kind == *known))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn photograph(set: Set, path: &Path) -> Option<Case> {
    let mut truth = path.as_os_str().to_owned();
    truth.push(".expected.json");
    // Where nothing is expected to be read, and where what is in the picture is not known.
    let truths: Option<Vec<String>> = std::fs::read(truth)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).expect("it is a list of texts or null"));
    let truths = truths?;
    if truths.is_empty() != (set == Set::Empty) {
        return None;
    }
    let folder = path.parent()?;
    let group = format!("{}/{}", folder.parent()?.file_name()?.display(), folder.file_name()?.display());
    let name = format!("{}-{}", group.replace('/', "-"), path.file_stem()?.display());
    let picture = open(path)?;
    let (pictures, truths) = (vec![picture], vec![truths]);
    Some(Case { set, group, name, pictures, truths, simulated: None, drawn: None })
}

/// Opens a picture and lays it on white.
fn open(path: &Path) -> Option<GrayImage> {
    let bytes = std::fs::read(path).ok()?;
    let picture =
        if path.extension()? == "webp" { webp(&bytes) } else { image::load_from_memory(&bytes).ok() };
    let Some(picture) = picture else {
        eprintln!("*** SKIPPED: {} does not open", path.display());
        return None;
    };
    if !picture.color().has_alpha() {
        return Some(picture.into_luma8());
    }
    let mut picture = picture.into_rgba8();
    for pixel in picture.pixels_mut() {
        let opaque = u32::from(pixel[3]);
        for color in 0..3 {
            pixel[color] = ((u32::from(pixel[color]) * opaque + 255 * (255 - opaque)) / 255) as u8;
        }
        pixel[3] = 255;
    }
    Some(DynamicImage::ImageRgba8(picture).into_luma8())
}

fn webp(bytes: &[u8]) -> Option<DynamicImage> {
    let mut decoder = image_webp::WebPDecoder::new(std::io::Cursor::new(bytes)).ok()?;
    let (width, height) = decoder.dimensions();
    let mut pixels = vec![0; decoder.output_buffer_size()?];
    decoder.read_image(&mut pixels).ok()?;
    Some(if decoder.has_alpha() {
        DynamicImage::ImageRgba8(RgbaImage::from_raw(width, height, pixels)?)
    } else {
        DynamicImage::ImageRgb8(RgbImage::from_raw(width, height, pixels)?)
    })
}
