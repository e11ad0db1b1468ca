//! Every sentence that a lane shows: to residents here and in `text/`, one file per language; to the operator, those of
//! the reasons (`shared::reason`).

mod en;
mod pt;
mod zh_hans;
mod zh_hant;

use serde::{Deserialize, Serialize};
use shared::reason::{Language, Reason};
use shared::seal::Seal;
use shared::trust::Dialect;

use super::view::View;
use crate::session::Screen;

macro_rules! phrases {
    ($($variant:ident $meaning:literal)*) => {
        /// One sentence for residents. It tells them what to do, and nothing about anybody.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Phrase { $(#[doc = $meaning] $variant,)* }

        impl Phrase {
            /// Every sentence.
            #[cfg(test)]
            pub const ALL: &[Phrase] = &[$(Phrase::$variant),*];
        }
    };
}

phrases! {
    ShowCode "Nobody is here: show a code."
    ScanThenShow "The screen shows a challenge: scan it, then show the answer."
    WholeCode "A code is in view and cannot be read."
    OneCode "Several codes are in view."
    OneMoment "The lane is working."
    LookAtCamera "A face is awaited."
    OnePerson "Several faces are in view."
    StandHere "No face is in view."
    ComeCloser "The face is too small."
    LookStraight "The face is turned away."
    HoldStill "The face is blurred."
    MoreLight "The face is too dark."
    LessLight "The face is too bright."
    ShowFace "Something covers the face."
    TurnLeft "Challenge: turn to one's own left."
    TurnRight "Challenge: turn to one's own right."
    StepCloser "Challenge: come closer."
    Accepted "The answer is yes."
    SeeOfficer "The answer is no, and only an officer can help."
    OfficerComes "There is no answer: an officer will come."
    NewCode "The next code of the phone may do."
    OpenWallet "This is no identity code: open the wallet."
    OnThePhone "A copy was shown: the phone itself will do."
    ThisPlace "The code was for another place or purpose: choose the one for here."
    ScanFirst "The lane's own code has to be scanned first."
    PhoneClock "The phone's clock is wrong: let it set itself."
    OrOfficer "And if that does not help: an officer."
    WalkThrough "The gate is open."
    ThankYou "Somebody walked through."
    ShowAgain "The gate was open and nobody went."
    LetGateClose "Something keeps the gate from closing."
    StepBack "The gate was forced."
    LaneClosed "The lane is out of service."
    OtherLane "Where to go instead."
    LargerText "The button for larger text and more contrast."
    NormalText "The button that takes that back."
}

impl Phrase {
    /// Returns the sentence in a language.
    pub fn text(self, language: Language) -> &'static str {
        match language {
            Language::En => en::phrase(self),
            Language::ZhHans => zh_hans::phrase(self),
            Language::ZhHant => zh_hant::phrase(self),
            Language::Pt => pt::phrase(self),
        }
    }
}

/// Returns a language's name in itself.
#[cfg(any(feature = "screen", test))]
pub fn name(language: Language) -> &'static str {
    match language {
        Language::En => "English",
        Language::ZhHans => "简体中文",
        Language::ZhHant => "繁體中文",
        Language::Pt => "Português",
    }
}

/// Returns what an operator reads of a screen: the sentence of the reason where there is one, and what the resident is told
/// where there is not.
pub fn sentence(screen: &Screen, language: Language) -> String {
    let told = |screen| View::of(screen).sentence.text(language);
    match screen {
        Screen::Problem(reason) | Screen::ManualCheck(reason) => reason.sentence(language).to_owned(),
        Screen::OutOfService(reason) => {
            let closed = told(screen);
            // Chinese writes no space after its full stop.
            let space = if closed.ends_with('.') { " " } else { "" };
            format!("{closed}{space}{}", reason.sentence(language))
        }
        Screen::Outcome(outcome) => {
            let sentence = match outcome.reason {
                Reason::Accepted => told(screen),
                reason => reason.sentence(language),
            };
            if let Some(seal) = &outcome.seal {
                return format!("{sentence} ({})", describe(seal));
            }
            // Which models decided is the operator's to know, and theirs to answer for.
            match outcome.face.as_ref().and_then(|face| face["model_set"].as_str()) {
                Some(set) => format!("{sentence} (face: {set} models)"),
                None => sentence.to_owned(),
            }
        }
        _ => told(screen).to_owned(),
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

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    /// The names of buttons are no sentences.
    const BUTTONS: [Phrase; 2] = [Phrase::LargerText, Phrase::NormalText];

    #[test]
    fn everything_is_said_and_ends_as_a_sentence_does() {
        for language in Language::ALL {
            let (stop, most) = match language {
                Language::En | Language::Pt => ('.', 90),
                Language::ZhHans | Language::ZhHant => ('。', 30),
            };
            for phrase in Phrase::ALL.iter().copied() {
                let text = phrase.text(language);
                assert_eq!(text.ends_with(stop), !BUTTONS.contains(&phrase), "{language} {phrase:?}: {text}");
                assert!(text.trim() == text && !text.contains("  "), "{language} {phrase:?}: {text}");
                // What takes longer to read is not read.
                assert!((3..=most).contains(&text.chars().count()), "{language} {phrase:?}: {text}");
            }
        }
    }

    #[test]
    fn no_two_sentences_are_the_same() {
        let mut seen: HashMap<&str, (Language, Phrase)> = HashMap::new();
        for language in Language::ALL {
            for phrase in Phrase::ALL.iter().copied() {
                let text = phrase.text(language);
                if let Some(other) = seen.insert(text, (language, phrase)) {
                    panic!("{text:?} is {language} {phrase:?} and {other:?}");
                }
            }
        }
        assert_eq!(seen.len(), Language::ALL.len() * Phrase::ALL.len());
    }

    #[test]
    fn every_language_is_written_in_its_own_script() {
        for phrase in Phrase::ALL.iter().copied() {
            for language in Language::ALL {
                let text = phrase.text(language);
                let chinese = matches!(language, Language::ZhHans | Language::ZhHant);
                assert_eq!(chinese, text.chars().all(|c| !c.is_ascii()), "{language}: {text}");
                assert_eq!(!chinese, text.chars().all(|c| (c as u32) < 0x250), "{language}: {text}");
            }
        }
        let names: HashSet<&str> = Language::ALL.into_iter().map(name).collect();
        assert_eq!(names.len(), Language::ALL.len());
    }

    #[test]
    fn the_operator_reads_the_reason_in_their_language() {
        let closed = Screen::OutOfService(Reason::CameraFailed);
        assert_eq!(
            sentence(&closed, Language::En),
            "This lane is closed. The camera does not deliver pictures."
        );
        for language in Language::ALL {
            let reason = Reason::CameraFailed.sentence(language);
            assert!(sentence(&closed, language).ends_with(reason));
            assert_eq!(sentence(&Screen::Idle, language), Phrase::ShowCode.text(language));
        }
    }
}
