//! A Redis Cluster or Sentinel loses a master under load: its replica is promoted, and with `replicas=1` nothing
//! that was acknowledged is lost.

use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use mfa_test_servers::OwnServer;

use super::Place;
use super::client::Consumer;
use super::outages::{Load, recover, verify};
use super::races::{objects, race};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_master_is_replaced() {
    let mut nodes = Vec::new();
    for _ in 0..6 {
        // Set the nodes' bus port. By default it is the first port plus 10,000, which may be out of range.
        let bus = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let arguments =
            ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", &bus];
        let Some(node) = OwnServer::start("redis", &arguments) else { return };
        nodes.push(node);
    }
    let addresses: Vec<String> = nodes.iter().map(|node| node.address.to_string()).collect();
    let create = ["--cluster-replicas", "1", "--cluster-yes"];
    cli(&[&["--cluster", "create"], &*addresses.iter().map(String::as_str).collect::<Vec<_>>(), &create]
        .concat());
    let master = addresses[0].clone();
    let count = |what: &str| addresses.iter().filter(|address| info(address).contains(what)).count();
    until("every master is followed", || {
        count("connected_slaves:1") == 3 && count("master_link_status:up") == 3 && count("state=online") == 3
    });
    let url = format!("redis-cluster://{}?replicas=1", addresses[1..].join(","));
    let place = Place { url, folder: tempfile::tempdir().unwrap() };
    let server = place.serve();
    let consumer = Arc::new(Consumer::new(&[&server]).await);

    let load = Load::start(&consumer);
    load.wait_for(60).await;
    nodes[0].kill();
    let others = &addresses[1..];
    until("a replica is promoted", || {
        others.iter().filter(|address| info(address).contains("role:master")).count() == 3
    });
    // It comes back as a replica of its successor. Until then nothing can confirm writes.
    nodes[0].restart();
    until("it follows its successor", || info(&master).contains("master_link_status:up"));
    let done = load.stop().await;
    recover(&consumer).await;
    verify(&consumer, done).await;
}

/// Two servers find their primary by Sentinel. It is killed while many calls are under way. Some order of the calls,
/// and of later looks, explains every answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promotion_by_sentinel_is_linearizable() {
    let Some(mut primary) = OwnServer::start("redis", &[]) else { return };
    let Some(replica) = OwnServer::start("redis", &[]) else { return };
    let [old, new] = [primary.address, replica.address].map(|address| address.to_string());
    let follow = |replica: &str, primary: &str| {
        let ((_, own), (host, port)) = (replica.split_once(':').unwrap(), primary.split_once(':').unwrap());
        cli(&["-p", own, "REPLICAOF", host, port]);
    };
    follow(&new, &old);
    until("the primary is followed", || info(&old).contains("state=online"));
    let (host, port) = old.split_once(':').unwrap();
    let Some(sentinel) = OwnServer::start("sentinel", &["main", host, port]) else { return };
    let sentinel_port = sentinel.address.port().to_string();
    let known = || cli(&["-p", &sentinel_port, "INFO", "sentinel"]);
    until("Sentinel knows the replica", || known().contains("slaves=1"));

    let url = format!("redis-sentinel://{}/main?replicas=1", sentinel.address);
    let place = Place { url, folder: tempfile::tempdir().unwrap() };
    let servers = [place.serve(), place.serve()];
    let consumer = Arc::new(Consumer::new(&[&servers[0], &servers[1]]).await);
    let mut all = Vec::new();
    for _ in 0..6 {
        // The client that activates a key looks for it in the list first, and insists on that.
        all.extend(objects(&consumer).await.into_iter().skip(1));
    }
    let racing = tokio::spawn({
        let (consumer, all) = (Arc::clone(&consumer), all.clone());
        async move { race(&consumer, &all).await }
    });
    // All calls have begun, and some have ended.
    while all.iter().map(|object| object.progress()).sum::<u64>() < 6 * 28 + 20 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    primary.kill();
    until("the replica is promoted", || info(&new).contains("role:master"));
    primary.restart();
    follow(&old, &new);
    assert_eq!(racing.await.unwrap(), 6 * 28);
    recover(&consumer).await;
    for object in &all {
        object.look(&consumer).await;
        object.check();
    }
    // And the service works as before.
    for object in objects(&consumer).await {
        race(&consumer, &[Arc::clone(&object)]).await;
        object.check();
    }
}

fn cli(arguments: &[&str]) -> String {
    let output = Command::new("redis-cli").args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn info(address: &str) -> String {
    let (host, port) = address.split_once(':').unwrap();
    cli(&["-h", host, "-p", port, "INFO", "replication"])
}

fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..300 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("30 s, and not yet: {what}");
}
