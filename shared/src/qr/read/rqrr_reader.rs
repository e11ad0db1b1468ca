//! The last stage: `rqrr`, behind a guard.
//!
//! `rqrr` has its own finder and now and then sees what `rxing` misses. It also panics on some photographs, and its
//! search for the alignment pattern has no bound: one measured frame asked for 1.8 billion steps (`research/qr.md` §1).
//! So it gets pixels through [`Probed`], which counts every access and unwinds when a budget is spent.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use image::{GenericImage, GenericImageView, GrayImage, Luma};

use super::{Decoded, Found};
use crate::qr::symbol::Level;

/// Accesses allowed for each pixel of the frame. Ordinary frames take 5 to 8, symbol or not (measured at 720p), so this
/// bounds the stage at a few times its usual cost.
const PROBES_PER_PIXEL: u64 = 32;

/// Reads every symbol it can. A panic inside `rqrr`, or a spent budget, counts as nothing found.
pub(super) fn read(frame: &GrayImage) -> Found {
    let pixels = u64::from(frame.width()) * u64::from(frame.height());
    read_within(frame, pixels * PROBES_PER_PIXEL).unwrap_or_default()
}

/// Returns `None` when the budget was spent or `rqrr` panicked.
fn read_within(frame: &GrayImage, budget: u64) -> Option<Found> {
    let probed = Probed { pixels: frame.clone(), left: Rc::new(Cell::new(budget)) };
    catch_unwind(AssertUnwindSafe(|| read_unguarded(probed))).ok()
}

fn read_unguarded(probed: Probed) -> Found {
    let mut prepared = rqrr::PreparedImage::prepare(probed);
    let mut found = Found::default();
    for grid in prepared.detect_grids() {
        let Ok((meta, text)) = grid.decode() else { continue };
        let Ok(version) = u8::try_from(meta.version.0) else { continue };
        // Format information bits: ISO/IEC 18004 table 12.
        let level = match meta.ecc_level {
            0 => Level::M,
            1 => Level::L,
            2 => Level::H,
            _ => Level::Q,
        };
        let corners = grid.bounds.map(|point| [point.x as f32, point.y as f32]);
        found.symbols.push(Decoded { text, version, level, corners });
    }
    found
}

/// Pixels that count how often they are looked at.
struct Probed {
    pixels: GrayImage,
    /// Shared by clones: `rqrr` works on copies of the image.
    left: Rc<Cell<u64>>,
}

/// What is thrown when the budget is spent.
struct BudgetSpent;

impl Probed {
    fn spend(&self, probes: u64) {
        match self.left.get().checked_sub(probes) {
            Some(left) => self.left.set(left),
            // `resume_unwind` is a panic without the hook: nothing is printed.
            None => resume_unwind(Box::new(BudgetSpent)),
        }
    }
}

impl Clone for Probed {
    fn clone(&self) -> Self {
        // Copying sixteen bytes costs about as much as one access.
        self.spend(self.pixels.len() as u64 / 16);
        Probed { pixels: self.pixels.clone(), left: Rc::clone(&self.left) }
    }
}

impl GenericImageView for Probed {
    type Pixel = Luma<u8>;

    fn dimensions(&self) -> (u32, u32) {
        (self.pixels.width(), self.pixels.height())
    }

    fn width(&self) -> u32 {
        // The unbounded search asks for the width before every step, and outside the frame asks for nothing else.
        self.spend(1);
        self.pixels.width()
    }

    fn get_pixel(&self, x: u32, y: u32) -> Luma<u8> {
        self.spend(1);
        *self.pixels.get_pixel(x, y)
    }
}

impl GenericImage for Probed {
    fn get_pixel_mut(&mut self, x: u32, y: u32) -> &mut Luma<u8> {
        self.spend(1);
        self.pixels.get_pixel_mut(x, y)
    }

    fn put_pixel(&mut self, x: u32, y: u32, pixel: Luma<u8>) {
        self.spend(1);
        self.pixels.put_pixel(x, y, pixel);
    }

    fn blend_pixel(&mut self, x: u32, y: u32, pixel: Luma<u8>) {
        self.put_pixel(x, y, pixel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(width: u32, height: u32) -> GrayImage {
        let mut state = 1u32;
        GrayImage::from_fn(width, height, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Luma([(state >> 24) as u8])
        })
    }

    #[test]
    fn the_budget_is_enforced_to_the_probe() {
        let frame = noise(160, 120);
        let left = Rc::new(Cell::new(u64::MAX));
        read_unguarded(Probed { pixels: frame.clone(), left: Rc::clone(&left) });
        let needed = u64::MAX - left.get();

        assert!(read_within(&frame, needed).is_some());
        assert!(read_within(&frame, needed - 1).is_none());
        assert!(read_within(&frame, 0).is_none());
    }

    #[test]
    fn copies_and_sizes_spend_from_the_same_budget() {
        let left = Rc::new(Cell::new(1000));
        let original = Probed { pixels: noise(40, 40), left: Rc::clone(&left) };
        let copy = original.clone();
        assert_eq!(left.get(), 900);
        let _ = (original.width(), copy.width(), copy.get_pixel(3, 4));
        assert_eq!(left.get(), 897);
    }
}
