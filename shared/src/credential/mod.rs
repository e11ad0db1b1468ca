//! Credentials: bytes → [`UnverifiedCredential`] → [`Verified`], which only [`verify`] makes.

mod challenge;
mod claims;
pub(crate) mod cose;
mod dialect;
mod disclosure;
mod error;
#[cfg(feature = "issue")]
mod issue;
mod key_binding;
mod verify;
pub(crate) mod wire;

pub use challenge::{CHALLENGE_LIFE, Challenge, NONCE_BYTES};
pub use claims::{
    Attribute, AttributeError, AttributeValue, Attributes, Claims, MAX_ATTRIBUTE, Purpose, PurposeError,
    StatusReference,
};
pub use cose::Sign1;
#[cfg(feature = "issue")]
pub use cose::ToBeSigned;
pub use disclosure::reveal;
pub use error::{DecodeError, VerifyError};
#[cfg(feature = "issue")]
pub use issue::{
    Group, HiddenSecret, IssueError, disclose_only, disclose_to_machine, prepare, prepare_with_groups,
    prepare_with_secret, sign,
};
pub use key_binding::{CLOCK_LEEWAY, PROOF_LIFE, ProofId};
#[cfg(feature = "issue")]
pub use key_binding::{PresentError, Statement, countersign, present, present_encrypted, present_statement};
pub use verify::{Checkpoint, Presentation, ReplayMemory, Sight, UnverifiedCredential, Verified, verify};
