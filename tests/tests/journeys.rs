//! Whole journeys through the real programs: agency, phone, kiosk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use image::{DynamicImage, imageops};
use shared::face::FaceEngine;
use shared::reason::Reason;
use tests::journey::{Journey, START, photo, residents};

const LATER: &str = "2026-11-20T10:00:00Z";
const TWO_SECONDS_ON: &str = "2026-11-20T10:00:02Z";

/// An agency that has published, with resident 1 at the border.
fn border() -> Journey {
    let journey = Journey::new();
    journey.resident(1, "border", &[]);
    journey.publish(START);
    journey
}

#[test]
fn a_resident_passes_and_somebody_else_does_not() {
    let journey = border();
    let code = journey.code("resident-01", "border", LATER, &[]);
    let without_probe = journey.verify(&code, TWO_SECONDS_ON, &[]).expect(0);
    assert_eq!(without_probe.reason(), Reason::Accepted.code());
    assert_eq!(without_probe.json["claims"]["name"], "SAMPLE, ALEX 01");
    assert_eq!(without_probe.json["freshness"], "fresh");
    for picture in ["probe-smile", "camera-a", "camera-b"] {
        let own = journey
            .verify(&code, TWO_SECONDS_ON, &["--probe", photo(1, picture).to_str().unwrap()])
            .expect(0);
        assert!(
            own.json["face"]["score"].as_f64().unwrap() >= own.json["face"]["threshold"].as_f64().unwrap()
        );
        let other = journey
            .verify(&code, TWO_SECONDS_ON, &["--probe", photo(3, picture).to_str().unwrap()])
            .expect(1);
        assert_eq!(other.reason(), Reason::FaceNonMatch.code());
    }
    let scene = |name: &str| residents().join(name).to_str().unwrap().to_owned();
    let nobody = journey.verify(&code, TWO_SECONDS_ON, &["--probe", &scene("scene-empty-1.jpg")]).expect(2);
    assert_eq!(nobody.reason(), Reason::FaceNone.code());
    let two = journey.verify(&code, TWO_SECONDS_ON, &["--probe", &scene("scene-two-faces.jpg")]).expect(2);
    assert_eq!(two.reason(), Reason::FaceSeveral.code());
    let missing = journey
        .verify(
            &code,
            TWO_SECONDS_ON,
            &["--models", "nowhere", "--probe", photo(1, "camera-a").to_str().unwrap()],
        )
        .expect(2);
    assert_eq!(missing.reason(), Reason::FaceModels.code());
    assert!(missing.said.contains("kiosk models install"), "{}", missing.said);
}

#[test]
fn a_screenshot_is_worthless_a_minute_later() {
    let journey = border();
    let code = journey.code("resident-01", "border", LATER, &[]);
    assert_eq!(journey.verify(&code, "2026-11-20T10:00:29Z", &[]).expect(0).reason(), "accepted");
    assert_eq!(
        journey.verify(&code, "2026-11-20T10:00:30Z", &[]).expect(1).reason(),
        Reason::ProofExpired.code()
    );
    assert_eq!(
        journey.verify(&code, "2026-11-20T10:01:00Z", &[]).expect(1).reason(),
        Reason::ProofExpired.code()
    );
    assert_eq!(
        journey.verify(&code, "2026-11-20T09:59:00Z", &[]).expect(1).reason(),
        Reason::ProofNotYetValid.code()
    );
}

#[test]
fn the_same_proof_passes_once_even_across_a_restart() {
    let journey = border();
    let code = journey.code("resident-01", "border", LATER, &[]);
    journey.verify(&code, TWO_SECONDS_ON, &["--state", "kiosk"]).expect(0);
    let again = journey.verify(&code, "2026-11-20T10:00:09Z", &["--state", "kiosk"]).expect(1);
    assert_eq!(again.reason(), Reason::ProofReplayed.code());
    let next = journey.code("resident-01", "border", "2026-11-20T10:00:15Z", &[]);
    journey.verify(&next, "2026-11-20T10:00:16Z", &["--state", "kiosk"]).expect(0);
}

#[test]
fn a_revoked_credential_is_refused_with_the_next_repository() {
    let journey = border();
    let code = journey.code("resident-01", "border", LATER, &[]);
    journey
        .issuer(&["revoke", "--dir", "A", "--credential", "resident-01-border.cbor", "--at", LATER])
        .expect(0);
    journey.verify(&code, TWO_SECONDS_ON, &[]).expect(0);
    journey.publish(LATER);
    assert_eq!(journey.verify(&code, TWO_SECONDS_ON, &[]).expect(1).reason(), Reason::StatusRevoked.code());
}

#[test]
fn expiry_purpose_audience_and_staleness_each_have_their_reason() {
    let journey = Journey::new();
    let subject = journey.resident(2, "border", &["--expires", "2026-11-20T11:00:00Z"]);
    journey.issue(&subject, "resident-02", "hotel", &[]);
    journey.publish(START);
    let late = "2026-11-20T11:00:00Z";
    let code = journey.code("resident-02", "border", late, &[]);
    assert_eq!(journey.verify(&code, late, &[]).expect(1).reason(), Reason::CredentialExpired.code());
    let hotel = journey.code("resident-02", "hotel", LATER, &["--aud", "border"]);
    assert_eq!(journey.verify(&hotel, LATER, &[]).expect(1).reason(), Reason::CredentialPurpose.code());
    assert_eq!(
        journey.verify(&hotel, LATER, &["--purpose", "hotel"]).expect(1).reason(),
        Reason::ProofAudience.code()
    );
    assert_eq!(
        journey.verify(&hotel, LATER, &["--purpose", "casino"]).expect(2).reason(),
        Reason::PurposeUnknown.code()
    );

    let weeks_later = "2026-12-05T10:00:00Z";
    let hotel = journey.code("resident-02", "hotel", weeks_later, &[]);
    let stale = journey.verify(&hotel, weeks_later, &["--purpose", "hotel"]).expect(0);
    assert_eq!(stale.json["freshness"], "stale", "a hotel accepts stale trust, and says so");
    let subject = journey.resident(3, "border", &[]);
    assert!(!subject.is_empty());
    let border = journey.code("resident-03", "border", weeks_later, &[]);
    assert_eq!(journey.verify(&border, weeks_later, &[]).expect(2).reason(), Reason::TrustStale.code());
    let months_later = "2027-02-01T10:00:00Z";
    let dead = journey.code("resident-03", "border", months_later, &[]);
    assert_eq!(
        journey.verify(&dead, months_later, &["--purpose", "border"]).expect(2).reason(),
        Reason::StatusExpired.code()
    );
}

#[test]
fn codes_of_nobody_we_trust_and_codes_without_proof_are_refused() {
    let journey = border();
    let forger = Journey::new();
    forger.resident(1, "border", &[]);
    let forged = forger.code("resident-01", "border", LATER, &[]);
    // The forger names the same issuer, with a key of its own.
    assert_eq!(journey.verify(&forged, LATER, &[]).expect(1).reason(), Reason::IssuerKeyUnknown.code());

    let credential = fs::read(journey.path("resident-01-border.cbor")).unwrap();
    for payload in [
        shared::qr::payload::Payload::Static(credential.clone()),
        shared::qr::payload::Payload::Signed(credential),
    ] {
        let text = shared::qr::payload::encode(&payload);
        let stripped = journey.kiosk(&[
            "verify",
            "--trust",
            "REPO",
            "--root",
            "A/root.json",
            "--purpose",
            "border",
            "--at",
            LATER,
            "--text",
            &text,
        ]);
        assert_eq!(stripped.expect(1).reason(), Reason::ProofMissing.code());
    }
}

#[test]
fn any_text_gets_a_reason_and_never_a_panic() {
    let journey = border();
    let long = "0".repeat(5000);
    for text in ["", "A", "HELLO", "é", "%69 VD92EX0", long.as_str(), "6BF+70790T9WJWG.FKY*4GO0.O1CV2 etc"] {
        let answered = journey.kiosk(&[
            "verify",
            "--trust",
            "REPO",
            "--root",
            "A/root.json",
            "--purpose",
            "border",
            "--at",
            LATER,
            &format!("--text={text}"),
        ]);
        let answered = answered.expect(1);
        assert!(answered.reason().starts_with("text."), "{text:?}: {}", answered.json);
    }
}

#[test]
fn a_kiosk_is_provisioned_once_and_never_goes_back() {
    let journey = border();
    let import = |more: &[&str]| {
        let mut arguments = vec!["trust", "import", "REPO", "--state", "kiosk", "--at", LATER];
        arguments.extend(more);
        journey.kiosk(&arguments)
    };
    assert!(import(&[]).expect(2).said.contains("--root"), "never trust on first use");
    import(&["--root", "A/root.json"]).expect(0);
    let old = journey.path("OLD");
    assert!(Command::new("cp").arg("-r").arg(journey.path("REPO")).arg(&old).status().unwrap().success());
    journey.publish(LATER);
    assert_eq!(import(&[]).expect(0).json["versions"]["timestamp"], 2);
    let back = journey.kiosk(&["trust", "import", "OLD", "--state", "kiosk", "--at", LATER]).expect(2);
    assert!(back.said.contains("rollback"), "{}", back.said);
    let status = journey.kiosk(&["trust", "status", "--state", "kiosk", "--at", LATER]).expect(0);
    assert_eq!(
        (&status.json["versions"]["timestamp"], &status.json["freshness"]),
        (&2.into(), &"fresh".into())
    );
    let behind =
        journey.kiosk(&["trust", "status", "--state", "kiosk", "--at", "2026-11-01T00:00:00Z"]).expect(0);
    assert_eq!(behind.json["clock"], "tampered");
    let other = Journey::new();
    fs::copy(other.path("A/root.json"), journey.path("other-root.json")).unwrap();
    import(&["--root", "other-root.json"]).expect(2);
}

#[test]
fn a_lane_with_a_recorded_camera_decides() {
    let journey = border();
    let camera = journey.lane("kiosk", LATER);
    fs::copy(residents().join("scene-empty-1.jpg"), camera.join("0-nobody.jpg")).unwrap();
    fs::write(camera.join("2-damaged.jpg"), b"not a picture").unwrap();
    fs::copy(photo(1, "camera-b"), camera.join("3-face.jpg")).unwrap();
    fs::copy(photo(1, "camera-a"), camera.join("4-face.jpg")).unwrap();
    // The same code again, long after it left the picture and within its life.
    fs::copy(camera.join("1-code-1000ms.png"), camera.join("5-code-9000ms.png")).unwrap();
    fs::copy(residents().join("scene-empty-1.jpg"), camera.join("6-nobody-20000ms.jpg")).unwrap();
    let output = journey.plain(
        "kiosk",
        &["run", "--camera", "replay:camera", "--purpose", "border", "--state", "kiosk", "--at", LATER],
    );
    let (out, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    let visits: Vec<serde_json::Value> =
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let reasons: Vec<&str> = visits.iter().map(|visit| visit["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, [Reason::Accepted.code(), Reason::ProofReplayed.code()], "{said}");
    assert_eq!(said.matches("» gate").count(), 1, "{said}");
    assert_eq!(visits[0]["face"]["model_set"], "default");
    assert_eq!(visits[0]["face"]["false_match_one_in"], 10_000);
    assert!(!visits[0]["face"]["models"].as_array().unwrap().is_empty());
}

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
fn paper_needs_a_policy_that_accepts_it() {
    let journey = Journey::new();
    let subject = journey.resident(1, "border", &[]);
    journey
        .issuer(&[
            "issue",
            "--dir",
            "A",
            "--at",
            START,
            "--subject",
            &subject,
            "--purpose",
            "border",
            "--paper",
            "--out",
            "paper.cbor",
        ])
        .expect(0);
    journey.publish(START);
    let present = |at: &str| {
        journey
            .issuer(&["holder", "present", "--credential", "paper.cbor", "--at", at, "--out", "paper"])
            .expect(0)
    };
    let code = journey.path(present(LATER).json["frames"][0]["file"].as_str().unwrap());
    assert_eq!(journey.verify(&code, LATER, &[]).expect(1).reason(), Reason::PaperNotAccepted.code());
    let policy = journey.path("A/policy/border.json");
    let text = fs::read_to_string(&policy).unwrap().replace(r#""paper": "refuse""#, r#""paper": "accept""#);
    fs::write(&policy, text).unwrap();
    journey.publish(LATER);
    journey.verify(&code, LATER, &[]).expect(0);
}

/// Everything under a folder, with what is in it.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = vec![];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
    found
}

#[test]
fn a_lane_writes_no_picture_and_no_template_anywhere() {
    let journey = border();
    let camera = journey.lane("lane/state", LATER);
    fs::copy(photo(1, "camera-a"), camera.join("2-face.jpg")).unwrap();
    let lane = journey.path("lane");
    for folder in ["home", "tmp"] {
        fs::create_dir(lane.join(folder)).unwrap();
    }
    let output = journey
        .command("kiosk")
        .current_dir(&lane)
        .env("HOME", lane.join("home"))
        .env("TMPDIR", lane.join("tmp"))
        .env("XDG_DATA_HOME", lane.join("home/data"))
        .args([
            "run",
            "--camera",
            "replay:../camera",
            "--purpose",
            "border",
            "--state",
            "state",
            "--at",
            LATER,
        ])
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"accepted\""), "the face was compared");

    // What a leak would look like: the picture's file or its pixels, the template or the embedding, in any of the
    // ways in which bytes are written down.
    let engine = FaceEngine::built_in().unwrap();
    let frame = image::open(photo(1, "camera-a")).unwrap();
    let template = engine.enrol(&image::open(photo(1, "id-photo")).unwrap()).unwrap();
    let probe = engine.enrol(&frame);
    let picture_file = fs::read(photo(1, "camera-a")).unwrap();
    let middle = frame.as_bytes().len() / 2;
    let mut secrets: Vec<Vec<u8>> = vec![
        template.as_bytes()[32..48].to_vec(),
        picture_file[picture_file.len() / 2..][..24].to_vec(),
        frame.as_bytes()[middle..middle + 24].to_vec(),
    ];
    secrets.extend(probe.map(|probe| probe.as_bytes()[32..48].to_vec()));
    let written: Vec<Vec<u8>> = secrets
        .iter()
        .flat_map(|bytes| {
            let list: Vec<String> = bytes.iter().take(6).map(u8::to_string).collect();
            [
                bytes.clone(),
                hex::encode(bytes).into(),
                hex::encode_upper(bytes).into(),
                list.join(",").into(),
                list.join(", ").into(),
            ]
        })
        .collect();
    let magic: [&[u8]; 3] = [b"\xff\xd8\xff", b"\x89PNG", b"WEBP"];
    let mut places = files(&lane);
    places.push(("standard output".into(), output.stdout));
    places.push(("standard error".into(), output.stderr));
    assert!(
        places
            .iter()
            .any(|(path, _)| path.ends_with("state/kiosk.sqlite3")
                || path.to_string_lossy().contains("state/"))
    );
    let contains = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    for (path, bytes) in &places {
        for secret in written.iter().map(Vec::as_slice).chain(magic) {
            assert!(!contains(bytes, secret), "{} holds {secret:?}", path.display());
        }
    }
    // The search itself finds what is there.
    let planted = [b"noise".as_slice(), &hex::encode(&template.as_bytes()[20..60]).into_bytes()].concat();
    assert!(written.iter().any(|secret| contains(&planted, secret)));
}

/// Peak memory of a lane that has loaded every model there is, compared a face, and read a code.
#[test]
fn a_lane_with_all_models_stays_under_200_megabytes() {
    let journey = border();
    let camera = journey.lane("kiosk", LATER);
    for at in 2..9 {
        fs::copy(photo(1, "camera-a"), camera.join(format!("{at}-face-{at}000ms.jpg"))).unwrap();
    }
    let sets = [Some("default".into()), tests::third_party("models")];
    for models in sets.into_iter().flatten() {
        let models = models.canonicalize().unwrap_or(models);
        let mut lane = journey
            .command("kiosk")
            .env("GATEPASS_MODELS", &models)
            .args([
                "run",
                "--camera",
                "replay:camera",
                "--purpose",
                "border",
                "--state",
                "kiosk",
                "--at",
                LATER,
            ])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let status = format!("/proc/{}/status", lane.id());
        let mut peak = 0;
        while lane.try_wait().unwrap().is_none() {
            let text = fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
            peak = peak.max(kilobytes.unwrap_or(0));
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        println!("{}: peak resident memory {} MB", models.display(), peak / 1000);
        assert!((20_000..200_000).contains(&peak), "{} kB with {}", peak, models.display());
    }
}

#[test]
fn a_policy_decides_which_models_and_which_error_rate() {
    let journey = Journey::new();
    journey.resident(2, "border", &[]);
    let change = |from: &str, to: &str| {
        let path = journey.path("A/policy/border.json");
        let policy = fs::read_to_string(&path).unwrap();
        assert!(policy.contains(from), "{policy}");
        fs::write(&path, policy.replace(from, to)).unwrap();
        journey.publish(START);
    };
    let decide = || {
        let code = journey.code("resident-02", "border", LATER, &[]);
        let probe = photo(2, "probe-smile");
        journey.verify(&code, TWO_SECONDS_ON, &["--probe", probe.to_str().unwrap()])
    };
    change("\"false_match_one_in\": 10000", "\"false_match_one_in\": 1000");
    let lax = decide().expect(0);
    assert_eq!(lax.json["face"]["false_match_one_in"], 1000);
    change("\"false_match_one_in\": 1000", "\"false_match_one_in\": 4000000000");
    assert_eq!(decide().expect(2).reason(), Reason::FaceModelRefused.code());
    change("\"false_match_one_in\": 4000000000", "\"false_match_one_in\": 10000");
    change("\"face_algorithms\": []", "\"face_algorithms\": [\"better/i8\"]");
    assert_eq!(decide().expect(2).reason(), Reason::FaceModelRefused.code());
    change("better/i8", FaceEngine::built_in().unwrap().algorithm().as_str());
    assert_eq!(decide().expect(0).reason(), Reason::Accepted.code());
    change("\"attack_detection\": \"report\"", "\"attack_detection\": \"challenge\"");
    assert_eq!(
        decide().expect(2).reason(),
        Reason::FaceChallenge.code(),
        "one picture cannot answer a challenge"
    );
}

#[test]
fn an_evaluation_reports_what_it_measured() {
    let journey = Journey::new();
    let report = journey
        .kiosk(&["evaluate", "--data", residents().to_str().unwrap(), "--out", "report"])
        .expect(0)
        .json;
    // Ten people, four pictures each; the scenes lie beside them and are nobody's.
    assert_eq!((report["images"].as_u64(), report["identities"].as_u64()), (Some(40), Some(10)));
    assert_eq!(report["genuine_pairs"], 60);
    assert_eq!(report["impostor_pairs"], 40 * 39 / 2 - 60);
    assert_eq!(report["failure_to_acquire"]["count"], 0);
    for rate in ["failure_to_acquire", "eer"] {
        let [low, rate, high] = ["low", "rate", "high"].map(|end| report[rate][end].as_f64().unwrap());
        assert!(0.0 <= low && low <= rate && rate <= high && high <= 1.0);
    }
    assert!(report["eer"]["rate"].as_f64().unwrap() < 0.05);
    assert_eq!(report["fnmr_at_fmr"]["1e-2"]["of"], 60);
    assert!(report["fnmr_at_fmr"]["1e-4"].is_null(), "720 impostors say nothing about one in 10 000");
    assert_eq!(report["attack"]["species"], serde_json::json!({}));
    assert_eq!(report["attack"]["bpcer"]["of"], 40);
    let markdown = fs::read_to_string(journey.path("report/report.md")).unwrap();
    assert!(markdown.contains("| template | 60 | 720 |"), "{markdown}");
    let plot = image::open(journey.path("report/det.png")).unwrap().to_rgb8();
    let blue = plot.pixels().filter(|pixel| pixel.0 == [0, 114, 178]).count();
    assert!(blue > 20, "the template's curve is drawn");
    let empty = journey.kiosk(&["evaluate", "--data", "A", "--out", "nothing"]).expect(2);
    assert!(empty.said.contains("identity/image"), "{}", empty.said);
}

#[test]
fn models_are_listed_with_the_set_in_use() {
    let journey = Journey::new();
    let list = journey.kiosk(&["models", "list"]).expect(0).json;
    assert_eq!((list["set"].as_str(), list["complete"].as_bool()), (Some("default"), Some(true)));
    let models = list["models"].as_array().unwrap();
    assert!(models.iter().any(|model| model["set"] == "standard" && model["state"] == "missing"));
    let Some(folder) = tests::third_party("models") else { return };
    let folder = folder.canonicalize().unwrap();
    let install = ["models", "install", "--from", folder.to_str().unwrap()];
    assert_eq!(journey.kiosk(&install).expect(0).json["failed"], serde_json::json!([]));
    let installed = journey
        .command("kiosk")
        .env_remove("GATEPASS_MODELS")
        .args(["--json", "models", "list"])
        .output()
        .unwrap();
    let list: serde_json::Value = serde_json::from_slice(&installed.stdout).unwrap();
    assert_eq!(
        (list["set"].as_str(), list["complete"].as_bool()),
        (Some("standard"), Some(true)),
        "what is installed wins"
    );
    let again = journey.path("data/gatepass/models/emb_omz_reid0095.onnx");
    fs::write(&again, b"damaged").unwrap();
    let broken =
        journey.command("kiosk").env_remove("GATEPASS_MODELS").args(["models", "list"]).output().unwrap();
    assert_eq!(broken.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&broken.stdout).contains("wrong file"));
}
