//! `docs/reason-codes.md` is made from the code; `GATEPASS_REGENERATE=1` writes it anew.

use shared::reason::Reason;

#[test]
fn the_published_table_is_the_codes() {
    let mut table = String::from(
        "# Reason codes\n\nWhy a visit ended as it did. Codes never change meaning between releases; sentences are for the operator and\n\
         hold no personal data. *Refused*: something was shown to be false. *Unanswered*: nothing was, but not everything\n\
         could be checked, so an officer decides. The order is the order of the checks.\n\n| code | answer | sentence |\n| --- | --- | --- |\n",
    );
    for reason in Reason::ALL {
        let answer = format!("{:?}", reason.answer()).to_lowercase();
        table.push_str(&format!("| `{}` | {answer} | {} |\n", reason.code(), reason.sentence()));
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reason-codes.md");
    if std::env::var_os("GATEPASS_REGENERATE").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), table);
}
