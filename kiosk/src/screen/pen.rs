//! Draws in a square of its own, whose sides are 1 long, so that a pictogram is the same at every size.

use eframe::egui::{Color32, Mesh, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, Vec2, pos2, vec2};

/// A place in the square, from its upper left corner.
pub type At = (f32, f32);

/// Two colors and a square to draw in.
pub struct Pen<'a> {
    /// Where to draw.
    pub painter: &'a Painter,
    /// The square.
    pub square: Rect,
    /// The color of what is drawn.
    pub ink: Color32,
    /// The color of what is drawn on that.
    pub paper: Color32,
}

impl Pen<'_> {
    /// The same pen, to change something about.
    pub fn copy(&self) -> Pen<'_> {
        Pen { painter: self.painter, ..*self }
    }

    /// The same colors in a smaller square: its center, and its side.
    pub fn within(&self, center: At, side: f32) -> Pen<'_> {
        let size = Vec2::splat(self.long(side));
        Pen { painter: self.painter, square: Rect::from_center_size(self.place(center), size), ..*self }
    }

    /// The same square with the colors the other way round.
    pub fn inverted(&self) -> Pen<'_> {
        Pen { painter: self.painter, square: self.square, ink: self.paper, paper: self.ink }
    }

    /// Draws a line with round ends and corners.
    pub fn line(&self, points: &[At], width: f32) {
        let points: Vec<Pos2> = points.iter().map(|at| self.place(*at)).collect();
        let width = self.long(width);
        for point in &points {
            self.painter.circle_filled(*point, width / 2.0, self.ink);
        }
        self.painter.line(points, Stroke::new(width, self.ink));
    }

    /// Draws a full circle.
    pub fn dot(&self, center: At, radius: f32) {
        self.painter.circle_filled(self.place(center), self.long(radius), self.ink);
    }

    /// Draws a circle.
    pub fn ring(&self, center: At, radius: f32, width: f32) {
        self.painter.circle_stroke(
            self.place(center),
            self.long(radius),
            Stroke::new(self.long(width), self.ink),
        );
    }

    /// Draws a full ellipse.
    pub fn oval(&self, center: At, radius: At) {
        let radius = vec2(self.long(radius.0), self.long(radius.1));
        self.painter.add(Shape::ellipse_filled(self.place(center), radius, self.ink));
    }

    /// Draws a full rectangle with round corners.
    pub fn block(&self, from: At, to: At, corner: f32) {
        self.painter.rect_filled(
            Rect::from_min_max(self.place(from), self.place(to)),
            self.long(corner),
            self.ink,
        );
    }

    /// Draws the edge of a rectangle with round corners.
    pub fn frame(&self, from: At, to: At, corner: f32, width: f32) {
        let rect = Rect::from_min_max(self.place(from), self.place(to));
        let stroke = Stroke::new(self.long(width), self.ink);
        self.painter.rect_stroke(rect, self.long(corner), stroke, StrokeKind::Middle);
    }

    /// Draws a full polygon without inward corners.
    pub fn polygon(&self, points: &[At]) {
        let points = points.iter().map(|at| self.place(*at)).collect();
        self.painter.add(Shape::convex_polygon(points, self.ink, Stroke::NONE));
    }

    /// Draws an arrow from one place to another, with a head that is as wide as three lines.
    pub fn arrow(&self, from: At, to: At, width: f32) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = dx.hypot(dy).max(f32::EPSILON);
        let (ux, uy) = (dx / length, dy / length);
        let head = 2.4 * width;
        let neck = (to.0 - ux * head, to.1 - uy * head);
        let side = 1.6 * width;
        self.line(&[from, neck], width);
        self.polygon(&[
            to,
            (neck.0 - uy * side, neck.1 + ux * side),
            (neck.0 + uy * side, neck.1 - ux * side),
        ]);
    }

    /// Draws everything around an ellipse, as far as the edges of the square.
    pub fn surround(&self, center: At, radius: At) {
        const STEPS: u32 = 96;
        let mut mesh = Mesh::default();
        let center = self.place(center);
        let radius = vec2(self.long(radius.0), self.long(radius.1));
        for step in 0..STEPS {
            let angle = std::f32::consts::TAU * step as f32 / STEPS as f32;
            let direction = vec2(angle.cos(), angle.sin());
            let inner = center + vec2(direction.x * radius.x, direction.y * radius.y);
            mesh.colored_vertex(inner, self.ink);
            mesh.colored_vertex(self.edge(center, inner - center), self.ink);
            let next = (step + 1) % STEPS;
            mesh.add_triangle(2 * step, 2 * step + 1, 2 * next);
            mesh.add_triangle(2 * next, 2 * step + 1, 2 * next + 1);
        }
        self.painter.with_clip_rect(self.square).add(Shape::mesh(mesh));
    }

    /// Draws an ellipse.
    pub fn loop_around(&self, center: At, radius: At, width: f32) {
        let radius = vec2(self.long(radius.0), self.long(radius.1));
        let stroke = Stroke::new(self.long(width), self.ink);
        self.painter.add(Shape::ellipse_stroke(self.place(center), radius, stroke));
    }

    /// Far outside the square in a direction, so that the corners of the square are covered, too.
    fn edge(&self, center: Pos2, direction: Vec2) -> Pos2 {
        center + direction.normalized() * 2.0 * self.square.width()
    }

    fn place(&self, (x, y): At) -> Pos2 {
        pos2(self.square.min.x + self.long(x), self.square.min.y + self.long(y))
    }

    fn long(&self, length: f32) -> f32 {
        length * self.square.width()
    }
}
