//! What a row says. There is no name, document number, picture, template or score in it.

use crate::cbor::{self, Value};
use crate::credential::Purpose;
use crate::reason::Reason;

/// Bytes of the salt that the caller draws for each body.
pub const SALT_BYTES: usize = 16;

const SALT: i64 = 0;
const KIND: i64 = 1;
const FIRST: i64 = 2;
const SECOND: i64 = 3;
const THIRD: i64 = 4;
const FOURTH: i64 = 5;
const FIFTH: i64 = 6;
const SIXTH: i64 = 7;

/// The longest text, in bytes.
const MAX_TEXT: usize = 64;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entry {
    /// The kiosk began to work.
    Started {
        /// Of the program.
        version: String,
        /// What it decides for.
        purpose: Purpose,
    },
    /// It stopped as it should.
    Stopped,
    /// It took over a trust repository.
    Imported {
        /// Versions of its root, its targets and its timestamp.
        versions: [u64; 3],
    },
    /// It decided: what the device did, whatever is found out later.
    Decided {
        /// What it decided for.
        purpose: Purpose,
        /// Why.
        reason: Reason,
        /// Version of the timestamp of the repository that it believed.
        trust: u64,
        /// Whether a face was compared.
        face: bool,
        /// How long it took, in milliseconds.
        took: u64,
        /// Whose memory of used codes was asked, if one was.
        memory: Option<Memory>,
    },
    /// What was found out later about a decision; the decision stays as it was.
    Found {
        /// The row of the decision.
        decision: u64,
        /// What a verifier that knew more would have said.
        reason: Reason,
    },
    /// What became of a gate that was opened.
    Passage {
        /// The row of the decision that opened it.
        decision: u64,
        /// What the gate reported.
        passage: Passage,
    },
    /// The gate was opened without having been told to.
    Forced,
    /// An officer decided about a visit; what the device decided stays as it was.
    Overridden {
        /// The row of the device's decision.
        decision: u64,
        /// Whether the person was let in.
        admitted: bool,
        /// Why, as one of the words that officers choose from.
        reason: String,
        /// Who, by the number that the kiosk gave them and gives nobody else; 0 for one who was removed meanwhile.
        operator: u64,
    },
    /// An operator closed the lane, or opened it again.
    Lane {
        /// Whether it is open now.
        open: bool,
        /// Who, by the number that the kiosk gave them and gives nobody else; 0 for one who was removed meanwhile.
        operator: u64,
    },
    /// Something that the lane cannot work without failed, or works again.
    Fault {
        /// What.
        reason: Reason,
        /// Whether it works again.
        mended: bool,
    },
    /// Bodies were shredded because their time was over.
    Shredded {
        /// All before this row, as far as they were not shredded already.
        before: u64,
    },
}

/// Whose memory of used codes a code was looked up in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// This kiosk's own alone.
    Local,
    /// That of all lanes of its site.
    Site,
}

impl Memory {
    /// Returns the word that stands for it in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Site => "site",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Local, Self::Site].into_iter().find(|memory| memory.as_str() == text)
    }
}

/// What a gate reports after it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// Somebody walked through.
    Passed,
    /// Nobody did, and it closed again.
    NotPassed,
    /// It does not close.
    Held,
}

impl Passage {
    /// Returns the word that stands for it in rows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::NotPassed => "not-passed",
            Self::Held => "held",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Passed, Self::NotPassed, Self::Held].into_iter().find(|passage| passage.as_str() == text)
    }
}

impl Entry {
    /// Writes the body of a row.
    pub fn encode(&self, salt: [u8; SALT_BYTES]) -> Vec<u8> {
        let (kind, fields): (u64, Vec<Value<'_>>) = match self {
            Self::Started { version, purpose } => {
                (0, vec![Value::Text(version), Value::Text(purpose.as_str())])
            }
            Self::Stopped => (1, vec![]),
            Self::Imported { versions } => (2, versions.map(Value::Unsigned).to_vec()),
            Self::Decided { purpose, reason, trust, face, took, memory } => {
                let fields = [
                    Value::Text(purpose.as_str()),
                    Value::Text(reason.code()),
                    Value::Unsigned(*trust),
                    Value::Unsigned((*face).into()),
                    Value::Unsigned(*took),
                ];
                (3, fields.into_iter().chain(memory.map(|memory| Value::Text(memory.as_str()))).collect())
            }
            Self::Found { decision, reason } => {
                (4, vec![Value::Unsigned(*decision), Value::Text(reason.code())])
            }
            Self::Shredded { before } => (5, vec![Value::Unsigned(*before)]),
            Self::Passage { decision, passage } => {
                (6, vec![Value::Unsigned(*decision), Value::Text(passage.as_str())])
            }
            Self::Forced => (7, vec![]),
            Self::Overridden { decision, admitted, reason, operator } => (
                8,
                vec![
                    Value::Unsigned(*decision),
                    Value::Unsigned((*admitted).into()),
                    Value::Text(reason),
                    Value::Unsigned(*operator),
                ],
            ),
            Self::Lane { open, operator } => {
                (9, vec![Value::Unsigned((*open).into()), Value::Unsigned(*operator)])
            }
            Self::Fault { reason, mended } => {
                (10, vec![Value::Text(reason.code()), Value::Unsigned((*mended).into())])
            }
        };
        let labels = [FIRST, SECOND, THIRD, FOURTH, FIFTH, SIXTH].map(Value::from);
        let head = [(Value::from(SALT), Value::Bytes(&salt)), (Value::from(KIND), Value::Unsigned(kind))];
        Value::Map(head.into_iter().chain(labels.into_iter().zip(fields)).collect()).encode()
    }

    /// Reads the body of a row. `None` for what this version does not know, or nobody wrote.
    pub fn decode(body: &[u8]) -> Option<Self> {
        let value = cbor::decode(body).ok()?;
        value.get(SALT).and_then(Value::as_bytes).filter(|salt| salt.len() == SALT_BYTES)?;
        let number = |label| match value.get(label) {
            Some(Value::Unsigned(number)) => Some(*number),
            _ => None,
        };
        let text = |label| value.get(label).and_then(Value::as_text).filter(|text| text.len() <= MAX_TEXT);
        let purpose = |label| text(label).and_then(|text| Purpose::parse(text).ok());
        let reason = |label| text(label).and_then(Reason::from_code);
        let yes = |label| number(label).filter(|number| *number < 2).map(|number| number == 1);
        let (entry, fields) = match number(KIND)? {
            0 => (Self::Started { version: text(FIRST)?.to_owned(), purpose: purpose(SECOND)? }, 2),
            1 => (Self::Stopped, 0),
            2 => (Self::Imported { versions: [number(FIRST)?, number(SECOND)?, number(THIRD)?] }, 3),
            3 => {
                let (purpose, reason, trust) = (purpose(FIRST)?, reason(SECOND)?, number(THIRD)?);
                let (face, took) = (yes(FOURTH)?, number(FIFTH)?);
                let (memory, fields) = match value.get(SIXTH) {
                    Some(memory) => (Some(Memory::parse(memory.as_text()?)?), 6),
                    None => (None, 5),
                };
                (Self::Decided { purpose, reason, trust, face, took, memory }, fields)
            }
            4 => (Self::Found { decision: number(FIRST)?, reason: reason(SECOND)? }, 2),
            5 => (Self::Shredded { before: number(FIRST)? }, 1),
            6 => (
                Self::Passage { decision: number(FIRST)?, passage: text(SECOND).and_then(Passage::parse)? },
                2,
            ),
            7 => (Self::Forced, 0),
            8 => {
                let (decision, admitted) = (number(FIRST)?, yes(SECOND)?);
                let (reason, operator) = (text(THIRD)?.to_owned(), number(FOURTH)?);
                (Self::Overridden { decision, admitted, reason, operator }, 4)
            }
            9 => (Self::Lane { open: yes(FIRST)?, operator: number(SECOND)? }, 2),
            10 => (Self::Fault { reason: reason(FIRST)?, mended: yes(SECOND)? }, 2),
            _ => return None,
        };
        (value.as_map()?.len() == fields + 2).then_some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_comes_back() {
        let purpose = || Purpose::parse("border").unwrap();
        let decided = |face, memory| Entry::Decided {
            purpose: purpose(),
            reason: Reason::StatusRevoked,
            trust: 7,
            face,
            took: 812,
            memory,
        };
        for entry in [
            Entry::Started { version: "0.1.0".into(), purpose: purpose() },
            Entry::Stopped,
            Entry::Imported { versions: [1, 2, u64::MAX] },
            decided(true, None),
            decided(false, Some(Memory::Local)),
            decided(true, Some(Memory::Site)),
            Entry::Found { decision: 3, reason: Reason::StatusSuspended },
            Entry::Shredded { before: 9 },
            Entry::Passage { decision: 4, passage: Passage::Passed },
            Entry::Passage { decision: 4, passage: Passage::NotPassed },
            Entry::Passage { decision: 4, passage: Passage::Held },
            Entry::Forced,
            Entry::Overridden { decision: 5, admitted: true, reason: "document".into(), operator: 3 },
            Entry::Lane { open: false, operator: 3 },
            Entry::Fault { reason: Reason::CameraFailed, mended: true },
        ] {
            let body = entry.encode([7; SALT_BYTES]);
            assert_eq!(Entry::decode(&body).as_ref(), Some(&entry));
            assert_ne!(entry.encode([8; SALT_BYTES]), body, "the salt is in it");
            assert!((0..body.len()).all(|length| Entry::decode(&body[..length]).is_none()));
        }
    }

    #[test]
    fn other_bodies_are_told() {
        let body = |fields: Vec<(i64, Value<'static>)>| {
            let fields = fields.into_iter().map(|(label, value)| (Value::from(label), value));
            Value::Map(fields.collect()).encode()
        };
        let salt = (0, Value::Bytes(&[0; 16]));
        assert_eq!(Entry::decode(&body(vec![salt.clone(), (1, Value::Unsigned(1))])), Some(Entry::Stopped));
        for wrong in [
            body(vec![(1, Value::Unsigned(1))]),
            body(vec![(0, Value::Bytes(&[0; 15])), (1, Value::Unsigned(1))]),
            body(vec![salt.clone(), (1, Value::Unsigned(6))]),
            body(vec![salt.clone(), (1, Value::Unsigned(11))]),
            body(vec![salt.clone(), (1, Value::Unsigned(1)), (2, Value::Unsigned(1))]),
            // Nobody has a name here.
            body(vec![
                salt.clone(),
                (1, Value::Unsigned(9)),
                (2, Value::Unsigned(1)),
                (3, Value::Text("Ana")),
            ]),
            body(vec![
                salt.clone(),
                (1, Value::Unsigned(4)),
                (2, Value::Unsigned(1)),
                (3, Value::Text("no.such")),
            ]),
            vec![],
        ] {
            assert_eq!(Entry::decode(&wrong), None);
        }
    }
}
