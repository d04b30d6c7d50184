//! Registrations as the Go predecessor's U2F simulator makes them, which its clients' tests send.

use data_encoding::{BASE64URL, BASE64URL_NOPAD};
use mfa_core::webauthn::{Refusal, RelyingParty, WebauthnError};
use mfa_store_conformance::kit::authenticator::{Browser, Key, SoftAuthenticator, UP};
use minicbor::Encoder;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::setup::{ORIGIN, Setup, party, refusal};

const HANDLE: &[u8] = b"U2fSimulatorKey";

/// A self-signed certificate of the key.
fn certificate(key: &Key) -> Vec<u8> {
    let pair = KeyPair::try_from(key.pkcs8()).unwrap();
    CertificateParams::new(vec!["simulator.example".to_owned()])
        .unwrap()
        .self_signed(&pair)
        .unwrap()
        .der()
        .to_vec()
}

/// Its answer to `options`: the signature covers the origin's hash, the key names no curve, and the attestation object has
/// a fourth member.
fn simulated(key: &Key, origin: &str, options: &Value) -> Value {
    let browser = Browser::new(origin, options);
    let client_data =
        json!({"type": "webauthn.create", "challenge": browser.challenge, "origin": origin}).to_string();
    let point = key.point();
    let mut cose = Encoder::new(Vec::new());
    cose.map(4).unwrap().u8(1).unwrap().u8(2).unwrap().u8(3).unwrap().i8(-7).unwrap();
    cose.i8(-2).unwrap().bytes(&point[1..33]).unwrap().i8(-3).unwrap().bytes(&point[33..]).unwrap();
    let data = [
        &Sha256::digest(browser.rp_id)[..],
        &[0x41, 0, 0, 0, 0],
        &[0; 16],
        &[0, u8::try_from(HANDLE.len()).unwrap()],
        HANDLE,
        &cose.into_writer(),
    ]
    .concat();
    let signed = [&[0][..], &Sha256::digest(origin), &Sha256::digest(&client_data), HANDLE, &point].concat();

    let mut object = Encoder::new(Vec::new());
    object.map(4).unwrap().str("fmt").unwrap().str("fido-u2f").unwrap().str("attStmt").unwrap();
    object.map(2).unwrap().str("x5c").unwrap().array(1).unwrap().bytes(&certificate(key)).unwrap();
    object.str("sig").unwrap().bytes(&key.sign(&signed)).unwrap();
    object.str("authData").unwrap().bytes(&data).unwrap().str("AuthData").unwrap().bytes(&data).unwrap();
    let id = BASE64URL_NOPAD.encode(b"f1b2cbd0-35ff-4df3-a2a2-1be0f3a4d3d1");
    json!({
        "id": id, "rawId": id, "type": "public-key", "transports": ["usb"], "clientExtensionResults": {},
        "response": {
            "clientDataJSON": BASE64URL.encode(client_data.as_bytes()),
            "attestationObject": BASE64URL_NOPAD.encode(&object.into_writer()),
        },
    })
}

/// It verifies where the RP ID is the origin, and its key, stored without a curve, logs in.
#[tokio::test]
async fn its_registration_is_accepted_and_its_key_logs_in() {
    let setup = Setup::new().await;
    let party = RelyingParty::from_headers("http://app99", "App", "http://app99").unwrap();
    let unnamed = RelyingParty::from_headers("http://app99", "App", "").unwrap();
    let key = Key::generate(-7);
    let (user, options) = setup.begin_registration(&unnamed, None).await;
    let answer = simulated(&key, "http://app99", &options);
    setup.finish_registration(&party, user, &answer).await.unwrap();

    let mut authenticator =
        SoftAuthenticator { key, credential_id: HANDLE.to_vec(), aaguid: [0; 16], flags: UP, counter: 1 };
    let browser = Browser::new("http://app99", &setup.begin_login(&party, user).await);
    setup.finish_login(&unnamed, user, &authenticator.get(&browser)).await.unwrap();
}

/// Elsewhere its signature covers the wrong hash.
#[tokio::test]
async fn its_registration_is_refused_where_the_rp_id_is_a_domain() {
    let setup = Setup::new().await;
    let (user, options) = setup.begin_registration(&party(), None).await;
    let answer = simulated(&Key::generate(-7), ORIGIN, &options);
    let refused: Result<(), WebauthnError> = setup.finish_registration(&party(), user, &answer).await;
    assert_eq!(refusal(refused), Refusal::Attestation);
}
