//! The panel's part: one device with a relay, contacts, a light and a beeper.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use libosdp::{
    ControlPanel, ControlPanelBuilder, OsdpCommand, OsdpCommandBuzzer, OsdpCommandLed, OsdpCommandOutput,
    OsdpEvent, OsdpFlag, OsdpLedColor, OsdpLedParams, OsdpStatusReport, OsdpStatusReportType, PdCapEntity,
    PdCapability, PdInfoBuilder,
};

use super::key::Key;
use super::line::Line;
use super::message::{Command, Report};
use crate::gate::Signal;
use crate::gate::pattern::Color;
use crate::gate::settings::{DeviceInput, PanelSettings};

/// How long the device may take to answer in the secure channel; it takes less than a tenth of this.
const CONNECTING: Duration = Duration::from_secs(3);

/// How long a device may be silent: two answers may be lost, after each of which the library waits a second. It would wait
/// nine seconds, carry out what it was told before if there is an answer then, and give up for five minutes if there is none.
const SILENCE: Duration = Duration::from_millis(2_500);

/// How long the device may take to confirm that its output is on.
const CONFIRMING: Duration = Duration::from_millis(700);

/// How often the device is asked for its inputs and its case, which not all volunteer; ours: an exchange takes it less than a
/// tenth of this at the slowest speed, and a hand at a door takes longer.
const ASKING: Duration = Duration::from_millis(500);

/// The control codes of osdp_OUT.
const OUTPUT_OFF: u8 = 1;
const OUTPUT_ON_FOR: u8 = 5;

/// A panel at work.
pub struct Panel<'a> {
    settings: &'a PanelSettings,
    line: Line,
    control: ControlPanel,
    events: Receiver<OsdpEvent>,
    /// What the library has not taken yet; it keeps four commands.
    queue: VecDeque<OsdpCommand>,
    began: Instant,
    /// When it was asked last how it is.
    asked: Instant,
    phase: Phase,
    /// Until when an opening has to be confirmed.
    opening: Option<Instant>,
    /// What the device said last of its output.
    output_on: Option<bool>,
    contact: Option<bool>,
    exit: bool,
    tampered: bool,
    /// Whether the device has a light and a beeper.
    shines: bool,
    beeps: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nobody answers yet.
    Connecting,
    /// It answers, and has not said yet how its inputs and outputs are.
    Asking,
    /// Everything is known.
    Up,
}

impl<'a> Panel<'a> {
    /// Begins on a line that is open.
    pub fn new(settings: &'a PanelSettings, key: &Key, line: Line) -> Result<Self> {
        let device = PdInfoBuilder::new()
            .name("gate")
            .and_then(|info| info.address(settings.line.address.into()))
            .and_then(|info| info.baud_rate(settings.line.baud.cast_signed()))
            .context("describing the device")?
            // No talk outside the secure channel, and no key but ours.
            .flag(OsdpFlag::EnforceSecure)
            .secure_channel_key(**key);
        let builder = ControlPanelBuilder::new().add_channel(Box::new(line.clone()), vec![device]);
        let mut control = builder.build().context("starting OSDP")?;
        let (tell, events) = channel();
        control.set_event_callback(move |_, event| {
            // Nobody is left to listen when this fails.
            let _ = tell.send(event);
            0
        });
        Ok(Self {
            settings,
            line,
            control,
            events,
            queue: VecDeque::new(),
            began: Instant::now(),
            asked: Instant::now(),
            phase: Phase::Connecting,
            opening: None,
            output_on: None,
            contact: None,
            exit: false,
            tampered: false,
            shines: false,
            beeps: false,
        })
    }

    /// Carries out a command.
    pub fn take(&mut self, command: Command) -> Option<Report> {
        match command {
            Command::Open if self.phase != Phase::Up => {
                return Some(Report::NotOpened("the device does not answer".to_owned()));
            }
            Command::Open => {
                let tenths = self.settings.times.pulse_ms.get().div_ceil(100);
                self.opening = Some(Instant::now() + CONFIRMING);
                // Before every light and beep.
                self.queue.push_front(ask(OsdpStatusReportType::Output));
                self.queue.push_front(self.output(OUTPUT_ON_FOR, u16::try_from(tenths).unwrap_or(1)));
            }
            Command::Shut => {
                // Whatever of an opening was not sent yet would come after this.
                self.queue.retain(|command| !is_about_output(command));
                self.output_on = None;
                self.queue.push_front(ask(OsdpStatusReportType::Output));
                self.queue.push_front(self.output(OUTPUT_OFF, 0));
                let why = || Report::NotOpened("it was shut before it was open".to_owned());
                return self.opening.take().map(|_| why());
            }
            Command::Signal(signal) => {
                // Only the newest signal matters.
                self.queue.retain(|command| !matches!(command, OsdpCommand::Led(_) | OsdpCommand::Buzzer(_)));
                let [light, beeper] = show(signal);
                self.queue.extend(self.shines.then_some(light));
                self.queue.extend(self.beeps.then_some(beeper));
            }
        }
        None
    }

    /// Lets the library work, and returns what there is to report. To be called at least every 50 ms.
    ///
    /// # Errors
    ///
    /// The device is lost, or does not do what it is asked to. Nothing that was asked for is carried out any more when
    /// the panel is dropped; an output that is on ends by itself.
    pub fn work(&mut self) -> Result<Vec<Report>> {
        self.control.refresh();
        ensure!(!self.line.broken(), "the serial port {} failed", self.settings.line.port.display());
        let mut reports = Vec::new();
        while let Ok(event) = self.events.try_recv() {
            if let OsdpEvent::Status(status) = event {
                reports.extend(self.status(&status));
            }
        }
        let answers = self.control.is_online(0) && self.control.is_sc_active(0);
        let silent = self.line.silence().is_none_or(|silence| silence > SILENCE);
        match self.phase {
            Phase::Connecting if answers => {
                self.phase = Phase::Asking;
                self.check_abilities()?;
                // Whatever was before us: off.
                self.queue.push_back(self.output(OUTPUT_OFF, 0));
                self.ask_around();
                // Answered last: then everything is known.
                self.queue.push_back(ask(OsdpStatusReportType::Output));
            }
            Phase::Connecting | Phase::Asking if self.began.elapsed() > CONNECTING => self.give_up()?,
            Phase::Asking | Phase::Up if !answers || silent => {
                bail!("the OSDP device on {} is silent", self.settings.line.port.display())
            }
            Phase::Up if self.queue.is_empty() && self.asked.elapsed() >= ASKING => self.ask_around(),
            _ => {}
        }
        ensure!(
            self.opening.is_none_or(|until| Instant::now() < until),
            "the OSDP device did not confirm that its output is on"
        );
        if answers {
            while let Some(command) = self.queue.front() {
                if self.control.send_command(0, command.clone()).is_err() {
                    // It has enough for now.
                    break;
                }
                self.queue.pop_front();
            }
        }
        Ok(reports)
    }

    /// Tells whether the device said after the last [`Command::Shut`] that its output is off.
    pub fn shut(&self) -> bool {
        self.phase != Phase::Up || self.output_on == Some(false)
    }

    /// Asks how the case and the inputs are.
    fn ask_around(&mut self) {
        self.asked = Instant::now();
        self.queue.push_back(ask(OsdpStatusReportType::Local));
        if self.settings.contact.is_some() || self.settings.exit.is_some() {
            self.queue.push_back(ask(OsdpStatusReportType::Input));
        }
    }

    fn give_up(&self) -> Result<()> {
        let line = &self.settings.line;
        let (port, address) = (line.port.display(), line.address);
        match self.line.silence() {
            None => bail!("nothing answers on {port} at address {address} with {} baud", line.baud),
            Some(_) if self.phase == Phase::Asking => {
                bail!("the OSDP device on {port} does not tell its inputs and outputs")
            }
            Some(_) => bail!("the OSDP device on {port} takes no secure channel with our key"),
        }
    }

    /// Asks for nothing that the device does not have; it would break off the connection.
    fn check_abilities(&mut self) -> Result<()> {
        let numbered = |of: fn(PdCapEntity) -> PdCapability, least: u8, number: u8| {
            let has = self.control.get_capability(0, of(PdCapEntity::default())).ok();
            // The library lets capabilities be compared, and nothing else.
            let enough = |compliance| {
                (number + 1..=u8::MAX).any(|count| has == Some(of(PdCapEntity::new(compliance, count))))
            };
            (least..=4).any(enough)
        };
        let output = self.settings.output;
        // Compliance 3 and 4 are those that switch off by themselves.
        ensure!(
            numbered(PdCapability::OutputControl, 3, output),
            "the OSDP device has no output {output} that switches off by itself"
        );
        for DeviceInput { input, .. } in [self.settings.contact, self.settings.exit].into_iter().flatten() {
            ensure!(
                numbered(PdCapability::ContactStatusMonitoring, 1, input),
                "the OSDP device has no input {input}"
            );
        }
        (self.shines, self.beeps) =
            (numbered(PdCapability::LedControl, 1, 0), numbered(PdCapability::AudibleOutput, 1, 0));
        Ok(())
    }

    fn status(&mut self, status: &OsdpStatusReport) -> Vec<Report> {
        let told = |number: u8| {
            let number = usize::from(number);
            status.report.get(number).copied().filter(|_| number < status.nr_entries)
        };
        match status.type_ {
            OsdpStatusReportType::Output => {
                self.output_on = told(self.settings.output).map(|state| state != 0);
                if self.output_on == Some(true) && self.opening.take().is_some() {
                    return vec![Report::Opened];
                }
                if self.phase == Phase::Asking && self.output_on == Some(false) {
                    self.phase = Phase::Up;
                    return vec![Report::Up];
                }
            }
            OsdpStatusReportType::Input => return self.inputs(told),
            OsdpStatusReportType::Local => {
                let tampered = told(0).is_some_and(|state| state != 0);
                if std::mem::replace(&mut self.tampered, tampered) != tampered {
                    return vec![Report::Tamper(tampered)];
                }
            }
            OsdpStatusReportType::Remote => {}
        }
        Vec::new()
    }

    /// Reports what changed. Of the two states of an input that is supervised, shorted and cut, both are active.
    fn inputs(&mut self, told: impl Fn(u8) -> Option<u8>) -> Vec<Report> {
        let active =
            |input: DeviceInput| told(input.input).map(|state| state > 1 || (state == 1) != input.inverted);
        let mut reports = Vec::new();
        if let Some(open) = self.settings.contact.and_then(active)
            && self.contact.replace(open) != Some(open)
        {
            reports.push(Report::Contact(open));
        }
        if let Some(pressed) = self.settings.exit.and_then(active)
            && std::mem::replace(&mut self.exit, pressed) != pressed
            && pressed
        {
            reports.push(Report::Exit);
        }
        reports
    }

    fn output(&self, control_code: u8, timer_count: u16) -> OsdpCommand {
        OsdpCommand::Output(OsdpCommandOutput { output_no: self.settings.output, control_code, timer_count })
    }
}

fn ask(type_: OsdpStatusReportType) -> OsdpCommand {
    OsdpCommand::Status(OsdpStatusReport { type_, nr_entries: 0, report: [0; 64] })
}

fn is_about_output(command: &OsdpCommand) -> bool {
    match command {
        OsdpCommand::Output(_) => true,
        OsdpCommand::Status(status) => status.type_ == OsdpStatusReportType::Output,
        _ => false,
    }
}

/// The first light and the beeper, as the signal's pattern says.
fn show(signal: Signal) -> [OsdpCommand; 2] {
    const SET: u8 = 1;
    const SILENT: u8 = 1;
    const TONE: u8 = 2;
    let pattern = signal.pattern();
    let permanent = match pattern.light {
        Some((color, rhythm)) => OsdpLedParams {
            control_code: SET,
            on_count: rhythm.on,
            off_count: rhythm.off,
            on_color: match color {
                Color::Green => OsdpLedColor::Green,
                Color::Red => OsdpLedColor::Red,
                Color::Amber => OsdpLedColor::Amber,
            },
            ..OsdpLedParams::default()
        },
        // Both counts at zero are not allowed.
        None => OsdpLedParams { control_code: SET, off_count: 1, ..OsdpLedParams::default() },
    };
    let beeps = match pattern.beeps {
        Some((rhythm, count)) => (TONE, rhythm.on, rhythm.off, count),
        None => (SILENT, 0, 0, 0),
    };
    let (control_code, on_count, off_count, rep_count) = beeps;
    [
        OsdpCommand::Led(OsdpCommandLed { permanent, ..OsdpCommandLed::default() }),
        OsdpCommand::Buzzer(OsdpCommandBuzzer { reader: 0, control_code, on_count, off_count, rep_count }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_sent_of_an_opening_does_not_come_after_the_shutting() {
        let settings = "[line]\nport = \"/dev/null\"\nkey_file = \"key\"\n";
        let settings: PanelSettings = toml::from_str(settings).unwrap();
        let nowhere = std::fs::File::options().read(true).write(true).open("/dev/null").unwrap();
        let mut panel = Panel::new(&settings, &Key::default(), Line::over(nowhere)).unwrap();
        panel.phase = Phase::Up;
        panel.ask_around();
        assert_eq!(panel.take(Command::Open), None);
        assert!(matches!(panel.take(Command::Shut), Some(Report::NotOpened(_))));
        let outputs: Vec<_> = panel.queue.iter().filter(|command| is_about_output(command)).collect();
        let [OsdpCommand::Output(output), OsdpCommand::Status(_)] = outputs[..] else {
            panic!("{outputs:?}")
        };
        assert_eq!(output.control_code, OUTPUT_OFF);
        assert!(panel.queue.len() > outputs.len(), "the rest is still asked for");
        assert_eq!((panel.opening, panel.take(Command::Shut)), (None, None));
    }
}
