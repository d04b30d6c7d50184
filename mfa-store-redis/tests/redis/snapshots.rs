//! A Redis for ceremonies whose snapshots bring used ones back is reported.

use std::time::Duration;

use mfa_core::clock::UnixTime;
use mfa_core::store::inspect::{Scope, Verdict};
use mfa_core::store::{CeremonyId, CeremonyStore};
use mfa_store_conformance::kit::sample;
use mfa_store_redis::{RedisStore, inspect};
use mfa_test_servers::OwnServer;

use super::command;

/// The server is killed after a ceremony was taken. Where that brings it back, the doctor has warned of it.
#[tokio::test]
async fn the_doctor_knows_what_a_crash_brings_back() {
    for (save, log, brings_back) in [("2 1", "no", true), ("", "no", false), ("2 1", "yes", false)] {
        let arguments = ["--save", save, "--appendonly", log, "--appendfsync", "always"];
        let Some(mut server) = OwnServer::start("redis", &arguments) else { return };
        let url = format!("redis://{}", server.address);
        let report = inspect(&url, Scope::Ceremonies, UnixTime::from_secs(1)).await;
        let mut warnings = report.checks.iter().filter(|check| check.verdict == Verdict::Attention);
        let warned = warnings.any(|check| check.found.contains("brings back ceremonies"));

        let (id, now) = (CeremonyId([1; 32]), UnixTime::from_secs(1));
        let put =
            async |store: &dyn CeremonyStore| store.put(id, sample::bytes(1), UnixTime::from_secs(300)).await;
        let store = RedisStore::open_for_ceremonies(&url).await.unwrap();
        put(&*store).await.unwrap();
        // The server takes a snapshot by itself.
        while !save.is_empty() && !persistence(&url).await.contains("rdb_changes_since_last_save:0") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(store.take(id, now).await.unwrap().is_some());
        server.kill();
        server.restart();
        let store = RedisStore::open_for_ceremonies(&url).await.unwrap();
        let came_back = store.take(id, now).await.unwrap().is_some();
        assert_eq!((warned, came_back), (brings_back, brings_back), "save {save:?}, appendonly {log}");
    }
}

async fn persistence(url: &str) -> String {
    format!("{:?}", command(url, &["INFO", "persistence"]).await)
}
