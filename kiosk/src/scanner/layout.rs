//! Keys to characters: a scanner types as on a keyboard with the layout of the United States.

/// Key codes of <linux/input-event-codes.h>.
mod key {
    pub(super) const ENTER: u16 = 28;
    pub(super) const LEFT_SHIFT: u16 = 42;
    pub(super) const RIGHT_SHIFT: u16 = 54;
    pub(super) const CAPS_LOCK: u16 = 58;
    pub(super) const KEYPAD_ENTER: u16 = 96;
}

/// Runs of keys with successive codes: the first code, and the characters without and with Shift.
const RUNS: [(u16, &[u8], &[u8]); 6] = [
    (2, b"1234567890-=", b"!@#$%^&*()_+"),
    (16, b"qwertyuiop[]", b"QWERTYUIOP{}"),
    (30, b"asdfghjkl;'`", b"ASDFGHJKL:\"~"),
    (43, b"\\zxcvbnm,./", b"|ZXCVBNM<>?"),
    (57, b" ", b" "),
    // The keypad, as with Num Lock.
    (71, b"789-456+1230.", b"789-456+1230."),
];

/// Keys of the keypad that stand alone.
const KEYPAD: [(u16, u8); 2] = [(55, b'*'), (98, b'/')];

/// A keyboard: which of the keys that change others are held.
#[derive(Debug, Default)]
pub struct Keyboard {
    left_shift: bool,
    right_shift: bool,
    caps_lock: bool,
}

impl Keyboard {
    /// Takes a key event; `value` is 1 when a key is pressed, 0 when it is let go, and 2 when it repeats itself, which no
    /// scanner means. Returns the character it types, `\n` for Enter.
    pub fn key(&mut self, code: u16, value: i32) -> Option<u8> {
        match code {
            key::LEFT_SHIFT => self.left_shift = value != 0,
            key::RIGHT_SHIFT => self.right_shift = value != 0,
            key::CAPS_LOCK if value == 1 => self.caps_lock = !self.caps_lock,
            key::ENTER | key::KEYPAD_ENTER if value == 1 => return Some(b'\n'),
            _ if value == 1 => return self.character(code),
            _ => (),
        }
        None
    }

    /// Takes no key for held any longer.
    pub fn let_go(&mut self) {
        (self.left_shift, self.right_shift) = (false, false);
    }

    fn character(&self, code: u16) -> Option<u8> {
        let mut runs = RUNS.iter().filter_map(|(first, plain, shifted)| {
            let place = usize::from(code.checked_sub(*first)?);
            Some((*plain.get(place)?, *shifted.get(place)?))
        });
        let alone = || KEYPAD.iter().find(|(key, _)| *key == code).map(|(_, byte)| (*byte, *byte));
        let (plain, shifted) = runs.next().or_else(alone)?;
        let shift = (self.left_shift || self.right_shift) != (self.caps_lock && plain.is_ascii_lowercase());
        Some(if shift { shifted } else { plain })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keys that type a text, as a scanner presses them.
    fn typed(text: &str) -> Vec<(u16, i32)> {
        let mut events = vec![];
        for byte in text.bytes() {
            let (code, shift) = (2..100)
                .flat_map(|code| [(code, false), (code, true)])
                .find(|(code, shift)| {
                    let mut keyboard = Keyboard { left_shift: *shift, ..Keyboard::default() };
                    ![55, 98].contains(code)
                        && !(71..84).contains(code)
                        && keyboard.key(*code, 1) == Some(byte)
                })
                .unwrap_or_else(|| panic!("no key for {byte:?}"));
            if shift {
                events.push((key::LEFT_SHIFT, 1));
            }
            events.extend([(code, 1), (code, 0)]);
            if shift {
                events.push((key::LEFT_SHIFT, 0));
            }
        }
        events
    }

    fn text(events: &[(u16, i32)]) -> String {
        let mut keyboard = Keyboard::default();
        events.iter().filter_map(|(code, value)| keyboard.key(*code, *value)).map(char::from).collect()
    }

    #[test]
    fn every_printable_character_can_be_typed() {
        let all: String = (b' '..=b'~').map(char::from).collect();
        assert_eq!(text(&typed(&all)), all);
    }

    #[test]
    fn keys_that_we_looked_up_in_the_header_type_what_is_on_them() {
        // KEY_1, KEY_Q, KEY_A, KEY_Z, KEY_M, KEY_SLASH, KEY_SPACE, KEY_KP0, KEY_KPASTERISK, KEY_KPSLASH, KEY_ENTER
        let codes = [2, 16, 30, 44, 50, 53, 57, 82, 55, 98, 28];
        assert_eq!(text(&codes.map(|code| (code, 1))), "1qazm/ 0*/\n");
    }

    #[test]
    fn caps_lock_turns_letters_and_only_letters() {
        let mut events = vec![(key::CAPS_LOCK, 1), (key::CAPS_LOCK, 0)];
        events.extend(typed("aB1:"));
        assert_eq!(text(&events), "Ab1:");
    }

    #[test]
    fn repeats_and_unknown_keys_type_nothing() {
        assert_eq!(text(&[(30, 1), (30, 2), (30, 0), (29, 1), (500, 1), (0, 1), (42, 2), (30, 1)]), "aA");
    }
}
