//! Seals of other schemes, right and wrong: keys, certificates, health certificates and visible digital seals.

use std::str::FromStr;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING,
    EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};
use shared::cbor::Value;
use shared::qr::payload::{self, Payload};
use shared::time::Timestamp;
use x509_cert::TbsCertificate;
use x509_cert::der::asn1::{BitString, ObjectIdentifier, OctetString};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};

/// The extended key usage of a signer of visible digital seals.
pub const SEAL_SIGNER: &str = "2.23.136.1.1.14.2";

/// A private key of a signer or an authority.
pub enum Key {
    /// For ES256, and for certificates.
    P256 {
        /// Signs as COSE and JOSE want it.
        fixed: Box<EcdsaKeyPair>,
        /// Signs as X.509 wants it.
        asn1: Box<EcdsaKeyPair>,
    },
    /// For certificates.
    P384(Box<EcdsaKeyPair>),
    /// 2048 bits, for PS256 and for certificates.
    Rsa(RsaKeyPair),
}

impl Key {
    /// A new key on P-256.
    pub fn p256() -> Self {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let open = |algorithm| Box::new(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).unwrap());
        Self::P256 {
            fixed: open(&ECDSA_P256_SHA256_FIXED_SIGNING),
            asn1: open(&ECDSA_P256_SHA256_ASN1_SIGNING),
        }
    }

    /// A key on P-256 that is no secret: its private half and its point.
    pub fn known(private: &[u8; 32], point: &[u8]) -> Self {
        let open = |algorithm| {
            Box::new(EcdsaKeyPair::from_private_key_and_public_key(algorithm, private, point).unwrap())
        };
        Self::P256 {
            fixed: open(&ECDSA_P256_SHA256_FIXED_SIGNING),
            asn1: open(&ECDSA_P256_SHA256_ASN1_SIGNING),
        }
    }

    /// A new key on P-384.
    pub fn p384() -> Self {
        Self::P384(Box::new(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap()))
    }

    /// A new RSA key.
    pub fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    /// ES256 or PS256, whichever the key can.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::P256 { fixed, .. } => fixed.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::P384(_) => panic!("for certificates"),
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PSS_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }

    /// The COSE number of what [`Key::sign`] makes.
    pub fn algorithm(&self) -> i64 {
        if matches!(self, Self::Rsa(_)) { -37 } else { -7 }
    }

    /// The SubjectPublicKeyInfo.
    pub fn public(&self) -> Vec<u8> {
        let (algorithm, curve, bytes) = match self {
            Self::P256 { fixed, .. } => {
                ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7"), fixed.public_key().as_ref())
            }
            Self::P384(key) => ("1.2.840.10045.2.1", Some("1.3.132.0.34"), key.public_key().as_ref()),
            Self::Rsa(key) => ("1.2.840.113549.1.1.1", None, key.public_key().as_ref()),
        };
        public_key(algorithm, curve, bytes)
    }

    fn sign_certificate(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::P256 { asn1: key, .. } | Self::P384(key) => {
                key.sign(&random, message).unwrap().as_ref().to_vec()
            }
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }

    fn certificate_algorithm(&self) -> AlgorithmIdentifierOwned {
        let oid = oid(match self {
            Self::P256 { .. } => "1.2.840.10045.4.3.2",
            Self::P384(_) => "1.2.840.10045.4.3.3",
            Self::Rsa(_) => "1.2.840.113549.1.1.11",
        });
        AlgorithmIdentifierOwned { oid, parameters: None }
    }
}

/// A SubjectPublicKeyInfo of whatever it is given.
pub fn public_key(algorithm: &str, curve: Option<&str>, bytes: &[u8]) -> Vec<u8> {
    let parameters = curve.map(|curve| x509_cert::der::Any::encode_from(&oid(curve)).unwrap());
    let algorithm = AlgorithmIdentifierOwned { oid: oid(algorithm), parameters };
    let subject_public_key = BitString::from_bytes(bytes).unwrap();
    SubjectPublicKeyInfoOwned { algorithm, subject_public_key }.to_der().unwrap()
}

fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new(text).unwrap()
}

/// What a certificate says; change what should be wrong.
#[derive(Clone)]
pub struct CertificateFields {
    /// Who it is about, as `CN=…,C=…`.
    pub subject: String,
    /// Who signs it.
    pub issuer: String,
    /// First second of its life.
    pub not_before: Timestamp,
    /// Last second of its life.
    pub not_after: Timestamp,
    /// Whether it is an authority's.
    pub authority: bool,
    /// Key usage; none for no such extension.
    pub usage: Option<KeyUsages>,
    /// Extended key usage; none for no such extension.
    pub purposes: Vec<&'static str>,
    /// Further extensions: identifier and whether critical.
    pub others: Vec<(&'static str, bool)>,
}

impl CertificateFields {
    /// An authority of a country, for fifteen years.
    pub fn authority(country: &str, start: Timestamp) -> Self {
        let name = format!("CN=Sample Authority,C={country}");
        Self {
            subject: name.clone(),
            issuer: name,
            not_before: start,
            not_after: start.plus(15 * 365 * 24 * 3600),
            authority: true,
            usage: Some(KeyUsages::KeyCertSign),
            purposes: vec![],
            others: vec![],
        }
    }

    /// A signer below [`CertificateFields::authority`], for a year.
    pub fn signer(country: &str, start: Timestamp) -> Self {
        Self {
            subject: format!("CN=Sample Signer,C={country}"),
            issuer: format!("CN=Sample Authority,C={country}"),
            not_before: start,
            not_after: start.plus(365 * 24 * 3600),
            authority: false,
            usage: Some(KeyUsages::DigitalSignature),
            purposes: vec![SEAL_SIGNER],
            others: vec![],
        }
    }

    /// The certificate over a public key.
    pub fn sign(&self, public: &[u8], authority: &Key) -> Vec<u8> {
        let mut extensions = vec![];
        let mut add = |id: &str, critical, value: Vec<u8>| {
            let extn_value = OctetString::new(value).unwrap();
            extensions.push(Extension { extn_id: oid(id), critical, extn_value });
        };
        let constraints = BasicConstraints { ca: self.authority, path_len_constraint: None };
        add("2.5.29.19", true, constraints.to_der().unwrap());
        if let Some(usage) = self.usage {
            add("2.5.29.15", true, KeyUsage(usage.into()).to_der().unwrap());
        }
        if !self.purposes.is_empty() {
            let purposes = self.purposes.iter().map(|purpose| oid(purpose)).collect();
            add("2.5.29.37", true, ExtendedKeyUsage(purposes).to_der().unwrap());
        }
        for (id, critical) in &self.others {
            add(id, *critical, vec![5, 0]);
        }
        let time = |time: Timestamp| {
            let since = std::time::Duration::from_secs(time.as_unix().try_into().unwrap());
            Time::UtcTime(x509_cert::der::asn1::UtcTime::from_unix_duration(since).unwrap())
        };
        let signed = TbsCertificate {
            version: x509_cert::Version::V3,
            serial_number: SerialNumber::new(&[7]).unwrap(),
            signature: authority.certificate_algorithm(),
            issuer: Name::from_str(&self.issuer).unwrap(),
            validity: Validity { not_before: time(self.not_before), not_after: time(self.not_after) },
            subject: Name::from_str(&self.subject).unwrap(),
            subject_public_key_info: SubjectPublicKeyInfoOwned::from_der(public).unwrap(),
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions: Some(extensions),
        };
        let signature = authority.sign_certificate(&signed.to_der().unwrap());
        let certificate = x509_cert::Certificate {
            tbs_certificate: signed,
            signature_algorithm: authority.certificate_algorithm(),
            signature: BitString::from_bytes(&signature).unwrap(),
        };
        certificate.to_der().unwrap()
    }
}

/// The key identifier that the sample signer of health certificates goes by.
pub const KEY_ID: [u8; 8] = *b"sampleid";

/// The list of signers of health certificates with these certificates, all under [`KEY_ID`].
pub fn signer_list(certificates: &[(&str, &[u8])]) -> Vec<u8> {
    let entry = |(country, certificate): &(&str, &[u8])| json!({ "country": country, "key_id": STANDARD.encode(KEY_ID), "certificate": STANDARD.encode(certificate) });
    json!({ "signers": certificates.iter().map(entry).collect::<Vec<_>>() }).to_string().into_bytes()
}

/// The list of authorities above signers of visible digital seals.
pub fn authority_list(certificates: &[(&str, &[u8])]) -> Vec<u8> {
    let entry = |(country, certificate): &(&str, &[u8])| json!({ "country": country, "certificate": STANDARD.encode(certificate) });
    json!({ "authorities": certificates.iter().map(entry).collect::<Vec<_>>() }).to_string().into_bytes()
}

/// The claims of a health certificate about SAMPLE, ALEX 01, valid for a month.
pub fn health_claims(country: &'static str, kind: &'static str, start: Timestamp) -> Value<'static> {
    let text = |key, value| (Value::Text(key), Value::Text(value));
    let names = vec![text("fn", "SAMPLE"), text("gn", "ALEX 01"), text("fnt", "SAMPLE")];
    let content = vec![
        text("ver", "1.3.0"),
        (Value::Text("nam"), Value::Map(names)),
        text("dob", "1998-02-14"),
        (Value::Text(kind), Value::Array(vec![Value::Map(vec![text("co", country)])])),
    ];
    Value::Map(vec![
        (Value::from(1), Value::Text(country)),
        (Value::from(4), Value::from(start.plus(30 * 24 * 3600).as_unix())),
        (Value::from(6), Value::from(start.as_unix())),
        (Value::from(-260), Value::Map(vec![(Value::from(1), Value::Map(content))])),
    ])
}

/// The headers of a health certificate: algorithm and [`KEY_ID`].
pub fn health_headers(algorithm: i64) -> Value<'static> {
    Value::Map(vec![(Value::from(1), Value::from(algorithm)), (Value::from(4), Value::Bytes(&KEY_ID))])
}

/// A COSE_Sign1 over any headers and claims, without a tag.
pub fn health_message(
    protected: &Value<'_>,
    unprotected: Value<'_>,
    claims: &Value<'_>,
    key: &Key,
) -> Vec<u8> {
    let (protected, payload) = (protected.encode(), claims.encode());
    let (protected, payload) = (Value::Bytes(&protected), Value::Bytes(&payload));
    let covered = [Value::Text("Signature1"), protected.clone(), Value::Bytes(&[]), payload.clone()];
    let signature = key.sign(&Value::Array(covered.to_vec()).encode());
    Value::Array(vec![protected, unprotected, payload, Value::Bytes(&signature)]).encode()
}

/// The text around a message: zlib, Base45 and the prefix.
pub fn health_text(message: Vec<u8>) -> String {
    format!("HC1:{}", payload::encode(&Payload::Static(message)))
}

/// A health certificate that is right, if the key's signer is listed.
pub fn health_certificate(claims: &Value<'_>, key: &Key) -> String {
    health_text(health_message(&health_headers(key.algorithm()), Value::Map(vec![]), claims, key))
}

/// The `data` of a visible digital seal about SAMPLE ALEX.
pub fn seal_data(country: &str) -> Json {
    json!({
        "hdr": { "t": "icao.vacc", "v": 1, "is": country },
        "msg": { "uvci": "XA0001", "pid": { "n": "SAMPLE  ALEX 01", "dob": "1998-02-14", "i": "XA00001" } },
    })
}

/// A visible digital seal over any data, which has to be of names in ASCII: those sort alike in UTF-8 and UTF-16.
pub fn visible_digital_seal(data: &Json, certificate: &[u8], key: &Key) -> Json {
    let signature = key.sign(data.to_string().as_bytes());
    json!({
        "data": data,
        "sig": { "alg": "ES256", "cer": URL_SAFE_NO_PAD.encode(certificate), "sigvl": URL_SAFE_NO_PAD.encode(signature) },
    })
}
