//! Authenticators that are not ours answer too: those of `webauthn-authenticator-rs`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use mfa_core::Mfa;
use mfa_core::store::memory::MemoryStore;
use mfa_core::webauthn::{
    AuthenticationResponse, NewUser, Refusal, RegistrationResponse, RelyingParty, WebauthnError,
};
use mfa_store_conformance::races::new_consumer;
use serde_json::Value;
use url::Url;
use webauthn_authenticator_rs::WebauthnAuthenticator as _;
use webauthn_authenticator_rs::softpasskey::SoftPasskey;
use webauthn_authenticator_rs::softtoken::SoftToken;

const ORIGIN: &str = "https://login.example.com";

/// Registers, logs in twice, replays; by whichever authenticator answers.
async fn ceremonies(
    mut register: impl FnMut(Url, Value) -> Value,
    mut authenticate: impl FnMut(Url, Value) -> Value,
) {
    let origin = Url::parse(ORIGIN).unwrap();
    let consumer = new_consumer(&Mfa::builder(MemoryStore::default()).build()).await;
    let webauthn = consumer.webauthn(RelyingParty::new("example.com", "Acme", [ORIGIN]).unwrap());
    let new_user = NewUser { id: None, name: "jo".to_owned(), display_name: "Jo".to_owned() };
    let (user, options) = webauthn.begin_registration(&new_user).await.unwrap();
    let answer = register(origin.clone(), serde_json::to_value(options).unwrap()).to_string();
    let response = RegistrationResponse::from_json(answer.as_bytes()).unwrap();
    let credential = webauthn.finish_registration(user, &response).await.unwrap();

    for _ in 0..2 {
        let options = webauthn.begin_authentication(user).await.unwrap();
        let answer = authenticate(origin.clone(), serde_json::to_value(options).unwrap()).to_string();
        let response = AuthenticationResponse::from_json(answer.as_bytes()).unwrap();
        let authenticated = webauthn.finish_authentication(user, &response).await.unwrap();
        assert_eq!(authenticated.credential_id, credential.id);
        let replayed = webauthn.finish_authentication(user, &response).await;
        assert!(matches!(replayed, Err(WebauthnError::Refused(Refusal::Challenge))), "{replayed:?}");
    }
}

#[tokio::test]
async fn a_soft_passkey_is_served() {
    let authenticator = std::cell::RefCell::new(SoftPasskey::new(true));
    ceremonies(
        |origin, options| {
            let options = serde_json::from_value(options).unwrap();
            serde_json::to_value(authenticator.borrow_mut().do_registration(origin, options).unwrap())
                .unwrap()
        },
        |origin, options| {
            let options = serde_json::from_value(options).unwrap();
            serde_json::to_value(authenticator.borrow_mut().do_authentication(origin, options).unwrap())
                .unwrap()
        },
    )
    .await;
}

#[tokio::test]
async fn a_soft_token_is_served() {
    let authenticator = std::cell::RefCell::new(SoftToken::new(true).unwrap().0);
    ceremonies(
        |origin, options| {
            let options = serde_json::from_value(options).unwrap();
            serde_json::to_value(authenticator.borrow_mut().do_registration(origin, options).unwrap())
                .unwrap()
        },
        |origin, options| {
            let options = serde_json::from_value(options).unwrap();
            serde_json::to_value(authenticator.borrow_mut().do_authentication(origin, options).unwrap())
                .unwrap()
        },
    )
    .await;
}
