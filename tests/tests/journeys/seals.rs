//! Seals of other schemes through the real programs: listed by the agency, verified by the kiosk, never a way in.

use std::fs;

use image::{GrayImage, Luma};
use qrcode::{EcLevel, QrCode};
use serde_json::{Value, json};
use shared::reason::Reason;
use shared::time::Timestamp;
use tests::journey::{Journey, START};
use tests::seals::{
    CertificateFields, Key, authority_list, health_certificate, health_claims, seal_data, signer_list,
    visible_digital_seal,
};

use crate::LATER;

/// A symbol at level L, four pixels a module, with a quiet zone.
fn draw(text: &str) -> GrayImage {
    let symbol = QrCode::with_error_correction_level(text, EcLevel::L).unwrap();
    let (side, modules) = (symbol.width() as u32, symbol.to_colors());
    GrayImage::from_fn((side + 8) * 4, (side + 8) * 4, |x, y| {
        let (x, y) = ((x / 4).wrapping_sub(4), (y / 4).wrapping_sub(4));
        let dark = x < side && y < side && modules[(y * side + x) as usize] == qrcode::Color::Dark;
        Luma([if dark { 0 } else { 255 }])
    })
}

#[test]
fn a_border_that_looks_at_seals_leaves_them_to_an_officer() {
    let journey = Journey::new();
    let start = Timestamp::parse(START).unwrap();
    let (authority, key) = (Key::rsa(), Key::p256());
    let top = CertificateFields::authority("XA", start).sign(&authority.public(), &authority);
    let signer = CertificateFields::signer("XA", start).sign(&key.public(), &authority);
    let health = health_certificate(&health_claims("XA", "v", start), &key);
    let seal = visible_digital_seal(&seal_data("UTO"), &signer, &key).to_string();
    let verify = |text: &str| {
        let place = ["--trust", "REPO", "--root", "A/root.json", "--purpose", "border", "--at", LATER];
        journey.kiosk(&[&["verify"][..], &place, &["--text", text]].concat())
    };

    journey.publish(START);
    for text in [&health, &seal] {
        assert_eq!(verify(text).expect(1).reason(), Reason::DialectNotAccepted.code());
    }

    let policy = journey.path("A/policy/border.json");
    let mut border: Value = serde_json::from_slice(&fs::read(&policy).unwrap()).unwrap();
    border["dialects"] = json!(["health_certificate", "visible_digital_seal"]);
    border["show"] = json!(["name"]);
    fs::write(&policy, border.to_string()).unwrap();
    journey.publish(START);
    for text in [&health, &seal] {
        assert_eq!(verify(text).expect(1).reason(), Reason::SealIssuerUnknown.code());
    }

    let lists = journey.path("A/seals");
    fs::create_dir(&lists).unwrap();
    fs::write(lists.join("health-certificates.json"), signer_list(&[("XA", &signer)])).unwrap();
    fs::write(lists.join("visible-digital-seals.json"), authority_list(&[("UTO", &top)])).unwrap();
    journey.publish(START);
    for (text, scheme, country, name) in [
        (&health, "health_certificate", "XA", "SAMPLE, ALEX 01"),
        (&seal, "visible_digital_seal", "UTO", "SAMPLE  ALEX 01"),
    ] {
        let answered = verify(text).expect(2);
        assert_eq!(answered.reason(), Reason::SealGenuine.code());
        assert_eq!(answered.json["decision"], "unanswered");
        assert!(
            answered.json["message"]
                .as_str()
                .unwrap()
                .contains("signature and expiry only, no holder binding")
        );
        assert_eq!(answered.json["claims"], json!({ "name": name }));
        let seal = &answered.json["seal"];
        assert_eq!((&seal["scheme"], &seal["country"]), (&json!(scheme), &json!(country)));
        assert_eq!(seal["signer"], "CN=Sample Signer,C=XA");
        assert!(seal["not_verified"].as_array().unwrap().contains(&json!("no holder binding")));
    }
    // At a lane, from a picture: said and written down, and the gate stays shut.
    journey
        .kiosk(&["trust", "import", "REPO", "--root", "A/root.json", "--state", "kiosk", "--at", LATER])
        .expect(0);
    fs::create_dir(journey.path("camera")).unwrap();
    draw(&health).save(journey.path("camera/1-code-1000ms.png")).unwrap();
    let lane = ["--camera", "replay:camera", "--purpose", "border", "--state", "kiosk", "--at", LATER];
    let output = journey.plain("kiosk", &[&["run"][..], &lane].concat());
    let (out, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let visits: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(visits.len(), 1, "{said}");
    assert_eq!(visits[0]["reason"], Reason::SealGenuine.code());
    assert_eq!(visits[0]["seal"]["country"], "XA");
    assert!(said.contains("no holder binding") && !said.contains("» gate"), "{said}");

    // The certificate inside makes a visible digital seal large: byte mode, version 25 and more.
    draw(&seal).save(journey.path("seal.png")).unwrap();
    let seen = journey.verify(&journey.path("seal.png"), LATER, &[]).expect(2);
    assert_eq!((seen.reason(), &seen.json["seal"]["country"]), (Reason::SealGenuine.code(), &json!("UTO")));

    let altered = seal.replace("ALEX", "ALEC");
    assert_eq!(verify(&altered).expect(1).reason(), Reason::SealSignature.code());

    // A list that no kiosk could read is not published.
    fs::write(lists.join("health-certificates.json"), b"{\"signers\": [{}]}").unwrap();
    let refused = journey.issuer(&["publish", "--dir", "A", "--out", "REPO", "--at", START]);
    assert_ne!(refused.code, 0);
    assert!(refused.said.contains("health-certificates.json"), "{}", refused.said);
}
