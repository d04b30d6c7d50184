use async_trait::async_trait;
use mfa_core::ConsumerId;
use mfa_core::envelope::Sealed;
use mfa_core::store::{Cursor, Expect, Listing, Page, Revision, StoreError, Stored, TotpRecord, TotpStore};
use mfa_core::totp::{TimeStep, TotpId};

use crate::RedisStore;
use crate::error::RedisError;
use crate::record::{Changes, Fields, consumer, number, revision, text, time};

const KIND: &str = "totp";
pub(crate) const FIELDS: &[&str] = &[
    "id",
    "consumer",
    "secret",
    "created_at",
    "last_accepted_step",
    "failures",
    "failed_at",
    "revision",
    "incarnation",
];

#[async_trait]
impl TotpStore for RedisStore {
    async fn get(&self, consumer: &ConsumerId, id: TotpId) -> Result<Option<Stored<TotpRecord>>, StoreError> {
        self.get_owned(KIND, consumer, &id.to_string(), FIELDS, read).await
    }

    async fn save(&self, record: &TotpRecord, expect: Expect) -> Result<Revision, StoreError> {
        let id = record.id.to_string();
        let changes = Changes::default()
            .bytes("id", Some(id.as_str()))
            .bytes("consumer", Some(record.consumer.as_str()))
            .bytes("secret", Some(record.secret.as_bytes()))
            .time("created_at", record.created_at)
            .number("last_accepted_step", record.last_accepted_step.map(TimeStep::number))
            .number("failures", Some(record.failures.into()))
            .time("failed_at", record.failed_at);
        self.save_owned(KIND, &record.consumer, &id, expect, &changes).await
    }

    async fn delete(&self, consumer: &ConsumerId, id: TotpId) -> Result<bool, StoreError> {
        self.delete_owned(KIND, consumer, &id.to_string()).await
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        _listing: Listing,
    ) -> Result<Page<TotpRecord>, StoreError> {
        self.page_owned(KIND, consumer, after, limit, FIELDS, read).await
    }
}

pub(crate) fn read(fields: &Fields) -> Result<Stored<TotpRecord>, RedisError> {
    let record = TotpRecord {
        id: text(fields, "id")?.parse().map_err(|_| RedisError::Field("id"))?,
        consumer: consumer(fields)?,
        secret: fields.get("secret").cloned().map(Sealed::from_stored).ok_or(RedisError::Field("secret"))?,
        created_at: time(fields, "created_at")?,
        last_accepted_step: number(fields, "last_accepted_step")?.map(TimeStep::from_stored),
        failures: number(fields, "failures")?.ok_or(RedisError::Field("failures"))?,
        failed_at: time(fields, "failed_at")?,
    };
    Ok(Stored { record, revision: revision(fields)? })
}
