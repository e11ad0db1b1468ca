//! A lane, from its camera to its gate: what it decides, writes and weighs.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use shared::face::FaceEngine;
use shared::reason::Reason;
use tests::journey::{Journey, photo, residents};

use crate::{LATER, border};

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
        places.iter().any(|(path, _)| path.ends_with("state/kiosk.sqlite")),
        "what the lane writes is read"
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
    for (set, models) in sets.into_iter().flatten().enumerate() {
        // A state of its own: in the other's the code has been seen.
        let state = format!("kiosk-{set}");
        let import = ["trust", "import", "REPO", "--root", "A/root.json", "--at", LATER, "--state", &state];
        journey.kiosk(&import).expect(0);
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
                &state,
                "--at",
                LATER,
            ])
            .stdout(std::process::Stdio::piped())
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
        let mut outcome = String::new();
        lane.stdout.take().unwrap().read_to_string(&mut outcome).unwrap();
        let outcome: serde_json::Value = serde_json::from_str(outcome.trim()).unwrap();
        assert_eq!(outcome["reason"], "accepted", "a face was compared: {outcome}");
        println!("{}: peak resident memory {} MB", models.display(), peak / 1000);
        assert!((20_000..200_000).contains(&peak), "{} kB with {}", peak, models.display());
    }
}

#[test]
fn settings_are_checked_before_a_lane_is_started_with_them() {
    let journey = Journey::new();
    let check = |text: &str| {
        fs::write(journey.path("lane.toml"), text).unwrap();
        journey.kiosk(&["config", "check", "lane.toml"])
    };
    let good = check("purpose = \"border\"\njournal_days = 30\n").expect(0).json;
    assert_eq!((&good["purpose"], &good["journal_days"]), (&"border".into(), &30.into()));
    assert!(good["camera"].is_null());
    for (text, told) in [
        ("purpouse = \"border\"\n", "purpouse"),
        ("journal_days = 0\n", "journal_days"),
        ("purpose = \"Border\"\n", "purpose"),
        ("false_match_one_in = \"many\"\n", "false_match_one_in"),
        ("purpose =\n", "purpose"),
    ] {
        assert!(check(text).expect(2).said.contains(told), "{text}");
    }
    journey.kiosk(&["config", "check", "nowhere.toml"]).expect(2);
}
