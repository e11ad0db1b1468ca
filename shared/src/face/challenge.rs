//! Asking the person to move: what a printed face cannot do, and a recorded one cannot do on demand.
//!
//! Judged from landmarks over several frames. A turn is seen by the nose wandering between the eyes, which it does not
//! do in a flat picture however that is held. Coming closer is something a picture can do too, so it is only ever asked
//! for together with a turn. Five landmarks do not show eyelids: no blink is asked for.

use serde::Serialize;

use super::quality::Quality;

/// How far a head has to turn, in degrees, as [`Quality::yaw`] estimates it; and how far is straight ahead again.
const TURNED: f32 = 17.0;
const STRAIGHT: f32 = 9.0;
/// How much larger a face has to become.
const CLOSER: f32 = 1.3;
/// In how many frames in a row.
const FRAMES: u32 = 2;

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChallengeTask {
    /// Turn the head to one's own left.
    TurnLeft,
    /// Turn the head to one's own right.
    TurnRight,
    /// Come closer to the camera.
    ComeCloser,
}

/// What can be asked for: every row has a turn in it.
const TASKS: [&[ChallengeTask]; 6] = [
    &[ChallengeTask::TurnLeft],
    &[ChallengeTask::TurnRight],
    &[ChallengeTask::TurnLeft, ChallengeTask::TurnRight],
    &[ChallengeTask::TurnRight, ChallengeTask::TurnLeft],
    &[ChallengeTask::ComeCloser, ChallengeTask::TurnLeft],
    &[ChallengeTask::ComeCloser, ChallengeTask::TurnRight],
];

/// How far a person has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// This is to be done, still.
    Asked(ChallengeTask),
    /// All is done: the person may look at the camera again.
    Done,
    /// The person did the opposite: a recording would.
    Failed,
}

/// A challenge under way.
#[derive(Debug, Clone, PartialEq)]
pub struct Challenge {
    tasks: &'static [ChallengeTask],
    /// Distance between the eyes, in pixels, when the person last looked straight ahead before the task. Each task
    /// starts from there, so that nobody fails the second for still being on the way back from the first.
    from: Option<f32>,
    frames: u32,
    opposite: u32,
}

impl Challenge {
    /// Draws what to ask for from a random number, which nobody in front of the camera may be able to guess.
    pub fn draw(random: u32) -> Self {
        Self { tasks: TASKS[random as usize % TASKS.len()], from: None, frames: 0, opposite: 0 }
    }

    /// Returns what is asked for now.
    pub fn progress(&self) -> Progress {
        self.tasks.first().map_or(Progress::Done, |task| Progress::Asked(*task))
    }

    /// Takes one frame's face.
    pub fn observe(&mut self, quality: &Quality) -> Progress {
        let Some(task) = self.tasks.first() else { return Progress::Done };
        let straight = quality.yaw.abs() <= STRAIGHT;
        let Some(from) = self.from else {
            self.from = straight.then_some(quality.eye_distance);
            return self.progress();
        };
        let (done, opposite) = match task {
            ChallengeTask::TurnLeft => (quality.yaw >= TURNED, quality.yaw <= -TURNED),
            ChallengeTask::TurnRight => (quality.yaw <= -TURNED, quality.yaw >= TURNED),
            ChallengeTask::ComeCloser => (straight && quality.eye_distance >= CLOSER * from, false),
        };
        self.frames = if done { self.frames + 1 } else { 0 };
        self.opposite = if opposite { self.opposite + 1 } else { 0 };
        if self.opposite >= FRAMES {
            return Progress::Failed;
        }
        if self.frames >= FRAMES {
            self.tasks = &self.tasks[1..];
            (self.from, self.frames) = (None, 0);
        }
        self.progress()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(yaw: f32, eye_distance: f32) -> Quality {
        Quality { yaw, eye_distance, ..Quality::EXAMPLE }
    }

    /// Plays frames of (yaw, eye distance) and returns where they lead.
    fn play(random: u32, frames: &[(f32, f32)]) -> Progress {
        let mut challenge = Challenge::draw(random);
        let mut progress = challenge.progress();
        for (yaw, eye_distance) in frames {
            progress = challenge.observe(&seen(*yaw, *eye_distance));
        }
        progress
    }

    #[test]
    fn a_turn_to_the_right_side_is_seen() {
        use ChallengeTask::{TurnLeft, TurnRight};
        assert_eq!(
            play(0, &[(0.0, 50.0), (12.0, 50.0), (20.0, 48.0)]),
            Progress::Asked(TurnLeft),
            "one frame"
        );
        assert_eq!(play(0, &[(0.0, 50.0), (20.0, 48.0), (20.0, 48.0)]), Progress::Done);
        assert_eq!(play(0, &[(0.0, 50.0), (-20.0, 48.0), (-20.0, 48.0)]), Progress::Failed);
        assert_eq!(
            play(0, &[(20.0, 48.0), (20.0, 48.0)]),
            Progress::Asked(TurnLeft),
            "was turned before it was asked"
        );
        let left = [(0.0, 50.0), (20.0, 50.0), (20.0, 50.0)];
        assert_eq!(play(2, &left), Progress::Asked(TurnRight));
        assert_eq!(
            play(2, &[left, [(19.0, 50.0); 3]].concat()),
            Progress::Asked(TurnRight),
            "on the way back"
        );
        assert_eq!(play(2, &[left, [(2.0, 50.0), (-20.0, 50.0), (-25.0, 50.0)]].concat()), Progress::Done);
    }

    #[test]
    fn a_flat_picture_brought_closer_is_not_enough() {
        let closer: Vec<(f32, f32)> = (0..40).map(|i| (0.0, 50.0 + 3.0 * i as f32)).collect();
        for random in 0..TASKS.len() as u32 {
            assert!(matches!(play(random, &closer), Progress::Asked(_)), "{random}");
        }
        assert_eq!(play(4, &closer), Progress::Asked(ChallengeTask::TurnLeft));
    }
}
