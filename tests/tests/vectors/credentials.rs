//! Headers and claims of the credential.

use shared::cbor::Value;
use shared::credential::{Attributes, Claims, Purpose};
use shared::key::SoftwareKey;
use shared::qr::payload::{self, Payload};
use shared::reason::Reason;
use shared::trust::LIST_SIZE;
use tests::{place, sign1};

use crate::bench::{Bench, entries, int, raw_map};

pub fn headers(bench: &mut Bench) {
    let (alg, kid, typ) = {
        let parts = entries(&bench.protected);
        (parts[0].clone(), parts[1].clone(), parts[2].clone())
    };
    let structure = Reason::FormatStructure;
    bench.headers("invalid/alg_missing", "No algorithm.", &[kid.clone(), typ.clone()], structure);
    bench.headers(
        "invalid/alg_es256",
        "The algorithm says ES256, and the key that signed is for Ed25519.",
        &[(int(1), int(-7)), kid.clone(), typ.clone()],
        Reason::CredentialSignature,
    );
    bench.headers(
        "invalid/alg_es384",
        "The algorithm says ES384.",
        &[(int(1), int(-35)), kid.clone(), typ.clone()],
        Reason::FormatAlgorithm,
    );
    bench.headers("invalid/kid_missing", "No key identifier.", &[alg.clone(), typ.clone()], structure);
    bench.headers(
        "invalid/kid_short",
        "A key identifier of four bytes.",
        &[alg.clone(), (int(4), Value::Bytes(&[1, 2, 3, 4]).encode()), typ.clone()],
        structure,
    );
    bench.headers("invalid/typ_missing", "No type.", &[alg.clone(), kid.clone()], structure);
    bench.headers(
        "invalid/typ_wrong",
        "The type of a presentation on a credential.",
        &[alg.clone(), kid.clone(), (int(16), int(294))],
        structure,
    );
    let crit = (int(2), Value::Array(vec![Value::from(99)]).encode());
    bench.headers(
        "invalid/crit_unknown",
        "A critical header that nobody knows (RFC 9052 section 3.1).",
        &[alg.clone(), crit, kid.clone(), typ.clone()],
        Reason::FormatCritical,
    );
    bench.headers(
        "invalid/header_unknown",
        "A protected header that does not belong there.",
        &[alg, kid.clone(), typ.clone(), (int(33), vec![0x40])],
        structure,
    );

    let unprotected = Value::Map(vec![(Value::from(1), Value::from(-8))]);
    let protected = raw_map(&[kid, typ]);
    let alg_outside =
        bench.shown(&sign1(&protected, unprotected.clone(), &bench.claims, &bench.world.issuer));
    bench.add(
        "invalid/alg_unprotected",
        "The algorithm stands where anyone can change it.",
        alg_outside,
        structure,
    );
    let outside = bench.shown(&sign1(&bench.protected, unprotected, &bench.claims, &bench.world.issuer));
    bench.add("invalid/unprotected_header", "A header in the unprotected bucket.", outside, structure);
    let credential = bench.credential(&bench.protected, &bench.claims);
    let untagged = bench.shown(&credential[1..]);
    bench.add("invalid/untagged", "The credential lacks tag 18.", untagged, structure);
}

pub fn claims(bench: &mut Bench) {
    let start = bench.world.start;
    let at = bench.at;
    let structure = Reason::FormatStructure;
    bench.claims_entries(
        "invalid/no_exp",
        "No expiry.",
        |parts| drop(parts.remove(3)),
        Reason::CredentialNoExpiry,
    );
    bench.claims_entries("invalid/no_status", "No status.", |parts| drop(parts.pop()), structure);
    bench.claims_entries(
        "invalid/no_identity",
        "No Claim 169.",
        |parts| drop(parts.remove(parts.len() - 2)),
        structure,
    );
    bench.claims_entries(
        "invalid/iss_not_text",
        "The issuer is a number.",
        |parts| parts[0].1 = int(5),
        structure,
    );
    let mut identity_point = vec![0; 32];
    identity_point[0] = 1;
    let key = Value::Map(vec![
        (Value::from(1), Value::from(1)),
        (Value::from(-1), Value::from(6)),
        (Value::from(-2), Value::Bytes(&identity_point)),
    ]);
    let cnf = Value::Map(vec![(Value::from(1), key)]).encode();
    bench.claims_entries(
        "invalid/cnf_weak_key",
        "The holder's key is a point of small order.",
        |parts| parts[6].1 = cnf,
        Reason::FormatKey,
    );
    bench.stated(
        "invalid/expired",
        "Expired a second ago.",
        |claims| claims.expires = at.plus(1),
        Reason::CredentialExpired,
    );
    bench.stated(
        "invalid/not_yet_valid",
        "Valid from tomorrow.",
        |claims| claims.not_before = at.plus(86_400),
        Reason::CredentialNotYetValid,
    );
    bench.stated(
        "invalid/wrong_purpose",
        "Issued for a hotel.",
        |claims| claims.purpose = Some(Purpose::parse("hotel").unwrap()),
        Reason::CredentialPurpose,
    );
    bench.stated(
        "invalid/claim_missing",
        "No name, which the policy requires.",
        |claims| claims.attributes = Attributes::default(),
        Reason::CredentialClaimMissing,
    );
    bench.stated(
        "invalid/issuer_unknown",
        "An issuer that the repository does not name.",
        |claims| claims.issuer = "https://id.xb.example".into(),
        Reason::IssuerUnknown,
    );
    bench.stated(
        "invalid/key_not_valid",
        "Issued before the key was in use.",
        |claims| (claims.issued_at, claims.not_before) = (start.plus(-9), start.plus(-9)),
        Reason::IssuerKeyNotValid,
    );
    bench.stated("invalid/revoked", "Revoked.", |claims| place(claims).index = 1, Reason::StatusRevoked);
    bench.stated(
        "invalid/suspended",
        "Suspended.",
        |claims| place(claims).index = 2,
        Reason::StatusSuspended,
    );
    bench.stated(
        "invalid/status_out_of_range",
        "A place after the end of its list.",
        |claims| place(claims).index = LIST_SIZE,
        Reason::StatusOutOfRange,
    );
    bench.stated(
        "invalid/status_unknown",
        "A list that the repository does not have.",
        |claims| place(claims).uri.push('9'),
        Reason::StatusUnknown,
    );
    bench.stated(
        "invalid/proof_without_holder_key",
        "A proof around a credential that names no holder key.",
        |claims| claims.holder_key = None,
        Reason::ProofSignature,
    );
    let paper = bench.world.credential(&Claims { holder_key: None, ..bench.world.claims() });
    let paper = payload::encode(&Payload::Static(paper));
    bench.add(
        "invalid/paper",
        "A paper credential, where the policy takes none.",
        paper,
        Reason::PaperNotAccepted,
    );
    let stranger = SoftwareKey::from_seed(&[77; 32]);
    let forged = bench.shown(&sign1(&bench.protected, Value::Map(vec![]), &bench.claims, &stranger));
    bench.add(
        "invalid/signature_bad",
        "Signed by somebody else under the issuer's key identifier.",
        forged,
        Reason::CredentialSignature,
    );
    let own = shared::credential::sign(&bench.world.claims(), &stranger).unwrap();
    let own = bench.shown(&own);
    bench.add(
        "invalid/key_unknown",
        "Signed by somebody else under his own key identifier.",
        own,
        Reason::IssuerKeyUnknown,
    );
}
