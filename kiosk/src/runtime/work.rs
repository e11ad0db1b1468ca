//! What a lane is in the middle of.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Instant;

use shared::credential::ProofId;

use super::attendance::Attendance;
use super::source::Eye;
use super::vision::Vision;
use crate::camera::Feed;
use crate::decide::Question;
use crate::operator::{CameraEvent, Metrics};
use crate::session::{Event, Holder, Moment, Screen};
use crate::site::ReplayScope;

/// What a lane is in the middle of.
pub(super) struct Work {
    pub(super) now: Moment,
    pub(super) vision: Vision,
    pub(super) events: VecDeque<Event>,
    /// Whose face is wanted in the next frame.
    pub(super) compare: Option<Arc<Holder>>,
    /// What it asks the phone of this visit, the newest last.
    pub(super) questions: Vec<Question>,
    /// The proof of this visit.
    pub(super) proof: Option<ProofId>,
    /// Whose memory it was looked up in.
    pub(super) replay: Option<ReplayScope>,
    /// Whose visit it is, as far as the code tells.
    pub(super) holder: Option<Arc<Holder>>,
    /// Whoever's code was good, for as long as anything still has them in memory.
    pub(super) holders: Vec<Weak<Holder>>,
    /// The cameras that failed.
    pub(super) blind: BTreeSet<Eye>,
    /// How many scanners failed.
    pub(super) deaf: usize,
    /// The gate said that it cannot be worked with.
    pub(super) gate_broken: bool,
    /// The journal failed.
    pub(super) mute: bool,
    /// When a frame was last shown, and last searched for a code.
    pub(super) shown: Option<Moment>,
    pub(super) read: Option<Moment>,
    /// When the frame was taken since which a code, or a face, has been in view.
    pub(super) code_since: Option<Moment>,
    pub(super) face_since: Option<Moment>,
    /// What is shown.
    pub(super) screen: Screen,
    pub(super) attendance: Attendance,
    /// What was counted of the camera's events before.
    pub(super) counted: [u64; 4],
    /// When the camera started, where time does not stand still.
    pub(super) started: Option<Instant>,
    /// Faces can be compared.
    pub(super) models: bool,
    /// What was imported last failed its checks; the lane goes on with what it had.
    pub(super) distrusted: bool,
    /// When the lane last looked around.
    pub(super) looked: Moment,
    /// When it last looked for what of the journal is too old.
    pub(super) shredded: Moment,
}

impl Work {
    pub(super) fn new(vision: Vision, started: Option<Instant>, models: bool) -> Self {
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
    pub(super) fn stored_faces(&mut self) -> u64 {
        self.holders.retain(|holder| holder.strong_count() > 0);
        (self.holders.len() - usize::from(self.holder.is_some())) as u64
    }

    /// Counts what became of frames since the last time.
    pub(super) fn count(&mut self, metrics: &Metrics, feeds: [Option<&Feed>; 2]) {
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
