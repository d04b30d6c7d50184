//! `dynamodb://REGION`

use async_trait::async_trait;
use mfa_core::clock::UnixTime;
use mfa_core::store::inspect::{Report, Scope};
use mfa_core::store::{StoreError, Stores};
use mfa_store_dynamo::DynamoStore;

use super::backend::{Backend, Opened};

pub(super) struct Dynamodb;

#[async_trait]
impl Backend for Dynamodb {
    async fn open(&self, url: &str, migrate: bool) -> Result<Opened<Stores>, StoreError> {
        let store =
            if migrate { DynamoStore::open(url).await } else { DynamoStore::open_existing(url).await };
        store.map(|store| (store.into(), None))
    }

    async fn inspect(&self, url: &str, scope: Scope, now: UnixTime) -> Report {
        mfa_store_dynamo::inspect(url, scope, now).await
    }
}
