//! Portraits in AVIF, decoded in a process of their own.
//!
//! The one AV1 decoder in Rust under a licence that suits ours ends the process where it panics, and is not free of
//! unsafe code. So a child does it, which has a few bytes to read, a picture to write, and no more memory or time than
//! that takes: whatever becomes of it, the lane goes on.

mod av1;

use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use image::{DynamicImage, RgbImage};
use rustix::process::{Resource, Rlimit, setrlimit};
use shared::face::{UnusablePortrait, avif_still};
use shared::portrait::{MAX_PORTRAIT, PortraitFormat};

/// The command that the child is started with; it is in no help.
pub const COMMAND: &str = "decode-avif";

/// This program, also after an upgrade has put another one in its place.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// How long the child may take: a hundred times what the largest picture takes.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often the child is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// Address space of the child, in bytes: the program itself, and the largest picture several times over.
const CHILD_MEMORY: u64 = 512 << 20;

/// Processor time of the child, in seconds.
const CHILD_TIME: u64 = 1;

/// What the child's answer begins with.
const PICTURE: u8 = 0;
const UNSUPPORTED: u8 = 1;
const SIZE: u8 = 2;

/// Decodes a portrait in AVIF.
pub fn decode(bytes: &[u8]) -> Result<DynamicImage, UnusablePortrait> {
    // A child that cannot be started, or ends otherwise than with an answer, says nothing of the picture but that it
    // could not be decoded.
    answer(bytes).unwrap_or(Err(UnusablePortrait::Damaged))
}

fn answer(bytes: &[u8]) -> io::Result<Result<DynamicImage, UnusablePortrait>> {
    let mut child = Command::new(OWN_PROGRAM)
        .arg(COMMAND)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let (Some(mut input), Some(mut output)) = (input, output) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    // At most 4096 bytes: a pipe takes them at once. A child that ended early takes none, and that is seen below.
    let _ = input.write_all(bytes);
    drop(input);
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let mut answer = Vec::new();
            output.read_to_end(&mut answer).map(|_| answer)
        });
        let ended = wait(&mut child);
        let answer = reader.join().map_err(|_| io::ErrorKind::Other)??;
        ended?;
        parse(&answer).ok_or_else(|| io::ErrorKind::InvalidData.into())
    })
}

/// Waits for the child, and ends it where it takes too long.
fn wait(child: &mut Child) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match child.try_wait()? {
            Some(status) if status.success() => return Ok(()),
            Some(_) => return Err(io::ErrorKind::Other.into()),
            None => thread::sleep(LOOK),
        }
    }
    child.kill()?;
    child.wait()?;
    Err(io::ErrorKind::TimedOut.into())
}

fn parse(answer: &[u8]) -> Option<Result<DynamicImage, UnusablePortrait>> {
    let (kind, rest) = answer.split_first()?;
    if *kind == UNSUPPORTED {
        return Some(Err(UnusablePortrait::Unsupported(PortraitFormat::Avif)));
    }
    let (width, rest) = rest.split_first_chunk()?;
    let (height, pixels) = rest.split_first_chunk()?;
    let (width, height) = (u32::from_be_bytes(*width), u32::from_be_bytes(*height));
    match *kind {
        PICTURE => RgbImage::from_raw(width, height, pixels.to_vec()).map(|picture| Ok(picture.into())),
        SIZE => Some(Err(UnusablePortrait::Size { width, height })),
        _ => None,
    }
}

/// The child: reads a portrait from standard input, writes what [`parse`] reads, and fails where the portrait is
/// damaged.
pub fn run() -> anyhow::Result<ExitCode> {
    limit(Resource::As, CHILD_MEMORY)?;
    limit(Resource::Cpu, CHILD_TIME)?;
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, 0)?;
    let mut bytes = Vec::new();
    io::stdin().lock().take(MAX_PORTRAIT as u64).read_to_end(&mut bytes)?;
    let answer = match still(&bytes) {
        Ok(picture) => {
            let (width, height) = (picture.width().to_be_bytes(), picture.height().to_be_bytes());
            [&[PICTURE][..], &width, &height, picture.as_raw()].concat()
        }
        Err(UnusablePortrait::Unsupported(_)) => vec![UNSUPPORTED],
        Err(UnusablePortrait::Size { width, height }) => {
            [&[SIZE][..], &width.to_be_bytes(), &height.to_be_bytes()].concat()
        }
        Err(_) => return Ok(ExitCode::FAILURE),
    };
    io::stdout().lock().write_all(&answer)?;
    Ok(ExitCode::SUCCESS)
}

fn still(file: &[u8]) -> Result<RgbImage, UnusablePortrait> {
    av1::decode(&avif_still(file)?)
}

fn limit(resource: Resource, most: u64) -> io::Result<()> {
    setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    Ok(())
}
