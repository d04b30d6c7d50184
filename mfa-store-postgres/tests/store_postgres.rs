//! Runs the whole suite on a real PostgreSQL server, and tests what only a server can get wrong.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use mfa_core::store::{Expect, Listing, StoreError, Stores};
use mfa_store_conformance::kit::later::{Later, runs_beside_a_later_version};
use mfa_store_conformance::kit::sample;
use mfa_store_postgres::PostgresStore;
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};

mfa_store_conformance::store_conformance!(crate::fresh);

async fn fresh() -> Option<(Stores, ())> {
    Some((PostgresStore::open(&schema().await?).await.unwrap().into(), ()))
}

/// The URL of an empty schema on the shared server.
async fn schema() -> Option<String> {
    let (url, name) = (mfa_test_servers::shared("MFA_TEST_POSTGRES")?, mfa_test_servers::unique_name());
    let mut connection = PgConnection::connect(&url).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(format!("CREATE SCHEMA {name}"))).await.unwrap();
    // Tests run on all cores, and each store has a pool. A shared server has room for few connections.
    Some(format!("{url}?options=-c%20search_path%3D{name}&max_connections=8"))
}

async fn raw(url: &str) -> PgConnection {
    PgConnection::connect(url.replace("&max_connections=8", "").as_str()).await.unwrap()
}

fn cause(error: &StoreError) -> String {
    std::error::Error::source(error).unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_may_start_at_once() {
    let Some(url) = schema().await else { return };
    let opened = sample::at_once((0..8).map(|_| {
        let url = url.clone();
        async move { PostgresStore::open(&url).await.map(drop) }
    }))
    .await;
    assert!(opened.iter().all(Result::is_ok), "{opened:?}");
}

#[tokio::test]
async fn tables_of_another_version_are_refused() {
    let Some(url) = schema().await else { return };
    let refused = PostgresStore::open_existing(&url).await.unwrap_err();
    assert_eq!(
        cause(&refused),
        "the database has tables of version 0, this program needs 4; run `mfa-http migrate`"
    );
    PostgresStore::open(&url).await.unwrap();
    PostgresStore::open_existing(&url).await.unwrap();
    raw(&url).await.execute("INSERT INTO mfa_schema VALUES (99)").await.unwrap();
    for refused in [PostgresStore::open(&url).await, PostgresStore::open_existing(&url).await] {
        assert_eq!(
            cause(&refused.unwrap_err()),
            "the database has tables of version 99, this program knows 4; use a newer program"
        );
    }
}

struct NextVersion(String);

impl NextVersion {
    async fn run(&self, statement: String) {
        raw(&self.0).await.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
    }
}

#[async_trait::async_trait]
impl Later for NextVersion {
    async fn add_field(&self, key: &str, totp: &str, text: &str) {
        for (table, condition) in
            [("mfa_api_key", format!("value = '{key}'")), ("mfa_totp", format!("id = '{totp}'"))]
        {
            self.run(format!("ALTER TABLE {table} ADD COLUMN later text")).await;
            self.run(format!("UPDATE {table} SET later = '{text}' WHERE {condition}")).await;
        }
    }

    async fn field(&self, key: &str, totp: &str) -> [String; 2] {
        let query = format!(
            "SELECT k.later, t.later FROM mfa_api_key k, mfa_totp t WHERE k.value = '{key}' AND t.id = '{totp}'"
        );
        let row = raw(&self.0).await.fetch_one(sqlx::AssertSqlSafe(query)).await.unwrap();
        [row.get(0), row.get(1)]
    }

    async fn set_state(&self, key: &str, name: Option<&str>) {
        let name = name.map_or("NULL".to_owned(), |name| format!("'{name}'"));
        self.run(format!("UPDATE mfa_api_key SET state = {name} WHERE value = '{key}'")).await;
    }
}

/// With `SELECT *` in cached statements, every pooled connection failed once a migration added a column.
#[tokio::test(flavor = "multi_thread")]
async fn a_later_version_may_use_the_tables_too() {
    let Some(url) = schema().await else { return };
    let stores = Stores::from(PostgresStore::open(&url).await.unwrap());
    runs_beside_a_later_version(&stores, &NextVersion(url)).await;
}

/// An engine without advisory locks migrates too.
#[tokio::test]
async fn the_advisory_lock_can_be_done_without() {
    let Some(url) = schema().await else { return };
    PostgresStore::open(&format!("{url}&advisory_lock=false")).await.unwrap();
    PostgresStore::open_existing(&url).await.unwrap();
}

#[tokio::test]
async fn a_damaged_row_is_an_error_and_does_not_hide_the_others() {
    let Some(url) = schema().await else { return };
    let stores = Stores::from(PostgresStore::open(&url).await.unwrap());
    for n in 0..3 {
        stores.totp.save(&sample::totp(n, "ann"), Expect::Absent).await.unwrap();
    }
    let (sound, broken) = (sample::totp(1, "ann"), sample::totp(2, "ann"));
    let damage = format!("UPDATE mfa_totp SET failures = -1 WHERE id = '{}'", broken.id);
    raw(&url).await.execute(sqlx::AssertSqlSafe(damage)).await.unwrap();

    let damaged = stores.totp.get(&broken.consumer, broken.id).await.unwrap_err();
    assert_eq!(damaged.to_string(), "postgres holds a damaged record: failures");
    let page = stores.totp.page_by_consumer(&sound.consumer, None, 10, Listing::Fast).await.unwrap();
    assert_eq!((page.items.len(), page.damaged), (2, vec![broken.id.to_string()]));
}

/// Unfinished ceremonies do not pile up, and open ones stay.
#[tokio::test]
async fn expired_ceremonies_are_swept() {
    use mfa_core::clock::UnixTime;
    use mfa_core::store::CeremonyId;

    let Some(url) = schema().await else { return };
    let stores = Stores::from(PostgresStore::open(&url).await.unwrap());
    let put = async |n: u16, expires_at| {
        let mut id = [0; 32];
        id[..2].copy_from_slice(&n.to_be_bytes());
        stores
            .ceremonies
            .put(CeremonyId(id), sample::bytes(1), UnixTime::from_secs(expires_at))
            .await
            .unwrap();
    };
    for n in 0..200 {
        put(n, 1_000).await;
    }
    for n in 200..600 {
        put(n, 1_301).await;
    }
    let count = "SELECT count(*) AS n FROM mfa_ceremony";
    let kept: i64 = raw(&url).await.fetch_one(count).await.unwrap().get("n");
    assert_eq!(kept, 400);
}

/// No statement waits for ever. The server cancels it, and the connection serves the next.
#[tokio::test]
async fn a_locked_row_is_an_error_in_time() {
    let Some(url) = schema().await else { return };
    let stores = Stores::from(PostgresStore::open(&format!("{url}&statement_timeout=1")).await.unwrap());
    let record = sample::totp(1, "ann");
    let revision = stores.totp.save(&record, Expect::Absent).await.unwrap();
    let mut locker = raw(&url).await;
    let mut transaction = locker.begin().await.unwrap();
    transaction.execute("SELECT * FROM mfa_totp FOR UPDATE").await.unwrap();

    let refused = stores.totp.save(&record, Expect::At(revision)).await.unwrap_err();
    assert!(cause(&refused).contains("statement timeout"), "{}", cause(&refused));
    transaction.rollback().await.unwrap();
    stores.totp.save(&record, Expect::At(revision)).await.unwrap();
}
