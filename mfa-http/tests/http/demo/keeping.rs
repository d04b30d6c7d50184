//! Every enrolled row is in an account or is deleted, even if the store fails.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{COOKIE, HOST, ORIGIN, SET_COOKIE};
use axum::http::{Method, Request};
use mfa_core::store::Listing;
use mfa_core::store::memory::MemoryStore;
use mfa_core::{ConsumerId, Mfa};
use mfa_http::demo::Demo;
use mfa_http::{AdminKey, App};
use mfa_store_conformance::kit::faults::{Fault, FaultyStores};
use serde_json::{Value, json};
use tower::ServiceExt as _;

struct Visitor {
    demo: Demo,
    faulty: FaultyStores,
    router: Router,
    cookie: String,
}

impl Visitor {
    async fn new() -> Self {
        let faulty = FaultyStores::new(MemoryStore::default().into());
        let app = App::new(Mfa::builder(faulty.stores()).build(), AdminKey::of_nobody());
        let demo = Demo::begin(app.clone()).await.unwrap();
        let router = demo.router(app);
        let opened = router.clone().oneshot(request(Method::POST, "account", "")).await.unwrap();
        let cookie = opened.headers()[SET_COOKIE].to_str().unwrap().to_owned();
        Self { demo, faulty, router, cookie }
    }

    /// The answer's status, and those of the calls to the service.
    async fn ask(&self, method: Method, path: &str) -> (u16, Vec<Value>) {
        let response = self.router.clone().oneshot(request(method, path, &self.cookie)).await.unwrap();
        let status = response.status().as_u16();
        let body: Value =
            serde_json::from_slice(&to_bytes(response.into_body(), 1 << 20).await.unwrap()).unwrap();
        let calls = body["exchanges"].as_array().unwrap();
        (status, calls.iter().map(|call| call["status"].clone()).collect())
    }

    /// Rows that remain after the demo has ended.
    async fn left_at_the_end(self) -> usize {
        let stores = self.faulty.stores();
        let keys = stores.api_keys.page(None, 10).await.unwrap().items;
        let owner = ConsumerId::of_first_key(&keys[0].record.key);
        self.demo.end().await.unwrap();
        let totp = stores.totp.page_by_consumer(&owner, None, 10, Listing::Exact).await.unwrap().items.len();
        totp + stores.users.page_by_consumer(&owner, None, 10, Listing::Exact).await.unwrap().items.len()
    }
}

fn request(method: Method, path: &str, cookie: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(format!("/demo/api/{path}"));
    let request = request.header(HOST, "localhost").header(ORIGIN, "http://localhost").header(COOKIE, cookie);
    request.body(Body::empty()).unwrap()
}

/// Each call to the service first reads the key.
const WORK: u64 = 1;

#[tokio::test]
async fn an_app_stays_until_another_is_enrolled() {
    let visitor = Visitor::new().await;
    assert_eq!(visitor.ask(Method::POST, "totp").await, (200, vec![json!(200)]));
    visitor.faulty.fail(WORK, Fault::Before);
    assert_eq!(visitor.ask(Method::POST, "totp").await, (503, vec![json!(503)]));
    // It is still there to be deleted.
    assert_eq!(visitor.ask(Method::POST, "totp").await, (200, vec![json!(200), json!(204)]));
}

#[tokio::test]
async fn an_app_that_could_not_be_removed_is_not_forgotten() {
    let visitor = Visitor::new().await;
    visitor.ask(Method::POST, "totp").await;
    visitor.faulty.fail(WORK, Fault::Before);
    assert_eq!(visitor.ask(Method::DELETE, "totp").await, (503, vec![json!(503)]));
    assert_eq!(visitor.ask(Method::DELETE, "totp").await, (200, vec![json!(204)]));
    assert_eq!(visitor.ask(Method::DELETE, "totp").await, (200, vec![]));
    assert_eq!(visitor.left_at_the_end().await, 0);
}

#[tokio::test]
async fn what_could_not_be_deleted_is_deleted_at_the_end() {
    let visitor = Visitor::new().await;
    visitor.ask(Method::POST, "totp").await;
    visitor.faulty.fail(2 + WORK, Fault::Before);
    assert_eq!(visitor.ask(Method::POST, "totp").await, (200, vec![json!(200), json!(503)]));
    assert_eq!(visitor.ask(Method::POST, "u2f").await.0, 200);
    assert_eq!(visitor.left_at_the_end().await, 0);
}
