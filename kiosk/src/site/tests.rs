//! Lanes and a real Redis. What is fast is not measured here: a server that never answers shows that lanes do not wait.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Barrier;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;

use ::tests::redis::Redis;
use rustix::process::{Pid, Signal, kill_process};
use shared::trust::ReplayRule::{Lane as LaneRule, Site as SiteRule};
use tempfile::TempDir;

use super::*;

/// How long something may take to come back.
const PATIENCE: Duration = Duration::from_secs(60);

/// What lanes wait for an answer here, where there will be one: machines that run tests are busy.
const GENEROUS: Duration = PATIENCE;

/// A lane: its own memory, and the site behind it.
struct Lane {
    _folder: TempDir,
    state: State,
    site: Site,
}

impl Lane {
    fn new(name: &str, url: &str) -> Self {
        Self::with(&named(name, url), GENEROUS)
    }

    fn with(settings: &SiteSettings, budget: Duration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let lane = Self { _folder: folder, state, site: Site::with_budget(settings, budget).unwrap() };
        // The start of a lane waits a second at most; here it is to be up where it can be.
        let began = Instant::now();
        while lane.site.problem().is_some_and(|problem| problem == "no answer yet") {
            assert!(began.elapsed() < PATIENCE);
            thread::sleep(Duration::from_millis(5));
        }
        lane
    }

    /// What the site says: asked again where a busy machine was too slow for a lane's patience.
    fn hears(&mut self, proof: ProofId) -> Sight {
        loop {
            match self.sees(proof, SiteRule) {
                (sight, ReplayScope::Site) => return sight,
                UNKNOWN => self.waits_for(ReplayScope::Site),
                other => panic!("{other:?}"),
            }
        }
    }

    fn sees(&mut self, proof: ProofId, rule: ReplayRule) -> (Sight, ReplayScope) {
        let mut memory = SiteMemory::new(&mut self.state, Some(&self.site));
        let sight = memory.first_sight(proof, now().plus(30), now(), rule);
        (sight, memory.scope().unwrap())
    }

    fn forgets(&mut self, proof: ProofId) {
        SiteMemory::new(&mut self.state, Some(&self.site)).forget(proof).unwrap();
    }

    fn waits_for(&self, scope: ReplayScope) {
        let began = Instant::now();
        while self.site.scope() != scope {
            assert!(began.elapsed() < PATIENCE, "never {scope:?}: {:?}", self.site.problem());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn now() -> Timestamp {
    Timestamp::parse("2026-11-20T09:00:00Z").unwrap()
}

fn named(lane: &str, url: &str) -> SiteSettings {
    SiteSettings { lane: lane.to_owned(), ..SiteSettings::at(url.to_owned()) }
}

fn proof(number: u64) -> ProofId {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    ProofId(bytes)
}

/// Asks the server something, as its user with all rights.
fn ask(redis: &Redis, words: &[&str]) -> redis::Value {
    let mut connection = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    let mut command = redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(word);
    }
    command.query(&mut connection).unwrap()
}

fn holds(redis: &Redis, proof: ProofId) -> Option<String> {
    let value = ask(redis, &["GET", &format!("gatepass:{}", hex::encode(proof.0))]);
    redis::from_redis_value(value).unwrap()
}

fn signal(redis: &Redis, signal: Signal) {
    let process = Pid::from_raw(redis.process().cast_signed()).unwrap();
    kill_process(process, signal).unwrap();
}

const FIRST: (Sight, ReplayScope) = (Sight::First, ReplayScope::Site);
const AGAIN: (Sight, ReplayScope) = (Sight::Again, ReplayScope::Site);
const ALONE: (Sight, ReplayScope) = (Sight::First, ReplayScope::Local);
const UNKNOWN: (Sight, ReplayScope) = (Sight::Unknown, ReplayScope::Local);

#[test]
fn of_two_lanes_with_the_same_code_exactly_one_is_first() {
    let Some(redis) = Redis::start(&[]) else { return };
    let (one, two) = (Lane::new("one", &redis.url()), Lane::new("two", &redis.url()));
    let ready = Barrier::new(2);
    let race = |mut lane: Lane| {
        let ready = &ready;
        move || {
            (0..1000)
                .map(|round| {
                    ready.wait();
                    lane.hears(proof(round))
                })
                .collect::<Vec<_>>()
        }
    };
    let (ones, twos) = thread::scope(|scope| {
        let (one, two) = (scope.spawn(race(one)), scope.spawn(race(two)));
        (one.join().unwrap(), two.join().unwrap())
    });
    for (round, sights) in ones.iter().zip(&twos).enumerate() {
        assert!(
            matches!(sights, (Sight::First, Sight::Again) | (Sight::Again, Sight::First)),
            "round {round}: {sights:?}"
        );
    }
}

#[test]
fn what_lies_at_the_site_is_a_hash_and_a_lane_and_ends() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mut lane = Lane::new("north-2", &redis.url());
    assert_eq!(lane.sees(proof(7), LaneRule), FIRST);
    let value = holds(&redis, proof(7)).unwrap();
    assert!(value.starts_with("north-2 ") && value.len() == "north-2 ".len() + 16, "{value}");
    let key = format!("gatepass:{}", hex::encode(proof(7).0));
    let left: i64 = redis::from_redis_value(ask(&redis, &["PTTL", &key])).unwrap();
    assert!((1..=(30 + CLOCK_SET_BACK) * 1000).contains(&left), "{left}");
}

#[test]
fn a_proof_that_is_dead_is_forgotten_by_the_server() {
    let Some(redis) = Redis::start(&[]) else { return };
    let (one, mut two) = (Lane::new("one", &redis.url()), Lane::new("two", &redis.url()));
    // As if it had been shown an hour ago.
    let long_ago = now().plus(-CLOCK_SET_BACK);
    assert_eq!(one.site.claim(proof(1), long_ago, now(), SiteRule), Some(true));
    let began = Instant::now();
    while holds(&redis, proof(1)).is_some() {
        assert!(began.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(two.sees(proof(1), SiteRule), FIRST);
}

#[test]
fn two_lanes_of_one_name_are_two() {
    let Some(redis) = Redis::start(&[]) else { return };
    let (mut one, mut two) = (Lane::new("lane", &redis.url()), Lane::new("lane", &redis.url()));
    assert_eq!(one.sees(proof(1), SiteRule), FIRST);
    assert_eq!(two.sees(proof(1), SiteRule), AGAIN);
    assert_eq!(one.sees(proof(1), SiteRule), (Sight::Again, ReplayScope::Local), "its own memory knows");
}

#[test]
fn a_lane_without_a_site_is_the_only_one_of_its_site() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = State::open(folder.path()).unwrap();
    let mut memory = SiteMemory::new(&mut state, None);
    assert_eq!(memory.scope(), None);
    assert_eq!(memory.first_sight(proof(1), now().plus(30), now(), SiteRule), Sight::First);
    assert_eq!(memory.first_sight(proof(1), now().plus(30), now(), SiteRule), Sight::Again);
    assert_eq!(memory.scope(), Some(ReplayScope::Local));
}

#[test]
fn a_server_that_is_gone_leaves_lanes_alone_and_comes_back() {
    let Some(mut redis) = Redis::start(&[]) else { return };
    let (mut one, mut two) = (Lane::new("one", &redis.url()), Lane::new("two", &redis.url()));
    assert_eq!(one.sees(proof(1), LaneRule), FIRST);
    redis.kill();
    assert_eq!(one.sees(proof(2), LaneRule), ALONE);
    assert_eq!(one.site.scope(), ReplayScope::Local);
    assert_eq!(two.sees(proof(2), LaneRule), ALONE, "which is the risk that the policy takes");
    assert_eq!(one.sees(proof(3), SiteRule), UNKNOWN);
    assert_eq!(one.sees(proof(3), SiteRule), UNKNOWN, "it was not remembered as used");
    assert_eq!(
        one.sees(proof(2), SiteRule),
        (Sight::Again, ReplayScope::Local),
        "what the lane knows, it knows"
    );
    redis.restart();
    one.waits_for(ReplayScope::Site);
    two.waits_for(ReplayScope::Site);
    assert_eq!(one.sees(proof(3), SiteRule), FIRST);
    assert_eq!(two.sees(proof(3), SiteRule), AGAIN);
    // The code that both accepted while they were alone was told to the site by both: one of them finds out.
    assert_eq!(one.site.accepted_twice() + two.site.accepted_twice(), 1);
    assert!(holds(&redis, proof(2)).is_some());
}

#[test]
fn what_was_accepted_alone_is_refused_elsewhere_once_the_site_is_back() {
    let Some(mut redis) = Redis::start(&[]) else { return };
    let mut one = Lane::new("one", &redis.url());
    redis.kill();
    assert_eq!(one.sees(proof(1), LaneRule), ALONE);
    assert_eq!(one.sees(proof(2), LaneRule), ALONE);
    one.forgets(proof(2));
    redis.restart();
    one.waits_for(ReplayScope::Site);
    let mut two = Lane::new("two", &redis.url());
    assert_eq!(two.sees(proof(1), LaneRule), AGAIN);
    assert_eq!(two.sees(proof(2), LaneRule), FIRST, "who did not go through there may go through here");
}

/// The server is stopped and stays stopped until every answer came: a lane that waited for it would hang here.
#[test]
fn a_server_that_never_answers_is_not_waited_for() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mut lane = Lane::with(&named("one", &redis.url()), BUDGET);
    assert_eq!(lane.hears(proof(1)), Sight::First);
    signal(&redis, Signal::STOP);
    assert_eq!(BUDGET, Duration::from_millis(50));
    let began = Instant::now();
    assert_eq!(lane.sees(proof(2), LaneRule), ALONE);
    // Twenty times the budget, because machines that run tests are busy; a lane that waits for the server waits for ever.
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(lane.sees(proof(3), SiteRule), UNKNOWN);
    assert_eq!(lane.site.scope(), ReplayScope::Local);
    for number in 10..1000 {
        assert_eq!(lane.sees(proof(number), SiteRule), UNKNOWN);
    }
    // A lane that starts now is not held up either.
    let mut late = Lane::with(&named("late", &redis.url()), BUDGET);
    assert_eq!(late.sees(proof(4), LaneRule), ALONE);
    signal(&redis, Signal::CONT);
    lane.waits_for(ReplayScope::Site);
    late.waits_for(ReplayScope::Site);
    assert_eq!(lane.hears(proof(3)), Sight::First);
    assert_eq!(late.hears(proof(2)), Sight::Again);
    assert_eq!(lane.hears(proof(4)), Sight::Again);
}

/// Passes bytes on between lanes and a server; while `deaf`, it cuts the connection before the server's answer to a write.
fn lossy(redis: &Redis, deaf: &Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let (socket, deaf) = (redis.socket(), deaf.clone());
    thread::spawn(move || {
        for lane in listener.incoming() {
            let (lane, deaf) = (lane.unwrap(), deaf.clone());
            let Ok(server) = UnixStream::connect(&socket) else { continue };
            thread::spawn(move || pass_on(lane, server, &deaf));
        }
    });
    url
}

fn pass_on(mut lane: TcpStream, mut server: UnixStream, deaf: &AtomicBool) {
    let mut bytes = [0; 4096];
    loop {
        let Ok(length @ 1..) = lane.read(&mut bytes) else { return };
        server.write_all(&bytes[..length]).unwrap();
        let Ok(length @ 1..) = server.read(&mut bytes) else { return };
        // The server has done what it was asked; nobody hears of it.
        if deaf.swap(false, SeqCst) || lane.write_all(&bytes[..length]).is_err() {
            return;
        }
    }
}

#[test]
fn a_lost_answer_refuses_nobody() {
    let Some(redis) = Redis::start(&[]) else { return };
    let deaf = Arc::new(AtomicBool::new(false));
    let mut lane = Lane::new("one", &lossy(&redis, &deaf));
    let mut other = Lane::new("two", &redis.url());
    for number in 0..20 {
        deaf.store(true, SeqCst);
        // The lane's own heartbeat may be what is lost; then the next write is as good as any.
        let sight = lane.sees(proof(number), SiteRule);
        assert!(matches!(sight, FIRST | UNKNOWN), "{sight:?}");
        if sight == UNKNOWN {
            lane.waits_for(ReplayScope::Site);
            assert_eq!(lane.sees(proof(number), SiteRule).0, Sight::First);
        }
        assert!(holds(&redis, proof(number)).is_some_and(|owner| owner.starts_with("one ")));
        assert_eq!(other.sees(proof(number), SiteRule).0, Sight::Again);
    }
}

#[test]
fn an_own_mark_that_was_left_behind_refuses_nobody() {
    let Some(redis) = Redis::start(&[]) else { return };
    let mut lane = Lane::new("one", &redis.url());
    // The site was written to and the lane's own memory is as if it had not been.
    assert_eq!(lane.site.claim(proof(1), now().plus(30), now(), SiteRule), Some(true));
    assert_eq!(lane.sees(proof(1), SiteRule), FIRST);
}

#[test]
fn who_did_not_go_through_may_come_back() {
    let Some(redis) = Redis::start(&[]) else { return };
    let (mut one, mut two) = (Lane::new("one", &redis.url()), Lane::new("two", &redis.url()));
    assert_eq!(one.sees(proof(1), SiteRule), FIRST);
    one.forgets(proof(1));
    assert_eq!(one.sees(proof(1), SiteRule), FIRST, "at once");
    one.forgets(proof(1));
    // The next answer comes after the deletion: one connection keeps the order.
    assert_eq!(one.sees(proof(2), SiteRule), FIRST);
    assert_eq!(holds(&redis, proof(1)), None);
    assert_eq!(two.sees(proof(1), SiteRule), FIRST, "or go to another lane");
    // What another lane wrote stays.
    one.forgets(proof(1));
    assert_eq!(one.sees(proof(3), SiteRule), FIRST);
    assert!(holds(&redis, proof(1)).is_some_and(|owner| owner.starts_with("two ")));
    assert_eq!(one.sees(proof(1), SiteRule), AGAIN);
}

#[test]
fn a_password_and_a_user_with_few_rights_are_enough() {
    let rights = "--user lane on >secret ~gatepass:* resetchannels -@all +set +get +del +eval";
    let Some(redis) = Redis::start(&rights.split(' ').collect::<Vec<_>>()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (right, wrong) = (folder.path().join("right"), folder.path().join("wrong"));
    fs::write(&right, "secret\n").unwrap();
    fs::write(&wrong, "guess\n").unwrap();
    let url = format!("{}?user=lane", redis.url());
    let settings =
        |file: &Path| SiteSettings { password_file: Some(file.to_owned()), ..SiteSettings::at(url.clone()) };
    let mut lane = Lane::with(&settings(&right), GENEROUS);
    lane.waits_for(ReplayScope::Site);
    assert_eq!(lane.sees(proof(1), SiteRule), FIRST);
    lane.forgets(proof(1));
    assert_eq!(lane.sees(proof(1), SiteRule), FIRST);
    assert_eq!(lane.site.problem(), None);
    let mut stranger = Lane::with(&settings(&wrong), GENEROUS);
    assert_eq!(stranger.sees(proof(1), SiteRule), UNKNOWN);
    let problem = stranger.site.problem().unwrap();
    assert!(problem.contains("authentication failed") && !problem.contains("guess"), "{problem}");
}

#[test]
fn a_server_that_may_not_be_written_to_is_none() {
    let Some(redis) = Redis::start(&[]) else { return };
    ask(&redis, &["REPLICAOF", "127.0.0.1", "1"]);
    let mut lane = Lane::new("one", &redis.url());
    assert_eq!(lane.sees(proof(1), SiteRule), UNKNOWN);
    let problem = lane.site.problem().unwrap();
    assert!(problem.to_lowercase().contains("read only replica"), "{problem}");
    ask(&redis, &["REPLICAOF", "NO", "ONE"]);
    lane.waits_for(ReplayScope::Site);
}

#[test]
fn what_cannot_be_a_site_is_said() {
    let says = |settings: &SiteSettings| format!("{:#}", Site::open(settings).err().unwrap());
    let url = |url: &str| says(&SiteSettings::at(url.to_owned()));
    for wrong in ["", "redis", "http://site", "redis://", "redis://0.0.0.0"] {
        assert!(url(wrong).contains("redis://[user@]host"), "{wrong}: {}", url(wrong));
    }
    assert!(url("rediss://site").contains("stunnel"));
    let secret = url("redis://:secret@site");
    assert!(secret.contains("password_file") && !secret.contains("secret@"), "{secret}");
    assert!(url("redis://lane@site").contains("no password_file"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let settings =
        SiteSettings { password_file: Some(file.clone()), ..SiteSettings::at("redis://site".into()) };
    assert!(says(&settings).contains("reading the password"));
    fs::write(&file, "\n").unwrap();
    assert!(says(&settings).contains("no password in"));
    let lane =
        |lane: &str| says(&SiteSettings { lane: lane.to_owned(), ..SiteSettings::at("redis://site".into()) });
    for wrong in ["", "a b", "line\nbreak", &"x".repeat(65)] {
        assert!(lane(wrong).contains("site lane"), "{wrong}");
    }
}
