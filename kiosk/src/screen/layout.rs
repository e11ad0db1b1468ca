//! Where things are on the screen, for any size: a picture and words beside each other, or one above the other where the screen
//! is upright, and buttons along the lower edge.

use eframe::egui::{Pos2, Rect, Vec2, pos2, vec2};

/// The screen that sizes are given for.
const WIDTH: f32 = 1024.0;
const HEIGHT: f32 = 768.0;

/// How many buttons there are: the languages, and the size of the text.
pub const BUTTONS: usize = 5;

/// How wide each button is against the others.
const SHARES: [f32; BUTTONS] = [1.0, 1.0, 1.2, 0.95, 0.55];

/// How much of the screen the picture wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// As much as the words.
    Half,
    /// As much as there is: a code that a phone is to read.
    Most,
    /// Less: the words are larger.
    Less,
}

/// Where things are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layout {
    /// How much larger than on a screen of 1024 x 768.
    pub scale: f32,
    /// A square for the picture.
    pub picture: Rect,
    /// Room for the words.
    pub words: Rect,
    /// The buttons, and the scale of what is on them.
    pub buttons: [Rect; BUTTONS],
    /// How much larger than on a screen of 1024 x 768 what is on the buttons is.
    pub button_scale: f32,
}

impl Layout {
    /// Lays out a screen.
    pub fn new(screen: Rect, share: Share) -> Self {
        let upright = screen.height() > screen.width();
        let (width, height) = if upright { (HEIGHT, WIDTH) } else { (WIDTH, HEIGHT) };
        let scale = (screen.width() / width).min(screen.height() / height);
        let button_scale = scale.min(screen.width() / WIDTH);
        let margin = 32.0 * scale;
        let inner = screen.shrink(margin);
        let bar = 92.0 * button_scale;
        let rest = Rect::from_min_max(inner.min, pos2(inner.max.x, inner.max.y - bar - margin));
        let (picture, words) =
            if upright { stacked(rest, share, margin) } else { beside(rest, share, margin) };
        let bar = Rect::from_min_max(pos2(inner.min.x, inner.max.y - bar), inner.max);
        Self { scale, picture, words, buttons: buttons(bar, 16.0 * button_scale), button_scale }
    }
}

/// A picture at the left and words at the right.
fn beside(rest: Rect, share: Share, margin: f32) -> (Rect, Rect) {
    let most = match share {
        Share::Half => 0.46,
        Share::Most => 0.58,
        Share::Less => 0.3,
    };
    let side = rest.height().min(most * rest.width());
    let picture = Rect::from_center_size(pos2(rest.min.x + side / 2.0, rest.center().y), Vec2::splat(side));
    (picture, Rect::from_min_max(pos2(picture.max.x + margin, rest.min.y), rest.max))
}

/// A picture above words.
fn stacked(rest: Rect, share: Share, margin: f32) -> (Rect, Rect) {
    let most = match share {
        Share::Half => 0.58,
        Share::Most => 0.66,
        Share::Less => 0.4,
    };
    let side = rest.width().min(most * rest.height());
    let picture = Rect::from_min_size(pos2(rest.center().x - side / 2.0, rest.min.y), Vec2::splat(side));
    (picture, Rect::from_min_max(pos2(rest.min.x, picture.max.y + margin), rest.max))
}

fn buttons(bar: Rect, gap: f32) -> [Rect; BUTTONS] {
    let unit = (bar.width() - gap * (BUTTONS - 1) as f32) / SHARES.iter().sum::<f32>();
    let mut left: Pos2 = bar.min;
    SHARES.map(|share| {
        let button = Rect::from_min_size(left, vec2(share * unit, bar.height()));
        left.x = button.max.x + gap;
        button
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overlaps_and_nothing_is_cut_off() {
        for (width, height) in
            [(1024.0, 768.0), (1920.0, 1080.0), (1080.0, 1920.0), (1280.0, 800.0), (800.0, 480.0)]
        {
            let screen = Rect::from_min_size(Pos2::ZERO, vec2(width, height));
            for share in [Share::Half, Share::Most, Share::Less] {
                let layout = Layout::new(screen, share);
                let all: Vec<Rect> =
                    [layout.picture, layout.words].into_iter().chain(layout.buttons).collect();
                for (index, one) in all.iter().enumerate() {
                    assert!(screen.contains_rect(*one) && one.is_positive(), "{width} {share:?} {one:?}");
                    for other in &all[..index] {
                        assert!(!one.shrink(0.5).intersects(*other), "{width} {share:?} {one:?} {other:?}");
                    }
                }
                assert!((layout.picture.width() - layout.picture.height()).abs() < 0.5);
            }
        }
    }

    #[test]
    fn a_code_is_larger_than_a_picture_and_a_picture_than_one_beside_large_text() {
        for size in [vec2(1024.0, 768.0), vec2(1080.0, 1920.0)] {
            let screen = Rect::from_min_size(Pos2::ZERO, size);
            let side = |share| Layout::new(screen, share).picture.width();
            assert!(side(Share::Most) > side(Share::Half) && side(Share::Half) > side(Share::Less));
        }
    }
}
