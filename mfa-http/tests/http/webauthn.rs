//! `/webauthn`, as `compat.md` §1.12 and §5 have it.

use std::time::Duration;

use mfa_core::store::Stores;
use mfa_core::store::memory::MemoryStore;
use mfa_store_conformance::kit::authenticator::{Browser, SoftAuthenticator};
use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::server::{Credentials, TestServer, answer, error};

const ORIGIN: &str = "https://login.example.com";

/// A consumer's front end, with the headers that the predecessors' client sends.
struct Site<'a> {
    server: &'a TestServer,
    consumer: Credentials,
}

impl<'a> Site<'a> {
    async fn new(server: &'a TestServer, email: &str) -> Self {
        Self { server, consumer: server.consumer(email).await }
    }

    fn call(&self, method: Method, path: &str, user: Option<&str>) -> RequestBuilder {
        let utf8 = |text: &str| HeaderValue::from_bytes(text.as_bytes()).unwrap();
        let request = self.server.call(&self.consumer, method, path);
        let request = request
            .header("x-mfa-RPDisplayName", utf8("Äcme Inc."))
            .header("x-mfa-RPID", "example.com")
            .header("x-mfa-RPOrigin", ORIGIN)
            .header("x-mfa-Username", "jo")
            .header("x-mfa-UserDisplayName", utf8("Jö Smith 🙂"))
            .header("content-type", "application/json");
        match user {
            Some(user) => request.header("x-mfa-UserUUID", user),
            None => request,
        }
    }

    async fn register(&self, authenticator: &SoftAuthenticator) -> (String, String) {
        let (status, options) = answer(self.call(Method::POST, "/webauthn/register", None).body("[]")).await;
        assert_eq!(status, 200, "{options}");
        let user = options["uuid"].as_str().unwrap().to_owned();
        let response = authenticator.create(&Browser::new(ORIGIN, &options));
        let (status, done) =
            answer(self.call(Method::PUT, "/webauthn/register", Some(&user)).json(&response)).await;
        assert_eq!(status, 200, "{done}");
        (user, done["key_handle_hash"].as_str().unwrap().to_owned())
    }

    async fn begin_login(&self, user: &str) -> Value {
        let (status, options) =
            answer(self.call(Method::POST, "/webauthn/login", Some(user)).body("[]")).await;
        assert_eq!(status, 200, "{options}");
        options
    }

    async fn finish_login(&self, user: &str, body: String) -> (u16, Value) {
        answer(self.call(Method::PUT, "/webauthn/login", Some(user)).body(body)).await
    }
}

#[tokio::test]
async fn a_passkey_registers_and_logs_in() {
    let server = TestServer::start().await;
    let site = Site::new(&server, "dev@example.com").await;
    let mut authenticator = SoftAuthenticator::new(-7);
    let (_, options) = answer(site.call(Method::POST, "/webauthn/register", None)).await;
    assert_eq!(options["publicKey"]["user"]["displayName"], "Jö Smith 🙂");
    assert_eq!(options["publicKey"]["rp"], json!({"name": "Äcme Inc.", "id": "example.com"}));

    let (user, hash) = site.register(&authenticator).await;
    let options = site.begin_login(&user).await;
    let response = authenticator.get(&Browser::new(ORIGIN, &options));
    let (status, done) = site.finish_login(&user, response.to_string()).await;
    assert_eq!((status, &done["key_handle_hash"]), (200, &json!(hash)));
    assert!(done["credentialId"].is_string());
    let replayed = site.finish_login(&user, response.to_string()).await;
    assert_eq!(replayed, error(400, "challenge", "failed to validate login: Error validating challenge"));

    let (_, listed) = answer(site.call(Method::GET, "/webauthn/user", Some(&user))).await;
    let credential = &listed["credentials"][0];
    assert_eq!((&credential["key_handle_hash"], &credential["signCount"]), (&json!(hash), &json!(1)));
    assert_eq!(credential["aaguid"], "07".repeat(16));
    let path = format!("/webauthn/credential/{hash}");
    let renamed = site.call(Method::PATCH, &path, Some(&user)).json(&json!({"label": "my key"}));
    assert_eq!(answer(renamed).await.0, 204);
    let (_, listed) = answer(site.call(Method::GET, "/webauthn/user", Some(&user))).await;
    assert_eq!(listed["credentials"][0]["label"], "my key");

    assert_eq!(answer(site.call(Method::DELETE, &path, Some(&user)).body("[]")).await.0, 204);
    assert_eq!(answer(site.call(Method::DELETE, &path, Some(&user)).body("[]")).await.0, 404);
    let u2f = site.call(Method::DELETE, "/webauthn/credential/u2f", Some(&user)).body("[]");
    assert_eq!(answer(u2f).await.0, 204);
    for _ in 0..2 {
        assert_eq!(answer(site.call(Method::DELETE, "/webauthn/user", Some(&user)).body("[]")).await.0, 204);
    }
    let none = answer(site.call(Method::POST, "/webauthn/login", Some(&user)).body("[]")).await;
    assert_eq!(none, error(400, "no-credentials", "Found no credentials for user"));
}

/// R44: standard base64, padding, `clientExtensionResults: []`, `\/` escapes and unknown members are fine;
/// an unrelated string with `+` and `=` in it stays as it is.
#[tokio::test]
async fn finish_bodies_of_the_predecessors_clients_are_read() {
    let server = TestServer::start().await;
    let site = Site::new(&server, "dev@example.com").await;
    let mut authenticator = SoftAuthenticator::new(-7);
    let (user, _) = site.register(&authenticator).await;
    let dress = |mut response: Value| {
        let restyle = |value: &mut Value| {
            if let Some(text) = value.as_str() {
                let bytes = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
                *value = data_encoding::BASE64.encode(&bytes).into();
            }
        };
        for name in ["id", "rawId"] {
            restyle(&mut response[name]);
        }
        for (_, value) in response["response"].as_object_mut().unwrap() {
            restyle(value);
        }
        response["clientExtensionResults"] = json!([]);
        response["transports"] = json!(["usb"]);
        response["user"] = json!({"note": "https://a/?x=1+2"});
        response.to_string().replace('/', "\\/")
    };
    for _ in 0..3 {
        let options = site.begin_login(&user).await;
        let body = dress(authenticator.get(&Browser::new(ORIGIN, &options)));
        let (status, done) = site.finish_login(&user, body).await;
        assert_eq!(status, 200, "{done}");
    }
}

#[tokio::test]
async fn refusals_speak_the_predecessors_words() {
    let server = TestServer::start().await;
    let site = Site::new(&server, "dev@example.com").await;
    let authenticator = SoftAuthenticator::new(-7);
    let (user, _) = site.register(&authenticator).await;
    let register =
        |body: Value| answer(site.call(Method::PUT, "/webauthn/register", Some(&user)).json(&body));

    let parse = "unable to parse credential creation response body: Parse error for Registration";
    for body in [json!([]), json!({}), json!({"id": "AA", "type": "password", "response": {}}), json!("x")] {
        assert_eq!(register(body.clone()).await, error(400, "malformed-response", parse), "{body}");
    }
    let (_, options) = answer(site.call(Method::POST, "/webauthn/register", Some(&user))).await;
    let good = authenticator.create(&Browser::new(ORIGIN, &options));
    let duplicate = "unable to save new credential`: a credential with this ID already exists";
    assert_eq!(register(good.clone()).await, error(400, "duplicate-credential", duplicate));
    let mut garbled = good;
    garbled["response"]["clientDataJSON"] = "e30".into();
    let attestation = "unable to parse credential creation response body: Error parsing attestation response";
    assert_eq!(register(garbled).await, error(400, "malformed-response", attestation));

    let prefix = "failed to parse credential request response body: ";
    for (body, tail) in [
        (json!({"type": "public-key", "response": {}}), "Parse error for Assertion"),
        (
            json!({"id": "", "type": "public-key", "response":
            {"clientDataJSON": "", "authenticatorData": "", "signature": ""}}),
            "CredentialAssertionResponse with ID missing",
        ),
        (
            json!({"id": "!", "type": "public-key", "response":
            {"clientDataJSON": "", "authenticatorData": "", "signature": ""}}),
            "CredentialAssertionResponse with ID not base64url encoded",
        ),
        (
            json!({"id": "AA", "type": "x", "response":
            {"clientDataJSON": "", "authenticatorData": "", "signature": ""}}),
            "CredentialAssertionResponse with bad type",
        ),
    ] {
        let refused = site.finish_login(&user, body.to_string()).await;
        assert_eq!(refused, error(400, "malformed-response", &format!("{prefix}{tail}")));
    }
}

#[tokio::test]
async fn headers_are_required_in_the_predecessors_order() {
    let server = TestServer::start().await;
    let consumer = server.consumer("dev@example.com").await;
    let mut given: Vec<(&str, &str)> = Vec::new();
    for (name, value) in
        [("RPDisplayName", "Acme"), ("RPID", "example.com"), ("Username", "jo"), ("UserDisplayName", "Jo")]
    {
        let mut request = server.call(&consumer, Method::POST, "/webauthn/register");
        for (name, value) in &given {
            request = request.header(format!("x-mfa-{name}"), *value);
        }
        let text = "unable to retrieve API meta information from request: missing required header: x-mfa-";
        assert_eq!(answer(request).await, error(401, "missing-header", &format!("{text}{name}")));
        given.push((name, value));
    }
    let with = |name: &str, value: &[u8]| {
        let mut request = server.call(&consumer, Method::POST, "/webauthn/register");
        for (name, value) in &given {
            request = request.header(format!("x-mfa-{name}"), *value);
        }
        answer(request.header(name, HeaderValue::from_bytes(value).unwrap()))
    };
    assert_eq!(with("x-mfa-RPOrigin", b"").await.0, 200);
    assert_eq!(with("x-mfa-RPOrigin", b"https://example.net").await.1["code"], "invalid-relying-party");
    assert_eq!(with("x-mfa-RPIcon", b"https://example.net/icon.png").await.0, 200);
    for id in
        ["x", "{00000000-0000-4000-8000-000000000000}", "00000000-0000-4000-8000-00000000000A", "' OR 1=1"]
    {
        assert_eq!(with("x-mfa-UserUUID", id.as_bytes()).await.1["code"], "invalid-user-uuid", "{id}");
    }
    assert_eq!(with("x-mfa-UserUUID", b"\xff\xfe").await.1["code"], "invalid-header");
    assert_eq!(with("x-mfa-UserUUID", b"00000000-0000-4000-8000-000000000000").await.0, 200);
}

/// R46: on every route, another consumer's user is answered like an unknown one.
#[tokio::test]
async fn another_consumers_user_is_an_unknown_one() {
    let server = TestServer::start().await;
    let owner = Site::new(&server, "owner@example.com").await;
    let stranger = Site::new(&server, "stranger@example.com").await;
    let mut authenticator = SoftAuthenticator::new(-7);
    let (user, hash) = owner.register(&authenticator).await;
    let options = owner.begin_login(&user).await;
    let response = authenticator.get(&Browser::new(ORIGIN, &options));
    let credential = format!("/webauthn/credential/{hash}");
    let routes = [
        (Method::POST, "/webauthn/login"),
        (Method::PUT, "/webauthn/login"),
        (Method::PUT, "/webauthn/register"),
        (Method::DELETE, credential.as_str()),
        (Method::PATCH, &credential),
        (Method::GET, "/webauthn/user"),
        (Method::DELETE, "/webauthn/user"),
    ];
    let nobody = "00000000-0000-4000-8000-000000000000";
    for (method, path) in routes {
        let ask = |user: &str| {
            let body = if method == Method::PATCH { json!({"label": "x"}) } else { response.clone() };
            answer(stranger.call(method.clone(), path, Some(user)).json(&body))
        };
        let (foreign, unknown) = (ask(&user).await, ask(nobody).await);
        let same = foreign.1.to_string().replace(&user, nobody) == format!("{}", unknown.1);
        assert!(foreign.0 == unknown.0 && same, "{method} {path}: {foreign:?} {unknown:?}");
    }
    assert_eq!(owner.finish_login(&user, response.to_string()).await.0, 200);
}

/// R36, R37 across servers on one store: replayed, expired.
#[tokio::test]
async fn a_challenge_works_once_on_two_servers_and_for_five_minutes() {
    let stores = Stores::from(MemoryStore::default());
    let servers = [TestServer::on(stores.clone()).await, TestServer::on(stores).await];
    let site = Site::new(&servers[0], "dev@example.com").await;
    let credentials = Credentials { key: site.consumer.key.clone(), secret: site.consumer.secret.clone() };
    let other = Site { server: &servers[1], consumer: credentials };
    let mut authenticator = SoftAuthenticator::new(-7);
    let (user, _) = site.register(&authenticator).await;

    let response = authenticator.get(&Browser::new(ORIGIN, &site.begin_login(&user).await)).to_string();
    assert_eq!(other.finish_login(&user, response.clone()).await.0, 200);
    assert_eq!(site.finish_login(&user, response).await.0, 400);

    let response = authenticator.get(&Browser::new(ORIGIN, &site.begin_login(&user).await)).to_string();
    servers[0].clock.advance(Duration::from_secs(300));
    assert_eq!(site.finish_login(&user, response).await.1["code"], "challenge");
}

/// A record that WebAuthn made has no AppID, so no key can be added to it by raw messages.
#[tokio::test]
async fn a_passkeys_user_has_no_u2f_key() {
    let server = TestServer::start().await;
    let site = Site::new(&server, "dev@example.com").await;
    let (user, _) = site.register(&SoftAuthenticator::new(-7)).await;
    let result = json!({"signResult": {"clientData": "AA", "registrationData": "AA", "signatureData": "AA"}});
    let none = error(400, "not-registered", "No U2F key is registered");
    for (method, path) in [(Method::PUT, ""), (Method::POST, "/auth"), (Method::PUT, "/auth")] {
        let request = server.call(&site.consumer, method, &format!("/u2f/{user}{path}")).json(&result);
        assert_eq!(answer(request).await, none, "{path}");
    }
}
