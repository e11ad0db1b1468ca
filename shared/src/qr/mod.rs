//! QR symbols: drawing them and reading them.

pub mod payload;
