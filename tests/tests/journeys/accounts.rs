//! An organization's accounts: for whom a kiosk works, and what people at the desk do.

use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use shared::reason::Reason;
use tests::journey::{Journey, START, photo, residents};

use crate::{LATER, TWO_SECONDS_ON};

/// A kiosk at a hotel of a chain, provisioned; its state is in `desk`.
fn hotel() -> Journey {
    let journey = Journey::new();
    let key = journey.kiosk(&["key", "--state", "desk"]).expect(0).json["key"].as_str().unwrap().to_owned();
    let sector = ["sector", "add-kiosk", "--dir", "A", "--name", "desk", "--key", &key, "--purpose", "hotel"];
    journey.issuer(&sector).expect(0);
    journey.issuer(&["sector", "rotate", "--dir", "A", "--purpose", "hotel", "--at", START]).expect(0);
    let add = ["kiosk", "add", "--dir", "A", "--key", &key, "--organization", "grand.example", "--service"];
    journey.issuer(&[&add[..], &["Lisboa"]].concat()).expect(2);
    let added = journey.issuer(&[&add[..], &["lisboa"]].concat()).expect(0);
    assert_eq!(added.json["kiosk"]["name"], "lisboa.grand.example");
    journey.issuer(&[&add[..], &["taipa"]].concat()).expect(2);
    let list = journey.issuer(&["kiosk", "list", "--dir", "A"]).expect(0);
    assert_eq!(list.json["kiosks"].as_array().unwrap().len(), 1);
    journey.publish(START);
    journey
        .kiosk(&["trust", "import", "REPO", "--root", "A/root.json", "--state", "desk", "--at", LATER])
        .expect(0);
    let settings =
        "state = \"desk\"\n[accounts]\nstore = \"accounts.sqlite\"\ndocument_key_file = \"doc.key\"\n";
    fs::write(journey.path("lane.toml"), settings).unwrap();
    journey
}

#[test]
fn a_directory_is_made_for_whom_the_repository_says() {
    let journey = hotel();
    let accounts = |arguments: &[&str]| {
        journey.kiosk(&[&["accounts"], arguments, &["--config", "lane.toml", "--at", LATER]].concat())
    };
    assert!(accounts(&["list"]).expect(2).said.contains("kiosk accounts init"));
    let made = accounts(&["init"]).expect(0);
    assert_eq!(made.json["organization"], "grand.example");
    accounts(&["init"]).expect(0);

    let mut add = journey
        .command("kiosk")
        .args(["accounts", "add", "member-7", "--issuer", "https://id.xa.example", "--by", "ana"])
        .args(["--config", "lane.toml", "--at", LATER])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    add.stdin.take().unwrap().write_all(b"XA-CANARY-7\n").unwrap();
    assert!(add.wait().unwrap().success());
    let list = accounts(&["list"]).expect(0).json;
    assert_eq!(list["accounts"][0]["id"], "member-7", "{list}");
    let shown = accounts(&["show", "member-7"]).expect(0).json;
    assert_eq!(shown["bindings"][0]["kind"], "document", "{shown}");
    let unbind = ["unbind", "member-7", "--kind", "document", "--by", "ana", "--note", "asked for"];
    assert_eq!(accounts(&unbind).expect(0).json["changed"], 1);
    assert_eq!(accounts(&["rebind", "member-7", "--by", "bo"]).expect(0).json["changed"], 1);
    accounts(&["resolve", "1", "--new", "--by", "ana"]).expect(2);
    accounts(&["show", "nobody"]).expect(2);
    accounts(&["erase", "nobody", "--by", "bo"]).expect(2);
    assert_eq!(
        accounts(&["erase", "member-7", "--by", "bo", "--note", "asked for"]).expect(0).json["erased"],
        1
    );
    accounts(&["show", "member-7"]).expect(2);
    let output = journey.plain("kiosk", &["accounts", "events", "--config", "lane.toml"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let events: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let what: Vec<_> = events.iter().map(|event| event["what"].as_str().unwrap()).collect();
    assert_eq!(what, ["created", "bound", "released", "restored", "erased"]);
    assert_eq!((&events[2]["by"], &events[2]["note"]), (&"ana".into(), &"asked for".into()));
    for file in ["accounts.sqlite", "accounts.sqlite-wal"] {
        let bytes = fs::read(journey.path(file)).unwrap_or_default();
        assert!(!bytes.windows(6).any(|window| window == b"CANARY"), "the number is in no file");
    }
}

/// The codes of a resident at a hotel: an encrypted one is read by the sector, the same credential is shown in the clear,
/// and a kiosk that nobody works for has no directory.
#[test]
fn a_hotels_codes_are_read_encrypted_and_plain() {
    let journey = hotel();
    journey.resident(1, "hotel", &[]);
    let sectors = journey.issuer(&["sector", "list", "--dir", "A"]).expect(0).json;
    let public = sectors["purposes"]["hotel"]["epochs"][0]["public"].as_str().unwrap().to_owned();
    let verify = |code: &std::path::Path| {
        let code = code.to_str().unwrap();
        journey.kiosk(&["verify", "--state", "desk", "--purpose", "hotel", "--at", TWO_SECONDS_ON, code])
    };
    let encrypted = journey.code("resident-01", "hotel", LATER, &["--encrypt-to", &public]);
    assert_eq!(verify(&encrypted).reason(), Reason::Accepted.code());
    let plain = journey.code("resident-01", "hotel", TWO_SECONDS_ON, &[]);
    assert_eq!(verify(&plain).reason(), Reason::Accepted.code());

    journey.issuer(&["kiosk", "remove", "--dir", "A", "--name", "lisboa.grand.example"]).expect(0);
    journey.publish(LATER);
    journey.kiosk(&["trust", "import", "REPO", "--state", "desk", "--at", LATER]).expect(0);
    let init = ["accounts", "init", "--config", "lane.toml", "--at", LATER];
    assert!(journey.kiosk(&init).expect(2).said.contains("issuer kiosk add"));
}

/// A kiosk program that is at work, with what it says.
struct AtWork {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    said: Lines<BufReader<ChildStderr>>,
}

impl AtWork {
    fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, out, said }
    }

    /// Where the operator page is.
    fn page(&mut self) -> String {
        let lines = self.said.by_ref().map(Result::unwrap);
        let mut pages = lines.filter_map(|line| Some(line.strip_prefix("the operator page: ")?.to_owned()));
        pages.next().expect("the page is served")
    }

    /// The row of the next visit that ended like this.
    fn row(&mut self, reason: Reason) -> u64 {
        let lines = self.out.by_ref().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        let mut rows = lines.filter(|visit| visit["reason"] == reason.code());
        rows.next().expect("the visit ended")["row"].as_u64().unwrap()
    }
}

/// Logs an operator in and lets a visitor in.
fn admit(page: &str, row: u64) {
    let client = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let login = json!({ "name": "Officer One", "pin": "285093" }).to_string();
    let post = |path: &str, headers: &[(&str, &str)], body: &str| {
        let request = client.post(format!("{page}{path}")).header("Origin", page);
        let request = request.header("Content-Type", "application/json");
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value))
            .send(body)
            .unwrap()
    };
    let entered = post("/login", &[], &login);
    assert_eq!(entered.status(), 204);
    let cookie = entered.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let session = client.get(format!("{page}/session")).header("Cookie", &cookie).call().unwrap();
    let session: Value = serde_json::from_str(&session.into_body().read_to_string().unwrap()).unwrap();
    let token = session["token"].as_str().unwrap();
    let order =
        json!({ "order": "decide", "row": row, "admit": true, "reason": "face-compared" }).to_string();
    let answered = post("/orders", &[("Cookie", &cookie), ("X-Gatepass-Token", token)], &order);
    assert_eq!(answered.status(), 202);
}

/// What the organization's own system heard.
fn heard(journey: &Journey) -> Vec<Value> {
    let text = fs::read_to_string(journey.path("events.ndjson")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Guests of a hotel, from the lane to the hotel's own system: one comes twice, one has no face in the credential and is
/// let in by an officer, and was a member before.
#[test]
fn a_hotels_guests_are_known_when_they_come_again() {
    let journey = hotel();
    let settings = fs::read_to_string(journey.path("lane.toml")).unwrap();
    let more = "[events]\nfile = \"events.ndjson\"\n[operator]\nlisten = \"127.0.0.1:0\"\n";
    fs::write(journey.path("lane.toml"), format!("purpose = \"hotel\"\n{settings}{more}")).unwrap();
    let typed = |arguments: &[&str], text: &str| {
        let mut command = journey.command("kiosk");
        command.arg("--json").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
        let output = child.wait_with_output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert!(typed(&["operator", "add", "Officer One", "--state", "desk"], "285093\n").0);
    journey.kiosk(&["accounts", "init", "--config", "lane.toml", "--at", LATER]).expect(0);
    let add = ["accounts", "add", "member-9", "--issuer", "https://id.xa.example", "--by", "Officer One"];
    assert!(typed(&[&add[..], &["--config", "lane.toml", "--at", LATER]].concat(), "XA-9\n").0);

    journey.resident(1, "hotel", &[]);
    let claims = r#"{"id": "XA-9", "name": "SAMPLE, TEST", "nationality": "XA", "country": "XA"}"#;
    fs::write(journey.path("guest.json"), claims).unwrap();
    let picture = photo(2, "id-photo");
    let enroll =
        ["enroll", "--dir", "A", "--at", START, "--claims", "guest.json", "--without-face", "--photo"];
    let enrolled = journey.issuer(&[&enroll[..], &[picture.to_str().unwrap()]].concat()).expect(0);
    journey.issuer(&["holder", "keygen", "--out", "guest.key"]).expect(0);
    journey.issue(enrolled.json["subject"].as_str().unwrap(), "guest", "hotel", &[]);

    let sectors = journey.issuer(&["sector", "list", "--dir", "A"]).expect(0).json;
    let public = sectors["purposes"]["hotel"]["epochs"][0]["public"].as_str().unwrap().to_owned();
    let camera = journey.path("camera");
    fs::create_dir(&camera).unwrap();
    let shows = |name: &str, picture: &Path| _ = fs::copy(picture, camera.join(name)).unwrap();
    let code = |of: &str, at: &str| journey.code(of, "hotel", at, &["--encrypt-to", &public]);
    let nobody = residents().join("scene-empty-1.jpg");
    shows("00-nobody.jpg", &nobody);
    for (start, at, second) in [("1", LATER, 1), ("2", "2026-11-20T10:00:20Z", 20)] {
        shows(&format!("{start}0-code-{second}000ms.png"), &code("resident-01", at));
        shows(&format!("{start}1-face.jpg"), &photo(1, "camera-b"));
        shows(&format!("{start}2-face.jpg"), &photo(1, "camera-a"));
        shows(&format!("{start}3-nobody-{}ms.jpg", (second + 12) * 1000), &nobody);
    }
    shows("30-code-40000ms.png", &code("guest", "2026-11-20T10:00:40Z"));
    // The lane stands still before this one until somebody writes it.
    let last = camera.join("40-nobody-41000ms.jpg");
    assert!(Command::new("mkfifo").arg(&last).status().unwrap().success());
    let run = || {
        let mut command = journey.command("kiosk");
        command.args(["run", "--camera", "replay:camera", "--config", "lane.toml", "--at", LATER]);
        command
    };
    let mut lane = AtWork::start(run());
    let page = lane.page();
    let row = lane.row(Reason::FaceNoTemplate);
    admit(&page, row);
    fs::write(&last, fs::read(&nobody).unwrap()).unwrap();
    let ended = lane.child.wait().unwrap();
    assert!(ended.success(), "{:?}", lane.said.map(Result::unwrap).collect::<Vec<_>>());

    let told = heard(&journey);
    let of = |kind: &str| told.iter().filter(|event| event["type"] == kind).collect::<Vec<_>>();
    assert_eq!((of("visit.accepted").len(), of("visit.unanswered").len()), (2, 1), "{told:?}");
    let bound: Vec<&Value> = of("account.bound").iter().map(|event| &event["binding"]).collect();
    assert_eq!(
        (&bound[0]["outcome"], &bound[1]["outcome"]),
        (&json!("created"), &json!("matched")),
        "{told:?}"
    );
    assert_eq!((&bound[0]["account"], &bound[0]["assurance"]), (&bound[1]["account"], &json!("face")));
    let admitted = of("visit.admitted");
    assert_eq!((&admitted[0]["visit"], &admitted[0]["officer"]), (&json!(row), &json!("face-compared")));
    let asked = of("account.asked");
    assert_eq!(asked[0]["visit"], row);
    let binding = &asked[0]["binding"];
    assert_eq!((&binding["assurance"], &binding["candidates"]), (&json!("officer"), &json!(["member-9"])));

    // The desk answers, and gives a PIN code for it.
    let question = binding["question"].to_string();
    let resolve = |name: &str, pin: &str| {
        let resolve = ["accounts", "resolve", &question, "--account", "member-9", "--by", name];
        typed(&[&resolve[..], &["--config", "lane.toml", "--at", LATER]].concat(), pin)
    };
    assert!(!resolve("Officer One", "385093\n").0);
    assert!(!resolve("Officer Two", "285093\n").0);
    assert!(!resolve("Officer One", "").0);
    let (answered, out) = resolve("Officer One", "285093\n");
    assert!(answered && out.contains("member-9"), "{out}");
    let unbind = ["accounts", "unbind", "member-9", "--by", "Officer One", "--config", "lane.toml"];
    assert!(!typed(&unbind, "385093\n").0);

    // The lane's next start tells of it.
    fs::remove_dir_all(&camera).unwrap();
    fs::create_dir(&camera).unwrap();
    shows("0-nobody.jpg", &nobody);
    assert!(run().output().unwrap().status.success());
    let told = heard(&journey);
    let last = told.last().unwrap();
    assert_eq!(
        (&last["type"], &last["account"]),
        (&json!("account.answered"), &json!("member-9")),
        "{told:?}"
    );
    assert_eq!((&last["openid"], last["question"].to_string()), (&binding["openid"], question.clone()));
    let seqs: Vec<i64> = told.iter().map(|event| event["seq"].as_i64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>());
}
