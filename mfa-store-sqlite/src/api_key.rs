//! [`ApiKeyStore`] on the table `api_key`. Reads use a pool of connections, writes go through the one writer.

use async_trait::async_trait;
use mfa_core::ConsumerId;
use mfa_core::api_key::{ApiKey, SecretHash};
use mfa_core::envelope::Sealed;
use mfa_core::store::{
    ApiKeyRecord, ApiKeyState, ApiKeyStore, Cursor, Expect, Page, Revision, RotationMark, StoreError, Stored,
};
use sqlx::sqlite::SqliteRow;

use crate::SqliteStore;
use crate::column::{get, number, one_more, page, revision, signed, time};
use crate::error::SqliteError;

/// Columns are named: `SELECT *` in a cached statement fails once a migration adds one.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT value, consumer, email, created_at, activated_at, revoked_at, secret_hash, check_tag, keyring, \
             expires_at, last_used_at, rotation_started_at, rotation_data_key, rotation_stage, state, not_before, \
             revision \
             FROM api_key ",
            $rest
        )
    };
}
pub(crate) use select;

const GET: &str = select!("WHERE value = ?1");
const PAGE: &str = select!("WHERE value > ?1 ORDER BY value LIMIT ?2");
const PAGE_BY_CONSUMER: &str = select!("WHERE consumer = ?1 AND value > ?2 ORDER BY value LIMIT ?3");
const INSERT: &str = "INSERT INTO api_key (value, consumer, email, created_at, activated_at, revoked_at, \
    secret_hash, check_tag, keyring, expires_at, last_used_at, rotation_started_at, rotation_data_key, \
    rotation_stage, state, not_before, revision) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, random() & 0x3fffffffffffffff) \
    ON CONFLICT DO NOTHING RETURNING revision";
const UPDATE: &str = "UPDATE api_key SET consumer = ?2, email = ?3, created_at = ?4, activated_at = ?5, \
    revoked_at = ?6, secret_hash = ?7, check_tag = ?8, keyring = ?9, expires_at = ?10, last_used_at = ?11, \
    rotation_started_at = ?12, rotation_data_key = ?13, rotation_stage = ?14, state = ?15, not_before = ?16, \
    revision = revision + 1 WHERE value = ?1 AND revision = ?17 RETURNING revision";

#[async_trait]
impl ApiKeyStore for SqliteStore {
    async fn get(&self, key: &ApiKey) -> Result<Option<Stored<ApiKeyRecord>>, StoreError> {
        let query = sqlx::query(GET).bind(key.as_str());
        let row = query.fetch_optional(&self.readers).await.map_err(SqliteError::from)?;
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
            .bind(signed(record.created_at.as_millis()))
            .bind(state.activated_at().map(|time| signed(time.as_millis())))
            .bind(state.revoked_at().map(|time| signed(time.as_millis())))
            .bind(state.hash().map(SecretHash::as_str))
            .bind(state.check_tag().map(|tag| i64::from(tag.number())))
            .bind(state.keyring().map(Sealed::as_bytes))
            .bind(record.expires_at.map(|time| signed(time.as_millis())))
            .bind(record.last_used_at.map(|time| signed(time.as_millis())))
            .bind(rotation.map(|mark| signed(mark.started_at.as_millis())))
            .bind(rotation.map(|mark| i64::from(mark.data_key)))
            .bind(rotation.map(|mark| mark.stage.to_string()))
            .bind(state.unknown())
            .bind(record.not_before.map(|time| signed(time.as_millis())));
        if let Expect::At(revision) = expect {
            query = query.bind(signed(revision.number()));
        }
        let row = self.writer.write(query).await?.ok_or(lost)?;
        Ok(revision(&row)?)
    }

    async fn page(&self, after: Option<&Cursor>, limit: usize) -> Result<Page<ApiKeyRecord>, StoreError> {
        let query = sqlx::query(PAGE).bind(after.map_or("", Cursor::as_str)).bind(one_more(limit));
        let rows = query.fetch_all(&self.readers).await.map_err(SqliteError::from)?;
        page(&rows, limit, "value", read)
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<ApiKeyRecord>, StoreError> {
        let query = sqlx::query(PAGE_BY_CONSUMER).bind(consumer.as_str());
        let query = query.bind(after.map_or("", Cursor::as_str)).bind(one_more(limit));
        let rows = query.fetch_all(&self.readers).await.map_err(SqliteError::from)?;
        page(&rows, limit, "value", read)
    }
}

pub(crate) fn read(row: &SqliteRow) -> Result<Stored<ApiKeyRecord>, SqliteError> {
    let text = |name| get::<&str>(row, name)?.parse::<ApiKey>().map_err(|_| SqliteError::Column(name));
    let hash = get::<Option<String>>(row, "secret_hash")?.map(SecretHash::from_stored);
    let keyring = get::<Option<Vec<u8>>>(row, "keyring")?.map(Sealed::from_stored);
    let (activated_at, revoked_at) = (time(row, "activated_at")?, time(row, "revoked_at")?);
    let check_tag = number(row, "check_tag")?;
    let state = ApiKeyState::from_parts(activated_at, revoked_at, hash, check_tag, keyring);
    let record = ApiKeyRecord {
        key: text("value")?,
        consumer: ConsumerId::of_first_key(&text("consumer")?),
        email: get(row, "email")?,
        created_at: time(row, "created_at")?.ok_or(SqliteError::Column("created_at"))?,
        expires_at: time(row, "expires_at")?,
        last_used_at: time(row, "last_used_at")?,
        not_before: time(row, "not_before")?,
        rotation: RotationMark::from_parts(
            time(row, "rotation_started_at")?,
            number(row, "rotation_data_key")?,
            get(row, "rotation_stage")?,
        )?,
        state: state.ok_or(SqliteError::Column("secret_hash"))?.named(get(row, "state")?),
    };
    Ok(Stored { record, revision: revision(row)? })
}
