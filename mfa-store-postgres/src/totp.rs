use async_trait::async_trait;
use mfa_core::ConsumerId;
use mfa_core::envelope::Sealed;
use mfa_core::store::{Cursor, Expect, Listing, Page, Revision, StoreError, Stored, TotpRecord, TotpStore};
use mfa_core::totp::{TimeStep, TotpId};
use sqlx::postgres::PgRow;

use crate::PostgresStore;
use crate::column::{consumer, count, get, revision, signed, stamp, time};
use crate::error::PostgresError;
use crate::owned::PageSql;

const GET: &str = "SELECT * FROM mfa_totp WHERE id = $1 AND consumer = $2";
const PAGE: PageSql = PageSql {
    first: "SELECT * FROM mfa_totp WHERE consumer = $1 ORDER BY id LIMIT $2",
    behind: "SELECT * FROM mfa_totp WHERE consumer = $1 AND id > $3 ORDER BY id LIMIT $2",
};
const INSERT: &str = "INSERT INTO mfa_totp (id, consumer, secret, created_at, last_accepted_step, failures, \
    failed_at, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, (random() * 4e18)::bigint) \
    ON CONFLICT DO NOTHING RETURNING revision";
const UPDATE: &str = "UPDATE mfa_totp SET secret = $3, created_at = $4, last_accepted_step = $5, \
    failures = $6, failed_at = $7, revision = revision + 1 \
    WHERE id = $1 AND consumer = $2 AND revision = $8 RETURNING revision";
const DELETE: &str = "DELETE FROM mfa_totp WHERE id = $1 AND consumer = $2 RETURNING revision";

#[async_trait]
impl TotpStore for PostgresStore {
    async fn get(&self, consumer: &ConsumerId, id: TotpId) -> Result<Option<Stored<TotpRecord>>, StoreError> {
        let row = self.one(sqlx::query(GET).bind(id.0).bind(consumer.as_str())).await?;
        Ok(row.as_ref().map(read).transpose()?)
    }

    async fn save(&self, record: &TotpRecord, expect: Expect) -> Result<Revision, StoreError> {
        let (sql, lost) = match expect {
            Expect::Absent => (INSERT, StoreError::AlreadyExists),
            Expect::At(_) => (UPDATE, StoreError::Conflict),
        };
        let mut query = sqlx::query(sql)
            .bind(record.id.0)
            .bind(record.consumer.as_str())
            .bind(record.secret.as_bytes())
            .bind(record.created_at.map(stamp).transpose()?)
            .bind(record.last_accepted_step.map(|step| signed(step.number())).transpose()?)
            .bind(i64::from(record.failures))
            .bind(record.failed_at.map(stamp).transpose()?);
        if let Expect::At(revision) = expect {
            query = query.bind(signed(revision.number())?);
        }
        Ok(revision(&self.one(query).await?.ok_or(lost)?)?)
    }

    async fn delete(&self, consumer: &ConsumerId, id: TotpId) -> Result<bool, StoreError> {
        self.delete_owned(DELETE, consumer, id.0).await
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        _listing: Listing,
    ) -> Result<Page<TotpRecord>, StoreError> {
        self.page_of(&PAGE, consumer, after, limit, read).await
    }
}

pub(crate) fn read(row: &PgRow) -> Result<Stored<TotpRecord>, PostgresError> {
    let record = TotpRecord {
        id: TotpId(get(row, "id")?),
        consumer: consumer(row)?,
        secret: Sealed::from_stored(get(row, "secret")?),
        created_at: time(row, "created_at")?,
        last_accepted_step: count(row, "last_accepted_step")?.map(TimeStep::from_stored),
        failures: count(row, "failures")?.ok_or(PostgresError::Column("failures"))?,
        failed_at: time(row, "failed_at")?,
    };
    Ok(Stored { record, revision: revision(row)? })
}
