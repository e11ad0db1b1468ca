//! What a resident chose for this visit: a language, and larger text. Forgotten when the visit is over.

use std::time::{Duration, Instant};

use shared::reason::Language;

use crate::ui::Scene;

/// A choice that nobody follows up with a code is forgotten after so long: whoever made it went away.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(30);

/// The choices of a visit.
#[derive(Debug, Clone)]
pub struct Visit {
    home: Language,
    language: Language,
    large: bool,
    scene: Scene,
    /// When something was chosen while nobody's code was read yet.
    chosen: Option<Instant>,
}

/// What can be touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Touch {
    /// A language.
    Language(Language),
    /// Larger text, or back to normal.
    TextSize,
}

impl Visit {
    /// A lane that speaks `home` to everybody who chooses nothing.
    pub fn new(home: Language) -> Self {
        Self { home, language: home, large: false, scene: Scene::Wait, chosen: None }
    }

    /// Returns the language to show.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Returns whether text is larger and has more contrast.
    pub fn large(&self) -> bool {
        self.large
    }

    /// Takes note of a touch.
    pub fn touch(&mut self, touch: Touch, now: Instant) {
        match touch {
            Touch::Language(language) => self.language = language,
            Touch::TextSize => self.large = !self.large,
        }
        self.chosen = Some(now);
    }

    /// Takes note of what is drawn. When it is back to the beginning, the visit is over.
    pub fn show(&mut self, scene: Scene, now: Instant) {
        // A phone that is still being held up ends nothing.
        let over = scene == Scene::Phone && !matches!(self.scene, Scene::Phone | Scene::Aim);
        if over || self.left(now).is_some_and(|left| left.is_zero()) {
            *self = Self::new(self.home);
        }
        self.scene = scene;
    }

    /// Returns how long the choices last yet, if nobody shows a code.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let chosen = self.chosen.filter(|_| self.scene == Scene::Phone)?;
        Some((chosen + FORGOTTEN_AFTER).saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::Guide;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_choice_lasts_as_long_as_the_visit() {
        let now = Instant::now();
        let mut visit = Visit::new(Language::ZhHant);
        visit.show(Scene::Phone, now);
        visit.touch(Touch::Language(Language::Pt), now);
        visit.touch(Touch::TextSize, now);
        let scenes =
            [Scene::Aim, Scene::Phone, Scene::Wait, Scene::Face(Guide::Look), Scene::Yes, Scene::GateOpen];
        for (scene, seconds) in scenes.into_iter().zip([1, 2, 3, 40, 50, 60]) {
            visit.show(scene, now + seconds * SECOND);
            assert_eq!((visit.language(), visit.large()), (Language::Pt, true), "{scene:?}");
        }
        visit.show(Scene::Phone, now + 70 * SECOND);
        assert_eq!((visit.language(), visit.large()), (Language::ZhHant, false));
    }

    #[test]
    fn a_choice_of_somebody_who_left_is_forgotten() {
        let now = Instant::now();
        let mut visit = Visit::new(Language::En);
        visit.show(Scene::Phone, now);
        assert_eq!(visit.left(now), None);
        visit.touch(Touch::Language(Language::Pt), now);
        visit.show(Scene::Phone, now + 20 * SECOND);
        assert_eq!((visit.language(), visit.left(now + 20 * SECOND)), (Language::Pt, Some(10 * SECOND)));
        visit.show(Scene::Phone, now + 30 * SECOND);
        assert_eq!((visit.language(), visit.left(now + 30 * SECOND)), (Language::En, None));
    }
}
