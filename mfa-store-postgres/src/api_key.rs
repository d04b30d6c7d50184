//! [`ApiKeyStore`] on the table `mfa_api_key`. Each method is one statement.

use async_trait::async_trait;
use mfa_core::ConsumerId;
use mfa_core::api_key::{ApiKey, SecretHash};
use mfa_core::envelope::Sealed;
use mfa_core::store::{
    ApiKeyRecord, ApiKeyState, ApiKeyStore, Cursor, Expect, Page, Revision, RotationMark, StoreError, Stored,
};
use sqlx::postgres::PgRow;

use crate::PostgresStore;
use crate::column::{get, number, one_more, page, revision, signed, stamp, time};
use crate::error::PostgresError;

/// Columns are named: `SELECT *` in a cached statement fails once a migration adds one.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT value, consumer, email, created_at, activated_at, revoked_at, secret_hash, check_tag, keyring, \
             expires_at, last_used_at, rotation_started_at, rotation_data_key, rotation_stage, state, not_before, \
             revision \
             FROM mfa_api_key ",
            $rest
        )
    };
}
pub(crate) use select;

const GET: &str = select!("WHERE value = $1");
const PAGE: &str = select!("WHERE value > $1 ORDER BY value LIMIT $2");
const PAGE_BY_CONSUMER: &str = select!("WHERE value > $1 AND consumer = $3 ORDER BY value LIMIT $2");
const INSERT: &str = "INSERT INTO mfa_api_key (value, consumer, email, created_at, activated_at, revoked_at, \
    secret_hash, check_tag, keyring, expires_at, last_used_at, rotation_started_at, rotation_data_key, \
    rotation_stage, state, not_before, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, (random() * 4e18)::bigint) \
    ON CONFLICT DO NOTHING RETURNING revision";
const UPDATE: &str = "UPDATE mfa_api_key SET consumer = $2, email = $3, created_at = $4, activated_at = $5, \
    revoked_at = $6, secret_hash = $7, check_tag = $8, keyring = $9, expires_at = $10, last_used_at = $11, \
    rotation_started_at = $12, rotation_data_key = $13, rotation_stage = $14, state = $15, not_before = $16, \
    revision = revision + 1 WHERE value = $1 AND revision = $17 RETURNING revision";

#[async_trait]
impl ApiKeyStore for PostgresStore {
    async fn get(&self, key: &ApiKey) -> Result<Option<Stored<ApiKeyRecord>>, StoreError> {
        let row = self.one(sqlx::query(GET).bind(key.as_str())).await?;
        Ok(row.as_ref().map(read).transpose()?)
    }

    async fn save(&self, record: &ApiKeyRecord, expect: Expect) -> Result<Revision, StoreError> {
        let state = &record.state;
        let rotation = record.rotation.as_ref();
        let (sql, lost) = match expect {
            Expect::Absent => (INSERT, StoreError::AlreadyExists),
            Expect::At(_) => (UPDATE, StoreError::Conflict),
        };
        let mut query = sqlx::query(sql)
            .bind(record.key.as_str())
            .bind(record.consumer.as_str())
            .bind(record.email.as_str())
            .bind(stamp(record.created_at)?)
            .bind(state.activated_at().map(stamp).transpose()?)
            .bind(state.revoked_at().map(stamp).transpose()?)
            .bind(state.hash().map(SecretHash::as_str))
            .bind(state.check_tag().map(|tag| i64::from(tag.number())))
            .bind(state.keyring().map(Sealed::as_bytes))
            .bind(record.expires_at.map(stamp).transpose()?)
            .bind(record.last_used_at.map(stamp).transpose()?)
            .bind(rotation.map(|mark| stamp(mark.started_at)).transpose()?)
            .bind(rotation.map(|mark| i64::from(mark.data_key)))
            .bind(rotation.map(|mark| mark.stage.to_string()))
            .bind(state.unknown())
            .bind(record.not_before.map(stamp).transpose()?);
        if let Expect::At(revision) = expect {
            query = query.bind(signed(revision.number())?);
        }
        Ok(revision(&self.one(query).await?.ok_or(lost)?)?)
    }

    async fn page(&self, after: Option<&Cursor>, limit: usize) -> Result<Page<ApiKeyRecord>, StoreError> {
        let query = sqlx::query(PAGE).bind(after.map_or("", Cursor::as_str)).bind(one_more(limit));
        page(&self.all(query).await?, limit, |row| get(row, "value"), read)
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<ApiKeyRecord>, StoreError> {
        let query = sqlx::query(PAGE_BY_CONSUMER).bind(after.map_or("", Cursor::as_str));
        let query = query.bind(one_more(limit)).bind(consumer.as_str());
        page(&self.all(query).await?, limit, |row| get(row, "value"), read)
    }
}

pub(crate) fn read(row: &PgRow) -> Result<Stored<ApiKeyRecord>, PostgresError> {
    let key = |name| get::<&str>(row, name)?.parse::<ApiKey>().map_err(|_| PostgresError::Column(name));
    let hash = get::<Option<String>>(row, "secret_hash")?.map(SecretHash::from_stored);
    let keyring = get::<Option<Vec<u8>>>(row, "keyring")?.map(Sealed::from_stored);
    let (activated_at, revoked_at) = (time(row, "activated_at")?, time(row, "revoked_at")?);
    let check_tag = number(row, "check_tag")?;
    let state = ApiKeyState::from_parts(activated_at, revoked_at, hash, check_tag, keyring);
    let record = ApiKeyRecord {
        key: key("value")?,
        consumer: ConsumerId::of_first_key(&key("consumer")?),
        email: get(row, "email")?,
        created_at: time(row, "created_at")?.ok_or(PostgresError::Column("created_at"))?,
        expires_at: time(row, "expires_at")?,
        last_used_at: time(row, "last_used_at")?,
        not_before: time(row, "not_before")?,
        rotation: RotationMark::from_parts(
            time(row, "rotation_started_at")?,
            number(row, "rotation_data_key")?,
            get(row, "rotation_stage")?,
        )?,
        state: state.ok_or(PostgresError::Column("secret_hash"))?.named(get(row, "state")?),
    };
    Ok(Stored { record, revision: revision(row)? })
}
