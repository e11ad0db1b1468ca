//! Every sentence that a lane shows.

use shared::face::{ChallengeTask, QualityIssue};
use shared::reason::{Language, Reason};
use shared::seal::Seal;
use shared::trust::Dialect;

use crate::session::{Hint, Passage, Screen};

/// Returns the sentence of a screen. What an operator reads is in `language`; what a resident reads is English.
pub fn sentence(screen: &Screen, language: Language) -> String {
    match screen {
        Screen::Idle => "Hold your code in front of the camera.".to_owned(),
        Screen::Problem(reason) => reason.sentence(language).to_owned(),
        Screen::Verifying => "One moment.".to_owned(),
        Screen::LookAtCamera(None) => "Please look at the camera.".to_owned(),
        Screen::LookAtCamera(Some(help)) => hint(*help).to_owned(),
        Screen::Challenge(task) => match task {
            ChallengeTask::TurnLeft => "Slowly turn your head to your left.".to_owned(),
            ChallengeTask::TurnRight => "Slowly turn your head to your right.".to_owned(),
            ChallengeTask::ComeCloser => "Come a step closer.".to_owned(),
        },
        Screen::Outcome(outcome) => {
            let accepted = outcome.reason == Reason::Accepted;
            let sentence =
                if accepted { "Accepted. Please pass." } else { outcome.reason.sentence(language) };
            if let Some(seal) = &outcome.seal {
                return format!("{sentence} ({})", describe(seal));
            }
            // Which models decided is the operator's to know, and theirs to answer for.
            match outcome.face.as_ref().and_then(|face| face["model_set"].as_str()) {
                Some(set) => format!("{sentence} (face: {set} models)"),
                None => sentence.to_owned(),
            }
        }
        Screen::ManualCheck(_) => "Please wait. An officer will help you.".to_owned(),
        Screen::Pass => "Please walk through.".to_owned(),
        Screen::Passage(passage) => match passage {
            Passage::Passed => "Thank you.".to_owned(),
            Passage::NotPassed => "The gate closed again. Please show your code once more.".to_owned(),
            Passage::Held => "Please let the gate close.".to_owned(),
            Passage::Forced => "Please step back. An officer will come.".to_owned(),
        },
        Screen::OutOfService(reason) => format!("This lane is closed. {}", reason.sentence(language)),
    }
}

/// Returns what a seal is, who signed it and until when it holds: nothing about its holder.
pub fn describe(seal: &Seal) -> String {
    let scheme = match seal.scheme {
        Dialect::HealthCertificate => "health certificate",
        Dialect::VisibleDigitalSeal => "visible digital seal",
        _ => "seal",
    };
    format!("{scheme} of {}, signed by {}, until {}", seal.country, seal.signer, seal.valid_until)
}

/// What a resident can do so that the next frame is better.
pub fn hint(help: Hint) -> &'static str {
    match (help.reason, help.issue) {
        (Reason::FaceSeveral, _) => "One person at a time, please.",
        (Reason::FaceNone, _) => "Please stand in front of the camera.",
        (_, Some(QualityIssue::TooSmall)) => "Please come closer.",
        (_, Some(QualityIssue::TurnedAway)) => "Please look straight at the camera.",
        (_, Some(QualityIssue::Blurred)) => "Please hold still.",
        (_, Some(QualityIssue::TooDark)) => "It is too dark: please turn towards the light.",
        (_, Some(QualityIssue::TooBright)) => "It is too bright: please turn away from the light.",
        (_, Some(QualityIssue::Covered)) => "Please show your whole face: no dark glasses, no mask.",
        _ => "Please look at the camera.",
    }
}
