use async_trait::async_trait;

use super::{MemoryStore, page, save};
use crate::consumer::ConsumerId;
use crate::store::{Cursor, Expect, Listing, Page, Revision, StoreError, Stored, TotpRecord, TotpStore};
use crate::totp::TotpId;

#[async_trait]
impl TotpStore for MemoryStore {
    async fn get(&self, consumer: &ConsumerId, id: TotpId) -> Result<Option<Stored<TotpRecord>>, StoreError> {
        Ok(self.tables().totp.get(&id).filter(|stored| stored.record.consumer == *consumer).cloned())
    }

    async fn save(&self, record: &TotpRecord, expect: Expect) -> Result<Revision, StoreError> {
        let owned = |stored: &TotpRecord| stored.consumer == record.consumer;
        let mut tables = self.tables();
        let fresh = tables.fresh_revision();
        save(&mut tables.totp, record.id, record.clone(), expect, fresh, owned)
    }

    async fn delete(&self, consumer: &ConsumerId, id: TotpId) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let owned = tables.totp.get(&id).is_some_and(|stored| stored.record.consumer == *consumer);
        Ok(owned && tables.totp.remove(&id).is_some())
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        _listing: Listing,
    ) -> Result<Page<TotpRecord>, StoreError> {
        let owned = |record: &TotpRecord| record.consumer == *consumer;
        Ok(page(&self.tables().totp, after, limit, TotpId::to_string, owned))
    }
}
