#![no_main]
//! COSE keys, and verifying with whatever they are.
use libfuzzer_sys::fuzz_target;
use mfa_core::webauthn::PublicKey;

fuzz_target!(|data: &[u8]| {
    if let Ok(key) = PublicKey::parse(data) {
        let _ = key.verify(b"message", data);
    }
});
