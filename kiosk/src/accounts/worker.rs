//! Accounts on a thread of their own, so that a directory that does not answer never stops a lane.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use anyhow::{Context, Result, bail};
use shared::credential::Verified;
use shared::time::Timestamp;
use shared::trust::KioskIdentity;

use super::directory::PATIENCE;
use super::document::DocumentKey;
use super::{Accounts, Binding, Visit};

/// A visit, and where the answer goes.
type Job = (Visit, SyncSender<Result<Binding>>);

/// The accounts of a lane.
pub struct Worker {
    jobs: SyncSender<Job>,
    document_key: Option<DocumentKey>,
}

impl Worker {
    /// Starts the thread.
    pub fn start(accounts: Accounts) -> Result<Self> {
        // One at work and one behind it: who comes while both are stuck hears so at once.
        let (jobs, waiting) = sync_channel(1);
        let Accounts { directory, document_key } = accounts;
        let accounts = Accounts { directory, document_key: None };
        let thread = thread::Builder::new().name("accounts".into());
        thread.spawn(move || work(accounts, &waiting)).context("starting the thread of the accounts")?;
        Ok(Self { jobs, document_key })
    }

    /// Finds out whose an accepted visit was. `None` where the code told nothing to find it out by.
    ///
    /// Waits for [`PATIENCE`] at most. A visit that took longer may be written down all the same.
    pub fn visit(
        &self,
        verified: &Verified,
        kiosk: &KioskIdentity,
        at: Timestamp,
    ) -> Result<Option<Binding>> {
        Visit::of(verified, kiosk, self.document_key.as_ref(), at)
            .map(|visit| self.wait_for(visit))
            .transpose()
    }

    fn wait_for(&self, visit: Visit) -> Result<Binding> {
        let (answer, answered) = sync_channel(1);
        match self.jobs.try_send((visit, answer)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => bail!("the directory of accounts has not answered yet"),
            Err(TrySendError::Disconnected(_)) => bail!("the thread of the accounts has ended"),
        }
        answered.recv_timeout(PATIENCE).context("the directory of accounts does not answer")?
    }
}

fn work(mut accounts: Accounts, waiting: &Receiver<Job>) {
    while let Ok((visit, answer)) = waiting.recv() {
        // Nobody waits any longer if it took too long.
        let _ = answer.send(accounts.visit(&visit));
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::directory::{Directory, Work};
    use super::super::tests::visit;
    use super::*;

    /// A server that takes the question and never answers.
    struct Silent;

    impl Directory for Silent {
        fn prepare(&mut self) -> Result<()> {
            Ok(())
        }

        fn within(&mut self, _: Work<'_>) -> Result<()> {
            thread::sleep(Duration::from_secs(3600));
            Ok(())
        }
    }

    #[test]
    fn a_directory_that_hangs_stops_nobody() {
        let worker = Worker::start(Accounts { directory: Box::new(Silent), document_key: None }).unwrap();
        assert!(worker.wait_for(visit(1)).is_err());
        assert!(worker.wait_for(visit(2)).is_err());
        // The first hangs, the second waits behind it: the third is not waited for.
        let began = Instant::now();
        assert!(worker.wait_for(visit(3)).unwrap_err().to_string().contains("not answered yet"));
        assert!(began.elapsed() < PATIENCE);
    }
}
