//! Carries out a session's effects: reads codes, verifies, compares faces, shows, opens the gate, records.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use image::{DynamicImage, GrayImage};
use shared::credential::{CHALLENGE_LIFE, Checkpoint, Purpose};
use shared::encryption::DecryptionKey;
use shared::face::{Challenge, FaceEngine};
use shared::journal::Entry;
use shared::qr::Reader;
use shared::reason::Reason;
use shared::seal;
use shared::time::Timestamp;
use shared::trust::{AttackRule, FalseMatchRate, ProofRule, TrustStore};

use crate::camera::Camera;
use crate::decide::{self, FaceDemand, Question};
use crate::session::{Effect, Event, Holder, Moment, Outcome, Screen, Session};
use crate::state::State;
use crate::ui::Display;

/// After a recording ends, its last visit gets this much time to end by itself, in milliseconds.
const AFTER_THE_END: u64 = 30_000;

/// How long one frame is searched for a code before the next one is looked at. Most take a few milliseconds.
const READING_TIME: Duration = Duration::from_millis(100);

/// A challenge that is shown and has less than this left, in seconds, is replaced by a new one. Both are taken until they
/// end: somebody may have just read the old one.
const RENEWED_BEFORE: i64 = CHALLENGE_LIFE / 2;

/// How many frames in a row may fail before the lane gives up on its camera.
const CAMERA_RETRIES: u32 = 5;

/// What a lane works with.
pub struct Lane<'a> {
    /// What it decides for.
    pub purpose: Purpose,
    /// What it believes.
    pub trust: TrustStore,
    /// Where it remembers codes.
    pub state: State,
    /// The sector's keys that it was given.
    pub keys: Vec<DecryptionKey>,
    /// What it asks the phone of this visit, the newest last.
    pub questions: Vec<Question>,
    /// The face models, if they are installed.
    pub engine: Option<FaceEngine>,
    /// How rarely strangers may match, if the operator wants it rarer than the policy.
    pub false_match_rate: Option<FalseMatchRate>,
    /// The time when the camera started.
    pub start: Timestamp,
    /// Where it shows what to do.
    pub display: &'a mut dyn Display,
    /// Where outcomes go, with the time of each.
    pub record: &'a mut dyn FnMut(&Outcome, Timestamp) -> Result<()>,
    /// Opens the gate.
    pub gate: &'a mut dyn FnMut() -> Result<()>,
}

impl Lane<'_> {
    /// Works until the camera has no more frames.
    pub fn run(&mut self, camera: &mut dyn Camera) -> Result<()> {
        let started =
            Entry::Started { version: env!("CARGO_PKG_VERSION").to_owned(), purpose: self.purpose.clone() };
        self.state.record(&started, self.start)?;
        let (mut session, effects) = Session::new();
        let mut work = Work { compare: None, events: VecDeque::new(), reader: Reader::new() };
        self.carry_out(effects, &mut work, Moment(0))?;
        let mut now = Moment(0);
        let mut failures = 0;
        loop {
            if matches!(session, Session::Idle(_)) {
                self.ask(now)?;
            }
            let frame = match camera.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => {
                    failures += 1;
                    work.events.push_back(Event::Fault(Reason::CameraFailed));
                    session = self.drain(session, &mut work, now)?;
                    if failures > CAMERA_RETRIES {
                        return Err(error.context("the camera keeps failing"));
                    }
                    continue;
                }
            };
            if std::mem::take(&mut failures) > 0 {
                work.events.push_back(Event::Mended);
            }
            now = Moment(frame.at);
            let event = match work.compare.take() {
                Some(holder) => self.compare(frame.picture(), &holder),
                None => work.read(frame.luma()),
            };
            work.events.extend([event, Event::Tick]);
            session = self.drain(session, &mut work, now)?;
        }
        work.events.push_back(Event::Tick);
        let end = Moment(now.0 + AFTER_THE_END);
        self.drain(session, &mut work, end)?;
        let at = self.clock(end);
        self.state.record(&Entry::Stopped, at)?;
        self.state.sign_checkpoint(at)
    }

    fn drain(&mut self, mut session: Session, work: &mut Work, now: Moment) -> Result<Session> {
        while let Some(event) = work.events.pop_front() {
            let (next, effects) = session.step(event, now);
            session = next;
            self.carry_out(effects, work, now)?;
        }
        Ok(session)
    }

    fn carry_out(&mut self, effects: Vec<Effect>, work: &mut Work, now: Moment) -> Result<()> {
        for effect in effects {
            match effect {
                Effect::Verify(text) => work.events.push_back(self.verify(&text, now)),
                Effect::CompareFace(holder) => work.compare = Some(holder),
                Effect::Show(screen) => {
                    self.display.show(&screen);
                    if let (Screen::Idle, Some(question)) = (&screen, self.questions.last()) {
                        self.display.ask(&question.challenge);
                    }
                }
                Effect::OpenGate => (self.gate)()?,
                Effect::Record(outcome) => {
                    // The visit is over: a face that was asked for is no longer wanted, nor is what was seen of the code.
                    work.compare = None;
                    work.reader.forget();
                    // The next visitor is asked anew.
                    self.questions.clear();
                    let at = self.clock(now);
                    let entry = Entry::Decided {
                        purpose: self.purpose.clone(),
                        reason: outcome.reason,
                        trust: self.trust.versions().timestamp,
                        face: outcome.face.is_some(),
                        took: outcome.took,
                    };
                    self.state.record(&entry, at)?;
                    (self.record)(&outcome, at)?;
                }
            }
        }
        Ok(())
    }

    /// Asks the next visitor's phone a question of its own, where the policy wants an answer to one, and asks anew before
    /// nobody could answer in time.
    fn ask(&mut self, now: Moment) -> Result<()> {
        let policy = self.trust.policy(&self.purpose);
        let audience = policy.filter(|policy| policy.proof == ProofRule::Challenge);
        let Some(audience) = audience.and_then(|policy| policy.audiences.first()) else { return Ok(()) };
        // By the time that answers are checked at.
        let time = self.trust.floor().time(self.clock(now));
        let ends = |question: &Question| question.challenge.expires();
        if self.questions.last().is_none_or(|question| ends(question) < time.plus(RENEWED_BEFORE)) {
            let question = Question::ask(audience, true, time)?;
            self.display.ask(&question.challenge);
            self.questions.retain(|question| time < ends(question));
            self.questions.push(question);
        }
        Ok(())
    }

    fn clock(&self, now: Moment) -> Timestamp {
        self.start.plus(i64::try_from(now.0 / 1000).unwrap_or(i64::MAX))
    }

    fn verify(&mut self, text: &str, now: Moment) -> Event {
        match seal::verify(text, &self.purpose, &self.trust, self.clock(now)) {
            Some(Ok(seal)) => Event::Seal(Box::new(seal)),
            Some(Err(reason)) => Event::Verified(Err(reason)),
            None => Event::Verified(self.verify_credential(text, now)),
        }
    }

    fn verify_credential(&mut self, text: &str, now: Moment) -> Result<Arc<Holder>, Reason> {
        let clock = self.clock(now);
        // Answers to this very visit, which nobody else can read, or what every kiosk of the sector reads.
        let own = self.questions.iter().filter_map(|question| question.key.clone());
        let keys: Vec<DecryptionKey> = own.chain(self.keys.iter().cloned()).collect();
        let mut verify = |challenge| {
            let checkpoint =
                Checkpoint { purpose: &self.purpose, trust: &self.trust, keys: &keys, challenge };
            decide::verify_code(text, &checkpoint, clock, &mut self.state)
        };
        let mut challenges = self.questions.iter().rev().map(|question| &question.challenge);
        let mut verified = verify(challenges.next());
        for earlier in challenges {
            if verified.as_ref().err() == Some(&Reason::ChallengeWrong) {
                verified = verify(Some(earlier));
            }
        }
        let verified = verified?;
        let claims = decide::shown_claims(&verified, &self.purpose, &self.trust);
        Ok(Arc::new(Holder { verified, claims, challenge: self.challenge() }))
    }

    fn compare(&self, picture: &DynamicImage, holder: &Holder) -> Event {
        let (Some(engine), Some(policy)) = (&self.engine, self.trust.policy(&self.purpose)) else {
            return Event::Face(Reason::FaceModels.into());
        };
        let demand = FaceDemand::new(policy, self.false_match_rate);
        Event::Face(decide::compare_face(engine, &holder.verified, picture, &demand))
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

/// What is waiting to be done.
struct Work {
    compare: Option<Arc<Holder>>,
    events: VecDeque<Event>,
    reader: Reader,
}

impl Work {
    /// Looks for a code in a frame, with what the frames before showed.
    fn read(&mut self, picture: &GrayImage) -> Event {
        let began = Instant::now();
        let reading = self.reader.read(picture, &|| began.elapsed() > READING_TIME);
        match decide::one_code(reading) {
            Ok(text) => Event::Code(text),
            Err(reason) => Event::NoCode(reason),
        }
    }
}

#[cfg(test)]
mod tests;
