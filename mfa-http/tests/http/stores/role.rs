//! DynamoDB behind a role: what the role does not allow is answered as AWS answers it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;

/// A proxy in front of an emulator, which knows no roles.
#[derive(Clone)]
pub(crate) struct Role {
    emulator: String,
    allowed: &'static [&'static str],
    asked: Arc<Mutex<BTreeSet<String>>>,
    client: reqwest::Client,
}

impl Role {
    /// Lets through what is allowed.
    pub(crate) async fn in_front_of(emulator: &str, allowed: &'static [&'static str]) -> (Self, SocketAddr) {
        let role = Self {
            emulator: emulator.to_owned(),
            allowed,
            asked: Arc::default(),
            client: reqwest::Client::new(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(forward).with_state(role.clone());
        tokio::spawn(async { axum::serve(listener, router).await });
        (role, address)
    }

    /// The calls that were made so far, allowed or not.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().cloned().collect()
    }
}

async fn forward(State(role): State<Role>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers["x-amz-target"].to_str().unwrap();
    let action = target.rsplit('.').next().unwrap().to_owned();
    let allowed = role.allowed.contains(&action.as_str());
    role.asked.lock().unwrap().insert(action);
    if !allowed {
        let denied =
            r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"not authorized"}"#;
        return (StatusCode::BAD_REQUEST, denied).into_response();
    }
    let forwarded = role.client.post(&role.emulator).headers(headers).body(body).send().await.unwrap();
    let (status, headers) = (forwarded.status(), forwarded.headers().clone());
    (status, headers, forwarded.bytes().await.unwrap()).into_response()
}
