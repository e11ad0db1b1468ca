//! What can be measured of a lane, in the Prometheus text format. No personal data, and no operator's name.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use shared::reason::Reason;

use super::board::{Board, PartState, ReplayScope, Status};
use super::lists::{List, ListAge, Trust};
use crate::session::Passage;

/// The media type of the text (OpenMetrics 1.0), which Prometheus asks for first.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What all names begin with.
const PREFIX: &str = "gatepass";

/// The numbers of a lane. Clones share them.
#[derive(Debug, Clone)]
pub struct Metrics {
    numbers: Arc<Numbers>,
    registry: Arc<Registry>,
}

#[derive(Debug)]
struct Numbers {
    decisions: Family<[(&'static str, &'static str); 2], Counter>,
    visit: Histogram,
    code_verified: Histogram,
    face_decided: Histogram,
    frame: Histogram,
    camera: Family<[(&'static str, &'static str); 1], Counter>,
    pulses: Counter,
    passages: Family<[(&'static str, &'static str); 1], Counter>,
    overrides: Family<[(&'static str, &'static str); 1], Counter>,
    clock_max_error: Gauge<f64, AtomicU64>,
}

/// What a camera does with a frame, or a frame with a camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CameraEvent {
    /// A frame came and was looked at.
    Frame,
    /// A frame came and a newer one was there before it could be looked at.
    Dropped,
    /// A frame came and could not be decoded.
    Damaged,
    /// The camera was opened again after a failure.
    Reopened,
}

impl Metrics {
    /// Begins to count; ages, parts and the journal's size come from the board whenever somebody asks.
    pub fn new(board: &Board) -> Self {
        let seconds = || Histogram::new(bounds());
        let numbers = Numbers {
            decisions: Family::default(),
            visit: seconds(),
            code_verified: seconds(),
            face_decided: seconds(),
            frame: seconds(),
            camera: Family::default(),
            pulses: Counter::default(),
            passages: Family::default(),
            overrides: Family::default(),
            clock_max_error: Gauge::default(),
        };
        for name in ["frame", "dropped", "damaged", "reopened"] {
            numbers.camera.get_or_create_owned(&[("what", name)]);
        }
        for name in ["passed", "not-passed", "held", "forced"] {
            numbers.passages.get_or_create_owned(&[("what", name)]);
        }
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register("decisions", "Visits that ended, by reason code", numbers.decisions.clone());
        registry.register(
            "visit_seconds",
            "From the first sight of a code to the outcome",
            numbers.visit.clone(),
        );
        let help = "From the first frame with the code in view to verified or refused";
        registry.register("code_verified_seconds", help, numbers.code_verified.clone());
        let help = "From the first frame with the face in view to the decision";
        registry.register("face_decided_seconds", help, numbers.face_decided.clone());
        registry.register(
            "frame_seconds",
            "What one frame took, from the camera to the session",
            numbers.frame.clone(),
        );
        registry.register(
            "camera_events",
            "What became of frames, and of the camera",
            numbers.camera.clone(),
        );
        registry.register("gate_pulses", "How often the gate was opened", numbers.pulses.clone());
        registry.register("gate_passages", "What the gate reported", numbers.passages.clone());
        registry.register(
            "overrides",
            "Visits that officers decided, by their reason",
            numbers.overrides.clone(),
        );
        let help = "How far the clock may be off; infinite where nothing says";
        registry.register("clock_max_error_seconds", help, numbers.clock_max_error.clone());
        registry.register_collector(Box::new(OfBoard(board.clone())));
        registry.register_collector(Box::new(OfProcess));
        Self { numbers: Arc::new(numbers), registry: Arc::new(registry) }
    }

    /// Counts a visit that ended.
    pub fn decided(&self, reason: Reason, took: Duration) {
        let answer = match reason.answer() {
            shared::reason::Answer::Accepted => "accepted",
            shared::reason::Answer::Refused => "refused",
            shared::reason::Answer::Unanswered => "unanswered",
        };
        self.numbers.decisions.get_or_create(&[("answer", answer), ("reason", reason.code())]).inc();
        self.numbers.visit.observe(took.as_secs_f64());
    }

    /// Takes the time from the first frame with a code to the verifier's answer.
    pub fn code_verified(&self, took: Duration) {
        self.numbers.code_verified.observe(took.as_secs_f64());
    }

    /// Takes the time from the first frame with a face to the decision.
    pub fn face_decided(&self, took: Duration) {
        self.numbers.face_decided.observe(took.as_secs_f64());
    }

    /// Takes what one frame took.
    pub fn frame_handled(&self, took: Duration) {
        self.numbers.frame.observe(took.as_secs_f64());
    }

    /// Counts something about the camera, so many times.
    pub fn camera(&self, event: CameraEvent, times: u64) {
        let what = match event {
            CameraEvent::Frame => "frame",
            CameraEvent::Dropped => "dropped",
            CameraEvent::Damaged => "damaged",
            CameraEvent::Reopened => "reopened",
        };
        self.numbers.camera.get_or_create(&[("what", what)]).inc_by(times);
    }

    /// Counts a pulse to the gate.
    pub fn gate_pulse(&self) {
        self.numbers.pulses.inc();
    }

    /// Counts what the gate reported.
    pub fn passage(&self, passage: Passage) {
        let what = match passage {
            Passage::Passed => "passed",
            Passage::NotPassed => "not-passed",
            Passage::Held => "held",
            Passage::Forced => "forced",
        };
        self.numbers.passages.get_or_create(&[("what", what)]).inc();
    }

    /// Counts a visit that an officer decided.
    pub fn overridden(&self, reason: super::OverrideReason) {
        self.numbers.overrides.get_or_create(&[("reason", reason.code())]).inc();
    }

    /// Sets how far the clock may be off; `None` where nothing says.
    pub fn clock_max_error(&self, error: Option<Duration>) {
        self.numbers.clock_max_error.set(error.map_or(f64::INFINITY, |error| error.as_secs_f64()));
    }

    /// Returns everything as text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail; a collector that did would cut the text short, and no `# EOF` say so.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

/// The upper bounds of histograms, in seconds: fine around 0.3 s and 1 s, which are what a lane has to keep.
fn bounds() -> impl Iterator<Item = f64> {
    let milliseconds = (5..50)
        .step_by(5)
        .chain((50..500).step_by(10))
        .chain((500..1500).step_by(25))
        .chain((1500..5000).step_by(250))
        .chain((5000..=60_000).step_by(5000));
    milliseconds.map(|milliseconds: u32| f64::from(milliseconds) / 1000.0)
}

/// What the board knows.
#[derive(Debug)]
struct OfBoard(Board);

impl Collector for OfBoard {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let status = self.0.status();
        let lists = match &status.trust {
            Trust::Ready { lists } => lists.as_slice(),
            Trust::Unknown | Trust::NotReady | Trust::Invalid => &[],
        };
        let labels = |list: &List| vec![("list", list.kind.name().to_owned()), ("name", list.name.clone())];
        let ages = lists.iter().filter_map(|list| {
            list.issued.map(|issued| (labels(list), whole(status.at.seconds_since(issued))))
        });
        gauges(&mut encoder, "list_age_seconds", "How long ago each list was signed", ages)?;
        let left = lists.iter().map(|list| (labels(list), whole(list.refuse_at.seconds_since(status.at))));
        let help = "How long the lane still decides alone by each list; negative once it does not";
        gauges(&mut encoder, "list_left_seconds", help, left)?;
        let current = lists.iter().map(|list| {
            let current = matches!(list.state, ListAge::Fresh | ListAge::Aging);
            (labels(list), f64::from(u8::from(current)))
        });
        gauges(&mut encoder, "list_current", "1 while a list is fresh or aging", current)?;
        let ready = f64::from(u8::from(matches!(status.trust, Trust::Ready { .. })));
        gauges(&mut encoder, "trust_ready", "1 once a repository was imported and verified", one(ready))?;
        let site = f64::from(u8::from(status.replay == ReplayScope::Site));
        let help = "1 while used codes are remembered for all lanes of the site, 0 while by this lane alone";
        gauges(&mut encoder, "replay_site_scope", help, one(site))?;
        gauges(
            &mut encoder,
            "part_state",
            "1 good, 0.5 degraded, 0 failed; no value where unknown or absent",
            parts(&status),
        )?;
        gauges(
            &mut encoder,
            "waiting_visits",
            "Visits that wait for an officer",
            one(count(status.waiting.len())),
        )?;
        gauges(&mut encoder, "journal_rows", "Rows of the journal", one(large(status.journal_rows)))?;
        gauges(
            &mut encoder,
            "stored_faces",
            "Faces that are kept after their visits",
            one(large(status.stored_faces)),
        )?;
        let spoke = whole(status.at.as_unix());
        gauges(
            &mut encoder,
            "lane_clock_seconds",
            "The lane's clock when it last spoke, as Unix time",
            one(spoke),
        )
    }
}

/// What the kernel knows of this process.
#[derive(Debug)]
struct OfProcess;

impl Collector for OfProcess {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let memory = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field))?;
            let kilobytes: f64 = line.trim_start_matches(':').trim().strip_suffix(" kB")?.parse().ok()?;
            Some((Vec::new(), kilobytes * 1024.0))
        };
        let help = "Memory that the process holds now";
        gauges(&mut encoder, "resident_memory_bytes", help, memory("VmRSS").into_iter())?;
        let help = "The most memory that the process ever held";
        gauges(&mut encoder, "peak_resident_memory_bytes", help, memory("VmHWM").into_iter())?;
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        let seconds = Duration::try_from(time).unwrap_or_default().as_secs_f64();
        let counter = prometheus_client::metrics::counter::ConstCounter::new(seconds);
        let help = "Processor time of the process";
        let encoder = encoder.encode_descriptor("cpu_seconds", help, None, counter.metric_type())?;
        counter.encode(encoder)
    }
}

type Labels = Vec<(&'static str, String)>;

fn gauges(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl Iterator<Item = (Labels, f64)>,
) -> std::fmt::Result {
    let kind = ConstGauge::new(0.0).metric_type();
    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
    for (labels, value) in values {
        if labels.is_empty() {
            family.encode_gauge(&value)?;
        } else {
            ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn one(value: f64) -> impl Iterator<Item = (Labels, f64)> {
    std::iter::once((Vec::new(), value))
}

fn parts(status: &Status) -> impl Iterator<Item = (Labels, f64)> {
    let health = &status.health;
    let parts = [
        ("camera", &health.camera),
        ("gate", &health.gate),
        ("site", &health.site),
        ("clock", &health.clock),
        ("models", &health.models),
        ("scanners", &health.scanners),
    ];
    parts.into_iter().filter_map(|(name, part)| {
        let value = match part.state {
            PartState::Good => 1.0,
            PartState::Degraded => 0.5,
            PartState::Failed => 0.0,
            PartState::Unknown | PartState::Absent => return None,
        };
        Some((vec![("part", name.to_owned())], value))
    })
}

fn count(number: usize) -> f64 {
    large(number as u64)
}

/// Gauges are floating-point numbers; what is counted here stays far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn large(number: u64) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "seconds stay far below 2^53")]
fn whole(seconds: i64) -> f64 {
    seconds as f64
}

/// A histogram out of a text in the Prometheus format.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Its name.
    pub name: String,
    /// Upper bounds, and how many values are at most that.
    buckets: Vec<(f64, f64)>,
}

impl Distribution {
    /// Reads every histogram without labels of its own.
    pub fn read_all(text: &str) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        for line in text.lines() {
            let Some((name, bound, count)) = bucket(line) else { continue };
            if found.last().is_none_or(|last| last.name != name) {
                found.push(Self { name: name.to_owned(), buckets: Vec::new() });
            }
            found.last_mut().expect("one was just there").buckets.push((bound, count));
        }
        found
    }

    /// Reads the histogram of a name, with its prefix.
    #[cfg(test)]
    pub fn read(text: &str, name: &str) -> Option<Self> {
        Self::read_all(text).into_iter().find(|found| found.name == name)
    }

    /// Returns how many values there are.
    pub fn count(&self) -> f64 {
        self.buckets.last().map_or(0.0, |(_, count)| *count)
    }

    /// Returns the value that a share of all values is at most: 0.5 gives the median. Within a bucket it is interpolated, as
    /// Prometheus does; beyond the last bound it is that bound.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let rank = share * self.count();
        if self.count() == 0.0 {
            return None;
        }
        let (mut below, mut fewer) = (0.0, 0.0);
        for (bound, count) in &self.buckets {
            if *count >= rank {
                let inside = count - fewer;
                let part = if inside > 0.0 { (rank - fewer) / inside } else { 0.0 };
                return Some(if bound.is_finite() { below + (bound - below) * part } else { below });
            }
            (below, fewer) = (*bound, *count);
        }
        None
    }
}

/// Reads `NAME_bucket{le="BOUND"} COUNT`.
fn bucket(line: &str) -> Option<(&str, f64, f64)> {
    let (name, rest) = line.split_once("_bucket{le=\"")?;
    let (bound, count) = rest.split_once("\"} ")?;
    let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
    Some((name, bound, count.trim().parse().ok()?))
}

/// Returns the value of a sample, named with its labels as the text has them: `gatepass_stored_faces`.
#[cfg(test)]
pub fn sample(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::Map;
    use shared::time::Timestamp;

    use super::super::OverrideReason;
    use super::super::board::{Part, Waiting};
    use super::super::lists::Kind;
    use super::*;

    fn milliseconds(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    #[test]
    fn what_is_counted_is_in_the_text() {
        let board = Board::default();
        let metrics = Metrics::new(&board);
        metrics.decided(Reason::Accepted, milliseconds(700));
        metrics.decided(Reason::StatusRevoked, milliseconds(100));
        metrics.decided(Reason::StatusRevoked, milliseconds(120));
        metrics.camera(CameraEvent::Frame, 300);
        metrics.camera(CameraEvent::Damaged, 2);
        metrics.gate_pulse();
        metrics.passage(Passage::NotPassed);
        metrics.overridden(OverrideReason::FaceCompared);
        metrics.clock_max_error(Some(milliseconds(16_000)));
        let text = metrics.text();
        assert!(text.ends_with("# EOF\n"), "{text}");
        for (name, value) in [
            (r#"gatepass_decisions_total{answer="accepted",reason="accepted"}"#, 1.0),
            (r#"gatepass_decisions_total{answer="refused",reason="status.revoked"}"#, 2.0),
            ("gatepass_visit_seconds_count", 3.0),
            (r#"gatepass_camera_events_total{what="frame"}"#, 300.0),
            (r#"gatepass_camera_events_total{what="damaged"}"#, 2.0),
            (r#"gatepass_camera_events_total{what="reopened"}"#, 0.0),
            ("gatepass_gate_pulses_total", 1.0),
            (r#"gatepass_gate_passages_total{what="not-passed"}"#, 1.0),
            (r#"gatepass_overrides_total{reason="face-compared"}"#, 1.0),
            ("gatepass_clock_max_error_seconds", 16.0),
            ("gatepass_stored_faces", 0.0),
            ("gatepass_trust_ready", 0.0),
            ("gatepass_replay_site_scope", 0.0),
        ] {
            assert_eq!(sample(&text, name), Some(value), "{name} in {text}");
        }
        for name in [
            "gatepass_resident_memory_bytes",
            "gatepass_peak_resident_memory_bytes",
            "gatepass_cpu_seconds_total",
        ] {
            assert!(sample(&text, name).unwrap() > 0.0, "{name}");
        }
        assert!(!text.contains("NaN"));
    }

    #[test]
    fn the_board_is_measured_and_nobody_is_named() {
        let board = Board::default();
        let metrics = Metrics::new(&board);
        let now = Timestamp::from_unix(1_800_000_000).unwrap();
        board.update(|status| {
            status.at = now;
            let list = List {
                kind: Kind::Status,
                name: "https://id.example/status/0".to_owned(),
                issued: Some(now.plus(-3600)),
                warn_at: now.plus(-1),
                refuse_at: now.plus(7200),
                state: ListAge::Aging,
            };
            let keys = List { kind: Kind::Issuer, issued: None, state: ListAge::Stale, ..list.clone() };
            status.trust = Trust::Ready { lists: vec![list, keys] };
            status.replay = ReplayScope::Site;
            status.journal_rows = 12;
            status.stored_faces = 3;
            status.health.camera = Part::new(PartState::Degraded, "CANARY");
            let mut claims = Map::new();
            claims.insert("name".to_owned(), "CANARY".into());
            status.waiting.push(Waiting {
                row: 4,
                since: now,
                reason: Reason::FaceOfficer,
                claims,
                ordered: false,
            });
            let closed_by = Some("CANARY".to_owned());
            status.enter(super::super::LaneState::OutOfService { reason: Reason::CameraFailed, closed_by });
        });
        let text = metrics.text();
        let status = r#"{list="status",name="https://id.example/status/0"}"#;
        let issuer = r#"{list="issuer",name="https://id.example/status/0"}"#;
        for (name, value) in [
            (format!("gatepass_list_age_seconds{status}"), 3600.0),
            (format!("gatepass_list_left_seconds{status}"), 7200.0),
            (format!("gatepass_list_current{status}"), 1.0),
            (format!("gatepass_list_current{issuer}"), 0.0),
            (r#"gatepass_part_state{part="camera"}"#.to_owned(), 0.5),
            ("gatepass_trust_ready".to_owned(), 1.0),
            ("gatepass_replay_site_scope".to_owned(), 1.0),
            ("gatepass_waiting_visits".to_owned(), 1.0),
            ("gatepass_journal_rows".to_owned(), 12.0),
            ("gatepass_stored_faces".to_owned(), 3.0),
            ("gatepass_lane_clock_seconds".to_owned(), 1_800_000_000.0),
        ] {
            assert_eq!(sample(&text, &name), Some(value), "{name} in {text}");
        }
        assert_eq!(sample(&text, &format!("gatepass_list_age_seconds{issuer}")), None);
        assert!(!text.contains("CANARY"), "{text}");
    }

    #[test]
    fn quantiles_are_within_a_bucket_of_the_truth() {
        let metrics = Metrics::new(&Board::default());
        let read = || Distribution::read(&metrics.text(), "gatepass_code_verified_seconds").unwrap();
        assert_eq!((read().count(), read().quantile(0.5)), (0.0, None));
        // 1 ms to 1000 ms, evenly.
        for number in 1..=1000 {
            metrics.code_verified(milliseconds(number));
        }
        let found = read();
        assert_eq!(found.count(), 1000.0);
        for (share, truth, width) in
            [(0.02, 0.02, 0.005), (0.3, 0.3, 0.01), (0.5, 0.5, 0.025), (0.95, 0.95, 0.025)]
        {
            let value = found.quantile(share).unwrap();
            assert!((value - truth).abs() <= width, "{share}: {value}");
        }
        assert!(found.quantile(1.0).unwrap() >= 1.0);
        metrics.face_decided(milliseconds(3_600_000));
        let late = Distribution::read(&metrics.text(), "gatepass_face_decided_seconds").unwrap();
        assert_eq!(late.quantile(0.5), Some(60.0), "beyond the last bound it is that bound");
        assert_eq!(Distribution::read_all(&metrics.text()).len(), 4);
    }

    #[test]
    fn the_acceptance_limits_are_bounds_themselves() {
        let bounds: Vec<f64> = bounds().collect();
        assert!(bounds.contains(&0.3) && bounds.contains(&1.0), "{bounds:?}");
        assert!(bounds.windows(2).all(|pair| pair[0] < pair[1]), "{bounds:?}");
    }

    #[test]
    fn a_text_that_is_none_gives_nothing() {
        for text in [
            "",
            "x",
            "a_bucket{le=\"",
            "a_bucket{le=\"x\"} 1",
            "a_bucket{le=\"1\"} ",
            "a_bucket{le=\"+Inf\"} NaNa",
        ] {
            assert_eq!(Distribution::read_all(text), [], "{text}");
        }
        assert_eq!(sample("gatepass_x 1", "gatepass"), None);
    }
}
