//! An authenticated TOTP validation is one read for the key, one for the record and one conditional write; a passkey
//! login is four messages. Counted on the wire.

use mfa_core::store::memory::MemoryStore;
use mfa_store_conformance::kit::authenticator::SoftAuthenticator;
use mfa_store_conformance::kit::faults::FaultyStores;
use mfa_store_conformance::kit::service::code_at;
use mfa_store_sqlite::SqliteStore;
use mfa_test_servers::Proxy;
use reqwest::Method;
use serde_json::json;

use super::client::Consumer;
use super::{Place, on_each_store};
use crate::server::{NOW, TestServer, answer};

// A Cluster tells its clients the addresses of its nodes, so they go past a proxy; it runs the commands of a single server.
on_each_store!(count: postgres, redis, dynamodb);

/// Where there is no wire, calls of the ports are counted: each is one statement, or one look into memory.
#[tokio::test]
async fn calls_without_a_wire() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open(folder.path().join("mfa.db")).await.unwrap();
    for stores in [MemoryStore::default().into(), sqlite.into()] {
        let counted = FaultyStores::new(stores);
        let server = TestServer::on(counted.stores()).await;
        let consumer = server.consumer("dev@example.com").await;
        let (totp, key) = server.enrolled(&consumer).await;
        let (before, code) = (counted.calls(), json!({"code": code_at(&key, NOW)}));
        let path = format!("/totp/{totp}/validate");
        assert_eq!(answer(server.call(&consumer, Method::POST, &path).json(&code)).await.0, 200);
        assert_eq!(counted.calls() - before, 3, "key, record, conditional write");
    }
}

async fn count(store: &str) {
    let Some(place) = Place::shared(store).await else { return };
    let proxy = Proxy::start(place.server()).await;
    let server = place.by(place.server(), proxy.address).serve();
    let consumer = Consumer::new(&[&server]).await;
    // The first call opens connections and prepares statements.
    for _ in 0..2 {
        let (_, totp, code) = consumer.enroll().await;
        assert_eq!(consumer.validate(&totp, &code).await, 200);
    }
    let (_, totp, code) = consumer.enroll().await;
    let before = proxy.messages();
    assert_eq!(consumer.validate(&totp, &code).await, 200);
    assert_eq!(proxy.messages() - before, 3, "key, record, conditional write");

    let mut authenticator = SoftAuthenticator::new(-7);
    let (user, created) = consumer.begin_registration("", &authenticator).await.unwrap();
    assert_eq!(consumer.finish_registration(&user, &created).await.0, 200);
    let mut messages = 0;
    for _ in 0..2 {
        let asserted = consumer.begin_login(&user, &mut authenticator).await.unwrap();
        let before = proxy.messages();
        assert_eq!(consumer.finish_login(&user, &asserted).await, 200);
        messages = proxy.messages() - before;
    }
    assert_eq!(messages, 4, "key, ceremony, user, conditional write");
}
