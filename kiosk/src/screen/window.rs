//! The window. It is drawn again only when the core said something new or somebody touched it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, anyhow};
use eframe::egui::{ColorImage, Context, TextureHandle, TextureOptions, Ui, ViewportBuilder};
use eframe::{App, CreationContext, Frame, NativeOptions, Renderer};
use shared::reason::Language;

use super::draw::draw;
use super::fonts;
use super::message::{Preview, Shown};
use super::receiver::Receiver;
use super::sound::{Sound, Speaker};
use super::visit::Visit;
use crate::cli::Screen;
use crate::ui::View;

/// The program that plays sounds.
const PLAYER: &str = "aplay";

/// The name of the window for the compositor.
const NAME: &str = "gatepass-screen";

/// Shows what the core says until the window is closed.
///
/// # Errors
/// A machine without a display, or without OpenGL.
pub fn open(arguments: &Screen) -> Result<()> {
    let viewport = ViewportBuilder::default().with_title("Gatepass").with_app_id(NAME);
    let viewport = if arguments.windowed {
        viewport.with_inner_size([1024.0, 768.0])
    } else {
        viewport.with_fullscreen(true).with_decorations(false)
    };
    let options = NativeOptions { viewport, renderer: Renderer::Glow, ..NativeOptions::default() };
    let create = |context: &CreationContext<'_>| {
        let window = Window::new(context, &arguments.connect, arguments.lang, !arguments.silent)?;
        Ok(Box::new(window) as Box<dyn App>)
    };
    eframe::run_native(NAME, options, Box::new(create)).map_err(|error| anyhow!("opening a window: {error}"))
}

struct Window {
    receiver: Receiver,
    shown: Shown,
    visit: Visit,
    speaker: Option<Speaker>,
    preview: Option<(Arc<Preview>, TextureHandle)>,
}

impl Window {
    fn new(
        context: &CreationContext<'_>,
        core: &Path,
        language: Language,
        sound: bool,
    ) -> std::io::Result<Self> {
        let context = &context.egui_ctx;
        context.set_fonts(fonts::definitions());
        // A kiosk's keyboard, if it has one, is for the Tab and Enter keys.
        context.options_mut(|options| options.zoom_with_keyboard = false);
        let wake = context.clone();
        let receiver = Receiver::start(core.to_owned(), move || wake.request_repaint())?;
        Ok(Self {
            receiver,
            shown: Shown { view: View::STARTING, challenge: None },
            visit: Visit::new(language),
            speaker: if sound { Some(Speaker::new(PathBuf::from(PLAYER))?) } else { None },
            preview: None,
        })
    }

    /// Hands what the camera saw last to the graphics.
    fn take_preview(&mut self, context: &Context) {
        let Some(newest) = self.receiver.preview() else {
            self.preview = None;
            return;
        };
        if self.preview.as_ref().is_some_and(|(known, _)| Arc::ptr_eq(known, &newest)) {
            return;
        }
        let size = [usize::from(newest.width), usize::from(newest.height)];
        let image = ColorImage::from_rgb(size, &newest.pixels);
        match &mut self.preview {
            Some((known, texture)) => {
                texture.set(image, TextureOptions::LINEAR);
                *known = newest;
            }
            None => {
                self.preview = Some((newest, context.load_texture("preview", image, TextureOptions::LINEAR)));
            }
        }
    }
}

impl App for Window {
    fn logic(&mut self, context: &Context, _: &mut Frame) {
        let now = Instant::now();
        let shown = self.receiver.shown();
        if shown.view != self.shown.view
            && let (Some(sound), Some(speaker)) = (Sound::of(shown.view.scene), &self.speaker)
        {
            speaker.play(sound);
        }
        self.visit.show(shown.view.scene, now);
        self.shown = shown;
        self.take_preview(context);
        if let Some(left) = self.visit.left(now) {
            context.request_repaint_after(left);
        }
    }

    fn ui(&mut self, ui: &mut Ui, _: &mut Frame) {
        let preview = self.preview.as_ref().map(|(_, texture)| texture);
        if let Some(touch) = draw(ui, &self.shown, preview, &self.visit) {
            self.visit.touch(touch, Instant::now());
            ui.ctx().request_repaint();
        }
    }
}
