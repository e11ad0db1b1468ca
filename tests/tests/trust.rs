//! The same trust repository from many sides: limits, versions of single roles, changed roots, lost memory.
//!
//! `attacks.rs` has what a stranger can try; here some signing keys are in the wrong hands, too.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use shared::credential::{Purpose, verify};
use shared::key::{PublicKey, Signer, SoftwareKey};
use shared::reason::Reason;
use shared::time::Timestamp;
use shared::trust::{
    AgencyRole, Files, Freshness, IssuerKey, IssuerKeys, Publication, RoleVersions, SourceError,
    StatusListBuilder, TrustError, TrustSource, TrustStore, load, publish, update,
};
use tests::{AGENCY, ISSUER, STATUS_URI, Seen, World, border};

const DAY: i64 = 24 * 3600;
/// What DESIGN allows for a target: a status list is at most 0.3 MB.
const MAX_TARGET: u64 = 4 << 20;

/// Signs a TUF document again after a change. Our metadata is plain enough that compact JSON in key order,
/// which is what `serde_json` writes, is the canonical form.
fn resign(metadata: &[u8], signers: &[&SoftwareKey], change: impl FnOnce(&mut Json)) -> Vec<u8> {
    let mut document: Json = serde_json::from_slice(metadata).unwrap();
    change(&mut document["signed"]);
    let message = serde_json::to_vec(&document["signed"]).unwrap();
    let signatures: Vec<Json> = signers
        .iter()
        .map(|signer| {
            json!({ "keyid": key_id(&signer.public_key()), "sig": hex::encode(signer.sign(&message).unwrap()) })
        })
        .collect();
    document["signatures"] = signatures.into();
    serde_json::to_vec(&document).unwrap()
}

fn tuf_key(key: &PublicKey) -> Json {
    json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": key.to_string() } })
}

fn key_id(key: &PublicKey) -> String {
    sha256(&serde_json::to_vec(&tuf_key(key)).unwrap())
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(shared::sha256(bytes))
}
