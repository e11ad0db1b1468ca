//! Status lists (IETF Token Status List, CWT form): whether a credential still holds.
//!
//! ```cddl
//! token = #6.18([ << {1: -8, 4: bstr .size 8, 16: "application/statuslist+cwt"} >>, {}, << claims >>, bstr .size 64 ])
//! claims = { 2: uri, 4: exp, 6: iat, 65533: { "bits": 2, "lst": zlib }, 65534: ttl }
//! ```
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use crate::cbor::{self, Value};
use crate::credential::cose::{HeaderRules, KEY_ID, Sign1, TYPE};
use crate::credential::{DecodeError, wire};
use crate::key::{KeyId, VerificationKey};
use crate::qr::payload;
use crate::time::Timestamp;

/// Credentials in one list (DESIGN §4).
pub const LIST_SIZE: u64 = 1 << 20;

/// Bits of one status in the lists that this crate writes: valid, invalid, suspended.
const BITS: u64 = 2;

/// Statuses in a byte, with [`BITS`] each.
const PER_BYTE: u64 = 8 / BITS;

/// Bytes of a whole list.
const LIST_BYTES: usize = (LIST_SIZE / PER_BYTE) as usize;

const SUBJECT: i64 = 2;
const EXPIRES: i64 = 4;
const ISSUED_AT: i64 = 6;
const STATUS_LIST: i64 = 65533;
#[cfg(feature = "issue")]
const TIME_TO_LIVE: i64 = 65534;
const MEDIA_TYPE: Value<'static> = Value::Text("application/statuslist+cwt");

/// The status of one credential (Token Status List §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// 0.
    Valid,
    /// 1: revoked, for good.
    Invalid,
    /// 2: revoked for now.
    Suspended,
    /// 3: the draft leaves its meaning to the application; we give it none.
    Unassigned,
}

/// A status list whose token was verified.
#[derive(Clone, PartialEq, Eq)]
pub struct StatusList {
    uri: String,
    expires: Timestamp,
    bits: Vec<u8>,
}

/// Why a token is not a status list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatusListError {
    /// The token's structure.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// No key of the issuer verifies it.
    #[error("the status list is not signed by a key of its issuer")]
    Signature,
    /// Another size or number of bits than this format uses, or a damaged zlib stream.
    #[error("the status list is not {LIST_SIZE} statuses of {BITS} bits")]
    Bits,
}

impl StatusList {
    /// Verifies a token with the keys that `keys` finds for its key identifier.
    ///
    /// # Errors
    /// See [`StatusListError`]. Nothing is inflated before the signature is verified, nor beyond the list's size.
    pub fn verify(
        token: &[u8],
        mut keys: impl FnMut(KeyId) -> Option<VerificationKey>,
    ) -> Result<Self, StatusListError> {
        let item = cbor::decode(token).map_err(DecodeError::Cbor)?;
        let sign1 = Sign1::from_value(&item, HeaderRules::exactly(&[KEY_ID, TYPE]))?;
        sign1.expect_type(&MEDIA_TYPE)?;
        let key_id = sign1.key_id().and_then(|id| id.try_into().ok()).map(KeyId);
        let key_id = key_id.ok_or(DecodeError::Header { label: KEY_ID })?;
        if !keys(key_id).is_some_and(|key| sign1.verifies(&key)) {
            return Err(StatusListError::Signature);
        }
        let claims = cbor::decode(sign1.payload()).map_err(DecodeError::Cbor)?;
        let uri =
            claims.get(SUBJECT).and_then(Value::as_text).ok_or(DecodeError::Claim { label: SUBJECT })?;
        wire::time(&claims, ISSUED_AT)?;
        let expires = wire::time(&claims, EXPIRES)?;
        let list = claims.get(STATUS_LIST).ok_or(DecodeError::Claim { label: STATUS_LIST })?;
        let field = |name| wire::text_keyed(list, name);
        let lst = field("lst").and_then(Value::as_bytes).ok_or(DecodeError::Claim { label: STATUS_LIST })?;
        let bits = (field("bits") == Some(&Value::Unsigned(BITS)))
            .then(|| payload::inflate(lst, LIST_BYTES))
            .flatten()
            .filter(|bits| bits.len() == LIST_BYTES)
            .ok_or(StatusListError::Bits)?;
        Ok(Self { uri: uri.to_owned(), expires, bits })
    }

    /// Returns the list's URI, equal to the `sub` of its token.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Returns when the list stops being an answer.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Returns the status at an index, or `None` outside the list.
    pub fn status(&self, index: u64) -> Option<Status> {
        let byte = self.bits.get(usize::try_from(index / PER_BYTE).ok()?)?;
        Some(match (byte >> (index % PER_BYTE * BITS)) & 3 {
            0 => Status::Valid,
            1 => Status::Invalid,
            2 => Status::Suspended,
            _ => Status::Unassigned,
        })
    }
}

impl std::fmt::Debug for StatusList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatusList")
            .field("uri", &self.uri)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// The statuses of a list as an issuer fills it.
#[cfg(feature = "issue")]
pub struct StatusListBuilder {
    bits: Vec<u8>,
}

#[cfg(feature = "issue")]
impl Default for StatusListBuilder {
    fn default() -> Self {
        Self { bits: vec![0; LIST_BYTES] }
    }
}

#[cfg(feature = "issue")]
impl StatusListBuilder {
    /// Sets the status at an index; returns `false` outside the list.
    #[must_use]
    pub fn set(&mut self, index: u64, status: Status) -> bool {
        let position = usize::try_from(index / PER_BYTE).unwrap_or(usize::MAX);
        let Some(byte) = self.bits.get_mut(position) else { return false };
        let shift = index % PER_BYTE * BITS;
        let code = match status {
            Status::Valid => 0,
            Status::Invalid => 1,
            Status::Suspended => 2,
            Status::Unassigned => 3,
        };
        *byte = (*byte & !(3 << shift)) | (code << shift);
        true
    }

    /// Prepares the token of the list.
    pub fn prepare(
        &self,
        uri: &str,
        issued: Timestamp,
        expires: Timestamp,
        issuer_key: KeyId,
    ) -> crate::credential::ToBeSigned {
        let lst = payload::deflate(&self.bits);
        let list =
            vec![(Value::Text("bits"), Value::Unsigned(BITS)), (Value::Text("lst"), Value::Bytes(&lst))];
        let claims = Value::Map(vec![
            (Value::from(SUBJECT), Value::Text(uri)),
            (Value::from(EXPIRES), Value::from(expires.as_unix())),
            (Value::from(ISSUED_AT), Value::from(issued.as_unix())),
            (Value::from(STATUS_LIST), Value::Map(list)),
            (Value::from(TIME_TO_LIVE), Value::from(super::freshness::FRESH_FOR)),
        ]);
        let headers = vec![(KEY_ID, Value::Bytes(&issuer_key.0)), (TYPE, MEDIA_TYPE)];
        crate::credential::ToBeSigned::new(headers, claims.encode())
    }
}

#[cfg(test)]
#[cfg(feature = "issue")]
mod tests {
    use super::*;
    use crate::key::{Signer, SoftwareKey};

    fn token(builder: &StatusListBuilder) -> (Vec<u8>, VerificationKey) {
        let key = SoftwareKey::from_seed(&[3; 32]);
        let time = Timestamp::from_unix(1_700_000_000).unwrap();
        let token = builder.prepare("https://example.test/0", time, time.plus(86_400), key.public_key().id());
        (token.sign(&key).unwrap(), key.public_key().into())
    }

    #[test]
    fn statuses_come_back_and_outside_is_no_answer() {
        let mut builder = StatusListBuilder::default();
        assert!(
            builder.set(0, Status::Invalid)
                && builder.set(1, Status::Suspended)
                && builder.set(LIST_SIZE - 1, Status::Invalid)
        );
        assert!(!builder.set(LIST_SIZE, Status::Invalid));
        let (token, key) = token(&builder);
        let list = StatusList::verify(&token, |id| (id == key.id()).then_some(key)).unwrap();
        assert_eq!(
            [0, 1, 2, LIST_SIZE - 1].map(|index| list.status(index).unwrap()),
            [Status::Invalid, Status::Suspended, Status::Valid, Status::Invalid]
        );
        assert_eq!(list.status(LIST_SIZE), None);
        assert_eq!(list.status(u64::MAX), None);
        assert_eq!(list.uri(), "https://example.test/0");
    }

    /// The packing of the draft's example: statuses 1,2,0,3 0,1,0,1 are the bytes c9 44.
    #[test]
    fn packing_is_the_drafts() {
        let mut builder = StatusListBuilder::default();
        for (index, status) in [
            Status::Invalid,
            Status::Suspended,
            Status::Valid,
            Status::Unassigned,
            Status::Valid,
            Status::Invalid,
            Status::Valid,
            Status::Invalid,
        ]
        .into_iter()
        .enumerate()
        {
            assert!(builder.set(index as u64, status));
        }
        assert_eq!(&builder.bits[..2], &[0xc9, 0x44]);
    }

    #[test]
    fn tampered_and_foreign_tokens_are_refused() {
        let (token, key) = token(&StatusListBuilder::default());
        assert_eq!(StatusList::verify(&token, |_| None), Err(StatusListError::Signature));
        for position in 0..token.len() {
            let mut tampered = token.clone();
            tampered[position] ^= 1;
            assert!(
                StatusList::verify(&tampered, |id| (id == key.id()).then_some(key)).is_err(),
                "byte {position}"
            );
        }
    }
}
