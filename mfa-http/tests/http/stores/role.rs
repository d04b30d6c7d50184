//! DynamoDB behind a role: what the role does not allow is answered as AWS answers it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;

use super::Place;
use super::client::Consumer;

/// A proxy in front of an emulator, which knows no roles.
#[derive(Clone)]
pub(crate) struct Role {
    emulator: String,
    allowed: &'static [&'static str],
    asked: Arc<Mutex<BTreeSet<String>>>,
    /// How many calls are still to be throttled.
    throttled: Arc<AtomicUsize>,
    client: reqwest::Client,
}

impl Role {
    /// Lets through what is allowed.
    pub(crate) async fn in_front_of(emulator: &str, allowed: &'static [&'static str]) -> (Self, SocketAddr) {
        let role = Self {
            emulator: emulator.to_owned(),
            allowed,
            asked: Arc::default(),
            throttled: Arc::default(),
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

    /// Throttles the next calls. How many of them were not made.
    pub(crate) fn throttle(&self, calls: usize) -> usize {
        self.throttled.swap(calls, Ordering::SeqCst)
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
    let throttle =
        role.throttled.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |calls| calls.checked_sub(1));
    if throttle.is_ok() {
        let throttled = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slower"}"#;
        return (StatusCode::BAD_REQUEST, throttled).into_response();
    }
    let forwarded = role.client.post(&role.emulator).headers(headers).body(body).send().await.unwrap();
    let (status, headers) = (forwarded.status(), forwarded.headers().clone());
    (status, headers, forwarded.bytes().await.unwrap()).into_response()
}

/// A throttled call is made again, a few times; then the answer is a 503, and nothing was done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_call_is_made_again() {
    let Some(place) = Place::shared("dynamodb").await else { return };
    // Tables are made past the role.
    drop(place.serve());
    let allowed = &["DeleteItem", "DescribeTable", "GetItem", "PutItem", "Query", "Scan"];
    let (role, address) = Role::in_front_of(&format!("http://{}", place.server()), allowed).await;
    let server = place.by(place.server(), address).serve();
    let consumer = Consumer::new(&[&server]).await;
    let (_, totp, code) = consumer.enroll().await;
    role.throttle(50);
    assert_eq!(consumer.validate(&totp, &code).await, 503);
    assert_eq!(50 - role.throttle(3), 4, "attempts");
    assert_eq!(consumer.validate(&totp, &code).await, 200);
    assert_eq!(role.throttle(0), 0);
    assert_eq!(consumer.validate(&totp, &code).await, 401);
}
