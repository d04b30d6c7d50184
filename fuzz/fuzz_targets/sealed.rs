#![no_main]
//! Sealed fields, API keys, secrets and codes.
use libfuzzer_sys::fuzz_target;
use mfa_core::ConsumerId;
use mfa_core::api_key::{ApiKey, ApiSecret};
use mfa_core::envelope::{Context, Keyring, RecordKind, Sealed};
use mfa_core::random::OsRandom;
use mfa_core::totp::{OtpCode, TotpId};

fuzz_target!(|data: &[u8]| {
    let consumer = ConsumerId::of_first_key(&"consumer".parse().expect("well-formed"));
    let keyring = Keyring::generate(&OsRandom).expect("random");
    let context = Context { consumer: &consumer, kind: RecordKind::Totp, record_id: "1", field: "f" };
    assert!(keyring.open::<()>(&context, &Sealed::from_stored(data.to_vec())).is_err());
    let text = String::from_utf8_lossy(data);
    let _ =
        (text.parse::<ApiKey>(), text.parse::<ApiSecret>(), text.parse::<OtpCode>(), text.parse::<TotpId>());
});
