//! The letters: Noto Sans CJK with only the characters that `ui/text` says, made by `fonts/make.py`.

use std::sync::Arc;

use eframe::egui::{FontData, FontDefinitions, FontFamily, FontId};
use shared::reason::Language;

/// How heavy letters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// For what is read second.
    Regular,
    /// For what is read first.
    Bold,
}

/// The fonts by name. A character that Chinese writes in both scripts looks different in each, so each has its own.
const FONTS: [(&str, &[u8]); 4] = [
    ("hant-regular", include_bytes!("fonts/hant-regular.otf")),
    ("hant-bold", include_bytes!("fonts/hant-bold.otf")),
    ("hans-regular", include_bytes!("fonts/hans-regular.otf")),
    ("hans-bold", include_bytes!("fonts/hans-bold.otf")),
];

/// Returns the fonts for egui.
pub fn definitions() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    for (name, bytes) in FONTS {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
        fonts.families.insert(FontFamily::Name(name.into()), vec![name.to_owned()]);
    }
    // Nothing of ours is drawn with these, but egui wants them to be there.
    for family in [FontFamily::Proportional, FontFamily::Monospace] {
        fonts.families.insert(family, vec![FONTS[0].0.to_owned()]);
    }
    fonts
}

/// Returns the font that a language is drawn with.
pub fn font(language: Language, weight: Weight, size: f32) -> FontId {
    let name = match (language, weight) {
        (Language::ZhHans, Weight::Regular) => "hans-regular",
        (Language::ZhHans, Weight::Bold) => "hans-bold",
        (_, Weight::Regular) => "hant-regular",
        (_, Weight::Bold) => "hant-bold",
    };
    FontId::new(size, FontFamily::Name(name.into()))
}

#[cfg(test)]
mod tests {
    use eframe::egui::Context;

    use super::*;
    use crate::ui::{Phrase, name};

    #[test]
    fn every_character_of_every_sentence_has_a_glyph() {
        let context = Context::default();
        context.set_fonts(definitions());
        let mut missing = vec![];
        let mut output = context.run_ui(Default::default(), |ui| {
            ui.fonts_mut(|fonts| {
                for language in Language::ALL {
                    let said = Phrase::ALL.iter().map(|phrase| phrase.text(language)).chain([name(language)]);
                    for c in said.flat_map(str::chars) {
                        for weight in [Weight::Regular, Weight::Bold] {
                            if !fonts.has_glyph(&font(language, weight, 20.0), c) {
                                missing.push((language, weight, c));
                            }
                        }
                    }
                }
                // The check can fail.
                assert!(!fonts.has_glyph(&font(Language::En, Weight::Bold, 20.0), '龘'));
            });
        });
        output.textures_delta.clear();
        assert!(missing.is_empty(), "run kiosk/src/screen/fonts/make.py: {missing:?}");
    }

    #[test]
    fn the_fonts_are_small_and_their_license_is_beside_them() {
        let size: usize = FONTS.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(size < 300_000, "{size}");
        assert!(include_str!("fonts/OFL.txt").contains("SIL OPEN FONT LICENSE Version 1.1"));
    }
}
