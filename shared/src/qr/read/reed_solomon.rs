//! Reed-Solomon decoding over GF(256) with erasures (ISO/IEC 18004 §7.5 and annex B: polynomial 0x11D, first root 1).

/// Powers of the generator, twice around so that sums of logarithms need no reduction, and logarithms.
static TABLES: ([u8; 512], [u8; 256]) = tables();

const fn tables() -> ([u8; 512], [u8; 256]) {
    let (mut powers, mut logarithms) = ([0; 512], [0; 256]);
    let (mut value, mut index) = (1u16, 0);
    while index < 255 {
        powers[index] = value as u8;
        powers[index + 255] = value as u8;
        logarithms[value as usize] = index as u8;
        value <<= 1;
        if value > 255 {
            value ^= 0x11d;
        }
        index += 1;
    }
    (powers, logarithms)
}

#[inline]
fn power(exponent: usize) -> u8 {
    TABLES.0[exponent % 255]
}

#[inline]
fn product(a: u8, b: u8) -> u8 {
    if a == 0 || b == 0 {
        return 0;
    }
    TABLES.0[usize::from(TABLES.1[usize::from(a)]) + usize::from(TABLES.1[usize::from(b)])]
}

/// Returns `a / b`; `b` is not 0.
fn quotient(a: u8, b: u8) -> u8 {
    if a == 0 {
        return 0;
    }
    TABLES.0[usize::from(TABLES.1[usize::from(a)]) + 255 - usize::from(TABLES.1[usize::from(b)])]
}

/// Corrects a block in place: the last `parity` bytes are parity, those at `erased` are doubtful.
///
/// Returns how many bytes outside `erased` were wrong, or `None`, leaving the block as it was, if there is no codeword
/// with at most `errors` of them.
pub(super) fn correct(block: &mut [u8], parity: usize, erased: &[usize], errors: usize) -> Option<usize> {
    let syndromes = syndromes(block, parity);
    if syndromes.iter().all(|&syndrome| syndrome == 0) {
        return Some(0);
    }
    if erased.len() + 2 * errors > parity {
        return None;
    }
    let length = block.len();
    let locator = locator(&syndromes, erased.iter().map(|&index| length - 1 - index), erased.len());
    let degree = locator.iter().rposition(|&coefficient| coefficient != 0)?;
    if degree < erased.len() || degree - erased.len() > errors {
        return None;
    }
    // Error evaluator: syndromes times locator, modulo x^parity.
    let evaluator: Vec<u8> = (0..parity)
        .map(|index| {
            (0..=index.min(degree)).fold(0, |sum, low| sum ^ product(locator[low], syndromes[index - low]))
        })
        .collect();
    let mut corrections = Vec::with_capacity(degree);
    for exponent in 0..length {
        // Zero at the inverse of alpha^exponent: the byte at that power is wrong.
        let inverse = (255 - exponent % 255) % 255;
        if evaluate(&locator[..=degree], inverse) != 0 {
            continue;
        }
        // The formal derivative keeps the odd powers.
        let slope = (1..=degree)
            .step_by(2)
            .fold(0, |sum, low| sum ^ product(locator[low], power(inverse * (low - 1))));
        if slope == 0 {
            return None;
        }
        // Roots start at alpha^0, which leaves one factor of alpha^exponent (Forney).
        let value = product(quotient(evaluate(&evaluator, inverse), slope), power(exponent));
        corrections.push((length - 1 - exponent, value));
    }
    if corrections.len() != degree {
        return None;
    }
    for &(index, value) in &corrections {
        block[index] ^= value;
    }
    if self::syndromes(block, parity).iter().any(|&syndrome| syndrome != 0) {
        for &(index, value) in &corrections {
            block[index] ^= value;
        }
        return None;
    }
    Some(corrections.iter().filter(|(index, value)| *value != 0 && !erased.contains(index)).count())
}

fn syndromes(block: &[u8], parity: usize) -> Vec<u8> {
    let mut syndromes = vec![0u8; parity];
    for &byte in block {
        for (root, syndrome) in syndromes.iter_mut().enumerate() {
            // Times alpha^root, plus the byte (Horner).
            let shifted = if *syndrome == 0 {
                0
            } else {
                TABLES.0[usize::from(TABLES.1[usize::from(*syndrome)]) + root]
            };
            *syndrome = shifted ^ byte;
        }
    }
    syndromes
}

fn evaluate(polynomial: &[u8], exponent: usize) -> u8 {
    polynomial.iter().rev().fold(0, |sum, &coefficient| product(sum, power(exponent)) ^ coefficient)
}

/// Returns the error locator, lowest power first: Berlekamp-Massey, started from the known places.
fn locator(syndromes: &[u8], erased: impl Iterator<Item = usize>, erasures: usize) -> Vec<u8> {
    let parity = syndromes.len();
    let mut locator = vec![0u8; parity + 1];
    locator[0] = 1;
    for (count, exponent) in erased.enumerate() {
        for index in (1..=(count + 1).min(parity)).rev() {
            locator[index] ^= product(locator[index - 1], power(exponent));
        }
    }
    let mut previous = locator.clone();
    let mut length = erasures;
    for step in erasures..parity {
        let discrepancy =
            (0..=step.min(parity)).fold(0, |sum, low| sum ^ product(locator[low], syndromes[step - low]));
        // previous *= x
        previous.rotate_right(1);
        previous[0] = 0;
        if discrepancy == 0 {
            continue;
        }
        let updated: Vec<u8> =
            locator.iter().zip(&previous).map(|(&now, &before)| now ^ product(discrepancy, before)).collect();
        if 2 * length <= step + erasures {
            length = step + erasures + 1 - length;
            previous = locator.iter().map(|&now| quotient(now, discrepancy)).collect();
        }
        locator = updated;
    }
    locator
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Appends parity by dividing by the generator polynomial.
    fn encoded(data: &[u8], parity: usize) -> Vec<u8> {
        let mut generator = vec![1u8];
        for root in 0..parity {
            generator.push(0);
            for index in (1..generator.len()).rev() {
                generator[index] ^= product(generator[index - 1], power(root));
            }
        }
        let mut rest = vec![0u8; parity];
        for &byte in data {
            let lead = byte ^ rest[0];
            rest.rotate_left(1);
            rest[parity - 1] = 0;
            for (rest, &coefficient) in rest.iter_mut().zip(&generator[1..]) {
                *rest ^= product(coefficient, lead);
            }
        }
        [data, &rest].concat()
    }

    /// Small deterministic generator (SplitMix64).
    struct Random(u64);

    impl Random {
        fn below(&mut self, limit: usize) -> usize {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) % limit as u64) as usize
        }
    }

    #[test]
    fn every_mix_of_errors_and_erasures_within_the_bound_is_corrected() {
        let mut random = Random(1);
        for (length, parity) in [(26, 10), (44, 28), (70, 24), (255, 30)] {
            for erasures in 0..=parity {
                let errors = (parity - erasures) / 2;
                let data: Vec<u8> = (0..length - parity).map(|_| random.below(256) as u8).collect();
                let whole = encoded(&data, parity);
                let mut places: Vec<usize> = (0..length).collect();
                for index in 0..length {
                    places.swap(index, random.below(length));
                }
                let mut broken = whole.clone();
                for &place in &places[..erasures + errors] {
                    broken[place] ^= 1 + random.below(255) as u8;
                }
                let count = correct(&mut broken, parity, &places[..erasures], errors);
                assert_eq!((count, &broken), (Some(errors), &whole), "{length}, {parity}, {erasures} erased");
            }
        }
    }

    #[test]
    fn too_many_errors_leave_the_block_alone() {
        let mut random = Random(2);
        let whole = encoded(&[7; 40], 20);
        for _ in 0..200 {
            let mut broken: Vec<u8> = whole.iter().map(|_| random.below(256) as u8).collect();
            let before = broken.clone();
            if correct(&mut broken, 20, &[], 6).is_none() {
                assert_eq!(broken, before);
            }
        }
        let mut broken = whole.clone();
        broken[..7].fill(0);
        assert_eq!(correct(&mut broken, 20, &[], 6), None);
        assert_eq!(correct(&mut broken, 20, &[], 7), Some(7));
        assert_eq!(broken, whole);
    }
}
