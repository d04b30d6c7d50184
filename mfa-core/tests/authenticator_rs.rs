//! Independent authenticators work too: those of `webauthn-authenticator-rs`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use mfa_core::Mfa;
use mfa_core::store::memory::MemoryStore;
use mfa_core::webauthn::{
    AuthenticationResponse, NewUser, Refusal, RegistrationResponse, RelyingParty, WebauthnError,
};
use mfa_store_conformance::kit::service::new_consumer;
use url::Url;
use webauthn_authenticator_rs::WebauthnAuthenticator;
use webauthn_authenticator_rs::softpasskey::SoftPasskey;
use webauthn_authenticator_rs::softtoken::SoftToken;

const ORIGIN: &str = "https://login.example.com";

/// Registers, logs in twice and replays, with any authenticator.
async fn is_served(mut authenticator: impl WebauthnAuthenticator) {
    let origin = Url::parse(ORIGIN).unwrap();
    let consumer = new_consumer(&Mfa::builder(MemoryStore::default()).build()).await;
    let webauthn = consumer.webauthn(RelyingParty::new("example.com", "Acme", [ORIGIN]).unwrap());
    let new_user = NewUser { id: None, name: "jo".to_owned(), display_name: "Jo".to_owned() };
    let (user, options) = webauthn.begin_registration(&new_user).await.unwrap();
    let options = serde_json::from_value(serde_json::to_value(options).unwrap()).unwrap();
    let answer = authenticator.do_registration(origin.clone(), options).unwrap();
    let answer = serde_json::to_vec(&answer).unwrap();
    let response = RegistrationResponse::from_json(&answer).unwrap();
    let credential = webauthn.finish_registration(user, &response).await.unwrap();

    for _ in 0..2 {
        let options = webauthn.begin_authentication(user).await.unwrap();
        let options = serde_json::from_value(serde_json::to_value(options).unwrap()).unwrap();
        let answer = authenticator.do_authentication(origin.clone(), options).unwrap();
        let answer = serde_json::to_vec(&answer).unwrap();
        let response = AuthenticationResponse::from_json(&answer).unwrap();
        let authenticated = webauthn.finish_authentication(user, &response).await.unwrap();
        assert_eq!(authenticated.credential_id, credential.id);
        let replayed = webauthn.finish_authentication(user, &response).await;
        assert!(matches!(replayed, Err(WebauthnError::Refused(Refusal::Challenge))), "{replayed:?}");
    }
}

#[tokio::test]
async fn a_soft_passkey_is_served() {
    is_served(SoftPasskey::new(true)).await;
}

#[tokio::test]
async fn a_soft_token_is_served() {
    is_served(SoftToken::new(true).unwrap().0).await;
}
