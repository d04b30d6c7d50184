#![no_main]
//! Authenticator data: what is left over is refused, so what is accepted says how long it was.
use libfuzzer_sys::fuzz_target;
use mfa_core::webauthn::AuthenticatorData;

fuzz_target!(|data: &[u8]| {
    if let Ok(parsed) = AuthenticatorData::parse(data) {
        assert!(data.len() >= 37);
        assert_eq!(parsed.rp_id_hash, data[..32]);
        if let Some(attested) = parsed.attested {
            assert!(attested.credential_id.len() + attested.public_key.len() + 55 <= data.len());
        }
    }
});
