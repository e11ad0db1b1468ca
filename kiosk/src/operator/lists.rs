//! How old each list is that the lane believes, and when it stops deciding by it.

use serde::Serialize;
use shared::credential::Purpose;
use shared::time::Timestamp;
use shared::trust::{FRESH_FOR, Freshness, ListState, MAX_GRACE_DAYS, StaleRule, TrustStore};

/// What the lane believes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Trust {
    /// Not looked at yet.
    Unknown,
    /// No repository was ever imported: nothing is wrong, and nothing can be decided yet.
    NotReady,
    /// There is a repository, and it failed its checks.
    Invalid,
    /// It is there and verified.
    Ready {
        /// List by list.
        lists: Vec<List>,
    },
}

impl Trust {
    /// Tells the age of everything that decides for a purpose.
    pub fn of(store: &TrustStore, purpose: &Purpose, now: Timestamp) -> Self {
        let policy = store.policy(purpose);
        let grace_days = policy.map_or(0, |policy| policy.stale_grace_days);
        let grace = match policy.map(|policy| policy.when_stale) {
            Some(StaleRule::Accept) => i64::from(grace_days.min(MAX_GRACE_DAYS)) * 24 * 3600,
            _ => 0,
        };
        let repository = List {
            kind: Kind::Repository,
            name: format!("version {}", store.versions().timestamp),
            issued: Some(store.issued()),
            warn_at: store.issued().plus(FRESH_FOR),
            refuse_at: store.expires().plus(grace),
            state: Freshness::at(now, store.issued(), store.expires(), grace_days).into(),
        };
        let mut lists = vec![repository];
        for issuer in store.issuers() {
            lists.push(List {
                kind: Kind::Issuer,
                name: issuer.uri().to_owned(),
                issued: None,
                warn_at: issuer.expires(),
                refuse_at: issuer.expires().plus(grace),
                // Nobody signs when an agency's keys were last looked at: they are current until they expire.
                state: Freshness::at(now, now, issuer.expires(), grace_days).into(),
            });
            lists.extend(issuer.status_lists().iter().map(|list| List {
                kind: Kind::Status,
                name: list.uri().to_owned(),
                issued: Some(list.issued()),
                warn_at: list.due(),
                refuse_at: list.expires(),
                state: list.state_at(now).into(),
            }));
        }
        Self::Ready { lists }
    }
}

/// One list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct List {
    /// What is in it.
    pub kind: Kind,
    /// Which one.
    pub name: String,
    /// When it was signed, if that is said in it.
    pub issued: Option<Timestamp>,
    /// From when on a newer one should be there.
    pub warn_at: Timestamp,
    /// From when on the lane does not decide alone by it.
    pub refuse_at: Timestamp,
    /// How it is now.
    pub state: ListAge,
}

/// What is in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Everything: the repository's own dates.
    Repository,
    /// The keys of an agency.
    Issuer,
    /// Who was revoked.
    Status,
}

impl Kind {
    /// Returns its name, for metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Repository => "repository",
            Self::Issuer => "issuer",
            Self::Status => "status",
        }
    }
}

/// How a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListAge {
    /// New enough.
    Fresh,
    /// A newer one should be there.
    Aging,
    /// Expired, within the policy's grace.
    Stale,
    /// No answer any more.
    Dead,
    /// Signed in what is the future for this clock.
    Ahead,
}

impl From<Freshness> for ListAge {
    fn from(freshness: Freshness) -> Self {
        match freshness {
            Freshness::Fresh => Self::Fresh,
            Freshness::Aging => Self::Aging,
            Freshness::Stale => Self::Stale,
            Freshness::Dead => Self::Dead,
        }
    }
}

impl From<ListState> for ListAge {
    fn from(state: ListState) -> Self {
        match state {
            ListState::Current => Self::Fresh,
            ListState::Due => Self::Aging,
            ListState::Expired => Self::Dead,
            ListState::NotYetValid => Self::Ahead,
        }
    }
}

#[cfg(test)]
mod tests {
    use ::tests::World;

    use super::*;

    #[test]
    fn each_list_ages_by_itself() {
        let world = World::default();
        let (store, _) = world.import(world.repository(5, world.start));
        let purpose = Purpose::parse("border").unwrap();
        let at = |now: Timestamp| match Trust::of(&store, &purpose, now) {
            Trust::Ready { lists } => lists,
            trust => panic!("{trust:?}"),
        };
        let states = |now| at(now).iter().map(|list| (list.kind, list.state)).collect::<Vec<_>>();
        let fresh = [Kind::Repository, Kind::Issuer, Kind::Status].map(|kind| (kind, ListAge::Fresh));
        assert_eq!(states(world.start), fresh);
        let lists = at(world.start);
        let [repository, issuer, status] = lists.as_slice() else { panic!("{lists:?}") };
        assert_eq!(repository.issued, Some(world.start));
        assert_eq!(issuer.issued, None);
        // One is not hidden behind another that is newer.
        assert_ne!(repository.warn_at, status.refuse_at);
        assert_eq!(states(repository.warn_at.plus(1))[0].1, ListAge::Aging);
        assert_eq!(states(repository.refuse_at)[0].1, ListAge::Stale, "in the grace, an officer decides");
        assert_eq!(states(repository.refuse_at.plus(14 * 24 * 3600))[0].1, ListAge::Dead);
        assert_eq!(states(issuer.refuse_at)[1].1, ListAge::Stale);
        assert_eq!(states(status.refuse_at)[2].1, ListAge::Dead);
        assert_eq!(states(world.start.plus(-3600))[2].1, ListAge::Ahead);
    }
}
