//! Migrations of a later version, on a real server.

use mfa_test_servers::OwnServer;
use sqlx::Executor as _;

use super::*;

const COLUMN: Migration = Migration { sql: "ALTER TABLE mfa_totp ADD COLUMN later text;\n", least_reader: 3 };
const INDEX: Migration =
    Migration { sql: "CREATE INDEX CONCURRENTLY mfa_totp_later ON mfa_totp (later);\n", least_reader: 3 };
/// The next version: it adds a column and an index.
const NEXT: Schema = Schema(&[SCHEMA.0[0], SCHEMA.0[1], SCHEMA.0[2], SCHEMA.0[3], COLUMN, INDEX]);
/// A later version: it removes what this one needs.
const CONTRACTED: Schema = Schema(&[
    SCHEMA.0[0],
    SCHEMA.0[1],
    SCHEMA.0[2],
    SCHEMA.0[3],
    COLUMN,
    Migration { sql: "ALTER TABLE mfa_totp DROP COLUMN failed_at;\n", least_reader: 5 },
]);

/// A fresh schema on the shared server.
async fn fresh() -> Option<(String, Pool)> {
    let (url, name) = (mfa_test_servers::shared("MFA_TEST_POSTGRES")?, mfa_test_servers::unique_name());
    let mut connection = PgConnection::connect(&url).await.unwrap();
    connection.execute(sql(format!("CREATE SCHEMA {name}"))).await.unwrap();
    let url = format!("{url}?options=-c%20search_path%3D{name}");
    let pool = Pool::new(Settings::parse(&url).unwrap()).unwrap();
    Some((url, pool))
}

/// A server that no other test uses.
async fn own() -> Option<(OwnServer, Pool)> {
    let server = OwnServer::start("postgres", &[])?;
    let url = format!("postgres://mfa@{}/postgres", server.address);
    Some((server, Pool::new(Settings::parse(&url).unwrap()).unwrap()))
}

async fn found(schema: Schema, pool: &Pool) -> Result<i64, PostgresError> {
    schema.found(&mut pool.connect().await.unwrap()).await
}

#[tokio::test]
async fn only_the_least_reader_decides_whether_newer_tables_are_refused() {
    let Some((_, pool)) = fresh().await else { return };
    NEXT.run(&pool, true).await.unwrap();
    SCHEMA.run(&pool, true).await.unwrap();
    SCHEMA.check(&mut pool.connect().await.unwrap()).await.unwrap();
    assert_eq!(found(SCHEMA, &pool).await.unwrap(), 6);

    let Some((_, pool)) = fresh().await else { return };
    CONTRACTED.run(&pool, true).await.unwrap();
    for refused in [SCHEMA.run(&pool, true).await, SCHEMA.check(&mut pool.connect().await.unwrap()).await] {
        assert!(matches!(refused, Err(PostgresError::TooNew { found: 6, known: 4 })), "{refused:?}");
    }
}

/// Tables from before the least readers were recorded, as versions 1 and 2 left them.
#[tokio::test]
async fn tables_of_the_versions_before_the_baseline_are_upgraded() {
    let Some((_, pool)) = fresh().await else { return };
    let mut connection = pool.connect().await.unwrap();
    connection.execute("CREATE TABLE mfa_schema (version bigint NOT NULL PRIMARY KEY)").await.unwrap();
    for (migration, version) in SCHEMA.0[..2].iter().zip(1..) {
        connection.execute(sqlx::raw_sql(migration.sql)).await.unwrap();
        connection.execute(sql(format!("INSERT INTO mfa_schema VALUES ({version})"))).await.unwrap();
    }
    SCHEMA.run(&pool, true).await.unwrap();
    SCHEMA.check(&mut connection).await.unwrap();
}

/// What a dry run prints is what a run does, and it changes nothing.
#[tokio::test]
async fn the_plan_is_what_runs() {
    let Some((url, pool)) = fresh().await else { return };
    let plan = PostgresStore::pending_migrations(&url).await.unwrap();
    assert_eq!(found(SCHEMA, &pool).await.unwrap(), 0);
    assert!(plan.concat().contains("ADD COLUMN not_before timestamptz"), "{plan:?}");

    let mut connection = pool.connect().await.unwrap();
    let none: i64 = connection
        .fetch_one("SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace")
        .await
        .unwrap()
        .get(0);
    assert_eq!(none, 0);
    for statements in NEXT.plan(&mut connection).await.unwrap() {
        connection.execute(sqlx::raw_sql(sql(statements))).await.unwrap();
    }
    assert_eq!(found(NEXT, &pool).await.unwrap(), 6);
    assert_eq!(NEXT.plan(&mut connection).await.unwrap(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_migrate_at_once_run_each_migration_once() {
    let Some((url, pool)) = fresh().await else { return };
    let starting: Vec<_> = (0..6)
        .map(|_| {
            let pool = Pool::new(Settings::parse(&url).unwrap()).unwrap();
            tokio::spawn(async move { NEXT.run(&pool, true).await })
        })
        .collect();
    for started in starting {
        started.await.unwrap().unwrap();
    }
    let mut connection = pool.connect().await.unwrap();
    assert_eq!(is_valid(&mut connection, "mfa_totp_later").await.unwrap(), Some(true));
    let rows: i64 = connection.fetch_one("SELECT count(*) FROM mfa_schema").await.unwrap().get(0);
    assert_eq!(rows, 6);
}

/// A migration gives up instead of holding up those who wait behind it, and the next run continues.
#[tokio::test]
async fn a_table_in_use_is_refused_and_the_next_run_continues() {
    // Its open snapshot would hold up the migrations of other tests.
    let Some((_server, pool)) = own().await else { return };
    SCHEMA.run(&pool, true).await.unwrap();
    let (mut holder, mut connection) = (pool.connect().await.unwrap(), pool.connect().await.unwrap());

    let mut reader = holder.begin().await.unwrap();
    reader.execute("SELECT 1 FROM mfa_totp").await.unwrap();
    let refused = NEXT.run(&pool, true).await;
    assert!(matches!(refused, Err(PostgresError::TablesInUse)), "{refused:?}");
    assert_eq!(found(NEXT, &pool).await.unwrap(), 4);
    reader.rollback().await.unwrap();

    connection.execute("SET statement_timeout = 0").await.unwrap();
    connection.execute(sqlx::raw_sql(COLUMN.sql)).await.unwrap();
    connection.execute("INSERT INTO mfa_schema VALUES (5, 3)").await.unwrap();
    let mut snapshot = holder.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
    snapshot.execute("SELECT 1 FROM mfa_api_key").await.unwrap();
    let refused = NEXT.run(&pool, true).await;
    assert!(matches!(refused, Err(PostgresError::TablesInUse)), "{refused:?}");
    assert_eq!(found(NEXT, &pool).await.unwrap(), 5);
    assert_eq!(is_valid(&mut connection, "mfa_totp_later").await.unwrap(), Some(false));
    snapshot.rollback().await.unwrap();

    NEXT.run(&pool, true).await.unwrap();
    assert_eq!(is_valid(&mut connection, "mfa_totp_later").await.unwrap(), Some(true));
}

/// Another program that migrates for long is named, and nobody waits for it without end.
#[tokio::test]
async fn a_long_migration_elsewhere_is_named() {
    let Some((_server, pool)) = own().await else { return };
    let mut other = pool.connect().await.unwrap();
    let held = lock(&mut other).await.unwrap();
    let refused = SCHEMA.run(&pool, true).await;
    assert!(matches!(refused, Err(PostgresError::Migrating)), "{refused:?}");
    held.rollback().await.unwrap();
    SCHEMA.run(&pool, true).await.unwrap();
}
