//! `kiosk cameras`: the cameras of this machine, and what one of them sends.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use image::GrayImage;
use serde_json::json;
use shared::qr::Reader;

use super::answer;
use crate::camera::{self, CameraSpec, Counts, Delivery, Feed, Found, Frame};
use crate::cli::{CameraTest, Cameras, CamerasTest};
use crate::notice;
use crate::settings::Settings;

/// How long one frame is searched for a code.
const READING_TIME: Duration = Duration::from_millis(100);

/// Darker frames, of 255, show nobody; ours.
const DARK: f64 = 20.0;
/// Lighter frames show nobody, either; ours.
const LIGHT: f64 = 240.0;

pub fn run(arguments: &Cameras, as_json: bool) -> Result<ExitCode> {
    match &arguments.test {
        None => list(as_json),
        Some(CameraTest::Test(arguments)) => test(arguments, as_json),
    }
}

fn list(as_json: bool) -> Result<ExitCode> {
    let Found { cameras, refused } = camera::list();
    let mut lines = vec![];
    for camera in &cameras {
        lines.push(format!("{}\n    {} at {}", camera.id, camera.name, camera.path.display()));
        for offer in &camera.formats {
            let sizes: Vec<_> =
                offer.sizes.iter().map(|(width, height)| format!("{width}x{height}")).collect();
            let useless = if offer.understood { "" } else { " (a lane does not understand it)" };
            lines.push(format!("    {}{useless} {}", offer.format, sizes.join(" ")));
        }
    }
    if cameras.is_empty() {
        notice("no camera");
    }
    for error in refused {
        notice(&format!("{error:#}"));
    }
    answer(as_json, &json!({ "cameras": cameras }), &lines.join("\n"))?;
    Ok(if cameras.is_empty() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn test(arguments: &CamerasTest, as_json: bool) -> Result<ExitCode> {
    let mut settings = Settings::read(arguments.config.as_deref())?.camera;
    let spec = match arguments.camera.clone().or(settings.code) {
        Some(spec) => spec,
        None => only_one()?,
    };
    settings.code = Some(spec.clone());
    let camera = camera::open(&settings, Instant::now())?.code;
    let feed = Feed::start("camera", camera)?;
    let mut seen = Seen::default();
    seen.watch(&feed, arguments.frames.get(), Duration::from_secs(arguments.patience.get().into()));
    let counts = feed.counts();
    if seen.frames == 0 {
        bail!("{spec} sent no frame");
    }
    let problems = seen.problems();
    let json = seen.json(&spec, &counts, &problems);
    let mut lines: Vec<_> =
        json.as_object().into_iter().flatten().map(|(name, value)| format!("{name:<11} {value}")).collect();
    lines.push(if problems.is_empty() {
        "usable".to_owned()
    } else {
        format!("not usable: {}", problems.join(", "))
    });
    answer(as_json, &json, &lines.join("\n"))?;
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn only_one() -> Result<CameraSpec> {
    match camera::list().cameras.as_slice() {
        [] => bail!("no camera; `kiosk cameras` says more"),
        [camera] => camera.id.parse().map_err(anyhow::Error::msg).context("the camera's own name"),
        several => bail!("which of {} cameras? `kiosk cameras` lists them", several.len()),
    }
}

/// What came of watching a camera.
#[derive(Default)]
struct Seen {
    frames: u32,
    size: (u32, u32),
    readable: u32,
    brightness: f64,
    sharpness: f64,
    faults: Vec<String>,
    /// Stamps of the first and the last frame.
    stamps: Option<(u64, u64)>,
    /// Sent and lost before the first frame was taken.
    before: u64,
    gave_up: bool,
}

impl Seen {
    /// Watches until there were so many frames, or none for so long.
    fn watch(&mut self, feed: &Feed, frames: u32, patience: Duration) {
        let mut reader = Reader::new();
        let mut last = Instant::now();
        while self.frames < frames {
            match feed.next(Duration::from_millis(500)) {
                Delivery::Frame(frame) => {
                    if self.stamps.is_none() {
                        self.before = feed.counts().frames;
                    }
                    last = Instant::now();
                    self.look(&frame, &mut reader);
                }
                Delivery::Fault(error) => {
                    let fault = format!("{error:#}");
                    if self.faults.last() != Some(&fault) {
                        notice(&fault);
                        self.faults.push(fault);
                    }
                }
                Delivery::Nothing => (),
                Delivery::End => return,
            }
            if last.elapsed() > patience {
                self.gave_up = true;
                return;
            }
        }
    }

    fn look(&mut self, frame: &Frame, reader: &mut Reader) {
        let luma = frame.luma();
        self.frames += 1;
        self.size = luma.dimensions();
        self.brightness += brightness(luma);
        self.sharpness += sharpness(luma);
        let (first, _) = self.stamps.unwrap_or((frame.at, frame.at));
        self.stamps = Some((first, frame.at));
        // What a code says is nobody's business here.
        let began = Instant::now();
        let reading = reader.read(luma, &|| began.elapsed() > READING_TIME);
        self.readable += u32::from(!reading.symbols.is_empty());
    }

    fn mean(&self, sum: f64) -> f64 {
        (sum / f64::from(self.frames.max(1)) * 10.0).round() / 10.0
    }

    fn problems(&self) -> Vec<&'static str> {
        let brightness = self.mean(self.brightness);
        [
            (self.gave_up, "it stopped sending frames"),
            (brightness < DARK, "it is too dark"),
            (brightness > LIGHT, "it is too light"),
        ]
        .into_iter()
        .filter_map(|(is, problem)| is.then_some(problem))
        .collect()
    }

    fn json(&self, spec: &CameraSpec, counts: &Counts, problems: &[&str]) -> serde_json::Value {
        let sent = counts.frames.saturating_sub(self.before);
        let took = self.stamps.map_or(0, |(first, last)| last - first);
        let rate = (took > 0).then(|| (sent as f64 * 1e4 / took as f64).round() / 10.0);
        json!({
            "camera": spec.to_string(), "format": counts.camera.format, "width": self.size.0, "height": self.size.1,
            "fps": rate, "frames": self.frames, "dropped": counts.dropped, "damaged": counts.camera.damaged,
            "reopened": counts.camera.reopened, "faults": self.faults,
            "brightness": self.mean(self.brightness), "sharpness": self.mean(self.sharpness),
            "readable": self.readable, "problems": problems,
        })
    }
}

/// The mean of all pixels, 0 to 255.
fn brightness(luma: &GrayImage) -> f64 {
    let sum: u64 = luma.as_raw().iter().map(|pixel| u64::from(*pixel)).sum();
    sum as f64 / luma.as_raw().len().max(1) as f64
}

/// How much neighbors in a line differ, on average, 0 to 255: the same scene has less of it out of focus.
fn sharpness(luma: &GrayImage) -> f64 {
    let lines = luma.as_raw().chunks_exact(luma.width().max(1) as usize);
    let sum: u64 =
        lines.flat_map(|line| line.windows(2)).map(|pair| u64::from(pair[0].abs_diff(pair[1]))).sum();
    sum as f64 / luma.as_raw().len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use image::Luma;

    use super::*;

    #[test]
    fn a_checkerboard_is_sharper_than_a_slope_and_both_are_half_as_bright_as_white() {
        let board = GrayImage::from_fn(64, 64, |x, y| Luma([if (x + y) % 2 == 0 { 0 } else { 255 }]));
        let slope = GrayImage::from_fn(64, 64, |x, _| Luma([(x * 4) as u8]));
        assert!(sharpness(&board) > 250.0 && sharpness(&slope) < 5.0);
        assert!((brightness(&board) - 127.5).abs() < 1.0 && (brightness(&slope) - 126.0).abs() < 1.0);
        assert_eq!((brightness(&GrayImage::default()), sharpness(&GrayImage::default())), (0.0, 0.0));
    }
}
