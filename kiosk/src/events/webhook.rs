//! Events as signed messages to a web address, in the manner of Standard Webhooks.
//!
//! ```text
//! webhook-id: <kiosk>-<first seq>-<last seq>
//! webhook-timestamp: seconds since 1970, when it was sent
//! webhook-signature: v1,<Base64 of HMAC-SHA256(key, id "." timestamp "." body)>
//! ```

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Error, Result, anyhow, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use ureq::Agent;
use ureq::http::Uri;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use zeroize::Zeroizing;

use super::VERSION;
use super::outbox::Row;
use super::worker::{Sink, Undelivered};

/// How long one message may take, from the name's lookup to the last byte of the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Somebody at a web address.
pub struct Webhook {
    url: String,
    kiosk: String,
    key: Zeroizing<Vec<u8>>,
    agent: Agent,
}

impl Webhook {
    /// Reads the key, and the certificates where the public ones are not to be asked.
    ///
    /// # Errors
    /// Addresses that are neither `https` nor on this machine.
    pub fn new(url: &str, key: &Path, certificates: Option<&Path>, kiosk: &str) -> Result<Self> {
        ensure!(
            is_allowed(url),
            "a webhook is at https://, or at http://localhost or http://127.0.0.1, without a user or password"
        );
        let mut tls = TlsConfig::builder();
        if let Some(path) = certificates {
            tls = tls.root_certs(read_certificates(path)?);
        }
        let agent = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            // What is signed goes where the settings say and nowhere else.
            .max_redirects(0)
            .http_status_as_error(false)
            .proxy(None)
            .user_agent("gatepass-kiosk")
            .tls_config(tls.build())
            .build()
            .new_agent();
        Ok(Self { url: url.to_owned(), kiosk: kiosk.to_owned(), key: read_key(key)?, agent })
    }

    /// Returns the status of the answer.
    fn post(&self, events: &[Row], now: u64) -> Result<u16> {
        let numbers = events.first().zip(events.last());
        let (first, last) = numbers.context("there is nothing to post")?;
        let id = format!("{}-{}-{}", self.kiosk, first.seq, last.seq);
        let bodies: Vec<&str> = events.iter().map(|event| event.body.as_str()).collect();
        // Every body is JSON already.
        let body = format!(
            "{{\"v\":{VERSION},\"kiosk\":{},\"events\":[{}]}}",
            serde_json::to_string(&self.kiosk)?,
            bodies.join(",")
        );
        let response = self
            .agent
            .post(&self.url)
            .header("content-type", "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", now.to_string())
            .header("webhook-signature", signature(&self.key, &id, now, &body))
            .send(&body)?;
        Ok(response.status().as_u16())
    }
}

impl Sink for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn deliver(&mut self, events: &[Row]) -> Result<(), Undelivered> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        // Not the address: it may hold a token.
        match self.post(events, now).context("posting to the webhook").map_err(Undelivered::Later)? {
            200..=299 => Ok(()),
            // About the key, the address or the time, and not about what was sent.
            status @ (401 | 404 | 408 | 410 | 429) => Err(Undelivered::Later(answered(status))),
            status @ 400..=499 => Err(Undelivered::Refused(answered(status))),
            status => Err(Undelivered::Later(answered(status))),
        }
    }
}

fn answered(status: u16) -> Error {
    anyhow!("the webhook answered {status}")
}

fn signature(key: &[u8], id: &str, timestamp: u64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body.as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

fn read_key(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let reading = || format!("reading the webhook key {}", path.display());
    let text = Zeroizing::new(fs::read_to_string(path).with_context(reading)?);
    let key = text.trim().strip_prefix("whsec_").and_then(|text| STANDARD.decode(text).ok());
    let key = Zeroizing::new(key.unwrap_or_default());
    if !(24..=64).contains(&key.len()) {
        return Err(anyhow!("it is not whsec_ and the Base64 of 24 to 64 bytes")).with_context(reading);
    }
    Ok(key)
}

fn read_certificates(path: &Path) -> Result<RootCerts> {
    let reading = || format!("reading the certificates {}", path.display());
    let text = fs::read(path).with_context(reading)?;
    let mut certificates = Vec::new();
    for item in parse_pem(&text) {
        if let PemItem::Certificate(certificate) = item.with_context(reading)? {
            certificates.push(certificate);
        }
    }
    ensure!(!certificates.is_empty(), "there is no certificate in {}", path.display());
    Ok(RootCerts::new_with_certs(&certificates))
}

fn is_allowed(url: &str) -> bool {
    // Read as the client reads it, so that both mean the same host.
    let Ok(url) = url.parse::<Uri>() else { return false };
    let Some(authority) = url.authority().filter(|authority| !authority.as_str().contains('@')) else {
        return false;
    };
    match url.scheme_str() {
        Some("https") => true,
        Some("http") => matches!(authority.host(), "localhost" | "127.0.0.1" | "[::1]"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Standard Webhooks specification's reference libraries.
    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature =
            signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn addresses_and_keys_are_checked_before_anything_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key");
        let webhook = |url: &str| Webhook::new(url, &key, None, "0123456789abcdef").map(drop);
        fs::write(&key, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
        for good in
            ["https://pms.example/hook", "http://localhost:8080/", "http://127.0.0.1", "http://[::1]:1/x"]
        {
            webhook(good).unwrap();
        }
        for wrong in [
            "http://pms.example/",
            "http://localhost.example/",
            "http://a@pms.example",
            "http://localhost:x@pms.example/",
            "http://localhost@pms.example/",
            "http://localhost:80@pms.example/",
            "http://127.0.0.1:x@[::1]/",
            "https://user:CANARY@pms.example/",
            "http://localhost\\@pms.example/",
            "https:///hook",
            "ftp://localhost",
            "",
        ] {
            webhook(wrong).unwrap_err();
        }
        for wrong in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!"] {
            fs::write(&key, wrong).unwrap();
            let error = format!("{:#}", webhook("https://pms.example/").unwrap_err());
            assert!(error.contains("whsec_"), "{error}");
        }
    }
}
