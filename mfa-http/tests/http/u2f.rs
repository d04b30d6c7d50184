//! `/u2f`, as `compat.md` §1.11 has it, with every check that the predecessor skipped (R27 to R31).

use mfa_store_conformance::kit::authenticator::{Key, SoftU2fKey, certificate};
use reqwest::Method;
use serde_json::{Value, json};

use super::server::{Credentials, TestServer, answer, error};

const APP_ID: &str = "https://example.com";
const ENROLL: &str = "navigator.id.finishEnrollment";
const ASSERT: &str = "navigator.id.getAssertion";

struct Site<'a> {
    server: &'a TestServer,
    consumer: Credentials,
}

impl Site<'_> {
    async fn begin(&self) -> (String, String) {
        let (status, begun) =
            answer(self.server.call(&self.consumer, Method::POST, "/u2f").json(&json!({"appId": APP_ID})))
                .await;
        assert_eq!(status, 200, "{begun}");
        let request = &begun["challenge"];
        assert_eq!((&request["version"], &request["appId"]), (&json!("U2F_V2"), &json!(APP_ID)));
        (begun["uuid"].as_str().unwrap().to_owned(), request["challenge"].as_str().unwrap().to_owned())
    }

    async fn put(&self, path: &str, result: &Value) -> (u16, Value) {
        answer(self.server.call(&self.consumer, Method::PUT, path).json(&json!({"signResult": result}))).await
    }

    async fn registered(&self, key: &SoftU2fKey) -> String {
        let (uuid, challenge) = self.begin().await;
        let batch = Key::generate(-7);
        let result = key.register(ENROLL, APP_ID, APP_ID, &challenge, &certificate(&batch), &batch);
        assert_eq!(self.put(&format!("/u2f/{uuid}"), &result).await, (204, Value::Null));
        uuid
    }

    async fn challenge(&self, uuid: &str) -> String {
        let path = format!("/u2f/{uuid}/auth");
        let (status, request) = answer(self.server.call(&self.consumer, Method::POST, &path)).await;
        assert_eq!(
            (status, &request["uuid"], &request["appId"]),
            (200, &json!(uuid), &json!(APP_ID)),
            "{request}"
        );
        request["challenge"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_key_registers_authenticates_and_is_deleted() {
    let server = TestServer::start().await;
    let site = Site { server: &server, consumer: server.consumer("dev@example.com").await };
    let mut key = SoftU2fKey::new();
    let uuid = site.registered(&key).await;
    let path = format!("/u2f/{uuid}/auth");
    for _ in 0..2 {
        let challenge = site.challenge(&uuid).await;
        let result = key.authenticate(ASSERT, "https://login.example.com", APP_ID, &challenge);
        assert_eq!(site.put(&path, &result).await, (200, json!({"message": "Valid", "status": 200})));
        let replayed = site.put(&path, &result).await;
        assert_eq!(replayed, error(400, "challenge", "Invalid challenge: not the one provided"));
    }
    let record = format!("/u2f/{uuid}");
    let delete = || answer(server.call(&site.consumer, Method::DELETE, &record));
    assert_eq!(delete().await.0, 204);
    let gone = error(404, "u2f-not-found", "No U2F record found with that uuid for that API Key.");
    assert_eq!(delete().await, gone);
    assert_eq!(answer(server.call(&site.consumer, Method::POST, &path)).await, gone);
}

/// R27, R28: what npm `u2f` accepted is refused, one thing at a time, and uses the challenge up.
#[tokio::test]
async fn an_authentication_with_one_thing_wrong_is_refused() {
    let server = TestServer::start().await;
    let site = Site { server: &server, consumer: server.consumer("dev@example.com").await };
    for (wrong, code) in [
        ("type", "client-data-type"),
        ("facet", "facet"),
        ("handle", "key-handle"),
        ("presence", "user-presence"),
        ("app", "signature"),
        ("key", "signature"),
        ("counter", "counter"),
    ] {
        let mut key = SoftU2fKey::new();
        let uuid = site.registered(&key).await;
        let path = format!("/u2f/{uuid}/auth");
        key.counter = 7;
        let first = key.authenticate(ASSERT, APP_ID, APP_ID, &site.challenge(&uuid).await);
        assert_eq!(site.put(&path, &first).await.0, 200);

        let challenge = site.challenge(&uuid).await;
        if wrong == "presence" {
            key.flags = 0;
        }
        if wrong == "counter" {
            key.counter = 7;
        }
        if wrong == "key" {
            key.key = Key::generate(-7);
        }
        let typ = if wrong == "type" { ENROLL } else { ASSERT };
        let origin = if wrong == "facet" { "https://evil.com" } else { APP_ID };
        let app_id = if wrong == "app" { "https://evil.com" } else { APP_ID };
        let mut result = key.authenticate(typ, origin, app_id, &challenge);
        if wrong == "handle" {
            result["keyHandle"] = "AAAA".into();
        }
        assert_eq!(site.put(&path, &result).await.1["code"], code, "{wrong}");
        key.counter = 100;
        let again = key.authenticate(ASSERT, APP_ID, APP_ID, &challenge);
        assert_eq!(site.put(&path, &again).await.1["code"], "challenge", "{wrong}");
    }
}

/// R27: the same for a registration. R29: the certificate's own oddities do not matter.
#[tokio::test]
async fn a_registration_with_one_thing_wrong_is_refused() {
    let server = TestServer::start().await;
    let site = Site { server: &server, consumer: server.consumer("dev@example.com").await };
    let (key, batch) = (SoftU2fKey::new(), Key::generate(-7));
    for (wrong, code) in [
        ("type", "client-data-type"),
        ("facet", "facet"),
        ("challenge", "challenge"),
        ("app", "signature"),
        ("certificate", "signature"),
        ("tail", "malformed"),
        ("cut", "malformed"),
        ("point", "malformed"),
    ] {
        let (uuid, challenge) = site.begin().await;
        let typ = if wrong == "type" { ASSERT } else { ENROLL };
        let origin = if wrong == "facet" { "https://evil.com" } else { APP_ID };
        let app_id = if wrong == "app" { "https://evil.com" } else { APP_ID };
        let challenge = if wrong == "challenge" { "A".repeat(43) } else { challenge };
        let attested_by = if wrong == "certificate" { &Key::generate(-7) } else { &batch };
        let mut result = key.register(typ, origin, app_id, &challenge, &certificate(&batch), attested_by);
        let data = result["registrationData"].as_str().unwrap();
        let mut data = data_encoding::BASE64URL_NOPAD.decode(data.as_bytes()).unwrap();
        match wrong {
            "tail" => data.push(0),
            "cut" => data.truncate(data.len() - 1),
            "point" => data[40] ^= 1,
            _ => {}
        }
        result["registrationData"] = data_encoding::BASE64URL_NOPAD.encode(&data).into();
        assert_eq!(site.put(&format!("/u2f/{uuid}"), &result).await.1["code"], code, "{wrong}");
    }
}

#[tokio::test]
async fn bad_requests_speak_the_predecessors_words() {
    let server = TestServer::start().await;
    let site = Site { server: &server, consumer: server.consumer("dev@example.com").await };
    for body in [json!({}), json!({"appId": 7}), json!({"appId": ""})] {
        let refused = answer(server.call(&site.consumer, Method::POST, "/u2f").json(&body)).await;
        assert_eq!(refused, error(400, "app-id-required", "appId is required"));
    }
    for app_id in ["https://192.0.2.1", "http://example.com", "ftp://app99", "example.com"] {
        let refused =
            answer(server.call(&site.consumer, Method::POST, "/u2f").json(&json!({"appId": app_id}))).await;
        assert_eq!(refused.1["code"], "invalid-app-id", "{app_id}");
    }
    let (uuid, _) = site.begin().await;
    let path = format!("/u2f/{uuid}/auth");
    let unregistered = answer(server.call(&site.consumer, Method::POST, &path)).await;
    assert_eq!((unregistered.0, unregistered.1["code"].as_str()), (400, Some("not-registered")));

    let uuid = site.registered(&SoftU2fKey::new()).await;
    let path = format!("/u2f/{uuid}/auth");
    let invalid = error(400, "malformed", "Invalid response from U2F token.");
    for result in [json!(null), json!("x"), json!({}), json!({"clientData": "!", "signatureData": "AA"})] {
        assert_eq!(site.put(&path, &result).await, invalid, "{result}");
    }
    assert_eq!(
        site.put(&path, &json!({"errorCode": 4, "errorMessage": "no luck"})).await,
        error(400, "token-error", "no luck")
    );
    assert_eq!(
        site.put(&path, &json!({"errorCode": 4})).await,
        error(400, "token-error", "Error getting signature from U2F token.")
    );
    // An error code of `null` is one too; that of 0 is success.
    assert_eq!(site.put(&path, &json!({"errorCode": null})).await.1["code"], "token-error");
    assert_eq!(site.put(&path, &json!({"errorCode": 0})).await, invalid);
    let garbled = json!({"clientData": "bm8", "signatureData": "AA"});
    let text = "Invalid clientData: not a valid JSON object";
    assert_eq!(site.put(&path, &garbled).await, error(400, "client-data", text));
}
