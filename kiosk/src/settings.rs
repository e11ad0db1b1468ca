//! The settings of a lane: `kiosk run --config FILE` (TOML). Unknown keys are refused.

use std::fs;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use shared::credential::{PROOF_LIFE, Purpose};
use shared::trust::FalseMatchRate;

use crate::camera::{CameraSpec, PixelFormat, Wanted};
use crate::gate::settings::GateSettings;
use crate::scanner::ScannerName;
use crate::{accounts, events};

/// A settings file. Every key is optional; the command line wins.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The lane's name, for people.
    pub lane: Option<String>,
    /// What the lane decides for.
    pub purpose: Option<Purpose>,
    /// Where frames come from.
    pub camera: CameraSettings,
    /// Readers of codes besides the camera.
    pub scanner: Vec<ScannerName>,
    /// The trust repository that `kiosk trust import --config` takes over, a folder.
    pub repository: Option<PathBuf>,
    /// The state folder.
    pub state: Option<PathBuf>,
    /// Folder with the face models, or `default`.
    pub models: Option<PathBuf>,
    /// After how many days the bodies of the journal's rows are shredded, 1 to 65535 [default: 90].
    pub journal_days: Option<NonZeroU16>,
    /// How rarely a stranger's face may match by chance, as N of "1 in N"; never laxer than the policy.
    pub false_match_one_in: Option<FalseMatchRate>,
    /// What lets people through; announced on standard error where the section is missing.
    #[serde(default)]
    pub gate: GateSettings,
    /// `[site]`: the memory of used codes that the lanes of a site share [default: this is the only lane].
    pub site: Option<SiteSettings>,
    /// `[clock]`: how wrong the clock may be.
    #[serde(default)]
    pub clock: ClockSettings,
    /// `[operator]`: the page of the officers, and the metrics.
    #[serde(default)]
    pub operator: Operator,
    /// `[accounts]`: the organization's directory of accounts; without it nobody is known again.
    pub accounts: Option<accounts::Settings>,
    /// `[events]`: who else hears of the visits; without it nobody does.
    pub events: Option<events::Settings>,
    /// `[screen]`: the resident's screen.
    #[serde(default)]
    pub screen: Screen,
}

/// `[site]`: the memory of used codes that the lanes of a site share, in Redis (7.0 or newer) or Valkey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteSettings {
    /// Where the server is: `redis://[user@]host[:port][/db]` or `redis+unix:///path/of/socket[?user=NAME]`.
    pub url: String,
    /// The file whose first line is the password [default: the server asks for none].
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// What this lane calls itself, for the people who look for a fault [default: `lane`].
    #[serde(default = "default_lane")]
    pub lane: String,
    /// What the names of its keys begin with, where several sites share a server [default: `gatepass`].
    #[serde(default = "default_prefix")]
    pub prefix: String,
}

impl SiteSettings {
    /// A site of which no more is known than where it is.
    pub fn at(url: String) -> Self {
        Self { url, password_file: None, lane: default_lane(), prefix: default_prefix() }
    }
}

fn default_lane() -> String {
    "lane".to_owned()
}

fn default_prefix() -> String {
    "gatepass".to_owned()
}

/// `[clock]`: how wrong the clock may be. docs/kiosk/clock.md says what to write where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClockSettings {
    /// How wrong the clock may possibly be for codes to be decided without an officer, in seconds [default: 15, one rotation
    /// of a code].
    pub max_error_seconds: u16,
    /// How wrong the clock is at most where nothing sets it by the network: the operator vouches for it, in seconds
    /// [default: nobody does].
    pub vouched_error_seconds: Option<u16>,
}

impl Default for ClockSettings {
    fn default() -> Self {
        let rotation = PROOF_LIFE / 2;
        Self { max_error_seconds: u16::try_from(rotation).unwrap_or_default(), vouched_error_seconds: None }
    }
}

/// `[camera]`: one camera for codes and faces, or one for each.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CameraSettings {
    /// The camera that sees codes, and faces where it is the only one; `--camera` wins over it.
    pub code: Option<CameraSpec>,
    /// The camera that sees faces, where that is another one.
    pub face: Option<CameraSpec>,
    /// How wide frames should be, in pixels [default: 1280]; a camera may answer with another size.
    pub width: Option<NonZeroU16>,
    /// How high frames should be, in pixels [default: 720].
    pub height: Option<NonZeroU16>,
    /// How pixels are written: `mjpeg`, `yuyv` or `grey` [default: yuyv up to 640x480, mjpeg above].
    pub format: Option<PixelFormat>,
}

impl CameraSettings {
    /// Returns what is asked of the cameras' drivers.
    pub fn wanted(&self) -> Wanted {
        let (width, height) = Wanted::default().size;
        let or = |side: Option<NonZeroU16>, default| side.map_or(default, |side| side.get().into());
        Wanted { size: (or(self.width, width), or(self.height, height)), format: self.format }
    }
}

/// `[operator]`: the page of the officers, and the metrics. Both are served on loopback addresses alone.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Operator {
    /// Where the page is, such as `127.0.0.1:8470` [default: there is none].
    pub listen: Option<SocketAddr>,
    /// Host names under which a reverse proxy or a tunnel shows the page, without a port [default: none].
    pub hosts: Vec<String>,
    /// Where Prometheus reads the metrics, without a login, such as `127.0.0.1:9470` [default: nowhere].
    pub metrics: Option<SocketAddr>,
}

impl Operator {
    /// Checks that every address is of this machine alone: PIN codes and names do not travel in the clear.
    pub fn check(&self) -> Result<()> {
        for (key, address) in [("listen", self.listen), ("metrics", self.metrics)] {
            if let Some(address) = address.filter(|address| !address.ip().is_loopback()) {
                bail!(
                    "[operator] {key} = \"{address}\": only loopback addresses (127.0.0.1, [::1]) are served, because \
                     nothing is encrypted here; another desk gets in through an SSH tunnel or a reverse proxy with TLS: \
                     docs/kiosk/operator.md"
                );
            }
        }
        Ok(())
    }
}

/// The resident's screen, which is another process (`kiosk screen`).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Screen {
    /// The socket where the lane waits for its screen; nobody but the lane's own user and group may open it [default: none, and the
    /// lane says on standard error what there is to see].
    pub socket: Option<PathBuf>,
}

impl Settings {
    /// Reads a file, or the defaults where there is none.
    pub fn read(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text =
            fs::read_to_string(path).with_context(|| format!("reading settings {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("settings {}", path.display()))
    }

    /// Reads the text of a settings file.
    pub fn parse(text: &str) -> Result<Self> {
        let settings: Self = toml::from_str(text)?;
        settings.gate.check()?;
        settings.operator.check()?;
        Ok(settings)
    }
}
