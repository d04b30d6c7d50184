//! Rows that cannot be read.

use data_encoding::BASE64;
use reqwest::Method;
use serde_json::json;

use super::{Deployment, consumer, fixtures};
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
    for damage in [
        json!({"EncryptedCredentials": {"B": "AAAA"}}),
        json!({"EncryptedCredentials": {"S": "text"}}),
        json!({"EncryptedCredentials": {"B": BASE64.encode(&[7; 200])}}),
        json!({"encryptedKeyHandle": {"S": "x:y"}, "encryptedAppId": {"S": "x"}}),
    ] {
        let mut row = damage;
        row["uuid"] = json!({"S": id});
        row["apiKey"] = owner.clone();
        deployment.put("u2f", &row).await;
        let before = deployment.row("u2f", id).await;
        for (method, path) in [
            (Method::POST, "/webauthn/login"),
            (Method::POST, "/webauthn/register"),
            (Method::GET, "/webauthn/user"),
            (Method::DELETE, "/webauthn/credential/u2f"),
        ] {
            let (status, body) = answer(consumer.about(id, method.clone(), path)).await;
            assert_eq!(status, 500, "{method} {path} {row}: {body}");
        }
        assert_eq!(deployment.row("u2f", id).await, before);
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
