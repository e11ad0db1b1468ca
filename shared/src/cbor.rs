//! Deterministic CBOR (RFC 8949 §4.2.1): a reader that accepts nothing else, and its writer.
//!
//! [`decode`] refuses what verifiers of other products let through: lengths that are not the shortest,
//! map keys out of order (which also rules out duplicates), indefinite lengths, floating point numbers,
//! nesting deeper than [`MAX_DEPTH`] and bytes after the item. It borrows from its input, allocates only
//! for elements that are really there, and recurses at most [`MAX_DEPTH`] levels.
//!
//! [`decode_foreign`] is for what others wrote: any order of keys, long forms, floating point numbers and
//! arrays and maps without a length are taken. Repeated keys, trailing bytes and deep nesting are not.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::collections::BTreeSet;

/// The deepest nesting accepted (SD-CWT draft §"Validation": 16 may be enforced).
pub const MAX_DEPTH: usize = 16;

/// One CBOR item, borrowed from the bytes it was read from.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Major type 0.
    Unsigned(u64),
    /// Major type 1: the number is -1 minus this value.
    Negative(u64),
    /// Major type 2.
    Bytes(&'a [u8]),
    /// Major type 3, valid UTF-8.
    Text(&'a str),
    /// Major type 4.
    Array(Vec<Value<'a>>),
    /// Major type 5, keys in strictly ascending order of their encoding.
    Map(Vec<(Value<'a>, Value<'a>)>),
    /// Major type 6.
    Tag(u64, Box<Value<'a>>),
    /// Major type 7: `false` and `true`.
    Bool(bool),
    /// Major type 7: `null`.
    Null,
    /// Major type 7: another simple value. Our own format uses only [`REDACTED_KEYS`].
    Simple(u8),
    /// Major type 7: a floating point number, of whatever width. Only in what others wrote.
    Float(f64),
}

/// The simple value that stands as a map's key before the hashes of what was redacted (SD-CWT draft).
pub const REDACTED_KEYS: Value<'static> = Value::Simple(59);

/// Why bytes are not one deterministic CBOR item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CborError {
    /// The input ends inside an item.
    #[error("CBOR ends inside an item")]
    Truncated,
    /// Bytes follow the item.
    #[error("{count} bytes follow the CBOR item")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// A number or length is not in its shortest form.
    #[error("CBOR number or length is not in its shortest form")]
    NotShortest,
    /// A length is indefinite, which RFC 8949 §4.2.1 forbids.
    #[error("CBOR length is indefinite")]
    Indefinite,
    /// Map keys are not in ascending order, or one appears twice.
    #[error("CBOR map keys are out of order or repeated")]
    KeyOrder,
    /// Items are nested deeper than [`MAX_DEPTH`].
    #[error("CBOR is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// A text string is not UTF-8.
    #[error("CBOR text is not UTF-8")]
    NotUtf8,
    /// A simple value or floating point number, which the format does not use.
    #[error("CBOR holds a kind of value that the format does not use")]
    Unsupported,
}

/// Reads exactly one item.
///
/// # Errors
/// Whatever RFC 8949 §4.2.1 does not allow, and what [`CborError`] lists beyond that.
pub fn decode(bytes: &[u8]) -> Result<Value<'_>, CborError> {
    read(bytes, Rules::Deterministic)
}

/// Reads exactly one item that somebody else wrote.
///
/// # Errors
/// Repeated keys, bytes after the item, deep nesting, strings in pieces, and what is not CBOR at all.
pub fn decode_foreign(bytes: &[u8]) -> Result<Value<'_>, CborError> {
    read(bytes, Rules::Foreign)
}

fn read(bytes: &[u8], rules: Rules) -> Result<Value<'_>, CborError> {
    let mut reader = Reader { bytes, position: 0, rules };
    let value = reader.item(0)?;
    match bytes.len() - reader.position {
        0 => Ok(value),
        count => Err(CborError::TrailingBytes { count }),
    }
}

impl<'a> Value<'a> {
    /// Returns the value under an integer label of a map; `None` if absent or if this is not a map.
    pub fn get(&self, label: i64) -> Option<&Value<'a>> {
        let Value::Map(entries) = self else { return None };
        entries.iter().find(|(key, _)| key.as_int() == Some(label)).map(|(_, value)| value)
    }

    /// Returns an integer that fits `i64`.
    pub fn as_int(&self) -> Option<i64> {
        match *self {
            Value::Unsigned(n) => i64::try_from(n).ok(),
            Value::Negative(n) => i64::try_from(n).ok().map(|n| -1 - n),
            _ => None,
        }
    }

    /// Returns the contents of a byte string.
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        if let Value::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// Returns the contents of a text string.
    pub fn as_text(&self) -> Option<&'a str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// Returns the elements of an array.
    pub fn as_array(&self) -> Option<&[Value<'a>]> {
        if let Value::Array(items) = self { Some(items) } else { None }
    }

    /// Returns the entries of a map.
    pub fn as_map(&self) -> Option<&[(Value<'a>, Value<'a>)]> {
        if let Value::Map(entries) = self { Some(entries) } else { None }
    }

    /// Writes the item in its deterministic form; map entries are put in order.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Value::Unsigned(n) => write_head(out, 0, *n),
            Value::Negative(n) => write_head(out, 1, *n),
            Value::Bytes(bytes) => {
                write_head(out, 2, bytes.len() as u64);
                out.extend_from_slice(bytes);
            }
            Value::Text(text) => {
                write_head(out, 3, text.len() as u64);
                out.extend_from_slice(text.as_bytes());
            }
            Value::Array(items) => {
                write_head(out, 4, items.len() as u64);
                items.iter().for_each(|item| item.write(out));
            }
            Value::Map(entries) => {
                let mut encoded: Vec<(Vec<u8>, &Value<'_>)> =
                    entries.iter().map(|(key, value)| (key.encode(), value)).collect();
                encoded.sort_by(|a, b| a.0.cmp(&b.0));
                write_head(out, 5, encoded.len() as u64);
                for (key, value) in encoded {
                    out.extend_from_slice(&key);
                    value.write(out);
                }
            }
            Value::Tag(tag, item) => {
                write_head(out, 6, *tag);
                item.write(out);
            }
            Value::Bool(value) => out.push(if *value { 0xf5 } else { 0xf4 }),
            Value::Null => out.push(0xf6),
            Value::Simple(value @ 0..=23) => out.push(0xe0 | value),
            Value::Simple(value) => out.extend_from_slice(&[0xf8, *value]),
            Value::Float(value) => {
                out.push(0xfb);
                out.extend_from_slice(&value.to_be_bytes());
            }
        }
    }
}

impl From<i64> for Value<'_> {
    fn from(n: i64) -> Self {
        match u64::try_from(n) {
            Ok(n) => Value::Unsigned(n),
            Err(_) => Value::Negative(n.unsigned_abs() - 1),
        }
    }
}

fn write_head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let major = major << 5;
    if let Ok(small) = u8::try_from(argument) {
        if small < 24 {
            out.push(major | small);
        } else {
            out.extend_from_slice(&[major | 24, small]);
        }
    } else if let Ok(n) = u16::try_from(argument) {
        out.push(major | 25);
        out.extend_from_slice(&n.to_be_bytes());
    } else if let Ok(n) = u32::try_from(argument) {
        out.push(major | 26);
        out.extend_from_slice(&n.to_be_bytes());
    } else {
        out.push(major | 27);
        out.extend_from_slice(&argument.to_be_bytes());
    }
}

/// What the reader lets pass.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rules {
    Deterministic,
    Foreign,
}

struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    rules: Rules,
}

/// The length in the head of an array or a map.
enum Length {
    Definite(u64),
    Indefinite,
}

/// The byte that ends an array or map without a length (RFC 8949 §3.2.1).
const BREAK: u8 = 0xff;

impl<'a> Reader<'a> {
    fn item(&mut self, depth: usize) -> Result<Value<'a>, CborError> {
        if depth >= MAX_DEPTH {
            return Err(CborError::TooDeep);
        }
        let [initial] = self.take_array()?;
        let (major, additional) = (initial >> 5, initial & 0x1f);
        match major {
            0 => Ok(Value::Unsigned(self.argument(additional)?)),
            1 => Ok(Value::Negative(self.argument(additional)?)),
            2 => {
                let length = self.argument(additional)?;
                Ok(Value::Bytes(self.take(length)?))
            }
            3 => {
                let length = self.argument(additional)?;
                std::str::from_utf8(self.take(length)?).map(Value::Text).map_err(|_| CborError::NotUtf8)
            }
            4 => self.array(additional, depth),
            5 => self.map(additional, depth),
            6 => {
                let tag = self.argument(additional)?;
                Ok(Value::Tag(tag, Box::new(self.item(depth + 1)?)))
            }
            _ => self.simple(additional),
        }
    }

    fn array(&mut self, additional: u8, depth: usize) -> Result<Value<'a>, CborError> {
        let mut items = Vec::new();
        match self.length(additional)? {
            Length::Definite(length) => {
                items.reserve_exact(self.elements(length, 1)?);
                for _ in 0..length {
                    items.push(self.item(depth + 1)?);
                }
            }
            Length::Indefinite => {
                while !self.at_break()? {
                    items.push(self.item(depth + 1)?);
                }
            }
        }
        Ok(Value::Array(items))
    }

    fn map(&mut self, additional: u8, depth: usize) -> Result<Value<'a>, CborError> {
        let mut entries = Entries { keys: BTreeSet::new(), entries: Vec::new() };
        match self.length(additional)? {
            Length::Definite(length) => {
                entries.entries.reserve_exact(self.elements(length, 2)?);
                let mut previous: &[u8] = &[];
                for _ in 0..length {
                    let start = self.position;
                    let key = self.item(depth + 1)?;
                    let encoded = self.bytes.get(start..self.position).unwrap_or_default();
                    if self.rules == Rules::Foreign {
                        entries.admit(&key)?;
                    } else if encoded <= previous {
                        return Err(CborError::KeyOrder);
                    }
                    previous = encoded;
                    entries.entries.push((key, self.item(depth + 1)?));
                }
            }
            Length::Indefinite => {
                while !self.at_break()? {
                    let key = self.item(depth + 1)?;
                    entries.admit(&key)?;
                    entries.entries.push((key, self.item(depth + 1)?));
                }
            }
        }
        Ok(Value::Map(entries.entries))
    }

    fn simple(&mut self, additional: u8) -> Result<Value<'a>, CborError> {
        let foreign = self.rules == Rules::Foreign;
        match additional {
            20 => Ok(Value::Bool(false)),
            21 => Ok(Value::Bool(true)),
            22 => Ok(Value::Null),
            24 => match self.take_array()? {
                [value @ 32..=255] if foreign || REDACTED_KEYS == Value::Simple(value) => {
                    Ok(Value::Simple(value))
                }
                _ => Err(CborError::Unsupported),
            },
            0..=23 if foreign => Ok(Value::Simple(additional)),
            25 if foreign => Ok(Value::Float(half(u16::from_be_bytes(self.take_array()?)))),
            26 if foreign => Ok(Value::Float(f32::from_be_bytes(self.take_array()?).into())),
            27 if foreign => Ok(Value::Float(f64::from_be_bytes(self.take_array()?))),
            31 => Err(CborError::Indefinite),
            _ => Err(CborError::Unsupported),
        }
    }

    fn length(&mut self, additional: u8) -> Result<Length, CborError> {
        if additional == 31 && self.rules == Rules::Foreign {
            return Ok(Length::Indefinite);
        }
        Ok(Length::Definite(self.argument(additional)?))
    }

    fn at_break(&mut self) -> Result<bool, CborError> {
        let next = *self.bytes.get(self.position).ok_or(CborError::Truncated)?;
        self.position += usize::from(next == BREAK);
        Ok(next == BREAK)
    }

    /// The declared number of elements, once it is sure that the input could hold them.
    fn elements(&self, declared: u64, bytes_each: usize) -> Result<usize, CborError> {
        let declared = usize::try_from(declared).map_err(|_| CborError::Truncated)?;
        let possible = (self.bytes.len() - self.position) / bytes_each;
        if declared <= possible { Ok(declared) } else { Err(CborError::Truncated) }
    }

    fn argument(&mut self, additional: u8) -> Result<u64, CborError> {
        let (value, least) = match additional {
            0..=23 => return Ok(u64::from(additional)),
            24 => (u64::from(u8::from_be_bytes(self.take_array()?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.take_array()?)), 1 << 8),
            26 => (u64::from(u32::from_be_bytes(self.take_array()?)), 1 << 16),
            27 => (u64::from_be_bytes(self.take_array()?), 1 << 32),
            31 => return Err(CborError::Indefinite),
            _ => return Err(CborError::Unsupported),
        };
        if value < least && self.rules == Rules::Deterministic {
            Err(CborError::NotShortest)
        } else {
            Ok(value)
        }
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], CborError> {
        let length = usize::try_from(length).map_err(|_| CborError::Truncated)?;
        let end = self.position.checked_add(length).ok_or(CborError::Truncated)?;
        let slice = self.bytes.get(self.position..end).ok_or(CborError::Truncated)?;
        self.position = end;
        Ok(slice)
    }

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], CborError> {
        self.take(N as u64)?.try_into().map_err(|_| CborError::Truncated)
    }
}

/// The entries of a map whose keys come in any order.
struct Entries<'a> {
    keys: BTreeSet<Vec<u8>>,
    entries: Vec<(Value<'a>, Value<'a>)>,
}

impl Entries<'_> {
    /// Refuses a key that was there already, however it was written.
    fn admit(&mut self, key: &Value<'_>) -> Result<(), CborError> {
        if self.keys.insert(key.encode()) { Ok(()) } else { Err(CborError::KeyOrder) }
    }
}

/// A half-precision number (IEEE 754 binary16; RFC 8949 appendix D).
fn half(bits: u16) -> f64 {
    let (exponent, mantissa) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    let magnitude = match exponent {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2f64.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_is_not_deterministic() {
        for (hex, error) in [
            ("", CborError::Truncated),
            ("19", CborError::Truncated),
            ("0000", CborError::TrailingBytes { count: 1 }),
            ("1817", CborError::NotShortest),
            ("1900ff", CborError::NotShortest),
            ("1a0000ffff", CborError::NotShortest),
            ("1b00000000ffffffff", CborError::NotShortest),
            ("5f41ff", CborError::Indefinite),
            ("9fff", CborError::Indefinite),
            ("bfff", CborError::Indefinite),
            ("ff", CborError::Indefinite),
            ("a201000100", CborError::KeyOrder),
            ("a202000100", CborError::KeyOrder),
            ("61ff", CborError::NotUtf8),
            ("f90000", CborError::Unsupported),
            ("f7", CborError::Unsupported),
            ("1c", CborError::Unsupported),
            ("5bffffffffffffffff", CborError::Truncated),
            ("9bffffffffffffffff", CborError::Truncated),
            ("bbffffffffffffffff", CborError::Truncated),
        ] {
            assert_eq!(decode(&hex::decode(hex).unwrap()), Err(error), "{hex}");
        }
    }

    #[test]
    fn what_others_wrote_is_read_without_repeated_keys() {
        for (hex, as_we_write_it) in [
            ("a20200010a", "a2010a0200"),
            ("1817", "17"),
            ("9f0102ff", "820102"),
            ("bf0201ff", "a10201"),
            ("f93c00", "fb3ff0000000000000"),
            ("f90001", "fb3e70000000000000"),
            ("fa3fc00000", "fb3ff8000000000000"),
            ("f7", "f7"),
            ("f83b", "f83b"),
            ("f8ff", "f8ff"),
        ] {
            let bytes = hex::decode(hex).unwrap();
            assert_eq!(hex::encode(decode_foreign(&bytes).unwrap().encode()), as_we_write_it, "{hex}");
        }
        for (hex, error) in [
            ("a2010001 00", CborError::KeyOrder),
            ("a20100180100", CborError::KeyOrder),
            ("bf01000100ff", CborError::KeyOrder),
            ("5f41 00ff", CborError::Indefinite),
            ("9f01", CborError::Truncated),
            ("bf01ff", CborError::Indefinite),
            ("ff", CborError::Indefinite),
            ("f818", CborError::Unsupported),
            ("0000", CborError::TrailingBytes { count: 1 }),
            ("9bffffffffffffffff", CborError::Truncated),
        ] {
            let bytes = hex::decode(hex.replace(' ', "")).unwrap();
            assert_eq!(decode_foreign(&bytes), Err(error), "{hex}");
        }
        assert_eq!(decode_foreign(&[0x9f; 3000]), Err(CborError::TooDeep));
        assert_eq!(decode(&[0xf8, 59]), Ok(REDACTED_KEYS));
        assert_eq!(decode(&[0xf8, 60]), Err(CborError::Unsupported));
    }

    #[test]
    fn depth_is_bounded_before_recursing() {
        let deep = vec![0x81; 3000];
        assert_eq!(decode(&deep), Err(CborError::TooDeep));
        let mut allowed = vec![0x81; MAX_DEPTH - 1];
        allowed.push(0);
        assert!(decode(&allowed).is_ok());
    }

    #[test]
    fn integer_keys_order_by_their_encoding() {
        let map = Value::Map(vec![
            (Value::from(-1), Value::Null),
            (Value::from(100), Value::Null),
            (Value::from(4), Value::Null),
        ]);
        assert_eq!(hex::encode(map.encode()), "a304f61864f620f6");
    }

    fn ours(value: &ciborium::Value) -> Option<Value<'_>> {
        Some(match value {
            ciborium::Value::Integer(n) => Value::from(i64::try_from(*n).ok()?),
            ciborium::Value::Bytes(bytes) => Value::Bytes(bytes),
            ciborium::Value::Text(text) => Value::Text(text),
            ciborium::Value::Array(items) => Value::Array(items.iter().map(ours).collect::<Option<_>>()?),
            ciborium::Value::Map(entries) => {
                Value::Map(entries.iter().map(|(k, v)| Some((ours(k)?, ours(v)?))).collect::<Option<_>>()?)
            }
            ciborium::Value::Tag(tag, item) => Value::Tag(*tag, Box::new(ours(item)?)),
            ciborium::Value::Bool(b) => Value::Bool(*b),
            ciborium::Value::Null => Value::Null,
            _ => return None,
        })
    }

    fn tree() -> impl Strategy<Value = ciborium::Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(ciborium::Value::from),
            proptest::collection::vec(any::<u8>(), 0..300).prop_map(ciborium::Value::Bytes),
            ".{0,40}".prop_map(ciborium::Value::Text),
            any::<bool>().prop_map(ciborium::Value::Bool),
            Just(ciborium::Value::Null),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(ciborium::Value::Array),
                proptest::collection::btree_map(any::<i32>(), inner.clone(), 0..6).prop_map(|map| {
                    ciborium::Value::Map(map.into_iter().map(|(k, v)| (k.into(), v)).collect())
                }),
                (any::<u64>(), inner).prop_map(|(tag, item)| ciborium::Value::Tag(tag, Box::new(item))),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_we_write_an_independent_reader_understands(value in tree()) {
            let encoded = ours(&value).unwrap().encode();
            prop_assert_eq!(decode(&encoded).unwrap().encode(), encoded.clone());
            let theirs: ciborium::Value = ciborium::from_reader(encoded.as_slice()).unwrap();
            prop_assert_eq!(ours(&theirs).unwrap().encode(), encoded);
        }

        #[test]
        fn accepted_bytes_are_the_only_encoding(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(value) = decode(&bytes) {
                prop_assert_eq!(value.encode(), bytes);
            }
        }
    }
}
