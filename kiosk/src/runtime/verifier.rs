//! What the lane believes, asks for and verifies.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use shared::credential::{CHALLENGE_LIFE, Checkpoint};
use shared::encryption::DecryptionKey;
use shared::face::Challenge;
use shared::reason::Reason;
use shared::seal;
use shared::time::Timestamp;
use shared::trust::{AttackRule, ProofRule};

use super::Lane;
use super::work::Work;
use crate::clock::ClockState;
use crate::decide::{self, Question};
use crate::session::{Event, Holder, Moment};
use crate::site::SiteMemory;

/// A challenge that is shown and has less than this left, in seconds, is replaced by a new one. Both are taken until they
/// end: somebody may have just read the old one.
const RENEWED_BEFORE: i64 = CHALLENGE_LIFE / 2;

impl Lane<'_> {
    /// Takes over the repository that was imported last.
    pub(super) fn believe(&mut self, now: Moment) -> Result<()> {
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
    pub(super) fn ask(&mut self, work: &mut Work) -> Result<()> {
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

    pub(super) fn verify(&mut self, text: &str, work: &mut Work) -> Event {
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
