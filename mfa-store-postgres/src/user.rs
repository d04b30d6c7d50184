use async_trait::async_trait;
use mfa_core::ConsumerId;
use mfa_core::envelope::Sealed;
use mfa_core::store::{
    Cursor, Expect, Listing, Page, Revision, StoreError, Stored, UserId, UserRecord, UserStore,
};
use sqlx::postgres::PgRow;

use crate::PostgresStore;
use crate::column::{consumer, count, get, revision, signed};
use crate::error::PostgresError;
use crate::owned::PageSql;

const GET: &str = "SELECT * FROM mfa_user WHERE id = $1 AND consumer = $2";
const PAGE: PageSql = PageSql {
    first: "SELECT * FROM mfa_user WHERE consumer = $1 ORDER BY id LIMIT $2",
    behind: "SELECT * FROM mfa_user WHERE consumer = $1 AND id > $3 ORDER BY id LIMIT $2",
};
const INSERT: &str = "INSERT INTO mfa_user (id, consumer, credentials, u2f_app_id, u2f_key_handle, \
    u2f_public_key, u2f_sign_count, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, (random() * 4e18)::bigint) \
    ON CONFLICT DO NOTHING RETURNING revision";
const UPDATE: &str = "UPDATE mfa_user SET credentials = $3, u2f_app_id = $4, u2f_key_handle = $5, \
    u2f_public_key = $6, u2f_sign_count = $7, revision = revision + 1 \
    WHERE id = $1 AND consumer = $2 AND revision = $8 RETURNING revision";
const DELETE: &str = "DELETE FROM mfa_user WHERE id = $1 AND consumer = $2 RETURNING revision";

#[async_trait]
impl UserStore for PostgresStore {
    async fn get(&self, consumer: &ConsumerId, id: UserId) -> Result<Option<Stored<UserRecord>>, StoreError> {
        let row = self.one(sqlx::query(GET).bind(id.0).bind(consumer.as_str())).await?;
        Ok(row.as_ref().map(read).transpose()?)
    }

    async fn save(&self, record: &UserRecord, expect: Expect) -> Result<Revision, StoreError> {
        let (sql, lost) = match expect {
            Expect::Absent => (INSERT, StoreError::AlreadyExists),
            Expect::At(_) => (UPDATE, StoreError::Conflict),
        };
        let mut query = sqlx::query(sql)
            .bind(record.id.0)
            .bind(record.consumer.as_str())
            .bind(record.credentials.as_ref().map(Sealed::as_bytes))
            .bind(record.u2f_app_id.as_ref().map(Sealed::as_bytes))
            .bind(record.u2f_key_handle.as_ref().map(Sealed::as_bytes))
            .bind(record.u2f_public_key.as_ref().map(Sealed::as_bytes))
            .bind(record.u2f_sign_count.map(i64::from));
        if let Expect::At(revision) = expect {
            query = query.bind(signed(revision.number())?);
        }
        Ok(revision(&self.one(query).await?.ok_or(lost)?)?)
    }

    async fn delete(&self, consumer: &ConsumerId, id: UserId) -> Result<bool, StoreError> {
        self.delete_owned(DELETE, consumer, id.0).await
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        _listing: Listing,
    ) -> Result<Page<UserRecord>, StoreError> {
        self.page_of(&PAGE, consumer, after, limit, read).await
    }
}

pub(crate) fn read(row: &PgRow) -> Result<Stored<UserRecord>, PostgresError> {
    let sealed = |name| Ok::<_, PostgresError>(get::<Option<Vec<u8>>>(row, name)?.map(Sealed::from_stored));
    let record = UserRecord {
        id: UserId(get(row, "id")?),
        consumer: consumer(row)?,
        credentials: sealed("credentials")?,
        u2f_app_id: sealed("u2f_app_id")?,
        u2f_key_handle: sealed("u2f_key_handle")?,
        u2f_public_key: sealed("u2f_public_key")?,
        u2f_sign_count: count(row, "u2f_sign_count")?,
    };
    Ok(Stored { record, revision: revision(row)? })
}
