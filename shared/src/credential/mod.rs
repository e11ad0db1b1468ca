//! Credentials: bytes → [`UnverifiedCredential`] → [`Verified`], which only [`verify`] makes.

mod claims;
pub(crate) mod cose;
mod error;
#[cfg(feature = "issue")]
mod issue;
mod key_binding;
mod verify;
pub(crate) mod wire;

pub use claims::{
    Attribute, AttributeError, AttributeValue, Attributes, Claims, MAX_ATTRIBUTE, Purpose, PurposeError,
    StatusReference,
};
#[cfg(feature = "issue")]
pub use cose::ToBeSigned;
pub use error::{DecodeError, VerifyError};
#[cfg(feature = "issue")]
pub use issue::{IssueError, prepare, sign};
pub use key_binding::{CLOCK_LEEWAY, PROOF_LIFE, ProofId, ROTATION};
#[cfg(feature = "issue")]
pub use key_binding::{PresentError, present};
pub use verify::{Presentation, ReplayMemory, UnverifiedCredential, Verified, verify};
