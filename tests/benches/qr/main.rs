//! How many QR symbols our reader reads, and how fast, beside the best free readers: the same bytes, taking turns.
//!
//! Run `cargo bench -p tests --bench qr` (or `make bench-qr`). Frames come from [`tests::simulation`], photographs from
//! `$GATEPASS_DATA/data/qr`. Peers in Rust are linked; zxing-cpp, zbar and OpenCV come as wheels of the Python that
//! `$GATEPASS_PYTHON` names. Times are CPU time of the thread. Tables and a plot go to `target/bench-qr`.

mod drawing;
mod plot;
mod readers;
mod report;
mod sets;

use std::path::{Path, PathBuf};

use clap::Parser;

use readers::{OURS, Readers};
use report::{Record, Report};
use sets::{Case, Set};

/// Compare readers of QR symbols
#[derive(Parser)]
struct Arguments {
    /// Simulated single frames
    #[arg(long, default_value_t = 864)]
    frames: usize,
    /// Simulated sequences
    #[arg(long, default_value_t = 120)]
    sequences: usize,
    /// Simulated frames with no code
    #[arg(long, default_value_t = 120)]
    empty: usize,
    /// Scenes that every way to draw a text is photographed in, for --only drawing
    #[arg(long, default_value_t = 48)]
    scenes: usize,
    /// Another seed gives other frames
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One set alone; drawing is measured only when named here
    #[arg(long)]
    only: Option<Set>,
    /// Some readers alone, for example ours,zxing-cpp
    #[arg(long, value_delimiter = ',')]
    readers: Vec<String>,
    /// Write every simulated picture into this folder
    #[arg(long)]
    dump: Option<PathBuf>,
    /// Write every picture that our reader missed into this folder, named for who read it
    #[arg(long)]
    dump_missed: Option<PathBuf>,
    /// Folder of the report
    #[arg(long)]
    out: Option<PathBuf>,
    /// What cargo passes
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let arguments = Arguments::parse();
    readers::silence_readers();
    let mut readers = Readers::start(&arguments.readers);
    eprintln!("readers: {}", readers.names.join(", "));
    let mut records = Vec::new();
    for set in arguments.only.map_or(Set::USUAL.to_vec(), |only| vec![only]) {
        let count = match set {
            Set::Frames => arguments.frames,
            Set::Sequences => arguments.sequences,
            Set::Photographs => 0,
            Set::Empty => arguments.empty,
            Set::Drawing => arguments.scenes,
        };
        for (number, case) in sets::cases(set, count, arguments.seed).enumerate() {
            if let Some(folder) = arguments.dump.as_ref().filter(|_| set != Set::Photographs) {
                write(folder, "", &case);
            }
            let frames: Vec<_> = case.pictures.iter().collect();
            let record = Record::new(&case, readers.read(&frames, number));
            if let Some(folder) = &arguments.dump_missed {
                write_missed(folder, &case, &record, &readers.names);
            }
            records.push(record);
            if number % 50 == 49 {
                eprintln!("{}: {} done", set.name(), number + 1);
            }
        }
    }
    let folder = arguments.out.unwrap_or_else(|| {
        let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
        target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target")).join("bench-qr")
    });
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let report = Report::new(&records, &readers, arguments.seed);
    let markdown = report.markdown();
    let json = serde_json::to_vec_pretty(&report).expect("it is plain data");
    std::fs::write(folder.join("report.md"), &markdown).expect("the folder takes files");
    std::fs::write(folder.join("report.json"), json).expect("the folder takes files");
    plot::draw(&report, &folder.join("report.png"));
    println!("{markdown}");
    eprintln!("written to {}", folder.display());
}

fn write(folder: &Path, prefix: &str, case: &Case) {
    std::fs::create_dir_all(folder).expect("the folder can be made");
    for (number, picture) in case.pictures.iter().enumerate() {
        let number = if case.pictures.len() > 1 { format!("-{number}") } else { String::new() };
        let path = folder.join(format!("{prefix}{}{number}.png", case.name));
        picture.save(&path).expect("the folder takes files");
    }
}

/// Writes what our reader could not read, with the names of those who could.
fn write_missed(folder: &Path, case: &Case, record: &Record, names: &[String]) {
    let read = |reader: usize| record.read[reader].iter().any(|read| *read);
    let Some(ours) = names.iter().position(|name| name == OURS) else { return };
    if case.set == Set::Empty || read(ours) {
        return;
    }
    let who: Vec<&str> =
        (0..names.len()).filter(|&reader| read(reader)).map(|reader| names[reader].as_str()).collect();
    let who = if who.is_empty() { "nobody".to_owned() } else { who.join("+") };
    write(folder, &format!("{who}--"), case);
}
