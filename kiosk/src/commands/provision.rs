//! `kiosk provision`: makes a new machine the kiosk that its agency wants it to be.
//!
//! The code says by its hash which root to believe; the root itself comes with the repository and is held against it.
//! The code is authentic if its fingerprint is the one that the agency told the installer by another way, so that has to
//! be typed in: what is only shown gets waved through.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;
use shared::provisioning::{Fingerprint, Provisioning};
use shared::time::Timestamp;
use shared::trust::TrustSource;

use super::{answer, now, picture, state_folder, trust};
use crate::camera::{self, CameraSpec};
use crate::cli::Provision;
use crate::decide::read_code;
use crate::notice;
use crate::settings::{CameraSettings, Settings};
use crate::state::{FILE, State};
use crate::trust_source::Directory;

/// The longest file with the text of a code, in bytes: a line break more than the longest text.
const MAX_FILE: u64 = 4298;

/// The largest root metadata, in bytes, as the TUF client takes it.
const MAX_ROOT: u64 = 512 << 10;

/// How long the camera is watched for a code.
const PATIENCE: Duration = Duration::from_secs(60);

/// The settings file's name in the state folder, where nobody names another place.
const SETTINGS: &str = "kiosk.toml";

pub fn run(arguments: &Provision, as_json: bool) -> Result<ExitCode> {
    let clock = now(arguments.place.at);
    let folder = state_folder(arguments.place.state.as_deref())?;
    refuse_twice(&folder)?;
    let provisioning = read(arguments)?;
    let repository = arguments.repository.clone().unwrap_or_else(|| PathBuf::from(provisioning.repository()));
    let Some(typed) = arguments.fingerprint else {
        notice(&describe(&provisioning));
        bail!(
            "nothing was changed; get the fingerprint from the agency by another way, and give it with --fingerprint"
        );
    };
    authentic(&provisioning, typed)?;
    let file = arguments.config.clone().unwrap_or_else(|| folder.join(SETTINGS));
    let text = settings_text(&provisioning, &repository, &folder, clock)?;
    let root = root(&provisioning, &repository)?;
    // The file comes first: a power cut in between leaves a machine that is not provisioned, and can be.
    let mut state = State::open(&folder)?;
    let store = trust::verify(&state, &repository, &root, clock)?;
    if store.0.policy(provisioning.purpose()).is_none() {
        bail!("the repository has no policy for {}; ask the agency for another code", provisioning.purpose());
    }
    write_settings(&file, &text)?;
    trust::take_over(&mut state, &root, &store, clock)?;
    let json = json!({
        "lane": provisioning.lane(), "purpose": provisioning.purpose(), "repository": repository,
        "root": hex::encode(provisioning.root()), "settings": file, "state": folder, "fingerprint": typed.to_string(),
    });
    let text = format!(
        "✔ this machine is {}, for {}\n  settings  {}\n  state     {}\n  next      kiosk doctor --config {}",
        provisioning.lane(),
        provisioning.purpose(),
        file.display(),
        folder.display(),
        file.display()
    );
    answer(as_json, &json, &text)?;
    Ok(ExitCode::SUCCESS)
}

/// A kiosk belongs to one agency for good: what it remembers would be lost or mixed up.
fn refuse_twice(folder: &Path) -> Result<()> {
    if folder.join(FILE).exists() && State::open(folder)?.root()?.is_some() {
        bail!(
            "this kiosk is provisioned already. For another agency, or to begin anew, take a new state folder (--state DIR) \
             and keep {} for the auditors; other settings need no provisioning",
            folder.display()
        );
    }
    Ok(())
}

fn read(arguments: &Provision) -> Result<Provisioning> {
    let text = match (&arguments.file, &arguments.image, &arguments.camera) {
        (Some(file), ..) => text_of(file)?,
        (_, Some(image), _) => read_code(&picture(image)?)
            .map_err(|reason| anyhow::anyhow!("{}: {}", image.display(), reason.code()))?,
        (_, _, Some(camera)) => return look(camera),
        (None, None, None) => bail!("give the code: FILE, --image PNG or --camera CAMERA"),
    };
    Provisioning::decode(text.trim_end_matches(['\r', '\n'])).context("this is no provisioning code")
}

fn text_of(file: &Path) -> Result<String> {
    let reading = || format!("reading {}", file.display());
    let mut text = String::new();
    fs::File::open(file)
        .with_context(reading)?
        .take(MAX_FILE)
        .read_to_string(&mut text)
        .with_context(reading)?;
    Ok(text)
}

/// Watches a camera until it shows a provisioning code; other codes are passed over.
fn look(spec: &CameraSpec) -> Result<Provisioning> {
    notice("hold the provisioning code before the camera");
    let began = Instant::now();
    let settings = CameraSettings { code: Some(spec.clone()), ..CameraSettings::default() };
    let mut camera = camera::open(&settings, began)?.code;
    while began.elapsed() < PATIENCE {
        let Some(frame) = camera.next_frame()? else { break };
        if let Some(found) = read_code(frame.picture()).ok().and_then(|text| Provisioning::decode(&text).ok())
        {
            return Ok(found);
        }
    }
    bail!("the camera showed no provisioning code")
}

/// What the code says, for whoever installs the machine; the fingerprint is not among it.
fn describe(provisioning: &Provisioning) -> String {
    let settings = match provisioning.settings().trim() {
        "" => "none".to_owned(),
        settings => settings.replace('\n', "\n              "),
    };
    format!(
        "lane          {}\npurpose       {}\nrepository    {}\nroot          SHA-256 {}\nsettings      {settings}",
        provisioning.lane(),
        provisioning.purpose(),
        provisioning.repository(),
        hex::encode(provisioning.root()),
    )
}

fn authentic(provisioning: &Provisioning, typed: Fingerprint) -> Result<()> {
    if provisioning.fingerprint() != typed {
        bail!(
            "the fingerprint is not that of this code: it was mistyped, or the code is not the agency's; nothing was changed"
        );
    }
    Ok(())
}

/// Takes the root out of the repository, and holds it against the code.
fn root(provisioning: &Provisioning, repository: &Path) -> Result<Vec<u8>> {
    let found = Directory::new(repository).metadata("1.root.json", MAX_ROOT)?;
    let root = found.with_context(|| {
        format!("{} is no trust repository; say where it is with --repository DIR", repository.display())
    })?;
    if !provisioning.names_root(&root) {
        bail!(
            "the repository in {} has another root than the code names; nothing was changed",
            repository.display()
        );
    }
    Ok(root)
}

/// The settings file, which has to be one that a lane starts with.
fn settings_text(
    provisioning: &Provisioning,
    repository: &Path,
    folder: &Path,
    now: Timestamp,
) -> Result<String> {
    // JSON's strings are TOML's basic strings, too.
    let string = |text: &str| serde_json::to_string(text).context("writing the settings");
    let path = |path: &Path| string(path.to_str().context("a path that is not UTF-8")?);
    let text = format!(
        "# Written by `kiosk provision` {now}; fingerprint {}.\nlane = {}\npurpose = {}\nrepository = {}\nstate = {}\n{}",
        provisioning.fingerprint(),
        string(provisioning.lane())?,
        string(provisioning.purpose().as_str())?,
        path(&std::path::absolute(repository)?)?,
        path(&std::path::absolute(folder)?)?,
        provisioning.settings()
    );
    Settings::parse(&text).context("the settings in the code")?;
    Ok(text)
}

/// Writes a file that is not there yet, or that is the same but for its first line.
fn write_settings(file: &Path, text: &str) -> Result<()> {
    let writing = || format!("writing {}", file.display());
    let rest = |text: &str| text.split_once('\n').map(|(_, rest)| rest.to_owned());
    if let Ok(old) = fs::read_to_string(file) {
        if rest(&old) == rest(text) {
            return Ok(());
        }
        bail!(
            "{} is there already, with other settings; move it away, or name another with --config",
            file.display()
        );
    }
    let mut new =
        fs::OpenOptions::new().write(true).create_new(true).mode(0o644).open(file).with_context(writing)?;
    new.write_all(text.as_bytes()).and_then(|()| new.sync_all()).with_context(writing)
}

#[cfg(test)]
mod tests {
    use shared::credential::Purpose;
    use shared::provisioning::root_hash;

    use super::*;

    fn provisioning(settings: &str) -> Provisioning {
        let purpose = Purpose::parse("border").unwrap();
        Provisioning::new(root_hash(b"root"), "/REPO", purpose, "Lane \"3\" \\ north", settings).unwrap()
    }

    #[test]
    fn settings_of_a_code_are_those_of_a_lane() {
        let write = |settings: &str| {
            let now = Timestamp::from_unix(1_800_000_000).unwrap();
            settings_text(&provisioning(settings), "/REPO".as_ref(), "/state".as_ref(), now)
        };
        let settings = Settings::parse(&write("[camera]\ncode = \"replay:x\"\n").unwrap()).unwrap();
        assert_eq!(settings.lane.as_deref(), Some("Lane \"3\" \\ north"));
        assert_eq!(settings.camera.code.map(|code| code.to_string()).as_deref(), Some("replay:x"));
        for wrong in ["purpose = \"hotel\"", "unknown = 1", "camera = ", "state = \"/elsewhere\""] {
            assert!(write(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_settings_file_is_never_replaced_by_another() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kiosk.toml");
        write_settings(&file, "# now\nlane = 1\n").unwrap();
        write_settings(&file, "# later\nlane = 1\n").unwrap();
        assert!(write_settings(&file, "# later\nlane = 2\n").is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), "# now\nlane = 1\n");
    }
}
