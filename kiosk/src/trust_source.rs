//! A trust repository in a folder: a copy on disk, or a USB stick that somebody handed in.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use shared::trust::{SourceError, TrustSource};

/// Linux's O_NOFOLLOW | O_NONBLOCK: a link is refused, and opening a pipe does not wait for its writer.
const OPEN_FLAGS: i32 = 0o400_000 | 0o4_000;

/// Reads `metadata/` and `targets/` below one folder; follows no links and reads only ordinary files.
pub struct Directory {
    folder: PathBuf,
}

impl Directory {
    /// Takes a folder without looking at it yet.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    fn read(&self, part: &str, name: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        let error = |problem: &str| SourceError { name: name.to_owned(), problem: problem.to_owned() };
        let relative = Path::new(name);
        if !relative.components().all(|component| matches!(component, Component::Normal(_))) {
            return Err(error("is not a name inside the repository"));
        }
        let mut path = self.folder.join(part);
        let mut components = relative.components().peekable();
        while let Some(component) = components.next() {
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => return Err(error("is reached through something that is not a folder")),
                Err(_) => return Ok(None),
            }
            path.push(component);
            if components.peek().is_none() {
                break;
            }
        }
        let file = match OpenOptions::new().read(true).custom_flags(OPEN_FLAGS).open(&path) {
            Ok(file) => file,
            Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(problem) => return Err(error(&problem.to_string())),
        };
        if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            return Err(error("is not an ordinary file"));
        }
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes).map_err(|problem| error(&problem.to_string()))?;
        if bytes.len() as u64 > limit {
            Err(error(&format!("is larger than {limit} bytes")))
        } else {
            Ok(Some(bytes))
        }
    }
}

impl TrustSource for Directory {
    fn metadata(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        self.read("metadata", name, limit)
    }

    fn target(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, SourceError> {
        self.read("targets", path, limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_files_are_refused_and_reading_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let metadata = folder.path().join("metadata");
        fs::create_dir_all(metadata.join("deep")).unwrap();
        fs::write(metadata.join("plain.json"), b"0123456789").unwrap();
        fs::write(metadata.join("deep/inner.json"), b"1").unwrap();
        std::os::unix::fs::symlink("/etc/hostname", metadata.join("link.json")).unwrap();
        std::os::unix::fs::symlink("deep", metadata.join("linked")).unwrap();
        let source = Directory::new(folder.path());
        assert_eq!(source.metadata("plain.json", 10).unwrap().unwrap(), b"0123456789");
        assert_eq!(source.metadata("deep/inner.json", 10).unwrap().unwrap(), b"1");
        assert_eq!(source.metadata("absent.json", 10), Ok(None));
        for odd in [
            "link.json",
            "linked/inner.json",
            "deep",
            "../metadata/plain.json",
            "/etc/hostname",
            "./plain.json",
        ] {
            let read = source.metadata(odd, 10);
            assert!(read.is_err() || read == source.metadata("plain.json", 10), "{odd}: {read:?}");
        }
        assert!(source.metadata("plain.json", 9).is_err());
    }
}
