//! Who takes part, and that all of them hold the fresh data key before anything is sealed under it.

use super::{Credentials, RotationError};
use crate::api_key::{ApiKey, ApiKeyError, ApiSecret};
use crate::envelope::{DataKeyId, KeyEncryptionKey, Keyring};
use crate::event::{Action, Event};
use crate::store::{
    ApiKeyRecord, ApiKeyState, Expect, Listing, Page, Revision, RotationMark, StoreError, Stored,
};
use crate::{ConsumerId, Mfa};

/// Attempts against others who change the same keys.
const ATTEMPTS: u32 = 32;

/// An API key whose secret is at hand.
pub(super) struct Presented {
    secret: ApiSecret,
    pub(super) record: ApiKeyRecord,
    revision: Revision,
    pub(super) keyring: Keyring,
}

impl Presented {
    pub(super) fn key_encryption_key(&self) -> KeyEncryptionKey {
        KeyEncryptionKey::new(&self.secret, &self.record.key, &self.record.consumer)
    }

    /// Whether the two keys have been through a rotation together, and nothing is left to do.
    pub(super) fn is_done_with(&self, old: &Self) -> bool {
        let Some(goal) = self.goal() else { return false };
        let done = self.record.rotation.as_ref().is_some_and(RotationMark::is_done);
        let alone = |ring: &Keyring| ring.has(goal) && ring.only(goal).is_none();
        done && self.record.consumer == old.record.consumer && alone(&self.keyring) && alone(&old.keyring)
    }

    /// The data key that this key's rotation goes to.
    fn goal(&self) -> Option<DataKeyId> {
        let mark = self.record.rotation.as_ref()?;
        Some(DataKeyId::from_stored(mark.data_key)).filter(|id| self.keyring.has(*id))
    }
}

impl Mfa {
    /// Reads a key and opens its keyring.
    pub(super) async fn present(&self, (key, secret): Credentials<'_>) -> Result<Presented, ApiKeyError> {
        let stored = self.parts.stores.api_keys.get(key).await?.ok_or(ApiKeyError::Unauthorized)?;
        let Stored { record, revision } = stored;
        let ApiKeyState::Active { keyring: Some(sealed), .. } = &record.state else {
            return Err(ApiKeyError::Unauthorized);
        };
        if record.is_expired(self.parts.clock.now()) {
            return Err(ApiKeyError::Unauthorized);
        }
        let kek = KeyEncryptionKey::new(secret, key, &record.consumer);
        let keyring = kek.unwrap_keyring(sealed).map_err(ApiKeyError::Damaged)?;
        Ok(Presented { secret: secret.copy(), record, revision, keyring })
    }

    async fn present_again(&self, presented: &mut Presented) -> Result<(), ApiKeyError> {
        let key = presented.record.key.clone();
        *presented = self.present((&key, &presented.secret.copy())).await?;
        Ok(())
    }

    /// Writes a key's consumer, keyring and mark, if nobody wrote it since.
    async fn save_presented(
        &self,
        presented: &mut Presented,
        consumer: &ConsumerId,
        keyring: Keyring,
        rotation: Option<RotationMark>,
    ) -> Result<(), RotationError> {
        let kek = KeyEncryptionKey::new(&presented.secret, &presented.record.key, consumer);
        let mut record = ApiKeyRecord { consumer: consumer.clone(), rotation, ..presented.record.clone() };
        if let ApiKeyState::Active { keyring: stored, .. } = &mut record.state {
            *stored = Some(kek.wrap_keyring(&keyring, &*self.parts.random)?);
        }
        let saved = self.parts.stores.api_keys.save(&record, Expect::At(presented.revision)).await?;
        *presented = Presented { secret: presented.secret.copy(), record, revision: saved, keyring };
        Ok(())
    }

    /// Joins the two keys, if they are not, and brings a fresh data key into both keyrings and into use.
    pub(super) async fn distribute(
        &self,
        old: &mut Presented,
        new: &mut Presented,
    ) -> Result<DataKeyId, RotationError> {
        for _ in 0..ATTEMPTS {
            match self.distribute_once(old, new).await {
                Err(RotationError::Store(StoreError::Conflict)) => {
                    self.present_again(old).await.map_err(RotationError::Old)?;
                    self.present_again(new).await.map_err(RotationError::New)?;
                }
                outcome => return outcome,
            }
        }
        Err(StoreError::Conflict.into())
    }

    async fn distribute_once(
        &self,
        old: &mut Presented,
        new: &mut Presented,
    ) -> Result<DataKeyId, RotationError> {
        let consumer = old.record.consumer.clone();
        let pair = [old.record.key.clone(), new.record.key.clone()];
        self.refuse_third_keys(&consumer, &pair).await?;
        let joins = new.record.consumer != consumer;
        if joins {
            self.refuse_key_in_use(&new.record).await?;
        }
        let under_way = new.record.rotation.as_ref().is_some_and(|mark| !mark.is_done());
        let goal = match new.goal() {
            Some(goal) if under_way && !joins => goal,
            _ => {
                let base = if joins { None } else { new.keyring.joined(&old.keyring) };
                let base = base.as_ref().unwrap_or(if joins { &old.keyring } else { &new.keyring });
                let (keyring, goal) = base.with_fresh(&*self.parts.random)?;
                let started_at = self.parts.clock.now();
                let mark = RotationMark { started_at, data_key: goal.number(), cursor: None };
                let (own, before) = (new.record.consumer.clone(), new.keyring.copy());
                self.save_presented(new, &consumer, keyring, Some(mark)).await?;
                if joins {
                    // What its own consumer made while it joined would be out of reach.
                    if let Err(error) = self.refuse_consumer_in_use(&own, &pair).await {
                        self.save_presented(new, &own, before, None).await?;
                        return Err(error);
                    }
                    let event = Event::of_key(started_at, Action::ApiKeyJoined, new.record.key.clone());
                    self.parts.events.record(&event);
                }
                goal
            }
        };
        if let Some(all) = new.keyring.joined(&old.keyring) {
            let mark = new.record.rotation.clone();
            self.save_presented(new, &consumer, all, mark).await?;
        }
        if let Some(all) = old.keyring.joined(&new.keyring) {
            let mark = old.record.rotation.clone();
            self.save_presented(old, &consumer, all, mark).await?;
        }
        // Whoever joined meanwhile would not have the fresh key. From here on records go under it.
        self.refuse_third_keys(&consumer, &pair).await?;
        self.activate_data_key(old, goal).await?;
        self.activate_data_key(new, goal).await?;
        Ok(goal)
    }

    pub(super) async fn activate_data_key(
        &self,
        presented: &mut Presented,
        id: DataKeyId,
    ) -> Result<(), RotationError> {
        if presented.keyring.newest_id() == id {
            return Ok(());
        }
        let (consumer, mark) = (presented.record.consumer.clone(), presented.record.rotation.clone());
        self.save_presented(presented, &consumer, presented.keyring.activated(id), mark).await
    }

    /// Notes how far a rotation is, on the key it goes to.
    pub(super) async fn note_progress(
        &self,
        presented: &mut Presented,
        mark: Option<&RotationMark>,
    ) -> Result<(), RotationError> {
        self.write_mark(presented, mark, |keyring| Ok(keyring.copy())).await
    }

    /// Leaves the data key `goal` alone in a keyring: of those in `known`, which is what the pass over the records
    /// was about. One that came since is another rotation's, and records may be under it.
    pub(super) async fn drop_older(
        &self,
        presented: &mut Presented,
        mark: Option<&RotationMark>,
        goal: DataKeyId,
        known: &[DataKeyId],
    ) -> Result<(), RotationError> {
        self.write_mark(presented, mark, |keyring| {
            let unknown = keyring.ids().iter().any(|id| !known.contains(id));
            if unknown || keyring.newest_id() != goal {
                return Err(RotationError::Interfered);
            }
            Ok(keyring.only(goal).unwrap_or_else(|| keyring.copy()))
        })
        .await
    }

    async fn write_mark(
        &self,
        presented: &mut Presented,
        mark: Option<&RotationMark>,
        change: impl Fn(&Keyring) -> Result<Keyring, RotationError> + Send + Sync,
    ) -> Result<(), RotationError> {
        let goal = |presented: &Presented| presented.record.rotation.as_ref().map(|mark| mark.data_key);
        let before = goal(presented);
        for _ in 0..ATTEMPTS {
            let (consumer, keyring) = (presented.record.consumer.clone(), change(&presented.keyring)?);
            match self.save_presented(presented, &consumer, keyring, mark.cloned()).await {
                Err(RotationError::Store(StoreError::Conflict)) => {
                    self.present_again(presented).await.map_err(RotationError::New)?;
                    if goal(presented) != before {
                        return Err(RotationError::Interfered);
                    }
                }
                outcome => return outcome,
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Refuses if the consumer has an active key beside these: it could not open what is re-encrypted.
    pub(super) async fn refuse_third_keys(
        &self,
        consumer: &ConsumerId,
        known: &[ApiKey],
    ) -> Result<(), RotationError> {
        let (now, mut after) = (self.parts.clock.now(), None);
        loop {
            let limit = Page::<ApiKeyRecord>::LIMIT;
            let page = self.parts.stores.api_keys.page_by_consumer(consumer, after.as_ref(), limit).await?;
            let mut records = page.items.iter().map(|stored| &stored.record);
            let third = records.find(|record| record.is_usable(now) && !known.contains(&record.key));
            if let Some(third) = third {
                return Err(RotationError::ThirdKey(third.key.abbreviated().to_owned()));
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Refuses a key that is another consumer's, or whose own consumer has anything: it could not be opened any more.
    async fn refuse_key_in_use(&self, new: &ApiKeyRecord) -> Result<(), RotationError> {
        let own = ConsumerId::of_first_key(&new.key);
        if new.consumer != own {
            return Err(RotationError::NewKeyInUse);
        }
        self.refuse_consumer_in_use(&own, std::slice::from_ref(&new.key)).await
    }

    /// Refuses a consumer that has another key, or records.
    async fn refuse_consumer_in_use(&self, own: &ConsumerId, known: &[ApiKey]) -> Result<(), RotationError> {
        self.refuse_third_keys(own, known).await.map_err(|error| match error {
            RotationError::ThirdKey(_) => RotationError::NewKeyInUse,
            other => other,
        })?;
        let stores = &self.parts.stores;
        let mut after = None;
        loop {
            let page = stores.totp.page_by_consumer(own, after.as_ref(), 10, Listing::Exact).await?;
            if !page.items.is_empty() || !page.damaged.is_empty() {
                return Err(RotationError::NewKeyInUse);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        loop {
            let page = stores.users.page_by_consumer(own, after.as_ref(), 10, Listing::Exact).await?;
            if !page.items.is_empty() || !page.damaged.is_empty() {
                return Err(RotationError::NewKeyInUse);
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}
