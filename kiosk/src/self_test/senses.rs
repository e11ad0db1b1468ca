//! What the kiosk sees with: symbols, faces, the camera. Each is given something to see whose answer is known.

use std::num::NonZeroU8;
use std::thread;
use std::time::{Duration, Instant};

use image::DynamicImage;
use serde::{Deserialize, Serialize};
use shared::face::{Decision, FaceEngine, FaceError};
use shared::qr;
use shared::template::{AlgorithmId, Template};
use shared::trust::FalseMatchRate;

use super::{Machine, Report};
use crate::camera;
use crate::gate::settings::GateSettings;
use crate::gate::{self, GateEvent};

/// A symbol as large as a rotating code is: characters, and pixels of a module.
const SYMBOL_LENGTH: usize = 600;
const SYMBOL_SCALE: NonZeroU8 = NonZeroU8::new(4).expect("not zero");

/// A fictional resident: an average of three people (tests/residents/README.md).
const FACE: &[u8] = include_bytes!("../../../tests/residents/resident-01/id-photo.jpg");

/// What the face gives with each embedder that is known, and what another one gives.
const VECTORS: &str = include_str!("vectors.json");

/// How alike the face has to be to the template that the set's own embedder made of it. Processors round differently,
/// which changes some of the steps that a template is made of; measured: 0.99. An embedder that only comes along gets
/// crops by another detector than its own (measured: 0.92) and has to find the two alike.
const SAME: f32 = 0.97;

/// A gate that cannot be worked with says so in this time.
const GATE_ANSWERS: Duration = Duration::from_secs(1);

/// The rate at which the other face has to be told apart.
const APART: FalseMatchRate = FalseMatchRate::one_in(1000).expect("not zero");

/// A known answer of one embedder.
#[derive(Serialize, Deserialize)]
struct Vector {
    algorithm: AlgorithmId,
    /// The template of the built-in face, in hexadecimal.
    own: String,
    /// That of another fictional resident.
    other: String,
}

pub(super) fn symbol(_: &Machine<'_>, report: &mut Report) {
    let text: String = (b'A'..=b'Z').cycle().map(char::from).take(SYMBOL_LENGTH).collect();
    let seen = qr::encode(&text).ok().map(|symbol| qr::read(&symbol.to_luma(SYMBOL_SCALE)));
    match seen.and_then(|reading| reading.symbols.into_iter().next()) {
        Some(symbol) if symbol.text == text => report.ok("symbols", "The built-in symbol was read."),
        _ => report.stop("symbols", "The built-in symbol was not read.", "Install the program anew."),
    }
}

pub(super) fn faces(machine: &Machine<'_>, report: &mut Report) {
    let name = "faces";
    let engine = match machine.engine {
        None => return,
        Some(Ok(engine)) => engine,
        Some(Err(error)) => {
            let remedy = "Mend it with `kiosk models install`; until then an officer compares every face.";
            return report.fail(name, format!("The models do not load: {error}."), remedy);
        }
    };
    let remedy = "Install the models anew: `kiosk models install`. This machine must not compare faces.";
    match compare(engine) {
        Ok(scores) if scores.is_empty() => {
            report.warn(
                name,
                "No known answer for any of the models.",
                "Use models that this release knows.",
            );
        }
        Ok(scores) => match scores.iter().find(|score| !score.is_right()) {
            Some(wrong) => report.stop(name, format!("A wrong answer: {wrong}."), remedy),
            None => {
                let said: Vec<String> = scores.iter().map(Score::to_string).collect();
                report.ok(name, format!("Set {}: {}.", engine.set(), said.join("; ")));
            }
        },
        Err(error) => report.stop(name, format!("The built-in face: {error}."), remedy),
    }
}

/// What one embedder says of the built-in face.
#[derive(Debug)]
struct Score {
    algorithm: AlgorithmId,
    own: f32,
    least: f32,
    other: f32,
    told_apart: bool,
}

impl Score {
    fn is_right(&self) -> bool {
        self.own >= self.least && self.told_apart
    }
}

impl std::fmt::Display for Score {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { algorithm, own, other, .. } = self;
        write!(f, "{algorithm} gives the built-in face {own:.3}, another one {other:.3}")
    }
}

/// Compares the built-in face with its pinned template and with another's, by every embedder that is loaded and known.
fn compare(engine: &FaceEngine) -> Result<Vec<Score>, FaceError> {
    let picture = shared::face::decode(FACE).expect("a built-in picture decodes");
    let vectors: Vec<Vector> = serde_json::from_str(VECTORS).expect("built-in vectors are well-formed");
    let loaded = vectors.into_iter().filter(|vector| engine.threshold(&vector.algorithm, APART).is_ok());
    loaded.map(|vector| score(engine, &picture, &vector)).collect()
}

fn score(engine: &FaceEngine, picture: &DynamicImage, vector: &Vector) -> Result<Score, FaceError> {
    let probe = engine.capture(picture, &vector.algorithm)?;
    let template = |digits: &str| {
        let bytes = hex::decode(digits).expect("built-in vectors are hexadecimal");
        Template::new(vector.algorithm.clone(), bytes).expect("built-in vectors are templates")
    };
    let leading = vector.algorithm == *engine.algorithm();
    let own = engine.compare(&template(&vector.own), &probe, APART)?;
    let other = engine.compare(&template(&vector.other), &probe, APART)?;
    Ok(Score {
        algorithm: vector.algorithm.clone(),
        own: own.score,
        least: if leading { SAME } else { own.threshold },
        other: other.score,
        told_apart: other.decision == Decision::NonMatch,
    })
}

pub(super) fn camera(machine: &Machine<'_>, report: &mut Report) {
    let name = "camera";
    let Some(settings) = machine.camera.filter(|camera| camera.code.is_some()) else {
        return report.warn(name, "Nobody said which camera.", "Put `camera` into the settings.");
    };
    let remedy = "Look at its cable, and at `camera` in the settings; `kiosk cameras` lists what is there.";
    let cameras = match camera::open(settings, Instant::now()) {
        Ok(cameras) => cameras,
        Err(error) => return report.fail(name, format!("{error:#}."), remedy),
    };
    for mut camera in [Some(cameras.code), cameras.face].into_iter().flatten() {
        match camera.next_frame() {
            Ok(Some(frame)) => {
                let (width, height) = frame.luma().dimensions();
                report.ok(name, format!("It gives frames of {width} by {height}."));
            }
            Ok(None) => report.fail(name, "It gives no frames.", remedy),
            Err(error) => report.fail(name, format!("{error:#}."), remedy),
        }
    }
}

/// The gate is taken into service, shut, and asked whether it is there; it is not opened.
pub(super) fn gate(machine: &Machine<'_>, report: &mut Report) {
    let name = "gate";
    let remedy = "Look at its cable and its power, and at [gate] in the settings.";
    let settings = &machine.settings.gate;
    if matches!(settings, GateSettings::Announced(_)) {
        return report.ok(name, "None: when it would open is said on standard error.");
    }
    let mut gate = match gate::open(settings) {
        Ok(gate) => gate,
        Err(error) => return report.fail(name, format!("{error:#}."), remedy),
    };
    let began = Instant::now();
    while began.elapsed() < GATE_ANSWERS {
        for event in gate.events() {
            if let GateEvent::Fault(why) = event {
                return report.fail(name, format!("{why}."), remedy);
            }
        }
        thread::sleep(GATE_ANSWERS / 20);
    }
    report.ok(name, "It is there, and shut.");
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn vectors() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/self_test/vectors.json")
    }

    /// `GATEPASS_REGENERATE=1` writes the answers of the models anew: of the built-in ones, and of the installable ones,
    /// which have to be there for that.
    #[test]
    fn the_pinned_answers_are_those_of_the_models() {
        let sets = [Some("default".into()), ::tests::third_party("models")];
        let engines: Vec<FaceEngine> =
            sets.into_iter().flatten().map(|set| crate::models::load(Some(&set)).unwrap()).collect();
        if std::env::var_os("GATEPASS_REGENERATE").is_some() {
            let photo = |number| {
                shared::face::decode(&std::fs::read(::tests::journey::photo(number, "id-photo")).unwrap())
            };
            let vectors = engines.iter().map(|engine| {
                let template =
                    |number| hex::encode(engine.enrol(&photo(number).unwrap()).unwrap().as_bytes());
                Vector { algorithm: engine.algorithm().clone(), own: template(1), other: template(4) }
            });
            let vectors: Vec<Vector> = vectors.collect();
            assert_eq!(vectors.len(), 2, "without a set its answers would be lost");
            let json = serde_json::to_string_pretty(&vectors).unwrap();
            return std::fs::write(super::tests::vectors(), json + "\n").unwrap();
        }
        for (engine, embedders) in engines.iter().zip([1, 2]) {
            let scores = compare(engine).unwrap();
            assert!(scores.iter().all(Score::is_right), "{scores:?}");
            assert_eq!(scores.len(), embedders, "{scores:?}");
        }
    }

    /// A machine that answers wrongly is found out: the same models, held against a changed answer.
    #[test]
    fn a_wrong_answer_is_noticed() {
        let engine = FaceEngine::built_in().unwrap();
        let picture = shared::face::decode(FACE).unwrap();
        let vectors: Vec<Vector> = serde_json::from_str(VECTORS).unwrap();
        let right = vectors.into_iter().find(|vector| vector.algorithm == *engine.algorithm()).unwrap();
        assert!(score(&engine, &picture, &right).unwrap().is_right());
        let swapped = Vector { own: right.other.clone(), other: right.own.clone(), ..right };
        assert!(!score(&engine, &picture, &swapped).unwrap().is_right());
        let same = Vector { own: right.own.clone(), other: right.own.clone(), ..swapped };
        assert!(!score(&engine, &picture, &same).unwrap().is_right(), "a model that knows one face only");
    }
}
