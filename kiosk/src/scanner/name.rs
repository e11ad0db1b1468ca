//! Which scanner, as settings write it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

/// Which scanner.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum ScannerName {
    /// `keyboard:PATH`: an input device, as `/dev/input/by-id/NAME`.
    Keyboard(PathBuf),
    /// `serial:PATH` or `serial:PATH@BAUD`: a serial line, as `/dev/serial/by-id/NAME`.
    Serial {
        /// The device.
        path: PathBuf,
        /// Bits a second.
        baud: u32,
    },
}

/// What most scanners are set to; those on USB ignore it.
const BAUD: u32 = 115_200;

impl FromStr for ScannerName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a scanner; one is called keyboard:/dev/input/by-id/NAME or serial:/dev/serial/by-id/NAME[@BAUD]"
            )
        };
        match text.split_once(':') {
            Some(("keyboard", path)) if path.starts_with('/') => Ok(Self::Keyboard(path.into())),
            Some(("serial", path)) if path.starts_with('/') => {
                let (path, baud) = match path.rsplit_once('@') {
                    Some((path, baud)) => {
                        (path, baud.parse().ok().filter(|baud| *baud > 0).ok_or_else(wrong)?)
                    }
                    None => (path, BAUD),
                };
                Ok(Self::Serial { path: path.into(), baud })
            }
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for ScannerName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for ScannerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyboard(path) => write!(f, "keyboard:{}", path.display()),
            Self::Serial { path, baud: BAUD } => write!(f, "serial:{}", path.display()),
            Self::Serial { path, baud } => write!(f, "serial:{}@{baud}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written_and_nothing_else_is_one() {
        for text in
            ["keyboard:/dev/input/event3", "serial:/dev/ttyACM0", "serial:/dev/serial/by-path/a:1.0@9600"]
        {
            assert_eq!(text.parse::<ScannerName>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "keyboard:",
            "keyboard:event3",
            "serial:ttyS0",
            "serial:/dev/ttyS0@fast",
            "serial:/dev/ttyS0@0",
            "/dev/ttyS0",
        ] {
            assert!(text.parse::<ScannerName>().unwrap_err().contains("/dev/serial/by-id"), "{text}");
        }
    }
}
