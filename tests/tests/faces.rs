//! The face pipeline with real weights on the sample residents. Not an accuracy claim: ten composites are easier than
//! people.

use image::{DynamicImage, RgbImage, imageops};
use shared::face::{Decision, FaceEngine, FaceError, ModelSource, QualityIssue, decode};
use shared::template::{AlgorithmId, Template};
use shared::trust::FalseMatchRate;
use tests::journey::{photo, residents};
use tests::third_party;

const RESIDENTS: std::ops::RangeInclusive<u8> = 1..=10;
const PROBES: [&str; 3] = ["probe-smile", "camera-a", "camera-b"];

/// The built-in models, and the installable ones where they are.
fn engines() -> Vec<FaceEngine> {
    let installed = third_party("models").map(|folder| {
        ModelSource::Folder(folder).load(|path| std::fs::read(path).ok()).expect("the installable set loads")
    });
    [Some(FaceEngine::built_in().unwrap()), installed].into_iter().flatten().collect()
}

fn picture(number: u8, name: &str) -> DynamicImage {
    decode(&std::fs::read(photo(number, name)).unwrap()).unwrap()
}

#[test]
fn every_resident_matches_itself_and_nobody_else() {
    for engine in engines() {
        every_resident_matches(&engine);
    }
}

fn every_resident_matches(engine: &FaceEngine) {
    let templates: Vec<_> =
        RESIDENTS.map(|number| engine.enrol(&picture(number, "id-photo")).unwrap()).collect();
    assert!(templates.iter().all(|template| template.as_bytes().len() == 128));
    let (mut lowest_genuine, mut highest_impostor) = (f32::MAX, f32::MIN);
    for number in RESIDENTS {
        for name in PROBES {
            let probe = engine.capture(&picture(number, name), engine.algorithm()).unwrap();
            for (reference, template) in RESIDENTS.zip(&templates) {
                let comparison = engine.compare(template, &probe, FalseMatchRate::DEFAULT).unwrap();
                let expected = if reference == number { Decision::Match } else { Decision::NonMatch };
                assert_eq!(
                    comparison.decision, expected,
                    "reference {reference}, probe {number} {name}: {}",
                    comparison.score
                );
                if reference == number {
                    lowest_genuine = lowest_genuine.min(comparison.score);
                } else {
                    highest_impostor = highest_impostor.max(comparison.score);
                }
            }
        }
    }
    println!(
        "{}: 30 genuine comparisons from {lowest_genuine:.3} up, 270 impostor comparisons to {highest_impostor:.3}",
        engine.set()
    );
}

#[test]
fn pictures_that_cannot_be_enrolled_are_told_apart() {
    for engine in engines() {
        told_apart(&engine);
    }
}

fn told_apart(engine: &FaceEngine) {
    let scene = |name: &str| decode(&std::fs::read(residents().join(name)).unwrap()).unwrap();
    assert_eq!(engine.enrol(&scene("scene-empty-1.jpg")).unwrap_err(), FaceError::NoFace);
    assert_eq!(engine.enrol(&scene("scene-empty-2.jpg")).unwrap_err(), FaceError::NoFace);
    assert_eq!(
        engine.enrol(&scene("scene-two-faces.jpg")).unwrap_err(),
        FaceError::SeveralFaces { count: 2 }
    );

    let portrait = picture(4, "id-photo").to_rgb8();
    let issues = |picture: RgbImage| match engine.enrol(&DynamicImage::ImageRgb8(picture)) {
        Err(FaceError::Quality { issues, .. }) => issues,
        other => panic!("{}: {other:?}", engine.set()),
    };
    let small = imageops::resize(&portrait, 96, 120, imageops::FilterType::Triangle);
    assert_eq!(issues(small).first(), Some(&QualityIssue::TooSmall));
    assert_eq!(issues(imageops::blur(&portrait, 5.0)), [QualityIssue::Blurred]);
    let tilted = imageops::rotate90(&portrait);
    assert!(engine.enrol(&DynamicImage::ImageRgb8(tilted)).is_err());

    // Real people who look past the camera; the pictures are small, so they are enlarged first.
    let Some(turned) = third_party("data/faces/orl") else { return };
    for name in ["s4/10.png", "s26/5.png", "s32/7.png", "s23/9.png", "s1/6.png"] {
        let picture = decode(&std::fs::read(turned.join(name)).unwrap()).unwrap().to_rgb8();
        let picture = imageops::resize(&picture, 368, 448, imageops::FilterType::Triangle);
        if (engine.set(), name) == ("default", "s32/7.png") {
            // The built-in detector draws turned faces towards the front (models/README.md, limits): it sees 13° where
            // the other sees 27°, and lets this one pass. When it no longer does, this line has to go.
            assert!(engine.enrol(&DynamicImage::ImageRgb8(picture)).is_ok(), "better than documented");
            continue;
        }
        assert_eq!(issues(picture).first(), Some(&QualityIssue::TurnedAway), "{name}");
    }
}

#[test]
fn a_template_of_another_algorithm_is_not_compared() {
    for engine in engines() {
        let own = engine.algorithm();
        let probe = engine.capture(&picture(1, "camera-a"), own).unwrap();
        let compare = |template: &Template, rate| engine.compare(template, &probe, rate);
        let other = AlgorithmId::parse("other/i8").unwrap();
        assert!(matches!(
            engine.capture(&picture(1, "camera-a"), &other),
            Err(FaceError::OtherAlgorithm { .. })
        ));
        let template = Template::new(other, vec![0; 128]).unwrap();
        assert!(matches!(compare(&template, FalseMatchRate::DEFAULT), Err(FaceError::OtherAlgorithm { .. })));
        let short = Template::new(own.clone(), vec![0; 64]).unwrap();
        assert!(compare(&short, FalseMatchRate::DEFAULT).is_err());
        let never = FalseMatchRate::one_in(u32::MAX).unwrap();
        let template = engine.enrol(&picture(1, "id-photo")).unwrap();
        assert!(matches!(compare(&template, never), Err(FaceError::NotMeasured { .. })));
        let (lax, strict) = (FalseMatchRate::one_in(100).unwrap(), FalseMatchRate::DEFAULT);
        assert!(compare(&template, lax).unwrap().threshold < compare(&template, strict).unwrap().threshold);
    }
}

/// Credentials outlive a change of models: what the built-in embedder made can still be compared after another set
/// is installed, and the record says which one did it.
#[test]
fn installed_models_still_compare_what_the_built_in_ones_enrolled() {
    let [built_in, installed] = &engines()[..] else { return };
    let template = built_in.enrol(&picture(5, "id-photo")).unwrap();
    let probe = installed.capture(&picture(5, "camera-a"), template.algorithm()).unwrap();
    let comparison = installed.compare(&template, &probe, FalseMatchRate::DEFAULT).unwrap();
    assert_eq!(comparison.decision, Decision::Match);
    assert_ne!(installed.algorithm(), template.algorithm());
    let named = installed.models_for(template.algorithm());
    assert!(named.iter().any(|model| built_in.models().contains(model)), "{named:?}");
    assert!(named.iter().any(|model| installed.models().contains(model)), "{named:?}");
}
