#![no_main]
//! Attestation objects, through the whole registration.
use data_encoding::BASE64URL_NOPAD;
use libfuzzer_sys::fuzz_target;
use mfa_core::webauthn::{Challenge, RegistrationResponse, RelyingParty, verify_registration};

fuzz_target!(|data: &[u8]| {
    let client_data = r#"{"type":"webauthn.create","challenge":"AAAA","origin":"https://example.com"}"#;
    let json = format!(
        r#"{{"id":"AA","type":"public-key","response":{{"clientDataJSON":"{}","attestationObject":"{}"}}}}"#,
        BASE64URL_NOPAD.encode(client_data.as_bytes()),
        BASE64URL_NOPAD.encode(data),
    );
    let response = RegistrationResponse::from_json(json.as_bytes()).expect("well-formed");
    let party = RelyingParty::new("example.com", "x", ["https://example.com"]).expect("well-formed");
    let _ = verify_registration(&response, &Challenge::from_bytes(vec![0; 3]), &party);
});
