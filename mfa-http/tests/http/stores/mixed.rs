//! Two stores at once: ceremonies in Redis, the rest in PostgreSQL.

use std::process::Command;
use std::time::Duration;

use mfa_store_conformance::kit::authenticator::SoftAuthenticator;
use mfa_test_servers::{OwnServer, unique_name};

use super::Place;
use super::client::Consumer;
use crate::program::{Process, program};

#[tokio::test]
async fn ceremonies_live_elsewhere() {
    let Some(place) = Place::shared("postgres").await else { return };
    // Redis with default settings is good enough for ceremonies only.
    let Some(mut redis) = OwnServer::start("redis", &["--appendonly", "no"]) else { return };
    let prefix = unique_name();
    let url = format!("redis://{}?prefix={prefix}", redis.address);
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    let server = Process::spawn(command.args(["--store", &place.url, "--ceremony-store", &url]));
    let consumer = Consumer::new(&[&server]).await;
    let mut authenticator = SoftAuthenticator::new(-7);
    let (user, created) = consumer.begin_registration("", &authenticator).await.unwrap();
    let port = redis.address.port().to_string();
    let keys = || {
        let output = Command::new("redis-cli").args(["-p", port.as_str(), "KEYS", "*"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(keys().starts_with(&format!("{prefix}:ceremony:")) && keys().lines().count() == 1, "{}", keys());
    assert_eq!(consumer.finish_registration(&user, &created).await.0, 200);
    assert_eq!(keys().trim(), "");
    authenticator.counter = 2;
    let asserted = consumer.begin_login(&user, &mut authenticator).await.unwrap();
    assert_eq!(consumer.finish_login(&user, &asserted).await, 200);
    assert_eq!(consumer.finish_login(&user, &asserted).await, 400);

    // The server is not ready without either store, and recovers by itself.
    let ready = async || {
        let asked = reqwest::get(format!("{}/health/ready", server.url)).await;
        asked.unwrap().status().as_u16()
    };
    assert_eq!(ready().await, 204);
    redis.kill();
    assert_eq!(ready().await, 503);
    redis.restart();
    let back = async {
        while ready().await != 204 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), back).await.unwrap();
}
