use async_trait::async_trait;
use mfa_core::ConsumerId;
use mfa_core::envelope::Sealed;
use mfa_core::store::{
    Cursor, Expect, Listing, Page, Revision, StoreError, Stored, UserId, UserRecord, UserStore,
};

use crate::RedisStore;
use crate::error::RedisError;
use crate::record::{Changes, Fields, consumer, number, revision, text};

const KIND: &str = "user";
pub(crate) const FIELDS: &[&str] = &[
    "id",
    "consumer",
    "credentials",
    "u2f_app_id",
    "u2f_key_handle",
    "u2f_public_key",
    "u2f_sign_count",
    "revision",
    "incarnation",
];

#[async_trait]
impl UserStore for RedisStore {
    async fn get(&self, consumer: &ConsumerId, id: UserId) -> Result<Option<Stored<UserRecord>>, StoreError> {
        self.get_owned(KIND, consumer, &id.to_string(), FIELDS, read).await
    }

    async fn save(&self, record: &UserRecord, expect: Expect) -> Result<Revision, StoreError> {
        let id = record.id.to_string();
        let changes = Changes::default()
            .bytes("id", Some(id.as_str()))
            .bytes("consumer", Some(record.consumer.as_str()))
            .bytes("credentials", record.credentials.as_ref().map(Sealed::as_bytes))
            .bytes("u2f_app_id", record.u2f_app_id.as_ref().map(Sealed::as_bytes))
            .bytes("u2f_key_handle", record.u2f_key_handle.as_ref().map(Sealed::as_bytes))
            .bytes("u2f_public_key", record.u2f_public_key.as_ref().map(Sealed::as_bytes))
            .number("u2f_sign_count", record.u2f_sign_count.map(u64::from));
        self.save_owned(KIND, &record.consumer, &id, expect, &changes).await
    }

    async fn delete(&self, consumer: &ConsumerId, id: UserId) -> Result<bool, StoreError> {
        self.delete_owned(KIND, consumer, &id.to_string()).await
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        _listing: Listing,
    ) -> Result<Page<UserRecord>, StoreError> {
        self.page_owned(KIND, consumer, after, limit, FIELDS, read).await
    }
}

pub(crate) fn read(fields: &Fields) -> Result<Stored<UserRecord>, RedisError> {
    let sealed = |name| fields.get(name).cloned().map(Sealed::from_stored);
    let record = UserRecord {
        id: text(fields, "id")?.parse().map_err(|_| RedisError::Field("id"))?,
        consumer: consumer(fields)?,
        credentials: sealed("credentials"),
        u2f_app_id: sealed("u2f_app_id"),
        u2f_key_handle: sealed("u2f_key_handle"),
        u2f_public_key: sealed("u2f_public_key"),
        u2f_sign_count: number(fields, "u2f_sign_count")?,
    };
    Ok(Stored { record, revision: revision(fields)? })
}
