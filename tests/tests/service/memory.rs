//! What is left of a visitor in the memory of a lane once the visit is over, and what a crash leaves on the disk.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use shared::credential::UnverifiedCredential;
use tests::journey::{Journey, START, photo, residents};

const AT: &str = "2026-11-20T10:00:00Z";

/// How long a lane may take to a frame.
const PATIENCE: Duration = Duration::from_secs(120);

/// `O_NONBLOCK`: opening a pipe that nobody reads yet fails.
const NONBLOCK: i32 = 0o4000;

/// A frame that the lane waits for: a pipe in the place of a picture.
struct Waiting(PathBuf);

impl Waiting {
    fn at(path: PathBuf) -> Self {
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        Self(path)
    }

    /// Waits until the lane waits for the frame.
    fn reached(&self, lane: &mut Child) -> File {
        let began = Instant::now();
        loop {
            if let Ok(pipe) = OpenOptions::new().write(true).custom_flags(NONBLOCK).open(&self.0) {
                return pipe;
            }
            assert!(lane.try_wait().unwrap().is_none(), "the lane has ended");
            assert!(began.elapsed() < PATIENCE, "the lane does not come to {}", self.0.display());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A lane that stops twice: when the code was read and the face is awaited, and long after the visit.
struct Visit {
    journey: Journey,
    lane: Child,
    during: Waiting,
    after: Waiting,
}

impl Visit {
    fn new() -> Self {
        let journey = Journey::new();
        journey.resident(1, "border", &[]);
        journey.publish(START);
        let camera = journey.lane("state", AT);
        let during = Waiting::at(camera.join("2-during-1100ms.jpg"));
        for number in 0..20 {
            fs::copy(photo(1, "camera-a"), camera.join(format!("3-face-{:02}.jpg", number))).unwrap();
        }
        for number in 0..200 {
            let scene = residents().join("scene-empty-1.jpg");
            fs::copy(scene, camera.join(format!("4-empty-{}ms.jpg", 60_000 + 1000 * number))).unwrap();
        }
        let after = Waiting::at(camera.join("5-after.jpg"));
        let mut command = journey.command("kiosk");
        command
            .args(["run", "--state", "state", "--purpose", "border", "--camera", "replay:camera", "--at", AT])
            .stdout(File::create(journey.path("outcomes")).unwrap())
            .stderr(Stdio::null());
        let lane = command.spawn().unwrap();
        Self { journey, lane, during, after }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let _ = self.lane.kill();
        let _ = self.lane.wait();
    }
}

/// How often a process's writable memory holds some bytes; `None` where it must not be looked at.
fn count(process: u32, canary: &[u8]) -> Option<usize> {
    let memory = File::open(format!("/proc/{process}/mem")).ok()?;
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let mut found = 0;
    for line in
        maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|rights| rights.starts_with("rw")))
    {
        let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let (from, to) = (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        if memory.read_exact_at(&mut bytes, from).is_ok() {
            let first = canary[0];
            let places = bytes.iter().enumerate().filter(|(_, byte)| **byte == first);
            found += places.filter(|(place, _)| bytes[*place..].starts_with(canary)).count();
        }
    }
    Some(found)
}

fn template(credential: &Path) -> Vec<u8> {
    let bytes = fs::read(credential).unwrap();
    let credential = UnverifiedCredential::decode(&bytes).unwrap();
    credential.claims().face.as_ref().unwrap().as_bytes().to_vec()
}

#[test]
fn a_visit_leaves_no_template_in_memory() {
    let mut visit = Visit::new();
    let template = template(&visit.journey.path("resident-01-border.cbor"));
    let process = visit.lane.id();
    let pipe = visit.during.reached(&mut visit.lane);
    let Some(during) = count(process, &template) else {
        use std::io::Write;
        let words = "\n*** SKIPPED: the memory of another process cannot be read here; it takes an administrator ***\n";
        let _ = writeln!(std::io::stderr(), "{words}");
        return;
    };
    assert!(during > 0, "the search would find it");
    drop(pipe);
    visit.after.reached(&mut visit.lane);
    let outcomes = fs::read_to_string(visit.journey.path("outcomes")).unwrap();
    assert!(outcomes.contains("\"decision\":\"accepted\""), "{outcomes}");
    assert_eq!(count(process, &template), Some(0), "the template is still in memory");
    assert_ne!(count(process, b"border"), Some(0), "the search works");
}

#[test]
fn a_crash_leaves_no_memory_on_the_disk() {
    let mut visit = Visit::new();
    let _pipe = visit.during.reached(&mut visit.lane);
    let process = visit.lane.id().to_string();
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
    // Rust's own handler takes the first for an accident that will happen again, and lets the second one through.
    let began = Instant::now();
    let status = loop {
        assert!(Command::new("kill").args(["-SEGV", &process]).status().unwrap().success());
        std::thread::sleep(Duration::from_millis(100));
        if let Some(status) = visit.lane.try_wait().unwrap() {
            break status;
        }
        assert!(began.elapsed() < PATIENCE, "the lane does not crash");
    };
    assert!(status.signal().is_some() && !status.core_dumped(), "{status:?}");
    let names = fs::read_dir(visit.journey.path(".")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with("core")));
}
