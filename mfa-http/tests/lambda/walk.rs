//! Each route once, through each gateway.

use mfa_core::clock::{Clock as _, SystemClock};
use mfa_store_conformance::kit::authenticator::{Browser, Key, SoftAuthenticator, SoftU2fKey, certificate};
use mfa_store_conformance::kit::service::code_at;
use serde_json::json;

use crate::client::{ADMIN_KEY, Client, ORIGIN};
use crate::gateway::Gateway;
use crate::runtime::Function;

#[tokio::test]
async fn each_route_answers_through_each_gateway() {
    // One function serves all gateways, whose walks do not disturb each other.
    let function = Function::start(&[("MFA_STORE", "memory://"), ("MFA_ADMIN_KEY", ADMIN_KEY)]).await;
    for gateway in Gateway::ALL {
        let client = Client::with_new_key(&function, gateway).await;
        health(&client).await;
        totp(&client).await;
        webauthn(&client).await;
        u2f(&client).await;
        rotation(&client).await;
    }
    let log = function.log();
    assert!(!log.contains(ADMIN_KEY) && !log.contains(" ERROR ") && !log.contains(" WARN "), "{log}");
}

async fn health(client: &Client<'_>) {
    for path in ["health/live", "health/ready"] {
        assert_eq!(client.call("GET", path, json!([])).await.0, 204, "{:?}", client.gateway);
    }
    let (status, contract) = client.call("GET", "openapi.json", json!([])).await;
    assert_eq!((status, &contract["openapi"]), (200, &json!("3.1.0")));
    assert_eq!(client.call("GET", "nothing", json!([])).await.1["code"], "no-such-route");
    assert_eq!(client.call("PUT", "totp", json!([])).await.1["code"], "no-such-method");
}

async fn totp(client: &Client<'_>) {
    let (status, made) = client.call("POST", "totp", json!({"issuer": "Äcme", "label": "jö"})).await;
    assert_eq!(status, 200, "{made}");
    assert!(made["otpAuthUrl"].as_str().unwrap().starts_with("otpauth://totp/%C3%84cme:j%C3%B6?"), "{made}");
    let path = format!("totp/{}", made["uuid"].as_str().unwrap());
    let code = code_at(made["totpKey"].as_str().unwrap(), SystemClock.now());
    let validate =
        || async { client.call("POST", &format!("{path}/validate"), json!({"code": code})).await.0 };
    assert_eq!((validate().await, validate().await), (200, 401));
    assert_eq!(client.call("GET", &path, json!([])).await.0, 200);
    assert_eq!(client.call("POST", &format!("{path}/reset"), json!([])).await.0, 204);
    assert_eq!(client.call("DELETE", &path, json!([])).await.0, 204);
    assert_eq!(client.call("DELETE", &path, json!([])).await.0, 404);
}

async fn webauthn(client: &Client<'_>) {
    let mut authenticator = SoftAuthenticator::new(-7);
    let (status, options) = client.about("", "POST", "webauthn/register", json!([])).await;
    assert_eq!(status, 200, "{options}");
    // In UTF-8 all the way.
    assert_eq!(options["publicKey"]["user"]["displayName"], "Jö Smith 🙂");
    assert_eq!(options["publicKey"]["rp"]["name"], "Äcme Inc.");
    let user = options["uuid"].as_str().unwrap();
    let created = authenticator.create(&Browser::new(ORIGIN, &options));
    let (status, done) = client.about(user, "PUT", "webauthn/register", created).await;
    assert_eq!(status, 200, "{done}");
    let hash = done["key_handle_hash"].as_str().unwrap();

    let (_, options) = client.about(user, "POST", "webauthn/login", json!([])).await;
    let asserted = authenticator.get(&Browser::new(ORIGIN, &options));
    let (status, done) = client.about(user, "PUT", "webauthn/login", asserted).await;
    assert_eq!((status, &done["key_handle_hash"]), (200, &json!(hash)));

    let credential = format!("webauthn/credential/{hash}");
    assert_eq!(client.about(user, "PATCH", &credential, json!({"label": "Schlüssel"})).await.0, 204);
    let (_, listed) = client.about(user, "GET", "webauthn/user", json!([])).await;
    assert_eq!(listed["credentials"][0]["label"], "Schlüssel");
    assert_eq!(client.about(user, "DELETE", &credential, json!([])).await.0, 204);
    assert_eq!(client.about(user, "DELETE", "webauthn/credential/u2f", json!([])).await.0, 204);
    assert_eq!(client.about(user, "DELETE", "webauthn/user", json!([])).await.0, 204);
}

async fn u2f(client: &Client<'_>) {
    let (app_id, mut key, batch) = ("https://example.com", SoftU2fKey::new(), Key::generate(-7));
    let (status, begun) = client.call("POST", "u2f", json!({"appId": app_id})).await;
    assert_eq!(status, 200, "{begun}");
    let path = format!("u2f/{}", begun["uuid"].as_str().unwrap());
    let challenge = begun["challenge"]["challenge"].as_str().unwrap();
    let typ = "navigator.id.finishEnrollment";
    let result = key.register(typ, app_id, app_id, challenge, &certificate(&batch), &batch);
    assert_eq!(client.call("PUT", &path, json!({"signResult": result})).await.0, 204);

    let auth = format!("{path}/auth");
    let (_, asked) = client.call("POST", &auth, json!([])).await;
    let challenge = asked["challenge"].as_str().unwrap();
    let result = key.authenticate("navigator.id.getAssertion", ORIGIN, app_id, challenge);
    let done = client.call("PUT", &auth, json!({"signResult": result})).await;
    assert_eq!(done, (200, json!({"message": "Valid", "status": 200})));
    assert_eq!(client.call("DELETE", &path, json!([])).await.0, 204);
}

async fn rotation(client: &Client<'_>) {
    let new = Client::with_new_key(client.function, client.gateway).await;
    let body = json!({
        "oldKeyId": client.key, "oldKeySecret": client.secret,
        "newKeyId": new.key, "newKeySecret": new.secret,
    });
    let (status, done) = client.call("POST", "api-key/rotate", body).await;
    assert_eq!(status, 200, "{done}");
    assert_eq!(client.admin("DELETE", &format!("api-key/{}", client.key), json!([])).await.0, 204);
    assert_eq!(client.call("POST", "totp", json!([])).await.0, 401);
    assert_eq!(new.call("POST", "totp", json!([])).await.0, 200);
}
