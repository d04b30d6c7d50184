//! Indexes that have lost entries, hold entries of nothing, or are too large for one sorted set.

use std::time::Duration;

use mfa_core::clock::UnixTime;
use mfa_core::store::inspect::{Flaw, Report, Scope};
use mfa_core::store::{Expect, Listing, Stores};
use mfa_store_conformance::kit::factors::{Factors, NOW, authenticate, fresh_key, rotate};
use mfa_store_conformance::kit::sample;
use mfa_store_conformance::kit::service::mfa_at;
use mfa_store_redis::{RedisStore, inspect, repair};
use mfa_test_servers::{OwnServer, unique_name};

use super::command;

async fn open(url: &str) -> Stores {
    RedisStore::open(url).await.unwrap().into()
}

async fn look(url: &str) -> Report {
    inspect(url, Scope::Everything, UnixTime::from_secs(1)).await
}

/// What is missing from an index: its kind, how many, and the beginnings of their ids.
fn missing(report: &Report) -> Vec<(&str, u64, Vec<String>)> {
    let missing = report.census.problems().iter().filter(|problem| problem.flaw == Flaw::NotIndexed);
    missing.map(|problem| (problem.kind, problem.count, problem.examples.clone())).collect()
}

/// Calls a command on a server, or on the node of a Cluster that has its key.
async fn on_the_node(url: &str, words: &[&str]) -> redis::Value {
    let Some(nodes) = url.strip_prefix("redis-cluster://") else { return command(url, words).await };
    let nodes: Vec<_> = nodes.split(',').map(|node| format!("redis://{node}")).collect();
    let client = redis::cluster::ClusterClient::new(nodes).unwrap();
    let mut connection = client.get_async_connection().await.unwrap();
    redis::cmd(words[0]).arg(&words[1..]).query_async(&mut connection).await.unwrap()
}

/// R78: fifty TOTPs, of which the index has lost five. A rotation moves all fifty, the doctor names the five, and
/// a repair lists them again.
#[tokio::test]
async fn a_lost_entry_loses_no_factor() {
    for variable in ["MFA_TEST_REDIS", "MFA_TEST_REDIS_CLUSTER"] {
        let Some(server) = mfa_test_servers::shared(variable) else { return };
        let prefix = unique_name();
        let url = format!("{server}?prefix={prefix}");
        let stores = open(&url).await;
        let (mfa, _) = mfa_at(&stores, NOW);
        let (old, new) = (fresh_key(&mfa).await, fresh_key(&mfa).await);
        let consumer = authenticate(&mfa, &old).await;
        let mut factors = Factors::enroll(&consumer, 50, 2).await;
        let owner = consumer.id().as_str().to_owned();
        for (id, _) in &factors.totp[..5] {
            let index = format!("{prefix}:totp-of:{owner}");
            let entry =
                on_the_node(&server, &["ZRANGEBYLEX", &index, &format!("[{id}:"), &format!("({id};")]).await;
            let entry: Vec<String> = redis::from_redis_value(entry).unwrap();
            assert_eq!(on_the_node(&server, &["ZREM", &index, &entry[0]]).await, redis::Value::Int(1));
        }
        on_the_node(&server, &["ZREM", &format!("{prefix}:api-keys"), old.0.as_str()]).await;

        let report = look(&url).await;
        let mut names: Vec<_> =
            factors.totp[..5].iter().map(|(id, _)| format!("{}…", &id.to_string()[..8])).collect();
        names.sort_unstable();
        let mut found = missing(&report);
        found[0].2.sort_unstable();
        let key = format!("{}…", &old.0.as_str()[..8]);
        assert_eq!(found, [("totp", 5, names), ("api-key", 1, vec![key])]);

        let rotated = rotate(&mfa, &old, &new, true).await.unwrap();
        assert!(rotated.done && rotated.old_revoked, "{rotated:?}");
        assert_eq!((rotated.totp_complete, rotated.webauthn_complete), (50, 2));
        // Another server, which has no data key in memory.
        let (mfa, _) = mfa_at(&open(&url).await, NOW);
        let consumer = authenticate(&mfa, &new).await;
        let ids: Vec<_> = factors.totp.iter().map(|(id, _)| *id).collect();
        factors.work(&consumer).await;

        // The rotation wrote the key, and with it its entries.
        on_the_node(&server, &["ZREM", &format!("{prefix}:api-keys"), old.0.as_str()]).await;
        assert_eq!(missing(&look(&url).await).iter().map(|(_, count, _)| count).sum::<u64>(), 6);
        assert_eq!(repair(&url, Duration::ZERO).await.unwrap().added, 6);
        assert_eq!(missing(&look(&url).await), []);
        let page = stores.totp.page_by_consumer(consumer.id(), None, 100, Listing::Exact).await.unwrap();
        assert_eq!(page.items.len(), ids.len());
        assert_eq!(repair(&url, Duration::ZERO).await.unwrap(), Default::default());
    }
}

/// A full index is split. Its records are listed once each, and deleted with their entries. A repair moves what
/// the first set still holds, and removes the entries of nothing.
#[tokio::test]
async fn a_full_index_is_split() {
    let Some(server) = OwnServer::start("redis", &[]) else { return };
    let url = format!("redis://{}", server.address);
    let stores = open(&url).await;
    let record = |n: u32| {
        let mut record = sample::totp(n, "ann");
        // Over all parts, as random ids are.
        record.id.0 = uuid_of(n);
        record
    };
    let create = async |range: std::ops::Range<u32>| {
        for n in range {
            stores.totp.save(&record(n), Expect::Absent).await.unwrap();
        }
    };
    create(0..20).await;
    let mut fill = vec!["ZADD".to_owned(), "mfa:totp-of:ann".to_owned()];
    for n in 0..9_978 {
        fill.extend(["0".to_owned(), format!("{}:1", uuid_of(100_000 + n))]);
    }
    command(&url, &fill.iter().map(String::as_str).collect::<Vec<_>>()).await;
    create(20..60).await;
    let size = async |set: &str| command(&url, &["ZCARD", set]).await;
    // Two fit, and the mark.
    assert_eq!(size("mfa:totp-of:ann").await, redis::Value::Int(10_001));

    let listed = async |limit: usize| {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let owner = sample::consumer("ann");
            let page =
                stores.totp.page_by_consumer(&owner, after.as_ref(), limit, Listing::Thorough).await.unwrap();
            listed.extend(page.items.into_iter().map(|stored| stored.record.id.0));
            after = page.next;
            if after.is_none() {
                return listed;
            }
        }
    };
    let mut expected: Vec<_> = (0..60).map(uuid_of).collect();
    expected.sort_unstable();
    assert_eq!(listed(250).await, expected);

    let entries = async || {
        let keys: Vec<String> =
            redis::from_redis_value(command(&url, &["KEYS", "mfa:totp-*"]).await).unwrap();
        let mut entries = 0;
        for key in keys {
            let redis::Value::Int(size) = size(&key).await else { unreachable!() };
            entries += size;
        }
        entries
    };
    assert_eq!(entries().await, 9_978 + 60 + 1);
    for n in [3, 50] {
        assert!(stores.totp.delete(&record(n).consumer, record(n).id).await.unwrap());
    }
    assert_eq!(entries().await, 9_978 + 58 + 1);

    let repaired = repair(&url, Duration::ZERO).await.unwrap();
    assert_eq!((repaired.added, repaired.removed, repaired.moved), (0, 9_978, 9_999));
    assert_eq!((size("mfa:totp-of:ann").await, entries().await), (redis::Value::Int(1), 58 + 1));
    expected.retain(|id| ![uuid_of(3), uuid_of(50)].contains(id));
    for limit in [7, 250] {
        assert_eq!(listed(limit).await, expected);
    }
}

fn uuid_of(n: u32) -> uuid::Uuid {
    format!("{:08x}-0000-4000-8000-{n:012x}", n.wrapping_mul(2_654_435_761)).parse().unwrap()
}

/// An entry whose record is still on its way is not stale.
#[tokio::test]
async fn a_repair_waits_for_slow_writers() {
    let Some(server) = OwnServer::start("redis", &[]) else { return };
    let url = format!("redis://{}", server.address);
    let stores = open(&url).await;
    let late = sample::totp(1, "ann");
    stores.totp.save(&late, Expect::Absent).await.unwrap();
    // Its writer has written the entry, and not yet the record.
    let key = format!("mfa:totp:{}", late.id);
    command(&url, &["RENAME", &key, "elsewhere"]).await;
    command(&url, &["ZADD", "mfa:totp-of:ann", "0", &format!("{}:1", sample::uuid(9))]).await;
    command(&url, &["CONFIG", "RESETSTAT"]).await;
    let patience = Duration::from_secs(2);
    let repairing = tokio::spawn({
        let url = url.clone();
        async move { repair(&url, patience).await }
    });
    // The second call finds the end of the index.
    while !format!("{:?}", command(&url, &["INFO", "commandstats"]).await).contains("zrangebylex:calls=2") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    command(&url, &["RENAME", "elsewhere", &key]).await;
    assert_eq!(repairing.await.unwrap().unwrap().removed, 1);
    let page = stores.totp.page_by_consumer(&late.consumer, None, 10, Listing::Exact).await.unwrap();
    assert_eq!(page.items.len(), 1);
}
