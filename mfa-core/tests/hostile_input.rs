//! R51, R58: parsers answer any input at once and without a panic.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use data_encoding::BASE64URL_NOPAD;
use mfa_core::u2f::{
    AppId, LegacyU2fKey, U2fAuthenticationResponse, U2fRegistrationResponse, verify_u2f_authentication,
    verify_u2f_registration,
};
use mfa_core::webauthn::{
    AuthenticationResponse, AuthenticatorData, Challenge, ClientData, CredentialRecord, PublicKey,
    RegistrationResponse, RelyingParty, WebauthnError, verify_authentication, verify_registration,
};
use mfa_store_conformance::kit::authenticator::{Browser, Key, SoftAuthenticator, SoftU2fKey, certificate};
use proptest::prelude::*;
use serde_json::{Value, json};

const ORIGIN: &str = "https://login.example.com";
const APP_ID: &str = "https://example.com";

fn party() -> RelyingParty {
    RelyingParty::new("example.com", "Acme", [ORIGIN]).unwrap()
}

fn browser() -> Browser {
    let options =
        json!({"publicKey": {"rpId": "example.com", "challenge": BASE64URL_NOPAD.encode(&[7; 32])}});
    Browser::new(ORIGIN, &options)
}

fn decoded(value: &Value) -> Vec<u8> {
    BASE64URL_NOPAD.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

/// Every 1-byte change (three of them a byte) and every truncation of `valid`.
fn spoiled(valid: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let changed = (0..valid.len() * 3).map(|n| {
        let mut bytes = valid.to_vec();
        bytes[n / 3] ^= [0x01, 0x80, 0xff][n % 3];
        bytes
    });
    changed.chain((0..valid.len()).map(|len| valid[..len].to_vec()))
}

/// Responses with one spoiled field. None may verify, except those that the filter allows.
fn spoil_fields(
    answer: &Value,
    fields: &[&str],
    mut accepts: impl FnMut(&Value) -> bool,
) -> Vec<(String, Vec<u8>)> {
    let mut accepted = Vec::new();
    for field in fields {
        for bytes in spoiled(&decoded(&answer["response"][*field])) {
            let mut answer = answer.clone();
            answer["response"][*field] = BASE64URL_NOPAD.encode(&bytes).into();
            if accepts(&answer) {
                accepted.push(((*field).to_owned(), bytes));
            }
        }
    }
    accepted
}

#[test]
fn no_spoiled_assertion_verifies() {
    for algorithm in [-7, -35, -36, -8, -257] {
        let mut authenticator = SoftAuthenticator::new(algorithm);
        let credential = CredentialRecord::new(authenticator.credential_id.clone(), authenticator.key.cose());
        let answer = authenticator.get(&browser());
        let verify = |answer: &Value| {
            let response = AuthenticationResponse::from_json(answer.to_string().as_bytes());
            let challenge = Challenge::from_bytes(vec![7; 32]);
            response.is_ok_and(|answer| {
                verify_authentication(&answer, &credential, &challenge, b"u", &party(), None).is_ok()
            })
        };
        assert!(verify(&answer));
        let accepted = spoil_fields(&answer, &["clientDataJSON", "authenticatorData", "signature"], verify);
        assert_eq!(accepted, []);
    }
}

#[test]
fn no_spoiled_registration_panics_or_yields_another_credential() {
    let authenticator = SoftAuthenticator::new(-7);
    let verify = |answer: &Value| {
        let response = RegistrationResponse::from_json(answer.to_string().as_bytes())?;
        let challenge = Challenge::from_bytes(vec![7; 32]);
        Ok::<_, WebauthnError>(verify_registration(&response, &challenge, &party())?)
    };
    // Self attestation signs everything except the statement's own map, so no spoiled response passes.
    let packed = authenticator.create_packed(&browser());
    assert!(verify(&packed).is_ok());
    assert_eq!(
        spoil_fields(&packed, &["clientDataJSON", "attestationObject"], |answer| verify(answer).is_ok()),
        []
    );
    // Without attestation, nothing proves the model, counter or key. A response that passes still holds a
    // whole credential.
    let none = authenticator.create(&browser());
    spoil_fields(&none, &["attestationObject"], |answer| {
        if let Ok(record) = verify(answer) {
            PublicKey::parse(&record.public_key).unwrap();
            assert_eq!(record.rp_id.as_deref(), Some("example.com"));
        }
        false
    });
}

#[test]
fn no_spoiled_u2f_message_verifies() {
    let (mut key, batch, app_id) = (SoftU2fKey::new(), Key::generate(-7), AppId::parse(APP_ID).unwrap());
    let challenge = BASE64URL_NOPAD.encode(&[7; 32]);
    let enrolled = key.register(
        "navigator.id.finishEnrollment",
        APP_ID,
        APP_ID,
        &challenge,
        &certificate(&batch),
        &batch,
    );
    let register = |client_data: &[u8], data: &[u8]| {
        let encode = |bytes| BASE64URL_NOPAD.encode(bytes);
        let response = U2fRegistrationResponse::new(&encode(client_data), &encode(data)).unwrap();
        verify_u2f_registration(&response, &Challenge::from_bytes(vec![7; 32]), &app_id)
    };
    let (client_data, data) = (decoded(&enrolled["clientData"]), decoded(&enrolled["registrationData"]));
    let registered = register(&client_data, &data).unwrap();
    for spoiled in spoiled(&client_data) {
        assert!(register(&spoiled, &data).is_err());
    }
    for spoiled in spoiled(&data) {
        // The signature does not cover the certificate. Only its key is used.
        if let Ok(other) = register(&client_data, &spoiled) {
            assert_eq!(other, registered);
        }
    }

    let asserted = key.authenticate("navigator.id.getAssertion", APP_ID, APP_ID, &challenge);
    let authenticate = |client_data: &[u8], data: &[u8]| {
        let encode = |bytes| BASE64URL_NOPAD.encode(bytes);
        let response = U2fAuthenticationResponse::new(&encode(client_data), &encode(data), None).unwrap();
        verify_u2f_authentication(&response, &Challenge::from_bytes(vec![7; 32]), &app_id, &registered, None)
            .is_ok()
    };
    let (client_data, data) = (decoded(&asserted["clientData"]), decoded(&asserted["signatureData"]));
    assert!(authenticate(&client_data, &data));
    assert!(spoiled(&client_data).all(|spoiled| !authenticate(&spoiled, &data)));
    assert!(spoiled(&data).all(|spoiled| !authenticate(&client_data, &spoiled)));
}

/// The most memory this process has held, in KiB.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Lengths of 2^63 and nests of 20,000 levels are refused, and cost next to no memory.
#[test]
fn bombs_do_not_go_off() {
    let mut bombs = vec![vec![0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]];
    for head in [0x5b, 0x7b, 0xbb, 0x9b, 0xdb] {
        bombs.push([&[head, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0; 64].as_slice()].concat());
    }
    for level in [&[0x81][..], &[0xa1, 0x00], &[0xc0], &[0x9f], &[0xbf, 0x00], &[0x7f], &[0x5f]] {
        bombs.push(level.repeat(20_000));
    }
    let authenticator_data =
        SoftAuthenticator::new(-7).get(&browser())["response"]["authenticatorData"].clone();
    let mut with_extensions = decoded(&authenticator_data);
    with_extensions[32] |= 0x80;

    let attack = |bomb: &[u8]| {
        assert!(PublicKey::parse(bomb).is_err());
        assert!(AuthenticatorData::parse(bomb).is_err());
        assert!(AuthenticatorData::parse(&[with_extensions.as_slice(), bomb].concat()).is_err());
        let mut answer = SoftAuthenticator::new(-7).create(&browser());
        answer["response"]["attestationObject"] = BASE64URL_NOPAD.encode(bomb).into();
        let response = RegistrationResponse::from_json(answer.to_string().as_bytes()).unwrap();
        assert!(verify_registration(&response, &Challenge::from_bytes(vec![7; 32]), &party()).is_err());
        // As the statement of an otherwise valid attestation.
        let format = b"\xa3cfmtfpackedgattStmt";
        let object = [format, bomb, b"hauthDataX\x00"].concat();
        answer["response"]["attestationObject"] = BASE64URL_NOPAD.encode(&object).into();
        let response = RegistrationResponse::from_json(answer.to_string().as_bytes()).unwrap();
        assert!(verify_registration(&response, &Challenge::from_bytes(vec![7; 32]), &party()).is_err());
    };
    attack(&bombs[0]);
    let before = peak();
    for bomb in &bombs {
        attack(bomb);
    }
    for json in ["[".repeat(20_000), "{\"a\":".repeat(20_000), format!("\"{}", "\\u0041".repeat(10_000))] {
        assert!(ClientData::parse(json.as_bytes()).is_err());
        assert!(AuthenticationResponse::from_json(json.as_bytes()).is_err());
        assert!(RegistrationResponse::from_json(json.as_bytes()).is_err());
    }
    assert!(peak() - before < 1024, "{} KiB", peak() - before);
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = ClientData::parse(&bytes);
        let _ = AuthenticatorData::parse(&bytes);
        let _ = PublicKey::parse(&bytes).map(|key| key.verify(b"message", &bytes));
        let _ = AuthenticationResponse::from_json(&bytes);
        let _ = RegistrationResponse::from_json(&bytes);
        let _ = LegacyU2fKey::parse(&bytes, &bytes, &bytes);
        let _ = AppId::parse(&String::from_utf8_lossy(&bytes));
        let origin = String::from_utf8_lossy(&bytes).into_owned();
        let _ = RelyingParty::new(&origin, "x", [origin.as_str()]);
        let _ = RelyingParty::from_headers(&origin, "x", &origin);
    }
}
