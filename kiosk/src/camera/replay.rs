//! A recorded camera: the pictures of a folder, in the order of their names.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use image::DynamicImage;
use shared::face::decode;

use super::{Camera, Frame};

/// Time between two pictures where their names do not tell, in milliseconds: 10 frames a second.
const INTERVAL: u64 = 100;

/// Plays a folder of PNG and JPEG files, one frame each.
///
/// A name that ends in `-<number>ms`, as `face-1500ms.jpg`, says when the frame was taken, counted from the
/// start; other frames follow the one before them after a tenth of a second.
pub struct Replay {
    frames: std::vec::IntoIter<PathBuf>,
    next_at: u64,
}

impl Replay {
    /// Lists the folder's pictures.
    pub fn open(folder: &Path) -> Result<Self> {
        let mut frames: Vec<PathBuf> = fs::read_dir(folder)
            .with_context(|| format!("opening the recorded camera {}", folder.display()))?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<std::io::Result<_>>()?;
        frames.retain(|path| {
            path.extension().is_some_and(|extension| {
                ["png", "jpg", "jpeg"].iter().any(|known| extension.eq_ignore_ascii_case(known))
            })
        });
        frames.sort();
        if frames.is_empty() {
            bail!("the recorded camera {} holds no PNG or JPEG picture", folder.display());
        }
        Ok(Self { frames: frames.into_iter(), next_at: 0 })
    }
}

impl Camera for Replay {
    fn next_frame(&mut self) -> Result<Option<Frame>> {
        let Some(path) = self.frames.next() else { return Ok(None) };
        let at = recorded_at(&path).unwrap_or(self.next_at).max(self.next_at);
        self.next_at = at + INTERVAL;
        let bytes = fs::read(&path).with_context(|| format!("reading frame {}", path.display()))?;
        // A damaged frame is a frame that shows nothing; the stream goes on.
        let picture = decode(&bytes).unwrap_or_else(|_| DynamicImage::new_luma8(1, 1));
        Ok(Some(Frame::new(picture, at)))
    }

    fn is_recorded(&self) -> bool {
        true
    }
}

fn recorded_at(path: &Path) -> Option<u64> {
    let (_, number) = path.file_stem()?.to_str()?.rsplit_once('-')?;
    number.strip_suffix("ms")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_in_order_with_their_times_and_damage_does_not_stop_them() {
        let folder = tempfile::tempdir().unwrap();
        DynamicImage::new_luma8(8, 8).save(folder.path().join("a.png")).unwrap();
        fs::write(folder.path().join("b-2000ms.jpg"), b"damaged").unwrap();
        fs::write(folder.path().join("notes.txt"), b"not a frame").unwrap();
        DynamicImage::new_luma8(9, 9).save(folder.path().join("c.png")).unwrap();
        let mut camera = Replay::open(folder.path()).unwrap();
        let mut seen = vec![];
        while let Some(frame) = camera.next_frame().unwrap() {
            seen.push((frame.at, frame.picture().width()));
        }
        assert_eq!(seen, [(0, 8), (2000, 1), (2100, 9)]);
        assert!(Replay::open(&folder.path().join("absent")).is_err());
    }
}
