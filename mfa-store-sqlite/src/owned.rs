//! What every table of records with an owner is asked.

use mfa_core::ConsumerId;
use mfa_core::store::{Cursor, Page, StoreError, Stored};
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::column::{one_more, page};
use crate::error::SqliteError;

impl SqliteStore {
    /// A page of one consumer's records; `sql` takes the owner, the id to continue behind, and the limit.
    pub(crate) async fn page_of<T>(
        &self,
        sql: &'static str,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        id: &'static str,
        read: fn(&SqliteRow) -> Result<Stored<T>, SqliteError>,
    ) -> Result<Page<T>, StoreError> {
        let query = sqlx::query(sql).bind(consumer.as_str()).bind(after.map_or("", Cursor::as_str));
        let rows = query.bind(one_more(limit)).fetch_all(&self.readers).await.map_err(SqliteError::from)?;
        page(&rows, limit, id, read)
    }

    /// Deletes a record if it is the consumer's; says whether there was one.
    pub(crate) async fn delete_owned(
        &self,
        sql: &'static str,
        consumer: &ConsumerId,
        id: String,
    ) -> Result<bool, StoreError> {
        let query = sqlx::query(sql).bind(id).bind(consumer.as_str());
        Ok(self.writer.write(query).await?.is_some())
    }
}
