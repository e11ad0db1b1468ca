//! Where a flat thing is in front of the camera, and the lens between.

/// Focal length over the width of the frame: a field of view of 62 degrees across, common for built-in cameras.
pub(super) const FOCAL: f64 = 0.83;

/// How a flat thing is held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pose {
    /// Turn about the horizontal and about the vertical axis, radians.
    pub(super) tilt: [f64; 2],
    /// Turn about the optical axis, radians.
    pub(super) roll: f64,
    /// Frame pixels for one texture pixel, at the anchor and seen straight on.
    pub(super) scale: f64,
    /// Where the anchor appears before the lens bends the picture, in frame pixels.
    pub(super) center: [f64; 2],
}

/// What the lens and the shutter do to straight lines.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lens {
    /// How much farther out a point at the corner of the frame belongs, as a share: above 0 barrel, below 0 pincushion.
    pub(super) distortion: f64,
    /// Pixels that the picture moves to the right while the rows are read out, top to bottom.
    pub(super) skew: f64,
}

/// The way from a texture to the frame and back.
#[derive(Debug, Clone)]
pub(super) struct Projection {
    to_frame: [[f64; 3]; 3],
    to_texture: [[f64; 3]; 3],
    lens: Lens,
    half: [f64; 2],
}

impl Projection {
    /// Holds a texture by its anchor, a point in texture pixels.
    pub(super) fn new(pose: &Pose, anchor: [f64; 2], lens: Lens, size: (u32, u32)) -> Self {
        let half = [f64::from(size.0) / 2.0, f64::from(size.1) / 2.0];
        let focal = FOCAL * f64::from(size.0);
        let distance = focal / pose.scale;
        let ([sx, cx], [sy, cy], [sr, cr]) = (
            [pose.tilt[0].sin(), pose.tilt[0].cos()],
            [pose.tilt[1].sin(), pose.tilt[1].cos()],
            [pose.roll.sin(), pose.roll.cos()],
        );
        // Roll in the plane of the texture first, then about the vertical, then about the horizontal axis.
        let column = |x: f64, y: f64| {
            let (x, y, z) = (x * cy, y, -x * sy);
            [x, y * cx - z * sx, y * sx + z * cx]
        };
        let (right, down) = (column(cr, sr), column(-sr, cr));
        let away = [
            (pose.center[0] - half[0]) / focal * distance,
            (pose.center[1] - half[1]) / focal * distance,
            distance,
        ];
        let camera = |axis: [f64; 3]| {
            [focal * axis[0] + half[0] * axis[2], focal * axis[1] + half[1] * axis[2], axis[2]]
        };
        let (u, v) = (camera(right), camera(down));
        let w = camera(std::array::from_fn(|i| away[i] - right[i] * anchor[0] - down[i] * anchor[1]));
        let to_frame = std::array::from_fn(|row| [u[row], v[row], w[row]]);
        Self { to_frame, to_texture: inverse(&to_frame), lens, half }
    }

    /// Returns where in the texture a point of the frame lies.
    pub(super) fn to_texture(&self, x: f64, y: f64) -> [f64; 2] {
        let (dx, dy) = (x - self.half[0] - self.lens.skew * (y / self.half[1] / 2.0 - 0.5), y - self.half[1]);
        let bent = 1.0 + self.lens.distortion * self.radius(dx, dy);
        apply(&self.to_texture, dx * bent + self.half[0], dy * bent + self.half[1])
    }

    /// Returns where in the frame a point of the texture lies.
    pub(super) fn to_frame(&self, point: [f64; 2]) -> [f64; 2] {
        let [x, y] = apply(&self.to_frame, point[0], point[1]);
        let straight = [x - self.half[0], y - self.half[1]];
        let mut bent = straight;
        for _ in 0..20 {
            let factor = 1.0 + self.lens.distortion * self.radius(bent[0], bent[1]);
            bent = straight.map(|at| at / factor);
        }
        let y = bent[1] + self.half[1];
        [bent[0] + self.half[0] + self.lens.skew * (y / self.half[1] / 2.0 - 0.5), y]
    }

    /// Returns the square of the distance from the middle, 1 in the corners.
    fn radius(&self, dx: f64, dy: f64) -> f64 {
        (dx * dx + dy * dy) / (self.half[0] * self.half[0] + self.half[1] * self.half[1])
    }
}

fn apply(matrix: &[[f64; 3]; 3], x: f64, y: f64) -> [f64; 2] {
    let [u, v, w] = matrix.map(|row| row[0] * x + row[1] * y + row[2]);
    [u / w, v / w]
}

fn inverse(m: &[[f64; 3]; 3]) -> [[f64; 3]; 3] {
    let minor = |row: usize, column: usize| {
        let (r, c) = ([(row + 1) % 3, (row + 2) % 3], [(column + 1) % 3, (column + 2) % 3]);
        m[r[0]][c[0]] * m[r[1]][c[1]] - m[r[0]][c[1]] * m[r[1]][c[0]]
    };
    let determinant: f64 = (0..3).map(|column| m[0][column] * minor(0, column)).sum();
    std::array::from_fn(|row| std::array::from_fn(|column| minor(column, row) / determinant))
}
