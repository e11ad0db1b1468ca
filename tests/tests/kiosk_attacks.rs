//! What somebody can do to a kiosk that is already provisioned: to its store, to its clock, to the stick.

use std::fs;

use shared::reason::Reason;
use tests::journey::{Answered, Journey, START};

const LATER: &str = "2026-11-20T10:00:00Z";
const SOON: &str = "2026-11-20T10:00:02Z";

/// A kiosk in `kiosk` that believes what agency A published second; what A published first is in `OLD`.
fn provisioned() -> Journey {
    let journey = Journey::new();
    journey.issuer(&["publish", "--dir", "A", "--out", "OLD", "--at", START]).expect(0);
    journey.publish(START);
    import(&journey, "REPO", LATER, true).expect(0);
    journey
}

fn import(journey: &Journey, repository: &str, at: &str, root: bool) -> Answered {
    let mut import = vec!["trust", "import", repository, "--state", "kiosk", "--at", at];
    if root {
        import.extend(["--root", "A/root.json"]);
    }
    journey.kiosk(&import)
}

fn verify(journey: &Journey, text: &str, at: &str) -> Answered {
    journey.kiosk(&["verify", "--state", "kiosk", "--purpose", "border", "--at", at, "--text", text])
}

/// The text of a code that was made at a time.
fn code(journey: &Journey, at: &str) -> String {
    let present = [
        "holder",
        "present",
        "--credential",
        "A-1-border.cbor",
        "--key",
        "A-1.key",
        "--at",
        at,
        "--format",
        "text",
        "--out",
        "-",
    ];
    String::from_utf8(journey.plain("issuer", &present).stdout).unwrap().trim().to_owned()
}

#[test]
fn rollback_is_refused() {
    let journey = provisioned();
    let back = import(&journey, "OLD", LATER, false).expect(2);
    assert!(
        back.said.contains("rollback") && back.said.contains("goes on with what it had"),
        "{}",
        back.said
    );
    let status = journey.kiosk(&["trust", "status", "--state", "kiosk", "--at", LATER]).expect(0);
    assert_eq!(status.json["versions"]["timestamp"], 2);
}

/// With the store gone the older repository would pass, whoever brings the right root along.
#[test]
fn an_emptied_a_zero_length_and_a_missing_store_stop_the_kiosk() {
    type Harm = fn(&Journey);
    const STORE: &str = "kiosk/kiosk.sqlite";
    let empty: Harm = |journey| fs::write(journey.path(STORE), b"").unwrap();
    let missing: Harm = |journey| fs::remove_file(journey.path(STORE)).unwrap();
    let half: Harm = |journey| {
        let whole = fs::read(journey.path(STORE)).unwrap();
        fs::write(journey.path(STORE), &whole[..whole.len() / 2]).unwrap();
    };
    let harms = [("zero-length", empty), ("missing", missing), ("half", half)];
    for (what, harm) in harms {
        let journey = provisioned();
        journey.credential_without_face("A", 1, LATER);
        harm(&journey);
        for root in [false, true] {
            import(&journey, "OLD", LATER, root).expect(2);
            import(&journey, "REPO", LATER, root).expect(2);
        }
        journey.kiosk(&["trust", "status", "--state", "kiosk", "--at", LATER]).expect(2);
        let answer = verify(&journey, &code(&journey, LATER), SOON).expect(2);
        assert_eq!(answer.json["decision"], "unanswered", "{what}");
        // A new folder is a new kiosk.
        fs::remove_dir_all(journey.path("kiosk")).unwrap();
        import(&journey, "REPO", LATER, true).expect(0);
    }
}

/// The clock fails to 1970, jumps to 2099, and is set right: nothing of it stays.
#[test]
fn a_clock_in_1970_and_in_2099_does_no_lasting_harm() {
    const SEVENTIES: &str = "1970-01-01T00:00:10Z";
    const FAR: &str = "2099-01-01T00:00:00Z";
    let journey = provisioned();
    journey.credential_without_face("A", 1, LATER);
    let status = |at: &str| {
        let status = journey.kiosk(&["trust", "status", "--state", "kiosk", "--at", at]).expect(0).json;
        let word = |field: &str| status[field].as_str().unwrap().to_owned();
        (word("clock"), word("freshness"))
    };
    let decision = |at: &str| verify(&journey, &code(&journey, LATER), at).reason().to_owned();
    assert_eq!(status(LATER), ("plausible".into(), "fresh".into()));
    assert_eq!(status(SEVENTIES), ("tampered".into(), "fresh".into()));
    assert_eq!(decision(SEVENTIES), Reason::ClockTampered.code());
    import(&journey, "REPO", SEVENTIES, false).expect(0);
    assert_eq!(status(FAR), ("plausible".into(), "dead".into()));
    assert_ne!(decision(FAR), Reason::Accepted.code());
    import(&journey, "REPO", FAR, false).expect(0);
    import(&journey, "OLD", FAR, false).expect(2);
    assert_eq!(status(LATER), ("plausible".into(), "fresh".into()));
    assert_eq!(decision(SOON), Reason::Accepted.code());
}

/// The words of `kiosk trust status`, for a person.
#[test]
fn the_state_of_trust_is_said_in_words() {
    let journey = provisioned();
    let words = |at: &str| {
        let output = journey.plain("kiosk", &["trust", "status", "--state", "kiosk", "--at", at]);
        String::from_utf8(output.stdout).unwrap()
    };
    let fresh = words(LATER);
    for line in [
        "freshness   fresh\n",
        "published   2026-11-20T09:00:00Z, 1 hour ago\n",
        "expires     2026-11-27T09:00:00Z, in 6 days 23 hours\n",
        "version     2 (root 1)\n",
        "issuer      https://id.xa.example (id-xa-example): fresh, expires in 6 days 23 hours\n",
        "  list      https://id.xa.example/status/0: current, expires in 29 days 23 hours\n",
        "purpose     border: fresh; once stale it asks an officer, and is dead in 20 days 23 hours\n",
        "purpose     hotel: fresh; once stale it still accepts, and is dead in 20 days 23 hours\n",
    ] {
        assert!(fresh.contains(line), "{line}{fresh}");
    }
    let stale = words("2026-11-28T09:00:00Z");
    assert!(stale.contains("freshness   stale\n") && stale.contains("Z, 1 day ago\n"), "{stale}");
    assert!(words("2026-11-01T00:00:00Z").contains("clock       tampered"));
}
