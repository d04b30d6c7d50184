use async_trait::async_trait;

use super::{MemoryStore, page, save};
use crate::api_key::ApiKey;
use crate::consumer::ConsumerId;
use crate::store::{ApiKeyRecord, ApiKeyStore, Cursor, Expect, Page, Revision, StoreError, Stored};

fn name(key: &ApiKey) -> String {
    key.as_str().to_owned()
}

#[async_trait]
impl ApiKeyStore for MemoryStore {
    async fn get(&self, key: &ApiKey) -> Result<Option<Stored<ApiKeyRecord>>, StoreError> {
        Ok(self.tables().api_keys.get(key).cloned())
    }

    async fn save(&self, record: &ApiKeyRecord, expect: Expect) -> Result<Revision, StoreError> {
        let mut tables = self.tables();
        let fresh = tables.fresh_revision();
        save(&mut tables.api_keys, record.key.clone(), record.clone(), expect, fresh, |_| true)
    }

    async fn page(&self, after: Option<&Cursor>, limit: usize) -> Result<Page<ApiKeyRecord>, StoreError> {
        Ok(page(&self.tables().api_keys, after, limit, name, |_| true))
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<ApiKeyRecord>, StoreError> {
        Ok(page(&self.tables().api_keys, after, limit, name, |record| record.consumer == *consumer))
    }
}
