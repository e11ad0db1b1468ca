//! The holder's proof, what it is wrapped in, and when.

use shared::cbor::Value;
use shared::key::SoftwareKey;
use shared::qr::payload::{self, Payload, base45_encode};
use shared::reason::Reason;
use shared::time::Timestamp;
use tests::{add_group_order, place};

use crate::bench::{Bench, int, raw_map, text};

pub fn proofs(bench: &mut Bench) {
    let credential = bench.credential(&bench.protected, &bench.claims);
    let stripped = payload::encode(&Payload::Static(credential.clone()));
    bench.add(
        "invalid/proof_stripped",
        "The credential alone, compressed as on paper.",
        stripped,
        Reason::ProofMissing,
    );
    bench.add(
        "invalid/proof_stripped_bare",
        "The credential alone, as it is.",
        base45_encode(&credential),
        Reason::ProofMissing,
    );
    let at = bench.at;
    let proof = |audience: &str, life: i64, made: Timestamp| {
        vec![
            (int(3), text(audience)),
            (int(4), int(made.plus(life).as_unix())),
            (int(6), int(made.as_unix())),
        ]
    };
    let forged =
        bench.shown_with(&credential, &raw_map(&proof("border", 30, at)), &SoftwareKey::from_seed(&[78; 32]));
    bench.add(
        "invalid/proof_signature_bad",
        "The proof is by another phone.",
        forged,
        Reason::ProofSignature,
    );
    bench.proof(
        "invalid/proof_audience",
        "Made for a hotel.",
        &proof("hotel", 30, at),
        Reason::ProofAudience,
    );
    bench.proof(
        "invalid/proof_life",
        "A proof that wants to live 31 seconds.",
        &proof("border", 31, at),
        Reason::ProofWindow,
    );
    bench.proof(
        "invalid/proof_no_life",
        "A proof that ends when it begins.",
        &proof("border", 0, at),
        Reason::ProofWindow,
    );
    bench.proof(
        "invalid/proof_expired",
        "A screenshot of a minute ago.",
        &proof("border", 30, at.plus(-58)),
        Reason::ProofExpired,
    );
    bench.proof(
        "invalid/proof_from_the_future",
        "Made a minute from now.",
        &proof("border", 30, at.plus(60)),
        Reason::ProofNotYetValid,
    );
    bench.proof(
        "invalid/proof_before_credential",
        "Made before the credential was issued.",
        &proof("border", 30, at.plus(-4000)),
        Reason::ProofWindow,
    );
    bench.proof(
        "invalid/proof_without_end",
        "A proof without expiry.",
        &[(int(3), text("border")), (int(6), int(at.as_unix()))],
        Reason::FormatStructure,
    );
    let mut extra = proof("border", 30, at);
    extra.push((int(40), Value::Bytes(&[1; 8]).encode()));
    bench.proof(
        "invalid/proof_extra_claim",
        "A claim that this version does not process.",
        &extra,
        Reason::FormatStructure,
    );
    let nonce = |bytes: &[u8]| {
        let mut claims = proof("border", 30, at);
        claims.push((int(39), Value::Bytes(bytes).encode()));
        claims
    };
    bench.proof(
        "invalid/proof_nonce_unasked",
        "A nonce where the kiosk asked nothing: the answer to somebody else's challenge.",
        &nonce(&[1; 16]),
        Reason::ChallengeWrong,
    );
    bench.proof(
        "invalid/proof_nonce_short",
        "A nonce of seven bytes.",
        &nonce(&[1; 7]),
        Reason::FormatStructure,
    );
}

/// What stands around the credential.
pub fn presentations(bench: &mut Bench) {
    let structure = Reason::FormatStructure;
    let credential = bench.credential(&bench.protected, &bench.claims);
    let shown = payload::base45_decode(&bench.shown(&credential)).unwrap();
    let (alg, typ) = ((int(1), int(-8)), (int(16), int(294)));
    let kcwt = |bytes: &[u8]| (int(13), bytes.to_vec());
    bench.proof_headers(
        "invalid/kcwt_missing",
        "A proof around nothing.",
        &[alg.clone(), typ.clone()],
        structure,
    );
    bench.proof_headers(
        "invalid/kcwt_bytes",
        "The credential is wrapped in a byte string.",
        &[alg.clone(), kcwt(&Value::Bytes(&credential).encode()), typ.clone()],
        structure,
    );
    bench.proof_headers(
        "invalid/kcwt_presentation",
        "A presentation inside a presentation.",
        &[alg.clone(), kcwt(&shown), typ.clone()],
        structure,
    );
    bench.proof_headers(
        "invalid/proof_typ_wrong",
        "The type of a credential on a presentation.",
        &[alg.clone(), kcwt(&credential), (int(16), int(293))],
        structure,
    );
    bench.proof_headers(
        "invalid/proof_alg_es256",
        "The proof's algorithm says ES256, and the holder's key is for Ed25519.",
        &[(int(1), int(-7)), kcwt(&credential), typ.clone()],
        Reason::ProofSignature,
    );
    bench.proof_headers(
        "invalid/proof_alg_es384",
        "The proof's algorithm says ES384.",
        &[(int(1), int(-35)), kcwt(&credential), typ.clone()],
        Reason::FormatAlgorithm,
    );
    let crit = (int(2), Value::Array(vec![Value::from(99)]).encode());
    bench.proof_headers(
        "invalid/proof_crit_unknown",
        "A critical header in the proof that nobody knows.",
        &[alg, crit, kcwt(&credential), typ],
        Reason::FormatCritical,
    );
    bench.add(
        "invalid/proof_compressed",
        "A rotating code, compressed as only paper is.",
        payload::encode(&Payload::Static(shown.clone())),
        structure,
    );
    bench.add(
        "invalid/proof_cwt_tag",
        "Tag 61 around the presentation.",
        base45_encode(&[&[0xd8, 61], shown.as_slice()].concat()),
        Reason::TextForeign,
    );
    let mut malleable = shown;
    let scalar = malleable.len() - 32;
    add_group_order(&mut malleable[scalar..]);
    bench.add(
        "invalid/proof_signature_malleable",
        "The order of the group is added to the holder's signature: a used code in a second spelling.",
        base45_encode(&malleable),
        Reason::ProofSignature,
    );
}

/// The same credential at other times, and two faults of which the refusal counts.
pub fn times(bench: &mut Bench) {
    const DAY: i64 = 86_400;
    let start = bench.world.start;
    let credential = bench.credential(&bench.protected, &bench.claims);
    for (name, description, made, at, expect) in [
        ("valid/proof_29_seconds_old", "In its last second.", 0, 29, Reason::Accepted),
        ("invalid/proof_30_seconds_old", "A second later.", 0, 30, Reason::ProofExpired),
        ("valid/proof_5_seconds_ahead", "As far ahead as a phone may be.", 105, 100, Reason::Accepted),
        ("invalid/proof_6_seconds_ahead", "A second more.", 106, 100, Reason::ProofNotYetValid),
        ("valid/trust_aging", "Six days after publication.", 6 * DAY, 6 * DAY, Reason::Accepted),
        ("invalid/trust_stale", "Ten days after publication.", 10 * DAY, 10 * DAY, Reason::TrustStale),
        ("invalid/trust_dead", "25 days after publication.", 25 * DAY, 25 * DAY, Reason::TrustDead),
        ("invalid/status_expired", "35 days after.", 35 * DAY, 35 * DAY, Reason::StatusExpired),
        ("invalid/clock_tampered", "121 seconds before publication.", 0, -121, Reason::ClockTampered),
    ] {
        let shown = bench.shown_at(&credential, start.plus(made));
        bench.add_for("border", start.plus(at), name, description, shown, expect);
    }
    let at = start.plus(10 * DAY);
    let mut claims = bench.world.claims();
    claims.expires = at;
    let shown = bench.shown_at(&bench.world.credential(&claims), at.plus(-1));
    bench.add_for(
        "border",
        at,
        "invalid/expired_and_trust_stale",
        "Expired, where the trust repository is stale: the refusal counts.",
        shown,
        Reason::CredentialExpired,
    );
    let mut claims = bench.world.claims();
    place(&mut claims).index = 1;
    let shown = bench.shown_at(&bench.world.credential(&claims), at);
    bench.add_for(
        "border",
        at,
        "invalid/revoked_and_trust_stale",
        "Revoked, where the trust repository is stale: the refusal counts.",
        shown,
        Reason::StatusRevoked,
    );
    let shown = bench.shown(&credential);
    let now = bench.at.plus(2);
    bench.add_for(
        "bank",
        now,
        "invalid/purpose_unknown",
        "Shown for a purpose that the repository has no policy for.",
        shown,
        Reason::PurposeUnknown,
    );
}
