//! Making a credential.

use super::claims::{Attributes, Claims};
use super::cose::{KEY_ID, SD_CLAIMS, TYPE, ToBeSigned};
use super::error::DecodeError;
use super::{UnverifiedCredential, disclosure, wire};
use crate::cbor::{self, Value};
use crate::key::{KeyId, PublicKey, VerificationKey};
use crate::pairwise::PairwiseSecret;

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
    /// There are labels for eight groups.
    #[error("a credential has at most eight groups of attributes that can be kept back")]
    Groups,
    /// Paper proves nothing, and who copies it would be taken for the resident.
    #[error("the secret of pairwise identifiers goes to a holder's key only")]
    SecretOnPaper,
}

/// Attributes that the holder may keep back together.
pub struct Group {
    /// The attributes; none of them is outside the group.
    pub attributes: Attributes,
    /// Drawn anew for every group of every credential, or the hash would tell what is hidden.
    pub salt: [u8; 16],
}

/// Prepares the bytes to be signed, after checking them with the verifier's own reader.
///
/// # Errors
/// Claims that a verifier would refuse.
pub fn prepare(claims: &Claims, issuer_key: KeyId) -> Result<ToBeSigned, IssueError> {
    prepare_with_groups(claims, &[], issuer_key)
}

/// The secret that pairwise identifiers are derived from, which only encrypted codes show.
pub struct HiddenSecret {
    /// The same in all credentials of the subject.
    pub secret: PairwiseSecret,
    /// Drawn anew for every credential.
    pub salt: [u8; 16],
}

/// As [`prepare`], with groups of attributes that the holder may keep back (SD-CWT draft).
///
/// The credential comes with all of them disclosed; [`disclose_only`] takes out what is not to be shown.
///
/// # Errors
/// Claims that a verifier would refuse, with everything disclosed or nothing, and more than eight groups.
pub fn prepare_with_groups(
    claims: &Claims,
    groups: &[Group],
    issuer_key: KeyId,
) -> Result<ToBeSigned, IssueError> {
    prepare_with_secret(claims, groups, None, issuer_key)
}

/// As [`prepare_with_groups`], with the secret of pairwise identifiers among what is redacted.
///
/// The credential comes with the secret disclosed, for the holder to keep: [`disclose_only`] takes it out,
/// [`disclose_to_machine`] leaves it in.
///
/// # Errors
/// As [`prepare_with_groups`], and a secret without a holder's key.
pub fn prepare_with_secret(
    claims: &Claims,
    groups: &[Group],
    secret: Option<&HiddenSecret>,
    issuer_key: KeyId,
) -> Result<ToBeSigned, IssueError> {
    if secret.is_some() && claims.holder_key.is_none() {
        return Err(IssueError::SecretOnPaper);
    }
    if claims.expires <= claims.not_before {
        return Err(IssueError::Lifetime);
    }
    if groups.len() > wire::GROUPS.count() {
        return Err(IssueError::Groups);
    }
    let redact = |(label, group): (i64, &Group)| {
        disclosure::redact(&group.salt, label, Value::Map(wire::attribute_entries(&group.attributes)))
    };
    let secret = secret.map(|HiddenSecret { secret, salt }| {
        disclosure::redact(salt, wire::PAIRWISE_SECRET, Value::Bytes(secret.for_credential()))
    });
    let (disclosures, hashes): (Vec<_>, Vec<_>) = wire::GROUPS.zip(groups).map(redact).chain(secret).unzip();
    let payload = wire::encode_claims(claims, &hashes);
    let headers = vec![(KEY_ID, Value::Bytes(&issuer_key.0)), (TYPE, wire::TYPE_CREDENTIAL)];
    for shown in [&disclosures[..], &[]] {
        let shown: Vec<_> = shown.iter().map(|salted| Value::Bytes(salted)).collect();
        let decoded = cbor::decode(&payload).map_err(DecodeError::Cbor)?;
        let revealed = disclosure::reveal(decoded, &shown)?;
        wire::decode_secret(&revealed)?;
        let read_back = wire::decode_claims(&revealed)?;
        if let Some(VerificationKey::Ed25519(key)) = read_back.holder_key {
            PublicKey::import(&key.to_bytes()).map_err(DecodeError::HolderKey)?;
        }
    }
    Ok(ToBeSigned::new(headers, payload).disclosing(disclosures))
}

/// Takes out of a credential the disclosures of all groups but those numbered, from 0, and that of the secret: what is
/// left may be shown to any camera.
///
/// # Errors
/// Bytes that are not a credential of ours.
pub fn disclose_only(credential: &[u8], groups: &[usize]) -> Result<Vec<u8>, DecodeError> {
    disclose(credential, groups, false)
}

/// As [`disclose_only`], and leaves the secret of pairwise identifiers in: only [`present_encrypted`] takes what is left.
///
/// [`present_encrypted`]: super::present_encrypted
///
/// # Errors
/// Bytes that are not a credential of ours.
pub fn disclose_to_machine(credential: &[u8], groups: &[usize]) -> Result<Vec<u8>, DecodeError> {
    disclose(credential, groups, true)
}

fn disclose(credential: &[u8], groups: &[usize], with_secret: bool) -> Result<Vec<u8>, DecodeError> {
    let decoded = UnverifiedCredential::decode(credential)?;
    let is_secret = |disclosure: &&Value<'_>| disclosure::is_of(disclosure, wire::PAIRWISE_SECRET);
    let (secrets, others): (Vec<_>, Vec<_>) = decoded.disclosures().iter().partition(is_secret);
    let numbered = others.into_iter().enumerate().filter(|(number, _)| groups.contains(number));
    let secrets = secrets.into_iter().filter(|_| with_secret);
    let kept: Vec<_> = numbered.map(|(_, disclosure)| disclosure).chain(secrets).cloned().collect();
    let unprotected = match kept.is_empty() {
        true => vec![],
        false => vec![(Value::from(SD_CLAIMS), Value::Array(kept))],
    };
    Ok(decoded.sign1().with_unprotected(unprotected))
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
