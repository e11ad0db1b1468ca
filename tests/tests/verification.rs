//! The verifier against presentations with one fault each.

use shared::credential::verify;
use shared::reason::Reason;
use tests::{Seen, World, border};

#[test]
fn a_genuine_code_is_accepted_once() {
    let (world, mut seen) = (World::default(), Seen::default());
    let (trust, now) = (world.trust(), world.start.plus(3600));
    let text = world.default_code(now);
    assert!(text.len() <= 930, "{} characters", text.len());
    let verified = verify(&text, &border(), &trust, now.plus(4), &mut seen).unwrap();
    assert_eq!(verified.claims(), &world.claims());
    let again = verify(&text, &border(), &trust, now.plus(5), &mut seen).unwrap_err();
    assert_eq!(again.reason(), Reason::ProofReplayed);
}
