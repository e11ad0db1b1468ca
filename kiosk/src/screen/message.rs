//! What a lane's core says to its screen, as bytes. Nothing goes the other way.
//!
//! ```text
//! hello   = "GPSCREEN" version:u8                    once, at the beginning
//! message = kind:u8 length:u32 body                  numbers are little-endian
//!   kind 1  JSON of a `Shown`                        at most 4096 bytes
//!   kind 2  width:u16 height:u16 RGB pixels          at most 480 × 480
//!   kind 3  nothing: the core is alive
//! ```

use std::io::{self, Read, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shared::qr::payload;

use crate::ui::View;

/// What the core begins with. Whoever changes a [`View`] or a message raises the number.
pub const HELLO: &[u8; 9] = b"GPSCREEN\x01";

/// The longest side of a preview, in pixels. On a screen of 1024 x 768 it is shown about that large.
pub const PREVIEW_SIDE: u32 = 480;

const SHOW: u8 = 1;
const PREVIEW: u8 = 2;
const ALIVE: u8 = 3;

const HEAD: usize = 5;
const MAX_SHOWN: usize = 4096;
const MAX_PREVIEW: usize = 4 + 3 * (PREVIEW_SIDE * PREVIEW_SIDE) as usize;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Show this from now on.
    Show(Shown),
    /// The camera sees this.
    Preview(Arc<Preview>),
    /// The core is alive, and nothing is new.
    Alive,
}

/// What is shown, all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// The picture and the words.
    pub view: View,
    /// The text of the challenge that the resident's phone is to scan, if there is one.
    pub challenge: Option<String>,
}

/// What the camera sees. Its `Debug` leaves the pixels out, because they show a person.
#[derive(Clone, PartialEq, Eq)]
pub struct Preview {
    /// Pixels in a row.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Red, green and blue of each pixel, row by row.
    pub pixels: Vec<u8>,
}

impl Message {
    /// Writes the message.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Message::Show(shown) => {
                let body = serde_json::to_vec(shown)?;
                out.write_all(&head(SHOW, body.len()))?;
                out.write_all(&body)
            }
            Message::Preview(preview) => {
                out.write_all(&head(PREVIEW, 4 + preview.pixels.len()))?;
                out.write_all(&preview.width.to_le_bytes())?;
                out.write_all(&preview.height.to_le_bytes())?;
                out.write_all(&preview.pixels)
            }
            Message::Alive => out.write_all(&head(ALIVE, 0)),
        }
    }

    /// Reads a message. No more is kept in memory than a message may have.
    ///
    /// # Errors
    /// Bytes that are no message, and whatever reading them gave.
    pub fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut head = [0; HEAD];
        from.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_le_bytes(length) as usize;
        let limits = match kind {
            SHOW => 0..=MAX_SHOWN,
            PREVIEW => 4..=MAX_PREVIEW,
            ALIVE => 0..=0,
            _ => return Err(invalid("an unknown kind of message")),
        };
        if !limits.contains(&length) {
            return Err(invalid("a message of a wrong length"));
        }
        let mut body = vec![0; length];
        from.read_exact(&mut body)?;
        match kind {
            SHOW => {
                let shown: Shown = serde_json::from_slice(&body)?;
                if shown.challenge.as_ref().is_some_and(|text| text.len() > payload::MAX_TEXT) {
                    return Err(invalid("a challenge that is too long"));
                }
                Ok(Message::Show(shown))
            }
            PREVIEW => {
                let pixels = body.split_off(4);
                let (width, height) =
                    (u16::from_le_bytes([body[0], body[1]]), u16::from_le_bytes([body[2], body[3]]));
                if pixels.is_empty() || pixels.len() != 3 * usize::from(width) * usize::from(height) {
                    return Err(invalid("a preview of another size than it says"));
                }
                Ok(Message::Preview(Arc::new(Preview { width, height, pixels })))
            }
            _ => Ok(Message::Alive),
        }
    }
}

impl std::fmt::Debug for Preview {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Preview")
            .field("width", &self.width)
            .field("height", &self.height)
            .finish_non_exhaustive()
    }
}

fn head(kind: u8, length: usize) -> [u8; HEAD] {
    let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    [kind, a, b, c, d]
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::session::Screen;

    fn some() -> Vec<Message> {
        let preview = Preview { width: 3, height: 2, pixels: (0..18).collect() };
        let view = View::of(&Screen::Idle);
        vec![
            Message::Show(Shown { view, challenge: None }),
            Message::Show(Shown { view, challenge: Some("6BF5".to_owned()) }),
            Message::Preview(Arc::new(preview)),
            Message::Alive,
        ]
    }

    fn bytes(message: &Message) -> Vec<u8> {
        let mut out = vec![];
        message.write(&mut out).unwrap();
        out
    }

    #[test]
    fn what_is_written_is_read() {
        for message in some() {
            assert_eq!(Message::read(&mut bytes(&message).as_slice()).unwrap(), message);
        }
    }

    #[test]
    fn a_message_that_ends_too_early_is_none() {
        for message in some() {
            let whole = bytes(&message);
            for end in 0..whole.len() {
                let error = Message::read(&mut &whole[..end]).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{message:?} {end}");
            }
        }
    }

    #[test]
    fn lengths_are_bounded_before_anything_is_kept() {
        for (kind, length) in
            [(SHOW, MAX_SHOWN + 1), (PREVIEW, MAX_PREVIEW + 1), (PREVIEW, 3), (ALIVE, 1), (9, 0)]
        {
            let error = Message::read(&mut head(kind, length).as_slice()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{kind} {length}");
        }
        // Two pixels that say they are six.
        let mut wrong = head(PREVIEW, 4 + 6).to_vec();
        wrong.extend([3, 0, 2, 0, 1, 2, 3, 4, 5, 6]);
        assert!(Message::read(&mut wrong.as_slice()).is_err());
    }

    #[test]
    fn a_view_of_another_version_is_refused() {
        let unknown =
            br#"{"view":{"scene":"phone","sentence":"show_code","detail":null,"name":"A"},"challenge":null}"#;
        let mut message = head(SHOW, unknown.len()).to_vec();
        message.extend_from_slice(unknown);
        assert!(Message::read(&mut message.as_slice()).is_err());
    }

    proptest! {
        #[test]
        fn other_bytes_do_no_harm(kind in 0u8..5, body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut message = head(kind, body.len()).to_vec();
            message.extend(body);
            let _ = Message::read(&mut message.as_slice());
        }
    }
}
