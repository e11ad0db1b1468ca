//! What an answer sounds like: short tones, made here and played by `aplay` (alsa-utils) where that is installed. The gate's own
//! beeper is another way to hear an answer; a screen without sound works as well.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::notice;
use crate::ui::Scene;

/// Samples a second: enough for tones below 1 kHz.
const RATE: u32 = 16_000;

/// A player that has not ended after so long is ended: the longest melody lasts less than a second.
const PATIENCE: Duration = Duration::from_secs(3);

/// A melody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sound {
    /// Two tones that rise.
    Yes,
    /// Two long tones that fall.
    No,
    /// Three tones of one height.
    Attention,
}

impl Sound {
    /// Returns what is heard when a scene appears, if anything.
    pub fn of(scene: Scene) -> Option<Self> {
        match scene {
            Scene::Yes | Scene::GateOpen => Some(Self::Yes),
            Scene::No => Some(Self::No),
            Scene::Officer | Scene::GateClosed | Scene::GateAlarm => Some(Self::Attention),
            _ => None,
        }
    }

    /// Tones one after another: hertz (0 is silence) and milliseconds. Our choice, and not measured on people.
    fn tones(self) -> &'static [(u32, u32)] {
        match self {
            Self::Yes => &[(660, 120), (0, 20), (880, 200)],
            Self::No => &[(330, 260), (0, 40), (220, 380)],
            Self::Attention => &[(520, 110), (0, 90), (520, 110), (0, 90), (520, 110)],
        }
    }

    /// Returns the sound as samples of 16 bits, little-endian, one channel.
    pub fn samples(self) -> Vec<u8> {
        let tone = |&(hertz, milliseconds): &(u32, u32)| {
            let count = RATE * milliseconds / 1000;
            (0..count).flat_map(move |n| {
                // Without a ramp at both ends of a tone there is a click.
                let ramp = (n.min(count - n) as f32 / (RATE as f32 * 0.01)).min(1.0);
                let phase = std::f32::consts::TAU * hertz as f32 * n as f32 / RATE as f32;
                ((phase.sin() * ramp * 0.5 * f32::from(i16::MAX)) as i16).to_le_bytes()
            })
        };
        self.tones().iter().flat_map(tone).collect()
    }
}

/// Plays sounds, one at a time, on a thread of its own. What comes while one is played is dropped.
#[derive(Debug)]
pub struct Speaker {
    to: SyncSender<Sound>,
}

impl Speaker {
    /// A speaker that hands samples to a program like `aplay`.
    pub fn new(program: PathBuf) -> io::Result<Self> {
        let (to, from) = sync_channel::<Sound>(0);
        thread::Builder::new().name("sound".to_owned()).spawn(move || {
            let mut told = false;
            for sound in from {
                if let Err(error) = play(&program, &sound.samples())
                    && !std::mem::replace(&mut told, true)
                {
                    notice(&format!("no sound: {}: {error}", program.display()));
                }
            }
        })?;
        Ok(Self { to })
    }

    /// Begins to play, and does not wait.
    pub fn play(&self, sound: Sound) {
        let _ = self.to.try_send(sound);
    }
}

fn play(program: &PathBuf, samples: &[u8]) -> io::Result<()> {
    let mut player = Command::new(program)
        .args([
            "--quiet",
            "--file-type=raw",
            "--format=S16_LE",
            "--channels=1",
            &format!("--rate={RATE}"),
            "-",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    // Less than a pipe holds, so that a player that reads nothing does not stop the writer.
    let wrote = player.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(samples));
    let ended = wait(&mut player);
    wrote.and(ended)
}

fn wait(player: &mut Child) -> io::Result<()> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if let Some(status) = player.try_wait()? {
            return if status.success() { Ok(()) } else { Err(io::Error::other(format!("{status}"))) };
        }
        thread::sleep(Duration::from_millis(50));
    }
    player.kill()?;
    player.wait()?;
    Err(io::ErrorKind::TimedOut.into())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    const SOUNDS: [Sound; 3] = [Sound::Yes, Sound::No, Sound::Attention];

    fn script(folder: &Path, text: &str) -> PathBuf {
        let path = folder.join("player");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn answers_sound_different_and_fit_into_a_pipe() {
        for sound in SOUNDS {
            let samples = sound.samples();
            assert!(samples.len() < 65_536 && samples.len() > 6_000, "{sound:?} {}", samples.len());
            let loudest = samples.chunks_exact(2).map(|s| i16::from_le_bytes([s[0], s[1]]).abs()).max();
            assert!((15_000..17_000).contains(&loudest.unwrap()), "{loudest:?}");
            assert!(SOUNDS.iter().filter(|other| other.samples() == samples).count() == 1);
        }
    }

    #[test]
    fn a_player_gets_every_sample() {
        let folder = tempfile::tempdir().unwrap();
        let heard = folder.path().join("heard");
        let player = script(folder.path(), &format!("cat > {}", heard.display()));
        play(&player, &Sound::No.samples()).unwrap();
        assert_eq!(fs::read(heard).unwrap(), Sound::No.samples());
    }

    #[test]
    fn a_player_that_fails_or_hangs_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        assert!(play(&folder.path().join("none"), &[0; 8]).is_err());
        assert!(play(&script(folder.path(), "cat >/dev/null; exit 1"), &[0; 8]).is_err());
        let error = play(&script(folder.path(), "exec sleep 600"), &Sound::Yes.samples()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
