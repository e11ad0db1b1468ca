//! Every sentence that a lane shows.

use shared::reason::Reason;

use crate::session::Screen;

/// Returns the sentence of a screen.
pub fn sentence(screen: &Screen) -> String {
    match screen {
        Screen::Idle => "Hold your code in front of the camera.".to_owned(),
        Screen::Problem(reason) => reason.sentence().to_owned(),
        Screen::Verifying => "One moment.".to_owned(),
        Screen::LookAtCamera(None) => "Please look at the camera.".to_owned(),
        Screen::LookAtCamera(Some(reason)) => hint(*reason).to_owned(),
        Screen::Outcome(outcome) if outcome.reason == Reason::Accepted => "Accepted. Please pass.".to_owned(),
        Screen::Outcome(outcome) => outcome.reason.sentence().to_owned(),
        Screen::OutOfService(reason) => format!("This lane is closed. {}", reason.sentence()),
    }
}

/// What a resident can do so that the next frame is better.
pub fn hint(reason: Reason) -> &'static str {
    match reason {
        Reason::FaceSeveral => "One person at a time, please.",
        Reason::FaceQuality => "Come closer, look straight ahead and hold still.",
        _ => "Please look at the camera.",
    }
}
