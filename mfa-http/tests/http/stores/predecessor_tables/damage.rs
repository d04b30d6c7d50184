//! Rows that cannot be read.

use data_encoding::BASE64;
use reqwest::Method;
use serde_json::json;

use super::{Deployment, authenticator, consumer, fixtures, item_of, login, text};
use crate::server::answer;

/// A row that cannot be read is a 500, and stays as it is, byte for byte.
#[tokio::test]
async fn corrupt_rows_are_errors_and_stay() {
    corrupt_rows("MFA_TEST_DYNAMODB").await;
}

/// As above, in another emulator.
#[tokio::test]
async fn corrupt_rows_are_errors_and_stay_beside_empty_strings() {
    corrupt_rows("MFA_TEST_MOTO").await;
}

async fn corrupt_rows(emulator: &str) {
    let Some(deployment) = Deployment::new(emulator).await else { return };
    let server = deployment.serve();
    let rows = fixtures("node_rows");
    let consumer = consumer(&deployment, &server, &rows["api_key"]).await;
    let owner = json!({"S": consumer.key});
    let id = "11111111-1111-4111-8111-111111111111";
    for damage in [
        json!({"encryptedTotpKey": {"S": "neither a colon nor base64"}}),
        json!({"encryptedTotpKey": {"S": "AAAA:AAAA"}}),
        json!({"encryptedTotpKey": {"S": "AQAAAAEAAAAAAAAAAAAAAAAA"}}),
        json!({"encryptedTotpKey": {"N": "7"}}),
        json!({"encryptedTotpKey": rows["totp"][0]["row"]["encryptedTotpKey"], "failures": {"S": "many"}}),
        json!({}),
    ] {
        let mut row = damage;
        row["uuid"] = json!({"S": id});
        row["apiKey"] = owner.clone();
        deployment.put("totp", &row).await;
        let before = deployment.row("totp", id).await;
        assert_eq!(consumer.validate(id, "123456").await, 500, "{row}");
        assert_eq!(answer(consumer.request(Method::GET, &format!("/totp/{id}"))).await.0, 500, "{row}");
        assert_eq!(deployment.row("totp", id).await, before);
    }
    for (damage, delete_u2f) in [
        (json!({"EncryptedCredentials": {"S": "text"}}), 500),
        (json!({"EncryptedCredentials": {"B": "AAAA"}}), 204),
        (json!({"EncryptedCredentials": {"B": BASE64.encode(&[7; 200])}}), 204),
        (json!({"encryptedKeyHandle": {"S": "x:y"}, "encryptedAppId": {"S": "x"}}), 204),
    ] {
        let mut row = damage;
        row["uuid"] = json!({"S": id});
        row["apiKey"] = owner.clone();
        deployment.put("u2f", &row).await;
        let before = deployment.row("u2f", id).await;
        let (status, body) = answer(consumer.about(id, Method::POST, "/webauthn/login")).await;
        assert_eq!(status, 500, "{row}: {body}");
        if row.get("EncryptedCredentials").is_some() {
            let (status, body) = answer(consumer.about(id, Method::POST, "/webauthn/register")).await;
            assert_eq!(status, 500, "{row}: {body}");
        }
        assert_eq!(deployment.row("u2f", id).await, before);
        let deleted = answer(consumer.about(id, Method::DELETE, "/webauthn/credential/u2f")).await;
        assert_eq!(deleted.0, delete_u2f, "{row}: {}", deleted.1);
        let credentials = deployment.row("u2f", id).await.remove("EncryptedCredentials");
        assert_eq!(credentials.as_ref(), before.get("EncryptedCredentials"), "{row}");
    }
    // A row without an owner is nobody's.
    deployment
        .put(
            "totp",
            &json!({"uuid": {"S": id}, "encryptedTotpKey": rows["totp"][0]["row"]["encryptedTotpKey"]}),
        )
        .await;
    assert_eq!(answer(consumer.request(Method::GET, &format!("/totp/{id}"))).await.0, 404);
    assert_eq!(answer(consumer.request(Method::DELETE, &format!("/totp/{id}"))).await.0, 404);
}

/// A legacy key of which a part does not open spoils nothing else of its user, and its parts stay as they are until it is
/// deleted.
#[tokio::test]
async fn a_spoilt_legacy_key_spoils_nothing_else() {
    spoilt_legacy_key("MFA_TEST_DYNAMODB").await;
}

/// As above, in another emulator.
#[tokio::test]
async fn a_spoilt_legacy_key_spoils_nothing_else_beside_empty_strings() {
    spoilt_legacy_key("MFA_TEST_MOTO").await;
}

async fn spoilt_legacy_key(emulator: &str) {
    let Some(deployment) = Deployment::new(emulator).await else { return };
    let server = deployment.serve();
    let (rows, node) = (fixtures("go_rows"), fixtures("node_rows"));
    let consumer = consumer(&deployment, &server, &node["api_key"]).await;
    let legacy = &rows["legacy_u2f_user_from_node"];
    let mixed = &legacy["pending_login_u2f_plus_webauthn"];
    let (credential, id) = (&mixed["webauthn_credential"], text(&legacy["uuid"]));
    let parts = ["encryptedAppId", "encryptedKeyHandle", "encryptedPublicKey"];
    for (part, spoilt) in
        parts.into_iter().flat_map(|part| ["x:y", "AAAA:AAAA", "text"].map(|text| (part, text)))
    {
        let mut row = mixed["row"].clone();
        row[part] = json!({"S": spoilt});
        deployment.put("u2f", &row).await;
        let mut webauthn = authenticator(credential);
        assert_eq!(login(&consumer, id, &mut webauthn, "example.com").await, 200, "{part} {spoilt}");
        let (status, user) = answer(consumer.about(id, Method::GET, "/webauthn/user")).await;
        assert_eq!((status, &user["unreadable"]), (200, &json!(1)), "{part} {spoilt}: {user}");
        assert_eq!(user["credentials"].as_array().unwrap().len(), 1);
        let after = deployment.row("u2f", id).await;
        for part in parts {
            assert_eq!(after[part], item_of(&row)[part], "{part} was touched");
        }

        let delete =
            |name: &str| answer(consumer.about(id, Method::DELETE, &format!("/webauthn/credential/{name}")));
        assert_eq!(delete("u2f").await.0, 204);
        let after = deployment.row("u2f", id).await;
        assert!(parts.iter().all(|part| !after.contains_key(*part)), "{after:?}");
        assert_eq!(login(&consumer, id, &mut webauthn, "example.com").await, 200, "{part} {spoilt}");

        deployment.put("u2f", &row).await;
        assert_eq!(delete(text(&credential["key_handle_hash"])).await.0, 204, "{part} {spoilt}");
        assert_eq!(deployment.row("u2f", id).await[part], item_of(&row)[part]);
    }
}
