//! The Gatepass format: what an issuer signs, a holder presents and a verifier checks.
//!
//! This crate computes: bytes, pixels and a time go in, values or errors come out. It opens no files or
//! sockets, prints nothing and reads no clock or environment.

pub mod cbor;
pub mod credential;
#[cfg(feature = "face")]
pub mod face;
pub mod key;
pub mod qr;
pub mod reason;
pub mod template;
pub mod time;
pub mod trust;
