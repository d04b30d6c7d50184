//! [`RecordStore`] for every kind of record, with one table for each kind. The statements are in
//! [`Table`].

use async_trait::async_trait;
use mfa_core::ConsumerId;
use mfa_core::clock::UnixTime;
use mfa_core::store::{
    Cursor, Expect, Holds, Listing, Open, Page, Record, RecordStore, Revision, StoreError, Stored,
};
use sqlx::postgres::PgRow;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::PostgresStore;
use crate::column::{get, one_more, page, revision, signed, stamp};
use crate::error::PostgresError;
use crate::table::{Table, is_time};

#[async_trait]
impl<R: Record> RecordStore<R> for PostgresStore {
    async fn get(&self, consumer: &ConsumerId, id: R::Id) -> Result<Option<Stored<R>>, StoreError> {
        let table = self.tables.of::<R>();
        let query = sqlx::query(table.get.clone()).bind::<Uuid>(id.into()).bind(consumer.as_str());
        let row = self.one(query).await?;
        Ok(row.as_ref().map(|row| read(table, row)).transpose()?)
    }

    async fn save(&self, record: &R, expect: Expect) -> Result<Revision, StoreError> {
        let (table, row) = (self.tables.of::<R>(), record.to_row());
        let (sql, lost) = match expect {
            Expect::Absent => (&table.insert, StoreError::AlreadyExists),
            Expect::At(_) => (&table.update, StoreError::Conflict),
        };
        let mut query = sqlx::query(sql.clone()).bind(row.id).bind(row.consumer.as_str());
        for name in table.shape.sealed {
            query = query.bind(row.sealed(name));
        }
        for (name, holds) in table.shape.open {
            query = match (row.open(name), holds) {
                (Some(Open::Bytes(bytes)), _) => query.bind(bytes.as_slice()),
                (Some(Open::Integer(millis)), _) if is_time(name) => {
                    query.bind(stamp(UnixTime::from_millis(*millis))?)
                }
                (Some(Open::Integer(number)), _) => query.bind(signed(*number)?),
                (None, Holds::Bytes) => query.bind(None::<&[u8]>),
                (None, Holds::Integer) if is_time(name) => query.bind(None::<OffsetDateTime>),
                (None, Holds::Integer) => query.bind(None::<i64>),
            };
        }
        if let Expect::At(revision) = expect {
            query = query.bind(signed(revision.number())?);
        }
        Ok(revision(&self.one(query).await?.ok_or(lost)?)?)
    }

    async fn delete(&self, consumer: &ConsumerId, id: R::Id) -> Result<bool, StoreError> {
        let query = sqlx::query(self.tables.of::<R>().delete.clone());
        Ok(self.one(query.bind::<Uuid>(id.into()).bind(consumer.as_str())).await?.is_some())
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        _listing: Listing,
    ) -> Result<Page<R>, StoreError> {
        let table = self.tables.of::<R>();
        let sql = if after.is_none() { &table.first } else { &table.behind };
        let mut query = sqlx::query(sql.clone()).bind(consumer.as_str()).bind(one_more(limit));
        if let Some(after) = after {
            query = query.bind(after.as_uuid().ok_or(PostgresError::Value("this cursor"))?);
        }
        let id = |row: &PgRow| Ok(get::<Uuid>(row, "id")?.to_string());
        page(&self.all(query).await?, limit, id, |row| read(table, row))
    }
}

fn read<R: Record>(table: &Table, row: &PgRow) -> Result<Stored<R>, PostgresError> {
    Ok(table.read(row)?.to_record()?)
}
