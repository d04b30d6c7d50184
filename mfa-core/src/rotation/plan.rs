//! The keys of a rotation. All of them get the fresh data key before anything is sealed under it.

use std::net::IpAddr;

use super::stage::Position;
use super::{Credentials, RotationError, RotationStage};
use crate::api_key::{ApiKey, ApiKeyError, ApiSecret};
use crate::clock::UnixTime;
use crate::envelope::{DataKeyId, KeyEncryptionKey, Keyring};
use crate::event::{Action, Event};
use crate::store::retry::Attempts;
use crate::store::{
    ApiKeyRecord, ApiKeyState, Expect, Listing, Page, Record, RecordStore, Revision, RotationMark,
    StoreError, Stored,
};
use crate::{ConsumerId, Mfa};

/// An API key whose secret the caller presented.
pub(super) struct Presented {
    secret: ApiSecret,
    pub(super) record: ApiKeyRecord,
    revision: Revision,
    pub(super) keyring: Keyring,
}

/// A change that a rotation makes to an API key.
struct Change {
    consumer: ConsumerId,
    not_before: Option<UnixTime>,
    keyring: Keyring,
    mark: Option<RotationMark>,
}

impl Presented {
    fn open(stored: Stored<ApiKeyRecord>, secret: &ApiSecret) -> Result<Self, ApiKeyError> {
        let Stored { record, revision } = stored;
        let ApiKeyState::Active { keyring: Some(sealed), .. } = &record.state else {
            return Err(ApiKeyError::Unauthorized);
        };
        let kek = KeyEncryptionKey::new(secret, &record.key, &record.consumer);
        let keyring = kek.unwrap_keyring(sealed).map_err(ApiKeyError::Damaged)?;
        Ok(Self { secret: secret.copy(), record, revision, keyring })
    }

    pub(super) fn key_encryption_key(&self) -> KeyEncryptionKey {
        KeyEncryptionKey::new(&self.secret, &self.record.key, &self.record.consumer)
    }

    /// A change that leaves the key with its consumer.
    fn change(&self, keyring: Keyring, mark: Option<RotationMark>) -> Change {
        let ApiKeyRecord { consumer, not_before, .. } = &self.record;
        Change { consumer: consumer.clone(), not_before: *not_before, keyring, mark }
    }

    /// The later floor of two keys of one consumer: both open the same records.
    fn floor_with(&self, other: &Self) -> Option<UnixTime> {
        self.record.not_before.max(other.record.not_before)
    }

    /// Whether a rotation between the two keys is finished.
    pub(super) fn is_done_with(&self, old: &Self) -> bool {
        let Some(mark) = self.record.rotation.as_ref().filter(|mark| mark.stage == RotationStage::Done)
        else {
            return false;
        };
        let alone = |ring: &Keyring| ring.is_only(DataKeyId::from_stored(mark.data_key));
        self.record.consumer == old.record.consumer && alone(&self.keyring) && alone(&old.keyring)
    }

    /// Where the pass to this key continues.
    pub(super) fn position(&self) -> Position {
        match self.record.rotation.as_ref().map(|mark| &mark.stage) {
            Some(RotationStage::Pass(position)) => position.clone(),
            _ => Position::START,
        }
    }

    /// The mark, if it belongs to the rotation to that data key.
    fn mark_of(&self, goal: DataKeyId) -> Option<&RotationMark> {
        self.record.rotation.as_ref().filter(|mark| mark.data_key == goal.number())
    }
}

impl Mfa {
    /// Authenticates a key and opens its keyring.
    pub(super) async fn present(
        &self,
        source: IpAddr,
        (key, secret): Credentials<'_>,
    ) -> Result<Presented, ApiKeyError> {
        Presented::open(self.authenticate_key(source, key, secret).await?, secret)
    }

    /// Reads a key again after its secret was verified.
    pub(super) async fn present_again(
        &self,
        (key, secret): Credentials<'_>,
    ) -> Result<Presented, ApiKeyError> {
        let stored = self.parts.stores.api_keys.get(key).await?.ok_or(ApiKeyError::Unauthorized)?;
        if stored.record.is_expired(self.parts.clock.now()) {
            return Err(ApiKeyError::Unauthorized);
        }
        Presented::open(stored, secret)
    }

    async fn read_again(&self, presented: &mut Presented) -> Result<(), ApiKeyError> {
        *presented = self.present_again((&presented.record.key, &presented.secret)).await?;
        Ok(())
    }

    /// Writes a key's consumer, keyring and mark if the key is unchanged since it was read.
    async fn save_presented(&self, presented: &mut Presented, change: Change) -> Result<(), RotationError> {
        let Change { consumer, not_before, keyring, mark } = change;
        let kek = KeyEncryptionKey::new(&presented.secret, &presented.record.key, &consumer);
        let mut record = ApiKeyRecord { consumer, not_before, rotation: mark, ..presented.record.clone() };
        if let ApiKeyState::Active { keyring: stored, .. } = &mut record.state {
            *stored = Some(kek.wrap_keyring(&keyring, &*self.parts.random)?);
        }
        let saved = self.parts.stores.api_keys.save(&record, Expect::At(presented.revision)).await?;
        *presented = Presented { secret: presented.secret.copy(), record, revision: saved, keyring };
        Ok(())
    }

    /// Applies `change` to a key, and calls it again if somebody else wrote the key meanwhile, such as its
    /// last use. `None` makes no change.
    async fn change_key(
        &self,
        presented: &mut Presented,
        change: impl Fn(&Presented) -> Result<Option<Change>, RotationError> + Send + Sync,
    ) -> Result<(), RotationError> {
        let mut attempts = Attempts::default();
        loop {
            let Some(change) = change(presented)? else { return Ok(()) };
            let outcome = self.save_presented(presented, change).await;
            if !attempts.lost(&outcome) {
                return outcome;
            }
            self.read_again(presented).await.map_err(RotationError::New)?;
        }
    }

    /// Joins the two keys if necessary, brings a fresh data key into both keyrings and activates it. If a
    /// rotation to the new key has made one already, continues with that one.
    pub(super) async fn distribute(
        &self,
        old: &mut Presented,
        new: &mut Presented,
    ) -> Result<DataKeyId, RotationError> {
        let (mut goal, mut attempts) = (None, Attempts::default());
        loop {
            let outcome = self.distribute_once(old, new, &mut goal).await;
            if !attempts.lost(&outcome) {
                return outcome;
            }
            self.read_again(old).await.map_err(RotationError::Old)?;
            self.read_again(new).await.map_err(RotationError::New)?;
        }
    }

    async fn distribute_once(
        &self,
        old: &mut Presented,
        new: &mut Presented,
        begun: &mut Option<DataKeyId>,
    ) -> Result<DataKeyId, RotationError> {
        let consumer = old.record.consumer.clone();
        let pair = [old.record.key.clone(), new.record.key.clone()];
        self.refuse_third_keys(&consumer, &pair).await?;
        if new.record.consumer != consumer {
            self.refuse_key_in_use(&new.record).await?;
        }
        let goal = match (*begun, &new.record.rotation) {
            (Some(goal), _) if new.mark_of(goal).is_none() => return Err(RotationError::Interfered),
            (Some(goal), _) => goal,
            (None, Some(RotationMark { stage: RotationStage::Pass(_), data_key, .. }))
                if new.record.consumer == consumer =>
            {
                DataKeyId::from_stored(*data_key)
            }
            _ => self.begin(old, new).await?,
        };
        *begun = Some(goal);
        let started_at = self.parts.clock.now();
        let mark = RotationMark { started_at, data_key: goal.number(), stage: RotationStage::Source };
        let not_before = old.floor_with(new);
        match old.keyring.joined(&new.keyring) {
            None if old.mark_of(goal).is_some() && old.record.not_before == not_before => {}
            all => {
                let all = all.unwrap_or_else(|| old.keyring.copy());
                let change = Change { not_before, ..old.change(all, Some(mark)) };
                self.save_presented(old, change).await?;
            }
        }
        match new.keyring.joined(&old.keyring) {
            None if new.record.not_before == not_before => {}
            all => {
                let all = all.unwrap_or_else(|| new.keyring.copy());
                let change = Change { not_before, ..new.change(all, new.record.rotation.clone()) };
                self.save_presented(new, change).await?;
            }
        }
        // A key that joined meanwhile would lack the fresh data key, which seals records from here on.
        self.refuse_third_keys(&consumer, &pair).await?;
        self.activate_data_key(old, goal).await?;
        self.activate_data_key(new, goal).await?;
        Ok(goal)
    }

    /// Gives the new key a fresh data key in addition to the old key's.
    async fn begin(&self, old: &Presented, new: &mut Presented) -> Result<DataKeyId, RotationError> {
        let consumer = old.record.consumer.clone();
        let (own, before) = (new.record.consumer.clone(), new.keyring.copy());
        let joins = own != consumer;
        let base = if joins {
            old.keyring.copy()
        } else {
            new.keyring.joined(&old.keyring).unwrap_or(before.copy())
        };
        let (keyring, goal) = base.with_fresh(&*self.parts.random)?;
        let started_at = self.parts.clock.now();
        let stage = RotationStage::Pass(Position::START);
        let mark = RotationMark { started_at, data_key: goal.number(), stage };
        let change = Change { consumer, not_before: old.floor_with(new), keyring, mark: Some(mark) };
        self.save_presented(new, change).await?;
        if joins {
            // Records that its own consumer made while it joined would be unreachable.
            let pair = [old.record.key.clone(), new.record.key.clone()];
            if let Err(error) = self.refuse_consumer_in_use(&own, &pair).await {
                self.leave(new, &own, &before).await?;
                return Err(error);
            }
            let event = Event::of_key(started_at, Action::ApiKeyJoined, new.record.key.clone());
            self.parts.events.record(&event);
        }
        Ok(goal)
    }

    /// Undoes a join.
    async fn leave(
        &self,
        new: &mut Presented,
        own: &ConsumerId,
        keyring: &Keyring,
    ) -> Result<(), RotationError> {
        let undo =
            |new: &Presented| Ok(Some(Change { consumer: own.clone(), ..new.change(keyring.copy(), None) }));
        self.change_key(new, undo).await
    }

    pub(super) async fn activate_data_key(
        &self,
        presented: &mut Presented,
        id: DataKeyId,
    ) -> Result<(), RotationError> {
        if presented.keyring.newest_id() == id {
            return Ok(());
        }
        let change = presented.change(presented.keyring.activated(id), presented.record.rotation.clone());
        self.save_presented(presented, change).await
    }

    /// Begins a pass to the newest data key of a key without a running rotation.
    pub(super) async fn begin_upgrade(&self, key: &mut Presented) -> Result<DataKeyId, RotationError> {
        let started_at = self.parts.clock.now();
        self.change_key(key, |key| {
            let stage = RotationStage::Pass(Position::START);
            let mark = RotationMark { started_at, data_key: key.keyring.newest_id().number(), stage };
            Ok(Some(key.change(key.keyring.copy(), Some(mark))))
        })
        .await?;
        Ok(key.keyring.newest_id())
    }

    /// Records the progress of a rotation on its new key.
    pub(super) async fn note_position(
        &self,
        presented: &mut Presented,
        goal: DataKeyId,
        position: Position,
    ) -> Result<(), RotationError> {
        self.write_mark(presented, goal, Some(RotationStage::Pass(position)), Keyring::copy).await
    }

    /// Drops all data keys but `goal`, when no record is left under them. Marks the new key as done, and
    /// removes the old key's mark.
    pub(super) async fn drop_older(
        &self,
        presented: &mut Presented,
        goal: DataKeyId,
        stage: Option<RotationStage>,
    ) -> Result<(), RotationError> {
        self.write_mark(presented, goal, stage, |keyring| keyring.only(goal)).await
    }

    /// Changes a key that carries the mark of the rotation to `goal`. Changes nothing if another rotation has
    /// marked the key since, because that one seals under another data key. A finished rotation stays
    /// finished.
    async fn write_mark(
        &self,
        presented: &mut Presented,
        goal: DataKeyId,
        stage: Option<RotationStage>,
        change: impl Fn(&Keyring) -> Keyring + Send + Sync,
    ) -> Result<(), RotationError> {
        self.change_key(presented, |presented| {
            let mark = presented.record.rotation.as_ref();
            let is_over = mark.is_none_or(|mark| mark.stage == RotationStage::Done);
            if is_over && presented.keyring.is_only(goal) {
                return Ok(None);
            }
            let mark = presented.mark_of(goal).ok_or(RotationError::Interfered)?;
            let mark = stage.clone().map(|stage| RotationMark { stage, ..mark.clone() });
            Ok(Some(presented.change(change(&presented.keyring), mark)))
        })
        .await
    }

    /// Refuses if the consumer has a third key, which could not open re-encrypted records. A key in an unknown
    /// state may be used again.
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
            let third = records.find(|record| record.may_open(now) && !known.contains(&record.key));
            if let Some(third) = third {
                return Err(RotationError::ThirdKey(third.key.abbreviated().to_owned()));
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Refuses a key that belongs to another consumer, or whose own consumer has records: they could no
    /// longer be opened.
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
        if has_records(&*stores.totp, own).await? || has_records(&*stores.users, own).await? {
            return Err(RotationError::NewKeyInUse);
        }
        Ok(())
    }
}

/// Whether a consumer has any record of a kind, readable or not.
async fn has_records<R: Record>(store: &dyn RecordStore<R>, own: &ConsumerId) -> Result<bool, StoreError> {
    let mut after = None;
    loop {
        let page = store.page_by_consumer(own, after.as_ref(), 10, Listing::Exact).await?;
        if !page.items.is_empty() || !page.damaged.is_empty() {
            return Ok(true);
        }
        after = page.next;
        if after.is_none() {
            return Ok(false);
        }
    }
}
