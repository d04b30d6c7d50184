//! `doctor` only reads. It works with reading roles, and changes nothing.

use data_encoding::BASE64;
use mfa_test_servers::{OwnServer, unique_name};
use serde_json::{Value, json};
use sqlx::{Executor as _, Row as _};

use super::super::client::Consumer;
use super::super::predecessor_tables::{Deployment, fixtures};
use super::super::role::Role;
use super::super::{Place, connect};
use super::{areas, assert_prepared, doctor, execute, prepare, problems, redis, unsafe_settings};
use crate::program::program;

/// The legacy rows under the predecessors' own names, by a role that may read and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_predecessors_tables_are_read_by_a_reading_role() {
    let Some(deployment) = Deployment::new("MFA_TEST_DYNAMODB").await else { return };
    let (node, go) = (fixtures("node_rows"), fixtures("go_rows"));
    for key in [&node["api_key"]["row"], &node["api_key_never_activated"]["row"], &go["api_key"]["row"]] {
        deployment.put("keys", key).await;
    }
    // Three belong to a stored key, and one to a consumer without a key.
    for totp in node["totp"].as_array().unwrap().iter().chain([&node["other_tenant"]["totp"][0]]) {
        deployment.put("totp", &totp["row"]).await;
    }
    let pending = &node["u2f"][0]["begin_registration"]["row"];
    let mut pending = pending.clone();
    pending["uuid"] = json!({"S": "00000000-0000-4000-8000-00000000000a"});
    let shapes = go["credential_json_generations"].as_object().unwrap().values();
    let users = shapes.filter_map(|shape| shape.get("row_minimal"));
    let users = users.chain([&pending, &node["u2f"][0]["registered"]["row"]]);
    for user in users.chain([&go["user_with_five_credentials"]["after_registration"]["row"]]) {
        deployment.put("u2f", user).await;
    }
    // One in 256 of the Go predecessor's ciphertexts begins as ours do.
    let unlucky = json!({"uuid": {"S": "00000000-0000-4000-8000-00000000000b"}, "apiKey": go["api_key"]["row"]["value"],
                         "EncryptedCredentials": {"B": BASE64.encode(&[1; 90])}});
    deployment.put("u2f", &unlucky).await;
    for (table, row) in damaged_items(&node) {
        deployment.put(table, &row).await;
    }

    let allowed: &[&str] = &["DescribeTable", "DescribeTimeToLive", "DescribeContinuousBackups", "Scan"];
    let (role, address) = Role::in_front_of(&deployment.endpoint, allowed).await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    command
        .args(["doctor", "--json"])
        .env("API_KEY_TABLE", format!("{}-keys", deployment.name))
        .env("TOTP_TABLE", format!("{}-totp", deployment.name))
        .env("WEBAUTHN_TABLE", format!("{}-u2f", deployment.name))
        .env("AWS_ENDPOINT", address.to_string())
        .env("AWS_DEFAULT_REGION", "us-east-1");
    let said = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let report: Value = serde_json::from_slice(&said.stdout).unwrap();
    let store = &report["store"];
    let keys = &store["apiKeys"];
    assert_eq!(
        (&keys["activeLegacy"], &keys["activeSeed"], &keys["pending"]),
        (&json!(2), &json!(2), &json!(1))
    );
    let expected = json!({"ours": 0, "legacy": 4, "seed": 4, "unusable": 5, "disabled": 0});
    assert_eq!(store["totp"], expected, "{report}");
    let expected = json!({"ours": 0, "goLegacy": 7, "goSeed": 7, "nodeU2f": 1, "empty": 1, "unusable": 2});
    assert_eq!(store["users"], expected, "{report}");
    assert_eq!(
        problems(&report),
        [
            ("damaged", "totp", 1),
            ("damaged", "user", 1),
            ("noApiKey", "totp", 1),
            ("noOwner", "totp", 1),
            ("shapeless", "totp", 2),
            ("shapeless", "user", 1),
            ("unknownVersion", "totp", 1),
        ]
    );
    // The ceremony table does not exist yet.
    assert_eq!(areas(&report), ["tables"], "{report}");
    assert_eq!(role.asked(), ["DescribeContinuousBackups", "DescribeTable", "DescribeTimeToLive", "Scan"]);
}

fn damaged_items(node: &Value) -> Vec<(&'static str, Value)> {
    let owner = &node["api_key"]["row"]["value"];
    let id = |n: u8| json!({"S": format!("0000000{n}-0000-4000-8000-000000000000")});
    let later = BASE64.encode(&[2; 60]);
    vec![
        ("totp", json!({"uuid": id(1), "encryptedTotpKey": {"S": "x:y"}})),
        ("totp", json!({"uuid": id(2), "apiKey": owner, "encryptedTotpKey": {"S": "x:y"}})),
        ("totp", json!({"uuid": id(3), "apiKey": owner, "encryptedTotpKey": {"S": "neither"}})),
        ("totp", json!({"uuid": id(4), "apiKey": owner, "encryptedTotpKey": {"S": later}})),
        ("totp", json!({"uuid": {"S": "no\u{7} uuid"}, "apiKey": owner, "encryptedTotpKey": {"S": "x:y"}})),
        ("u2f", json!({"uuid": id(5), "apiKey": owner, "EncryptedCredentials": {"B": "AAAA"}})),
        ("u2f", json!({"uuid": id(6), "apiKey": owner, "EncryptedCredentials": {"S": "text"}})),
    ]
}

/// A role that may not describe tables, like the Go predecessor's, and one that may not scan either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_role_may_not_do_is_a_line_in_the_report() {
    let Some(place) = Place::shared("dynamodb").await else { return };
    prepare(&place).await;
    let (_, address) = Role::in_front_of(&format!("http://{}", place.server()), &["Scan"]).await;
    let (report, status) = ask(place.by(place.server(), address)).await;
    assert_prepared(&report);
    assert_eq!((areas(&report), status), (vec![], Some(0)), "{report}");

    let (_, address) = Role::in_front_of(&format!("http://{}", place.server()), &["DescribeTable"]).await;
    let (report, status) = ask(place.by(place.server(), address)).await;
    assert_eq!((areas(&report), status), (vec!["permissions"; 3], Some(1)), "{report}");
    assert_eq!(report["store"]["apiKeys"], Value::Null);
}

/// Asks on another thread: the proxy runs on this one.
async fn ask(place: Place) -> (Value, Option<i32>) {
    tokio::task::spawn_blocking(move || doctor(&place.url)).await.unwrap()
}

/// A PostgreSQL role with only SELECT sees everything, gets a list of the missing privileges, and changes
/// nothing.
#[tokio::test]
async fn a_selecting_role_is_enough() {
    let Some(place) = Place::shared("postgres").await else { return };
    prepare(&place).await;
    let schema = place.url.split_once("%3D").unwrap().1;
    let role = unique_name();
    execute(
        &place,
        &[
            format!("CREATE ROLE {role} LOGIN"),
            format!("GRANT USAGE ON SCHEMA {schema} TO {role}"),
            format!("GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}"),
        ],
    )
    .await;
    let before = dump(&place).await;
    let (report, status) = doctor(&place.url.replace("//mfa@", &format!("//{role}@")));
    assert_prepared(&report);
    let expected = [unsafe_settings("postgres", &place).await, vec!["permissions"; 4]].concat();
    assert_eq!(areas(&report), expected, "{report}");
    assert_eq!(status, Some(1));
    let said = report.to_string();
    assert!(said.contains("GRANT INSERT, UPDATE, DELETE ON mfa_totp TO"), "{said}");
    doctor(&place.url);
    assert_eq!(dump(&place).await, before);

    execute(&place, &[format!("REVOKE SELECT ON {schema}.mfa_user FROM {role}")]).await;
    let (report, _) = doctor(&place.url.replace("//mfa@", &format!("//{role}@")));
    assert!(
        report.to_string().contains("the role lacks SELECT, INSERT, UPDATE, DELETE on mfa_user"),
        "{report}"
    );
}

async fn dump(place: &Place) -> Vec<String> {
    let mut connection = connect(&place.url).await;
    let mut all = Vec::new();
    for table in ["mfa_schema", "mfa_api_key", "mfa_totp", "mfa_user", "mfa_ceremony"] {
        let sql = format!("SELECT xmin::text || t::text FROM {table} t ORDER BY 1");
        let rows = connection.fetch_all(sqlx::AssertSqlSafe(sql)).await.unwrap();
        all.extend(rows.iter().map(|row| row.get::<String, _>(0)));
    }
    assert!(all.len() >= 6);
    all
}

/// A server with durable settings needs no attention. One with old tables does.
#[tokio::test]
async fn missing_migrations_are_named_and_not_run() {
    let Some(server) = OwnServer::start("postgres", &[]) else { return };
    let place = Place::own("postgres", &server).await;
    prepare(&place).await;
    let (report, status) = doctor(&place.url);
    assert_eq!((areas(&report), status), (vec![], Some(0)), "{report}");
    execute(&place, &["DELETE FROM mfa_schema".to_owned(), "DROP INDEX mfa_totp_by_consumer".to_owned()])
        .await;
    for _ in 0..2 {
        let (report, status) = doctor(&place.url);
        assert_eq!((areas(&report), status), (vec!["tables"], Some(1)), "{report}");
        assert!(report.to_string().contains("migrations missing: 1"), "{report}");
    }
}

/// The same on SQLite, with and without a server that has the file open. The file and its log do not change.
#[tokio::test]
async fn a_file_stays_as_it_is() {
    let place = Place::shared("sqlite").await.unwrap();
    let server = place.serve();
    Consumer::new(&[&server]).await;
    let files = || {
        ["mfa.db", "mfa.db-wal"].map(|name| std::fs::read(place.folder.path().join(name)).unwrap_or_default())
    };
    let names = || std::fs::read_dir(place.folder.path()).unwrap().count();
    let before = files();
    assert!(!before[1].is_empty());
    assert_eq!(doctor(&place.url).1, Some(0));
    assert_eq!(files(), before);
    server.signal("-TERM");
    drop(server);
    let path = place.folder.path().join("mfa.db");
    execute(&place, &["PRAGMA wal_checkpoint(TRUNCATE)".to_owned()]).await;
    let before = (files(), names());
    assert_eq!(doctor(&place.url).1, Some(0));
    assert_eq!((files(), names()), before);

    execute(&place, &["PRAGMA user_version = 0".to_owned()]).await;
    let before = std::fs::read(&path).unwrap();
    assert_eq!(areas(&doctor(&place.url).0), ["tables"]);
    assert_eq!(std::fs::read(&path).unwrap(), before);
    std::fs::write(&path, "no database, but long enough to be taken for one".repeat(40)).unwrap();
    assert_eq!(areas(&doctor(&place.url).0), ["reachable"]);
}

/// Redis's own counts show only reading commands.
#[tokio::test]
async fn redis_sees_reading_commands_alone() {
    let Some(server) = OwnServer::start("redis", &["--enable-debug-command", "yes"]) else { return };
    let place = Place::own("redis", &server).await;
    prepare(&place).await;
    let digest = redis(&place, &["DEBUG", "DIGEST"]);
    redis(&place, &["CONFIG", "RESETSTAT"]);
    let (report, status) = doctor(&place.url);
    assert_prepared(&report);
    assert_eq!(status, Some(0), "{report}");
    let allowed = [
        "acl|dryrun",
        "acl|whoami",
        "client|setinfo",
        "config|resetstat",
        "hello",
        "hmget",
        "info",
        "ping",
        "scan",
        "zrangebylex",
        "zscore",
    ];
    for line in redis(&place, &["INFO", "commandstats"]).lines().skip(1) {
        let command = line.trim_start_matches("cmdstat_").split(':').next().unwrap();
        assert!(allowed.contains(&command), "{line}");
    }
    assert_eq!(redis(&place, &["DEBUG", "DIGEST"]), digest);

    // A user that may only read gets a list of the missing commands.
    let reads =
        ["ACL", "SETUSER", "reader", "on", ">secret-of-reader", "~*", "+info", "+scan", "+hmget", "+acl"];
    redis(&place, &reads);
    let url = place.url.replace("redis://", "redis://reader:secret-of-reader@");
    let (report, _) = doctor(&url);
    assert_prepared(&report);
    assert_eq!(areas(&report), ["permissions"], "{report}");
    assert!(!report.to_string().contains("secret-of-reader"));
    redis(&place, &["CONFIG", "SET", "appendonly", "no"]);
    assert_eq!(areas(&doctor(&place.url).0), ["durability"]);
}

/// Without a server, it prints a line that says so, without the password.
#[tokio::test]
async fn a_store_that_is_not_there_is_a_line_in_the_report() {
    for url in [
        "postgres://jo:s3cret@127.0.0.1:1/mfa?acquire_timeout=1",
        "redis://:s3cret@127.0.0.1:1",
        "dynamodb://x?endpoint=http://127.0.0.1:1",
        "dynamodb://x?nonsense=1",
    ] {
        let (report, status) = doctor(url);
        let said = report.to_string();
        assert!(areas(&report).contains(&"reachable") && !said.contains("s3cret"), "{said}");
        assert_eq!(status, Some(1));
    }
}
