//! The agency's counter: what it refuses, and what it says to a clerk.

use std::fs;

use image::{DynamicImage, imageops};
use tests::journey::{Journey, photo, residents};
use tests::third_party;

#[test]
fn enrolment_refuses_photos_and_says_why() {
    let journey = Journey::new();
    fs::write(journey.path("claims.json"), r#"{"id": "XA-1", "name": "SAMPLE, TEST"}"#).unwrap();
    let enroll =
        |photo: &str| journey.issuer(&["enroll", "--dir", "A", "--claims", "claims.json", "--photo", photo]);
    let scene = |name: &str| residents().join(name).to_str().unwrap().to_owned();
    assert_eq!(enroll(&scene("scene-empty-1.jpg")).expect(1).reason(), "photo.no_face");
    assert_eq!(enroll(&scene("scene-two-faces.jpg")).expect(1).reason(), "photo.several_faces");
    assert_eq!(enroll("claims.json").expect(1).reason(), "photo.unreadable");

    let portrait = image::open(photo(1, "id-photo")).unwrap();
    let save = |picture: DynamicImage, name: &str| {
        picture.save(journey.path(name)).unwrap();
        name.to_owned()
    };
    let small = DynamicImage::ImageRgb8(imageops::resize(
        &portrait.to_rgb8(),
        120,
        150,
        imageops::FilterType::Triangle,
    ));
    assert_eq!(enroll(&save(small, "small.png")).expect(1).reason(), "photo.face_too_small");
    assert_eq!(enroll(&save(portrait.blur(6.0), "blurred.png")).expect(1).reason(), "photo.blurred");
    let mut dark = portrait.to_rgb8();
    dark.iter_mut().for_each(|value| *value /= 4);
    let dark = DynamicImage::ImageRgb8(dark);
    assert_eq!(enroll(&save(dark, "dark.png")).expect(1).reason(), "photo.too_dark");
    for number in 1..=10 {
        enroll(photo(number, "id-photo").to_str().unwrap()).expect(0);
    }
}

#[test]
fn a_clerks_mistakes_are_explained() {
    let journey = Journey::new();
    let photo = photo(1, "id-photo");
    let enroll = |claims: &str| {
        fs::write(journey.path("claims.json"), claims).unwrap();
        journey.issuer(&[
            "enroll",
            "--dir",
            "A",
            "--claims",
            "claims.json",
            "--photo",
            photo.to_str().unwrap(),
            "--without-face",
        ])
    };
    for (claims, word) in [
        ("[1]", "JSON object"),
        ("{}", "no identity attribute"),
        (r#"{"name": ""}"#, "name"),
        (r#"{"name": "A", "dateOfBirth": "1998-13-01"}"#, "dateOfBirth"),
        (r#"{"name": "A", "sex": "female"}"#, "sex"),
    ] {
        let said = enroll(claims).expect(2).said;
        assert!(said.contains(word), "{claims}: {said}");
        assert!(!said.contains("panicked"));
    }
    let photo_as_document = ["--document", photo.to_str().unwrap()];
    fs::write(journey.path("claims.json"), r#"{"name": "A"}"#).unwrap();
    let with_document = [
        "enroll",
        "--dir",
        "A",
        "--claims",
        "claims.json",
        "--photo",
        photo_as_document[1],
        "--without-face",
    ];
    journey.issuer(&[&with_document[..], &photo_as_document].concat()).expect(0);
    assert!(
        journey
            .issuer(&[&with_document[..], &["--document", "nowhere.pdf"]].concat())
            .expect(2)
            .said
            .contains("nowhere.pdf")
    );
    let ignored = enroll(r#"{"name": "A", "shoeSize": 42}"#).expect(0);
    assert_eq!(ignored.json["ignored"], serde_json::json!(["shoeSize"]));
    let subject = ignored.json["subject"].as_str().unwrap();
    let issue = |purpose: &str, key: &str| {
        journey.issuer(&[
            "issue",
            "--dir",
            "A",
            "--subject",
            subject,
            "--purpose",
            purpose,
            "--holder-key",
            key,
            "--out",
            "c.cbor",
        ])
    };
    assert!(issue("border", "nonsense").expect(2).said.contains("public key"));
    let weak = format!("01{}", "00".repeat(31));
    assert!(
        issue("border", &weak).expect(2).said.contains("weak")
            || issue("border", &weak).said.contains("public key")
    );
    journey.issuer(&["holder", "keygen", "--out", "k"]).expect(0);
    assert!(
        issue("border", "k.pub").expect(2).said.contains("id"),
        "the border needs an id, which was not enrolled"
    );
    assert!(
        journey.issuer(&["holder", "keygen", "--out", "k"]).expect(2).said.contains("creating k"),
        "keys are never overwritten"
    );
    assert!(
        journey.issuer(&["publish", "--dir", "nowhere", "--out", "R"]).expect(2).said.contains("issuer init")
    );
}

#[test]
fn a_foreign_code_is_inspected_with_its_portrait() {
    let Some(folder) = third_party("data/vectors/claim169/test-vectors") else { return };
    let vector = fs::read(folder.join("valid/with-face.json")).unwrap();
    let vector: serde_json::Value = serde_json::from_slice(&vector).unwrap();
    let inspected = Journey::bare().issuer(&["inspect", vector["qr_data"].as_str().unwrap()]).expect(0).json;
    assert_eq!(inspected["portrait"]["format"], "jpeg", "{inspected}");
    assert!(inspected["portrait"]["bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{inspected}");
}
