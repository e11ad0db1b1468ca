//! Events as lines of a file (NDJSON). A file that is full is renamed, `.1` is the newest of those.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::num::{NonZeroU8, NonZeroU32};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::outbox::Row;
use super::worker::{Sink, Undelivered};
use crate::notice;

/// A file that gets a line for every event.
pub struct LinesFile {
    path: PathBuf,
    /// In bytes.
    largest: u64,
    kept: u8,
    /// The last attempt to begin a new file failed.
    stuck: bool,
}

impl LinesFile {
    /// Names the file; it is created when the first event comes.
    pub fn new(path: &Path, megabytes: NonZeroU32, kept: NonZeroU8) -> Self {
        Self {
            path: path.to_owned(),
            largest: u64::from(megabytes.get()) << 20,
            kept: kept.get(),
            stuck: false,
        }
    }

    fn open(&self) -> std::io::Result<File> {
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).mode(0o640).open(&self.path)?;
        // A line that a power cut left unfinished: the event comes again, whole.
        let length = file.metadata()?.len();
        if length > 0 {
            let mut last = [0];
            file.seek(SeekFrom::Start(length - 1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        Ok(file)
    }

    /// Gives every full file the next number; the last one goes.
    fn rotate(&self) -> std::io::Result<()> {
        for number in (1..self.kept).rev() {
            match fs::rename(self.numbered(number), self.numbered(number + 1)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, self.numbered(1))?;
        self.sync_folder()
    }

    fn numbered(&self, number: u8) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }

    fn sync_folder(&self) -> std::io::Result<()> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    /// Begins a new file if this one is full. One that cannot be put aside goes on growing: no event is lost or written
    /// twice for that.
    fn make_room(&mut self) {
        if fs::metadata(&self.path).is_ok_and(|file| file.len() >= self.largest) {
            let rotated = self.rotate();
            let stuck = std::mem::replace(&mut self.stuck, rotated.is_err());
            if let (Err(error), false) = (rotated, stuck) {
                notice(&format!("events: {} is full and cannot be put aside: {error}", self.path.display()));
            }
        }
    }

    fn append(&self, events: &[Row]) -> std::io::Result<()> {
        let mut file = self.open()?;
        let lines: String = events.iter().map(|event| format!("{}\n", event.body)).collect();
        file.write_all(lines.as_bytes())?;
        file.sync_all()?;
        self.sync_folder()
    }
}

impl Sink for LinesFile {
    fn name(&self) -> &'static str {
        "file"
    }

    fn deliver(&mut self, events: &[Row]) -> Result<(), Undelivered> {
        self.make_room();
        let written = self.append(events).with_context(|| format!("writing {}", self.path.display()));
        written.map_err(Undelivered::Later)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(numbers: std::ops::Range<i64>) -> Vec<Row> {
        numbers.map(|seq| Row { seq, body: format!("{{\"seq\":{seq}}}") }).collect()
    }

    #[test]
    fn full_files_are_numbered_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.ndjson");
        let mut file = LinesFile { path: path.clone(), largest: 30, kept: 2, stuck: false };
        for start in [1, 4, 7, 10] {
            file.deliver(&rows(start..start + 3)).unwrap();
        }
        let text = |name: &str| fs::read_to_string(folder.path().join(name)).ok();
        assert_eq!(text("events.ndjson").unwrap().lines().next(), Some("{\"seq\":10}"));
        assert_eq!(text("events.ndjson.1").unwrap().lines().next(), Some("{\"seq\":7}"));
        assert_eq!(text("events.ndjson.2").unwrap().lines().next(), Some("{\"seq\":4}"));
        assert_eq!(text("events.ndjson.3"), None);
    }

    #[test]
    fn a_full_file_that_cannot_be_put_aside_gets_every_event_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.ndjson");
        fs::create_dir_all(folder.path().join("events.ndjson.1/in the way")).unwrap();
        let mut file = LinesFile { path: path.clone(), largest: 30, kept: 1, stuck: false };
        for start in [1, 4, 7] {
            file.deliver(&rows(start..start + 3)).unwrap();
        }
        assert!(file.stuck);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 9);
        fs::remove_dir_all(folder.path().join("events.ndjson.1")).unwrap();
        file.deliver(&rows(10..11)).unwrap();
        assert!(!file.stuck);
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"seq\":10}\n");
    }

    #[test]
    fn a_torn_line_does_not_spoil_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.ndjson");
        fs::write(&path, "{\"seq\":1}\n{\"se").unwrap();
        let mut file = LinesFile { path: path.clone(), largest: 1 << 20, kept: 1, stuck: false };
        file.deliver(&rows(2..4)).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\"seq\":1}\n{\"se\n{\"seq\":2}\n{\"seq\":3}\n");
        let mut nowhere =
            LinesFile { path: "/nowhere/events.ndjson".into(), largest: 1, kept: 1, stuck: false };
        let Err(Undelivered::Later(error)) = nowhere.deliver(&rows(1..2)) else { panic!("nothing is there") };
        assert!(error.to_string().contains("/nowhere/events.ndjson"), "{error}");
    }
}
