//! `issuer key`: which keys an agency has, a new one for credentials, and taking one back.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use shared::key::{Signer, VerificationKey};
use shared::time::Timestamp;
use shared::trust::{TopLevelRole, TufKey};

use crate::cli::{KeyRevoke, KeyRotate, NewKeys};
use crate::commands::{note, now};
use crate::issuer_keys::{KeyHistory, ListedKey};
use crate::keys::{self, Keeping, Kind};
use crate::office::{Office, ROOT_KEYS};
use crate::output::Answer;
use crate::registry::Registry;
use crate::roots;

/// Where new keys are to be kept.
pub struct Places {
    /// Keys that sign with every publication.
    pub online: Keeping,
    /// Keys that are carried away.
    pub offline: Keeping,
}

/// Works out where new keys go; asks for a passphrase if one is wanted.
pub fn places(new: &NewKeys) -> Result<Places> {
    let offline =
        if new.key_passphrase { Keeping::PassphraseFile(keys::new_passphrase()?) } else { Keeping::Pem };
    let online = match (&new.hsm, &offline) {
        (Some(token), _) => Keeping::Hsm(token.clone()),
        (None, Keeping::PassphraseFile(passphrase)) => Keeping::PassphraseFile(passphrase.clone()),
        (None, _) => Keeping::Pem,
    };
    Ok(Places { online, offline })
}

/// Works out where the key goes that follows another: as told, or else as the present one is kept.
pub fn keeping(new: &NewKeys, present: impl FnOnce() -> Result<PathBuf>) -> Result<Keeping> {
    if new.told() { Ok(places(new)?.online) } else { Keeping::like(&present()?) }
}

pub fn rotate(arguments: &KeyRotate) -> Result<Answer> {
    let now = now(arguments.at.at);
    let office = Office::open(&arguments.at.dir)?;
    let registry = office.registry()?;
    let mut history = KeyHistory::load(&registry)?;
    let old = history.current().clone();
    let name = history.next_name();
    if arguments.clock_was_ahead {
        history.set_back(now);
    }
    // Before a key is made, so that nothing is left behind if the clock is wrong.
    history.check_time(now)?;
    let new = match &arguments.import {
        Some(reference) => {
            let key = keys::open(reference)?;
            key.prove().with_context(|| format!("trying the key {}", reference.display()))?;
            history.check_new(key.public_key())?;
            office.keep_key(&name, reference, &key)?;
            key
        }
        None => {
            let keeping = keeping(&arguments.new, || office.key_path(&old.name))?;
            office.create_key(&name, &keeping)?
        }
    };
    // Somebody may have taken a key back while a passphrase was being typed.
    KeyHistory::change(&registry, |history| {
        if arguments.clock_was_ahead {
            history.set_back(now);
        }
        history.rotate(name, new.public_key(), now)
    })?;
    note(&format!(
        "Kiosks believe it from the next `issuer publish` that they import: publish, and only then hand out \
         credentials. The private key {} signs nothing any more; destroy it.",
        old.name
    ));
    Ok(Answer::done(
        format!(
            "issuer key  {}\nkept in     {}\nreplaces    {}",
            new.public_key().id(),
            new.kind(),
            old.key.public.id()
        ),
        json!({
            "key": new.public_key(), "id": new.public_key().id().to_string(), "kept": new.kind().to_string(),
            "since": now, "replaces": old.key.public.id().to_string(),
        }),
    ))
}

pub fn revoke(arguments: &KeyRevoke) -> Result<Answer> {
    let now = now(arguments.at.at);
    let office = Office::open(&arguments.at.dir)?;
    let registry = office.registry()?;
    let revoked =
        KeyHistory::change(&registry, |history| history.revoke(&arguments.key, arguments.since, now))?;
    let since = revoked.key.revoked_at.unwrap_or(revoked.key.not_before);
    let affected = registry.count_issued(since, revoked.key.not_after)?;
    if since > revoked.key.not_before {
        note(
            "Whoever has a copy of the key can also write an earlier time: if it was copied rather than misused \
             where it is, leave --since out, so that nothing it signed is believed.",
        );
    }
    note(&format!(
        "Kiosks refuse what it signed since {since} from the next `issuer publish` that they import. \
         To be issued again: {affected} credentials."
    ));
    Ok(Answer::done(
        format!(
            "revoked {} as of {since}; {affected} credentials to be issued again",
            revoked.key.public.id()
        ),
        json!({
            "id": revoked.key.public.id().to_string(), "revoked_at": since, "to_issue_again": affected, "at": now,
        }),
    ))
}

pub fn list(arguments: &crate::cli::At) -> Result<Answer> {
    let now = now(arguments.at);
    let office = Office::open(&arguments.dir)?;
    let registry = office.registry()?;
    let history = KeyHistory::load(&registry)?;
    let mut rows = Vec::new();
    for listed in history.keys() {
        let state = if listed.name == history.current().name { "signs" } else { state(listed, now) };
        rows.push(Row {
            name: listed.name.clone(),
            kept: kept(&office, &listed.name)?,
            id: Some(listed.key.public.id().to_string()),
            public: Some(listed.key.public),
            state,
            since: Some(listed.key.not_before),
            until: listed.key.not_after,
            revoked_at: listed.key.revoked_at,
        });
    }
    let root = office.roots()?.newest;
    for role in [TopLevelRole::Root, TopLevelRole::Targets, TopLevelRole::Snapshot, TopLevelRole::Timestamp] {
        for key in root.keys(role) {
            rows.push(match name_of(&office, role, root.version(), &key)? {
                Some(name) => Row::of_repository(&office, &registry, name)?,
                None => Row { id: Some(key.id()), ..Row::elsewhere(role.name()) },
            });
        }
    }
    rows.push(Row::of_repository(&office, &registry, "agency".to_owned())?);
    let lines: Vec<String> = rows.iter().map(Row::line).collect();
    let json: Vec<Value> = rows.iter().map(Row::json).collect();
    Ok(Answer::done(lines.join("\n"), json!({ "keys": json })))
}

/// The registry's setting that says since when a key of the repository is there.
pub fn since_setting(name: &str) -> String {
    format!("key_since:{name}")
}

/// Finds under which name the agency keeps a key that its root names, by the public halves.
fn name_of(office: &Office, role: TopLevelRole, version: u64, key: &TufKey) -> Result<Option<String>> {
    let names: Vec<String> = match role {
        TopLevelRole::Root => (1..=ROOT_KEYS).map(|n| format!("root-{n}")).collect(),
        _ => (1..=version).map(|version| roots::key_name(role, version)).collect(),
    };
    for name in names {
        if office.public_key(&name)?.is_some_and(|public| TufKey::from(public) == *key) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// What `issuer key list` says about a key.
struct Row {
    name: String,
    kept: Option<Kind>,
    /// Of a key that was never here: as the root names it.
    id: Option<String>,
    public: Option<VerificationKey>,
    state: &'static str,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
}

impl Row {
    /// A key that signs in the repository, with its public half here.
    fn of_repository(office: &Office, registry: &Registry, name: String) -> Result<Self> {
        let kept = kept(office, &name)?;
        let since = registry.setting(&since_setting(&name))?;
        let since = since.map(|text| Timestamp::parse(&text)).transpose()?;
        let public = office.public_key(&name)?.map(VerificationKey::from);
        Ok(Self {
            kept,
            id: public.map(|key| key.id().to_string()),
            public,
            state: if kept.is_some() { "repository" } else { "elsewhere" },
            since,
            ..Self::elsewhere(&name)
        })
    }

    fn elsewhere(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            kept: None,
            id: None,
            public: None,
            state: "elsewhere",
            since: None,
            until: None,
            revoked_at: None,
        }
    }

    fn line(&self) -> String {
        let id = self.id.as_deref().unwrap_or("-");
        let kept = self.kept.map_or_else(|| "not here".to_owned(), |kind| kind.to_string());
        let mut line = format!("{:12} {id:16}  {kept:15}  {:10}", self.name, self.state);
        for (word, time) in [("since", self.since), ("until", self.until), ("revoked as of", self.revoked_at)]
        {
            if let Some(time) = time {
                line += &format!("  {word} {time}");
            }
        }
        line
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name, "id": self.id, "public": self.public,
            "kept": self.kept.map(|kind| kind.to_string()), "state": self.state, "since": self.since,
            "until": self.until, "revoked_at": self.revoked_at,
        })
    }
}

fn state(listed: &ListedKey, now: Timestamp) -> &'static str {
    match (listed.key.revoked_at, listed.key.valid_at(now)) {
        (Some(_), _) => "revoked",
        (None, true) => "overlaps",
        (None, false) => "retired",
    }
}

/// How a key is kept, without opening it; `None` if it is not in the folder, as root keys should not be.
fn kept(office: &Office, name: &str) -> Result<Option<Kind>> {
    let Ok(path) = office.key_path(name) else { return Ok(None) };
    let bytes = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
    Ok(Some(keys::recognize(&path, &bytes)?))
}
