//! What every table of records with an owner is asked.

use mfa_core::ConsumerId;
use mfa_core::store::{Cursor, Page, StoreError, Stored};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::PostgresStore;
use crate::column::{behind, get, one_more, page};
use crate::error::PostgresError;

/// The two statements of a page: the first one of a listing, and one behind an id.
pub(crate) struct PageSql {
    pub(crate) first: &'static str,
    pub(crate) behind: &'static str,
}

impl PostgresStore {
    /// A page of one consumer's records.
    pub(crate) async fn page_of<T>(
        &self,
        sql: &PageSql,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        read: fn(&PgRow) -> Result<Stored<T>, PostgresError>,
    ) -> Result<Page<T>, StoreError> {
        let query = match after {
            None => sqlx::query(sql.first).bind(consumer.as_str()).bind(one_more(limit)),
            Some(after) => {
                sqlx::query(sql.behind).bind(consumer.as_str()).bind(one_more(limit)).bind(behind(after)?)
            }
        };
        page(&self.all(query).await?, limit, |row| Ok(get::<Uuid>(row, "id")?.to_string()), read)
    }

    /// Deletes a record if it is the consumer's; says whether there was one.
    pub(crate) async fn delete_owned(
        &self,
        sql: &'static str,
        consumer: &ConsumerId,
        id: Uuid,
    ) -> Result<bool, StoreError> {
        Ok(self.one(sqlx::query(sql).bind(id).bind(consumer.as_str())).await?.is_some())
    }
}
