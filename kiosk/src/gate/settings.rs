//! `[gate]` of a settings file.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

/// Which gate a lane has: `kind` is `announced`, `gpio`, `osdp` or `osdp-reader`, and the rest depends on it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum GateSettings {
    /// None: a line on standard error says when it would open.
    Announced(AnnouncedSettings),
    /// A relay and contacts at the computer's own lines.
    Gpio(GpioSettings),
    /// A relay, contacts, a light and a beeper at an OSDP device. The kiosk is the panel.
    Osdp(PanelSettings),
    /// A panel that is already there opens the gate. The kiosk is one of its readers.
    OsdpReader(ReaderSettings),
}

impl Default for GateSettings {
    fn default() -> Self {
        GateSettings::Announced(AnnouncedSettings {})
    }
}

/// Nothing can be set for a gate that is not there.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AnnouncedSettings {}

/// A gate at the computer's own lines.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GpioSettings {
    /// The chip: its name (`gpiochip0`), its path, or its label (`pinctrl-bcm2711`), which stays the same over kernels.
    pub chip: String,
    /// The relay that opens the gate.
    pub relay: OutputLine,
    /// The contact of the door or turnstile; without it nobody knows who passed. Active means open.
    pub contact: Option<InputLine>,
    /// The button of those who leave. Active means pressed.
    pub exit: Option<InputLine>,
    /// A light.
    pub lamp: Option<OutputLine>,
    /// A beeper.
    pub beeper: Option<OutputLine>,
    /// How long an input has to be steady before it counts.
    #[serde(default = "debounce")]
    pub debounce_ms: Limited<0, 500>,
    /// How long everything may take.
    #[serde(default)]
    pub times: TimeSettings,
}

/// A line that we drive.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OutputLine {
    /// Its number on the chip.
    pub line: u32,
    /// The level that switches it on [default: high].
    #[serde(default = "high")]
    pub active: Level,
}

/// A line that we watch.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct InputLine {
    /// Its number on the chip.
    pub line: u32,
    /// The level that means active [default: high, so that a cut wire of a contact to ground reads as open].
    #[serde(default = "high")]
    pub active: Level,
    /// The resistor that the chip switches on [default: pull-up].
    #[serde(default)]
    pub bias: Bias,
}

/// A voltage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// The supply.
    High,
    /// Ground.
    Low,
}

/// What an input is at when nothing drives it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bias {
    /// High.
    #[default]
    PullUp,
    /// Low.
    PullDown,
    /// Whatever the board does.
    AsIs,
}

/// A serial line with OSDP.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LineSettings {
    /// The serial port, best by its lasting name: `/dev/serial/by-id/...`.
    pub port: PathBuf,
    /// Its speed in bits a second [default: 9600].
    #[serde(default = "baud")]
    pub baud: u32,
    /// The reader's address, 0 to 126 [default: 0].
    #[serde(default)]
    pub address: u8,
    /// A file with the key of the secure channel (SCBK): 32 hexadecimal digits. Nobody else may read it.
    pub key_file: PathBuf,
}

/// A gate at an OSDP device.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PanelSettings {
    /// Where the device is.
    pub line: LineSettings,
    /// The number of the output that opens the gate [default: 0].
    #[serde(default)]
    pub output: u8,
    /// The input of the door or turnstile; without it nobody knows who passed. Active means open.
    pub contact: Option<DeviceInput>,
    /// The input of those who leave. Active means pressed.
    pub exit: Option<DeviceInput>,
    /// How long everything may take. The pulse is rounded up to tenths of a second.
    #[serde(default)]
    pub times: TimeSettings,
}

/// An input of an OSDP device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceInput {
    /// Its number on the device.
    pub input: u8,
    /// Whether the device says "inactive" for what we call active.
    #[serde(default)]
    pub inverted: bool,
}

/// A reader of somebody else's panel.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReaderSettings {
    /// Where the panel is.
    pub line: LineSettings,
    /// The card that the panel opens for. It is the same for everybody: nothing of a credential leaves the kiosk.
    pub card: Card,
}

/// A card number in the form that panels know.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "format", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Card {
    /// The common 26 bits (H10301): facility, number, and two parity bits.
    #[serde(rename = "wiegand-26")]
    Wiegand26 {
        /// The facility code.
        facility: u8,
        /// The card number.
        number: u16,
    },
    /// Bits as they are, the first in the highest bit of the first byte.
    Raw {
        /// How many bits, 1 to 512.
        bits: u16,
        /// The bytes that hold them, in hexadecimal digits.
        hex: String,
    },
}

/// How long a gate may take.
#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeSettings {
    /// How long the gate is unlocked, at most; it ends when somebody passes.
    pub pulse_ms: Limited<50, 10_000>,
    /// How much later than the pulse somebody may still be seen to pass.
    pub grace_ms: Limited<0, 10_000>,
    /// How long the gate may stand open.
    pub held_ms: Limited<1_000, 600_000>,
    /// How long after the button somebody may open the gate from within.
    pub exit_ms: Limited<500, 60_000>,
}

impl Default for TimeSettings {
    // Guesses from the manuals of strikes and turnstiles; every gate has to be set up by its installer.
    fn default() -> Self {
        Self {
            pulse_ms: Limited(1_000),
            grace_ms: Limited(5_000),
            held_ms: Limited(15_000),
            exit_ms: Limited(5_000),
        }
    }
}

/// A duration in milliseconds, between two limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Limited<const LEAST: u64, const MOST: u64>(u64);

impl<const LEAST: u64, const MOST: u64> Limited<LEAST, MOST> {
    /// Returns it as a number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl<const LEAST: u64, const MOST: u64> TryFrom<u64> for Limited<LEAST, MOST> {
    type Error = String;

    fn try_from(value: u64) -> Result<Self, String> {
        if (LEAST..=MOST).contains(&value) {
            return Ok(Self(value));
        }
        Err(format!("{value} ms is not between {LEAST} and {MOST} ms"))
    }
}

impl<const LEAST: u64, const MOST: u64> From<Limited<LEAST, MOST>> for u64 {
    fn from(value: Limited<LEAST, MOST>) -> Self {
        value.0
    }
}

impl GateSettings {
    /// Refuses what no gate can be: a line that is used twice, an address that does not exist.
    pub fn check(&self) -> Result<()> {
        match self {
            GateSettings::Announced(_) => Ok(()),
            GateSettings::Gpio(settings) => settings.check(),
            GateSettings::Osdp(settings) => settings.check(),
            GateSettings::OsdpReader(settings) => {
                settings.line.check()?;
                settings.card.encode().map(|_| ())
            }
        }
    }

    /// Returns how long the gate is unlocked at most, where it is us who end it.
    pub fn pulse(&self) -> Duration {
        self.times().map_or(Duration::ZERO, |times| Duration::from_millis(times.pulse_ms.get()))
    }

    /// Returns how much later than that somebody may still be seen to pass.
    pub fn grace(&self) -> Duration {
        self.times().map_or(Duration::ZERO, |times| Duration::from_millis(times.grace_ms.get()))
    }

    fn times(&self) -> Option<&TimeSettings> {
        match self {
            GateSettings::Gpio(settings) => Some(&settings.times),
            GateSettings::Osdp(settings) => Some(&settings.times),
            GateSettings::Announced(_) | GateSettings::OsdpReader(_) => None,
        }
    }
}

impl GpioSettings {
    fn check(&self) -> Result<()> {
        let outputs = [Some(self.relay), self.lamp, self.beeper];
        let inputs = [self.contact, self.exit];
        let lines = outputs.iter().flatten().map(|output| output.line);
        let mut lines: Vec<u32> = lines.chain(inputs.iter().flatten().map(|input| input.line)).collect();
        lines.sort_unstable();
        if let Some(pair) = lines.windows(2).find(|pair| pair[0] == pair[1]) {
            bail!("[gate]: line {} is used twice", pair[0]);
        }
        Ok(())
    }
}

impl PanelSettings {
    fn check(&self) -> Result<()> {
        self.line.check()?;
        ensure!(
            self.output < STATES,
            "[gate]: output {} does not exist; they end at {}",
            self.output,
            STATES - 1
        );
        for DeviceInput { input, .. } in [self.contact, self.exit].into_iter().flatten() {
            ensure!(input < STATES, "[gate]: input {input} does not exist; they end at {}", STATES - 1);
        }
        if let (Some(contact), Some(exit)) = (self.contact, self.exit) {
            ensure!(contact.input != exit.input, "[gate]: input {} is used twice", exit.input);
        }
        Ok(())
    }
}

/// How many inputs or outputs an OSDP device reports at most, in the library that we use.
const STATES: u8 = 64;

/// The speeds that SIA OSDP 2.2 names.
const SPEEDS: [u32; 6] = [9600, 19200, 38400, 57600, 115_200, 230_400];

impl LineSettings {
    fn check(&self) -> Result<()> {
        ensure!(SPEEDS.contains(&self.baud), "[gate.line]: {} is no speed of OSDP: {SPEEDS:?}", self.baud);
        ensure!(self.address <= 126, "[gate.line]: address {} is not between 0 and 126", self.address);
        Ok(())
    }
}

fn high() -> Level {
    Level::High
}

fn baud() -> u32 {
    9600
}

/// Contacts bounce for some milliseconds; people do not move this fast.
fn debounce() -> Limited<0, 500> {
    Limited(30)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct File {
        #[serde(default)]
        gate: GateSettings,
    }

    fn read(text: &str) -> Result<GateSettings> {
        let File { gate } = toml::from_str(text)?;
        gate.check()?;
        Ok(gate)
    }

    fn refusal(text: &str) -> String {
        format!("{:#}", read(text).unwrap_err())
    }

    const GPIO: &str = "[gate]\nkind = \"gpio\"\nchip = \"gpiochip0\"\nrelay = { line = 3 }\n";
    const LINE: &str = "[gate.line]\nport = \"/dev/ttyUSB0\"\nkey_file = \"/etc/gatepass/osdp.key\"\n";

    #[test]
    fn every_kind_is_read_with_its_defaults() {
        assert!(matches!(read("").unwrap(), GateSettings::Announced(_)));
        assert!(matches!(read("[gate]\nkind = \"announced\"").unwrap(), GateSettings::Announced(_)));
        let GateSettings::Gpio(gpio) = read(&format!("{GPIO}contact = {{ line = 4 }}")).unwrap() else {
            panic!()
        };
        assert_eq!((gpio.relay.active, gpio.contact.unwrap().bias), (Level::High, Bias::PullUp));
        assert_eq!((gpio.times.pulse_ms.get(), gpio.debounce_ms.get()), (1_000, 30));
        let panel = read(&format!("[gate]\nkind = \"osdp\"\ncontact = {{ input = 1 }}\n{LINE}")).unwrap();
        assert_eq!(panel.pulse(), Duration::from_secs(1));
        let GateSettings::Osdp(panel) = panel else { panic!() };
        assert_eq!((panel.line.baud, panel.line.address, panel.output), (9600, 0, 0));
        let card = "[gate.card]\nformat = \"wiegand-26\"\nfacility = 1\nnumber = 2\n";
        let reader = read(&format!("[gate]\nkind = \"osdp-reader\"\n{LINE}{card}")).unwrap();
        assert!(matches!(reader, GateSettings::OsdpReader(_)));
    }

    #[test]
    fn nonsense_is_refused() {
        let times = |times: &str| refusal(&format!("{GPIO}[gate.times]\n{times}"));
        assert!(times("pulse_ms = 0").contains("0 ms is not between 50 and 10000 ms"));
        assert!(times("pulse_ms = 10001").contains("10001 ms is not between 50 and 10000 ms"));
        assert!(times("pulse = 500").contains("unknown field"));
        assert!(refusal(&format!("{GPIO}exit = {{ line = 3 }}")).contains("line 3 is used twice"));
        assert!(refusal(&format!("{GPIO}color = 3")).contains("unknown field"));
        assert!(refusal("[gate]\nkind = \"announced\"\npulse_ms = 3").contains("unknown field"));
        assert!(refusal("[gate]\nkind = \"catflap\"").contains("unknown variant"));
        let panel =
            |keys: &str, line: &str| refusal(&format!("[gate]\nkind = \"osdp\"\n{keys}\n{LINE}{line}"));
        assert!(panel("", "baud = 300").contains("no speed of OSDP"));
        assert!(panel("", "address = 127").contains("address 127"));
        assert!(panel("output = 64", "").contains("output 64"));
        assert!(panel("contact = { input = 64 }", "").contains("input 64"));
        assert!(panel("contact = { input = 1 }\nexit = { input = 1 }", "").contains("used twice"));
        assert!(panel("key = \"30\"", "").contains("unknown field"), "keys are files");
        let card = |card: &str| {
            refusal(&format!("[gate]\nkind = \"osdp-reader\"\n{LINE}[gate.card]\nformat = \"raw\"\n{card}"))
        };
        assert!(card("bits = 9\nhex = \"aa\"").contains("9 bits are not 1 bytes"));
        assert!(card("bits = 0\nhex = \"\"").contains("0 bits"));
        assert!(card("bits = 8\nhex = \"zz\"").contains("not hexadecimal"));
    }

    #[test]
    fn settings_survive_the_way_to_another_process() {
        let settings = read(&format!("[gate]\nkind = \"osdp\"\n{LINE}")).unwrap();
        let text = serde_json::to_string(&settings).unwrap();
        let back: GateSettings = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
    }
}
