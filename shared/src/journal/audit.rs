//! Reading a journal from its first row to its last, with nothing believed.

use super::{Chain, Checkpoint, CheckpointKey, Entry, JournalError, Row};

/// A check in progress: hand in rows and notes in the order of the journal.
#[derive(Debug)]
pub struct Audit<'k> {
    key: &'k CheckpointKey,
    chain: Chain,
    /// What an earlier reader wrote down and the journal still has to come by.
    known: Vec<Checkpoint>,
    /// The last row without a body.
    gone: Option<u64>,
    /// Before which row bodies were shredded, as the rows so far say.
    said: u64,
    /// The same as of the last checkpoint: what nobody signed, anybody could have added.
    shredded: u64,
    report: Report,
}

/// What a journal that passed is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How many rows.
    pub rows: u64,
    /// How many of them have lost their bodies.
    pub shredded: u64,
    /// How many have a body that this version cannot read.
    pub unread: u64,
    /// How many checkpoints it holds.
    pub checkpoints: u64,
    /// How many rows the last checkpoint covers. Rows after it could be taken off unnoticed.
    pub signed: u64,
}

impl<'k> Audit<'k> {
    /// Begins. `notes` are checkpoints that were kept elsewhere: only they tell of rows, with the checkpoints over them,
    /// that were taken off the end.
    ///
    /// # Errors
    /// Notes that are not of this kiosk.
    pub fn new<'n>(
        key: &'k CheckpointKey,
        notes: impl IntoIterator<Item = &'n str>,
    ) -> Result<Self, JournalError> {
        let known = notes.into_iter().map(|note| Checkpoint::verify(note, key)).collect::<Result<_, _>>()?;
        let (chain, report) = (Chain::default(), Report::default());
        let mut audit = Self { key, chain, known, gone: None, said: 0, shredded: 0, report };
        audit.check_known()?;
        Ok(audit)
    }

    /// Takes the next row, with its body unless that was shredded.
    ///
    /// # Errors
    /// A row that was changed, or is not the next one.
    pub fn row(&mut self, row: &Row, body: Option<&[u8]>) -> Result<(), JournalError> {
        self.chain.follow(row, body)?;
        self.report.rows = self.chain.size();
        match body.map(Entry::decode) {
            None => {
                self.gone = Some(row.seq);
                self.report.shredded += 1;
            }
            Some(None) => self.report.unread += 1,
            Some(Some(Entry::Shredded { before })) => self.said = self.said.max(before),
            Some(Some(_)) => {}
        }
        self.check_known()
    }

    /// Takes a checkpoint that the journal holds over its rows so far.
    ///
    /// # Errors
    /// One of other rows, or that the kiosk did not sign.
    pub fn checkpoint(&mut self, note: &str) -> Result<(), JournalError> {
        Checkpoint::verify(note, self.key)?.check(&self.chain)?;
        self.report.checkpoints += 1;
        self.report.signed = self.chain.size();
        self.shredded = self.said;
        Ok(())
    }

    /// Ends.
    ///
    /// # Errors
    /// A checkpoint from elsewhere that is of more rows than there are, and bodies that are gone without a word.
    pub fn finish(self) -> Result<Report, JournalError> {
        if let Some(missing) = self.known.first() {
            return Err(JournalError::Checkpoint { size: missing.size });
        }
        match self.gone.filter(|gone| *gone >= self.shredded) {
            Some(seq) => Err(JournalError::Gone { seq }),
            None => Ok(self.report),
        }
    }

    /// Ends an export, of which every row is signed: rows that nobody signed are worth nothing away from the kiosk.
    ///
    /// # Errors
    /// As [`Audit::finish`]; no rows, and rows after the last checkpoint.
    pub fn finish_export(self) -> Result<Report, JournalError> {
        let report = self.finish()?;
        match (report.rows, report.signed) {
            (0, _) => Err(JournalError::Empty),
            (rows, signed) if signed < rows => Err(JournalError::Unsigned { signed }),
            _ => Ok(report),
        }
    }

    fn check_known(&mut self) -> Result<(), JournalError> {
        let size = self.chain.size();
        for known in self.known.extract_if(.., |known| known.size == size) {
            known.check(&self.chain)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Signer, SoftwareKey};
    use crate::time::Timestamp;

    #[test]
    fn rows_that_were_taken_off_the_end_are_told_by_a_note_from_elsewhere() {
        let signer = SoftwareKey::from_seed(&[3; 32]);
        let key = CheckpointKey::of(signer.public_key());
        let body = |row| match row {
            3 => Entry::Shredded { before: 3 }.encode([1; 16]),
            _ => Entry::Stopped.encode([1; 16]),
        };
        let mut chain = Chain::default();
        let mut notes = vec![];
        let rows: Vec<_> = (0..6)
            .map(|row| {
                let row = chain.append(Timestamp::from_unix(1_800_000_000 + row).unwrap(), &body(row));
                notes.push(Checkpoint::of(&chain).sign(&signer).unwrap());
                row
            })
            .collect();
        let read = |count: usize, known: &[&str]| {
            let mut audit = Audit::new(&key, known.iter().copied())?;
            for (row, note) in rows[..count].iter().zip(&notes) {
                let body = body(row.seq.try_into().unwrap());
                audit.row(row, (row.seq != 2).then_some(body.as_slice()))?;
                if row.seq % 2 == 1 {
                    audit.checkpoint(note)?;
                }
            }
            audit.finish()
        };
        let whole = Report { rows: 6, shredded: 1, unread: 0, checkpoints: 3, signed: 6 };
        assert_eq!(read(6, &[]), Ok(whole.clone()));
        assert_eq!(read(6, &[&notes[5], &notes[1]]), Ok(whole));
        assert_eq!(read(4, &[]).unwrap().signed, 4, "by itself it cannot tell");
        assert_eq!(read(4, &[&notes[1], &notes[5]]), Err(JournalError::Checkpoint { size: 6 }));
        let other = Checkpoint { size: 4, root: [9; 32] }.sign(&signer).unwrap();
        assert_eq!(read(6, &[&other]), Err(JournalError::Checkpoint { size: 4 }), "another history");
        let empty = Checkpoint::of(&Chain::default()).sign(&signer).unwrap();
        assert!(read(6, &[&empty]).is_ok());
        let mut audit = Audit::new(&key, []).unwrap();
        assert_eq!(audit.checkpoint(&notes[0]), Err(JournalError::Checkpoint { size: 1 }), "before its row");
    }

    /// Without its checkpoints a journal is rows that anybody could have made up.
    #[test]
    fn an_export_is_signed_to_its_last_row() {
        let signer = SoftwareKey::from_seed(&[3; 32]);
        let key = CheckpointKey::of(signer.public_key());
        let read = |rows: u64, signed: &[u64]| {
            let (mut chain, mut audit) = (Chain::default(), Audit::new(&key, []).unwrap());
            for _ in 0..rows {
                let body = Entry::Stopped.encode([1; 16]);
                let row = chain.append(Timestamp::from_unix(1_800_000_000).unwrap(), &body);
                audit.row(&row, Some(&body)).unwrap();
                if signed.contains(&chain.size()) {
                    audit.checkpoint(&Checkpoint::of(&chain).sign(&signer).unwrap()).unwrap();
                }
            }
            audit.finish_export().map(|report| report.signed)
        };
        assert_eq!(read(3, &[1, 3]), Ok(3));
        assert_eq!(read(3, &[1, 2]), Err(JournalError::Unsigned { signed: 2 }));
        assert_eq!(read(3, &[]), Err(JournalError::Unsigned { signed: 0 }));
        assert_eq!(read(0, &[]), Err(JournalError::Empty));
    }

    /// Whoever may write to an export takes a body out, and adds a row of their own that says it was shredded.
    #[test]
    fn a_body_is_shredded_only_where_a_signed_row_after_it_says_so() {
        let signer = SoftwareKey::from_seed(&[3; 32]);
        let key = CheckpointKey::of(signer.public_key());
        let read = |entries: &[Entry], gone: &[u64], signed: &[u64]| {
            let (mut chain, mut audit) = (Chain::default(), Audit::new(&key, []).unwrap());
            for entry in entries {
                let body = entry.encode([1; 16]);
                let row = chain.append(Timestamp::from_unix(1_800_000_000).unwrap(), &body);
                audit.row(&row, (!gone.contains(&row.seq)).then_some(body.as_slice()))?;
                if signed.contains(&chain.size()) {
                    audit.checkpoint(&Checkpoint::of(&chain).sign(&signer).unwrap())?;
                }
            }
            audit.finish()
        };
        let (stopped, shredded) = (|| Entry::Stopped, |before| Entry::Shredded { before });
        let rows = [stopped(), stopped(), shredded(2), stopped()];
        assert_eq!(read(&rows, &[0, 1], &[3]).map(|report| report.shredded), Ok(2));
        assert_eq!(read(&rows, &[0, 1], &[2]), Err(JournalError::Gone { seq: 1 }), "nobody signed it");
        assert_eq!(
            read(&rows, &[0, 1, 3], &[4]),
            Err(JournalError::Gone { seq: 3 }),
            "it is not of this row"
        );
        assert_eq!(read(&rows, &[0, 1, 2], &[4]), Err(JournalError::Gone { seq: 2 }), "nor can it be gone");
        // What said so before is shredded in its turn.
        let rows = [stopped(), shredded(1), stopped(), shredded(3)];
        assert_eq!(read(&rows, &[0, 1, 2], &[4]).map(|report| report.shredded), Ok(3));
        assert_eq!(read(&rows[..2], &[0, 1], &[2]), Err(JournalError::Gone { seq: 1 }));
    }
}
