//! What the kiosk believes, and how old it is: each list for itself.

use shared::trust::{Freshness, ListState, StaleRule, TrustStore};

use super::{Machine, Report};
use crate::commands::trust::when;

const IMPORT: &str = "Bring a newer repository: `kiosk trust import REPO`.";

pub(super) fn repository(machine: &Machine<'_>, report: &mut Report) {
    let name = "repository";
    let not_ready = "Not ready: no trust repository was imported yet, so no code is judged.";
    let provision = "Provision this kiosk: `kiosk provision`, or `kiosk trust import REPO --root ROOT.json`.";
    let Ok(state) = super::storage::open(machine) else { return report.stop(name, not_ready, provision) };
    match state.root() {
        Ok(None) => return report.stop(name, not_ready, provision),
        Err(error) => return report.stop(name, format!("It cannot be read: {error:#}."), IMPORT),
        Ok(Some(_)) => {}
    }
    match state.trust(machine.now) {
        Err(error) => {
            report.stop(name, format!("Invalid: {error:#}."), "Import a good one, and look at the disk.")
        }
        Ok(store) => lists(&store, machine, report),
    }
}

fn lists(store: &TrustStore, machine: &Machine<'_>, report: &mut Report) {
    let now = store.floor().time(machine.now);
    let policy = machine.purpose.and_then(|purpose| store.policy(purpose));
    let (grace, rule) =
        policy.map_or((0, StaleRule::Manual), |policy| (policy.stale_grace_days, policy.when_stale));
    let mut age = |name: &str, expires, says: String| match Freshness::at(now, store.issued(), expires, grace)
    {
        Freshness::Fresh => report.ok(name, format!("Fresh: {says}")),
        Freshness::Aging => report.warn(name, format!("Aging: {says}"), IMPORT),
        Freshness::Stale if rule == StaleRule::Accept => {
            report.warn(name, format!("Stale, and still accepted: {says}"), IMPORT)
        }
        Freshness::Stale => report.warn(name, format!("Stale, so an officer decides: {says}"), IMPORT),
        Freshness::Dead => report.fail(name, format!("Dead: {says}"), IMPORT),
    };
    let version = store.versions().timestamp;
    let says = format!(
        "version {version}, published {}, expires {}.",
        when(store.issued(), now),
        when(store.expires(), now)
    );
    age("repository", store.expires(), says);
    for issuer in store.issuers() {
        let says = format!("the keys expire {}.", when(issuer.expires(), now));
        age(&format!("issuer {}", issuer.agency()), issuer.expires(), says);
    }
    for list in store.issuers().iter().flat_map(|issuer| issuer.status_lists()) {
        let name = format!("list {}", list.uri());
        let expires = when(list.expires(), now);
        match list.state_at(now) {
            ListState::Current => report.ok(&name, format!("Current, expires {expires}.")),
            ListState::Due => {
                report.warn(&name, format!("A newer one is due; this one expires {expires}."), IMPORT)
            }
            ListState::Expired => report.fail(&name, format!("It expired {expires}."), IMPORT),
            ListState::NotYetValid => {
                report.fail(&name, "It is not valid yet, by the clock.", "Set the clock.");
            }
        }
    }
    match (machine.purpose, policy) {
        (None, _) => report.warn(
            "purpose",
            "Nobody said what this lane decides for.",
            "Put `purpose` into the settings.",
        ),
        (Some(purpose), None) => report.stop(
            "purpose",
            format!("The repository has no policy for {purpose}."),
            "Correct `purpose` in the settings, or ask the agency for its policy.",
        ),
        (Some(purpose), Some(_)) => {
            report.ok("purpose", format!("The repository has a policy for {purpose}."))
        }
    }
}
