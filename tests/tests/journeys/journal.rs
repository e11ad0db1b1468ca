//! What a kiosk writes down of its work, and who can check it.

use std::fs;

use serde_json::Value;
use tests::journey::{Journey, START, photo};

use crate::{LATER, border};

/// A lane that has let one resident pass, and what it exported.
fn worked() -> (Journey, Vec<Value>) {
    let journey = border();
    let camera = journey.lane("kiosk", LATER);
    for at in 2..9 {
        fs::copy(photo(1, "camera-a"), camera.join(format!("{at}-face-{at}000ms.jpg"))).unwrap();
    }
    let run = ["run", "--camera", "replay:camera", "--purpose", "border", "--state", "kiosk", "--at", LATER];
    assert_eq!(journey.kiosk(&run).expect(0).json["replay_scope"], "local", "what the lane printed");
    let lines = export(&journey, "kiosk", "export");
    (journey, lines)
}

fn export(journey: &Journey, state: &str, to: &str) -> Vec<Value> {
    let export = ["journal", "export", "--state", state, "--at", LATER];
    let output = journey.command("kiosk").args(export).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::write(journey.path(to), &output.stdout).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn key_of(journey: &Journey, state: &str) -> String {
    let printed = journey.kiosk(&["journal", "key", "--state", state]).expect(0);
    printed.json["key"].as_str().unwrap().to_owned()
}

fn write(journey: &Journey, name: &str, lines: &[Value]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(journey.path(name), text).unwrap();
}

/// Checks lines as an export, and returns the exit status with what was wrong.
fn checked(journey: &Journey, lines: &[Value]) -> (i32, String) {
    write(journey, "changed", lines);
    let (code, report) = verify(journey, &["--file", "changed", "--key", &key_of(journey, "kiosk")]);
    assert!(report.is_null() || report["intact"].as_bool().unwrap() == (code == 0), "{report}");
    (code, report["problem"].as_str().unwrap_or_default().to_owned())
}

fn verify(journey: &Journey, more: &[&str]) -> (i32, Value) {
    let answered = journey.kiosk(&[&["journal", "verify"][..], more].concat());
    (answered.code, answered.json)
}

#[test]
fn a_lanes_work_is_written_down_and_an_auditor_checks_it_elsewhere() {
    let (journey, lines) = worked();
    let says: Vec<&Value> = lines.iter().map(|line| &line["says"]).filter(|says| !says.is_null()).collect();
    assert_eq!(says[0]["imported"]["timestamp"], 1);
    assert_eq!(says[1]["started"]["purpose"], "border");
    let decided = &says[2]["decided"];
    assert_eq!(
        (&decided["reason"], &decided["face"], &decided["trust"], &decided["replay_scope"]),
        (&"accepted".into(), &true.into(), &1.into(), &"local".into())
    );
    assert_eq!(says[3], "stopped");
    assert_eq!(says.len(), 4);
    // What was checked by hand is in it, too, and why it was refused.
    let code = journey.path("camera").join("1-code-1000ms.png");
    let hand = ["verify", "--state", "kiosk", "--purpose", "border", "--at", LATER, code.to_str().unwrap()];
    assert_eq!(journey.kiosk(&hand).expect(1).reason(), "proof.replayed");
    let lines = export(&journey, "kiosk", "export");
    let last = lines.iter().rev().find(|line| !line["says"].is_null()).unwrap();
    assert_eq!(last["says"]["decided"]["reason"], "proof.replayed");
    assert!(lines.last().unwrap()["checkpoint"].is_string(), "an export ends with a signature");

    let key = key_of(&journey, "kiosk");
    let (code, report) = verify(&journey, &["--state", "kiosk"]);
    assert_eq!(
        (code, &report["intact"], &report["rows"], &report["signed"]),
        (0, &true.into(), &5.into(), &5.into())
    );
    assert_eq!(verify(&journey, &["--file", "export", "--key", &key]), (0, report));
    // Another kiosk's key.
    let other = key_of(&journey, "other");
    assert_eq!(verify(&journey, &["--file", "export", "--key", &other]).0, 1);
    assert_eq!(verify(&journey, &["--file", "export"]).0, 2, "whose is it?");
}

#[test]
fn nothing_in_an_export_can_be_changed() {
    let (journey, lines) = worked();
    let key = key_of(&journey, "kiosk");
    let with = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut lines = lines.clone();
        change(&mut lines);
        checked(&journey, &lines)
    };
    assert_eq!(with(&|_| ()).0, 0);
    let decision = lines.iter().position(|line| line["says"]["decided"].is_object()).unwrap();
    let (code, problem) = with(&|lines| {
        let body = lines[decision]["body"].as_str().unwrap().replace("68616363", "68726566");
        lines[decision]["body"] = format!("{body}00").into();
    });
    assert_eq!((code, problem.as_str()), (1, "the body of row 2 was changed"));
    let (code, problem) = with(&|lines| lines[decision]["body"] = Value::Null);
    assert_eq!(code, 1);
    assert_eq!(problem, "the body of row 2 is gone, and no signed row after it says that it was shredded");
    let (code, problem) = with(&|lines| lines[decision]["at"] = "2026-11-20T10:00:09Z".into());
    assert_eq!((code, problem.as_str()), (1, "row 2 does not continue the chain"));
    let (code, problem) = with(&|lines| drop(lines.remove(decision)));
    assert_eq!((code, problem.as_str()), (1, "row 2 is missing: row 3 is in its place"));
    assert_eq!(with(&|lines| lines[0] = "garbage".into()).0, 2);
    // Rows taken off the end with their checkpoint are told by a checkpoint that was kept.
    let note = journey.kiosk(&["journal", "checkpoint", "--state", "kiosk", "--at", LATER]).expect(0);
    fs::write(journey.path("kept"), note.json["checkpoint"].as_str().unwrap()).unwrap();
    let first = lines.iter().position(|line| line["checkpoint"].is_string()).unwrap();
    write(&journey, "short", &lines[..=first]);
    assert_eq!(verify(&journey, &["--file", "short", "--key", &key]).0, 0, "by itself it is whole");
    assert_eq!(verify(&journey, &["--file", "short", "--key", &key, "--checkpoint", "kept"]).0, 1);
    assert_eq!(verify(&journey, &["--file", "export", "--key", &key, "--checkpoint", "kept"]).0, 0);
}

/// Without checkpoints it is rows that anybody could have made up; without rows it is nothing; and a folder without a journal
/// is not one with an empty one.
#[test]
fn what_nobody_signed_is_not_intact() {
    let (journey, lines) = worked();
    let rows: Vec<Value> = lines.iter().filter(|line| line["seq"].is_u64()).cloned().collect();
    let (code, problem) = checked(&journey, &rows);
    assert!(code == 1 && problem.contains("nobody signed the rows from 0 on"), "{problem}");
    let (code, problem) = checked(&journey, &[&lines[..], &[lines[lines.len() - 2].clone()]].concat());
    assert_eq!((code, problem.as_str()), (1, "row 4 is missing: row 3 is in its place"));
    let (code, problem) = checked(&journey, &lines[..lines.len() - 1]);
    assert!(code == 1 && problem.contains("nobody signed the rows from 1 on"), "{problem}");
    assert_eq!(checked(&journey, &[]), (1, "there are no rows".to_owned()));
    for verb in [&["verify"][..], &["export"], &["checkpoint"]] {
        let said = journey.kiosk(&[&["journal"], verb, &["--state", "kisok"]].concat()).expect(2).said;
        assert!(said.contains("holds no kiosk's state"), "{said}");
    }
    assert!(!journey.path("kisok").exists(), "to look is not to make");
}

/// What was exported in parts is checked as a whole.
#[test]
fn an_auditor_reads_parts_one_after_the_other() {
    let (journey, _) = worked();
    let key = key_of(&journey, "kiosk");
    let found = ["journal", "found", "--decision", "2", "--reason", "status.revoked", "--state", "kiosk"];
    journey.kiosk(&[&found[..], &["--at", LATER]].concat()).expect(0);
    let rest = ["journal", "export", "--state", "kiosk", "--from", "4", "--at", LATER];
    fs::write(journey.path("rest"), journey.plain("kiosk", &rest).stdout).unwrap();
    let (code, report) = verify(&journey, &["--file", "export", "--file", "rest", "--key", &key]);
    assert_eq!((code, &report["rows"], &report["signed"]), (0, &5.into(), &5.into()));
    for wrong in [&["--file", "rest"][..], &["--file", "rest", "--file", "export"]] {
        let (code, report) = verify(&journey, &[wrong, &["--key", &key]].concat());
        assert_eq!(
            (code, report["problem"].as_str().unwrap()),
            (1, "row 0 is missing: row 4 is in its place")
        );
    }
}

#[test]
fn what_is_found_out_later_is_a_second_fact() {
    let (journey, _) = worked();
    let found = |decision: &str, reason: &str| {
        let found = [
            "journal",
            "found",
            "--decision",
            decision,
            "--reason",
            reason,
            "--state",
            "kiosk",
            "--at",
            LATER,
        ];
        journey.kiosk(&found)
    };
    assert_eq!(found("2", "status.revoked").expect(0).json["seq"], 4);
    found("1", "status.revoked").expect(2);
    found("99", "status.revoked").expect(2);
    found("2", "no.such").expect(2);
    let lines = export(&journey, "kiosk", "export");
    let says = |seq: usize| &lines.iter().find(|line| line["seq"] == seq).unwrap()["says"];
    assert_eq!(says(2)["decided"]["reason"], "accepted", "what the device did");
    assert_eq!(says(4)["found"], serde_json::json!({ "decision": 2, "reason": "status.revoked" }));
}

#[test]
fn old_bodies_are_shredded_and_the_rest_still_verifies() {
    let (journey, _) = worked();
    fs::write(journey.path("lane.toml"), "journal_days = 1\n").unwrap();
    let later = "2026-11-22T10:00:00Z";
    let run = [
        "run",
        "--config",
        "lane.toml",
        "--camera",
        "replay:camera",
        "--purpose",
        "border",
        "--state",
        "kiosk",
    ];
    journey.kiosk(&[&run[..], &["--at", later]].concat()).expect(0);
    let lines = export(&journey, "kiosk", "export");
    let rows: Vec<&Value> = lines.iter().filter(|line| line["seq"].is_u64()).collect();
    assert!(rows[..4].iter().all(|row| row["body"].is_null()));
    assert_eq!(rows[4]["says"]["shredded"]["before"], 4);
    assert!(rows[4..].iter().all(|row| row["body"].is_string()));
    let (code, report) = verify(&journey, &["--state", "kiosk"]);
    assert_eq!((code, &report["shredded"]), (0, &4.into()));
    fs::write(journey.path("lane.toml"), "journal_days = 0\n").unwrap();
    journey.kiosk(&[&run[..], &["--at", later]].concat()).expect(2);
}

/// A clock that is behind would have its rows shredded once it is right: they are dated by what the repository says.
#[test]
fn rows_of_a_clock_that_is_behind_are_kept() {
    let (journey, _) = worked();
    let behind = "2019-01-01T00:00:00Z";
    let code = journey.path("camera").join("1-code-1000ms.png");
    let code = code.to_str().unwrap();
    let verify = ["verify", "--state", "kiosk", "--purpose", "border", "--at", behind];
    assert_eq!(journey.kiosk(&[&verify[..], &[code]].concat()).expect(2).reason(), "clock.tampered");
    // Not even a picture that could be read.
    journey.kiosk(&[&verify[..], &["nowhere.png"]].concat()).expect(2);
    let found = ["journal", "found", "--state", "kiosk", "--decision", "2", "--reason", "status.revoked"];
    journey.kiosk(&[&found[..], &["--at", behind]].concat()).expect(0);
    journey.publish(LATER);
    journey.kiosk(&["trust", "import", "REPO", "--state", "kiosk", "--at", behind]).expect(0);
    let run = ["run", "--camera", "replay:camera", "--purpose", "border", "--state", "kiosk", "--at"];
    journey.kiosk(&[&run[..], &["2026-11-20T11:00:00Z"]].concat()).expect(0);
    let lines = export(&journey, "kiosk", "export");
    let row = |seq: usize| lines.iter().find(|line| line["seq"] == seq).unwrap();
    for (seq, says, at) in
        [(4, "decided", START), (5, "decided", START), (6, "found", START), (7, "imported", LATER)]
    {
        assert!(row(seq)["says"][says].is_object(), "{}", row(seq));
        assert_eq!(row(seq)["at"], at);
    }
    assert!(lines.iter().all(|line| line["says"]["shredded"].is_null()), "nothing was shredded");
}

/// Name, number and face of the resident are nowhere in what the kiosk keeps and hands out.
#[test]
fn a_journal_says_nothing_of_anybody() {
    let (_journey, lines) = worked();
    let text = lines.iter().map(Value::to_string).collect::<String>().to_lowercase();
    for canary in ["sample", "alex", "xa-0000", "1998", "score", "border-"] {
        assert!(!text.contains(canary), "{canary} is in the export");
    }
    assert!(text.contains("decided"), "the search finds what is there");
}

/// Nobody passes whose passing cannot be written down; a refusal is still one.
#[test]
fn without_a_journal_nobody_is_accepted() {
    let (journey, _) = worked();
    let connection = rusqlite::Connection::open(journey.path("kiosk/kiosk.sqlite")).unwrap();
    let found = ["journal", "found", "--decision", "2", "--reason", "status.revoked", "--state", "kiosk"];
    journey.kiosk(&[&found[..], &["--at", LATER]].concat()).expect(0);
    // The last row, which no checkpoint covers yet.
    connection.execute("UPDATE journal SET at = at + 1 WHERE seq = 4", []).unwrap();
    let verify = |at: &str| {
        let code = journey.code("resident-01", "border", at, &[]);
        let verify =
            ["verify", "--state", "kiosk", "--purpose", "border", "--at", at, code.to_str().unwrap()];
        (journey.kiosk(&verify), journey.kiosk(&verify))
    };
    let (first, again) = verify("2026-11-20T10:05:00Z");
    assert_eq!(first.expect(2).reason(), "journal.failed");
    assert_eq!(again.expect(1).reason(), "proof.replayed");
}
