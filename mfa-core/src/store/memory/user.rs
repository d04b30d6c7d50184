use async_trait::async_trait;

use super::{MemoryStore, page, save};
use crate::consumer::ConsumerId;
use crate::store::{
    Cursor, Expect, Listing, Page, Revision, StoreError, Stored, UserId, UserRecord, UserStore,
};

#[async_trait]
impl UserStore for MemoryStore {
    async fn get(&self, consumer: &ConsumerId, id: UserId) -> Result<Option<Stored<UserRecord>>, StoreError> {
        Ok(self.tables().users.get(&id).filter(|stored| stored.record.consumer == *consumer).cloned())
    }

    async fn save(&self, record: &UserRecord, expect: Expect) -> Result<Revision, StoreError> {
        let owned = |stored: &UserRecord| stored.consumer == record.consumer;
        let mut tables = self.tables();
        let fresh = tables.fresh_revision();
        save(&mut tables.users, record.id, record.clone(), expect, fresh, owned)
    }

    async fn delete(&self, consumer: &ConsumerId, id: UserId) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let owned = tables.users.get(&id).is_some_and(|stored| stored.record.consumer == *consumer);
        Ok(owned && tables.users.remove(&id).is_some())
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        _listing: Listing,
    ) -> Result<Page<UserRecord>, StoreError> {
        let owned = |record: &UserRecord| record.consumer == *consumer;
        Ok(page(&self.tables().users, after, limit, UserId::to_string, owned))
    }
}
