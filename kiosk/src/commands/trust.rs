//! `kiosk trust`: the repository that a kiosk believes.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use shared::time::Timestamp;
use shared::trust::{ClockState, Freshness, ListState, TrustStore, update};

use super::{answer, now, state_folder};
use crate::cli::Place;
use crate::state::State;
use crate::trust_source::Directory;

pub fn import(repository: &Path, root: Option<&Path>, place: &Place, as_json: bool) -> Result<ExitCode> {
    let clock = now(place.at);
    let mut state = State::open(&state_folder(place.state.as_deref())?)?;
    let given =
        root.map(|path| fs::read(path).with_context(|| format!("reading {}", path.display()))).transpose()?;
    let root = match (state.root()?, given) {
        (Some(known), Some(given)) if known != given => {
            bail!("this kiosk was provisioned with another root; a new root comes with the repository itself")
        }
        (Some(known), _) => known,
        (None, Some(given)) => given,
        (None, None) => bail!("this kiosk is not provisioned; give the root once, with --root ROOT.json"),
    };
    let memory = state.snapshot()?.memory;
    let (store, snapshot) = update(Directory::new(repository), &root, &memory, clock).with_context(|| {
        format!("{} was not taken over; the kiosk goes on with what it had", repository.display())
    })?;
    state.activate(&root, &snapshot)?;
    describe(&store, clock, as_json)?;
    Ok(ExitCode::SUCCESS)
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
    let freshness = |grace| Freshness::at(now, store.issued(), store.expires(), grace);
    let overall = freshness(store.policies().map(|policy| policy.stale_grace_days).min().unwrap_or(0));
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
            json!({ "agency": issuer.agency(), "issuer": issuer.uri(), "expires": issuer.expires(), "status_lists": lists })
        })
        .collect();
    let policies: Vec<Value> = store
        .policies()
        .map(|policy| json!({ "purpose": policy.purpose, "freshness": freshness(policy.stale_grace_days) }))
        .collect();
    let json = json!({
        "freshness": overall, "published": store.issued(), "expires": store.expires(), "versions": store.versions(),
        "clock": clock_state, "issuers": issuers, "policies": policies,
    });
    let mut lines = vec![
        format!("freshness   {}", format!("{overall:?}").to_lowercase()),
        format!("published   {}", store.issued()),
        format!("expires     {}", store.expires()),
        format!("version     {} (root {})", store.versions().timestamp, store.versions().root),
        format!("clock       {clock_state}"),
    ];
    lines.extend(store.issuers().iter().map(|issuer| {
        let lists = issuer.status_lists();
        let not_current = lists.iter().filter(|list| list.state_at(now) != ListState::Current).count();
        format!(
            "issuer      {} ({}), {} status lists, {not_current} of them not current",
            issuer.uri(),
            issuer.agency(),
            lists.len()
        )
    }));
    let purposes: Vec<&str> = store.policies().map(|policy| policy.purpose.as_str()).collect();
    lines.push(format!("purposes    {}", purposes.join(", ")));
    answer(as_json, &json, &lines.join("\n"))
}
