//! The operators of a kiosk, and the hashes of their PIN codes: see [`crate::operator`].

use anyhow::{Context, Result, anyhow, bail};
use argon2::{Algorithm, Argon2, Params, Version};
use rusqlite::{OptionalExtension, params};
use shared::time::Timestamp;
use zeroize::Zeroizing;

use super::State;

pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS operator (
        id INTEGER PRIMARY KEY AUTOINCREMENT,   -- never given twice: who is added again is somebody else
        name TEXT NOT NULL UNIQUE,
        salt BLOB NOT NULL,
        hash BLOB NOT NULL,                     -- Argon2id of the PIN code
        memory INTEGER NOT NULL,                -- in KiB
        passes INTEGER NOT NULL,
        added INTEGER NOT NULL
    ) STRICT;
";

/// What a hash costs (OWASP Password Storage Cheat Sheet, the first choice for Argon2id): 19 MiB, two passes.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// The fewest and the most digits of a PIN code: the fewest by the project's brief, the most by us.
const PIN_DIGITS: std::ops::RangeInclusive<usize> = 6..=32;

/// The longest name, in characters: what fits on the page.
const NAME_LENGTH: usize = 40;

const HASH_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// The name of an operator.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OperatorName(String);

impl OperatorName {
    /// Reads a name: letters and digits of any script, and ` .-_'` between them.
    ///
    /// # Errors
    /// Anything else, and more than 40 characters.
    pub fn parse(text: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_alphanumeric() || " .-_'".contains(c);
        let ends = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let length = text.chars().count();
        if length <= NAME_LENGTH
            && text.chars().all(allowed)
            && ends(text.chars().next())
            && ends(text.chars().last())
        {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!(
                "a name is 1 to {NAME_LENGTH} letters and digits, with . - _ ' or blanks between them"
            ))
        }
    }

    /// Returns it as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A PIN code that is not among those that everybody tries first.
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// Reads a PIN code.
    ///
    /// # Errors
    /// Anything but 6 to 32 digits, and digits that follow from one another: 000000, 123456, 987654, 121212.
    pub fn parse(text: Zeroizing<String>) -> Result<Self> {
        if !PIN_DIGITS.contains(&text.len()) || !text.bytes().all(|c| c.is_ascii_digit()) {
            bail!("a PIN code is {} to {} digits", PIN_DIGITS.start(), PIN_DIGITS.end());
        }
        if trivial(text.as_bytes()) {
            bail!("this PIN code is among the first that anybody would try; choose another");
        }
        Ok(Self(text))
    }
}

/// Tells whether digits repeat in short groups or go up or down in equal steps.
fn trivial(digits: &[u8]) -> bool {
    let repeats = |group: usize| digits.iter().zip(digits.iter().skip(group)).all(|(a, b)| a == b);
    let steps = |step: u8| digits.windows(2).all(|pair| (pair[0] - b'0' + step) % 10 == pair[1] - b'0');
    (1..=digits.len() / 2).any(repeats) || (0..10).any(steps)
}

/// An operator who is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Never given to anybody else.
    pub id: i64,
    /// The name.
    pub name: String,
    /// When it was added.
    pub added: Timestamp,
}

impl State {
    /// Adds an operator.
    pub fn add_operator(&self, name: &OperatorName, pin: &Pin, now: Timestamp) -> Result<()> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(|error| anyhow!("the system gave no randomness: {error}"))?;
        let hash = hash(&pin.0, &salt, MEMORY, PASSES)?;
        let added = self.connection.execute(
            "INSERT INTO operator (name, salt, hash, memory, passes, added) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (name) DO NOTHING",
            params![name.0, salt, hash.as_slice(), MEMORY, PASSES, now.as_unix()],
        )?;
        if added == 0 {
            bail!("there is an operator {} already; remove it first to give it another PIN code", name.0);
        }
        Ok(())
    }

    /// Removes an operator; tells whether there was one. Who is logged in under the name is logged out.
    pub fn remove_operator(&self, name: &OperatorName) -> Result<bool> {
        Ok(self.connection.execute("DELETE FROM operator WHERE name = ?1", [&name.0])? == 1)
    }

    /// Returns the operators by name.
    pub fn operators(&self) -> Result<Vec<Operator>> {
        let mut rows = self.connection.prepare("SELECT id, name, added FROM operator ORDER BY name")?;
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.map(|row| {
            let (id, name, added) = row?;
            let added = Timestamp::from_unix(added).context("an operator was added at no time")?;
            Ok(Operator { id, name, added })
        })
        .collect()
    }

    /// Returns the number of an operator, by which the journal names them; `None` for somebody who is none.
    pub fn operator_number(&self, name: &str) -> Result<Option<u64>> {
        let number =
            self.connection.query_row("SELECT id FROM operator WHERE name = ?1", [name], |row| row.get(0));
        Ok(number.optional()?)
    }

    /// Tells whether the operator of that number is still one.
    pub fn is_operator(&self, id: i64) -> Result<bool> {
        let found = self.connection.query_row("SELECT 1 FROM operator WHERE id = ?1", [id], |_| Ok(()));
        Ok(found.optional()?.is_some())
    }

    /// Returns what checks the PIN code of whoever gives this name; also where nobody has it.
    pub fn claimant(&self, name: &str) -> Result<Claimant> {
        let known = self.connection.query_row(
            "SELECT id, salt, hash, memory, passes FROM operator WHERE name = ?1",
            [name],
            |row| {
                let (id, salt, hash) = (row.get(0)?, row.get(1)?, row.get(2)?);
                Ok(Claimant { id, salt, hash, memory: row.get(3)?, passes: row.get(4)? })
            },
        );
        let nobody = || Claimant {
            id: 0,
            salt: vec![0; SALT_BYTES],
            hash: Vec::new(),
            memory: MEMORY,
            passes: PASSES,
        };
        Ok(known.optional()?.unwrap_or_else(nobody))
    }
}

/// Somebody who gives the name of an operator, or that of nobody.
pub struct Claimant {
    id: i64,
    salt: Vec<u8>,
    hash: Vec<u8>,
    memory: u32,
    passes: u32,
}

impl Claimant {
    /// Returns the operator's number if this is the PIN code. It takes as long where there is no such operator.
    pub fn check(&self, pin: &str) -> Result<Option<i64>> {
        let found = hash(pin, &self.salt, self.memory, self.passes)?;
        Ok(same(found.as_slice(), &self.hash).then_some(self.id))
    }
}

fn hash(pin: &str, salt: &[u8], memory: u32, passes: u32) -> Result<Zeroizing<[u8; HASH_BYTES]>> {
    let parameters = Params::new(memory, passes, 1, Some(HASH_BYTES))
        .map_err(|error| anyhow!("an operator's row is damaged: {error}"))?;
    let mut hash = Zeroizing::new([0; HASH_BYTES]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into(pin.as_bytes(), salt, hash.as_mut())
        .map_err(|error| anyhow!("an operator's row is damaged: {error}"))?;
    Ok(hash)
}

/// Compares without stopping at the first byte that differs.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(text: &str) -> Result<Pin> {
        Pin::parse(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn what_everybody_tries_first_is_no_pin_code() {
        let too_simple = [
            "000000",
            "777777777",
            "123456",
            "234567890",
            "987654",
            "121212",
            "123123",
            "13579135",
            "890123",
        ];
        for text in too_simple {
            assert!(pin(text).is_err(), "{text}");
        }
        for text in ["", "1", "28509", "12a4b6", "２８５０９３", "285 093", "-285093", &"28509".repeat(7)]
        {
            assert!(pin(text).is_err(), "{text}");
        }
        for text in ["285093", "110385", "9042771", "30145926535897932384626433832795"] {
            assert!(pin(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn names_are_letters_of_any_script() {
        for name in ["A", "Officer One", "ana.luísa", "陳大文", "O'Neil-2"] {
            assert!(OperatorName::parse(name).is_ok(), "{name}");
        }
        let long = "x".repeat(NAME_LENGTH + 1);
        for name in ["", " ", "a ", "a\nb", "<b>", "a\u{202e}b", "a;b", &long] {
            assert!(OperatorName::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn operators_come_and_go_and_none_comes_back_as_another() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let now = Timestamp::from_unix(1_800_000_000).unwrap();
        let name = OperatorName::parse("Officer One").unwrap();
        let check = |name: &str, pin: &str| state.claimant(name).unwrap().check(pin).unwrap();
        state.add_operator(&name, &pin("285093").unwrap(), now).unwrap();
        assert!(state.add_operator(&name, &pin("385093").unwrap(), now).is_err());
        let first = check("Officer One", "285093").unwrap();
        assert!(state.is_operator(first).unwrap());
        assert_eq!(state.operator_number("Officer One").unwrap(), Some(first.cast_unsigned()));
        assert_eq!(state.operator_number("Officer Two").unwrap(), None);
        for (name, pin) in
            [("Officer One", "385093"), ("Officer Two", "285093"), ("", ""), ("officer one", "285093")]
        {
            assert_eq!(check(name, pin), None, "{name} {pin}");
        }
        assert!(state.remove_operator(&name).unwrap() && !state.remove_operator(&name).unwrap());
        assert!(!state.is_operator(first).unwrap());
        assert_eq!(check("Officer One", "285093"), None);
        state.add_operator(&name, &pin("385093").unwrap(), now).unwrap();
        assert_ne!(check("Officer One", "385093"), Some(first));
        assert_eq!(state.operators().unwrap().len(), 1);
    }

    #[test]
    fn a_pin_code_is_not_on_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::open(folder.path()).unwrap();
        let now = Timestamp::from_unix(1_800_000_000).unwrap();
        let name = OperatorName::parse("Officer One").unwrap();
        state.add_operator(&name, &pin("904277138").unwrap(), now).unwrap();
        let holds = |text: &str| {
            std::fs::read_dir(folder.path()).unwrap().any(|file| {
                let bytes = std::fs::read(file.unwrap().path()).unwrap();
                bytes.windows(text.len()).any(|window| window == text.as_bytes())
            })
        };
        assert!(holds("Officer One") && !holds("904277138"));
    }
}
