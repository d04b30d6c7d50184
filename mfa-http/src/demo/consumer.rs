//! Calls the service, and records each request and response for the page.

use std::fmt;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Method, Request, StatusCode};
use axum::response::{IntoResponse, Response};
use mfa_core::api_key::{ApiKey, ApiSecret};
use serde::Serialize;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// The most bytes of a response. Those with a QR code are the longest.
const LIMIT: usize = 1024 * 1024;

/// A consumer of the service. Its secret goes only into requests.
pub(super) struct Consumer {
    router: Router,
    key: HeaderValue,
    secret: HeaderValue,
}

/// A request to the service.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) path: String,
    /// `x-mfa-…` headers.
    pub(super) headers: Vec<(&'static str, &'a str)>,
    pub(super) body: Option<Value>,
}

/// A request and its response as the page shows them.
#[derive(Debug, Serialize)]
struct Exchange {
    method: String,
    path: String,
    curl: String,
    status: u16,
    answer: Value,
}

/// A response of the service, with its requests.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
    exchanges: Vec<Exchange>,
}

impl Answer {
    /// A response without a request.
    pub(super) fn of(body: Value) -> Self {
        Self { status: StatusCode::OK, body, exchanges: Vec::new() }
    }

    /// This response, with the request of a later one.
    pub(super) fn then(mut self, later: Self) -> Self {
        self.exchanges.extend(later.exchanges);
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        // The page reads a body for every status.
        let status = if self.status == StatusCode::NO_CONTENT { StatusCode::OK } else { self.status };
        (status, axum::Json(json!({"answer": self.body, "exchanges": self.exchanges}))).into_response()
    }
}

impl Consumer {
    pub(super) fn new(router: Router, key: &ApiKey, secret: &ApiSecret) -> Self {
        let header = |text: &str| {
            let mut value = HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
            value.set_sensitive(true);
            value
        };
        Self { router, key: header(key.as_str()), secret: header(secret.expose_text()) }
    }

    pub(super) async fn call(&self, call: Call<'_>) -> Answer {
        let (status, body) = self.send(&call).await.unwrap_or_else(|| {
            (StatusCode::INTERNAL_SERVER_ERROR, json!({"message": "The request could not be made"}))
        });
        let exchange = Exchange {
            method: call.method.to_string(),
            curl: curl(&call),
            path: call.path,
            status: status.as_u16(),
            answer: without_secrets(body.clone()),
        };
        Answer { status, body, exchanges: vec![exchange] }
    }

    async fn send(&self, call: &Call<'_>) -> Option<(StatusCode, Value)> {
        let mut request = Request::builder().method(call.method.clone()).uri(&call.path);
        request = request.header("x-mfa-apikey", &self.key).header("x-mfa-apisecret", &self.secret);
        for (name, value) in &call.headers {
            request = request.header(*name, *value);
        }
        let body = call.body.as_ref().map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let Ok(response) = self.router.clone().oneshot(request.body(body).ok()?).await;
        let status = response.status();
        let body = to_bytes(response.into_body(), LIMIT).await.ok()?;
        Some((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }
}

/// The same request for a shell. The key and the secret are in a file, because other users can read
/// arguments.
fn curl(call: &Call<'_>) -> String {
    let mut lines = vec![format!("curl -X {} \"$MFA_URL{}\" -H @mfa.headers", call.method, call.path)];
    lines.extend(
        call.headers.iter().map(|(name, value)| format!("  -H {}", quoted(&format!("{name}: {value}")))),
    );
    if let Some(body) = &call.body {
        lines.push(format!("  --json {}", quoted(&body.to_string())));
    }
    lines.join(" \\\n")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The response as the page shows it. It shows a TOTP's shared secret once, as a QR code.
fn without_secrets(mut answer: Value) -> Value {
    for name in ["totpKey", "otpAuthUrl", "imageUrl"] {
        if let Some(value) = answer.get_mut(name) {
            *value = json!("…");
        }
    }
    answer
}

impl fmt::Debug for Consumer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Consumer(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curl_line_survives_any_text() {
        let call = Call {
            method: Method::POST,
            path: "/totp".to_owned(),
            headers: vec![("x-mfa-Username", "o'neil; rm -rf /")],
            body: Some(json!({"label": "it's"})),
        };
        let line = r#"curl -X POST "$MFA_URL/totp" -H @mfa.headers \
  -H 'x-mfa-Username: o'\''neil; rm -rf /' \
  --json '{"label":"it'\''s"}'"#;
        assert_eq!(curl(&call), line);
    }

    #[test]
    fn a_shared_secret_is_not_listed() {
        let answer = json!({"uuid": "1", "totpKey": "S", "otpAuthUrl": "otpauth://S", "imageUrl": "data:S"});
        let shown = without_secrets(answer).to_string();
        assert!(shown.contains("uuid") && !shown.contains('S'), "{shown}");
    }
}
