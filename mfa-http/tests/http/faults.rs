//! R45, R54: a store that fails is a 503, never a refusal.

use std::sync::Arc;

use mfa_core::api_key::{HashError, SecretHash, SecretHasher};
use mfa_core::envelope::Sealed;
use mfa_core::secret::SecretBytes;
use mfa_core::store::memory::MemoryStore;
use mfa_core::store::{ApiKeyState, Expect, Stores, TotpRecord};
use mfa_core::{ConsumerId, Mfa};
use mfa_store_conformance::kit::faults::{Fault, FaultyStores};
use mfa_store_conformance::kit::service::code_at;
use reqwest::Method;
use serde_json::json;

use super::server::{Credentials, NOW, TestServer, answer, error};

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

/// R8: a record that does not open is a 500 without details, and not a refusal.
#[tokio::test]
async fn a_damaged_record_is_a_500() {
    let stores = Stores::from(MemoryStore::default());
    let server = TestServer::on(stores.clone()).await;
    let consumer = server.consumer("dev@example.com").await;
    let (uuid, key) = server.enrolled(&consumer).await;
    let owner = ConsumerId::of_first_key(&consumer.key.parse().unwrap());
    let stored = stores.totp.get(&owner, uuid.parse().unwrap()).await.unwrap().unwrap();
    let mut bytes = stored.record.secret.as_bytes().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    let damaged = TotpRecord { secret: Sealed::from_stored(bytes), ..stored.record };
    stores.totp.save(&damaged, Expect::At(stored.revision)).await.unwrap();
    let internal = error(500, "internal", "Internal Server Error");
    let code = json!({"code": code_at(&key, NOW)});
    let validate = server.call(&consumer, Method::POST, &format!("/totp/{uuid}/validate")).json(&code);
    assert_eq!(answer(validate).await, internal);

    let name = consumer.key.parse().unwrap();
    let stored = stores.api_keys.get(&name).await.unwrap().unwrap();
    let mut record = stored.record;
    let ApiKeyState::Active { keyring: Some(keyring), .. } = &mut record.state else { panic!() };
    *keyring = Sealed::from_stored(vec![1; 40]);
    stores.api_keys.save(&record, Expect::At(stored.revision)).await.unwrap();
    assert_eq!(answer(server.call(&consumer, Method::POST, "/totp")).await, internal);
}

/// A disabled TOTP has its own error, and a reset enables it.
#[tokio::test]
async fn a_disabled_totp_is_a_403_until_reset() {
    let stores = Stores::from(MemoryStore::default());
    let server = TestServer::on(stores.clone()).await;
    let consumer = server.consumer("dev@example.com").await;
    let (uuid, key) = server.enrolled(&consumer).await;
    let owner = ConsumerId::of_first_key(&consumer.key.parse().unwrap());
    let stored = stores.totp.get(&owner, uuid.parse().unwrap()).await.unwrap().unwrap();
    let disabled = TotpRecord { failures: 100, ..stored.record };
    stores.totp.save(&disabled, Expect::At(stored.revision)).await.unwrap();
    let code = json!({"code": code_at(&key, NOW)});
    let validate =
        || answer(server.call(&consumer, Method::POST, &format!("/totp/{uuid}/validate")).json(&code));
    let text = "Disabled after too many failed attempts; reset it or enrol again";
    assert_eq!(validate().await, error(403, "totp-disabled", text));
    assert_eq!(answer(server.call(&consumer, Method::POST, &format!("/totp/{uuid}/reset"))).await.0, 204);
    assert_eq!(validate().await.0, 200);
}

#[derive(Debug)]
struct BadHasher;

#[async_trait::async_trait]
impl SecretHasher for BadHasher {
    async fn hash(&self, _: SecretBytes, _: [u8; 16]) -> Result<SecretHash, HashError> {
        Err(HashError::Busy)
    }

    async fn verify(&self, _: SecretBytes, _: SecretHash) -> Result<bool, HashError> {
        panic!("a bug")
    }
}

/// R51: a bug is a 500 and the server goes on; a full hashing queue is a 503.
#[tokio::test]
async fn a_panic_is_a_500_and_a_full_queue_a_503() {
    let store = MemoryStore::default();
    let mfa = Mfa::builder(store.clone()).build();
    let active = mfa.create_api_key("dev@example.com").await.unwrap();
    let secret = mfa.activate_api_key(&active, "dev@example.com").await.unwrap();
    let key = mfa.create_api_key("dev@example.com").await.unwrap();
    let server = TestServer::with(Mfa::builder(store).hasher(Arc::new(BadHasher)).build()).await;
    let consumer = Credentials { key: active.as_str().to_owned(), secret: secret.expose_text().to_owned() };
    for _ in 0..2 {
        let failed = answer(server.call(&consumer, Method::POST, "/totp")).await;
        assert_eq!(failed, error(500, "internal", "Internal Server Error"));
    }
    let body = json!({"email": "dev@example.com", "apiKey": key.as_str()});
    let busy = server.admin(Method::POST, "/api-key/activate").json(&body).send().await.unwrap();
    assert_eq!((busy.status().as_u16(), busy.headers()["retry-after"].to_str().unwrap()), (503, "1"));
}
