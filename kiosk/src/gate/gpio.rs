//! A relay, contacts, a light and a beeper at the computer's own lines, through the kernel's character device.
//!
//! Everything is inactive when the lines are taken and before they are given back. The kernel says nothing of what a line
//! does after that: some chips keep the last level of a process that was killed (`docs/kiosk/gate.md`).

use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use gpiocdev::Request;
use gpiocdev::line::{EdgeKind, Value};

use super::passage::{Input, Passage};
use super::settings::{Bias, GpioSettings, InputLine, Level, OutputLine};
use super::worker::{Opening, Order, Reports, Worker};
use super::{GateEvent, Signal};

/// How often the lines are looked at: the pulse may be this much longer. A hand at a door does not notice.
const LOOK: Duration = Duration::from_millis(10);

/// How often all levels are read, which also shows whether the lines are still there.
const CHECK: Duration = Duration::from_millis(500);

/// How often lines that vanished are asked for.
const RETRY: Duration = Duration::from_secs(1);

/// Takes a gate into service.
pub fn open(settings: &GpioSettings) -> Result<Worker> {
    let settings = settings.clone();
    Worker::start(settings.contact.is_some(), move |orders, reports, started| {
        let mut gate =
            Gpio { settings, reports, began: Instant::now(), service: None, signal: None, retry: None };
        gate.take_lines();
        started();
        loop {
            match orders.recv_timeout(LOOK) {
                Ok(Order::Open(opening)) => gate.open(opening),
                Ok(Order::Signal(signal)) => gate.signal = Some((signal, Instant::now())),
                Ok(Order::GaveUp) => gate.gave_up(),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            gate.look();
        }
    })
}

/// One gate, with or without its lines.
struct Gpio<'a> {
    settings: GpioSettings,
    reports: &'a Reports,
    began: Instant,
    service: Option<Service>,
    signal: Option<(Signal, Instant)>,
    /// When to ask for the lines again.
    retry: Option<Instant>,
}

/// The lines of a gate in service, and what they mean.
struct Service {
    lines: Lines,
    passage: Passage,
    checked: Instant,
}

impl Gpio<'_> {
    fn open(&mut self, opening: Opening) {
        let now = self.now();
        let Some(service) = &mut self.service else {
            opening.answer(Err(anyhow!("the lines of the gate are not there")));
            return;
        };
        if !opening.awaited() {
            return;
        }
        let events = service.passage.step(Input::Open, now);
        match service.lines.relay(service.passage.unlocked()) {
            Ok(()) => {
                opening.answer(Ok(()));
                events.into_iter().for_each(|event| self.reports.tell(event));
            }
            Err(error) => {
                // Nothing may switch it later.
                self.fail(&error);
                opening.answer(Err(error));
            }
        }
    }

    /// Begins anew with lines that did not do what they were asked to in time. Lines that are not there are told of already.
    fn gave_up(&mut self) {
        if self.service.is_some() {
            self.fail(&anyhow!("the lines of the gate did not answer in time"));
        }
    }

    fn look(&mut self) {
        if self.service.is_none() {
            if self.retry.is_some_and(|retry| Instant::now() >= retry) {
                self.take_lines();
            }
            return;
        }
        if let Err(error) = self.work() {
            self.fail(&error);
        }
    }

    fn work(&mut self) -> Result<()> {
        let now = self.now();
        let Some(service) = &mut self.service else { return Ok(()) };
        let mut inputs = service.lines.edges()?;
        if service.checked.elapsed() >= CHECK {
            service.checked = Instant::now();
            // An edge that was lost is made up for here; one that was seen means nothing again.
            inputs
                .extend(service.lines.contact()?.map(|open| if open { Input::Opened } else { Input::Shut }));
            service.lines.check()?;
        }
        inputs.push(Input::Tick);
        for input in inputs {
            service.passage.step(input, now).into_iter().for_each(|event| self.reports.tell(event));
        }
        service.lines.relay(service.passage.unlocked())?;
        let (lamp, beeper) = self.signal.map_or((false, false), |(signal, since)| {
            let after = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            (signal.pattern().lamp(after), signal.pattern().beeper(after))
        });
        service.lines.lamp(lamp)?;
        service.lines.beeper(beeper)
    }

    fn take_lines(&mut self) {
        let now = self.now();
        let taken = Lines::take(&self.settings).and_then(|lines| {
            let contact = lines.contact()?;
            let passage = Passage::new(self.settings.times.into(), contact, now);
            Ok(Service { lines, passage, checked: Instant::now() })
        });
        match taken {
            Ok(service) => {
                self.service = Some(service);
                if self.retry.take().is_some() {
                    self.reports.tell(GateEvent::Mended);
                }
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Gives up the lines, and says so once.
    fn fail(&mut self, error: &anyhow::Error) {
        self.service = None;
        if self.retry.replace(Instant::now() + RETRY).is_none() {
            // The library's errors repeat what caused them.
            let why: Vec<_> = error.chain().take(2).map(ToString::to_string).collect();
            self.reports.tell(GateEvent::Fault(why.join(": ")));
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// The lines of one gate, requested from the kernel.
struct Lines {
    outputs: Request,
    inputs: Option<Request>,
    relay: Driven,
    lamp: Option<Driven>,
    beeper: Option<Driven>,
    contact: Option<u32>,
    exit: Option<u32>,
}

/// An output, and what it was last set to.
#[derive(Clone, Copy)]
struct Driven {
    line: u32,
    on: bool,
}

impl Lines {
    fn take(settings: &GpioSettings) -> Result<Self> {
        let chip = chip(&settings.chip)?;
        let mut outputs = Request::builder();
        outputs.on_chip(&chip).with_consumer("gatepass");
        for output in [Some(settings.relay), settings.lamp, settings.beeper].iter().flatten() {
            outputs.with_line(output.line).as_output(Value::Inactive);
            match output.active {
                Level::High => outputs.as_active_high(),
                Level::Low => outputs.as_active_low(),
            };
        }
        let outputs = outputs.request().with_context(|| format!("the outputs on {}", settings.chip))?;
        let inputs = match (settings.contact, settings.exit) {
            (None, None) => None,
            (contact, exit) => {
                let watched = [contact, exit].into_iter().flatten();
                Some(
                    watch(&chip, watched, settings)
                        .with_context(|| format!("the inputs on {}", settings.chip))?,
                )
            }
        };
        let driven = |output: OutputLine| Driven { line: output.line, on: false };
        Ok(Self {
            outputs,
            inputs,
            relay: driven(settings.relay),
            lamp: settings.lamp.map(driven),
            beeper: settings.beeper.map(driven),
            contact: settings.contact.map(|input| input.line),
            exit: settings.exit.map(|input| input.line),
        })
    }

    fn relay(&mut self, on: bool) -> Result<()> {
        drive(&self.outputs, &mut self.relay, on)
    }

    fn lamp(&mut self, on: bool) -> Result<()> {
        self.lamp.as_mut().map_or(Ok(()), |lamp| drive(&self.outputs, lamp, on))
    }

    fn beeper(&mut self, on: bool) -> Result<()> {
        self.beeper.as_mut().map_or(Ok(()), |beeper| drive(&self.outputs, beeper, on))
    }

    /// Reads the contact's level, if there is one: whether the gate is open.
    fn contact(&self) -> Result<Option<bool>> {
        let (Some(inputs), Some(line)) = (&self.inputs, self.contact) else { return Ok(None) };
        Ok(Some(inputs.value(line).context("reading the contact")? == Value::Active))
    }

    /// Takes the edges since the last call.
    fn edges(&self) -> Result<Vec<Input>> {
        let Some(inputs) = &self.inputs else { return Ok(Vec::new()) };
        let mut edges = Vec::new();
        // A line that flutters faster than it is read does not hold up the relay.
        while edges.len() < 64 && inputs.has_edge_event().context("waiting for the inputs")? {
            let edge = inputs.read_edge_event().context("reading the inputs")?;
            let of = |line: Option<u32>| line == Some(edge.offset);
            match edge.kind {
                EdgeKind::Rising if of(self.contact) => edges.push(Input::Opened),
                EdgeKind::Falling if of(self.contact) => edges.push(Input::Shut),
                EdgeKind::Rising if of(self.exit) => edges.push(Input::Exit),
                _ => {}
            }
        }
        Ok(edges)
    }

    /// Fails if the chip is gone. What it says is not looked at: not every chip knows the level of an output.
    fn check(&self) -> Result<()> {
        self.outputs.value(self.relay.line).map(|_| ()).context("asking for the relay")
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        for line in [Some(self.relay), self.lamp, self.beeper].iter().flatten() {
            // A line that is gone cannot be set, and nobody is left to tell.
            let _ = self.outputs.set_value(line.line, Value::Inactive);
        }
    }
}

fn drive(outputs: &Request, output: &mut Driven, on: bool) -> Result<()> {
    if output.on != on {
        let value = if on { Value::Active } else { Value::Inactive };
        outputs.set_value(output.line, value).with_context(|| format!("setting line {}", output.line))?;
        output.on = on;
    }
    Ok(())
}

fn watch(
    chip: &Path,
    inputs: impl Iterator<Item = InputLine>,
    settings: &GpioSettings,
) -> gpiocdev::Result<Request> {
    let mut request = Request::builder();
    request.on_chip(chip).with_consumer("gatepass");
    for input in inputs {
        request.with_line(input.line).as_input();
        match input.active {
            Level::High => request.as_active_high(),
            Level::Low => request.as_active_low(),
        };
        match input.bias {
            Bias::PullUp => request.with_bias(gpiocdev::line::Bias::PullUp),
            Bias::PullDown => request.with_bias(gpiocdev::line::Bias::PullDown),
            Bias::AsIs => &mut request,
        };
        request.with_edge_detection(gpiocdev::line::EdgeDetection::BothEdges);
        if settings.debounce_ms.get() > 0 {
            request.with_debounce_period(Duration::from_millis(settings.debounce_ms.get()));
        }
    }
    request.request()
}

/// Finds a chip by its path, its name, or its label.
fn chip(name: &str) -> Result<PathBuf> {
    if name.contains('/') {
        return gpiocdev::chip::is_chip(name).with_context(|| format!("the GPIO chip {name}"));
    }
    if let Ok(path) = gpiocdev::chip::is_chip(Path::new("/dev").join(name)) {
        return Ok(path);
    }
    let labelled = |path: &PathBuf| {
        let info = gpiocdev::Chip::from_path(path).and_then(|chip| chip.info());
        info.is_ok_and(|info| info.label == name)
    };
    let chips = gpiocdev::chip::chips().unwrap_or_default();
    chips.into_iter().find(labelled).with_context(|| format!("there is no GPIO chip {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Gate;

    // What lines do is tried in the camera machine, which has simulated ones; here there are none.

    #[test]
    fn a_gate_without_its_lines_is_a_fault_and_opens_nothing() {
        let settings = "chip = \"no-such-chip\"\nrelay = { line = 3 }\ncontact = { line = 4 }\n";
        let mut gate = open(&toml::from_str(settings).unwrap()).unwrap();
        let events = gate.events();
        assert_eq!(events, [GateEvent::Fault("there is no GPIO chip no-such-chip".to_owned())]);
        let refusal = gate.open().unwrap_err().to_string();
        assert_eq!(refusal, "the lines of the gate are not there");
        assert!(gate.reports_passage());
        gate.signal(Signal::Error);
    }

    #[test]
    fn what_is_no_chip_is_refused() {
        assert!(chip("/dev/null").is_err());
        assert!(chip("/no/such/path").is_err());
        assert!(chip("null").is_err());
    }
}
