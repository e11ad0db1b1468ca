//! Which place of a status list a credential gets: a keyed permutation of its serial number.
//!
//! Places look random, so the list tells nobody how many credentials exist or which were issued together,
//! and no table of free places is needed. A Feistel network is a permutation whatever its round function is.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use shared::trust::LIST_SIZE;

/// Half the bits of an index: lists have 2^20 places.
const HALF_BITS: u32 = LIST_SIZE.trailing_zeros() / 2;
const HALF_MASK: u64 = (1 << HALF_BITS) - 1;
/// Luby and Rackoff prove four rounds enough for a strong pseudorandom permutation; small halves get more.
const ROUNDS: u8 = 8;

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
    let list = serial / LIST_SIZE;
    let position = serial % LIST_SIZE;
    let (mut left, mut right) = (position >> HALF_BITS, position & HALF_MASK);
    for round in 0..ROUNDS {
        (left, right) = (right, left ^ round_function(key, list, round, right));
    }
    StatusIndex { list, index: left << HALF_BITS | right }
}

fn round_function(key: &[u8], list: u64, round: u8, half: u64) -> u64 {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(&list.to_be_bytes());
    mac.update(&[round]);
    mac.update(&half.to_be_bytes());
    let digest: [u8; 32] = mac.finalize().into_bytes().into();
    u64::from(u16::from_be_bytes([digest[0], digest[1]])) & HALF_MASK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_used_once_and_look_random() {
        let mut used = vec![false; LIST_SIZE as usize];
        let mut ascending = 0;
        let mut previous = 0;
        for serial in 0..20_000 {
            let place = status_index(b"key", serial);
            assert_eq!(place.list, 0);
            assert!(!std::mem::replace(&mut used[place.index as usize], true), "place {} twice", place.index);
            ascending += u32::from(place.index > previous);
            previous = place.index;
        }
        assert!((9_500..10_500).contains(&ascending), "{ascending} of 20000 ascend");
        assert_eq!(status_index(b"key", LIST_SIZE).list, 1);
        assert_ne!(status_index(b"key", 0), status_index(b"other", 0));
    }
}
