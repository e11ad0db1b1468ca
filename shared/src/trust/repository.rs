//! Making a repository: TUF 1.0 metadata, signed and named as clients expect it.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sigstore_tuf::canonical_json;

use super::{Files, ISSUED_FIELD, ISSUER_FIELD};
use crate::key::{PublicKey, SignError, Signer};
use crate::time::Timestamp;

const DAY: i64 = 24 * 3600;
/// How long each role's metadata is good for, in seconds (trust research §1.4).
const ROOT_LIFE: i64 = 3 * 365 * DAY;
const TARGETS_LIFE: i64 = 90 * DAY;
const SNAPSHOT_LIFE: i64 = 30 * DAY;
const TIMESTAMP_LIFE: i64 = 7 * DAY;

/// Root signatures needed, of however many root keys there are.
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
    /// Metadata that has no canonical form.
    #[error("metadata has no canonical form")]
    Canonical(#[from] sigstore_tuf::Error),
    /// Fewer root keys than must sign.
    #[error("{given} root keys were given and {ROOT_THRESHOLD} must sign")]
    RootThreshold {
        /// How many.
        given: usize,
    },
}

/// The version numbers that one publication gives its roles; each publication raises them.
#[derive(Debug, Clone, Copy)]
pub struct RoleVersions {
    /// `targets`.
    pub targets: u64,
    /// The agency's role.
    pub agency: u64,
    /// `snapshot`.
    pub snapshot: u64,
    /// `timestamp`.
    pub timestamp: u64,
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

/// What is published, and who signs it.
pub struct Publication<'a> {
    /// The signed root metadata, version 1.
    pub root: &'a [u8],
    /// Top-level targets, by path: policies.
    pub targets: &'a Files,
    /// The agency.
    pub agency: AgencyRole<'a>,
    /// Signs `targets`.
    pub targets_signer: &'a dyn Signer,
    /// Signs `snapshot`.
    pub snapshot_signer: &'a dyn Signer,
    /// Signs `timestamp`.
    pub timestamp_signer: &'a dyn Signer,
    /// The version of each role.
    pub versions: RoleVersions,
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
    let single = [&keys.targets, &keys.snapshot, &keys.timestamp];
    let all: serde_json::Map<String, Value> =
        keys.root.iter().chain(single).map(|key| (key_id(key), tuf_key(key))).collect();
    let role = |keys: &[PublicKey], threshold: usize| json!({ "keyids": keys.iter().map(key_id).collect::<Vec<_>>(), "threshold": threshold });
    let root = json!({
        "_type": "root", "spec_version": "1.0.31", "version": 1, "expires": now.plus(ROOT_LIFE),
        "consistent_snapshot": true, "keys": all,
        "roles": {
            "root": role(&keys.root, ROOT_THRESHOLD),
            "targets": role(&[keys.targets], 1),
            "snapshot": role(&[keys.snapshot], 1),
            "timestamp": role(&[keys.timestamp], 1),
        },
    });
    envelope(&root, signers)
}

/// Makes every file of a repository, by path: `metadata/…` and `targets/…`.
///
/// # Errors
/// Signers that fail.
pub fn publish(publication: &Publication<'_>) -> Result<Files, RepositoryError> {
    let Publication { versions, now, agency, .. } = publication;
    let mut files = Files::from([("metadata/1.root.json".to_owned(), publication.root.to_vec())]);
    let mut put = |name: String, bytes: Vec<u8>| {
        let reference = reference(&bytes);
        files.insert(format!("metadata/{name}"), bytes);
        reference
    };

    let folder = format!("issuers/{}/", agency.name);
    let own =
        agency.targets.iter().map(|(name, bytes)| (format!("{folder}{name}"), reference(bytes))).collect();
    let own = targets_metadata(versions.agency, now.plus(TARGETS_LIFE), own);
    let own = put(format!("{}.{}.json", versions.agency, agency.name), envelope(&own, &[agency.signer])?);

    let listed = publication.targets.iter().map(|(name, bytes)| (name.clone(), reference(bytes))).collect();
    let mut targets = targets_metadata(versions.targets, now.plus(TARGETS_LIFE), listed);
    let agency_key = agency.signer.public_key();
    targets["delegations"] = json!({
        "keys": { key_id(&agency_key): tuf_key(&agency_key) },
        "roles": [{
            "name": agency.name, "keyids": [key_id(&agency_key)], "threshold": 1, "terminating": true,
            "paths": [format!("{folder}*")], ISSUER_FIELD: agency.issuer,
        }],
    });
    let targets =
        put(format!("{}.targets.json", versions.targets), envelope(&targets, &[publication.targets_signer])?);

    let pin = |version: u64, reference: Value| {
        let mut pin = reference;
        pin["version"] = version.into();
        pin
    };
    let snapshot = json!({
        "_type": "snapshot", "spec_version": "1.0.31", "version": versions.snapshot, "expires": now.plus(SNAPSHOT_LIFE),
        "meta": {
            "targets.json": pin(versions.targets, targets),
            format!("{}.json", agency.name): pin(versions.agency, own),
        },
    });
    let snapshot = put(
        format!("{}.snapshot.json", versions.snapshot),
        envelope(&snapshot, &[publication.snapshot_signer])?,
    );
    let timestamp = json!({
        "_type": "timestamp", "spec_version": "1.0.31", "version": versions.timestamp, "expires": now.plus(TIMESTAMP_LIFE),
        "meta": { "snapshot.json": pin(versions.snapshot, snapshot) }, ISSUED_FIELD: now,
    });
    put("timestamp.json".to_owned(), envelope(&timestamp, &[publication.timestamp_signer])?);

    let own = agency.targets.iter().map(|(name, bytes)| (format!("{folder}{name}"), bytes));
    for (path, bytes) in publication.targets.iter().map(|(name, bytes)| (name.clone(), bytes)).chain(own) {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let hash = hex::encode(Sha256::digest(bytes));
        files.insert(format!("targets/{directory}/{hash}.{name}"), bytes.clone());
    }
    Ok(files)
}

fn targets_metadata(version: u64, expires: Timestamp, targets: serde_json::Map<String, Value>) -> Value {
    json!({ "_type": "targets", "spec_version": "1.0.31", "version": version, "expires": expires, "targets": targets })
}

fn reference(bytes: &[u8]) -> Value {
    json!({ "length": bytes.len(), "hashes": { "sha256": hex::encode(Sha256::digest(bytes)) } })
}

fn tuf_key(key: &PublicKey) -> Value {
    json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": key.to_string() } })
}

/// SHA-256 over the canonical form of the key object, as securesystemslib computes it.
fn key_id(key: &PublicKey) -> String {
    let canonical = canonical_json::to_canonical_bytes(&tuf_key(key)).expect("strings have a canonical form");
    hex::encode(Sha256::digest(canonical))
}

fn envelope(signed: &Value, signers: &[&dyn Signer]) -> Result<Vec<u8>, RepositoryError> {
    let canonical = canonical_json::to_canonical_bytes(signed)?;
    let mut signatures = Vec::with_capacity(signers.len());
    for signer in signers {
        let signature = crate::key::sign_checked(*signer, &canonical)?;
        signatures.push(json!({ "keyid": key_id(&signer.public_key()), "sig": hex::encode(signature) }));
    }
    let mut bytes = serde_json::to_vec_pretty(&json!({ "signatures": signatures, "signed": signed }))
        .expect("JSON values always serialize");
    bytes.push(b'\n');
    Ok(bytes)
}
