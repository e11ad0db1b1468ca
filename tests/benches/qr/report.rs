//! What was measured, as tables.

use std::fmt::Write;

use serde::Serialize;

use crate::drawing::{self, Drawn};
use crate::readers::{Answer, Readers, YARDSTICK};
use crate::sets::{Case, Set, Simulated};

/// What every reader made of one case, without the pictures.
pub struct Record {
    set: Set,
    pub group: String,
    name: String,
    size: (u32, u32),
    simulated: Option<Simulated>,
    pub drawn: Option<Drawn>,
    /// For each reader, whether a text that is there was read, frame by frame.
    pub read: Vec<Vec<bool>>,
    milliseconds: Vec<Vec<f64>>,
    /// For each reader, the texts that are not there.
    wrong: Vec<Vec<String>>,
    failed: Vec<usize>,
}

impl Record {
    /// Holds the answers, reader by reader and frame by frame, against the truth.
    pub fn new(case: &Case, answers: Vec<Vec<Answer>>) -> Self {
        let truths: Vec<Vec<String>> =
            case.truths.iter().map(|texts| texts.iter().map(|text| comparable(text)).collect()).collect();
        let is_true = |frame: usize, text: &String| truths[frame].contains(&comparable(text));
        let read = answers.iter().map(|frames| {
            let frames = frames.iter().enumerate();
            frames.map(|(frame, answer)| answer.texts.iter().any(|text| is_true(frame, text))).collect()
        });
        let wrong = answers.iter().map(|frames| {
            let texts = frames.iter().enumerate().flat_map(|(frame, answer)| {
                answer.texts.iter().filter(move |text| !is_true(frame, text)).cloned()
            });
            texts.collect()
        });
        Self {
            set: case.set,
            group: case.group.clone(),
            name: case.name.clone(),
            size: case.pictures[0].dimensions(),
            simulated: case.simulated,
            drawn: case.drawn,
            read: read.collect(),
            milliseconds: answers
                .iter()
                .map(|frames| frames.iter().map(|answer| answer.milliseconds).collect())
                .collect(),
            wrong: wrong.collect(),
            failed: answers
                .iter()
                .map(|frames| frames.iter().filter(|answer| answer.failed).count())
                .collect(),
        }
    }

    /// Returns the version of a simulated symbol.
    pub fn version(&self) -> Option<u8> {
        self.simulated.map(|simulated| simulated.version)
    }
}

/// Line ends as the expected files have them: some readers keep the symbol's CR LF. Those files also lack a final one.
fn comparable(text: &str) -> String {
    text.replace("\r\n", "\n").trim_end_matches('\n').to_owned()
}

/// Everything that is said about a run.
#[derive(Serialize)]
pub struct Report {
    seed: u64,
    pub readers: Vec<String>,
    versions: String,
    pub rates: Vec<Rates>,
    /// The ways to draw a text.
    drawing: Vec<drawing::Row>,
    pub times: Vec<Times>,
    wrong: Vec<Wrong>,
    /// Panics and searches cut short, for each reader.
    failed: Vec<usize>,
}

/// How many of some cases each reader read.
#[derive(Serialize)]
pub struct Rates {
    pub title: String,
    pub rows: Vec<Rate>,
}

#[derive(Serialize)]
pub struct Rate {
    pub name: String,
    pub count: usize,
    pub read: Vec<usize>,
}

/// CPU milliseconds of each reader on some frames.
#[derive(Serialize)]
pub struct Times {
    pub name: String,
    pub count: usize,
    pub median: Vec<f64>,
    pub p95: Vec<f64>,
}

/// A text read that is not there.
#[derive(Serialize)]
struct Wrong {
    reader: String,
    case: String,
    text: String,
}

impl Report {
    /// Sums up.
    pub fn new(records: &[Record], readers: &Readers, seed: u64) -> Self {
        let of = |set: Set| records.iter().filter(|record| record.set == set).collect::<Vec<_>>();
        let (frames, sequences) = (of(Set::Frames), of(Set::Sequences));
        let (photographs, empty, drawn) = (of(Set::Photographs), of(Set::Empty), of(Set::Drawing));
        let mut rates = Vec::new();
        let group = |record: &Record| record.group.clone();
        let simulated = |record: &Record| record.simulated.expect("frames and sequences are simulated");
        let difficulty = |record: &Record| format!("difficulty {}", simulated(record).difficulty);
        let width = |record: &Record| format!("{:>4}x{}", record.size.0, record.size.1);
        let density = |record: &Record| density(simulated(record).pixels_per_module);
        let version = |record: &Record| {
            let first = 10 + (simulated(record).version - 10) / 4 * 4;
            format!("version {first} to {}", first + 3)
        };
        rates.push(table("Single frames by category", &frames, group, 1));
        rates.push(table("Single frames by difficulty", &frames, difficulty, 1));
        rates.push(table("Single frames by pixels per module", &frames, density, 1));
        rates.push(table("Single frames by version", &frames, version, 1));
        rates.push(table("Single frames by frame size", &frames, width, 1));
        let mut any_of =
            Rates { title: "Sequences, read in any of the first frames".to_owned(), rows: vec![] };
        for first in [1, 2, 3, 6] {
            let mut row = table("", &sequences, |_| format!("of {first}"), first);
            any_of.rows.extend(row.rows.drain(..).take(1));
        }
        rates.push(any_of);
        // What a person holding the phone would expect to work.
        let expected = |record: &&Record| {
            simulated(record).difficulty <= 2 && simulated(record).pixels_per_module >= 3.0
        };
        let easy: Vec<&Record> = sequences.iter().copied().filter(expected).collect();
        let title = "Sequences of difficulty 1 and 2 with 3 pixels per module or more, in any of the first 3";
        rates.push(table(title, &easy, difficulty, 3));
        for first in [1, 3, 6] {
            let title = |what: &str| format!("Sequences by {what}, read in any of the first {first}");
            rates.push(table(&title("difficulty"), &sequences, difficulty, first));
            rates.push(table(&title("rotation"), &sequences, group, first));
            rates.push(table(&title("least pixels per module"), &sequences, density, first));
        }
        rates.push(table("Photographs by folder", &photographs, group, 1));
        let fine = |record: &Record| format!("{} {}", record.group, simulated(record).difficulty);
        rates.push(table("Single frames by category and difficulty", &frames, fine, 1));
        rates.push(table("Ways to draw a text, by pixels per module", &drawn, density, 1));
        rates.retain(|table| !table.rows.is_empty());

        let mut times = Vec::new();
        for (what, records) in [("a code", [&frames[..], &sequences[..]].concat()), ("no code", empty)] {
            times.extend(spent(&format!("{what}, all"), &records));
            let sizes: std::collections::BTreeSet<_> = records
                .iter()
                .filter(|record| !record.group.contains('/'))
                .map(|record| record.size)
                .collect();
            for size in sizes {
                let some: Vec<_> = records.iter().filter(|record| record.size == size).copied().collect();
                times.extend(spent(&format!("{what}, {}x{}", size.0, size.1), &some));
            }
        }
        times.extend(spent("photographs", &photographs));
        times.extend(spent("ways to draw a text", &drawn));
        let wrong = records.iter().flat_map(|record| {
            let texts = record.wrong.iter().zip(&readers.names);
            texts.flat_map(|(texts, reader)| {
                texts.iter().map(|text| Wrong {
                    reader: reader.clone(),
                    case: record.name.clone(),
                    text: text.chars().take(60).collect(),
                })
            })
        });
        let failed = |reader: usize| records.iter().map(|record| record.failed[reader]).sum();
        Self {
            seed,
            readers: readers.names.clone(),
            versions: readers.versions.clone(),
            rates,
            drawing: drawing::rows(&drawn),
            times,
            wrong: wrong.collect(),
            failed: (0..readers.names.len()).map(failed).collect(),
        }
    }

    /// Writes the tables as Markdown.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let heading = |text: &mut String, title: &str, first: &str, last: &str| {
            let readers = self.readers.join(" | ");
            let columns = 2 + self.readers.len() + usize::from(!last.is_empty());
            let _ = writeln!(text, "\n## {title}\n\n| {first} | n | {readers} |{last}");
            let _ = writeln!(text, "|{}", " --- |".repeat(columns));
        };
        let _ = writeln!(text, "# Readers of QR symbols compared\n\nSeed {}; {}.", self.seed, self.versions);
        for table in &self.rates {
            heading(&mut text, &format!("{}, % read", table.title), "", "");
            for row in &table.rows {
                let cells = row.read.iter().map(|&read| format!("{:.0}", 100.0 * share(read, row.count)));
                let cells: Vec<String> = cells.collect();
                let _ = writeln!(text, "| {} | {} | {} |", row.name, row.count, cells.join(" | "));
            }
        }
        text += &drawing::markdown(&self.drawing, &self.readers);
        heading(&mut text, "CPU milliseconds a frame, median / 95th percentile", "frames with", "");
        let yardstick = self.readers.iter().position(|name| name == YARDSTICK);
        for row in &self.times {
            let cells = row.median.iter().zip(&row.p95).map(|(median, p95)| {
                let ratio = yardstick.map(|at| format!(" ({:.2})", median / row.median[at]));
                format!("{median:.1} / {p95:.1}{}", ratio.unwrap_or_default())
            });
            let cells: Vec<String> = cells.collect();
            let _ = writeln!(text, "| {} | {} | {} |", row.name, row.count, cells.join(" | "));
        }
        if yardstick.is_some() {
            let _ = writeln!(text, "\nIn brackets: the median beside that of {YARDSTICK}.");
        }
        let _ = writeln!(
            text,
            "\n## Texts read that are not there\n\nCompared byte by byte, but CR LF is LF and a line end at the end is left out."
        );
        for (reader, failed) in self.readers.iter().zip(&self.failed) {
            let wrong = self.wrong.iter().filter(|wrong| &wrong.reader == reader).count();
            let _ = writeln!(text, "- {reader}: {wrong} wrong texts, {failed} panics or endless searches");
        }
        let _ = writeln!(text);
        for wrong in &self.wrong {
            let _ = writeln!(text, "- {} in {}: {:?}", wrong.reader, wrong.case, wrong.text);
        }
        text
    }
}

/// Returns the share of cases read.
pub fn share(read: usize, count: usize) -> f64 {
    read as f64 / count.max(1) as f64
}

/// Counts what was read in any of the `first` frames, together and by a name that each record has.
fn table(title: &str, records: &[&Record], name: impl Fn(&Record) -> String, first: usize) -> Rates {
    let mut rows: Vec<Rate> = Vec::new();
    for record in records {
        let read = record.read.iter().map(|frames| usize::from(frames.iter().take(first).any(|read| *read)));
        let name = name(record);
        let row = match rows.iter_mut().position(|row| row.name == name) {
            Some(at) => &mut rows[at],
            None => {
                rows.push(Rate { name, count: 0, read: vec![0; record.read.len()] });
                rows.last_mut().expect("it was just put there")
            }
        };
        row.count += 1;
        row.read.iter_mut().zip(read).for_each(|(sum, read)| *sum += read);
    }
    // Categories come in their own order, numbers in theirs.
    if !title.ends_with("category") {
        rows.sort_by(|one, other| one.name.cmp(&other.name));
    }
    if let Some(row) = rows.first() {
        let sum = |at: usize| rows.iter().map(|row| row.read[at]).sum();
        let read = (0..row.read.len()).map(sum).collect();
        let count = rows.iter().map(|row| row.count).sum();
        let all = Rate { name: "all".to_owned(), count, read };
        if title.is_empty() { rows[0].read = all.read } else { rows.push(all) }
    }
    Rates { title: title.to_owned(), rows }
}

/// Returns which bin some pixels per module belong to.
fn density(pixels: f64) -> String {
    let edges = [2.0, 2.5, 3.0, 3.5, 4.5];
    match edges.iter().position(|edge| pixels < *edge) {
        Some(0) => "0 to 2".to_owned(),
        Some(at) => format!("{} to {}", edges[at - 1], edges[at]),
        None => "4.5 and more".to_owned(),
    }
}

/// Sums up the time of every frame in some records.
fn spent(name: &str, records: &[&Record]) -> Option<Times> {
    let readers = records.first()?.milliseconds.len();
    let sorted = |reader: usize| {
        let frames = records.iter().flat_map(|record| &record.milliseconds[reader]);
        let mut frames: Vec<f64> = frames.copied().collect();
        frames.sort_by(f64::total_cmp);
        frames
    };
    let sorted: Vec<Vec<f64>> = (0..readers).map(sorted).collect();
    let at = |part: f64| {
        sorted.iter().map(|frames| frames[((frames.len() - 1) as f64 * part).round() as usize]).collect()
    };
    let count = sorted.first().map_or(0, Vec::len);
    Some(Times { name: name.to_owned(), count, median: at(0.5), p95: at(0.95) })
}
