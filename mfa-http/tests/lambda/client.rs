//! The predecessors' client (compat.md §9): every request has a body, `[]` if it is empty, and names are
//! UTF-8.

use serde_json::{Value, json};

use crate::gateway::{Gateway, Request};
use crate::runtime::Function;

pub(crate) const ADMIN_KEY: &str = "an-admin-key-for-tests";
pub(crate) const ORIGIN: &str = "https://login.example.com";

pub(crate) struct Client<'a> {
    pub(crate) function: &'a Function,
    pub(crate) gateway: Gateway,
    pub(crate) key: String,
    pub(crate) secret: String,
}

impl<'a> Client<'a> {
    pub(crate) fn new(function: &'a Function, gateway: Gateway) -> Self {
        Self { function, gateway, key: String::new(), secret: String::new() }
    }

    /// A client with its own key.
    pub(crate) async fn with_new_key(function: &'a Function, gateway: Gateway) -> Self {
        let mut client = Self::new(function, gateway);
        let email = format!("{}@example.com", mfa_test_servers::unique_name());
        assert_eq!(client.admin("POST", "api-key", json!({"email": email})).await.0, 204);
        client.key = client.key_of(&email).await;
        let body = json!({"email": email, "apiKey": client.key});
        let (status, body) = client.admin("POST", "api-key/activate", body).await;
        assert_eq!(status, 200, "{body}");
        client.secret = body["apiSecret"].as_str().unwrap().to_owned();
        client
    }

    async fn key_of(&self, email: &str) -> String {
        let mut path = "api-key".to_owned();
        loop {
            let (status, list) = self.admin("GET", &path, json!([])).await;
            assert_eq!(status, 200, "{list}");
            let found = list["keys"].as_array().unwrap().iter().find(|key| key["email"] == email);
            if let Some(key) = found {
                return key["value"].as_str().unwrap().to_owned();
            }
            path = format!("api-key?after={}", list["next"].as_str().unwrap());
        }
    }

    /// A request to a path, relative to a base URL that ends in a slash.
    pub(crate) fn request(&self, method: &str, path: &str, body: &Value) -> Request {
        let mut request = Request {
            method: method.to_owned(),
            path: format!("/{path}"),
            body: Some(body.to_string().replace('/', "\\/")),
            ..Request::default()
        };
        for (name, value) in [
            ("X-MFA-APIKey", self.key.as_str()),
            ("X-MFA-APISecret", &self.secret),
            ("Content-type", "application/json"),
            ("User-Agent", "idp-id-broker"),
        ] {
            request.headers.push((name.to_owned(), value.to_owned()));
        }
        request
    }

    pub(crate) async fn send(&self, request: &Request) -> (u16, Value) {
        let answer = self.function.invoke(self.gateway.event(request)).await.unwrap();
        let (status, _, body) = self.gateway.answer(&answer);
        (status, body)
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        self.send(&self.request(method, path, &body)).await
    }

    pub(crate) async fn admin(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let mut request = self.request(method, path, &body);
        request.headers.push(("x-api-key".to_owned(), ADMIN_KEY.to_owned()));
        self.send(&request).await
    }

    /// A call about an existing or new WebAuthn user.
    pub(crate) async fn about(&self, user: &str, method: &str, path: &str, body: Value) -> (u16, Value) {
        let mut request = self.request(method, path, &body);
        for (name, value) in [
            ("x-mfa-RPDisplayName", "Äcme Inc."),
            ("x-mfa-RPID", "example.com"),
            ("x-mfa-RPOrigin", ORIGIN),
            ("x-mfa-Username", "jo"),
            ("x-mfa-UserDisplayName", "Jö Smith 🙂"),
            ("x-mfa-UserUUID", user),
        ] {
            // The client sends no origin with deletions, and a user only when there is one.
            let value = if method == "DELETE" && value == ORIGIN { "" } else { value };
            if name != "x-mfa-UserUUID" || !user.is_empty() {
                request.headers.push((name.to_owned(), value.to_owned()));
            }
        }
        self.send(&request).await
    }
}
