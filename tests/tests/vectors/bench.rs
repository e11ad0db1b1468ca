//! What the cases are made with: a world, one good credential, and ways to spell the same thing otherwise.

use std::collections::BTreeMap;

use shared::cbor::Value;
use shared::credential::{Claims, Purpose};
use shared::key::SoftwareKey;
use shared::qr::payload::base45_encode;
use shared::reason::Reason;
use shared::time::Timestamp;
use shared::trust::{PaperRule, Policy, Status};
use tests::{World, sign1};

use crate::Vector;

/// Bytes of a map, its entries already encoded and in the order given.
pub fn raw_map(entries: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    assert!(entries.len() < 24);
    let mut bytes = vec![0xa0 | entries.len() as u8];
    entries.iter().for_each(|(key, value)| bytes.extend(key.iter().chain(value)));
    bytes
}

/// A map's entries, encoded one by one.
pub fn entries(bytes: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let value = shared::cbor::decode(bytes).unwrap();
    value.as_map().unwrap().iter().map(|(key, value)| (key.encode(), value.encode())).collect()
}

pub fn int(n: i64) -> Vec<u8> {
    Value::from(n).encode()
}

pub fn text(text: &str) -> Vec<u8> {
    Value::Text(text).encode()
}

/// The small world with one credential taken apart, so that single pieces can be changed and signed again.
pub struct Bench {
    pub world: World,
    pub at: Timestamp,
    pub protected: Vec<u8>,
    pub claims: Vec<u8>,
    pub vectors: BTreeMap<String, Vector>,
}

impl Bench {
    pub fn new() -> Self {
        let world =
            World { not_valid: vec![(1, Status::Invalid), (2, Status::Suspended)], ..World::default() };
        let world = World { other_policies: vec![takes_paper(&world.policy)], ..world };
        let credential = world.credential(&world.claims());
        let value = shared::cbor::decode(&credential).unwrap();
        let Value::Tag(18, body) = value else { panic!("not a COSE_Sign1") };
        let parts: Vec<Vec<u8>> = body
            .as_array()
            .unwrap()
            .iter()
            .map(|part| part.as_bytes().unwrap_or_default().to_vec())
            .collect();
        let at = world.start.plus(3600);
        Self { world, at, protected: parts[0].clone(), claims: parts[2].clone(), vectors: BTreeMap::new() }
    }

    pub fn add(&mut self, name: &str, description: &str, text: String, expect: Reason) {
        self.add_for("border", self.at.plus(2), name, description, text, expect);
    }

    /// A vector for another purpose or another time than most.
    pub fn add_for(
        &mut self,
        purpose: &str,
        at: Timestamp,
        name: &str,
        description: &str,
        text: String,
        expect: Reason,
    ) {
        let vector = Vector {
            description: description.into(),
            text,
            purpose: purpose.into(),
            at,
            expect: expect.code().into(),
        };
        assert!(self.vectors.insert(name.to_owned(), vector).is_none(), "{name} twice");
    }

    /// A rotating code around any bytes.
    pub fn shown(&self, credential: &[u8]) -> String {
        self.shown_at(credential, self.at)
    }

    pub fn shown_at(&self, credential: &[u8], made: Timestamp) -> String {
        self.shown_with(credential, &self.proof_claims(made), &self.world.holder)
    }

    pub fn proof_claims(&self, made: Timestamp) -> Vec<u8> {
        raw_map(&[
            (int(3), text("border")),
            (int(4), int(made.plus(30).as_unix())),
            (int(6), int(made.as_unix())),
        ])
    }

    pub fn shown_with(&self, credential: &[u8], proof: &[u8], holder: &SoftwareKey) -> String {
        let protected = raw_map(&[(int(1), int(-8)), (int(13), credential.to_vec()), (int(16), int(294))]);
        base45_encode(&sign1(&protected, Value::Map(vec![]), proof, holder))
    }

    pub fn credential(&self, protected: &[u8], claims: &[u8]) -> Vec<u8> {
        sign1(protected, Value::Map(vec![]), claims, &self.world.issuer)
    }

    pub fn with_claims(&mut self, name: &str, description: &str, claims: &[u8], expect: Reason) {
        let shown = self.shown(&self.credential(&self.protected, claims));
        self.add(name, description, shown, expect);
    }

    /// Changes the claims before they are encoded.
    pub fn stated(
        &mut self,
        name: &str,
        description: &str,
        change: impl FnOnce(&mut Claims),
        expect: Reason,
    ) {
        let mut claims = self.world.claims();
        change(&mut claims);
        let shown = self.shown(&self.world.credential(&claims));
        self.add(name, description, shown, expect);
    }

    /// Changes the encoded claims, entry by entry.
    pub fn claims_entries(
        &mut self,
        name: &str,
        description: &str,
        change: impl FnOnce(&mut Vec<(Vec<u8>, Vec<u8>)>),
        expect: Reason,
    ) {
        let mut parts = entries(&self.claims);
        change(&mut parts);
        let claims = raw_map(&parts);
        self.with_claims(name, description, &claims, expect);
    }

    /// Changes what Claim 169 says, entry by entry.
    pub fn identity_entries(
        &mut self,
        name: &str,
        description: &str,
        change: impl FnOnce(&mut Vec<(Vec<u8>, Vec<u8>)>),
    ) {
        let change = |parts: &mut Vec<(Vec<u8>, Vec<u8>)>| {
            let identity = parts.iter_mut().find(|(key, _)| *key == int(169)).expect("an identity");
            let mut inner = entries(&identity.1);
            change(&mut inner);
            identity.1 = raw_map(&inner);
        };
        self.claims_entries(name, description, change, Reason::FormatStructure);
    }

    /// A rotating code with other protected headers than its own.
    pub fn proof_headers(
        &mut self,
        name: &str,
        description: &str,
        headers: &[(Vec<u8>, Vec<u8>)],
        expect: Reason,
    ) {
        let proof = self.proof_claims(self.at);
        let shown = sign1(&raw_map(headers), Value::Map(vec![]), &proof, &self.world.holder);
        self.add(name, description, base45_encode(&shown), expect);
    }

    pub fn headers(&mut self, name: &str, description: &str, headers: &[(Vec<u8>, Vec<u8>)], expect: Reason) {
        let shown = self.shown(&self.credential(&raw_map(headers), &self.claims));
        self.add(name, description, shown, expect);
    }

    pub fn proof(&mut self, name: &str, description: &str, proof: &[(Vec<u8>, Vec<u8>)], expect: Reason) {
        let credential = self.credential(&self.protected, &self.claims);
        let shown = self.shown_with(&credential, &raw_map(proof), &self.world.holder);
        self.add(name, description, shown, expect);
    }
}

/// The policy of a hotel desk that takes paper.
pub fn takes_paper(policy: &Policy) -> Policy {
    let hotel = Purpose::parse("hotel").unwrap();
    Policy { purpose: hotel, audiences: vec!["hotel".into()], paper: PaperRule::Accept, ..policy.clone() }
}
