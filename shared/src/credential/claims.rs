//! What an issuer states about a resident.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::key::VerificationKey;
use crate::portrait::Portrait;
use crate::template::Template;
use crate::time::Timestamp;

/// The longest text of one attribute, in bytes: enough for any name, little enough for the symbol.
pub const MAX_ATTRIBUTE: usize = 128;

/// The claims of one credential: who states them, for what purpose, how long, about whom.
#[derive(Clone, PartialEq, Eq)]
pub struct Claims {
    /// `iss`: a URI.
    pub issuer: String,
    /// `sub`: an identifier that this holder has for this purpose only; empty where a foreign credential has none.
    pub subject: String,
    /// `aud`: the purpose that the credential was issued for. Only foreign credentials name none.
    pub purpose: Option<Purpose>,
    /// `exp`.
    pub expires: Timestamp,
    /// `nbf`.
    pub not_before: Timestamp,
    /// `iat`.
    pub issued_at: Timestamp,
    /// `cnf`: the key of the holder's phone; absent on paper.
    pub holder_key: Option<VerificationKey>,
    /// Where the issuer says whether the credential still holds. Only foreign credentials name no place.
    pub status: Option<StatusReference>,
    /// The longest that one presentation may be accepted, in seconds, if the issuer wants it shorter than usual.
    pub max_presentation_age: Option<u8>,
    /// Claim 169.
    pub attributes: Attributes,
    /// Claim 169 key 62: the reference that a live face is compared with.
    pub face: Option<Template>,
    /// Claim 169 keys 16 and 62 of a foreign credential: a picture to make a reference from.
    pub portrait: Option<Portrait>,
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Destructured, so that a new field has to be decided on.
        let Self {
            issuer,
            subject: _,
            purpose,
            expires,
            not_before,
            issued_at,
            holder_key: _,
            status: _,
            max_presentation_age: _,
            attributes: _,
            face: _,
            portrait: _,
        } = self;
        f.debug_struct("Claims")
            .field("issuer", issuer)
            .field("purpose", purpose)
            .field("expires", expires)
            .field("not_before", not_before)
            .field("issued_at", issued_at)
            .finish_non_exhaustive()
    }
}

/// A credential's place in a status list (Token Status List §6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReference {
    /// `idx`: position in the list.
    pub index: u64,
    /// `uri`: which list.
    pub uri: String,
}

/// What a credential may be used for: `border`, `hotel`, `age` and so on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Purpose(String);

/// A text that names no purpose.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a purpose is 1 to 24 lower-case letters, digits and hyphens")]
pub struct PurposeError;

impl Purpose {
    /// Reads a name of 1 to 24 lower-case letters, digits and hyphens.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self, PurposeError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if (1..=24).contains(&text.len()) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(PurposeError)
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Purpose {
    type Err = PurposeError;

    fn from_str(text: &str) -> Result<Self, PurposeError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Purpose {
    type Error = PurposeError;

    fn try_from(text: String) -> Result<Self, PurposeError> {
        Self::parse(&text)
    }
}

impl From<Purpose> for String {
    fn from(purpose: Purpose) -> Self {
        purpose.0
    }
}

macro_rules! attributes {
    ($($variant:ident $label:literal $name:literal $kind:ident [$($alias:literal),*] $doc:literal;)*) => {
        /// An identity attribute of Claim 169 (table "Identity data" of the MOSIP specification).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Attribute { $(#[doc = $doc] #[serde(rename = $name)] $variant,)* }

        impl Attribute {
            /// Every attribute, in the order of its label.
            pub const ALL: &[Attribute] = &[$(Attribute::$variant),*];

            /// Returns the Claim 169 label.
            pub fn label(self) -> i64 {
                match self { $(Attribute::$variant => $label),* }
            }

            /// Returns the name in claim files and in decisions.
            pub fn name(self) -> &'static str {
                match self { $(Attribute::$variant => $name),* }
            }

            /// Returns the attribute of that name; Claim 169's own names are understood too.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name $(| $alias)* => Some(Attribute::$variant),)* _ => None }
            }

            pub(super) fn kind(self) -> Kind {
                match self { $(Attribute::$variant => Kind::$kind),* }
            }
        }
    };
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Date,
    Code,
}

attributes! {
    Id 1 "id" Text [] "The document or register number.";
    Version 2 "version" Text [] "Version of the identity data.";
    Language 3 "language" Text [] "Language of the data, ISO 639-3.";
    Name 4 "name" Text ["fullName"] "Full name.";
    FirstName 5 "firstName" Text [] "First name.";
    MiddleName 6 "middleName" Text [] "Middle name.";
    LastName 7 "lastName" Text [] "Last name.";
    DateOfBirth 8 "dateOfBirth" Date ["dob"] "Date of birth, `YYYYMMDD`.";
    Sex 9 "sex" Code ["gender"] "1 male, 2 female, 3 other.";
    Address 10 "address" Text [] "Address, lines separated by a line feed.";
    Email 11 "email" Text ["emailId"] "E-mail address.";
    Phone 12 "phone" Text ["phoneNumber"] "Telephone number, ITU-T E.123.";
    Nationality 13 "nationality" Text [] "Nationality, ISO 3166-1.";
    MaritalStatus 14 "maritalStatus" Code [] "1 unmarried, 2 married, 3 divorced.";
    Guardian 15 "guardian" Text [] "Identifier of the guardian.";
    SecondaryName 19 "secondaryName" Text ["secondaryFullName"] "Full name in the second language.";
    SecondaryLanguage 20 "secondaryLanguage" Text [] "The second language, ISO 639-3.";
    LocationCode 21 "locationCode" Text [] "Location code.";
    LegalStatus 22 "legalStatus" Text [] "Legal status.";
    Country 23 "country" Text ["countryOfIssuance"] "Country of issuance, ISO 3166-1.";
    AgeOver 76 "ageOver" Code [] "The highest of 12, 14, 16, 18, 21 and 65 years that the holder had reached at issuance (private label of this format).";
}

/// The value of an attribute.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AttributeValue {
    /// A small number, such as the code of a sex.
    Code(u8),
    /// A text, or a date as `YYYYMMDD`.
    Text(String),
}

/// The attributes of one resident.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Attributes(BTreeMap<Attribute, AttributeValue>);

/// Why a value is not one that the attribute can have. Names the attribute, never the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AttributeError {
    /// Empty, too long, or with control characters.
    #[error("{name} must be 1 to {MAX_ATTRIBUTE} bytes of text without control characters")]
    Text {
        /// The attribute's name.
        name: &'static str,
    },
    /// Not a day of the calendar.
    #[error("{name} must be a date, as 1998-02-14 or 19980214")]
    Date {
        /// The attribute's name.
        name: &'static str,
    },
    /// Not a small number.
    #[error("{name} must be a number from 1 to 255")]
    Code {
        /// The attribute's name.
        name: &'static str,
    },
}

impl Attributes {
    /// Sets an attribute after checking that the value is one it can have.
    ///
    /// Dates are accepted as `1998-02-14` and kept as `19980214`.
    ///
    /// # Errors
    /// See [`AttributeError`].
    pub fn set(&mut self, attribute: Attribute, value: AttributeValue) -> Result<(), AttributeError> {
        let name = attribute.name();
        let value = match (attribute.kind(), value) {
            (Kind::Code, AttributeValue::Code(code)) if code > 0 => AttributeValue::Code(code),
            (Kind::Code, _) => return Err(AttributeError::Code { name }),
            (Kind::Date, AttributeValue::Text(text)) => {
                AttributeValue::Text(date(&text).ok_or(AttributeError::Date { name })?)
            }
            (Kind::Date, AttributeValue::Code(_)) => return Err(AttributeError::Date { name }),
            (Kind::Text, AttributeValue::Text(text)) if is_plain(&text) => AttributeValue::Text(text),
            (Kind::Text, _) => return Err(AttributeError::Text { name }),
        };
        self.0.insert(attribute, value);
        Ok(())
    }

    /// Returns the value of an attribute.
    pub fn get(&self, attribute: Attribute) -> Option<&AttributeValue> {
        self.0.get(&attribute)
    }

    /// Returns the attributes in the order of their labels.
    pub fn iter(&self) -> impl Iterator<Item = (Attribute, &AttributeValue)> {
        self.0.iter().map(|(attribute, value)| (*attribute, value))
    }

    /// Returns only the attributes named.
    #[must_use]
    pub fn only(&self, wanted: &[Attribute]) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(attribute, _)| wanted.contains(attribute))
                .map(|(a, v)| (*a, v.clone()))
                .collect(),
        )
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attributes({} set)", self.0.len())
    }
}

impl fmt::Debug for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AttributeValue(..)")
    }
}

fn is_plain(text: &str) -> bool {
    (1..=MAX_ATTRIBUTE).contains(&text.len()) && !text.chars().any(|c| c.is_control() && c != '\n')
}

fn date(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let dashed = format!("{}-{}-{}", digits.get(..4)?, digits.get(4..6)?, digits.get(6..)?);
    let known: jiff::civil::Date = dashed.parse().ok()?;
    (text == digits || text == dashed).then_some(())?;
    Some(known.strftime("%Y%m%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_when_set() {
        let mut attributes = Attributes::default();
        let text = |text: &str| AttributeValue::Text(text.to_owned());
        assert_eq!(attributes.set(Attribute::DateOfBirth, text("1998-02-14")), Ok(()));
        assert_eq!(attributes.get(Attribute::DateOfBirth), Some(&text("19980214")));
        for wrong in ["1998-02-30", "199802", "1998/02/14", "19980214x", "", "199-80214"] {
            assert_eq!(
                attributes.set(Attribute::DateOfBirth, text(wrong)),
                Err(AttributeError::Date { name: "dateOfBirth" }),
                "{wrong}"
            );
        }
        assert!(attributes.set(Attribute::Sex, text("2")).is_err());
        assert!(attributes.set(Attribute::Name, text("A\u{7}B")).is_err());
        assert!(attributes.set(Attribute::Name, text(&"x".repeat(129))).is_err());
    }

    #[test]
    fn names_and_labels_are_unique() {
        for attribute in Attribute::ALL {
            assert_eq!(Attribute::from_name(attribute.name()), Some(*attribute));
            assert_eq!(Attribute::ALL.iter().filter(|other| other.label() == attribute.label()).count(), 1);
        }
        assert_eq!(Attribute::from_name("fullName"), Some(Attribute::Name));
        assert_eq!(Attribute::from_name("folder"), None);
    }

    #[test]
    fn personal_data_does_not_print() {
        let mut attributes = Attributes::default();
        attributes.set(Attribute::Name, AttributeValue::Text("CANARY".into())).unwrap();
        assert!(!format!("{attributes:?} {:?}", attributes.get(Attribute::Name)).contains("CANARY"));
    }
}
