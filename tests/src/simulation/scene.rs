//! What is around the phone: a wall or a desk, things on it, and the hand.

use super::optics::project_paper;
use super::plane::Plane;
use super::pose::{Lens, Pose, Projection};
use super::random::Random;
use super::texture::{BLACK, Texture, WHITE};

/// Draws a scene in room light. The same seed gives the same scene.
pub(super) fn draw(size: (u32, u32), room: f64, lens: Lens, seed: u64) -> Plane {
    let mut random = Random::new(&[seed, 1]);
    // The ground has no sharp edges, so a quarter of the pixels tell all.
    let coarse = ground((size.0 / 2, size.1 / 2), room, &mut random);
    let mut plane = Plane::new(size);
    for (y, row) in plane.light.chunks_exact_mut(size.0 as usize).enumerate() {
        for (x, light) in row.iter_mut().enumerate() {
            *light = coarse.between(x as f32 / 2.0 - 0.25, y as f32 / 2.0 - 0.25);
        }
    }
    for _ in 0..random.whole(1..6) {
        let sheet = sheet(&mut random);
        let scale = f64::from(size.0) * random.between(0.2, 0.55) / sheet.width as f64;
        let pose = Pose {
            tilt: [random.between(-0.5, 0.5), random.between(-0.5, 0.5)],
            roll: random.between(-3.1, 3.1),
            scale,
            center: [f64::from(size.0) * random.unit(), f64::from(size.1) * random.unit()],
        };
        let anchor = [sheet.width as f64 / 2.0, sheet.height as f64 / 2.0];
        let projection = Projection::new(&pose, anchor, lens, size);
        project_paper(&mut plane, &sheet, &projection, room * random.between(0.5, 1.0));
    }
    // Farther away than the phone, so a little out of focus.
    plane.gaussian(f64::from(size.0) / 640.0 * random.between(0.4, 2.5));
    plane
}

/// A slope of light with the grain of wood, plaster or cloth, and a few soft shapes.
fn ground((width, height): (u32, u32), room: f64, random: &mut Random) -> Plane {
    let base = room * random.between(0.08, 0.55);
    let slope = [random.between(-0.6, 0.6), random.between(-0.6, 0.6)];
    let stretch = random.pick(&[1.0, 1.0, 8.0, 20.0]);
    let grain = random.between(0.03, 0.3);
    let cell = f64::from(width) / 640.0 * random.between(1.5, 12.0);
    let seed = random.next();
    let blobs: Vec<([f64; 2], f64, f64)> = (0..random.whole(2..7))
        .map(|_| {
            let at = [random.unit(), random.unit()];
            (at, random.between(0.05, 0.3), random.between(-0.6, 1.2))
        })
        .collect();
    let mut plane = Plane::new((width, height));
    for y in 0..height {
        let v = f64::from(y) / f64::from(height);
        let turned: Vec<_> = blobs.iter().filter(|(at, size, _)| (at[1] - v).abs() < *size).collect();
        for x in 0..width {
            let u = f64::from(x) / f64::from(width);
            let mut light = 1.0 + slope[0] * (u - 0.5) + slope[1] * (v - 0.5);
            light += grain * noise(f64::from(x) / (cell * stretch), f64::from(y) / cell, seed);
            for (at, size, lift) in &turned {
                let away = ((u - at[0]).hypot((v - at[1]) * 0.7) / size).min(1.0);
                light += lift * (1.0 - away * away) * 0.5;
            }
            plane.light[(y * width + x) as usize] = (base * light.max(0.05)) as f32;
        }
    }
    plane
}

/// Smooth noise in `[-1, 1]`: random values on a grid, blended between.
fn noise(x: f64, y: f64, seed: u64) -> f64 {
    let (left, top) = (x.floor(), y.floor());
    let ease = |t: f64| t * t * (3.0 - 2.0 * t);
    let (tx, ty) = (ease(x - left), ease(y - top));
    let at = |dx: i64, dy: i64| {
        let (x, y) = ((left as i64 + dx) as u64, (top as i64 + dy) as u64);
        let mixed = (x.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ y.wrapping_mul(0xc2b2_ae3d_27d4_eb4f) ^ seed)
            .wrapping_mul(0xff51_afd7_ed55_8ccd);
        ((mixed ^ (mixed >> 33)) & 0xffff) as f64 / 32768.0 - 1.0
    };
    let above = at(0, 0) * (1.0 - tx) + at(1, 0) * tx;
    let below = at(0, 1) * (1.0 - tx) + at(1, 1) * tx;
    above * (1.0 - ty) + below * ty
}

/// One of the flat things that lie about.
pub(super) fn sheet(random: &mut Random) -> Texture {
    let paper = random.pick(&[WHITE, 235, 210]);
    match random.whole(0..7) {
        0 | 1 => {
            let mut sheet = Texture::filled(420, 594, paper);
            sheet.line_of_text([40.0, 50.0], 250.0, 20.0, 30, random);
            sheet.paragraph([40.0, 100.0], [340.0, 460.0], 9.0, 45, random);
            sheet
        }
        2 => {
            let mut label = Texture::filled(400, 220, paper);
            label.bars([30.0, 30.0], [340.0, 120.0], 3.0, random);
            label.line_of_text([90.0, 165.0], 220.0, 20.0, 20, random);
            label
        }
        3 => {
            let (cells, side) = (random.whole(5..10) as usize, 48.0);
            let mut board = Texture::filled(cells * 48, cells * 48, paper);
            for cell in (0..cells * cells).filter(|cell| (cell / cells + cell % cells).is_multiple_of(2)) {
                let at = [(cell % cells) as f64 * side, (cell / cells) as f64 * side];
                board.rectangle(at, [side, side], 20);
            }
            board
        }
        4 => {
            let mut keys = Texture::filled(600, 220, random.pick(&[40, 90, 190]));
            for key in 0..60 {
                let at = [f64::from(key % 15) * 40.0 + 3.0, f64::from(key / 15) * 52.0 + 6.0];
                keys.rounded(at, [34.0, 42.0], 5.0, 25);
                keys.line_of_text([at[0] + 8.0, at[1] + 10.0], 14.0, 14.0, 210, random);
            }
            keys
        }
        5 => portrait(random),
        _ => {
            let mut card = Texture::filled(430, 270, random.pick(&[60, 120, 225]));
            card.rounded([30.0, 80.0], [60.0, 45.0], 8.0, 180);
            card.line_of_text([30.0, 150.0], 360.0, 26.0, 245, random);
            card.line_of_text([30.0, 220.0], 180.0, 16.0, 245, random);
            card
        }
    }
}

/// A head with hair, eyes and a mouth.
pub(super) fn portrait(random: &mut Random) -> Texture {
    let mut picture = Texture::filled(300, 380, random.pick(&[90, 150, 200]));
    let (skin, hair) = (random.pick(&[110, 150, 190]), random.pick(&[BLACK, 40, 70]));
    picture.ellipse([150.0, 400.0], [140.0, 110.0], random.pick(&[30, 90, 220]));
    picture.ellipse([150.0, 170.0], [95.0, 115.0], hair);
    picture.ellipse([150.0, 190.0], [78.0, 105.0], skin);
    for x in [118.0, 182.0] {
        picture.ellipse([x, 175.0], [15.0, 8.0], 235);
        picture.ellipse([x, 175.0], [7.0, 8.0], 25);
        picture.rectangle([x - 17.0, 155.0], [34.0, 5.0], hair);
    }
    picture.stroke([150.0, 180.0], [146.0, 220.0], 6.0, skin - 40, 0.6);
    picture.ellipse([150.0, 250.0], [28.0, 8.0], skin - 60);
    picture
}

/// Lays the fingers that hold a phone over its edges, as seen by `projection`.
pub(super) fn fingers(
    plane: &mut Plane,
    texture: &Texture,
    projection: &Projection,
    room: f64,
    random: &mut Random,
) {
    let (width, height) = (texture.width as f64, texture.height as f64);
    let skin = room * random.between(0.12, 0.45);
    let thumb_side = random.chance(0.5);
    let thick = width * random.between(0.09, 0.12);
    let thumb = (thumb_side, height * random.between(0.92, 0.98), thick * 1.2, width * 0.1);
    let rest =
        (0..4).map(|finger| (!thumb_side, height * (0.45 + 0.115 * f64::from(finger)), thick, width * 0.012));
    for (right, at, thick, over) in std::iter::once(thumb).chain(rest) {
        let tip = if right { [width - over, at - thick] } else { [over, at - thick] };
        let root = if right { [width * 1.5, at + thick * 2.0] } else { [-width * 0.5, at + thick * 2.0] };
        let (from, to) = (projection.to_frame(tip), projection.to_frame(root));
        let across = projection.to_frame([tip[0], tip[1] + thick]);
        let radius = (across[0] - from[0]).hypot(across[1] - from[1]) / 2.0;
        capsule(plane, from, to, radius, skin);
    }
}

/// A rounded stroke, shaded like a rod.
fn capsule(plane: &mut Plane, from: [f64; 2], to: [f64; 2], radius: f64, light: f64) {
    let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
    let length = (dx * dx + dy * dy).max(1.0);
    let range = |axis: usize, limit: usize| {
        let least = from[axis].min(to[axis]) - radius;
        let most = from[axis].max(to[axis]) + radius + 1.0;
        least.clamp(0.0, limit as f64) as usize..most.clamp(0.0, limit as f64) as usize
    };
    let columns = range(0, plane.width);
    for y in range(1, plane.height) {
        for x in columns.clone() {
            let (px, py) = (x as f64 + 0.5 - from[0], y as f64 + 0.5 - from[1]);
            let along = ((px * dx + py * dy) / length).clamp(0.0, 1.0);
            let away = (px - along * dx).hypot(py - along * dy) / radius;
            let covered = ((1.0 - away) * radius).clamp(0.0, 1.0) as f32;
            if covered > 0.0 {
                let shade = (light * (1.0 - 0.6 * away * away)) as f32;
                let behind = &mut plane.light[y * plane.width + x];
                *behind = *behind * (1.0 - covered) + shade * covered;
            }
        }
    }
}
