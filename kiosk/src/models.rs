//! Face models: which ones this kiosk works with, and loading them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use shared::face::{FaceEngine, LoadError, ModelSource};

/// Loads the models that were named, installed or are built in, in this order.
pub fn load(option: Option<&Path>) -> Result<FaceEngine, LoadError> {
    source(option).load(|path| fs::read(path).ok())
}

/// Says where the models come from.
pub fn source(option: Option<&Path>) -> ModelSource {
    let variable = env::var_os("GATEPASS_MODELS").map(PathBuf::from);
    ModelSource::choose(option.or(variable.as_deref()), install_folder().as_deref(), Path::exists)
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
