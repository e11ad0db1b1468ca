//! `kiosk trust`: the repository that a kiosk believes.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use shared::journal::Entry;
use shared::time::Timestamp;
use shared::trust::{
    ClockState, Freshness, ListState, MAX_GRACE_DAYS, StaleRule, StatusList, TrustSnapshot, TrustStore,
    update_for,
};

use super::{answer, now, state_folder};
use crate::cli::{Import, Place};
use crate::settings::Settings;
use crate::state::State;
use crate::trust_source::Directory;

pub fn import(arguments: &Import, as_json: bool) -> Result<ExitCode> {
    let clock = now(arguments.place.at);
    let settings = Settings::read(arguments.config.as_deref())?;
    let repository = arguments
        .repo
        .clone()
        .or(settings.repository)
        .context("which repository? name one, or put `repository` into the settings")?;
    let folder = arguments.place.state.clone().or(settings.state);
    let mut state = State::open(&state_folder(folder.as_deref())?)?;
    let given = arguments
        .root
        .as_ref()
        .map(|path| fs::read(path).with_context(|| format!("reading {}", path.display())))
        .transpose()?;
    let root = match (state.root()?, given) {
        (Some(known), Some(given)) if known != given => {
            bail!("this kiosk was provisioned with another root; a new root comes with the repository itself")
        }
        (Some(known), _) => known,
        (None, Some(given)) => given,
        (None, None) => bail!("this kiosk is not provisioned; give the root once, with --root ROOT.json"),
    };
    let verified = verify(&state, &repository, &root, clock)?;
    take_over(&mut state, &root, &verified, clock)?;
    describe(&verified.0, clock, as_json)?;
    Ok(ExitCode::SUCCESS)
}

/// Verifies a repository against what the kiosk knows, and changes nothing yet.
pub(super) fn verify(
    state: &State,
    repository: &Path,
    root: &[u8],
    clock: Timestamp,
) -> Result<(TrustStore, TrustSnapshot)> {
    let memory = state.snapshot()?.memory;
    let machine = Some(state.machine_key()?.id());
    update_for(Directory::new(repository), root, &memory, clock, machine).with_context(|| {
        format!("{} was not taken over; the kiosk goes on with what it had", repository.display())
    })
}

/// Believes what was verified from now on.
pub(super) fn take_over(
    state: &mut State,
    root: &[u8],
    (store, snapshot): &(TrustStore, TrustSnapshot),
    clock: Timestamp,
) -> Result<()> {
    state.activate(root, snapshot)?;
    let versions = store.versions();
    let imported = Entry::Imported { versions: [versions.root, versions.targets, versions.timestamp] };
    state.record(&imported, store.floor().time(clock))?;
    Ok(())
}

pub fn status(place: &Place, as_json: bool) -> Result<ExitCode> {
    let clock = now(place.at);
    let store = State::open(&state_folder(place.state.as_deref())?)?.trust(clock)?;
    describe(&store, clock, as_json)?;
    Ok(ExitCode::SUCCESS)
}

fn describe(store: &TrustStore, clock: Timestamp, as_json: bool) -> Result<()> {
    let (clock_state, now) = match store.floor().check(clock) {
        ClockState::Plausible(now) => ("plausible", now),
        ClockState::Tampered => ("tampered", store.issued()),
    };
    let freshness = |expires, grace| Freshness::at(now, store.issued(), expires, grace);
    let least_grace = store.policies().map(|policy| policy.stale_grace_days).min().unwrap_or(0);
    let overall = freshness(store.expires(), least_grace);
    let issuers: Vec<Value> = store
        .issuers()
        .iter()
        .map(|issuer| {
            let lists: Vec<Value> = issuer
                .status_lists()
                .iter()
                .map(|list| {
                    json!({ "uri": list.uri(), "issued": list.issued(), "expires": list.expires(), "state": list.state_at(now) })
                })
                .collect();
            json!({
                "agency": issuer.agency(), "issuer": issuer.uri(), "expires": issuer.expires(),
                "freshness": freshness(issuer.expires(), least_grace), "status_lists": lists,
            })
        })
        .collect();
    let policies: Vec<Value> = store
        .policies()
        .map(|policy| json!({ "purpose": policy.purpose, "freshness": freshness(store.expires(), policy.stale_grace_days) }))
        .collect();
    let json = json!({
        "freshness": overall, "published": store.issued(), "expires": store.expires(), "versions": store.versions(),
        "age_seconds": now.seconds_since(store.issued()), "expires_in_seconds": store.expires().seconds_since(now),
        "clock": clock_state, "issuers": issuers, "policies": policies,
    });
    let mut lines = vec![
        format!("freshness   {}", word(overall)),
        format!("published   {}, {}", store.issued(), when(store.issued(), now)),
        format!("expires     {}, {}", store.expires(), when(store.expires(), now)),
        format!("version     {} (root {})", store.versions().timestamp, store.versions().root),
        match clock_state {
            "tampered" => format!("clock       tampered: {clock} is before the repository was published"),
            state => format!("clock       {state}"),
        },
    ];
    for issuer in store.issuers() {
        lines.push(format!(
            "issuer      {} ({}): {}, expires {}",
            issuer.uri(),
            issuer.agency(),
            word(freshness(issuer.expires(), least_grace)),
            when(issuer.expires(), now)
        ));
        for list in issuer.status_lists() {
            lines.push(format!("  list      {}: {}", list.uri(), list_state(list, now)));
        }
    }
    for policy in store.policies() {
        let state = word(freshness(store.expires(), policy.stale_grace_days));
        let until = store.expires().plus(i64::from(policy.stale_grace_days.min(MAX_GRACE_DAYS)) * 24 * 3600);
        let stale = match policy.when_stale {
            StaleRule::Accept => "still accepts",
            StaleRule::Manual => "asks an officer",
        };
        lines.push(format!(
            "purpose     {}: {state}; once stale it {stale}, and is dead {}",
            policy.purpose,
            when(until, now)
        ));
    }
    answer(as_json, &json, &lines.join("\n"))
}

fn word(freshness: Freshness) -> String {
    format!("{freshness:?}").to_lowercase()
}

fn list_state(list: &StatusList, now: Timestamp) -> String {
    match list.state_at(now) {
        ListState::Current => format!("current, expires {}", when(list.expires(), now)),
        ListState::Due => format!("a newer one is due, expires {}", when(list.expires(), now)),
        ListState::Expired => format!("expired {}", when(list.expires(), now)),
        ListState::NotYetValid => format!("signed {}: the clock is wrong", when(list.issued(), now)),
    }
}

/// How far away a time is, as a person would say it: `in 6 days 23 hours`, `2 hours ago`.
pub(crate) fn when(time: Timestamp, now: Timestamp) -> String {
    let seconds = time.seconds_since(now);
    let unit = |count: i64, name: &str| match count {
        0 => String::new(),
        1 => format!("1 {name} "),
        count => format!("{count} {name}s "),
    };
    let minutes = seconds.abs() / 60;
    let (days, hours) = (minutes / (24 * 60), minutes / 60 % 24);
    let length = match minutes {
        0 => return "now".to_owned(),
        1..60 => unit(minutes, "minute"),
        60..1440 => unit(hours, "hour") + &unit(minutes % 60, "minute"),
        _ if days < 30 => unit(days, "day") + &unit(hours, "hour"),
        _ => unit(days, "day"),
    };
    if seconds > 0 { format!("in {}", length.trim_end()) } else { format!("{length}ago") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_people_say_them() {
        let now = Timestamp::from_unix(1_800_000_000).unwrap();
        for (seconds, said) in [
            (0, "now"),
            (-59, "now"),
            (60, "in 1 minute"),
            (-3600, "1 hour ago"),
            (3 * 3600 + 125, "in 3 hours 2 minutes"),
            (7 * 86_400 - 60, "in 6 days 23 hours"),
            (-86_400, "1 day ago"),
            (400 * 86_400 + 7200, "in 400 days"),
        ] {
            assert_eq!(when(now.plus(seconds), now), said);
        }
    }
}
