//! Flat things as pixels of their own: a phone's face, a sheet of paper.

use super::random::Random;

/// Nothing is here: what lies behind shows.
pub(super) const TRANSPARENT: u8 = 0;
/// The darkest value that covers what lies behind.
pub(super) const BLACK: u8 = 1;
/// The lightest value.
pub(super) const WHITE: u8 = 255;

/// A flat thing, gamma coded like any drawing; [`TRANSPARENT`] where it has no body.
pub(super) struct Texture {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) pixels: Vec<u8>,
}

impl Texture {
    pub(super) fn filled(width: usize, height: usize, grey: u8) -> Self {
        Self { width, height, pixels: vec![grey; width * height] }
    }

    /// Fills a rectangle, cut at the edges.
    pub(super) fn rectangle(&mut self, [left, top]: [f64; 2], [width, height]: [f64; 2], grey: u8) {
        self.rounded([left, top], [width, height], 0.0, grey);
    }

    /// Fills a rectangle with round corners, cut at the edges.
    pub(super) fn rounded(&mut self, [left, top]: [f64; 2], size: [f64; 2], radius: f64, grey: u8) {
        let first = top.round().max(0.0) as usize;
        let last = (top + size[1]).round().clamp(0.0, self.height as f64) as usize;
        for y in first..last {
            let into = (y as f64 + 0.5 - top).min(top + size[1] - y as f64 - 0.5);
            let inset = if into < radius {
                radius - (radius * radius - (radius - into).powi(2)).max(0.0).sqrt()
            } else {
                0.0
            };
            let from = (left + inset).round().max(0.0) as usize;
            let to = (left + size[0] - inset).round().clamp(0.0, self.width as f64) as usize;
            if from < to {
                self.pixels[y * self.width + from..y * self.width + to].fill(grey);
            }
        }
    }

    /// Fills an ellipse, cut at the edges.
    pub(super) fn ellipse(&mut self, center: [f64; 2], radii: [f64; 2], grey: u8) {
        let rows = (center[1] - radii[1]).max(0.0) as usize
            ..(center[1] + radii[1]).clamp(0.0, self.height as f64) as usize;
        for y in rows {
            let across = ((y as f64 + 0.5 - center[1]) / radii[1]).powi(2);
            let half = radii[0] * (1.0 - across).max(0.0).sqrt();
            self.rectangle([center[0] - half, y as f64], [2.0 * half, 1.0], grey);
        }
    }

    /// Draws what looks like a line of print: words of small upright and level strokes.
    pub(super) fn line_of_text(
        &mut self,
        at: [f64; 2],
        length: f64,
        height: f64,
        grey: u8,
        random: &mut Random,
    ) {
        let (end, stroke) = (at[0] + length, (height / 7.0).max(1.0));
        let mut left = at[0];
        let mut letters = random.whole(2..9);
        while left + height * 0.6 < end {
            if letters == 0 {
                letters = random.whole(2..9);
                left += height * 0.4;
                continue;
            }
            letters -= 1;
            let width = height * random.between(0.3, 0.6);
            for _ in 0..2 {
                let x = left + width * random.pick(&[0.0, 0.5, 0.8]);
                self.rectangle([x, at[1]], [stroke, height], grey);
                let y = at[1] + height * random.pick(&[0.0, 0.42, 0.85]);
                self.rectangle([left, y], [width, stroke], grey);
            }
            left += width + stroke * 1.5;
        }
    }

    /// Draws what looks like a paragraph.
    pub(super) fn paragraph(
        &mut self,
        at: [f64; 2],
        size: [f64; 2],
        height: f64,
        grey: u8,
        random: &mut Random,
    ) {
        let mut top = at[1];
        while top + height < at[1] + size[1] {
            let length = size[0] * if random.chance(0.2) { random.between(0.3, 0.8) } else { 1.0 };
            self.line_of_text([at[0], top], length, height, grey, random);
            top += height * 1.8;
        }
    }

    /// Draws the bars of a linear barcode.
    pub(super) fn bars(&mut self, at: [f64; 2], size: [f64; 2], narrow: f64, random: &mut Random) {
        let mut left = at[0];
        while left < at[0] + size[0] {
            let bar = narrow * random.whole(1..5) as f64;
            self.rectangle([left, at[1]], [bar.min(at[0] + size[0] - left), size[1]], BLACK);
            left += bar + narrow * random.whole(1..5) as f64;
        }
    }

    /// Draws a square of nested rings, as in the corner of a symbol.
    pub(super) fn finder_like(&mut self, [left, top]: [f64; 2], module: f64) {
        for (inset, grey) in [(0.0, BLACK), (1.0, WHITE), (2.0, BLACK)] {
            let side = (7.0 - 2.0 * inset) * module;
            self.rectangle([left + inset * module, top + inset * module], [side, side], grey);
        }
    }

    /// Draws a straight stroke of some width, mixed into what is there.
    pub(super) fn stroke(&mut self, from: [f64; 2], to: [f64; 2], width: f64, grey: u8, share: f64) {
        let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
        let length = dx.hypot(dy).max(1e-6);
        let columns = (from[0].min(to[0]) - width).max(0.0) as usize
            ..(from[0].max(to[0]) + width + 1.0).clamp(0.0, self.width as f64) as usize;
        let rows = (from[1].min(to[1]) - width).max(0.0) as usize
            ..(from[1].max(to[1]) + width + 1.0).clamp(0.0, self.height as f64) as usize;
        for y in rows {
            for x in columns.clone() {
                let (px, py) = (x as f64 + 0.5 - from[0], y as f64 + 0.5 - from[1]);
                let along = ((px * dx + py * dy) / length / length).clamp(0.0, 1.0);
                let away = (px - along * dx).hypot(py - along * dy);
                let covered = (width / 2.0 + 0.5 - away).clamp(0.0, 1.0) * share;
                let pixel = &mut self.pixels[y * self.width + x];
                if *pixel != TRANSPARENT && covered > 0.0 {
                    let mixed = f64::from(*pixel) * (1.0 - covered) + f64::from(grey) * covered;
                    *pixel = (mixed.round() as u8).max(BLACK);
                }
            }
        }
    }
}
