//! What the service manager hears of a lane: that it is ready, what it is doing, and that it is alive (`sd_notify(3)`).
//!
//! It is alive as long as its loop over the frames goes round. There is no timer: a loop that hangs is silent, and the
//! service manager starts the lane anew.

use std::env;
use std::ffi::OsStr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// The service manager wants a sign of life within its interval; this many are sent in one.
const SIGNS: u32 = 3;

/// A line to the service manager, or to nobody where there is none.
#[derive(Debug, Default)]
pub struct Watch {
    socket: Option<UnixDatagram>,
    pulse: Option<Pulse>,
    said: String,
}

impl Watch {
    /// Finds the service manager by what it put into the environment.
    ///
    /// # Errors
    /// A socket that is named there and cannot be used.
    pub fn from_environment() -> Result<Self> {
        let Some(socket) = env::var_os("NOTIFY_SOCKET") else { return Ok(Self::default()) };
        let text = |name| env::var(name).ok();
        let interval = interval(text("WATCHDOG_USEC"), text("WATCHDOG_PID"), std::process::id());
        Self::new(&socket, interval).context("the service manager's socket, NOTIFY_SOCKET")
    }

    /// Speaks to a socket: a path, or a name after `@`. With an interval, the service manager waits for signs of life.
    fn new(socket: &OsStr, interval: Option<Duration>) -> std::io::Result<Self> {
        let address = match socket.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            path => SocketAddr::from_pathname(OsStr::from_bytes(path))?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address)?;
        // A lane never waits for whoever watches it.
        socket.set_nonblocking(true)?;
        let pulse = interval.map(|interval| Pulse { every: interval / SIGNS, last: None });
        Ok(Self { socket: Some(socket), pulse, said: String::new() })
    }

    /// Says that the lane works. Only after its self-test.
    pub fn ready(&mut self) {
        self.send("READY=1");
    }

    /// Says what the lane is doing, in a few words without personal data, if that has changed.
    pub fn status(&mut self, what: &str) {
        let line: String = what.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if self.said != line && self.send(&format!("STATUS={line}")) {
            self.said = line;
        }
    }

    /// Takes note of a frame, or of a fault that the lane shows and lives with, that the loop has dealt with. A sign of life
    /// goes out when one is due.
    pub fn frame(&mut self) {
        let now = Instant::now();
        if self.pulse.as_ref().is_some_and(|pulse| pulse.is_due(now))
            && self.send("WATCHDOG=1")
            && let Some(pulse) = &mut self.pulse
        {
            pulse.last = Some(now);
        }
    }

    /// Says that the lane is about to end.
    pub fn stopping(&mut self) {
        self.send("STOPPING=1\nSTATUS=stopping");
    }

    /// A message that does not get through is not worth a lane: a sign of life is sent again with the next frame.
    fn send(&self, message: &str) -> bool {
        self.socket.as_ref().is_some_and(|socket| socket.send(message.as_bytes()).is_ok())
    }
}

/// The interval that is meant for this process.
fn interval(microseconds: Option<String>, process: Option<String>, own: u32) -> Option<Duration> {
    let for_us = process.is_none_or(|process| process.parse() == Ok(own));
    let microseconds = microseconds.filter(|_| for_us)?.parse().ok()?;
    (microseconds > 0).then(|| Duration::from_micros(microseconds))
}

/// When the last sign of life went out, and how often one is due.
#[derive(Debug)]
struct Pulse {
    every: Duration,
    last: Option<Instant>,
}

impl Pulse {
    fn is_due(&self, now: Instant) -> bool {
        self.last.is_none_or(|last| now.duration_since(last) >= self.every)
    }
}

/// Returns a flag that is set once somebody asks the program to end (SIGTERM, SIGINT). Who asks twice does not wait.
pub fn stop_flag() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        // In this order: the first signal finds the flag unset and sets it, the second finds it set.
        flag::register_conditional_shutdown(signal, 128 + signal, stop.clone())
            .and_then(|_| flag::register(signal, stop.clone()))
            .context("listening for the signal to stop")?;
    }
    Ok(stop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A service manager's end of the socket.
    struct Manager(UnixDatagram);

    impl Manager {
        fn at(path: &std::path::Path) -> Self {
            let socket = UnixDatagram::bind(path).unwrap();
            socket.set_nonblocking(true).unwrap();
            Self(socket)
        }

        fn heard(&self) -> Vec<String> {
            let mut buffer = [0; 512];
            std::iter::from_fn(|| self.0.recv(&mut buffer).ok().map(|length| buffer[..length].to_vec()))
                .map(|message| String::from_utf8(message).unwrap())
                .collect()
        }
    }

    #[test]
    fn the_service_manager_hears_ready_what_is_done_and_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = Manager::at(&path);
        let mut watch = Watch::new(path.as_os_str(), None).unwrap();
        watch.status("testing itself");
        watch.status("testing itself");
        watch.ready();
        watch.frame();
        watch.status("idle\nREADY=1");
        watch.stopping();
        assert_eq!(
            manager.heard(),
            ["STATUS=testing itself", "READY=1", "STATUS=idle READY=1", "STOPPING=1\nSTATUS=stopping"]
        );
    }

    #[test]
    fn signs_of_life_come_with_frames_and_stop_with_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = Manager::at(&path);
        let mut watch = Watch::new(path.as_os_str(), Some(Duration::from_secs(3600))).unwrap();
        for _ in 0..100 {
            watch.frame();
        }
        assert_eq!(manager.heard(), ["WATCHDOG=1"], "not more than are due");
        // Twenty minutes later, as far as the pulse knows.
        let past = Instant::now().checked_sub(Duration::from_secs(1200));
        watch.pulse.as_mut().unwrap().last = past;
        if past.is_some() {
            assert_eq!(manager.heard(), Vec::<String>::new(), "no timer speaks for the loop");
        }
        watch.frame();
        assert_eq!(manager.heard(), ["WATCHDOG=1"]);
    }

    #[test]
    fn names_without_a_file_are_sockets_too_and_a_full_one_does_not_hold_the_lane_up() {
        let name = format!("gatepass-watch-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = Manager(UnixDatagram::bind_addr(&address).unwrap());
        manager.0.set_nonblocking(true).unwrap();
        let mut watch = Watch::new(format!("@{name}").as_ref(), Some(Duration::from_nanos(3))).unwrap();
        for _ in 0..10_000 {
            watch.frame();
        }
        assert!((1..10_000).contains(&manager.heard().len()));
        drop(manager);
        watch.frame();
        watch.ready();
        assert!(Watch::new("/nowhere/notify".as_ref(), None).is_err());
        Watch::default().frame();
    }

    #[test]
    fn the_interval_is_for_the_process_that_is_named() {
        let interval = |interval: &str, process: Option<&str>| {
            super::interval(Some(interval.to_owned()), process.map(str::to_owned), 7)
        };
        assert_eq!(interval("10000000", None), Some(Duration::from_secs(10)));
        assert_eq!(interval("10000000", Some("7")), Some(Duration::from_secs(10)));
        assert_eq!(interval("10000000", Some("8")), None);
        assert_eq!(interval("0", None), None);
        assert_eq!(interval("soon", None), None);
        assert_eq!(super::interval(None, None, 7), None);
    }
}
