//! The TUF client workflow (TUF 1.0 §5) over a [`TrustSource`], with the client's memory in the caller's hands.
//!
//! This is what `tuf-conformance` is run against. [`update`](super::update) builds on it and is stricter: there a
//! memory is whole or nothing, and nothing of a repository is kept unless all of it was verified.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use sha2::{Digest, Sha256};
use sigstore_tuf::metadata::RoleKeys;
use sigstore_tuf::transport::FetchFuture;
use sigstore_tuf::{MetadataStore, Repository, TargetFile, TrustedMetadataSet, Updater, UpdaterConfig};

use super::update::{Files, MAX_TARGET, SourceError, TrustError, TrustSource, bounded};
use super::{ISSUED_FIELD, status_delta};
use crate::time::Timestamp;

/// The most agencies in one repository.
pub(super) const MAX_AGENCIES: usize = 256;

/// The most changes of root that are followed at once. Each is signed by enough root keys, so that only their holders
/// could make a client work for nothing; and a device that was stored away for years has to find its way back.
const MAX_ROOT_ROTATIONS: u32 = 1024;

/// A TUF client at work on one repository.
pub struct Client {
    pub(super) updater: Updater,
    pub(super) read: Shared,
    pub(super) memory: Shared,
    /// What is held of status lists, until it is found out whether it still holds.
    pub(super) kept: Files,
    /// How many bytes status lists may still take.
    pub(super) status_room: usize,
}

/// A target that verified metadata lists.
#[derive(Debug, Clone)]
pub struct Target {
    path: String,
    listed: TargetFile,
}

impl Target {
    /// Tells whether these bytes are the target, so that it need not be fetched again.
    pub fn is(&self, bytes: &[u8]) -> bool {
        bytes.len() as u64 == self.listed.length
            && self
                .listed
                .hashes
                .get("sha256")
                .is_some_and(|hash| hex::encode(Sha256::digest(bytes)) == *hash)
    }
}

impl Client {
    /// Takes up where `memory` left off; `root` is what the device was provisioned with.
    ///
    /// # Errors
    /// A root that is not signed by enough of its own keys.
    pub fn open(source: &Arc<dyn TrustSource>, root: &[u8], memory: &Files) -> Result<Self, TrustError> {
        let (kept, memory): (Files, Files) =
            memory.clone().into_iter().partition(|(name, _)| name.starts_with(status_delta::KEPT));
        let (read, memory) = (Shared::default(), Shared(Arc::new(Mutex::new(memory))));
        let recorder = Recorder { source: source.clone(), read: read.clone() };
        let mut config = UpdaterConfig::default();
        config.target_max_length = MAX_TARGET;
        config.max_root_rotations = MAX_ROOT_ROTATIONS;
        config.max_delegations = MAX_AGENCIES as u32;
        let updater = Updater::new(recorder, root)?.with_config(config).with_store(memory.clone());
        Ok(Self { updater, read, memory, kept, status_room: status_delta::ROOM })
    }

    /// Updates root, timestamp, snapshot and targets (TUF 1.0 §5.3 to §5.6).
    ///
    /// # Errors
    /// What TUF refuses, expired metadata included.
    pub fn refresh(&mut self, now: Timestamp) -> Result<(), TrustError> {
        Ok(ready(self.updater.refresh(now.to_jiff()))??)
    }

    /// Looks a target up, through delegations where needed (TUF 1.0 §5.6.7). `None` where nobody lists it.
    ///
    /// # Errors
    /// As [`Client::refresh`].
    pub fn find(&mut self, path: &str, now: Timestamp) -> Result<Option<Target>, TrustError> {
        let listed = ready(self.updater.get_target_info(path, now.to_jiff()))??;
        Ok(listed.map(|listed| Target { path: path.to_owned(), listed }))
    }

    /// Reads a target and checks its length and hashes (TUF 1.0 §5.7).
    ///
    /// # Errors
    /// Targets that are not there or not what was signed.
    pub fn download(&self, target: &Target) -> Result<Vec<u8>, TrustError> {
        Ok(ready(self.updater.download_target(&target.listed, &target.path))??)
    }

    /// Returns what the client has verified so far and has to remember, by name: `root.json`, `timestamp.json`,
    /// and so on, with every root that led here under `root_history/`.
    pub fn memory(&self) -> Files {
        self.memory.with(|files| files.clone())
    }
}

/// What a memory says about the last publication.
pub(super) struct Remembered {
    issued: Option<Timestamp>,
    /// Who signs for the time.
    keys: RoleKeys,
}

impl Remembered {
    /// Tells whether this publication is said to be earlier than another one by the same keys. Where the keys were
    /// replaced, what the old ones said of the time is forgotten, as TUF forgets their version numbers.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        self.keys == other.keys && self.issued < other.issued
    }
}

/// Returns when a publication says that it was made.
pub(super) fn issued(timestamp: &sigstore_tuf::metadata::Timestamp) -> Option<Timestamp> {
    timestamp
        .extra
        .get(ISSUED_FIELD)
        .and_then(serde_json::Value::as_str)
        .and_then(|text| Timestamp::parse(text).ok())
}

/// Checks that a memory is whole: every root from the provisioned one to the last, and timestamp, snapshot and
/// targets as the last one signs them. What is missing would be a floor that an older repository could pass under.
pub(super) fn check_memory(root: &[u8], memory: &Files) -> Result<Remembered, TrustError> {
    let file = |name: &str| memory.get(name).ok_or(TrustError::Memory);
    let damaged = |_| TrustError::Memory;
    let mut trusted = TrustedMetadataSet::from_root(root)?;
    loop {
        let next = format!("root_history/{}.root.json", trusted.root().version.saturating_add(1));
        let Some(bytes) = memory.get(&next) else { break };
        trusted.update_root(bytes).map_err(damaged)?;
    }
    if file("root.json")? != trusted.root_bytes() {
        return Err(TrustError::Memory);
    }
    // Expiry is not the question here.
    let epoch = jiff::Timestamp::UNIX_EPOCH;
    trusted.update_timestamp(file("timestamp.json")?, epoch).map_err(damaged)?;
    trusted.update_snapshot(file("snapshot.json")?, epoch).map_err(damaged)?;
    trusted.update_targets(file("targets.json")?, epoch).map_err(damaged)?;
    let keys = trusted.root().roles.get("timestamp").cloned().ok_or(TrustError::Memory)?;
    Ok(Remembered { issued: trusted.timestamp().and_then(issued), keys })
}

/// Polls once: a source that reads files never makes its reader wait.
pub(super) fn ready<T>(future: impl Future<Output = T>) -> Result<T, TrustError> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Ok(value),
        Poll::Pending => Err(TrustError::NotReady),
    }
}

/// Files that the library writes and the caller reads. It lives in memory and so cannot fail: the library only
/// logs what a store refuses. The device writes it down in one transaction once everything was verified.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Files>>);

impl Shared {
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Files) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Passes files on from the source and keeps what was read.
struct Recorder {
    source: Arc<dyn TrustSource>,
    read: Shared,
}

impl Recorder {
    fn answer(
        &self,
        name: String,
        limit: u64,
        result: Result<Option<Vec<u8>>, SourceError>,
    ) -> FetchFuture<'_> {
        // Checked here too: the client relies on the source for it.
        let result = result.and_then(|bytes| bounded(bytes.as_ref(), &name, limit));
        let result = result.map_err(|error| sigstore_tuf::Error::Malformed(error.to_string()));
        if let Ok(Some(bytes)) = &result {
            self.read.with(|files| files.insert(name, bytes.clone()));
        }
        Box::pin(std::future::ready(result))
    }
}

impl Repository for Recorder {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        self.answer(format!("metadata/{name}"), max_length, self.source.metadata(name, max_length))
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        self.answer(format!("targets/{path}"), max_length, self.source.target(path, max_length))
    }
}

impl MetadataStore for Shared {
    fn load(&self, name: &str) -> sigstore_tuf::Result<Option<Vec<u8>>> {
        Ok(self.with(|files| files.get(name).cloned()))
    }

    fn store(&self, name: &str, bytes: &[u8]) -> sigstore_tuf::Result<()> {
        // Targets are in the repository already; the memory is for metadata.
        if !name.starts_with("targets/") {
            self.with(|files| files.insert(name.to_owned(), bytes.to_vec()));
        }
        Ok(())
    }
}
