//! Which place of a status list a credential gets: a keyed permutation of its serial number.
//!
//! Places look random, so the list tells nobody how many credentials exist or which were issued together,
//! and no table of free places is needed. A Feistel network is a permutation whatever its round function is.
//!
//! The last positions of every list are decoys: no credential ever gets them, and they turn invalid one by one, at
//! times that only the key tells. So whoever compares two publications cannot say of any place that somebody's
//! credential was revoked there, nor how many were: a list has 1,024 to 4,096 decoys (0.1 to 0.4 % of its places),
//! how many of them is drawn from the key, and each turns at a time drawn evenly from the five years after the first
//! credential of the list. That is 0.6 to 2.2 a day in each list. The price is that share of the places, and up to
//! that share more set places in what is published.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use shared::trust::LIST_SIZE;

/// Half the bits of an index: lists have 2^20 places.
const HALF_BITS: u32 = LIST_SIZE.trailing_zeros() / 2;
const HALF_MASK: u64 = (1 << HALF_BITS) - 1;
/// Luby and Rackoff prove four rounds enough for a strong pseudorandom permutation; small halves get more.
const ROUNDS: u8 = 8;

/// The fewest decoys of a list, and the most. A decision of this project: enough that one agency's few revocations
/// a week hide among them, few enough to keep a nation's lists small.
const DECOYS: (u64, u64) = (LIST_SIZE / 1024, LIST_SIZE / 256);
/// In how many seconds after a list's first credential all its decoys have turned: five years, half of what
/// identity documents are commonly valid for.
const DECOYS_TURN_WITHIN: u64 = 5 * 365 * 24 * 3600;

/// What the key is asked for beside rounds of the permutation, which are below [`ROUNDS`].
const DECOY_COUNT: u8 = 0x40;
const DECOY_TIME: u8 = 0x41;

/// A list number and a place in that list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusIndex {
    /// Lists are filled one after another.
    pub list: u64,
    /// Place, below 2^20.
    pub index: u64,
}

/// Returns the place of the credential with this serial number; different numbers get different places.
pub fn status_index(key: &[u8], serial: u64) -> StatusIndex {
    let (list, position) = (serial / LIST_SIZE, serial % LIST_SIZE);
    StatusIndex { list, index: permute(key, list, position) }
}

/// Returns the first serial number from `serial` on that a credential may have: one that is not a decoy's.
pub fn issuable(key: &[u8], serial: u64) -> u64 {
    let (list, position) = (serial / LIST_SIZE, serial % LIST_SIZE);
    if position < LIST_SIZE - decoy_count(key, list) { serial } else { (list + 1) * LIST_SIZE }
}

/// A place that no credential ever has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoy {
    /// Where in its list.
    pub index: u64,
    /// How many seconds after the list's first credential it turns invalid, for good.
    pub turns_after: i64,
}

/// Returns the decoys of a list.
pub fn decoys(key: &[u8], list: u64) -> impl Iterator<Item = Decoy> {
    (LIST_SIZE - decoy_count(key, list)..LIST_SIZE).map(move |position| {
        let turns_after = pseudorandom(key, list, DECOY_TIME, position) % DECOYS_TURN_WITHIN;
        Decoy {
            index: permute(key, list, position),
            turns_after: i64::try_from(turns_after).expect("five years of seconds are few"),
        }
    })
}

fn decoy_count(key: &[u8], list: u64) -> u64 {
    DECOYS.0 + pseudorandom(key, list, DECOY_COUNT, 0) % (DECOYS.1 - DECOYS.0 + 1)
}

fn permute(key: &[u8], list: u64, position: u64) -> u64 {
    let (mut left, mut right) = (position >> HALF_BITS, position & HALF_MASK);
    for round in 0..ROUNDS {
        (left, right) = (right, left ^ (pseudorandom(key, list, round, right) & HALF_MASK));
    }
    left << HALF_BITS | right
}

/// HMAC-SHA-256 of the list, what the number is for, and an input; its first eight bytes.
fn pseudorandom(key: &[u8], list: u64, purpose: u8, input: u64) -> u64 {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(&list.to_be_bytes());
    mac.update(&[purpose]);
    mac.update(&input.to_be_bytes());
    let digest: [u8; 32] = mac.finalize().into_bytes().into();
    u64::from_be_bytes(digest[..8].try_into().expect("a digest has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Serial numbers as `issuer issue` takes them, from `first` on.
    fn serials(key: &[u8], first: u64) -> impl Iterator<Item = u64> {
        let mut next = first;
        std::iter::from_fn(move || {
            let serial = issuable(key, next);
            next = serial + 1;
            Some(serial)
        })
    }

    #[test]
    fn places_look_random() {
        let places: Vec<u64> = (0..20_000).map(|serial| status_index(b"key", serial).index).collect();
        let ascending = places.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((9_500..10_500).contains(&ascending), "{ascending} of 20000 ascend");
        assert_eq!(status_index(b"key", LIST_SIZE).list, 1);
        assert_ne!(status_index(b"key", 0), status_index(b"other", 0));
    }

    /// One whole list: every place is somebody's or a decoy, and none is twice.
    #[test]
    fn a_whole_list_is_used_once() {
        let mut used = vec![false; LIST_SIZE as usize];
        let mut take = |index: u64| {
            assert!(!std::mem::replace(&mut used[index as usize], true), "place {index} twice");
        };
        let decoys: Vec<Decoy> = decoys(b"key", 0).collect();
        decoys.iter().for_each(|decoy| take(decoy.index));
        let mut credentials = 0;
        for serial in serials(b"key", 0) {
            let place = status_index(b"key", serial);
            if place.list != 0 {
                assert_eq!(serial, LIST_SIZE, "and then comes the next list");
                break;
            }
            take(place.index);
            credentials += 1;
        }
        assert_eq!(credentials + decoys.len() as u64, LIST_SIZE);
        assert!(used.into_iter().all(|used| used));
    }

    #[test]
    fn decoys_turn_evenly_over_the_years() {
        let mut counts = BTreeSet::new();
        for list in 0..20 {
            let times: Vec<i64> = decoys(b"key", list).map(|decoy| decoy.turns_after).collect();
            let count = times.len() as u64;
            assert!((DECOYS.0..=DECOYS.1).contains(&count));
            let half = DECOYS_TURN_WITHIN as i64 / 2;
            let early = times.iter().filter(|time| **time < half).count() as u64;
            // Five standard deviations of a fair coin are less than a tenth from 1,024 throws on.
            assert!(early * 10 > count * 4 && early * 10 < count * 6, "{early} of {count} in the first half");
            assert!(times.iter().all(|time| (0..2 * half).contains(time)));
            counts.insert(count);
        }
        assert!(counts.len() > 15, "lists have different numbers of decoys: {counts:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn no_place_is_used_twice_and_none_is_a_decoys(
            key in any::<[u8; 32]>(), list in 0..400_u64, start in 0..LIST_SIZE, near_the_end in any::<bool>(),
        ) {
            let start = if near_the_end { LIST_SIZE - 4_500 + start % 4_500 } else { start };
            let hidden: BTreeSet<(u64, u64)> = (list..list + 2)
                .flat_map(|list| decoys(&key, list).map(move |decoy| (list, decoy.index)))
                .collect();
            let mut used = BTreeSet::new();
            for serial in serials(&key, list * LIST_SIZE + start).take(500) {
                let place = status_index(&key, serial);
                prop_assert!(used.insert((place.list, place.index)), "twice: {place:?}");
                prop_assert!(!hidden.contains(&(place.list, place.index)), "a decoy: {place:?}");
            }
        }
    }
}
