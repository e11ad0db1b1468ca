//! The face pipeline with real weights on the sample residents. Not an accuracy claim: ten composites are easier than
//! people.

use image::{DynamicImage, RgbImage, imageops};
use shared::face::{Decision, FaceEngine, FaceError, Manifest, ManifestError, QualityIssue, decode};
use tests::journey::{photo, residents};
use tests::third_party;

const RESIDENTS: std::ops::RangeInclusive<u8> = 1..=10;
const PROBES: [&str; 3] = ["probe-smile", "camera-a", "camera-b"];

fn engine() -> Option<FaceEngine> {
    let folder = third_party("models")?;
    let read = |entry: &shared::face::ModelEntry| {
        let missing =
            || ManifestError::Missing { file: entry.file.clone(), searched: folder.display().to_string() };
        std::fs::read(folder.join(&entry.file)).map_err(|_| missing())
    };
    Some(FaceEngine::load(&Manifest::shipped(), read).unwrap())
}

fn picture(number: u8, name: &str) -> DynamicImage {
    decode(&std::fs::read(photo(number, name)).unwrap()).unwrap()
}

#[test]
fn every_resident_matches_itself_and_nobody_else() {
    let Some(engine) = engine() else { return };
    let templates: Vec<_> =
        RESIDENTS.map(|number| engine.enrol(&picture(number, "id-photo")).unwrap()).collect();
    assert!(templates.iter().all(|template| template.as_bytes().len() == 128));
    let (mut lowest_genuine, mut highest_impostor) = (f32::MAX, f32::MIN);
    for number in RESIDENTS {
        for name in PROBES {
            let probe = engine.capture(&picture(number, name)).unwrap();
            for (reference, template) in RESIDENTS.zip(&templates) {
                let comparison = engine.compare(template, &probe).unwrap();
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
        "30 genuine comparisons from {lowest_genuine:.3} up, 270 impostor comparisons to {highest_impostor:.3}"
    );
}

#[test]
fn pictures_that_cannot_be_enrolled_are_told_apart() {
    let Some(engine) = engine() else { return };
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
        other => panic!("{other:?}"),
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
        assert_eq!(issues(picture).first(), Some(&QualityIssue::TurnedAway), "{name}");
    }
}

#[test]
fn a_template_of_another_algorithm_is_not_compared() {
    let Some(engine) = engine() else { return };
    let probe = engine.capture(&picture(1, "camera-a")).unwrap();
    let algorithm = shared::template::AlgorithmId::parse("other/i8").unwrap();
    let template = shared::template::Template::new(algorithm, vec![0; 128]).unwrap();
    assert!(matches!(engine.compare(&template, &probe), Err(FaceError::OtherAlgorithm { .. })));
    let short = shared::template::Template::new(engine.algorithm().clone(), vec![0; 64]).unwrap();
    assert!(engine.compare(&short, &probe).is_err());
}
