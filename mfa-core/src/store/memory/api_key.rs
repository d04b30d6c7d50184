//! [`ApiKeyStore`] in memory: a sorted map from key to record.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{MemoryStore, page, save};
use crate::api_key::ApiKey;
use crate::id::ConsumerId;
use crate::store::{ApiKeyRecord, ApiKeyStore, Cursor, Expect, Page, Revision, StoreError, Stored};

#[async_trait]
impl ApiKeyStore for MemoryStore {
    async fn get(&self, key: &ApiKey) -> Result<Option<Stored<ApiKeyRecord>>, StoreError> {
        Ok(self.tables().api_keys.get(key).cloned())
    }

    async fn save(&self, record: &ApiKeyRecord, expect: Expect) -> Result<Revision, StoreError> {
        let record = record.clone();
        let mut tables = self.tables();
        let fresh = tables.fresh_revision();
        save(&mut tables.api_keys, record.key.clone(), record, expect, fresh, |_, _| true)
    }

    async fn page(&self, after: Option<&Cursor>, limit: usize) -> Result<Page<ApiKeyRecord>, StoreError> {
        Ok(page(behind(&self.tables().api_keys, after), limit, name, |stored| Ok(stored.clone())))
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<ApiKeyRecord>, StoreError> {
        let tables = self.tables();
        let keys = behind(&tables.api_keys, after).filter(|(_, stored)| stored.record.consumer == *consumer);
        Ok(page(keys, limit, name, |stored| Ok(stored.clone())))
    }
}

fn name(key: &ApiKey) -> String {
    key.as_str().to_owned()
}

fn behind<'a>(
    keys: &'a BTreeMap<ApiKey, Stored<ApiKeyRecord>>,
    after: Option<&'a Cursor>,
) -> impl Iterator<Item = (&'a ApiKey, &'a Stored<ApiKeyRecord>)> {
    keys.iter().filter(move |(key, _)| after.is_none_or(|after| key.as_str() > after.as_str()))
}
