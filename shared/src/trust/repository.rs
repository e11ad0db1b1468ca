//! Making a repository: TUF 1.0 metadata, signed and named as clients expect it.
//!
//! Each agency signs its own part ([`AgencyRole::sign`]) and hands it over; whoever holds the keys of targets,
//! snapshot and timestamp puts the parts together ([`assemble`]) and never holds an agency's key.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use sigstore_tuf::{Metadata, RoleKeys, Targets, canonical_json};

use super::root::{RootDocument, RootKeys, TufKey};
use super::update::{MAX_TARGET, SourceError, TrustSource};
use super::{Files, ISSUED_FIELD, ISSUER_FIELD};
use crate::key::{PublicKey, SignError, Signer};
use crate::time::Timestamp;

const DAY: i64 = 24 * 3600;
/// How long each role's metadata is good for, in seconds (trust research §1.4).
const TARGETS_LIFE: i64 = 90 * DAY;
const SNAPSHOT_LIFE: i64 = 30 * DAY;
const TIMESTAMP_LIFE: i64 = 7 * DAY;

/// Root signatures needed where nobody says otherwise, of however many root keys there are.
const ROOT_THRESHOLD: usize = 2;

/// The public keys that the root metadata names.
#[derive(Debug, Clone)]
pub struct RepositoryKeys {
    /// Offline; two of them sign.
    pub root: Vec<PublicKey>,
    /// Signs policies and delegations.
    pub targets: PublicKey,
    /// Signs the list of versions.
    pub snapshot: PublicKey,
    /// Signs most often.
    pub timestamp: PublicKey,
}

/// Why there is no repository.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RepositoryError {
    /// A signer failed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// Metadata that has no canonical form, is not what it should be, or lacks signatures.
    #[error(transparent)]
    Metadata(#[from] sigstore_tuf::Error),
    /// Fewer root keys than must sign.
    #[error("{given} root keys were given and {ROOT_THRESHOLD} must sign")]
    RootThreshold {
        /// How many.
        given: usize,
    },
    /// More keys have to sign than there are, or too few.
    #[error("{role}: {threshold} of {keys} keys cannot be what has to sign")]
    Threshold {
        /// Whose keys.
        role: &'static str,
        /// How many there are.
        keys: usize,
        /// How many have to sign.
        threshold: usize,
    },
    /// A key in two roles, or twice in one.
    #[error("key {key} is named twice: a key has one role, once")]
    KeyReused {
        /// Its identifier.
        key: String,
    },
    /// A key to remove that the role does not have.
    #[error("the role has no key {key}")]
    UnknownKey {
        /// Its identifier.
        key: String,
    },
    /// A signature of a key that has no say.
    #[error("key {key} is not a root key of this version or the one before")]
    NotAskedToSign {
        /// Its identifier.
        key: String,
    },
    /// Two signatures of one key.
    #[error("a key signs twice")]
    SignedTwice,
    /// A public key that is not written as one.
    #[error("not a public key in PEM")]
    Pem,
    /// No root at all.
    #[error("there is no root metadata")]
    NoRoot,
    /// An agency's part that breaks a rule.
    #[error("the part of agency {agency} {problem}")]
    Part {
        /// Its delegated role.
        agency: String,
        /// What it does.
        problem: &'static str,
    },
    /// A file of a part that cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// The version numbers of the three roles that one publisher signs for; each publication raises them.
#[derive(Debug, Clone, Copy)]
pub struct TopLevelVersions {
    /// `targets`.
    pub targets: u64,
    /// `snapshot`.
    pub snapshot: u64,
    /// `timestamp`.
    pub timestamp: u64,
}

impl From<u64> for TopLevelVersions {
    /// The same number for all three.
    fn from(version: u64) -> Self {
        Self { targets: version, snapshot: version, timestamp: version }
    }
}

/// An agency's delegated role.
pub struct AgencyRole<'a> {
    /// Its name, as in `issuers/<name>/keys.json`.
    pub name: &'a str,
    /// The issuer URI that it alone may speak for.
    pub issuer: &'a str,
    /// Signs its targets.
    pub signer: &'a dyn Signer,
    /// Its targets, by path below `issuers/<name>/`.
    pub targets: &'a Files,
}

impl AgencyRole<'_> {
    /// Signs the agency's part of a repository.
    ///
    /// # Errors
    /// Signers that fail.
    pub fn sign(&self, version: u64, now: Timestamp) -> Result<AgencyPart, RepositoryError> {
        let targets: Files = self
            .targets
            .iter()
            .map(|(name, bytes)| (format!("issuers/{}/{name}", self.name), bytes.clone()))
            .collect();
        let listed = targets.iter().map(|(path, bytes)| (path.clone(), reference(bytes))).collect();
        let signed = targets_metadata(version, now.plus(TARGETS_LIFE), listed);
        Ok(AgencyPart {
            name: self.name.to_owned(),
            issuer: self.issuer.to_owned(),
            key: self.signer.public_key(),
            version,
            expires: now.plus(TARGETS_LIFE),
            metadata: envelope(&signed, self.signer)?,
            targets,
        })
    }
}

/// What an agency signed: metadata and the targets that it lists.
#[derive(Debug, Clone)]
pub struct AgencyPart {
    name: String,
    issuer: String,
    key: PublicKey,
    version: u64,
    expires: Timestamp,
    metadata: Vec<u8>,
    /// By path, `issuers/<name>/…`.
    targets: Files,
}

impl AgencyPart {
    /// Reads the part that an agency handed over: `metadata`, and from `source` the targets that it lists.
    ///
    /// # Errors
    /// Metadata that `key` did not sign or that lists names outside the agency's folder; targets that are
    /// missing, too large, or not what was signed.
    pub fn read(
        name: &str,
        issuer: &str,
        key: PublicKey,
        metadata: Vec<u8>,
        source: &dyn TrustSource,
    ) -> Result<Self, RepositoryError> {
        let wrong = |problem| RepositoryError::Part { agency: name.to_owned(), problem };
        let parsed = Metadata::<Targets>::from_slice(&metadata)?;
        let tuf_key = TufKey::from(key);
        let keys = BTreeMap::from([(
            tuf_key.id(),
            serde_json::from_value(tuf_key.to_value()).map_err(sigstore_tuf::Error::from)?,
        )]);
        let role: RoleKeys = serde_json::from_value(json!({ "keyids": [tuf_key.id()], "threshold": 1 }))
            .map_err(sigstore_tuf::Error::from)?;
        parsed.verify_threshold(&keys, &role, name)?;
        let folder = format!("issuers/{name}/");
        let mut targets = Files::new();
        for (path, listed) in &parsed.signed().targets {
            let own = path.strip_prefix(&folder).is_some_and(|rest| !rest.is_empty() && !rest.contains('/'));
            if !own {
                return Err(wrong("lists a name that is not in its folder"));
            }
            let hash = listed.hashes.get("sha256").ok_or_else(|| wrong("lists a target without SHA-256"))?;
            if listed.length > MAX_TARGET {
                return Err(wrong("lists a target that is larger than kiosks read"));
            }
            let bytes = source.target(&hashed_path(path, hash), listed.length)?;
            let bytes = bytes.ok_or_else(|| wrong("lists a target that is not there"))?;
            // Kiosks ask for the file by the hash as it is spelled, and the publisher writes it in lower case.
            if bytes.len() as u64 != listed.length || hex::encode(Sha256::digest(&bytes)) != *hash {
                return Err(wrong("holds a target that is not what was signed"));
            }
            targets.insert(path.clone(), bytes);
        }
        if parsed.signed().delegations.as_ref().is_some_and(|delegations| !delegations.roles.is_empty()) {
            return Err(wrong("delegates to others"));
        }
        Ok(Self {
            name: name.to_owned(),
            issuer: issuer.to_owned(),
            key,
            version: parsed.signed().version,
            expires: parsed.signed().expires.into(),
            metadata,
            targets,
        })
    }

    /// Returns the name of the delegated role.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the version that the agency gave it.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Returns when its metadata expires.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Returns the signed metadata.
    pub fn metadata(&self) -> &[u8] {
        &self.metadata
    }

    /// Returns the files of the part as they stand in a repository, by path: `metadata/…` and `targets/…`.
    pub fn files(&self) -> Files {
        let metadata = (format!("metadata/{}.{}.json", self.version, self.name), self.metadata.clone());
        std::iter::once(metadata).chain(target_files(&self.targets)).collect()
    }

    fn delegation(&self) -> Value {
        json!({
            "name": self.name, "keyids": [TufKey::from(self.key).id()], "threshold": 1, "terminating": true,
            "paths": [format!("issuers/{}/*", self.name)], ISSUER_FIELD: self.issuer,
        })
    }
}

/// A repository of any number of agencies, and who signs for all of them.
pub struct Assembly<'a> {
    /// Every root, in order from version 1.
    pub roots: &'a [Vec<u8>],
    /// Top-level targets, by path: policies.
    pub targets: &'a Files,
    /// What the agencies handed over.
    pub parts: &'a [AgencyPart],
    /// Agencies that no longer take part, with the last version of their metadata: clients refuse a snapshot
    /// that forgets a file which an earlier one listed.
    pub retired: &'a BTreeMap<String, u64>,
    /// Signs `targets`.
    pub targets_signer: &'a dyn Signer,
    /// Signs `snapshot`.
    pub snapshot_signer: &'a dyn Signer,
    /// Signs `timestamp`.
    pub timestamp_signer: &'a dyn Signer,
    /// The version of each of these roles.
    pub versions: TopLevelVersions,
    /// The time of publication.
    pub now: Timestamp,
}

/// Makes and signs `1.root.json`, the trust anchor.
///
/// # Errors
/// Fewer signers than the threshold of two, and signers that fail.
pub fn sign_root(
    keys: &RepositoryKeys,
    signers: &[&dyn Signer],
    now: Timestamp,
) -> Result<Vec<u8>, RepositoryError> {
    if signers.len() < ROOT_THRESHOLD {
        return Err(RepositoryError::RootThreshold { given: signers.len() });
    }
    let keys = RootKeys {
        root: keys.root.iter().copied().map(TufKey::from).collect(),
        threshold: ROOT_THRESHOLD,
        targets: keys.targets.into(),
        snapshot: keys.snapshot.into(),
        timestamp: keys.timestamp.into(),
    };
    let mut root = RootDocument::first(&keys, now)?;
    signers.iter().try_for_each(|signer| root.sign(*signer))?;
    Ok(root.published())
}

/// Makes every file of a repository, by path: `metadata/…` and `targets/…`.
///
/// # Errors
/// Signers that fail.
pub fn assemble(assembly: &Assembly<'_>) -> Result<Files, RepositoryError> {
    let Assembly { parts, versions, now, .. } = assembly;
    let mut files = target_files(assembly.targets).collect::<Files>();
    for root in assembly.roots {
        files.insert(format!("metadata/{}.root.json", RootDocument::parse(root)?.version()), root.clone());
    }
    files.extend(parts.iter().flat_map(AgencyPart::files));
    let mut put = |name: String, bytes: Vec<u8>| {
        let reference = reference(&bytes);
        files.insert(format!("metadata/{name}"), bytes);
        reference
    };

    let listed = assembly.targets.iter().map(|(name, bytes)| (name.clone(), reference(bytes))).collect();
    let mut targets = targets_metadata(versions.targets, now.plus(TARGETS_LIFE), listed);
    let keys = parts.iter().map(|part| TufKey::from(part.key)).map(|key| (key.id(), key.to_value()));
    targets["delegations"] = json!({
        "keys": keys.collect::<Map<String, Value>>(),
        "roles": parts.iter().map(AgencyPart::delegation).collect::<Vec<_>>(),
    });
    let targets =
        put(format!("{}.targets.json", versions.targets), envelope(&targets, assembly.targets_signer)?);

    let pin = |version: u64, reference: Value| {
        let mut pin = reference;
        pin["version"] = version.into();
        pin
    };
    let mut meta: Map<String, Value> = assembly
        .retired
        .iter()
        .map(|(name, version)| (format!("{name}.json"), json!({ "version": version })))
        .collect();
    meta.extend(
        parts
            .iter()
            .map(|part| (format!("{}.json", part.name), pin(part.version, reference(&part.metadata)))),
    );
    meta.insert("targets.json".to_owned(), pin(versions.targets, targets));
    let snapshot = json!({
        "_type": "snapshot", "spec_version": "1.0.31", "version": versions.snapshot,
        "expires": now.plus(SNAPSHOT_LIFE), "meta": meta,
    });
    let snapshot =
        put(format!("{}.snapshot.json", versions.snapshot), envelope(&snapshot, assembly.snapshot_signer)?);
    let timestamp = json!({
        "_type": "timestamp", "spec_version": "1.0.31", "version": versions.timestamp,
        "expires": now.plus(TIMESTAMP_LIFE), "meta": { "snapshot.json": pin(versions.snapshot, snapshot) },
        ISSUED_FIELD: now,
    });
    put("timestamp.json".to_owned(), envelope(&timestamp, assembly.timestamp_signer)?);
    Ok(files)
}

/// Where targets stand in a repository with consistent snapshots (TUF 1.0 §6.2): `dir/HASH.name`.
fn target_files(targets: &Files) -> impl Iterator<Item = (String, Vec<u8>)> {
    targets.iter().map(|(path, bytes)| {
        let hash = hex::encode(Sha256::digest(bytes));
        (format!("targets/{}", hashed_path(path, &hash)), bytes.clone())
    })
}

fn hashed_path(path: &str, hash: &str) -> String {
    match path.rsplit_once('/') {
        Some((directory, name)) => format!("{directory}/{hash}.{name}"),
        None => format!("{hash}.{path}"),
    }
}

fn targets_metadata(version: u64, expires: Timestamp, targets: Map<String, Value>) -> Value {
    json!({ "_type": "targets", "spec_version": "1.0.31", "version": version, "expires": expires, "targets": targets })
}

fn reference(bytes: &[u8]) -> Value {
    json!({ "length": bytes.len(), "hashes": { "sha256": hex::encode(Sha256::digest(bytes)) } })
}

fn envelope(signed: &Value, signer: &dyn Signer) -> Result<Vec<u8>, RepositoryError> {
    let canonical = canonical_json::to_canonical_bytes(signed)?;
    let signature = crate::key::sign_checked(signer, &canonical)?;
    let id = TufKey::from(signer.public_key()).id();
    Ok(envelope_bytes(signed, vec![json!({ "keyid": id, "sig": hex::encode(signature) })]))
}

pub(super) fn envelope_bytes(signed: &Value, signatures: Vec<Value>) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(&json!({ "signatures": signatures, "signed": signed }))
        .expect("JSON values always serialize");
    bytes.push(b'\n');
    bytes
}
