//! The memory of used codes that the lanes of a site share: Redis or Valkey, where the first writer wins.
//!
//! The kiosk's own memory is always asked, and written, first. What lies at the site is a hash of bytes that are signed
//! with fresh randomness of no meaning, and the name of a lane: it tells nothing about a person. A lane waits for the site
//! at most [`BUDGET`]; after a failure it answers alone, at once, until a thread of its own has reached the site again.

mod link;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use serde::Serialize;
use shared::credential::{ProofId, ReplayMemory, Sight};
use shared::journal::Memory;
use shared::time::Timestamp;
use shared::trust::ReplayRule;
use zeroize::Zeroizing;

use crate::notice;
use crate::settings::SiteSettings;
use crate::state::{CLOCK_SET_BACK, State};
use link::{Link, Mark};

/// How long a lane waits for the site's answer, connecting, writing and reading together: chosen by this project, five
/// hundred times what a server in the same building takes.
pub const BUDGET: Duration = Duration::from_millis(50);

/// How long the start of a lane waits for the first connection.
const FIRST_CONNECTION: Duration = Duration::from_secs(1);

/// The longest password read, in bytes.
const MAX_PASSWORD: u64 = 4096;

/// The longest name of a lane, and the longest prefix, in bytes.
const MAX_NAME: usize = 64;

/// Whose memory a code was looked up in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplayScope {
    /// That of all lanes of the site.
    Site,
    /// This lane's own alone.
    Local,
}

impl From<ReplayScope> for Memory {
    fn from(scope: ReplayScope) -> Self {
        match scope {
            ReplayScope::Site => Self::Site,
            ReplayScope::Local => Self::Local,
        }
    }
}

/// A site's memory, and the thread that talks to it.
pub struct Site {
    link: Link,
    prefix: String,
}

impl Site {
    /// Starts to talk to the site's memory, and waits a second for the first connection.
    ///
    /// A site that cannot be reached is no error: the lane starts alone, and says so.
    ///
    /// # Errors
    /// Settings that cannot be, and a password that cannot be read.
    pub fn open(settings: &SiteSettings) -> Result<Self> {
        Self::with_budget(settings, BUDGET)
    }

    fn with_budget(settings: &SiteSettings, budget: Duration) -> Result<Self> {
        for (what, name) in [("site lane", &settings.lane), ("site prefix", &settings.prefix)] {
            let known = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
            if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(known) {
                bail!("{what} {name:?}: it is 1 to {MAX_NAME} letters, digits, and any of - _ . :");
            }
        }
        let info = address(&settings.url, settings.password_file.as_deref())
            .with_context(|| "the url of [site]".to_owned())?;
        let mut random = [0; 8];
        getrandom::fill(&mut random)
            .map_err(|error| anyhow::anyhow!("the system gave no randomness: {error}"))?;
        // Two lanes that were given one name by mistake are still two.
        let owner = format!("{} {}", settings.lane, hex::encode(random));
        let probe = format!("{}:alive:{}", settings.prefix, hex::encode(random));
        let link = Link::start(redis::Client::open(info)?, owner, probe, budget)?;
        link.wait_for_the_first_answer(FIRST_CONNECTION);
        Ok(Self { link, prefix: settings.prefix.clone() })
    }

    /// Tells whose memory the next code will be looked up in, as far as is known.
    pub fn scope(&self) -> ReplayScope {
        match self.link.problem() {
            None => ReplayScope::Site,
            Some(_) => ReplayScope::Local,
        }
    }

    /// Returns why the site does not answer, if it does not.
    pub fn problem(&self) -> Option<String> {
        self.link.problem()
    }

    /// Counts the codes that this lane accepted while it was alone, and that another lane had accepted too.
    pub fn accepted_twice(&self) -> u64 {
        self.link.accepted_twice()
    }

    /// Claims a proof for this lane. Returns whether it is the first to, or `None` where the site gave no answer.
    fn claim(&self, proof: ProofId, dead_after: Timestamp, now: Timestamp, rule: ReplayRule) -> Option<bool> {
        let mark = self.mark(proof, dead_after.seconds_since(now));
        let answer = self.link.claim(mark.clone());
        match (answer, rule) {
            (Some(first), _) => return Some(first),
            // The other lanes hear of it once they can.
            (None, ReplayRule::Lane) => self.link.tell(mark),
            // The site may have heard what its answer to was lost.
            (None, ReplayRule::Site) => self.link.free(mark),
        }
        None
    }

    fn mark(&self, proof: ProofId, life: i64) -> Mark {
        let life = u64::try_from(life.saturating_add(CLOCK_SET_BACK)).unwrap_or_default().max(1);
        let key = format!("{}:{}", self.prefix, hex::encode(proof.0));
        Mark { key: Arc::from(key), dies: Instant::now() + Duration::from_secs(life) }
    }
}

/// The kiosk's own memory of used codes, and the site's behind it.
pub struct SiteMemory<'a> {
    local: &'a mut State,
    site: Option<&'a Site>,
    scope: Option<ReplayScope>,
}

impl<'a> SiteMemory<'a> {
    /// Puts a site behind a kiosk's own memory. A kiosk without one is the only lane of its site.
    pub fn new(local: &'a mut State, site: Option<&'a Site>) -> Self {
        Self { local, site, scope: None }
    }

    /// Returns whose memory the last code was looked up in; `None` before one was.
    pub fn scope(&self) -> Option<ReplayScope> {
        self.scope
    }

    /// Lets a code pass once more: its resident was let in and did not go through.
    ///
    /// At the site only what this lane wrote is freed, and without waiting for it; this lane accepts the code again at once.
    ///
    /// # Errors
    /// A kiosk's memory that cannot be written to.
    pub fn forget(&mut self, proof: ProofId) -> Result<()> {
        self.local.forget(proof)?;
        if let Some(site) = self.site {
            site.link.free(site.mark(proof, 0));
        }
        Ok(())
    }
}

impl ReplayMemory for SiteMemory<'_> {
    fn first_sight(
        &mut self,
        proof: ProofId,
        dead_after: Timestamp,
        now: Timestamp,
        rule: ReplayRule,
    ) -> Sight {
        self.scope = Some(ReplayScope::Local);
        let sight = self.local.first_sight(proof, dead_after, now, rule);
        let (Sight::First, Some(site)) = (sight, self.site) else { return sight };
        let answer = site.claim(proof, dead_after, now, rule);
        if answer.is_some() {
            self.scope = Some(ReplayScope::Site);
        }
        match (answer, rule) {
            (Some(true), _) | (None, ReplayRule::Lane) => Sight::First,
            (Some(false), _) => Sight::Again,
            (None, ReplayRule::Site) => {
                if let Err(error) = self.local.forget(proof) {
                    notice(&format!("the memory of used codes failed: {error:#}"));
                }
                Sight::Unknown
            }
        }
    }
}

/// Reads where the server is and how to be let in.
fn address(url: &str, password_file: Option<&Path>) -> Result<ConnectionInfo> {
    // What the library says of a wrong URL does not repeat it; a password in it would stay secret.
    let info = url.into_connection_info().map_err(|error| match url.split_once("://") {
        Some(("rediss" | "valkeys", _)) => anyhow::anyhow!(
            "TLS is not built in: lead the connection through stunnel or WireGuard (docs/kiosk/site.md)"
        ),
        _ => anyhow::Error::new(error)
            .context("want redis://[user@]host[:port] or redis+unix:///path[?user=…]"),
    })?;
    if info.redis_settings().password().is_some() {
        bail!("a password in a URL is seen by everybody on this machine: put it into password_file");
    }
    let mut redis = info.redis_settings().clone().set_skip_set_lib_name();
    if let Some(file) = password_file {
        redis = redis.set_password(password(file)?.as_str());
    } else if redis.username().is_some() {
        bail!("there is a user and no password_file");
    }
    let info = match info.addr() {
        ConnectionAddr::Tcp(..) => {
            let tcp = info.tcp_settings().clone().set_nodelay(true);
            info.set_tcp_settings(tcp)
        }
        _ => info,
    };
    Ok(info.set_redis_settings(redis))
}

/// Reads a password: the first line of a file.
fn password(path: &Path) -> Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let read = File::open(path).and_then(|file| file.take(MAX_PASSWORD).read_to_string(&mut text));
    read.with_context(|| format!("reading the password in {}", path.display()))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        bail!("there is no password in {}", path.display());
    }
    Ok(Zeroizing::new(line.to_owned()))
}
