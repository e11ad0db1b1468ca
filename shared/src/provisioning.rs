//! What a new kiosk is told by the agency that it will belong to: whom to believe, where to find it, and what to be.
//!
//! ```cddl
//! provisioning = { 0: "gatepass-kiosk", 1: bstr .size 32,   ; SHA-256 of the first root metadata
//!                  2: repository, 3: purpose, 4: lane, 5: settings }     ; texts; Base45, like every text of ours
//! ```
//!
//! It is not signed: a kiosk that believes nobody yet has no key to check a signature with. What makes it authentic is
//! its [`fingerprint`](Provisioning::fingerprint), which the installer gets from the agency by another way.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use crate::cbor::{self, CborError, Value};
use crate::credential::Purpose;
use crate::qr::payload::{self, PayloadError};

/// What the first entry says, so that nothing else is taken for it.
const KIND: &str = "gatepass-kiosk";

/// The longest place of a repository, name of a lane, and settings, in bytes.
const MAX_REPOSITORY: usize = 256;
const MAX_LANE: usize = 64;
const MAX_SETTINGS: usize = 768;

/// What the hash of a fingerprint begins with.
const DOMAIN: &[u8] = b"gatepass-provisioning-v1\n";

/// Characters of a fingerprint, 5 bits each: too many to make another text that has the same.
const FINGERPRINT: usize = 16;

/// Digits and letters that nobody mistakes for each other (those of Crockford's Base32).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// What a new kiosk is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provisioning {
    root: [u8; 32],
    repository: String,
    purpose: Purpose,
    lane: String,
    settings: String,
}

/// Why a text provisions no kiosk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProvisioningError {
    /// Not a text of ours.
    #[error(transparent)]
    Text(#[from] PayloadError),
    /// Not CBOR as we write it.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// Some other text of ours.
    #[error("the code does not provision a kiosk")]
    Foreign,
    /// An entry that is missing, of another kind, empty where it may not be, or too long.
    #[error("entry {label} of the provisioning code is missing, wrong or too long")]
    Entry {
        /// Which.
        label: i64,
    },
}

impl Provisioning {
    /// Puts together what a kiosk is to be told; `settings` is TOML, without the purpose and the lane.
    ///
    /// # Errors
    /// [`ProvisioningError::Entry`] for a part that is empty, too long, or has control characters where there may be none.
    pub fn new(
        root: [u8; 32],
        repository: &str,
        purpose: Purpose,
        lane: &str,
        settings: &str,
    ) -> Result<Self, ProvisioningError> {
        let line = |label, text: &str, most| {
            let good = (1..=most).contains(&text.len()) && !text.contains(char::is_control);
            good.then(|| text.to_owned()).ok_or(ProvisioningError::Entry { label })
        };
        if settings.len() > MAX_SETTINGS {
            return Err(ProvisioningError::Entry { label: 5 });
        }
        Ok(Self {
            root,
            repository: line(2, repository, MAX_REPOSITORY)?,
            purpose,
            lane: line(4, lane, MAX_LANE)?,
            settings: settings.to_owned(),
        })
    }

    /// Reads the text of a provisioning code.
    ///
    /// # Errors
    /// Texts that are none.
    pub fn decode(text: &str) -> Result<Self, ProvisioningError> {
        if text.len() > payload::MAX_TEXT {
            return Err(PayloadError::TooLong.into());
        }
        let bytes = payload::base45_decode(text)?;
        let map = cbor::decode(&bytes)?;
        if map.get(0).and_then(Value::as_text) != Some(KIND) {
            return Err(ProvisioningError::Foreign);
        }
        let known = |key: &Value<'_>| matches!(key.as_int(), Some(0..=5));
        if !map.as_map().is_some_and(|entries| entries.iter().all(|(key, _)| known(key))) {
            return Err(ProvisioningError::Foreign);
        }
        let entry = |label| ProvisioningError::Entry { label };
        let text = |label| map.get(label).and_then(Value::as_text).ok_or(entry(label));
        let root = map.get(1).and_then(Value::as_bytes).and_then(|root| root.try_into().ok());
        let purpose = Purpose::parse(text(3)?).map_err(|_| entry(3))?;
        Self::new(root.ok_or(entry(1))?, text(2)?, purpose, text(4)?, text(5)?)
    }

    /// Writes the text of a provisioning code.
    pub fn encode(&self) -> String {
        payload::base45_encode(&self.to_cbor())
    }

    /// Returns what the agency tells the installer by another way, and the installer the kiosk.
    pub fn fingerprint(&self) -> Fingerprint {
        let hash = Sha256::new().chain_update(DOMAIN).chain_update(self.to_cbor()).finalize();
        Fingerprint(std::array::from_fn(|place| {
            let bit = |at: usize| hash.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
            (0..5).fold(0, |digit, offset| digit << 1 | bit(place * 5 + offset))
        }))
    }

    /// Returns the SHA-256 of the root metadata that the kiosk begins with.
    pub fn root(&self) -> &[u8; 32] {
        &self.root
    }

    /// Returns whether this is the root metadata that is meant.
    pub fn names_root(&self, metadata: &[u8]) -> bool {
        root_hash(metadata) == self.root
    }

    /// Returns where the trust repository is, as the agency calls it.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Returns what the lane decides for.
    pub fn purpose(&self) -> &Purpose {
        &self.purpose
    }

    /// Returns the lane's name.
    pub fn lane(&self) -> &str {
        &self.lane
    }

    /// Returns the other settings, TOML.
    pub fn settings(&self) -> &str {
        &self.settings
    }

    fn to_cbor(&self) -> Vec<u8> {
        Value::Map(vec![
            (Value::from(0), Value::Text(KIND)),
            (Value::from(1), Value::Bytes(&self.root)),
            (Value::from(2), Value::Text(&self.repository)),
            (Value::from(3), Value::Text(self.purpose.as_str())),
            (Value::from(4), Value::Text(&self.lane)),
            (Value::from(5), Value::Text(&self.settings)),
        ])
        .encode()
    }
}

/// Returns how a provisioning code names root metadata.
pub fn root_hash(metadata: &[u8]) -> [u8; 32] {
    Sha256::digest(metadata).into()
}

/// What stands for a whole provisioning code when people compare: `K7QX-3M2A-9FPD-00VT`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; FINGERPRINT]);

/// A text that is no fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is {FINGERPRINT} letters and digits, such as K7QX-3M2A-9FPD-00VT")]
pub struct FingerprintError;

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Reads what a person typed: in small letters too, with spaces or hyphens anywhere, O for zero, I and L for one.
    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let mut digits = [0; FINGERPRINT];
        let mut typed = text.chars().filter(|c| !matches!(c, '-' | ' '));
        for digit in &mut digits {
            let typed = match typed.next().map(|c| c.to_ascii_uppercase()).ok_or(FingerprintError)? {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            let place = ALPHABET.iter().position(|known| char::from(*known) == typed);
            *digit = place.and_then(|place| u8::try_from(place).ok()).ok_or(FingerprintError)?;
        }
        if typed.next().is_some() { Err(FingerprintError) } else { Ok(Self(digits)) }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, digit) in self.0.iter().enumerate() {
            if place > 0 && place % 4 == 0 {
                f.write_str("-")?;
            }
            let letter = ALPHABET.get(usize::from(*digit)).copied().unwrap_or(b'0');
            write!(f, "{}", char::from(letter))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane_3() -> Provisioning {
        let purpose = Purpose::parse("border").unwrap();
        let settings = "camera = \"replay:frames\"\n";
        Provisioning::new(root_hash(b"root"), "/media/gatepass/REPO", purpose, "North hall, lane 3", settings)
            .unwrap()
    }

    #[test]
    fn a_kiosk_reads_what_an_agency_writes() {
        let provisioning = lane_3();
        assert_eq!(Provisioning::decode(&provisioning.encode()), Ok(provisioning.clone()));
        assert!(provisioning.names_root(b"root") && !provisioning.names_root(b"toor"));
        assert!(provisioning.encode().len() < 300, "{}", provisioning.encode().len());
    }

    #[test]
    fn a_fingerprint_stands_for_everything() {
        let provisioning = lane_3();
        let fingerprint = provisioning.fingerprint();
        let text = fingerprint.to_string();
        assert_eq!(text.len(), 19, "{text}");
        for typed in [text.clone(), text.to_lowercase(), text.replace('-', " "), text.replace('-', "")] {
            assert_eq!(typed.parse(), Ok(fingerprint), "{typed}");
        }
        for typed in ["", "0000", "0000-0000-0000-000U", "0000-0000-0000-00000"] {
            assert_eq!(typed.parse::<Fingerprint>(), Err(FingerprintError), "{typed}");
        }
        assert_eq!("oooo-iiii-llll-0000".parse::<Fingerprint>().unwrap().to_string(), "0000-1111-1111-0000");
        let others = [
            Provisioning { root: [0; 32], ..lane_3() },
            Provisioning { repository: "/elsewhere".to_owned(), ..lane_3() },
            Provisioning { purpose: Purpose::parse("hotel").unwrap(), ..lane_3() },
            Provisioning { lane: "lane 4".to_owned(), ..lane_3() },
            Provisioning { settings: String::new(), ..lane_3() },
        ];
        assert!(others.iter().all(|other| other.fingerprint() != fingerprint));
    }

    #[test]
    fn other_texts_provision_nothing() {
        for text in ["", "hello", "6BF590B20FFWJWG", &"A".repeat(9000)] {
            assert!(Provisioning::decode(text).is_err(), "{text:.40}");
        }
        let text = |entries: Vec<(i64, Value<'_>)>| {
            let entries = entries.into_iter().map(|(label, value)| (Value::from(label), value)).collect();
            Provisioning::decode(&payload::base45_encode(&Value::Map(entries).encode()))
        };
        let good = || {
            vec![
                (0, Value::Text(KIND)),
                (1, Value::Bytes(&[7; 32])),
                (2, Value::Text("REPO")),
                (3, Value::Text("border")),
                (4, Value::Text("lane 1")),
                (5, Value::Text("")),
            ]
        };
        assert!(text(good()).is_ok());
        for place in 0..6 {
            let mut less = good();
            less.remove(place);
            assert!(text(less).is_err(), "without {place}");
            let mut other = good();
            other[place].1 = Value::from(1);
            assert!(text(other).is_err(), "another kind of {place}");
        }
        let (long, settings) = ("x".repeat(300), "x".repeat(1000));
        for (place, wrong) in [
            (0, Value::Text("gatepass")),
            (1, Value::Bytes(&[7; 31])),
            (2, Value::Text("")),
            (2, Value::Text(&long)),
            (3, Value::Text("Border!")),
            (4, Value::Text("lane\n1")),
            (4, Value::Text(&long)),
            (5, Value::Text(&settings)),
        ] {
            let mut other = good();
            other[place].1 = wrong.clone();
            assert!(text(other).is_err(), "{place}: {wrong:?}");
        }
        let more = [good(), vec![(6, Value::from(0))]].concat();
        assert_eq!(text(more), Err(ProvisioningError::Foreign));
    }
}
