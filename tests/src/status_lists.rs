//! An agency with any number of status lists, and its publications.

use shared::key::Signer;
use shared::trust::{
    Files, HASHES, IssuerKey, IssuerKeys, PublishedList, Status, StatusDelta, StatusListBuilder, delta_name,
    prepare_hashes,
};

use crate::{ISSUER, World};

const DAY: i64 = 24 * 3600;

/// An agency's lists, by the places that are not valid.
#[derive(Clone, Default)]
pub struct Lists(pub Vec<Vec<(u64, Status)>>);

/// A publication, and what the next one needs of it.
pub struct Published {
    /// The repository.
    pub files: Files,
    /// The target that says what changed since.
    pub delta: String,
    /// The compressed lists, by target.
    pub zlib: Files,
}

impl Lists {
    /// As many lists, with every place revoked that a generator of this seed names.
    pub fn random(lists: u64, each: u64, seed: u64) -> Self {
        let place = |list: u64, n: u64| {
            let mixed = (seed + list * each + n).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 44, Status::Invalid)
        };
        Self((0..lists).map(|list| (0..each).map(|n| place(list, n)).collect()).collect())
    }

    /// The lists as they go into a repository.
    pub fn published(&self) -> Vec<PublishedList> {
        let list = |(n, set): (usize, &Vec<(u64, Status)>)| {
            let mut statuses = StatusListBuilder::default();
            assert!(set.iter().all(|(index, status)| statuses.set(*index, *status)));
            PublishedList::new(format!("status-{n}.cwt"), uri(n), statuses)
        };
        self.0.iter().enumerate().map(list).collect()
    }

    /// Publishes with a delta from another publication; `change` gets the agency's targets before they are signed.
    pub fn publish(
        &self,
        world: &World,
        version: u64,
        since: Option<&Published>,
        change: impl FnOnce(&mut Files),
    ) -> Published {
        let now = world.start.plus(version as i64 * 60);
        let (lists, key) = (self.published(), world.issuer.public_key());
        let keys = IssuerKeys {
            issuer: ISSUER.to_owned(),
            keys: vec![IssuerKey {
                public: key.into(),
                key_id: None,
                not_before: world.start,
                not_after: world.key_retired,
                revoked_at: None,
            }],
        };
        let mut own = Files::from([("keys.json".to_owned(), serde_json::to_vec(&keys).unwrap())]);
        for list in &lists {
            let token = list.prepare(now, now.plus(30 * DAY), key.id()).sign(&world.issuer).unwrap();
            own.insert(list.name.clone(), token);
        }
        let hashes = prepare_hashes(&lists, now, now.plus(30 * DAY), key.id()).sign(&world.issuer).unwrap();
        if let Some(since) = since {
            own.insert(since.delta.clone(), StatusDelta::between(&since.zlib, &lists).encode());
        }
        let delta = delta_name(&hashes);
        own.insert(HASHES.to_owned(), hashes);
        change(&mut own);
        let policies =
            Files::from([("policy/border.json".to_owned(), serde_json::to_vec(&world.policy).unwrap())]);
        let files = world.published(ISSUER, &own, &policies, version, now);
        let zlib = lists.iter().map(|list| (list.name.clone(), list.zlib().to_vec())).collect();
        Published { files, delta, zlib }
    }
}

/// The URI of a list.
pub fn uri(list: usize) -> String {
    format!("{ISSUER}/status/{list}")
}
