//! Colors. They repeat what shape, words and sound say; nothing is said by color alone.

use eframe::egui::Color32;

use crate::ui::Scene;

/// The colors of a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// Behind everything.
    pub ground: Color32,
    /// Words and pictures.
    pub ink: Color32,
    /// Marks on what the camera sees.
    pub mark: Color32,
}

const fn rgb(color: u32) -> Color32 {
    Color32::from_rgb((color >> 16) as u8, (color >> 8) as u8, color as u8)
}

impl Palette {
    /// Returns the colors of a scene; with more contrast for those who asked for large text.
    pub fn of(scene: Scene, large: bool) -> Self {
        let (ground, ink) = match (scene, large) {
            (Scene::Yes | Scene::GateOpen, false) => (rgb(0x0b_63_34), Color32::WHITE),
            (Scene::Yes | Scene::GateOpen, true) => (rgb(0x00_3d_1c), Color32::WHITE),
            (Scene::No, false) => (rgb(0x9b_1c_1c), Color32::WHITE),
            (Scene::No, true) => (rgb(0x5c_00_00), Color32::WHITE),
            (Scene::Officer | Scene::GateClosed | Scene::GateAlarm, false) => {
                (rgb(0xff_c6_29), rgb(0x1a_14_00))
            }
            (Scene::Officer | Scene::GateClosed | Scene::GateAlarm, true) => {
                (rgb(0xff_d8_4d), Color32::BLACK)
            }
            (Scene::OutOfService, false) => (rgb(0x3a_41_49), Color32::WHITE),
            (Scene::OutOfService, true) => (Color32::BLACK, Color32::WHITE),
            (Scene::Phone | Scene::Aim | Scene::Wait | Scene::Face(_), false) => {
                (rgb(0xf3_f6_f9), rgb(0x0f_22_38))
            }
            (Scene::Phone | Scene::Aim | Scene::Wait | Scene::Face(_), true) => {
                (Color32::BLACK, Color32::WHITE)
            }
        };
        Self { ground, ink, mark: rgb(0xff_e0_3a) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::{Guide, View};

    /// Contrast as WCAG 2.2 defines it, 1 to 21.
    fn contrast(one: Color32, other: Color32) -> f32 {
        let luminance = |color: Color32| {
            let linear = |value: u8| match f32::from(value) / 255.0 {
                value if value <= 0.04045 => value / 12.92,
                value => ((value + 0.055) / 1.055).powf(2.4),
            };
            0.2126 * linear(color.r()) + 0.7152 * linear(color.g()) + 0.0722 * linear(color.b())
        };
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn words_stand_out_and_more_so_for_those_who_asked() {
        let scenes = [
            Scene::Phone,
            Scene::Face(Guide::Look),
            Scene::Yes,
            Scene::No,
            Scene::Officer,
            Scene::GateOpen,
            Scene::GateClosed,
            Scene::GateAlarm,
            View::OUT_OF_SERVICE.scene,
        ];
        for scene in scenes {
            let of = |large| {
                let palette = Palette::of(scene, large);
                contrast(palette.ground, palette.ink)
            };
            // WCAG 2.2 asks for 7 at its highest level (1.4.6).
            assert!(of(false) >= 7.0, "{scene:?} {}", of(false));
            assert!(of(true) > of(false) && of(true) >= 12.0, "{scene:?} {}", of(true));
        }
    }
}
