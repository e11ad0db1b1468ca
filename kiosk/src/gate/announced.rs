//! No gate at all: its pulses are announced to whoever reads standard error.

use anyhow::Result;

use super::{Gate, GateEvent, Signal};
use crate::notice;

/// A desk without a gate, or a demonstration.
#[derive(Debug)]
pub struct Announced;

impl Gate for Announced {
    fn open(&mut self) -> Result<()> {
        notice("» gate: one pulse");
        Ok(())
    }

    fn signal(&mut self, _signal: Signal) {}

    fn events(&mut self) -> Vec<GateEvent> {
        Vec::new()
    }

    fn reports_passage(&self) -> bool {
        false
    }
}
