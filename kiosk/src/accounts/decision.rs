//! What a visit means for the accounts: a decision over what the directory knows, and nothing else.
//!
//! | | unionid known | unionid unknown |
//! | --- | --- | --- |
//! | **openid known** | matched; on two accounts: conflict | matched, and the unionid is added |
//! | **openid unknown** | linked: the openid is added | created; with an account of the same document: choose |
//!
//! What a desk took away comes back by a desk alone. Nothing is ever decided by name or date of birth.

use super::directory::{AccountId, Holding};

/// What the directory knows of what a visit shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Who has the openid.
    pub openid: Option<Holding>,
    /// Who has the unionid.
    pub unionid: Option<Holding>,
    /// Who has the document.
    pub document: Option<Holding>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The account is known. Nothing, or one identifier, is new about it.
    Matched {
        /// Which.
        account: AccountId,
        /// Whether the unionid is added.
        add_unionid: bool,
    },
    /// The account is known at another service of the organization: the openid is added.
    Linked {
        /// Which.
        account: AccountId,
    },
    /// Nobody like this is known: a new account.
    Created,
    /// Somebody at the desk has to say whether it is one of these.
    Choose {
        /// Accounts with the same document, or that once had what is shown.
        candidates: Vec<AccountId>,
    },
    /// Two accounts claim the visitor. Two people have to say which it is.
    Conflict {
        /// By its openid.
        openid: AccountId,
        /// By its unionid.
        unionid: AccountId,
    },
}

/// Decides.
pub fn decide(known: &Known) -> Decision {
    let bound = |holding: &Option<Holding>| holding.as_ref().and_then(|holding| holding.account().cloned());
    let released =
        |holding: &Option<Holding>| holding.as_ref().and_then(|holding| holding.released().cloned());
    match (bound(&known.openid), bound(&known.unionid)) {
        (Some(openid), Some(unionid)) if openid != unionid => Decision::Conflict { openid, unionid },
        (Some(account), unionid) => {
            Decision::Matched { account, add_unionid: unionid.is_none() && known.unionid.is_none() }
        }
        (None, Some(account)) if known.openid.is_none() => Decision::Linked { account },
        (None, unionid) => {
            let once = [released(&known.openid), released(&known.unionid)];
            let mut candidates = Vec::new();
            for account in once.into_iter().chain([unionid, bound(&known.document)]).flatten() {
                if !candidates.contains(&account) {
                    candidates.push(account);
                }
            }
            if candidates.is_empty() { Decision::Created } else { Decision::Choose { candidates } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str) -> AccountId {
        AccountId::parse(name).unwrap()
    }

    /// `a` is bound to account a, `-a` was.
    fn holding(text: &str) -> Option<Holding> {
        match text.strip_prefix('-') {
            _ if text.is_empty() => None,
            Some(name) => Some(Holding::Released(account(name))),
            None => Some(Holding::Bound(account(text))),
        }
    }

    fn says(openid: &str, unionid: &str, document: &str) -> Decision {
        let [openid, unionid, document] = [openid, unionid, document].map(holding);
        decide(&Known { openid, unionid, document })
    }

    fn matched(name: &str, add_unionid: bool) -> Decision {
        Decision::Matched { account: account(name), add_unionid }
    }

    fn choose(names: &[&str]) -> Decision {
        Decision::Choose { candidates: names.iter().map(|name| account(name)).collect() }
    }

    #[test]
    fn the_four_quadrants() {
        assert_eq!(says("a", "a", ""), matched("a", false));
        assert_eq!(says("a", "", ""), matched("a", true));
        assert_eq!(says("", "a", ""), Decision::Linked { account: account("a") });
        assert_eq!(says("", "", ""), Decision::Created);
        assert_eq!(says("", "", "d"), choose(&["d"]));
        let conflict = Decision::Conflict { openid: account("a"), unionid: account("b") };
        assert_eq!(says("a", "b", ""), conflict);
        assert_eq!(says("a", "b", "a"), conflict, "a document settles nothing");
    }

    #[test]
    fn what_a_desk_took_away_does_not_come_back_by_itself() {
        assert_eq!(says("-a", "", ""), choose(&["a"]));
        assert_eq!(says("-a", "-a", ""), choose(&["a"]));
        assert_eq!(says("-a", "b", ""), choose(&["a", "b"]));
        assert_eq!(says("", "-a", "d"), choose(&["a", "d"]));
        assert_eq!(says("a", "-b", ""), matched("a", false));
        assert_eq!(says("", "", "-d"), Decision::Created);
    }

    /// Every combination of three accounts: no decision names one that nothing shown belongs to, and only the same account
    /// on both sides, or one side alone, goes without a person.
    #[test]
    fn no_combination_merges_anything() {
        let holdings = ["", "a", "b", "c", "-a", "-b", "-c"];
        for (openid, unionid, document) in holdings
            .iter()
            .flat_map(|openid| holdings.iter().map(move |unionid| (openid, unionid)))
            .flat_map(|(openid, unionid)| holdings.iter().map(move |document| (openid, unionid, document)))
        {
            let shown = |id: &AccountId| {
                [openid, unionid, document].iter().any(|text| text.trim_start_matches('-') == id.as_str())
            };
            match says(openid, unionid, document) {
                Decision::Matched { account, add_unionid } => {
                    assert_eq!(account.as_str(), *openid);
                    assert!(unionid == openid || unionid.is_empty() || unionid.starts_with('-'));
                    assert_eq!(add_unionid, unionid.is_empty());
                }
                Decision::Linked { account } => {
                    assert!(openid.is_empty());
                    assert_eq!(account.as_str(), *unionid);
                }
                Decision::Created => assert!(openid.is_empty() && unionid.is_empty()),
                Decision::Choose { candidates } => {
                    assert!(!candidates.is_empty() && candidates.iter().all(shown));
                }
                Decision::Conflict { openid: one, unionid: other } => {
                    assert!(one != other && shown(&one) && shown(&other));
                }
            }
        }
    }
}
