//! Whole journeys through the real programs: agency, phone, kiosk.

mod accounts;
mod canary;
mod clock;
mod journal;
mod keys;
mod lanes;
mod models;
mod office;
mod officers;
mod phones;
mod seals;
mod site;

use std::fs;
use std::process::Command;

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
        let stripped = journey.verify_text(&text, LATER);
        assert_eq!(stripped.expect(1).reason(), Reason::ProofMissing.code());
    }
}

#[test]
fn any_text_gets_a_reason_and_never_a_panic() {
    let journey = border();
    let long = "0".repeat(5000);
    for text in ["", "A", "HELLO", "é", "%69 VD92EX0", long.as_str(), "6BF+70790T9WJWG.FKY*4GO0.O1CV2 etc"] {
        let answered = journey.verify_text(text, LATER);
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
