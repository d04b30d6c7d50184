//! Runs the shared vector files, if they exist. They are not part of this repository.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../examples/verify_vectors/cases.rs"]
mod cases;

use cases::{Verdict, judge};
use serde_json::Value;

/// Each case gives the result in its file, except those listed in `docs/spec-coverage.md`.
fn run(file: &str, at_least: usize, unsupported: &[&str]) {
    let path = format!("{}/../../shared/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("skipped: {path} is not here");
        return;
    };
    let vectors: Value = serde_json::from_slice(&bytes).unwrap();
    let mut ran = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let id = case["id"].as_str().unwrap();
        let verdict = judge(case);
        if unsupported.contains(&id) {
            assert!(matches!(verdict, Verdict::Unsupported(_)), "{id}: {verdict}");
        } else {
            assert_eq!(verdict == Verdict::Accept, case["expect"]["result"] == "accept", "{id}: {verdict}");
        }
        ran += 1;
    }
    assert!(ran >= at_least, "{file}: {ran}");
}

#[test]
fn the_w3c_vectors_verify() {
    run(
        "w3c-webauthn-l3.json",
        30,
        &[
            "w3c-l3/packed-es512/registration",
            "w3c-l3/packed-rs256/registration",
            "w3c-l3/packed-eddsa/registration",
            "w3c-l3/packed-ed448/registration",
            "w3c-l3/packed-ed448/authentication",
            "w3c-l3/tpm-es256/registration",
            "w3c-l3/android-key-es256/registration",
        ],
    );
}

#[test]
fn the_one_time_password_vectors_verify() {
    run("otp-rfc4226-rfc6238.json", 48, &[]);
}
