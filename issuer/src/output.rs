//! What a command answers, for people and for programs.

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::Value;

/// The answer of a command.
pub struct Answer {
    /// Lines for a person, on standard output.
    pub text: String,
    /// The same for a program; one object.
    pub json: Value,
    /// Whether the answer is yes.
    pub yes: bool,
}

impl Answer {
    /// A command that did what it was asked.
    pub fn done(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, yes: true }
    }

    /// A command whose answer is no.
    pub fn no(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, yes: false }
    }

    /// Prints the answer and returns the exit status: 0 or 1.
    pub fn print(&self, as_json: bool) -> io::Result<ExitCode> {
        let mut out = io::stdout().lock();
        if as_json {
            writeln!(out, "{}", self.json)?;
        } else if !self.text.is_empty() {
            writeln!(out, "{}", self.text.trim_end_matches('\n'))?;
        }
        Ok(if self.yes { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}
