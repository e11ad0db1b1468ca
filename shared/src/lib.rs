//! The Gatepass format: what an issuer signs, a holder presents and a verifier checks.
//!
//! This crate computes: bytes, pixels and a time go in, values or errors come out. It opens no files or
//! sockets, prints nothing and reads no clock or environment.

#[cfg(feature = "face")]
pub mod face;
pub mod qr;
