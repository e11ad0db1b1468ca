//! One code by this machine's own clock.

use std::fs;

use tests::journey::{Journey, photo};

/// Whether a time server sets the clock of the machine of the tests is for the machine to say; an operator may vouch for it.
#[test]
fn one_code_is_decided_by_a_clock_that_can_be_believed() {
    let journey = Journey::bare();
    journey.issuer(&["init", "--dir", "A", "--iss", "https://id.xa.example"]).expect(0);
    let claims = r#"{"id": "XA-9", "name": "SAMPLE, TEST", "dateOfBirth": "1998-02-14", "sex": 2, "nationality": "XA", "country": "XA"}"#;
    fs::write(journey.path("claims.json"), claims).unwrap();
    let face = photo(1, "id-photo");
    let enroll = ["enroll", "--dir", "A", "--claims", "claims.json", "--photo", face.to_str().unwrap()];
    let subject = journey.issuer(&enroll).expect(0).json["subject"].as_str().unwrap().to_owned();
    journey.issuer(&["holder", "keygen", "--out", "phone.key"]).expect(0);
    let issue = ["issue", "--dir", "A", "--subject", &subject, "--purpose", "border"];
    journey
        .issuer(&[&issue[..], &["--holder-key", "phone.key.pub", "--out", "border.cbor"]].concat())
        .expect(0);
    journey.issuer(&["publish", "--dir", "A", "--out", "REPO"]).expect(0);
    journey.kiosk(&["trust", "import", "REPO", "--root", "A/root.json", "--state", "state"]).expect(0);
    let code = || {
        let present =
            ["holder", "present", "--credential", "border.cbor", "--key", "phone.key", "--out", "codes"];
        let frames = journey.issuer(&present).expect(0).json["frames"].clone();
        journey.path(frames[0]["file"].as_str().unwrap())
    };
    let verify = |code: &std::path::Path, more: &[&str]| {
        let verify = ["verify", "--state", "state", "--purpose", "border", code.to_str().unwrap()];
        journey.kiosk(&[&verify[..], more].concat()).reason().to_owned()
    };
    let sure = journey.kiosk(&["clock", "--state", "state"]).json["state"] == "sure";
    let shown = code();
    assert_eq!(verify(&shown, &[]), if sure { "accepted" } else { "clock.unsure" });
    fs::write(journey.path("vouched.toml"), "[clock]\nvouched_error_seconds = 10\n").unwrap();
    let vouched = ["--config", "vouched.toml"];
    // What was not decided about is not used up.
    assert_eq!(verify(&shown, &vouched), if sure { "proof.replayed" } else { "accepted" });
    assert_eq!(verify(&shown, &vouched), "proof.replayed");
    fs::write(journey.path("strict.toml"), "[clock]\nmax_error_seconds = 0\nvouched_error_seconds = 10\n")
        .unwrap();
    assert_eq!(verify(&code(), &["--config", "strict.toml"]), "clock.unsure");
    journey.issuer(&["revoke", "--dir", "A", "--credential", "border.cbor"]).expect(0);
    journey.issuer(&["publish", "--dir", "A", "--out", "REPO"]).expect(0);
    journey.kiosk(&["trust", "import", "REPO", "--state", "state"]).expect(0);
    assert_eq!(verify(&code(), &["--config", "strict.toml"]), "status.revoked");
}
