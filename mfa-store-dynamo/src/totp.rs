use async_trait::async_trait;
use mfa_core::ConsumerId;
use mfa_core::store::{Cursor, Expect, Listing, Page, Revision, StoreError, Stored, TotpRecord, TotpStore};
use mfa_core::totp::{TimeStep, TotpId};

use crate::DynamoStore;
use crate::error::DynamoError;
use crate::item::{Attributes, Item, number, owner, sealed_text, text, time};
use crate::listing::Wanted;
use crate::table::{Table, Write};

/// The first three are the seed's.
pub(crate) const OURS: [&str; 8] = [
    "uuid",
    "apiKey",
    "encryptedTotpKey",
    "createdAt",
    "lastAcceptedStep",
    "failures",
    "failedAt",
    "revision",
];

#[async_trait]
impl TotpStore for DynamoStore {
    async fn get(&self, consumer: &ConsumerId, id: TotpId) -> Result<Option<Stored<TotpRecord>>, StoreError> {
        match self.totp.get(&id.to_string()).await? {
            Some(item) if owner(&item).as_ref() == Some(consumer) => Ok(Some(read(&self.totp, &item)?)),
            _ => Ok(None),
        }
    }

    async fn save(&self, record: &TotpRecord, expect: Expect) -> Result<Revision, StoreError> {
        let (id, owner) = (record.id.to_string(), record.consumer.as_str());
        let attributes = Attributes::default()
            .text("uuid", Some(&id))
            .text("apiKey", Some(owner))
            .sealed_text("encryptedTotpKey", Some(&record.secret))
            .time("createdAt", record.created_at)
            .number("lastAcceptedStep", record.last_accepted_step.map(TimeStep::number))
            .number("failures", Some(record.failures.into()))
            .time("failedAt", record.failed_at)
            .0;
        self.totp.save(Write { id: &id, owner: Some(owner), attributes, removed: None }, expect).await
    }

    async fn delete(&self, consumer: &ConsumerId, id: TotpId) -> Result<bool, StoreError> {
        self.totp.delete(&id.to_string(), consumer.as_str()).await
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        listing: Listing,
    ) -> Result<Page<TotpRecord>, StoreError> {
        let wanted = Wanted::OwnedBy(consumer.as_str(), listing);
        self.totp.page(wanted, after, limit, |item| read(&self.totp, item).map(Some)).await
    }
}

pub(crate) fn read(table: &Table, item: &Item) -> Result<Stored<TotpRecord>, DynamoError> {
    let id = text(item, "uuid")?.and_then(|id| id.parse().ok());
    let record = TotpRecord {
        id: id.ok_or(DynamoError::Attribute("uuid"))?,
        consumer: owner(item).ok_or(DynamoError::Attribute("apiKey"))?,
        secret: sealed_text(item, "encryptedTotpKey")?.ok_or(DynamoError::Attribute("encryptedTotpKey"))?,
        created_at: time(item, "createdAt")?,
        last_accepted_step: number(item, "lastAcceptedStep")?.map(TimeStep::from_stored),
        failures: number(item, "failures")?.unwrap_or(0),
        failed_at: time(item, "failedAt")?,
    };
    Ok(Stored { record, revision: table.revision(item)? })
}
