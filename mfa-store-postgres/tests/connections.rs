//! How connections are opened, and what is asked again on them.

use std::time::Duration;

use mfa_core::store::{Expect, Pool as _, Stores};
use mfa_store_conformance::kit::sample;
use mfa_store_postgres::PostgresStore;
use mfa_test_servers::OwnServer;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
use tokio::time::sleep;

/// Connects, once the server has started up.
async fn raw(server: &OwnServer) -> PgConnection {
    let url = format!("postgres://mfa@{}/postgres", server.address);
    for _ in 0..100 {
        if let Ok(connection) = PgConnection::connect(&url).await {
            return connection;
        }
        sleep(Duration::from_millis(100)).await;
    }
    unreachable!("the server does not start up")
}

/// A short-lived password is replaced in its file, and each new connection presents the one of the moment.
#[tokio::test]
async fn the_password_file_is_read_for_each_connection() {
    let folder = tempfile::tempdir().unwrap();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let (rules, password) = (folder.path().join("pg_hba.conf"), folder.path().join("password"));
    let rule = |user, method| format!("host all {user} 127.0.0.1/32 {method}\n");
    std::fs::write(&rules, rule("jo", "scram-sha-256") + &rule("all", "trust")).unwrap();
    let rules = format!("hba_file={}", rules.display());
    let Some(server) = OwnServer::start("postgres", &["-c", &rules]) else { return };
    let mut operator = raw(&server).await;
    operator.execute("CREATE ROLE jo LOGIN PASSWORD 'first'").await.unwrap();
    operator.execute("GRANT ALL ON SCHEMA public TO jo").await.unwrap();
    let url = format!("postgres://jo@{}/postgres?password_file={}", server.address, password.display());

    let missing = PostgresStore::open(&url).await.unwrap_err();
    assert_eq!(std::error::Error::source(&missing).unwrap().to_string(), "the password file cannot be read");
    std::fs::write(&password, "first\n").unwrap();
    let stores = Stores::from(PostgresStore::open(&url).await.unwrap());
    let record = sample::totp(1, "ann");
    stores.totp.save(&record, Expect::Absent).await.unwrap();

    operator.execute("ALTER ROLE jo PASSWORD 'second'").await.unwrap();
    let end = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'jo'";
    operator.execute(end).await.unwrap();
    for _ in 0..2 {
        assert!(stores.totp.get(&record.consumer, record.id).await.is_err());
    }
    std::fs::write(&password, "second\n").unwrap();
    assert!(stores.totp.get(&record.consumer, record.id).await.unwrap().is_some());
}

/// CockroachDB and YugabyteDB refuse statements that are not serialisable (40001), reads and deletes too. Here a
/// view refuses two of three.
#[tokio::test]
async fn a_statement_that_is_not_serialisable_is_tried_again() {
    let Some(url) = mfa_test_servers::shared("MFA_TEST_POSTGRES") else { return };
    let (name, mut operator) = (mfa_test_servers::unique_name(), PgConnection::connect(&url).await.unwrap());
    operator.execute(AssertSqlSafe(format!("CREATE SCHEMA {name}; SET search_path = {name}"))).await.unwrap();
    let url = format!("{url}?options=-c%20search_path%3D{name}&max_connections=2");
    let stores = Stores::from(PostgresStore::open(&url).await.unwrap());
    let record = sample::totp(1, "ann");
    let revision = stores.totp.save(&record, Expect::Absent).await.unwrap();
    operator
        .execute(
            "CREATE SEQUENCE asked; CREATE FUNCTION may() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN \
             IF nextval('asked') % 3 <> 0 THEN RAISE 'try again' USING ERRCODE = 'serialization_failure'; END IF; \
             RETURN true; END $$; ALTER TABLE mfa_totp RENAME TO kept; \
             CREATE VIEW mfa_totp AS SELECT * FROM kept WHERE may()",
        )
        .await
        .unwrap();

    for _ in 0..3 {
        assert_eq!(stores.totp.get(&record.consumer, record.id).await.unwrap().unwrap().record, record);
    }
    assert_eq!(stores.totp.save(&record, Expect::At(revision)).await.unwrap(), revision.next());
    assert!(stores.totp.delete(&record.consumer, record.id).await.unwrap());
    let asked: i64 =
        sqlx::query_scalar("SELECT last_value FROM asked").fetch_one(&mut operator).await.unwrap();
    assert_eq!(asked, 15, "five calls, three attempts each");
}

/// A connection is replaced when it is old, and closed when nobody needs it.
#[tokio::test]
async fn idle_and_old_connections_are_closed() {
    let Some(url) = mfa_test_servers::shared("MFA_TEST_POSTGRES") else { return };
    for setting in ["idle_timeout=1", "max_lifetime=1"] {
        let store = PostgresStore::open(&format!("{url}?{setting}")).await.unwrap();
        let record = sample::totp(1, "ann");
        let stores = Stores::from(store.clone());
        stores.totp.get(&record.consumer, record.id).await.unwrap();
        assert_eq!(store.status().idle, 1);
        while store.status().size > 0 {
            sleep(Duration::from_millis(50)).await;
        }
        stores.totp.get(&record.consumer, record.id).await.unwrap();
    }
}
