//! Runs the whole suite on SQLite, and tests what only a file can get wrong.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use mfa_core::store::{StoreError, Stores};
use mfa_store_conformance::kit::sample;
use mfa_store_sqlite::SqliteStore;
use tempfile::TempDir;

mfa_store_conformance::store_conformance!(crate::fresh);

async fn fresh() -> Option<(Stores, TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("mfa.db")).await.unwrap();
    Some((store.into(), folder))
}

mod file {
    use std::error::Error as _;
    use std::sync::Arc;
    use std::time::Duration;

    use mfa_core::store::{Expect, Pool as _};
    use mfa_store_conformance::kit::factors::NOW;
    use mfa_store_conformance::kit::later::{Later, runs_beside_a_later_version};
    use mfa_store_conformance::kit::service::mfa_at;
    use sqlx::{Connection as _, Executor as _, Row as _, SqliteConnection};

    use super::*;

    fn chain(error: &StoreError) -> String {
        error.source().unwrap().to_string()
    }

    #[tokio::test]
    async fn what_was_acknowledged_is_there_after_reopening() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mfa.db");
        let record = sample::totp(1, "ann");
        let first = Stores::from(SqliteStore::open(&path).await.unwrap());
        first.totp.save(&record, Expect::Absent).await.unwrap();
        drop(first);

        let second = Stores::from(SqliteStore::open_existing(&path).await.unwrap());
        assert_eq!(second.totp.get(&record.consumer, record.id).await.unwrap().unwrap().record, record);
    }

    /// The writer takes 128 writes at most, and waits for the file, which another process has. The others wait for it.
    #[tokio::test(flavor = "multi_thread")]
    async fn waiting_writes_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mfa.db");
        let store = SqliteStore::open(&path).await.unwrap();
        let mut other = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
        other.execute("BEGIN IMMEDIATE").await.unwrap();
        let writes: Vec<_> = (0..200)
            .map(|n| {
                let stores = Stores::from(store.clone());
                tokio::spawn(async move { stores.totp.save(&sample::totp(n, "ann"), Expect::Absent).await })
            })
            .collect();
        let waiting = async {
            while store.status().waiting < 72 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(4), waiting).await.unwrap();
        other.execute("COMMIT").await.unwrap();
        for write in writes {
            write.await.unwrap().unwrap();
        }
        assert_eq!(store.status().waiting, 0);

        let record = sample::totp(7, "ann");
        assert_eq!(store.status().size, 0);
        assert!(Stores::from(store.clone()).totp.get(&record.consumer, record.id).await.unwrap().is_some());
        assert_eq!(store.status().size, 1);
    }

    /// Two stores on one file, as in two processes: of all saves at one revision, one wins.
    #[tokio::test(flavor = "multi_thread")]
    async fn two_stores_on_one_file_are_one_store() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mfa.db");
        let stores = [SqliteStore::open(&path).await.unwrap(), SqliteStore::open(&path).await.unwrap()]
            .map(Stores::from);
        for round in 0..20 {
            let record = sample::api_key(&format!("key-{round}"), "ann");
            let revision = stores[0].api_keys.save(&record, Expect::Absent).await.unwrap();
            let outcomes = sample::at_once((0..16).map(|n| {
                let (store, record) = (Arc::clone(&stores[n % 2].api_keys), record.clone());
                async move { store.save(&record, Expect::At(revision)).await.is_ok() }
            }))
            .await;
            assert_eq!(outcomes.iter().filter(|won| **won).count(), 1, "round {round}");
        }
    }

    #[tokio::test]
    async fn a_newer_file_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mfa.db");
        drop(SqliteStore::open(&path).await.unwrap());
        let mut connection = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
        connection.execute("PRAGMA user_version = 99").await.unwrap();

        for refused in [SqliteStore::open(&path).await, SqliteStore::open_existing(&path).await] {
            assert_eq!(
                chain(&refused.unwrap_err()),
                "the file has tables of version 99, this program knows 4; use a newer program"
            );
        }
    }

    /// A later version says which programs may use its tables.
    #[tokio::test]
    async fn only_the_least_reader_decides_whether_a_newer_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mfa.db");
        drop(SqliteStore::open(&path).await.unwrap());
        let mut connection = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
        let next = "INSERT INTO schema_version VALUES (5, 4); PRAGMA user_version = 5";
        connection.execute(sqlx::raw_sql(next)).await.unwrap();
        SqliteStore::open(&path).await.unwrap();
        SqliteStore::open_existing(&path).await.unwrap();
        assert_eq!(SqliteStore::pending_migrations(&path).await.unwrap(), [""; 0]);

        let next = "INSERT INTO schema_version VALUES (6, 5); PRAGMA user_version = 6";
        connection.execute(sqlx::raw_sql(next)).await.unwrap();
        let refused = SqliteStore::open_existing(&path).await.unwrap_err();
        assert!(chain(&refused).ends_with("use a newer program"), "{}", chain(&refused));
    }

    struct NextVersion(std::path::PathBuf);

    impl NextVersion {
        async fn connect(&self) -> SqliteConnection {
            SqliteConnection::connect(self.0.to_str().unwrap()).await.unwrap()
        }

        async fn run(&self, statement: String) {
            self.connect().await.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
        }
    }

    #[async_trait::async_trait]
    impl Later for NextVersion {
        async fn add_field(&self, key: &str, totp: &str, text: &str) {
            for (table, condition) in
                [("api_key", format!("value = '{key}'")), ("totp", format!("id = '{totp}'"))]
            {
                self.run(format!("ALTER TABLE {table} ADD COLUMN later TEXT")).await;
                self.run(format!("UPDATE {table} SET later = '{text}' WHERE {condition}")).await;
            }
        }

        async fn field(&self, key: &str, totp: &str) -> [String; 2] {
            let query = format!(
                "SELECT k.later, t.later FROM api_key k, totp t WHERE k.value = '{key}' AND t.id = '{totp}'"
            );
            let row = self.connect().await.fetch_one(sqlx::AssertSqlSafe(query)).await.unwrap();
            [row.get(0), row.get(1)]
        }

        async fn set_state(&self, key: &str, name: Option<&str>) {
            let name = name.map_or("NULL".to_owned(), |name| format!("'{name}'"));
            self.run(format!("UPDATE api_key SET state = {name} WHERE value = '{key}'")).await;
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_later_version_may_use_the_file_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mfa.db");
        let stores = Stores::from(SqliteStore::open(&path).await.unwrap());
        runs_beside_a_later_version(&stores, &NextVersion(path)).await;
    }

    /// A dry run names what a run does, and makes no file.
    #[tokio::test]
    async fn pending_migrations_are_what_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mfa.db");
        let pending = SqliteStore::pending_migrations(&path).await.unwrap().concat();
        assert!(!path.exists());

        let mut connection =
            SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", path.display())).await.unwrap();
        connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(pending))).await.unwrap();
        SqliteStore::open_existing(&path).await.unwrap();
        assert_eq!(SqliteStore::pending_migrations(&path).await.unwrap(), [""; 0]);
    }

    #[tokio::test]
    async fn an_empty_file_needs_migrating() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mfa.db");
        std::fs::write(&path, "").unwrap();
        let refused = SqliteStore::open_existing(&path).await.unwrap_err();
        assert_eq!(
            chain(&refused),
            "the file has tables of version 0, this program needs 4; run `mfa-http migrate`"
        );
    }

    #[tokio::test]
    async fn a_damaged_row_is_an_error_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mfa.db");
        let stores = Stores::from(SqliteStore::open(&path).await.unwrap());
        let record = sample::totp(1, "ann");
        stores.totp.save(&record, Expect::Absent).await.unwrap();
        let mut connection = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
        connection.execute("UPDATE totp SET failures = -1").await.unwrap();

        let damaged = stores.totp.get(&record.consumer, record.id).await.unwrap_err();
        assert_eq!(damaged.to_string(), "sqlite holds a damaged record: failures");
    }

    /// R79: a key that cannot be read is named, and the floor of the others is raised.
    #[tokio::test]
    async fn a_damaged_key_does_not_keep_the_floor_from_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mfa.db");
        let stores = Stores::from(SqliteStore::open(&path).await.unwrap());
        let keys = ["a1", "a2", "a3"].map(|value| sample::api_key(value, "a1"));
        for key in &keys {
            stores.api_keys.save(key, Expect::Absent).await.unwrap();
        }
        let mut connection = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
        connection.execute("UPDATE api_key SET not_before = -1 WHERE value = 'a2'").await.unwrap();

        let (mfa, _clock) = mfa_at(&stores, NOW);
        let report = mfa.raise_floor().await.unwrap();
        assert_eq!((report.raised, report.damaged), (2, vec!["a2".to_owned()]));
        for key in [&keys[0], &keys[2]] {
            let stored = stores.api_keys.get(&key.key).await.unwrap().unwrap();
            assert_eq!(stored.record.not_before, Some(NOW));
        }
        let row = connection.fetch_one("SELECT not_before FROM api_key WHERE value = 'a2'").await.unwrap();
        assert_eq!(row.get::<i64, _>(0), -1);
    }

    /// A failing write fails alone. Those committed with it succeed.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_failing_write_does_not_fail_its_neighbours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mfa.db");
        let stores = Stores::from(SqliteStore::open(&path).await.unwrap());
        let mut connection = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
        connection
            .execute(
                "CREATE TRIGGER t BEFORE INSERT ON totp WHEN NEW.failures % 7 = 3 \
                 BEGIN SELECT RAISE(ABORT, 'no'); END",
            )
            .await
            .unwrap();

        let outcomes = sample::at_once((0..200).map(|n| {
            let store = Arc::clone(&stores.totp);
            async move { (n, store.save(&sample::totp(n, "ann"), Expect::Absent).await) }
        }))
        .await;
        for (n, outcome) in outcomes {
            assert_eq!(outcome.is_ok(), n % 7 != 3, "{n}: {outcome:?}");
            let record = sample::totp(n, "ann");
            let stored = stores.totp.get(&record.consumer, record.id).await.unwrap();
            assert_eq!(stored.is_some(), n % 7 != 3, "{n}");
        }
    }
}
