//! Face model files: where they are, and loading them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use shared::face::{FaceEngine, LoadError, Manifest, ManifestError, ModelEntry, search_path};

/// Loads every model of the shipped manifest.
pub fn load(option: Option<&Path>) -> Result<FaceEngine, LoadError> {
    let folders = folders(option);
    FaceEngine::load(&Manifest::shipped(), |entry| read(entry, &folders))
}

/// Reads a model's file from the first folder that has it.
pub fn read(entry: &ModelEntry, folders: &[PathBuf]) -> Result<Vec<u8>, ManifestError> {
    let found = folders.iter().find_map(|folder| fs::read(folder.join(&entry.file)).ok());
    found.ok_or_else(|| ManifestError::missing(entry, folders))
}

/// The folders that are looked in, first to last.
pub fn folders(option: Option<&Path>) -> Vec<PathBuf> {
    let variable = env::var_os("GATEPASS_MODELS").map(PathBuf::from);
    search_path(option, variable.as_deref(), data_home().as_deref())
}

/// Where `kiosk models install` puts files.
pub fn install_folder() -> Option<PathBuf> {
    data_home().map(|folder| folder.join("gatepass").join("models"))
}

/// The user's data folder (XDG Base Directory Specification).
pub fn data_home() -> Option<PathBuf> {
    env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".local/share")))
}
