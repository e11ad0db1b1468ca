//! `docs/reason-codes.md` is made from the code, and no code ever goes away; `GATEPASS_REGENERATE=1` writes both files anew.

use std::fmt::Write;
use std::path::Path;

use shared::reason::{Language, Reason};

const INTRODUCTION: &str = "\
# Reason codes

Why a visit ended as it did. Codes never change meaning between releases; sentences are for the operator and
hold no personal data. *Refused*: something was shown to be false. *Unanswered*: nothing was, but not everything
could be checked, so an officer decides. *By hand* is the checkpoint's own procedure without the kiosk. They stand here by
what they are about; [format.md](format.md#5-order-of-the-checks) has the order of the checks. This page is made from the
code.

- [Codes](#codes): what exactly was found, and what the operator does
- [Sentences](#sentences): what the kiosk shows, in four languages
- [What the operator does](#what-the-operator-does), in the other three languages

## Codes

| code | answer | meaning | what the operator does |
| --- | --- | --- | --- |
";

#[test]
fn the_published_tables_are_the_codes() {
    let mut page = String::from(INTRODUCTION);
    for reason in Reason::ALL {
        let (code, answer) = (reason.code(), answer(*reason));
        let (meaning, action) = (reason.meaning(), reason.action(Language::En));
        writeln!(page, "| `{code}` | {answer} | {meaning} | {action} |").unwrap();
    }
    page.push_str("\n## Sentences\n\n");
    table(&mut page, &Language::ALL, Reason::sentence);
    page.push_str("\n## What the operator does\n\n");
    table(&mut page, &[Language::ZhHans, Language::ZhHant, Language::Pt], Reason::action);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reason-codes.md");
    if regenerate() {
        std::fs::write(&path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), page);
}

/// Others store codes and act on them: what was published once stays, and means a yes, a no or neither as before.
#[test]
fn no_code_goes_away_or_changes_its_answer() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reason-codes.txt");
    let published = std::fs::read_to_string(&path).unwrap();
    let now: Vec<String> =
        Reason::ALL.iter().map(|reason| format!("{} {}", reason.code(), answer(*reason))).collect();
    for line in published.lines() {
        assert!(now.iter().any(|known| known == line), "`{line}` was published and is gone");
    }
    let new: Vec<&String> =
        now.iter().filter(|known| !published.lines().any(|line| line == known.as_str())).collect();
    if regenerate() {
        let added: String = new.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(&path, published + &added).unwrap();
    } else {
        assert!(new.is_empty(), "not in tests/tests/reason-codes.txt yet: {new:?}");
    }
}

fn table(page: &mut String, languages: &[Language], text: fn(Reason, Language) -> &'static str) {
    let tags: String = languages.iter().map(|language| format!(" {language} |")).collect();
    writeln!(page, "| code |{tags}\n| --- |{}", " --- |".repeat(languages.len())).unwrap();
    for reason in Reason::ALL {
        let cells: String =
            languages.iter().map(|language| format!(" {} |", text(*reason, *language))).collect();
        writeln!(page, "| `{reason}` |{cells}").unwrap();
    }
}

fn answer(reason: Reason) -> String {
    format!("{:?}", reason.answer()).to_lowercase()
}

fn regenerate() -> bool {
    std::env::var_os("GATEPASS_REGENERATE").is_some()
}
