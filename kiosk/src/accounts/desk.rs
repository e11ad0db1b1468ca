//! What people at the desk do with accounts: answer questions, add accounts from before, take identifiers away and give them
//! back.
//!
//! Two people have to say the same where an answer takes an identifier from an account that has it: a conflict. Who they are is
//! what the caller found out.

use anyhow::{Result, bail, ensure};
use shared::credential::Attribute;
use shared::time::Timestamp;

use super::directory::{AccountId, Holding, Identifier, Kind, within};
use super::rows::{Account, Actor, Binding, CONFLICT, Event, Question, Rows};
use super::{Accounts, ORGANIZATION};

/// How sure a desk is, in the directory.
const DESK: &str = "desk";

/// What somebody at the desk says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// It is this account's.
    Account(AccountId),
    /// It is somebody new.
    New,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// Another person has to say the same.
    Proposed,
    /// It is this account's now.
    Answered(AccountId),
}

/// Who did something and why.
#[derive(Debug, Clone, Copy)]
pub struct Clerk<'a> {
    /// The name.
    pub name: &'a str,
    /// The reason, in words without personal data.
    pub note: Option<&'a str>,
    /// When.
    pub at: Timestamp,
}

impl Accounts {
    /// Returns the accounts and the open questions, oldest first.
    pub fn list(&mut self) -> Result<(Vec<Account>, Vec<Question>)> {
        within(self.directory.as_mut(), |transaction| {
            let mut rows = Rows(transaction);
            Ok((rows.accounts()?, rows.questions()?))
        })
    }

    /// Returns what an account is and was known by.
    pub fn show(&mut self, account: &AccountId) -> Result<Vec<Binding>> {
        within(self.directory.as_mut(), |transaction| {
            let mut rows = Rows(transaction);
            ensure!(rows.exists(account)?, "there is no account {account}");
            rows.bindings(account)
        })
    }

    /// Returns what happened from a number on, oldest first.
    pub fn events(&mut self, from: i64) -> Result<Vec<Event>> {
        within(self.directory.as_mut(), |transaction| Rows(transaction).events(from))
    }

    /// Adds an account that the organization had before, with the number of the document that its holder showed then.
    pub fn add(&mut self, account: &AccountId, issuer: &str, number: &str, clerk: Clerk<'_>) -> Result<()> {
        let Some(key) = &self.document_key else {
            bail!("an account is added by a document, and the settings name no document_key_file")
        };
        let Some(value) = key.of(issuer, Attribute::Id.name(), number) else {
            bail!("a document's number has letters or digits")
        };
        within(self.directory.as_mut(), |transaction| {
            let mut rows = Rows(transaction);
            ensure!(!rows.exists(account)?, "there is an account {account} already");
            let scope = organization(&mut rows)?;
            let document = Identifier { kind: Kind::Document, scope, value: value.clone() };
            ensure!(rows.holder(&document)?.is_none(), "an account with that document is there already");
            let actor = clerk.actor();
            rows.create(account, clerk.note, &actor)?;
            rows.bind(account, &document, None, &actor)
        })
    }

    /// Returns a question that nobody has answered.
    pub fn question(&mut self, number: i64) -> Result<Question> {
        within(self.directory.as_mut(), |transaction| Rows(transaction).question(number))
    }

    /// Answers a question, with one of the accounts that it is about. A conflict is answered when a second person says what the
    /// first one said; so is a question that has become one, because an account got what the visitor shows since it was asked.
    pub fn resolve(&mut self, question: i64, choice: &Choice, clerk: Clerk<'_>) -> Result<Resolution> {
        let drawn = AccountId::draw()?;
        within(self.directory.as_mut(), |transaction| {
            let mut rows = Rows(transaction);
            let mut question = rows.question(question)?;
            let actor = clerk.actor();
            let chosen = match choice {
                Choice::Account(account) => Some(account),
                Choice::New => None,
            };
            let mut candidates = question.candidates.clone();
            let mut moves = false;
            for identifier in [&question.openid, &question.unionid] {
                if let Some(Holding::Bound(holder)) = rows.holder(identifier)? {
                    moves |= chosen != Some(&holder);
                    if !candidates.contains(&holder) {
                        candidates.push(holder);
                    }
                }
            }
            if let Some(account) = chosen {
                ensure!(candidates.contains(account), "the question is not about account {account}");
            }
            if moves || question.kind == CONFLICT {
                let Some(account) = chosen else {
                    bail!("a conflict is between accounts that there are: {}", listed(&candidates))
                };
                if question.kind != CONFLICT || question.candidates != candidates {
                    rows.ask_otherwise(&question, CONFLICT, &candidates, &actor)?;
                    (question.proposed, question.proposed_by) = (None, None);
                }
                let second = match &question.proposed_by {
                    Some(by) if by == clerk.name => bail!("another person has to answer than {by}"),
                    Some(_) => question.proposed.as_deref() == Some(account.as_str()),
                    None => false,
                };
                if !second {
                    rows.propose(&question, account.as_str(), &actor)?;
                    return Ok(Resolution::Proposed);
                }
            }
            let account = match chosen {
                Some(account) => account,
                None => {
                    rows.create(&drawn, clerk.note, &actor)?;
                    &drawn
                }
            };
            for identifier in [&question.openid, &question.unionid] {
                rows.bind(account, identifier, Some(question.id), &actor)?;
            }
            // Whoever has the document keeps it.
            if let Some(document) = &question.document
                && rows.holder(document)?.is_none()
            {
                rows.bind(account, document, Some(question.id), &actor)?;
            }
            rows.answered(&question, account, &actor)?;
            Ok(Resolution::Answered(account.clone()))
        })
    }

    /// Removes an account and everything that it is and was known by, for good. Returns how many identifiers that were. Who
    /// comes again is new.
    pub fn erase(&mut self, account: &AccountId, clerk: Clerk<'_>) -> Result<usize> {
        within(self.directory.as_mut(), |transaction| {
            let mut rows = Rows(transaction);
            ensure!(rows.exists(account)?, "there is no account {account}");
            rows.erase(account, clerk.note, &clerk.actor())
        })
    }

    /// Takes an account's identifiers away, of one kind or all, or gives those back that were taken away. Returns how many
    /// it was. No visit gives them back.
    pub fn set_bound(
        &mut self,
        account: &AccountId,
        kind: Option<Kind>,
        bound: bool,
        clerk: Clerk<'_>,
    ) -> Result<usize> {
        within(self.directory.as_mut(), |transaction| {
            let mut rows = Rows(transaction);
            ensure!(rows.exists(account)?, "there is no account {account}");
            let state = if bound { "released" } else { "bound" };
            let mut changed = rows.bindings(account)?;
            changed.retain(|binding| {
                binding.state == state && kind.is_none_or(|kind| binding.identifier.kind == kind)
            });
            for binding in &changed {
                rows.set_bound(&binding.identifier, bound, clerk.note, &clerk.actor())?;
            }
            Ok(changed.len())
        })
    }
}

impl<'a> Clerk<'a> {
    fn actor(&self) -> Actor<'a> {
        Actor { by: self.name, at: self.at, assurance: DESK }
    }
}

fn listed(accounts: &[AccountId]) -> String {
    accounts.iter().map(AccountId::as_str).collect::<Vec<_>>().join(" or ")
}

fn organization(rows: &mut Rows<'_>) -> Result<String> {
    match rows.setting(ORGANIZATION)? {
        Some(organization) => Ok(organization),
        None => bail!("the directory belongs to nobody; run `kiosk accounts init`"),
    }
}
