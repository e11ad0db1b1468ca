//! What happens around a kiosk in the camera machine (`tests/camera-machine/`): somebody stands before its camera,
//! somebody scans a code, and in the end the machine is switched off. Runs inside, as root.

use std::collections::HashMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use evdev::uinput::VirtualDevice;
use evdev::{AttributeSet, EventType, InputEvent, KeyCode};
use image::imageops::{FilterType, overlay};
use image::{DynamicImage, Rgb, RgbImage};
use rustix::system::{RebootCommand, reboot};
use v4l::buffer::Type;
use v4l::io::mmap::Stream;
use v4l::io::traits::OutputStream;
use v4l::video::Output;
use v4l::{Device, Format, FourCC};

const USAGE: &str =
    "usage: camera-machine show FOLDER [NAME=VALUE]... | camera-machine type TEXT TIMES |
  camera-machine watch FILE | camera-machine off
show plays the pictures of a folder to a loopback device, for ever, in the order of their names, and says \"showing\" when it does:
  device=/dev/video9 format=MJPG|YUYV|GREY size=WIDTHxHEIGHT rate=30
  hold=MS      how long each picture is shown [default: one frame]
  damaged=N    every Nth frame is damaged
  pause=AT:FOR after AT milliseconds nothing is shown for FOR milliseconds, once
type poses as a keyboard, prints its device, and types the text and Enter so many times, half a second apart
watch prints what a file of one line says, and again whenever it says something else, as {\"at\": MILLISECONDS, \"says\": TEXT}";

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["show", folder, options @ ..] => Show::new(options)?.run(Path::new(folder)),
        ["type", text, times] => keys(text, times.parse()?),
        ["watch", file] => watch(Path::new(file)),
        ["off"] => {
            rustix::fs::sync();
            Ok(reboot(RebootCommand::PowerOff)?)
        }
        _ => bail!(USAGE),
    }
}

/// How pictures are shown.
struct Show<'a> {
    device: &'a str,
    format: &'a str,
    size: (u32, u32),
    frame: Duration,
    hold: Option<Duration>,
    damaged: Option<usize>,
    pause: Option<(Duration, Duration)>,
}

impl<'a> Show<'a> {
    fn new(options: &[&'a str]) -> Result<Self> {
        let mut options: HashMap<&str, &str> =
            options.iter().map(|option| option.split_once('=').context(USAGE)).collect::<Result<_>>()?;
        let milliseconds = |text: &str| -> Result<Duration> { Ok(Duration::from_millis(text.parse()?)) };
        let (width, height) = options.remove("size").unwrap_or("640x480").split_once('x').context(USAGE)?;
        let pause = options.remove("pause").map(|pause| pause.split_once(':').context(USAGE)).transpose()?;
        let show = Self {
            device: options.remove("device").unwrap_or("/dev/video9"),
            format: options.remove("format").unwrap_or("MJPG"),
            size: (width.parse()?, height.parse()?),
            frame: Duration::from_secs(1) / options.remove("rate").unwrap_or("30").parse()?,
            hold: options.remove("hold").map(milliseconds).transpose()?,
            damaged: options.remove("damaged").map(str::parse).transpose()?,
            pause: pause
                .map(|(at, long)| anyhow::Ok((milliseconds(at)?, milliseconds(long)?)))
                .transpose()?,
        };
        if !options.is_empty() {
            bail!(USAGE);
        }
        Ok(show)
    }

    fn run(&self, folder: &Path) -> Result<()> {
        let mut paths: Vec<_> =
            fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        paths.sort();
        let frames = paths
            .iter()
            .map(|path| {
                let picture = image::open(path).with_context(|| path.display().to_string())?;
                self.encode(&self.fitted(&picture))
            })
            .collect::<Result<Vec<_>>>()?;
        let longest = frames.iter().map(Vec::len).max().context("no pictures")?;
        let device = self.agree(longest)?;
        let mut stream = Stream::with_buffers(&device, Type::VideoOutput, 4)?;
        let each = self.hold.unwrap_or(self.frame);
        let began = Instant::now();
        let mut pause = self.pause;
        for number in 0.. {
            let due = self.frame * u32::try_from(number)?;
            thread::sleep(due.saturating_sub(began.elapsed()));
            if let Some((_, long)) = pause.take_if(|(at, _)| began.elapsed() >= *at) {
                thread::sleep(long);
            }
            // A buffer has the remains of the frame before it, which would mend a shorter one.
            // By the time, not by counting: a machine that is late shows fewer frames, and not everything later.
            let turn = began.elapsed().as_micros() / each.as_micros();
            let mut frame = frames[usize::try_from(turn)? % frames.len()].clone();
            frame.resize(longest, 0);
            if self.damaged.is_some_and(|every| number % every == every - 1) {
                damage(&mut frame, number);
            }
            let (buffer, meta) = OutputStream::next(&mut stream)?;
            buffer.get_mut(..longest).context("the device's buffers are too small")?.copy_from_slice(&frame);
            meta.bytesused = u32::try_from(longest)?;
            // A buffer is handed over when the next one is asked for.
            if number == 1 {
                writeln!(std::io::stdout(), "showing")?;
            }
        }
        Ok(())
    }

    /// The picture as large as it fits, before a grey wall.
    fn fitted(&self, picture: &DynamicImage) -> DynamicImage {
        let (width, height) = self.size;
        let picture = picture.resize(width, height, FilterType::Triangle).to_rgb8();
        let mut wall = RgbImage::from_pixel(width, height, Rgb([200; 3]));
        let (left, top) = ((width - picture.width()) / 2, (height - picture.height()) / 2);
        overlay(&mut wall, &picture, left.into(), top.into());
        wall.into()
    }

    /// Tells the device what will come.
    fn agree(&self, longest: usize) -> Result<Device> {
        let code = FourCC::new(self.format.as_bytes().try_into()?);
        let mut format = Format::new(self.size.0, self.size.1, code);
        format.size = u32::try_from(longest)?;
        let device = Device::with_path(self.device)?;
        let agreed = device.set_format(&format)?;
        if (agreed.width, agreed.height, agreed.fourcc) != (format.width, format.height, code) {
            bail!("{} does not take it: {agreed}", self.device);
        }
        Ok(device)
    }

    fn encode(&self, picture: &DynamicImage) -> Result<Vec<u8>> {
        Ok(match self.format {
            "MJPG" => {
                let mut file = Cursor::new(vec![]);
                image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 85)
                    .encode_image(&picture.to_rgb8())?;
                file.into_inner()
            }
            "YUYV" => yuyv(&picture.to_rgb8()),
            "GREY" => picture.to_luma8().into_raw(),
            _ => bail!(USAGE),
        })
    }
}

/// ITU-R BT.601, limited range.
fn yuyv(picture: &RgbImage) -> Vec<u8> {
    let luma = |[red, green, blue]: [f32; 3]| 16.0 + 0.257 * red + 0.504 * green + 0.098 * blue;
    let pixels: Vec<[f32; 3]> = picture.pixels().map(|pixel| pixel.0.map(f32::from)).collect();
    let pairs = pixels.chunks_exact(2).flat_map(|pair| {
        let [red, green, blue] = [0, 1, 2].map(|channel| (pair[0][channel] + pair[1][channel]) / 2.0);
        let u = 128.0 - 0.148 * red - 0.291 * green + 0.439 * blue;
        let v = 128.0 + 0.439 * red - 0.368 * green - 0.071 * blue;
        [luma(pair[0]), u, luma(pair[1]), v].map(|value| value.round() as u8)
    });
    pairs.collect()
}

/// Damages a frame, in turn: its end is missing, its beginning is missing, or nothing of it makes sense.
fn damage(frame: &mut [u8], number: usize) {
    let middle = frame.len() / 4;
    match number / 7 % 3 {
        0 => frame[middle..].fill(0),
        1 => frame[..middle].fill(0),
        _ => frame.iter_mut().enumerate().for_each(|(place, byte)| *byte = (place * 167 % 251) as u8),
    }
}

/// Poses as a scanner.
fn keys(text: &str, times: u32) -> Result<()> {
    let keys: AttributeSet<KeyCode> = (1..128).map(KeyCode::new).collect();
    let mut device = VirtualDevice::builder()?.name("A scanner").with_keys(&keys)?.build()?;
    for node in device.enumerate_dev_nodes_blocking()? {
        writeln!(std::io::stdout(), "{}", node?.display())?;
    }
    for _ in 0..times {
        thread::sleep(Duration::from_millis(500));
        for character in text.chars().chain(['\n']) {
            // As fast as a fast scanner.
            thread::sleep(Duration::from_millis(2));
            let (key, shift) = key(character)?;
            let press = |key: KeyCode, value| InputEvent::new(EventType::KEY.0, key.0, value);
            if shift {
                device.emit(&[press(KeyCode::KEY_LEFTSHIFT, 1)])?;
            }
            device.emit(&[press(key, 1)])?;
            device.emit(&[press(key, 0)])?;
            if shift {
                device.emit(&[press(KeyCode::KEY_LEFTSHIFT, 0)])?;
            }
        }
    }
    Ok(())
}

/// How often a watched file is read: often enough for the shortest pulse that opens a gate.
const TURN: Duration = Duration::from_millis(5);

/// Prints what a file says, for ever: a line of a simulated GPIO chip, for one.
fn watch(file: &Path) -> Result<()> {
    let (began, mut before) = (Instant::now(), None);
    loop {
        let says = fs::read_to_string(file)?.trim().to_owned();
        if before.as_ref() != Some(&says) {
            let at = u64::try_from(began.elapsed().as_millis())?;
            writeln!(std::io::stdout(), "{}", serde_json::json!({ "at": at, "says": says }))?;
            before = Some(says);
        }
        thread::sleep(TURN);
    }
}

/// The key that types a character of Base45, and whether Shift is held.
fn key(character: char) -> Result<(KeyCode, bool)> {
    let named = |name: &str| name.parse::<KeyCode>().map_err(|_| anyhow::anyhow!("no key is called {name}"));
    Ok(match character {
        'A'..='Z' => (named(&format!("KEY_{character}"))?, true),
        'a'..='z' => (named(&format!("KEY_{}", character.to_ascii_uppercase()))?, false),
        '0'..='9' => (named(&format!("KEY_{character}"))?, false),
        '\n' => (KeyCode::KEY_ENTER, false),
        ' ' => (KeyCode::KEY_SPACE, false),
        '$' => (KeyCode::KEY_4, true),
        '%' => (KeyCode::KEY_5, true),
        '*' => (KeyCode::KEY_8, true),
        '+' => (KeyCode::KEY_EQUAL, true),
        '-' => (KeyCode::KEY_MINUS, false),
        '.' => (KeyCode::KEY_DOT, false),
        '/' => (KeyCode::KEY_SLASH, false),
        ':' => (KeyCode::KEY_SEMICOLON, true),
        _ => bail!("{character:?} is not in Base45"),
    })
}
