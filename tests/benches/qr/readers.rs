//! Our reader and its peers, each given the same grey bytes and timed by the CPU time of its thread.

use std::cell::Cell;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;

use image::{GenericImage, GenericImageView, GrayImage, Luma};
use rxing::common::HybridBinarizer;
use rxing::qrcode::cpp_port::QrReader;
use rxing::{BinaryBitmap, DecodeHints, Luma8LuminanceSource, Reader as _};

/// The name of our reader.
pub const OURS: &str = "ours";
/// Our reader without memory: every frame by itself.
pub const ALONE: &str = "ours, frame by frame";
/// The peer that everything is set beside.
pub const YARDSTICK: &str = "zxing-cpp";

const IN_RUST: [&str; 5] = [OURS, ALONE, "rqrr", "rxing", "quircs"];
const IN_PYTHON: [&str; 3] = [YARDSTICK, "zbar", "opencv"];

/// Looks at pixels that `rqrr` is given for each pixel of a frame. Ordinary frames take 5 to 8; on some it would look
/// a thousand million times.
const LOOKS_PER_PIXEL: u64 = 200;

/// What a reader made of one picture.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub texts: Vec<String>,
    pub milliseconds: f64,
    /// It panicked, or was stopped because it did not come to an end.
    pub failed: bool,
}

/// The readers compared.
pub struct Readers {
    /// Names, in the order of the report.
    pub names: Vec<String>,
    /// Versions of the peers in Python.
    pub versions: String,
    peers: Option<Peers>,
}

impl Readers {
    /// Starts the readers asked for, or all of them. Says which of them are not there.
    pub fn start(wanted: &[String]) -> Self {
        let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
        let mut names: Vec<String> =
            IN_RUST.iter().filter(|name| is_wanted(name)).map(|&name| name.to_owned()).collect();
        let theirs: Vec<&str> = IN_PYTHON.iter().filter(|name| is_wanted(name)).copied().collect();
        let mut readers = Self { names: vec![], versions: String::new(), peers: None };
        if !theirs.is_empty() {
            let python = std::env::var("GATEPASS_PYTHON").unwrap_or_else(|_| "python3".to_owned());
            readers.peers = Peers::start(&python);
            readers.versions = readers.peers.as_ref().map_or(String::new(), |peers| peers.versions.clone());
            for name in theirs {
                if readers.versions.split(", ").any(|version| version.starts_with(name)) {
                    names.push(name.to_owned());
                } else {
                    eprintln!(
                        "*** NOT COMPARED: {python} has no {name}; name one that has with GATEPASS_PYTHON"
                    );
                }
            }
        }
        readers.names = names;
        readers
    }

    /// Reads the frames of one scene with every reader in turn, beginning with another one each time.
    ///
    /// Returns an answer for each reader and frame, in the order of the names.
    pub fn read(&mut self, frames: &[&GrayImage], first: usize) -> Vec<Vec<Answer>> {
        let count = self.names.len();
        let mut answers = vec![vec![]; count];
        for turn in 0..count {
            let reader = (first + turn) % count;
            answers[reader] = self.read_with(reader, frames);
        }
        answers
    }

    fn read_with(&mut self, reader: usize, frames: &[&GrayImage]) -> Vec<Answer> {
        let name = self.names[reader].as_str();
        match name {
            OURS => ours(frames),
            ALONE => frames.iter().map(|frame| timed(|| texts(&shared::qr::read(frame)))).collect(),
            "rqrr" => frames.iter().map(|frame| timed(|| rqrr(frame))).collect(),
            "rxing" => frames.iter().map(|frame| timed(|| rxing(frame))).collect(),
            "quircs" => frames.iter().map(|frame| timed(|| quircs(frame))).collect(),
            name => {
                let peers = self.peers.as_mut().expect("it answered at the start");
                frames.iter().map(|frame| peers.read(name, frame)).collect()
            }
        }
    }
}

/// Frames of one phone after one another, or a single one.
fn ours(frames: &[&GrayImage]) -> Vec<Answer> {
    let mut reader = shared::qr::Reader::new();
    frames.iter().map(|frame| timed(|| texts(&reader.read(frame, &|| false)))).collect()
}

fn texts(reading: &shared::qr::Reading) -> Vec<String> {
    reading.symbols.iter().map(|symbol| symbol.text.clone()).collect()
}

fn rqrr(frame: &GrayImage) -> Vec<String> {
    let left = u64::from(frame.width()) * u64::from(frame.height()) * LOOKS_PER_PIXEL;
    let mut prepared =
        rqrr::PreparedImage::prepare(Counted { pixels: frame.clone(), left: Rc::new(Cell::new(left)) });
    let grids = prepared.detect_grids();
    grids.iter().filter_map(|grid| grid.decode().ok()).map(|(_, text)| text).collect()
}

fn rxing(frame: &GrayImage) -> Vec<String> {
    let source = Luma8LuminanceSource::new(frame.as_raw().clone(), frame.width(), frame.height());
    let Ok(source) = source else { return vec![] };
    let hints = DecodeHints { TryHarder: Some(true), ..DecodeHints::default() };
    let read = QrReader.decode_with_hints(&mut BinaryBitmap::new(HybridBinarizer::new(source)), &hints);
    read.iter().map(|read| read.getText().to_owned()).collect()
}

fn quircs(frame: &GrayImage) -> Vec<String> {
    let mut reader = quircs::Quirc::default();
    let codes = reader.identify(frame.width() as usize, frame.height() as usize, frame.as_raw());
    let decoded = codes.filter_map(|code| code.ok()?.decode().ok());
    decoded.map(|data| String::from_utf8_lossy(&data.payload).into_owned()).collect()
}

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Keeps the panics of readers off the terminal; they are counted.
pub fn silence_readers() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !GUARDED.get() {
            usual(panic);
        }
    }));
}

fn timed(read: impl FnOnce() -> Vec<String>) -> Answer {
    GUARDED.set(true);
    let began = cpu();
    let read = catch_unwind(AssertUnwindSafe(|| black_box(read())));
    let milliseconds = cpu() - began;
    GUARDED.set(false);
    Answer { failed: read.is_err(), texts: read.unwrap_or_default(), milliseconds }
}

/// CPU time of this thread so far, in milliseconds.
fn cpu() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}

/// Pixels that count how often `rqrr` looks at them and unwind when that is too often.
struct Counted {
    pixels: GrayImage,
    left: Rc<Cell<u64>>,
}

impl Counted {
    fn look(&self) {
        match self.left.get().checked_sub(1) {
            Some(left) => self.left.set(left),
            None => resume_unwind(Box::new("it does not come to an end")),
        }
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.look();
        Self { pixels: self.pixels.clone(), left: Rc::clone(&self.left) }
    }
}

impl GenericImageView for Counted {
    type Pixel = Luma<u8>;

    fn dimensions(&self) -> (u32, u32) {
        self.pixels.dimensions()
    }

    fn width(&self) -> u32 {
        // The search without an end asks for the width before every step.
        self.look();
        self.pixels.width()
    }

    fn get_pixel(&self, x: u32, y: u32) -> Luma<u8> {
        self.look();
        *self.pixels.get_pixel(x, y)
    }
}

impl GenericImage for Counted {
    fn get_pixel_mut(&mut self, x: u32, y: u32) -> &mut Luma<u8> {
        self.look();
        self.pixels.get_pixel_mut(x, y)
    }

    fn put_pixel(&mut self, x: u32, y: u32, pixel: Luma<u8>) {
        self.look();
        self.pixels.put_pixel(x, y, pixel);
    }

    fn blend_pixel(&mut self, x: u32, y: u32, pixel: Luma<u8>) {
        self.put_pixel(x, y, pixel);
    }
}

/// The readers with Python wheels, in a process of their own, idle between their turns.
struct Peers {
    process: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
    versions: String,
}

impl Peers {
    fn start(python: &str) -> Option<Self> {
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/qr/peers.py");
        let mut process = Command::new(python)
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .env("OMP_NUM_THREADS", "1")
            .spawn()
            .ok()?;
        let (ask, answer) = (process.stdin.take()?, process.stdout.take()?);
        let mut peers = Self { process, ask, answer: BufReader::new(answer), versions: String::new() };
        peers.versions = peers.line().replace('\t', ", ");
        Some(peers)
    }

    fn read(&mut self, reader: &str, frame: &GrayImage) -> Answer {
        writeln!(self.ask, "{reader} {} {}", frame.width(), frame.height()).expect("the peer listens");
        self.ask.write_all(frame.as_raw()).expect("the peer listens");
        self.ask.flush().expect("the peer listens");
        let line = self.line();
        let mut words = line.split(' ');
        let nanoseconds = words.next().and_then(|word| word.parse::<f64>().ok());
        let texts = words.map(|word| {
            let bytes = hex::decode(word.trim_start_matches('-')).expect("texts are in hexadecimal");
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Answer {
            texts: texts.collect(),
            milliseconds: nanoseconds.expect("the peer answers with a number") / 1e6,
            failed: false,
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answer.read_line(&mut line).expect("the peer writes text");
        line.trim().to_owned()
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        // It may have gone by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
