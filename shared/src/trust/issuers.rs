//! Issuers as the trust repository names them: target `issuers/<agency>/keys.json`.

use serde::{Deserialize, Serialize};

use super::status::StatusList;
use crate::key::{KeyId, VerificationKey};
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
    /// Credentials issued at this time or later are not believed: the key was retired or compromised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
}

impl IssuerKey {
    /// Tells whether the key could sign a credential issued at `time`.
    pub fn valid_at(&self, time: Timestamp) -> bool {
        time >= self.not_before && self.not_after.is_none_or(|end| time < end)
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
    pub(super) keys: Vec<(KeyId, IssuerKey)>,
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
        let named = move |(thumbprint, key): &&(KeyId, IssuerKey)| {
            id.is_none_or(|id| thumbprint.0 == id || key.key_id.as_deref() == Some(id))
        };
        self.keys.iter().filter(named).map(|(_, key)| key)
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
