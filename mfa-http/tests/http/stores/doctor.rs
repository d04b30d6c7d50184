//! `mfa-http doctor` reports stores correctly, and writes nothing.

mod reading;

use std::process::Command;

use mfa_store_conformance::kit::authenticator::SoftAuthenticator;
use serde_json::{Value, json};
use sqlx::{Executor as _, Row as _};

use super::client::Consumer;
use super::{Place, connect, on_each_store};
use crate::program::{output, run};

/// The program's report about the store at `url`, and its exit status.
fn doctor(url: &str) -> (Value, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let said = run(folder.path(), &["doctor", "--json", "--store", url]);
    let json = serde_json::from_slice(&said.stdout);
    (json.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&said.stderr))), said.status.code())
}

/// The areas of the checks that need attention.
fn areas(report: &Value) -> Vec<&str> {
    let checks = report["store"]["checks"].as_array().unwrap().iter();
    checks
        .filter(|check| check["verdict"] == "attention")
        .map(|check| check["area"].as_str().unwrap())
        .collect()
}

/// The flaw, kind and count of each problem.
fn problems(report: &Value) -> Vec<(&str, &str, u64)> {
    let all = report["store"]["problems"].as_array().unwrap().iter();
    let mut all: Vec<_> = all
        .map(|p| (p["flaw"].as_str().unwrap(), p["kind"].as_str().unwrap(), p["count"].as_u64().unwrap()))
        .collect();
    all.sort_unstable();
    all
}

/// Makes a pending, a revoked and an active key, and a TOTP and a user of the active one.
async fn prepare(place: &Place) -> Consumer {
    let server = place.serve();
    let consumer = Consumer::new(&[&server]).await;
    consumer.pending_key().await;
    let revoked = consumer.pending_key().await;
    cli(place, &["api-key", "revoke", &revoked]);
    assert_eq!(consumer.enroll().await.0, 200);
    let (user, created) = consumer.begin_registration("", &SoftAuthenticator::new(-7)).await.unwrap();
    assert_eq!(consumer.finish_registration(&user, &created).await.0, 200);
    consumer
}

fn cli(place: &Place, arguments: &[&str]) -> String {
    output(place.folder.path(), &[&["--store", &place.url], arguments].concat())
}

fn assert_prepared(report: &Value) {
    let store = &report["store"];
    let keys = json!({"pending": 1, "active": 1, "activeLegacy": 0, "activeSeed": 0, "revoked": 1, "expired": 0,
                      "damaged": 0, "unknown": 0, "halfRotated": 0});
    assert_eq!(store["apiKeys"], keys, "{report}");
    let totp = json!({"ours": 1, "legacy": 0, "seed": 0, "unusable": 0, "disabled": 0});
    assert_eq!(store["totp"], totp, "{report}");
    let users = json!({"ours": 1, "goLegacy": 0, "goSeed": 0, "nodeU2f": 0, "empty": 0, "unusable": 0});
    assert_eq!(store["users"], users, "{report}");
}

mod prepared {
    super::on_each_store!(super::a_prepared_store: sqlite, postgres, redis, redis_cluster, dynamodb);
}

async fn a_prepared_store(store: &str) {
    let Some(place) = Place::shared(store).await else { return };
    let consumer = prepare(&place).await;
    let (report, status) = doctor(&place.url);
    assert_prepared(&report);
    assert_eq!(problems(&report), []);
    let wrong = unsafe_settings(store, &place).await;
    assert_eq!(areas(&report), wrong, "{report}");
    assert_eq!(report["needingAttention"], wrong.len());
    assert_eq!(status, Some(i32::from(!wrong.is_empty())));

    cli(&place, &["api-key", "revoke", &consumer.key]);
    let (report, status) = doctor(&place.url);
    assert_eq!(problems(&report), [("noUsableKey", "totp", 1), ("noUsableKey", "user", 1)]);
    assert_eq!(status, Some(1));
    let text = run(place.folder.path(), &["doctor", "--store", &place.url]);
    let (said, complaint) =
        (String::from_utf8(text.stdout).unwrap(), String::from_utf8(text.stderr).unwrap());
    let line = "1 every API key of the owner is revoked, expired or pending (owner ";
    assert_eq!(said.matches(line).count(), 2, "{said}");
    assert!(!said.contains(&consumer.key) && complaint.contains("need attention"), "{said}{complaint}");
}

/// `scripts/test` runs PostgreSQL without fsync, which must be reported.
async fn unsafe_settings(store: &str, place: &Place) -> Vec<&'static str> {
    if store != "postgres" {
        return Vec::new();
    }
    let row = connect(&place.url).await.fetch_one("SHOW fsync").await.unwrap();
    if row.get::<&str, _>(0) == "off" { vec!["durability"] } else { Vec::new() }
}

/// Ceremonies in a server's memory cannot be inspected, which is not a fault.
#[test]
fn a_ceremony_store_in_memory_is_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("mfa.db").display());
    output(folder.path(), &["migrate", "--store", &url]);
    let said = output(folder.path(), &["doctor", "--store", &url, "--ceremony-store", "memory://"]);
    assert!(said.contains("ceremony store memory://") && said.contains("lives inside one server"), "{said}");
}

/// A repair mends what can be mended, says so, and needs no server to stop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_index_is_mended() {
    let Some(place) = Place::shared("redis").await else { return };
    let consumer = prepare(&place).await;
    let prefix = place.url.split_once("prefix=").unwrap().1;
    redis(&place, &["DEL", &format!("{prefix}:totp-of:{}", consumer.key)]);
    let (report, status) = doctor(&place.url);
    assert_eq!((problems(&report), status), (vec![("notIndexed", "totp", 1)], Some(1)));
    let said = cli(&place, &["doctor", "--repair"]);
    let repaired = "repaired: 1 index entries added, 0 without a record removed, 0 moved";
    assert!(said.starts_with(repaired) && said.contains("the indexes were compared"), "{said}");
    assert_eq!(doctor(&place.url).1, Some(0));
}

/// The databases keep their own indexes.
#[test]
fn elsewhere_there_is_nothing_to_mend() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("mfa.db").display());
    output(folder.path(), &["migrate", "--store", &url]);
    let said = output(folder.path(), &["doctor", "--repair", "--store", &url]);
    assert!(said.starts_with("repaired: nothing"), "{said}");
}

mod empty {
    super::on_each_store!(super::an_empty_store: sqlite, postgres, redis, dynamodb);
}

/// A store without tables is reported, and gets none.
async fn an_empty_store(store: &str) {
    let Some(place) = Place::shared(store).await else { return };
    for _ in 0..2 {
        let (report, _) = doctor(&place.url);
        let mut expected = unsafe_settings(store, &place).await;
        expected.extend_from_slice(match store {
            "sqlite" => &["reachable"],
            "postgres" => &["tables"],
            "dynamodb" => &["tables"; 4],
            _ => &[],
        });
        assert_eq!(areas(&report), expected, "{report}");
    }
    assert!(std::fs::read_dir(place.folder.path()).unwrap().next().is_none());
}

mod damaged {
    super::on_each_store!(super::damaged_rows: sqlite, postgres, redis);
}

/// A TOTP of nobody, one of a later version, one with a count below zero; a user whose credentials were cut short;
/// and an API key whose state contradicts itself.
async fn damaged_rows(store: &str) {
    let Some(place) = Place::shared(store).await else { return };
    let consumer = prepare(&place).await;
    let owner = &consumer.key;
    let uuid = |n: u8| format!("0000000{n}-0000-4000-8000-000000000000");
    let blob = |bytes: &str| if store == "sqlite" { format!("x'{bytes}'") } else { format!("'\\x{bytes}'") };
    let later = format!("02{}", "ab".repeat(40));
    if store == "redis" {
        let prefix = place.url.split_once("prefix=").unwrap().1;
        let set = |key: String, fields: &[&str]| {
            redis(&place, &[&["HSET", &format!("{prefix}:{key}"), "revision", "1"], fields].concat());
        };
        let totp = |n: u8, owner: &str, secret: &str, failures: &str| {
            let id = uuid(n);
            set(
                format!("totp:{id}"),
                &["id", &id, "consumer", owner, "secret", secret, "failures", failures, "incarnation", "1"],
            );
        };
        totp(1, "", "x:y", "0");
        totp(2, owner, "\u{2}abcdefghijklmnopqrstuvwxyz-0123456789", "0");
        totp(3, owner, "x:y", "-1");
        set(format!("user:{}", uuid(4)), &["id", &uuid(4), "consumer", owner, "credentials", "12345678"]);
        let times = ["created_at", "1", "activated_at", "1", "email", "x"];
        set(
            "api-key:contradictory".to_owned(),
            &[&["value", "contradictory", "consumer", "contradictory"], &times[..]].concat(),
        );
        redis(&place, &["SET", &format!("{prefix}:totp:text"), "no hash"]);
    } else {
        let (prefix, time) = if store == "sqlite" { ("", "1") } else { ("mfa_", "now()") };
        let later = blob(&later);
        let totp = format!("INSERT INTO {prefix}totp (id, consumer, secret, failures, revision) VALUES");
        execute(
            &place,
            &[
                format!("{totp} ('{}', '', {later}, 0, 1)", uuid(1)),
                format!("{totp} ('{}', '{owner}', {later}, 0, 1)", uuid(2)),
                format!("{totp} ('{}', '{owner}', {later}, -1, 1)", uuid(3)),
                format!(
                    "INSERT INTO {prefix}user (id, consumer, credentials, revision) VALUES ('{}', '{owner}', {}, 1)",
                    uuid(4),
                    blob("0102030405060708"),
                ),
                format!(
                    "INSERT INTO {prefix}api_key (value, consumer, email, created_at, activated_at, revision) \
                     VALUES ('contradictory', 'contradictory', 'x', {time}, {time}, 1)"
                ),
            ],
        )
        .await;
    }
    let (report, status) = doctor(&place.url);
    let wrong_type = u64::from(store == "redis");
    // Nobody wrote their entries either.
    let not_indexed = [("notIndexed", "api-key", 1), ("notIndexed", "totp", 2), ("notIndexed", "user", 1)];
    let not_indexed = if store == "redis" { &not_indexed[..] } else { &[] };
    let before = [("damaged", "api-key", 1), ("damaged", "totp", 1 + wrong_type), ("noOwner", "totp", 1)];
    let after = [("shapeless", "user", 1), ("unknownVersion", "totp", 1)];
    assert_eq!(problems(&report), [&before, not_indexed, &after].concat());
    assert_eq!(status, Some(1));
    let said = report.to_string();
    for example in ["contradi… (secret_hash)", "00000002… (version 2)", "00000003… (failures)"] {
        assert!(said.contains(example), "{said}");
    }
}

/// Runs statements on a database; on SQLite by Python, which has its own.
async fn execute(place: &Place, statements: &[String]) {
    if let Some(path) = place.url.strip_prefix("sqlite://") {
        let script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1])\nfor s in sys.argv[2:]: c.execute(s)\nc.commit()";
        let mut python = Command::new("python3");
        assert!(python.args(["-c", script, path]).args(statements).status().unwrap().success());
    } else {
        let mut connection = connect(&place.url).await;
        for statement in statements {
            connection.execute(sqlx::AssertSqlSafe(statement.clone())).await.unwrap();
        }
    }
}

fn redis(place: &Place, arguments: &[&str]) -> String {
    let (host, port) = (place.server().ip().to_string(), place.server().port().to_string());
    let said = Command::new("redis-cli").args(["-h", &host, "-p", &port]).args(arguments).output().unwrap();
    String::from_utf8(said.stdout).unwrap()
}
