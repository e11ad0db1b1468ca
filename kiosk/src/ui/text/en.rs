//! What residents read, in English.

use super::Phrase;

/// Returns the sentence.
pub(super) fn phrase(phrase: Phrase) -> &'static str {
    match phrase {
        Phrase::ShowCode => "Hold your code in front of the camera.",
        Phrase::ScanThenShow => "Scan this code with your phone. Then show your phone's code to the camera.",
        Phrase::WholeCode => "Hold your phone still, with the whole code in view.",
        Phrase::OneCode => "Please show only one code.",
        Phrase::OneMoment => "One moment.",
        Phrase::LookAtCamera => "Please look at the camera.",
        Phrase::OnePerson => "One person at a time, please.",
        Phrase::StandHere => "Please stand in front of the camera.",
        Phrase::ComeCloser => "Please come closer.",
        Phrase::LookStraight => "Please look straight at the camera.",
        Phrase::HoldStill => "Please hold still.",
        Phrase::MoreLight => "It is too dark. Please turn towards the light.",
        Phrase::LessLight => "It is too bright. Please turn away from the light.",
        Phrase::ShowFace => "Please show your whole face: no dark glasses, no mask.",
        Phrase::TurnLeft => "Slowly turn your head to your left.",
        Phrase::TurnRight => "Slowly turn your head to your right.",
        Phrase::StepCloser => "Come a step closer.",
        Phrase::Accepted => "Accepted. Please pass.",
        Phrase::SeeOfficer => "Please see an officer.",
        Phrase::OfficerComes => "Please wait. An officer will help you.",
        Phrase::NewCode => "Please let your phone show a new code.",
        Phrase::OpenWallet => "Please open your identity wallet and show the code in it.",
        Phrase::OnThePhone => "Please show the code on your phone itself, not a copy.",
        Phrase::ThisPlace => "Please choose the code for this place on your phone.",
        Phrase::ScanFirst => "Please first scan the code that this screen will show.",
        Phrase::PhoneClock => "Please set your phone's clock to automatic.",
        Phrase::OrOfficer => "If that does not help, please see an officer.",
        Phrase::WalkThrough => "Please walk through.",
        Phrase::ThankYou => "Thank you.",
        Phrase::ShowAgain => "The gate closed again. Please show your code once more.",
        Phrase::LetGateClose => "Please let the gate close.",
        Phrase::StepBack => "Please step back. An officer will come.",
        Phrase::LaneClosed => "This lane is closed.",
        Phrase::OtherLane => "Please use another lane or ask for help.",
        Phrase::LargerText => "Larger text",
        Phrase::NormalText => "Normal text",
    }
}
