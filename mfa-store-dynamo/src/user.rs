use async_trait::async_trait;
use mfa_core::ConsumerId;
use mfa_core::store::{
    Cursor, Expect, Listing, Page, Revision, StoreError, Stored, UserId, UserRecord, UserStore,
};

use crate::DynamoStore;
use crate::error::DynamoError;
use crate::item::{Attributes, Item, bytes, number, owner, sealed_text, text};
use crate::listing::Wanted;
use crate::table::{Table, Write};

/// All but the last two are the seeds'. Their open ceremonies are not among them, and stay as they are.
pub(crate) const OURS: [&str; 8] = [
    "uuid",
    "apiKey",
    "EncryptedCredentials",
    "encryptedAppId",
    "encryptedKeyHandle",
    "encryptedPublicKey",
    "u2fSignCount",
    "revision",
];

#[async_trait]
impl UserStore for DynamoStore {
    async fn get(&self, consumer: &ConsumerId, id: UserId) -> Result<Option<Stored<UserRecord>>, StoreError> {
        match self.users.get(&id.to_string()).await? {
            Some(item) if owner(&item).as_ref() == Some(consumer) => Ok(Some(read(&self.users, &item)?)),
            _ => Ok(None),
        }
    }

    async fn save(&self, record: &UserRecord, expect: Expect) -> Result<Revision, StoreError> {
        let (id, owner) = (record.id.to_string(), record.consumer.as_str());
        let attributes = Attributes::default()
            .text("uuid", Some(&id))
            .text("apiKey", Some(owner))
            .bytes("EncryptedCredentials", record.credentials.as_ref())
            .sealed_text("encryptedAppId", record.u2f_app_id.as_ref())
            .sealed_text("encryptedKeyHandle", record.u2f_key_handle.as_ref())
            .sealed_text("encryptedPublicKey", record.u2f_public_key.as_ref())
            .number("u2fSignCount", record.u2f_sign_count.map(u64::from))
            .0;
        self.users.save(Write { id: &id, owner: Some(owner), attributes, removed: None }, expect).await
    }

    async fn delete(&self, consumer: &ConsumerId, id: UserId) -> Result<bool, StoreError> {
        self.users.delete(&id.to_string(), consumer.as_str()).await
    }

    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        listing: Listing,
    ) -> Result<Page<UserRecord>, StoreError> {
        let wanted = Wanted::OwnedBy(consumer.as_str(), listing);
        self.users.page(wanted, after, limit, |item| read(&self.users, item).map(Some)).await
    }
}

pub(crate) fn read(table: &Table, item: &Item) -> Result<Stored<UserRecord>, DynamoError> {
    let id = text(item, "uuid")?.and_then(|id| id.parse().ok());
    let record = UserRecord {
        id: id.ok_or(DynamoError::Attribute("uuid"))?,
        consumer: owner(item).ok_or(DynamoError::Attribute("apiKey"))?,
        credentials: bytes(item, "EncryptedCredentials")?,
        u2f_app_id: sealed_text(item, "encryptedAppId")?,
        u2f_key_handle: sealed_text(item, "encryptedKeyHandle")?,
        u2f_public_key: sealed_text(item, "encryptedPublicKey")?,
        u2f_sign_count: number(item, "u2fSignCount")?,
    };
    Ok(Stored { record, revision: table.revision(item)? })
}
