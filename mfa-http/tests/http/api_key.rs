//! `/api-key`, as `compat.md` §1.5 and §1.6 have it.

use reqwest::Method;
use serde_json::json;

use super::server::{TestServer, answer, error};

#[tokio::test]
async fn a_key_is_created_listed_activated_and_revoked() {
    let server = TestServer::start().await;
    let consumer = server.consumer("dev@example.com").await;
    assert_eq!(consumer.key.len(), 40);
    assert_eq!(consumer.secret.len(), 44);

    let (_, list) = answer(server.admin(Method::GET, "/api-key")).await;
    let key = &list["keys"][0];
    assert_eq!((&key["value"], &key["consumer"]), (&json!(consumer.key), &json!(consumer.key)));
    assert_eq!((&key["email"], &key["revokedAt"]), (&json!("dev@example.com"), &json!(null)));
    assert_eq!(list["next"], json!(null));

    server.enrolled(&consumer).await;
    let path = format!("/api-key/{}", consumer.key);
    assert_eq!(answer(server.admin(Method::DELETE, &path)).await, (204, json!(null)));
    let refused = answer(server.call(&consumer, Method::POST, "/totp")).await;
    assert_eq!(refused, error(401, "unauthorized", "Unauthorized"));
    let unknown = answer(server.admin(Method::DELETE, "/api-key/nope")).await;
    assert_eq!(unknown, error(404, "api-key-not-found", "No matching API Key record was found"));
}

#[tokio::test]
async fn creating_needs_an_e_mail() {
    let server = TestServer::start().await;
    let required = error(400, "email-required", "email is required");
    for body in ["", "{}", "[]", "null", r#"{"email":""}"#, r#"{"email":7}"#, r#"{"email":null}"#] {
        assert_eq!(answer(server.admin(Method::POST, "/api-key").body(body)).await, required, "{body}");
    }
    let created = answer(server.admin(Method::POST, "/api-key").body(r#"{"EMAIL":"a@example.com"}"#)).await;
    assert_eq!(created, (204, json!(null)));
}

#[tokio::test]
async fn both_spellings_activate_and_each_hears_its_own_refusal() {
    let server = TestServer::start().await;
    for (name, again) in [
        ("apiKey", error(401, "unauthorized", "Unauthorized")),
        (
            "apiKeyValue",
            error(400, "api-key-already-activated", "failed to activate key: key already activated"),
        ),
    ] {
        let email = format!("{name}@example.com");
        answer(server.admin(Method::POST, "/api-key").json(&json!({"email": email}))).await;
        let body = json!({"email": email, name: server.key_of(&email).await});
        let activate = || server.admin(Method::POST, "/api-key/activate").json(&body);
        let (status, activated) = answer(activate()).await;
        assert_eq!((status, activated["apiSecret"].as_str().unwrap().len()), (200, 44));
        assert_eq!(answer(activate()).await, again);
    }
}

#[tokio::test]
async fn activating_checks_its_fields_and_the_e_mail() {
    let server = TestServer::start().await;
    answer(server.admin(Method::POST, "/api-key").json(&json!({"email": "a@example.com"}))).await;
    let key = server.key_of("a@example.com").await;
    let no_email = error(400, "email-required", "email is required");
    let no_key = error(400, "api-key-required", "apiKey is required");
    let not_found = error(404, "api-key-not-found", "No matching API Key record was found");
    for (body, expected) in [
        (json!({}), &no_email),
        (json!({"apiKey": key}), &no_email),
        (json!({"email": "a@example.com"}), &no_key),
        (json!({"email": "a@example.com", "apiKey": 7}), &no_key),
        (json!({"email": "A@example.com", "apiKey": key}), &not_found),
        (json!({"email": "a@example.com", "apiKey": "0".repeat(40)}), &not_found),
        (json!({"email": "a@example.com", "apiKey": "not/a key"}), &not_found),
    ] {
        let refused = answer(server.admin(Method::POST, "/api-key/activate").json(&body)).await;
        assert_eq!(&refused, expected, "{body}");
    }
}

/// R47: the administrator's routes have a credential of their own.
#[tokio::test]
async fn only_the_admin_key_opens_the_admin_routes() {
    let server = TestServer::start().await;
    let consumer = server.consumer("dev@example.com").await;
    let forbidden = error(403, "forbidden", "Forbidden");
    let path = format!("/api-key/{}", consumer.key);
    for (method, path) in [
        (Method::GET, "/api-key"),
        (Method::POST, "/api-key"),
        (Method::POST, "/api-key/activate"),
        (Method::DELETE, path.as_str()),
    ] {
        assert_eq!(answer(server.request(method.clone(), path)).await, forbidden);
        assert_eq!(answer(server.call(&consumer, method.clone(), path)).await, forbidden);
        let wrong = server.request(method, path).header("x-api-key", "an-admin-key-for-test");
        assert_eq!(answer(wrong).await, forbidden);
    }
    server.enrolled(&consumer).await;
}

#[tokio::test]
async fn the_list_is_paged() {
    let server = TestServer::start().await;
    for n in 0..251 {
        let email = format!("{n}@example.com");
        answer(server.admin(Method::POST, "/api-key").json(&json!({"email": email}))).await;
    }
    let (_, first) = answer(server.admin(Method::GET, "/api-key")).await;
    assert_eq!(first["keys"].as_array().unwrap().len(), 250);
    let next = format!("/api-key?after={}", first["next"].as_str().unwrap());
    let (_, last) = answer(server.admin(Method::GET, &next)).await;
    assert_eq!((last["keys"].as_array().unwrap().len(), &last["next"]), (1, &json!(null)));
}
