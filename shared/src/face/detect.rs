//! Finding faces: YuNet, anchor-free, with five landmarks (Wu et al. 2023; `libfacedetection.train`).

use image::RgbImage;

use super::model::{Model, ModelError, Tensor};
use super::picture::{shrink_to, top_left};

/// Cell sizes of the detector's three scales, in input pixels.
const STRIDES: [usize; 3] = [8, 16, 32];
/// Overlap above which the weaker of two boxes goes (face research §1.2).
const MAX_OVERLAP: f32 = 0.3;

/// A detected face, in pixels of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
    /// How sure the detector is, 0 to 1.
    pub score: f32,
    /// Right eye, left eye, nose, right and left corner of the mouth: the subject's right is the picture's left.
    pub landmarks: [[f32; 2]; 5],
}

impl Face {
    /// Returns the distance between the eyes, in pixels (ISO/IEC 29794-5, inter-eye distance).
    pub fn eye_distance(&self) -> f32 {
        let [right, left, ..] = self.landmarks;
        (left[0] - right[0]).hypot(left[1] - right[1])
    }
}

/// Finds the faces in a picture, the surest first.
///
/// # Errors
/// A model that fails or is not YuNet.
pub(super) fn detect(model: &dyn Model, picture: &RgbImage, threshold: f32) -> Result<Vec<Face>, ModelError> {
    let [_, _, height, width] = model.input_shape();
    let (small, factor) = shrink_to(picture, width as u32, height as u32);
    let outputs = model.run(top_left(&small, width, height))?;
    let mut faces = decode(&outputs, width, height, threshold)?;
    faces.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Face> = Vec::new();
    for face in faces {
        if kept.iter().all(|other| overlap(&face, other) < MAX_OVERLAP) {
            kept.push(face);
        }
    }
    for face in &mut kept {
        for value in [&mut face.x, &mut face.y, &mut face.width, &mut face.height] {
            *value *= factor;
        }
        face.landmarks = face.landmarks.map(|point| point.map(|at| at * factor));
    }
    Ok(kept)
}

/// Turns the twelve maps (class, objectness, box, landmarks; three scales each) into boxes of the input.
fn decode(outputs: &[Tensor], width: usize, height: usize, threshold: f32) -> Result<Vec<Face>, ModelError> {
    let mut faces = Vec::new();
    for (scale, stride) in STRIDES.into_iter().enumerate() {
        let (columns, rows) = (width / stride, height / stride);
        let map = |kind: usize, each: usize| {
            let data = outputs.get(kind * STRIDES.len() + scale).map(|tensor| tensor.data.as_slice());
            data.filter(|data| data.len() == columns * rows * each).ok_or(ModelError::Output)
        };
        let (class, objectness, boxes, points) = (map(0, 1)?, map(1, 1)?, map(2, 4)?, map(3, 10)?);
        let stride = stride as f32;
        for cell in 0..columns * rows {
            let score = (class[cell].clamp(0.0, 1.0) * objectness[cell].clamp(0.0, 1.0)).sqrt();
            if score < threshold {
                continue;
            }
            let (column, row) = ((cell % columns) as f32, (cell / columns) as f32);
            let [dx, dy, dw, dh] = [0, 1, 2, 3].map(|i| boxes[cell * 4 + i]);
            let (box_width, box_height) = (dw.exp() * stride, dh.exp() * stride);
            let landmarks = [0, 1, 2, 3, 4].map(|i| {
                [
                    (column + points[cell * 10 + 2 * i]) * stride,
                    (row + points[cell * 10 + 2 * i + 1]) * stride,
                ]
            });
            faces.push(Face {
                x: (column + dx) * stride - box_width / 2.0,
                y: (row + dy) * stride - box_height / 2.0,
                width: box_width,
                height: box_height,
                score,
                landmarks,
            });
        }
    }
    Ok(faces)
}

/// Intersection over union.
fn overlap(a: &Face, b: &Face) -> f32 {
    let width = (a.x + a.width).min(b.x + b.width) - a.x.max(b.x);
    let height = (a.y + a.height).min(b.y + b.height) - a.y.max(b.y);
    let shared = width.max(0.0) * height.max(0.0);
    shared / (a.width * a.height + b.width * b.height - shared).max(f32::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct OneFace;

    impl Model for OneFace {
        fn input_shape(&self) -> [usize; 4] {
            [1, 3, 64, 64]
        }

        fn run(&self, input: Tensor) -> Result<Vec<Tensor>, ModelError> {
            assert_eq!(input.shape, [1, 3, 64, 64]);
            let maps = [1, 1, 4, 10]
                .into_iter()
                .flat_map(|each| STRIDES.map(|stride| (64 / stride) * (64 / stride) * each));
            let mut outputs: Vec<Tensor> =
                maps.map(|length| Tensor { shape: vec![length], data: vec![0.0; length] }).collect();
            // Scale 16: cell (2, 1) and its neighbour see the same face.
            for cell in [6, 7] {
                outputs[1].data[cell] = 0.81;
                outputs[4].data[cell] = if cell == 6 { 1.0 } else { 0.8 };
                outputs[7].data[cell * 4] = if cell == 6 { 0.5 } else { -0.5 };
                outputs[7].data[cell * 4 + 2] = 2f32.ln();
            }
            outputs[10].data[60..62].copy_from_slice(&[0.25, 0.5]);
            Ok(outputs)
        }
    }

    #[test]
    fn maps_become_one_box_in_picture_pixels() {
        let faces = detect(&OneFace, &RgbImage::new(128, 96), 0.5).unwrap();
        let [face] = faces.as_slice() else { panic!("{} faces", faces.len()) };
        assert!((face.score - 0.9).abs() < 1e-6);
        // Cell (2, 1) of 16 pixels, centre (40, 16), 32 wide and 16 high; the picture is twice the input.
        assert_eq!([face.x, face.y, face.width, face.height], [48.0, 16.0, 64.0, 32.0]);
        assert_eq!(face.landmarks[0], [72.0, 48.0]);
    }

    #[test]
    fn maps_of_another_network_are_an_error() {
        assert_eq!(decode(&[], 64, 64, 0.5), Err(ModelError::Output));
    }
}
