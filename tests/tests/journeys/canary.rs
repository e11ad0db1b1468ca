//! A canary: somebody whose data would be noticed anywhere, at the desk of a hotel with everything around it switched on:
//! encrypted codes, accounts with document numbers, a site, events, metrics, and an officer before the page.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use memchr::memmem;
use serde_json::Value;
use shared::credential::UnverifiedCredential;
use tests::journey::{Journey, START, photo, residents};
use tests::redis::Redis;

use crate::LATER;

const NAME: &str = "ZYXWUNA, QANARIJO";
const NUMBER: &str = "XQ-7431905-88";
const BORN: &str = "1967-03-29";

/// Everything that a lane sends to the address, answered as if it were taken.
fn receiver() -> (u16, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(vec![]));
    let all = heard.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = stream.read(&mut buffer) {
                all.lock().unwrap().extend(&buffer[..length]);
                if length < buffer.len() {
                    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n");
                }
            }
        }
    });
    (port, heard)
}

/// A socket before a Redis, and everything that a lane says and hears there.
fn overheard(redis: &Redis, socket: &Path) -> Arc<Mutex<Vec<u8>>> {
    let listener = UnixListener::bind(socket).unwrap();
    let all = Arc::new(Mutex::new(vec![]));
    let (heard, server) = (all.clone(), redis.socket());
    thread::spawn(move || {
        for lane in listener.incoming() {
            let lane = lane.unwrap();
            let redis = UnixStream::connect(&server).unwrap();
            for (mut from, mut to) in [(lane.try_clone().unwrap(), redis.try_clone().unwrap()), (redis, lane)]
            {
                let heard = heard.clone();
                thread::spawn(move || {
                    let mut buffer = [0; 4096];
                    while let Ok(length @ 1..) = from.read(&mut buffer) {
                        heard.lock().unwrap().extend(&buffer[..length]);
                        if to.write_all(&buffer[..length]).is_err() {
                            break;
                        }
                    }
                });
            }
        }
    });
    all
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn asked(port: u16, path: &str) -> Option<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = vec![];
    // A page that streams for ever is read for as long as it says something, and a lane that ends cuts answers short.
    let _ = stream.read_to_end(&mut answer);
    Some(answer)
}

/// What an officer sees who logs in and watches, from now on.
fn watched(port: u16, name: &str, pin: &str) -> Arc<Mutex<Vec<u8>>> {
    let seen = Arc::new(Mutex::new(vec![]));
    let (all, login) = (seen.clone(), format!(r#"{{"name": "{name}", "pin": "{pin}"}}"#));
    thread::spawn(move || {
        let host = format!("127.0.0.1:{port}");
        let cookie = loop {
            let post = format!(
                "POST /login HTTP/1.0\r\nHost: {host}\r\nOrigin: http://{host}\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{login}",
                login.len()
            );
            let mut answer = String::new();
            let stream = TcpStream::connect(("127.0.0.1", port));
            let read = stream.and_then(|mut stream| {
                stream.write_all(post.as_bytes())?;
                stream.read_to_string(&mut answer)
            });
            let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: "));
            match (read, cookie) {
                (Ok(_), Some(cookie)) => break cookie.split(';').next().unwrap().to_owned(),
                // The lane is still starting.
                _ => thread::sleep(Duration::from_millis(50)),
            }
        };
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        write!(stream, "GET /events HTTP/1.0\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n").unwrap();
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut buffer) {
            all.lock().unwrap().extend(&buffer[..length]);
        }
    });
    seen
}

/// What the metrics of an answer say of faces that are kept; nothing, if the lane ended before it had said it.
fn stored_faces(answer: &[u8]) -> Option<f64> {
    let (lines, _) = std::str::from_utf8(answer).unwrap().rsplit_once('\n')?;
    let value = lines.lines().find_map(|line| line.strip_prefix("gatepass_stored_faces "))?;
    Some(value.parse().unwrap())
}

fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push((path.display().to_string(), fs::read(&path).unwrap_or_default())),
        }
    }
}

/// The ways in which bytes are written down.
fn written(secret: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(secret).into_owned();
    let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let list: Vec<String> = secret.iter().map(u8::to_string).collect();
    // Base64 of a part of something longer begins at any of three places.
    let base64 = (0..3).flat_map(|skip| {
        let whole = &secret[skip..skip + (secret.len() - skip) / 3 * 3];
        [STANDARD.encode(whole).into_bytes(), URL_SAFE.encode(whole).into_bytes()]
    });
    [
        secret.to_vec(),
        text.to_lowercase().into_bytes(),
        wide,
        hex::encode(secret).into_bytes(),
        hex::encode_upper(secret).into_bytes(),
        list.join(",").into_bytes(),
        list.join(", ").into_bytes(),
    ]
    .into_iter()
    .chain(base64)
    .collect()
}

/// Sets up the canary's agency and phone, and the hotel's kiosk in `lane`. Returns what codes are encrypted to.
fn hotel(journey: &Journey) -> String {
    for folder in ["lane", "lane/home", "lane/tmp"] {
        fs::create_dir(journey.path(folder)).unwrap();
    }
    // Whoever checks in there shows what a border sees, so that every claim is looked for.
    let policy = |purpose: &str| journey.path(&format!("A/policy/{purpose}.json"));
    let read =
        |purpose: &str| -> Value { serde_json::from_slice(&fs::read(policy(purpose)).unwrap()).unwrap() };
    let (border, mut hotel) = (read("border"), read("hotel"));
    for what in ["carry", "show"] {
        hotel[what] = border[what].clone();
    }
    fs::write(policy("hotel"), hotel.to_string()).unwrap();

    let claims = format!(
        r#"{{"id": "{NUMBER}", "name": "{NAME}", "dateOfBirth": "{BORN}", "sex": 2, "nationality": "XA", "country": "XA"}}"#
    );
    fs::write(journey.path("canary.json"), claims).unwrap();
    let portrait = photo(1, "id-photo");
    let enroll = ["enroll", "--dir", "A", "--at", START, "--claims", "canary.json", "--photo"];
    let enrolled = journey.issuer(&[&enroll[..], &[portrait.to_str().unwrap()]].concat()).expect(0);
    journey.issuer(&["holder", "keygen", "--out", "canary.key"]).expect(0);
    journey.issue(enrolled.json["subject"].as_str().unwrap(), "canary", "hotel", &[]);

    let key =
        journey.kiosk(&["key", "--state", "lane/state"]).expect(0).json["key"].as_str().unwrap().to_owned();
    let sector = ["sector", "add-kiosk", "--dir", "A", "--name", "desk", "--key", &key, "--purpose", "hotel"];
    journey.issuer(&sector).expect(0);
    journey.issuer(&["sector", "rotate", "--dir", "A", "--purpose", "hotel", "--at", START]).expect(0);
    let add = ["kiosk", "add", "--dir", "A", "--key", &key, "--organization", "grand.example", "--service"];
    journey.issuer(&[&add[..], &["lisboa"]].concat()).expect(0);
    journey.publish(START);
    journey
        .kiosk(&["trust", "import", "REPO", "--root", "A/root.json", "--state", "lane/state", "--at", LATER])
        .expect(0);
    let sectors = journey.issuer(&["sector", "list", "--dir", "A"]).expect(0).json;
    sectors["purposes"]["hotel"]["epochs"][0]["public"].as_str().unwrap().to_owned()
}

#[test]
fn nothing_of_a_visitor_is_kept_or_sent_anywhere() {
    let journey = Journey::new();
    let sector = hotel(&journey);

    // One visit of the canary, and one of somebody who stole the phone; then nobody comes for as long as it takes.
    let camera = journey.path("camera");
    fs::create_dir(&camera).unwrap();
    let code = |at: &str| journey.code("canary", "hotel", at, &["--encrypt-to", &sector]);
    fs::copy(code(LATER), camera.join("1-code-1000ms.png")).unwrap();
    fs::copy(photo(1, "camera-a"), camera.join("2-face.jpg")).unwrap();
    fs::copy(residents().join("scene-empty-1.jpg"), camera.join("3-nobody-9000ms.jpg")).unwrap();
    fs::copy(code("2026-11-20T10:00:05Z"), camera.join("4-code-10000ms.png")).unwrap();
    for frame in 5..9 {
        fs::copy(photo(2, "camera-a"), camera.join(format!("{frame}-face.jpg"))).unwrap();
    }
    for frame in 0..5000 {
        fs::hard_link(camera.join("3-nobody-9000ms.jpg"), camera.join(format!("9-{frame:04}.jpg"))).unwrap();
    }

    let lane = journey.path("lane");
    let (webhook, heard) = receiver();
    let (page, metrics) = (free_port(), free_port());
    let redis = Redis::start(&[]);
    if redis.is_none() {
        let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: what a canary's lane says to its site ***\n");
    }
    let site = redis.as_ref().map(|redis| overheard(redis, &journey.path("site.sock")));
    let site_settings = match site {
        Some(_) => format!("[site]\nurl = \"redis+unix://{}\"\n", journey.path("site.sock").display()),
        None => String::new(),
    };
    fs::write(lane.join("hook.key"), "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\n").unwrap();
    let settings = format!(
        r#"
        purpose = "hotel"
        lane = "Desk 1"
        state = "state"
        [camera]
        code = "replay:../camera"
        [operator]
        listen = "127.0.0.1:{page}"
        metrics = "127.0.0.1:{metrics}"
        [accounts]
        store = "accounts.sqlite"
        document_key_file = "doc.key"
        [events]
        file = "events.ndjson"
        webhook = "http://127.0.0.1:{webhook}/"
        webhook_key_file = "hook.key"
        {site_settings}
        "#
    );
    fs::write(lane.join("kiosk.toml"), settings).unwrap();
    let kiosk = |arguments: &[&str]| {
        let mut command = journey.command("kiosk");
        command
            .current_dir(&lane)
            .env("HOME", lane.join("home"))
            .env("TMPDIR", lane.join("tmp"))
            .env("XDG_DATA_HOME", lane.join("home/data"))
            .args(arguments);
        command
    };
    assert!(
        kiosk(&["accounts", "init", "--config", "kiosk.toml", "--at", LATER]).status().unwrap().success()
    );
    let mut add =
        kiosk(&["operator", "add", "--state", "state", "Officer One"]).stdin(Stdio::piped()).spawn().unwrap();
    add.stdin.take().unwrap().write_all(b"285093\n").unwrap();
    assert!(add.wait().unwrap().success());
    let mut running = kiosk(&["run", "--config", "kiosk.toml", "--at", LATER])
        .stdout(Stdio::from(fs::File::create(lane.join("standard-output")).unwrap()))
        .stderr(Stdio::from(fs::File::create(lane.join("standard-error")).unwrap()))
        .spawn()
        .unwrap();
    let officer = watched(page, "Officer One", "285093");
    let shown = || memmem::find(&officer.lock().unwrap(), NAME.as_bytes()).is_some();
    let (mut answers, mut told) = (vec![], false);
    let status = loop {
        for (port, path) in [(metrics, "/metrics"), (page, "/"), (page, "/events"), (page, "/session")] {
            // What a lane says that is about to end is cut short.
            let answer = if told { None } else { asked(port, path) };
            answers.extend(answer.map(|bytes| (format!("answer to {path}"), bytes)));
        }
        // A lane goes on until everybody was told, and until it says that no face is left. A second signal would end it at once.
        let faces = answers.iter().rev().find(|(place, _)| place == "answer to /metrics");
        let forgotten = faces.and_then(|(_, answer)| stored_faces(answer)) == Some(0.0);
        if !told && forgotten && shown() && memmem::find(&heard.lock().unwrap(), b"visit.accepted").is_some()
        {
            told = true;
            Command::new("kill").args(["-TERM", &running.id().to_string()]).status().unwrap();
        }
        if let Some(status) = running.try_wait().unwrap() {
            break status;
        }
    };
    assert!(status.success(), "{}", fs::read_to_string(lane.join("standard-error")).unwrap());

    let output = fs::read_to_string(lane.join("standard-output")).unwrap();
    assert!(output.contains("\"accepted\"") && output.contains("\"face.non_match\""), "{output}");
    let scope = if site.is_some() { "site" } else { "local" };
    assert!(output.contains(&format!("\"replay_scope\":\"{scope}\"")), "{output}");
    let bytes = fs::read(journey.path("canary-hotel.cbor")).unwrap();
    let claims = fs::read(journey.path("canary.json")).unwrap();
    let credential = UnverifiedCredential::decode(&bytes).unwrap();
    let frame = image::open(photo(1, "camera-a")).unwrap();
    let middle = frame.as_bytes().len() / 2;
    // What the policy shows of a visitor, and what is shown to nobody; each with a place where it is found.
    let compact = BORN.replace('-', "");
    let to_show = [&b"ZYXWUNA"[..], b"QANARIJO", NUMBER.as_bytes(), BORN.as_bytes(), compact.as_bytes()];
    let sources = [&bytes, &bytes, &bytes, &claims, &bytes];
    let mut to_nobody = vec![
        (credential.claims().face.as_ref().unwrap().as_bytes()[40..64].to_vec(), &bytes[..]),
        (bytes[120..150].to_vec(), &bytes),
        (bytes[bytes.len() - 64..].to_vec(), &bytes),
        (frame.as_bytes()[middle..middle + 24].to_vec(), frame.as_bytes()),
    ];
    // The secret that accounts are derived from is among what the phone discloses to the hotel.
    assert!(!credential.disclosures().is_empty());
    for disclosure in credential.disclosures() {
        to_nobody.push((disclosure.as_bytes().unwrap()[4..28].to_vec(), &bytes));
    }
    let to_show: Vec<_> = to_show.map(<[u8]>::to_vec).into_iter().zip(sources.map(Vec::as_slice)).collect();
    for (secret, source) in to_show.iter().chain(&to_nobody) {
        assert!(memmem::find(source, secret).is_some(), "{}", String::from_utf8_lossy(secret));
    }

    let mut places = answers;
    files(&lane, &mut places);
    places.push(("the webhook".to_owned(), heard.lock().unwrap().clone()));
    if let Some(heard) = site {
        let heard = heard.lock().unwrap().clone();
        assert!(!heard.is_empty(), "the lane asked its site");
        places.push(("the site's memory".to_owned(), heard));
    }
    let at_work = [
        "events.ndjson",
        "kiosk.sqlite",
        "accounts.sqlite",
        "the webhook",
        "answer to /metrics",
        "answer to /",
    ];
    for expected in at_work {
        assert!(
            places.iter().any(|(place, bytes)| place.ends_with(expected) && !bytes.is_empty()),
            "{expected}"
        );
    }
    let (_, events) = places.iter().find(|(place, _)| place.ends_with("events.ndjson")).unwrap();
    assert!(memmem::find(events, b"created").is_some(), "{}", String::from_utf8_lossy(events));
    for (place, bytes) in &places {
        for (secret, _) in to_show.iter().chain(&to_nobody) {
            silent(place, bytes, secret);
        }
    }
    // The officer saw who stood there, which is the one place; and no more than that.
    let officer = officer.lock().unwrap().clone();
    for (secret, _) in &to_nobody {
        silent("the officer's page", &officer, secret);
    }
    for shown in [NAME, NUMBER] {
        assert!(memmem::find(&officer, shown.as_bytes()).is_some(), "the search finds what is there");
    }
    let metrics = places.iter().filter(|(place, _)| place == "answer to /metrics");
    let counts: Vec<_> = metrics.filter_map(|(_, answer)| stored_faces(answer)).collect();
    assert!(!counts.is_empty() && counts.iter().all(|count| *count == 0.0), "{counts:?}");
}

fn silent(place: &str, bytes: &[u8], secret: &[u8]) {
    for form in written(secret) {
        let found = memmem::find(bytes, &form);
        assert!(found.is_none(), "{place} says {}", String::from_utf8_lossy(&form));
    }
}
