//! [`ApiKeyStore`] on the predecessors' table of API keys. It keeps their attributes, and adds ours beside them.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use mfa_core::ConsumerId;
use mfa_core::api_key::{ApiKey, SecretHash};
use mfa_core::envelope::Sealed;
use mfa_core::store::{
    ApiKeyRecord, ApiKeyState, ApiKeyStore, Cursor, Expect, Page, Revision, RotationMark, StoreError, Stored,
};

use crate::DynamoStore;
use crate::error::DynamoError;
use crate::item::{Attributes, Item, bytes, number, text, time};
use crate::listing::Wanted;
use crate::table::{Table, Write};

/// The attributes that we replace. The first four are the predecessors'. Their hash, `hashedApiSecret`, is
/// not among them. It stays beside ours, so that a running predecessor accepts the key until it is revoked.
const OURS: [&str; 17] = [
    "value",
    "email",
    "createdAt",
    "activatedAt",
    "consumer",
    "secretHash",
    "checkTag",
    "keyring",
    "revokedAt",
    "expiresAt",
    "lastUsedAt",
    "notBefore",
    "rotationStartedAt",
    "rotationDataKey",
    "rotationStage",
    "state",
    "revision",
];
const LEGACY_HASH: &str = "hashedApiSecret";

#[async_trait]
impl ApiKeyStore for DynamoStore {
    async fn get(&self, key: &ApiKey) -> Result<Option<Stored<ApiKeyRecord>>, StoreError> {
        let item = self.api_keys.get(key.as_str()).await?;
        Ok(item.map(|item| read(&self.api_keys, &item)).transpose()?)
    }

    async fn save(&self, record: &ApiKeyRecord, expect: Expect) -> Result<Revision, StoreError> {
        let state = &record.state;
        let id = record.key.as_str();
        let stage = record.rotation.as_ref().map(|mark| mark.stage.to_string());
        let attributes = Attributes::default()
            .text("value", Some(id))
            .text("email", Some(&record.email))
            .time("createdAt", Some(record.created_at))
            .time("activatedAt", state.activated_at())
            .text("consumer", Some(record.consumer.as_str()))
            .text("secretHash", state.hash().filter(|hash| !hash.is_legacy()).map(SecretHash::as_str))
            .text(LEGACY_HASH, state.hash().filter(|hash| hash.is_legacy()).map(SecretHash::as_str))
            .number("checkTag", state.check_tag().map(|tag| tag.number().into()))
            .bytes("keyring", state.keyring().map(Sealed::as_bytes))
            .time("revokedAt", state.revoked_at())
            .time("expiresAt", record.expires_at)
            .time("lastUsedAt", record.last_used_at)
            .time("notBefore", record.not_before)
            .time("rotationStartedAt", record.rotation.as_ref().map(|mark| mark.started_at))
            .number("rotationDataKey", record.rotation.as_ref().map(|mark| mark.data_key.into()))
            .text("rotationStage", stage.as_deref())
            .text("state", state.unknown())
            .0;
        let removed = state.revoked_at().map(|_| LEGACY_HASH);
        self.api_keys.save(Write { id, owner: None, attributes, removed }, expect).await
    }

    async fn page(&self, after: Option<&Cursor>, limit: usize) -> Result<Page<ApiKeyRecord>, StoreError> {
        self.api_keys.page(Wanted::All, after, limit, |item| read(&self.api_keys, item).map(Some)).await
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<ApiKeyRecord>, StoreError> {
        // The table holds only a few keys for each application, so we scan it.
        let read_own = |item: &Item| {
            let stored = read(&self.api_keys, item)?;
            Ok(Some(stored).filter(|stored| stored.record.consumer == *consumer))
        };
        self.api_keys.page(Wanted::All, after, limit, read_own).await
    }
}

pub(crate) fn table(client: &Client, name: &str) -> Table {
    Table { ours: OURS.map(str::to_owned).to_vec(), ..Table::new(client, name, "value") }
}

pub(crate) fn read(table: &Table, item: &Item) -> Result<Stored<ApiKeyRecord>, DynamoError> {
    let key = text(item, "value")?.and_then(|value| value.parse::<ApiKey>().ok());
    let key = key.ok_or(DynamoError::Attribute("value"))?;
    let consumer = match text(item, "consumer")? {
        Some(first_key) => first_key.parse().map_err(|_| DynamoError::Attribute("consumer"))?,
        // A predecessor's key is its own consumer.
        None => key.clone(),
    };
    let (ours, legacy) = (hash(item, "secretHash")?, hash(item, LEGACY_HASH)?);
    // Operators disable a key, or give it another secret, by changing the predecessors' hash. That counts, even after ours
    // replaced it.
    let (hash, is_ours) = match ours {
        Some(ours) if ours.stands_for(legacy.as_ref()) => (Some(ours), true),
        Some(_) => (legacy.filter(SecretHash::is_legacy), false),
        None => (legacy, false),
    };
    // The Go predecessor writes 0 before activation.
    let activated_at = time(item, "activatedAt")?.filter(|time| time.as_millis() > 0);
    // It was activated and its hash is gone. No secret opens it, and it must not get a new one.
    let orphaned = activated_at.filter(|_| hash.is_none());
    let revoked_at = time(item, "revokedAt")?.or(orphaned);
    // A row that was never activated has no valid hash.
    let hash = hash.filter(|_| activated_at.is_some());
    let keyring = bytes(item, "keyring")?.map(Sealed::from_stored);
    let check_tag = number(item, "checkTag")?.filter(|_| is_ours);
    let state = ApiKeyState::from_parts(activated_at, revoked_at, hash, check_tag, keyring);
    let rotation = RotationMark::from_parts(
        time(item, "rotationStartedAt")?,
        number(item, "rotationDataKey")?,
        text(item, "rotationStage")?,
    );
    let record = ApiKeyRecord {
        key,
        consumer: ConsumerId::of_first_key(&consumer),
        email: text(item, "email")?.unwrap_or_default().to_owned(),
        created_at: time(item, "createdAt")?.ok_or(DynamoError::Attribute("createdAt"))?,
        expires_at: time(item, "expiresAt")?,
        last_used_at: time(item, "lastUsedAt")?,
        not_before: time(item, "notBefore")?,
        rotation: rotation.map_err(DynamoError::unreadable)?,
        state: state
            .ok_or(DynamoError::Attribute("secretHash"))?
            .named(text(item, "state")?.map(str::to_owned)),
    };
    Ok(Stored { record, revision: table.revision(item)? })
}

fn hash(item: &Item, name: &'static str) -> Result<Option<SecretHash>, DynamoError> {
    Ok(text(item, name)?.map(|hash| SecretHash::from_stored(hash.to_owned())))
}
