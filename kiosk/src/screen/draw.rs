//! Draws what is shown. It decides nothing but where things go.

use std::sync::Arc;

use eframe::egui::accesskit::Live;
use eframe::egui::{
    Color32, CornerRadius, FontId, Galley, Mesh, Painter, Rect, Role, Sense, Shape, Stroke, StrokeKind,
    TextureHandle, Ui, Vec2, WidgetInfo, pos2, vec2,
};
use shared::qr::{self, Symbol};
use shared::reason::Language;

use super::fonts::{Weight, font};
use super::layout::{Layout, Share};
use super::message::Shown;
use super::palette::Palette;
use super::pen::Pen;
use super::pictograms as pictogram;
use super::visit::{Touch, Visit};
use crate::ui::{Guide, Phrase, Scene, View, name};

/// The languages in the order of their buttons.
const LANGUAGES: [Language; 4] = [Language::ZhHant, Language::ZhHans, Language::Pt, Language::En];

/// The smallest letters on a screen of 1024 x 768, in pixels; they grow with the screen.
pub const SMALLEST: f32 = 40.0;
/// The largest, and the largest for those who asked for large text.
const LARGEST: f32 = 64.0;
const LARGEST_OF_ALL: f32 = 92.0;
/// The second sentence against the first.
const SECOND: f32 = 0.66;

/// The light border that a reader of codes needs, in modules (ISO/IEC 18004 section 6.3.8).
const QUIET_ZONE: u32 = 4;

/// Draws the screen, as large as the window is. Returns what was touched.
pub fn draw(ui: &mut Ui, shown: &Shown, preview: Option<&TextureHandle>, visit: &Visit) -> Option<Touch> {
    let view = shown.view;
    let screen = ui.ctx().content_rect();
    let palette = Palette::of(view.scene, visit.large());
    let painter = ui.painter().with_clip_rect(screen);
    painter.rect_filled(screen, 0.0, palette.ground);
    let code = code(shown);
    let share = match (&code, visit.large()) {
        (Some(_), _) => Share::Most,
        (None, true) => Share::Less,
        (None, false) => Share::Half,
    };
    let layout = Layout::new(screen, share);
    match &code {
        Some(symbol) => draw_code(&painter, layout.picture, symbol),
        None => draw_scene(&painter, layout.picture, palette, view.scene, preview),
    }
    let sentence = match (&code, view.scene) {
        (Some(_), Scene::Phone) => Phrase::ScanThenShow,
        _ => view.sentence,
    };
    let words = Words { sentence, detail: view.detail, language: visit.language(), large: visit.large() };
    words.draw(ui, &painter, &layout, palette.ink);
    buttons(ui, &painter, &layout, palette, visit)
}

/// Returns the challenge as a symbol, where there is one to be scanned.
fn code(shown: &Shown) -> Option<Symbol> {
    let View { scene: Scene::Phone | Scene::Aim, .. } = shown.view else { return None };
    qr::encode(shown.challenge.as_ref()?).ok()
}

/// Draws a symbol in whole pixels, as large as the square is, black on white.
fn draw_code(painter: &Painter, square: Rect, symbol: &Symbol) {
    let pixel = 1.0 / painter.pixels_per_point();
    let modules = symbol.size() + 2 * QUIET_ZONE;
    let module = (square.width() / pixel / modules as f32).floor().max(1.0) * pixel;
    let whole = |at: f32| (at / pixel).round() * pixel;
    let side = module * modules as f32;
    let corner = square.center() - Vec2::splat(side / 2.0);
    let corner = pos2(whole(corner.x), whole(corner.y));
    let mut mesh = Mesh::default();
    mesh.add_colored_rect(Rect::from_min_size(corner, Vec2::splat(side)), Color32::WHITE);
    for y in 0..symbol.size() {
        for x in (0..symbol.size()).filter(|x| symbol.is_dark(*x, y)) {
            let at = vec2((x + QUIET_ZONE) as f32, (y + QUIET_ZONE) as f32) * module;
            mesh.add_colored_rect(Rect::from_min_size(corner + at, Vec2::splat(module)), Color32::BLACK);
        }
    }
    painter.add(Shape::mesh(mesh));
}

fn draw_scene(
    painter: &Painter,
    square: Rect,
    palette: Palette,
    scene: Scene,
    preview: Option<&TextureHandle>,
) {
    let pen = Pen { painter, square, ink: palette.ink, paper: palette.ground };
    match scene {
        Scene::Phone => pictogram::phone(&pen),
        Scene::Aim => match preview {
            Some(preview) => draw_preview(&pen, preview),
            None => pictogram::phone(&pen),
        },
        Scene::Wait => pictogram::wait(&pen),
        Scene::Face(guide) => draw_face(&pen, palette, guide, preview),
        Scene::Yes => pictogram::yes(&pen),
        Scene::No => pictogram::no(&pen),
        Scene::Officer => pictogram::hand(&pen),
        Scene::GateOpen => pictogram::gate_open(&pen),
        Scene::GateClosed => pictogram::gate_closed(&pen),
        Scene::GateAlarm => pictogram::gate_alarm(&pen),
        Scene::OutOfService => pictogram::closed(&pen),
    }
}

/// Draws what the camera sees as a mirror shows it, cut to the square.
fn draw_preview(pen: &Pen<'_>, preview: &TextureHandle) {
    let size = preview.size_vec2();
    let cut = |side: f32| 0.5 - 0.5 * size.min_elem() / side.max(1.0);
    let (left, top) = (cut(size.x), cut(size.y));
    let mirrored = Rect::from_min_max(pos2(1.0 - left, top), pos2(left, 1.0 - top));
    pen.painter.image(preview.id(), pen.square, mirrored, Color32::WHITE);
    pen.frame((0.0, 0.0), (1.0, 1.0), 0.0, 0.012);
}

/// Draws the camera's picture with an oval for the face, and what would help.
fn draw_face(pen: &Pen<'_>, palette: Palette, guide: Guide, preview: Option<&TextureHandle>) {
    let (center, radius) = pictogram::OVAL;
    match preview {
        Some(preview) => draw_preview(pen, preview),
        None => {
            let grey = Color32::from_gray(96);
            Pen { ink: grey, ..pen.copy() }.block((0.0, 0.0), (1.0, 1.0), 0.0);
            let heads: &[(f32, f32)] = match guide {
                Guide::Alone => &[(0.3, 0.62), (0.7, 0.62)],
                Guide::Closer => &[(0.5, 0.62)],
                Guide::Come => &[],
                _ => &[(0.5, 1.0)],
            };
            let inside = pen.painter.with_clip_rect(pen.square);
            for (center, size) in heads {
                let pen = Pen { painter: &inside, ink: Color32::from_gray(190), ..pen.copy() };
                pictogram::head(&pen, *center, *size);
            }
        }
    }
    Pen { ink: Color32::from_black_alpha(140), ..pen.copy() }.surround(center, radius);
    Pen { ink: Color32::BLACK, ..pen.copy() }.loop_around(center, radius, 0.028);
    let mark = Pen { ink: palette.mark, paper: Color32::BLACK, ..pen.copy() };
    mark.loop_around(center, radius, 0.016);
    pictogram::guide(&mark, guide);
}

/// What is said.
struct Words {
    sentence: Phrase,
    detail: Option<Phrase>,
    language: Language,
    large: bool,
}

impl Words {
    fn draw(&self, ui: &Ui, painter: &Painter, layout: &Layout, ink: Color32) {
        let said = self.set(painter, layout, ink);
        let gap = 0.45 * SMALLEST * layout.scale;
        let height =
            said.iter().map(|(_, galley)| galley.size().y).sum::<f32>() + gap * (said.len() - 1) as f32;
        let mut top = layout.words.center().y - height / 2.0;
        for (index, (phrase, galley)) in said.into_iter().enumerate() {
            let rect = Rect::from_min_size(pos2(layout.words.min.x, top), galley.size());
            top = rect.max.y + gap;
            let response = ui.interact(rect, ui.scope_id().with(("words", index)), Sense::hover());
            let text = phrase.text(self.language);
            response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
            // Screen readers say at once what changed.
            ui.ctx().accesskit_node_builder(response.id, |node| node.set_live(Live::Assertive));
            painter.galley(rect.min, galley, ink);
        }
    }

    /// Sets the sentences in the largest letters that fit.
    fn set(&self, painter: &Painter, layout: &Layout, ink: Color32) -> Vec<(Phrase, Arc<Galley>)> {
        let largest = if self.large { LARGEST_OF_ALL } else { LARGEST };
        let mut size = largest;
        loop {
            let set = self.set_at(painter, layout, ink, size);
            match set {
                Some(set) => return set,
                None if size > SMALLEST => size = (size - 2.0).max(SMALLEST),
                // It does not fit, which a test rules out for the sizes of screens that are supported.
                None => {
                    return vec![(
                        self.sentence,
                        self.galley(painter, layout, ink, self.sentence, Weight::Bold, size),
                    )];
                }
            }
        }
    }

    fn set_at(
        &self,
        painter: &Painter,
        layout: &Layout,
        ink: Color32,
        size: f32,
    ) -> Option<Vec<(Phrase, Arc<Galley>)>> {
        let second = (SECOND * size).max(SMALLEST);
        let lines =
            [Some((self.sentence, Weight::Bold, size)), self.detail.map(|it| (it, Weight::Regular, second))];
        let mut set = vec![];
        let mut height = 0.0;
        for (phrase, weight, size) in lines.into_iter().flatten() {
            if self.widest_word(painter, phrase, &font(self.language, weight, size * layout.scale))
                > layout.words.width()
            {
                return None;
            }
            let galley = self.galley(painter, layout, ink, phrase, weight, size);
            height += galley.size().y + 0.45 * SMALLEST * layout.scale;
            set.push((phrase, galley));
        }
        (height <= layout.words.height()).then_some(set)
    }

    fn galley(
        &self,
        painter: &Painter,
        layout: &Layout,
        ink: Color32,
        phrase: Phrase,
        weight: Weight,
        size: f32,
    ) -> Arc<Galley> {
        let font = font(self.language, weight, size * layout.scale);
        let text = phrase.text(self.language);
        let set = |width: f32| painter.layout(text.to_owned(), font.clone(), ink, width);
        let full = set(layout.words.width());
        // Rows of like length: no single character is left for the last one.
        let narrow = (full.size().x / full.rows.len() as f32).max(self.widest_word(painter, phrase, &font));
        let (mut narrow, mut wide) = (narrow, layout.words.width());
        while wide - narrow > 8.0 * layout.scale {
            let middle = (narrow + wide) / 2.0;
            let galley = set(middle);
            let same = galley.rows.len() == full.rows.len() && galley.size().x <= middle;
            *(if same { &mut wide } else { &mut narrow }) = middle;
        }
        set(wide)
    }

    /// Returns how wide the words are that must not be broken. Chinese may be broken anywhere.
    fn widest_word(&self, painter: &Painter, phrase: Phrase, font: &FontId) -> f32 {
        if matches!(self.language, Language::ZhHans | Language::ZhHant) {
            return 0.0;
        }
        let words = phrase.text(self.language).split_whitespace();
        let width =
            |word: &str| painter.layout_no_wrap(word.to_owned(), font.clone(), Color32::PLACEHOLDER).size().x;
        words.map(width).fold(0.0, f32::max)
    }
}

fn buttons(ui: &Ui, painter: &Painter, layout: &Layout, palette: Palette, visit: &Visit) -> Option<Touch> {
    let languages = LANGUAGES.map(|language| {
        (Touch::Language(language), name(language), name(language), language, visit.language() == language)
    });
    let size = if visit.large() { Phrase::NormalText } else { Phrase::LargerText };
    let size = (Touch::TextSize, "A+", size.text(visit.language()), visit.language(), visit.large());
    let mut touched = None;
    for (rect, (touch, label, spoken, language, chosen)) in
        layout.buttons.into_iter().zip(languages.into_iter().chain([size]))
    {
        let response = ui.interact(rect, ui.scope_id().with(("button", label)), Sense::click());
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, chosen, spoken));
        let (fill, ink) = if chosen { (palette.ink, palette.ground) } else { (palette.ground, palette.ink) };
        let corner = CornerRadius::from(14.0 * layout.button_scale);
        let width = if response.has_focus() { 8.0 } else { 3.0 } * layout.button_scale;
        painter.rect(rect, corner, fill, Stroke::new(width, palette.ink), StrokeKind::Inside);
        let font = font(language, Weight::Bold, SMALLEST * layout.button_scale);
        let galley = painter.layout_no_wrap(label.to_owned(), font, ink);
        painter.galley(rect.center() - galley.size() / 2.0, galley, ink);
        if response.clicked() {
            touched = Some(touch);
        }
    }
    touched
}
