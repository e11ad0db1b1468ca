//! A listener with limits: few connections at once, and none on which the page has had nothing to say for long, so that
//! neighbors who say nothing, or one byte now and then, do not keep the officers out for good.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// How many connections are open at once, chosen by us: a page has up to six.
const CONNECTIONS: usize = 64;

/// After so long without an answer on it a connection is closed. A page that follows the lane gets one each second.
pub const SILENCE: Duration = Duration::from_secs(30);

/// A TCP listener with limits.
pub struct Bounded {
    inner: TcpListener,
    places: Arc<Semaphore>,
    silence: Duration,
}

impl Bounded {
    /// Limits a listener; a connection without an answer for as long as `silence` is closed.
    pub fn new(inner: TcpListener, silence: Duration) -> Self {
        Self { inner, places: Arc::new(Semaphore::new(CONNECTIONS)), silence }
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let places = Arc::clone(&self.places);
        let place = places.acquire_owned().await.expect("nobody closes the semaphore");
        let (stream, address) = Listener::accept(&mut self.inner).await;
        let timer = Box::pin(tokio::time::sleep(self.silence));
        (Connection { stream, timer, silence: self.silence, _place: place }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// A connection that ends when it gets no answers.
pub struct Connection {
    stream: TcpStream,
    timer: Pin<Box<Sleep>>,
    silence: Duration,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn answered(&mut self) {
        let end = Instant::now() + self.silence;
        self.timer.as_mut().reset(end);
    }

    fn silent(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        ready!(self.timer.as_mut().poll(context));
        Poll::Ready(io::ErrorKind::TimedOut.into())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // What comes in does not lengthen the time: an answer does.
        if let Poll::Ready(error) = self.silent(context) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(result) = Pin::new(&mut self.stream).poll_write(context, bytes) {
            self.answered();
            return Poll::Ready(result);
        }
        self.silent(context).map(Err)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use axum::Router;
    use axum::routing::get;

    use super::*;

    /// Each place is taken by somebody who sends a byte now and then and never a whole request.
    #[test]
    fn whoever_never_asks_does_not_keep_others_out() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
            runtime.unwrap().block_on(async {
                let inner = TcpListener::from_std(listener).unwrap();
                let router = Router::new().route("/", get(|| async { "here" }));
                axum::serve(Bounded::new(inner, Duration::from_millis(500)), router).await
            })
        });
        let mut idle: Vec<TcpStream> =
            (0..CONNECTIONS).map(|_| TcpStream::connect(address).unwrap()).collect();
        std::thread::spawn(move || {
            loop {
                for stream in &mut idle {
                    // Refused once the connection is closed.
                    let _ = stream.write(b"G");
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let mut officer = TcpStream::connect(address).unwrap();
        officer.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        officer.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut answer = String::new();
        officer.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("here"), "{answer}");
    }
}
