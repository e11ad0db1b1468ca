//! The relying party's accounts: who came, by identifiers that mean something here alone.
//!
//! A visit shows an openid and a unionid ([`shared::pairwise`]), and perhaps a document. What that means is
//! [decided](decision) from what the [directory](directory) knows, and carried out in the same transaction, with an event
//! for everything that changes. What a kiosk must not decide waits for people at the [desk].

pub mod decision;
pub mod desk;
pub mod directory;
pub mod document;
mod postgres;
pub mod rows;
mod sqlite;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use shared::credential::Verified;
use shared::pairwise::{PairwiseId, RelyingParty};
use shared::time::Timestamp;
use shared::trust::{FaceRule, KioskIdentity};

use decision::{Decision, Known, decide};
use directory::{AccountId, Directory, Identifier, Kind, within};
use document::DocumentKey;
use postgres::Postgres;
use rows::{Actor, CHOOSE, CONFLICT, Question, Rows};
use sqlite::Sqlite;

/// Whose directory it is, in its table of settings.
const ORGANIZATION: &str = "organization";

/// `[accounts]` of a settings file.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A file for SQLite, or a connection URI that begins with `postgres://` or `postgresql://`.
    pub store: String,
    /// A file with the password of the PostgreSQL user, on one line.
    pub password_file: Option<PathBuf>,
    /// A file with the organization's key for document numbers, 64 hexadecimal digits; the same at every kiosk of the
    /// organization. Without it no document is looked at, and who is new gets a new account.
    pub document_key_file: Option<PathBuf>,
}

/// What a visit was for the accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The account was known.
    Matched,
    /// It was known at another service of the organization.
    Linked,
    /// It is new.
    Created,
    /// Somebody at the desk has to choose.
    Choose,
    /// Two people have to say which of two accounts it is.
    Conflict,
}

/// What became of a visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Binding {
    /// What it was.
    pub outcome: Outcome,
    /// Who compared the visitor's face: `face` for the kiosk, or `officer`.
    pub assurance: &'static str,
    /// Whose visit it was, where that is decided.
    pub account: Option<AccountId>,
    /// Whose it may be, where it is not.
    pub candidates: Vec<AccountId>,
    /// The number of the question that people have to answer.
    pub question: Option<i64>,
    /// What this service knows the visitor by.
    #[serde(serialize_with = "as_text")]
    pub openid: PairwiseId,
    /// What the organization knows the visitor by.
    #[serde(serialize_with = "as_text")]
    pub unionid: PairwiseId,
}

/// A visit of somebody who was let in or may be, as far as accounts are concerned.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Where it was.
    pub party: RelyingParty,
    /// At which machine.
    pub machine: String,
    /// What this service knows the visitor by.
    pub openid: PairwiseId,
    /// What the organization knows the visitor by.
    pub unionid: PairwiseId,
    /// What the directory knows the visitor's document by.
    pub document: Option<String>,
    /// `face` or `officer`.
    pub assurance: &'static str,
    /// When.
    pub at: Timestamp,
}

impl Visit {
    /// Tells what a verified presentation shows of the visitor, at a kiosk with this identity. `None` where it tells no
    /// secret to derive identifiers from, and where nobody compared the face: a code alone binds nothing.
    pub fn of(
        verified: &Verified,
        kiosk: &KioskIdentity,
        document_key: Option<&DocumentKey>,
        at: Timestamp,
    ) -> Option<Self> {
        let assurance = match verified.face() {
            FaceRule::Required => "face",
            FaceRule::Officer => "officer",
            FaceRule::NotUsed => return None,
        };
        let ids = verified.pairwise(kiosk.party())?;
        Some(Self {
            party: kiosk.party().clone(),
            machine: kiosk.machine().to_owned(),
            openid: ids.openid,
            unionid: ids.unionid,
            document: document_key.and_then(|key| key.of_claims(verified.claims())),
            assurance,
            at,
        })
    }
}

/// The accounts of one organization.
pub struct Accounts {
    directory: Box<dyn Directory>,
    document_key: Option<DocumentKey>,
}

impl Accounts {
    /// Opens a directory that was made before. A server is reached when it is needed.
    pub fn open(settings: &Settings) -> Result<Self> {
        Ok(Self {
            directory: settings.directory(false)?,
            document_key: settings.document_key_file.as_deref().map(DocumentKey::read).transpose()?,
        })
    }

    /// Makes the tables of an organization's directory, and its key for documents where the settings name a file that is
    /// not there. What is there already stays.
    pub fn create(settings: &Settings, organization: &str) -> Result<Self> {
        let mut directory = settings.directory(true)?;
        directory.prepare().context("making the tables of the directory")?;
        within(directory.as_mut(), |transaction| {
            let mut rows = Rows(transaction);
            match rows.setting(ORGANIZATION)? {
                None => rows.set(ORGANIZATION, organization),
                Some(_) => ensure_ours(&mut rows, organization),
            }
        })?;
        let document_key = match settings.document_key_file.as_deref() {
            Some(path) if path.exists() => Some(DocumentKey::read(path)?),
            Some(path) => Some(DocumentKey::create(path)?),
            None => None,
        };
        Ok(Self { directory, document_key })
    }

    /// Hands out the key for documents, to whoever makes visits of presentations.
    pub fn take_document_key(&mut self) -> Option<DocumentKey> {
        self.document_key.take()
    }

    /// Finds out whose the visit of somebody who was let in was, and writes down what changes by it.
    pub fn visit(&mut self, visit: &Visit) -> Result<Binding> {
        let (organization, by) = (visit.party.organization(), format!("kiosk:{}", visit.machine));
        let actor = Actor { by: &by, at: visit.at, assurance: visit.assurance };
        let openid = identifier(Kind::Openid, &visit.party.service(), &visit.openid.to_string());
        let unionid = identifier(Kind::Unionid, organization, &visit.unionid.to_string());
        let document = visit.document.as_deref().map(|value| identifier(Kind::Document, organization, value));
        let drawn = AccountId::draw()?;
        within(self.directory.as_mut(), |transaction| {
            let mut rows = Rows(transaction);
            ensure_ours(&mut rows, organization)?;
            let document_holder =
                document.as_ref().map(|document| rows.holder(document)).transpose()?.flatten();
            let known = Known {
                openid: rows.holder(&openid)?,
                unionid: rows.holder(&unionid)?,
                document: document_holder.clone(),
            };
            // A document that is nobody's becomes the account's, so that it is found by it later.
            let free_document = document.as_ref().filter(|_| document_holder.is_none());
            let answer = |outcome, account: Option<AccountId>| Binding {
                outcome,
                assurance: visit.assurance,
                account,
                candidates: vec![],
                question: None,
                openid: visit.openid,
                unionid: visit.unionid,
            };
            let (account, new, outcome) = match decide(&known) {
                Decision::Matched { account, add_unionid } => {
                    (account, if add_unionid { vec![&unionid] } else { vec![] }, Outcome::Matched)
                }
                Decision::Linked { account } => (account, vec![&openid], Outcome::Linked),
                Decision::Created => {
                    rows.create(&drawn, None, &actor)?;
                    (drawn.clone(), vec![&openid, &unionid], Outcome::Created)
                }
                undecided => {
                    let (kind, outcome, candidates) = match undecided {
                        Decision::Conflict { openid, unionid } => {
                            (CONFLICT, Outcome::Conflict, vec![openid, unionid])
                        }
                        Decision::Choose { candidates } => (CHOOSE, Outcome::Choose, candidates),
                        _ => unreachable!("the others are decided above"),
                    };
                    let question = Question {
                        id: 0,
                        kind: kind.to_owned(),
                        opened_at: visit.at,
                        openid: openid.clone(),
                        unionid: unionid.clone(),
                        document: document.clone(),
                        assurance: visit.assurance.to_owned(),
                        candidates,
                        proposed: None,
                        proposed_by: None,
                    };
                    let id = rows.ask(&question, &actor)?;
                    let candidates = question.candidates;
                    return Ok(Binding { candidates, question: Some(id), ..answer(outcome, None) });
                }
            };
            for identifier in new.into_iter().chain(free_document) {
                rows.bind(&account, identifier, None, &actor)?;
            }
            // Decided since by another visit, or by hand.
            rows.settle(&openid, &account, &actor)?;
            Ok(answer(outcome, Some(account)))
        })
    }
}

impl Settings {
    fn directory(&self, create: bool) -> Result<Box<dyn Directory>> {
        let server = ["postgres://", "postgresql://"].iter().any(|scheme| self.store.starts_with(scheme));
        Ok(match server {
            true => Box::new(Postgres::new(&self.store, self.password_file.as_deref())?),
            false => Box::new(Sqlite::open(Path::new(&self.store), create)?),
        })
    }
}

fn identifier(kind: Kind, scope: &str, value: &str) -> Identifier {
    Identifier { kind, scope: scope.to_owned(), value: value.to_owned() }
}

/// A kiosk that was given the directory of somebody else would mix their customers.
fn ensure_ours(rows: &mut Rows<'_>, organization: &str) -> Result<()> {
    let owner =
        rows.setting(ORGANIZATION)?.context("the directory belongs to nobody; run `kiosk accounts init`")?;
    ensure!(
        owner == organization,
        "the directory is that of {owner}, and this kiosk works for {organization}"
    );
    Ok(())
}

fn as_text<S: serde::Serializer>(id: &PairwiseId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

#[cfg(test)]
mod tests;
