//! Making a credential.

use super::claims::Claims;
use super::cose::{KEY_ID, TYPE, ToBeSigned};
use super::error::DecodeError;
use super::{UnverifiedCredential, wire};
use crate::cbor::Value;
use crate::key::{KeyId, PublicKey};

/// Why claims do not become a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// Our own reader would refuse the result.
    #[error("a verifier would refuse these claims: {0}")]
    Unreadable(#[from] DecodeError),
    /// It would end before it begins.
    #[error("the credential would expire before it becomes valid")]
    Lifetime,
}

/// Prepares the bytes to be signed, after checking them with the verifier's own reader.
///
/// # Errors
/// Claims that a verifier would refuse.
pub fn prepare(claims: &Claims, issuer_key: KeyId) -> Result<ToBeSigned, IssueError> {
    if claims.expires <= claims.not_before {
        return Err(IssueError::Lifetime);
    }
    let payload = wire::encode_claims(claims);
    let read_back = wire::decode_claims(&crate::cbor::decode(&payload).map_err(DecodeError::Cbor)?)?;
    if let Some(key) = read_back.holder_key {
        PublicKey::import(&key.to_bytes()).map_err(DecodeError::HolderKey)?;
    }
    let headers = vec![(KEY_ID, Value::Bytes(&issuer_key.0)), (TYPE, wire::TYPE_CREDENTIAL)];
    Ok(ToBeSigned::new(headers, payload))
}

/// Prepares and signs in one step, for tests and benchmarks; an issuer stores what it prepared first.
///
/// # Errors
/// As [`prepare`].
///
/// # Panics
/// If the signer fails, which a key in memory does not.
pub fn sign(claims: &Claims, signer: &crate::key::SoftwareKey) -> Result<Vec<u8>, IssueError> {
    use crate::key::Signer;
    let credential = prepare(claims, signer.public_key().id())?.sign(signer).expect("a key in memory signs");
    debug_assert!(UnverifiedCredential::decode(&credential).is_ok());
    Ok(credential)
}
