//! Black and white to symbols, with `rxing`'s port of the C++ zxing reader.
//!
//! The loop of `rxing::qrcode::cpp_port::QrReader` is written out here because that reader keeps three things to
//! itself that we need: the version, whether a symbol was seen but not decoded, and a bound on the triples tried.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rxing::common::{BitMatrix, DetectorRXingResult};
use rxing::qrcode::cpp_port::decoder::Decode;
use rxing::qrcode::cpp_port::detector::{FindFinderPatterns, GenerateFinderPatternSets, SampleQR};

use super::Found;
use crate::qr::symbol::Level;

/// Triples of finder patterns tried in one frame. 120 symbols side by side are all read within it; a frame full of
/// finder patterns is cut short (measured).
const MAX_TRIPLES: usize = 4000;

/// Reads every symbol it can. A panic inside `rxing` counts as nothing found.
pub(super) fn read(matrix: &BitMatrix) -> Found {
    catch_unwind(AssertUnwindSafe(|| read_unguarded(matrix))).unwrap_or_default()
}

fn read_unguarded(matrix: &BitMatrix) -> Found {
    let mut found = Found::default();
    let mut used = Vec::new();
    let mut patterns = FindFinderPatterns(matrix, true, 0);
    found.patterns = patterns.len();
    for triple in GenerateFinderPatternSets(&mut patterns).into_iter().take(MAX_TRIPLES) {
        let corners = [triple.bl, triple.tl, triple.tr];
        if corners.iter().any(|corner| used.contains(corner)) {
            continue;
        }
        let Ok(sampled) = SampleQR(matrix, &triple) else { continue };
        match Decode(sampled.getBits()) {
            Ok(decoded) if decoded.isValid() => {
                used.extend(corners);
                let [top_left, top_right, bottom_left, bottom_right] = sampled.getPoints() else { continue };
                let Some(level) = level(decoded.ecLevel()) else { continue };
                found.symbols.push(super::Decoded {
                    text: decoded.text(),
                    version: decoded.versionNumber() as u8,
                    level,
                    corners: [top_left, top_right, bottom_right, bottom_left].map(|point| [point.x, point.y]),
                });
            }
            _ => found.undecodable |= has_function_patterns(sampled.getBits()),
        }
    }
    found
}

fn level(name: &str) -> Option<Level> {
    [Level::L, Level::M, Level::Q, Level::H].into_iter().find(|level| level.name() == name)
}

/// Returns whether sampled modules show what every symbol shows: three finder patterns and two timing lines.
///
/// Three dark blobs in a row of trees pass the sampler; they do not pass this. At least 90 % of these modules have to
/// be right (a choice: the chance for random modules is below 1e-17 from version 1 on).
fn has_function_patterns(modules: &BitMatrix) -> bool {
    let size = modules.width();
    if size < 21 || modules.height() != size {
        return false;
    }
    let (mut right, mut total) = (0, 0);
    let mut expect = |x, y, dark| {
        total += 1;
        right += u32::from(modules.get(x, y) == dark);
    };
    for (left, top) in [(0, 0), (size - 7, 0), (0, size - 7)] {
        for y in 0..7u32 {
            for x in 0..7u32 {
                let ring = x.abs_diff(3).max(y.abs_diff(3));
                expect(left + x, top + y, ring != 2);
            }
        }
    }
    for along in 8..size - 8 {
        expect(along, 6, along % 2 == 0);
        expect(6, along, along % 2 == 0);
    }
    right * 10 >= total * 9
}
