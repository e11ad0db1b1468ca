//! The tables of a directory and every statement that reads or writes them, the same for all stores.
//!
//! | table | holds |
//! | --- | --- |
//! | `setting` | whose directory it is |
//! | `account` | the accounts |
//! | `binding` | what each is known by, and was; an identifier once |
//! | `open_question` | what people have to decide |
//! | `binding_event` | everything that happened, never changed; identifiers of erased accounts are blanked |

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use shared::time::Timestamp;

use super::directory::{AccountId, Holding, Identifier, Kind, Transaction, Value};

/// The tables. `{SERIAL}` is what a store calls a number that counts up.
pub const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS account (id TEXT PRIMARY KEY, created_at BIGINT NOT NULL);
    CREATE TABLE IF NOT EXISTS binding (
        kind TEXT NOT NULL CHECK (kind IN ('openid', 'unionid', 'document')),
        scope TEXT NOT NULL,
        value TEXT NOT NULL,
        account TEXT NOT NULL REFERENCES account (id),
        state TEXT NOT NULL CHECK (state IN ('bound', 'released')),
        assurance TEXT NOT NULL,
        bound_at BIGINT NOT NULL,
        bound_by TEXT NOT NULL,
        PRIMARY KEY (kind, scope, value)
    );
    CREATE INDEX IF NOT EXISTS binding_account ON binding (account);
    CREATE TABLE IF NOT EXISTS open_question (
        id {SERIAL},
        kind TEXT NOT NULL CHECK (kind IN ('choose', 'conflict')),
        opened_at BIGINT NOT NULL,
        service TEXT NOT NULL,
        organization TEXT NOT NULL,
        openid TEXT NOT NULL,
        unionid TEXT NOT NULL,
        document TEXT,
        assurance TEXT NOT NULL,
        candidates TEXT NOT NULL,
        proposed TEXT,
        proposed_by TEXT,
        answered_at BIGINT
    );
    CREATE UNIQUE INDEX IF NOT EXISTS open_question_once ON open_question (service, openid) WHERE answered_at IS NULL;
    CREATE TABLE IF NOT EXISTS binding_event (
        seq {SERIAL},
        at BIGINT NOT NULL,
        what TEXT NOT NULL,
        account TEXT,
        kind TEXT,
        scope TEXT,
        value TEXT,
        question BIGINT,
        done_by TEXT NOT NULL,
        note TEXT
    );
";

/// A question for one person: which of these accounts, or a new one.
pub const CHOOSE: &str = "choose";

/// A question for two people, who have to say the same: which of these accounts.
pub const CONFLICT: &str = "conflict";

/// Who does something, when, and how sure the kiosk or the desk was of the person.
#[derive(Debug, Clone)]
pub struct Actor<'a> {
    /// `kiosk:<machine>`, or a name.
    pub by: &'a str,
    /// When.
    pub at: Timestamp,
    /// `face`, `officer` or `desk`.
    pub assurance: &'a str,
}

/// What happened to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It was made.
    Created,
    /// It got an identifier that nobody had.
    Bound,
    /// It got an identifier that another account had.
    Moved,
    /// An identifier was taken away.
    Released,
    /// And given back.
    Restored,
    /// A person has to say whose a visitor is.
    Asked,
    /// One of two people said it.
    Proposed,
    /// It was said.
    Answered,
    /// It was removed, with all that it was known by.
    Erased,
}

impl What {
    fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Bound => "bound",
            Self::Moved => "moved",
            Self::Released => "released",
            Self::Restored => "restored",
            Self::Asked => "asked",
            Self::Proposed => "proposed",
            Self::Answered => "answered",
            Self::Erased => "erased",
        }
    }
}

/// Something that a person has to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// Its number.
    pub id: i64,
    /// `choose` or `conflict`.
    pub kind: String,
    /// When it was first asked.
    pub opened_at: Timestamp,
    /// What the visitor showed.
    pub openid: Identifier,
    /// See there.
    pub unionid: Identifier,
    /// See there.
    pub document: Option<Identifier>,
    /// How the visitor was compared with the credential.
    pub assurance: String,
    /// Accounts that it may be.
    pub candidates: Vec<AccountId>,
    /// What the first of two people said.
    pub proposed: Option<String>,
    /// Who that was.
    pub proposed_by: Option<String>,
}

/// What an account is known by, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Binding {
    /// The identifier.
    #[serde(flatten)]
    pub identifier: Identifier,
    /// `bound` or `released`.
    pub state: String,
    /// How sure it was: `face`, `officer` or `desk`.
    pub assurance: String,
    /// Since when.
    pub at: Timestamp,
    /// Who did it.
    pub by: String,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Its name.
    pub id: AccountId,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A row of `binding_event`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Its number; some may be missing, none comes twice.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub what: String,
    /// To which account.
    pub account: Option<AccountId>,
    /// With which identifier.
    pub identifier: Option<Identifier>,
    /// Because of which question.
    pub question: Option<i64>,
    /// Who did it.
    pub by: String,
    /// Why, or what else is to be known.
    pub note: Option<String>,
}

/// The statements, on one transaction.
pub struct Rows<'a>(pub &'a mut dyn Transaction);

impl Rows<'_> {
    /// Reads a setting.
    pub fn setting(&mut self, name: &str) -> Result<Option<String>> {
        let rows = self.0.run("SELECT value FROM setting WHERE name = $1", &[name.into()])?;
        rows.into_iter().next().map(|row| Fields::of(row).text()).transpose()
    }

    /// Writes a setting, once.
    pub fn set(&mut self, name: &str, value: &str) -> Result<()> {
        self.0.run("INSERT INTO setting (name, value) VALUES ($1, $2)", &[name.into(), value.into()])?;
        Ok(())
    }

    /// Tells whose an identifier is.
    pub fn holder(&mut self, identifier: &Identifier) -> Result<Option<Holding>> {
        let query = "SELECT account, state FROM binding WHERE kind = $1 AND scope = $2 AND value = $3";
        let rows = self.0.run(query, &key(identifier))?;
        let Some(row) = rows.into_iter().next() else { return Ok(None) };
        let mut fields = Fields::of(row);
        let account = AccountId::parse(&fields.text()?)?;
        Ok(Some(match fields.text()?.as_str() {
            "bound" => Holding::Bound(account),
            _ => Holding::Released(account),
        }))
    }

    /// Makes an account.
    pub fn create(&mut self, account: &AccountId, note: Option<&str>, actor: &Actor<'_>) -> Result<()> {
        let insert = "INSERT INTO account (id, created_at) VALUES ($1, $2)";
        self.0.run(insert, &[account.as_str().into(), actor.at.as_unix().into()])?;
        self.append(What::Created, Some(account), None, None, note, actor)
    }

    /// Tells whether there is such an account.
    pub fn exists(&mut self, account: &AccountId) -> Result<bool> {
        let rows = self.0.run("SELECT id FROM account WHERE id = $1", &[account.as_str().into()])?;
        Ok(!rows.is_empty())
    }

    /// Gives an account an identifier, whoever has or had it. Nothing happens where it has it already.
    pub fn bind(
        &mut self,
        account: &AccountId,
        identifier: &Identifier,
        question: Option<i64>,
        actor: &Actor<'_>,
    ) -> Result<()> {
        let before = self.holder(identifier)?;
        let what = match &before {
            Some(Holding::Bound(holder)) if holder == account => return Ok(()),
            Some(Holding::Released(holder)) if holder == account => What::Restored,
            Some(Holding::Bound(_)) => What::Moved,
            Some(Holding::Released(_)) | None => What::Bound,
        };
        let write = match before {
            // No other transaction writes it before this one ends: the key is taken once.
            None => {
                "INSERT INTO binding (kind, scope, value, account, assurance, bound_at, bound_by, state)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, 'bound')"
            }
            Some(_) => {
                "UPDATE binding SET account = $4, assurance = $5, bound_at = $6, bound_by = $7, state = 'bound'
                 WHERE kind = $1 AND scope = $2 AND value = $3"
            }
        };
        let [kind, scope, value] = key(identifier);
        let rest =
            [account.as_str().into(), actor.assurance.into(), actor.at.as_unix().into(), actor.by.into()];
        let [holder, assurance, at, by] = rest;
        self.0.run(write, &[kind, scope, value, holder, assurance, at, by])?;
        let from = match &before {
            Some(Holding::Bound(from)) => Some(format!("from {from}")),
            _ => None,
        };
        self.append(what, Some(account), Some(identifier), question, from.as_deref(), actor)
    }

    /// Takes an identifier away from whoever has it, or gives it back to whoever had it.
    pub fn set_bound(
        &mut self,
        identifier: &Identifier,
        bound: bool,
        note: Option<&str>,
        actor: &Actor<'_>,
    ) -> Result<()> {
        let (account, what) = match (self.holder(identifier)?, bound) {
            (Some(Holding::Bound(account)), false) => (account, What::Released),
            (Some(Holding::Released(account)), true) => (account, What::Restored),
            _ => return Ok(()),
        };
        let state = if bound { "bound" } else { "released" };
        let update = "UPDATE binding SET state = $4, bound_at = $5, bound_by = $6
                      WHERE kind = $1 AND scope = $2 AND value = $3";
        let [kind, scope, value] = key(identifier);
        self.0
            .run(update, &[kind, scope, value, state.into(), actor.at.as_unix().into(), actor.by.into()])?;
        self.append(what, Some(&account), Some(identifier), None, note, actor)
    }

    /// Returns what an account is and was known by.
    pub fn bindings(&mut self, account: &AccountId) -> Result<Vec<Binding>> {
        let query = "SELECT kind, scope, value, state, assurance, bound_at, bound_by FROM binding
                     WHERE account = $1 ORDER BY kind, scope, value";
        let rows = self.0.run(query, &[account.as_str().into()])?;
        let read = |row| {
            let mut fields = Fields::of(row);
            Ok(Binding {
                identifier: fields.identifier()?.context("a binding of nothing")?,
                state: fields.text()?,
                assurance: fields.text()?,
                at: fields.time()?,
                by: fields.text()?,
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// Removes an account and what it is and was known by, also from what happened and from questions: that it was removed is
    /// all that stays. Returns how many identifiers that were.
    pub fn erase(&mut self, account: &AccountId, note: Option<&str>, actor: &Actor<'_>) -> Result<usize> {
        let bindings = self.bindings(account)?;
        for identifier in bindings.iter().map(|binding| &binding.identifier) {
            let blank = "UPDATE binding_event SET value = NULL WHERE kind = $1 AND scope = $2 AND value = $3";
            self.0.run(blank, &key(identifier))?;
            let forget = match identifier.kind {
                Kind::Openid => "DELETE FROM open_question WHERE service = $1 AND openid = $2",
                Kind::Unionid => "DELETE FROM open_question WHERE organization = $1 AND unionid = $2",
                Kind::Document => {
                    "UPDATE open_question SET document = NULL WHERE organization = $1 AND document = $2"
                }
            };
            self.0.run(forget, &[identifier.scope.as_str().into(), identifier.value.as_str().into()])?;
        }
        // What it was known by before another account got it.
        let blank = "UPDATE binding_event SET value = NULL WHERE account = $1";
        self.0.run(blank, &[account.as_str().into()])?;
        for mut question in self.questions()? {
            let before = question.candidates.len();
            question.candidates.retain(|candidate| candidate != account);
            if question.candidates.len() < before {
                let kind = if question.candidates.len() > 1 { &question.kind } else { CHOOSE };
                self.ask_otherwise(&question, kind, &question.candidates, actor)?;
            }
        }
        self.0.run("DELETE FROM binding WHERE account = $1", &[account.as_str().into()])?;
        self.0.run("DELETE FROM account WHERE id = $1", &[account.as_str().into()])?;
        self.append(What::Erased, Some(account), None, None, note, actor)?;
        Ok(bindings.len())
    }

    /// Returns the accounts, oldest first.
    pub fn accounts(&mut self) -> Result<Vec<Account>> {
        let rows = self.0.run("SELECT id, created_at FROM account ORDER BY created_at, id", &[])?;
        let read = |row| {
            let mut fields = Fields::of(row);
            Ok(Account { id: AccountId::parse(&fields.text()?)?, created_at: fields.time()? })
        };
        rows.into_iter().map(read).collect()
    }

    /// Puts a question to the desk, and returns its number. A visitor about whom there is one already gets the same; where
    /// it may be other accounts by now, nobody has said anything to that yet.
    pub fn ask(&mut self, question: &Question, actor: &Actor<'_>) -> Result<i64> {
        if let Some(open) = self.question_about(&question.openid)? {
            let same = open.candidates.len() == question.candidates.len()
                && open.candidates.iter().all(|account| question.candidates.contains(account));
            if !same || (open.kind == CHOOSE && question.kind == CONFLICT) {
                let kind = if open.kind == CONFLICT { CONFLICT } else { &question.kind };
                self.ask_otherwise(&open, kind, &question.candidates, actor)?;
            }
            return Ok(open.id);
        }
        let (service, openid) = (question.openid.scope.as_str(), question.openid.value.as_str());
        let insert = "INSERT INTO open_question
                          (kind, opened_at, service, organization, openid, unionid, document, assurance, candidates)
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id";
        let candidates: Vec<&str> = question.candidates.iter().map(AccountId::as_str).collect();
        let document = question.document.as_ref().map(|document| document.value.as_str());
        let rows = self.0.run(
            insert,
            &[
                question.kind.as_str().into(),
                actor.at.as_unix().into(),
                service.into(),
                question.unionid.scope.as_str().into(),
                openid.into(),
                question.unionid.value.as_str().into(),
                document.into(),
                question.assurance.as_str().into(),
                candidates.join(" ").as_str().into(),
            ],
        )?;
        let id = Fields::of(rows.into_iter().next().context("the question has no number")?).number()?;
        self.append(What::Asked, None, Some(&question.openid), Some(id), Some(&question.kind), actor)?;
        Ok(id)
    }

    /// Asks an open question in another way; what a person said to it counts no longer.
    pub fn ask_otherwise(
        &mut self,
        question: &Question,
        kind: &str,
        candidates: &[AccountId],
        actor: &Actor<'_>,
    ) -> Result<()> {
        let update =
            "UPDATE open_question SET kind = $1, candidates = $2, proposed = NULL, proposed_by = NULL
                      WHERE id = $3";
        let candidates: Vec<&str> = candidates.iter().map(AccountId::as_str).collect();
        self.0.run(update, &[kind.into(), candidates.join(" ").as_str().into(), question.id.into()])?;
        self.append(What::Asked, None, Some(&question.openid), Some(question.id), Some(kind), actor)
    }

    /// Returns the questions that nobody has answered, oldest first.
    pub fn questions(&mut self) -> Result<Vec<Question>> {
        self.questions_where("TRUE ORDER BY id", &[])
    }

    /// Returns a question that nobody has answered.
    pub fn question(&mut self, id: i64) -> Result<Question> {
        let found = self.questions_where("id = $1", &[id.into()])?.pop();
        found.with_context(|| format!("there is no open question {id}"))
    }

    /// Returns the question about a visitor that nobody has answered.
    fn question_about(&mut self, openid: &Identifier) -> Result<Option<Question>> {
        let values = [openid.scope.as_str().into(), openid.value.as_str().into()];
        Ok(self.questions_where("service = $1 AND openid = $2", &values)?.pop())
    }

    fn questions_where(&mut self, condition: &str, values: &[Value]) -> Result<Vec<Question>> {
        let query = format!(
            "SELECT id, kind, opened_at, service, organization, openid, unionid, document, assurance,
                    candidates, proposed, proposed_by
             FROM open_question WHERE answered_at IS NULL AND {condition}"
        );
        self.0.run(&query, values)?.into_iter().map(question).collect()
    }

    /// Writes down what the first of two people said.
    pub fn propose(&mut self, question: &Question, proposed: &str, actor: &Actor<'_>) -> Result<()> {
        let update = "UPDATE open_question SET proposed = $1, proposed_by = $2 WHERE id = $3";
        self.0.run(update, &[proposed.into(), actor.by.into(), question.id.into()])?;
        self.append(What::Proposed, None, None, Some(question.id), Some(proposed), actor)
    }

    /// Closes the question about a visitor whom the directory knows by now.
    pub fn settle(&mut self, openid: &Identifier, account: &AccountId, actor: &Actor<'_>) -> Result<()> {
        match self.question_about(openid)? {
            Some(question) => self.answered(&question, account, actor),
            None => Ok(()),
        }
    }

    /// Closes a question.
    pub fn answered(&mut self, question: &Question, account: &AccountId, actor: &Actor<'_>) -> Result<()> {
        let update = "UPDATE open_question SET answered_at = $1 WHERE id = $2";
        self.0.run(update, &[actor.at.as_unix().into(), question.id.into()])?;
        self.append(What::Answered, Some(account), None, Some(question.id), None, actor)
    }

    /// Returns what happened, oldest first, from this number on.
    pub fn events(&mut self, from: i64) -> Result<Vec<Event>> {
        let query =
            "SELECT seq, at, what, account, kind, scope, value, question, done_by, note FROM binding_event
                     WHERE seq >= $1 ORDER BY seq";
        let read = |row| {
            let mut fields = Fields::of(row);
            Ok(Event {
                seq: fields.number()?,
                at: fields.time()?,
                what: fields.text()?,
                account: fields.optional_text()?.map(|text| AccountId::parse(&text)).transpose()?,
                identifier: fields.identifier()?,
                question: fields.optional_number()?,
                by: fields.text()?,
                note: fields.optional_text()?,
            })
        };
        self.0.run(query, &[from.into()])?.into_iter().map(read).collect()
    }

    fn append(
        &mut self,
        what: What,
        account: Option<&AccountId>,
        identifier: Option<&Identifier>,
        question: Option<i64>,
        note: Option<&str>,
        actor: &Actor<'_>,
    ) -> Result<()> {
        let insert =
            "INSERT INTO binding_event (at, what, account, kind, scope, value, question, done_by, note)
                      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        self.0.run(
            insert,
            &[
                actor.at.as_unix().into(),
                what.as_str().into(),
                account.map(AccountId::as_str).into(),
                identifier.map(|identifier| identifier.kind.as_str()).into(),
                identifier.map(|identifier| identifier.scope.as_str()).into(),
                identifier.map(|identifier| identifier.value.as_str()).into(),
                question.into(),
                actor.by.into(),
                note.into(),
            ],
        )?;
        Ok(())
    }
}

fn key(identifier: &Identifier) -> [Value; 3] {
    [identifier.kind.as_str().into(), identifier.scope.as_str().into(), identifier.value.as_str().into()]
}

fn question(row: Vec<Value>) -> Result<Question> {
    let mut fields = Fields::of(row);
    let (id, kind, opened_at) = (fields.number()?, fields.text()?, fields.time()?);
    let (service, organization) = (fields.text()?, fields.text()?);
    let openid = Identifier { kind: Kind::Openid, scope: service, value: fields.text()? };
    let unionid = Identifier { kind: Kind::Unionid, scope: organization.clone(), value: fields.text()? };
    let document = fields.optional_text()?;
    let document = document.map(|value| Identifier { kind: Kind::Document, scope: organization, value });
    let assurance = fields.text()?;
    let candidates = fields.text()?.split_whitespace().map(AccountId::parse).collect::<Result<_>>()?;
    let (proposed, proposed_by) = (fields.optional_text()?, fields.optional_text()?);
    Ok(Question {
        id,
        kind,
        opened_at,
        openid,
        unionid,
        document,
        assurance,
        candidates,
        proposed,
        proposed_by,
    })
}

/// The fields of a row, one after the other.
struct Fields(std::vec::IntoIter<Value>);

impl Fields {
    fn of(row: Vec<Value>) -> Self {
        Self(row.into_iter())
    }

    fn next(&mut self) -> Result<Value> {
        self.0.next().context("the directory's answer is too short")
    }

    fn text(&mut self) -> Result<String> {
        self.optional_text()?.context("the directory holds nothing where a text belongs")
    }

    fn number(&mut self) -> Result<i64> {
        self.optional_number()?.context("the directory holds nothing where a number belongs")
    }

    fn optional_text(&mut self) -> Result<Option<String>> {
        match self.next()? {
            Value::Text(text) => Ok(Some(text)),
            Value::Null => Ok(None),
            Value::Number(_) => bail!("the directory holds a number where a text belongs"),
        }
    }

    fn optional_number(&mut self) -> Result<Option<i64>> {
        match self.next()? {
            Value::Number(number) => Ok(Some(number)),
            Value::Null => Ok(None),
            Value::Text(_) => bail!("the directory holds a text where a number belongs"),
        }
    }

    fn time(&mut self) -> Result<Timestamp> {
        Timestamp::from_unix(self.number()?).context("the directory holds a time that cannot be")
    }

    fn identifier(&mut self) -> Result<Option<Identifier>> {
        let (kind, scope, value) = (self.optional_text()?, self.optional_text()?, self.optional_text()?);
        let (Some(kind), Some(scope), Some(value)) = (kind, scope, value) else { return Ok(None) };
        ensure!(value.len() == 64, "the directory holds an identifier of another length");
        Ok(Some(Identifier { kind: Kind::parse(&kind)?, scope, value }))
    }
}
