//! What happens to a store whose server is demoted, replaced, silent, or waits for a replica that stands still.

use std::net::SocketAddr;
use std::time::Duration;

use mfa_core::store::{Expect, StoreError, Stores, TotpRecord};
use mfa_store_conformance::kit::sample;
use mfa_store_redis::RedisStore;
use mfa_test_servers::{OwnServer, Proxy};
use tokio::time::{Instant, sleep, timeout};

use super::{cause, command};

/// How long service may take to resume, and how long a read may take (R75).
const RESUMED: Duration = Duration::from_secs(10);
const READ: Duration = Duration::from_secs(2);

struct Pair {
    primary: OwnServer,
    replica: OwnServer,
}

impl Pair {
    /// A primary, and a replica that is up to date.
    async fn start() -> Option<Self> {
        let pair =
            Self { primary: OwnServer::start("redis", &[])?, replica: OwnServer::start("redis", &[])? };
        follow(&pair.replica, &pair.primary).await;
        let online = async {
            while !info(pair.primary.address, "replication").await.contains("state=online") {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(30), online).await.unwrap();
        Some(pair)
    }
}

fn url(address: SocketAddr) -> String {
    format!("redis://{address}")
}

async fn follow(replica: &OwnServer, primary: &OwnServer) {
    let (host, port) = (primary.address.ip().to_string(), primary.address.port().to_string());
    command(&url(replica.address), &["REPLICAOF", &host, &port]).await;
}

async fn promote(server: &OwnServer) {
    command(&url(server.address), &["REPLICAOF", "NO", "ONE"]).await;
}

async fn info(address: SocketAddr, section: &str) -> String {
    let redis::Value::BulkString(text) = command(&url(address), &["INFO", section]).await else {
        unreachable!()
    };
    String::from_utf8(text).unwrap()
}

async fn open(url: &str) -> Stores {
    RedisStore::open(url).await.unwrap().into()
}

/// Writes until a write succeeds, each a record of its own.
async fn resume(stores: &Stores) -> TotpRecord {
    let began = Instant::now();
    let resumed = async {
        for n in 1_000.. {
            let record = sample::totp(n, "ann");
            if stores.totp.save(&record, Expect::Absent).await.is_ok() {
                return record;
            }
        }
        unreachable!()
    };
    let record = timeout(RESUMED, resumed).await.expect("writes do not resume");
    eprintln!("writes resumed after {:?}", began.elapsed());
    record
}

/// A replica that stands still delays writes, which wait for it, and no read.
#[tokio::test]
async fn reads_do_not_wait_for_a_replica() {
    let Some(pair) = Pair::start().await else { return };
    let stores = open(&format!("{}?replicas=1", url(pair.primary.address))).await;
    let record = sample::totp(1, "ann");
    let revision = stores.totp.save(&record, Expect::Absent).await.unwrap();
    pair.replica.pause();
    let writes = (0..8).map(|n| {
        let stores = stores.clone();
        tokio::spawn(async move {
            let record = sample::totp(n, "bob");
            stores.totp.save(&record, Expect::Absent).await
        })
    });
    let writes: Vec<_> = writes.collect();
    let mut reads = 0;
    while writes.iter().any(|write| !write.is_finished()) {
        let read = timeout(READ, stores.totp.get(&record.consumer, record.id)).await;
        assert_eq!(read.expect("a read waits for the replica").unwrap().unwrap().revision, revision);
        reads += 1;
        sleep(Duration::from_millis(20)).await;
    }
    assert!(reads > 50, "{reads}");
    for write in writes {
        assert!(matches!(write.await.unwrap(), Err(StoreError::Unavailable { .. })));
    }
    pair.replica.resume();
    resume(&stores).await;
}

/// The address leads to the promoted server, and the old connections still to the demoted one.
#[tokio::test]
async fn a_demoted_server_is_left() {
    for replicas in ["", "?replicas=1"] {
        let Some(pair) = Pair::start().await else { return };
        let proxy = Proxy::start(pair.primary.address).await;
        let stores = open(&format!("{}{replicas}", url(proxy.address))).await;
        let record = sample::totp(1, "ann");
        let first = stores.totp.save(&record, Expect::Absent).await.unwrap();

        promote(&pair.replica).await;
        follow(&pair.primary, &pair.replica).await;
        // For a while, nothing leads to the promoted server.
        for n in 10..14 {
            let refused = stores.totp.save(&sample::totp(n, "ann"), Expect::Absent).await.unwrap_err();
            assert!(cause(&refused).contains("is a replica"), "{}", cause(&refused));
        }
        proxy.point_at(pair.replica.address);
        resume(&stores).await;
        let second = stores.totp.save(&record, Expect::At(first)).await.unwrap();
        // No connection reads from the demoted server, which may be behind.
        pair.primary.pause();
        let read = timeout(READ, stores.totp.get(&record.consumer, record.id)).await.unwrap().unwrap();
        assert_eq!(read.unwrap().revision, second);
    }
}

/// A server that is demoted for a while and promoted again is used again.
#[tokio::test]
async fn a_server_that_comes_back_is_used() {
    let Some(pair) = Pair::start().await else { return };
    let stores = open(&url(pair.primary.address)).await;
    resume(&stores).await;
    promote(&pair.replica).await;
    follow(&pair.primary, &pair.replica).await;
    let began = Instant::now();
    for n in 0.. {
        let refused = stores.totp.save(&sample::totp(n, "ann"), Expect::Absent).await;
        assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
        if began.elapsed() > Duration::from_secs(5) {
            break;
        }
    }
    promote(&pair.primary).await;
    resume(&stores).await;
}

/// A connection on which nothing comes back is given up, and so are attempts to replace it.
#[tokio::test]
async fn a_silent_connection_is_replaced() {
    let Some(server) = OwnServer::start("redis", &[]) else { return };
    let proxy = Proxy::start(server.address).await;
    let stores = open(&url(proxy.address)).await;
    resume(&stores).await;
    proxy.silence();
    let lost = stores.totp.save(&sample::totp(1, "ann"), Expect::Absent).await;
    assert!(matches!(lost, Err(StoreError::Unavailable { .. })), "{lost:?}");
    resume(&stores).await;
    proxy.stall(true);
    for n in 2..4 {
        let lost = stores.totp.save(&sample::totp(n, "ann"), Expect::Absent).await;
        assert!(matches!(lost, Err(StoreError::Unavailable { .. })), "{lost:?}");
    }
    proxy.stall(false);
    resume(&stores).await;
}

/// Nobody needs to call to find out that a server went away without a word.
#[tokio::test]
async fn the_kernel_watches_idle_connections() {
    let Some(server) = OwnServer::start("redis", &[]) else { return };
    let _stores = open(&url(server.address)).await;
    // Lines of `local remote state queues timer…`, in hex. A timer of 02 is that of keepalive.
    let sockets = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let port = format!(":{:04X}", server.address.port());
    let mut ours = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let timer = ours.find(|fields| fields[2].ends_with(&port) && fields[3] == "01").unwrap()[5].to_owned();
    assert!(timer.starts_with("02:"), "{timer}");
}

/// Of several servers, the primary is found, and so is its successor.
#[tokio::test]
async fn of_several_servers_the_primary_is_found() {
    let Some(mut pair) = Pair::start().await else { return };
    let stores = open(&format!("redis://{},{}", pair.replica.address, pair.primary.address)).await;
    resume(&stores).await;
    pair.primary.kill();
    promote(&pair.replica).await;
    resume(&stores).await;
}

/// Sentinel promotes the replica of a primary that is killed, or that stands still.
#[tokio::test]
async fn a_primary_that_sentinel_replaced_is_left() {
    for kill in [true, false] {
        let Some(mut pair) = Pair::start().await else { return };
        let (host, port) = (pair.primary.address.ip().to_string(), pair.primary.address.port().to_string());
        let Some(sentinel) = OwnServer::start("sentinel", &["main", &host, &port]) else { return };
        // A Sentinel that is gone does not matter.
        let stores = open(&format!("redis-sentinel://127.0.0.1:1,{}/main", sentinel.address)).await;
        let record = resume(&stores).await;
        // It learns of the replica from the primary.
        let learnt = async {
            while !info(sentinel.address, "sentinel").await.contains("slaves=1") {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(Duration::from_secs(30), learnt).await.unwrap();
        if kill {
            pair.primary.kill()
        } else {
            pair.primary.pause()
        }
        let promoted = async {
            while !info(pair.replica.address, "replication").await.contains("role:master") {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(Duration::from_secs(60), promoted).await.expect("Sentinel promotes nobody");
        resume(&stores).await;
        assert!(stores.totp.get(&record.consumer, record.id).await.unwrap().is_some());
    }
}
