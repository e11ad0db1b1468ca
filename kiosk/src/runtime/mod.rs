//! A lane at work: brings frames, the gate's reports and officers' orders to the session, and carries out what it asks for.
//!
//! | thread | does |
//! | --- | --- |
//! | this one | the session, the verifier, the journal, the gate: nothing that takes long |
//! | `vision` | reads codes and compares faces, one frame at a time |
//! | the camera's | decodes; the newest frame wins |
//!
//! A recorded camera is played frame by frame, and time is what its frames say.

mod attendance;
mod neighbors;
mod vision;

use std::collections::{BTreeSet, VecDeque};
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use anyhow::Result;
use shared::credential::{CHALLENGE_LIFE, Checkpoint, ProofId, Purpose};
use shared::encryption::DecryptionKey;
use shared::face::{Challenge, FaceEngine};
use shared::journal::{self, Entry};
use shared::reason::{Answer, Reason};
use shared::seal;
use shared::time::Timestamp;
use shared::trust::{AttackRule, FalseMatchRate, ProofRule, TrustStore};

use crate::camera::{Camera, Delivery, Feed, Frame};
use crate::clock::{self, ClockState};
use crate::decide::{self, FaceDemand, Question};
use crate::gate::{Gate, GateEvent, Signal};
use crate::notice;
use crate::operator::{Board, CameraEvent, Metrics};
use crate::scanner::{Scanned, Scanners};
use crate::session::{Effect, Event, Holder, Moment, Outcome, Passage, Screen, Session, State, Surroundings};
use crate::settings::Settings;
use crate::site::{ReplayScope, Site, SiteMemory};
use crate::state;
use crate::ui::Display;
use crate::watch::Watch;
use attendance::Attendance;
pub use neighbors::Neighbors;
use vision::{Look, Sight, Vision};

/// After a recording ends, its last visit gets this much time to end by itself, in milliseconds.
const AFTER_THE_END: u64 = 30_000;

/// A challenge that is shown and has less than this left, in seconds, is replaced by a new one. Both are taken until they
/// end: somebody may have just read the old one.
const RENEWED_BEFORE: i64 = CHALLENGE_LIFE / 2;

/// How long the lane waits for a frame before it looks after everything else.
const TURN: Duration = Duration::from_millis(50);

/// While nobody is there, so many milliseconds pass between two frames that are searched for a code: what is left of the
/// 300 ms in which a code has to be verified is ample, and an idle lane stays cool.
const IDLE_PACE: u64 = 150;

/// Between two frames that are shown, in milliseconds: 15 a second.
const PREVIEW_PACE: u64 = 66;

/// Between two looks at what another process may have changed, and two tries to mend what failed, in milliseconds.
const LOOK_AROUND: u64 = 5_000;

/// Between two looks for what of the journal is too old, in milliseconds: a day.
const SHREDS: u64 = 24 * 3600 * 1000;

/// How long the bodies of the journal's rows are kept, in days, where the settings say nothing.
const JOURNAL_DAYS: u16 = 90;

/// What a lane works with.
pub struct Lane<'a> {
    /// What it was told.
    pub settings: Settings,
    /// Its state folder.
    pub folder: PathBuf,
    /// Whoever waits for signs of life.
    pub watch: Watch,
    /// What it decides for.
    pub purpose: Purpose,
    /// What it believes.
    pub trust: TrustStore,
    /// Where it remembers codes and writes its journal.
    pub state: state::State,
    /// The sector's keys that it was given.
    pub keys: Vec<DecryptionKey>,
    /// The face models, if they are installed.
    pub engine: Option<FaceEngine>,
    /// How rarely strangers may match, if the operator wants it rarer than the policy.
    pub false_match_rate: Option<FalseMatchRate>,
    /// What time it is.
    pub time: Time,
    /// What it has besides its camera.
    pub surroundings: Surroundings,
    /// Codes that scanners read.
    pub scanners: Option<Scanners>,
    /// The memory that the lanes of its site share.
    pub site: Option<Site>,
    /// Who else hears of visits.
    pub neighbors: Option<Neighbors>,
    /// Where it shows what to do.
    pub display: &'a mut dyn Display,
    /// What it opens.
    pub gate: &'a mut dyn Gate,
    /// What it tells its operators, and hears from them.
    pub board: Board,
    /// What is counted.
    pub metrics: Metrics,
    /// Where outcomes go.
    pub record: &'a mut Record<'a>,
}

/// Takes an outcome with its time, its row in the journal, and whose memory of used codes was asked.
pub type Record<'a> = dyn FnMut(&Outcome, Timestamp, u64, Option<ReplayScope>) -> Result<()> + 'a;

/// What time it is.
pub enum Time {
    /// The system's clock, as far as it can be believed.
    System(clock::Clock),
    /// It was this when the camera started: for recordings.
    From(Timestamp),
}

/// Where frames come from.
pub enum Source<'a> {
    /// A camera that waits for nobody; the second one is for faces, where there are two.
    Live(Feed, Option<Feed>),
    /// A recording: every frame counts.
    Recorded(&'a mut dyn Camera),
}

/// A camera, by what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Eye {
    /// Sees codes, and faces where it is the only one.
    Codes,
    /// Sees faces alone.
    Faces,
}

impl Source<'_> {
    /// Returns the camera whose frames are wanted in a state.
    fn eye(&self, state: State) -> Eye {
        match self {
            Self::Live(_, Some(_)) if matches!(state, State::Capturing | State::Challenge) => Eye::Faces,
            _ => Eye::Codes,
        }
    }

    /// Returns what the other camera has to say, where there are two: its frames are not wanted now, its faults are.
    fn other(&self, eye: Eye) -> Option<(Eye, Delivery)> {
        let Self::Live(codes, Some(faces)) = self else { return None };
        Some(match eye {
            Eye::Codes => (Eye::Faces, faces.next(Duration::ZERO)),
            Eye::Faces => (Eye::Codes, codes.next(Duration::ZERO)),
        })
    }

    /// Returns the next frame of a camera.
    fn next(&mut self, eye: Eye) -> Delivery {
        match self {
            Self::Live(_, Some(faces)) if eye == Eye::Faces => faces.next(TURN),
            Self::Live(codes, _) => codes.next(TURN),
            Self::Recorded(camera) => match camera.next_frame() {
                Ok(Some(frame)) => Delivery::Frame(frame),
                Ok(None) => Delivery::End,
                Err(error) => Delivery::Fault(error),
            },
        }
    }
}

impl Lane<'_> {
    /// Works until the camera has no more frames, or `stop` says so.
    ///
    /// # Errors
    /// What leaves the lane without eyes or without memory from the start; the gate is shut then.
    pub fn run(&mut self, mut source: Source<'_>, started: Instant, stop: &AtomicBool) -> Result<()> {
        let recorded = matches!(source, Source::Recorded(_));
        let models = self.engine.is_some();
        let mut work = Work::new(Vision::start(self.engine.take())?, (!recorded).then_some(started), models);
        let version = env!("CARGO_PKG_VERSION").to_owned();
        self.write(&Entry::Started { version, purpose: self.purpose.clone() }, Moment(0))?;
        let (mut session, effects) = Session::new(self.surroundings, self.state.closed_by()?.is_some());
        self.carry_out(effects, &mut work);
        self.tell_parts(&mut work);
        while !stop.load(Ordering::Relaxed) {
            if session.state() == State::Idle {
                self.ask(&mut work)?;
            }
            let eye = source.eye(session.state());
            let delivery = source.next(eye);
            work.now = match &delivery {
                Delivery::Frame(frame) if recorded => Moment(frame.at),
                Delivery::End if recorded => Moment(work.now.0 + AFTER_THE_END),
                _ if recorded => work.now,
                _ => Moment(u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)),
            };
            if let Some((other, delivery)) = source.other(eye) {
                self.look_after(other, &delivery, &mut work);
            }
            self.look_after(eye, &delivery, &mut work);
            if !self.take(delivery, session.state(), recorded, &mut work)? {
                break;
            }
            self.display.alive();
            self.hear(&mut work);
            self.obey(&session, &mut work);
            work.events.push_back(Event::Tick);
            session = self.drain(session, &mut work);
            self.tell_state(&session, &mut work);
            self.look_around(&source, &mut work);
        }
        work.events.push_back(Event::Tick);
        self.drain(session, &mut work);
        self.write(&Entry::Stopped, work.now)?;
        let at = self.at(work.now);
        self.state.sign_checkpoint(at)
    }

    /// Reads the clock, and says what it is worth.
    fn read_clock(&mut self, now: Moment) -> (Timestamp, ClockState) {
        match &mut self.time {
            Time::System(clock) => clock.read(self.trust.floor()),
            Time::From(start) => {
                (start.plus(i64::try_from(now.0 / 1000).unwrap_or(i64::MAX)), ClockState::Sure)
            }
        }
    }

    /// The time that is written down: never before what was signed.
    fn at(&mut self, now: Moment) -> Timestamp {
        let (clock, _) = self.read_clock(now);
        self.trust.floor().time(clock)
    }

    /// Takes what the gate and the scanners report.
    fn hear(&mut self, work: &mut Work) {
        for event in self.gate.events() {
            match reported(&event) {
                Some(passage) => {
                    self.metrics.passage(passage);
                    self.board.update(|status| status.passage = Some(passage));
                    work.events.push_back(Event::Gate(passage));
                }
                None => match event {
                    GateEvent::Fault(what) => {
                        notice(&format!("the gate failed: {what}"));
                        work.gate_broken = true;
                        self.fault(Reason::GateFailed, false, work);
                    }
                    GateEvent::Mended => {
                        work.gate_broken = false;
                        self.fault(Reason::GateFailed, true, work);
                    }
                    // What was held or forced is over; a fault is not.
                    GateEvent::Shut if !work.gate_broken => {
                        work.events.push_back(Event::Mended(Reason::GateFailed));
                    }
                    // Whoever leaves is let out by the gate itself.
                    _ => {}
                },
            }
        }
        while let Some(scanned) = self.scanners.as_ref().and_then(Scanners::next) {
            match scanned {
                Scanned::Code(text) => {
                    work.code_since.get_or_insert(work.now);
                    work.events.push_back(Event::Code(text));
                }
                Scanned::Fault(error) => {
                    work.deaf += 1;
                    notice(&format!("a scanner failed: {error:#}"));
                }
                Scanned::Mended => {
                    work.deaf -= 1;
                    notice("a scanner works again");
                }
            }
        }
    }

    /// Something failed, or works again: closes or opens the lane, and writes that down.
    fn fault(&mut self, reason: Reason, mended: bool, work: &mut Work) {
        self.write_down(&Entry::Fault { reason, mended }, work);
        work.events.push_back(if mended { Event::Mended(reason) } else { Event::Fault(reason) });
    }

    /// Takes note of whether a camera works. The lane is closed for as long as one of them does not.
    fn look_after(&mut self, eye: Eye, delivery: &Delivery, work: &mut Work) {
        match delivery {
            Delivery::Frame(_) if work.blind.remove(&eye) && work.blind.is_empty() => {
                self.fault(Reason::CameraFailed, true, work);
            }
            Delivery::Fault(error) if work.blind.insert(eye) => {
                notice(&format!("the camera failed: {error:#}"));
                if work.blind.len() == 1 {
                    self.fault(Reason::CameraFailed, false, work);
                }
            }
            _ => {}
        }
    }

    /// Takes what the camera delivered; returns whether there may be more.
    fn take(&mut self, delivery: Delivery, state: State, recorded: bool, work: &mut Work) -> Result<bool> {
        match delivery {
            Delivery::Frame(frame) => {
                // A lane that no longer sees what is in its frames is not alive.
                if !work.vision.is_stuck() {
                    self.watch.frame();
                }
                self.look(frame, state, recorded, work)?;
            }
            Delivery::Nothing => {}
            Delivery::Fault(_) => self.watch.frame(),
            Delivery::End => return Ok(false),
        }
        match work.vision.is_busy() && recorded {
            true => {
                let sight = work.vision.wait()?;
                self.saw(sight, work);
            }
            false => {
                while let Some(sight) = work.vision.sight()? {
                    self.saw(sight, work);
                }
            }
        }
        Ok(true)
    }

    /// Takes what was seen in a frame; remembers since when a code, or a face, is in view.
    fn saw(&self, Sight { event, taken }: Sight, work: &mut Work) {
        match &event {
            Event::NoCode(Reason::NoSymbol) => work.code_since = None,
            Event::Code(_) | Event::NoCode(_) => _ = work.code_since.get_or_insert(taken),
            Event::Face(answer, _) if answer.reason != Reason::FaceNone => {
                work.face_since.get_or_insert(taken);
            }
            _ => {}
        }
        self.metrics.frame_handled(Duration::from_millis(work.now.since(taken)));
        work.events.push_back(event);
    }

    /// Shows a frame where that helps, and has it looked at if nothing else is.
    fn look(&mut self, frame: Frame, state: State, recorded: bool, work: &mut Work) -> Result<()> {
        let now = work.now;
        let aiming = matches!(state, State::Reading | State::Capturing | State::Challenge);
        if aiming && work.shown.is_none_or(|shown| now.since(shown) >= PREVIEW_PACE) {
            work.shown = Some(now);
            self.display.preview(frame.picture());
        }
        if work.vision.is_busy() {
            return Ok(());
        }
        if let Some(holder) = work.compare.take() {
            let Some(policy) = self.trust.policy(&self.purpose) else {
                work.events.push_back(Event::Face(Reason::FaceModels.into(), now));
                return Ok(());
            };
            let demand = Box::new(FaceDemand::new(policy, self.false_match_rate));
            return work.vision.look(frame, Look::Face(holder, demand));
        }
        let at_once = recorded || state == State::Reading;
        if at_once || work.read.is_none_or(|read| now.since(read) >= IDLE_PACE) {
            work.read = Some(now);
            work.vision.look(frame, Look::Code)?;
        }
        Ok(())
    }

    fn drain(&mut self, mut session: Session, work: &mut Work) -> Session {
        while let Some(event) = work.events.pop_front() {
            let (next, effects) = session.step(event, work.now);
            session = next;
            self.carry_out(effects, work);
        }
        session
    }

    fn carry_out(&mut self, effects: Vec<Effect>, work: &mut Work) {
        for effect in effects {
            match effect {
                Effect::Verify(text) => {
                    let event = self.verify(&text, work);
                    work.events.push_back(event);
                }
                Effect::CompareFace(holder) => work.compare = Some(holder),
                Effect::Show(screen) => self.show(&screen, work),
                Effect::OpenGate => {
                    self.metrics.gate_pulse();
                    if let Err(error) = self.gate.open() {
                        notice(&format!("the gate failed: {error:#}"));
                        // The gate itself reports that, to be written down, and when it is over.
                        work.events.push_back(Event::Fault(Reason::GateFailed));
                    }
                }
                Effect::Record(outcome) => self.visit_ended(&outcome, work),
                Effect::RecordOfficer { row, admit } => self.officer_decided(row, admit, work),
                Effect::RecordPassage(passage, row) => {
                    let entry = match (journaled(passage), row) {
                        (Some(passage), Some(decision)) => Entry::Passage { decision, passage },
                        _ => Entry::Forced,
                    };
                    self.write_down(&entry, work);
                }
                Effect::FreeProof => {
                    if let Some(proof) = work.proof.take() {
                        let freed = SiteMemory::new(&mut self.state, self.site.as_ref()).forget(proof);
                        if let Err(error) = freed {
                            notice(&format!("a code that was not used up stays used: {error:#}"));
                        }
                    }
                }
            }
        }
    }

    fn show(&mut self, screen: &Screen, work: &mut Work) {
        if *screen == Screen::Verifying {
            self.board.update(|status| status.passage = None);
        }
        work.screen = screen.clone();
        self.display.show(screen);
        self.gate.signal(signal(screen));
        if let (Screen::Idle, Some(question)) = (screen, work.questions.last()) {
            self.display.ask(&question.challenge);
        }
    }

    fn visit_ended(&mut self, outcome: &Outcome, work: &mut Work) {
        // A face that was asked for is no longer wanted, nor is what was seen of the code.
        work.compare = None;
        if let Some(since) = work.face_since.take() {
            self.metrics.face_decided(Duration::from_millis(work.now.since(since)));
        }
        work.vision.forget();
        // The next visitor is asked anew.
        work.questions.clear();
        let replay = work.replay.take();
        let entry = Entry::Decided {
            purpose: self.purpose.clone(),
            reason: outcome.reason,
            trust: self.trust.versions().timestamp,
            face: outcome.face.is_some(),
            took: outcome.took,
            memory: replay.map(Into::into),
        };
        let Some(row) = self.write_down(&entry, work) else { return };
        self.tell_outcome(outcome, row, work);
        let (at, holder) = (self.at(work.now), work.holder.take());
        if let Some(neighbors) = &mut self.neighbors {
            neighbors.ended(&neighbors::Ended {
                row,
                at,
                purpose: &self.purpose,
                reason: outcome.reason,
                shown: &outcome.claims,
                holder: holder.as_deref(),
                kiosk: self.trust.kiosk(),
                waits: self.surroundings.attended && attendance::waits(outcome.reason),
            });
        }
        if let Err(error) = (self.record)(outcome, at, row, replay) {
            // Whoever listened has gone; what counts is in the journal.
            notice(&format!("an outcome could not be handed out: {error:#}"));
        }
        work.events.push_front(Event::Recorded(row));
    }

    /// Writes a row, or closes the lane until that is possible again.
    fn write_down(&mut self, entry: &Entry, work: &mut Work) -> Option<u64> {
        match self.write(entry, work.now) {
            Ok(row) => Some(row),
            Err(error) => {
                if !std::mem::replace(&mut work.mute, true) {
                    notice(&format!("the journal cannot be written: {error:#}"));
                }
                work.events.push_front(Event::Fault(Reason::JournalFailed));
                None
            }
        }
    }

    fn write(&mut self, entry: &Entry, now: Moment) -> Result<u64> {
        let at = self.at(now);
        Ok(self.state.record(entry, at)?.seq)
    }

    /// Now and then: takes over what another process imported, tries again what failed, and tells how everything is.
    fn look_around(&mut self, source: &Source<'_>, work: &mut Work) {
        if work.now.since(work.looked) < LOOK_AROUND {
            return;
        }
        work.looked = work.now;
        if work.mute {
            let mended = Entry::Fault { reason: Reason::JournalFailed, mended: true };
            if self.write(&mended, work.now).is_ok() {
                work.mute = false;
                work.events.push_back(Event::Mended(Reason::JournalFailed));
            }
        }
        match self.state.was_changed() {
            Ok(false) => {}
            Ok(true) => {
                let believed = self.believe(work.now);
                work.distrusted = believed.is_err();
                if let Err(error) = believed {
                    notice(&format!("what was imported is not used: {error:#}"));
                }
            }
            Err(error) => notice(&format!("the state file cannot be read: {error:#}")),
        }
        if work.now.since(work.shredded) >= SHREDS {
            work.shredded = work.now;
            if let Err(error) = self.shred_by(work.now) {
                notice(&format!("what of the journal is too old was not shredded: {error:#}"));
            }
        }
        if let Source::Live(codes, faces) = source {
            work.count(&self.metrics, [Some(codes), faces.as_ref()]);
        }
        self.tell_parts(work);
    }

    /// Shreds what of the journal is older than it may be, before the lane's work begins; a lane at work does so once a day.
    ///
    /// # Errors
    /// A journal that cannot be written, or was changed.
    pub fn shred(&mut self) -> Result<()> {
        self.shred_by(Moment(0))
    }

    fn shred_by(&mut self, now: Moment) -> Result<()> {
        let days = self.settings.journal_days.map_or(JOURNAL_DAYS, NonZeroU16::get);
        let (clock, state) = self.read_clock(now);
        let at = self.trust.floor().time(clock);
        let today = no_later_than(at, state, self.trust.expires());
        self.state.shred(today.plus(-i64::from(days) * 24 * 3600), at)?;
        Ok(())
    }

    /// Takes over the repository that was imported last.
    fn believe(&mut self, now: Moment) -> Result<()> {
        let at = self.at(now);
        let trust = self.state.trust(at)?;
        if trust.versions() != self.trust.versions() {
            self.keys = trust.sector_keys(&self.purpose, &self.state.machine_key()?);
            self.trust = trust;
        }
        Ok(())
    }

    /// Asks the next visitor's phone a question of its own, where the policy wants an answer to one, and asks anew before
    /// nobody could answer in time.
    fn ask(&mut self, work: &mut Work) -> Result<()> {
        // By the time that answers are checked at.
        let time = self.at(work.now);
        let policy = self.trust.policy(&self.purpose);
        let audience = policy.filter(|policy| policy.proof == ProofRule::Challenge);
        let Some(audience) = audience.and_then(|policy| policy.audiences.first()) else { return Ok(()) };
        let ends = |question: &Question| question.challenge.expires();
        if work.questions.last().is_none_or(|question| ends(question) < time.plus(RENEWED_BEFORE)) {
            let question = Question::ask(audience, true, time)?;
            self.display.ask(&question.challenge);
            work.questions.retain(|question| time < ends(question));
            work.questions.push(question);
        }
        Ok(())
    }

    fn verify(&mut self, text: &str, work: &mut Work) -> Event {
        let (clock, state) = self.read_clock(work.now);
        // Nobody is taken for whoever's visit was broken off.
        work.holder = None;
        let event = match seal::verify(text, &self.purpose, &self.trust, clock) {
            Some(Ok(seal)) => Event::Seal(Box::new(seal)),
            Some(Err(reason)) => Event::Verified(Err(state.temper(reason))),
            None => Event::Verified(self.verify_credential(text, clock, state, work)),
        };
        if let Some(since) = work.code_since.take() {
            self.metrics.code_verified(Duration::from_millis(self.elapsed(work).since(since)));
        }
        event
    }

    /// The moment right now, after something that took time.
    fn elapsed(&self, work: &Work) -> Moment {
        match &work.started {
            Some(started) => Moment(u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)),
            None => work.now,
        }
    }

    fn verify_credential(
        &mut self,
        text: &str,
        clock: Timestamp,
        state: ClockState,
        work: &mut Work,
    ) -> Result<Arc<Holder>, Reason> {
        // Answers to this very visit, which nobody else can read, or what every kiosk of the sector reads.
        let own = work.questions.iter().filter_map(|question| question.key.clone());
        let keys: Vec<DecryptionKey> = own.chain(self.keys.iter().cloned()).collect();
        let mut memory = SiteMemory::new(&mut self.state, self.site.as_ref());
        let mut verify = |challenge| {
            let checkpoint =
                Checkpoint { purpose: &self.purpose, trust: &self.trust, keys: &keys, challenge };
            decide::verify_code_by(state, text, &checkpoint, clock, &mut memory)
        };
        let mut challenges = work.questions.iter().rev().map(|question| &question.challenge);
        let mut verified = verify(challenges.next());
        for earlier in challenges {
            if verified.as_ref().err() == Some(&Reason::ChallengeWrong) {
                verified = verify(Some(earlier));
            }
        }
        work.replay = memory.scope();
        let verified = verified?;
        work.proof = verified.proof();
        let claims = decide::shown_claims(&verified, &self.purpose, &self.trust);
        let holder = Arc::new(Holder { verified, claims, challenge: self.challenge() });
        work.holders.push(Arc::downgrade(&holder));
        work.holder = Some(holder.clone());
        Ok(holder)
    }

    /// Draws a challenge where the policy wants one.
    fn challenge(&self) -> Option<Challenge> {
        let policy = self.trust.policy(&self.purpose)?;
        if policy.attack_detection != AttackRule::Challenge {
            return None;
        }
        let mut random = [0; 4];
        getrandom::fill(&mut random).expect("the system has random numbers");
        Some(Challenge::draw(u32::from_le_bytes(random)))
    }
}

/// What a lane is in the middle of.
struct Work {
    now: Moment,
    vision: Vision,
    events: VecDeque<Event>,
    /// Whose face is wanted in the next frame.
    compare: Option<Arc<Holder>>,
    /// What it asks the phone of this visit, the newest last.
    questions: Vec<Question>,
    /// The proof of this visit.
    proof: Option<ProofId>,
    /// Whose memory it was looked up in.
    replay: Option<ReplayScope>,
    /// Whose visit it is, as far as the code tells.
    holder: Option<Arc<Holder>>,
    /// Whoever's code was good, for as long as anything still has them in memory.
    holders: Vec<Weak<Holder>>,
    /// The cameras that failed.
    blind: BTreeSet<Eye>,
    /// How many scanners failed.
    deaf: usize,
    /// The gate said that it cannot be worked with.
    gate_broken: bool,
    /// The journal failed.
    mute: bool,
    /// When a frame was last shown, and last searched for a code.
    shown: Option<Moment>,
    read: Option<Moment>,
    /// When the frame was taken since which a code, or a face, has been in view.
    code_since: Option<Moment>,
    face_since: Option<Moment>,
    /// What is shown.
    screen: Screen,
    attendance: Attendance,
    /// What was counted of the camera's events before.
    counted: [u64; 4],
    /// When the camera started, where time does not stand still.
    started: Option<Instant>,
    /// Faces can be compared.
    models: bool,
    /// What was imported last failed its checks; the lane goes on with what it had.
    distrusted: bool,
    /// When the lane last looked around.
    looked: Moment,
    /// When it last looked for what of the journal is too old.
    shredded: Moment,
}

impl Work {
    fn new(vision: Vision, started: Option<Instant>, models: bool) -> Self {
        Self {
            now: Moment(0),
            vision,
            events: VecDeque::new(),
            compare: None,
            questions: Vec::new(),
            proof: None,
            replay: None,
            holder: None,
            holders: Vec::new(),
            blind: BTreeSet::new(),
            deaf: 0,
            gate_broken: false,
            mute: false,
            shown: None,
            read: None,
            code_since: None,
            face_since: None,
            screen: Screen::Idle,
            attendance: Attendance::default(),
            counted: [0; 4],
            started,
            models,
            distrusted: false,
            looked: Moment(0),
            shredded: Moment(0),
        }
    }

    /// Returns how many faces are in memory besides that of whoever is here.
    fn stored_faces(&mut self) -> u64 {
        self.holders.retain(|holder| holder.strong_count() > 0);
        (self.holders.len() - usize::from(self.holder.is_some())) as u64
    }

    /// Counts what became of frames since the last time.
    fn count(&mut self, metrics: &Metrics, feeds: [Option<&Feed>; 2]) {
        let mut sums = [0; 4];
        for counts in feeds.into_iter().flatten().map(Feed::counts) {
            let seen = [counts.frames, counts.dropped, counts.camera.damaged, counts.camera.reopened];
            sums = std::array::from_fn(|at| sums[at] + seen[at]);
        }
        let events = [CameraEvent::Frame, CameraEvent::Dropped, CameraEvent::Damaged, CameraEvent::Reopened];
        for (at, event) in events.into_iter().enumerate() {
            metrics.camera(event, sums[at].saturating_sub(self.counted[at]));
        }
        self.counted = sums;
    }
}

/// The time by which the journal is shredded. What is gone is gone: by a clock that may have jumped ahead it is no later than
/// when the repository that is believed expires.
fn no_later_than(at: Timestamp, state: ClockState, expires: Timestamp) -> Timestamp {
    if state == ClockState::Sure { at } else { at.min(expires) }
}

/// What became of the gate, if the event says that.
fn reported(event: &GateEvent) -> Option<Passage> {
    match event {
        GateEvent::Passed => Some(Passage::Passed),
        GateEvent::NotPassed => Some(Passage::NotPassed),
        GateEvent::Held => Some(Passage::Held),
        GateEvent::Forced => Some(Passage::Forced),
        GateEvent::Exit | GateEvent::Fault(_) | GateEvent::Mended | GateEvent::Shut => None,
    }
}

fn journaled(passage: Passage) -> Option<journal::Passage> {
    match passage {
        Passage::Passed => Some(journal::Passage::Passed),
        Passage::NotPassed => Some(journal::Passage::NotPassed),
        Passage::Held => Some(journal::Passage::Held),
        Passage::Forced => None,
    }
}

/// What lamps and beepers say with a screen.
fn signal(screen: &Screen) -> Signal {
    match screen {
        Screen::Idle => Signal::Off,
        Screen::Verifying | Screen::LookAtCamera(_) | Screen::Challenge(_) => Signal::Progress,
        Screen::Pass | Screen::Passage(Passage::Passed) => Signal::Success,
        Screen::Outcome(outcome) => match outcome.reason.answer() {
            Answer::Accepted => Signal::Success,
            Answer::Refused => Signal::Error,
            Answer::Unanswered => Signal::Attention,
        },
        Screen::Declined => Signal::Error,
        Screen::Problem(_) | Screen::ManualCheck(_) | Screen::Passage(_) | Screen::OutOfService(_) => {
            Signal::Attention
        }
    }
}

#[cfg(test)]
mod soak;
#[cfg(test)]
mod tests;
