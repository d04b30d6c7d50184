#![no_main]
//! Client data, and the JSON around responses.
use libfuzzer_sys::fuzz_target;
use mfa_core::webauthn::{AuthenticationResponse, ClientData, RegistrationResponse};

fuzz_target!(|data: &[u8]| {
    let _ = ClientData::parse(data);
    let _ = AuthenticationResponse::from_json(data);
    let _ = RegistrationResponse::from_json(data);
});
