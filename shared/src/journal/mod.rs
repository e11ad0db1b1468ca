//! What a kiosk did, row after row, so that nobody can change or drop one unnoticed.
//!
//! ```text
//! body_hash = SHA-256(body)
//! hash      = SHA-256("gatepass-journal-v1\n" ‖ prev ‖ seq: u64 ‖ at: i64 ‖ body_hash)      numbers big-endian
//! body      = CBOR {0: bstr .size 16, 1: kind, 2..7: by kind}                               salt, then what happened
//! ```
//!
//! `prev` is the hash of the row before, and 32 zeros in the first. A body can be shredded: its hash stays, a later row
//! says so, and because of the salt nobody can find out from the hash what the body said. From time to time the kiosk signs a
//! [`Checkpoint`]: how many rows there are, and the Merkle tree hash over their hashes (RFC 9162 §2.1.1).
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

mod audit;
mod checkpoint;
mod entry;

use sha2::{Digest, Sha256};

use crate::time::Timestamp;

pub use audit::{Audit, Report};
pub use checkpoint::{Checkpoint, CheckpointError, CheckpointKey};
pub use entry::{Entry, Memory, Passage, SALT_BYTES};

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// Before what a row's hash is made over.
const DOMAIN: &[u8] = b"gatepass-journal-v1\n";

/// Prefixes of leaves and nodes of the tree (RFC 9162 §2.1.1).
const LEAF: u8 = 0;
const NODE: u8 = 1;

/// A row of a journal, without its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Its place, from 0.
    pub seq: u64,
    /// When it was written, by the clock of the kiosk.
    pub at: Timestamp,
    /// The hash of the row before.
    pub prev: Hash,
    /// SHA-256 of the body.
    pub body_hash: Hash,
    /// The hash of this row.
    pub hash: Hash,
}

impl Row {
    fn hash_of(seq: u64, at: Timestamp, prev: &Hash, body_hash: &Hash) -> Hash {
        let digest = Sha256::new().chain_update(DOMAIN).chain_update(prev).chain_update(seq.to_be_bytes());
        digest.chain_update(at.as_unix().to_be_bytes()).chain_update(body_hash).finalize().into()
    }
}

/// What is wrong with a journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// A row is missing, or one is there twice.
    #[error("row {expected} is missing: row {found} is in its place")]
    Missing {
        /// Whose place it is.
        expected: u64,
        /// What stands there.
        found: u64,
    },
    /// A row does not follow from the one before.
    #[error("row {seq} does not continue the chain")]
    Chain {
        /// Which.
        seq: u64,
    },
    /// A body is not the one that was written.
    #[error("the body of row {seq} was changed")]
    Body {
        /// Which.
        seq: u64,
    },
    /// A row without its body, and no row under a checkpoint says that it was shredded.
    #[error("the body of row {seq} is gone, and no signed row after it says that it was shredded")]
    Gone {
        /// Which.
        seq: u64,
    },
    /// A checkpoint that is not of this journal, or of more rows than there are.
    #[error("the checkpoint of {size} rows is not of this journal, or rows were taken off its end")]
    Checkpoint {
        /// How many rows it is of.
        size: u64,
    },
    /// Rows at the end that no checkpoint covers: anybody could have written them, and what is before them where there is
    /// no checkpoint at all.
    #[error("nobody signed the rows from {signed} on: it is not a whole export, or not the kiosk's")]
    Unsigned {
        /// How many rows before them are signed.
        signed: u64,
    },
    /// There is not one row.
    #[error("there are no rows")]
    Empty,
    /// The checkpoint itself.
    #[error(transparent)]
    Note(#[from] CheckpointError),
}

/// The end of a journal, to which rows are added: by the kiosk that writes it, or by whoever checks it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chain {
    size: u64,
    head: Hash,
    /// Hashes of the complete subtrees that the rows fall into, the largest first: one for every bit of the size.
    subtrees: Vec<Hash>,
}

impl Chain {
    /// Returns how many rows there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns what [`Chain::resume`] takes to go on from here: the hashes of the tree's complete subtrees.
    pub fn subtrees(&self) -> &[Hash] {
        &self.subtrees
    }

    /// Goes on behind a row with what [`Chain::subtrees`] gave there. Whether the rows before are those that were written
    /// is for a checkpoint over them to say.
    ///
    /// # Errors
    /// A row that was changed, and hashes that are not of so many rows.
    pub fn resume(last: &Row, subtrees: Vec<Hash>) -> Result<Self, JournalError> {
        let size = last.seq.saturating_add(1);
        let whole = last.hash == Row::hash_of(last.seq, last.at, &last.prev, &last.body_hash);
        let fits = u64::try_from(subtrees.len()) == Ok(size.count_ones().into());
        // Of an odd number of rows the last is a subtree of its own.
        let is_last = size.is_multiple_of(2) || subtrees.last() == Some(&leaf(&last.hash));
        match whole && fits && is_last {
            true => Ok(Self { size, head: last.hash, subtrees }),
            false => Err(JournalError::Chain { seq: last.seq }),
        }
    }

    /// Adds a row with this body, and returns it to be kept.
    pub fn append(&mut self, at: Timestamp, body: &[u8]) -> Row {
        let (seq, prev, body_hash) = (self.size, self.head, Sha256::digest(body).into());
        let row = Row { seq, at, prev, body_hash, hash: Row::hash_of(seq, at, &prev, &body_hash) };
        self.push(row.hash);
        row
    }

    /// Checks the next row, and its body unless that was shredded, and takes it over.
    ///
    /// # Errors
    /// A row that is not the next one, or was changed.
    pub fn follow(&mut self, row: &Row, body: Option<&[u8]>) -> Result<(), JournalError> {
        if row.seq != self.size {
            return Err(JournalError::Missing { expected: self.size, found: row.seq });
        }
        if row.prev != self.head || row.hash != Row::hash_of(row.seq, row.at, &row.prev, &row.body_hash) {
            return Err(JournalError::Chain { seq: row.seq });
        }
        if body.is_some_and(|body| Hash::from(Sha256::digest(body)) != row.body_hash) {
            return Err(JournalError::Body { seq: row.seq });
        }
        self.push(row.hash);
        Ok(())
    }

    /// Returns the Merkle tree hash over the rows so far.
    pub fn root(&self) -> Hash {
        let mut subtrees = self.subtrees.iter().rev();
        match subtrees.next() {
            None => Sha256::digest([]).into(),
            Some(last) => subtrees.fold(*last, |right, left| node(left, &right)),
        }
    }

    fn push(&mut self, hash: Hash) {
        let mut subtree = leaf(&hash);
        // Two complete subtrees of one size make one of twice the size: a carry in the size.
        for _ in 0..self.size.trailing_ones() {
            let left = self.subtrees.pop().expect("one for every bit of the size");
            subtree = node(&left, &subtree);
        }
        self.subtrees.push(subtree);
        (self.size, self.head) = (self.size + 1, hash);
    }
}

fn leaf(row: &Hash) -> Hash {
    Sha256::new().chain_update([LEAF]).chain_update(row).finalize().into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([NODE]).chain_update(left).chain_update(right).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix(1_800_000_000 + second).unwrap()
    }

    /// Rows with their bodies.
    type Rows = Vec<(Row, Vec<u8>)>;

    fn journal(rows: u8) -> (Chain, Rows) {
        let mut chain = Chain::default();
        let rows = (0..rows).map(|row| {
            let body = vec![row; 20];
            (chain.append(at(row.into()), &body), body)
        });
        let rows = rows.collect();
        (chain, rows)
    }

    /// The tree as RFC 9162 §2.1.1 defines it, from the top.
    fn tree_hash(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [leaf] => Sha256::new().chain_update([LEAF]).chain_update(leaf).finalize().into(),
            leaves => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node(&tree_hash(left), &tree_hash(right))
            }
        }
    }

    #[test]
    fn the_root_is_the_one_of_the_standard() {
        for rows in 0..70 {
            let (chain, rows) = journal(rows);
            let leaves: Vec<_> = rows.iter().map(|(row, _)| row.hash).collect();
            assert_eq!(chain.root(), tree_hash(&leaves), "{} rows", rows.len());
        }
    }

    #[test]
    fn whoever_follows_comes_to_the_same_end_with_and_without_bodies() {
        let (chain, rows) = journal(37);
        let mut follower = Chain::default();
        for (row, body) in &rows {
            let body = (row.seq % 3 != 0).then_some(body.as_slice());
            follower.follow(row, body).unwrap();
        }
        assert_eq!(follower, chain);
    }

    #[test]
    fn a_chain_goes_on_from_its_last_row_and_its_subtrees() {
        for count in 1..40 {
            let (mut chain, rows) = journal(count);
            let last = &rows.last().unwrap().0;
            let mut resumed = Chain::resume(last, chain.subtrees().to_vec()).unwrap();
            assert_eq!(resumed, chain);
            assert_eq!(resumed.append(at(99), b"more"), chain.append(at(99), b"more"));
            assert_eq!(resumed.root(), chain.root());
            let changed = Row { at: at(98), ..*last };
            let subtrees = journal(count).0.subtrees().to_vec();
            for (row, subtrees) in [(last, vec![]), (&changed, subtrees.clone())] {
                let error = Chain::resume(row, subtrees).unwrap_err();
                assert_eq!(error, JournalError::Chain { seq: u64::from(count) - 1 });
            }
            // Other subtrees are of other rows, which a checkpoint tells.
            let others = subtrees.iter().map(|subtree| subtree.map(|byte| byte ^ 1)).collect();
            let other = Chain::resume(last, others).map(|chain| chain.root());
            assert_ne!(other, Ok(journal(count).0.root()));
        }
    }

    #[test]
    fn no_row_is_changed_dropped_doubled_or_moved() {
        let (_, rows) = journal(5);
        let read = |rows: &[(Row, Vec<u8>)]| {
            let mut chain = Chain::default();
            rows.iter().try_for_each(|(row, body)| chain.follow(row, Some(body)))
        };
        assert_eq!(read(&rows), Ok(()));
        let with = |change: &dyn Fn(&mut Rows)| {
            let mut rows = rows.clone();
            change(&mut rows);
            read(&rows).unwrap_err()
        };
        assert_eq!(with(&|rows| rows[2].1[3] ^= 1), JournalError::Body { seq: 2 });
        assert_eq!(with(&|rows| rows[2].0.at = at(99)), JournalError::Chain { seq: 2 });
        assert_eq!(with(&|rows| rows[2].0.hash[0] ^= 1), JournalError::Chain { seq: 2 });
        assert_eq!(with(&|rows| rows[2].0.prev[0] ^= 1), JournalError::Chain { seq: 2 });
        assert_eq!(with(&|rows| rows[2].0.body_hash[0] ^= 1), JournalError::Chain { seq: 2 });
        assert_eq!(with(&|rows| drop(rows.remove(2))), JournalError::Missing { expected: 2, found: 3 });
        assert_eq!(
            with(&|rows| rows.insert(2, rows[2].clone())),
            JournalError::Missing { expected: 3, found: 2 }
        );
        assert_eq!(with(&|rows| rows.swap(1, 2)), JournalError::Missing { expected: 1, found: 2 });
        // Another body, everything after it made to fit: what follows does not.
        let forged = with(&|rows| {
            let mut chain = Chain::default();
            for (row, body) in &rows[..2] {
                chain.follow(row, Some(body)).unwrap();
            }
            rows[2] = (chain.append(rows[2].0.at, b"another"), b"another".to_vec());
        });
        assert_eq!(forged, JournalError::Chain { seq: 3 });
    }
}
