//! An authenticated TOTP validation is one read for the key, one for the record and one conditional write; a passkey
//! login is four messages. Counted on the wire.

use mfa_store_conformance::authenticator::SoftAuthenticator;

use super::client::Consumer;
use super::proxy::Proxy;
use super::{Place, on_each_store};

// SQLite has no wire; a Cluster tells its clients the addresses of its nodes, so they go past a proxy.
on_each_store!(count: postgres, redis, dynamodb);

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
