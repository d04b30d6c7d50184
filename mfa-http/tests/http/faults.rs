//! R45, R54: a store that fails is a 503, never a refusal.

use mfa_core::store::memory::MemoryStore;
use mfa_store_conformance::faults::{Fault, FaultyStores};
use mfa_store_conformance::races::code_at;
use reqwest::Method;
use serde_json::json;

use super::server::{NOW, TestServer, answer, error};

#[tokio::test]
async fn whichever_call_fails_on_whichever_route_it_is_a_503() {
    for fault in [Fault::Before, Fault::After] {
        let faulty = FaultyStores::new(MemoryStore::default().into());
        let server = TestServer::on(faulty.stores()).await;
        let consumer = server.consumer("dev@example.com").await;
        let (uuid, key) = server.enrolled(&consumer).await;
        let code = json!({"code": code_at(&key, NOW)});
        let path = format!("/totp/{uuid}");
        let validate = format!("/totp/{uuid}/validate");
        let reset = format!("/totp/{uuid}/reset");
        let routes = [
            (Method::GET, path.as_str(), 2),
            (Method::POST, "/totp", 2),
            (Method::POST, &reset, 3),
            (Method::POST, &validate, 3),
            (Method::DELETE, &path, 2),
        ];
        let unavailable = error(503, "unavailable", "Try again later");
        for (method, path, calls) in routes {
            for call in 0..calls {
                faulty.fail(call, fault);
                let asked = answer(server.call(&consumer, method.clone(), path).json(&code)).await;
                assert_eq!(asked, unavailable, "{fault:?} {method} {path} {call}");
            }
        }
        for (method, path) in
            [(Method::GET, "/api-key"), (Method::POST, "/api-key"), (Method::GET, "/health/ready")]
        {
            faulty.fail(0, fault);
            let request = server.admin(method.clone(), path).json(&json!({"email": "x@example.com"}));
            assert_eq!(answer(request).await, unavailable, "{fault:?} {method} {path}");
        }
    }
}
