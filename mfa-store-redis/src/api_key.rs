//! [`ApiKeyStore`] in Redis: a hash for each API key, and sorted sets that index all keys and each consumer's.

use async_trait::async_trait;
use mfa_core::ConsumerId;
use mfa_core::api_key::{ApiKey, SecretHash};
use mfa_core::envelope::{RecordKind, Sealed};
use mfa_core::store::{
    ApiKeyRecord, ApiKeyState, ApiKeyStore, Cursor, Expect, Page, Revision, RotationMark, StoreError, Stored,
};

use crate::RedisStore;
use crate::error::RedisError;
use crate::hash::{Changes, Fields, consumer, number, optional_text, revision, text, time};

pub(crate) const FIELDS: &[&str] = &[
    "value",
    "consumer",
    "email",
    "created_at",
    "activated_at",
    "revoked_at",
    "secret_hash",
    "check_tag",
    "keyring",
    "expires_at",
    "last_used_at",
    "not_before",
    "rotation_started_at",
    "rotation_data_key",
    "rotation_stage",
    "state",
    "revision",
];

#[async_trait]
impl ApiKeyStore for RedisStore {
    async fn get(&self, key: &ApiKey) -> Result<Option<Stored<ApiKeyRecord>>, StoreError> {
        let fields = self.fields(&self.keys.api_key(key), FIELDS).await?;
        Ok(fields.as_ref().map(read).transpose()?)
    }

    async fn save(&self, record: &ApiKeyRecord, expect: Expect) -> Result<Revision, StoreError> {
        let state = &record.state;
        let changes = Changes::default()
            .bytes("value", Some(record.key.as_str()))
            .bytes("consumer", Some(record.consumer.as_str()))
            .bytes("email", Some(record.email.as_str()))
            .time("created_at", Some(record.created_at))
            .time("activated_at", state.activated_at())
            .time("revoked_at", state.revoked_at())
            .bytes("secret_hash", state.hash().map(SecretHash::as_str))
            .number("check_tag", state.check_tag().map(|tag| tag.number().into()))
            .bytes("keyring", state.keyring().map(Sealed::as_bytes))
            .time("expires_at", record.expires_at)
            .time("last_used_at", record.last_used_at)
            .time("not_before", record.not_before)
            .time("rotation_started_at", record.rotation.as_ref().map(|mark| mark.started_at))
            .number("rotation_data_key", record.rotation.as_ref().map(|mark| mark.data_key.into()))
            .bytes("rotation_stage", record.rotation.as_ref().map(|mark| mark.stage.to_string()))
            .bytes("state", state.unknown());
        // A key is never deleted, so an entry needs no incarnation, and an existing entry stays. A key that
        // changes its consumer leaves an entry behind, which readers skip.
        self.add_member(&self.keys.all_api_keys(), record.key.as_str()).await?;
        self.add_member(&self.keys.api_keys_of(record.consumer.as_str()), record.key.as_str()).await?;
        let key = self.keys.api_key(&record.key);
        self.save_fields(&key, Self::fresh_revision()?, expect, None, &changes).await
    }

    async fn page(&self, after: Option<&Cursor>, limit: usize) -> Result<Page<ApiKeyRecord>, StoreError> {
        self.page_of_keys(&self.keys.all_api_keys(), after, limit, |_| true).await
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<ApiKeyRecord>, StoreError> {
        let index = self.keys.api_keys_of(consumer.as_str());
        self.page_of_keys(&index, after, limit, |record| record.consumer == *consumer).await
    }
}

impl RedisStore {
    /// A page of the keys that an index names. A key that changed its consumer left an entry behind.
    async fn page_of_keys(
        &self,
        index: &str,
        after: Option<&Cursor>,
        limit: usize,
        belongs: impl Fn(&ApiKeyRecord) -> bool + Send + Sync,
    ) -> Result<Page<ApiKeyRecord>, StoreError> {
        let values = self.members(index, after.map_or("", Cursor::as_str), limit).await?;
        let key = |value: &str| self.keys.record(RecordKind::ApiKey, value);
        self.page_of(values, limit, FIELDS, key, |_, fields| {
            Ok(Some(read(fields)?).filter(|stored| belongs(&stored.record)))
        })
        .await
    }
}

pub(crate) fn read(fields: &Fields<'_>) -> Result<Stored<ApiKeyRecord>, RedisError> {
    let hash = optional_text(fields, "secret_hash")?;
    let hash = hash.map(|hash| SecretHash::from_stored(hash.to_owned()));
    let keyring = fields.get("keyring").cloned().map(Sealed::from_stored);
    let (activated_at, revoked_at) = (time(fields, "activated_at")?, time(fields, "revoked_at")?);
    let check_tag = number(fields, "check_tag")?;
    let state = ApiKeyState::from_parts(activated_at, revoked_at, hash, check_tag, keyring);
    let record = ApiKeyRecord {
        key: text(fields, "value")?.parse().map_err(|_| RedisError::Field("value"))?,
        consumer: consumer(fields)?,
        email: text(fields, "email")?.to_owned(),
        created_at: time(fields, "created_at")?.ok_or(RedisError::Field("created_at"))?,
        expires_at: time(fields, "expires_at")?,
        last_used_at: time(fields, "last_used_at")?,
        not_before: time(fields, "not_before")?,
        rotation: RotationMark::from_parts(
            time(fields, "rotation_started_at")?,
            number(fields, "rotation_data_key")?,
            optional_text(fields, "rotation_stage")?,
        )?,
        state: state
            .ok_or(RedisError::Field("secret_hash"))?
            .named(optional_text(fields, "state")?.map(str::to_owned)),
    };
    Ok(Stored { record, revision: revision(fields)? })
}
