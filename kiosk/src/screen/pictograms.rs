//! What to do next, as pictures without words.

use super::pen::{At, Pen};
use crate::ui::Guide;

/// The oval that a face belongs into.
pub const OVAL: (At, At) = ((0.5, 0.5), (0.29, 0.39));

/// A phone that is held up to a camera.
pub fn phone(pen: &Pen<'_>) {
    // The camera.
    pen.block((0.26, 0.02), (0.74, 0.24), 0.05);
    pen.inverted().dot((0.5, 0.13), 0.085);
    pen.dot((0.5, 0.13), 0.05);
    pen.inverted().dot((0.66, 0.075), 0.016);
    pen.arrow((0.5, 0.42), (0.5, 0.275), 0.04);
    // The phone, with a code.
    pen.block((0.3, 0.46), (0.7, 1.0), 0.06);
    pen.inverted().block((0.335, 0.51), (0.665, 0.94), 0.015);
    code(pen, (0.37, 0.56), 0.26);
}

/// A square that looks like a code.
fn code(pen: &Pen<'_>, corner: At, side: f32) {
    const ROWS: [&str; 11] = [
        "### # # ###",
        "# # ##  # #",
        "### # # ###",
        "      #    ",
        "# ## ## # #",
        " #  #  ##  ",
        "## # ## # #",
        "   #  # #  ",
        "### # ## ##",
        "# #  #  #  ",
        "### # ## # ",
    ];
    let module = side / ROWS.len() as f32;
    for (y, row) in ROWS.iter().enumerate() {
        for (x, _) in row.bytes().enumerate().filter(|(_, byte)| *byte == b'#') {
            let from = (corner.0 + module * x as f32, corner.1 + module * y as f32);
            pen.block(from, (from.0 + module, from.1 + module), 0.0);
        }
    }
}

/// An hourglass.
pub fn wait(pen: &Pen<'_>) {
    pen.line(&[(0.26, 0.12), (0.74, 0.12)], 0.07);
    pen.line(&[(0.26, 0.88), (0.74, 0.88)], 0.07);
    pen.line(&[(0.31, 0.14), (0.31, 0.27), (0.46, 0.5), (0.31, 0.73), (0.31, 0.86)], 0.045);
    pen.line(&[(0.69, 0.14), (0.69, 0.27), (0.54, 0.5), (0.69, 0.73), (0.69, 0.86)], 0.045);
    pen.polygon(&[(0.38, 0.3), (0.62, 0.3), (0.5, 0.48)]);
    pen.polygon(&[(0.35, 0.84), (0.38, 0.74), (0.5, 0.66), (0.62, 0.74), (0.65, 0.84)]);
}

/// A check mark in a circle.
pub fn yes(pen: &Pen<'_>) {
    pen.dot((0.5, 0.5), 0.46);
    pen.inverted().line(&[(0.27, 0.52), (0.44, 0.69), (0.74, 0.34)], 0.1);
}

/// A cross in an octagon.
pub fn no(pen: &Pen<'_>) {
    let (near, far) = (0.31, 0.96);
    let corner = |x: f32, y: f32| (x, y);
    pen.polygon(&[
        corner(near, 1.0 - far),
        corner(1.0 - near, 1.0 - far),
        corner(far, near),
        corner(far, 1.0 - near),
        corner(1.0 - near, far),
        corner(near, far),
        corner(1.0 - far, 1.0 - near),
        corner(1.0 - far, near),
    ]);
    pen.inverted().line(&[(0.33, 0.33), (0.67, 0.67)], 0.1);
    pen.inverted().line(&[(0.67, 0.33), (0.33, 0.67)], 0.1);
}

/// A raised hand in a square.
pub fn hand(pen: &Pen<'_>) {
    pen.block((0.04, 0.04), (0.96, 0.96), 0.14);
    let hand = pen.inverted();
    for (x, top) in [(0.335, 0.29), (0.445, 0.2), (0.555, 0.22), (0.665, 0.32)] {
        hand.line(&[(x, 0.6), (x, top)], 0.088);
    }
    hand.line(&[(0.36, 0.7), (0.235, 0.52)], 0.088);
    hand.block((0.291, 0.5), (0.709, 0.72), 0.0);
    hand.polygon(&[(0.291, 0.7), (0.709, 0.7), (0.66, 0.82), (0.6, 0.86), (0.42, 0.86), (0.35, 0.8)]);
}

/// Somebody who walks through an open gate.
pub fn gate_open(pen: &Pen<'_>) {
    post(pen);
    pen.line(&[(0.16, 0.4), (0.42, 0.06)], 0.07);
    walker(pen, 0.64);
}

/// A gate that is closed.
pub fn gate_closed(pen: &Pen<'_>) {
    post(pen);
    arm(pen);
}

/// A gate to keep off.
pub fn gate_alarm(pen: &Pen<'_>) {
    post(pen);
    arm(pen);
    pen.polygon(&[(0.6, 0.5), (0.86, 0.95), (0.34, 0.95)]);
    pen.inverted().line(&[(0.6, 0.66), (0.6, 0.78)], 0.05);
    pen.inverted().dot((0.6, 0.87), 0.03);
}

fn post(pen: &Pen<'_>) {
    pen.block((0.07, 0.34), (0.25, 0.95), 0.03);
}

fn arm(pen: &Pen<'_>) {
    pen.block((0.1, 0.34), (0.97, 0.46), 0.03);
    for x in [0.34, 0.54, 0.74] {
        pen.inverted().polygon(&[(x, 0.46), (x + 0.08, 0.34), (x + 0.16, 0.34), (x + 0.08, 0.46)]);
    }
}

fn walker(pen: &Pen<'_>, x: f32) {
    pen.dot((x + 0.02, 0.22), 0.075);
    pen.line(&[(x, 0.38), (x - 0.02, 0.62)], 0.11);
    pen.line(&[(x - 0.01, 0.64), (x + 0.09, 0.76), (x + 0.13, 0.93)], 0.07);
    pen.line(&[(x - 0.03, 0.64), (x - 0.07, 0.78), (x - 0.17, 0.92)], 0.07);
    pen.line(&[(x + 0.03, 0.37), (x + 0.13, 0.52), (x + 0.22, 0.52)], 0.05);
    pen.line(&[(x - 0.04, 0.37), (x - 0.12, 0.5), (x - 0.16, 0.62)], 0.05);
}

/// No entry.
pub fn closed(pen: &Pen<'_>) {
    pen.dot((0.5, 0.5), 0.46);
    pen.inverted().block((0.2, 0.43), (0.8, 0.57), 0.02);
}

/// A head and shoulders, for as long as the camera shows none.
pub fn head(pen: &Pen<'_>, center: f32, size: f32) {
    pen.oval((center, 0.5 - 0.1 * size), (0.17 * size, 0.22 * size));
    pen.oval((center, 0.5 + 0.44 * size), (0.36 * size, 0.25 * size));
}

/// What would help, over what the camera sees.
pub fn guide(pen: &Pen<'_>, guide: Guide) {
    let badge = |draw: fn(&Pen<'_>)| {
        let badge = pen.within((0.85, 0.15), 0.28);
        badge.inverted().dot((0.5, 0.5), 0.54);
        badge.dot((0.5, 0.5), 0.5);
        draw(&badge.inverted());
    };
    match guide {
        Guide::Look => {}
        Guide::Come => badge(|pen| pen.within((0.5, 0.46), 0.8).arrow((0.5, 0.98), (0.5, 0.1), 0.2)),
        Guide::Alone => badge(|pen| {
            pen.line(&[(0.36, 0.36), (0.52, 0.24), (0.52, 0.76)], 0.12);
        }),
        Guide::Closer => {
            for (x, y) in [(-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0), (1.0, 1.0)] {
                let from = (0.5 + 0.27 * x, 0.5 + 0.3 * y);
                pen.arrow(from, (0.5 + 0.44 * x, 0.5 + 0.44 * y), 0.05);
            }
        }
        Guide::Straight => badge(|pen| {
            pen.ring((0.5, 0.5), 0.28, 0.08);
            pen.dot((0.5, 0.5), 0.11);
        }),
        Guide::Still => badge(|pen| {
            pen.block((0.32, 0.26), (0.44, 0.74), 0.02);
            pen.block((0.56, 0.26), (0.68, 0.74), 0.02);
        }),
        Guide::Light => badge(sun),
        Guide::Shade => badge(|pen| {
            sun(pen);
            pen.line(&[(0.2, 0.2), (0.8, 0.8)], 0.1);
        }),
        Guide::Uncover => badge(|pen| {
            pen.dot((0.33, 0.46), 0.14);
            pen.dot((0.67, 0.46), 0.14);
            pen.line(&[(0.2, 0.42), (0.8, 0.42)], 0.06);
            pen.line(&[(0.24, 0.76), (0.76, 0.2)], 0.08);
        }),
        Guide::Left => pen.arrow((0.42, 0.5), (0.03, 0.5), 0.1),
        Guide::Right => pen.arrow((0.58, 0.5), (0.97, 0.5), 0.1),
    }
}

fn sun(pen: &Pen<'_>) {
    pen.dot((0.5, 0.5), 0.14);
    for step in 0..8 {
        let angle = std::f32::consts::TAU * step as f32 / 8.0;
        let ray = |radius: f32| (0.5 + radius * angle.cos(), 0.5 + radius * angle.sin());
        pen.line(&[ray(0.23), ray(0.33)], 0.06);
    }
}
