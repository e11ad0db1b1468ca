//! How often the face pipeline errs on a folder of people (ISO/IEC 19795-1, 30107-3).
//!
//! Pairs: every two pictures of one person are a genuine comparison, every two of different people an impostor one. The
//! earlier picture by name is the reference, and its template is quantised as in a credential; the other is the probe.

mod images;
mod plot;
mod portrait;
mod rates;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use shared::face::{Embedding, FaceEngine};

use crate::notice;
pub use images::Failure;
use images::{Acquired, Stages, acquire, list};
pub use plot::det_curve;
pub use portrait::PORTRAIT_BYTES;
pub use rates::{AtFmr, Rate, Scores};
pub use report::{json, markdown};

/// At most so many people are compared by tiny portrait: it takes an enrolment each.
const PORTRAIT_PEOPLE: usize = 300;
/// After how many pictures progress is told.
const PROGRESS: usize = 250;

/// Everything that was measured.
pub struct Evaluation {
    pub set: String,
    pub models: Vec<String>,
    pub algorithm: String,
    pub images: usize,
    pub identities: usize,
    /// Pictures without a comparable face, by what was wrong.
    pub failures: BTreeMap<Failure, u64>,
    /// Pictures good enough to compare and not good enough to enrol.
    pub not_enrollable: u64,
    /// Reference quantised as in a credential.
    pub template: Scores,
    /// Both sides as the network gave them.
    pub float: Scores,
    /// The template's scores within each group.
    pub groups: BTreeMap<String, Scores>,
    /// Reference by tiny portrait of so many bytes, beside the template on the same people.
    pub portraits: Vec<(usize, Scores)>,
    pub portrait_baseline: Option<Scores>,
    /// Portraits of each size that could not be made, or not be enrolled again.
    pub portrait_failures: Vec<u64>,
    /// Attack scores of bona fide pictures.
    pub bona_fide: Vec<f32>,
    pub attacks: BTreeMap<String, Attack>,
    pub attack_threshold: f32,
    /// Median milliseconds of each stage.
    pub stages: BTreeMap<&'static str, f64>,
}

/// Pictures of one presentation attack instrument species.
#[derive(Default)]
pub struct Attack {
    /// Attack scores of those on which a face was captured.
    pub scores: Vec<f32>,
    /// Those that the pipeline refused before: no face, or a poor one.
    pub not_captured: u64,
}

/// Measures a set of models on a folder of people, and on one of attacks if there is one.
pub fn evaluate(engine: &FaceEngine, data: &Path, attacks: Option<&Path>) -> Result<Evaluation> {
    let pictures = list(data)?;
    let identities: BTreeSet<&str> = pictures.iter().map(|picture| picture.identity.as_str()).collect();
    let identities = identities.len();
    notice(&format!("{} pictures of {identities} people, {} models", pictures.len(), engine.set()));
    let tell = |of: usize| {
        move |done: usize| {
            if done.is_multiple_of(PROGRESS) || done == of {
                notice(&format!("  {done} of {of} pictures"));
            }
        }
    };
    let (mut acquired, mut stages, mut failures) = (Vec::new(), Vec::new(), BTreeMap::new());
    for result in acquire(engine, &pictures, tell(pictures.len())) {
        match result {
            Ok((one, took)) => {
                acquired.push(one);
                stages.push(took);
            }
            Err(failure) => *failures.entry(failure).or_default() += 1,
        }
    }
    notice("comparing");
    let (template, float, groups) = compare_all(&acquired);
    let mut evaluation = Evaluation {
        set: engine.set().to_owned(),
        models: engine.models().to_vec(),
        algorithm: engine.algorithm().to_string(),
        images: pictures.len(),
        identities,
        failures,
        not_enrollable: acquired.iter().filter(|one| !one.enrollable).count() as u64,
        template,
        float,
        groups,
        portraits: vec![],
        portrait_baseline: None,
        portrait_failures: vec![],
        bona_fide: acquired.iter().map(|one| one.bona_fide).collect(),
        attacks: BTreeMap::new(),
        attack_threshold: engine.attack_threshold(),
        stages: medians(&stages, compare_time(&acquired)),
    };
    notice("comparing by tiny portrait");
    portraits(engine, &acquired, &mut evaluation);
    if let Some(folder) = attacks {
        let pictures = list(folder)?;
        notice(&format!("{} pictures of attacks", pictures.len()));
        let species =
            |index: usize| pictures[index].identity.split('/').next().unwrap_or_default().to_owned();
        for (index, result) in acquire(engine, &pictures, tell(pictures.len())).into_iter().enumerate() {
            let attack = evaluation.attacks.entry(species(index)).or_default();
            match result {
                Ok((one, _)) => attack.scores.push(one.bona_fide),
                Err(_) => attack.not_captured += 1,
            }
        }
        // Pictures of living people beside the attacks, made the same way, are the fairer half of the comparison.
        if let Some(own) = evaluation.attacks.remove("bona-fide") {
            evaluation.bona_fide = own.scores;
        }
    }
    Ok(evaluation)
}

fn compare_all(acquired: &[Acquired]) -> (Scores, Scores, BTreeMap<String, Scores>) {
    let templates: Vec<Vec<u8>> = acquired.iter().map(|one| one.embedding.quantise()).collect();
    let (mut template, mut float) = (Scores::default(), Scores::default());
    let mut groups: BTreeMap<String, Scores> = BTreeMap::new();
    for (at, reference) in acquired.iter().enumerate() {
        for probe in &acquired[at + 1..] {
            let quantised = probe.embedding.similarity(&templates[at]).unwrap_or(-1.0);
            let exact = reference.embedding.cosine(&probe.embedding);
            let same = reference.picture.identity == probe.picture.identity;
            let group =
                reference.picture.group.as_ref().filter(|group| probe.picture.group.as_ref() == Some(*group));
            let mut all = vec![(&mut template, quantised), (&mut float, exact)];
            if let Some(group) = group {
                if !groups.contains_key(group) {
                    groups.insert(group.clone(), Scores::default());
                }
                all.extend(groups.get_mut(group).map(|scores| (scores, quantised)));
            }
            for (scores, score) in all {
                if same {
                    scores.genuine.entry(reference.picture.identity.clone()).or_default().push(score);
                } else {
                    scores.impostor.add(score);
                }
            }
        }
    }
    (template, float, groups)
}

/// Encodes the first picture of each person as a tiny portrait, enrols that, and compares with all the others.
fn portraits(engine: &FaceEngine, acquired: &[Acquired], evaluation: &mut Evaluation) {
    let mut firsts: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, one) in acquired.iter().enumerate() {
        firsts.entry(&one.picture.identity).or_insert(index);
    }
    let references: Vec<usize> = firsts.into_values().take(PORTRAIT_PEOPLE).collect();
    let against = |embedding: Option<&Embedding>, reference: usize, scores: &mut Scores| {
        let template = embedding.map(Embedding::quantise);
        let own = &acquired[reference].picture.identity;
        for (_, probe) in acquired.iter().enumerate().filter(|(index, _)| *index != reference) {
            // A portrait that cannot be enrolled matches nobody.
            let score = template.as_ref().and_then(|bytes| probe.embedding.similarity(bytes)).unwrap_or(-1.0);
            if probe.picture.identity == *own {
                scores.genuine.entry(own.clone()).or_default().push(score);
            } else {
                scores.impostor.add(score);
            }
        }
    };
    let mut baseline = Scores::default();
    references.iter().for_each(|index| against(Some(&acquired[*index].embedding), *index, &mut baseline));
    for bytes in PORTRAIT_BYTES {
        let (mut scores, mut failed) = (Scores::default(), 0);
        for index in &references {
            let embedding = portrait::embed(engine, &acquired[*index].picture.path, bytes);
            failed += u64::from(embedding.is_none());
            against(embedding.as_ref(), *index, &mut scores);
        }
        evaluation.portraits.push((bytes, scores));
        evaluation.portrait_failures.push(failed);
    }
    evaluation.portrait_baseline = Some(baseline);
}

fn compare_time(acquired: &[Acquired]) -> f64 {
    let Some(first) = acquired.first() else { return 0.0 };
    let (template, started) = (first.embedding.quantise(), Instant::now());
    for one in acquired {
        std::hint::black_box(one.embedding.similarity(&template));
    }
    started.elapsed().as_secs_f64() * 1e3 / acquired.len() as f64
}

fn medians(stages: &[Stages], compare: f64) -> BTreeMap<&'static str, f64> {
    let median = |of: fn(&Stages) -> f64| {
        let mut values: Vec<f64> = stages.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or_default()
    };
    BTreeMap::from([
        ("detect, quality", median(|stage| stage.detect)),
        ("attack", median(|stage| stage.attack)),
        ("align, embed", median(|stage| stage.embed)),
        ("compare", compare),
    ])
}
