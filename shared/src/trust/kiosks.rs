//! Which kiosks there are, and for whom each of them works.
//!
//! ```text
//! kiosks/<machine>.json     {"machine": 16 hex, "name", "organization", "service"}
//! ```
//!
//! `<machine>` is the first 8 bytes of the COSE thumbprint of the kiosk's key, in hexadecimal. A kiosk reads its own file and
//! nobody else's.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use serde::{Deserialize, Serialize};

use crate::key::KeyId;
use crate::pairwise::{RelyingParty, RelyingPartyError};

/// The longest name, in bytes: as long as the longest service.
const MAX_NAME: usize = 128;

/// Who a kiosk is: target `kiosks/<machine>.json`, as the repository's keepers signed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct KioskIdentity {
    machine: String,
    name: String,
    party: RelyingParty,
}

/// The file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    machine: String,
    name: String,
    organization: String,
    service: String,
}

/// Why something is no kiosk's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KioskIdentityError {
    /// The machine.
    #[error("a machine is 16 lower-case hexadecimal digits")]
    Machine,
    /// The name.
    #[error("a kiosk's name is 1 to {MAX_NAME} bytes of text without control characters")]
    Name,
    /// Whom it works for.
    #[error(transparent)]
    Party(#[from] RelyingPartyError),
}

impl KioskIdentity {
    /// States for whom a machine works, and what people call it.
    ///
    /// # Errors
    /// Names that are empty, too long or not plain text.
    pub fn new(machine: KeyId, name: &str, party: RelyingParty) -> Result<Self, KioskIdentityError> {
        if !(1..=MAX_NAME).contains(&name.len()) || name.chars().any(char::is_control) {
            return Err(KioskIdentityError::Name);
        }
        Ok(Self { machine: machine.to_string(), name: name.to_owned(), party })
    }

    /// Returns the identifier of the kiosk's key.
    pub fn machine(&self) -> &str {
        &self.machine
    }

    /// Returns what people call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the organization and the service that it works for.
    pub fn party(&self) -> &RelyingParty {
        &self.party
    }

    /// Returns where the identity is in a repository.
    pub fn target(&self) -> String {
        target(&self.machine)
    }
}

/// Returns the target that tells who a machine is.
pub fn kiosk_target(machine: KeyId) -> String {
    target(&machine.to_string())
}

fn target(machine: &str) -> String {
    format!("kiosks/{machine}.json")
}

impl TryFrom<Written> for KioskIdentity {
    type Error = KioskIdentityError;

    fn try_from(written: Written) -> Result<Self, KioskIdentityError> {
        let Written { machine, name, organization, service } = written;
        let mut id = [0; 8];
        hex::decode_to_slice(&machine, &mut id).map_err(|_| KioskIdentityError::Machine)?;
        let identity = Self::new(KeyId(id), &name, RelyingParty::new(&organization, &service)?)?;
        if identity.machine == machine { Ok(identity) } else { Err(KioskIdentityError::Machine) }
    }
}

impl From<KioskIdentity> for Written {
    fn from(identity: KioskIdentity) -> Self {
        let KioskIdentity { machine, name, party } = identity;
        let (organization, service) = (party.organization().to_owned(), party.label().to_owned());
        Self { machine, name, organization, service }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_as_it_was_written_and_nothing_else_is() {
        let party = RelyingParty::new("grand.example", "lisboa").unwrap();
        let identity = KioskIdentity::new(KeyId([0xab; 8]), "Lisboa, desk 2", party).unwrap();
        let written = serde_json::to_string(&identity).unwrap();
        assert_eq!(serde_json::from_str::<KioskIdentity>(&written).unwrap(), identity);
        assert_eq!(identity.target(), "kiosks/abababababababab.json");
        for (right, wrong) in [
            ("abababababababab", "ABABABABABABABAB"),
            ("abababababababab", "abab"),
            ("Lisboa, desk 2", ""),
            ("Lisboa, desk 2", r"desk\u0007"),
            ("grand.example", "Grand"),
            ("\"lisboa\"", "\"lisboa.grand\""),
            ("}", ",\"more\":1}"),
        ] {
            let text = written.replace(right, wrong);
            assert_ne!(text, written);
            assert!(serde_json::from_str::<KioskIdentity>(&text).is_err(), "{text}");
        }
    }
}
