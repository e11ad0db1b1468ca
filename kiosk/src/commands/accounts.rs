//! `kiosk accounts`: the organization's directory, by hand.

use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use shared::time::Timestamp;
use zeroize::Zeroizing;

use super::{answer, now, operator, print, state_folder};
use crate::accounts::desk::{self, Choice, Resolution};
use crate::accounts::directory::AccountId;
use crate::accounts::{self, rows};
use crate::cli::{Accounts, AccountsAt, Clerk, KnownBy};
use crate::events::{Events, News};
use crate::notice;
use crate::settings::Settings;
use crate::state::{self, State};

/// The longest document number that is read, in bytes, and the longest name and note.
const MAX_TEXT: usize = 256;

pub fn run(what: &Accounts, as_json: bool) -> Result<ExitCode> {
    match what {
        Accounts::Init { at } => {
            let (settings, organization) = (directory(at)?, organization(at)?);
            accounts::Accounts::create(&settings, &organization)?;
            answer(as_json, &json!({ "organization": organization }), &format!("accounts of {organization}"))
        }
        Accounts::List { at } => {
            let (accounts, questions) = open(at)?.list()?;
            let mut lines: Vec<String> = accounts
                .iter()
                .map(|account| format!("account   {} since {}", account.id, account.created_at))
                .collect();
            lines.extend(questions.iter().map(question_line));
            answer(as_json, &json!({ "accounts": accounts, "questions": questions }), &lines.join("\n"))
        }
        Accounts::Show { account, at } => {
            let account = AccountId::parse(account)?;
            let bindings = open(at)?.show(&account)?;
            let lines: Vec<String> = bindings.iter().map(binding_line).collect();
            answer(as_json, &json!({ "account": account, "bindings": bindings }), &lines.join("\n"))
        }
        Accounts::Add { account, issuer, clerk, at } => {
            let mut number = Zeroizing::new(String::new());
            let limit = u64::try_from(MAX_TEXT)?;
            std::io::stdin().lock().take(limit).read_to_string(&mut number).context("reading the number")?;
            let account = AccountId::parse(account)?;
            open(at)?.add(&account, issuer, number.trim(), known(clerk, at)?)?;
            answer(as_json, &json!({ "account": account }), &format!("added {account}"))
        }
        Accounts::Resolve { question, account, new: _, clerk, at } => {
            let choice = match account {
                Some(account) => Choice::Account(AccountId::parse(account)?),
                None => Choice::New,
            };
            let clerk = proven(clerk, at)?;
            let mut accounts = open(at)?;
            let question = accounts.question(*question)?;
            match accounts.resolve(question.id, &choice, clerk)? {
                Resolution::Proposed => {
                    let text = "written down; it counts once another person says the same";
                    answer(as_json, &json!({ "outcome": "proposed", "account": null }), text)
                }
                Resolution::Answered(account) => {
                    if let Err(error) = tell(&question, &account, clerk.at, at) {
                        notice(&format!("it is answered, and the event of it was lost: {error:#}"));
                    }
                    let json = json!({ "outcome": "answered", "account": account });
                    answer(as_json, &json, &format!("it is account {account}"))
                }
            }
        }
        Accounts::Unbind(what) => set_bound(what, false, as_json),
        Accounts::Rebind(what) => set_bound(what, true, as_json),
        Accounts::Erase { account, clerk, at } => {
            let account = AccountId::parse(account)?;
            let count = open(at)?.erase(&account, proven(clerk, at)?)?;
            let text = format!("erased {account}, and {count} that it was known by");
            answer(as_json, &json!({ "account": account, "erased": count }), &text)
        }
        Accounts::Events { from, at } => {
            for event in open(at)?.events(*from)? {
                print(serde_json::to_string(&event)?)?;
            }
            Ok(())
        }
    }?;
    Ok(ExitCode::SUCCESS)
}

fn set_bound(what: &KnownBy, bound: bool, as_json: bool) -> Result<()> {
    let account = AccountId::parse(&what.account)?;
    let count = open(&what.at)?.set_bound(&account, what.kind, bound, proven(&what.clerk, &what.at)?)?;
    let done = if bound { "given back" } else { "taken away" };
    answer(as_json, &json!({ "account": account, "changed": count }), &format!("{count} {done}"))
}

fn directory(at: &AccountsAt) -> Result<accounts::Settings> {
    let settings = Settings::read(Some(&at.config))?.accounts;
    settings.with_context(|| format!("{} has no [accounts]", at.config.display()))
}

fn open(at: &AccountsAt) -> Result<accounts::Accounts> {
    accounts::Accounts::open(&directory(at)?)
}

/// For whom this kiosk works, as its signed identity says.
fn organization(at: &AccountsAt) -> Result<String> {
    let trust = State::open(&folder(at)?)?.trust(now(at.place.at))?;
    let kiosk = trust.kiosk().context(
        "the trust repository does not say for whom this kiosk works: `issuer kiosk add` says it, with the next publication",
    )?;
    Ok(kiosk.party().organization().to_owned())
}

/// The state folder of the kiosk here.
fn folder(at: &AccountsAt) -> Result<PathBuf> {
    state_folder(at.place.state.clone().or(Settings::read(Some(&at.config))?.state).as_deref())
}

/// The state of the kiosk here. None where the directory is used away from a kiosk.
fn kiosk(at: &AccountsAt) -> Result<Option<State>> {
    let folder = folder(at)?;
    folder.join(state::FILE).exists().then(|| State::open(&folder)).transpose()
}

/// Who acts. At a kiosk that has operators it is one of them, who gives the PIN code.
fn proven<'a>(clerk: &'a Clerk, at: &AccountsAt) -> Result<desk::Clerk<'a>> {
    let known = known(clerk, at)?;
    match kiosk(at)? {
        Some(state) if !state.operators()?.is_empty() => {
            let pin = operator::ask("PIN code: ")?;
            let operator = state.claimant(&clerk.by)?.check(&pin)?;
            operator
                .with_context(|| format!("{} is no operator of this kiosk with that PIN code", clerk.by))?;
        }
        _ => notice("nobody is asked for a PIN code: no kiosk with operators is here"),
    }
    Ok(known)
}

/// Tells the organization's own system of an answer, through the outbox of the kiosk here.
fn tell(question: &rows::Question, account: &AccountId, now: Timestamp, at: &AccountsAt) -> Result<()> {
    let settings = Settings::read(Some(&at.config))?.events;
    let Some(state) = kiosk(at)? else { return Ok(()) };
    let machine = state.machine_key()?.id().to_string();
    let Some(mut events) = Events::open(settings.as_ref(), &folder(at)?, &machine)? else { return Ok(()) };
    let (openid, unionid) = (&question.openid.value, &question.unionid.value);
    events.tell(now, News::Answered { question: question.id, account, openid, unionid })?;
    Ok(())
}

fn known<'a>(clerk: &'a Clerk, at: &AccountsAt) -> Result<desk::Clerk<'a>> {
    let plain = |text: &str| (1..=MAX_TEXT).contains(&text.len()) && !text.chars().any(char::is_control);
    ensure!(plain(&clerk.by), "--by is a name of 1 to {MAX_TEXT} bytes");
    ensure!(clerk.note.as_deref().is_none_or(plain), "--note is a line of 1 to {MAX_TEXT} bytes");
    Ok(desk::Clerk { name: &clerk.by, note: clerk.note.as_deref(), at: now(at.place.at) })
}

fn question_line(question: &rows::Question) -> String {
    let candidates: Vec<&str> = question.candidates.iter().map(AccountId::as_str).collect();
    let proposed = match (&question.proposed, &question.proposed_by) {
        (Some(account), Some(by)) => format!("; {by} says {account}"),
        _ => String::new(),
    };
    let (id, kind, since) = (question.id, &question.kind, question.opened_at);
    format!("question  {id} ({kind}) since {since}: {}{proposed}", candidates.join(" or "))
}

fn binding_line(binding: &rows::Binding) -> String {
    let rows::Binding { identifier, state, assurance, at, by } = binding;
    format!(
        "{:<9} {} at {}: {state} by {by} ({assurance}) since {at}",
        identifier.kind.as_str(),
        identifier.value,
        identifier.scope
    )
}
