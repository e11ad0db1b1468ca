//! The connection to the site's memory, on a thread of its own: however slowly a server, a network or a name service
//! answers, the lane waits for a channel, and no longer than it said.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use redis::{Client, Connection, RedisError, RedisResult};

use crate::notice;

/// How long a connection may take to come about when nobody waits for it.
const CONNECT: Duration = Duration::from_secs(1);

/// How often a server that nobody asks anything is asked whether it is there.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// How long the thread rests after a failure: the first time, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// How much the site is told after an outage, the newest: more than a lane accepts in an hour.
const MAX_OWED: usize = 4096;

/// How many requests may wait for the thread.
const QUEUE: usize = 64;

/// Deletes a key if it holds what this lane wrote.
const FREE: &str =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";

/// A proof as it lies at the site.
#[derive(Debug, Clone)]
pub struct Mark {
    /// The prefix and the hash.
    pub key: Arc<str>,
    /// When nobody needs to know of it any more.
    pub dies: Instant,
}

/// What the lane holds of the thread.
pub struct Link {
    requests: SyncSender<Request>,
    view: Arc<View>,
    budget: Duration,
}

enum Request {
    /// Somebody waits, until the deadline.
    Claim { mark: Mark, deadline: Instant, answer: SyncSender<bool> },
    /// Nobody does.
    Owed(Owed),
}

enum Owed {
    Tell(Mark),
    Free(Mark),
}

/// What both know of the server.
struct View {
    reach: Mutex<Reach>,
    changed: Condvar,
    accepted_twice: AtomicU64,
}

enum Reach {
    /// Nothing was heard yet.
    Connecting,
    /// It answers.
    Up,
    /// It does not, and why.
    Down(String),
}

impl Link {
    /// Starts the thread. `owner` is what this lane writes, and `probe` a key of its own to write it to.
    pub fn start(client: Client, owner: String, probe: String, budget: Duration) -> Result<Self> {
        let (requests, queue) = sync_channel(QUEUE);
        let view = Arc::new(View {
            reach: Mutex::new(Reach::Connecting),
            changed: Condvar::new(),
            accepted_twice: AtomicU64::new(0),
        });
        let worker = Worker {
            client,
            owner,
            probe: Arc::from(probe),
            budget,
            queue,
            owed: VecDeque::new(),
            view: view.clone(),
        };
        thread::Builder::new()
            .name("site".to_owned())
            .spawn(|| worker.run())
            .context("starting the thread that talks to the site")?;
        Ok(Self { requests, view, budget })
    }

    /// Waits until the first attempt to connect has ended one way or the other.
    pub fn wait_for_the_first_answer(&self, longest: Duration) {
        let connecting = |reach: &mut Reach| matches!(reach, Reach::Connecting);
        drop(self.view.changed.wait_timeout_while(self.view.lock(), longest, connecting));
    }

    /// Returns why the server does not answer, if it does not.
    pub fn problem(&self) -> Option<String> {
        match &*self.view.lock() {
            Reach::Up => None,
            Reach::Connecting => Some("no answer yet".to_owned()),
            Reach::Down(problem) => Some(problem.clone()),
        }
    }

    pub fn accepted_twice(&self) -> u64 {
        self.view.accepted_twice.load(Ordering::Relaxed)
    }

    /// Claims a proof for this lane, waiting no longer than the budget, and not at all where nobody is known to answer.
    pub fn claim(&self, mark: Mark) -> Option<bool> {
        let deadline = Instant::now() + self.budget;
        if self.problem().is_some() {
            return None;
        }
        let (answer, answers) = sync_channel(1);
        self.requests.try_send(Request::Claim { mark, deadline, answer }).ok()?;
        match answers.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(first) => Some(first),
            // The thread has said why.
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                self.view.down(format!("no answer within {} ms", self.budget.as_millis()));
                None
            }
        }
    }

    /// Tells the site of a proof once it can be told.
    pub fn tell(&self, mark: Mark) {
        // A full queue has a thread behind it that hangs; what it would tell will be too old.
        let _ = self.requests.try_send(Request::Owed(Owed::Tell(mark)));
    }

    /// Takes back at the site what this lane wrote of a proof, once it can be taken back.
    pub fn free(&self, mark: Mark) {
        let _ = self.requests.try_send(Request::Owed(Owed::Free(mark)));
    }
}

impl View {
    fn lock(&self) -> MutexGuard<'_, Reach> {
        self.reach.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_up(&self) -> bool {
        matches!(*self.lock(), Reach::Up)
    }

    fn up(&self) {
        let before = std::mem::replace(&mut *self.lock(), Reach::Up);
        self.changed.notify_all();
        if let Reach::Down(_) = before {
            notice("the site's memory of used codes answers again");
        }
    }

    fn down(&self, problem: String) {
        let before = std::mem::replace(&mut *self.lock(), Reach::Down(problem.clone()));
        self.changed.notify_all();
        if !matches!(before, Reach::Down(_)) {
            notice(&format!(
                "the site's memory of used codes does not answer, this lane is alone: {problem}"
            ));
        }
    }
}

/// The thread.
struct Worker {
    client: Client,
    owner: String,
    probe: Arc<str>,
    budget: Duration,
    queue: Receiver<Request>,
    /// What the site has not heard yet, the oldest first.
    owed: VecDeque<Owed>,
    view: Arc<View>,
}

impl Worker {
    /// Works until nobody can ask any more.
    fn run(mut self) {
        let (first, longest) = PAUSES;
        let mut pause = first;
        loop {
            let failed = match self.reach() {
                Ok(mut connection) => {
                    pause = first;
                    match self.serve(&mut connection) {
                        Ok(()) => return,
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            self.view.down(self.problem(&failed));
            if !self.rest(pause) {
                return;
            }
            pause = (pause * 2).min(longest);
        }
    }

    /// Connects, sees that the server does what is wanted of it, and tells it what it is owed.
    fn reach(&mut self) -> RedisResult<Connection> {
        let mut connection = self.connect(CONNECT)?;
        self.probe(&mut connection)?;
        self.take_what_waits();
        self.settle(&mut connection)?;
        self.view.up();
        Ok(connection)
    }

    fn connect(&self, longest: Duration) -> RedisResult<Connection> {
        let connection = self.client.get_connection_with_timeout(longest)?;
        connection.set_read_timeout(Some(self.budget))?;
        connection.set_write_timeout(Some(self.budget))?;
        Ok(connection)
    }

    /// Answers requests until the connection fails, or until nobody can ask any more.
    fn serve(&mut self, connection: &mut Connection) -> RedisResult<()> {
        loop {
            match self.queue.recv_timeout(HEARTBEAT) {
                Ok(Request::Claim { mark, deadline, answer }) => {
                    // Who stopped waiting has said what is to be done instead.
                    if Instant::now() < deadline {
                        let other = self.claim_in_time(connection, &mark, deadline);
                        // Before who waits sees that there is no answer.
                        let other = other.inspect_err(|error| self.view.down(self.problem(error)))?;
                        let _ = answer.send(other.is_none());
                    }
                }
                Ok(Request::Owed(owed)) => {
                    self.owe(owed);
                    self.settle(connection)?;
                }
                Err(RecvTimeoutError::Timeout) => self.probe(connection)?,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            if !self.view.is_up() {
                // A lane lost patience, and the answer came after all.
                self.probe(connection)?;
                self.view.up();
            }
        }
    }

    /// Keeps what arrives for later. Returns `false` once nobody can ask any more.
    fn rest(&mut self, pause: Duration) -> bool {
        let end = Instant::now() + pause;
        loop {
            match self.queue.recv_timeout(end.saturating_duration_since(Instant::now())) {
                // Whose answer this drops was told that there is none.
                Ok(Request::Claim { .. }) => {}
                Ok(Request::Owed(owed)) => self.owe(owed),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Takes what was asked while nobody listened.
    fn take_what_waits(&mut self) {
        while let Ok(request) = self.queue.try_recv() {
            if let Request::Owed(owed) = request {
                self.owe(owed);
            }
        }
    }

    fn owe(&mut self, owed: Owed) {
        if self.owed.len() == MAX_OWED {
            self.owed.pop_front();
        }
        self.owed.push_back(owed);
    }

    /// Tells the server what it is owed, in order; what it did not take is still owed.
    fn settle(&mut self, connection: &mut Connection) -> RedisResult<()> {
        while let Some(owed) = self.owed.front() {
            match owed {
                Owed::Tell(mark) => {
                    if let Some(other) = self.claim(connection, mark)? {
                        self.view.accepted_twice.fetch_add(1, Ordering::Relaxed);
                        notice(&format!(
                            "a code that this lane accepted while it was alone was also accepted by {other}"
                        ));
                    }
                }
                Owed::Free(mark) => {
                    redis::cmd("EVAL")
                        .arg(FREE)
                        .arg(1)
                        .arg(&*mark.key)
                        .arg(&self.owner)
                        .query::<i64>(connection)?;
                }
            }
            self.owed.pop_front();
        }
        Ok(())
    }

    /// Claims a proof; where the connection turns out to be dead, on a new one, if there is time.
    ///
    /// The first attempt may have come through: the server then names this lane, which counts as a first sight.
    fn claim_in_time(
        &self,
        connection: &mut Connection,
        mark: &Mark,
        deadline: Instant,
    ) -> RedisResult<Option<String>> {
        let error = match self.claim(connection, mark) {
            Err(error) if error.is_connection_dropped() => error,
            result => return result,
        };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(error);
        }
        *connection = self.connect(left)?;
        self.claim(connection, mark)
    }

    /// Writes a proof where nobody has. Returns the name of the lane that had.
    fn claim(&self, connection: &mut Connection, mark: &Mark) -> RedisResult<Option<String>> {
        let left = mark.dies.saturating_duration_since(Instant::now()).as_millis();
        if left == 0 {
            return Ok(None);
        }
        let before: Option<Vec<u8>> = redis::cmd("SET")
            .arg(&*mark.key)
            .arg(&self.owner)
            .arg("NX")
            .arg("PX")
            .arg(u64::try_from(left).unwrap_or(u64::MAX))
            .arg("GET")
            .query(connection)?;
        let other = before.filter(|owner| owner != self.owner.as_bytes());
        Ok(other.map(|owner| {
            let owner = String::from_utf8_lossy(&owner);
            owner.split(' ').next().unwrap_or_default().to_owned()
        }))
    }

    fn problem(&self, error: &RedisError) -> String {
        if error.is_timeout() {
            return format!("no answer within {} ms", self.budget.as_millis());
        }
        error.to_string()
    }

    /// Sees that the server writes, and answers in the time that lanes have.
    fn probe(&self, connection: &mut Connection) -> RedisResult<()> {
        let asked = Instant::now();
        let mark = Mark { key: self.probe.clone(), dies: asked + 2 * HEARTBEAT };
        self.claim(connection, &mark)?;
        if asked.elapsed() > self.budget {
            return Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut)));
        }
        Ok(())
    }
}
