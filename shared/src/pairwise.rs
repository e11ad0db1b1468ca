//! Pairwise identifiers: what a relying party knows a resident by, and nobody else does.
//!
//! ```text
//! openid  = HMAC-SHA256(psec, "openid/1"  || service)
//! unionid = HMAC-SHA256(psec, "unionid/1" || organization)
//! ```
//!
//! `psec` is a secret of the resident that only encrypted codes carry. A service is `<label>.<organization>`, in ASCII, and
//! both begin with a letter: what follows a label of the above is never part of it, and no two organizations have one
//! service. `docs/format.md` §12 says it in full.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Length of a secret and of what is derived from it, in bytes.
pub const SECRET_BYTES: usize = 32;

/// The longest organization, in bytes: a guess, which leaves room in every index.
const MAX_ORGANIZATION: usize = 64;

/// The longest label of a service, in bytes: that of a DNS label (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;

/// A resident's secret, wiped when it is dropped. Nothing but a credential gets it out again.
#[derive(Clone)]
pub struct PairwiseSecret(Zeroizing<[u8; SECRET_BYTES]>);

impl PairwiseSecret {
    /// Derives the secret of a subject: the same for the same subject, however often credentials are issued again.
    ///
    /// Both secrets are needed for it: erasing the subject's takes its identifiers away for good.
    #[cfg(feature = "issue")]
    pub fn derive(agency: &[u8; 32], subject: &[u8; 32]) -> Self {
        Self(Zeroizing::new(hmac(agency, &[b"pairwise/1", subject])))
    }

    /// Takes 32 bytes; `None` for any other number.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    /// Returns the bytes, to be redacted in a credential.
    #[cfg(feature = "issue")]
    pub(crate) fn for_credential(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Derives what a relying party knows the resident by.
    pub fn identifiers(&self, party: &RelyingParty) -> Pairwise {
        Pairwise {
            openid: PairwiseId(hmac(&self.0, &[b"openid/1", party.service().as_bytes()])),
            unionid: PairwiseId(hmac(&self.0, &[b"unionid/1", party.organization().as_bytes()])),
        }
    }
}

impl fmt::Debug for PairwiseSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairwiseSecret(..)")
    }
}

/// What one relying party knows one resident by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pairwise {
    /// The same at every visit to this service, another one everywhere else.
    pub openid: PairwiseId,
    /// The same at every service of this organization, another one everywhere else.
    pub unionid: PairwiseId,
}

/// One identifier. It is personal data of the relying party: it is written out on purpose only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PairwiseId([u8; SECRET_BYTES]);

impl PairwiseId {
    /// Reads 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self, PairwiseIdError> {
        let mut bytes = [0; SECRET_BYTES];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| PairwiseIdError)?;
        let id = Self(bytes);
        if id.to_string() == text { Ok(id) } else { Err(PairwiseIdError) }
    }
}

impl fmt::Display for PairwiseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PairwiseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairwiseId(..)")
    }
}

/// A text that is no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an identifier is 64 lower-case hexadecimal digits")]
pub struct PairwiseIdError;

/// A service and the organization that it belongs to, as a kiosk's signed identity names them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Named", into = "Named")]
pub struct RelyingParty(Named);

/// How a relying party is written down.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    organization: String,
    service: String,
}

impl RelyingParty {
    /// Takes an organization, 1 to 64 characters in labels between dots, and one more label for the service in it.
    /// Labels are of `a-z`, `0-9` and `-`; the first of the organization and that of the service begin with a letter.
    ///
    /// # Errors
    /// Anything else.
    pub fn new(organization: &str, service: &str) -> Result<Self, RelyingPartyError> {
        let letter_first = |text: &str| text.starts_with(|c: char| c.is_ascii_lowercase());
        let labels = organization.split('.').all(is_label) && organization.len() <= MAX_ORGANIZATION;
        if !labels || !letter_first(organization) {
            return Err(RelyingPartyError::Organization);
        }
        if !is_label(service) || !letter_first(service) {
            return Err(RelyingPartyError::Service);
        }
        Ok(Self(Named { organization: organization.to_owned(), service: service.to_owned() }))
    }

    /// Returns the organization.
    pub fn organization(&self) -> &str {
        &self.0.organization
    }

    /// Returns the service in full: its label, a dot, the organization.
    pub fn service(&self) -> String {
        format!("{}.{}", self.0.service, self.0.organization)
    }

    /// Returns the label of the service within its organization.
    pub fn label(&self) -> &str {
        &self.0.service
    }
}

impl TryFrom<Named> for RelyingParty {
    type Error = RelyingPartyError;

    fn try_from(Named { organization, service }: Named) -> Result<Self, RelyingPartyError> {
        Self::new(&organization, &service)
    }
}

impl From<RelyingParty> for Named {
    fn from(party: RelyingParty) -> Self {
        party.0
    }
}

/// Names that no relying party has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RelyingPartyError {
    /// The organization.
    #[error(
        "an organization is 1 to {MAX_ORGANIZATION} of a-z 0-9 - in labels between dots, beginning with a letter"
    )]
    Organization,
    /// The service.
    #[error("a service is 1 to {MAX_LABEL} of a-z 0-9 -, beginning with a letter")]
    Service,
}

fn is_label(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=MAX_LABEL).contains(&text.len()) && text.chars().all(allowed)
}

fn hmac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(organization: &str, service: &str) -> RelyingParty {
        RelyingParty::new(organization, service).unwrap()
    }

    /// Mission: one unionid and two openids in one chain; nothing in common with another.
    #[test]
    fn a_chain_has_one_unionid_and_every_service_its_openid() {
        let secret = PairwiseSecret::from_slice(&[7; 32]).unwrap();
        let ids = |organization, service| secret.identifiers(&party(organization, service));
        let lisboa = ids("grand.example", "lisboa");
        assert_eq!(lisboa, ids("grand.example", "lisboa"));
        let taipa = ids("grand.example", "taipa");
        assert_eq!(lisboa.unionid, taipa.unionid);
        assert_ne!(lisboa.openid, taipa.openid);
        let other = ids("royal.example", "lisboa");
        assert!(other.openid != lisboa.openid && other.unionid != lisboa.unionid);
        assert_ne!(lisboa.openid, lisboa.unionid);
        let somebody = PairwiseSecret::from_slice(&[8; 32]).unwrap();
        assert_ne!(somebody.identifiers(&party("grand.example", "lisboa")).unionid, lisboa.unionid);
    }

    /// A name that two organizations could share would link their visitors.
    #[test]
    fn no_two_organizations_have_one_service() {
        assert_eq!(party("grand.example", "lisboa").service(), "lisboa.grand.example");
        assert_eq!(RelyingParty::new("example", "lisboa.grand"), Err(RelyingPartyError::Service));
        for wrong in ["", "1.example", ".example", "example.", "a..b", "-a", "A", "a b", "ä", &"a".repeat(65)]
        {
            assert_eq!(RelyingParty::new(wrong, "lisboa"), Err(RelyingPartyError::Organization), "{wrong}");
        }
        for wrong in ["", "0", "-", "a.b", "L", "a\u{0}", &"a".repeat(64)] {
            assert_eq!(RelyingParty::new("example", wrong), Err(RelyingPartyError::Service), "{wrong}");
        }
        let written = serde_json::to_string(&party("grand.example", "lisboa")).unwrap();
        assert_eq!(written, r#"{"organization":"grand.example","service":"lisboa"}"#);
        assert_eq!(serde_json::from_str::<RelyingParty>(&written).unwrap(), party("grand.example", "lisboa"));
        assert!(serde_json::from_str::<RelyingParty>(r#"{"organization":"a","service":"b.c"}"#).is_err());
    }

    #[test]
    fn nothing_of_it_prints_by_accident() {
        let secret = PairwiseSecret::from_slice(&[0xab; 32]).unwrap();
        let ids = secret.identifiers(&party("grand.example", "lisboa"));
        assert!(!format!("{secret:?}{ids:?}").contains("ab"), "{secret:?}{ids:?}");
        assert_eq!(PairwiseId::parse(&ids.openid.to_string()), Ok(ids.openid));
        assert!(PairwiseId::parse(&ids.openid.to_string().to_uppercase()).is_err());
        assert!(PairwiseSecret::from_slice(&[1; 31]).is_none());
    }
}
