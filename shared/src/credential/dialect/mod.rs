//! Credentials that are not written as `docs/format.md` says, and are still understood: one file per dialect.
//!
//! They are read only from compressed codes, and accepted only where the purpose's policy names the dialect. What is
//! signed, by whom, until when and whether it was revoked is checked as for our own.

mod claim_169;
mod inji;

pub(super) use claim_169::decode_claims;
pub(super) use inji::unwrap_hexadecimal;
