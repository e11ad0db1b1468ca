//! Every word of the page, in each language, with what the reasons say.

use serde_json::{Map, Value, json};
use shared::reason::{Language, Reason};

/// Returns the words of a language: the page's own, and the sentence and the action of each reason.
pub fn all(language: Language) -> Value {
    let reasons: Map<String, Value> = Reason::ALL
        .iter()
        .map(|reason| {
            let words = json!({ "sentence": reason.sentence(language), "action": reason.action(language) });
            (reason.code().to_owned(), words)
        })
        .collect();
    json!({ "language": language.tag(), "page": page(language), "reasons": reasons })
}

/// The page's own words: lines of `key = words`.
fn page(language: Language) -> Map<String, Value> {
    let text = match language {
        Language::En => include_str!("words/en.txt"),
        Language::ZhHans => include_str!("words/zh-Hans.txt"),
        Language::ZhHant => include_str!("words/zh-Hant.txt"),
        Language::Pt => include_str!("words/pt.txt"),
    };
    let lines = text.lines().filter_map(|line| line.split_once(" = "));
    lines.map(|(key, words)| (key.to_owned(), words.into())).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shared::credential::Attribute;

    use super::super::OverrideReason;
    use super::*;

    fn keys(language: Language) -> BTreeSet<String> {
        page(language).into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn every_language_has_every_word() {
        let english = keys(Language::En);
        for language in Language::ALL {
            assert_eq!(keys(language), english, "{language}");
            for (key, words) in page(language) {
                let words = words.as_str().unwrap();
                assert!(!words.is_empty() && words == words.trim(), "{language} {key}");
                for place in ["{n}", "{name}"] {
                    let english = page(Language::En)[&key].as_str().unwrap().contains(place);
                    assert_eq!(words.contains(place), english, "{language} {key}");
                }
            }
        }
        for language in [Language::ZhHans, Language::ZhHant] {
            let latin: Vec<_> =
                page(language).into_iter().filter(|(_, words)| words.as_str().unwrap().is_ascii()).collect();
            assert_eq!(latin, [], "{language}");
        }
    }

    /// What the page asks for is there, and what is there is asked for.
    #[test]
    fn the_page_and_the_words_fit() {
        let page = concat!(include_str!("page/page.html"), include_str!("page/page.js"));
        let families = [
            "state.",
            "part.",
            "condition.",
            "kind.",
            "age.",
            "override.",
            "passage.",
            "answer.",
            "claim.",
            "sex.",
            "unit.",
            "lists.",
            "replay.",
        ];
        for key in keys(Language::En) {
            let quoted =
                page.contains(&format!("\"{key}\"")) || ["close.why", "reopen.why"].contains(&key.as_str());
            let asked = quoted || families.iter().any(|family| key.starts_with(family));
            assert!(asked, "nobody asks for {key}");
        }
        for family in families {
            assert!(
                page.contains(&format!("\"{family}\"")) || page.contains(&format!("`{family}$")),
                "{family}"
            );
        }
        let quoted = page.split("word(\"").skip(1).chain(page.split("data-word=\"").skip(1));
        for asked in quoted.filter_map(|rest| rest.split('"').next()) {
            assert!(keys(Language::En).contains(asked) || families.contains(&asked), "there is no {asked}");
        }
        for attribute in Attribute::ALL {
            assert!(keys(Language::En).contains(&format!("claim.{}", attribute.name())), "{attribute:?}");
        }
        for reason in OverrideReason::ALL {
            assert!(keys(Language::En).contains(&format!("override.{}", reason.code())), "{reason:?}");
        }
    }
}
