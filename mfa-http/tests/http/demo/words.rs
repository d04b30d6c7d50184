//! The page has a message for every code that a visitor can get, and for no other code.

use std::collections::BTreeSet;

use mfa_core::code::Code;

const WORDS: &str = include_str!("../../../src/demo/assets/words.js");
/// The demo's visitors make no API keys.
const OF_ADMINISTRATORS: [Code; 13] = [
    Code::InvalidQuery,
    Code::EmailRequired,
    Code::InvalidExpiry,
    Code::ApiKeyRequired,
    Code::ApiKeyNotFound,
    Code::ApiKeyAlreadyActivated,
    Code::RotationUnderWay,
    Code::InvalidRequest,
    Code::OldKeyNotValid,
    Code::NewKeyNotValid,
    Code::SameKey,
    Code::NewKeyInUse,
    Code::ThirdKey,
];
/// Codes of the demo and the page, not of the service.
const OF_THE_DEMO: [&str; 3] = ["no-account", "no-cookies", "foreign-page"];

#[test]
fn every_refusal_has_words() {
    let lines = WORDS.lines().filter_map(|line| line.strip_prefix("  \"")?.split_once("\": "));
    let worded: BTreeSet<&str> = lines.map(|(code, _)| code).collect();
    let met = Code::ALL.iter().filter(|code| !OF_ADMINISTRATORS.contains(code)).map(|code| code.as_str());
    assert_eq!(worded, met.chain(OF_THE_DEMO).collect());
}
