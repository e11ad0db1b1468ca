//! Reading a journal from its first row to its last, with nothing believed.

use super::{Chain, Checkpoint, CheckpointKey, Entry, JournalError, Row};

/// A check in progress: hand in rows and notes in the order of the journal.
#[derive(Debug)]
pub struct Audit<'k> {
    key: &'k CheckpointKey,
    chain: Chain,
    /// What an earlier reader wrote down and the journal still has to come by.
    known: Vec<Checkpoint>,
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
        let mut audit = Self { key, chain: Chain::default(), known, report: Report::default() };
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
        self.report.shredded += u64::from(body.is_none());
        self.report.unread += u64::from(body.is_some_and(|body| Entry::decode(body).is_none()));
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
        Ok(())
    }

    /// Ends.
    ///
    /// # Errors
    /// A checkpoint from elsewhere that is of more rows than there are.
    pub fn finish(self) -> Result<Report, JournalError> {
        match self.known.first() {
            Some(missing) => Err(JournalError::Checkpoint { size: missing.size }),
            None => Ok(self.report),
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
        let body = Entry::Stopped.encode([1; 16]);
        let mut chain = Chain::default();
        let mut notes = vec![];
        let rows: Vec<_> = (0..6)
            .map(|row| {
                let row = chain.append(Timestamp::from_unix(1_800_000_000 + row).unwrap(), &body);
                notes.push(Checkpoint::of(&chain).sign(&signer).unwrap());
                row
            })
            .collect();
        let read = |count: usize, known: &[&str]| {
            let mut audit = Audit::new(&key, known.iter().copied())?;
            for (row, note) in rows[..count].iter().zip(&notes) {
                audit.row(row, (row.seq != 2).then_some(body.as_slice()))?;
                if row.seq % 2 == 0 {
                    audit.checkpoint(note)?;
                }
            }
            audit.finish()
        };
        let whole = Report { rows: 6, shredded: 1, unread: 0, checkpoints: 3, signed: 5 };
        assert_eq!(read(6, &[]), Ok(whole.clone()));
        assert_eq!(read(6, &[&notes[5], &notes[1]]), Ok(whole));
        assert_eq!(read(4, &[]).unwrap().signed, 3, "by itself it cannot tell");
        assert_eq!(read(4, &[&notes[1], &notes[5]]), Err(JournalError::Checkpoint { size: 6 }));
        let other = Checkpoint { size: 4, root: [9; 32] }.sign(&signer).unwrap();
        assert_eq!(read(6, &[&other]), Err(JournalError::Checkpoint { size: 4 }), "another history");
        let empty = Checkpoint::of(&Chain::default()).sign(&signer).unwrap();
        assert!(read(6, &[&empty]).is_ok());
        let mut audit = Audit::new(&key, []).unwrap();
        assert_eq!(audit.checkpoint(&notes[0]), Err(JournalError::Checkpoint { size: 1 }), "before its row");
    }
}
