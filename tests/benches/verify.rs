//! What verification costs beside the best published Claim 169 reader: the goal is at most three times as much.
//!
//! Run `cargo bench -p tests --bench verify`. Absolute times move with the
//! load of the machine, so the rows take turns, every call is timed alone, which leaves the median untouched by the
//! few that the scheduler interrupts, and the ratio of medians is what counts.
//! Theirs checks one signature over the same attributes; ours checks the issuer's and the holder's, the status and
//! the policy.

use std::hint::black_box;
use std::time::Instant;

use claim169_core::{
    Biometric, BiometricFormat, BiometricSubFormat, Claim169, CwtMeta, Decoder, Encoder, Gender,
    VerificationStatus,
};
use shared::credential::{Attribute, AttributeValue, Claims, Presentation, UnverifiedCredential, verify};
use shared::key::{PublicKey, Signer, SoftwareKey};
use tests::{Seen, World, border};

/// Turns taken, and calls in each row of one.
const TURNS: usize = 200;
const BATCH: usize = 25;

/// Their issuer's key.
const SEED: [u8; 32] = [1; 32];

fn main() {
    let world = World::default();
    let (claims, trust, purpose, now) = (world.claims(), world.trust(), border(), world.start);
    let (theirs, ours) = (their_code(&claims), world.default_code(now));
    let their_key = SoftwareKey::from_seed(&SEED).public_key().to_bytes();
    let credential = world.credential(&claims);
    let credential = UnverifiedCredential::decode(&credential).unwrap();
    let (issuer, holder) = (world.issuer.public_key(), world.holder.public_key().to_bytes());

    // Our trust store has read its keys before; so have their readers, outside the clock.
    let reader = || Decoder::new(theirs.as_str()).verify_with_ed25519(&their_key).unwrap();
    let unverified = || Decoder::new(theirs.as_str()).allow_unverified();
    let nothing = || ();
    let mut rows = [
        row("claim169-core, decode and verify", reader, |reader| {
            assert_eq!(reader.decode().unwrap().verification_status, VerificationStatus::Verified);
        }),
        row("gatepass, verify", nothing, |()| {
            black_box(verify(black_box(&ours), &purpose, &trust, now, &mut Seen::default()).unwrap());
        }),
        row("claim169-core, decode only", unverified, |reader| drop(black_box(reader.decode().unwrap()))),
        row("gatepass, decode only", nothing, |()| {
            black_box(Presentation::decode(black_box(&ours)).unwrap().credential().unwrap());
        }),
        row("gatepass, one signature", nothing, |()| {
            assert!(credential.signed_by(black_box(&issuer.into())))
        }),
        row("gatepass, read the holder's key", nothing, |()| {
            black_box(PublicKey::from_bytes(black_box(&holder)).unwrap());
        }),
    ];
    for _ in 0..TURNS {
        rows.iter_mut().for_each(|row| (row.turn)(&mut row.times));
    }
    println!("{} characters theirs, {} characters ours; microseconds", theirs.len(), ours.len());
    println!("{:36} {:>8} {:>8} {:>8}", "", "least", "median", "90 %");
    let medians = rows.map(|Row { name, mut times, .. }| {
        times.sort_by(f64::total_cmp);
        let (least, median, most) = (times[0], times[times.len() / 2], times[times.len() * 9 / 10]);
        println!("{name:36} {least:8.1} {median:8.1} {most:8.1}");
        median
    });
    println!(
        "ratio of medians, gatepass to claim169-core: {:.2} (goal: at most 3.0)",
        medians[1] / medians[0]
    );
}

/// Times one batch.
type Turn<'a> = Box<dyn Fn(&mut Vec<f64>) + 'a>;

/// One line of the result.
struct Row<'a> {
    name: &'static str,
    turn: Turn<'a>,
    /// Of every call, in microseconds.
    times: Vec<f64>,
}

/// A row that times `call` on what `make` makes outside the clock; dropping that is inside.
fn row<'a, T>(name: &'static str, make: impl Fn() -> T + 'a, call: impl Fn(T) + 'a) -> Row<'a> {
    let turn = move |times: &mut Vec<f64>| {
        for _ in 0..BATCH {
            let input = make();
            let start = Instant::now();
            call(input);
            times.push(start.elapsed().as_secs_f64() * 1e6);
        }
    };
    Row { name, turn: Box::new(turn), times: vec![] }
}

/// The same attributes, template and times as a Claim 169 code with one signature, made by its own encoder.
fn their_code(claims: &Claims) -> String {
    let text = |attribute| match claims.attributes.get(attribute) {
        Some(AttributeValue::Text(text)) => text.clone(),
        _ => panic!("the world's claims have {attribute:?} as text"),
    };
    let template = claims.face.as_ref().unwrap();
    let face = Biometric::new(template.as_bytes().to_vec())
        .with_format(BiometricFormat::Template)
        .with_sub_format(BiometricSubFormat::Raw(100))
        .with_issuer(template.algorithm().as_str());
    let claim = Claim169::new()
        .with_id(text(Attribute::Id))
        .with_language(text(Attribute::Language))
        .with_full_name(text(Attribute::Name))
        .with_date_of_birth(text(Attribute::DateOfBirth))
        .with_gender(Gender::Female)
        .with_address(text(Attribute::Address))
        .with_nationality(text(Attribute::Nationality))
        .with_location_code(text(Attribute::LocationCode))
        .with_legal_status(text(Attribute::LegalStatus))
        .with_country_of_issuance(text(Attribute::Country))
        .with_face(vec![face]);
    // It asks the system's clock, so the times are wide: 2001 to 2100.
    let meta = CwtMeta::new()
        .with_issuer(claims.issuer.as_str())
        .with_subject(claims.subject.as_str())
        .with_issued_at(1_000_000_000)
        .with_not_before(1_000_000_000)
        .with_expires_at(4_102_444_800);
    Encoder::new(claim, meta).sign_with_ed25519(&SEED).unwrap().encode().unwrap().qr_data
}
