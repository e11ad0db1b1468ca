//! Visible digital seals: the published samples, and what can be wrong with one.

use std::fs;

use base64::Engine;
use serde_json::{Value as Json, json};
use shared::credential::{Attribute, AttributeValue};
use shared::reason::Reason;
use shared::seal::{CertificateError, JsonError, Seal, SealError, SealReader, SealTrust, VisibleDigitalSeal};
use shared::time::Timestamp;
use tests::seals::{CertificateFields, Key, authority_list, seal_data, visible_digital_seal};
use tests::third_party;
use x509_cert::ext::pkix::KeyUsages;

use crate::{DAY, sha_256, start};

/// SHA-256 of the authority's certificate (Australia's CSCA) that signed the signer of the samples.
const SAMPLES_AUTHORITY: &str = "35623a89f6b40cb4888e05147f7d16d27f7bf754aad563c37fef6e1a0e7ff5cf";

/// Four samples by the Australian passport office: two that are right and the same two with a letter more in the name.
///
/// Their authority's certificate is not among them. Where somebody put it beside them (`csca.der`) the good ones are
/// genuine, and without it they are of an unknown signer.
#[test]
fn the_samples_of_visible_digital_seals_behave_as_labelled() {
    let Some(file) = third_party("data/vectors/vds-nc/vdsnc_samples.json") else { return };
    let samples: Vec<Json> = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!(samples.len(), 4);
    let mut worlds = vec![(SealTrust::default(), "seal.issuer_unknown")];
    if let Some(authority) = third_party("data/vectors/vds-nc/csca.der") {
        let authority = fs::read(authority).unwrap();
        assert_eq!(hex::encode(sha_256(&authority)), SAMPLES_AUTHORITY);
        let trust = |country| {
            let list = authority_list(&[(country, &authority)]);
            SealTrust::default().with_visible_digital_seals(&list).unwrap()
        };
        worlds.push((trust("AUS"), "seal.genuine"));
        worlds.push((trust("NZL"), "seal.issuer_unknown"));
    }
    let now = Timestamp::parse("2022-03-21T00:00:00Z").unwrap();
    for (trust, good) in worlds {
        for (sample, due) in samples.iter().zip([good, "seal.signature", good, "seal.signature"]) {
            let name = sample["data"]["msg"]["pid"]["n"].as_str().unwrap();
            let compact = sample.to_string();
            let pretty = serde_json::to_string_pretty(sample).unwrap();
            for text in [compact, pretty].iter().filter(|text| text.len() <= 2953) {
                let got = VisibleDigitalSeal.verify(text, &trust, now);
                if let Ok(seal) = &got {
                    assert_eq!(seal.country, "AUS");
                    assert_eq!(
                        seal.attributes.get(Attribute::Name),
                        Some(&AttributeValue::Text(name.into()))
                    );
                }
                let got = got.map_or_else(|error| error.reason().code(), |_| Reason::SealGenuine.code());
                println!("{name:<28} {due:<20} {got}");
                assert_eq!(got, due, "{name}");
            }
        }
    }
}

/// An authority, and a signer below it.
pub(super) struct Authority {
    pub(super) authority: Key,
    key: Key,
    trust: SealTrust,
}

impl Authority {
    pub(super) fn new() -> Self {
        Self::of(Key::p384(), "UTO", "XA")
    }

    fn of(authority: Key, country: &str, code: &str) -> Self {
        let certificate = CertificateFields::authority(code, start()).sign(&authority.public(), &authority);
        let list = authority_list(&[(country, &certificate)]);
        let trust = SealTrust::default().with_visible_digital_seals(&list).unwrap();
        Self { authority, key: Key::p256(), trust }
    }

    fn certificate(&self, change: impl FnOnce(&mut CertificateFields)) -> Vec<u8> {
        let mut fields = CertificateFields::signer("XA", start());
        change(&mut fields);
        fields.sign(&self.key.public(), &self.authority)
    }

    pub(super) fn seal(&self) -> Json {
        visible_digital_seal(&seal_data("UTO"), &self.certificate(|_| {}), &self.key)
    }

    fn with_signer(&self, change: impl FnOnce(&mut CertificateFields)) -> Result<Seal, SealError> {
        self.text(&visible_digital_seal(&seal_data("UTO"), &self.certificate(change), &self.key).to_string())
    }

    fn at(&self, text: &str, now: Timestamp) -> Result<Seal, SealError> {
        VisibleDigitalSeal.verify(text, &self.trust, now)
    }

    fn text(&self, text: &str) -> Result<Seal, SealError> {
        self.at(text, start())
    }
}

#[test]
fn a_visible_digital_seal_is_verified_up_to_its_authority() {
    for authority in [Key::p384(), Key::p256(), Key::rsa()] {
        let uto = Authority::of(authority, "UTO", "XA");
        let seal = uto.seal();
        let pretty = serde_json::to_string_pretty(&seal).unwrap();
        for text in [seal.to_string(), format!(" \n{pretty}\n")] {
            assert!(VisibleDigitalSeal.recognises(&text));
            let seal = uto.text(&text).unwrap();
            assert_eq!((seal.country.as_str(), seal.signer.as_str()), ("UTO", "CN=Sample Signer,C=XA"));
            assert_eq!((seal.valid_from, seal.valid_until), (start(), start().plus(365 * DAY + 1)));
            assert!(seal.not_verified.contains(&"no holder binding"));
            assert_eq!(
                seal.attributes.get(Attribute::Name),
                Some(&AttributeValue::Text("SAMPLE  ALEX 01".into()))
            );
        }
    }
}

#[test]
fn altered_seals_are_noticed() {
    let uto = Authority::new();
    let seal = uto.seal();
    for (path, value) in [
        ("/data/msg/pid/n", json!("SAMPLE  ALEXA 01")),
        ("/data/msg/pid/dob", json!("2008-02-14")),
        ("/data/msg/uvci", json!(null)),
        ("/data/hdr/t", json!("icao.test")),
        ("/data/hdr/is", json!("UTP")),
    ] {
        let mut altered = seal.clone();
        *altered.pointer_mut(path).unwrap() = value;
        assert_eq!(uto.text(&altered.to_string()), Err(SealError::Signature), "{path}");
    }
    let mut more = seal.clone();
    more["data"]["msg"]["more"] = json!(1);
    assert_eq!(uto.text(&more.to_string()), Err(SealError::Signature));
    // Every bit of the certificate and of the signature.
    for member in ["cer", "sigvl"] {
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(seal["sig"][member].as_str().unwrap())
            .unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let mut altered = seal.clone();
            altered["sig"][member] = json!(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(flipped));
            assert!(uto.text(&altered.to_string()).is_err(), "{member}, bit {bit}");
        }
    }
}

#[test]
fn a_signer_is_believed_under_its_own_countrys_authority_alone() {
    let uto = Authority::new();
    assert_eq!(Authority::new().text(&uto.seal().to_string()), Err(SealError::SignerUnknown));
    // Utopia's signer in a seal that says it is another country's, where that country is trusted too.
    let other = Authority::of(Key::p256(), "XBX", "XB");
    let abroad = visible_digital_seal(&seal_data("XBX"), &uto.certificate(|_| {}), &uto.key);
    assert_eq!(other.text(&abroad.to_string()), Err(SealError::SignerUnknown));
    assert_eq!(uto.text(&abroad.to_string()), Err(SealError::SignerUnknown));
    // An authority that certifies a signer for a country other than its own.
    assert_eq!(
        uto.with_signer(|fields| fields.subject = "CN=Sample Signer,C=XB".into()),
        Err(SealError::SignerUnknown)
    );
    assert_eq!(
        uto.with_signer(|fields| fields.subject = "CN=Sample Signer".into()),
        Err(SealError::SignerUnknown)
    );
    assert_eq!(
        uto.with_signer(|fields| fields.issuer = "CN=Other Authority,C=XA".into()),
        Err(SealError::SignerUnknown)
    );
    // A certificate that its own key signed.
    let own = CertificateFields::signer("XA", start()).sign(&uto.key.public(), &uto.key);
    let seal = visible_digital_seal(&seal_data("UTO"), &own, &uto.key);
    assert_eq!(uto.text(&seal.to_string()), Err(SealError::SignerUnknown));
    // A signer that plays the authority for another one.
    let below = Key::p256();
    let mut fields = CertificateFields::signer("XA", start());
    fields.issuer = "CN=Sample Signer,C=XA".into();
    let seal = visible_digital_seal(&seal_data("UTO"), &fields.sign(&below.public(), &uto.key), &below);
    assert_eq!(uto.text(&seal.to_string()), Err(SealError::SignerUnknown));
}

#[test]
fn a_seals_signer_is_one_for_seals() {
    let uto = Authority::new();
    // An authority's other signers sign passports, and speak for no seal.
    assert_eq!(uto.with_signer(|fields| fields.purposes.clear()), Err(SealError::SignerNotEntitled));
    assert_eq!(
        uto.with_signer(|fields| fields.purposes = vec!["2.23.136.1.1.3"]),
        Err(SealError::SignerNotEntitled)
    );
    assert_eq!(
        uto.with_signer(|fields| fields.usage = Some(KeyUsages::CRLSign)),
        Err(SealError::SignerNotEntitled)
    );
    assert_eq!(uto.with_signer(|fields| fields.authority = true), Err(SealError::SignerNotEntitled));
    assert!(uto.with_signer(|fields| fields.usage = None).is_ok());
    assert!(uto.with_signer(|fields| fields.others = vec![("2.23.136.1.1.6.2", false)]).is_ok());
    for others in [vec![("2.5.29.36", true)], vec![("2.5.29.14", false), ("2.5.29.14", false)]] {
        assert_eq!(
            uto.with_signer(|fields| fields.others = others),
            Err(SealError::Certificate(CertificateError::Extension))
        );
    }
}

#[test]
fn a_seals_signer_and_its_authority_expire() {
    let uto = Authority::new();
    let text = uto.seal().to_string();
    let end = start().plus(365 * DAY + 1);
    assert!(uto.at(&text, end.plus(-1)).is_ok());
    assert_eq!(uto.at(&text, end), Err(SealError::Expired { expired: end }));
    assert_eq!(uto.at(&text, start().plus(-60)), Err(SealError::NotYetValid { valid_from: start() }));
    // Renewed with the same key: the old certificate is still listed, before the new one.
    let renewed = CertificateFields::authority("XA", start().plus(5 * 365 * DAY));
    let renewed = renewed.sign(&uto.authority.public(), &uto.authority);
    let old = CertificateFields::authority("XA", start()).sign(&uto.authority.public(), &uto.authority);
    let signer = uto.certificate(|fields| fields.not_after = start().plus(18 * 365 * DAY));
    let late = visible_digital_seal(&seal_data("UTO"), &signer, &uto.key).to_string();
    for list in [[&old, &renewed], [&renewed, &old]] {
        let trust = SealTrust::default()
            .with_visible_digital_seals(&authority_list(&list.map(|authority| ("UTO", authority.as_slice()))))
            .unwrap();
        for years in [1, 16] {
            let at = start().plus(years * 365 * DAY);
            assert!(VisibleDigitalSeal.verify(&late, &trust, at).is_ok(), "{years} years");
        }
    }
    let long = uto.certificate(|fields| fields.not_after = start().plus(20 * 365 * DAY));
    let text = visible_digital_seal(&seal_data("UTO"), &long, &uto.key).to_string();
    let expired = start().plus(15 * 365 * DAY + 1);
    assert_eq!(uto.at(&text, expired), Err(SealError::Expired { expired }));
    assert_eq!(
        uto.with_signer(|fields| fields.not_after = start().plus(-1)),
        Err(SealError::Certificate(CertificateError::Validity))
    );
}

#[test]
fn a_seal_is_exactly_what_the_scheme_says() {
    let uto = Authority::new();
    let seal = uto.seal();
    let changed = |path: &str, value: Json| {
        let mut changed = seal.clone();
        *changed.pointer_mut(path).unwrap() = value;
        uto.text(&changed.to_string())
    };
    for algorithm in ["none", "PS256", "HS256", "ES384", "es256", ""] {
        assert_eq!(changed("/sig/alg", json!(algorithm)), Err(SealError::Algorithm));
    }
    for (path, part) in
        [("/data/hdr/v", "v"), ("/data/hdr/is", "is"), ("/sig/cer", "cer"), ("/sig/sigvl", "sigvl")]
    {
        assert_eq!(changed(path, json!([2])), Err(SealError::Part { part }), "{path}");
    }
    // Names outside what is signed, where nobody looks.
    for (path, part) in [("", "seal"), ("/sig", "sig")] {
        let mut more = seal.clone();
        more.pointer_mut(path).unwrap()["more"] = json!(true);
        assert_eq!(uto.text(&more.to_string()), Err(SealError::Part { part }));
    }
    let text = seal.to_string();
    let twice = text.replacen("\"dob\":", "\"n\":\"OTHER\",\"dob\":", 1);
    assert_eq!(uto.text(&twice), Err(SealError::Json(JsonError::RepeatedName)));
    let twice = text.replacen("{\"data\":", "{\"data\":{},\"data\":", 1);
    assert_eq!(uto.text(&twice), Err(SealError::Json(JsonError::RepeatedName)));
    assert_eq!(uto.text(&format!("{text}{text}")), Err(SealError::Json(JsonError::Syntax)));
    assert_eq!(uto.text(&format!("{text}{}", " ".repeat(2953))), Err(SealError::TooLong));
    let nested = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    assert_eq!(uto.text(&text.replace("\"XA0001\"", &nested)), Err(SealError::Json(JsonError::TooDeep)));
    assert_eq!(uto.text(&text.replace("\"XA0001\"", "1.5")), Err(SealError::Json(JsonError::Number)));
    // An RSA key cannot have made an ES256 signature.
    let rsa = Key::rsa();
    let certificate = CertificateFields::signer("XA", start()).sign(&rsa.public(), &uto.authority);
    let seal = visible_digital_seal(&seal_data("UTO"), &certificate, &rsa).to_string();
    assert_eq!(uto.text(&seal), Err(SealError::Signature));
}
