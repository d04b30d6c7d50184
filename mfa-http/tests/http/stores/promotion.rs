//! A PostgreSQL primary dies in the midst of 128 calls, and its synchronous standby is promoted under the same
//! name. Some order of the calls explains every history across it.

use std::sync::Arc;
use std::time::Duration;

use mfa_test_servers::{OwnServer, Proxy};
use sqlx::{Executor as _, Row as _};
use tokio::time::{Instant, sleep};

use super::client::Consumer;
use super::races::{objects, race};
use super::{Place, connect};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn some_order_explains_every_call_across_it() {
    let Some(mut primary) = OwnServer::start("postgres", &[]) else { return };
    let place = Place::own("postgres", &primary).await;
    let url = |server: &OwnServer| format!("postgres://mfa@{}/postgres", server.address);
    let standby = primary.standby();
    let mut operator = connect(&url(&primary)).await;
    operator.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'").await.unwrap();
    operator.execute("SELECT pg_reload_conf()").await.unwrap();
    let synchronous = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
    while operator.fetch_one(synchronous).await.unwrap().get::<i64, _>(0) == 0 {
        sleep(Duration::from_millis(20)).await;
    }

    let proxy = Proxy::start(primary.address).await;
    let place = place.by(primary.address, proxy.address);
    let servers = [place.serve(), place.serve()];
    let consumer = Arc::new(Consumer::new(&[&servers[0], &servers[1]]).await);
    let mut all = Vec::new();
    for _ in 0..4 {
        all.extend(objects(&consumer).await);
    }
    let racing = tokio::spawn({
        let (consumer, all) = (Arc::clone(&consumer), all.clone());
        async move { race(&consumer, &all).await }
    });
    let progress = || all.iter().map(|object| object.progress()).sum::<u64>();
    // All calls have begun, and some have ended.
    while progress() < 128 + 32 {
        sleep(Duration::from_millis(1)).await;
    }
    primary.kill();
    assert!(progress() < 2 * 128, "the primary died after the calls");

    // It is dead, so no connection to it is left.
    proxy.point_at(standby.address);
    connect(&url(&standby)).await.execute("SELECT pg_promote()").await.unwrap();
    let promoted = Instant::now();
    while consumer.enroll().await.0 != 200 {
        assert!(promoted.elapsed() < Duration::from_secs(10), "service does not resume");
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(racing.await.unwrap(), 128);
    for object in &all {
        object.look(&consumer).await;
        object.check();
    }
}
