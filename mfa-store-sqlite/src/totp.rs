use async_trait::async_trait;
use mfa_core::ConsumerId;
use mfa_core::envelope::Sealed;
use mfa_core::store::{Cursor, Expect, Listing, Page, Revision, StoreError, Stored, TotpRecord, TotpStore};
use mfa_core::totp::{TimeStep, TotpId};
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::column::{consumer, get, optional, revision, signed, time, unsigned};
use crate::error::SqliteError;

const GET: &str = "SELECT * FROM totp WHERE id = ?1 AND consumer = ?2";
const PAGE: &str = "SELECT * FROM totp WHERE consumer = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
const INSERT: &str = "INSERT INTO totp (id, consumer, secret, created_at, last_accepted_step, failures, \
    failed_at, revision) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, random() & 0x3fffffffffffffff) ON CONFLICT DO NOTHING RETURNING revision";
const UPDATE: &str = "UPDATE totp SET secret = ?3, created_at = ?4, last_accepted_step = ?5, failures = ?6, \
    failed_at = ?7, revision = revision + 1 \
    WHERE id = ?1 AND consumer = ?2 AND revision = ?8 RETURNING revision";
const DELETE: &str = "DELETE FROM totp WHERE id = ?1 AND consumer = ?2 RETURNING revision";

#[async_trait]
impl TotpStore for SqliteStore {
    async fn get(&self, consumer: &ConsumerId, id: TotpId) -> Result<Option<Stored<TotpRecord>>, StoreError> {
        let query = sqlx::query(GET).bind(id.to_string()).bind(consumer.as_str());
        let row = query.fetch_optional(&self.readers).await.map_err(SqliteError::from)?;
        Ok(row.as_ref().map(read).transpose()?)
    }

    async fn save(&self, record: &TotpRecord, expect: Expect) -> Result<Revision, StoreError> {
        let (sql, lost) = match expect {
            Expect::Absent => (INSERT, StoreError::AlreadyExists),
            Expect::At(_) => (UPDATE, StoreError::Conflict),
        };
        let mut query = sqlx::query(sql)
            .bind(record.id.to_string())
            .bind(record.consumer.as_str())
            .bind(record.secret.as_bytes())
            .bind(record.created_at.map(|time| signed(time.as_millis())))
            .bind(record.last_accepted_step.map(|step| signed(step.number())))
            .bind(i64::from(record.failures))
            .bind(record.failed_at.map(|time| signed(time.as_millis())));
        if let Expect::At(revision) = expect {
            query = query.bind(signed(revision.number()));
        }
        let row = self.writer.write(query).await?.ok_or(lost)?;
        Ok(revision(&row)?)
    }

    async fn delete(&self, consumer: &ConsumerId, id: TotpId) -> Result<bool, StoreError> {
        self.delete_owned(DELETE, consumer, id.to_string()).await
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        _listing: Listing,
    ) -> Result<Page<TotpRecord>, StoreError> {
        self.page_of(PAGE, consumer, after, limit, "id", read).await
    }
}

pub(crate) fn read(row: &SqliteRow) -> Result<Stored<TotpRecord>, SqliteError> {
    let record = TotpRecord {
        id: get::<&str>(row, "id")?.parse().map_err(|_| SqliteError::Column("id"))?,
        consumer: consumer(row)?,
        secret: Sealed::from_stored(get(row, "secret")?),
        created_at: time(row, "created_at")?,
        last_accepted_step: optional(row, "last_accepted_step")?.map(TimeStep::from_stored),
        failures: unsigned(row, "failures")?.try_into().map_err(|_| SqliteError::Column("failures"))?,
        failed_at: time(row, "failed_at")?,
    };
    Ok(Stored { record, revision: revision(row)? })
}
