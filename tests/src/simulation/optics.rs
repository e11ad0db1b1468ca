//! From flat things in front of the lens to light on the sensor.

use super::light::{Light, linear};
use super::phone::Phone;
use super::plane::Plane;
use super::pose::Projection;
use super::texture::{TRANSPARENT, Texture};

/// What lens and hand do to the light.
#[derive(Debug, Clone, Copy)]
pub(super) struct Optics {
    /// Spread of a point in focus (Gaussian, pixels).
    pub(super) softness: f64,
    /// Radius of the disc that a point out of focus becomes, pixels.
    pub(super) defocus: f64,
    /// Path of the picture during the exposure, pixels.
    pub(super) motion: [f64; 2],
    /// Side of the light-sensitive part of a sensor pixel, `(0, 1]`.
    pub(super) aperture: f64,
}

impl Optics {
    pub(super) fn blur(&self, plane: &mut Plane) {
        plane.disc(self.defocus);
        plane.motion(self.motion);
        plane.gaussian(self.softness);
    }
}

/// Lays a sheet of paper into the picture.
pub(super) fn project_paper(plane: &mut Plane, texture: &Texture, projection: &Projection, room: f64) {
    let tone = linear().map(|light| light * room as f32);
    project(
        plane,
        texture,
        projection,
        // Few: what lies about is out of focus.
        2,
        1.0,
        |at, _| tone[usize::from(texture.pixels[at])],
        |_, light| light,
    );
}

/// Lays a phone into the picture; `next` is what it shows after the change.
pub(super) fn project_phone(
    plane: &mut Plane,
    (phone, next): (&Phone, Option<&Phone>),
    projection: &Projection,
    light: &Light,
    optics: &Optics,
    code_side: f64,
) {
    let tone = linear().map(|value| value * light.screen as f32);
    let row_light: Vec<f32> = (0..plane.height)
        .map(|row| light.flicker.map_or(1.0, |flicker| flicker.at(row as f64) as f32))
        .collect();
    let old: Vec<f32> = (0..plane.height)
        .map(|row| light.change.map_or(1.0, |change| change.old_share(row as f64) as f32))
        .collect();
    let middle = phone.code.map(|at| at + code_side / 2.0);
    let glass = |[u, v]: [f64; 2], [_, row]: [usize; 2], sent: f32| {
        let place = [(u - middle[0]) / code_side, (v - middle[1]) / code_side];
        let mirrored: f64 = light.reflections.iter().map(|reflection| reflection.at(place)).sum();
        sent * row_light[row] + (light.haze + mirrored) as f32
    };
    let (pixels, texture) = (&phone.texture.pixels, &phone.texture);
    let finish = |place: Place, sent: f32| glass(place.texture, place.frame, sent);
    if let Some(next) = next {
        let next = &next.texture.pixels;
        let shown = |at: usize, place: &Place| {
            let share = old[place.frame[1]];
            tone[usize::from(pixels[at])] * share + tone[usize::from(next[at])] * (1.0 - share)
        };
        project(plane, texture, projection, 3, optics.aperture, shown, finish);
    } else if light.grid > 0.0 {
        // Seven samples a pixel, because the grid's period can be that of the sensor.
        let (grid, aperture) = (light.grid as f32, optics.aperture);
        let shown =
            |at: usize, place: &Place| tone[usize::from(pixels[at])] * screen_pixel(place.sample, grid);
        project(plane, texture, projection, 7, aperture, shown, finish);
    } else {
        project(
            plane,
            texture,
            projection,
            3,
            optics.aperture,
            |at, _| tone[usize::from(pixels[at])],
            finish,
        );
    }
}

/// Returns how bright a point within a screen pixel is beside the pixel's mean: three stripes with a gap below.
fn screen_pixel([u, v]: [f32; 2], grid: f32) -> f32 {
    // Red, green, blue as luma weighs them, each a third of the width, lit over 85 % of the height.
    let stripe = [0.9, 1.77, 0.33][((u - u.floor()) * 3.0) as usize % 3];
    let lit = if v - v.floor() < 0.85 { 1.0 / 0.85 } else { 0.0 };
    1.0 + grid * (stripe * lit - 1.0)
}

/// Where a pixel and the sample within it are.
#[derive(Clone, Copy)]
struct Place {
    frame: [usize; 2],
    texture: [f64; 2],
    sample: [f32; 2],
}

/// Covers the picture with a texture: every pixel is the mean of `samples` by `samples` points in it.
///
/// `shown` gives the light of a texture pixel, `finish` what becomes of a whole pixel's mean.
fn project(
    plane: &mut Plane,
    texture: &Texture,
    projection: &Projection,
    samples: usize,
    aperture: f64,
    shown: impl Fn(usize, &Place) -> f32,
    finish: impl Fn(Place, f32) -> f32,
) {
    let (width, height) = (texture.width as f64, texture.height as f64);
    let edge = (0..=20).flat_map(|step| {
        let part = f64::from(step) / 20.0;
        [[part * width, 0.0], [part * width, height], [0.0, part * height], [width, part * height]]
    });
    let edge: Vec<[f64; 2]> = edge.map(|point| projection.to_frame(point)).collect();
    let range = |axis: usize, limit: usize| {
        let least = edge.iter().map(|point| point[axis]).fold(f64::MAX, f64::min) - 1.0;
        let most = edge.iter().map(|point| point[axis]).fold(f64::MIN, f64::max) + 2.0;
        least.clamp(0.0, limit as f64) as usize..most.clamp(0.0, limit as f64) as usize
    };
    let (columns, rows) = (range(0, plane.width), range(1, plane.height));
    let offsets: Vec<f64> =
        (0..samples).map(|sample| ((sample as f64 + 0.5) / samples as f64 - 0.5) * aperture).collect();
    // Where the centers of one row and of the next lie; the differences are the sides of each pixel.
    let row_at = |y: usize| -> Vec<[f64; 2]> {
        let places = columns.start..columns.end + 1;
        places.map(|x| projection.to_texture(x as f64 + 0.5, y as f64 + 0.5)).collect()
    };
    let mut below = row_at(rows.start);
    for y in rows {
        let row = std::mem::replace(&mut below, row_at(y + 1));
        for x in columns.clone() {
            let column = x - columns.start;
            let at = row[column];
            if at[0] < -4.0 || at[1] < -4.0 || at[0] > width + 4.0 || at[1] > height + 4.0 {
                continue;
            }
            let right = [row[column + 1][0] - at[0], row[column + 1][1] - at[1]];
            let down = [below[column][0] - at[0], below[column][1] - at[1]];
            let mut place = Place { frame: [x, y], texture: at, sample: [0.0; 2] };
            let (mut sum, mut covered) = (0.0f32, 0u32);
            for dy in &offsets {
                for dx in &offsets {
                    let u = at[0] + right[0] * dx + down[0] * dy;
                    let v = at[1] + right[1] * dx + down[1] * dy;
                    if u < 0.0 || v < 0.0 || u >= width || v >= height {
                        continue;
                    }
                    let index = v as usize * texture.width + u as usize;
                    if texture.pixels[index] != TRANSPARENT {
                        place.sample = [u as f32, v as f32];
                        sum += shown(index, &place);
                        covered += 1;
                    }
                }
            }
            if covered > 0 {
                let share = covered as f32 / (samples * samples) as f32;
                let behind = &mut plane.light[y * plane.width + x];
                *behind = *behind * (1.0 - share) + finish(place, sum / covered as f32) * share;
            }
        }
    }
}
