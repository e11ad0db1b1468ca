//! What a lane tells its operators, and what they order it to do.
//!
//! The lane and the page share a [`Board`] and nothing else: the lane writes the [`Status`] and takes the [`Order`]s, so a page
//! that hangs or crashes holds up nothing.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use shared::credential::Purpose;
use shared::reason::{Answer, Reason};
use shared::time::Timestamp;
use tokio::sync::watch;

use super::lists::Trust;
use crate::session::Passage;

/// How many decisions are shown: what fits on a page, chosen by us.
const DECISIONS: usize = 20;

/// How many orders may wait for the lane. More mean that it is not listening.
const ORDERS: usize = 32;

/// Everything that operators see of a lane.
///
/// There is no personal data in it but the claims in [`Waiting`], which leave with the visit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// The lane's clock when it last spoke; all ages count from here. A page that gets no newer one says so.
    pub at: Timestamp,
    /// What the lane is called.
    pub lane: String,
    /// What it decides for.
    pub purpose: Option<Purpose>,
    /// What it does now; set it with [`Status::enter`].
    pub state: LaneState,
    /// Since when.
    pub since: Timestamp,
    /// What it consists of.
    pub health: Health,
    /// What it believes, and how old that is.
    pub trust: Trust,
    /// Who remembers used codes.
    pub replay: ReplayScope,
    /// What the gate reported last.
    #[serde(serialize_with = "passage")]
    pub passage: Option<Passage>,
    /// Visits that wait for an officer, the oldest first.
    pub waiting: Vec<Waiting>,
    /// The last decisions, the newest first; add with [`Status::decided`].
    pub decisions: VecDeque<Decision>,
    /// How many rows the journal has.
    pub journal_rows: u64,
    /// How many faces are still in memory although their visits ended. No file has a place for one.
    pub stored_faces: u64,
    /// What the last self-test found.
    pub self_test: Option<SelfTest>,
}

impl Default for Status {
    fn default() -> Self {
        let never = Timestamp::from_unix(0).expect("1970 is in range");
        Self {
            at: never,
            lane: String::new(),
            purpose: None,
            state: LaneState::Starting,
            since: never,
            health: Health::default(),
            trust: Trust::Unknown,
            replay: ReplayScope::Lane,
            passage: None,
            waiting: Vec::new(),
            decisions: VecDeque::new(),
            journal_rows: 0,
            stored_faces: 0,
            self_test: None,
        }
    }
}

impl Status {
    /// Changes the state, and remembers since when if it is another.
    pub fn enter(&mut self, state: LaneState) {
        if self.state != state {
            self.state = state;
            self.since = self.at;
        }
    }

    /// Adds a decision; the oldest leaves.
    pub fn decided(&mut self, decision: Decision) {
        self.decisions.push_front(decision);
        self.decisions.truncate(DECISIONS);
    }
}

/// What a lane does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum LaneState {
    /// The self-test runs.
    Starting,
    /// Nobody is here.
    Idle,
    /// Something like a code is in view.
    Reading,
    /// A code is being verified.
    Verifying,
    /// The holder's face is awaited.
    Capturing,
    /// A face is being compared.
    Deciding,
    /// The outcome is shown.
    Outcome {
        /// Why.
        reason: Reason,
        /// Its shape.
        answer: Answer,
    },
    /// The gate is open.
    AwaitPass,
    /// The gate was open; [`Status::passage`] says what became of it.
    Passage,
    /// An officer did not let the person in.
    Declined,
    /// An officer has to decide.
    ManualCheck {
        /// Why the lane could not.
        reason: Reason,
    },
    /// The lane is closed.
    OutOfService {
        /// Why.
        reason: Reason,
        /// The operator who closed it, if a person did.
        #[serde(skip_serializing_if = "Option::is_none")]
        closed_by: Option<String>,
    },
}

/// What a lane consists of, part by part.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Health {
    /// What sees codes and faces.
    pub camera: Part,
    /// What opens.
    pub gate: Part,
    /// The node that the lanes of a site share.
    pub site: Part,
    /// The clock.
    pub clock: Part,
    /// The face models.
    pub models: Part,
    /// What reads codes besides the camera.
    pub scanners: Part,
}

/// How a part is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Part {
    /// In one word.
    pub state: PartState,
    /// For the technician, in English: a mode, a number, an error.
    pub detail: String,
}

impl Part {
    /// Makes an entry.
    pub fn new(state: PartState, detail: impl Into<String>) -> Self {
        Self { state, detail: detail.into() }
    }
}

/// How a part is, in one word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartState {
    /// Not known yet.
    #[default]
    Unknown,
    /// This lane has none.
    Absent,
    /// It works.
    Good,
    /// It works, and less well than it should.
    Degraded,
    /// It does not work.
    Failed,
}

/// Who remembers used codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplayScope {
    /// This lane alone: another lane would take a code that was used here.
    Lane,
    /// All lanes of the site.
    Site,
}

/// A visit that waits for an officer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Waiting {
    /// The journal's row of the lane's own answer.
    pub row: u64,
    /// Since when.
    pub since: Timestamp,
    /// Why the lane could not decide.
    pub reason: Reason,
    /// What the policy shows of the person.
    pub claims: Map<String, Value>,
    /// An officer has decided, and the lane has not carried that out yet.
    pub ordered: bool,
}

/// A visit that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// When.
    pub at: Timestamp,
    /// Its row in the journal.
    pub row: u64,
    /// Why.
    pub reason: Reason,
    /// The shape of the outcome.
    pub answer: Answer,
    /// How long it took from the first sight of the code, in milliseconds.
    pub took: u64,
    /// Whether an officer let the person pass; nothing where none decided. The lane's own answer stays what it was.
    pub officer: Option<bool>,
}

/// What a self-test found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SelfTest {
    /// When.
    pub at: Timestamp,
    /// One by one.
    pub checks: Vec<Check>,
}

/// One thing that a self-test looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What, in English.
    pub name: String,
    /// How it is.
    pub state: PartState,
    /// What exactly was found, in English.
    pub detail: String,
}

/// What an operator orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Decide about a visit that waits. The lane carries it out once nobody else's visit is under way; one that it cannot
    /// carry out in time waits for another decision ([`Waiting::ordered`] is false again).
    Decide {
        /// The row of the lane's answer.
        row: u64,
        /// Whether the gate opens.
        admit: bool,
        /// Why.
        reason: OverrideReason,
        /// Who says so.
        operator: String,
    },
    /// Close the lane until somebody opens it again, also across restarts.
    Close {
        /// Who says so.
        operator: String,
    },
    /// Open it again.
    Reopen {
        /// Who says so.
        operator: String,
    },
    /// Test everything that can be tested now.
    SelfTest {
        /// Who says so.
        operator: String,
    },
}

/// Why an officer decides in the lane's place: what they did, from a fixed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OverrideReason {
    /// Compared the face with the photograph in a document.
    FaceCompared,
    /// Checked a document by hand, in place of the code.
    DocumentChecked,
    /// Helped a person who cannot use the lane: a child, a disability, a lost or broken phone.
    Assisted,
    /// The person is not who the code or the document says.
    NotTheHolder,
    /// The document looks forged or altered.
    DocumentDoubtful,
    /// There is nothing to check.
    NoDocument,
    /// Sent to the second line.
    SecondLine,
    /// The person left.
    Left,
}

impl OverrideReason {
    /// Every reason: first those to open the gate for, then those to keep it shut.
    #[cfg(test)]
    pub const ALL: [Self; 8] = [
        Self::FaceCompared,
        Self::DocumentChecked,
        Self::Assisted,
        Self::NotTheHolder,
        Self::DocumentDoubtful,
        Self::NoDocument,
        Self::SecondLine,
        Self::Left,
    ];

    /// Returns the stable code, for the journal.
    pub fn code(self) -> &'static str {
        match self {
            Self::FaceCompared => "face-compared",
            Self::DocumentChecked => "document-checked",
            Self::Assisted => "assisted",
            Self::NotTheHolder => "not-the-holder",
            Self::DocumentDoubtful => "document-doubtful",
            Self::NoDocument => "no-document",
            Self::SecondLine => "second-line",
            Self::Left => "left",
        }
    }

    /// Returns whether it is a reason to open the gate; the others are reasons to keep it shut.
    pub fn admits(self) -> bool {
        matches!(self, Self::FaceCompared | Self::DocumentChecked | Self::Assisted)
    }
}

/// Why an order was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotTaken {
    /// No such visit waits any more, or its decision is on the way.
    NotWaiting,
    /// The reason does not go with the decision.
    Reason,
    /// The lane takes no orders.
    Unheard,
}

/// The board between a lane and its operators. Clones share it.
#[derive(Debug, Clone)]
pub struct Board {
    status: watch::Sender<Status>,
    orders: Arc<Mutex<VecDeque<Order>>>,
}

impl Default for Board {
    fn default() -> Self {
        Self { status: watch::Sender::new(Status::default()), orders: Arc::default() }
    }
}

impl Board {
    /// Changes the status. Pages hear of it if it is another afterwards.
    pub fn update(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_if_modified(|status| {
            let before = status.clone();
            change(status);
            *status != before
        });
    }

    /// Takes what operators have ordered since the last call.
    pub fn orders(&self) -> Vec<Order> {
        self.lock().drain(..).collect()
    }

    /// Returns the status.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Follows the status.
    pub(super) fn follow(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Hands an order to the lane.
    pub fn order(&self, order: Order) -> Result<(), NotTaken> {
        let mut orders = self.lock();
        if let Order::Decide { row, admit, reason, .. } = &order {
            if !self.status.borrow().waiting.iter().any(|visit| visit.row == *row && !visit.ordered) {
                return Err(NotTaken::NotWaiting);
            }
            if reason.admits() != *admit {
                return Err(NotTaken::Reason);
            }
        }
        if orders.len() >= ORDERS {
            return Err(NotTaken::Unheard);
        }
        if let Order::Decide { row, .. } = &order {
            self.update(|status| {
                status
                    .waiting
                    .iter_mut()
                    .filter(|visit| visit.row == *row)
                    .for_each(|visit| visit.ordered = true);
            });
        }
        orders.push_back(order);
        Ok(())
    }

    /// Nothing panics while it holds the lock; and if something did, the orders would still be whole.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Order>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::ref_option, reason = "serde asks for it")]
fn passage<S: Serializer>(passage: &Option<Passage>, serializer: S) -> Result<S::Ok, S::Error> {
    let word = passage.map(|passage| match passage {
        Passage::Passed => "passed",
        Passage::NotPassed => "not-passed",
        Passage::Held => "held",
        Passage::Forced => "forced",
    });
    word.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(row: u64, admit: bool, reason: OverrideReason) -> Order {
        Order::Decide { row, admit, reason, operator: "Officer One".to_owned() }
    }

    fn waiting(row: u64) -> Waiting {
        let since = Timestamp::from_unix(1_800_000_000).unwrap();
        Waiting { row, since, reason: Reason::FaceOfficer, claims: Map::new(), ordered: false }
    }

    #[test]
    fn only_visits_that_wait_are_decided_and_only_once() {
        let board = Board::default();
        let good = decide(7, true, OverrideReason::FaceCompared);
        assert_eq!(board.order(good.clone()), Err(NotTaken::NotWaiting));
        board.update(|status| status.waiting.push(waiting(7)));
        assert_eq!(board.order(decide(7, true, OverrideReason::Left)), Err(NotTaken::Reason));
        assert_eq!(board.order(decide(7, false, OverrideReason::Assisted)), Err(NotTaken::Reason));
        assert_eq!(board.order(good.clone()), Ok(()));
        assert_eq!(board.order(decide(7, false, OverrideReason::Left)), Err(NotTaken::NotWaiting));
        assert_eq!(board.orders(), std::slice::from_ref(&good));
        assert_eq!(board.orders(), []);
        assert_eq!(board.order(good.clone()), Err(NotTaken::NotWaiting), "the lane is at it");
        board.update(|status| status.waiting[0].ordered = false);
        assert_eq!(board.order(good), Ok(()), "the lane could not carry it out");
    }

    #[test]
    fn a_lane_that_does_not_listen_is_told_of() {
        let board = Board::default();
        let close = Order::Close { operator: "Officer One".to_owned() };
        for _ in 0..ORDERS {
            assert_eq!(board.order(close.clone()), Ok(()));
        }
        assert_eq!(board.order(close.clone()), Err(NotTaken::Unheard));
        assert_eq!(board.orders().len(), ORDERS);
        assert_eq!(board.order(close), Ok(()));
    }

    #[test]
    fn pages_hear_of_changes_alone() {
        let board = Board::default();
        let mut page = board.follow();
        page.mark_unchanged();
        board.update(|status| status.enter(LaneState::Starting));
        assert!(!page.has_changed().unwrap());
        board.update(|status| status.enter(LaneState::Idle));
        assert!(page.has_changed().unwrap());
    }

    #[test]
    fn the_state_keeps_its_beginning_and_the_list_its_length() {
        let mut status = Status::default();
        let at = |seconds: i64| Timestamp::from_unix(1_800_000_000 + seconds).unwrap();
        for (second, state) in [(1, LaneState::Idle), (2, LaneState::Idle), (3, LaneState::Reading)] {
            status.at = at(second);
            status.enter(state);
            assert_eq!(status.since, at(if second == 2 { 1 } else { second }));
        }
        for row in 0..50 {
            let (reason, answer) = (Reason::Accepted, Answer::Accepted);
            status.decided(Decision { at: at(4), row, reason, answer, took: 700, officer: None });
        }
        assert_eq!(status.decisions.len(), DECISIONS);
        assert_eq!(status.decisions[0].row, 49);
    }

    #[test]
    fn codes_are_what_the_page_sends() {
        for reason in OverrideReason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.code());
        }
    }

    #[test]
    fn states_are_named_with_their_reason() {
        let closed = LaneState::OutOfService {
            reason: Reason::CameraFailed,
            closed_by: Some("Officer One".to_owned()),
        };
        let json = serde_json::json!({
            "name": "out-of-service", "reason": "camera.failed", "closed_by": "Officer One",
        });
        assert_eq!(serde_json::to_value(closed).unwrap(), json);
    }
}
