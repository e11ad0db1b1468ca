//! `kiosk scanner`: what a 2-D scanner hands over, to see whether it is set up as a lane needs it.

use std::num::{NonZeroU16, NonZeroU32};
use std::process::ExitCode;
use std::slice;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::json;

use super::print;
use crate::notice;
use crate::scanner::{Scanned, ScannerName, Scanners};

/// How often the scanner is asked.
const TURN: Duration = Duration::from_millis(20);

pub fn run(name: &ScannerName, codes: NonZeroU32, patience: NonZeroU16) -> Result<ExitCode> {
    let scanners = Scanners::start(slice::from_ref(name))?;
    let patience = Duration::from_secs(patience.get().into());
    let mut last = Instant::now();
    let mut left = codes.get();
    while left > 0 {
        match scanners.next() {
            Some(Scanned::Code(text)) => {
                print(json!({ "text": text }))?;
                (left, last) = (left - 1, Instant::now());
            }
            Some(Scanned::Fault(error)) => notice(&format!("{error:#}")),
            Some(Scanned::Mended) => notice(&format!("scanner {name}: it works again")),
            None if last.elapsed() > patience => {
                notice(&format!("scanner {name}: no code for {} seconds", patience.as_secs()));
                return Ok(ExitCode::from(1));
            }
            None => thread::sleep(TURN),
        }
    }
    Ok(ExitCode::SUCCESS)
}
