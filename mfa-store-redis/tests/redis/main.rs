//! Runs the whole suite on a real Redis server and a real Cluster, and tests what only Redis can get wrong.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod failover;
mod index;
mod lost_answers;
mod snapshots;

use mfa_core::store::{Expect, Listing, StoreError, Stores};
use mfa_store_conformance::kit::later::{Later, runs_beside_a_later_version};
use mfa_store_conformance::kit::sample;
use mfa_store_redis::RedisStore;

mod single {
    mfa_store_conformance::store_conformance!(crate::fresh);
}

mod cluster {
    mfa_store_conformance::store_conformance!(crate::fresh_in_cluster);
}

async fn fresh() -> Option<(Stores, ())> {
    open("MFA_TEST_REDIS").await
}

async fn fresh_in_cluster() -> Option<(Stores, ())> {
    open("MFA_TEST_REDIS_CLUSTER").await
}

async fn open(variable: &str) -> Option<(Stores, ())> {
    let url = format!("{}?prefix={}", mfa_test_servers::shared(variable)?, mfa_test_servers::unique_name());
    Some((RedisStore::open(&url).await.unwrap().into(), ()))
}

fn cause(error: &StoreError) -> String {
    std::error::Error::source(error).unwrap().to_string()
}

async fn command(url: &str, words: &[&str]) -> redis::Value {
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]).query_async(&mut connection).await.unwrap()
}

struct NextVersion {
    server: String,
    prefix: String,
}

impl NextVersion {
    async fn run<T: redis::FromRedisValue>(&self, name: &str, record: (&str, &str), words: &[&str]) -> T {
        let key = format!("{}:{}:{}", self.prefix, record.0, record.1);
        let answer = command(&self.server, &[&[name, key.as_str()], words].concat()).await;
        T::from_redis_value(answer).unwrap()
    }
}

#[async_trait::async_trait]
impl Later for NextVersion {
    async fn add_field(&self, key: &str, totp: &str, text: &str) {
        for record in [("api-key", key), ("totp", totp)] {
            assert_eq!(self.run::<u64>("HSET", record, &["later", text]).await, 1);
        }
    }

    async fn field(&self, key: &str, totp: &str) -> [String; 2] {
        let of_key = self.run("HGET", ("api-key", key), &["later"]).await;
        [of_key, self.run("HGET", ("totp", totp), &["later"]).await]
    }

    async fn set_state(&self, key: &str, name: Option<&str>) {
        let changed: u64 = match name {
            Some(name) => self.run("HSET", ("api-key", key), &["state", name]).await,
            None => self.run("HDEL", ("api-key", key), &["state"]).await,
        };
        assert_eq!(changed, 1);
    }
}

/// Every field is optional, so the store needs no version.
#[tokio::test(flavor = "multi_thread")]
async fn a_later_version_may_use_the_store_too() {
    let Some(server) = mfa_test_servers::shared("MFA_TEST_REDIS") else { return };
    let prefix = mfa_test_servers::unique_name();
    let stores = Stores::from(RedisStore::open(&format!("{server}?prefix={prefix}")).await.unwrap());
    runs_beside_a_later_version(&stores, &NextVersion { server, prefix }).await;
}

#[tokio::test]
async fn a_server_that_may_lose_factors_is_refused() {
    for (arguments, complaint) in [
        (["--appendonly", "no"], "`appendonly` is off"),
        (["--maxmemory-policy", "allkeys-lru"], "`maxmemory-policy` is allkeys-lru"),
    ] {
        let Some(server) = mfa_test_servers::OwnServer::start("redis", &arguments) else { return };
        let url = format!("redis://{}", server.address);
        let refused = RedisStore::open(&url).await.unwrap_err();
        assert!(cause(&refused).contains(complaint), "{}", cause(&refused));
        RedisStore::open(&format!("{url}?durability=accept-loss")).await.unwrap();
        // Ceremonies may be lost: their users try again.
        RedisStore::open_for_ceremonies(&url).await.unwrap();
    }
}

/// A server keeps a script after its first call, and gets it again if it has lost it.
#[tokio::test]
async fn scripts_are_sent_once() {
    let Some(server) = mfa_test_servers::OwnServer::start("redis", &[]) else { return };
    let url = format!("redis://{}", server.address);
    let stores = Stores::from(RedisStore::open(&url).await.unwrap());
    let mut told = Vec::new();
    for round in 0..4 {
        if round == 2 {
            command(&url, &["SCRIPT", "FLUSH"]).await;
        }
        let totp = sample::totp(round, "ann");
        let created = stores.totp.save(&totp, Expect::Absent).await.unwrap();
        stores.totp.save(&totp, Expect::At(created)).await.unwrap();
        assert!(stores.totp.delete(&totp.consumer, totp.id).await.unwrap());
        let statistics = format!("{:?}", command(&url, &["INFO", "commandstats"]).await);
        let calls = statistics.split("cmdstat_eval:calls=").nth(1).unwrap();
        told.push(calls.split(',').next().unwrap().parse::<u32>().unwrap());
    }
    assert_eq!(told, [4, 4, 8, 8]);
}

/// A write that waits for replicas is not acknowledged without them.
#[tokio::test]
async fn a_write_without_its_replicas_is_not_acknowledged() {
    let Some(url) = mfa_test_servers::shared("MFA_TEST_REDIS") else { return };
    let url = format!("{url}?prefix={}&replicas=1", mfa_test_servers::unique_name());
    let stores = Stores::from(RedisStore::open(&url).await.unwrap());
    let refused = stores.totp.save(&sample::totp(1, "ann"), Expect::Absent).await.unwrap_err();
    assert_eq!(cause(&refused), "only 0 of 1 replicas have confirmed the write");
}

/// Running out of memory is an error, and existing records stay whole.
#[tokio::test]
async fn a_full_server_loses_nothing() {
    let Some(server) = mfa_test_servers::OwnServer::start("redis", &[]) else { return };
    let url = format!("redis://{}", server.address);
    let stores = Stores::from(RedisStore::open(&url).await.unwrap());
    let record = sample::totp(1, "ann");
    let revision = stores.totp.save(&record, Expect::Absent).await.unwrap();
    command(&url, &["CONFIG", "SET", "maxmemory", "1"]).await;

    let changed = mfa_core::store::TotpRecord { failed_at: None, ..record.clone() };
    let refused = stores.totp.save(&changed, Expect::At(revision)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    assert_eq!(stores.totp.get(&record.consumer, record.id).await.unwrap().unwrap().record, record);
    command(&url, &["CONFIG", "SET", "maxmemory", "0"]).await;
    stores.totp.save(&changed, Expect::At(revision)).await.unwrap();
}

/// Entries that name nothing (their writer died between index and record) are skipped, and a damaged record does
/// not hide the others.
#[tokio::test]
async fn pages_skip_what_is_not_there_and_report_what_is_damaged() {
    let Some(url) = mfa_test_servers::shared("MFA_TEST_REDIS") else { return };
    let prefix = mfa_test_servers::unique_name();
    let stores = Stores::from(RedisStore::open(&format!("{url}?prefix={prefix}")).await.unwrap());
    for n in 0..3 {
        stores.totp.save(&sample::totp(n, "ann"), Expect::Absent).await.unwrap();
    }
    let (sound, broken) = (sample::totp(1, "ann"), sample::totp(2, "ann"));
    let index = format!("{prefix}:totp-of:ann");
    command(&url, &["ZADD", &index, "0", &format!("{}:1", sample::uuid(9))]).await;
    command(&url, &["ZADD", &index, "0", &format!("{}:1", sound.id)]).await;
    command(&url, &["HSET", &format!("{prefix}:totp:{}", broken.id), "failures", "many"]).await;

    let page = stores.totp.page_by_consumer(&sound.consumer, None, 10, Listing::Fast).await.unwrap();
    assert_eq!((page.items.len(), page.damaged), (2, vec![broken.id.to_string()]));
    let damaged = stores.totp.get(&broken.consumer, broken.id).await.unwrap_err();
    assert_eq!(damaged.to_string(), "redis holds a damaged record: failures");
}

/// Ceremonies expire in Redis after the longest possible life.
#[tokio::test]
async fn ceremonies_leave_by_themselves() {
    use mfa_core::clock::UnixTime;
    use mfa_core::store::CeremonyId;

    let Some(url) = mfa_test_servers::shared("MFA_TEST_REDIS") else { return };
    let prefix = mfa_test_servers::unique_name();
    let stores = Stores::from(RedisStore::open(&format!("{url}?prefix={prefix}")).await.unwrap());
    let id = CeremonyId([1; 32]);
    stores.ceremonies.put(id, sample::bytes(1), UnixTime::from_secs(300)).await.unwrap();
    let left = command(&url, &["PTTL", &format!("{prefix}:ceremony:{}", "01".repeat(32))]).await;
    let redis::Value::Int(left) = left else { unreachable!("{left:?}") };
    assert!((250_000..=300_000).contains(&left), "{left}");
}

/// A page may end between a stale entry and the living one of the same id; neither hides the other.
#[tokio::test]
async fn a_page_that_ends_within_an_id_hides_nothing() {
    let Some(url) = mfa_test_servers::shared("MFA_TEST_REDIS") else { return };
    let prefix = mfa_test_servers::unique_name();
    let stores = Stores::from(RedisStore::open(&format!("{url}?prefix={prefix}")).await.unwrap());
    let record = sample::totp(1, "ann");
    stores.totp.save(&record, Expect::Absent).await.unwrap();
    // Sorts before any incarnation of ours.
    command(&url, &["ZADD", &format!("{prefix}:totp-of:ann"), "0", &format!("{}:", record.id)]).await;
    let (mut found, mut after) = (0, None);
    loop {
        let page =
            stores.totp.page_by_consumer(&record.consumer, after.as_ref(), 1, Listing::Exact).await.unwrap();
        found += page.items.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, 1);
}

/// A Cluster's client repeats a call whose answer was lost: the record it made is its own, changed since or not.
#[tokio::test]
async fn a_repeated_creation_knows_its_record() {
    let Some(url) = mfa_test_servers::shared("MFA_TEST_REDIS") else { return };
    let key = mfa_test_servers::unique_name();
    let create = |revision: &'static str| {
        let script = include_str!("../../src/scripts/create.lua");
        let (url, key) = (url.clone(), key.clone());
        async move { command(&url, &["EVAL", script, "1", &key, revision, "consumer", "ann"]).await }
    };
    assert_eq!(create("7").await, redis::Value::Int(1));
    command(&url, &["HSET", &key, "revision", "8"]).await;
    assert_eq!(create("7").await, redis::Value::Int(1));
    assert_eq!(create("9").await, redis::Value::Int(0));
}
