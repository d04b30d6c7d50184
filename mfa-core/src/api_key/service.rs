//! The life of an API key: created, listed, revoked.

use std::fmt::Debug;

use async_trait::async_trait;

use super::{ApiKey, ApiKeyError};
use crate::clock::UnixTime;
use crate::event::{Action, Event};
use crate::store::retry::until_saved;
use crate::store::{ApiKeyRecord, ApiKeyState, Cursor, Expect, Page, Stored};
use crate::{ConsumerId, Mfa};

/// A new API key could not be delivered.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the API key could not be delivered: {0}")]
pub struct DeliveryError(pub String);

/// Brings a new API key to the person it was created for, by mail for example.
#[async_trait]
pub trait KeyDelivery: Debug + Send + Sync + 'static {
    /// Delivers `key` to `email`.
    ///
    /// # Errors
    ///
    /// [`DeliveryError`] with a reason that may be logged.
    async fn deliver(&self, email: &str, key: &ApiKey) -> Result<(), DeliveryError>;
}

/// Delivers nothing: an operator reads the key from the list.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDelivery;

#[async_trait]
impl KeyDelivery for NoDelivery {
    async fn deliver(&self, _email: &str, _key: &ApiKey) -> Result<(), DeliveryError> {
        Ok(())
    }
}

impl Mfa {
    /// Creates a pending key for `email`: the first key of a new consumer.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::EmailRequired`] if `email` is blank, [`ApiKeyError::Delivery`] if the key was stored
    /// but could not be delivered.
    pub async fn create_api_key(&self, email: &str) -> Result<ApiKey, ApiKeyError> {
        self.create_expiring_api_key(email, None).await
    }

    /// Creates a pending key that expires at `expires_at`.
    ///
    /// # Errors
    ///
    /// Those of [`Mfa::create_api_key`].
    pub async fn create_expiring_api_key(
        &self,
        email: &str,
        expires_at: Option<UnixTime>,
    ) -> Result<ApiKey, ApiKeyError> {
        if email.trim().is_empty() {
            return Err(ApiKeyError::EmailRequired);
        }
        let (key, created_at) = (ApiKey::generate(&*self.parts.random)?, self.parts.clock.now());
        let record = ApiKeyRecord {
            key: key.clone(),
            consumer: ConsumerId::of_first_key(&key),
            email: email.to_owned(),
            created_at,
            expires_at,
            last_used_at: None,
            not_before: None,
            rotation: None,
            state: ApiKeyState::Pending,
        };
        self.parts.stores.api_keys.save(&record, Expect::Absent).await?;
        self.parts.delivery.deliver(email, &key).await?;
        self.parts.events.record(&Event::of_key(created_at, Action::ApiKeyCreated, key.clone()));
        Ok(key)
    }

    /// One page of all API keys, for an administrator.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::Store`] if the store failed.
    pub async fn api_keys(&self, after: Option<&Cursor>) -> Result<Page<ApiKeyRecord>, ApiKeyError> {
        Ok(self.parts.stores.api_keys.page(after, Page::<ApiKeyRecord>::LIMIT).await?)
    }

    /// Revokes a key at once and for good: its hash and its copy of the keyring are erased. Records that only
    /// this key opened can never be opened again.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::NotFound`] if there is no such key. Revoking twice is not an error.
    pub async fn revoke_api_key(&self, key: &ApiKey) -> Result<(), ApiKeyError> {
        until_saved(|| async {
            let stored = self.parts.stores.api_keys.get(key).await?;
            let Stored { record, revision } = stored.ok_or(ApiKeyError::NotFound)?;
            let (activated_at, now) = (record.state.activated_at(), self.parts.clock.now());
            // A key may count as revoked because its hash was removed by hand. Writing it makes that last.
            let revoked_at = record.state.revoked_at().unwrap_or(now);
            let revoked = ApiKeyRecord { state: ApiKeyState::Revoked { activated_at, revoked_at }, ..record };
            self.parts.stores.api_keys.save(&revoked, Expect::At(revision)).await?;
            self.parts.events.record(&Event::of_key(now, Action::ApiKeyRevoked, key.clone()));
            Ok(())
        })
        .await
    }
}
