//! What a lane shows. A [`Display`] draws a [`Screen`] and decides nothing.

mod text;
mod view;

use std::io::{IsTerminal, Write};

use image::DynamicImage;
use shared::credential::Challenge;
use shared::qr;
use shared::reason::{Answer, Language};

use crate::session::Screen;
#[cfg(feature = "screen")]
pub use text::{Phrase, name};
pub use text::{describe, sentence};
#[cfg(test)]
pub(crate) use view::tests::screens;
#[cfg(feature = "screen")]
pub use view::{Guide, Scene, View};

/// Something that can show a screen.
pub trait Display {
    /// Shows it in place of what was shown before.
    fn show(&mut self, screen: &Screen);

    /// Shows the code that the next visitor's phone has to answer, beside whatever is shown.
    fn ask(&mut self, challenge: &Challenge);

    /// Shows what the camera sees, where there is room for it; at most 15 times a second.
    fn preview(&mut self, _frame: &DynamicImage) {}

    /// The lane's loop goes round. A screen that does not hear that for a while says that the lane is closed.
    fn alive(&mut self) {}
}

/// Lines on standard error: shape and words carry the meaning, colour only repeats it.
#[derive(Debug, Default)]
pub struct Terminal {
    /// What the operator reads.
    pub language: Language,
}

impl Display for Terminal {
    fn show(&mut self, screen: &Screen) {
        let mut out = std::io::stderr().lock();
        let (mark, colour) = match screen {
            Screen::Outcome(outcome) => mark(outcome.reason.answer()),
            Screen::OutOfService(_) => ("■", "33"),
            Screen::Problem(reason) => mark(reason.answer()),
            _ => ("·", "36"),
        };
        let line = sentence(screen, self.language);
        // Nobody is left to tell if standard error is gone.
        let _ = if out.is_terminal() {
            writeln!(out, "\x1b[{colour}m{mark} {line}\x1b[0m")
        } else {
            writeln!(out, "{mark} {line}")
        };
    }

    fn ask(&mut self, challenge: &Challenge) {
        let text = challenge.encode();
        let mut out = std::io::stderr().lock();
        // A terminal shows the symbol; anything else, such as a log or a test, the text in it.
        let drawn = out.is_terminal().then(|| qr::encode(&text).ok()).flatten();
        let _ = match drawn {
            Some(symbol) => writeln!(out, "{}", symbol.to_terminal()),
            None => writeln!(out, "» challenge: {text}"),
        };
    }
}

/// The shape and the ANSI colour of an answer.
pub fn mark(answer: Answer) -> (&'static str, &'static str) {
    match answer {
        Answer::Accepted => ("✔", "32"),
        Answer::Refused => ("✘", "31"),
        Answer::Unanswered => ("?", "33"),
    }
}
