//! What the screen sends and what its glass reflects.

/// The light of a phone and around it.
#[derive(Debug, Clone)]
pub(super) struct Light {
    /// Light of a white screen pixel.
    pub(super) screen: f64,
    /// Light that all of the glass reflects, white or black pixel.
    pub(super) haze: f64,
    /// Light on white paper in the scene.
    pub(super) room: f64,
    /// Mirrored lamps and windows.
    pub(super) reflections: Vec<Reflection>,
    /// How far the gaps between screen pixels and the order of their colors show, `[0, 1]`.
    pub(super) grid: f64,
    /// The backlight's flicker.
    pub(super) flicker: Option<Flicker>,
    /// The code rotates while the frame is taken.
    pub(super) change: Option<Change>,
}

/// Something bright mirrored in the glass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reflection {
    pub(super) shape: Shape,
    /// Its middle, half its extent and its edge's softness, all in widths of the code from the code's middle.
    pub(super) center: [f64; 2],
    pub(super) extent: [f64; 2],
    pub(super) softness: f64,
    pub(super) turn: f64,
    /// Light added in its middle.
    pub(super) strength: f64,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// A lamp: brightest in the middle.
    Lamp,
    /// A window with a bar each way.
    Window,
}

impl Reflection {
    /// Returns the light added at a place given in widths of the code from the code's middle.
    pub(super) fn at(&self, place: [f64; 2]) -> f64 {
        let (dx, dy) = (place[0] - self.center[0], place[1] - self.center[1]);
        let (sin, cos) = self.turn.sin_cos();
        let (x, y) = ((dx * cos + dy * sin).abs(), (dy * cos - dx * sin).abs());
        let edge = |inside: f64| {
            let t = (inside / self.softness + 0.5).clamp(0.0, 1.0);
            t * t * (3.0 - 2.0 * t)
        };
        self.strength
            * match self.shape {
                Shape::Lamp => (-(x / self.extent[0]).powi(2) - (y / self.extent[1]).powi(2)).exp(),
                Shape::Window => {
                    let bar = 0.06 * self.extent[0];
                    edge(self.extent[0] - x) * edge(self.extent[1] - y) * edge(x - bar) * edge(y - bar)
                }
            }
    }
}

/// A backlight that is switched on and off while rows are read one after another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flicker {
    /// Rows from one switching on to the next.
    pub(super) period: f64,
    pub(super) phase: f64,
    /// Share of the time that the light is on.
    pub(super) duty: f64,
    /// Rows read while one row is exposed.
    pub(super) exposure: f64,
    /// How dark off is: 1 sends nothing.
    pub(super) depth: f64,
}

impl Flicker {
    /// Returns how bright the screen is for a row, beside its brightness when always on.
    pub(super) fn at(&self, row: f64) -> f64 {
        // Time that the light was on from nought to some row, in periods.
        let on = |row: f64| {
            let periods = row / self.period + self.phase;
            periods.floor() * self.duty + periods.fract().min(self.duty)
        };
        let share = (on(row + self.exposure) - on(row)) / (self.exposure / self.period);
        1.0 - self.depth + self.depth * share
    }
}

/// The row whose exposure is halfway through when the code changes, and over how many rows the mix goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    pub(super) row: f64,
    pub(super) over: f64,
}

impl Change {
    /// Returns how much of the old code a row shows.
    pub(super) fn old_share(&self, row: f64) -> f64 {
        (0.5 + (self.row - row) / self.over).clamp(0.0, 1.0)
    }
}

/// Returns the linear light of every gamma coded value, white being 1.
pub(super) fn linear() -> [f32; 256] {
    std::array::from_fn(|value| (value as f32 / 255.0).powf(2.2))
}
