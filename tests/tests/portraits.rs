//! Portraits in foreign credentials: decoded within bounds, and compared as templates are.

use std::path::Path;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, RgbImage, imageops};
use shared::cbor::Value;
use shared::face::{Decision, FaceEngine, FaceError, UnusablePortrait, decode, decode_portrait};
use shared::portrait::{Portrait, PortraitFormat};
use shared::qr::payload::{self, Payload};
use shared::trust::{Dialect, FalseMatchRate, PaperRule};
use tests::journey::{Journey, decode_avif, photo, residents};
use tests::{ISSUER, World, crafted};

const RESIDENTS: std::ops::RangeInclusive<u8> = 1..=10;

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("portraits").join(name)).unwrap()
}

fn file(number: u8, extension: &str) -> Vec<u8> {
    sample(&format!("resident-{number:02}.{extension}"))
}

fn format_of(extension: &str) -> PortraitFormat {
    match extension {
        "webp" => PortraitFormat::Webp,
        "avif" => PortraitFormat::Avif,
        _ => PortraitFormat::Jpeg,
    }
}

fn portrait(number: u8, extension: &str) -> Portrait {
    Portrait::new(format_of(extension), file(number, extension)).unwrap()
}

/// Every portrait in the folder.
fn all() -> impl Iterator<Item = (u8, &'static str)> {
    RESIDENTS.map(|number| (number, "webp")).chain([(1, "jpg"), (2, "jpg"), (1, "avif")])
}

/// Decodes as the kiosk does: AVIF in a process of its own.
fn decoded(portrait: &Portrait) -> Result<DynamicImage, UnusablePortrait> {
    if portrait.format() != PortraitFormat::Avif {
        return decode_portrait(portrait);
    }
    let (code, answer) = decode_avif(portrait.as_bytes());
    let Some((0, rest)) = answer.split_first() else {
        return Err(match answer.as_slice() {
            [1] => UnusablePortrait::Unsupported(PortraitFormat::Avif),
            [2, sides @ ..] => UnusablePortrait::Size { width: number(sides, 0), height: number(sides, 4) },
            [] => {
                assert_ne!(code, Some(0), "it ended well, and said nothing");
                UnusablePortrait::Damaged
            }
            _ => panic!("{answer:?}"),
        });
    };
    assert_eq!(code, Some(0));
    Ok(RgbImage::from_raw(number(rest, 0), number(rest, 4), rest[8..].to_vec()).unwrap().into())
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

#[test]
fn a_portrait_matches_its_own_resident_and_nobody_else() {
    let engine = FaceEngine::built_in().unwrap();
    let probes: Vec<_> = RESIDENTS
        .flat_map(|number| ["probe-smile", "camera-a", "camera-b"].map(|name| (number, name)))
        .map(|(number, name)| {
            let picture = decode(&std::fs::read(photo(number, name)).unwrap()).unwrap();
            (number, name, engine.capture(&picture, engine.algorithm()).unwrap())
        })
        .collect();
    let (mut lowest_genuine, mut highest_impostor) = (f32::MAX, f32::MIN);
    for (reference, extension) in all() {
        let template =
            engine.template_of_portrait(&decoded(&portrait(reference, extension)).unwrap()).unwrap();
        assert_eq!(template.algorithm(), engine.algorithm());
        for (number, name, probe) in &probes {
            let comparison = engine.compare(&template, probe, FalseMatchRate::DEFAULT).unwrap();
            let score = comparison.score;
            if reference == *number {
                lowest_genuine = lowest_genuine.min(score);
            } else {
                highest_impostor = highest_impostor.max(score);
            }
            let expected = if reference == *number { Decision::Match } else { Decision::NonMatch };
            assert_eq!(
                comparison.decision, expected,
                "{reference}.{extension}, probe {number} {name}: {score}"
            );
        }
    }
    println!(
        "39 genuine comparisons from {lowest_genuine:.3} up, 351 impostor comparisons to {highest_impostor:.3}"
    );
}

/// The decoders are not ours: all must show the same picture.
#[test]
fn every_format_decodes_to_the_same_picture() {
    for (number, extension) in all() {
        let picture = decoded(&portrait(number, extension)).unwrap();
        assert_eq!((picture.width(), picture.height()), (64, 80), "{number}.{extension}");
        let photo = decode(&std::fs::read(photo(number, "id-photo")).unwrap()).unwrap();
        let cropped = photo.crop_imm(48, 60, 384, 480);
        // Grey or colour, as the portrait is: a portrait in grey says nothing about hue.
        let grey =
            picture.to_rgb8().pixels().all(|pixel| pixel.0[0] == pixel.0[1] && pixel.0[1] == pixel.0[2]);
        let expected =
            if grey { DynamicImage::ImageLuma8(cropped.to_luma8()).to_rgb8() } else { cropped.to_rgb8() };
        // Blurred alike, so that what remains is colour and place, and not what compression took away.
        let soft =
            |picture: &image::RgbImage| imageops::resize(picture, 8, 10, imageops::FilterType::Triangle);
        let (seen, expected) = (soft(&picture.to_rgb8()), soft(&expected));
        let differences: Vec<f32> =
            seen.iter().zip(expected.iter()).map(|(a, b)| f32::from(*a) - f32::from(*b)).collect();
        let mean = differences.iter().map(|value| value.abs()).sum::<f32>() / differences.len() as f32;
        assert!(mean < 8.0, "{number}.{extension} is {mean} grey levels off on average");
    }
}

#[test]
fn what_cannot_be_compared_is_told_apart() {
    let engine = FaceEngine::built_in().unwrap();
    let refused = |portrait: &Portrait| match engine.template_of_portrait(&decoded(portrait).unwrap()) {
        Err(FaceError::Portrait(reason)) => reason,
        other => panic!("{other:?}"),
    };
    let jpeg = |picture: &DynamicImage, quality| {
        let mut bytes = Vec::new();
        picture.to_rgb8().write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality)).unwrap();
        Portrait::new(PortraitFormat::Jpeg, bytes).unwrap()
    };
    let scene = |name: &str| decode(&std::fs::read(residents().join(name)).unwrap()).unwrap();
    assert_eq!(refused(&jpeg(&scene("scene-empty-1.jpg").thumbnail(120, 90), 50)), UnusablePortrait::NoFace);
    assert_eq!(
        refused(&jpeg(&scene("scene-two-faces.jpg").thumbnail(160, 120), 60)),
        UnusablePortrait::SeveralFaces { count: 2 }
    );
    let own = decode(&std::fs::read(photo(3, "id-photo")).unwrap()).unwrap();
    assert!(engine.template_of_portrait(&own.thumbnail_exact(64, 80)).is_ok());
    let tiny = refused(&jpeg(&own.thumbnail_exact(20, 25), 90));
    assert!(matches!(tiny, UnusablePortrait::Quality { .. } | UnusablePortrait::NoFace), "{tiny:?}");
    let dark = own.thumbnail_exact(64, 80).brighten(-110);
    let dark = refused(&jpeg(&dark, 60));
    assert!(matches!(dark, UnusablePortrait::Quality { .. } | UnusablePortrait::NoFace), "{dark:?}");

    let said = |format, bytes: &[u8]| decoded(&Portrait::new(format, bytes.to_vec()).unwrap()).map(|_| ());
    let jpeg_2000 = said(PortraitFormat::Jpeg2000, b"\xff\x4f\xff\x51");
    assert_eq!(jpeg_2000, Err(UnusablePortrait::Unsupported(PortraitFormat::Jpeg2000)));
    let avif = decode_portrait(&portrait(1, "avif")).map(|_| ());
    assert_eq!(avif, Err(UnusablePortrait::Unsupported(PortraitFormat::Avif)), "not in this process");
    for format in [PortraitFormat::Jpeg, PortraitFormat::Webp, PortraitFormat::Avif] {
        assert_eq!(said(format, b"?"), Err(UnusablePortrait::Damaged), "{format:?}");
        for (number, extension) in all().filter(|(_, extension)| format_of(extension) != format) {
            assert!(said(format, &file(number, extension)).is_err(), "{extension} read as {format:?}");
        }
    }
}

/// Sizes are judged by the headers, whatever the rest claims.
#[test]
fn sizes_are_bounded_before_decoding() {
    let size = |format, bytes: Vec<u8>| match decoded(&Portrait::new(format, bytes).unwrap()) {
        Err(UnusablePortrait::Size { width, height }) => (width, height),
        other => panic!("{format:?}: {:?}", other.map(|_| ())),
    };
    // SOF0: marker, length, precision, height, width.
    let mut jpeg = file(1, "jpg");
    let header = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    jpeg[header + 5..header + 9].copy_from_slice(&[0xff, 0xff, 0xff, 0xfe]);
    assert_eq!(size(PortraitFormat::Jpeg, jpeg), (65534, 65535));
    // The key frame's start code, then width and height of 14 bits, little-endian.
    let mut webp = file(1, "webp");
    let header = webp.windows(3).position(|code| code == [0x9d, 0x01, 0x2a]).unwrap();
    webp[header + 3..header + 7].copy_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
    assert_eq!(size(PortraitFormat::Webp, webp), (16383, 16383));
    // The property `ispe`: version and flags, width, height. Then only what the decoder is told: the sequence header.
    let mut avif = file(1, "avif");
    let property = avif.windows(4).position(|kind| kind == b"ispe").unwrap();
    avif[property + 8..property + 16].copy_from_slice(&[0, 1, 0, 0, 0, 0, 4, 1]);
    assert_eq!(size(PortraitFormat::Avif, avif), (65536, 1025));
}

#[test]
fn damaged_files_are_errors() {
    // A small generator: the same damage every time.
    let mut state = 7u32;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    for (number, extension) in all().filter(|(number, _)| *number <= 2) {
        let (format, whole) = (format_of(extension), file(number, extension));
        let decoded = |bytes: Vec<u8>| decoded(&Portrait::new(format, bytes).unwrap());
        // Without its headers nothing decodes; what JPEG has lost at its end may stay grey.
        for length in 1..whole.len() {
            let result = decoded(whole[..length].to_vec());
            assert!(result.is_err() || length > 100, "{length} bytes of {number}.{extension}");
        }
        let mut refused = 0;
        for _ in 0..300 {
            let mut bytes = whole.clone();
            for _ in 0..=random(3) {
                let at = random(bytes.len());
                bytes[at] = random(256) as u8;
            }
            match decoded(bytes) {
                Ok(picture) => assert!(picture.width() <= 1024 && picture.height() <= 1024),
                Err(_) => refused += 1,
            }
        }
        println!("{number}.{extension}: {refused} of 300 damaged copies refused");
        assert!(refused > 0, "damage to the headers of {number}.{extension} was never noticed");
    }
}

/// The whole way through the program, which hands AVIF to a child: a foreign code with nothing but a portrait.
#[test]
fn a_kiosk_compares_with_portraits_of_every_format() {
    let mut world = World::default();
    (world.policy.dialects, world.policy.paper) = (vec![Dialect::Claim169], PaperRule::Accept);
    let journey = Journey::new();
    for (name, bytes) in world.repository(1, world.start) {
        let path = journey.path("W").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    std::fs::write(journey.path("root.json"), world.root()).unwrap();
    let says = |format: i64, bytes: &[u8], face: u8| {
        let identity = [(4, Value::Text("SAMPLE")), (16, Value::Bytes(bytes)), (17, Value::from(format))];
        let claims = crafted::labels(&[
            (1, Value::Text(ISSUER)),
            (4, Value::from(world.start.plus(3600).as_unix())),
            (6, Value::from(world.start.as_unix())),
            (169, crafted::labels(&identity)),
        ]);
        let headers = crafted::labels(&[(1, Value::from(-8))]).encode();
        let code = tests::sign1(&headers, Value::Map(vec![]), &claims.encode(), &world.issuer);
        let text = format!("--text={}", payload::encode(&Payload::Static(code)));
        let (at, probe) = (world.start.plus(60).to_string(), photo(face, "probe-smile"));
        let verify = ["verify", "--trust", "W", "--root", "root.json", "--purpose", "border", "--at", &at];
        journey
            .kiosk(&[&verify[..], &["--probe", probe.to_str().unwrap(), &text]].concat())
            .reason()
            .to_owned()
    };
    for (format, extension) in [(1, "jpg"), (3, "avif"), (4, "webp")] {
        assert_eq!(says(format, &file(1, extension), 1), "accepted", "{extension}");
        assert_eq!(says(format, &file(1, extension), 2), "face.non_match", "{extension}");
    }
    let avif = file(1, "avif");
    assert_eq!(says(3, &avif[..avif.len() / 2], 1), "face.portrait", "what the child cannot decode");
    assert_eq!(says(2, b"\xff\x4f\xff\x51", 1), "face.portrait", "JPEG 2000");
}
