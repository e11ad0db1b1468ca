//! Events on their way to a real receiver: one that fails, hangs up, goes away and comes back.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use shared::pairwise::{PairwiseSecret, RelyingParty};

use super::*;
use crate::accounts::Outcome;
use crate::accounts::directory::AccountId;

const KIOSK: &str = "0123456789abcdef";
const KEY: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What a request is answered with, one after the other and from the front again.
#[derive(Clone, Copy)]
enum Manner {
    Takes,
    Fails,
    Redirects,
    HangsUpBeforeAnswering,
    /// It has the events, and the kiosk does not know.
    TakesAndHangsUp,
    /// It takes everything but visits that were refused.
    IsParticular,
    /// It wants nothing.
    RefusesAll,
}

/// Somebody's own system: it checks signatures and keeps what it took, by kiosk and number.
struct Receiver {
    address: std::net::SocketAddr,
    taken: Arc<Mutex<Vec<(i64, String)>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    fn start(address: &str, taken: Arc<Mutex<Vec<(i64, String)>>>, manners: &'static [Manner]) -> Self {
        let listener = (0..100)
            .find_map(|_| {
                thread::sleep(Duration::from_millis(20));
                TcpListener::bind(address).ok()
            })
            .unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, kept) = (stop.clone(), taken.clone());
        let thread = thread::spawn(move || {
            let mut turns = manners.iter().cycle();
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                receive(stream.unwrap(), *turns.next().unwrap(), &kept);
            }
        });
        Self { address, taken, stop, thread: Some(thread) }
    }

    fn count(&self) -> usize {
        self.taken.lock().unwrap().len()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// One connection, one request: what a receiver has to do, in the order of `docs/kiosk/events.md`.
fn receive(stream: TcpStream, manner: Manner, taken: &Mutex<Vec<(i64, String)>>) {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut reader = BufReader::new(&stream);
    let mut headers = BTreeMap::new();
    let mut request = String::new();
    if reader.read_line(&mut request).unwrap_or(0) == 0 {
        return;
    }
    assert!(request.starts_with("POST /hook HTTP/1.1"), "{request}");
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8(body).unwrap();
    let (id, timestamp) = (&headers["webhook-id"], &headers["webhook-timestamp"]);
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(KEY).unwrap()).unwrap();
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    let signature = headers["webhook-signature"].strip_prefix("v1,").unwrap();
    mac.verify_slice(&STANDARD.decode(signature).unwrap()).unwrap();
    assert!(timestamp.parse::<u64>().unwrap() > 1_700_000_000);
    let message: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((&message["v"], &message["kiosk"]), (&1.into(), &KIOSK.into()));
    let unwanted = match manner {
        Manner::IsParticular => body.contains("visit.refused"),
        manner => matches!(manner, Manner::RefusesAll),
    };
    if matches!(manner, Manner::Takes | Manner::TakesAndHangsUp | Manner::IsParticular) && !unwanted {
        for event in message["events"].as_array().unwrap() {
            assert_eq!(event["kiosk"], KIOSK);
            taken.lock().unwrap().push((event["seq"].as_i64().unwrap(), event.to_string()));
        }
    }
    let answer: &[u8] = match manner {
        _ if unwanted => b"HTTP/1.1 422 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        Manner::Takes | Manner::IsParticular | Manner::RefusesAll => b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
        Manner::Fails => b"HTTP/1.1 500 Sorry\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        Manner::Redirects => {
            b"HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        }
        Manner::HangsUpBeforeAnswering | Manner::TakesAndHangsUp => return,
    };
    let _ = (&stream).write_all(answer);
}

fn settings(folder: &Path, url: Option<String>) -> Settings {
    let key = folder.join("key");
    fs::write(&key, format!("whsec_{KEY}\n")).unwrap();
    Settings {
        file: None,
        file_megabytes: megabytes(),
        files_kept: files(),
        webhook: url,
        webhook_key_file: Some(key),
        webhook_ca_file: None,
        claims: vec![],
    }
}

fn end(events: &mut Events, reason: Reason) -> i64 {
    let at = Timestamp::from_unix(1_800_000_000).unwrap();
    let purpose = Purpose::parse("hotel").unwrap();
    let Value::Object(claims) = serde_json::json!({ "name": "CANARY", "id": "XA-1" }) else { unreachable!() };
    events.tell(at, News::Ended { visit: 41, purpose: &purpose, reason, claims }).unwrap()
}

fn start(settings: &Settings, folder: &Path) -> Events {
    Events::start(Some(settings), folder, KIOSK).unwrap().unwrap()
}

/// Waits for what has to come; it fails after two minutes, which is no measurement.
fn wait_until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..2400 {
        if done() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} did not happen");
}

/// Every event once or more, in order, and what comes again is the same.
fn assert_in_order(taken: &[(i64, String)], last: i64) {
    let mut first_sights: Vec<i64> = vec![];
    let mut bodies = BTreeMap::new();
    for (seq, body) in taken {
        match bodies.insert(*seq, body) {
            None => first_sights.push(*seq),
            Some(before) => assert_eq!(before, body, "the same key, the same event"),
        }
    }
    assert_eq!(first_sights, (1..=last).collect::<Vec<_>>());
}

#[test]
fn a_receiver_that_fails_hangs_up_and_goes_away_gets_every_event_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let taken = Arc::new(Mutex::new(vec![]));
    let manners = &[
        Manner::Takes,
        Manner::Fails,
        Manner::TakesAndHangsUp,
        Manner::Takes,
        Manner::HangsUpBeforeAnswering,
        Manner::Redirects,
    ];
    let receiver = Receiver::start("127.0.0.1:0", taken.clone(), manners);
    let address = receiver.address.to_string();
    let settings = settings(folder.path(), Some(format!("http://{address}/hook")));
    let mut events = start(&settings, folder.path());
    for number in 1..=6 {
        assert_eq!(end(&mut events, Reason::Accepted), number);
        wait_until("an event's delivery", || events.waiting().unwrap() == 0);
    }
    assert!(receiver.count() > 6, "one came twice");
    drop(receiver);
    // It is away, the kiosk goes on, and is then switched off.
    for _ in 0..150 {
        end(&mut events, Reason::Accepted);
    }
    drop(events);
    let receiver = Receiver::start(&address, taken.clone(), &[Manner::Fails, Manner::Takes]);
    let mut events = start(&settings, folder.path());
    assert_eq!(end(&mut events, Reason::FaceNonMatch), 157);
    wait_until("delivery after the restart", || events.waiting().unwrap() == 0);
    assert_in_order(&receiver.taken.lock().unwrap(), 157);
}

#[test]
fn what_a_receiver_never_takes_holds_up_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let taken = Arc::new(Mutex::new(vec![]));
    let receiver = Receiver::start("127.0.0.1:0", taken.clone(), &[Manner::RefusesAll]);
    let address = receiver.address.to_string();
    let settings = settings(folder.path(), Some(format!("http://{address}/hook")));
    let mut events = start(&settings, folder.path());
    for number in 1..=60 {
        // Three are not wanted: one alone, and two after one another.
        let refused = [17, 40, 41].contains(&number);
        end(&mut events, if refused { Reason::FaceNonMatch } else { Reason::Accepted });
    }
    drop(events);
    let events = start(&settings, folder.path());
    assert_eq!(events.waiting().unwrap(), 60, "one that takes nothing has something else the matter with it");
    drop((events, receiver));
    let receiver = Receiver::start(&address, taken.clone(), &[Manner::IsParticular]);
    let events = start(&settings, folder.path());
    wait_until("delivery", || events.waiting().unwrap() == 0);
    let seqs: Vec<i64> = receiver.taken.lock().unwrap().iter().map(|(seq, _)| *seq).collect();
    assert_eq!(seqs, (1..=60).filter(|seq| ![17, 40, 41].contains(seq)).collect::<Vec<_>>());
}

#[test]
fn an_event_says_what_the_settings_let_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.ndjson");
    let mut settings = Settings { file: Some(file.clone()), ..settings(folder.path(), None) };
    let party = RelyingParty::new("grand.example", "lisboa").unwrap();
    let ids = PairwiseSecret::from_slice(&[1; 32]).unwrap().identifiers(&party);
    let binding = Binding {
        outcome: Outcome::Matched,
        assurance: "face",
        account: Some(AccountId::parse("member-7").unwrap()),
        candidates: vec![],
        question: None,
        openid: ids.openid,
        unionid: ids.unionid,
    };
    let (at, purpose) = (Timestamp::from_unix(1_800_000_000).unwrap(), Purpose::parse("hotel").unwrap());
    for claims in [vec![], vec![Attribute::Name]] {
        settings.claims = claims;
        let mut events = start(&settings, folder.path());
        for reason in [Reason::Accepted, Reason::FaceNonMatch, Reason::FaceOfficer] {
            end(&mut events, reason);
        }
        events.tell(at, News::Account { visit: 41, purpose: &purpose, binding: Some(&binding) }).unwrap();
        wait_until("writing", || events.waiting().unwrap() == 0);
    }
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = serde_json::json!({
        "v": 1, "kiosk": KIOSK, "seq": 1, "at": "2027-01-15T08:00:00Z", "type": "visit.accepted", "visit": 41,
        "purpose": "hotel", "reason": "accepted", "claims": {},
    });
    assert_eq!(lines[0], expected);
    let expected = serde_json::json!({
        "v": 1, "kiosk": KIOSK, "seq": 4, "at": "2027-01-15T08:00:00Z", "type": "account.bound", "visit": 41,
        "purpose": "hotel",
        "binding": {
            "outcome": "matched", "assurance": "face", "account": "member-7", "candidates": [], "question": null,
            "openid": ids.openid.to_string(), "unionid": ids.unionid.to_string(),
        },
    });
    assert_eq!(lines[3], expected);
    let kinds: Vec<&str> = lines.iter().map(|line| line["type"].as_str().unwrap()).collect();
    assert_eq!(kinds[..3], ["visit.accepted", "visit.refused", "visit.unanswered"]);
    assert_eq!(text.matches("CANARY").count(), 1, "asked for, and of the accepted visit alone: {text}");
    assert_eq!(lines[4]["claims"], serde_json::json!({ "name": "CANARY" }));
    assert!(!text.contains("XA-1"));
    // What was delivered is not kept.
    wait_until("forgetting", || !left(folder.path()));
}

/// Whether a claim is still in the outbox.
fn left(folder: &Path) -> bool {
    ["events.sqlite", "events.sqlite-wal"].iter().any(|name| {
        let bytes = fs::read(folder.join(name)).unwrap_or_default();
        bytes.windows(6).any(|window| window == b"CANARY")
    })
}

#[test]
fn settings_that_tell_nobody_keep_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = Settings { webhook_key_file: None, ..settings(folder.path(), None) };
    assert!(Events::start(Some(&nobody), folder.path(), KIOSK).unwrap().is_none());
    assert!(Events::start(None, folder.path(), KIOSK).unwrap().is_none());
    assert!(!folder.path().join("events.sqlite").exists());
    let unsigned = Settings { webhook: Some("https://pms.example/".into()), ..nobody.clone() };
    assert!(Events::start(Some(&unsigned), folder.path(), KIOSK).is_err());
    // Nor what had waited for somebody who is not told any more.
    let claims = vec![Attribute::Name];
    let nowhere = Settings { file: Some("/nowhere/events".into()), claims, ..nobody };
    for told in [None, Some(&Settings { file: None, ..nowhere.clone() })] {
        end(&mut start(&nowhere, folder.path()), Reason::Accepted);
        assert!(left(folder.path()));
        assert!(Events::start(told, folder.path(), KIOSK).unwrap().is_none());
        assert!(!left(folder.path()));
    }
    assert_eq!(end(&mut start(&nowhere, folder.path()), Reason::Accepted), 3, "no number comes twice");
}
