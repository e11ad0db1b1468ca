//! What changed in an agency's status lists since a verifier last looked, so that it need not fetch them whole.
//!
//! Beside its lists an agency publishes one signed token with the hash of each ([`HASHES`]), and for each of its last
//! few publications a file with what changed since. A verifier keeps the lists it has; it applies the changes and
//! believes the result if its hash is the signed one. Whatever does not fit is fetched whole, so neither the delta
//! nor what was kept has to be trusted. One file covers all lists: 96 deltas for each of 7 publications would
//! make the metadata that names them larger than what they save.
//!
//! ```cddl
//! hashes = #6.18([ << {1: -8, 4: bstr .size 8, 16: "application/gatepass-status-hashes+cwt"} >>, {}, << claims >>,
//!                  bstr .size 64 ])
//! claims = { 4: exp, 6: iat, 65534: ttl, -65537: { * name => [uri: tstr, bits: uint, sha-256: bstr .size 32] } }
//! delta = { * name => { * value: uint => [k: uint, count: uint, gaps: bstr] } }
//! ```
//!
//! `name` is the target's in the agency's folder, and what is hashed is the inflated list. `value` is what `count`
//! places now hold. Their indices ascend; each is written as the number of places between it and the one before
//! (the first: before it) in a Rice code: the number divided by 2^k as so many ones and a zero, then its k low bits.
//! Bits fill bytes from the least significant on, as in a list, and the last byte is padded with zeros.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::issuers::IssuerKey;
use super::status::{LIST_SIZE, Life, Places, StatusList, StatusListError, signed_claims};
#[cfg(feature = "issue")]
use super::status::{StatusListBuilder, life_claims, prepare, to_be_signed};
use super::update::{Files, TrustError};
use crate::cbor::{self, CborError, Value};
use crate::credential::DecodeError;
#[cfg(feature = "issue")]
use crate::{credential::ToBeSigned, key::KeyId, time::Timestamp};

/// The target with the hashes, in the agency's folder. It does not end in `.cwt`, as lists do.
pub const HASHES: &str = "status-hashes.cose";

/// The most bytes that all status lists of a repository take in memory, as they are and compressed: those of 1.4 thousand
/// million credentials take 350 MB.
pub(super) const ROOM: usize = 512 << 20;

const MEDIA_TYPE: Value<'static> = Value::Text("application/gatepass-status-hashes+cwt");

/// Below -65536 a claim's label is private (RFC 8392 §9.1).
const LISTS: i64 = -65537;

/// The most changes in one delta: more would be no smaller than the lists.
const MAX_CHANGES: u64 = LIST_SIZE;

/// What a verifier keeps of lists has names that start so, and end with the agency and the target.
pub(super) const KEPT: &str = "status/";
/// Which publication the kept lists are of: the distinguishing part of its deltas' names.
const KEPT_STATE: &str = "state";
/// How well lists are compressed to be kept: 1 ms each and 2.7 MB for a nation, where the level that is published
/// takes 30 ms and 1.5 MB.
const KEPT_LEVEL: u8 = 1;

/// The new value of one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// What the place holds now, of as many bits as the list has.
    pub value: u8,
    /// Which place.
    pub index: u64,
}

/// What changed in the lists of an agency between two publications.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusDelta {
    lists: BTreeMap<String, Vec<Change>>,
}

/// Why bytes are not a delta.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeltaError {
    /// The CBOR encoding.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// Another structure than a delta's, or gaps that do not end where they should.
    #[error("the delta of the status lists is malformed")]
    Malformed,
    /// More changes than are worth a delta.
    #[error("the delta has more than {MAX_CHANGES} changes")]
    TooLong,
}

impl StatusDelta {
    /// Reads a delta.
    ///
    /// # Errors
    /// See [`DeltaError`]. Work and memory are bounded by the number of bits, and by [`LIST_SIZE`] changes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DeltaError> {
        let item = cbor::decode(bytes)?;
        let mut left = MAX_CHANGES;
        let mut lists = BTreeMap::new();
        for (name, groups) in item.as_map().ok_or(DeltaError::Malformed)? {
            let name = name.as_text().ok_or(DeltaError::Malformed)?;
            let mut changes = Vec::new();
            for (value, group) in groups.as_map().ok_or(DeltaError::Malformed)? {
                let Some([Value::Unsigned(k), Value::Unsigned(count), Value::Bytes(gaps)]) = group.as_array()
                else {
                    return Err(DeltaError::Malformed);
                };
                let value = value.as_int().and_then(|value| u8::try_from(value).ok());
                let value = value.ok_or(DeltaError::Malformed)?;
                left = left.checked_sub(*count).ok_or(DeltaError::TooLong)?;
                let indices = decode_gaps(*k, *count, gaps).ok_or(DeltaError::Malformed)?;
                changes.extend(indices.into_iter().map(|index| Change { value, index }));
            }
            lists.insert(name.to_owned(), changes);
        }
        Ok(Self { lists })
    }

    /// Returns the changes of a list, by value and index.
    pub fn changes(&self, name: &str) -> &[Change] {
        self.lists.get(name).map_or(&[], Vec::as_slice)
    }

    /// Changes a list; returns `false`, with some changes made, if one of them is outside.
    fn apply(&self, name: &str, places: &mut Places) -> bool {
        self.changes(name).iter().all(|change| places.set(change.index, change.value))
    }

    /// Compares what was published, as compressed lists by name, with what will be.
    ///
    /// A list that was not there, or cannot be read, is left out: a verifier fetches it whole.
    #[cfg(feature = "issue")]
    pub fn between(old: &Files, new: &[PublishedList]) -> Self {
        let changes = |list: &PublishedList| {
            let new = &list.statuses.places;
            let old = Places::inflate(new.width().into(), old.get(&list.name)?)?;
            let changes = new.differences(&old)?;
            let mut changes: Vec<Change> =
                changes.into_iter().map(|(index, value)| Change { value, index }).collect();
            changes.sort_unstable();
            (!changes.is_empty()).then(|| (list.name.clone(), changes))
        };
        Self { lists: new.iter().filter_map(changes).collect() }
    }

    /// Writes the delta.
    #[cfg(feature = "issue")]
    pub fn encode(&self) -> Vec<u8> {
        let groups = |changes: &[Change]| -> Vec<Group> {
            changes.chunk_by(|a, b| a.value == b.value).filter_map(Group::new).collect()
        };
        let lists: Vec<(&str, Vec<Group>)> =
            self.lists.iter().map(|(name, changes)| (name.as_str(), groups(changes))).collect();
        let map = lists.iter().map(|(name, groups)| {
            (Value::Text(name), Value::Map(groups.iter().map(Group::as_entry).collect()))
        });
        Value::Map(map.collect()).encode()
    }
}

/// Places of one list that now hold the same value.
#[cfg(feature = "issue")]
struct Group {
    value: u8,
    k: u8,
    count: u64,
    gaps: Vec<u8>,
}

#[cfg(feature = "issue")]
impl Group {
    /// Takes changes of one value, in the order of their indices.
    fn new(changes: &[Change]) -> Option<Self> {
        let (first, last) = (changes.first()?, changes.last()?);
        let count = changes.len() as u64;
        // The best k for gaps of a geometric distribution is near log2(mean * ln 2).
        let k = ((last.index + 1) * 69 / (count * 100)).max(1).ilog2();
        let indices = changes.iter().map(|change| change.index);
        Some(Self { value: first.value, k: u8::try_from(k).ok()?, count, gaps: encode_gaps(k, indices) })
    }

    fn as_entry(&self) -> (Value<'_>, Value<'_>) {
        let (k, count) = (Value::Unsigned(self.k.into()), Value::Unsigned(self.count));
        (Value::Unsigned(self.value.into()), Value::Array(vec![k, count, Value::Bytes(&self.gaps)]))
    }
}

#[cfg(feature = "issue")]
fn encode_gaps(k: u32, indices: impl Iterator<Item = u64>) -> Vec<u8> {
    let (mut bytes, mut length, mut next) = (Vec::new(), 0_u32, 0);
    let mut push = |bit: bool| {
        if length.is_multiple_of(8) {
            bytes.push(0);
        }
        if let Some(last) = bytes.last_mut() {
            *last |= u8::from(bit) << (length % 8);
        }
        length += 1;
    };
    for index in indices {
        let gap = index - next;
        (0..gap >> k).for_each(|_| push(true));
        push(false);
        (0..k).for_each(|shift| push(gap >> shift & 1 == 1));
        next = index + 1;
    }
    bytes
}

/// Returns ascending indices below [`LIST_SIZE`], or `None` if the bits are not those of `count` gaps.
fn decode_gaps(k: u64, count: u64, bytes: &[u8]) -> Option<Vec<u64>> {
    let k = u32::try_from(k).ok().filter(|k| *k <= LIST_SIZE.trailing_zeros())?;
    let mut bits = bytes.iter().flat_map(|byte| (0..8).map(move |shift| u64::from(byte >> shift & 1)));
    // Every gap takes a bit at least.
    let possible = usize::try_from(count).ok().filter(|count| *count <= bytes.len().saturating_mul(8))?;
    let (mut indices, mut next, mut length) = (Vec::with_capacity(possible), 0_u64, 0);
    for _ in 0..count {
        let mut gap = 0_u64;
        while bits.next()? == 1 {
            gap += 1 << k;
            length += 1;
        }
        for shift in 0..k {
            gap += bits.next()? << shift;
        }
        length += 1 + u64::from(k);
        let index = next.checked_add(gap).filter(|index| *index < LIST_SIZE)?;
        indices.push(index);
        next = index + 1;
    }
    // Nothing but the padding of the last byte may follow.
    let whole = length.div_ceil(8) == bytes.len() as u64;
    (whole && bits.all(|bit| bit == 0)).then_some(indices)
}

/// The hashes of an agency's lists, as its issuer signed them.
struct Hashes {
    life: Life,
    lists: BTreeMap<String, Vouched>,
}

/// What the issuer says about one list.
struct Vouched {
    uri: String,
    width: u64,
    sha256: [u8; 32],
}

impl Hashes {
    fn verify<'k>(
        token: &[u8],
        keys: impl IntoIterator<Item = &'k IssuerKey>,
    ) -> Result<Self, StatusListError> {
        let item = cbor::decode(token).map_err(DecodeError::Cbor)?;
        let (claims, life) = signed_claims(&item, &MEDIA_TYPE, keys)?;
        let malformed = StatusListError::Decode(DecodeError::Claim { label: LISTS });
        let entries = claims.get(LISTS).and_then(Value::as_map).ok_or(malformed)?;
        let lists = entries.iter().map(|(name, list)| {
            let Some([Value::Text(uri), Value::Unsigned(width), Value::Bytes(sha256)]) = list.as_array()
            else {
                return None;
            };
            let vouched =
                Vouched { uri: (*uri).to_owned(), width: *width, sha256: (*sha256).try_into().ok()? };
            Some((name.as_text()?.to_owned(), vouched))
        });
        Ok(Self { life, lists: lists.collect::<Option<_>>().ok_or(malformed)? })
    }

    /// Makes lists out of what was kept, asking for the delta if something changed since; each comes with its
    /// compressed form. What does not come out as signed is left out.
    fn lists_from(
        &self,
        kept: &Files,
        delta: impl FnOnce() -> Option<StatusDelta>,
    ) -> BTreeMap<String, (StatusList, Vec<u8>)> {
        let (mut made, mut outdated) = (BTreeMap::new(), Vec::new());
        let list =
            |vouched: &Vouched, places| StatusList { uri: vouched.uri.clone(), life: self.life, places };
        for (name, vouched) in &self.lists {
            let Some(zlib) = kept.get(name) else { continue };
            match Places::inflate(vouched.width, zlib) {
                Some(places) if vouched.is_of(&places) => {
                    made.insert(name.clone(), (list(vouched, places), zlib.clone()));
                }
                Some(places) => outdated.push((name, vouched, places)),
                None => {}
            }
        }
        if outdated.is_empty() {
            return made;
        }
        let delta = delta().unwrap_or_default();
        for (name, vouched, mut places) in outdated {
            if delta.apply(name, &mut places) && vouched.is_of(&places) {
                let zlib = miniz_oxide::deflate::compress_to_vec_zlib(places.bytes(), KEPT_LEVEL);
                made.insert(name.clone(), (list(vouched, places), zlib));
            }
        }
        made
    }
}

impl Vouched {
    fn is_of(&self, places: &Places) -> bool {
        sha256(places.bytes()) == self.sha256
    }
}

/// Reads the lists of one agency, as far as possible from what was kept of them.
///
/// `names` are its targets, without their folder; `fetch` takes such a name. `kept` is what the last call returned
/// to be kept; it may be lost, old or damaged. What the lists take is taken off `room`. They come in the order of their
/// URIs.
///
/// # Errors
/// Lists, or a token of hashes, that the repository names and that are not there or not right. Whatever is wrong
/// with a delta or with what was kept only means that lists are fetched whole.
pub(super) fn read<'k>(
    names: &[String],
    keys: impl IntoIterator<Item = &'k IssuerKey> + Clone,
    kept: &Files,
    room: &mut usize,
    mut fetch: impl FnMut(&str) -> Result<Vec<u8>, TrustError>,
    wrong: impl Fn(&str, StatusListError) -> TrustError,
) -> Result<(Vec<StatusList>, Files), TrustError> {
    let listed = |name: &str| names.iter().any(|listed| listed == name);
    let (mut made, mut keep) = (BTreeMap::new(), Files::new());
    if listed(HASHES) {
        let token = fetch(HASHES)?;
        let hashes = Hashes::verify(&token, keys.clone()).map_err(|error| wrong(HASHES, error))?;
        made = hashes.lists_from(kept, || {
            let name = std::str::from_utf8(kept.get(KEPT_STATE)?).ok().filter(|name| listed(name))?;
            StatusDelta::decode(&fetch(name).ok()?).ok()
        });
        keep.insert(KEPT_STATE.to_owned(), delta_name(&token).into_bytes());
    }
    let mut lists: Vec<StatusList> = Vec::new();
    for name in names.iter().filter(|name| name.ends_with(".cwt")) {
        let (list, zlib) = match made.remove(name) {
            Some(made) => made,
            None => {
                let token = fetch(name)?;
                let list = StatusList::read(&token, keys.clone());
                list.map(|(list, zlib)| (list, zlib.to_vec())).map_err(|error| wrong(name, error))?
            }
        };
        let taken = list.places.bytes().len() + zlib.len();
        *room = room.checked_sub(taken).ok_or_else(|| wrong(name, StatusListError::Room))?;
        match lists.binary_search_by(|other| other.uri().cmp(list.uri())) {
            Ok(_) => return Err(wrong(name, StatusListError::Repeated)),
            Err(place) => lists.insert(place, list),
        }
        // Without hashes nothing could ever be made of it.
        if listed(HASHES) {
            keep.insert(name.clone(), zlib);
        }
    }
    Ok((lists, keep))
}

/// Takes what was kept of one agency's lists out of everything that was kept.
pub(super) fn take(kept: &mut Files, agency: &str) -> Files {
    let folder = format!("{KEPT}{agency}/");
    let own = kept.extract_if(.., |name, _| name.starts_with(&folder));
    own.map(|(name, bytes)| (name.replacen(&folder, "", 1), bytes)).collect()
}

/// Puts what is to be kept of one agency's lists where [`take`] will find it.
pub(super) fn put(kept: &mut Files, agency: &str, lists: Files) {
    kept.extend(lists.into_iter().map(|(name, bytes)| (format!("{KEPT}{agency}/{name}"), bytes)));
}

/// Returns the name of the delta for those who hold the lists that this token of hashes is of.
pub fn delta_name(hashes: &[u8]) -> String {
    let state = sha256(hashes);
    format!("status-from-{}.delta", hex::encode(state.get(..8).unwrap_or_default()))
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// A list on its way to publication.
#[cfg(feature = "issue")]
pub struct PublishedList {
    /// The target, in the agency's folder: it ends in `.cwt`.
    pub name: String,
    /// The URI that credentials name.
    pub uri: String,
    statuses: StatusListBuilder,
    zlib: Vec<u8>,
}

#[cfg(feature = "issue")]
impl PublishedList {
    /// Takes the statuses and compresses them.
    pub fn new(name: String, uri: String, statuses: StatusListBuilder) -> Self {
        Self { name, uri, zlib: statuses.deflate(), statuses }
    }

    /// Returns the compressed list, which [`StatusDelta::between`] will want again.
    pub fn zlib(&self) -> &[u8] {
        &self.zlib
    }

    /// Prepares the token of the list.
    pub fn prepare(&self, issued: Timestamp, expires: Timestamp, issuer_key: KeyId) -> ToBeSigned {
        prepare(&self.uri, &self.statuses.places, &self.zlib, (issued, expires), issuer_key)
    }
}

/// Prepares the token with the hash of each list.
#[cfg(feature = "issue")]
pub fn prepare_hashes(
    lists: &[PublishedList],
    issued: Timestamp,
    expires: Timestamp,
    issuer_key: KeyId,
) -> ToBeSigned {
    let hashes: Vec<[u8; 32]> = lists.iter().map(|list| sha256(list.statuses.places.bytes())).collect();
    let entries = lists.iter().zip(&hashes).map(|(list, hash)| {
        let width = Value::Unsigned(list.statuses.places.width().into());
        (Value::Text(&list.name), Value::Array(vec![Value::Text(&list.uri), width, Value::Bytes(hash)]))
    });
    let mut claims = life_claims(issued, expires);
    claims.push((Value::from(LISTS), Value::Map(entries.collect())));
    to_be_signed(MEDIA_TYPE, claims, issuer_key)
}

#[cfg(test)]
#[cfg(feature = "issue")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::trust::Status;

    fn changes(value: u8, indices: impl IntoIterator<Item = u64>) -> Vec<Change> {
        indices.into_iter().map(|index| Change { value, index }).collect()
    }

    fn delta(changes: Vec<Change>) -> StatusDelta {
        StatusDelta { lists: BTreeMap::from([("status-0.cwt".to_owned(), changes)]) }
    }

    #[test]
    fn lists_take_no_more_room_than_there_is() {
        use crate::key::Signer;
        let key = crate::key::SoftwareKey::from_seed(&[1; 32]);
        let now = Timestamp::from_unix(1_800_000_000).unwrap();
        let names = ["status-0.cwt", "status-1.cwt"].map(str::to_owned);
        let fetch = |name: &str| {
            let list = StatusListBuilder::default().prepare(name, now, now.plus(60), key.public_key().id());
            Ok(list.sign(&key).unwrap())
        };
        let wrong = |name: &str, source| TrustError::StatusList { name: name.to_owned(), source };
        let issuer = IssuerKey::new(key.public_key(), now);
        let read = |mut room: usize| {
            let result = super::read(&names, [&issuer], &Files::new(), &mut room, fetch, wrong);
            result.map(|(lists, _)| (lists.len(), room))
        };
        // Two lists of 2^20 places of two bits, and what they are compressed to.
        let (both, left) = read(1 << 20).unwrap();
        let taken = (1 << 20) - left;
        assert!(both == 2 && taken > 2 << 18 && taken < (2 << 18) + 2000, "{taken}");
        assert_eq!(read(taken).unwrap(), (2, 0));
        let error = read(taken - 1).unwrap_err();
        let room = |error: &TrustError| matches!(error, TrustError::StatusList { name, source: StatusListError::Room } if name == "status-1.cwt");
        assert!(room(&error), "{error}");
    }

    #[test]
    fn the_bytes_are_the_documented_ones() {
        // Places 2, 3 and 9: gaps 2, 0 and 5. With k = 1, bit by bit: 10 0, 0 0, 110 1.
        assert_eq!(encode_gaps(1, [2, 3, 9].into_iter()), [0b0110_0001, 0b1]);
        assert_eq!(decode_gaps(1, 3, &[0b0110_0001, 0b1]), Some(vec![2, 3, 9]));
        let delta = delta(changes(1, [2, 3, 9]));
        assert_eq!(hex::encode(delta.encode()), "a16c7374617475732d302e637774a101830103426101");
    }

    #[test]
    fn gaps_end_where_they_should() {
        let good = encode_gaps(1, [2, 3, 9].into_iter());
        assert_eq!(decode_gaps(1, 2, &good), None, "fewer gaps than there are bits");
        assert_eq!(decode_gaps(1, 7, &good), None, "more gaps than there are bits");
        assert_eq!(decode_gaps(1, 3, &[0b0110_0001, 0b11]), None, "padding that is not zero");
        assert_eq!(decode_gaps(1, 3, &[0b0110_0001, 0b1, 0]), None, "a byte too many");
        assert_eq!(decode_gaps(0, u64::MAX, &good), None);
        assert_eq!(decode_gaps(64, 1, &good), None);
        assert_eq!(decode_gaps(0, 0, &[]), Some(vec![]));
        let outside = encode_gaps(19, [LIST_SIZE].into_iter());
        assert_eq!(decode_gaps(19, 1, &outside), None, "a place outside");
        assert_eq!(decode_gaps(20, 1, &[0xff; 1000]), None, "ones without an end");
    }

    #[test]
    fn what_is_not_a_delta_is_refused() {
        for (hex, error) in [
            ("", DeltaError::Cbor(CborError::Truncated)),
            ("80", DeltaError::Malformed),
            ("a10000", DeltaError::Malformed),
            ("a1616180", DeltaError::Malformed),
            ("a16161a10180", DeltaError::Malformed),
            ("a16161a119010083000040", DeltaError::Malformed),
            ("a16161a10183001a0010000140", DeltaError::TooLong),
            ("a16161a10183000140", DeltaError::Malformed),
        ] {
            assert_eq!(StatusDelta::decode(&hex::decode(hex).unwrap()), Err(error), "{hex}");
        }
        assert_eq!(StatusDelta::decode(&[0xa0]), Ok(StatusDelta::default()));
    }

    #[test]
    fn what_changed_leads_from_one_list_to_the_other() {
        let list = |set: &[(u64, Status)]| {
            let mut statuses = StatusListBuilder::default();
            assert!(set.iter().all(|(index, status)| statuses.set(*index, *status)));
            PublishedList::new("status-0.cwt".into(), "https://example.test/0".into(), statuses)
        };
        let old = list(&[(0, Status::Invalid), (7, Status::Suspended), (LIST_SIZE - 1, Status::Suspended)]);
        let new = [list(&[(0, Status::Invalid), (7, Status::Invalid), (8, Status::Suspended)])];
        let held = Files::from([(old.name.clone(), old.zlib.clone())]);
        let delta = StatusDelta::between(&held, &new);
        let expected = [
            Change { value: 0, index: LIST_SIZE - 1 },
            Change { value: 1, index: 7 },
            Change { value: 2, index: 8 },
        ];
        assert_eq!(delta.changes("status-0.cwt"), expected);
        assert_eq!(delta.changes("status-1.cwt"), []);
        let mut places = old.statuses.places.clone();
        assert!(StatusDelta::decode(&delta.encode()).unwrap().apply("status-0.cwt", &mut places));
        assert!(places == new[0].statuses.places);
        // Nothing to say about lists that were not there, or are as they were.
        assert_eq!(StatusDelta::between(&Files::new(), &new), StatusDelta::default());
        let same = Files::from([(new[0].name.clone(), new[0].zlib.clone())]);
        assert_eq!(StatusDelta::between(&same, &new), StatusDelta::default());
    }

    /// The goal is 45 kB for 10,000 changes in 96 lists; LEB128 numbers of the same gaps are the other simple way.
    #[test]
    fn a_days_changes_are_small() {
        let (lists, each) = (8_u64, 104_u64);
        let place = |list: u64, n: u64| (list * each + n).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44;
        let mut days = BTreeMap::new();
        let mut leb128 = 0;
        for list in 0..lists {
            let mut indices: Vec<u64> = (0..each).map(|n| place(list, n)).collect();
            indices.sort_unstable();
            indices.dedup();
            let gaps = indices.windows(2).map(|pair| pair[1] - pair[0] - 1);
            leb128 += gaps.map(|gap| u64::from(gap.max(1).ilog2() / 7 + 1)).sum::<u64>();
            days.insert(format!("status-{list}.cwt"), changes(1, indices));
        }
        let bytes = StatusDelta { lists: days }.encode().len() as u64;
        println!(
            "{} changes: {bytes} bytes, with LEB128 more than {leb128} for the gaps alone",
            lists * each
        );
        assert!(bytes * 96 / lists < 25_000, "{bytes} bytes for {lists} lists");
    }

    proptest! {
        #[test]
        fn every_set_of_changes_comes_back(
            sets in proptest::collection::btree_map(
                any::<u8>(), proptest::collection::btree_set(0..LIST_SIZE, 1..60), 0..5,
            ),
        ) {
            let delta = delta(sets.into_iter().flat_map(|(value, set)| changes(value, set)).collect());
            prop_assert_eq!(StatusDelta::decode(&delta.encode()), Ok(delta));
        }

        #[test]
        fn any_gaps_are_within_the_list(k in 0_u64..22, count in 0_u64..50, bytes in any::<Vec<u8>>()) {
            if let Some(indices) = decode_gaps(k, count, &bytes) {
                prop_assert_eq!(indices.len() as u64, count);
                prop_assert!(indices.is_sorted_by(|a, b| a < b) && indices.iter().all(|index| *index < LIST_SIZE));
            }
        }
    }
}
