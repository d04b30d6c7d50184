//! A Cluster's client repeats a call whose answer was lost. The repetition is answered as done (R80).

use std::net::TcpListener;
use std::time::Duration;

use mfa_core::clock::UnixTime;
use mfa_core::store::{CeremonyId, Expect, StoreError, Stores};
use mfa_store_conformance::kit::faults::Fault;
use mfa_store_conformance::kit::sample;
use mfa_store_redis::RedisStore;
use mfa_test_servers::{OwnServer, Proxy};

use super::command;

/// A Cluster of one node, which announces the address of the proxy before it.
async fn cluster() -> Option<(OwnServer, Proxy)> {
    let bus = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let server = OwnServer::start("redis", &["--cluster-enabled", "yes", "--cluster-port", &bus])?;
    let (url, proxy) = (format!("redis://{}", server.address), Proxy::start(server.address).await);
    let port = proxy.address.port().to_string();
    command(&url, &["CONFIG", "SET", "cluster-announce-port", &port]).await;
    command(&url, &["CONFIG", "SET", "cluster-announce-ip", "127.0.0.1"]).await;
    let slots: Vec<String> = (0..16_384).map(|slot| slot.to_string()).collect();
    let add: Vec<&str> =
        ["CLUSTER", "ADDSLOTS"].into_iter().chain(slots.iter().map(String::as_str)).collect();
    command(&url, &add).await;
    let works = async {
        while !format!("{:?}", command(&url, &["CLUSTER", "INFO"]).await).contains("cluster_state:ok") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), works).await.unwrap();
    Some((server, proxy))
}

/// How often the server has run a command.
async fn calls(server: &OwnServer, name: &str) -> u32 {
    let statistics =
        format!("{:?}", command(&format!("redis://{}", server.address), &["INFO", "commandstats"]).await);
    let calls = statistics.split(&format!("cmdstat_{name}:calls=")).nth(1);
    calls.map_or(0, |calls| calls.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_repeated_call_is_answered_as_done() {
    let Some((server, proxy)) = cluster().await else { return };
    let stores = Stores::from(RedisStore::open(&format!("redis-cluster://{}", proxy.address)).await.unwrap());
    // The server knows the scripts after this.
    let other = sample::totp(2, "ann");
    stores.totp.save(&other, Expect::Absent).await.unwrap();
    assert!(stores.totp.delete(&other.consumer, other.id).await.unwrap());

    let record = sample::totp(1, "ann");
    stores.totp.save(&record, Expect::Absent).await.unwrap();
    let before = calls(&server, "evalsha").await;
    proxy.cut(1, Fault::After);
    assert!(stores.totp.delete(&record.consumer, record.id).await.unwrap());
    assert!(!proxy.uncut());
    assert_eq!(calls(&server, "evalsha").await, before + 2);
    assert!(!stores.totp.delete(&record.consumer, record.id).await.unwrap());
    // The note of a deletion does not stand in the way of a new record.
    stores.totp.save(&record, Expect::Absent).await.unwrap();
    assert!(stores.totp.delete(&record.consumer, record.id).await.unwrap());

    let (id, expires_at) = (CeremonyId([1; 32]), UnixTime::from_secs(300));
    let before = calls(&server, "set").await;
    proxy.cut(1, Fault::After);
    stores.ceremonies.put(id, sample::bytes(1), expires_at).await.unwrap();
    assert!(!proxy.uncut());
    assert_eq!(calls(&server, "set").await, before + 2);
    let second = stores.ceremonies.put(id, sample::bytes(2), expires_at).await;
    assert!(matches!(second, Err(StoreError::AlreadyExists)), "{second:?}");
    let taken = stores.ceremonies.take(id, UnixTime::from_secs(1)).await.unwrap();
    assert_eq!(taken, Some(sample::bytes(1)));
}
