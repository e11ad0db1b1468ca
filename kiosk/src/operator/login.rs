//! Who is logged in, and how fast PIN codes may be guessed. Time is a number of seconds that is passed in.

use std::collections::HashMap;

use anyhow::{Result, anyhow};

/// A session ends after so long without an action: the project's brief.
const IDLE: u64 = 15 * 60;

/// And after so long in any case: a shift, chosen by us.
const SHIFT: u64 = 12 * 3600;

/// How many sessions are open at most; the one that was idle longest makes room.
const SESSIONS: usize = 32;

/// How many misses in a row a name has free, and how many all names together. All numbers of this kind are chosen by us:
/// somebody who mistypes waits a few seconds, and a million PIN codes take longer than a year.
const FREE_MISSES: u32 = 3;
const FREE_MISSES_OF_ALL: u32 = 12;

/// The longest wait for one name, and for all.
const LONGEST_WAIT: u64 = 300;
const LONGEST_WAIT_OF_ALL: u64 = 60;

/// After so long without a miss, misses are forgotten.
const FORGOTTEN: u64 = 3600;

/// Somebody who is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The operator's number.
    pub operator: i64,
    /// The operator's name.
    pub name: String,
    /// What every order carries besides the cookie.
    pub token: String,
    began: u64,
    active: u64,
}

/// The open sessions, by what their cookies hold.
#[derive(Debug, Default)]
pub struct Sessions(HashMap<String, Session>);

impl Sessions {
    /// Opens a session and returns what its cookie holds.
    pub fn open(&mut self, operator: i64, name: &str, now: u64) -> Result<String> {
        self.0.retain(|_, session| session.lives(now));
        if self.0.len() >= SESSIONS {
            let idle = self.0.iter().min_by_key(|(_, session)| session.active).map(|(id, _)| id.clone());
            idle.map(|id| self.0.remove(&id));
        }
        let (id, token) = (random()?, random()?);
        self.0
            .insert(id.clone(), Session { operator, name: name.to_owned(), token, began: now, active: now });
        Ok(id)
    }

    /// Returns the session of a cookie, unless it has ended.
    pub fn find(&self, id: &str, now: u64) -> Option<&Session> {
        self.0.get(id).filter(|session| session.lives(now))
    }

    /// Notes that somebody did something.
    pub fn touch(&mut self, id: &str, now: u64) {
        if let Some(session) = self.0.get_mut(id).filter(|session| session.lives(now)) {
            session.active = now;
        }
    }

    /// Ends a session.
    pub fn close(&mut self, id: &str) {
        self.0.remove(id);
    }
}

impl Session {
    fn lives(&self, now: u64) -> bool {
        now.saturating_sub(self.active) < IDLE && now.saturating_sub(self.began) < SHIFT
    }
}

/// How long the next try has to wait, by name and for all names together.
#[derive(Debug, Default)]
pub struct Throttle {
    names: HashMap<String, Misses>,
    all: Misses,
}

#[derive(Debug, Default, Clone, Copy)]
struct Misses {
    count: u32,
    last: u64,
}

impl Throttle {
    /// Returns how many seconds a try has to wait; 0 if it may be made now. Whoever has to wait is not even looked at.
    pub fn wait(&self, name: &str, now: u64) -> u64 {
        let own = self.names.get(name).map_or(0, |misses| misses.wait(FREE_MISSES, LONGEST_WAIT, now));
        own.max(self.all.wait(FREE_MISSES_OF_ALL, LONGEST_WAIT_OF_ALL, now))
    }

    /// Counts a miss. Every try is counted as one before it is checked.
    pub fn missed(&mut self, name: &str, now: u64) {
        self.names.retain(|_, misses| now.saturating_sub(misses.last) < FORGOTTEN);
        self.names.entry(name.to_owned()).or_default().add(now);
        self.all.add(now);
    }

    /// Takes the count of a name back, and the last miss of all: it was none.
    pub fn hit(&mut self, name: &str) {
        self.names.remove(name);
        self.all.count = self.all.count.saturating_sub(1);
    }
}

impl Misses {
    fn add(&mut self, now: u64) {
        if now.saturating_sub(self.last) >= FORGOTTEN {
            self.count = 0;
        }
        *self = Self { count: self.count.saturating_add(1), last: now };
    }

    /// After the free misses 2, 4, 8 seconds and so on from the last one.
    fn wait(self, free: u32, longest: u64, now: u64) -> u64 {
        let Some(more) = self.count.checked_sub(free) else { return 0 };
        let delay = 2u64.checked_shl(more.min(32)).unwrap_or(longest).min(longest);
        (self.last + delay).saturating_sub(now)
    }
}

fn random() -> Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("the system gave no randomness: {error}"))?;
    Ok(hex::encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_nobody_acts_and_at_the_end_of_the_shift() {
        let mut sessions = Sessions::default();
        let id = sessions.open(1, "Officer One", 0).unwrap();
        assert_eq!(sessions.find(&id, IDLE - 1).unwrap().name, "Officer One");
        assert_eq!(sessions.find(&id, IDLE), None);
        assert_eq!(sessions.find("", 0), None);
        sessions.touch(&id, IDLE);
        assert_eq!(sessions.find(&id, IDLE), None, "what has ended does not come back");
        let id = sessions.open(1, "Officer One", 0).unwrap();
        for now in (0..SHIFT).step_by(600) {
            sessions.touch(&id, now);
            assert!(sessions.find(&id, now).is_some());
        }
        assert_eq!(sessions.find(&id, SHIFT), None);
        let id = sessions.open(1, "Officer One", 0).unwrap();
        sessions.close(&id);
        assert_eq!(sessions.find(&id, 0), None);
    }

    #[test]
    fn sessions_are_told_apart_and_bounded() {
        let mut sessions = Sessions::default();
        let first = sessions.open(1, "Officer One", 0).unwrap();
        let second = sessions.open(1, "Officer One", 1).unwrap();
        assert_ne!(first, second);
        assert_ne!(sessions.find(&first, 1).unwrap().token, sessions.find(&second, 1).unwrap().token);
        for now in 2..=SESSIONS as u64 {
            sessions.open(2, "Officer Two", now).unwrap();
        }
        assert_eq!(sessions.find(&first, 40), None, "the longest idle one made room");
        assert!(sessions.find(&second, 40).is_some());
    }

    #[test]
    fn waits_grow_by_name_and_end() {
        let mut throttle = Throttle::default();
        let mut waits = Vec::new();
        let mut now = 1_000_000;
        for _ in 0..14 {
            now += throttle.wait("a", now);
            assert_eq!(throttle.wait("a", now), 0);
            throttle.missed("a", now);
            waits.push(throttle.wait("a", now));
        }
        assert_eq!(waits, [0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300]);
        assert!(throttle.wait("b", now) <= LONGEST_WAIT_OF_ALL, "others wait little for one");
        throttle.hit("a");
        assert_eq!(throttle.wait("a", now + LONGEST_WAIT_OF_ALL), 0);
    }

    #[test]
    fn a_guess_for_each_of_many_names_waits_too() {
        let mut throttle = Throttle::default();
        let (mut now, mut tries) = (1_000_000u64, 0);
        while now < 1_000_000 + 24 * 3600 {
            let name = format!("name {tries}");
            now += throttle.wait(&name, now).max(1);
            throttle.missed(&name, now);
            tries += 1;
        }
        assert!(tries < 24 * 3600 / LONGEST_WAIT_OF_ALL + 30, "{tries} tries in a day");
        assert!(throttle.names.len() <= 80, "{} names are remembered", throttle.names.len());
    }

    #[test]
    fn misses_are_forgotten_after_an_hour() {
        let mut throttle = Throttle::default();
        for _ in 0..6 {
            throttle.missed("a", 5000);
        }
        assert_eq!(throttle.wait("a", 5000), 16);
        throttle.missed("a", 5000 + FORGOTTEN);
        assert_eq!(throttle.wait("a", 5000 + FORGOTTEN), 0);
    }
}
