//! [`RecordStore`] for every kind of record, with one table for each kind. The statements are in
//! [`Table`].

use async_trait::async_trait;
use mfa_core::ConsumerId;
use mfa_core::store::{
    Cursor, Expect, Listing, Open, Page, Record, RecordStore, Revision, StoreError, Stored,
};
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::column::{one_more, page, revision, signed};
use crate::error::SqliteError;
use crate::table::Table;

#[async_trait]
impl<R: Record> RecordStore<R> for SqliteStore {
    async fn get(&self, consumer: &ConsumerId, id: R::Id) -> Result<Option<Stored<R>>, StoreError> {
        let table = self.tables.of::<R>();
        let query = sqlx::query(table.get.clone()).bind(id.to_string()).bind(consumer.as_str());
        let row = query.fetch_optional(&self.readers).await.map_err(SqliteError::from)?;
        Ok(row.as_ref().map(|row| read(table, row)).transpose()?)
    }

    async fn save(&self, record: &R, expect: Expect) -> Result<Revision, StoreError> {
        let (table, row) = (self.tables.of::<R>(), record.to_row());
        let (sql, lost) = match expect {
            Expect::Absent => (&table.insert, StoreError::AlreadyExists),
            Expect::At(_) => (&table.update, StoreError::Conflict),
        };
        let mut query = sqlx::query(sql.clone()).bind(row.id.to_string()).bind(row.consumer.as_str());
        for name in table.shape.sealed {
            query = query.bind(row.sealed(name));
        }
        for (name, _) in table.shape.open {
            query = match row.open(name) {
                Some(Open::Bytes(bytes)) => query.bind(bytes.as_slice()),
                Some(Open::Integer(number)) => query.bind(signed(*number)),
                None => query.bind(None::<i64>),
            };
        }
        if let Expect::At(revision) = expect {
            query = query.bind(signed(revision.number()));
        }
        Ok(revision(&self.writer.write(query).await?.ok_or(lost)?)?)
    }

    async fn delete(&self, consumer: &ConsumerId, id: R::Id) -> Result<bool, StoreError> {
        let query = sqlx::query(self.tables.of::<R>().delete.clone());
        let query = query.bind(id.to_string()).bind(consumer.as_str());
        Ok(self.writer.write(query).await?.is_some())
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        _listing: Listing,
    ) -> Result<Page<R>, StoreError> {
        let table = self.tables.of::<R>();
        let query = sqlx::query(table.page.clone()).bind(consumer.as_str());
        let query = query.bind(after.map_or("", Cursor::as_str)).bind(one_more(limit));
        let rows = query.fetch_all(&self.readers).await.map_err(SqliteError::from)?;
        page(&rows, limit, "id", |row| read(table, row))
    }
}

fn read<R: Record>(table: &Table, row: &SqliteRow) -> Result<Stored<R>, SqliteError> {
    Ok(table.read(row)?.to_record()?)
}
