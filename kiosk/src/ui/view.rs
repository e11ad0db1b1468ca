//! What a resident is shown: a picture and sentences. A [`View`] has no room for anything else, so that no claim, name, score or
//! reason of the operator's can get onto the resident's screen.

use serde::{Deserialize, Serialize};
use shared::face::{ChallengeTask, QualityIssue};
use shared::reason::{Answer, Reason};

use super::text::Phrase;
use crate::session::{Hint, Passage, Screen};

/// Everything that a resident is shown of a [`Screen`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    /// What is drawn.
    pub scene: Scene,
    /// What to do.
    pub sentence: Phrase,
    /// What to do if that does not help.
    pub detail: Option<Phrase>,
}

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scene {
    /// A phone before a camera.
    Phone,
    /// What the camera sees, to aim a phone by.
    Aim,
    /// The lane is working.
    Wait,
    /// What the camera sees, with an oval for the face.
    Face(Guide),
    /// Yes.
    Yes,
    /// No.
    No,
    /// Neither: somebody will come.
    Officer,
    /// The gate is open.
    GateOpen,
    /// The gate is closed.
    GateClosed,
    /// Keep off the gate.
    GateAlarm,
    /// The lane is closed.
    OutOfService,
}

/// What would help the camera.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guide {
    /// A face in the oval.
    Look,
    /// Somebody before the camera.
    Come,
    /// Fewer people.
    Alone,
    /// A larger face.
    Closer,
    /// A face that looks ahead.
    Straight,
    /// A face that rests.
    Still,
    /// More light.
    Light,
    /// Less light.
    Shade,
    /// Nothing before eyes and mouth.
    Uncover,
    /// A turn to one's own left.
    Left,
    /// A turn to one's own right.
    Right,
}

impl View {
    /// Returns what a resident is shown of a screen.
    pub fn of(screen: &Screen) -> Self {
        match screen {
            Screen::Idle => plain(Scene::Phone, Phrase::ShowCode),
            Screen::Problem(Reason::SeveralSymbols) => plain(Scene::Aim, Phrase::OneCode),
            Screen::Problem(_) => plain(Scene::Aim, Phrase::WholeCode),
            Screen::Verifying => plain(Scene::Wait, Phrase::OneMoment),
            Screen::LookAtCamera(None) => plain(Scene::Face(Guide::Look), Phrase::LookAtCamera),
            Screen::LookAtCamera(Some(help)) => hint(*help),
            Screen::Challenge(ChallengeTask::TurnLeft) => plain(Scene::Face(Guide::Left), Phrase::TurnLeft),
            Screen::Challenge(ChallengeTask::TurnRight) => {
                plain(Scene::Face(Guide::Right), Phrase::TurnRight)
            }
            Screen::Challenge(ChallengeTask::ComeCloser) => {
                plain(Scene::Face(Guide::Closer), Phrase::StepCloser)
            }
            Screen::Outcome(outcome) => answer(outcome.reason),
            Screen::ManualCheck(_) => plain(Scene::Officer, Phrase::OfficerComes),
            Screen::Pass => plain(Scene::GateOpen, Phrase::WalkThrough),
            Screen::Declined => plain(Scene::No, Phrase::SeeOfficer),
            Screen::Passage(Passage::Passed) => plain(Scene::Yes, Phrase::ThankYou),
            Screen::Passage(Passage::NotPassed) => plain(Scene::GateClosed, Phrase::ShowAgain),
            Screen::Passage(Passage::Held) => plain(Scene::GateAlarm, Phrase::LetGateClose),
            Screen::Passage(Passage::Forced) => plain(Scene::GateAlarm, Phrase::StepBack),
            Screen::OutOfService(_) => Self::OUT_OF_SERVICE,
        }
    }

    /// The lane is closed; also what is shown while there is no lane.
    pub const OUT_OF_SERVICE: View =
        View { scene: Scene::OutOfService, sentence: Phrase::LaneClosed, detail: Some(Phrase::OtherLane) };

    /// What a screen shows before it has heard of its lane.
    #[cfg(feature = "screen")]
    pub const STARTING: View = View { scene: Scene::Wait, sentence: Phrase::OneMoment, detail: None };

    /// Whether what the camera sees is part of it.
    #[cfg(feature = "screen")]
    pub fn has_preview(self) -> bool {
        matches!(self.scene, Scene::Aim | Scene::Face(_))
    }
}

fn plain(scene: Scene, sentence: Phrase) -> View {
    View { scene, sentence, detail: None }
}

/// How a visit ended. Why is the operator's to know; a resident reads what to do.
fn answer(reason: Reason) -> View {
    match (reason.answer(), remedy(reason)) {
        (Answer::Accepted, _) => plain(Scene::Yes, Phrase::Accepted),
        (Answer::Unanswered, _) => plain(Scene::Officer, Phrase::OfficerComes),
        (Answer::Refused, Some(sentence)) => {
            View { scene: Scene::No, sentence, detail: Some(Phrase::OrOfficer) }
        }
        (Answer::Refused, None) => plain(Scene::No, Phrase::SeeOfficer),
    }
}

/// Returns what residents can do about a refusal by themselves. Nothing where somebody might learn from it how to get through
/// with what is not theirs.
fn remedy(reason: Reason) -> Option<Phrase> {
    match reason {
        Reason::SymbolUnreadable => Some(Phrase::WholeCode),
        Reason::TextTooLong | Reason::TextNotBase45 | Reason::TextForeign => Some(Phrase::OpenWallet),
        Reason::TextCompression
        | Reason::TextDecryption
        | Reason::FormatCbor
        | Reason::FormatTrailingBytes
        | Reason::FormatStructure
        | Reason::ProofWindow
        | Reason::ProofExpired
        | Reason::ProofReplayed => Some(Phrase::NewCode),
        Reason::ProofMissing | Reason::PaperNotAccepted => Some(Phrase::OnThePhone),
        Reason::DialectNotAccepted
        | Reason::CredentialPurpose
        | Reason::CredentialClaimMissing
        | Reason::ProofAudience => Some(Phrase::ThisPlace),
        Reason::ChallengeMissing | Reason::ChallengeWrong => Some(Phrase::ScanFirst),
        Reason::ProofNotYetValid => Some(Phrase::PhoneClock),
        _ => None,
    }
}

/// What a resident can do so that the next frame is better.
fn hint(help: Hint) -> View {
    let (guide, sentence) = match (help.reason, help.issue) {
        (Reason::FaceSeveral, _) => (Guide::Alone, Phrase::OnePerson),
        (Reason::FaceNone, _) => (Guide::Come, Phrase::StandHere),
        (_, Some(QualityIssue::TooSmall)) => (Guide::Closer, Phrase::ComeCloser),
        (_, Some(QualityIssue::TurnedAway)) => (Guide::Straight, Phrase::LookStraight),
        (_, Some(QualityIssue::Blurred)) => (Guide::Still, Phrase::HoldStill),
        (_, Some(QualityIssue::TooDark)) => (Guide::Light, Phrase::MoreLight),
        (_, Some(QualityIssue::TooBright)) => (Guide::Shade, Phrase::LessLight),
        (_, Some(QualityIssue::Covered)) => (Guide::Uncover, Phrase::ShowFace),
        _ => (Guide::Look, Phrase::LookAtCamera),
    };
    plain(Scene::Face(guide), sentence)
}

#[cfg(test)]
pub(crate) mod tests {
    use shared::reason::Language;

    use super::*;
    use crate::session::Outcome;

    /// The screen of a visit that ended for this reason, of somebody whose data must not be seen.
    pub(crate) fn ended(reason: Reason) -> Screen {
        let claims = serde_json::json!({"name": "CANARY, ALEX", "id": "CANARY-01"});
        Screen::Outcome(Outcome {
            reason,
            claims: claims.as_object().unwrap().clone(),
            seal: None,
            face: Some(serde_json::json!({"score": 0.123})),
            challenge_passed: None,
            took: 900,
        })
    }

    /// One screen for every view that there is, by name.
    pub(crate) fn screens() -> Vec<(&'static str, Screen)> {
        let hint = |reason, issue| Screen::LookAtCamera(Some(Hint { reason, issue }));
        let poor = |issue| hint(Reason::FaceQuality, Some(issue));
        vec![
            ("idle", Screen::Idle),
            ("unreadable", Screen::Problem(Reason::SymbolUnreadable)),
            ("several-codes", Screen::Problem(Reason::SeveralSymbols)),
            ("verifying", Screen::Verifying),
            ("look", Screen::LookAtCamera(None)),
            ("no-face", hint(Reason::FaceNone, None)),
            ("several-faces", hint(Reason::FaceSeveral, None)),
            ("closer", poor(QualityIssue::TooSmall)),
            ("straight", poor(QualityIssue::TurnedAway)),
            ("still", poor(QualityIssue::Blurred)),
            ("dark", poor(QualityIssue::TooDark)),
            ("bright", poor(QualityIssue::TooBright)),
            ("covered", poor(QualityIssue::Covered)),
            ("turn-left", Screen::Challenge(ChallengeTask::TurnLeft)),
            ("turn-right", Screen::Challenge(ChallengeTask::TurnRight)),
            ("step-closer", Screen::Challenge(ChallengeTask::ComeCloser)),
            ("accepted", ended(Reason::Accepted)),
            ("refused", ended(Reason::FaceNonMatch)),
            ("refused-unreadable", ended(Reason::SymbolUnreadable)),
            ("refused-new-code", ended(Reason::ProofExpired)),
            ("refused-wallet", ended(Reason::TextNotBase45)),
            ("refused-copy", ended(Reason::ProofMissing)),
            ("refused-place", ended(Reason::ProofAudience)),
            ("refused-scan-first", ended(Reason::ChallengeMissing)),
            ("refused-clock", ended(Reason::ProofNotYetValid)),
            ("manual-check", Screen::ManualCheck(Reason::FaceOfficer)),
            ("pass", Screen::Pass),
            ("passed", Screen::Passage(Passage::Passed)),
            ("not-passed", Screen::Passage(Passage::NotPassed)),
            ("held", Screen::Passage(Passage::Held)),
            ("forced", Screen::Passage(Passage::Forced)),
            ("out-of-service", Screen::OutOfService(Reason::CameraFailed)),
        ]
    }

    #[test]
    fn every_reason_ends_in_an_instruction_of_its_kind() {
        for reason in Reason::ALL.iter().copied() {
            let view = View::of(&ended(reason));
            let scene = match reason.answer() {
                Answer::Accepted => Scene::Yes,
                Answer::Refused => Scene::No,
                Answer::Unanswered => Scene::Officer,
            };
            assert_eq!(view.scene, scene, "{reason}");
            // Whoever can do nothing is sent to an officer, and whoever can is sent there next.
            let officer = [Some(view.sentence), view.detail].into_iter().flatten().any(|phrase| {
                matches!(phrase, Phrase::SeeOfficer | Phrase::OfficerComes | Phrase::OrOfficer)
            });
            assert_eq!(officer, reason.answer() != Answer::Accepted, "{reason}");
        }
    }

    #[test]
    fn a_forgery_is_told_nothing_but_where_to_go() {
        for reason in [
            Reason::CredentialSignature,
            Reason::StatusRevoked,
            Reason::ProofSignature,
            Reason::FaceNonMatch,
            Reason::FaceAttack,
            Reason::IssuerUnknown,
        ] {
            assert_eq!(View::of(&ended(reason)), plain(Scene::No, Phrase::SeeOfficer), "{reason}");
        }
    }

    #[test]
    fn nothing_of_the_resident_or_the_reason_is_in_a_view() {
        for reason in Reason::ALL.iter().copied() {
            let view = View::of(&ended(reason));
            let json = serde_json::to_string(&view).unwrap();
            assert!(!json.contains("CANARY") && !json.contains("0.123"), "{json}");
            for language in Language::ALL {
                let said = [Some(view.sentence), view.detail].into_iter().flatten();
                for text in said.map(|phrase| phrase.text(language)) {
                    assert_ne!(text, reason.sentence(language), "{reason}");
                }
            }
        }
    }

    #[test]
    fn the_list_of_screens_has_every_sentence() {
        let views: Vec<View> = screens().iter().map(|(_, screen)| View::of(screen)).collect();
        for phrase in Phrase::ALL {
            let shown = views.iter().any(|view| view.sentence == *phrase || view.detail == Some(*phrase));
            // These are on buttons, and beside a challenge.
            let elsewhere = matches!(phrase, Phrase::LargerText | Phrase::NormalText | Phrase::ScanThenShow);
            assert_ne!(shown, elsewhere, "{phrase:?}");
        }
        for (index, view) in views.iter().enumerate() {
            assert!(!views[..index].contains(view), "twice: {view:?}");
        }
    }
}
