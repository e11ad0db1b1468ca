//! Codes that machines of a sector alone can read.

use shared::credential::{Claims, present};
use shared::encryption::DecryptionKey;
use shared::qr::payload::{self, Payload};
use shared::reason::{Answer, Reason};
use shared::trust::PaperRule;

use crate::{Kiosk, compressed, with_policy};

pub(super) fn sealed(key: &DecryptionKey, payload: &Payload, seed: u8) -> String {
    let plain = payload::to_bytes(payload);
    payload::encode(&Payload::Encrypted(key.public_key().unwrap().seal(&plain, &[seed; 32]).unwrap()))
}

#[test]
fn an_encrypted_code_is_read_with_its_key_alone() {
    let world = with_policy(|policy| policy.paper = PaperRule::Accept);
    let key = |seed: u8| DecryptionKey::from_seed(&[seed; 32]).unwrap();
    let now = world.start;
    let bound = world.credential(&world.claims());
    let paper = world.credential(&Claims { holder_key: None, ..world.claims() });
    let rotating = Payload::Signed(present(&bound, &world.holder, "border", now).unwrap());
    let code = sealed(&key(7), &rotating, 9);
    let says = |keys: &[u8], text: &str| {
        let mut kiosk = Kiosk { keys: keys.iter().map(|seed| key(*seed)).collect(), ..Kiosk::new(&world) };
        kiosk.says(text, now)
    };
    assert_eq!(says(&[7], &code), Reason::Accepted);
    assert_eq!(says(&[6, 7], &code), Reason::Accepted, "this epoch's and the previous one's");
    assert_eq!(says(&[6], &code), Reason::TextEncrypted, "the previous epoch's");
    assert_eq!(says(&[], &code), Reason::TextEncrypted);
    assert_eq!(says(&[7], &sealed(&key(7), &Payload::Static(paper), 9)), Reason::Accepted, "paper");
    assert_eq!(
        says(&[7], &sealed(&key(7), &Payload::Static(bound.clone()), 9)),
        Reason::ProofMissing,
        "encryption is no proof of the holder"
    );
    assert_eq!(says(&[7], &sealed(&key(7), &Payload::Signed(bound), 9)), Reason::ProofMissing);
    // Encrypted twice, as it is and compressed in between.
    let inner = payload::base45_decode(&code).unwrap();
    for twice in [Payload::Encrypted(inner.clone()), Payload::Static(inner.clone())] {
        assert_eq!(says(&[7], &sealed(&key(7), &twice, 10)).answer(), Answer::Refused);
    }
    // Claim 169 compresses what is encrypted.
    assert_eq!(says(&[7], &compressed(inner)), Reason::Accepted);
    // Anybody can encrypt again what he has read.
    let mut kiosk = Kiosk { keys: vec![key(7)], ..Kiosk::new(&world) };
    assert_eq!(kiosk.says(&code, now), Reason::Accepted);
    assert_eq!(kiosk.says(&sealed(&key(7), &rotating, 11), now), Reason::ProofReplayed, "encrypted again");
    assert_eq!(kiosk.says(&payload::encode(&rotating), now), Reason::ProofReplayed, "taken out");
}
