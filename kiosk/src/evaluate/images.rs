//! A folder of people, and what the pipeline makes of each picture.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde::{Serialize, Serializer};
use shared::face::{Embedding, FaceEngine, FaceError, Quality, QualityIssue, QualityLimits, decode};

/// A picture of a person: the folder that it lies in is the identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The folder, relative to the data.
    pub identity: String,
    /// What the figures are told apart by: `groups.csv`, or the folder above the identity's.
    pub group: Option<String>,
    pub path: PathBuf,
}

/// What came of a picture.
pub struct Acquired {
    pub picture: Picture,
    pub embedding: Embedding,
    /// How much the face looks like a living one.
    pub bona_fide: f32,
    /// Whether it is good enough to enrol.
    pub enrollable: bool,
}

/// Why a picture gave no face to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    Unreadable,
    NoFace,
    SeveralFaces,
    /// What is wrong with it first of all.
    Quality(QualityIssue),
}

/// As one word, so that counts can be listed by it.
impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Failure::Unreadable => serializer.serialize_str("unreadable"),
            Failure::NoFace => serializer.serialize_str("no_face"),
            Failure::SeveralFaces => serializer.serialize_str("several_faces"),
            Failure::Quality(issue) => issue.serialize(serializer),
        }
    }
}

/// Milliseconds that one picture spent in each stage.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stages {
    pub detect: f64,
    pub attack: f64,
    pub embed: f64,
}

/// Lists the pictures under a folder. `groups.csv` there may say which group an identity belongs to.
pub fn list(data: &Path) -> Result<Vec<Picture>> {
    let groups = groups(&data.join("groups.csv"))?;
    let mut pictures = Vec::new();
    walk(data, data, &mut pictures)?;
    pictures.sort_by(|a, b| a.path.cmp(&b.path));
    for picture in &mut pictures {
        let named = groups.iter().find(|(identity, _)| *identity == picture.identity);
        picture.group = named
            .map(|(_, group)| group.clone())
            .or_else(|| picture.identity.rsplit_once('/').map(|(above, _)| above.to_owned()));
    }
    if pictures.is_empty() {
        bail!("there is no JPEG or PNG picture in {}; it should hold identity/image files", data.display());
    }
    Ok(pictures)
}

fn groups(path: &Path) -> Result<Vec<(String, String)>> {
    if !path.exists() {
        return Ok(vec![]);
    }
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let pair =
        |line: &str| line.split_once(',').map(|(id, group)| (id.trim().to_owned(), group.trim().to_owned()));
    Ok(text.lines().filter_map(pair).collect())
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<Picture>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        let kind = path.extension().and_then(|end| end.to_str()).unwrap_or_default().to_ascii_lowercase();
        if path.is_dir() {
            walk(root, &path, found)?;
        } else if matches!(kind.as_str(), "jpg" | "jpeg" | "png") && folder != root {
            let identity = folder.strip_prefix(root).unwrap_or(folder).to_string_lossy().into_owned();
            found.push(Picture { identity, group: None, path });
        }
    }
    Ok(())
}

/// Runs the pipeline over pictures on every core; results are in the order of the pictures.
pub fn acquire(
    engine: &FaceEngine,
    pictures: &[Picture],
    progress: impl Fn(usize) + Sync,
) -> Vec<Result<(Acquired, Stages), Failure>> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(pictures.len()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(picture) = pictures.get(index) else { break };
                    let result = one(engine, picture);
                    let mut results = results.lock().expect("no thread panics while it holds the lock");
                    results.push((index, result));
                    progress(results.len());
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no thread panics while it holds the lock");
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

fn one(engine: &FaceEngine, picture: &Picture) -> Result<(Acquired, Stages), Failure> {
    let decoded = fs::read(&picture.path).ok().and_then(|bytes| decode(&bytes).ok());
    let rgb = decoded.ok_or(Failure::Unreadable)?.to_rgb8();
    let failed = |error: FaceError| match error {
        FaceError::NoFace => Failure::NoFace,
        FaceError::SeveralFaces { .. } => Failure::SeveralFaces,
        FaceError::Quality { issues, .. } => {
            issues.first().map_or(Failure::Unreadable, |issue| Failure::Quality(*issue))
        }
        _ => Failure::Unreadable,
    };
    let mut stages = Stages::default();
    let started = Instant::now();
    let (face, quality): (_, Quality) = engine.find(&rgb).map_err(failed)?;
    quality.check(&QualityLimits::CAPTURE).map_err(failed)?;
    stages.detect = ms(started);
    let started = Instant::now();
    let bona_fide = engine.bona_fide(&rgb, &face).map_err(failed)?;
    stages.attack = ms(started);
    let started = Instant::now();
    let embedding = engine.embed(&rgb, &face).map_err(failed)?;
    stages.embed = ms(started);
    let enrollable = quality.check(engine.enrolment_limits()).is_ok();
    Ok((Acquired { picture: picture.clone(), embedding, bona_fide, enrollable }, stages))
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
