//! Root metadata (TUF 1.0 §4.3) as a document that goes from one key holder to the next until enough have signed.
//!
//! Keys that may sign and have not are listed with an empty signature, so that a key holder needs nothing but
//! the document. Clients pass over empty signatures; [`RootDocument::published`] leaves them out.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use sigstore_tuf::{Metadata, Root, TrustedMetadataSet, canonical_json};

use super::repository::{RepositoryError, envelope_bytes};
use crate::key::{PublicKey, SignError, Signer};
use crate::time::Timestamp;

/// How long a root is good for, in seconds: three years (trust research §1.4).
const ROOT_LIFE: i64 = 3 * 365 * 24 * 3600;

/// Around SubjectPublicKeyInfo in PEM (RFC 7468 §13).
const PEM_BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const PEM_END: &str = "-----END PUBLIC KEY-----";

/// A role that the root names keys for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopLevelRole {
    /// Offline, held by several people.
    Root,
    /// Signs policies and delegations.
    Targets,
    /// Signs the list of versions.
    Snapshot,
    /// Signs most often.
    Timestamp,
}

impl TopLevelRole {
    /// Returns the name that TUF gives to the role.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Targets => "targets",
            Self::Snapshot => "snapshot",
            Self::Timestamp => "timestamp",
        }
    }
}

/// A public key as TUF metadata carries it (TUF 1.0 §4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TufKey(Value);

impl TufKey {
    /// Takes a key of ML-DSA-65 (FIPS 204, TAP 21), given as SubjectPublicKeyInfo in PEM.
    ///
    /// # Errors
    /// Text that is no such key.
    pub fn ml_dsa_65(pem: &str) -> Result<Self, RepositoryError> {
        // Or one key could be listed twice, and its one holder count for two.
        let one_form = |pem: &str| {
            let body = pem.trim().strip_prefix(PEM_BEGIN).and_then(|rest| rest.strip_suffix(PEM_END));
            let body: String = body.unwrap_or_default().split_ascii_whitespace().collect();
            let der = STANDARD.decode(body).map_err(|_| RepositoryError::Pem)?;
            let body = STANDARD.encode(der);
            let lines: Vec<_> = body.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
            Ok::<_, RepositoryError>(format!("{PEM_BEGIN}\n{}\n{PEM_END}", lines.join("\n")))
        };
        let key = Self(
            json!({ "keytype": "ml-dsa", "scheme": "ml-dsa-65/1", "keyval": { "public": one_form(pem)? } }),
        );
        let parsed: sigstore_tuf::Key =
            serde_json::from_value(key.to_value()).map_err(sigstore_tuf::Error::from)?;
        parsed.verification_key()?;
        Ok(key)
    }

    /// Returns the identifier: SHA-256 over the canonical form of the key, as securesystemslib computes it.
    pub fn id(&self) -> String {
        let canonical = canonical_json::to_canonical_bytes(&self.0).expect("strings have a canonical form");
        hex::encode(Sha256::digest(canonical))
    }

    /// Returns the object that stands under the identifier.
    pub(super) fn to_value(&self) -> Value {
        self.0.clone()
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = serde_json::from_value::<sigstore_tuf::Key>(self.0.clone());
        key.is_ok_and(|key| key.verify(message, &signature.to_vec().into()).is_ok())
    }
}

impl From<PublicKey> for TufKey {
    fn from(key: PublicKey) -> Self {
        Self(json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": key.to_string() } }))
    }
}

/// Holds a key that can sign root metadata.
pub trait RootSigner {
    /// Returns the public half.
    fn tuf_key(&self) -> TufKey;

    /// Signs the canonical form of the metadata as the key's scheme says.
    ///
    /// # Errors
    /// When the key cannot be reached or refuses.
    fn sign_metadata(&self, canonical: &[u8]) -> Result<Vec<u8>, SignError>;
}

impl<T: Signer + ?Sized> RootSigner for T {
    fn tuf_key(&self) -> TufKey {
        self.public_key().into()
    }

    fn sign_metadata(&self, canonical: &[u8]) -> Result<Vec<u8>, SignError> {
        Ok(self.sign(canonical)?.to_vec())
    }
}

/// The keys of a first root.
#[derive(Debug, Clone)]
pub struct RootKeys {
    /// Offline.
    pub root: Vec<TufKey>,
    /// How many of them sign.
    pub threshold: usize,
    /// Signs policies and delegations.
    pub targets: TufKey,
    /// Signs the list of versions.
    pub snapshot: TufKey,
    /// Signs most often.
    pub timestamp: TufKey,
}

/// A change of the keys of one role.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// Whose keys change.
    pub role: TopLevelRole,
    /// Keys that it gets.
    pub add: Vec<TufKey>,
    /// Identifiers of keys that it loses.
    pub remove: Vec<String>,
    /// How many of its keys sign from now on, if that changes.
    pub threshold: Option<usize>,
}

/// Root metadata with the signatures that it has so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootDocument {
    signed: Value,
    /// By key identifier, in hexadecimal; empty where a key may sign and has not.
    signatures: BTreeMap<String, String>,
}

impl RootDocument {
    /// Makes version 1, which nobody has signed yet.
    ///
    /// # Errors
    /// A threshold that these keys cannot reach or that is below two, and a key that is named twice.
    pub fn first(keys: &RootKeys, now: Timestamp) -> Result<Self, RepositoryError> {
        let role = |keys: &[TufKey], threshold: usize| json!({ "keyids": keys.iter().map(TufKey::id).collect::<Vec<_>>(), "threshold": threshold });
        let single = [&keys.targets, &keys.snapshot, &keys.timestamp];
        let all: Map<String, Value> =
            keys.root.iter().chain(single).map(|key| (key.id(), key.to_value())).collect();
        let document = Self {
            signed: json!({
                "_type": "root", "spec_version": "1.0.31", "version": 1, "expires": now.plus(ROOT_LIFE),
                "consistent_snapshot": true, "keys": all,
                "roles": {
                    "root": role(&keys.root, keys.threshold),
                    "targets": role(std::slice::from_ref(&keys.targets), 1),
                    "snapshot": role(std::slice::from_ref(&keys.snapshot), 1),
                    "timestamp": role(std::slice::from_ref(&keys.timestamp), 1),
                },
            }),
            signatures: keys.root.iter().map(|key| (key.id(), String::new())).collect(),
        };
        document.check_roles()?;
        Ok(document)
    }

    /// Reads a document, signed or not.
    ///
    /// # Errors
    /// What is not root metadata, and a key that signs twice.
    pub fn parse(bytes: &[u8]) -> Result<Self, RepositoryError> {
        let metadata = Metadata::<Root>::from_slice(bytes)?;
        let mut signatures = BTreeMap::new();
        for signature in metadata.signatures() {
            if signatures.insert(signature.keyid.clone(), signature.sig.clone()).is_some() {
                return Err(RepositoryError::SignedTwice);
            }
        }
        let mut envelope: Value = serde_json::from_slice(bytes).map_err(sigstore_tuf::Error::from)?;
        Ok(Self { signed: envelope["signed"].take(), signatures })
    }

    /// Returns the file that goes to the next key holder.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.bytes(|_| true)
    }

    /// Returns the file that a repository publishes: without the places of keys that did not sign.
    pub fn published(&self) -> Vec<u8> {
        self.bytes(|signature| !signature.is_empty())
    }

    /// Returns the version.
    pub fn version(&self) -> u64 {
        self.signed["version"].as_u64().unwrap_or(0)
    }

    /// Returns when it expires; `None` where it says no time that we read.
    pub fn expires(&self) -> Option<Timestamp> {
        Timestamp::parse(self.signed["expires"].as_str()?).ok()
    }

    /// Returns the identifiers of the keys that may sign, and whether each has.
    pub fn signers(&self) -> impl Iterator<Item = (&str, bool)> {
        self.signatures.iter().map(|(id, signature)| (id.as_str(), !signature.is_empty()))
    }

    /// Returns the keys of a role.
    pub fn keys(&self, role: TopLevelRole) -> Vec<TufKey> {
        let keys = self.key_ids(role).into_iter().filter_map(|id| self.signed["keys"].get(id));
        keys.cloned().map(TufKey).collect()
    }

    /// Returns the signature schemes of the root's own keys, and how many keys each has.
    pub fn root_schemes(&self) -> BTreeMap<String, usize> {
        let mut schemes = BTreeMap::new();
        for key in self.keys(TopLevelRole::Root) {
            *schemes.entry(key.0["scheme"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
        }
        schemes
    }

    /// Returns how many of a role's keys have to sign.
    pub fn threshold(&self, role: TopLevelRole) -> usize {
        let threshold = self.signed["roles"][role.name()]["threshold"].as_u64().unwrap_or(0);
        usize::try_from(threshold).unwrap_or(usize::MAX)
    }

    /// Adds a signature, in place of an earlier one of the same key.
    ///
    /// # Errors
    /// Keys that neither this root nor the one before it names, and signers that fail.
    pub fn sign(&mut self, signer: &(impl RootSigner + ?Sized)) -> Result<(), RepositoryError> {
        let key = signer.tuf_key();
        let id = key.id();
        if !self.signatures.contains_key(&id) {
            return Err(RepositoryError::NotAskedToSign { key: id });
        }
        let canonical = canonical_json::to_canonical_bytes(&self.signed)?;
        let signature = signer.sign_metadata(&canonical)?;
        if !key.verifies(&canonical, &signature) {
            return Err(SignError::Faulty.into());
        }
        self.signatures.insert(id, hex::encode(signature));
        Ok(())
    }

    /// Makes the next version, which keys of this root and of the next have to sign.
    ///
    /// # Errors
    /// Keys that are not there to be removed, and what [`RootDocument::first`] refuses.
    pub fn next(&self, rotation: &Rotation, now: Timestamp) -> Result<Self, RepositoryError> {
        let mut ids: Vec<String> = self.key_ids(rotation.role).into_iter().map(str::to_owned).collect();
        for id in &rotation.remove {
            let position = ids.iter().position(|known| known == id);
            ids.remove(position.ok_or_else(|| RepositoryError::UnknownKey { key: id.clone() })?);
        }
        ids.extend(rotation.add.iter().map(TufKey::id));
        let threshold = rotation.threshold.unwrap_or_else(|| self.threshold(rotation.role));
        let mut next = self.signed.clone();
        next["version"] = (self.version() + 1).into();
        next["expires"] = now.plus(ROOT_LIFE).to_string().into();
        next["roles"][rotation.role.name()] = json!({ "keyids": ids, "threshold": threshold });
        for key in &rotation.add {
            next["keys"][key.id()] = key.to_value();
        }
        let roles = &next["roles"];
        let used: BTreeSet<String> =
            [TopLevelRole::Root, TopLevelRole::Targets, TopLevelRole::Snapshot, TopLevelRole::Timestamp]
                .iter()
                .filter_map(|role| roles[role.name()]["keyids"].as_array())
                .flatten()
                .filter_map(|id| id.as_str().map(str::to_owned))
                .collect();
        if let Some(keys) = next["keys"].as_object_mut() {
            keys.retain(|id, _| used.contains(id));
        }
        let mut document = Self { signed: next, signatures: BTreeMap::new() };
        document.check_roles()?;
        document.signatures = [self, &document]
            .into_iter()
            .flat_map(|root| root.key_ids(TopLevelRole::Root))
            .map(|id| (id.to_owned(), String::new()))
            .collect();
        Ok(document)
    }

    fn bytes(&self, include: impl Fn(&str) -> bool) -> Vec<u8> {
        let signatures = self.signatures.iter().filter(|(_, signature)| include(signature));
        let signatures: Vec<Value> =
            signatures.map(|(id, signature)| json!({ "keyid": id, "sig": signature })).collect();
        envelope_bytes(&self.signed, signatures)
    }

    fn key_ids(&self, role: TopLevelRole) -> Vec<&str> {
        let ids = self.signed["roles"][role.name()]["keyids"].as_array();
        ids.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// One key, one role, once: or a single stolen key could do the work of two.
    fn check_roles(&self) -> Result<(), RepositoryError> {
        let mut seen = BTreeSet::new();
        for role in
            [TopLevelRole::Root, TopLevelRole::Targets, TopLevelRole::Snapshot, TopLevelRole::Timestamp]
        {
            let ids = self.key_ids(role);
            if let Some(id) = ids.iter().find(|id| !seen.insert((**id).to_owned())) {
                return Err(RepositoryError::KeyReused { key: (*id).to_owned() });
            }
            let least = if role == TopLevelRole::Root { 2 } else { 1 };
            if !(least..=ids.len()).contains(&self.threshold(role)) {
                return Err(RepositoryError::Threshold {
                    role: role.name(),
                    keys: ids.len(),
                    threshold: self.threshold(role),
                });
            }
        }
        Ok(())
    }
}

/// Checks that `roots`, in order from the first, lead to each other: each signed by enough keys of its own and,
/// from the second on, of the one before.
///
/// # Errors
/// [`RepositoryError::Metadata`] with what is wrong with the first that does not follow.
pub fn check_root_chain(roots: &[Vec<u8>]) -> Result<(), RepositoryError> {
    let (first, others) = roots.split_first().ok_or(RepositoryError::NoRoot)?;
    let mut trusted = TrustedMetadataSet::from_root(first)?;
    others.iter().try_for_each(|root| trusted.update_root(root))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SoftwareKey;

    fn key(seed: u8) -> SoftwareKey {
        SoftwareKey::from_seed(&[seed; 32])
    }

    fn public(seed: u8) -> TufKey {
        key(seed).tuf_key()
    }

    fn now() -> Timestamp {
        Timestamp::parse("2026-11-20T09:00:00Z").unwrap()
    }

    fn keys(root: &[u8], threshold: usize) -> RootKeys {
        RootKeys {
            root: root.iter().copied().map(public).collect(),
            threshold,
            targets: public(11),
            snapshot: public(12),
            timestamp: public(13),
        }
    }

    fn signed(mut document: RootDocument, signers: &[u8]) -> Vec<u8> {
        for seed in signers {
            document.sign(&key(*seed)).unwrap();
        }
        document.published()
    }

    #[test]
    fn a_root_collects_signatures_until_it_has_enough() {
        let mut document = RootDocument::first(&keys(&[1, 2, 3], 2), now()).unwrap();
        assert_eq!(document.signers().filter(|(_, signed)| *signed).count(), 0);
        assert_eq!(document.expires(), Some(now().plus(ROOT_LIFE)));
        assert!(check_root_chain(&[document.published()]).is_err(), "nobody signed");
        document.sign(&key(3)).unwrap();
        document.sign(&key(3)).unwrap();
        assert!(check_root_chain(&[document.published()]).is_err(), "one of three, twice");
        // Over to another machine.
        let mut document = RootDocument::parse(&document.to_bytes()).unwrap();
        document.sign(&key(1)).unwrap();
        check_root_chain(&[document.published()]).unwrap();
        check_root_chain(&[document.to_bytes()]).unwrap();
        assert!(!String::from_utf8(document.published()).unwrap().contains("\"sig\": \"\""));
        for stranger in [11, 99] {
            let error = document.sign(&key(stranger)).unwrap_err();
            assert!(matches!(error, RepositoryError::NotAskedToSign { .. }), "{error}");
        }
    }

    #[test]
    fn the_next_root_needs_enough_of_the_old_and_of_the_new() {
        let first = RootDocument::first(&keys(&[1, 2, 3], 2), now()).unwrap();
        let old = signed(first.clone(), &[1, 2]);
        let rotation = Rotation {
            role: TopLevelRole::Root,
            add: vec![public(4), public(5)],
            remove: vec![public(1).id(), public(2).id()],
            threshold: None,
        };
        let next = first.next(&rotation, now()).unwrap();
        assert_eq!((next.version(), next.keys(TopLevelRole::Root).len()), (2, 3));
        for (signers, enough) in [
            (&[1, 2, 4, 5][..], true),
            (&[1, 3, 4], true),
            (&[4, 5, 3], false),
            (&[1, 2], false),
            (&[1, 2, 4], false),
            (&[1, 4, 5], false),
        ] {
            let chain = [old.clone(), signed(next.clone(), signers)];
            assert_eq!(check_root_chain(&chain).is_ok(), enough, "{signers:?}");
        }
        // A key that both name may count twice; a removed key no longer signs what comes after.
        let after = next.next(&Rotation { add: vec![], remove: vec![], ..rotation.clone() }, now()).unwrap();
        assert!(after.clone().sign(&key(1)).is_err());
        check_root_chain(&[old, signed(next, &[1, 3, 4]), signed(after, &[3, 5])]).unwrap();
    }

    #[test]
    fn keys_that_cannot_hold_their_role_are_refused() {
        for (what, keys) in [
            ("one of three signs", keys(&[1, 2, 3], 1)),
            ("four of three sign", keys(&[1, 2, 3], 4)),
            ("the same key twice", keys(&[1, 2, 2], 2)),
            ("an online key is a root key too", keys(&[1, 2, 13], 2)),
        ] {
            assert!(RootDocument::first(&keys, now()).is_err(), "{what}");
        }
        let first = RootDocument::first(&keys(&[1, 2, 3], 2), now()).unwrap();
        let rotate = |role, add: &[u8], remove: &[u8]| {
            let rotation = Rotation {
                role,
                add: add.iter().copied().map(public).collect(),
                remove: remove.iter().map(|seed| public(*seed).id()).collect(),
                threshold: None,
            };
            first.next(&rotation, now())
        };
        assert!(rotate(TopLevelRole::Root, &[], &[1, 2]).is_err(), "one is left, and two have to sign");
        assert!(rotate(TopLevelRole::Root, &[3], &[]).is_err(), "it has that key already");
        assert!(rotate(TopLevelRole::Root, &[], &[9]).is_err(), "it has no such key");
        assert!(rotate(TopLevelRole::Timestamp, &[1], &[13]).is_err(), "a root key goes online");
        let renewed = rotate(TopLevelRole::Timestamp, &[14], &[13]).unwrap();
        assert_eq!(renewed.keys(TopLevelRole::Timestamp), [public(14)]);
        assert!(!String::from_utf8(renewed.to_bytes()).unwrap().contains(&public(13).id()), "gone for good");
    }
}
