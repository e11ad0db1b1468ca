//! Status lists (IETF Token Status List, CWT form): whether a credential still holds.
//!
//! ```cddl
//! token = #6.18([ << {1: -8, 4: bstr .size 8, 16: "application/statuslist+cwt"} >>, {}, << claims >>, bstr .size 64 ])
//! claims = { 2: uri, 4: exp, 6: iat, 65533: { "bits": 1 / 2 / 4 / 8, "lst": zlib }, ? 65534: ttl }
//! ```
//!
//! Every width of the draft is read, of any number of places up to [`LIST_SIZE`]; two bits of [`LIST_SIZE`] places
//! are written.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use serde::Serialize;

use super::issuers::IssuerKey;
use crate::cbor::{self, Value};
use crate::credential::cose::{HeaderRules, KEY_ID, Sign1, TYPE};
use crate::credential::{DecodeError, wire};
use crate::qr::payload;
use crate::time::Timestamp;
#[cfg(feature = "issue")]
use crate::{credential::ToBeSigned, key::KeyId};

/// The most places in one list, and how many there are in those that this crate writes (DESIGN §4).
pub const LIST_SIZE: u64 = 1 << 20;

/// How much later than the verifier's clock a list may have been signed, in seconds: as much as clocks differ
/// between the publisher's server and a kiosk before the kiosk's counts as tampered with.
const SIGNED_LEEWAY: i64 = super::freshness::FLOOR_LEEWAY;

const SUBJECT: i64 = 2;
pub(super) const EXPIRES: i64 = 4;
pub(super) const ISSUED_AT: i64 = 6;
const STATUS_LIST: i64 = 65533;
pub(super) const TIME_TO_LIVE: i64 = 65534;
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

impl Status {
    /// Returns what a value in a list means (Token Status List §7.1).
    fn from_value(value: u8) -> Self {
        match value {
            0 => Self::Valid,
            1 => Self::Invalid,
            2 => Self::Suspended,
            _ => Self::Unassigned,
        }
    }

    /// Returns the value that stands for it in a list; 3 for [`Status::Unassigned`], whatever was read.
    #[cfg(feature = "issue")]
    fn value(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Invalid => 1,
            Self::Suspended => 2,
            Self::Unassigned => 3,
        }
    }
}

/// The statuses of a list, one after another, least significant bits first (Token Status List §4.1).
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Places {
    width: u8,
    bytes: Vec<u8>,
}

impl Places {
    /// The width of the lists that this crate writes: valid, invalid, suspended.
    #[cfg(feature = "issue")]
    pub(super) const WIDTH: u8 = 2;

    /// Inflates a list, to at most what [`LIST_SIZE`] places take. An empty list is none.
    pub(super) fn inflate(width: u64, zlib: &[u8]) -> Option<Self> {
        let width = u8::try_from(width).ok().filter(|width| matches!(width, 1 | 2 | 4 | 8))?;
        let limit = usize::try_from(LIST_SIZE / 8 * u64::from(width)).ok()?;
        let bytes = payload::inflate(zlib, limit).filter(|bytes| !bytes.is_empty())?;
        Some(Self { width, bytes })
    }

    /// Takes bytes that are a list already.
    #[cfg(feature = "issue")]
    pub(super) fn of_width(width: u8, bytes: Vec<u8>) -> Self {
        Self { width, bytes }
    }

    pub(super) fn width(&self) -> u8 {
        self.width
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the value at a place, or `None` outside the list.
    pub(super) fn get(&self, index: u64) -> Option<u8> {
        let (byte, shift) = self.position(index)?;
        Some((self.bytes.get(byte)? >> shift) & self.mask())
    }

    /// Sets the value at a place; returns `false` outside the list, and for values that its width cannot hold.
    #[must_use]
    pub(super) fn set(&mut self, index: u64, value: u8) -> bool {
        let mask = self.mask();
        let Some((byte, shift)) = self.position(index).filter(|_| value <= mask) else { return false };
        let Some(byte) = self.bytes.get_mut(byte) else { return false };
        *byte = (*byte & !(mask << shift)) | (value << shift);
        true
    }

    /// Returns every place whose value is not the other list's, with the value here; `None` unless both have the same
    /// width and size.
    #[cfg(feature = "issue")]
    pub(super) fn differences(&self, other: &Self) -> Option<Vec<(u64, u8)>> {
        let each = u64::from(8 / self.width);
        (self.width == other.width && self.bytes.len() == other.bytes.len()).then_some(())?;
        let unequal =
            (0..).zip(self.bytes.iter().zip(&other.bytes)).filter(|(_, (here, there))| here != there);
        let places = unequal.flat_map(|(byte, _): (u64, _)| byte * each..(byte + 1) * each);
        let changed = places.filter(|index| self.get(*index) != other.get(*index));
        Some(changed.filter_map(|index| Some((index, self.get(index)?))).collect())
    }

    fn mask(&self) -> u8 {
        u8::MAX >> (8 - self.width)
    }

    /// The byte that a place is in, and how far to the left in that byte.
    fn position(&self, index: u64) -> Option<(usize, u64)> {
        let bit = index.checked_mul(u64::from(self.width))?;
        Some((usize::try_from(bit / 8).ok()?, bit % 8))
    }
}

/// A status list that its issuer vouches for.
#[derive(Clone, PartialEq, Eq)]
pub struct StatusList {
    pub(super) uri: String,
    pub(super) life: Life,
    pub(super) places: Places,
}

/// From when to when a list is an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    pub(super) issued: Timestamp,
    pub(super) expires: Timestamp,
    /// When a newer one should have come; the draft's `ttl` counts from when it was fetched, ours from when it was
    /// signed, since a list may have travelled for days before a kiosk sees it.
    pub(super) due: Timestamp,
}

/// What a list is worth at a given time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ListState {
    /// An answer.
    Current,
    /// Still an answer, and older than its time to live: a newer one should be there.
    Due,
    /// No answer any more: `exp` has passed.
    Expired,
    /// No answer: it was signed in what is the future for this clock.
    NotYetValid,
}

impl Life {
    /// Reads `iat`, `exp` and `ttl`.
    pub(super) fn read(claims: &Value<'_>) -> Result<Self, DecodeError> {
        let (issued, expires) = (wire::time(claims, ISSUED_AT)?, wire::time(claims, EXPIRES)?);
        let malformed = DecodeError::Claim { label: TIME_TO_LIVE };
        let due = match claims.get(TIME_TO_LIVE) {
            // "A positive number" of seconds (Token Status List §5.2).
            Some(ttl) => issued.plus(ttl.as_int().filter(|ttl| *ttl > 0).ok_or(malformed)?),
            None => expires,
        };
        Ok(Self { issued, expires, due })
    }

    fn state_at(self, now: Timestamp) -> ListState {
        if now >= self.expires {
            ListState::Expired
        } else if now.plus(SIGNED_LEEWAY) < self.issued {
            ListState::NotYetValid
        } else if now >= self.due {
            ListState::Due
        } else {
            ListState::Current
        }
    }
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
    /// The key that signed it was not in use at its `iat`.
    #[error("the status list was signed at a time when its key was not valid")]
    KeyNotValid,
    /// More places than this format allows, none at all, another width than the draft knows, or a damaged zlib stream.
    #[error("the status list is not 1 to {LIST_SIZE} statuses of 1, 2, 4 or 8 bits")]
    Bits,
    /// With this list, those of the repository would take more memory than they may.
    #[error("the status lists of the repository take more than 512 MiB")]
    Room,
    /// Another list of the same issuer has this URI.
    #[error("the issuer has another status list of the same URI")]
    Repeated,
}

impl StatusList {
    /// Verifies a token with the keys of its issuer, one of which must have signed it while it was valid.
    ///
    /// Whether the list is an answer yet, or still, is for [`StatusList::state_at`] to say.
    ///
    /// # Errors
    /// See [`StatusListError`]. Nothing is inflated before the signature is verified, nor beyond [`LIST_SIZE`] places.
    pub fn verify<'k>(
        token: &[u8],
        keys: impl IntoIterator<Item = &'k IssuerKey>,
    ) -> Result<Self, StatusListError> {
        Self::read(token, keys).map(|(list, _)| list)
    }

    /// [`StatusList::verify`], and the compressed list as the token carries it.
    pub(super) fn read<'a, 'k>(
        token: &'a [u8],
        keys: impl IntoIterator<Item = &'k IssuerKey>,
    ) -> Result<(Self, &'a [u8]), StatusListError> {
        let item = cbor::decode(token).map_err(DecodeError::Cbor)?;
        let (claims, life) = signed_claims(&item, &MEDIA_TYPE, keys)?;
        let uri =
            claims.get(SUBJECT).and_then(Value::as_text).ok_or(DecodeError::Claim { label: SUBJECT })?;
        let (width, zlib) = list_of(&claims)?;
        let places = Places::inflate(width, zlib).ok_or(StatusListError::Bits)?;
        Ok((Self { uri: uri.to_owned(), life, places }, zlib))
    }

    /// Returns the list's URI, equal to the `sub` of its token.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// Returns when the list was signed.
    pub fn issued(&self) -> Timestamp {
        self.life.issued
    }

    /// Returns when the list stops being an answer.
    pub fn expires(&self) -> Timestamp {
        self.life.expires
    }

    /// Returns when a newer list should have come.
    pub fn due(&self) -> Timestamp {
        self.life.due
    }

    /// Tells what the list is worth at `now`.
    pub fn state_at(&self, now: Timestamp) -> ListState {
        self.life.state_at(now)
    }

    /// Returns the status at an index, or `None` outside the list.
    pub fn status(&self, index: u64) -> Option<Status> {
        self.places.get(index).map(Status::from_value)
    }
}

/// Verifies the signature of a token of this type, and reads its claims and how long they hold.
pub(super) fn signed_claims<'a, 'k>(
    token: &Value<'a>,
    media_type: &Value<'_>,
    keys: impl IntoIterator<Item = &'k IssuerKey>,
) -> Result<(Value<'a>, Life), StatusListError> {
    let sign1 = Sign1::from_value(token, HeaderRules::exactly(&[KEY_ID, TYPE]))?;
    sign1.expect_type(media_type)?;
    let id = sign1.key_id().ok_or(DecodeError::Header { label: KEY_ID })?;
    let key = keys.into_iter().find(|key| key.is_named(id) && sign1.verifies(&key.public));
    let key = key.ok_or(StatusListError::Signature)?;
    let claims = cbor::decode(sign1.payload()).map_err(DecodeError::Cbor)?;
    let life = Life::read(&claims)?;
    if key.valid_at(life.issued) { Ok((claims, life)) } else { Err(StatusListError::KeyNotValid) }
}

/// The width and the compressed places in the claims of a status list.
fn list_of<'a>(claims: &Value<'a>) -> Result<(u64, &'a [u8]), StatusListError> {
    let malformed = DecodeError::Claim { label: STATUS_LIST };
    let list = claims.get(STATUS_LIST).ok_or(malformed)?;
    let zlib = wire::text_keyed(list, "lst").and_then(Value::as_bytes).ok_or(malformed)?;
    match wire::text_keyed(list, "bits") {
        Some(Value::Unsigned(width)) => Ok((*width, zlib)),
        Some(_) => Err(StatusListError::Bits),
        None => Err(malformed.into()),
    }
}

impl std::fmt::Debug for StatusList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatusList").field("uri", &self.uri).field("life", &self.life).finish_non_exhaustive()
    }
}

/// The statuses of a list as an issuer fills it.
#[cfg(feature = "issue")]
#[derive(Clone, PartialEq, Eq)]
pub struct StatusListBuilder {
    pub(super) places: Places,
}

#[cfg(feature = "issue")]
impl Default for StatusListBuilder {
    fn default() -> Self {
        let bytes = LIST_SIZE / 8 * u64::from(Places::WIDTH);
        Self { places: Places::of_width(Places::WIDTH, vec![0; usize::try_from(bytes).unwrap_or(0)]) }
    }
}

#[cfg(feature = "issue")]
impl StatusListBuilder {
    /// Sets the status at an index; returns `false` outside the list.
    #[must_use]
    pub fn set(&mut self, index: u64, status: Status) -> bool {
        self.places.set(index, status.value())
    }

    /// Prepares the token of the list.
    pub fn prepare(&self, uri: &str, issued: Timestamp, expires: Timestamp, issuer_key: KeyId) -> ToBeSigned {
        prepare(uri, &self.places, &self.deflate(), (issued, expires), issuer_key)
    }

    /// Compresses the places with zlib, as the token carries them.
    pub fn deflate(&self) -> Vec<u8> {
        // Level 10 makes sparse lists 2 % smaller than zlib's 9, in half as much time again: 30 ms for one.
        miniz_oxide::deflate::compress_to_vec_zlib(self.places.bytes(), 10)
    }
}

/// Prepares the token of a list whose places are compressed already; it holds from the first time to the second.
#[cfg(feature = "issue")]
pub(super) fn prepare(
    uri: &str,
    places: &Places,
    zlib: &[u8],
    (issued, expires): (Timestamp, Timestamp),
    issuer_key: KeyId,
) -> ToBeSigned {
    let bits = Value::Unsigned(places.width().into());
    let list = vec![(Value::Text("bits"), bits), (Value::Text("lst"), Value::Bytes(zlib))];
    let mut claims = life_claims(issued, expires);
    claims.push((Value::from(SUBJECT), Value::Text(uri)));
    claims.push((Value::from(STATUS_LIST), Value::Map(list)));
    to_be_signed(MEDIA_TYPE, claims, issuer_key)
}

/// The claims that say how long a token holds.
#[cfg(feature = "issue")]
pub(super) fn life_claims<'a>(issued: Timestamp, expires: Timestamp) -> Vec<(Value<'a>, Value<'a>)> {
    vec![
        (Value::from(EXPIRES), Value::from(expires.as_unix())),
        (Value::from(ISSUED_AT), Value::from(issued.as_unix())),
        (Value::from(TIME_TO_LIVE), Value::from(super::freshness::FRESH_FOR)),
    ]
}

#[cfg(feature = "issue")]
pub(super) fn to_be_signed(
    media_type: Value<'static>,
    claims: Vec<(Value<'_>, Value<'_>)>,
    issuer_key: KeyId,
) -> ToBeSigned {
    let headers = vec![(KEY_ID, Value::Bytes(&issuer_key.0)), (TYPE, media_type)];
    ToBeSigned::new(headers, Value::Map(claims).encode())
}

#[cfg(test)]
#[cfg(feature = "issue")]
mod tests {
    use super::*;
    use crate::key::{Signer, SoftwareKey};
    use crate::trust::FRESH_FOR;

    fn time() -> Timestamp {
        Timestamp::from_unix(1_700_000_000).unwrap()
    }

    fn issuer_key() -> (SoftwareKey, IssuerKey) {
        let key = SoftwareKey::from_seed(&[3; 32]);
        let public = key.public_key();
        (key, IssuerKey::new(public, time()))
    }

    fn token(builder: &StatusListBuilder) -> Vec<u8> {
        let (key, _) = issuer_key();
        let token = builder.prepare(
            "https://example.test/0",
            time(),
            time().plus(30 * 86_400),
            key.public_key().id(),
        );
        token.sign(&key).unwrap()
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
        let list = StatusList::verify(&token(&builder), [&issuer_key().1]).unwrap();
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
        assert_eq!(&builder.places.bytes[..2], &[0xc9, 0x44]);
    }

    #[test]
    fn every_width_keeps_its_values_apart() {
        for width in [1, 2, 4, 8] {
            let mut places = Places::of_width(width, vec![0; 16]);
            let count = 128 / u64::from(width);
            let most = u8::MAX >> (8 - width);
            for index in (0..count).step_by(3) {
                assert!(places.set(index, most));
            }
            assert!(width == 8 || !places.set(0, most + 1), "{width} bits do not hold {most} + 1");
            assert!(!places.set(count, 0) && places.get(count).is_none());
            for index in 0..count {
                assert_eq!(
                    places.get(index),
                    Some(if index % 3 == 0 { most } else { 0 }),
                    "{width}, {index}"
                );
            }
        }
    }

    #[test]
    fn a_list_is_inflated_to_as_many_places_as_its_width_allows() {
        let zlib = |bytes: usize| miniz_oxide::deflate::compress_to_vec_zlib(&vec![0; bytes], 9);
        for (width, most) in [(1, 1 << 17), (2, 1 << 18), (4, 1 << 19), (8, 1 << 20)] {
            assert_eq!(Places::inflate(width, &zlib(most)).unwrap().bytes.len(), most);
            assert!(Places::inflate(width, &zlib(most + 1)).is_none());
            assert_eq!(Places::inflate(width, &zlib(3)).unwrap().bytes.len(), 3, "a short list is one");
            assert!(Places::inflate(width, &zlib(0)).is_none(), "an empty one is not");
        }
        for width in [0, 3, 5, 16, u64::MAX] {
            assert!(Places::inflate(width, &zlib(3)).is_none(), "{width}");
        }
    }

    #[test]
    fn a_list_is_due_before_it_expires() {
        let list = StatusList::verify(&token(&StatusListBuilder::default()), [&issuer_key().1]).unwrap();
        let state = |seconds| list.state_at(time().plus(seconds));
        assert_eq!(state(-121), ListState::NotYetValid);
        assert_eq!(state(-120), ListState::Current);
        assert_eq!(state(FRESH_FOR - 1), ListState::Current);
        assert_eq!(state(FRESH_FOR), ListState::Due);
        assert_eq!(state(30 * 86_400 - 1), ListState::Due);
        assert_eq!(state(30 * 86_400), ListState::Expired);
    }

    #[test]
    fn a_key_signs_lists_while_it_is_valid() {
        let token = token(&StatusListBuilder::default());
        let (_, key) = issuer_key();
        let verify = |not_before: i64, not_after: Option<i64>| {
            let not_after = not_after.map(|seconds| time().plus(seconds));
            let key = IssuerKey { not_before: time().plus(not_before), not_after, ..key.clone() };
            StatusList::verify(&token, [&key]).map(|_| ())
        };
        assert_eq!(verify(0, Some(1)), Ok(()));
        assert_eq!(verify(1, None), Err(StatusListError::KeyNotValid));
        assert_eq!(verify(0, Some(0)), Err(StatusListError::KeyNotValid));
    }

    #[test]
    fn tampered_and_foreign_tokens_are_refused() {
        let token = token(&StatusListBuilder::default());
        assert_eq!(StatusList::verify(&token, []), Err(StatusListError::Signature));
        for position in 0..token.len() {
            let mut tampered = token.clone();
            tampered[position] ^= 1;
            assert!(StatusList::verify(&tampered, [&issuer_key().1]).is_err(), "byte {position}");
        }
    }
}
