//! Ways to draw one text: levels, versions and masks at the same width on the phone, in the same scenes.

use std::fmt::Write;

use qrcode::bits::Bits;
use qrcode::canvas::{Canvas, MaskPattern};
use qrcode::ec::construct_codewords;
use qrcode::{Color, EcLevel, Version};
use serde::Serialize;
use shared::qr::{Level, MAX_VERSION, encode_at};
use tests::simulation::{Category, Drawing, SIZES, Stage};

use crate::report::Record;
use crate::sets::{Case, Set, Simulated};

/// Characters of the texts drawn.
const LENGTHS: [usize; 8] = [300, 450, 600, 750, 900, 1100, 1300, 1600];
/// The longest text that every way holds, and the longest that level M holds.
const LONGEST: [usize; 2] = [900, 1300];
/// Length of the text drawn with each mask.
const MASKED: usize = 750;

/// Scenes take turns through these and the difficulties. At difficulty 3 and below, nearly everything is read in every way.
const CATEGORIES: [Category; 8] = [
    Category::Combined,
    Category::Small,
    Category::Defocus,
    Category::Motion,
    Category::Combined,
    Category::Glare,
    Category::LowLight,
    Category::Cracked,
];

const DIFFICULTIES: [u8; 2] = [4, 5];

/// In the order of the standard's numbers.
const MASKS: [MaskPattern; 8] = [
    MaskPattern::Checkerboard,
    MaskPattern::HorizontalLines,
    MaskPattern::VerticalLines,
    MaskPattern::DiagonalLines,
    MaskPattern::LargeCheckerboard,
    MaskPattern::Fields,
    MaskPattern::Diamonds,
    MaskPattern::Meadow,
];

/// A way to draw a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// At some level, so many versions larger than needed.
    Level(Level, u8),
    /// At level M in the smallest version, with one of the eight masks.
    Mask(usize),
}

impl Way {
    /// The way that others are set beside.
    const PLAIN: Self = Self::Level(Level::M, 0);

    /// Returns every way to draw a text of so many characters.
    fn all(chars: usize) -> impl Iterator<Item = Self> {
        let levels = [(Level::L, 0), (Level::M, 0), (Level::Q, 0), (Level::M, 1), (Level::M, 2)];
        let levels = levels.map(|(level, more)| Self::Level(level, more));
        let masks = (0..if chars == MASKED { MASKS.len() } else { 0 }).map(Self::Mask);
        levels.into_iter().chain(masks)
    }

    fn holds(self, chars: usize) -> bool {
        self.draw(&"A".repeat(chars)).is_some()
    }

    fn name(self) -> String {
        match self {
            Self::Level(level, 0) => level.name().to_owned(),
            Self::Level(level, more) => format!("{}, version + {more}", level.name()),
            Self::Mask(mask) => format!("M, mask {mask:03b}"),
        }
    }

    /// Draws a text, where a symbol allowed holds it; returns its version too.
    fn draw(self, text: &str) -> Option<(u8, Drawing)> {
        let (level, more) = match self {
            Self::Level(level, more) => (level, more),
            Self::Mask(_) => (Level::M, 0),
        };
        let smallest = (1..=MAX_VERSION).find(|&version| encode_at(text, version, level).is_ok())?;
        let version = smallest + more;
        let symbol = encode_at(text, version, level).ok()?;
        let drawing = match self {
            Self::Level(..) => Drawing::from(&symbol),
            Self::Mask(mask) => masked(text, version, MASKS[mask]),
        };
        Some((version, drawing))
    }
}

/// Draws a text at level M with a mask, as [`encode_at`] does with the one it finds best.
fn masked(text: &str, version: u8, mask: MaskPattern) -> Drawing {
    let (version, level) = (Version::Normal(version.into()), EcLevel::M);
    let mut bits = Bits::new(version);
    bits.push_alphanumeric_data(text.as_bytes()).expect("it fits");
    bits.push_terminator(level).expect("it fits");
    let (data, correction) = construct_codewords(&bits.into_bytes(), version, level).expect("it fits");
    let mut canvas = Canvas::new(version, level);
    canvas.draw_all_functional_patterns();
    canvas.draw_data(&data, &correction);
    canvas.apply_mask(mask);
    Drawing::new(canvas.into_colors().into_iter().map(|color| color == Color::Dark).collect())
}

/// Which way which text was drawn, and for which scene.
#[derive(Debug, Clone, Copy)]
pub struct Drawn {
    scene: usize,
    chars: usize,
    way: Way,
}

/// Photographs every length drawn in every way, scene after scene.
pub fn cases(scenes: usize, seed: u64) -> impl Iterator<Item = Case> {
    (0..scenes).flat_map(move |scene| {
        let category = CATEGORIES[scene % CATEGORIES.len()];
        let round = scene / CATEGORIES.len();
        // Two and three have no common factor, so six rounds pair every difficulty with every size.
        let (difficulty, size) = (DIFFICULTIES[round % 2], SIZES[round % 3]);
        let number = seed.wrapping_mul(1 << 32) + scene as u64;
        let stage = Stage::new(category, difficulty, size, number);
        let ways = LENGTHS.into_iter().flat_map(|chars| Way::all(chars).map(move |way| (chars, way)));
        ways.filter_map(move |(chars, way)| {
            let text = text(chars, number);
            let (version, drawing) = way.draw(&text)?;
            let (picture, pixels_per_module) = stage.frame(&drawing);
            let name = way.name().replace([',', '+'], "").replace(' ', "-");
            Some(Case {
                set: Set::Drawing,
                group: category.name().to_owned(),
                name: format!("drawing-{scene}-{chars}-{name}"),
                pictures: vec![picture],
                truths: vec![vec![text]],
                simulated: Some(Simulated { difficulty, version, pixels_per_module }),
                drawn: Some(Drawn { scene, chars, way }),
            })
        })
    })
}

/// Returns text of the alphanumeric set, another one for every number.
fn text(chars: usize, number: u64) -> String {
    const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
    // Knuth's MMIX generator; its high bits are the random ones.
    let mut state = number;
    let character = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(ALPHABET[(state >> 33) as usize % ALPHABET.len()])
    };
    std::iter::repeat_with(character).take(chars).collect()
}

/// How one way to draw texts of some length was read.
#[derive(Serialize)]
pub struct Row {
    chars: String,
    way: String,
    /// Version of the symbol, where all have the same.
    version: Option<u8>,
    count: usize,
    readers: Vec<Read>,
}

/// What one reader read of a row.
#[derive(Serialize, Default)]
struct Read {
    read: usize,
    /// Read where level M in the smallest version was not, and the other way round, in the same scene.
    gained: usize,
    lost: usize,
}

/// Sums up each way at each length, over the lengths that it holds, and there by category.
pub fn rows(records: &[&Record]) -> Vec<Row> {
    let mut rows = Vec::new();
    for chars in LENGTHS {
        rows.extend(Way::all(chars).filter_map(|way| {
            row(records, way, |drawn| drawn.chars == chars).map(|row| Row { chars: chars.to_string(), ..row })
        }));
    }
    let mut categories = CATEGORIES.map(Category::name).to_vec();
    categories.sort_unstable();
    categories.dedup();
    for longest in LONGEST {
        for category in std::iter::once("").chain(categories.iter().copied()) {
            let some = records.iter().filter(|record| record.group.starts_with(category)).copied();
            let some: Vec<&Record> = some.collect();
            let chars = format!("{} to {longest} {category}", LENGTHS[0]).trim_end().to_owned();
            rows.extend(Way::all(longest).filter(|way| way.holds(longest)).filter_map(|way| {
                row(&some, way, |drawn| drawn.chars <= longest).map(|row| Row { chars: chars.clone(), ..row })
            }));
        }
    }
    rows
}

fn row(records: &[&Record], way: Way, is_meant: impl Fn(&Drawn) -> bool) -> Option<Row> {
    let of = |way: Way| {
        let meant =
            |record: &&&Record| record.drawn.is_some_and(|drawn| drawn.way == way && is_meant(&drawn));
        records.iter().filter(meant).copied().collect::<Vec<_>>()
    };
    let (drawn, plain) = (of(way), of(Way::PLAIN));
    let key = |record: &Record| record.drawn.map(|drawn| (drawn.scene, drawn.chars));
    let first = drawn.first()?;
    let mut readers: Vec<Read> = first.read.iter().map(|_| Read::default()).collect();
    for record in &drawn {
        let beside = plain.iter().find(|plain| key(plain) == key(record));
        for (at, reader) in readers.iter_mut().enumerate() {
            let read = record.read[at][0];
            reader.read += usize::from(read);
            if let Some(plain) = beside.map(|plain| plain.read[at][0]) {
                reader.gained += usize::from(read && !plain);
                reader.lost += usize::from(plain && !read);
            }
        }
    }
    let version = first.version().filter(|_| drawn.iter().all(|record| record.version() == first.version()));
    Some(Row { chars: String::new(), way: way.name(), version, count: drawn.len(), readers })
}

/// Writes the table as Markdown, or nothing where no drawing was measured.
pub fn markdown(rows: &[Row], readers: &[String]) -> String {
    let mut text = String::new();
    if rows.is_empty() {
        return text;
    }
    let _ = writeln!(
        text,
        "\n## Ways to draw a text, % read\n\nIn square brackets: 95 % interval (Wilson). With signs: scenes gained and lost \
         beside level M in the smallest version.\n\n| characters | level | version | n | {} |\n|{}",
        readers.join(" | "),
        " --- |".repeat(4 + readers.len()),
    );
    for row in rows {
        let version = row.version.map_or("-".to_owned(), |version| version.to_string());
        let cells = row.readers.iter().map(|reader| {
            let [low, high] = wilson(reader.read, row.count).map(|rate| 100.0 * rate);
            let rate = 100.0 * reader.read as f64 / row.count as f64;
            let mut cell = format!("{rate:.0} ({}) [{low:.0}, {high:.0}]", reader.read);
            if row.way != Way::PLAIN.name() {
                let _ = write!(cell, " +{} -{}", reader.gained, reader.lost);
            }
            cell
        });
        let cells: Vec<String> = cells.collect();
        let _ = writeln!(
            text,
            "| {} | {} | {version} | {} | {} |",
            row.chars,
            row.way,
            row.count,
            cells.join(" | ")
        );
    }
    text
}

/// Returns the 95 % interval of a share (Wilson 1927).
fn wilson(count: usize, of: usize) -> [f64; 2] {
    const Z: f64 = 1.959_964;
    let (n, p) = (of as f64, count as f64 / of as f64);
    let scale = 1.0 + Z * Z / n;
    let middle = (p + Z * Z / (2.0 * n)) / scale;
    let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt() / scale;
    [(middle - half).max(0.0), (middle + half).min(1.0)]
}
