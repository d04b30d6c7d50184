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

    use mfa_core::store::Expect;
    use sqlx::{Connection as _, Executor as _, SqliteConnection};

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
                "the file has tables of version 99, this program knows 2; use a newer program"
            );
        }
    }

    #[tokio::test]
    async fn an_empty_file_needs_migrating() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mfa.db");
        std::fs::write(&path, "").unwrap();
        let refused = SqliteStore::open_existing(&path).await.unwrap_err();
        assert_eq!(
            chain(&refused),
            "the file has tables of version 0, this program needs 2; run `mfa-http migrate`"
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
