//! `postgres://…`

use std::sync::Arc;

use async_trait::async_trait;
use mfa_core::clock::UnixTime;
use mfa_core::store::inspect::{Report, Scope};
use mfa_core::store::{StoreError, Stores};
use mfa_store_postgres::PostgresStore;

use super::backend::{Backend, Opened};

pub(super) struct Postgres;

#[async_trait]
impl Backend for Postgres {
    async fn open(&self, url: &str, migrate: bool) -> Result<Opened<Stores>, StoreError> {
        let store =
            if migrate { PostgresStore::open(url).await } else { PostgresStore::open_existing(url).await }?;
        Ok((store.clone().into(), Some(Arc::new(store))))
    }

    async fn pending_migrations(&self, url: &str) -> Result<Option<Vec<String>>, StoreError> {
        PostgresStore::pending_migrations(url).await.map(Some)
    }

    async fn inspect(&self, url: &str, scope: Scope, now: UnixTime) -> Report {
        mfa_store_postgres::inspect(url, scope, now).await
    }
}
