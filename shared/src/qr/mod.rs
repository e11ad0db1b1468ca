//! QR symbols: drawing them and reading them.
