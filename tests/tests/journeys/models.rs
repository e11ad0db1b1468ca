//! Face models: which are used, which are refused, and what they are measured at.

use std::fs;

use shared::face::FaceEngine;
use shared::reason::Reason;
use tests::journey::{Journey, START, photo, residents};

use crate::{LATER, TWO_SECONDS_ON};

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
