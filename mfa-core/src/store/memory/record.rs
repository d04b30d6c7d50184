//! [`RecordStore`] in memory: a sorted map for each kind of record.

use std::ops::Bound::{Excluded, Included};

use async_trait::async_trait;
use uuid::Uuid;

use super::{MemoryStore, damaged, page, save};
use crate::id::ConsumerId;
use crate::store::{
    Cursor, Expect, Listing, Page, Record, RecordStore, Revision, StoreError, Stored, UnreadableField,
};

#[async_trait]
impl<R: Record> RecordStore<R> for MemoryStore {
    async fn get(&self, consumer: &ConsumerId, id: R::Id) -> Result<Option<Stored<R>>, StoreError> {
        let tables = self.tables();
        let stored = tables.records.get(&(R::SHAPE.kind, id.into()));
        let owned = stored.filter(|stored| stored.record.consumer == *consumer);
        owned.map(Stored::to_record).transpose().map_err(damaged)
    }

    async fn save(&self, record: &R, expect: Expect) -> Result<Revision, StoreError> {
        let (id, row) = ((R::SHAPE.kind, record.id().into()), record.to_row());
        let mut tables = self.tables();
        let fresh = tables.fresh_revision();
        save(&mut tables.records, id, row, expect, fresh, |stored, row| stored.consumer == row.consumer)
    }

    async fn delete(&self, consumer: &ConsumerId, id: R::Id) -> Result<bool, StoreError> {
        let (mut tables, id) = (self.tables(), (R::SHAPE.kind, id.into()));
        let owned = tables.records.get(&id).is_some_and(|stored| stored.record.consumer == *consumer);
        Ok(owned && tables.records.remove(&id).is_some())
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        _listing: Listing,
    ) -> Result<Page<R>, StoreError> {
        let kind = R::SHAPE.kind;
        let from = match after {
            None => Included((kind, Uuid::nil())),
            Some(after) => {
                Excluded((kind, after.as_uuid().ok_or_else(|| damaged(UnreadableField("cursor")))?))
            }
        };
        let tables = self.tables();
        let rows = tables.records.range((from, Included((kind, Uuid::max()))));
        let owned = rows.filter(|(_, stored)| stored.record.consumer == *consumer);
        Ok(page(owned, limit, |(_, id)| id.to_string(), Stored::to_record))
    }
}
