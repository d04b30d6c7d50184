//! `docs/http.md` names exactly the contract's codes for each route.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::openapi::COMMITTED;

const REFERENCE: &str = include_str!("../../../docs/http.md");

/// Texts between backticks that are spelt like codes.
fn codes(text: &str) -> impl Iterator<Item = &str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    quoted.filter(move |code| code.bytes().all(is_plain))
}

/// The codes of a section, from the columns `code` of its tables, and after a status in its text.
fn documented(section: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
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
            if let Some((before, _)) = line.split_once(status) {
                found.extend(codes(&line[before.len()..]));
            }
        }
    }
    found
}

/// The text under a heading, up to the next heading of its level.
fn section<'a>(level: &str, title: &str) -> &'a str {
    let (_, after) = REFERENCE.split_once(&format!("\n{level} {title}\n")).unwrap();
    let end = after.lines().take_while(|line| !is_heading(line, level)).map(|line| line.len() + 1).sum();
    &after[..after.len().min(end)]
}

fn is_heading(line: &str, level: &str) -> bool {
    line.starts_with('#') && line.split(' ').next().is_some_and(|hashes| hashes.len() <= level.len())
}

/// The codes that the contract lists, by method and path.
fn contract() -> BTreeMap<String, BTreeSet<String>> {
    let contract: Value = serde_json::from_str(&std::fs::read_to_string(COMMITTED).unwrap()).unwrap();
    let mut operations = BTreeMap::new();
    for (path, item) in contract["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap().values();
            let lists = responses.filter_map(|response| {
                response.pointer("/content/application~1json/schema/allOf/1/properties/code/enum")
            });
            let codes = lists.flat_map(|list| list.as_array().unwrap());
            let codes = codes.map(|code| code.as_str().unwrap().to_owned()).collect();
            operations.insert(format!("{} {path}", method.to_uppercase()), codes);
        }
    }
    operations
}

/// A section is about the operations whose paths begin with one of `paths`, or about the one of its heading.
#[test]
fn the_reference_names_the_codes_of_each_route() {
    let shared = documented(section("##", "Errors"));
    let contract = contract();
    let mut sections = Vec::new();
    for (name, codes) in &contract {
        let path = name.split(' ').nth(1).unwrap();
        if path.starts_with("/api-key") || path.starts_with("/totp") {
            sections.push((name.as_str(), section("###", &format!("`{name}`")), codes.clone()));
        }
    }
    for (title, prefix) in [("WebAuthn", "/webauthn"), ("U2F", "/u2f")] {
        let of_section = contract.iter().filter(|(name, _)| name.contains(prefix));
        sections.push((
            title,
            section("##", title),
            of_section.flat_map(|(_, codes)| codes).cloned().collect(),
        ));
    }
    assert!(shared.len() == 11 && sections.len() == 12);
    for (name, section, codes) in sections {
        let codes: BTreeSet<&str> = codes.iter().map(String::as_str).collect();
        let named = documented(section);
        let unknown: Vec<&&str> = named.difference(&codes).collect();
        assert!(unknown.is_empty(), "docs/http.md, {name}: the contract does not list {unknown:?}");
        let missing: Vec<&&str> =
            codes.iter().filter(|code| !named.contains(*code) && !shared.contains(*code)).collect();
        assert!(missing.is_empty(), "docs/http.md, {name}: missing {missing:?}");
    }
}
