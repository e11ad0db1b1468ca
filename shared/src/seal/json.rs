//! JSON of others: read without repeated names, and written in the canonical form that is signed (RFC 8785).
//!
//! Of numbers only integers up to 2^53 are read, whose canonical form is their digits: seals hold no others, and the
//! shortest form of a floating point number is no place for two implementations to differ.
#![warn(clippy::indexing_slicing, clippy::cast_possible_truncation)]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

/// The deepest nesting accepted; seals have at most six levels.
const MAX_DEPTH: usize = 16;

/// Above it an integer is not the same to every reader (RFC 8785 §3.2.2.3).
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// One JSON value.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Integer(i64),
    Text(String),
    Array(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

/// Why a text is not JSON that we read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Not JSON (RFC 8259), or something follows it.
    #[error("the syntax is wrong")]
    Syntax,
    /// A name appears twice in one object (RFC 7493 §2.3).
    #[error("a name appears twice")]
    RepeatedName,
    /// A number that is no integer, or larger than 2^53.
    #[error("a number is not an integer below 2^53")]
    Number,
    /// Nested too deeply.
    #[error("it is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

impl Json {
    /// Reads exactly one value.
    pub(super) fn parse(text: &str) -> Result<Self, JsonError> {
        let fault = Cell::new(JsonError::Syntax);
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = Reader { depth: 0, fault: &fault }.deserialize(&mut reader).map_err(|_| fault.get())?;
        reader.end().map_err(|_| JsonError::Syntax)?;
        Ok(value)
    }

    /// Returns the value of that name; `None` if absent or if this is not an object.
    pub(super) fn get(&self, name: &str) -> Option<&Json> {
        self.members()?.get(name)
    }

    /// Returns the members of an object.
    pub(super) fn members(&self) -> Option<&BTreeMap<String, Json>> {
        if let Json::Object(members) = self { Some(members) } else { None }
    }

    /// Returns a text.
    pub(super) fn as_text(&self) -> Option<&str> {
        if let Json::Text(text) = self { Some(text) } else { None }
    }

    /// Returns the canonical form (RFC 8785 §3.2): no white space, names in the order of their UTF-16 code units.
    pub(super) fn canonical(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Json::Integer(value) => out.push_str(&value.to_string()),
            Json::Text(text) => write_text(text, out),
            Json::Array(items) => {
                out.push('[');
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Json::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by(|a, b| a.0.encode_utf16().cmp(b.0.encode_utf16()));
                out.push('{');
                for (place, (name, value)) in members.into_iter().enumerate() {
                    if place > 0 {
                        out.push(',');
                    }
                    write_text(name, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// RFC 8785 §3.2.2.2.
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            control @ '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Reads a value at a depth, and says what was wrong beside serde's error, which holds only words.
#[derive(Clone, Copy)]
struct Reader<'f> {
    depth: usize,
    fault: &'f Cell<JsonError>,
}

impl Reader<'_> {
    fn fail<E: Error>(self, fault: JsonError) -> E {
        self.fault.set(fault);
        E::custom(fault)
    }

    fn inner<E: Error>(self) -> Result<Self, E> {
        if self.depth + 1 >= MAX_DEPTH {
            return Err(self.fail(JsonError::TooDeep));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Json;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        match i64::try_from(value) {
            Ok(integer) if value <= MAX_INTEGER => Ok(Json::Integer(integer)),
            _ => Err(self.fail(JsonError::Number)),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        if value.unsigned_abs() <= MAX_INTEGER {
            Ok(Json::Integer(value))
        } else {
            Err(self.fail(JsonError::Number))
        }
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Json, E> {
        Err(self.fail(JsonError::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let inner = self.inner()?;
        let mut read = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            read.push(item);
        }
        Ok(Json::Array(read))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let inner = self.inner()?;
        let mut read = BTreeMap::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if read.insert(name, value).is_some() {
                return Err(self.fail(JsonError::RepeatedName));
            }
        }
        Ok(Json::Object(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> Result<String, JsonError> {
        Json::parse(text).map(|value| value.canonical())
    }

    /// RFC 8785 §3.2.3, the sorting example, without the euro sign's number of RFC 8785 §3.2.2.
    #[test]
    fn names_are_sorted_by_utf_16() {
        let text = r#"{"\u20ac":"Euro Sign","\r":"Carriage Return","\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\ud83d\ude00":"Emoji: Grinning Face","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis"}"#;
        let Json::Object(members) = Json::parse(text).unwrap() else { panic!("an object") };
        assert_eq!(members.len(), 7);
        let expected = [
            "Carriage Return",
            "One",
            "Control",
            "Latin Small Letter O With Diaeresis",
            "Euro Sign",
            "Emoji: Grinning Face",
            "Hebrew Letter Dalet With Dagesh",
        ];
        let canonical = canonical(text).unwrap();
        let places: Vec<_> = expected.iter().map(|value| canonical.find(value).unwrap()).collect();
        assert!(places.is_sorted(), "{canonical}");
    }

    #[test]
    fn white_space_and_escapes_have_one_form() {
        let text = "{ \"b\" : [ 1 , -2, true,null ],\n\"a\":\"\\u003c\\/\\u000A\\u001F\\u007f\\\"\\\\\" }";
        assert_eq!(canonical(text).unwrap(), "{\"a\":\"</\\n\\u001f\u{7f}\\\"\\\\\",\"b\":[1,-2,true,null]}");
    }

    #[test]
    fn hostile_json_is_refused() {
        let deep = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(canonical(&deep(MAX_DEPTH - 1)).is_ok());
        let cases = [
            (r#"{"a":1,"a":1}"#.to_owned(), JsonError::RepeatedName),
            (r#"{"a":{"b":1,"\u0062":2}}"#.to_owned(), JsonError::RepeatedName),
            ("1.5".to_owned(), JsonError::Number),
            ("1.0".to_owned(), JsonError::Number),
            ("-0".to_owned(), JsonError::Number),
            ("1e3".to_owned(), JsonError::Number),
            ("9007199254740992".to_owned(), JsonError::Number),
            ("-9007199254740992".to_owned(), JsonError::Number),
            ("1e999".to_owned(), JsonError::Syntax),
            (deep(MAX_DEPTH), JsonError::TooDeep),
            (deep(100_000), JsonError::TooDeep),
            ("{} {}".to_owned(), JsonError::Syntax),
            (r#""\ud800""#.to_owned(), JsonError::Syntax),
            (r#"{"a":1,}"#.to_owned(), JsonError::Syntax),
            ("".to_owned(), JsonError::Syntax),
        ];
        for (text, error) in cases {
            assert_eq!(canonical(&text), Err(error), "{:.40}", text);
        }
    }
}
