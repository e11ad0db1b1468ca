//! A trust repository in a folder: a copy on disk, or a USB stick that somebody handed in.

use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::OFlags;
use shared::trust::{SourceError, TrustSource};

/// A link is refused, and opening a pipe does not wait for its writer.
const OPEN_FLAGS: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK);

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
        let file =
            match OpenOptions::new().read(true).custom_flags(OPEN_FLAGS.bits().cast_signed()).open(&path) {
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
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::process::Command;
    use std::time::{Duration, Instant};

    use ::tests::World;
    use shared::trust::{Files, update};

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

    /// A repository that can be imported, on a stick.
    fn stick(world: &World) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in world.repository(1, world.start) {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        folder
    }

    fn import(stick: &Path, world: &World) -> Result<(), String> {
        let result = update(Directory::new(stick), &world.root(), &Files::new(), world.start);
        result.map(|_| ()).map_err(|error| error.to_string())
    }

    fn make(program: &str, arguments: &[&str], path: &Path) -> bool {
        let mut command = Command::new(program);
        command.args(&arguments[..1]).arg(path).args(&arguments[1..]);
        command.output().is_ok_and(|output| output.status.success())
    }

    /// Each of these would be followed, wait for ever, or fill the memory if it were opened like a file.
    #[test]
    fn what_is_not_a_file_is_not_read() {
        let world = World::default();
        let place = |odd: &dyn Fn(&Path)| {
            let stick = stick(&world);
            let timestamp = stick.path().join("metadata/timestamp.json");
            fs::rename(&timestamp, stick.path().join("real.json")).unwrap();
            odd(&timestamp);
            let started = Instant::now();
            let error = import(stick.path(), &world).expect_err("an odd file was read");
            assert!(started.elapsed() < Duration::from_secs(5), "{error}");
            error
        };
        let link = place(&|path| std::os::unix::fs::symlink("../real.json", path).unwrap());
        assert!(link.contains("timestamp.json"), "{link}");
        place(&|path| std::os::unix::fs::symlink("/dev/zero", path).unwrap());
        place(&|path| fs::create_dir(path).unwrap());
        let pipe = place(&|path| assert!(make("mkfifo", &["-m600"], path)));
        assert!(pipe.contains("not an ordinary file"), "{pipe}");
        place(&|path| drop(std::os::unix::net::UnixListener::bind(path).unwrap()));
        // Making a device takes an administrator, and a disk that allows it.
        let device = tempfile::tempdir().unwrap();
        if make("mknod", &["-m600", "c", "1", "5"], &device.path().join("zero")) {
            let zero = place(&|path| assert!(make("mknod", &["-m600", "c", "1", "5"], path)));
            assert!(zero.contains("not an ordinary file") || zero.contains("denied"), "{zero}");
        } else {
            crate::notice("*** SKIPPED: a device file cannot be made here ***");
        }
    }

    #[test]
    fn a_link_on_the_way_is_not_followed() {
        let world = World::default();
        for part in ["metadata", "targets", "targets/issuers", "targets/issuers/xa", "targets/policy"] {
            let stick = stick(&world);
            let (path, elsewhere) = (stick.path().join(part), stick.path().join("elsewhere"));
            fs::rename(&path, &elsewhere).unwrap();
            std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
            assert!(import(stick.path(), &world).is_err(), "{part}");
            fs::remove_file(&path).unwrap();
            fs::rename(&elsewhere, &path).unwrap();
            assert_eq!(import(stick.path(), &world), Ok(()), "{part}");
        }
    }

    /// Four gigabytes that take no room on the stick.
    #[test]
    fn a_file_without_end_costs_nothing() {
        let world = World::default();
        let names: Vec<String> = world.repository(1, world.start).into_keys().collect();
        for name in names.iter().filter(|name| *name != "metadata/1.root.json") {
            let stick = stick(&world);
            fs::OpenOptions::new()
                .write(true)
                .open(stick.path().join(name))
                .unwrap()
                .set_len(4 << 30)
                .unwrap();
            let started = Instant::now();
            let error = import(stick.path(), &world).expect_err("four gigabytes");
            assert!(error.contains("larger than"), "{name}: {error}");
            assert!(started.elapsed() < Duration::from_secs(5), "{name}");
        }
    }

    /// Names that no metadata asks for are never looked at, however many there are and whatever they are made of.
    #[test]
    fn a_crowd_of_names_is_passed_over() {
        let world = World::default();
        let stick = stick(&world);
        for folder in ["metadata", "targets/issuers/xa"] {
            let folder = stick.path().join(folder);
            for number in 0..20_000 {
                fs::File::create(folder.join(format!("{number:06}"))).unwrap();
            }
            fs::File::create(folder.join(OsStr::from_bytes(b"\xff\xfe.json"))).unwrap();
            fs::File::create(folder.join("\u{202e}nosj.\n")).unwrap();
        }
        let started = Instant::now();
        assert_eq!(import(stick.path(), &world), Ok(()));
        assert!(started.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn names_that_lead_out_of_the_folder_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("repository/targets")).unwrap();
        fs::write(folder.path().join("secret"), b"1").unwrap();
        let source = Directory::new(&folder.path().join("repository"));
        let absolute = folder.path().join("secret");
        for name in ["../../secret", "..", "a/../../../secret", absolute.to_str().unwrap(), "nul\0byte", ""] {
            let read = source.target(name, 10);
            assert!(!matches!(read, Ok(Some(_))), "{name:?}: {read:?}");
        }
    }
}
