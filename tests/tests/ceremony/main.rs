//! A repository of two agencies through the real programs: three people hold the root, keys are replaced, and a
//! kiosk follows.

mod keys;
mod publishing;
mod root;

use serde_json::Value;
use tests::journey::{Answered, Journey};

const LATER: &str = "2026-11-20T10:00:00Z";
const NEXT_DAY: &str = "2026-11-21T09:00:00Z";
const ANCHOR: &str = "T/root.json";

/// Agencies A and B, each with a folder of its own that is published to `PA` and `PB`, and an unsigned `T/root.json`
/// of which Ann, Ben and Cid hold a key each.
struct Ceremony {
    journey: Journey,
    at: Vec<String>,
}

impl Ceremony {
    /// With the clock of this machine where `at` is `None`.
    fn new(at: Option<&str>) -> Self {
        let journey = Journey::bare();
        let at = at.map(|at| vec!["--at".to_owned(), at.to_owned()]).unwrap_or_default();
        let ceremony = Self { journey, at };
        for name in ["ann", "ben", "cid"] {
            ceremony.keygen(name);
        }
        ceremony
            .issuer(&[
                "trust", "init", "--dir", "T", "--root", "ann.pub", "--root", "ben.pub", "--root", "cid.pub",
            ])
            .expect(0);
        ceremony
    }

    /// With a signed root and both agencies in it, published to `REPO`.
    fn published(at: Option<&str>) -> Self {
        let ceremony = Self::new(at);
        ceremony.sign("root.json", &["ann", "cid"]);
        ceremony.agency("A", "https://id.xa.example");
        ceremony.agency("B", "https://id.xb.example");
        ceremony.publish(&["PA", "PB"]).expect(0);
        ceremony
    }

    fn issuer(&self, arguments: &[&str]) -> Answered {
        let timed = !arguments.contains(&"--at") && !["keygen", "sign"].contains(&arguments[1]);
        let at = self.at.iter().filter(|_| timed).map(String::as_str);
        self.journey.issuer(&arguments.iter().copied().chain(at).collect::<Vec<_>>())
    }

    fn keygen(&self, name: &str) {
        self.issuer(&["trust", "keygen", "--out", name]).expect(0);
    }

    fn sign(&self, root: &str, people: &[&str]) {
        for person in people {
            self.issuer(&["trust", "sign", &format!("T/{root}"), "--key", person]).expect(0);
        }
    }

    /// Sets up an agency, lets it into the repository, and lets it publish to `P<folder>`.
    fn agency(&self, folder: &str, issuer: &str) -> Value {
        let made = self.issuer(&["init", "--dir", folder, "--iss", issuer]).expect(0).json;
        let (name, key) = (made["agency"].as_str().unwrap(), made["agency_key"].as_str().unwrap());
        self.issuer(&["trust", "add-agency", "--dir", "T", "--name", name, "--issuer", issuer, "--key", key])
            .expect(0);
        self.hand_in(folder, None);
        made
    }

    fn hand_in(&self, folder: &str, at: Option<&str>) {
        let out = format!("P{folder}");
        let mut publish = vec!["publish", "--dir", folder, "--out", &out];
        publish.extend(at.iter().flat_map(|at| ["--at", at]));
        self.issuer(&publish).expect(0);
    }

    fn publish(&self, parts: &[&str]) -> Answered {
        self.publish_at(parts, None)
    }

    fn publish_at(&self, parts: &[&str], at: Option<&str>) -> Answered {
        let mut publish = vec!["trust", "publish", "--dir", "T", "--out", "REPO"];
        publish.extend(parts.iter().flat_map(|part| ["--part", part]));
        publish.extend(at.iter().flat_map(|at| ["--at", at]));
        self.issuer(&publish)
    }

    fn import(&self, state: &str, at: &str, root: bool) -> Answered {
        let mut import = vec!["trust", "import", "REPO", "--state", state, "--at", at];
        if root {
            import.extend(["--root", ANCHOR]);
        }
        self.journey.kiosk(&import)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.journey.path(name)
    }
}
