//! A server on a free port, in this process; and a client that speaks plain HTTP to it.

use std::sync::Arc;

use mfa_core::Mfa;
use mfa_core::clock::{ManualClock, UnixTime};
use mfa_core::code::Code;
use mfa_core::store::Stores;
use mfa_core::store::memory::MemoryStore;
use mfa_http::server::Limits;
use mfa_http::{AdminKey, App, router, server};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub(crate) const ADMIN_KEY: &str = "an-admin-key-for-tests";
/// For the demo's own routes, which are outside the contract.
const DEMO_CODES: [&str; 2] = ["foreign-page", "no-account"];
pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// A running server. Stops when dropped.
pub(crate) struct TestServer {
    pub(crate) address: String,
    pub(crate) clock: Arc<ManualClock>,
    client: Client,
    _stop: oneshot::Sender<()>,
}

/// A consumer's credentials.
pub(crate) struct Credentials {
    pub(crate) key: String,
    pub(crate) secret: String,
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::on(MemoryStore::default().into()).await
    }

    pub(crate) async fn on(stores: Stores) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let hasher = Arc::new(mfa_hasher_tokio::BlockingHasher::default());
        let mfa = Mfa::builder(stores).clock(Arc::clone(&clock) as _).hasher(hasher).build();
        Self { clock, ..Self::with(mfa).await }
    }

    /// A server around `mfa`, whose clock is not ours.
    pub(crate) async fn with(mfa: Mfa) -> Self {
        let clock = Arc::new(ManualClock::at(NOW));
        let router = router(App::new(mfa, AdminKey::new(ADMIN_KEY.to_owned())));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(server::serve(listener, router, Limits::default(), async {
            let _ = stopped.await;
        }));
        Self { address, clock, client: Client::new(), _stop: stop }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    /// A request of `consumer`.
    pub(crate) fn call(&self, consumer: &Credentials, method: Method, path: &str) -> RequestBuilder {
        let request = self.request(method, path).header("x-mfa-apikey", &consumer.key);
        request.header("x-mfa-apisecret", &consumer.secret)
    }

    /// A request of an administrator.
    pub(crate) fn admin(&self, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).header("x-api-key", ADMIN_KEY)
    }

    /// Creates a key over HTTP, finds it in the list, activates it.
    pub(crate) async fn consumer(&self, email: &str) -> Credentials {
        let created = self.admin(Method::POST, "/api-key").json(&json!({"email": email})).send().await;
        assert_eq!(created.unwrap().status(), StatusCode::NO_CONTENT);
        let key = self.key_of(email).await;
        let body = json!({"email": email, "apiKey": key});
        let (status, body) = answer(self.admin(Method::POST, "/api-key/activate").json(&body)).await;
        assert_eq!(status, 200, "{body}");
        Credentials { key, secret: body["apiSecret"].as_str().unwrap().to_owned() }
    }

    pub(crate) async fn key_of(&self, email: &str) -> String {
        let (_, list) = answer(self.admin(Method::GET, "/api-key")).await;
        let mut keys = list["keys"].as_array().unwrap().iter();
        keys.find(|key| key["email"] == email).unwrap()["value"].as_str().unwrap().to_owned()
    }

    /// Enrols a TOTP, and returns its id and key.
    pub(crate) async fn enrolled(&self, consumer: &Credentials) -> (String, String) {
        let (status, body) = answer(self.call(consumer, Method::POST, "/totp").json(&json!({}))).await;
        assert_eq!(status, 200, "{body}");
        (body["uuid"].as_str().unwrap().to_owned(), body["totpKey"].as_str().unwrap().to_owned())
    }
}

/// Sends, and returns status and JSON body (`null` if there is none).
pub(crate) async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    if body.is_empty() {
        return (status, Value::Null);
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_else(|_| panic!("no JSON: {body:?}"));
    if status >= 400 {
        let code = body["code"].as_str().unwrap_or_else(|| panic!("{status} without a code: {body}"));
        let known = Code::ALL.iter().any(|known| known.as_str() == code) || DEMO_CODES.contains(&code);
        assert!(known, "{code} is not a code");
    }
    (status, body)
}

/// The error body, which clients of both predecessors understand.
pub(crate) fn error(status: u16, code: &str, message: &str) -> (u16, Value) {
    (status, json!({"message": message, "status": status, "error": message, "code": code}))
}
