//! `tests/vectors`: codes that must be accepted and codes that must not, one fault per file.
//!
//! The files are made here, from fixed keys, and checked byte for byte; `GATEPASS_REGENERATE=1` writes them anew. An
//! implementation in another language needs only the files: `repository/` with `root.json` is what it believes.

mod bench;
mod credentials;
mod encodings;
mod proofs;
mod texts;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shared::credential::{Purpose, verify};
use shared::reason::Reason;
use shared::time::Timestamp;
use shared::trust::{Files, update};
use tests::Seen;

use crate::bench::Bench;

/// What is not made here: words, and what another implementation of HMAC says.
const MADE_ELSEWHERE: [&str; 2] = ["README.md", "pairwise.json"];

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    description: String,
    text: String,
    purpose: String,
    at: Timestamp,
    expect: String,
}

#[test]
fn every_vector_behaves_as_it_says() {
    let vectors = all();
    let made = files(&vectors);
    if std::env::var_os("GATEPASS_REGENERATE").is_some() {
        write(&made);
    }
    let found = read(&folder());
    let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&made), "the files that this program makes, and no others");
    for (name, bytes) in &found {
        assert!(made[name] == *bytes, "{name} is not what this program makes");
    }
    let root = &found["root.json"];
    let repository: Files = found
        .iter()
        .filter_map(|(name, bytes)| Some((name.strip_prefix("repository/")?.to_owned(), bytes.clone())))
        .collect();
    let mut seen = 0;
    for directory in ["valid", "invalid"] {
        for entry in fs::read_dir(folder().join(directory)).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{directory}/{}", path.file_stem().unwrap().to_str().unwrap());
            let vector: Vector = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            assert_eq!(vectors.get(&name), Some(&vector), "{name} is not what this program makes");
            let (trust, _) = update(repository.clone(), root, &Files::new(), vector.at).unwrap();
            let purpose = Purpose::parse(&vector.purpose).unwrap();
            let got = match verify(&vector.text, &purpose, &trust, vector.at, &mut Seen::default()) {
                Ok(_) => Reason::Accepted,
                Err(error) => error.reason(),
            };
            assert_eq!(got.code(), vector.expect, "{name}: {}", vector.description);
            assert_eq!(directory == "valid", got == Reason::Accepted, "{name}");
            seen += 1;
        }
    }
    println!("{seen} vectors");
    assert_eq!(seen, vectors.len());
    assert!(seen >= 40);
}

fn all() -> BTreeMap<String, Vector> {
    let mut bench = Bench::new();
    texts::valid(&mut bench);
    texts::texts(&mut bench);
    encodings::encodings(&mut bench);
    credentials::headers(&mut bench);
    credentials::claims(&mut bench);
    encodings::structures(&mut bench);
    proofs::proofs(&mut bench);
    proofs::presentations(&mut bench);
    proofs::times(&mut bench);
    bench.vectors
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// Every file that is made here, by its path.
fn files(vectors: &BTreeMap<String, Vector>) -> Files {
    let json = |vector: &Vector| (serde_json::to_string_pretty(vector).unwrap() + "\n").into_bytes();
    let mut files: Files =
        vectors.iter().map(|(name, vector)| (format!("{name}.json"), json(vector))).collect();
    let world = Bench::new().world;
    files.insert("root.json".into(), world.root());
    let repository = world.repository(1, world.start);
    files.extend(repository.into_iter().map(|(name, bytes)| (format!("repository/{name}"), bytes)));
    files
}

fn write(files: &Files) {
    for part in ["valid", "invalid", "repository"] {
        let _ = fs::remove_dir_all(folder().join(part));
    }
    for (name, bytes) in files {
        let path = folder().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn read(folder: &Path) -> Files {
    fn walk(folder: &Path, prefix: &str, files: &mut Files) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                walk(&path, &format!("{name}/"), files);
            } else if !MADE_ELSEWHERE.contains(&name.as_str()) {
                files.insert(name, fs::read(path).unwrap());
            }
        }
    }
    let mut files = Files::new();
    walk(folder, "", &mut files);
    files
}
