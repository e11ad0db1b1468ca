//! Symbol to picture: pixels, PNG, SVG and terminal text, each with its quiet zone.

use std::fmt::Write;
use std::num::NonZeroU8;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, GrayImage, ImageEncoder, Luma};

use super::symbol::Symbol;

/// Light modules around the symbol on every side (ISO/IEC 18004 §9.1). With none, no reader reads (`research/qr.md` §6).
const QUIET_ZONE: u32 = 4;

/// Selects black on white from the fixed part of the 256-color palette, which themes leave alone.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
const RESET: &str = "\x1b[0m";

impl Symbol {
    /// Draws the symbol black on white, each module a square of whole pixels, in a quiet zone of four modules.
    ///
    /// The side is `(size + 8) * pixels_per_module` pixels.
    pub fn to_luma(&self, pixels_per_module: NonZeroU8) -> GrayImage {
        let scale = u32::from(pixels_per_module.get());
        let side = (self.size() + 2 * QUIET_ZONE) * scale;
        GrayImage::from_fn(side, side, |x, y| {
            Luma([if self.is_dark_drawn(x / scale, y / scale) { 0 } else { 255 }])
        })
    }

    /// Draws the symbol as an 8-bit grey PNG. The same symbol and scale always give the same bytes.
    pub fn to_png(&self, pixels_per_module: NonZeroU8) -> Vec<u8> {
        let picture = self.to_luma(pixels_per_module);
        let mut png = Vec::new();
        PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::NoFilter)
            .write_image(picture.as_raw(), picture.width(), picture.height(), ExtendedColorType::L8)
            .expect("a picture that is not empty, written to memory, encodes");
        png
    }

    /// Draws the symbol as an SVG of one path, with one unit per module and edges kept sharp.
    ///
    /// It has a `viewBox` and no size, so a page shows it as large as the place it is given. That place should be a
    /// whole number of device pixels per module.
    pub fn to_svg(&self) -> String {
        let side = self.size() + 2 * QUIET_ZONE;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
             <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\""
        );
        for y in 0..side {
            let mut x = 0;
            while x < side {
                let run = (x..side).take_while(|&x| self.is_dark_drawn(x, y)).count();
                if run > 0 {
                    let _ = write!(svg, "M{x} {y}h{run}v1h-{run}z");
                }
                x += run as u32 + 1;
            }
        }
        svg.push_str("\"/></svg>\n");
        svg
    }

    /// Draws the symbol as text, two modules to a character, one above the other.
    ///
    /// A block character paints in the terminal's text color, which is usually light: on its own it would draw the
    /// symbol inverted, and most readers refuse those. So each line first selects black on white (an ANSI escape) and
    /// leaves light modules as background, which is right on dark and light terminals alike.
    pub fn to_terminal(&self) -> String {
        let side = self.size() + 2 * QUIET_ZONE;
        let mut text = String::new();
        for y in (0..side).step_by(2) {
            text.push_str(BLACK_ON_WHITE);
            for x in 0..side {
                text.push(match (self.is_dark_drawn(x, y), self.is_dark_drawn(x, y + 1)) {
                    (false, false) => ' ',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (true, true) => '█',
                });
            }
            text.push_str(RESET);
            text.push('\n');
        }
        text
    }

    /// As [`is_dark`](Self::is_dark), counted from the corner of the quiet zone.
    fn is_dark_drawn(&self, x: u32, y: u32) -> bool {
        x >= QUIET_ZONE && y >= QUIET_ZONE && self.is_dark(x - QUIET_ZONE, y - QUIET_ZONE)
    }
}

#[cfg(test)]
mod tests {
    use super::super::encode::encode;
    use super::*;

    fn scale(pixels: u8) -> NonZeroU8 {
        NonZeroU8::new(pixels).unwrap()
    }

    fn symbol() -> Symbol {
        encode("6BFOXN%TS3DH0YOJ58S S-W5HDC *M0II5XHC9B5G2+$N IOP-IA%NFQGRJPC%OQHIZC4").unwrap()
    }

    #[test]
    fn pixels_are_whole_modules_in_a_quiet_zone() {
        let symbol = symbol();
        let picture = symbol.to_luma(scale(3));
        assert_eq!(picture.dimensions(), ((symbol.size() + 8) * 3, (symbol.size() + 8) * 3));
        for (x, y, pixel) in picture.enumerate_pixels() {
            let dark = x >= 12 && y >= 12 && symbol.is_dark((x - 12) / 3, (y - 12) / 3);
            assert_eq!(pixel.0[0], if dark { 0 } else { 255 });
        }
    }

    #[test]
    fn png_holds_the_same_pixels_and_is_reproducible() {
        let symbol = symbol();
        let png = symbol.to_png(scale(2));
        assert_eq!(png, symbol.to_png(scale(2)));
        assert_eq!(image::load_from_memory(&png).unwrap().to_luma8(), symbol.to_luma(scale(2)));
    }

    #[test]
    fn svg_path_covers_exactly_the_dark_modules() {
        let symbol = symbol();
        let svg = symbol.to_svg();
        let side = symbol.size() + 8;
        assert!(svg.contains(&format!("viewBox=\"0 0 {side} {side}\"")));
        assert!(svg.contains("shape-rendering=\"crispEdges\""));

        let path = svg.rsplit("d=\"").next().unwrap().split('"').next().unwrap();
        let mut dark = vec![false; (side * side) as usize];
        for run in path.split('z').filter(|run| !run.is_empty()) {
            // Parsing as integers is the point: no coordinate is fractional.
            let (at, length) = run.strip_prefix('M').unwrap().split_once('h').unwrap();
            let (x, y) = at.split_once(' ').unwrap();
            let (x, y): (u32, u32) = (x.parse().unwrap(), y.parse().unwrap());
            let length: u32 = length.split('v').next().unwrap().parse().unwrap();
            for x in x..x + length {
                dark[(y * side + x) as usize] = true;
            }
        }
        for (index, &dark) in dark.iter().enumerate() {
            let (x, y) = (index as u32 % side, index as u32 / side);
            assert_eq!(dark, symbol.is_dark_drawn(x, y), "module {x},{y}");
        }
    }

    #[test]
    fn terminal_text_spells_the_symbol() {
        let symbol = symbol();
        let side = symbol.size() + 8;
        let text = symbol.to_terminal();
        assert_eq!(text.lines().count() as u32, side.div_ceil(2));
        for (row, line) in text.lines().enumerate() {
            let blocks = line.strip_prefix(BLACK_ON_WHITE).unwrap().strip_suffix(RESET).unwrap();
            assert_eq!(blocks.chars().count() as u32, side);
            for (x, block) in blocks.chars().enumerate() {
                let (x, y) = (x as u32, 2 * row as u32);
                assert_eq!("▀█".contains(block), symbol.is_dark_drawn(x, y));
                assert_eq!("▄█".contains(block), symbol.is_dark_drawn(x, y + 1));
            }
        }
    }
}
