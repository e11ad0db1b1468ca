//! What the officers of a lane see and do: a page over HTTP, and metrics for whoever watches many lanes.
//!
//! A thread of its own serves both. It shares the [`Board`] and the [`Metrics`] with the lane and holds up nothing: if it
//! stops, the lane goes on.

mod board;
mod listener;
mod lists;
mod login;
pub mod metrics;
mod routes;
mod words;

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use tokio::runtime::Builder;
use tokio::sync::watch;

#[cfg(test)]
pub use board::NotTaken;
pub use board::{
    Board, Check, Decision, Health, LaneState, Order, OverrideReason, Part, PartState, ReplayScope, SelfTest,
    Waiting,
};
pub use lists::Trust;
pub use metrics::{CameraEvent, Metrics};

use crate::notice;
use crate::settings;
use crate::state::State;
use listener::Bounded;
use routes::Desk;

/// How long requests that are under way may still take when the page is closed.
const FAREWELL: Duration = Duration::from_millis(500);

/// A page that is served, and metrics, until this is dropped.
#[derive(Debug)]
pub struct Handle {
    /// Where the page is, if there is one.
    pub page: Option<SocketAddr>,
    /// Where the metrics are, if they are anywhere.
    pub metrics: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Handle {
    /// Tells whether anybody still answers; a lane without settings for this has nobody who could stop.
    #[cfg(test)]
    pub fn is_alive(&self) -> bool {
        self.thread.as_ref().is_none_or(|thread| !thread.is_finished())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // It said already why, if it panicked.
            let _ = thread.join();
        }
    }
}

/// Serves the page and the metrics, each if the settings name an address for it. The operators are those of the state in
/// `folder`.
///
/// # Errors
/// Settings that do not hold, an address that is taken, a state that cannot be opened.
pub fn serve(
    settings: &settings::Operator,
    folder: &Path,
    board: &Board,
    metrics: &Metrics,
) -> Result<Handle> {
    settings.check()?;
    let mut servers = Vec::new();
    let mut open = |what: &str, address: Option<SocketAddr>, router: &dyn Fn() -> Result<Router>| {
        let Some(address) = address else { return Ok(None) };
        let listener = bind(address).with_context(|| format!("serving {what} at {address}"))?;
        let address = listener.local_addr()?;
        servers.push((listener, router()?));
        anyhow::Ok(Some(address))
    };
    let page = open("the operator page", settings.listen, &|| {
        let desk = Desk::new(board.clone(), State::open(folder)?, settings.hosts.clone());
        Ok(routes::page(Arc::new(desk)))
    })?;
    let measured = open("metrics", settings.metrics, &|| Ok(routes::measurements(metrics.clone())))?;
    let (stop, stopped) = watch::channel(false);
    let thread = if servers.is_empty() {
        None
    } else {
        // Made here, so that a system that gives none is told of at the start.
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let run = move || {
            let done = runtime.block_on(run(servers, stopped));
            if let Err(error) = done {
                notice(&format!("the operator page stopped: {error:#}"));
            }
            runtime.shutdown_timeout(FAREWELL);
        };
        Some(thread::Builder::new().name("operator".to_owned()).spawn(run)?)
    };
    Ok(Handle { page, metrics: measured, stop, thread })
}

fn bind(address: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn run(servers: Vec<(TcpListener, Router)>, mut stopped: watch::Receiver<bool>) -> Result<()> {
    for (listener, router) in servers {
        let listener = Bounded::new(tokio::net::TcpListener::from_std(listener)?, listener::SILENCE);
        tokio::spawn(async move { axum::serve(listener, router).await });
    }
    // Whoever holds the other end is gone when it cannot be waited for any more.
    let _ = stopped.wait_for(|stop| *stop).await;
    Ok(())
}

#[cfg(test)]
mod tests;
