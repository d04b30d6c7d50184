//! Every refusal that docs/http.md tells of has words on the page.

const DOCS: &str = include_str!("../../../../docs/http.md");
const WORDS: &str = include_str!("../../../src/demo/assets/words.js");

/// What is between backticks, if it is a code.
fn codes(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    quoted.filter(|code| code.bytes().all(is_plain)).collect()
}

/// The codes of a section: the columns named `code` of its tables, and what follows a status in its text.
fn documented(section: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut column = None;
    for line in section.lines() {
        if line.starts_with('|') {
            let mut cells = line.split('|');
            if let Some(named) = cells.clone().position(|cell| cell.trim() == "`code`") {
                column = Some(named);
            } else if let Some(cell) = column.and_then(|column| cells.nth(column)) {
                found.extend(codes(cell));
            }
            continue;
        }
        column = None;
        for status in ["400 `", "401 `", "403 `", "404 `", "409 `"] {
            if let Some((_, after)) = line.split_once(status) {
                found.extend(codes(&line[line.len() - after.len() - 1..]));
            }
        }
    }
    found
}

#[test]
fn every_refusal_has_words() {
    let section = |title: &str| {
        let (_, after) = DOCS.split_once(&format!("\n## {title}\n")).unwrap();
        after.split_once("\n## ").unwrap().0
    };
    // The demo's visitors make no API keys.
    for (title, least) in [("Errors", 11), ("TOTP", 11), ("WebAuthn", 33), ("U2F", 14)] {
        let found = documented(section(title));
        assert!(found.len() >= least, "{title}: {found:?}");
        for code in found {
            assert!(WORDS.contains(&format!("\n  \"{code}\": ")), "{title}: {code} has no words");
        }
    }
}

#[test]
fn the_demos_own_refusals_have_words() {
    for code in ["no-account", "no-cookies", "foreign-page"] {
        assert!(WORDS.contains(&format!("\n  \"{code}\": ")), "{code} has no words");
    }
}
