//! What a kiosk shows for the phone to answer: its audience, a nonce, and a key that only this visit has.
//!
//! ```cddl
//! challenge = { 3: aud, 4: exp, ? 8: { 1: COSE_Key }, 39: cnonce }        ; Base45, like every text of ours
//! ```
//!
//! A code that was filmed and sent elsewhere answers another nonce; a code made for this one can be read by this kiosk
//! alone if the key is there. Nothing about a challenge is signed: who shows a wrong one gets answers of no use.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use super::error::DecodeError;
use super::key_binding::{AUDIENCE, EXPIRES, MAX_AUDIENCE, NONCE, audience};
use super::wire::{self, CONFIRMATION};
use crate::cbor::{self, Value};
use crate::encryption::EncryptionKey;
use crate::qr::payload::{self, PayloadError};
use crate::time::Timestamp;

/// How long an answer is waited for, in seconds: time to hold up a phone twice.
pub const CHALLENGE_LIFE: i64 = 60;

/// Bytes of a nonce that we draw.
pub const NONCE_BYTES: usize = 16;

/// Bytes of a nonce that a proof may carry: not to be guessed, and no way to fill a symbol.
pub(super) const MIN_NONCE: usize = 8;
pub(super) const MAX_NONCE: usize = 64;

/// `cnf` of the challenge holds one COSE_Key.
const CONFIRMATION_KEY: i64 = 1;

/// A challenge: made by a kiosk, or read by a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    audience: String,
    nonce: Vec<u8>,
    expires: Timestamp,
    reply_to: Option<EncryptionKey>,
}

impl Challenge {
    /// Makes the challenge of one visit; `nonce` is drawn anew for each. `None` for an audience that no proof can have.
    pub fn new(
        audience: &str,
        nonce: [u8; NONCE_BYTES],
        reply_to: Option<EncryptionKey>,
        now: Timestamp,
    ) -> Option<Self> {
        (1..=MAX_AUDIENCE).contains(&audience.len()).then(|| Self {
            audience: audience.to_owned(),
            nonce: nonce.to_vec(),
            expires: now.plus(CHALLENGE_LIFE),
            reply_to,
        })
    }

    /// Reads the text of the symbol that a kiosk shows.
    ///
    /// # Errors
    /// Texts that are not a challenge.
    pub fn decode(text: &str) -> Result<Self, DecodeError> {
        if text.len() > payload::MAX_TEXT {
            return Err(PayloadError::TooLong.into());
        }
        let bytes = payload::base45_decode(text)?;
        let claims = cbor::decode(&bytes)?;
        let known = |key: &Value<'_>| matches!(key.as_int(), Some(AUDIENCE | EXPIRES | CONFIRMATION | NONCE));
        if !claims.as_map().is_some_and(|entries| entries.iter().all(|(key, _)| known(key))) {
            return Err(PayloadError::Foreign.into());
        }
        let nonce = claims.get(NONCE).and_then(Value::as_bytes);
        let nonce = nonce.filter(|nonce| (MIN_NONCE..=MAX_NONCE).contains(&nonce.len()));
        let key = |confirmation: &Value<'_>| {
            let alone = confirmation.as_map().is_some_and(|entries| entries.len() == 1);
            let key = confirmation.get(CONFIRMATION_KEY).filter(|_| alone).map(EncryptionKey::from_cose);
            key.and_then(Result::ok).ok_or(DecodeError::Claim { label: CONFIRMATION })
        };
        Ok(Self {
            audience: audience(&claims)?.to_owned(),
            nonce: nonce.ok_or(DecodeError::Claim { label: NONCE })?.to_vec(),
            expires: wire::time(&claims, EXPIRES)?,
            reply_to: claims.get(CONFIRMATION).map(key).transpose()?,
        })
    }

    /// Writes the text of the symbol that a kiosk shows.
    pub fn encode(&self) -> String {
        let mut claims = vec![
            (Value::from(AUDIENCE), Value::Text(&self.audience)),
            (Value::from(EXPIRES), Value::from(self.expires.as_unix())),
            (Value::from(NONCE), Value::Bytes(&self.nonce)),
        ];
        if let Some(key) = &self.reply_to {
            let key = Value::Map(vec![(Value::from(CONFIRMATION_KEY), key.to_cose())]);
            claims.push((Value::from(CONFIRMATION), key));
        }
        payload::base45_encode(&Value::Map(claims).encode())
    }

    /// Returns whom the answer is to be made for.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// Returns what the answer has to carry as `cnonce`.
    pub fn nonce(&self) -> &[u8] {
        &self.nonce
    }

    /// Returns when the challenge is over.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Returns the key that the answer is encrypted to, if the kiosk gave one.
    pub fn reply_to(&self) -> Option<EncryptionKey> {
        self.reply_to
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encryption::DecryptionKey;

    #[test]
    fn what_a_kiosk_shows_a_phone_reads() {
        let now = Timestamp::from_unix(1_800_000_000).unwrap();
        let key = DecryptionKey::from_seed(&[5; 32]).unwrap().public_key();
        for reply_to in [None, key] {
            let challenge = Challenge::new("border-lane-3", [9; 16], reply_to, now).unwrap();
            assert_eq!(Challenge::decode(&challenge.encode()), Ok(challenge.clone()));
            assert!(challenge.encode().len() <= 160, "{}", challenge.encode().len());
        }
        assert_eq!(Challenge::new("", [9; 16], None, now), None);
        assert_eq!(Challenge::new(&"x".repeat(49), [9; 16], None, now), None);
    }

    #[test]
    fn other_texts_are_no_challenge() {
        for text in ["", "hello", "6BF590B20FFWJWG", &payload::base45_encode(&[0xa0])] {
            assert!(Challenge::decode(text).is_err(), "{text}");
        }
        let short = Value::Map(vec![
            (Value::from(3), Value::Text("border")),
            (Value::from(4), Value::from(1_800_000_000)),
            (Value::from(39), Value::Bytes(&[1; 7])),
        ]);
        assert_eq!(
            Challenge::decode(&payload::base45_encode(&short.encode())),
            Err(DecodeError::Claim { label: 39 })
        );
        // One label more beside the key, which docs/format.md does not have there.
        let key = DecryptionKey::from_seed(&[5; 32]).unwrap().public_key().unwrap();
        let key = key.to_cose();
        let read = |confirmation: Vec<(Value<'_>, Value<'_>)>| {
            let challenge = Value::Map(vec![
                (Value::from(3), Value::Text("border")),
                (Value::from(4), Value::from(1_800_000_000)),
                (Value::from(8), Value::Map(confirmation)),
                (Value::from(39), Value::Bytes(&[1; 8])),
            ]);
            Challenge::decode(&payload::base45_encode(&challenge.encode()))
        };
        assert!(read(vec![(Value::from(1), key.clone())]).is_ok());
        let more = vec![(Value::from(1), key.clone()), (Value::from(2), Value::from(0))];
        assert_eq!(read(more), Err(DecodeError::Claim { label: 8 }));
    }
}
