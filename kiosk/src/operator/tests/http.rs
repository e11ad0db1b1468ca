//! Requests as bytes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::*;

type Headers<'a> = Vec<(&'a str, &'a str)>;

/// An answer.
struct Said {
    status: u16,
    head: String,
    body: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{} {}", self.status, self.body))
    }
}

/// Sends a request with exactly these headers, and nothing that a browser would add.
fn send(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut head = format!("{line} HTTP/1.0\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
    stream
}

fn ask(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> Said {
    let mut text = String::new();
    send(address, line, headers, body).read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Said { status, head: head.to_lowercase(), body: body.to_owned() }
}

/// What the page sends along.
struct Visitor {
    address: SocketAddr,
    host: String,
    origin: String,
    cookie: String,
    token: String,
}

impl Visitor {
    fn new(address: SocketAddr) -> Self {
        let host = address.to_string();
        let origin = format!("http://{host}");
        Self { address, host, origin, cookie: String::new(), token: String::new() }
    }

    fn headers(&self) -> Headers<'_> {
        vec![
            ("Host", &self.host),
            ("Origin", &self.origin),
            ("Content-Type", "application/json"),
            ("Cookie", &self.cookie),
            ("X-Gatepass-Token", &self.token),
        ]
    }

    fn get(&self, path: &str) -> Said {
        ask(self.address, &format!("GET {path}"), &self.headers(), "")
    }

    fn post(&self, path: &str, body: &Value) -> Said {
        ask(self.address, &format!("POST {path}"), &self.headers(), &body.to_string())
    }

    fn try_in(&self, name: &str, pin: &str) -> Said {
        self.post("/login", &json!({ "name": name, "pin": pin }))
    }

    fn go_in(&mut self, name: &str, pin: &str) {
        let said = self.try_in(name, pin);
        assert_eq!(said.status, 204, "{}", said.body);
        let cookie = said.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        assert!(
            cookie.contains("; httponly")
                && cookie.contains("; samesite=strict")
                && !cookie.contains("; secure")
        );
        self.cookie = cookie.split(';').next().unwrap().to_owned();
        let session = self.get("/session").json();
        assert_eq!(session["name"], name);
        self.token = session["token"].as_str().unwrap().to_owned();
    }

    /// Follows the lane.
    fn events(&self) -> impl Iterator<Item = (String, Value)> + use<> {
        let stream = send(self.address, "GET /events", &self.headers(), "");
        let mut event = String::new();
        BufReader::new(stream).lines().map_while(Result::ok).filter_map(move |line| {
            if let Some(name) = line.strip_prefix("event: ") {
                event = name.to_owned();
            }
            let data = line.strip_prefix("data:")?;
            Some((event.clone(), serde_json::from_str(data.trim()).unwrap_or_default()))
        })
    }
}

#[test]
fn nothing_of_the_lane_is_shown_without_a_session() {
    let place = Place::new();
    place.wait_for_officer(7);
    let visitor = Visitor::new(place.page());
    for path in ["/", "/page.js", "/page.css", "/icon.svg", "/words/en", "/words/zh-HK"] {
        let said = visitor.get(path);
        assert_eq!(said.status, 200, "{path}");
        assert!(!said.body.contains("CANARY") && !said.body.contains(NAME), "{path}");
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'",
            "cache-control: no-store",
            "nosniff",
        ] {
            assert!(said.head.contains(header), "{path}: {}", said.head);
        }
    }
    for path in ["/session", "/events"] {
        assert_eq!(visitor.get(path).status, 401, "{path}");
    }
    for path in ["/orders", "/active", "/logout"] {
        let said = visitor.post(path, &json!({ "order": "close" }));
        assert_eq!(said.status, 401, "{path}");
    }
    let mut stranger = Visitor::new(place.page());
    for cookie in ["gatepass_operator=", "gatepass_operator=0000", "other=1; gatepass_operator=../../etc"] {
        stranger.cookie = cookie.to_owned();
        assert_eq!(stranger.get("/events").status, 401, "{cookie}");
    }
    assert_eq!(visitor.get("/words/xx").status, 404);
    assert_eq!(visitor.get("/journal").status, 404);
    assert_eq!(place.orders(), []);
}

#[test]
fn an_officer_decides_with_a_reason_and_a_name() {
    let place = Place::new();
    let mut visitor = Visitor::new(place.page());
    visitor.go_in(NAME, PIN);
    place.wait_for_officer(7);
    let decide =
        |row: u64, admit, reason| json!({ "order": "decide", "row": row, "admit": admit, "reason": reason });
    assert_eq!(visitor.post("/orders", &decide(8, true, "face-compared")).status, 409, "nobody waits there");
    assert_eq!(visitor.post("/orders", &decide(7, true, "left")).status, 422, "no reason to open");
    for wrong in [
        decide(7, true, "because"),
        json!({ "order": "decide", "row": 7, "admit": true }),
        json!({ "order": "decide", "row": -7, "admit": true, "reason": "face-compared" }),
        json!({ "order": "decide", "row": 7, "admit": true, "reason": "face-compared", "operator": "Somebody Else" }),
        json!({ "order": "open" }),
        json!("close"),
        json!(null),
    ] {
        let said = visitor.post("/orders", &wrong);
        assert!((400..500).contains(&said.status), "{wrong}: {}", said.status);
    }
    assert_eq!(visitor.post("/orders", &decide(7, true, "face-compared")).status, 202);
    until("the order", || !place.orders().is_empty());
    let (row, admit, reason) = (7, true, OverrideReason::FaceCompared);
    assert_eq!(place.orders(), [Order::Decide { row, admit, reason, operator: NAME.to_owned() }]);
    assert_eq!(visitor.post("/orders", &decide(7, true, "face-compared")).status, 409, "it was decided");
    for (name, order) in [
        ("close", Order::Close { operator: NAME.to_owned() }),
        ("reopen", Order::Reopen { operator: NAME.to_owned() }),
        ("self-test", Order::SelfTest { operator: NAME.to_owned() }),
    ] {
        assert_eq!(visitor.post("/orders", &json!({ "order": name })).status, 202, "{name}");
        until(name, || place.orders().last() == Some(&order));
    }
    assert_eq!(place.orders().len(), 4);
}

#[test]
fn what_another_site_or_another_name_sends_is_turned_away() {
    let place = Place::new();
    let mut visitor = Visitor::new(place.page());
    visitor.go_in(NAME, PIN);
    let close = json!({ "order": "close" });
    let with = |change: &dyn Fn(&mut Headers<'_>)| {
        let mut headers = visitor.headers();
        change(&mut headers);
        ask(visitor.address, "POST /orders", &headers, &close.to_string()).status
    };
    assert_eq!(with(&|headers| headers.retain(|(name, _)| *name != "Origin")), 403, "no origin");
    for origin in ["null", "http://evil.example", "http://localhost:1", "", "evil"] {
        let status = with(&|headers| {
            headers.retain(|(name, _)| *name != "Origin");
            headers.push(("Origin", origin));
        });
        assert_eq!(status, 403, "{origin}");
    }
    assert_eq!(with(&|headers| headers.retain(|(name, _)| *name != "X-Gatepass-Token")), 403, "no token");
    assert_eq!(
        with(&|headers| headers.retain(|(name, _)| *name != "Content-Type")),
        415,
        "as a form sends it"
    );
    // A foreign name that was made to point here (DNS rebinding), for every path.
    for host in ["evil.example", "127.0.0.1.evil.example", "evil.example:80", "", "localhost.", "[::2]"] {
        for path in ["/", "/events", "/session"] {
            let said = ask(
                visitor.address,
                &format!("GET {path}"),
                &[("Host", host), ("Cookie", &visitor.cookie)],
                "",
            );
            assert_eq!(said.status, 403, "{host} {path}");
        }
    }
    assert_eq!(ask(visitor.address, "GET /", &[], "").status, 403, "no host at all");
    for host in ["localhost:8470", "[::1]:8470", "lane3.example", "lane3.example:443"] {
        assert_eq!(ask(visitor.address, "GET /", &[("Host", host)], "").status, 200, "{host}");
    }
    // Behind a proxy with TLS, the cookie stays with TLS.
    let headers = [
        ("Host", "lane3.example"),
        ("Origin", "https://lane3.example"),
        ("Content-Type", "application/json"),
    ];
    let body = json!({ "name": NAME, "pin": PIN }).to_string();
    let said = ask(visitor.address, "POST /login", &headers, &body);
    assert!(said.status == 204 && said.head.contains("; secure"), "{}", said.head);
    assert_eq!(place.orders(), []);
}

#[test]
fn pin_codes_cannot_be_guessed_quickly() {
    let place = Place::new();
    let mut visitor = Visitor::new(place.page());
    assert_eq!(visitor.try_in(NAME, "285094").json()["wait"], 0);
    assert_eq!(visitor.try_in(NAME, "").json()["wait"], 0);
    let third = visitor.try_in(NAME, "385093");
    assert_eq!((third.status, third.json()["wait"].as_u64()), (401, Some(2)));
    // On a busy machine the short waits may be over before the next try; the count still grows.
    let mut last = third;
    until("a wait", || {
        last = visitor.try_in(NAME, "385093");
        last.status == 429 || last.json()["wait"].as_u64() > Some(8)
    });
    let right = visitor.try_in(NAME, PIN);
    assert_eq!(right.status, 429, "not even the right one is looked at: {}", right.head);
    assert!(right.head.contains("retry-after: ") && !right.head.contains("set-cookie"), "{}", right.head);
    visitor.go_in(OTHER, OTHER_PIN);
    for (name, pin) in [("", ""), ("Nobody", PIN), (OTHER, PIN)] {
        assert_eq!(Visitor::new(place.page()).try_in(name, pin).status, 401, "{name}");
    }
}

#[test]
fn who_is_removed_or_leaves_is_out_at_once() {
    let place = Place::new();
    let (mut one, mut other) = (Visitor::new(place.page()), Visitor::new(place.page()));
    one.go_in(NAME, PIN);
    other.go_in(OTHER, OTHER_PIN);
    let mut events = one.events();
    assert_eq!(events.next().unwrap().0, "status");
    let state = State::open(place.folder.path()).unwrap();
    state.remove_operator(&OperatorName::parse(NAME).unwrap()).unwrap();
    assert_eq!(events.last().unwrap().0, "ended");
    assert_eq!(one.post("/orders", &json!({ "order": "close" })).status, 401);
    let mut events = other.events();
    assert_eq!(events.next().unwrap().0, "status");
    assert_eq!(other.post("/logout", &json!({})).status, 204);
    assert_eq!(events.last().unwrap().0, "ended");
    assert_eq!(other.get("/session").status, 401);
    assert_eq!(place.orders(), []);
}

#[test]
fn claims_come_with_the_visit_and_leave_with_it() {
    let place = Place::new();
    let mut visitor = Visitor::new(place.page());
    visitor.go_in(NAME, PIN);
    place.wait_for_officer(7);
    let waits = |status: &Value| !status["waiting"].as_array().unwrap().is_empty();
    let mut events = visitor.events();
    let (_, status) = events.find(|(_, status)| waits(status)).unwrap();
    assert_eq!(status["waiting"][0]["claims"]["name"], "SAMPLE, CANARY 01");
    assert_eq!(status["waiting"][0]["reason"], "face.officer");
    assert_eq!(status["state"], json!({ "name": "manual-check", "reason": "face.officer" }));
    assert_eq!(
        (status["stored_faces"].as_u64(), status["trust"]["state"].as_str()),
        (Some(0), Some("unknown"))
    );
    let order = json!({ "order": "decide", "row": 7, "admit": false, "reason": "not-the-holder" });
    assert_eq!(visitor.post("/orders", &order).status, 202);
    let (_, status) = events.find(|(_, status)| !waits(status)).unwrap();
    assert!(!status.to_string().contains("CANARY"), "{status}");
    let decision = &status["decisions"][0];
    assert_eq!((decision["row"].as_u64(), decision["officer"].as_bool()), (Some(7), Some(false)));
    let mut later = visitor.events();
    assert!(!later.next().unwrap().1.to_string().contains("CANARY"));
    assert!(!place.metrics.text().contains("CANARY"));
}

#[test]
fn bad_requests_and_silent_neighbors_stop_nothing() {
    let place = Place::new();
    let mut visitor = Visitor::new(place.page());
    let silent: Vec<_> = (0..60).map(|_| TcpStream::connect(place.page()).unwrap()).collect();
    for bytes in [
        &b"\x16\x03\x01"[..],
        b"GET",
        b"\0\0\0\0\r\n\r\n",
        b"POST /orders HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
    ] {
        TcpStream::connect(place.page()).unwrap().write_all(bytes).unwrap();
    }
    visitor.go_in(NAME, PIN);
    let long = json!({ "order": "close", "x": "y".repeat(10_000) });
    assert_eq!(visitor.post("/orders", &long).status, 413);
    for (line, status) in [("DELETE /orders", 405), ("GET /orders", 405), ("GET /../../etc/passwd", 404)] {
        assert_eq!(ask(visitor.address, line, &visitor.headers(), "").status, status, "{line}");
    }
    assert_eq!(visitor.get("/session").status, 200);
    assert!(place.handle.is_alive());
    drop(silent);
}

#[test]
fn metrics_need_no_login_and_are_all_there_is() {
    let place = Place::new();
    place.metrics.decided(Reason::Accepted, Duration::from_millis(700));
    let address = place.handle.metrics.unwrap();
    let host = address.to_string();
    let said = ask(address, "GET /metrics", &[("Host", &host)], "");
    assert!(said.status == 200 && said.head.contains("application/openmetrics-text"), "{}", said.head);
    assert_eq!(metrics::sample(&said.body, "gatepass_visit_seconds_count"), Some(1.0));
    assert!(!said.body.contains(NAME));
    for path in ["/", "/session", "/events", "/page.js"] {
        assert_eq!(ask(address, &format!("GET {path}"), &[("Host", &host)], "").status, 404, "{path}");
    }
    assert_eq!(ask(address, "GET /metrics", &[("Host", "evil.example")], "").status, 403);
    crate::commands::metrics::run(address, true).unwrap();
    assert!(crate::commands::metrics::run(place.page(), true).is_err(), "the page is no lane's metrics");
    assert_eq!(Visitor::new(place.page()).get("/metrics").status, 404);
}

#[test]
fn only_loopback_addresses_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let board = Board::default();
    let metrics = Metrics::new(&board);
    let serve = |page: Option<&str>, metered: Option<&str>| {
        let address = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        let settings =
            settings::Operator { listen: address(page), hosts: Vec::new(), metrics: address(metered) };
        serve(&settings, folder.path(), &board, &metrics)
    };
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8470"] {
        for (page, metered) in [(Some(address), None), (None, Some(address))] {
            let error = format!("{:#}", serve(page, metered).unwrap_err());
            assert!(error.contains("loopback") && error.contains(address), "{error}");
        }
    }
    let nothing = serve(None, None).unwrap();
    assert!(nothing.is_alive() && nothing.page.is_none() && nothing.metrics.is_none());
    let handle = serve(Some("127.0.0.1:0"), None).unwrap();
    let address = handle.page.unwrap();
    let taken = format!("{:#}", serve(Some(&address.to_string()), None).unwrap_err());
    assert!(taken.contains("in use") && taken.contains(&address.to_string()), "{taken}");
    assert!(handle.is_alive());
    drop(handle);
    assert!(TcpStream::connect(address).is_err(), "nobody listens once the handle is gone");
}
