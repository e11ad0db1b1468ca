//! Card numbers as bits, in the forms that panels know.

use anyhow::{Result, anyhow, ensure};

use crate::gate::settings::Card;

impl Card {
    /// Returns how many bits there are, and the bits.
    pub fn encode(&self) -> Result<(u16, Vec<u8>)> {
        match self {
            Card::Wiegand26 { facility, number } => Ok((26, wiegand_26(*facility, *number))),
            Card::Raw { bits, hex } => {
                let bytes =
                    hex::decode(hex).map_err(|_| anyhow!("[gate.card]: hex is not hexadecimal digits"))?;
                ensure!(
                    (1..=512).contains(bits) && bytes.len() == usize::from(*bits).div_ceil(8),
                    "[gate.card]: {bits} bits are not {} bytes, or more than 512",
                    bytes.len()
                );
                Ok((*bits, bytes))
            }
        }
    }
}

/// H10301: even parity over the first 12 bits comes first, odd parity over the last 12 comes last.
fn wiegand_26(facility: u8, number: u16) -> Vec<u8> {
    let data = u32::from(facility) << 16 | u32::from(number);
    let even = (data >> 12).count_ones() & 1;
    let odd = !(data & 0xFFF).count_ones() & 1;
    let bits = even << 25 | data << 1 | odd;
    (bits << 6).to_be_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_are_encoded_as_panels_expect() {
        // Facility 1, number 1, written out by hand: 0 00000001 0000000000000001 0, with even parity 1 for one bit set in
        // the first twelve, and odd parity 0 for one bit set in the last twelve.
        let card = Card::Wiegand26 { facility: 1, number: 1 }.encode().unwrap();
        assert_eq!(card, (26, vec![0b1000_0000, 0b1000_0000, 0b0000_0000, 0b1000_0000]));
        let none = Card::Wiegand26 { facility: 0, number: 0 }.encode().unwrap();
        assert_eq!(none, (26, vec![0, 0, 0, 0b0100_0000]));
        let raw = Card::Raw { bits: 12, hex: "abc0".to_owned() }.encode().unwrap();
        assert_eq!(raw, (12, vec![0xab, 0xc0]));
    }
}
