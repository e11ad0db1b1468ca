//! Builders for the journeys, vectors and benchmarks: a small world with an agency, a resident and a repository.

pub mod browser;
pub mod camera_lane;
pub mod camera_machine;
pub mod crafted;
pub mod journey;
pub mod pty;
pub mod redis;
pub mod seals;
pub mod simulation;
pub mod status_lists;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use shared::cbor::Value;
use shared::credential::{
    Attribute, AttributeValue, Attributes, Claims, ProofId, Purpose, ReplayMemory, Sight, StatusReference,
    present, sign,
};
use shared::key::{Signer, SoftwareKey, VerificationKey};
use shared::qr::payload::{self, Payload};
use shared::template::{AlgorithmId, Template};
use shared::time::Timestamp;
use shared::trust::{
    AccountRule, AgencyPart, AgencyRole, Assembly, AttackRule, FaceRule, FalseMatchRate, Files, IssuerKey,
    IssuerKeys, PaperRule, Policy, ProofRule, ReplayRule, RepositoryKeys, StaleRule, Status,
    StatusListBuilder, TopLevelVersions, TrustSnapshot, TrustStore, assemble, sign_root, update,
};

use crate::crafted::Hand;

/// The issuer of the small world.
pub const ISSUER: &str = "https://id.xa.example";
/// Its name in the trust repository.
pub const AGENCY: &str = "xa";
/// Its only status list.
pub const STATUS_URI: &str = "https://id.xa.example/status/0";

const DAY: i64 = 24 * 3600;

/// An agency, a resident's phone, and the keys of a trust repository, all made from fixed seeds.
pub struct World {
    /// Signs credentials and status lists.
    pub issuer: SoftwareKey,
    /// The resident's phone.
    pub holder: SoftwareKey,
    /// The agency's role in the repository.
    pub agency: SoftwareKey,
    /// Root (three), targets, snapshot, timestamp.
    pub roles: Vec<SoftwareKey>,
    /// When everything was set up.
    pub start: Timestamp,
    /// What the border asks for.
    pub policy: Policy,
    /// Places of the status list that are not valid.
    pub not_valid: Vec<(u64, Status)>,
    /// When the issuer's key was retired, if it was.
    pub key_retired: Option<Timestamp>,
    /// As of when the issuer's key was revoked, if it was.
    pub key_revoked: Option<Timestamp>,
    /// Policies of other purposes that the repository holds too.
    pub other_policies: Vec<Policy>,
    /// An issuer with other keys that stands in the place of ours, and publishes no status.
    pub foreign: Option<IssuerKeys>,
    /// Keys that the issuer signs with besides its own; it signs its status list with its own.
    pub other_keys: Vec<IssuerKey>,
    /// What the agency publishes besides its keys and its status list, or instead of them.
    pub agency_targets: Files,
    /// Whom seals of other schemes are believed from: targets under `seals/`.
    pub seals: Files,
}

impl Default for World {
    fn default() -> Self {
        let key = |n: u8| SoftwareKey::from_seed(&[n; 32]);
        Self {
            issuer: key(1),
            holder: key(2),
            agency: key(3),
            roles: (10..16).map(key).collect(),
            start: Timestamp::parse("2026-11-20T09:00:00Z").unwrap(),
            policy: Policy {
                purpose: border(),
                audiences: vec!["border".to_owned()],
                carry: vec![],
                require: vec![Attribute::Name],
                show: vec![Attribute::Name],
                validity_days: 365,
                paper: PaperRule::Refuse,
                dialects: vec![],
                proof: ProofRule::Rotating,
                groups: vec![],
                max_presentation_age: None,
                accounts: AccountRule::Unbound,
                face: FaceRule::Required,
                attack_detection: AttackRule::Report,
                false_match_one_in: FalseMatchRate::DEFAULT,
                face_algorithms: vec![],
                stale_grace_days: 14,
                when_stale: StaleRule::Manual,
                replay_scope: ReplayRule::default(),
            },
            not_valid: vec![],
            key_retired: None,
            key_revoked: None,
            other_policies: vec![],
            foreign: None,
            other_keys: vec![],
            agency_targets: Files::new(),
            seals: Files::new(),
        }
    }
}

impl World {
    /// Claims with ten attributes and a face template of 128 bytes, valid for a year from the start.
    pub fn claims(&self) -> Claims {
        let mut attributes = Attributes::default();
        for (attribute, value) in [
            (Attribute::Id, "XA-000000-01"),
            (Attribute::Language, "eng"),
            (Attribute::Name, "SAMPLE, ALEX 01"),
            (Attribute::DateOfBirth, "19980214"),
            (Attribute::Address, "1 EXAMPLE ROAD"),
            (Attribute::Nationality, "XA"),
            (Attribute::LocationCode, "XA01"),
            (Attribute::LegalStatus, "R"),
            (Attribute::Country, "XA"),
        ] {
            attributes.set(attribute, AttributeValue::Text(value.to_owned())).unwrap();
        }
        attributes.set(Attribute::Sex, AttributeValue::Code(2)).unwrap();
        let template = (0..128u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        Claims {
            issuer: ISSUER.to_owned(),
            subject: "c3ViamVjdC0wMDAx".to_owned(),
            purpose: Some(border()),
            expires: self.start.plus(365 * DAY),
            not_before: self.start,
            issued_at: self.start,
            holder_key: Some(self.holder.public_key().into()),
            status: Some(StatusReference { index: 4711, uri: STATUS_URI.to_owned() }),
            max_presentation_age: None,
            attributes,
            face: Some(Template::new(AlgorithmId::parse("omz0095/i4").unwrap(), template).unwrap()),
            portrait: None,
        }
    }

    /// The public key of the resident's phone.
    pub fn holder_key(&self) -> VerificationKey {
        self.holder.public_key().into()
    }

    /// A signed credential with these claims.
    pub fn credential(&self, claims: &Claims) -> Vec<u8> {
        sign(claims, &self.issuer).unwrap()
    }

    /// The text of a rotating code around a credential, made for the border at `now`.
    pub fn code(&self, credential: &[u8], now: Timestamp) -> String {
        payload::encode(&Payload::Signed(present(credential, &self.holder, "border", now).unwrap()))
    }

    /// The text of the default resident's code at `now`.
    pub fn default_code(&self, now: Timestamp) -> String {
        self.code(&self.credential(&self.claims()), now)
    }

    /// The root metadata that a kiosk is provisioned with.
    pub fn root(&self) -> Vec<u8> {
        let public = |n: usize| self.roles[n].public_key();
        let keys = RepositoryKeys {
            root: (0..3).map(public).collect(),
            targets: public(3),
            snapshot: public(4),
            timestamp: public(5),
        };
        sign_root(&keys, &[&self.roles[0], &self.roles[1]], self.start).unwrap()
    }

    /// The files of the repository, published at `now` as `version`.
    pub fn repository(&self, version: u64, now: Timestamp) -> Files {
        let own_key = IssuerKey {
            public: self.issuer.public_key().into(),
            key_id: None,
            not_before: self.start,
            not_after: self.key_retired,
            revoked_at: self.key_revoked,
        };
        let keys = std::iter::once(own_key).chain(self.other_keys.clone()).collect();
        let keys = IssuerKeys { issuer: ISSUER.to_owned(), keys };
        let keys = self.foreign.clone().unwrap_or(keys);
        let mut statuses = StatusListBuilder::default();
        for (index, status) in &self.not_valid {
            assert!(statuses.set(*index, *status));
        }
        let token = statuses.prepare(STATUS_URI, now, now.plus(30 * DAY), self.issuer.public_key().id());
        let mut own = Files::from([("keys.json".to_owned(), serde_json::to_vec(&keys).unwrap())]);
        if self.foreign.is_none() {
            own.insert("status-0.cwt".to_owned(), token.sign(&self.issuer).unwrap());
        }
        own.extend(self.agency_targets.clone());
        let policies = std::iter::once(&self.policy).chain(&self.other_policies);
        let policies = policies
            .map(|policy| (format!("policy/{}.json", policy.purpose), serde_json::to_vec(policy).unwrap()))
            .chain(self.seals.clone())
            .collect();
        self.published(&keys.issuer, &own, &policies, version, now)
    }

    /// The files of a repository with these targets of the agency's and of the top-level role, published as `version`.
    pub fn published(
        &self,
        issuer: &str,
        own: &Files,
        targets: &Files,
        version: u64,
        now: Timestamp,
    ) -> Files {
        self.assembled(&[self.part(issuer, own, version, now)], targets, version.into(), now)
    }

    /// What the agency signs.
    pub fn part(&self, issuer: &str, own: &Files, version: u64, now: Timestamp) -> AgencyPart {
        let role = AgencyRole { name: AGENCY, issuer, signer: &self.agency, targets: own };
        role.sign(version, now).unwrap()
    }

    /// The files of a repository with what agencies signed.
    pub fn assembled(
        &self,
        parts: &[AgencyPart],
        targets: &Files,
        versions: TopLevelVersions,
        now: Timestamp,
    ) -> Files {
        assemble(&Assembly {
            roots: &[self.root()],
            targets,
            parts,
            retired: &BTreeMap::new(),
            targets_signer: &self.roles[3],
            snapshot_signer: &self.roles[4],
            timestamp_signer: &self.roles[5],
            versions,
            now,
        })
        .unwrap()
    }

    /// What a kiosk believes after importing the first repository at the start.
    pub fn trust(&self) -> TrustStore {
        self.import(self.repository(1, self.start)).0
    }

    /// Imports a repository into an empty memory, at the start.
    pub fn import(&self, repository: Files) -> (TrustStore, TrustSnapshot) {
        update(repository, &self.root(), &Files::new(), self.start).unwrap()
    }
}

/// Where a credential of ours says that its status is.
pub fn place(claims: &mut Claims) -> &mut StatusReference {
    claims.status.as_mut().expect("a credential of ours has a place in a status list")
}

/// A COSE_Sign1 (RFC 9052 section 4.2) over whatever it is given, right or wrong.
pub fn sign1(protected: &[u8], unprotected: Value<'_>, payload: &[u8], signer: &SoftwareKey) -> Vec<u8> {
    crafted::sign1(protected, unprotected, payload, &Hand::Ed25519(signer))
}

/// The purpose that the small world issues for.
pub fn border() -> Purpose {
    Purpose::parse("border").unwrap()
}

/// A replay memory that lasts as long as the test.
#[derive(Debug, Default)]
pub struct Seen(BTreeMap<ProofId, Timestamp>);

impl ReplayMemory for Seen {
    fn first_sight(
        &mut self,
        proof: ProofId,
        dead_after: Timestamp,
        _now: Timestamp,
        _rule: ReplayRule,
    ) -> Sight {
        match self.0.insert(proof, dead_after) {
            None => Sight::First,
            Some(_) => Sight::Again,
        }
    }
}

/// Where third-party data and models are, or `None` (said loudly) where they are not.
pub fn third_party(what: &str) -> Option<PathBuf> {
    let root = std::env::var_os("GATEPASS_DATA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let path = root.join(what);
    if path.exists() {
        return Some(path);
    }
    use std::io::Write;
    // Straight to the descriptor: the test harness swallows what `eprintln!` writes.
    let _ =
        writeln!(std::io::stderr(), "\n*** SKIPPED: {} is not here; set GATEPASS_DATA ***\n", path.display());
    None
}

/// Tells whether `python3` has a module; says loudly where it has not.
pub fn third_party_python(module: &str) -> bool {
    let import = Command::new("python3").args(["-c", &format!("import {module}")]).output();
    let installed = import.is_ok_and(|output| output.status.success());
    if !installed {
        use std::io::Write;
        // Straight to the descriptor: the test harness swallows what `eprintln!` writes.
        let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: no python3 with {module} is here ***\n");
    }
    installed
}

/// Reads a repository with python-tuf and prints how many targets it got.
const PYTHON_TUF: &str = r#"
import pathlib, sys
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater

repository, memory, *targets = sys.argv[1:]

class Folder(FetcherInterface):
    def _fetch(self, url):
        path = pathlib.Path(url.removeprefix("folder:"))
        if not path.is_file():
            raise DownloadHTTPError("not there", 404)
        yield path.read_bytes()

root = pathlib.Path(repository, "metadata/1.root.json").read_bytes()
client = Updater(memory, f"folder:{repository}/metadata/", memory, f"folder:{repository}/targets/", Folder(), bootstrap=root)
client.refresh()
for number, path in enumerate(targets):
    found = client.get_targetinfo(path)
    client.download_target(found, f"{memory}/{number}.target")
print(len(targets))
"#;

/// Reads a repository with python-tuf, the reference implementation, which keeps what it trusts in `memory`.
/// Returns how many targets it got.
///
/// # Errors
/// The last line of what it said.
pub fn python_tuf(repository: &Path, memory: &Path, targets: &[&str]) -> Result<usize, String> {
    std::fs::create_dir_all(memory).unwrap();
    let output = Command::new("python3")
        .args(["-c", PYTHON_TUF])
        .args([repository, memory])
        .args(targets)
        .output()
        .unwrap();
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout).unwrap().trim().parse().unwrap());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().lines().last().unwrap_or("").to_owned())
}

/// L, the order of the Ed25519 group (RFC 8032 §5.1), least significant byte first.
const GROUP_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Adds L to a number of 32 bytes, least significant first: a signature's scalar that means the same and is not canonical.
pub fn add_group_order(scalar: &mut [u8]) {
    let mut carry = 0;
    for (digit, addend) in scalar.iter_mut().zip(GROUP_ORDER) {
        carry += u16::from(*digit) + u16::from(addend);
        *digit = carry as u8;
        carry >>= 8;
    }
    assert_eq!(carry, 0);
}
