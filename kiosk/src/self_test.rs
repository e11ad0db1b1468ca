//! Is this machine fit to be a lane? Named checks, each with what was found and what to do about it: at the start of a
//! lane, when an operator asks, and for `kiosk doctor`.
//!
//! | file | looks at |
//! | --- | --- |
//! | `host.rs` | settings, the process and the machine: core dumps, swap, clock |
//! | `storage.rs` | the state folder, the database, the kiosk's own keys, the journal |
//! | `belief.rs` | the trust repository, and how old each of its lists is |
//! | `senses.rs` | reading a built-in symbol, comparing a built-in face, the camera |
//!
//! *Not ready* (nothing was imported yet) and *invalid* (what is there fails its checks) are never mixed up.

mod belief;
mod host;
mod senses;
mod storage;

use std::path::Path;

use serde::Serialize;
use shared::credential::Purpose;
use shared::face::{FaceEngine, LoadError};
use shared::time::Timestamp;

use crate::settings::{CameraSettings, Settings};

/// What there is to look at, in this order. A device more is a line more.
const FIRST: &[Look] = &[host::settings, host::process, host::swap, storage::folder];

/// Then what is read from its first byte to its last, however long that takes.
const WHOLE: &[Look] = &[storage::database, storage::journal];

/// Or that as far as the start of a lane can wait for it.
const BOUNDED: &[Look] = &[storage::database_at_start, storage::journal_at_start];

/// Then this.
const NEXT: &[Look] = &[storage::keys, host::clock, belief::repository, senses::symbol];

/// And then this, unless a lane is at work with it.
const IN_USE: &[Look] = &[senses::faces, senses::camera, senses::gate];

/// Looks at one thing.
type Look = fn(&Machine<'_>, &mut Report);

/// A lane to be.
pub struct Machine<'a> {
    /// Its settings, read already.
    pub settings: &'a Settings,
    /// What it decides for, if anybody said.
    pub purpose: Option<&'a Purpose>,
    /// Where its frames come from, if anybody said.
    pub camera: Option<&'a CameraSettings>,
    /// Its state folder.
    pub folder: &'a Path,
    /// Its face models, or why they are not there; a lane at work has them elsewhere.
    pub engine: Option<&'a Result<FaceEngine, LoadError>>,
    /// The time by its clock.
    pub now: Timestamp,
}

impl Machine<'_> {
    /// Carries out every check.
    pub fn check(&self) -> Report {
        self.carry_out(&[FIRST, WHOLE, NEXT, IN_USE])
    }

    /// Carries out every check; what may take longer than a start can wait for, in part.
    pub fn check_at_start(&self) -> Report {
        self.carry_out(&[FIRST, BOUNDED, NEXT, IN_USE])
    }

    /// Carries out the checks that do not need what a lane at work is using.
    pub fn check_at_work(&self) -> Report {
        self.carry_out(&[FIRST, WHOLE, NEXT])
    }

    fn carry_out(&self, checks: &[&[Look]]) -> Report {
        let mut report = Report::default();
        for look in checks.iter().copied().flatten() {
            look(self, &mut report);
        }
        report
    }
}

/// How good what a check found is; the worse, the larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// As it should be.
    Ok,
    /// The lane works; somebody should look at it.
    Warning,
    /// Something does not work; the lane says so to whoever comes, or must not start at all.
    Failure,
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub check: String,
    /// How good it is.
    pub state: Grade,
    /// Whether a lane must not start like this. What a lane can live with, it shows: no camera, lists that are too old.
    pub stops: bool,
    /// What was found, in a sentence without personal data.
    pub says: String,
    /// What to do about it.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// What all checks found, in their order.
#[derive(Debug, Default)]
pub struct Report(Vec<Check>);

impl Report {
    /// Returns what was found.
    pub fn checks(&self) -> &[Check] {
        &self.0
    }

    /// Returns the worst grade.
    pub fn worst(&self) -> Grade {
        self.0.iter().map(|check| check.state).max().unwrap_or(Grade::Ok)
    }

    /// Returns the first reason why a lane must not start, if there is one.
    pub fn stopper(&self) -> Option<&Check> {
        self.0.iter().find(|check| check.stops)
    }

    /// Returns how many have a grade.
    pub fn count(&self, grade: Grade) -> usize {
        self.0.iter().filter(|check| check.state == grade).count()
    }

    /// Writes it down for people: a line for what is good, and what to do below what is not.
    pub fn to_text(&self) -> String {
        let width = self.0.iter().map(|check| check.check.chars().count()).max().unwrap_or(0);
        let mut lines = Vec::new();
        for Check { check, state, says, remedy, .. } in &self.0 {
            let mark = match state {
                Grade::Ok => '✔',
                Grade::Warning => '!',
                Grade::Failure => '✘',
            };
            lines.push(format!("{mark} {check:<width$}  {says}"));
            lines.extend(remedy.as_ref().map(|remedy| format!("  {:<width$}  → {remedy}", "")));
        }
        let [good, warnings, failures] =
            [Grade::Ok, Grade::Warning, Grade::Failure].map(|grade| self.count(grade));
        let plural =
            |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        let (warnings, failures) = (plural(warnings, "warning"), plural(failures, "failure"));
        lines.push(format!("{}: {good} good, {warnings}, {failures}", plural(self.0.len(), "check")));
        lines.join("\n")
    }

    fn ok(&mut self, check: &str, says: impl Into<String>) {
        self.add(check, Grade::Ok, says.into(), None);
    }

    fn warn(&mut self, check: &str, says: impl Into<String>, remedy: impl Into<String>) {
        self.add(check, Grade::Warning, says.into(), Some(remedy.into()));
    }

    fn fail(&mut self, check: &str, says: impl Into<String>, remedy: impl Into<String>) {
        self.add(check, Grade::Failure, says.into(), Some(remedy.into()));
    }

    /// A failure that a lane must not start with.
    fn stop(&mut self, check: &str, says: impl Into<String>, remedy: impl Into<String>) {
        self.fail(check, says, remedy);
        self.0.iter_mut().rev().take(1).for_each(|check| check.stops = true);
    }

    fn add(&mut self, check: &str, state: Grade, says: String, remedy: Option<String>) {
        self.0.push(Check { check: check.to_owned(), state, stops: false, says, remedy });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts_and_people_can_read_it() {
        let mut report = Report::default();
        assert_eq!(report.worst(), Grade::Ok);
        report.ok("swap", "No memory goes to a disk.");
        report.warn("keys", "They lie in the clear.", "Seal them.");
        assert_eq!(report.worst(), Grade::Warning);
        assert_eq!(report.stopper(), None);
        report.stop("repository", "Not ready: none was imported.", "Import one.");
        assert_eq!(report.worst(), Grade::Failure);
        assert_eq!(report.stopper().unwrap().check, "repository");
        assert_eq!(
            report.to_text(),
            "✔ swap        No memory goes to a disk.\n\
             ! keys        They lie in the clear.\n              → Seal them.\n\
             ✘ repository  Not ready: none was imported.\n              → Import one.\n\
             3 checks: 1 good, 1 warning, 1 failure"
        );
        let json = serde_json::to_value(&report.checks()[..2]).unwrap();
        assert_eq!(
            json,
            serde_json::json!([
                { "check": "swap", "state": "ok", "stops": false, "says": "No memory goes to a disk." },
                { "check": "keys", "state": "warning", "stops": false, "says": "They lie in the clear.", "do": "Seal them." },
            ])
        );
    }
}
