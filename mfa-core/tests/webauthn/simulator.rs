//! Registrations as the Go predecessor's U2F simulator makes them, which its clients' tests send.

use data_encoding::BASE64URL_NOPAD;
use mfa_core::webauthn::{Refusal, RelyingParty, WebauthnError};
use mfa_store_conformance::kit::authenticator::{Browser, Key, SoftAuthenticator, UP};
use mfa_store_conformance::kit::go_simulator::{KEY_HANDLE, Registration, register};
use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;

use super::setup::{ORIGIN, Setup, party, refusal};

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

/// Its answer to `options`.
fn simulated(key: &Key, origin: &str, options: &Value) -> Value {
    let browser = Browser::new(origin, options);
    let asked = Registration {
        challenge: &browser.challenge,
        key_handle: KEY_HANDLE,
        rp_id: &browser.rp_id,
        origin,
        user: &BASE64URL_NOPAD.encode(b"f1b2cbd0-35ff-4df3-a2a2-1be0f3a4d3d1"),
    };
    register(key, &certificate(key), asked)
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
        SoftAuthenticator { key, credential_id: KEY_HANDLE.into(), aaguid: [0; 16], flags: UP, counter: 1 };
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
