//! Which models a program works with: the built-in ones, or what the operator configured.

use std::path::{Path, PathBuf};

use super::engine::{DEFAULT_SET, FaceEngine, LoadError};
use super::manifest::{Manifest, ManifestError, ModelSet};

/// The name of a manifest in a folder of models that somebody else supplies.
const MANIFEST_FILE: &str = "manifest.toml";
/// The set that a folder without a manifest of its own is expected to hold.
pub const INSTALLABLE_SET: &str = "standard";

/// Where the models come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ModelSource {
    /// The default set, from the program itself.
    BuiltIn,
    /// A folder: with a `manifest.toml` of its own the first set in that, else the installable set.
    Folder(PathBuf),
}

impl ModelSource {
    /// Chooses: what was named wins, then what is installed, then what is built in.
    ///
    /// `named` is `--models` or `$GATEPASS_MODELS`, where `default` means the built-in set; `installed` is where
    /// `kiosk models install` puts files, looked at only if `exists` says that it is there.
    pub fn choose(named: Option<&Path>, installed: Option<&Path>, exists: impl Fn(&Path) -> bool) -> Self {
        match named {
            Some(name) if name == Path::new(DEFAULT_SET) => Self::BuiltIn,
            Some(folder) => Self::Folder(folder.to_owned()),
            None => match installed {
                Some(folder) if exists(folder) => Self::Folder(folder.to_owned()),
                _ => Self::BuiltIn,
            },
        }
    }

    /// Returns the set; `read` fetches a file, or nothing where there is none.
    ///
    /// # Errors
    /// A manifest that is wrong or empty.
    pub fn set(&self, read: impl Fn(&Path) -> Option<Vec<u8>>) -> Result<ModelSet, ManifestError> {
        let Self::Folder(folder) = self else { return Manifest::shipped().set(DEFAULT_SET).cloned() };
        let Some(own) = read(&folder.join(MANIFEST_FILE)) else {
            return Manifest::shipped().set(INSTALLABLE_SET).cloned();
        };
        let own = Manifest::parse(&String::from_utf8_lossy(&own))?;
        own.sets.into_iter().next().ok_or(ManifestError::NoSet { id: "any".to_owned() })
    }

    /// Loads the models.
    ///
    /// # Errors
    /// As [`FaceEngine::load`].
    pub fn load(&self, read: impl Fn(&Path) -> Option<Vec<u8>>) -> Result<FaceEngine, LoadError> {
        let Self::Folder(folder) = self else { return FaceEngine::built_in() };
        FaceEngine::load(&self.set(&read)?, |entry| {
            read(&folder.join(&entry.file)).ok_or_else(|| ManifestError::missing(entry, folder))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_named_wins_then_what_is_installed() {
        let (named, installed) = (Path::new("/a"), Path::new("/b"));
        let choose = |named, there| ModelSource::choose(named, Some(installed), |_| there);
        assert_eq!(choose(Some(named), true), ModelSource::Folder("/a".into()));
        assert_eq!(choose(Some(Path::new("default")), true), ModelSource::BuiltIn);
        assert_eq!(choose(None, true), ModelSource::Folder("/b".into()));
        assert_eq!(choose(None, false), ModelSource::BuiltIn);
        assert_eq!(ModelSource::choose(None, None, |_| true), ModelSource::BuiltIn);
    }

    #[test]
    fn a_folder_may_bring_its_own_manifest() {
        let folder = ModelSource::Folder("/x".into());
        assert_eq!(folder.set(|_| None).unwrap().id, "standard");
        assert_eq!(ModelSource::BuiltIn.set(|_| None).unwrap().id, "default");
        let own = |text: &'static str| {
            folder.set(move |path| (path == Path::new("/x/manifest.toml")).then(|| text.into()))
        };
        assert_eq!(own("[[set]]\nid = \"ours\"\nabout = \"\"\nmodel = []").unwrap().id, "ours");
        assert!(own("set = []").is_err());
        assert!(own("what").is_err());
        assert!(matches!(folder.load(|_| None), Err(LoadError::Manifest(ManifestError::Missing { .. }))));
    }

    #[test]
    fn the_built_in_set_loads() {
        let engine = ModelSource::BuiltIn.load(|_| None).unwrap();
        assert_eq!(engine.set(), "default");
        assert_eq!(engine.models().len(), 3);
    }
}
