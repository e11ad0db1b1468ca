//! The Gatepass format: what an issuer signs, a holder presents and a verifier checks.
//!
//! This crate computes: bytes, pixels and a time go in, values or errors come out. It opens no files or
//! sockets, prints nothing and reads no clock or environment.
//!
//! | module | is about |
//! | --- | --- |
//! | [`credential`] | claims, the issuer's signature, the holder's proof, and [`credential::verify`]: the checks, in order |
//! | [`trust`] | what a verifier believes: a TUF repository of keys, policies and status lists |
//! | [`qr`] | the text in the symbol; symbols drawn and read |
//! | `face` | from a picture to a decision (feature `face`) |
//! | [`template`], [`portrait`] | the face as credentials carry it |
//! | [`seal`] | seals of other schemes, verified and shown: signature and expiry only |
//! | [`reason`] | why a visit ended as it did |
//! | [`encryption`] | messages that one machine alone can read |
//! | [`provisioning`] | what a new kiosk is told by its agency |
//! | [`pairwise`] | what one relying party knows a resident by, and nobody else |
//! | [`cbor`], [`key`], [`time`] | what the others stand on |
//!
//! What an issuer signs, a phone shows, and anybody can look at without believing it:
//!
#![cfg_attr(feature = "issue", doc = "```")]
#![cfg_attr(not(feature = "issue"), doc = "```ignore")]
//! use shared::credential::{
//!     Attribute, AttributeValue, Attributes, Claims, Presentation, Purpose, StatusReference, present, sign,
//! };
//! use shared::key::{Signer, SoftwareKey};
//! use shared::qr::{self, payload};
//! use shared::time::Timestamp;
//!
//! let (issuer, phone) = (SoftwareKey::from_seed(&[1; 32]), SoftwareKey::from_seed(&[2; 32]));
//! let now = Timestamp::parse("2026-11-20T09:00:00Z")?;
//! let mut attributes = Attributes::default();
//! attributes.set(Attribute::Name, AttributeValue::Text("SAMPLE, ALEX 01".into()))?;
//! let credential = sign(
//!     &Claims {
//!         issuer: "https://id.xa.example".into(),
//!         subject: "c3ViamVjdA".into(),
//!         purpose: Some(Purpose::parse("border")?),
//!         expires: now.plus(86_400),
//!         not_before: now,
//!         issued_at: now,
//!         holder_key: Some(phone.public_key().into()),
//!         status: Some(StatusReference { index: 7, uri: "https://id.xa.example/status/0".into() }),
//!         max_presentation_age: None,
//!         attributes,
//!         face: None,
//!         portrait: None,
//!     },
//!     &issuer,
//! )?;
//! let text = payload::encode(&payload::Payload::Signed(present(&credential, &phone, "border", now)?));
//! let symbol = qr::encode(&text)?;
//!
//! let frame = symbol.to_luma(std::num::NonZero::new(4).unwrap());
//! let seen = qr::read(&frame).symbols.remove(0).text;
//! let presentation = Presentation::decode(&seen)?;
//! assert!(presentation.credential()?.signed_by(&issuer.public_key().into()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod cbor;
pub mod credential;
pub mod encryption;
#[cfg(feature = "face")]
pub mod face;
pub mod journal;
pub mod key;
pub mod pairwise;
pub mod portrait;
pub mod provisioning;
pub mod qr;
pub mod reason;
pub mod seal;
pub mod template;
pub mod time;
pub mod trust;
