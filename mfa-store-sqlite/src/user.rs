use async_trait::async_trait;
use mfa_core::ConsumerId;
use mfa_core::envelope::Sealed;
use mfa_core::store::{
    Cursor, Expect, Listing, Page, Revision, StoreError, Stored, UserId, UserRecord, UserStore,
};
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::column::{consumer, get, optional, revision, signed};
use crate::error::SqliteError;

const GET: &str = "SELECT * FROM user WHERE id = ?1 AND consumer = ?2";
const PAGE: &str = "SELECT * FROM user WHERE consumer = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
const INSERT: &str = "INSERT INTO user (id, consumer, credentials, u2f_app_id, u2f_key_handle, u2f_public_key, \
    u2f_sign_count, revision) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, random() & 0x3fffffffffffffff) ON CONFLICT DO NOTHING RETURNING revision";
const UPDATE: &str = "UPDATE user SET credentials = ?3, u2f_app_id = ?4, u2f_key_handle = ?5, \
    u2f_public_key = ?6, u2f_sign_count = ?7, revision = revision + 1 \
    WHERE id = ?1 AND consumer = ?2 AND revision = ?8 RETURNING revision";
const DELETE: &str = "DELETE FROM user WHERE id = ?1 AND consumer = ?2 RETURNING revision";

#[async_trait]
impl UserStore for SqliteStore {
    async fn get(&self, consumer: &ConsumerId, id: UserId) -> Result<Option<Stored<UserRecord>>, StoreError> {
        let query = sqlx::query(GET).bind(id.to_string()).bind(consumer.as_str());
        let row = query.fetch_optional(&self.readers).await.map_err(SqliteError::from)?;
        Ok(row.as_ref().map(read).transpose()?)
    }

    async fn save(&self, record: &UserRecord, expect: Expect) -> Result<Revision, StoreError> {
        let (sql, lost) = match expect {
            Expect::Absent => (INSERT, StoreError::AlreadyExists),
            Expect::At(_) => (UPDATE, StoreError::Conflict),
        };
        let mut query = sqlx::query(sql)
            .bind(record.id.to_string())
            .bind(record.consumer.as_str())
            .bind(record.credentials.as_ref().map(Sealed::as_bytes))
            .bind(record.u2f_app_id.as_ref().map(Sealed::as_bytes))
            .bind(record.u2f_key_handle.as_ref().map(Sealed::as_bytes))
            .bind(record.u2f_public_key.as_ref().map(Sealed::as_bytes))
            .bind(record.u2f_sign_count.map(i64::from));
        if let Expect::At(revision) = expect {
            query = query.bind(signed(revision.number()));
        }
        let row = self.writer.write(query).await?.ok_or(lost)?;
        Ok(revision(&row)?)
    }

    async fn delete(&self, consumer: &ConsumerId, id: UserId) -> Result<bool, StoreError> {
        self.delete_owned(DELETE, consumer, id.to_string()).await
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        _listing: Listing,
    ) -> Result<Page<UserRecord>, StoreError> {
        self.page_of(PAGE, consumer, after, limit, "id", read).await
    }
}

pub(crate) fn read(row: &SqliteRow) -> Result<Stored<UserRecord>, SqliteError> {
    let sealed = |name| Ok::<_, SqliteError>(get::<Option<Vec<u8>>>(row, name)?.map(Sealed::from_stored));
    let record = UserRecord {
        id: get::<&str>(row, "id")?.parse().map_err(|_| SqliteError::Column("id"))?,
        consumer: consumer(row)?,
        credentials: sealed("credentials")?,
        u2f_app_id: sealed("u2f_app_id")?,
        u2f_key_handle: sealed("u2f_key_handle")?,
        u2f_public_key: sealed("u2f_public_key")?,
        u2f_sign_count: count(row)?,
    };
    Ok(Stored { record, revision: revision(row)? })
}

fn count(row: &SqliteRow) -> Result<Option<u32>, SqliteError> {
    let count = optional(row, "u2f_sign_count")?;
    count.map(|count| count.try_into().map_err(|_| SqliteError::Column("u2f_sign_count"))).transpose()
}
