//! `sqlite://PATH`

use std::sync::Arc;

use async_trait::async_trait;
use mfa_core::clock::UnixTime;
use mfa_core::store::inspect::{Report, Scope};
use mfa_core::store::{StoreError, Stores};
use mfa_store_sqlite::SqliteStore;

use super::backend::{Backend, Opened};
use super::path;

pub(super) struct Sqlite;

#[async_trait]
impl Backend for Sqlite {
    async fn open(&self, url: &str, migrate: bool) -> Result<Opened<Stores>, StoreError> {
        let store = if migrate {
            SqliteStore::open(path(url)).await
        } else {
            SqliteStore::open_existing(path(url)).await
        }?;
        Ok((store.clone().into(), Some(Arc::new(store))))
    }

    async fn pending_migrations(&self, url: &str) -> Result<Option<Vec<String>>, StoreError> {
        SqliteStore::pending_migrations(path(url)).await.map(Some)
    }

    async fn inspect(&self, url: &str, scope: Scope, now: UnixTime) -> Report {
        mfa_store_sqlite::inspect(path(url), scope, now).await
    }
}
