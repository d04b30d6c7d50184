//! R75: fail-overs, silent peers and lost standbys, on servers of each test's own. Service resumes without a
//! restart, and the server never gets more connections than it should.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mfa_core::store::{Expect, Pool as _, StoreError, Stores};
use mfa_store_conformance::kit::sample;
use mfa_store_postgres::PostgresStore;
use mfa_test_servers::{OwnServer, Proxy};
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};
use tokio::time::{Instant, sleep, timeout};

const RESUME: Duration = Duration::from_secs(10);

fn url(address: impl std::fmt::Display, settings: &str) -> String {
    format!("postgres://mfa@{address}/postgres?{settings}")
}

/// A server that takes connections.
async fn server() -> Option<OwnServer> {
    let server = OwnServer::start("postgres", &[])?;
    raw(&server).await;
    Some(server)
}

/// Connects, once the server has started up.
async fn raw(server: &OwnServer) -> PgConnection {
    let url = url(server.address, "");
    for _ in 0..100 {
        if let Ok(connection) = PgConnection::connect(&url).await {
            return connection;
        }
        sleep(Duration::from_millis(100)).await;
    }
    unreachable!("the server does not start up")
}

async fn set(server: &OwnServer, setting: &'static str) {
    let mut connection = raw(server).await;
    connection.execute(setting).await.unwrap();
    connection.execute("SELECT pg_reload_conf()").await.unwrap();
}

fn cause(error: &StoreError) -> String {
    std::error::Error::source(error).unwrap().to_string()
}

/// Waits until the standby has everything that the primary has.
async fn caught_up(primary: &OwnServer) {
    let mut connection = raw(primary).await;
    let query =
        "SELECT coalesce(bool_and(replay_lsn = pg_current_wal_lsn()), false) FROM pg_stat_replication";
    while !connection.fetch_one(query).await.unwrap().get::<bool, _>(0) {
        sleep(Duration::from_millis(20)).await;
    }
}

/// Writes until one succeeds, and returns how many failed.
async fn resumed(stores: &Stores, from: u32) -> u32 {
    let began = Instant::now();
    let mut failed = 0;
    while stores.totp.save(&sample::totp(from + failed, "ann"), Expect::Absent).await.is_err() {
        assert!(began.elapsed() < RESUME, "no write succeeds, {failed} failed");
        failed += 1;
        sleep(Duration::from_millis(20)).await;
    }
    failed
}

/// The name of the primary points at its standby for five seconds, which answers nothing meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_points_at_a_standby_for_a_while() {
    let Some(primary) = server().await else { return };
    let proxy = Proxy::start(primary.address).await;
    let stores = Stores::from(PostgresStore::open(&url(proxy.address, "")).await.unwrap());
    let record = sample::totp(1, "ann");
    stores.totp.save(&record, Expect::Absent).await.unwrap();
    let standby = primary.standby();
    caught_up(&primary).await;

    proxy.point_at(standby.address);
    proxy.cut_all();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) {
        let read = stores.totp.get(&record.consumer, record.id).await.unwrap_err();
        let written = stores.totp.save(&sample::totp(2, "ann"), Expect::Absent).await.unwrap_err();
        for refused in [read, written] {
            let cause = cause(&refused);
            assert!(cause.contains("takes no writes") || cause.contains("error communicating"), "{cause}");
        }
    }
    // Connections to the standby are not cut.
    proxy.point_at(primary.address);
    assert_eq!(resumed(&stores, 10).await, 0);
    assert!(stores.totp.get(&record.consumer, record.id).await.unwrap().is_some());

    // A URL may name both, and a host that is gone.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hosts = format!("{gone},{},{}", standby.address, primary.address);
    let stores = Stores::from(PostgresStore::open_existing(&url(hosts, "")).await.unwrap());
    assert_eq!(resumed(&stores, 20).await, 0);
}

/// The primary dies, and its standby is promoted under the same name.
#[tokio::test(flavor = "multi_thread")]
async fn a_promoted_standby_takes_over() {
    let Some(mut primary) = server().await else { return };
    let proxy = Proxy::start(primary.address).await;
    let stores = Stores::from(PostgresStore::open(&url(proxy.address, "")).await.unwrap());
    let record = sample::totp(1, "ann");
    stores.totp.save(&record, Expect::Absent).await.unwrap();
    let standby = primary.standby();
    caught_up(&primary).await;

    primary.kill();
    assert!(stores.totp.get(&record.consumer, record.id).await.is_err());
    proxy.point_at(standby.address);
    assert!(stores.totp.get(&record.consumer, record.id).await.is_err());
    raw(&standby).await.execute("SELECT pg_promote()").await.unwrap();
    resumed(&stores, 10).await;
    assert!(stores.totp.get(&record.consumer, record.id).await.unwrap().is_some());
}

/// A server that stops taking writes is not read from either, although it keeps its connections.
#[tokio::test(flavor = "multi_thread")]
async fn a_demoted_server_is_not_read_from() {
    let Some(server) = server().await else { return };
    let store = PostgresStore::open(&url(server.address, "")).await.unwrap();
    let (record, stores) = (sample::totp(1, "ann"), Stores::from(store.clone()));
    open_several(&store, &stores).await;

    set(&server, "ALTER SYSTEM SET default_transaction_read_only = on").await;
    while stores.totp.save(&record, Expect::Absent).await.is_ok() {
        // The server tells its processes in a moment.
        stores.totp.delete(&record.consumer, record.id).await.ok();
    }
    let refused = stores.totp.get(&record.consumer, record.id).await.unwrap_err();
    assert!(cause(&refused).contains("takes no writes"), "{}", cause(&refused));
    let mut operator = raw(&server).await;
    operator.execute("SET default_transaction_read_only = off").await.unwrap();
    operator.execute("ALTER SYSTEM RESET default_transaction_read_only").await.unwrap();
    operator.execute("SELECT pg_reload_conf()").await.unwrap();
    resumed(&stores, 10).await;
}

/// Makes idle connections.
async fn open_several(store: &PostgresStore, stores: &Stores) {
    while store.status().idle < 6 {
        sample::at_once((0..64).map(|n| {
            let (stores, record) = (stores.clone(), sample::totp(n, "ann"));
            async move { stores.totp.get(&record.consumer, record.id).await.unwrap() }
        }))
        .await;
    }
}

/// The peer falls silent on every connection, as behind a firewall that forgot them: two calls fail at most.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_peer_fails_few_calls() {
    let Some(server) = server().await else { return };
    let proxy = Proxy::start(server.address).await;
    let url = url(proxy.address, "statement_timeout=1&max_connections=8&application_name=store");
    let store = PostgresStore::open(&url).await.unwrap();
    let stores = Stores::from(store.clone());
    open_several(&store, &stores).await;

    proxy.silence();
    let mut failed = 0;
    for n in 0..30 {
        let record = sample::totp(n, "ann");
        failed += usize::from(stores.totp.get(&record.consumer, record.id).await.is_err());
    }
    assert!(failed <= 2, "{failed} calls failed");
}

/// All connections are in use when the peer falls silent, and each statement keeps its place: the server is
/// asked, and service resumes.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_peer_under_load_is_left() {
    let Some(server) = server().await else { return };
    let proxy = Proxy::start(server.address).await;
    let url = url(proxy.address, "statement_timeout=1&max_connections=4");
    let stores = Stores::from(PostgresStore::open(&url).await.unwrap());
    let silent = Arc::new(AtomicBool::new(false));
    let clients = (0..16).map(|n| {
        let (stores, silent, record) = (stores.clone(), Arc::clone(&silent), sample::totp(n, "ann"));
        tokio::spawn(async move {
            loop {
                let read = stores.totp.get(&record.consumer, record.id).await;
                if silent.load(Ordering::SeqCst) && read.is_ok() {
                    return;
                }
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    proxy.silence();
    silent.store(true, Ordering::SeqCst);
    for client in clients {
        timeout(RESUME, client).await.unwrap().unwrap();
    }
}

/// Commits wait for a standby that is lost. Four processes' callers give up again and again, and the server never
/// has more connections than the four may have together.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lost_synchronous_standby_gets_no_more_connections() {
    const EACH: usize = 4;
    let Some(server) = server().await else { return };
    let url =
        url(server.address, "statement_timeout=1&acquire_timeout=1&max_connections=4&application_name=store");
    let mut processes = Vec::new();
    for _ in 0..4 {
        processes.push(Stores::from(PostgresStore::open(&url).await.unwrap()));
    }
    set(&server, "ALTER SYSTEM SET synchronous_standby_names = 'lost'").await;

    let done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..32)
        .map(|client: u32| {
            let (stores, done) = (processes[client as usize % 4].clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut failed = 0;
                while !done.load(Ordering::SeqCst) {
                    let record = sample::totp(1_000 * client + failed, "ann");
                    failed += u32::from(stores.totp.save(&record, Expect::Absent).await.is_err());
                }
                failed
            })
        })
        .collect();
    let (mut watcher, mut most, mut waiting) = (raw(&server).await, 0, 0);
    let count = "SELECT count(*), count(*) FILTER (WHERE wait_event = 'SyncRep') FROM pg_stat_activity \
        WHERE application_name = 'store'";
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(12) {
        let row = watcher.fetch_one(count).await.unwrap();
        most = most.max(row.get::<i64, _>(0));
        waiting = waiting.max(row.get::<i64, _>(1));
        sleep(Duration::from_millis(10)).await;
    }
    assert!(waiting > 0, "no commit waited");
    assert!(most <= 4 * EACH as i64, "{most} connections");

    set(&server, "ALTER SYSTEM RESET synchronous_standby_names").await;
    for (n, stores) in (0..).zip(&processes) {
        resumed(stores, 100_000 + 1_000 * n).await;
    }
    done.store(true, Ordering::SeqCst);
    for client in clients {
        assert!(client.await.unwrap() > 1, "a client did not give up");
    }
}

/// A caller that hangs up leaves its statement its place until the server has ended it.
#[tokio::test(flavor = "multi_thread")]
async fn a_statement_whose_caller_hung_up_keeps_its_place() {
    let Some(server) = server().await else { return };
    let store =
        PostgresStore::open(&url(server.address, "max_connections=2&acquire_timeout=1")).await.unwrap();
    let (record, stores) = (sample::totp(1, "ann"), Stores::from(store.clone()));
    let revision = stores.totp.save(&record, Expect::Absent).await.unwrap();
    let mut locker = raw(&server).await;
    let mut transaction = locker.begin().await.unwrap();
    transaction.execute("SELECT * FROM mfa_totp FOR UPDATE").await.unwrap();

    let caller = tokio::spawn({
        let (stores, record) = (stores.clone(), record.clone());
        async move { stores.totp.save(&record, Expect::At(revision)).await }
    });
    let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    let mut watcher = raw(&server).await;
    while watcher.fetch_one(waits).await.unwrap().get::<i64, _>(0) == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    assert_eq!(store.status().size, 1);
    let refused = stores.totp.get(&record.consumer, record.id).await.unwrap_err();
    assert_eq!(cause(&refused), "no answer within 1000 ms");
    transaction.rollback().await.unwrap();
    let began = Instant::now();
    while stores.totp.get(&record.consumer, record.id).await.is_err() {
        assert!(began.elapsed() < RESUME, "the place is not given back");
    }
}
