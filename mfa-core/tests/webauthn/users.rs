//! Options, and a user's credentials.

use std::sync::Arc;
use std::time::Duration;

use mfa_core::Mfa;
use mfa_core::store::UserId;
use mfa_core::webauthn::{
    AuthenticationResponse, Refusal, RelyingParty, ResidentKey, UserVerification, WebauthnError,
};
use mfa_store_conformance::kit::authenticator::{Browser, SoftAuthenticator};
use mfa_store_conformance::kit::service::new_consumer;
use serde_json::json;

use super::setup::{NOW, ORIGIN, Setup, party, refusal};

/// The options are the Go predecessor's (`compat.md` §5), without the algorithms that cannot be verified.
#[tokio::test]
async fn options_are_the_predecessors() {
    let setup = Setup::new().await;
    let by_headers = RelyingParty::from_headers("example.com", "ACME Inc.", ORIGIN).unwrap();
    let (user, mut options) = setup.begin_registration(&by_headers, None).await;
    let challenge = options["publicKey"]["challenge"].take();
    assert_eq!(challenge.as_str().unwrap().len(), 43);
    assert_eq!(
        options,
        json!({"publicKey": {
            "rp": {"name": "ACME Inc.", "id": "example.com"},
            "user": {"name": "jo", "displayName": "Jo Äöü",
                     "id": data_encoding::BASE64URL_NOPAD.encode(user.to_string().as_bytes())},
            "challenge": null,
            "pubKeyCredParams": [{"type": "public-key", "alg": -7}, {"type": "public-key", "alg": -35},
                                 {"type": "public-key", "alg": -257}],
            "timeout": 120_000,
            "authenticatorSelection": {"requireResidentKey": false, "userVerification": "discouraged"},
        }})
    );

    let authenticator = SoftAuthenticator::new(-7);
    let user = setup.register(&by_headers, &authenticator).await;
    let mut options = setup.begin_login(&by_headers, user).await;
    options["publicKey"]["challenge"].take();
    let id = data_encoding::BASE64URL_NOPAD.encode(&authenticator.credential_id);
    assert_eq!(
        options,
        json!({"publicKey": {
            "challenge": null, "timeout": 120_000, "rpId": "example.com", "userVerification": "discouraged",
            "allowCredentials": [{"type": "public-key", "id": id, "transports": ["usb", "nfc"]}],
        }})
    );

    let own = party().resident_key(ResidentKey::Required).user_verification(UserVerification::Preferred);
    let (_, options) = setup.begin_registration(&own, Some(user)).await;
    assert_eq!(options["publicKey"]["excludeCredentials"][0]["id"], id);
    let selection =
        json!({"residentKey": "required", "requireResidentKey": true, "userVerification": "preferred"});
    assert_eq!(options["publicKey"]["authenticatorSelection"], selection);
}

#[tokio::test]
async fn credentials_are_listed_renamed_and_deleted() {
    let setup = Setup::new().await;
    let mut first = SoftAuthenticator::new(-7);
    let user = setup.register(&party(), &first).await;
    let (_, options) = setup.begin_registration(&party(), Some(user)).await;
    let second = SoftAuthenticator::new(-257);
    let answer = second.create(&Browser::new(ORIGIN, &options));
    setup.finish_registration(&party(), user, &answer).await.unwrap();
    // The same credential again, by another ceremony.
    let (_, options) = setup.begin_registration(&party(), Some(user)).await;
    let again =
        setup.finish_registration(&party(), user, &second.create(&Browser::new(ORIGIN, &options))).await;
    assert_eq!(refusal(again), Refusal::DuplicateCredential);

    setup.clock.advance(Duration::from_secs(60));
    let browser = Browser::new(ORIGIN, &setup.begin_login(&party(), user).await);
    setup.finish_login(&party(), user, &first.get(&browser)).await.unwrap();
    let listed = setup.consumer.user_credentials(user).await.unwrap().credentials;
    assert_eq!(listed.len(), 2);
    assert_eq!(
        (listed[0].created_at, listed[0].last_used_at),
        (Some(NOW), Some(NOW.after(Duration::from_secs(60))))
    );
    assert_eq!((listed[0].aaguid, listed[0].rp_id.as_deref()), ([7; 16], Some("example.com")));
    assert_eq!(listed[1].last_used_at, None);

    let hash = listed[1].id.key_handle_hash();
    setup.consumer.rename_credential(user, hash, Some("Jö's key")).await.unwrap();
    let listed = setup.consumer.user_credentials(user).await.unwrap().credentials;
    assert_eq!(listed[1].label.as_deref(), Some("Jö's key"));
    setup.consumer.delete_credential(user, hash).await.unwrap();
    assert!(matches!(setup.consumer.delete_credential(user, hash).await, Err(WebauthnError::NotFound)));
    setup.consumer.delete_credential(user, listed[0].id.key_handle_hash()).await.unwrap();
    assert!(matches!(setup.consumer.delete_credential(user, hash).await, Err(WebauthnError::NoCredentials)));
    let none = setup.consumer.webauthn(party()).begin_authentication(user).await;
    assert!(matches!(none, Err(WebauthnError::NoCredentials)));
    assert!(setup.consumer.delete_user(user).await.unwrap());
    assert!(!setup.consumer.delete_user(user).await.unwrap());
}

/// R45, R46: another consumer's user is answered like an unknown one, and its ceremonies cannot be taken.
#[tokio::test]
async fn another_consumers_user_is_an_unknown_one() {
    let setup = Setup::new().await;
    let mut authenticator = SoftAuthenticator::new(-7);
    let user = setup.register(&party(), &authenticator).await;
    let hash = setup.consumer.user_credentials(user).await.unwrap().credentials[0].id.key_handle_hash();
    let clock = Arc::clone(&setup.clock);
    let stranger = new_consumer(&Mfa::builder(setup.stores.clone()).clock(clock).build()).await;

    let nobody = UserId("00000000-0000-4000-8000-000000000000".parse::<UserId>().unwrap().0);
    for user in [user, nobody] {
        let begun = stranger.webauthn(party()).begin_authentication(user).await;
        assert!(matches!(begun, Err(WebauthnError::NoCredentials)));
        assert!(matches!(stranger.delete_credential(user, hash).await, Err(WebauthnError::NotFound)));
        assert!(matches!(stranger.rename_credential(user, hash, None).await, Err(WebauthnError::NotFound)));
        assert_eq!(stranger.user_credentials(user).await.unwrap().credentials, []);
        assert!(!stranger.delete_user(user).await.unwrap());
    }
    let browser = Browser::new(ORIGIN, &setup.begin_login(&party(), user).await);
    let answer = authenticator.get(&browser);
    let response = AuthenticationResponse::from_json(answer.to_string().as_bytes()).unwrap();
    let stolen = stranger.webauthn(party()).finish_authentication(user, &response).await;
    assert!(matches!(stolen, Err(WebauthnError::Refused(Refusal::Challenge))), "{stolen:?}");
    setup.finish_login(&party(), user, &answer).await.unwrap();
}
