//! The reader's part: a panel that is there already asks the kiosk what card it sees, and opens for it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use libosdp::{
    OsdpCardFormats, OsdpCommand, OsdpEvent, OsdpEventCardRead, OsdpFlag, OsdpStatusReportType, PdCapEntity,
    PdCapability, PdId, PdInfoBuilder, PeripheralDevice,
};

use super::key::Key;
use super::line::Line;
use super::message::{Command, Report};
use crate::gate::settings::ReaderSettings;

/// How long a panel may take to find us, before somebody is told that it does not.
const CONNECTING: Duration = Duration::from_secs(3);

/// For how long a panel may not ask (SIA OSDP 2.2 §5.7: a reader is offline after eight seconds).
const SILENCE: Duration = Duration::from_secs(8);

/// How long the panel may take to fetch a card. It asks several times a second.
const FETCHING: Duration = Duration::from_millis(700);

/// A reader at work.
pub struct Reader<'a> {
    settings: &'a ReaderSettings,
    card: OsdpEventCardRead,
    line: Line,
    device: PeripheralDevice,
    began: Instant,
    /// What was reported last, if anything.
    up: Option<bool>,
    /// Until when the panel has to fetch the card.
    opening: Option<Instant>,
}

impl<'a> Reader<'a> {
    /// Begins on a line that is open.
    pub fn new(settings: &'a ReaderSettings, key: &Key, line: Line) -> Result<Self> {
        let (bits, data) = settings.card.encode()?;
        let card = OsdpEventCardRead {
            reader_no: 0,
            format: OsdpCardFormats::Wiegand,
            direction: false,
            nr_bits: bits.into(),
            data,
        };
        // Panels want to show something when a card is read; there is nothing here that could.
        let can = |of: fn(PdCapEntity) -> PdCapability| of(PdCapEntity::new(1, 1));
        let info = PdInfoBuilder::new()
            .name("kiosk")
            .and_then(|info| info.address(settings.line.address.into()))
            .and_then(|info| info.baud_rate(settings.line.baud.cast_signed()))
            .context("describing the reader")?
            .id(&PdId { version: 1, model: 1, firmware_version: (0, 1, 0), ..PdId::default() })
            .capability(can(PdCapability::CardDataFormat))
            .capability(can(PdCapability::LedControl))
            .capability(can(PdCapability::AudibleOutput))
            .capability(can(PdCapability::CommunicationSecurity))
            .flag(OsdpFlag::EnforceSecure)
            .secure_channel_key(**key);
        let mut device = PeripheralDevice::new(info, Box::new(line.clone())).context("starting OSDP")?;
        device.set_command_callback(answer);
        Ok(Self { settings, card, line, device, began: Instant::now(), up: None, opening: None })
    }

    /// Carries out a command.
    pub fn take(&mut self, command: Command) -> Option<Report> {
        if command != Command::Open {
            // Lights, beeps and the end of the pulse are the panel's.
            return None;
        }
        self.line.card_sent();
        let read = OsdpEvent::CardRead(self.card.clone());
        if !self.connected() || self.device.notify_event(read).is_err() {
            return Some(Report::NotOpened("the panel does not ask".to_owned()));
        }
        self.opening = Some(Instant::now() + FETCHING);
        None
    }

    /// Lets the library work, and returns what there is to report. To be called at least every 50 ms.
    ///
    /// # Errors
    ///
    /// The port itself failed.
    pub fn work(&mut self) -> Result<Vec<Report>> {
        self.device.refresh();
        ensure!(!self.line.broken(), "the serial port {} failed", self.settings.line.port.display());
        let mut reports = Vec::new();
        let connected = self.connected();
        if self.up != Some(connected) && (connected || self.up.is_some() || self.began.elapsed() > CONNECTING)
        {
            self.up = Some(connected);
            reports.push(if connected { Report::Up } else { Report::Down(self.why()) });
        }
        if let Some(until) = self.opening {
            if self.line.card_sent() {
                self.opening = None;
                reports.push(Report::Opened);
            } else if !connected || Instant::now() >= until {
                self.opening = None;
                // A card that the panel fetches later would open the gate for somebody else.
                self.device.flush_events();
                reports.push(Report::NotOpened("the panel did not fetch the card".to_owned()));
            }
        }
        Ok(reports)
    }

    fn connected(&self) -> bool {
        let asked = self.line.silence().is_some_and(|silence| silence < SILENCE);
        asked && self.device.is_sc_active()
    }

    fn why(&self) -> String {
        let line = &self.settings.line;
        let port = line.port.display();
        match self.line.silence() {
            Some(silence) if silence < SILENCE => {
                format!("the panel on {port} has no secure channel with address {} and our key", line.address)
            }
            _ => format!("no panel asks on {port} with {} baud", line.baud),
        }
    }
}

/// Answers a panel: zero is yes. It may not change our key, address or speed, which are in the settings.
fn answer(command: &mut OsdpCommand) -> i32 {
    match command {
        OsdpCommand::Led(_) | OsdpCommand::Buzzer(_) => 0,
        OsdpCommand::Status(status) if status.type_ == OsdpStatusReportType::Local => {
            // Neither tampered with nor without power, as far as we know.
            status.nr_entries = 2;
            status.report = [0; 64];
            0
        }
        _ => -1,
    }
}
