//! The policies that a new agency or repository starts with, one per purpose; people edit them under `policy/`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use shared::credential::Attribute::{self, *};
use shared::credential::Purpose;
use shared::trust::{
    AccountRule, AttackRule, FaceRule, FalseMatchRate, Files, PaperRule, Policy, ProofRule, ReplayRule,
    StaleRule,
};

use crate::national::write_json;

/// Returns the default policies.
///
/// What each carries follows what the desk in question needs to see, no more.
pub fn defaults() -> Vec<Policy> {
    let border = [Id, Name, DateOfBirth, Sex, Nationality, Country];
    vec![
        policy("border", &border, &border, FaceRule::Required, StaleRule::Manual),
        with_accounts(policy(
            "hotel",
            &[Id, Name, Nationality, Country],
            &[Id, Name],
            FaceRule::Required,
            StaleRule::Accept,
        )),
        policy("travel-ticket", &[Name], &[Name], FaceRule::Required, StaleRule::Accept),
        with_accounts(policy(
            "bank",
            &[Id, Name, DateOfBirth, Nationality, Country, Address],
            &[Id, Name],
            FaceRule::Required,
            StaleRule::Manual,
        )),
        policy("government-counter", &border, &[Id, Name], FaceRule::Officer, StaleRule::Manual),
        policy("age", &[AgeOver], &[AgeOver], FaceRule::Required, StaleRule::Accept),
    ]
}

/// Where people come back as guests or customers, and expect to be known.
fn with_accounts(policy: Policy) -> Policy {
    Policy { accounts: AccountRule::Bound, ..policy }
}

fn policy(
    purpose: &str,
    carry: &[Attribute],
    require: &[Attribute],
    face: FaceRule,
    when_stale: StaleRule,
) -> Policy {
    Policy {
        purpose: Purpose::parse(purpose).expect("the names above are well-formed"),
        audiences: vec![purpose.to_owned()],
        carry: carry.to_vec(),
        require: require.to_vec(),
        show: carry.to_vec(),
        validity_days: 365,
        paper: PaperRule::Refuse,
        dialects: vec![],
        proof: ProofRule::Rotating,
        groups: vec![],
        max_presentation_age: None,
        accounts: AccountRule::Unbound,
        face,
        // The free attack models are a deterrent (EER 9.6 % measured), not a control: shown, not enforced.
        attack_detection: AttackRule::Report,
        false_match_one_in: FalseMatchRate::DEFAULT,
        face_algorithms: vec![],
        stale_grace_days: 14,
        when_stale,
        replay_scope: ReplayRule::default(),
    }
}

/// Reads the policy of a purpose.
pub fn of(folder: &Path, purpose: &Purpose) -> Result<Policy> {
    let policies = read(folder)?;
    let known = policies.iter().map(|policy| policy.purpose.as_str()).collect::<Vec<_>>().join(", ");
    let found = policies.into_iter().find(|policy| policy.purpose == *purpose);
    found.with_context(|| format!("there is no policy for {purpose}; there are: {known}"))
}

/// Reads every policy of a folder, in the order of the file names.
fn read(folder: &Path) -> Result<Vec<Policy>> {
    let folder = folder.join("policy");
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .with_context(|| format!("reading {}", folder.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let read = |path: &PathBuf| {
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let policy: Policy =
            serde_json::from_str(&text).with_context(|| format!("{} is not a policy", path.display()))?;
        // Of two policies of one purpose, what is issued and what is published could follow different ones.
        let own = file(&policy.purpose);
        ensure!(
            path.ends_with(&own),
            "{} is the policy of {}: call it {own}",
            path.display(),
            policy.purpose
        );
        Ok(policy)
    };
    paths.iter().map(read).collect()
}

/// Writes a policy under `policy/`.
pub fn write(folder: &Path, policy: &Policy) -> Result<()> {
    write_json(&folder.join("policy").join(file(&policy.purpose)), policy)
}

/// The name of the file of a purpose's policy.
fn file(purpose: &Purpose) -> String {
    format!("{purpose}.json")
}

/// Returns the targets that tell kiosks the policies of a folder, by path.
pub fn targets(folder: &Path) -> Result<Files> {
    let target =
        |policy: &Policy| Ok((format!("policy/{}.json", policy.purpose), serde_json::to_vec_pretty(policy)?));
    read(folder)?.iter().map(target).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_has_one_policy_in_the_file_of_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join("policy").join(name);
        fs::create_dir(place("")).unwrap();
        for policy in defaults() {
            write(folder.path(), &policy).unwrap();
        }
        let border = Purpose::parse("border").unwrap();
        assert_eq!(of(folder.path(), &border).unwrap().purpose, border);
        assert_eq!(targets(folder.path()).unwrap().len(), 6);
        // The disk gives out: what was there stays.
        let before = fs::read(place("border.json")).unwrap();
        fs::create_dir(place("border.new")).unwrap();
        write(folder.path(), &defaults()[0]).unwrap_err();
        assert_eq!(fs::read(place("border.json")).unwrap(), before);
        fs::remove_dir(place("border.new")).unwrap();
        // A copy that somebody keeps beside it, before or after it in the order of the names.
        for copy in ["a-border.json", "border-old.json"] {
            fs::copy(place("border.json"), place(copy)).unwrap();
            let told = of(folder.path(), &border).unwrap_err().to_string();
            assert!(told.contains(copy) && told.contains("call it border.json"), "{told}");
            targets(folder.path()).unwrap_err();
            fs::remove_file(place(copy)).unwrap();
        }
    }
}
