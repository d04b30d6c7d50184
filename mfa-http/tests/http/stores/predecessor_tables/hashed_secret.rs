//! A predecessor's `hashedApiSecret` that somebody changes by hand, after the key was used here.

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::Method;

use super::super::client::Consumer;
use super::{Deployment, consumer, fixtures, text};
use crate::server::answer;

/// The bcrypt hash of `11345678-1234-1234-1234-12345678`, a secret of another key.
const OTHER_HASH: &str = "$2a$10$8Bp9PqqfStjLvh1nQJ67JeY3CO/mEXmF1GKfe8Vk0kue1.i7fa2mC";
const OTHER_SECRET: &str = "11345678-1234-1234-1234-12345678";

#[tokio::test]
async fn a_hash_changed_by_hand_takes_effect_at_the_next_call() {
    changed_by_hand("MFA_TEST_DYNAMODB").await;
}

#[tokio::test]
async fn a_hash_changed_by_hand_takes_effect_beside_empty_strings() {
    changed_by_hand("MFA_TEST_MOTO").await;
}

async fn changed_by_hand(emulator: &str) {
    let Some(deployment) = Deployment::new(emulator).await else { return };
    let servers = [deployment.serve(), deployment.serve()];
    let rows = fixtures("node_rows");
    let api_key = &rows["api_key"];
    let (key, original) =
        (text(&api_key["row"]["value"]["S"]), text(&api_key["row"]["hashedApiSecret"]["S"]));
    let mut consumers = Vec::new();
    for server in &servers {
        consumers.push(consumer(&deployment, server, api_key).await);
    }
    let nobody = "/totp/11111111-1111-4111-8111-111111111111";
    // 404 tells that the secret was accepted.
    let all_answer = async |expected: u16| {
        for consumer in &consumers {
            assert_eq!(answer(consumer.request(Method::GET, nobody)).await.0, expected);
        }
    };
    all_answer(404).await;
    assert!(deployment.row("keys", key).await.contains_key("secretHash"));

    for (hash, expected) in [
        (Some(OTHER_HASH), 401),
        (Some(original), 404),
        (None, 401),
        (Some(original), 404),
        (Some("disabled"), 401),
        (Some(original), 404),
    ] {
        change(&deployment, key, hash).await;
        all_answer(expected).await;
    }

    // Another secret would not open what the key opens, so nothing is written for it.
    change(&deployment, key, Some(OTHER_HASH)).await;
    let before = deployment.row("keys", key).await;
    let other = Consumer::with_key(&[&servers[0]], key.to_owned(), OTHER_SECRET.to_owned());
    assert_eq!(answer(other.request(Method::GET, nobody)).await.0, 500);
    assert_eq!(deployment.row("keys", key).await, before);

    change(&deployment, key, None).await;
    // Revoked while its hash is away, it stays revoked when the hash is back.
    let revoke = consumers[0].request(Method::DELETE, &format!("/api-key/{key}"));
    let revoke = answer(revoke.header("x-api-key", crate::server::ADMIN_KEY)).await;
    assert_eq!(revoke.0, 204);
    change(&deployment, key, Some(original)).await;
    all_answer(401).await;
}

async fn change(deployment: &Deployment, key: &str, hash: Option<&str>) {
    let mut row = deployment.row("keys", key).await;
    row.remove("hashedApiSecret");
    row.extend(hash.map(|hash| ("hashedApiSecret".to_owned(), AttributeValue::S(hash.to_owned()))));
    let put = deployment.client.put_item().table_name(format!("{}-keys", deployment.name));
    put.set_item(Some(row)).send().await.unwrap();
}
