//! What the face models cost in `tract` beside onnxruntime: the same files, one thread each, taking turns.
//!
//! Run `cargo bench -p tests --bench faces`. The peer is Python's onnxruntime, from `$GATEPASS_PYTHON` (default
//! `python3`); `models/train/requirements.txt` names the version. Times are CPU time of the thread, so that what else
//! runs on the machine counts less, and the ratio is what counts.

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use image::{DynamicImage, imageops};
use shared::face::{FaceEngine, Manifest, Model, ModelEntry, ModelSet, OnnxModel, Tensor, decode};
use shared::trust::FalseMatchRate;
use tests::journey::photo;
use tests::third_party;

const TURNS: usize = 15;
const RUNS: usize = 12;

fn main() {
    let manifest = Manifest::shipped();
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/default");
    compare(manifest.set("default").expect("it is built in"), &own);
    if let Some(folder) = third_party("models") {
        compare(manifest.set("standard").expect("it is in the manifest"), &folder);
    }
    pipeline();
}

/// One set of models, both runtimes in turns.
fn compare(set: &ModelSet, folder: &Path) {
    println!("\n{} models; CPU milliseconds, median of {TURNS} turns of {RUNS} runs", set.id);
    let mut rows: Vec<Row> = set.models.iter().map(|entry| Row::new(entry, folder)).collect();
    for _ in 0..TURNS {
        rows.iter_mut().for_each(Row::turn);
    }
    let version = rows.first().and_then(|row| row.peer.as_ref()).map(|peer| peer.version.clone());
    let theirs = version.map_or("no onnxruntime here".to_owned(), |version| format!("onnxruntime {version}"));
    println!("{:24} {:>10} {:>22} {:>7}", "", "tract", theirs, "ratio");
    let mut sums = (0.0, 0.0);
    for row in rows {
        let (ours, theirs) = (median(row.ours), median(row.theirs));
        sums = (sums.0 + ours, sums.1 + theirs);
        println!("{:24} {ours:>10.2} {theirs:>22.2} {:>7.2}", row.name, ours / theirs);
    }
    println!("{:24} {:>10.2} {:>22.2} {:>7.2}", "together", sums.0, sums.1, sums.0 / sums.1);
}

struct Row {
    name: String,
    model: OnnxModel,
    peer: Option<Peer>,
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

impl Row {
    fn new(entry: &ModelEntry, folder: &Path) -> Self {
        let path = folder.join(&entry.file);
        let bytes = std::fs::read(&path).expect("the model's file is there");
        entry.check(&bytes).expect("it is the one in the manifest");
        let model = OnnxModel::load(&bytes, entry.input).expect("it loads");
        let peer = Peer::start(&path, entry.input);
        Self { name: entry.id.clone(), model, peer, ours: vec![], theirs: vec![] }
    }

    fn turn(&mut self) {
        let shape = self.model.input_shape();
        let input = Tensor { shape: shape.to_vec(), data: vec![127.0; shape.iter().product()] };
        let runs = (0..RUNS).map(|_| {
            let input = input.clone();
            let began = cpu();
            black_box(self.model.run(black_box(input)).expect("it runs"));
            cpu() - began
        });
        self.ours.push(median(runs.collect()));
        if let Some(peer) = &mut self.peer {
            self.theirs.push(peer.turn());
        }
    }
}

/// onnxruntime in a process of its own, idle between its turns.
struct Peer {
    process: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
    version: String,
}

impl Peer {
    fn start(model: &Path, shape: [usize; 4]) -> Option<Self> {
        let python = std::env::var("GATEPASS_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/onnxruntime_peer.py");
        let shape = shape.map(|side| side.to_string()).join("x");
        let mut process = Command::new(&python)
            .args([script.as_os_str(), model.as_os_str(), shape.as_ref()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let (ask, answer) = (process.stdin.take()?, process.stdout.take()?);
        let mut peer = Self { process, ask, answer: BufReader::new(answer), version: String::new() };
        peer.version = peer.line();
        if peer.version.is_empty() {
            eprintln!(
                "*** NOT COMPARED: {python} has no onnxruntime; name one that has with GATEPASS_PYTHON"
            );
            return None;
        }
        Some(peer)
    }

    fn turn(&mut self) -> f64 {
        writeln!(self.ask, "{RUNS}").expect("the peer listens");
        self.line().parse::<f64>().expect("the peer answers with a number") / 1e6
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answer.read_line(&mut line).expect("the peer writes text");
        line.trim().to_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have gone by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The whole face step on a camera's frames, with the built-in models.
fn pipeline() {
    let engine = FaceEngine::built_in().expect("the built-in models load");
    let read =
        |name: &str| decode(&std::fs::read(photo(1, name)).expect("it is there")).expect("it is a picture");
    let reference = engine.enrol(&read("id-photo")).expect("it is good enough");
    let small = read("camera-a");
    let large = DynamicImage::ImageRgb8(imageops::resize(
        &small.to_rgb8(),
        1280,
        960,
        imageops::FilterType::Triangle,
    ));
    println!(
        "\nthe whole face step, built-in models: detect, quality, attack, align, embed, compare; CPU milliseconds"
    );
    for (name, frame) in [("640x480", &small), ("1280x960", &large)] {
        let times = (0..60).map(|_| {
            let began = cpu();
            let probe = engine.capture(black_box(frame), reference.algorithm()).expect("there is a face");
            black_box(engine.compare(&reference, &probe, FalseMatchRate::DEFAULT).expect("it compares"));
            cpu() - began
        });
        println!("{name:24} {:>10.2}", median(times.collect()));
    }
}

/// CPU time of this thread so far, in milliseconds.
fn cpu() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
