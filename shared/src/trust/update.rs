//! From a repository to a [`TrustStore`]: the TUF client workflow, then the targets it vouches for.
//!
//! Expiry does not end the work here. A repository that has expired is verified as of the last second at
//! which it had not, and the store says through [`Freshness`](super::Freshness) how old it is; the signed
//! policy says what that means. Rollback, missing signatures and altered files are always errors.

use std::collections::BTreeMap;
use std::sync::Arc;

use sigstore_tuf::{DelegatedRole, Role};

use super::client::{Client, MAX_AGENCIES, check_memory, issued, ready};
use super::issuers::{IssuerKey, IssuerKeys, TrustedIssuer};
use super::kiosks::{KioskIdentity, kiosk_target};
use super::policy::Policy;
use super::sector_keys::{FOLDER, SectorKeys, wrapped_target};
use super::status::StatusListError;
use super::{ISSUED_FIELD, ISSUER_FIELD, TrustStore, Versions, status_delta};
use crate::credential::Purpose;
use crate::key::KeyId;
use crate::seal::{HEALTH_CERTIFICATES, SealTrust, SealTrustError, VISIBLE_DIGITAL_SEALS};
use crate::time::Timestamp;

/// The largest target read: a status list of 2^20 entries is at most 0.3 MB.
pub(super) const MAX_TARGET: u64 = 4 << 20;

/// Files by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// A repository to read from: a directory, a USB stick, what a kiosk kept.
pub trait TrustSource: Send + Sync {
    /// Reads `metadata/<name>` if it exists, refusing more than `limit` bytes.
    ///
    /// # Errors
    /// Files that are too large, odd, or cannot be read.
    fn metadata(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError>;

    /// Reads `targets/<path>` if it exists, refusing more than `limit` bytes.
    ///
    /// # Errors
    /// Files that are too large, odd, or cannot be read.
    fn target(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError>;
}

/// Why a source gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct SourceError {
    /// Which file.
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
}

/// What a verified repository leaves behind for the next start and the next update.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustSnapshot {
    /// The files that were read and verified, `metadata/…` and `targets/…`: a repository by itself.
    pub repository: Files,
    /// The client's memory of versions, without which an older repository would pass.
    pub memory: Files,
}

impl TrustSource for Files {
    fn metadata(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        bounded(self.get(&format!("metadata/{name}")), name, limit)
    }

    fn target(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        bounded(self.get(&format!("targets/{path}")), path, limit)
    }
}

pub(super) fn bounded(
    bytes: Option<&Vec<u8>>,
    name: &str,
    limit: u64,
) -> Result<Option<Vec<u8>>, SourceError> {
    match bytes {
        Some(bytes) if bytes.len() as u64 > limit => {
            Err(SourceError { name: name.to_owned(), problem: format!("larger than {limit} bytes") })
        }
        bytes => Ok(bytes.cloned()),
    }
}

/// Why a repository is not believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// TUF refused the metadata or a target: signatures, rollback, sizes, hashes, or a file that is not there.
    #[error(transparent)]
    Tuf(#[from] sigstore_tuf::Error),
    /// A target that every kiosk needs is not listed.
    #[error("the repository lists no {name}")]
    Missing {
        /// Its path.
        name: String,
    },
    /// A target's contents.
    #[error("{name} cannot be understood: {problem}")]
    Target {
        /// Its path.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A status list's token.
    #[error("{name}: {source}")]
    StatusList {
        /// Its path.
        name: String,
        /// What is wrong with it.
        source: StatusListError,
    },
    /// A delegation that reaches beyond its agency, or a file that claims another agency's issuer.
    #[error("agency {agency} {problem}")]
    Delegation {
        /// The delegated role.
        agency: String,
        /// What it does.
        problem: &'static str,
    },
    /// The signed time of publication went back, and by it the floor that clocks are held to would.
    #[error("the repository says that it was published before one that is known already")]
    Earlier,
    /// More agencies than are read.
    #[error("the repository has {count} agencies; at most {MAX_AGENCIES} are read")]
    Agencies {
        /// How many.
        count: usize,
    },
    /// What the client remembers of earlier repositories cannot be read.
    #[error("the memory of earlier repositories is damaged")]
    Memory,
    /// The source made its reader wait, which reading files does not.
    #[error("the repository did not answer at once")]
    NotReady,
}

/// Verifies a repository and takes over what it says, if it is not older than what `memory` knows.
///
/// `root` is the root metadata the device was provisioned with. Returns the store and what to keep.
///
/// # Errors
/// See [`TrustError`]; nothing is taken over then, and the last good store stays good.
pub fn update(
    source: impl TrustSource + 'static,
    root: &[u8],
    memory: &Files,
    clock: Timestamp,
) -> Result<(TrustStore, TrustSnapshot), TrustError> {
    update_for(source, root, memory, clock, None)
}

/// As [`update`], for a machine with a key of its own: the keys of sectors that are wrapped to it come along.
///
/// # Errors
/// As [`update`].
pub fn update_for(
    source: impl TrustSource + 'static,
    root: &[u8],
    memory: &Files,
    clock: Timestamp,
    machine: Option<KeyId>,
) -> Result<(TrustStore, TrustSnapshot), TrustError> {
    let source: Arc<dyn TrustSource> = Arc::new(source);
    // The client passes over a memory that it cannot read, and would then take an older repository.
    let before = if memory.is_empty() { None } else { Some(check_memory(root, memory)?) };
    let (store, snapshot) = read_at_last_good_time(&source, root, memory, clock, machine)?;
    // What is about to be kept has to pass the same check at the next start.
    let after = check_memory(root, &snapshot.memory)?;
    if before.is_some_and(|before| after.is_before(&before)) {
        return Err(TrustError::Earlier);
    }
    Ok((store, snapshot))
}

/// Reads the repository as of now or, where it has expired, as of the last second at which it had not.
fn read_at_last_good_time(
    source: &Arc<dyn TrustSource>,
    root: &[u8],
    memory: &Files,
    clock: Timestamp,
    machine: Option<KeyId>,
) -> Result<(TrustStore, TrustSnapshot), TrustError> {
    let mut time = clock.to_jiff();
    // Every role can have expired at another time; every attempt moves before one more of them.
    for _ in 0..MAX_AGENCIES + 4 {
        match Client::open(source, root, memory)?.read(time, machine) {
            Err(TrustError::Tuf(sigstore_tuf::Error::Expired { expires, .. })) if expires <= time => {
                time = expires - jiff::SignedDuration::from_secs(1);
            }
            result => return result,
        }
    }
    Client::open(source, root, memory)?.read(time, machine)
}

/// Verifies again what [`update`] left behind, at the start of a device.
///
/// # Errors
/// As [`update`]: a snapshot that was altered on disk is not believed.
pub fn load(snapshot: &TrustSnapshot, root: &[u8], clock: Timestamp) -> Result<TrustStore, TrustError> {
    load_for(snapshot, root, clock, None)
}

/// As [`load`], for a machine with a key of its own.
///
/// # Errors
/// As [`load`].
pub fn load_for(
    snapshot: &TrustSnapshot,
    root: &[u8],
    clock: Timestamp,
    machine: Option<KeyId>,
) -> Result<TrustStore, TrustError> {
    update_for(snapshot.repository.clone(), root, &snapshot.memory, clock, machine).map(|(store, _)| store)
}

impl Client {
    fn read(
        mut self,
        time: jiff::Timestamp,
        machine: Option<KeyId>,
    ) -> Result<(TrustStore, TrustSnapshot), TrustError> {
        ready(self.updater.refresh(time))??;
        let trusted = self.updater.trusted();
        let missing = |name: &str| TrustError::Missing { name: name.to_owned() };
        let timestamp = trusted.timestamp().ok_or_else(|| missing("timestamp.json"))?;
        let snapshot = trusted.snapshot().ok_or_else(|| missing("snapshot.json"))?;
        let targets = trusted.targets_role("targets").ok_or_else(|| missing("targets.json"))?.clone();
        let issued = issued(timestamp).ok_or_else(|| missing(ISSUED_FIELD))?;
        let expires = [trusted.root().expires(), timestamp.expires(), snapshot.expires(), targets.expires()];
        let expires = expires.map(Timestamp::from).into_iter().min().unwrap_or(issued);
        let versions =
            Versions { root: trusted.root().version, timestamp: timestamp.version, targets: targets.version };

        let policies = self.policies(targets.targets.keys(), time)?;
        let seals = self.seals(&targets.targets, time)?;
        let sector_keys = self.sector_keys(targets.targets.keys(), machine, time)?;
        let kiosk = self.kiosk(&targets.targets, machine, time)?;
        let mut issuers = Vec::new();
        let roles =
            targets.delegations.as_ref().map(|delegations| delegations.roles.as_slice()).unwrap_or_default();
        if roles.len() > MAX_AGENCIES {
            return Err(TrustError::Agencies { count: roles.len() });
        }
        for role in roles {
            let issuer = self.issuer(role, expires, time)?;
            if issuers.iter().any(|known: &TrustedIssuer| known.uri == issuer.uri) {
                let problem = "speaks for an issuer that another agency speaks for";
                return Err(TrustError::Delegation { agency: issuer.agency, problem });
            }
            issuers.push(issuer);
        }
        let snapshot = TrustSnapshot {
            repository: self.read.with(std::mem::take),
            memory: self.memory.with(std::mem::take),
        };
        Ok((TrustStore { issuers, policies, seals, sector_keys, kiosk, issued, expires, versions }, snapshot))
    }

    fn policies<'n>(
        &mut self,
        names: impl Iterator<Item = &'n String>,
        time: jiff::Timestamp,
    ) -> Result<BTreeMap<Purpose, Policy>, TrustError> {
        let mut policies = BTreeMap::new();
        for name in names.filter(|name| name.starts_with("policy/")) {
            let policy: Policy = parse(name, &self.target(name, time)?)?;
            if *name != format!("policy/{}.json", policy.purpose) {
                return Err(TrustError::Target {
                    name: name.clone(),
                    problem: "it is for another purpose".into(),
                });
            }
            policies.insert(policy.purpose.clone(), policy);
        }
        Ok(policies)
    }

    /// Reads the epochs of every purpose, and the keys that are wrapped to this machine.
    fn sector_keys<'n>(
        &mut self,
        names: impl Iterator<Item = &'n String>,
        machine: Option<KeyId>,
        time: jiff::Timestamp,
    ) -> Result<SectorKeys, TrustError> {
        let mut keys = SectorKeys::default();
        let own = machine.map(|machine| wrapped_target(machine, ""));
        let own = own.as_deref().and_then(|target| target.strip_suffix(".cose"));
        for name in names {
            let Some(rest) = name.strip_prefix(FOLDER) else { continue };
            if own.is_some_and(|own| name.starts_with(own)) {
                keys.wrapped.insert(name.clone(), self.target(name, time)?);
            } else if let Some(purpose) =
                rest.strip_suffix(".json").and_then(|name| Purpose::parse(name).ok())
            {
                let epochs = parse(name, &self.target(name, time)?)?;
                keys.epochs.insert(purpose, epochs);
            }
        }
        Ok(keys)
    }

    /// Reads who this machine is, if the repository says so.
    fn kiosk<T>(
        &mut self,
        listed: &BTreeMap<String, T>,
        machine: Option<KeyId>,
        time: jiff::Timestamp,
    ) -> Result<Option<KioskIdentity>, TrustError> {
        let Some(name) = machine.map(kiosk_target).filter(|name| listed.contains_key(name)) else {
            return Ok(None);
        };
        let identity: KioskIdentity = parse(&name, &self.target(&name, time)?)?;
        if identity.target() == name {
            return Ok(Some(identity));
        }
        Err(TrustError::Target { name, problem: "it is another machine's".into() })
    }

    /// Reads whom seals of other schemes are believed from, as far as the repository says.
    fn seals<T>(
        &mut self,
        listed: &BTreeMap<String, T>,
        time: jiff::Timestamp,
    ) -> Result<SealTrust, TrustError> {
        let mut seals = SealTrust::default();
        let wrong = |name: &str| {
            let name = name.to_owned();
            move |error: SealTrustError| TrustError::Target { name, problem: error.to_string() }
        };
        if listed.contains_key(HEALTH_CERTIFICATES) {
            let json = self.target(HEALTH_CERTIFICATES, time)?;
            seals = seals.with_health_certificates(&json).map_err(wrong(HEALTH_CERTIFICATES))?;
        }
        if listed.contains_key(VISIBLE_DIGITAL_SEALS) {
            let json = self.target(VISIBLE_DIGITAL_SEALS, time)?;
            seals = seals.with_visible_digital_seals(&json).map_err(wrong(VISIBLE_DIGITAL_SEALS))?;
        }
        Ok(seals)
    }

    fn issuer(
        &mut self,
        role: &DelegatedRole,
        expires: Timestamp,
        time: jiff::Timestamp,
    ) -> Result<TrustedIssuer, TrustError> {
        let agency = role.name.clone();
        let delegation = |problem| TrustError::Delegation { agency: agency.clone(), problem };
        let folder = format!("issuers/{agency}/");
        if Purpose::parse(&agency).is_err() || role.paths.as_deref() != Some(&[format!("{folder}*")]) {
            return Err(delegation("is delegated names other than its own"));
        }
        let issuer_uri = role.extra.get(ISSUER_FIELD).and_then(serde_json::Value::as_str);
        let issuer_uri = issuer_uri.ok_or_else(|| delegation("is delegated no issuer"))?.to_owned();
        let name = format!("{folder}keys.json");
        let listed: IssuerKeys = parse(&name, &self.target(&name, time)?)?;
        if listed.issuer != issuer_uri {
            return Err(delegation("claims another agency's issuer"));
        }
        let repeated = |(place, key): (usize, &IssuerKey)| {
            listed.keys.iter().take(place).any(|earlier| earlier.public == key.public)
        };
        if listed.keys.iter().enumerate().any(repeated) {
            // Which of the two would say when it was revoked?
            return Err(delegation("lists a key twice"));
        }
        let keys = listed.keys;
        let own =
            self.updater.trusted().targets_role(&agency).ok_or_else(|| delegation("has no metadata"))?;
        let expires = expires.min(Timestamp::from(own.expires()));
        let names: Vec<String> =
            own.targets.keys().filter_map(|name| name.strip_prefix(&folder)).map(str::to_owned).collect();
        let kept = status_delta::take(&mut self.kept, &agency);
        let wrong = |name: &str, source| TrustError::StatusList { name: format!("{folder}{name}"), source };
        let mut room = self.status_room;
        let fetch = |name: &str| self.target(&format!("{folder}{name}"), time);
        let (status_lists, keep) = status_delta::read(&names, &keys, &kept, &mut room, fetch, wrong)?;
        self.status_room = room;
        self.memory.with(|memory| status_delta::put(memory, &agency, keep));
        Ok(TrustedIssuer { agency, uri: issuer_uri, keys, status_lists, expires })
    }

    fn target(&mut self, name: &str, time: jiff::Timestamp) -> Result<Vec<u8>, TrustError> {
        let info = ready(self.updater.get_target_info(name, time))??;
        let info = info.ok_or_else(|| TrustError::Missing { name: name.to_owned() })?;
        Ok(ready(self.updater.download_target(&info, name))??)
    }
}

fn parse<T: serde::de::DeserializeOwned>(name: &str, bytes: &[u8]) -> Result<T, TrustError> {
    serde_json::from_slice(bytes)
        .map_err(|error| TrustError::Target { name: name.to_owned(), problem: error.to_string() })
}
