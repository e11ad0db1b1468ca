//! Every screen in every language: found by label, and compared with pictures in `golden/`.
//!
//! `GATEPASS_REGENERATE=1 cargo test -p kiosk --all-features screen::tests` draws the pictures anew. Look at them before they are
//! committed: a test only knows that they did not change.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use eframe::egui::{ColorImage, Pos2, Rect, TextureHandle, TextureOptions, Ui, vec2};
use eframe::{App, Frame};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable;
use image::{Rgb, RgbImage};
use shared::credential::Challenge;
use shared::reason::Language;
use shared::time::Timestamp;

use super::draw::draw;
use super::fonts;
use super::message::Shown;
use super::visit::{Touch, Visit};
use crate::session::Screen;
use crate::ui::{Phrase, View, name, screens};

/// A screen without a window.
struct Easel {
    shown: Shown,
    visit: Visit,
    preview: Option<TextureHandle>,
    touched: Option<Touch>,
}

impl App for Easel {
    fn ui(&mut self, ui: &mut Ui, _: &mut Frame) {
        self.touched = draw(ui, &self.shown, self.preview.as_ref(), &self.visit).or(self.touched);
    }
}

/// A screen of so many pixels, drawn at a fraction of that size.
fn easel(width: f32, height: f32, fraction: f32) -> Harness<'static, Easel> {
    let builder = Harness::builder().with_size(vec2(width, height)).with_pixels_per_point(fraction);
    builder.build_eframe(|context| {
        context.egui_ctx.set_fonts(fonts::definitions());
        Easel {
            shown: Shown { view: View::STARTING, challenge: None },
            visit: Visit::new(Language::En),
            preview: None,
            touched: None,
        }
    })
}

impl Easel {
    fn put(&mut self, screen: &Screen, challenge: Option<String>, language: Language, large: bool) {
        self.shown = Shown { view: View::of(screen), challenge };
        self.visit = Visit::new(language);
        if large {
            self.visit.touch(Touch::TextSize, Instant::now());
        }
    }
}

fn challenge() -> String {
    let now = Timestamp::parse("2026-11-20T09:00:00Z").unwrap();
    Challenge::new("border", [7; 16], None, now).unwrap().encode()
}

/// What a camera might see: a drawn head before a wall, nobody's.
fn preview(harness: &Harness<'_, Easel>) -> TextureHandle {
    let mut picture = RgbImage::from_fn(320, 240, |x, y| Rgb([90 + (x / 4) as u8, 110 + (y / 4) as u8, 140]));
    for (x, y, pixel) in picture.enumerate_pixels_mut() {
        let inside = |cx: f32, cy: f32, rx: f32, ry: f32| {
            ((x as f32 - cx) / rx).powi(2) + ((y as f32 - cy) / ry).powi(2) < 1.0
        };
        if inside(160.0, 250.0, 90.0, 60.0) {
            *pixel = Rgb([50, 60, 90]);
        }
        if inside(160.0, 115.0, 50.0, 70.0) {
            *pixel = Rgb([196, 150, 120]);
        }
        // An eye on one side only, so that a picture that is not mirrored would be seen.
        if inside(142.0, 100.0, 7.0, 5.0) {
            *pixel = Rgb([20, 20, 20]);
        }
    }
    let image = ColorImage::from_rgb([320, 240], &picture);
    harness.ctx.load_texture("preview", image, TextureOptions::LINEAR)
}

#[test]
fn every_sentence_and_every_button_is_found_by_its_label() {
    let mut harness = easel(1024.0, 768.0, 0.5);
    for (name_of_screen, screen) in screens() {
        for language in Language::ALL {
            harness.state_mut().put(&screen, None, language, false);
            harness.run();
            let view = View::of(&screen);
            harness.get_by_label(view.sentence.text(language));
            if let Some(detail) = view.detail {
                harness.get_by_label(detail.text(language));
            }
            for button in Language::ALL.map(name).into_iter().chain([Phrase::LargerText.text(language)]) {
                assert!(harness.query_by_label(button).is_some(), "{name_of_screen} {language}: {button}");
            }
            let other =
                Phrase::ALL.iter().find(|phrase| **phrase != view.sentence && Some(**phrase) != view.detail);
            assert!(harness.query_by_label(other.unwrap().text(language)).is_none(), "the search can fail");
        }
    }
}

#[test]
fn a_touch_changes_the_language_and_the_size() {
    let mut harness = easel(1024.0, 768.0, 0.5);
    harness.state_mut().put(&Screen::Idle, None, Language::En, false);
    for (label, touch) in [
        (name(Language::Pt), Touch::Language(Language::Pt)),
        (name(Language::ZhHans), Touch::Language(Language::ZhHans)),
        (Phrase::LargerText.text(Language::En), Touch::TextSize),
    ] {
        harness.state_mut().touched = None;
        harness.get_by_label(label).click();
        harness.run();
        assert_eq!(harness.state().touched, Some(touch));
    }
}

#[test]
fn a_challenge_is_shown_with_what_to_do_about_it() {
    let mut harness = easel(1024.0, 768.0, 0.5);
    harness.state_mut().put(&Screen::Idle, Some(challenge()), Language::Pt, false);
    harness.run();
    harness.get_by_label(Phrase::ScanThenShow.text(Language::Pt));
}

#[test]
fn a_screen_at_rest_asks_for_nothing() {
    let mut harness = easel(1024.0, 768.0, 0.5);
    for (name, screen) in screens() {
        harness.state_mut().put(&screen, None, Language::En, false);
        // Steps until nothing asks to be drawn again, and panics if that does not come to an end.
        assert!(harness.run() <= 3, "{name}");
    }
}

/// Whether pictures can be drawn here; says loudly where they cannot.
fn can_draw() -> bool {
    let drawn = std::panic::catch_unwind(|| easel(64.0, 64.0, 1.0).render().is_ok());
    if drawn.unwrap_or(false) {
        return true;
    }
    // Straight to the descriptor: the test harness swallows what `eprintln!` writes.
    let _ = writeln!(
        std::io::stderr(),
        "\n*** SKIPPED: nothing here draws Vulkan; install mesa-vulkan-drivers to compare the screens ***\n"
    );
    false
}

#[test]
fn a_challenge_can_be_scanned_from_the_screen() {
    if !can_draw() {
        return;
    }
    for (width, height) in [(1024.0, 768.0), (1080.0, 1920.0)] {
        let mut harness = easel(width, height, 1.0);
        harness.state_mut().put(&Screen::Idle, Some(challenge()), Language::En, false);
        harness.run();
        let picture = image::DynamicImage::ImageRgba8(harness.render().unwrap()).into_luma8();
        let reading = shared::qr::read(&picture);
        let read: Vec<&str> = reading.symbols.iter().map(|symbol| symbol.text.as_str()).collect();
        assert_eq!(read, [challenge()], "{width} x {height}");
    }
}

mod golden {
    use image::codecs::png::{CompressionType, FilterType, PngEncoder};

    use super::*;

    /// How far a color may be off, of 255; and how many pixels of a thousand may be further off. Another renderer draws the edges
    /// of letters a little differently; a sentence that moved or is missing is many times as much.
    const COLOR: u8 = 40;
    const PER_MILLE: usize = 1;

    /// One picture: its name, and how to get it.
    struct Case {
        name: String,
        screen: Screen,
        challenge: Option<String>,
        language: Language,
        large: bool,
        preview: bool,
    }

    fn cases() -> Vec<Case> {
        let mut cases = vec![];
        for language in Language::ALL {
            for (name, screen) in screens() {
                let preview = View::of(&screen).has_preview();
                let name = format!("{name}.{language}");
                cases.push(Case { name, screen, challenge: None, language, large: false, preview });
            }
            let name = format!("challenge.{language}");
            let challenge = Some(challenge());
            cases.push(Case {
                name,
                screen: Screen::Idle,
                challenge,
                language,
                large: false,
                preview: false,
            });
        }
        cases
    }

    /// A few screens that show how the others look on other displays, with large text, and before the camera's first picture.
    fn few(suffix: &str, large: bool, preview: bool) -> Vec<Case> {
        let mut few = cases();
        few.retain(|case| {
            ["challenge", "idle", "closer", "turn-left", "refused-copy", "covered", "not-passed"]
                .iter()
                .any(|name| case.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
                && matches!(case.language, Language::Pt | Language::ZhHant)
        });
        for case in &mut few {
            case.name = format!("{}.{suffix}", case.name);
            case.large = large;
            case.preview &= preview;
        }
        few
    }

    fn path(name: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/screen/golden").join(format!("{name}.png"))
    }

    /// Draws the cases one after another, and hands each picture over.
    fn each(mut harness: Harness<'static, Easel>, cases: Vec<Case>, mut use_it: impl FnMut(&str, RgbImage)) {
        let camera = preview(&harness);
        for case in cases {
            let state = harness.state_mut();
            state.put(&case.screen, case.challenge, case.language, case.large);
            state.preview = case.preview.then(|| camera.clone());
            harness.run();
            let mut picture = image::DynamicImage::ImageRgba8(harness.render().unwrap()).into_rgb8();
            // Sixteen steps of each color make a file that is a third as large.
            picture.iter_mut().for_each(|value| *value = (*value >> 4) * 17);
            use_it(&case.name, picture);
        }
    }

    /// How many pixels of a thousand differ visibly; all of them where the sizes do.
    fn differ(one: &RgbImage, other: &RgbImage) -> usize {
        if one.dimensions() != other.dimensions() {
            return 1000;
        }
        let off = |(a, b): (&u8, &u8)| a.abs_diff(*b) > COLOR;
        let pixels = one.pixels().zip(other.pixels());
        let count = pixels.filter(|(a, b)| a.0.iter().zip(&b.0).any(off)).count();
        (1000 * count).div_ceil(one.pixels().len())
    }

    fn compare(harness: Harness<'static, Easel>, cases: Vec<Case>) {
        let regenerate = std::env::var_os("GATEPASS_REGENERATE").is_some();
        let mut wrong = vec![];
        each(harness, cases, |name, picture| {
            let path = path(name);
            if regenerate {
                let file = std::fs::File::create(&path).unwrap();
                let encoder = PngEncoder::new_with_quality(file, CompressionType::Best, FilterType::NoFilter);
                picture.write_with_encoder(encoder).unwrap();
                return;
            }
            let golden = image::open(&path).map(image::DynamicImage::into_rgb8);
            match golden.map(|golden| differ(&golden, &picture)) {
                Ok(off) if off <= PER_MILLE => {}
                result => {
                    let seen = std::env::temp_dir().join(format!("{name}.png"));
                    picture.save(&seen).unwrap();
                    wrong.push(format!("{name}: {result:?} per mille, see {}", seen.display()));
                }
            }
        });
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn every_screen_in_every_language() {
        if can_draw() {
            compare(easel(1024.0, 768.0, 0.5), cases());
        }
    }

    #[test]
    fn a_large_and_an_upright_display_large_text_and_no_camera_yet() {
        if can_draw() {
            compare(easel(1920.0, 1080.0, 0.25), few("wide", false, true));
            compare(easel(1080.0, 1920.0, 0.25), few("upright", false, true));
            compare(easel(1080.0, 1920.0, 0.25), few("upright-large", true, true));
            compare(easel(1024.0, 768.0, 0.5), few("large", true, true));
            compare(easel(1024.0, 768.0, 0.5), few("blind", false, false));
        }
    }

    #[test]
    fn a_picture_of_another_screen_or_a_moved_sentence_is_told_apart() {
        let pictures: Vec<(String, RgbImage)> = cases()
            .into_iter()
            .filter_map(|case| Some((case.name.clone(), image::open(path(&case.name)).ok()?.into_rgb8())))
            .collect();
        assert!(pictures.len() > 100, "the pictures are in the repository");
        for (index, (name, picture)) in pictures.iter().enumerate() {
            // Those of the same language differ least.
            let language = name.rsplit_once('.').map(|(_, language)| language);
            let others = pictures[..index]
                .iter()
                .filter(|(other, _)| other.rsplit_once('.').map(|(_, language)| language) == language);
            for (other_name, other) in others {
                assert!(differ(picture, other) > PER_MILLE, "{name} looks like {other_name}");
            }
            // The words, four pixels lower: eight on a screen of this size.
            let mut moved = picture.clone();
            let (width, height) = picture.dimensions();
            for (x, y) in (4..height * 4 / 5).rev().flat_map(|y| (width * 6 / 10..width).map(move |x| (x, y)))
            {
                moved.put_pixel(x, y, *picture.get_pixel(x, y - 4));
            }
            assert!(differ(picture, &moved) > PER_MILLE, "{name}: a moved sentence is not noticed");
            // And gone.
            let ground = *picture.get_pixel(0, 0);
            let mut gone = picture.clone();
            for (x, y) in (0..height * 4 / 5).flat_map(|y| (width / 2..width).map(move |x| (x, y))) {
                gone.put_pixel(x, y, ground);
            }
            assert!(differ(picture, &gone) > PER_MILLE, "{name}: a missing sentence is not noticed");
        }
    }

    #[test]
    fn nothing_that_is_said_is_smaller_than_promised() {
        // Where the smallest letters do not fit, the second sentence is left out and the first gets too long.
        for (width, height) in [(1024.0, 768.0), (1920.0, 1080.0), (1080.0, 1920.0)] {
            let mut harness = easel(width, height, 0.25);
            let area = Rect::from_min_size(Pos2::ZERO, vec2(width, height));
            for (screen_name, screen) in screens() {
                for (language, large) in Language::ALL.into_iter().flat_map(|it| [(it, false), (it, true)]) {
                    for challenge in [None, Some(challenge())] {
                        let asked = challenge.is_some() && screen == Screen::Idle;
                        harness.state_mut().put(&screen, challenge, language, large);
                        harness.run();
                        let view = View::of(&screen);
                        let first = if asked { Phrase::ScanThenShow } else { view.sentence };
                        let words = [Some(first), view.detail].into_iter().flatten();
                        let words: Vec<Rect> =
                            words.map(|phrase| harness.get_by_label(phrase.text(language)).rect()).collect();
                        let button = harness.get_by_label(name(Language::En)).rect();
                        for rect in &words {
                            let fits = area.contains_rect(*rect) && rect.max.y < button.min.y;
                            assert!(fits, "{screen_name} {language} {width} large: {large} {rect:?}");
                        }
                        assert!(words.windows(2).all(|pair| pair[0].max.y < pair[1].min.y));
                    }
                }
            }
        }
    }
}
