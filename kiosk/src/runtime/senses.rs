//! What the lane sees and hears: frames, codes, faces, scanners, the gate.

use std::time::Duration;

use anyhow::Result;
use shared::reason::Reason;

use super::Lane;
use super::source::Eye;
use super::vision::{Look, Sight};
use super::work::Work;
use crate::camera::{Delivery, Frame};
use crate::decide::FaceDemand;
use crate::gate::GateEvent;
use crate::notice;
use crate::scanner::{Scanned, Scanners};
use crate::session::{Event, Passage, State};

/// While nobody is there, so many milliseconds pass between two frames that are searched for a code: what is left of the
/// 300 ms in which a code has to be verified is ample, and an idle lane stays cool.
const IDLE_PACE: u64 = 150;

/// Between two frames that are shown, in milliseconds: 15 a second.
const PREVIEW_PACE: u64 = 66;

impl Lane<'_> {
    /// Takes what the gate and the scanners report.
    pub(super) fn hear(&mut self, work: &mut Work) {
        for event in self.gate.events() {
            match reported(&event) {
                Some(passage) => {
                    self.metrics.passage(passage);
                    self.board.update(|status| status.passage = Some(passage));
                    work.events.push_back(Event::Gate(passage));
                }
                None => match event {
                    GateEvent::Fault(what) => {
                        notice(&format!("the gate failed: {what}"));
                        work.gate_broken = true;
                        self.fault(Reason::GateFailed, false, work);
                    }
                    GateEvent::Mended => {
                        work.gate_broken = false;
                        self.fault(Reason::GateFailed, true, work);
                    }
                    // What was held or forced is over; a fault is not.
                    GateEvent::Shut if !work.gate_broken => {
                        work.events.push_back(Event::Mended(Reason::GateFailed));
                    }
                    // Whoever leaves is let out by the gate itself.
                    _ => {}
                },
            }
        }
        while let Some(scanned) = self.scanners.as_ref().and_then(Scanners::next) {
            match scanned {
                Scanned::Code(text) => {
                    work.code_since.get_or_insert(work.now);
                    work.events.push_back(Event::Code(text));
                }
                Scanned::Fault(error) => {
                    work.deaf += 1;
                    notice(&format!("a scanner failed: {error:#}"));
                }
                Scanned::Mended => {
                    work.deaf -= 1;
                    notice("a scanner works again");
                }
            }
        }
    }

    /// Takes note of whether a camera works. The lane is closed for as long as one of them does not.
    pub(super) fn look_after(&mut self, eye: Eye, delivery: &Delivery, work: &mut Work) {
        match delivery {
            Delivery::Frame(_) if work.blind.remove(&eye) && work.blind.is_empty() => {
                self.fault(Reason::CameraFailed, true, work);
            }
            Delivery::Fault(error) if work.blind.insert(eye) => {
                notice(&format!("the camera failed: {error:#}"));
                if work.blind.len() == 1 {
                    self.fault(Reason::CameraFailed, false, work);
                }
            }
            _ => {}
        }
    }

    /// Takes what the camera delivered; returns whether there may be more.
    pub(super) fn take(
        &mut self,
        delivery: Delivery,
        state: State,
        recorded: bool,
        work: &mut Work,
    ) -> Result<bool> {
        match delivery {
            Delivery::Frame(frame) => {
                // A lane that no longer sees what is in its frames is not alive.
                if !work.vision.is_stuck() {
                    self.watch.frame();
                }
                self.look(frame, state, recorded, work)?;
            }
            Delivery::Nothing => {}
            Delivery::Fault(_) => self.watch.frame(),
            Delivery::End => return Ok(false),
        }
        match work.vision.is_busy() && recorded {
            true => {
                let sight = work.vision.wait()?;
                self.saw(sight, work);
            }
            false => {
                while let Some(sight) = work.vision.sight()? {
                    self.saw(sight, work);
                }
            }
        }
        Ok(true)
    }

    /// Takes what was seen in a frame; remembers since when a code, or a face, is in view.
    fn saw(&self, Sight { event, taken }: Sight, work: &mut Work) {
        match &event {
            Event::NoCode(Reason::NoSymbol) => work.code_since = None,
            Event::Code(_) | Event::NoCode(_) => _ = work.code_since.get_or_insert(taken),
            Event::Face(answer, _) if answer.reason != Reason::FaceNone => {
                work.face_since.get_or_insert(taken);
            }
            _ => {}
        }
        self.metrics.frame_handled(Duration::from_millis(work.now.since(taken)));
        work.events.push_back(event);
    }

    /// Shows a frame where that helps, and has it looked at if nothing else is.
    fn look(&mut self, frame: Frame, state: State, recorded: bool, work: &mut Work) -> Result<()> {
        let now = work.now;
        let aiming = matches!(state, State::Reading | State::Capturing | State::Challenge);
        if aiming && work.shown.is_none_or(|shown| now.since(shown) >= PREVIEW_PACE) {
            work.shown = Some(now);
            self.display.preview(frame.picture());
        }
        if work.vision.is_busy() {
            return Ok(());
        }
        if let Some(holder) = work.compare.take() {
            let Some(policy) = self.trust.policy(&self.purpose) else {
                work.events.push_back(Event::Face(Reason::FaceModels.into(), now));
                return Ok(());
            };
            let demand = Box::new(FaceDemand::new(policy, self.false_match_rate));
            return work.vision.look(frame, Look::Face(holder, demand));
        }
        let at_once = recorded || state == State::Reading;
        if at_once || work.read.is_none_or(|read| now.since(read) >= IDLE_PACE) {
            work.read = Some(now);
            work.vision.look(frame, Look::Code)?;
        }
        Ok(())
    }
}

/// What became of the gate, if the event says that.
fn reported(event: &GateEvent) -> Option<Passage> {
    match event {
        GateEvent::Passed => Some(Passage::Passed),
        GateEvent::NotPassed => Some(Passage::NotPassed),
        GateEvent::Held => Some(Passage::Held),
        GateEvent::Forced => Some(Passage::Forced),
        GateEvent::Exit | GateEvent::Fault(_) | GateEvent::Mended | GateEvent::Shut => None,
    }
}
