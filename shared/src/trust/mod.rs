//! What a verifier believes: issuers, their keys and status lists, and the policy of each purpose.
//!
//! All of it comes from one TUF repository ([`update`]) and from nowhere else. A [`TrustStore`] exists
//! only after every signature in that repository was verified up to the provisioned root.

mod client;
mod freshness;
mod issuers;
mod kiosks;
mod policy;
#[cfg(feature = "issue")]
mod repository;
#[cfg(feature = "issue")]
mod root;
mod sector_keys;
mod status;
mod status_delta;
mod update;

use std::collections::BTreeMap;

pub use client::{Client, Target};
pub use freshness::{ClockState, FRESH_FOR, Freshness, MAX_GRACE_DAYS, TimeFloor};
pub use issuers::{IssuerKey, IssuerKeys, KeyState, TrustedIssuer};
pub use kiosks::{KioskIdentity, KioskIdentityError, kiosk_target};
pub use policy::{
    AccountRule, AttackRule, Dialect, FaceRule, FalseMatchRate, PaperRule, Policy, ProofRule, ReplayRule,
    StaleRule,
};
#[cfg(feature = "issue")]
pub use repository::{
    AgencyPart, AgencyRole, Assembly, RepositoryError, RepositoryKeys, TopLevelVersions, assemble, sign_root,
};
#[cfg(feature = "issue")]
pub use root::{RootDocument, RootKeys, RootSigner, Rotation, TopLevelRole, TufKey, check_root_chain};
pub use sector_keys::{SectorEpoch, SectorEpochs, epochs_target, wrapped_target};
#[cfg(feature = "issue")]
pub use status::StatusListBuilder;
pub use status::{LIST_SIZE, ListState, Status, StatusList, StatusListError};
pub use status_delta::{Change, DeltaError, StatusDelta};
#[cfg(feature = "issue")]
pub use status_delta::{HASHES, PublishedList, delta_name, prepare_hashes};
pub use update::{
    Files, SourceError, TrustError, TrustSnapshot, TrustSource, load, load_for, update, update_for,
};

use crate::credential::Purpose;
use crate::encryption::DecryptionKey;
use crate::seal::SealTrust;
use crate::time::Timestamp;
use sector_keys::SectorKeys;

/// Where a field of our own stands in signed TUF metadata: the time of publication, in `timestamp`.
pub(crate) const ISSUED_FIELD: &str = "x-gatepass-issued";
/// The issuer URI that a delegation is for, in the delegated role's entry of `targets`.
pub(crate) const ISSUER_FIELD: &str = "x-gatepass-issuer";

/// Everything a verifier believes. Only [`update`] and [`load`] make one.
#[derive(Debug, Clone)]
pub struct TrustStore {
    issuers: Vec<TrustedIssuer>,
    policies: BTreeMap<Purpose, Policy>,
    seals: SealTrust,
    sector_keys: SectorKeys,
    kiosk: Option<KioskIdentity>,
    issued: Timestamp,
    expires: Timestamp,
    versions: Versions,
}

/// The version numbers of the verified top-level metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Versions {
    /// `root.json`.
    pub root: u64,
    /// `timestamp.json`.
    pub timestamp: u64,
    /// `targets.json`.
    pub targets: u64,
}

impl TrustStore {
    /// Opens the keys with which `machine` reads encrypted codes for a purpose: those of the last two epochs.
    ///
    /// Only a store that was made for this machine, by [`update_for`] or [`load_for`], has any.
    pub fn sector_keys(&self, purpose: &Purpose, machine: &DecryptionKey) -> Vec<DecryptionKey> {
        self.sector_keys.open(purpose, machine)
    }

    /// Returns who the machine is that the store was made for, by [`update_for`] or [`load_for`], if the repository says so.
    pub fn kiosk(&self) -> Option<&KioskIdentity> {
        self.kiosk.as_ref()
    }

    /// Returns the issuer of that URI.
    pub fn issuer(&self, uri: &str) -> Option<&TrustedIssuer> {
        self.issuers.iter().find(|issuer| issuer.uri() == uri)
    }

    /// Returns every issuer.
    pub fn issuers(&self) -> &[TrustedIssuer] {
        &self.issuers
    }

    /// Returns the policy of a purpose.
    pub fn policy(&self, purpose: &Purpose) -> Option<&Policy> {
        self.policies.get(purpose)
    }

    /// Returns the policies in the order of their purposes.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.policies.values()
    }

    /// Returns whom seals of other schemes are believed from.
    pub fn seals(&self) -> &SealTrust {
        &self.seals
    }

    /// Returns when the repository was published, as its timestamp role signed it.
    pub fn issued(&self) -> Timestamp {
        self.issued
    }

    /// Returns when the first of the top-level roles expires.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Returns the earliest time it can be.
    pub fn floor(&self) -> TimeFloor {
        TimeFloor::from_signed(self.issued)
    }

    /// Returns the versions of the top-level metadata.
    pub fn versions(&self) -> Versions {
        self.versions
    }
}
