//! What the page is answered. Everything but the page itself and the way in needs a session.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use axum::Json;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Request, State as Extracted};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue,
    ORIGIN, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;
use shared::reason::Language;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use zeroize::Zeroizing;

use super::board::{Board, NotTaken, Order, OverrideReason};
use super::login::{Session, Sessions, Throttle};
use super::metrics::{self, Metrics};
use super::words;
use crate::notice;
use crate::state::State;

/// The longest request that is read, in bytes: an order has a hundred.
const REQUEST: usize = 4096;

/// How many pages may follow the lane at once.
const FOLLOWERS: usize = 16;

/// The least time between two pieces of news, and the most.
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

/// What the cookie is called.
const COOKIE_NAME: &str = "gatepass_operator";

/// Where orders carry the session's token.
const TOKEN: HeaderName = HeaderName::from_static("x-gatepass-token");

/// Nothing is loaded from anywhere else, nothing runs that is not in the page's own file, and no page frames this one.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'none'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'";

/// What all answers share.
pub struct Desk {
    board: Board,
    state: Mutex<State>,
    doors: Mutex<Doors>,
    /// PIN codes are checked one at a time: each takes memory and time, and none may slip past the throttle.
    turn: Arc<tokio::sync::Mutex<()>>,
    followers: Arc<Semaphore>,
    hosts: Vec<String>,
    began: Instant,
}

#[derive(Default)]
struct Doors {
    sessions: Sessions,
    throttle: Throttle,
}

impl Desk {
    /// Sets a desk up. The page answers under loopback names and under `hosts`.
    pub fn new(board: Board, state: State, hosts: Vec<String>) -> Self {
        Self {
            board,
            state: Mutex::new(state),
            doors: Mutex::default(),
            turn: Arc::default(),
            followers: Arc::new(Semaphore::new(FOLLOWERS)),
            hosts,
            began: Instant::now(),
        }
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_secs()
    }

    /// Returns the session of a request, if its operator is still one.
    fn session(&self, headers: &HeaderMap) -> Option<(String, Session)> {
        let id = cookie(headers)?;
        let session = lock(&self.doors).sessions.find(id, self.now())?.clone();
        let known = lock(&self.state).is_operator(session.operator).unwrap_or_else(|error| {
            notice(&format!("the operators cannot be read, so none is let in: {error:#}"));
            false
        });
        if !known {
            lock(&self.doors).sessions.close(id);
        }
        known.then(|| (id.to_owned(), session))
    }

    /// Checks a PIN code. Call it when it is its turn; it takes a while.
    fn check(&self, name: &str, pin: &str) -> Result<Entry> {
        let now = self.now();
        {
            let mut doors = lock(&self.doors);
            let seconds = doors.throttle.wait(name, now);
            if seconds > 0 {
                return Ok(Entry::Later(seconds));
            }
            doors.throttle.missed(name, now);
        }
        let claimant = lock(&self.state).claimant(name)?;
        // Slow, and holds nothing.
        let found = claimant.check(pin)?;
        let mut doors = lock(&self.doors);
        match found {
            Some(operator) => {
                doors.throttle.hit(name);
                Ok(Entry::In(doors.sessions.open(operator, name, now)?))
            }
            None => Ok(Entry::No(doors.throttle.wait(name, now))),
        }
    }
}

/// What became of a try.
enum Entry {
    /// In, with what the cookie holds.
    In(String),
    /// No, and how many seconds the next try has to wait.
    No(u64),
    /// Not looked at: too early by so many seconds.
    Later(u64),
}

/// A lock that a panic left behind guards values that are still whole: each is changed in one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The page.
pub fn page(desk: Arc<Desk>) -> Router {
    const HTML: &str = "text/html; charset=utf-8";
    const SCRIPT: &str = "text/javascript; charset=utf-8";
    Router::new()
        .route("/", get(|| file(HTML, include_str!("page/page.html"))))
        .route("/page.js", get(|| file(SCRIPT, include_str!("page/page.js"))))
        .route("/page.css", get(|| file("text/css; charset=utf-8", include_str!("page/page.css"))))
        .route("/icon.svg", get(|| file("image/svg+xml", include_str!("page/icon.svg"))))
        .route("/words/{language}", get(all_words))
        .route("/login", post(login))
        .route("/session", get(who))
        .route("/events", get(events))
        .route("/active", post(active))
        .route("/logout", post(logout))
        .route("/orders", post(order))
        .layer(DefaultBodyLimit::max(REQUEST))
        .layer(middleware::from_fn_with_state(Arc::clone(&desk), guard))
        .with_state(desk)
}

/// The metrics. They need no login, for there is nothing of a person in them.
pub fn measurements(metrics: Metrics) -> Router {
    Router::new()
        .route(
            "/metrics",
            get(move || async move { ([(CONTENT_TYPE, metrics::MEDIA_TYPE)], metrics.text()) }),
        )
        .layer(middleware::from_fn(|request: Request, next: Next| async move {
            if is_local(request.headers(), &[]) {
                next.run(request).await
            } else {
                StatusCode::FORBIDDEN.into_response()
            }
        }))
}

async fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(CONTENT_TYPE, kind)], text)
}

/// Turns away what another site could have sent, and adds what keeps a browser from showing the page wrongly.
async fn guard(Extracted(desk): Extracted<Arc<Desk>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let allowed = is_local(headers, &desk.hosts)
        && (matches!(*request.method(), Method::GET | Method::HEAD) || is_own(headers));
    let mut response = if allowed { next.run(request).await } else { StatusCode::FORBIDDEN.into_response() };
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Tells whether a request names a host of ours: a foreign name that was made to point here does not get in.
fn is_local(headers: &HeaderMap, hosts: &[String]) -> bool {
    let Some(host) = text(headers, &HOST) else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    };
    ["localhost", "127.0.0.1", "[::1]"].contains(&name) || hosts.iter().any(|known| known == name)
}

/// Tells whether a request comes from the page itself.
fn is_own(headers: &HeaderMap) -> bool {
    let origin = text(headers, &ORIGIN).and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, origin)| Some(origin) == text(headers, &HOST))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = text(headers, &COOKIE)?.split(';');
    cookies
        .filter_map(|cookie| cookie.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE_NAME)
        .map(|(_, id)| id)
}

async fn all_words(Path(language): Path<String>) -> Response {
    match language.parse::<Language>() {
        Ok(language) => Json(words::all(language)).into_response(),
        Err(error) => (StatusCode::NOT_FOUND, error.to_string()).into_response(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    name: String,
    pin: String,
}

async fn login(
    Extracted(desk): Extracted<Arc<Desk>>,
    headers: HeaderMap,
    Json(Login { name, pin }): Json<Login>,
) -> Response {
    let pin = Zeroizing::new(pin);
    // Whoever hangs up meanwhile does not give the turn away: the check goes on.
    let turn = Arc::clone(&desk.turn).lock_owned().await;
    let checked = tokio::task::spawn_blocking(move || {
        let entry = desk.check(&name, &pin);
        drop(turn);
        entry
    })
    .await;
    match checked {
        Ok(Ok(Entry::In(id))) => {
            let secure = text(&headers, &ORIGIN).is_some_and(|origin| origin.starts_with("https:"));
            let secure = if secure { "; Secure" } else { "" };
            let cookie = format!("{COOKIE_NAME}={id}; HttpOnly; SameSite=Strict; Path=/{secure}");
            ([(SET_COOKIE, cookie)], StatusCode::NO_CONTENT).into_response()
        }
        Ok(Ok(Entry::No(seconds))) => {
            (StatusCode::UNAUTHORIZED, Json(json!({ "wait": seconds }))).into_response()
        }
        Ok(Ok(Entry::Later(seconds))) => {
            let wait = [(RETRY_AFTER, seconds.to_string())];
            (StatusCode::TOO_MANY_REQUESTS, wait, Json(json!({ "wait": seconds }))).into_response()
        }
        Ok(Err(error)) => {
            notice(&format!("nobody can log in: {error:#}"));
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Tells the page who is logged in, and the token for its orders.
async fn who(Extracted(desk): Extracted<Arc<Desk>>, headers: HeaderMap) -> Response {
    match desk.session(&headers) {
        Some((_, session)) => Json(json!({ "name": session.name, "token": session.token })).into_response(),
        None => StatusCode::UNAUTHORIZED.into_response(),
    }
}

/// Returns the session of a request that carries the session's token too, and notes that somebody acts.
fn acting(desk: &Desk, headers: &HeaderMap) -> Result<(String, Session), StatusCode> {
    let (id, session) = desk.session(headers).ok_or(StatusCode::UNAUTHORIZED)?;
    if text(headers, &TOKEN) != Some(&session.token) {
        return Err(StatusCode::FORBIDDEN);
    }
    lock(&desk.doors).sessions.touch(&id, desk.now());
    Ok((id, session))
}

async fn active(Extracted(desk): Extracted<Arc<Desk>>, headers: HeaderMap) -> StatusCode {
    acting(&desk, &headers).err().unwrap_or(StatusCode::NO_CONTENT)
}

async fn logout(Extracted(desk): Extracted<Arc<Desk>>, headers: HeaderMap) -> Response {
    match acting(&desk, &headers) {
        Ok((id, _)) => {
            lock(&desk.doors).sessions.close(&id);
            let gone = format!("{COOKIE_NAME}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
            ([(SET_COOKIE, gone)], StatusCode::NO_CONTENT).into_response()
        }
        Err(status) => status.into_response(),
    }
}

#[derive(Deserialize)]
#[serde(tag = "order", rename_all = "kebab-case", deny_unknown_fields)]
enum Ordered {
    Decide { row: u64, admit: bool, reason: OverrideReason },
    Close {},
    Reopen {},
    SelfTest {},
}

async fn order(
    Extracted(desk): Extracted<Arc<Desk>>,
    headers: HeaderMap,
    Json(ordered): Json<Ordered>,
) -> StatusCode {
    let operator = match acting(&desk, &headers) {
        Ok((_, session)) => session.name,
        Err(status) => return status,
    };
    let order = match ordered {
        Ordered::Decide { row, admit, reason } => Order::Decide { row, admit, reason, operator },
        Ordered::Close {} => Order::Close { operator },
        Ordered::Reopen {} => Order::Reopen { operator },
        Ordered::SelfTest {} => Order::SelfTest { operator },
    };
    match desk.board.order(order) {
        Ok(()) => StatusCode::ACCEPTED,
        Err(NotTaken::NotWaiting) => StatusCode::CONFLICT,
        Err(NotTaken::Reason) => StatusCode::UNPROCESSABLE_ENTITY,
        Err(NotTaken::Unheard) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Follows the lane for as long as the session lasts.
async fn events(Extracted(desk): Extracted<Arc<Desk>>, headers: HeaderMap) -> Response {
    if desk.session(&headers).is_none() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(place) = Arc::clone(&desk.followers).try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(follow(desk, headers, sender, place));
    Sse::new(ReceiverStream::new(receiver)).into_response()
}

/// Sends the status whenever it changes, at least a sign of life each second, and `ended` when the session is over.
async fn follow(
    desk: Arc<Desk>,
    headers: HeaderMap,
    sender: mpsc::Sender<Result<Event, Infallible>>,
    _place: OwnedSemaphorePermit,
) {
    let mut board = desk.board.follow();
    let mut news = true;
    loop {
        let alive = desk.session(&headers).is_some();
        let event = if !alive {
            Event::default().event("ended").data("ended")
        } else if news {
            let status = board.borrow_and_update().clone();
            // A status has no maps with keys that are no text, so that it always becomes JSON.
            let json = serde_json::to_string(&status).unwrap_or_default();
            Event::default().event("status").data(json)
        } else {
            Event::default().comment("")
        };
        if sender.send(Ok(event)).await.is_err() || !alive {
            return;
        }
        tokio::time::sleep(SHORTEST).await;
        news = matches!(tokio::time::timeout(LONGEST, board.changed()).await, Ok(Ok(())));
    }
}
