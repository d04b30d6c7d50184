//! A consumer of one or more servers on one store, which calls as the predecessors' client does (compat.md §9):
//! relative paths under a base URL that ends in a slash, a body with every request, names in UTF-8.

use std::sync::atomic::{AtomicUsize, Ordering};

use mfa_core::clock::{Clock as _, SystemClock};
use mfa_store_conformance::kit::authenticator::{Browser, Key, SoftAuthenticator, SoftU2fKey, certificate};
use mfa_store_conformance::kit::service::code_at;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::program::Process;
use crate::server::{ADMIN_KEY, answer};

const ORIGIN: &str = "https://login.example.com";

/// Spreads its calls over the servers in turn.
pub(crate) struct Consumer {
    servers: Vec<String>,
    next: AtomicUsize,
    pub(crate) client: Client,
    pub(crate) key: String,
    pub(crate) secret: String,
}

impl Consumer {
    /// A consumer with a key of its own.
    pub(crate) async fn new(servers: &[&Process]) -> Self {
        let mut consumer = Self::with_key(servers, String::new(), String::new());
        consumer.key = consumer.pending_key().await;
        let (status, body) = consumer.activate(&consumer.key).await;
        assert_eq!(status, 200, "{body}");
        consumer.secret = body["apiSecret"].as_str().unwrap().to_owned();
        consumer
    }

    pub(crate) fn with_key(servers: &[&Process], key: String, secret: String) -> Self {
        let servers = servers.iter().map(|server| format!("{}/", server.url)).collect();
        Self { servers, next: AtomicUsize::new(0), client: Client::new(), key, secret }
    }

    /// A request to one of the servers, as this consumer.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let server = &self.servers[self.next.fetch_add(1, Ordering::Relaxed) % self.servers.len()];
        let request = self.client.request(method, format!("{server}{}", path.trim_start_matches('/')));
        let request = request.header("X-MFA-APIKey", &self.key).header("X-MFA-APISecret", &self.secret);
        request.header("Content-type", "application/json").header("User-Agent", "idp-id-broker").body("[]")
    }

    /// The same about a user.
    pub(crate) fn about(&self, user: &str, method: Method, path: &str) -> RequestBuilder {
        let origin = if method == Method::DELETE { "" } else { ORIGIN };
        let request = self.request(method, path).header("x-mfa-RPDisplayName", "Äcme".as_bytes());
        let request = request.header("x-mfa-RPID", "example.com").header("x-mfa-RPOrigin", origin);
        let request = request.header("x-mfa-Username", "jörg".as_bytes());
        let request = request.header("x-mfa-UserDisplayName", "Jörg Ångström".as_bytes());
        if user.is_empty() { request } else { request.header("x-mfa-UserUUID", user) }
    }

    /// Creates a key, and finds its value in the list.
    pub(crate) async fn pending_key(&self) -> String {
        let email = format!("{}@example.com", mfa_test_servers::unique_name());
        let create = self.request(Method::POST, "/api-key").header("x-api-key", ADMIN_KEY);
        assert_eq!(answer(create.json(&json!({"email": email}))).await.0, 204);
        self.listed("email", &email).await["value"].as_str().unwrap().to_owned()
    }

    /// The key in the list whose `member` is `value`.
    async fn listed(&self, member: &str, value: &str) -> Value {
        let mut path = "/api-key".to_owned();
        loop {
            let list = self.request(Method::GET, &path).header("x-api-key", ADMIN_KEY);
            let (status, list) = answer(list).await;
            assert_eq!(status, 200, "{list}");
            if let Some(key) = list["keys"].as_array().unwrap().iter().find(|key| key[member] == value) {
                return key.clone();
            }
            path = format!("/api-key?after={}", list["next"].as_str().unwrap());
        }
    }

    pub(crate) async fn activate(&self, key: &str) -> (u16, Value) {
        let email = self.listed("value", key).await["email"].clone();
        let body = json!({"email": email, "apiKey": key});
        let activate = self.request(Method::POST, "/api-key/activate").header("x-api-key", ADMIN_KEY);
        answer(activate.json(&body)).await
    }

    /// Enrols a TOTP, and returns the status, its id and its current code.
    pub(crate) async fn enroll(&self) -> (u16, String, String) {
        let (status, body) = answer(self.request(Method::POST, "/totp").json(&json!({}))).await;
        if status != 200 {
            return (status, String::new(), String::new());
        }
        let code = code_at(body["totpKey"].as_str().unwrap(), SystemClock.now());
        (status, body["uuid"].as_str().unwrap().to_owned(), code)
    }

    pub(crate) async fn validate(&self, totp: &str, code: &str) -> u16 {
        let request = self.request(Method::POST, &format!("/totp/{totp}/validate"));
        answer(request.json(&json!({"code": code}))).await.0
    }

    /// Begins a registration, for a new user if `user` is empty. Returns the user and the browser's response.
    pub(crate) async fn begin_registration(
        &self,
        user: &str,
        authenticator: &SoftAuthenticator,
    ) -> Option<(String, Value)> {
        let (status, options) = answer(self.about(user, Method::POST, "/webauthn/register")).await;
        let created = || authenticator.create(&Browser::new(ORIGIN, &options));
        (status == 200).then(|| (options["uuid"].as_str().unwrap().to_owned(), created()))
    }

    pub(crate) async fn finish_registration(&self, user: &str, created: &Value) -> (u16, Value) {
        answer(self.about(user, Method::PUT, "/webauthn/register").json(created)).await
    }

    pub(crate) async fn begin_login(
        &self,
        user: &str,
        authenticator: &mut SoftAuthenticator,
    ) -> Option<Value> {
        let (status, options) = answer(self.about(user, Method::POST, "/webauthn/login")).await;
        (status == 200).then(|| authenticator.get(&Browser::new(ORIGIN, &options)))
    }

    pub(crate) async fn finish_login(&self, user: &str, asserted: &Value) -> u16 {
        answer(self.about(user, Method::PUT, "/webauthn/login").json(asserted)).await.0
    }

    /// Registers a key with raw U2F messages, and returns its user.
    pub(crate) async fn register_u2f(&self, key: &SoftU2fKey) -> String {
        let begin = self.request(Method::POST, "/u2f").json(&json!({"appId": ORIGIN}));
        let (status, asked) = answer(begin).await;
        assert_eq!(status, 200, "{asked}");
        let (user, maker) = (asked["uuid"].as_str().unwrap().to_owned(), Key::generate(-7));
        let challenge = asked["challenge"]["challenge"].as_str().unwrap();
        let typ = "navigator.id.finishEnrollment";
        let answered = key.register(typ, ORIGIN, ORIGIN, challenge, &certificate(&maker), &maker);
        let finish = self.request(Method::PUT, &format!("/u2f/{user}"));
        assert_eq!(answer(finish.json(&json!({"signResult": answered}))).await.0, 204);
        user
    }

    pub(crate) async fn log_in_by_u2f(&self, user: &str, key: &mut SoftU2fKey) -> u16 {
        let path = format!("/u2f/{user}/auth");
        let (status, asked) = answer(self.request(Method::POST, &path)).await;
        if status != 200 {
            return status;
        }
        let challenge = asked["challenge"].as_str().unwrap();
        let signed = key.authenticate("navigator.id.getAssertion", ORIGIN, ORIGIN, challenge);
        answer(self.request(Method::PUT, &path).json(&json!({"signResult": signed}))).await.0
    }

    /// The key handle hashes of a user's credentials.
    pub(crate) async fn credentials(&self, user: &str) -> Option<Vec<String>> {
        let (status, body) = answer(self.about(user, Method::GET, "/webauthn/user")).await;
        let hash = |credential: &Value| credential["key_handle_hash"].as_str().unwrap().to_owned();
        (status == 200).then(|| body["credentials"].as_array().unwrap().iter().map(hash).collect())
    }
}
