//! `kiosk screen`: the resident's screen of a lane.

use std::process::ExitCode;

use anyhow::Result;

use crate::cli::Screen;
use crate::screen;

pub fn run(arguments: &Screen) -> Result<ExitCode> {
    screen::open(arguments)?;
    Ok(ExitCode::SUCCESS)
}
