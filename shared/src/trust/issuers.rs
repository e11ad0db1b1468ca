//! Issuers as the trust repository names them: target `issuers/<agency>/keys.json`.

use serde::{Deserialize, Serialize};

use super::status::StatusList;
use crate::key::VerificationKey;
use crate::time::Timestamp;

/// The contents of `issuers/<agency>/keys.json`, signed by the agency's delegated role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerKeys {
    /// The URI that credentials carry as `iss`; must equal what the top-level role delegated to this agency.
    pub issuer: String,
    /// Keys that sign credentials and status lists.
    pub keys: Vec<IssuerKey>,
}

/// One key of an issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerKey {
    /// Ed25519 in 64 hexadecimal digits; of a foreign issuer also P-256 in 130.
    pub public: VerificationKey,
    /// What the issuer calls the key, in hexadecimal, if that is not its thumbprint: only foreign issuers do so.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "hexadecimal")]
    pub key_id: Option<Vec<u8>>,
    /// Credentials issued earlier are not believed.
    pub not_before: Timestamp,
    /// Credentials issued at this time or later are not believed: the key was retired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// Nothing that says it was signed at this time or later is believed: the key may be in the wrong hands.
    ///
    /// That time is the signer's own word, and whoever has a copy of the key can write an earlier one. Equal to
    /// `not_before`, this takes back everything that the key signed; later, it is the last time at which the key was
    /// surely safe, and helps only if the key was misused in its place, by something that wrote the true time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// What a key's signature at some time is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It was in use.
    Valid,
    /// It was not in use yet, or no longer.
    NotValid,
    /// It may have been in the wrong hands.
    Revoked,
}

impl IssuerKey {
    /// Returns a key in use from `not_before` on.
    pub fn new(public: impl Into<VerificationKey>, not_before: Timestamp) -> Self {
        Self { public: public.into(), key_id: None, not_before, not_after: None, revoked_at: None }
    }

    /// Tells whether a `kid` may mean this key: its identifier, or what its issuer calls it.
    pub(super) fn is_named(&self, id: &[u8]) -> bool {
        self.key_id.as_deref() == Some(id) || self.public.id().0 == id
    }

    /// Tells what the key's signature is worth under something that says it was signed at `time`.
    pub fn state_at(&self, time: Timestamp) -> KeyState {
        if self.revoked_at.is_some_and(|since| time >= since) {
            return KeyState::Revoked;
        }
        let in_use = time >= self.not_before && self.not_after.is_none_or(|end| time < end);
        if in_use { KeyState::Valid } else { KeyState::NotValid }
    }

    /// Tells whether the key could sign something at `time`: it was in use, and is not revoked as of then.
    pub fn valid_at(&self, time: Timestamp) -> bool {
        self.state_at(time) == KeyState::Valid
    }
}

/// An optional byte string in JSON.
mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        bytes: &Option<Vec<u8>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(bytes.as_deref().unwrap_or_default()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Vec<u8>>, D::Error> {
        hex::decode(String::deserialize(deserializer)?).map(Some).map_err(D::Error::custom)
    }
}

/// An issuer with its keys and the status lists that those keys signed.
#[derive(Debug, Clone)]
pub struct TrustedIssuer {
    pub(super) agency: String,
    pub(super) uri: String,
    pub(super) keys: Vec<IssuerKey>,
    /// In the order of their URIs, which are all different.
    pub(super) status_lists: Vec<StatusList>,
    pub(super) expires: Timestamp,
}

impl TrustedIssuer {
    /// Returns the name of the delegated role.
    pub fn agency(&self) -> &str {
        &self.agency
    }

    /// Returns the URI that credentials carry as `iss`.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Returns every key with that identifier, or every key if there is none to go by: it is a hint and may collide.
    pub fn keys(&self, id: Option<&[u8]>) -> impl Iterator<Item = &IssuerKey> {
        self.keys.iter().filter(move |key| id.is_none_or(|id| key.is_named(id)))
    }

    /// Returns the verified status list of that URI.
    pub fn status_list(&self, uri: &str) -> Option<&StatusList> {
        let place = self.status_lists.binary_search_by(|list| list.uri().cmp(uri)).ok()?;
        self.status_lists.get(place)
    }

    /// Returns every status list, in the order of their URIs.
    pub fn status_lists(&self) -> &[StatusList] {
        &self.status_lists
    }

    /// Returns when the earliest metadata that vouches for this issuer expires.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A point of the prime-order group: the base point (RFC 8032 §5.1).
    const KEY: &str = "5866666666666666666666666666666666666666666666666666666666666666";

    #[test]
    fn a_key_is_valid_from_its_start_to_its_end_and_revoked_from_then_on() {
        let time = |seconds: i64| Timestamp::from_unix(1_700_000_000 + seconds).unwrap();
        let mut key = IssuerKey::new(VerificationKey::parse(KEY).unwrap(), time(0));
        assert_eq!(
            [-1, 0, 99].map(|s| key.state_at(time(s))),
            [KeyState::NotValid, KeyState::Valid, KeyState::Valid]
        );
        key.not_after = Some(time(100));
        assert_eq!([99, 100].map(|s| key.state_at(time(s))), [KeyState::Valid, KeyState::NotValid]);
        key.revoked_at = Some(time(50));
        assert_eq!(
            [-1, 49, 50, 100].map(|s| key.state_at(time(s))),
            [KeyState::NotValid, KeyState::Valid, KeyState::Revoked, KeyState::Revoked]
        );
        key.revoked_at = Some(key.not_before);
        assert!((0..200).all(|s| !key.valid_at(time(s))), "nothing it signed is believed");
    }

    #[test]
    fn a_list_of_an_earlier_version_reads_without_revocations() {
        let text = format!(r#"{{"public": "{KEY}", "not_before": "2026-11-20T09:00:00Z"}}"#);
        let key: IssuerKey = serde_json::from_str(&text).unwrap();
        assert_eq!((key.not_after, key.revoked_at), (None, None));
        assert!(!serde_json::to_string(&key).unwrap().contains("revoked_at"));
    }
}
