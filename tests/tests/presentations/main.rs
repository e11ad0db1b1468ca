//! How a credential can be presented besides the plain rotating code: countersigned, challenged, for a shorter time,
//! with groups kept back, encrypted, and by keys on P-256. Ends with every bit of each.

mod challenges;
mod countersigned;
mod encrypted;
mod every_bit;
mod groups;
mod p256;
mod pairwise;
mod times;

use shared::credential::{
    Attribute, AttributeValue, Attributes, Challenge, Checkpoint, Claims, Verified, VerifyError,
};
use shared::encryption::DecryptionKey;
use shared::qr::payload::{self, Payload};
use shared::reason::Reason;
use shared::time::Timestamp;
use shared::trust::{Policy, TrustStore};
use tests::{Seen, World, border};

/// A checkpoint of the small world, and what it has seen.
struct Kiosk {
    trust: TrustStore,
    keys: Vec<DecryptionKey>,
    challenge: Option<Challenge>,
    seen: Seen,
}

impl Kiosk {
    fn new(world: &World) -> Self {
        Self { trust: world.trust(), keys: vec![], challenge: None, seen: Seen::default() }
    }

    fn claims(&mut self, text: &str, now: Timestamp) -> Result<Claims, VerifyError> {
        self.verified(text, now).map(|verified| verified.claims().clone())
    }

    fn verified(&mut self, text: &str, now: Timestamp) -> Result<Verified, VerifyError> {
        let (purpose, challenge) = (border(), self.challenge.as_ref());
        let checkpoint = Checkpoint { purpose: &purpose, trust: &self.trust, keys: &self.keys, challenge };
        checkpoint.verify(text, now, &mut self.seen)
    }

    fn says(&mut self, text: &str, now: Timestamp) -> Reason {
        self.claims(text, now).map_or_else(|error| error.reason(), |_| Reason::Accepted)
    }
}

/// What a kiosk that has seen nothing says.
fn reason(world: &World, text: &str, now: Timestamp) -> Reason {
    Kiosk::new(world).says(text, now)
}

fn with_policy(change: impl FnOnce(&mut Policy)) -> World {
    let mut world = World::default();
    change(&mut world.policy);
    world
}

fn signed(bytes: Vec<u8>) -> String {
    payload::encode(&Payload::Signed(bytes))
}

fn compressed(bytes: Vec<u8>) -> String {
    payload::encode(&Payload::Static(bytes))
}

fn text(attribute: Attribute, value: &str) -> (Attribute, AttributeValue) {
    (attribute, AttributeValue::Text(value.to_owned()))
}

fn attributes(entries: &[(Attribute, AttributeValue)]) -> Attributes {
    let mut attributes = Attributes::default();
    entries.iter().for_each(|(attribute, value)| attributes.set(*attribute, value.clone()).unwrap());
    attributes
}
