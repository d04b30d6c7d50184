#![no_main]
//! Raw U2F messages, behind client data that is in order.
use data_encoding::BASE64URL_NOPAD;
use libfuzzer_sys::fuzz_target;
use mfa_core::u2f::{
    AppId, LegacyU2fKey, U2fAuthenticationResponse, U2fRegistrationResponse, verify_u2f_authentication,
    verify_u2f_registration,
};
use mfa_core::webauthn::Challenge;

fuzz_target!(|data: &[u8]| {
    let app_id = AppId::parse("https://example.com").expect("well-formed");
    let challenge = Challenge::from_bytes(vec![0; 3]);
    let message = BASE64URL_NOPAD.encode(data);
    let client_data = |typ: &str| {
        let json = format!(r#"{{"typ":"{typ}","challenge":"AAAA","origin":"https://example.com"}}"#);
        BASE64URL_NOPAD.encode(json.as_bytes())
    };
    let enrolled = client_data("navigator.id.finishEnrollment");
    let response = U2fRegistrationResponse::new(&enrolled, &message).expect("base64");
    let _ = verify_u2f_registration(&response, &challenge, &app_id);

    let asserted = client_data("navigator.id.getAssertion");
    let response = U2fAuthenticationResponse::new(&asserted, &message, None).expect("base64");
    let point = BASE64URL_NOPAD.encode(&[4; 65]);
    let key = LegacyU2fKey::parse(b"https://example.com", b"AAAA", point.as_bytes()).expect("well-formed");
    let _ = verify_u2f_authentication(&response, &challenge, &app_id, &key, None);
    let _ = LegacyU2fKey::parse(data, data, data);
});
