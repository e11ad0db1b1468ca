//! Who may use the operator page, and what a lane's metrics say, from the command line.

use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::Value;
use tests::journey::Journey;

/// Adds an operator with what stands on standard input.
fn add(journey: &Journey, name: &str, pin: &str) -> Output {
    let mut command = journey.command("kiosk");
    command.args(["operator", "add", "--state", "kiosk", "--", name]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A name that is none is refused before anything is read.
    let _ = child.stdin.take().unwrap().write_all(pin.as_bytes());
    child.wait_with_output().unwrap()
}

fn names(journey: &Journey) -> Vec<String> {
    let list = journey.kiosk(&["operator", "list", "--state", "kiosk"]).expect(0).json;
    let names = list["operators"].as_array().unwrap().iter();
    names.map(|operator| operator["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn operators_are_added_listed_and_removed() {
    let journey = Journey::bare();
    assert_eq!(names(&journey), Vec::<String>::new());
    for (name, pin) in [("Officer One", "285093\n"), ("陳大文", "7741902")] {
        let added = add(&journey, name, pin);
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
        assert!(!String::from_utf8_lossy(&added.stdout).contains(pin.trim()));
    }
    for (name, pin, told) in [
        ("Officer One", "385093", "already"),
        ("Officer Two", "123456", "first that anybody would try"),
        ("Officer Two", "000000", "first that anybody would try"),
        ("Officer Two", "28509", "6 to 32 digits"),
        ("Officer Two", "", "6 to 32 digits"),
        ("Officer Two", "pass-word", "6 to 32 digits"),
        ("Officer\nTwo", "285093", "letters and digits"),
        ("", "285093", "letters and digits"),
    ] {
        let refused = add(&journey, name, pin);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{name}: {said}");
        assert!(said.contains(told), "{name}: {said}");
        assert!(pin.is_empty() || !said.contains(pin), "{said}");
    }
    assert_eq!(names(&journey), ["Officer One", "陳大文"]);
    journey.kiosk(&["operator", "remove", "Officer One", "--state", "kiosk"]).expect(0);
    journey.kiosk(&["operator", "remove", "Officer One", "--state", "kiosk"]).expect(2);
    assert_eq!(names(&journey), ["陳大文"]);
}

#[test]
fn the_page_has_settings_of_its_own() {
    let journey = Journey::bare();
    let check = |text: &str| {
        std::fs::write(journey.path("lane.toml"), text).unwrap();
        journey.kiosk(&["config", "check", "lane.toml"])
    };
    let none = check("purpose = \"border\"\n").expect(0).json;
    assert_eq!((&none["operator.listen"], &none["operator.metrics"]), (&Value::Null, &Value::Null));
    let some = check("[operator]\nlisten = \"127.0.0.1:8470\"\nhosts = [\"lane3.example\"]\n").expect(0).json;
    assert_eq!(some["operator.listen"], "127.0.0.1:8470");
    assert_eq!(some["operator.hosts"][0], "lane3.example");
    for (text, told) in [
        ("[operator]\nlisten = \"8470\"\n", "listen"),
        ("[operator]\nlistens = \"127.0.0.1:8470\"\n", "listens"),
        ("[operator]\nhosts = \"lane3.example\"\n", "hosts"),
    ] {
        assert!(check(text).expect(2).said.contains(told), "{text}");
    }
}

#[test]
fn a_lane_that_serves_no_metrics_is_told_of() {
    let journey = Journey::bare();
    // Nobody listens on the port of a listener that is gone.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let said = journey.kiosk(&["metrics", "--at", &address]).expect(2).said;
    assert!(said.contains(&address) && said.contains("[operator]"), "{said}");
}
