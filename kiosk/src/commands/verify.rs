//! `kiosk verify`: one code, one decision.

use std::io::{IsTerminal, Read};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use shared::credential::{Challenge, Checkpoint, Purpose};
use shared::encryption::DecryptionKey;
use shared::journal::Entry;
use shared::reason::{Answer, Language, Reason};
use shared::seal::{self, Seal};
use shared::time::Timestamp;
use shared::trust::{AttackRule, Files, Freshness, TrustStore, update_for};

use super::{answer, exit, now, picture, state_folder};
use crate::cli::Verify;
use crate::clock::{Clock, ClockState};
use crate::decide::{self, FaceDemand, FaceRecord};
use crate::notice;
use crate::settings::{ClockSettings, Settings, SiteSettings};
use crate::site::{ReplayScope, Site, SiteMemory};
use crate::state::{Forgetful, State};
use crate::trust_source::Directory;
use crate::ui;

/// How much of a text is read from standard input: more than any symbol holds.
const MAX_STDIN: u64 = 64 << 10;

pub fn run(arguments: &Verify, as_json: bool) -> Result<ExitCode> {
    let settings = Settings::read(arguments.config.as_deref())?;
    let clock = now(arguments.at);
    let started = Instant::now();
    let mut record = Record::default();
    record.reason = decide(arguments, &settings.clock, clock, &mut record).unwrap_or_else(|reason| reason);
    record.stages.insert("total".to_owned(), ms(started));
    if let Some(state) = &arguments.state {
        let decided = Entry::Decided {
            purpose: arguments.purpose.clone(),
            reason: record.reason,
            trust: record.trust,
            face: record.face.is_some(),
            took: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            memory: record.replay.map(Into::into),
        };
        let written = State::open(state).and_then(|mut state| {
            let at = record.time.unwrap_or_else(|| state.time(clock));
            state.record(&decided, at)
        });
        if let Err(error) = written {
            notice(&format!("{error:#}"));
            if record.reason.answer() == Answer::Accepted {
                record.reason = Reason::JournalFailed;
            }
        }
    }
    let json = record.json(arguments, clock);
    // A program that reads the decision gets the object; a person at a terminal gets words.
    answer(as_json || !std::io::stdout().is_terminal(), &json, &record.text(arguments.lang))?;
    Ok(exit(record.reason.answer()))
}

struct Record {
    reason: Reason,
    claims: Map<String, Value>,
    seal: Option<Seal>,
    face: Option<FaceRecord>,
    freshness: Option<Freshness>,
    /// Whose memory of used codes was asked, if one was.
    replay: Option<ReplayScope>,
    /// Version of the repository that was believed; 0 where none was.
    trust: u64,
    /// The time by the clock and that repository.
    time: Option<Timestamp>,
    stages: Map<String, Value>,
}

impl Default for Record {
    fn default() -> Self {
        Self {
            reason: Reason::TrustMissing,
            claims: Map::new(),
            seal: None,
            face: None,
            freshness: None,
            replay: None,
            trust: 0,
            time: None,
            stages: Map::new(),
        }
    }
}

impl Record {
    fn json(&self, arguments: &Verify, clock: Timestamp) -> Value {
        json!({
            "decision": self.reason.answer(), "reason": self.reason, "message": self.reason.sentence(arguments.lang),
            "action": self.reason.action(arguments.lang),
            "purpose": arguments.purpose, "claims": self.claims, "seal": self.seal, "face": self.face,
            "freshness": self.freshness, "replay_scope": self.replay, "ms": self.stages.get("total"), "stages": self.stages, "at": arguments.at.map(|_| clock),
        })
    }

    fn text(&self, language: Language) -> String {
        let (mark, _) = ui::mark(self.reason.answer());
        let decision = format!("{:?}", self.reason.answer()).to_lowercase();
        let mut lines = vec![match self.reason {
            Reason::Accepted => format!("{mark} {decision}"),
            reason => format!("{mark} {decision}  {reason}"),
        }];
        lines.push(format!("  {}", self.reason.sentence(language)));
        if self.reason != Reason::Accepted {
            lines.push(format!("  {}", self.reason.action(language)));
        }
        for (name, value) in &self.claims {
            lines.push(format!("  {name:<12} {}", value.to_string().trim_matches('"')));
        }
        if let Some(seal) = &self.seal {
            lines.push(format!("  seal         {}", ui::describe(seal)));
            lines.push(format!("  not verified {}", seal.not_verified.join(", ")));
        }
        if let Some(face) = &self.face {
            let comparison = &face.comparison;
            lines.push(format!(
                "  face         score {:.2}, threshold {:.2} ({}), attack score {:.2}; {} models",
                comparison.score,
                comparison.threshold,
                comparison.false_match_one_in,
                face.attack_score,
                face.model_set
            ));
        }
        if let Some(freshness) = self.freshness {
            lines.push(format!("  trust        {}", format!("{freshness:?}").to_lowercase()));
        }
        lines.join("\n")
    }
}

/// Goes through the stages; what is known by the time one fails stays in the record.
fn decide(
    arguments: &Verify,
    settings: &ClockSettings,
    clock: Timestamp,
    record: &mut Record,
) -> Result<Reason, Reason> {
    let explain = |reason: Reason| {
        move |error: anyhow::Error| {
            notice(&format!("{error:#}"));
            reason
        }
    };
    let started = Instant::now();
    let text = code(arguments).map_err(explain(Reason::ImageUnreadable))??;
    record.stages.insert("read".to_owned(), ms(started));

    let started = Instant::now();
    let mut state =
        arguments.state.as_deref().map(State::open).transpose().map_err(explain(Reason::TrustMissing))?;
    let trust = trust(arguments, state.as_ref(), clock).map_err(explain(Reason::TrustInvalid))?;
    record.stages.insert("trust".to_owned(), ms(started));

    record.trust = trust.versions().timestamp;
    record.time = Some(trust.floor().time(clock));
    // Whoever says what time it is vouches for it.
    let worth = match arguments.at {
        Some(_) => ClockState::Sure,
        None => Clock::new(settings).read(trust.floor()).1,
    };
    let policy = trust.policy(&arguments.purpose);
    let grace = policy.map_or(0, |policy| policy.stale_grace_days);
    record.freshness = Some(Freshness::at(clock.max(trust.issued()), trust.issued(), trust.expires(), grace));
    let started = Instant::now();
    if let Some(seal) = seal::verify(&text, &arguments.purpose, &trust, clock) {
        record.stages.insert("verify".to_owned(), ms(started));
        let seal = seal.map_err(|reason| worth.temper(reason))?;
        record.claims = decide::as_json(&seal.attributes);
        record.seal = Some(seal);
        return Ok(Reason::SealGenuine);
    }
    let keys =
        sector_keys(state.as_ref(), &trust, &arguments.purpose).map_err(explain(Reason::TrustMissing))?;
    let challenge = arguments.challenge.as_deref().map(Challenge::decode).transpose();
    let challenge = challenge.map_err(|error| explain(Reason::ChallengeWrong)(error.into()))?;
    let checkpoint =
        Checkpoint { purpose: &arguments.purpose, trust: &trust, keys: &keys, challenge: challenge.as_ref() };
    let site = site(arguments).map_err(explain(Reason::ProofSiteUnreachable))?;
    let verified = match &mut state {
        Some(state) => {
            let mut memory = SiteMemory::new(state, site.as_ref());
            let verified = decide::verify_code_by(worth, &text, &checkpoint, clock, &mut memory);
            record.replay = memory.scope();
            verified
        }
        None => decide::verify_code_by(worth, &text, &checkpoint, clock, &mut Forgetful),
    };
    record.stages.insert("verify".to_owned(), ms(started));
    let verified = verified?;
    record.freshness = Some(verified.freshness());
    record.claims = decide::shown_claims(&verified, &arguments.purpose, &trust);

    let Some(probe) = &arguments.probe else {
        notice("the face was not compared: give a picture of the person with --probe");
        return Ok(Reason::Accepted);
    };
    let started = Instant::now();
    let engine = crate::models::load(arguments.models.folder())
        .map_err(|error| explain(Reason::FaceModels)(error.into()))?;
    record.stages.insert("models".to_owned(), ms(started));
    let started = Instant::now();
    let probe = picture(probe).map_err(explain(Reason::ImageUnreadable))?;
    let demand = FaceDemand::new(policy.ok_or(Reason::PurposeUnknown)?, None);
    let answer = decide::compare_face(&engine, &verified, &probe, &demand);
    record.stages.insert("face".to_owned(), ms(started));
    record.face = answer.record;
    if answer.reason == Reason::Accepted && demand.attack == AttackRule::Challenge {
        notice("the policy asks for a challenge, which one picture cannot answer");
        return Ok(Reason::FaceChallenge);
    }
    Ok(answer.reason)
}

/// The memory that the lanes of the site share, if there is one.
fn site(arguments: &Verify) -> Result<Option<Site>> {
    let Some(url) = &arguments.site else { return Ok(None) };
    let settings =
        SiteSettings { password_file: arguments.site_password_file.clone(), ..SiteSettings::at(url.clone()) };
    Site::open(&settings).map(Some)
}

/// The keys of the sector that this kiosk was given, if it is one.
fn sector_keys(state: Option<&State>, trust: &TrustStore, purpose: &Purpose) -> Result<Vec<DecryptionKey>> {
    let Some(state) = state else { return Ok(Vec::new()) };
    Ok(trust.sector_keys(purpose, &state.machine_key()?))
}

/// The text of the code: given, read from standard input, or read from a picture.
fn code(arguments: &Verify) -> Result<Result<String, Reason>> {
    match (&arguments.text, &arguments.image) {
        (Some(text), _) if text == "-" => {
            let mut bytes = Vec::new();
            std::io::stdin().take(MAX_STDIN).read_to_end(&mut bytes)?;
            // Bytes that are not UTF-8 cannot be Base45 either; the verifier says so.
            let text = String::from_utf8_lossy(&bytes);
            Ok(Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned()))
        }
        (Some(text), _) => Ok(Ok(text.clone())),
        (None, Some(image)) => Ok(decide::read_code(&picture(image)?)),
        (None, None) => Ok(Err(Reason::NoSymbol)),
    }
}

fn trust(arguments: &Verify, state: Option<&State>, clock: Timestamp) -> Result<TrustStore> {
    match (&arguments.trust, state) {
        (Some(repository), _) => {
            let root = arguments.root.as_deref().context("--trust needs --root")?;
            let root = std::fs::read(root).with_context(|| format!("reading {}", root.display()))?;
            let machine = state.map(State::machine_key).transpose()?.map(|key| key.id());
            let (store, _) = update_for(Directory::new(repository), &root, &Files::new(), clock, machine)
                .with_context(|| format!("the trust repository {} is not believed", repository.display()))?;
            Ok(store)
        }
        (None, Some(state)) => state.trust(clock),
        (None, None) => State::open(&state_folder(None)?)?.trust(clock),
    }
}

fn ms(since: Instant) -> Value {
    json!((since.elapsed().as_secs_f64() * 1e5).round() / 100.0)
}
