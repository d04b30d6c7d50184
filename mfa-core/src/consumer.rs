//! The authenticated consumer.

use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

use crate::Mfa;
use crate::api_key::ApiKeyError;
use crate::clock::UnixTime;
use crate::envelope::{DataKeyId, KeyEncryptionKey, Keyring};
use crate::event::{Action, Event};
use crate::id::ConsumerId;
use crate::store::{ApiKeyRecord, ApiKeyState};
use crate::totp::TotpService;

/// Proof that a consumer authenticated, and the only way to its data. Holds its opened keyring, which is
/// wiped when the value is dropped.
#[derive(Debug)]
pub struct Consumer {
    pub(crate) mfa: Mfa,
    pub(crate) id: ConsumerId,
    /// The floor of the key that authenticated.
    pub(crate) not_before: Option<UnixTime>,
    kek: KeyEncryptionKey,
    keyring: Mutex<Arc<Keyring>>,
}

impl Consumer {
    /// The consumer of the key whose record this is.
    pub(crate) fn new(mfa: Mfa, record: &ApiKeyRecord, kek: KeyEncryptionKey, keyring: Keyring) -> Self {
        let ApiKeyRecord { consumer, not_before, .. } = record;
        let keyring = Mutex::new(Arc::new(keyring));
        Self { mfa, id: consumer.clone(), not_before: *not_before, kek, keyring }
    }

    /// Whether the floor lets through what was possible from `time` on.
    pub(crate) fn admits_from(&self, time: UnixTime) -> bool {
        self.not_before.is_none_or(|floor| floor <= time)
    }

    /// The data keys that this call knows.
    pub(crate) fn keyring(&self) -> Arc<Keyring> {
        // A poisoned lock is usable, because its content is only replaced as a whole.
        Arc::clone(&self.keyring.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The data keys. They are read again if they lack `id`, since a rotation may have begun after this call
    /// authenticated.
    pub(crate) async fn keyring_with(&self, id: Option<DataKeyId>) -> Result<Arc<Keyring>, ApiKeyError> {
        let keyring = self.keyring();
        match id {
            Some(id) if !keyring.has(id) => self.read_keyring().await,
            _ => Ok(keyring),
        }
    }

    /// The stored data keys, and those that this call knew before.
    pub(crate) async fn read_keyring(&self) -> Result<Arc<Keyring>, ApiKeyError> {
        let keyring = Arc::new(self.stored_keyring().await?.remembering(&self.keyring()));
        *self.keyring.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&keyring);
        Ok(keyring)
    }

    /// The stored data keys.
    pub(crate) async fn stored_keyring(&self) -> Result<Keyring, ApiKeyError> {
        let stored = self.mfa.parts.stores.api_keys.get(self.kek.api_key()).await?;
        let record = stored.ok_or(ApiKeyError::Unauthorized)?.record;
        match &record.state {
            ApiKeyState::Active { keyring: Some(sealed), .. } if record.consumer == self.id => {
                self.kek.unwrap_keyring(sealed).map_err(ApiKeyError::Damaged)
            }
            _ => Err(ApiKeyError::Unauthorized),
        }
    }

    /// The consumer that authenticated.
    pub const fn id(&self) -> &ConsumerId {
        &self.id
    }

    /// Time-based one-time passwords of this consumer's users.
    pub const fn totp(&self) -> TotpService<'_> {
        TotpService::new(self)
    }

    pub(crate) fn record(&self, action: Action, factor: Uuid) {
        let event = Event::of_factor(self.mfa.parts.clock.now(), action, self.id.clone(), factor);
        self.mfa.parts.events.record(&event);
    }
}
